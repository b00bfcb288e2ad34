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

/*
 * RPCs end in a work item: there may be very many, and whoever makes up ICMP errors must not keep a
 * core from all else.
 */
static struct workqueue_struct *failures;

int homa_failures_init(void)
{
	failures = alloc_workqueue("homa_failures", WQ_UNBOUND, 0);
	return failures ? 0 : -ENOMEM;
}

void homa_failures_flush(void)
{
	flush_workqueue(failures);
}

void homa_failures_exit(void)
{
	destroy_workqueue(failures);
}

static void fail_rpc(struct homa_krpc *rpc, const struct homa_failure *failure, u32 count)
{
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_cx cx;
	u32 i;

	local_bh_disable();
	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	cx = homa_cx(rpc->hnet);
	for (i = 0; i < count && !rpc->stopped && !fx.count; i++) {
		/* It was not meant if it is younger. */
		if (rpc->core.born_at > failure[i].at)
			continue;
		homa_rpc_peer_failed(&cx, &rpc->core, rpc->local_port, rpc->remote_port,
				     failure[i].dead ? NULL : &failure[i].quote, failure[i].error,
				     &fx);
	}
	homa_effects_apply(&cx, rpc, &fx, &box);
	homa_sock_notify(rpc);
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
	local_bh_enable();
}

void homa_failures_work(struct work_struct *work)
{
	struct homa_kpeer *peer = container_of(work, struct homa_kpeer, fail);
	struct homa_failure failure[HOMA_PEER_FAILURES];
	LIST_HEAD(old);
	u32 count;

	spin_lock_bh(&peer->lock);
	count = peer->failures;
	memcpy(failure, peer->failure, count * sizeof(failure[0]));
	peer->failures = 0;
	peer->failing = true;
	list_splice_init(&peer->rpcs, &old);
	while (!list_empty(&old)) {
		struct homa_krpc *rpc = list_first_entry(&old, struct homa_krpc, of_peer);

		list_move_tail(&rpc->of_peer, &peer->rpcs);
		/* What is listed has references. */
		refcount_inc(&rpc->refs);
		spin_unlock_bh(&peer->lock);
		fail_rpc(rpc, failure, count);
		homa_krpc_put(rpc);
		cond_resched();
		spin_lock_bh(&peer->lock);
	}
	peer->failing = false;
	spin_unlock_bh(&peer->lock);
	homa_peer_put(peer);
}

/* If there are too many to be noted, it is as if this one had been lost. @quote: NULL if dead. */
static void note(struct homa_kpeer *peer, const struct homa_quote *quote, enum homa_error error)
{
	struct homa_failure *failure;
	u32 i;

	trace_homa_peer_dead(peer, quote ? quote->remote : 0, error);
	spin_lock_bh(&peer->lock);
	for (i = 0; i < peer->failures; i++) {
		failure = &peer->failure[i];
		if (failure->dead == !quote && failure->error == error &&
		    (!quote || (failure->quote.local == quote->local &&
				failure->quote.remote == quote->remote)))
			break;
	}
	if (i < HOMA_PEER_FAILURES) {
		failure = &peer->failure[i];
		failure->at = homa_cx(peer->hnet).now;
		failure->dead = !quote;
		failure->error = error;
		if (quote)
			failure->quote = *quote;
		if (i == peer->failures)
			peer->failures++;
		/* It cannot come to giving this reference back before we let go of the lock. */
		if (queue_work(failures, &peer->fail))
			refcount_inc(&peer->refs);
	}
	spin_unlock_bh(&peer->lock);
}

void homa_in_peer_dead(struct homa_kpeer *peer)
{
	note(peer, NULL, HOMA_ERR_TIMEDOUT);
}

static bool known(struct homa_net *hnet, struct homa_kpeer *peer, u64 id)
{
	struct homa_krpc *rpc = homa_krpc_get(hnet, peer, id);

	if (rpc)
		homa_krpc_put(rpc);
	return rpc;
}

/* The packet's Homa header is at @offset. */
static void fail_peer(struct sk_buff *skb, const struct homa_zoned *at, u32 offset, bool port_only,
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
	peer = homa_peer_find(hnet, at);
	if (peer && refcount_inc_not_zero(&peer->refs)) {
		if (!quote.id || known(hnet, peer, quote.id))
			note(peer, &quote, error);
		homa_peer_put(peer);
	}
	rcu_read_unlock();
}

int homa_in_error_ipv4(struct sk_buff *skb, u32 info)
{
	const struct iphdr *ip = (struct iphdr *)skb->data;
	int type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code;
	u32 offset = ip->ihl * 4;
	struct homa_zoned at;

	if (type != ICMP_DEST_UNREACH)
		return 0;
	ipv6_addr_set_v4mapped(ip->daddr, &at.addr);
	at.zone = homa_in_zone(skb, &at.addr);
	if (code == ICMP_PORT_UNREACH)
		fail_peer(skb, &at, offset, true, HOMA_ERR_NOTCONN);
	else if (code == ICMP_PROT_UNREACH)
		fail_peer(skb, &at, offset, false, HOMA_ERR_NOTCONN);
	else if (code == ICMP_FRAG_NEEDED)
		ipv4_update_pmtu(skb, dev_net(skb->dev), info, at.zone, IPPROTO_HOMA);
	else
		fail_peer(skb, &at, offset, false, HOMA_ERR_HOSTDOWN);
	return 0;
}

int homa_in_error_ipv6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		       int offset, __be32 info)
{
	const struct ipv6hdr *ip = (struct ipv6hdr *)skb->data;
	struct net *net = dev_net(skb->dev);
	struct homa_zoned at = { .addr = ip->daddr, .zone = homa_in_zone(skb, &ip->daddr) };

	if (type == ICMPV6_PKT_TOOBIG)
		ip6_update_pmtu(skb, net, info, at.zone, 0, sock_net_uid(net, NULL));
	else if (type == ICMPV6_DEST_UNREACH && code == ICMPV6_PORT_UNREACH)
		fail_peer(skb, &at, offset, true, HOMA_ERR_NOTCONN);
	else if (type == ICMPV6_PARAMPROB && code == ICMPV6_UNK_NEXTHDR)
		fail_peer(skb, &at, offset, false, HOMA_ERR_NOTCONN);
	else if (type == ICMPV6_DEST_UNREACH)
		fail_peer(skb, &at, offset, false, HOMA_ERR_HOSTDOWN);
	return 0;
}
