// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * From the core's decisions to packets; see out.h.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>

#include "hijack.h"
#include "offload.h"
#include "out.h"
#include "sock.h"
#include "trace.h"

#define SHORT_MESSAGE 2048	/* bytes; taken from the task's page fragment */
#define LONGEST_BATCH 56000	/* bytes of data; with headers it must be an IP packet */
#define LARGE_MESSAGE 20000	/* bytes; in large pages, as long as there are such */

/* Memory of messages. */

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

void homa_out_free(struct homa_krpc *rpc)
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
		bytes->piece = kvmalloc_array(count, sizeof(*bytes->piece), GFP_KERNEL);
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

static int copy_small(struct homa_krpc *rpc, struct iov_iter *from, u32 length)
{
	struct homa_bytes *bytes = &rpc->bytes;

	if (!copy_from_iter_full(rpc->small, length, from))
		return -EFAULT;
	bytes->piece = &bytes->first;
	bytes->pieces = 0;
	bytes->shift = 31;
	return 0;
}

static int copy_short(struct homa_bytes *bytes, struct iov_iter *from, u32 length)
{
	struct page_frag *frag = &current->task_frag;

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

static int copy_long(struct homa_krpc *rpc, struct iov_iter *from, u32 length)
{
	struct homa_bytes *bytes = &rpc->bytes;
	bool large = length > LARGE_MESSAGE;
	u32 i;

	if (!(large && get_pieces(rpc, length, PAGE_SHIFT + HOMA_PAGE_ORDER)) &&
	    !get_pieces(rpc, length, PAGE_SHIFT))
		return -ENOMEM;
	for (i = 0; i < bytes->pieces; i++) {
		struct bio_vec *piece = &bytes->piece[i];

		if (!copy_from_iter_full(page_address(piece->bv_page), piece->bv_len, from)) {
			free_pieces(rpc);
			return -EFAULT;
		}
		cond_resched();
	}
	return 0;
}

int homa_out_copy(struct homa_krpc *rpc, struct iov_iter *from, u32 length)
{
	struct homa_bytes *bytes = &rpc->bytes;
	int err;

	/* Of an attempt that failed. */
	homa_out_free(rpc);
	if (length <= HOMA_SMALL_MESSAGE)
		err = copy_small(rpc, from, length);
	else if (length <= SHORT_MESSAGE)
		err = copy_short(bytes, from, length);
	else
		err = copy_long(rpc, from, length);
	if (err)
		return err;
	bytes->charged = length + sizeof(*rpc);
	refcount_add(bytes->charged, &homa_sock_sk(rpc->hsk)->sk_wmem_alloc);
	return 0;
}

static void copy_bytes(const struct homa_krpc *rpc, u32 offset, u32 length, u8 *to)
{
	const struct homa_bytes *bytes = &rpc->bytes;

	if (!bytes->pieces) {
		memcpy(to, rpc->small + offset, length);
		return;
	}
	while (length) {
		const struct bio_vec *piece = &bytes->piece[offset >> bytes->shift];
		u32 at = offset & ((1u << bytes->shift) - 1);
		u32 part = min(length, piece->bv_len - at);

		memcpy(to, page_address(piece->bv_page) + piece->bv_offset + at, part);
		to += part;
		offset += part;
		length -= part;
	}
}

static void add_frags(const struct homa_bytes *bytes, u32 offset, u32 length, struct sk_buff *skb)
{
	u32 truesize = SKB_TRUESIZE(length), i = skb_shinfo(skb)->nr_frags;

	skb->data_len += length;
	skb->len += length;
	skb->truesize += truesize;
	while (length) {
		const struct bio_vec *piece = &bytes->piece[offset >> bytes->shift];
		u32 at = offset & ((1u << bytes->shift) - 1);
		u32 part = min(length, piece->bv_len - at);

		get_page(piece->bv_page);
		skb_fill_page_desc(skb, i++, piece->bv_page, piece->bv_offset + at, part);
		offset += part;
		length -= part;
	}
}

/* Packets. */

struct way {
	struct homa_net *hnet;
	struct homa_kpeer *peer;
	struct sock *sk;
	struct dst_entry *dst;
	const struct in6_addr *from;
	u8 priority;
	bool disguised;		/* as TCP */
	bool single;		/* no batches */
};

static bool find_way(struct way *way, struct homa_net *hnet, struct homa_kpeer *peer,
		     const struct in6_addr *from, struct sock *sk, u8 priority)
{
	way->dst = homa_peer_route(peer);
	if (!way->dst)
		return false;
	way->hnet = hnet;
	way->peer = peer;
	way->from = from && !ipv6_addr_any(from) ? from : &peer->local;
	way->sk = sk ? sk : hnet->ctl_sk[!peer->ipv4];
	way->priority = priority;
	way->disguised = READ_ONCE(hnet->shell.hijack_tcp);
	way->single = READ_ONCE(hnet->shell.gso_force_software);
	return true;
}

static struct sk_buff *new_skb(const struct way *way, u32 linear)
{
	u32 headroom = LL_RESERVED_SPACE(way->dst->dev) + homa_ip_header(way->peer->ipv4);
	u32 size = SKB_DATA_ALIGN(headroom + linear) +
		   SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	void *head = netdev_alloc_frag(size);
	struct sk_buff *skb;

	if (!head)
		return NULL;
	skb = build_skb(head, size);
	if (!skb) {
		skb_free_frag(head);
		return NULL;
	}
	homa_count(way->hnet, skb_allocs);
	skb_reserve(skb, headroom);
	skb_reset_transport_header(skb);
	return skb;
}

/* Longer than the route's links carry: it was made before the route changed. */
static bool too_long(const struct way *way, const struct sk_buff *skb)
{
	return skb->len > dst_mtu(way->dst) && !skb_is_gso(skb);
}

static void push_ipv4(const struct way *way, struct sk_buff *skb)
{
	bool cut = too_long(way, skb);
	struct iphdr *ip = skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = way->priority << 5;
	ip->tot_len = htons(skb->len);
	ip->id = 0;
	ip->frag_off = cut ? 0 : htons(IP_DF);
	ip->ttl = ip4_dst_hoplimit(way->dst);
	ip->protocol = IPPROTO_HOMA;
	ip->check = 0;
	ip->saddr = way->from->s6_addr32[3];
	ip->daddr = way->peer->addr.s6_addr32[3];
	if (cut)
		__ip_select_ident(way->hnet->net, ip, 1);
}

static void push_ipv6(const struct way *way, struct sk_buff *skb)
{
	struct ipv6hdr *ip = skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	ip6_flow_hdr(ip, way->priority << 5, 0);
	ip->payload_len = htons(skb->len - sizeof(*ip));
	ip->nexthdr = IPPROTO_HOMA;
	ip->hop_limit = ip6_dst_hoplimit(way->dst);
	ip->saddr = *way->from;
	ip->daddr = way->peer->addr;
}

static void push_ip(const struct way *way, struct sk_buff *skb)
{
	skb->ignore_df = 1;
	if (way->peer->ipv4) {
		skb->protocol = htons(ETH_P_IP);
		push_ipv4(way, skb);
	} else {
		skb->protocol = htons(ETH_P_IPV6);
		push_ipv6(way, skb);
	}
}

/* Return: 0 or a negative errno. */
static int transmit(const struct way *way, struct sk_buff *skb)
{
	/* Of the fragments, only the first would be recognised. */
	bool disguise = way->disguised && !too_long(way, skb);
	int err;

	push_ip(way, skb);
	if (disguise)
		homa_hijack_disguise(skb, way->peer->ipv4);
	skb_dst_set_noref(skb, way->dst);
	if (way->peer->ipv4)
		err = ip_local_out(way->hnet->net, way->sk, skb);
	else
		err = ip6_local_out(way->hnet->net, way->sk, skb);
	return net_xmit_eval(err);
}

static void charge(const struct homa_cx *cx, struct homa_net *hnet, u32 bytes)
{
	spin_lock(&hnet->txq_lock);
	homa_txq_charge(cx, &hnet->txq, max_t(u32, bytes, HOMA_MIN_DATAGRAM) + HOMA_FRAMING);
	spin_unlock(&hnet->txq_lock);
}

void homa_out_control(const struct homa_cx *cx, struct homa_net *hnet, struct homa_kpeer *peer, const struct in6_addr *from,
		      const struct homa_packet *pkt)
{
	u8 priority = homa_params_priority(&hnet->params, HOMA_PRIORITIES - 1);
	struct sk_buff *skb;
	struct way way homa_uninit;

	charge(cx, hnet, homa_ip_header(peer->ipv4) + homa_wire_header_length(pkt->type));
	rcu_read_lock();
	if (!find_way(&way, hnet, peer, from, NULL, priority))
		goto fail;
	skb = new_skb(&way, HOMA_MAX_HEADER);
	if (!skb)
		goto fail;
	skb_put(skb, homa_wire_encode(skb->data, pkt));
	trace_homa_control_out(peer, pkt, pkt->sender_id);
	this_cpu_inc(hnet->counters->core.packets_sent[pkt->type - HOMA_DATA]);
	if (transmit(&way, skb))
		goto fail;
	rcu_read_unlock();
	return;

fail:
	rcu_read_unlock();
	homa_count(hnet, control_xmit_errors);
}

void homa_out_control_rpc(const struct homa_cx *cx, struct homa_krpc *rpc, struct homa_packet *pkt)
{
	pkt->sport = rpc->local_port;
	pkt->dport = rpc->remote_port;
	pkt->sender_id = rpc->id;
	homa_out_control(cx, rpc->hnet, rpc->peer, &rpc->local, pkt);
}

static struct sk_buff *data_packet(const struct way *way, const struct homa_krpc *rpc,
				   const struct homa_packet *pkt)
{
	u32 offset = pkt->data.offset, length = pkt->data.length;
	bool copied = length <= HOMA_SMALL_MESSAGE;
	struct sk_buff *skb = new_skb(way, HOMA_DATA_HEADER + (copied ? length : 0));

	if (!skb)
		return NULL;
	homa_wire_encode(skb_put(skb, HOMA_DATA_HEADER), pkt);
	if (copied)
		copy_bytes(rpc, offset, length, skb_put(skb, length));
	else
		add_frags(&rpc->bytes, offset, length, skb);
	return skb;
}

/* Several packets as one that is cut as if it were TCP, with segment headers between the data. */
static struct sk_buff *interleaved_batch(const struct way *way, const struct homa_krpc *rpc,
					 struct homa_packet *pkt, u32 full)
{
	u32 offset = pkt->data.offset, end = offset + pkt->data.length;
	u32 left = DIV_ROUND_UP(pkt->data.length, full), i;
	u32 room = 3 + (full >> rpc->bytes.shift);	/* a header, and data in so many pieces */
	struct sk_buff *skb = new_skb(way, HOMA_DATA_HEADER);
	u8 *header = netdev_alloc_frag(left * HOMA_SEG_HEADER);
	struct page *page = header ? virt_to_head_page(header) : NULL;

	if (!skb || !header)
		goto fail;
	homa_wire_encode(skb_put(skb, HOMA_DATA_HEADER), pkt);
	homa_wire_interleave(skb->data);
	for (;;) {
		u32 length = min(end - offset, full);

		add_frags(&rpc->bytes, offset, length, skb);
		offset += length;
		i = skb_shinfo(skb)->nr_frags;
		if (offset == end || i + room > MAX_SKB_FRAGS)
			break;
		homa_wire_segment_header(header, offset);
		get_page(page);
		skb_fill_page_desc(skb, i, page, header - (u8 *)page_address(page),
				   HOMA_SEG_HEADER);
		skb->len += HOMA_SEG_HEADER;
		skb->data_len += HOMA_SEG_HEADER;
		skb->truesize += HOMA_SEG_HEADER;
		header += HOMA_SEG_HEADER;
	}
	put_page(page);
	pkt->data.length = offset - pkt->data.offset;
	skb_shinfo(skb)->gso_size = full + HOMA_SEG_HEADER;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(pkt->data.length, full);
	skb_shinfo(skb)->gso_type = way->peer->ipv4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return skb;

fail:
	kfree_skb(skb);
	if (page)
		put_page(page);
	return NULL;
}

/* The next packet, or several as one where something behind IP will cut them. */
static struct sk_buff *next_data(const struct way *way, const struct homa_krpc *rpc,
				 struct homa_packet *pkt, u32 full)
{
	struct sk_buff *skb;

	if (pkt->data.length > full && !way->disguised) {
		skb = interleaved_batch(way, rpc, pkt, full);
	} else {
		skb = data_packet(way, rpc, pkt);
		if (skb && pkt->data.length > full)
			homa_hijack_batch(skb, full, way->peer->ipv4);
	}
	if (skb && pkt->data.length > full)
		homa_count(way->hnet, gso_batches);
	return skb;
}

/* Add a packet to a batch: a complete one, but that its data starts behind its IP header. */
static void append(const struct way *way, struct sk_buff *batch, struct sk_buff *skb)
{
	u32 transport = skb->len;

	if (!skb_has_frag_list(batch)) {
		skb_shinfo(batch)->frag_list = skb;
		skb_shinfo(batch)->gso_size = batch->len;
		skb_shinfo(batch)->gso_segs = 1;
		skb_shinfo(batch)->gso_type = SKB_GSO_FRAGLIST;
		batch->ip_summed = CHECKSUM_UNNECESSARY;
		homa_count(way->hnet, gso_batches);
	} else {
		batch->prev->next = skb;
	}
	push_ip(way, skb);
	skb_pull(skb, skb->len - transport);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	batch->prev = skb;
	batch->len += skb->len;
	batch->data_len += skb->len;
	batch->truesize += skb->truesize;
	skb_shinfo(batch)->gso_segs++;
}

static struct homa_ack take_ack(struct homa_kpeer *peer)
{
	struct homa_ack ack = { 0 };

	if (!READ_ONCE(peer->core.acks))
		return ack;
	spin_lock(&peer->lock);
	ack = homa_peer_take_ack(&peer->core);
	spin_unlock(&peer->lock);
	return ack;
}

/* Send what the transmit queue decided. */
static void send_data(struct homa_krpc *rpc, const struct homa_xmit *xmit, u32 full)
{
	struct homa_net *hnet = rpc->hnet;
	u32 end = xmit->offset + xmit->length, most = full;
	struct sk_buff *batch = NULL, *skb;
	struct homa_packet pkt homa_uninit;
	u32 packets;
	struct way way homa_uninit;
	int err = 0;

	rcu_read_lock();
	if (!find_way(&way, hnet, rpc->peer, &rpc->local, homa_sock_sk(rpc->hsk), xmit->priority))
		goto fail;
	if (!way.single && xmit->length > full &&
	    (way.disguised || homa_offload_cuts(way.dst->dev)))
		most = xmit->length;
	pkt.type = HOMA_DATA;
	pkt.sport = rpc->local_port;
	pkt.dport = rpc->remote_port;
	pkt.sender_id = rpc->id;
	pkt.data.message_length = rpc->out.length;
	pkt.data.incoming = xmit->incoming;
	pkt.data.ack = take_ack(rpc->peer);
	pkt.data.cutoff_version = READ_ONCE(rpc->peer->core.cutoffs.version);
	pkt.data.retransmit = xmit->retransmit;
	for (pkt.data.offset = xmit->offset; pkt.data.offset < end;
	     pkt.data.offset += pkt.data.length) {
		pkt.data.length = min(end - pkt.data.offset, most);
		skb = next_data(&way, rpc, &pkt, full);
		if (!skb)
			break;
		trace_homa_data_out(rpc, &pkt, xmit->priority);
		packets = pkt.data.length > full ? DIV_ROUND_UP(pkt.data.length, full) : 1;
		this_cpu_add(hnet->counters->core.packets_sent[0], packets);
		this_cpu_add(hnet->counters->core.priority_packets[xmit->priority], packets);
		this_cpu_add(hnet->counters->core.priority_bytes[xmit->priority], pkt.data.length);
		pkt.data.ack.client_id = 0;
		if (batch && most == full && !way.disguised && !way.single) {
			append(&way, batch, skb);
			continue;
		}
		if (batch)
			err |= transmit(&way, batch);
		batch = skb;
	}
	if (batch)
		batch->prev = NULL;
	if (!batch || transmit(&way, batch) || err)
		goto fail;
	rcu_read_unlock();
	return;

fail:
	/* As if the network had lost it. */
	rcu_read_unlock();
	homa_count(hnet, data_xmit_errors);
}

/* The transmit queue. */

/* Bytes of data in the longest batch. */
static u32 burst(const struct homa_net *hnet)
{
	u32 bytes = min_t(u32, max(READ_ONCE(hnet->shell.max_gso_size),
				   READ_ONCE(hnet->shell.max_batch)), LONGEST_BATCH);

	/* Nothing can overtake what is in a batch: it obeys the NIC queue's limit, too. */
	while (homa_params_link_ns(&hnet->params, bytes) > hnet->params.nic_queue_ns && bytes)
		bytes >>= 1;
	return bytes;
}

void homa_out_pace(struct homa_net *hnet)
{
	struct homa_krpc *rpc;
	struct homa_xmit xmit homa_uninit;
	struct homa_cx cx;
	enum homa_tx tx;
	u32 full;

	while (READ_ONCE(hnet->txq.srpt.first) && !READ_ONCE(hnet->pacing)) {
		spin_lock(&hnet->txq_lock);
		cx = homa_cx(hnet);
		tx = homa_txq_next(&cx, &hnet->txq, burst(hnet), &xmit);
		if (tx == HOMA_TX_WAIT && !hnet->pacing) {
			hnet->pacing = true;
			trace_homa_pacer_wait(hnet, xmit.wake - cx.now);
			hrtimer_start(&hnet->pacer, ns_to_ktime(xmit.wake),
				      HRTIMER_MODE_ABS_SOFT);
		}
		if (tx != HOMA_TX_SEND) {
			spin_unlock(&hnet->txq_lock);
			return;
		}
		/* What is in the queue holds a reference. */
		rpc = container_of(xmit.msg, struct homa_krpc, out);
		refcount_inc(&rpc->refs);
		full = xmit.msg->packet;
		spin_unlock(&hnet->txq_lock);
		send_data(rpc, &xmit, full);
		homa_krpc_put(rpc);
	}
}

enum hrtimer_restart homa_out_pacer(struct hrtimer *timer)
{
	struct homa_net *hnet = container_of(timer, struct homa_net, pacer);
	struct homa_krpc *rpc;
	struct homa_xmit xmit homa_uninit;
	struct homa_cx cx;
	enum homa_tx tx;
	u32 full;

	homa_count(hnet, pacer_wakeups);
	for (;;) {
		spin_lock(&hnet->txq_lock);
		cx = homa_cx(hnet);
		tx = homa_txq_next(&cx, &hnet->txq, burst(hnet), &xmit);
		if (tx != HOMA_TX_SEND)
			break;
		rpc = container_of(xmit.msg, struct homa_krpc, out);
		refcount_inc(&rpc->refs);
		full = xmit.msg->packet;
		spin_unlock(&hnet->txq_lock);
		send_data(rpc, &xmit, full);
		homa_krpc_put(rpc);
	}
	if (tx == HOMA_TX_WAIT) {
		trace_homa_pacer_wait(hnet, xmit.wake - cx.now);
		hrtimer_set_expires(timer, ns_to_ktime(xmit.wake));
	} else {
		hnet->pacing = false;
	}
	spin_unlock(&hnet->txq_lock);
	return tx == HOMA_TX_WAIT ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

void homa_out_start(const struct homa_cx *cx, struct homa_krpc *rpc, u32 length)
{
	struct homa_kpeer *peer = rpc->peer;
	struct homa_net *hnet = rpc->hnet;
	u32 packet = READ_ONCE(peer->core.packet);
	u32 overhead = HOMA_FRAMING + homa_ip_header(peer->ipv4) + HOMA_DATA_HEADER;
	u32 unsched = length <= packet ? length : homa_peer_unsched(&hnet->params, packet);
	enum homa_tx tx = HOMA_TX_EMPTY;
	struct homa_xmit xmit homa_uninit;

	spin_lock(&hnet->txq_lock);
	homa_msgout_init(&rpc->out, length, unsched, packet, overhead, &peer->core.cutoffs);
	if (!rpc->stopped) {
		homa_txq_add(cx, &hnet->txq, &rpc->out);
		tx = homa_txq_bypass(cx, &hnet->txq, &rpc->out, &xmit);
	}
	spin_unlock(&hnet->txq_lock);
	while (tx == HOMA_TX_SEND) {
		send_data(rpc, &xmit, packet);
		if (xmit.offset + xmit.length == length)
			break;
		spin_lock(&hnet->txq_lock);
		tx = homa_txq_bypass(cx, &hnet->txq, &rpc->out, &xmit);
		spin_unlock(&hnet->txq_lock);
	}
	homa_out_pace(hnet);
}
