// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The bytes of messages being sent; see bytes.h.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "rpcs.h"
#include "sock.h"

#define SHARED_MESSAGE 2048	/* bytes; up to here in the task's page fragment */
#define BETWEEN_PAUSES 4096	/* bytes copied in one go */
#define LARGE_MESSAGE 20000	/* bytes; from here in large pages, as long as there are such */

/* Memory. */

static void free_pieces(struct homa_krpc *rpc)
{
	struct homa_bytes *bytes = &rpc->bytes;
	u32 max_kb = READ_ONCE(rpc->hnet->shell.skb_page_pool_min_kb), i;

	for (i = 0; i < bytes->pieces; i++) {
		struct page *page = bytes->piece[i].bv_page;

		if (bytes->shared)
			put_page(page);
		else
			homa_pages_put(&rpc->hnet->pages, page, PageCompound(page), max_kb);
	}
	if (bytes->piece != &bytes->first)
		kvfree(bytes->piece);
	bytes->piece = NULL;
	bytes->pieces = 0;
}

void homa_bytes_free(struct homa_krpc *rpc)
{
	struct homa_bytes *bytes = &rpc->bytes;
	struct sock *sk = homa_sock_sk(rpc->hsk);

	if (!bytes->piece)
		return;
	free_pieces(rpc);
	WARN_ON_ONCE(refcount_sub_and_test(bytes->charged, &sk->sk_wmem_alloc));
	bytes->charged = 0;
	sk->sk_write_space(sk);
}

static bool get_pieces(struct homa_krpc *rpc, u32 length, u32 shift)
{
	struct homa_bytes *bytes = &rpc->bytes;
	u32 count = (length + (1 << shift) - 1) >> shift, left = length;

	bytes->shift = shift;
	bytes->pieces = 0;
	bytes->shared = false;
	bytes->piece = &bytes->first;
	if (count > 1) {
		bytes->piece = kvmalloc_array(count, sizeof(*bytes->piece), GFP_KERNEL_ACCOUNT);
		if (!bytes->piece)
			return false;
	}
	while (bytes->pieces < count) {
		u32 size = min_t(u32, left, 1 << shift);
		struct bio_vec *piece = &bytes->piece[bytes->pieces];

		piece->bv_page = homa_pages_get(&rpc->hnet->pages, size > PAGE_SIZE);
		if (!piece->bv_page) {
			free_pieces(rpc);
			return false;
		}
		piece->bv_offset = 0;
		piece->bv_len = size;
		left -= size;
		bytes->pieces++;
	}
	return true;
}

/* Copying in. */

static int copy_small(struct homa_krpc *rpc, struct iov_iter *from, u32 length)
{
	struct homa_bytes *bytes = &rpc->bytes;

	if (!copy_from_iter_full(rpc->small, length, from))
		return -EFAULT;
	bytes->piece = &bytes->first;
	bytes->pieces = 0;
	return 0;
}

static int copy_shared(struct homa_krpc *rpc, struct iov_iter *from, u32 length)
{
	struct page_frag *frag = &current->task_frag;
	struct homa_bytes *bytes = &rpc->bytes;

	if (!skb_page_frag_refill(length, frag, GFP_KERNEL_ACCOUNT) ||
	    frag->size - frag->offset < length)
		return -ENOMEM;
	if (!copy_from_iter_full(page_address(frag->page) + frag->offset, length, from))
		return -EFAULT;
	get_page(frag->page);
	bytes->piece = &bytes->first;
	bytes->pieces = 1;
	bytes->shared = true;
	bytes->shift = 31;
	bytes->first.bv_page = frag->page;
	bytes->first.bv_offset = frag->offset;
	bytes->first.bv_len = length;
	frag->offset = ALIGN(frag->offset + length, 8);
	return 0;
}

/* A run of memory at a position; positions count segment headers, too. */
static u8 *run_at(const struct homa_bytes *bytes, u32 position, u32 *length)
{
	const struct bio_vec *piece = &bytes->piece[position >> bytes->shift];
	u32 at = position & ((1u << bytes->shift) - 1);

	*length = min(*length, piece->bv_len - at);
	return page_address(piece->bv_page) + piece->bv_offset + at;
}

