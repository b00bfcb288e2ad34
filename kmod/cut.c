// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * From a batch to packets; see cut.h.
 */
#include <linux/mm.h>
#include <linux/percpu.h>

#include "compat.h"
#include "cut.h"
#include "out.h"
#include "pages.h"

#define HEADROOM_MAX 1024	/* bytes before the data; with more, a page holds few headers */

static DEFINE_PER_CPU(struct heads {
	spinlock_t lock;	/* mostly nobody else comes here; see also owed.c */
	u32 current_page;
	u32 used;		/* bytes of it */
	struct page *page[HOMA_HEAD_PAGES];
}, heads);

static bool next_page(struct heads *h)
{
	u32 i = (h->current_page + 1) % HOMA_HEAD_PAGES;
	struct page *page = h->page[i];

	if (page && page_count(page) == 1) {
		h->current_page = i;
		h->used = 0;
		return true;
	}
	if (page)
		put_page(page);
	page = alloc_pages(GFP_ATOMIC | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY, HOMA_PAGE_ORDER);
	h->page[i] = page;
	h->current_page = i;
	h->used = 0;
	return page;
}

/* Memory for a header, with a reference on its page. */
static void *get_head(struct heads *h, u32 size)
{
	void *head;

	if ((!h->page[h->current_page] || h->used + size > PAGE_SIZE << HOMA_PAGE_ORDER) &&
	    !next_page(h))
		return netdev_alloc_frag(size);
	get_page(h->page[h->current_page]);
	head = page_address(h->page[h->current_page]) + h->used;
	h->used += size;
	return head;
}

bool homa_cut_fits(struct sk_buff *skb, netdev_features_t features)
{
	return skb_shinfo(skb)->gso_type == SKB_GSO_FRAGLIST && features & NETIF_F_SG &&
	       !skb_headlen(skb) && !skb_has_frag_list(skb) && !skb_zcopy(skb) &&
	       (!skb->destructor || homa_out_owned(skb)) && !skb->encapsulation &&
	       skb_headroom(skb) <= HEADROOM_MAX;
}

/* A packet with a batch's headers and no data yet. */
static struct sk_buff *copy_headers(struct heads *h, const struct sk_buff *batch, u32 headroom,
				    u32 headers)
{
	u32 size = SKB_DATA_ALIGN(headroom + headers) +
		   SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	void *head = get_head(h, size);
	struct sk_buff *skb;

	if (!head)
		return NULL;
	skb = napi_build_skb(head, size);
	if (!skb) {
		skb_free_frag(head);
		return NULL;
	}
	skb_reserve(skb, headroom);
	skb_put_data(skb, skb_mac_header(batch), headers);
	skb_copy_header(skb, batch);
	skb_gso_reset(skb);
	return skb;
}

struct sk_buff *homa_cut(const struct sk_buff *batch)
{
	u32 headers = batch->data - skb_mac_header(batch), headroom = skb_headroom(batch) - headers;
	u32 left = batch->len, at = 0, size, length, part, i;
	struct sk_buff *skb, *first = NULL, **tail = &first;
	const skb_frag_t *frag = skb_shinfo(batch)->frags;
	struct heads *h = raw_cpu_ptr(&heads);

	spin_lock_bh(&h->lock);
	for (; left; left -= size) {
		skb = copy_headers(h, batch, headroom, headers);
		if (!skb)
			break;
		*tail = skb;
		tail = &skb->next;
		size = min_t(u32, left, skb_shinfo(batch)->gso_size);
		for (i = 0, length = size; length; i++, length -= part) {
			part = min(length, skb_frag_size(frag) - at);
			get_page(skb_frag_page(frag));
			skb_fill_page_desc(skb, i, skb_frag_page(frag), skb_frag_off(frag) + at,
					   part);
			at += part;
			if (at == skb_frag_size(frag)) {
				at = 0;
				frag++;
			}
		}
		skb->len += size;
		skb->data_len = size;
		skb->truesize += size;
	}
	spin_unlock_bh(&h->lock);
	if (left) {
		kfree_skb_list(first);
		return ERR_PTR(-ENOMEM);
	}
	first->prev = skb;
	return first;
}

void homa_cut_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu(heads.lock, cpu));
}

void homa_cut_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct heads *h = &per_cpu(heads, cpu);

		for (i = 0; i < HOMA_HEAD_PAGES; i++) {
			if (h->page[i])
				put_page(h->page[i]);
			h->page[i] = NULL;
		}
	}
}
