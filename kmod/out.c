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

#define LONGEST_BATCH 56000	/* bytes of data; with headers it must be an IP packet */

/* Packets. */

struct way {
	struct homa_net *hnet;
	struct homa_kpeer *peer;
	struct dst_entry *dst;
	const struct in6_addr *from;
	struct sock *owner;	/* for rules that go by whose a packet is; NULL: nobody's */
	u8 priority;
	bool disguised;		/* as TCP */
};

static bool find_way(struct way *way, struct homa_net *hnet, struct homa_kpeer *peer,
		     const struct in6_addr *from, struct sock *owner, u8 priority)
{
	way->dst = homa_peer_route(peer);
	if (!way->dst)
		return false;
	way->hnet = hnet;
	way->peer = peer;
	way->from = from && !ipv6_addr_any(from) ? from : &peer->local;
	way->owner = owner;
	way->priority = priority;
	way->disguised = READ_ONCE(hnet->shell.hijack_tcp);
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

/*
 * A packet, or those that a batch will be cut into, without IP header: longer than the route's
 * links carry? It was copied before the route changed.
 */
static bool too_long(const struct way *way, const struct sk_buff *skb)
{
	u32 length = skb->len;

	if (skb_is_gso(skb))
		length = HOMA_DATA_HEADER - HOMA_SEG_HEADER + skb_shinfo(skb)->gso_size;
	return homa_ip_header(way->peer->ipv4) + length > dst_mtu(way->dst);
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
	ip->daddr = way->peer->at.addr.s6_addr32[3];
	/* Whoever cuts a batch counts on from here. */
	if (cut)
		__ip_select_ident(way->hnet->net, ip,
				  skb_is_gso(skb) ? skb_shinfo(skb)->gso_segs : 1);
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
	ip->daddr = way->peer->at.addr;
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

static void disown(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	WARN_ON_ONCE(refcount_sub_and_test(skb->truesize, &sk->sk_wmem_alloc));
	sk->sk_write_space(sk);
	sock_put(sk);
}

bool homa_out_owned(const struct sk_buff *skb)
{
	return skb->destructor == disown;
}

/*
 * Rules go by whose a packet is. Charged like others' packets, since who makes one longer, such as
 * IPsec, charges the owner for it.
 */
static void own(struct sk_buff *skb, struct sock *sk)
{
	sock_hold(sk);
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
	skb->sk = sk;
	skb->destructor = disown;
}

/* Return: 0 or a negative errno. */
static int transmit(const struct way *way, struct sk_buff *skb)
{
	struct sock *sk = way->owner ? way->owner : way->hnet->ctl_sk[!way->peer->ipv4];
	/* Of the fragments, only the first would be recognised. */
	bool disguise = way->disguised && !too_long(way, skb);
	int err;

	push_ip(way, skb);
	if (disguise)
		homa_hijack_disguise(skb, way->peer->ipv4);
	skb_dst_set_noref(skb, way->dst);
	if (way->owner)
		own(skb, way->owner);
	if (way->peer->ipv4)
		err = ip_local_out(way->hnet->net, sk, skb);
	else
		err = ip6_local_out(way->hnet->net, sk, skb);
	return net_xmit_eval(err);
}

static void charge(const struct homa_cx *cx, struct homa_net *hnet, u32 bytes)
{
	spin_lock(&hnet->txq_lock);
	homa_txq_charge(cx, &hnet->txq, max_t(u32, bytes, HOMA_MIN_DATAGRAM) + HOMA_FRAMING);
	spin_unlock(&hnet->txq_lock);
}

static void send_control(const struct homa_cx *cx, struct homa_net *hnet, struct homa_kpeer *peer,
			 const struct in6_addr *from, struct sock *sk,
			 const struct homa_packet *pkt)
{
	u8 priority = homa_params_priority(&hnet->params, HOMA_PRIORITIES - 1);
	struct sk_buff *skb;
	struct way way homa_uninit;

	charge(cx, hnet, homa_ip_header(peer->ipv4) + homa_wire_header_length(pkt->type));
	rcu_read_lock();
	if (!find_way(&way, hnet, peer, from, sk, priority))
		goto fail;
	skb = new_skb(&way, HOMA_MAX_HEADER);
	if (!skb)
		goto fail;
	skb_put(skb, homa_wire_encode(skb->data, pkt));
	trace_homa_control_out(peer, pkt, pkt->sender_id);
	this_cpu_inc(hnet->counters->core.packets[pkt->type - HOMA_DATA].sent);
	if (transmit(&way, skb))
		goto fail;
	rcu_read_unlock();
	return;

fail:
	rcu_read_unlock();
	homa_count(hnet, control_xmit_errors);
}

void homa_out_control(const struct homa_cx *cx, struct homa_net *hnet, struct homa_kpeer *peer,
		      const struct in6_addr *from,
		      const struct homa_packet *pkt)
{
	send_control(cx, hnet, peer, from, NULL, pkt);
}

void homa_out_control_rpc(const struct homa_cx *cx, struct homa_krpc *rpc, struct homa_packet *pkt)
{
	pkt->sport = rpc->local_port;
	pkt->dport = rpc->remote_port;
	pkt->sender_id = rpc->id;
	send_control(cx, rpc->hnet, rpc->peer, &rpc->local, homa_sock_sk(rpc->hsk), pkt);
}

static struct sk_buff *data_packet(const struct way *way, const struct homa_krpc *rpc,
				   const struct homa_packet *pkt)
{
	u32 length = pkt->data.length;
	struct sk_buff *skb = new_skb(way, HOMA_DATA_HEADER + (rpc->bytes.pieces ? 0 : length));

	if (!skb)
		return NULL;
	homa_wire_encode(skb_put(skb, HOMA_DATA_HEADER), pkt);
	homa_bytes_put(rpc, pkt->data.offset, length, skb);
	return skb;
}

/* Several packets as one, with segment headers between the data. */
static struct sk_buff *batch(const struct way *way, const struct homa_krpc *rpc,
			     const struct homa_packet *pkt, bool hardware)
{
	u32 full = rpc->bytes.packet;
	struct sk_buff *skb = new_skb(way, HOMA_DATA_HEADER);

	if (!skb)
		return NULL;
	homa_wire_encode(skb->data, pkt);
	homa_wire_interleave(skb_put(skb, HOMA_DATA_HEADER - HOMA_SEG_HEADER));
	homa_bytes_put_batch(rpc, pkt->data.offset, pkt->data.length, skb);
	skb_shinfo(skb)->gso_size = full + HOMA_SEG_HEADER;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(pkt->data.length, full);
	if (!hardware)
		skb_shinfo(skb)->gso_type = SKB_GSO_FRAGLIST;
	else
		skb_shinfo(skb)->gso_type = way->peer->ipv4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	homa_count(way->hnet, gso_batches);
	return skb;
}

/* As TCP, a batch is cut by whoever cuts TCP: a NIC, or the kernel on the way to it. */
static bool may_disguise_batch(const struct way *way, const struct homa_krpc *rpc)
{
	/* Copied before the switch was set: data is in too many pieces. */
	if (rpc->bytes.packet || READ_ONCE(way->hnet->shell.gso_force_software))
		return false;
	/* Fragments of disguised packets would not be recognised. */
	return homa_ip_header(way->peer->ipv4) + HOMA_DATA_HEADER + rpc->out.packet <=
	       dst_mtu(way->dst);
}

/* Most bytes of data in one skb; @hardware: a NIC will cut it. */
static u32 most_data(const struct way *way, const struct homa_krpc *rpc,
		     const struct homa_xmit *xmit, bool *hardware)
{
	const struct homa_kernel_params *shell = &way->hnet->shell;
	u32 full = rpc->out.packet, max = READ_ONCE(shell->max_gso_size);

	*hardware = false;
	if (xmit->length <= full)
		return full;
	if (way->disguised)
		return may_disguise_batch(way, rpc) ? xmit->length : full;
	if (rpc->bytes.packet != full || xmit->offset % full)
		return full;
	*hardware = max > full && !READ_ONCE(shell->gso_force_software) &&
		    homa_offload_cuts(way->dst->dev);
	return xmit->length;
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
static void send_data(struct homa_krpc *rpc, const struct homa_xmit *xmit)
{
	struct homa_net *hnet = rpc->hnet;
	u32 end = xmit->offset + xmit->length, full = rpc->out.packet, most, packets;
	struct homa_packet pkt homa_uninit;
	struct way way homa_uninit;
	struct sk_buff *skb;
	bool hardware;

	rcu_read_lock();
	if (!find_way(&way, hnet, rpc->peer, &rpc->local, homa_sock_sk(rpc->hsk), xmit->priority))
		goto fail;
	most = most_data(&way, rpc, xmit, &hardware);
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
		packets = 1;
		if (pkt.data.length > full)
			packets = DIV_ROUND_UP(pkt.data.length, full);
		if (packets > 1 && !way.disguised)
			skb = batch(&way, rpc, &pkt, hardware);
		else
			skb = data_packet(&way, rpc, &pkt);
		if (!skb)
			goto fail;
		if (packets > 1 && way.disguised) {
			homa_hijack_batch(skb, full, way.peer->ipv4);
			homa_count(hnet, gso_batches);
		}
		trace_homa_data_out(rpc, &pkt, xmit->priority);
		this_cpu_add(hnet->counters->core.packets[0].sent, packets);
		this_cpu_add(hnet->counters->core.priority[xmit->priority].packets, packets);
		this_cpu_add(hnet->counters->core.priority[xmit->priority].bytes, pkt.data.length);
		pkt.data.ack.client_id = 0;
		if (transmit(&way, skb))
			homa_count(hnet, data_xmit_errors);
	}
	rcu_read_unlock();
	return;

fail:
	/* As if the network had lost it. */
	rcu_read_unlock();
	homa_count(hnet, data_xmit_errors);
}

/* The transmit queue. */

/* Bytes of data in the longest batch. */
static u32 burst(const struct homa_cx *cx, const struct homa_net *hnet)
{
	u64 queue = homa_txq_queue_ns(cx, &hnet->txq);
	u32 bytes = min_t(u32, max(READ_ONCE(hnet->shell.max_gso_size),
				   READ_ONCE(hnet->shell.max_batch)), LONGEST_BATCH);

	/* Nothing can overtake what is in a batch: it obeys the NIC queue's limit, too. */
	while (homa_params_link_ns(&hnet->params, bytes) > queue && bytes)
		bytes >>= 1;
	return bytes;
}

void homa_out_pace(struct homa_net *hnet)
{
	struct homa_krpc *rpc;
	struct homa_xmit xmit homa_uninit;
	struct homa_cx cx;
	enum homa_tx tx;

	while (READ_ONCE(hnet->txq.srpt.first) && !READ_ONCE(hnet->pacing)) {
		spin_lock(&hnet->txq_lock);
		cx = homa_cx(hnet);
		tx = homa_txq_next(&cx, &hnet->txq, burst(&cx, hnet), &xmit);
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
		spin_unlock(&hnet->txq_lock);
		send_data(rpc, &xmit);
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

	homa_count(hnet, pacer_wakeups);
	homa_count_add(hnet, pacer_late_ns,
		       max_t(s64, ktime_get_ns() - ktime_to_ns(hrtimer_get_expires(timer)), 0));
	for (;;) {
		spin_lock(&hnet->txq_lock);
		cx = homa_cx(hnet);
		tx = homa_txq_next(&cx, &hnet->txq, burst(&cx, hnet), &xmit);
		if (tx != HOMA_TX_SEND)
			break;
		rpc = container_of(xmit.msg, struct homa_krpc, out);
		refcount_inc(&rpc->refs);
		spin_unlock(&hnet->txq_lock);
		send_data(rpc, &xmit);
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
	u32 packet = rpc->bytes.packet ?: READ_ONCE(peer->core.packet);
	u16 overhead = HOMA_FRAMING + homa_ip_header(peer->ipv4) + HOMA_DATA_HEADER;
	u32 unsched = length <= packet ? length : homa_peer_unsched(&hnet->params, packet);
	enum homa_tx tx = HOMA_TX_EMPTY;
	struct homa_xmit xmit homa_uninit;

	spin_lock(&hnet->txq_lock);
	homa_msgout_init(&rpc->out, length, unsched, packet, overhead, &peer->core.cutoffs);
	if (!rpc->stopped)
		tx = homa_txq_start(cx, &hnet->txq, &rpc->out, &xmit);
	spin_unlock(&hnet->txq_lock);
	while (tx == HOMA_TX_SEND) {
		send_data(rpc, &xmit);
		if (xmit.offset + xmit.length == length)
			break;
		spin_lock(&hnet->txq_lock);
		tx = homa_txq_bypass(cx, &hnet->txq, &rpc->out, &xmit);
		spin_unlock(&hnet->txq_lock);
	}
	homa_out_pace(hnet);
}
