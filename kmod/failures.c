// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Peers that cannot be reached: the core says so, or ICMP; see in.h.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip6_route.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "effects.h"
#include "in.h"
#include "sock.h"
#include "trace.h"

static void fail_rpcs(struct homa_kpeer *peer, const struct homa_quote *quote,
		      enum homa_error error)
{
	struct homa_krpc *rpc;
	LIST_HEAD(old);

	trace_homa_peer_dead(peer, quote ? quote->remote : 0, error);
	local_bh_disable();
	spin_lock(&peer->lock);
	peer->failing++;
	list_splice_init(&peer->rpcs, &old);
	while (!list_empty(&old)) {
		struct homa_effects fx homa_uninit;
		struct homa_outbox box homa_uninit;
		struct homa_cx cx;

		rpc = list_first_entry(&old, struct homa_krpc, of_peer);
		list_move_tail(&rpc->of_peer, &peer->rpcs);
		/* What is listed has references. */
		refcount_inc(&rpc->refs);
		spin_unlock(&peer->lock);

		homa_outbox_init(&box, &fx);
		spin_lock(&rpc->lock);
		cx = homa_cx(rpc->hnet);
		if (!rpc->stopped)
			homa_rpc_peer_failed(&cx, &rpc->core, rpc->local_port, rpc->remote_port,
					     quote, error, &fx);
		homa_effects_apply(&cx, rpc, &fx, &box);
		homa_sock_notify(rpc);
		spin_unlock(&rpc->lock);
		homa_effects_finish(&cx, rpc, &box);
		homa_krpc_put(rpc);
		spin_lock(&peer->lock);
	}
	peer->failing--;
	spin_unlock(&peer->lock);
	local_bh_enable();
}

void homa_in_peer_dead(struct homa_kpeer *peer)
{
	fail_rpcs(peer, NULL, HOMA_ERR_TIMEDOUT);
}

static bool known(struct homa_net *hnet, struct homa_kpeer *peer, u64 id)
{
	struct homa_krpc *rpc = homa_krpc_get(hnet, peer, id);

	if (rpc)
		homa_krpc_put(rpc);
	return rpc;
}

/* The packet's Homa header is at @offset. */
static void fail_peer(struct sk_buff *skb, const struct in6_addr *addr, u32 offset, bool port_only,
		      enum homa_error error)
{
	struct homa_net *hnet = homa_net(dev_net(skb->dev));
	u32 readable = min_t(u32, HOMA_COMMON_HEADER, skb->len - min(skb->len, offset));
	u8 copy[HOMA_COMMON_HEADER];
	const u8 *bytes = skb_header_pointer(skb, offset, readable, copy);
	struct homa_quote quote;
	struct homa_kpeer *peer;

	homa_count(hnet, icmp_errors);
	if (!bytes || !homa_wire_quote(&quote, bytes, readable, port_only))
		return;
	rcu_read_lock();
	peer = homa_peer_find(hnet, addr);
	if (peer && refcount_inc_not_zero(&peer->refs)) {
		if (!quote.id || known(hnet, peer, quote.id))
			fail_rpcs(peer, &quote, error);
		homa_peer_put(peer);
	}
	rcu_read_unlock();
}

int homa_in_error_ipv4(struct sk_buff *skb, u32 info)
{
	const struct iphdr *ip = (struct iphdr *)skb->data;
	int type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code;
	u32 offset = ip->ihl * 4;
	struct in6_addr addr;

	if (type != ICMP_DEST_UNREACH)
		return 0;
	ipv6_addr_set_v4mapped(ip->daddr, &addr);
	if (code == ICMP_PORT_UNREACH)
		fail_peer(skb, &addr, offset, true, HOMA_ERR_NOTCONN);
	else if (code == ICMP_PROT_UNREACH)
		fail_peer(skb, &addr, offset, false, HOMA_ERR_NOTCONN);
	else if (code == ICMP_FRAG_NEEDED)
		ipv4_update_pmtu(skb, dev_net(skb->dev), info, 0, IPPROTO_HOMA);
	else
		fail_peer(skb, &addr, offset, false, HOMA_ERR_HOSTDOWN);
	return 0;
}

int homa_in_error_ipv6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		       int offset, __be32 info)
{
	const struct ipv6hdr *ip = (struct ipv6hdr *)skb->data;
	struct net *net = dev_net(skb->dev);

	if (type == ICMPV6_PKT_TOOBIG)
		ip6_update_pmtu(skb, net, info, 0, 0, sock_net_uid(net, NULL));
	else if (type == ICMPV6_DEST_UNREACH && code == ICMPV6_PORT_UNREACH)
		fail_peer(skb, &ip->daddr, offset, true, HOMA_ERR_NOTCONN);
	else if (type == ICMPV6_PARAMPROB && code == ICMPV6_UNK_NEXTHDR)
		fail_peer(skb, &ip->daddr, offset, false, HOMA_ERR_NOTCONN);
	else if (type == ICMPV6_DEST_UNREACH)
		fail_peer(skb, &ip->daddr, offset, false, HOMA_ERR_HOSTDOWN);
	return 0;
}
