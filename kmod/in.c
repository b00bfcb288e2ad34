// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Packets come in; see in.h.
 */
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "arrival.h"
#include "effects.h"
#include "in.h"
#include "offload.h"
#include "out.h"
#include "steer.h"
#include "trace.h"

static struct homa_krpc *find_rpc(struct arrival *a, u64 id)
{
	if (a->last && a->last->id == id)
		return a->last;
	homa_arrival_leave(a);
	a->last = homa_krpc_get(a->hnet, a->peer, id);
	return a->last;
}

static void acked(struct arrival *a, u64 client_id)
{
	struct homa_effects fx homa_uninit;
	struct homa_krpc *rpc;
	struct homa_outbox box homa_uninit;

	if (!homa_id_is_client(client_id))
		return;
	rpc = homa_krpc_get(a->hnet, a->peer, client_id ^ 1);
	if (!rpc)
		return;
	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	if (!rpc->stopped) {
		homa_rpc_acked(&rpc->core, &fx);
		if (fx.count)
			homa_count(a->hnet, server_responses_done);
		homa_effects_apply(&a->cx, rpc, &fx, &box);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&a->cx, rpc, &box);
	homa_krpc_put(rpc);
}

/* The peer is alive, and may need to be told our cutoffs. */
static void heard(struct arrival *a)
{
	struct homa_kpeer *peer = a->peer;
	struct homa_packet tell homa_uninit;
	bool must_tell = false;

	spin_lock(&peer->lock);
	homa_peer_heard(&a->cx, &peer->core);
	if (a->pkt.type == HOMA_DATA)
		must_tell = homa_peer_check_cutoffs(&a->cx, &peer->core, &a->hnet->allocator.now,
						    a->pkt.data.cutoff_version, &tell);
	else if (a->pkt.type == HOMA_CUTOFFS)
		homa_peer_set_cutoffs(&peer->core, &a->pkt);
	spin_unlock(&peer->lock);
	if (must_tell) {
		tell.sport = a->pkt.dport;
		tell.dport = a->pkt.sport;
		tell.sender_id = a->pkt.sender_id ^ 1;
		homa_out_control(&a->cx, a->hnet, peer, &a->to, &tell);
	}
}

static void input_peer(struct arrival *a)
{
	struct homa_krpc *rpc;
	u32 i;

	switch (a->pkt.type) {
	case HOMA_CUTOFFS:
	case HOMA_FREEZE:
		return;
	case HOMA_ACK:
		acked(a, a->pkt.sender_id);
		for (i = 0; i < a->pkt.ack.count; i++)
			acked(a, a->pkt.ack.ack[i].client_id);
		return;
	case HOMA_DATA:
		if (a->pkt.data.ack.client_id)
			acked(a, a->pkt.data.ack.client_id);
		break;
	}
	rpc = find_rpc(a, a->pkt.sender_id ^ 1);
	if (!rpc)
		homa_arrival_unknown(a);
	else if (a->pkt.type != HOMA_DATA || homa_arrival_admitted(a, rpc->hsk))
		homa_arrival_input(a, rpc);
}

/* Does a packet from someone unknown make a peer? Only if it may need an answer. */
static bool starts_something(u8 type)
{
	return type == HOMA_DATA || type == HOMA_RESEND || type == HOMA_NEED_ACK;
}

/* Let the whole header be readable. */
static bool pull_header(struct sk_buff *skb)
{
	/* What most packets have, in one go. */
	return skb->len >= HOMA_COMMON_HEADER &&
	       pskb_may_pull(skb, min(skb->len, HOMA_DATA_HEADER)) &&
	       pskb_may_pull(skb, min(skb->len,
				      homa_wire_header_length(homa_wire_type(skb->data))));
}

/*
 * A batch of our own that nothing has cut: as good as one long packet. Return: bytes after the IP
 * header that it would have.
 */
static u32 measure(struct arrival *a, const struct sk_buff *skb)
{
	u32 size = skb_shinfo(skb)->gso_size, data = skb->len - HOMA_DATA_HEADER;

	a->packet = 0;
	if (!skb_is_gso(skb) || skb->len < HOMA_DATA_HEADER || size <= HOMA_SEG_HEADER)
		return skb->len;
	a->packet = size - HOMA_SEG_HEADER;
	return skb->len - data / size * HOMA_SEG_HEADER;
}