static u32 write_header(const struct homa_bytes *bytes, u32 position, u32 offset)
{
	u32 done = 0, part;
	u8 header[HOMA_SEG_HEADER], *to;

	homa_wire_segment_header(header, offset);
	while (done < sizeof(header)) {
		part = sizeof(header) - done;
		to = run_at(bytes, position + done, &part);
		memcpy(to, header + done, part);
		done += part;
	}
	return position + done;
}

static int copy_long(struct homa_krpc *rpc, struct iov_iter *from, u32 length, u32 packet)
{
	struct homa_bytes *bytes = &rpc->bytes;
	u32 total = length + (packet ? DIV_ROUND_UP(length, packet) * HOMA_SEG_HEADER : 0);
	u32 position = 0, offset = 0, end, part;
	u8 *to;

	if (!(total > LARGE_MESSAGE && get_pieces(rpc, total, PAGE_SHIFT + HOMA_PAGE_ORDER)) &&
	    !get_pieces(rpc, total, PAGE_SHIFT))
		return -ENOMEM;
	bytes->packet = packet;
	while (offset < length) {
		if (packet)
			position = write_header(bytes, position, offset);
		end = min(length, offset + (packet ?: BETWEEN_PAUSES));
		for (; offset < end; offset += part) {
			part = end - offset;
			to = run_at(bytes, position, &part);
			/* Without the checks of objects' bounds: these are pages. */
			if (_copy_from_iter(to, part, from) != part) {
				free_pieces(rpc);
				return -EFAULT;
			}
			position += part;
		}
		if (need_resched())
			cond_resched();
	}
	return 0;
}

int homa_bytes_copy(struct homa_krpc *rpc, struct iov_iter *from, u32 length, u32 packet)
{
	struct homa_bytes *bytes = &rpc->bytes;
	int err;

	/* Of an attempt that failed. */
	homa_bytes_free(rpc);
	bytes->packet = 0;
	if (length <= HOMA_SMALL_MESSAGE)
		err = copy_small(rpc, from, length);
	else if (length <= min_t(u32, packet, SHARED_MESSAGE))
		err = copy_shared(rpc, from, length);
	else
		err = copy_long(rpc, from, length,
				READ_ONCE(rpc->hnet->shell.hijack_tcp) ? 0 : packet);
	if (err)
		return err;
	bytes->charged = length + sizeof(*rpc);
	refcount_add(bytes->charged, &homa_sock_sk(rpc->hsk)->sk_wmem_alloc);
	return 0;
}

/* Into packets. */

static void refer(const struct homa_bytes *bytes, u32 position, u32 length, struct sk_buff *skb)
{
	u32 i = skb_shinfo(skb)->nr_frags, part;

	skb->len += length;
	skb->data_len += length;
	skb->truesize += length;
	for (; length; length -= part, position += part) {
		const struct bio_vec *piece = &bytes->piece[position >> bytes->shift];
		u32 at = position & ((1u << bytes->shift) - 1);

		part = min(length, piece->bv_len - at);
		get_page(piece->bv_page);
		skb_fill_page_desc(skb, i++, piece->bv_page, piece->bv_offset + at, part);
	}
}

void homa_bytes_put(const struct homa_krpc *rpc, u32 offset, u32 length, struct sk_buff *skb)
{
	const struct homa_bytes *bytes = &rpc->bytes;
	u32 segment, part;

	if (!bytes->pieces) {
		skb_put_data(skb, rpc->small + offset, length);
		return;
	}
	if (!bytes->packet) {
		refer(bytes, offset, length, skb);
		return;
	}
	/* What is sent again may begin anywhere. */
	for (; length; length -= part, offset += part) {
		segment = offset / bytes->packet;
		part = min(length, (segment + 1) * bytes->packet - offset);
		refer(bytes, offset + (segment + 1) * HOMA_SEG_HEADER, part, skb);
	}
}

void homa_bytes_put_batch(const struct homa_krpc *rpc, u32 offset, u32 length, struct sk_buff *skb)
{
	const struct homa_bytes *bytes = &rpc->bytes;
	u32 segment = offset / bytes->packet;

	refer(bytes, offset + segment * HOMA_SEG_HEADER,
	      length + DIV_ROUND_UP(length, bytes->packet) * HOMA_SEG_HEADER, skb);
}