static void input_packet(struct arrival *a)
{
	struct sk_buff *skb = a->skb;
	enum homa_drop why = HOMA_DROP_SHORT;
	u32 length;

	if (pull_header(skb)) {
		length = measure(a, skb);
		why = homa_wire_decode(&a->pkt, skb->data, skb_headlen(skb), length,
				       a->hnet->params.max_message);
	}
	if (why) {
		homa_count(a->hnet, packet_discards);
		homa_arrival_drop(a->hnet, why);
		return;
	}
	if (a->packet)
		this_cpu_add(a->hnet->counters->core.packets[0].rcvd,
			     skb_shinfo(skb)->gso_segs - 1);
	this_cpu_inc(a->hnet->counters->core.packets[a->pkt.type - HOMA_DATA].rcvd);
	if (!a->peer)
		a->peer = homa_peer_find(a->hnet, &a->from);
	if (!a->peer) {
		if (!starts_something(a->pkt.type)) {
			homa_arrival_drop(a->hnet, HOMA_DROP_UNKNOWN);
			return;
		}
		a->peer = homa_peer_get(a->hnet, &a->from, GFP_ATOMIC);
		if (IS_ERR(a->peer)) {
			a->peer = NULL;
			homa_arrival_drop(a->hnet, HOMA_DROP_FULL);
			return;
		}
		a->made = true;
	}
	trace_homa_packet_in(a->peer, &a->pkt, a->pkt.sender_id ^ 1);
	if (!a->more || a->pkt.type != HOMA_DATA || a->pkt.data.cutoff_version != a->version)
		heard(a);
	a->version = a->pkt.type == HOMA_DATA ? a->pkt.data.cutoff_version : 0;
	input_peer(a);
}

/* Index of the device that a packet came by; never of the VRF's that it belongs to. */
static int link_of(const struct sk_buff *skb, bool ipv4)
{
	if (ipv4)
		return inet_sdif(skb) ?: inet_iif(skb);
	return inet6_sdif(skb) ?: inet6_iif(skb);
}

/* Index of the device of the VRF that it came by, or 0. */
static int vrf_of(const struct sk_buff *skb)
{
	if (likely(!netif_is_l3_master(skb->dev) && !netif_is_l3_slave(skb->dev)))
		return 0;
	return l3mdev_master_ifindex_rcu(skb->dev);
}

int homa_in_zone(const struct sk_buff *skb, const struct in6_addr *addr)
{
	if (__ipv6_addr_needs_scope_id(ipv6_addr_type(addr)))
		return link_of(skb, false);
	return vrf_of(skb);
}

void homa_in_refuse(struct sk_buff *skb, bool ipv4)
{
	if (ipv4)
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	else
		icmpv6_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
}

/* Is it a part of a request, which is told when nobody serves it? */
static bool is_request(struct sk_buff *skb)
{
	return pull_header(skb) && homa_wire_type(skb->data) == HOMA_DATA &&
	       homa_id_is_client(homa_wire_sender_id(skb->data));
}

void homa_in_skb(struct sk_buff *skb, bool ipv4)
{
	struct homa_net *hnet = homa_net(dev_net(skb->dev));
	struct arrival a homa_uninit;
	struct sk_buff *next;

	a.hnet = hnet;
	a.ipv4 = ipv4;
	homa_count(hnet, softirq_calls);
	if (ipv4) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &a.from.addr);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &a.to);
		/* Nobody answers what goes to many hosts. */
		if (skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST))
			goto drop;
	} else {
		a.from.addr = ipv6_hdr(skb)->saddr;
		a.to = ipv6_hdr(skb)->daddr;
		if (ipv6_addr_is_multicast(&a.to))
			goto drop;
	}
	if (!smp_load_acquire(&hnet->active)) { /* with homa_net_activate() */
		if (is_request(skb))
			homa_in_refuse(skb, ipv4);
		goto drop;
	}
	rcu_read_lock();
	a.link = link_of(skb, ipv4);
	a.vrf = vrf_of(skb);
	a.from.zone = ipv4 ? a.vrf : homa_in_zone(skb, &a.from.addr);
	skb->next = NULL;
	if (skb_is_gso(skb))
		skb = homa_offload_split(skb);
	/* All are here now. */
	a.cx = homa_cx(hnet);
	a.peer = NULL;
	a.last = NULL;
	a.owed = false;
	a.made = false;
	a.version = 0;
	for (; skb; skb = next) {
		next = skb->next;
		skb->next = NULL;
		a.more = next;
		a.skb = skb;
		a.whole = skb;
		input_packet(&a);
		kfree_skb(a.skb);
	}
	homa_arrival_leave(&a);
	if (a.peer && READ_ONCE(a.peer->core.askers.first))
		homa_in_let_ask(a.peer, ktime_get_ns());
	if (a.made)
		homa_peer_put(a.peer);
	rcu_read_unlock();
	return;

drop:
	kfree_skb(skb);
}

int homa_in_ipv4(struct sk_buff *skb)
{
	if (!homa_steer(skb))
		homa_in_skb(skb, true);
	return 0;
}

int homa_in_ipv6(struct sk_buff *skb)
{
	if (!homa_steer(skb))
		homa_in_skb(skb, false);
	return 0;
}
