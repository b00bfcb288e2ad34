// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The queueing discipline "homa"; see qdisc.h. Its functions run under the lock of the qdisc, with
 * bottom halves disabled; within it, txq_lock is taken for each decision.
 */
#include <linux/module.h>
#include <net/pkt_sched.h>
#include <net/sch_generic.h>

#include "net.h"
#include "out.h"
#include "qdisc.h"

struct homa_qdisc {
	struct homa_net *hnet;
	struct qdisc_skb_head homa, others;
	bool held;		/* the first of the others has been told to wait */
	struct qdisc_watchdog watchdog;
};

/* Bytes on the link, of all packets that a batch will be cut into. */
static u32 link_bytes(const struct sk_buff *skb)
{
	u32 packets = skb_is_gso(skb) ? max_t(u32, skb_shinfo(skb)->gso_segs, 1) : 1;

	return max_t(u32, qdisc_pkt_len(skb), HOMA_MIN_DATAGRAM + ETH_HLEN) +
	       (HOMA_FRAMING - ETH_HLEN) * packets;
}

static bool is_homa(const struct sk_buff *skb)
{
	u32 at = skb_network_offset(skb);
	const struct ipv6hdr *ip6;
	const struct iphdr *ip;
	u8 copy[sizeof(*ip6)], tcp_copy[HOMA_TCP_HEADER], protocol;
	const u8 *tcp;

	switch (skb_protocol(skb, true)) {
	case htons(ETH_P_IP):
		ip = skb_header_pointer(skb, at, sizeof(*ip), copy);
		if (!ip)
			return false;
		protocol = ip->protocol;
		at += ip->ihl * 4;
		break;
	case htons(ETH_P_IPV6):
		ip6 = skb_header_pointer(skb, at, sizeof(*ip6), copy);
		if (!ip6)
			return false;
		protocol = ip6->nexthdr;
		at += sizeof(*ip6);
		break;
	default:
		return false;
	}
	if (protocol != IPPROTO_TCP)
		return protocol == IPPROTO_HOMA;
	tcp = skb_header_pointer(skb, at, sizeof(tcp_copy), tcp_copy);
	return tcp && homa_wire_disguised(tcp);
}

static int add(struct sk_buff *skb, struct Qdisc *sch, struct qdisc_skb_head *list,
	       struct sk_buff **to_free)
{
	if (list->qlen >= READ_ONCE(sch->limit))
		return qdisc_drop(skb, sch, to_free);
	__qdisc_enqueue_tail(skb, list);
	qdisc_qstats_backlog_inc(sch, skb);
	WRITE_ONCE(sch->q.qlen, sch->q.qlen + 1);
	return NET_XMIT_SUCCESS;
}

/* Cut a batch of another protocol into packets. */
static int add_cut(struct sk_buff *skb, struct Qdisc *sch, struct sk_buff **to_free)
{
	struct homa_qdisc *q = qdisc_priv(sch);
	u32 before = qdisc_pkt_len(skb), bytes = 0;
	struct sk_buff *segments, *at, *next;
	int packets = 0;

	segments = skb_gso_segment(skb, netif_skb_features(skb) & ~NETIF_F_GSO_MASK);
	if (IS_ERR_OR_NULL(segments))
		return qdisc_drop(skb, sch, to_free);
	skb_list_walk_safe(segments, at, next) {
		skb_mark_not_on_list(at);
		homa_qdisc_set_single(at);
		if (add(at, sch, &q->others, to_free) == NET_XMIT_SUCCESS) {
			packets++;
			bytes += at->len;
		}
	}
	if (!packets) {
		kfree_skb(skb);
		return NET_XMIT_DROP;
	}
	/* Those above us have counted one packet. */
	qdisc_tree_reduce_backlog(sch, 1 - packets, before - bytes);
	consume_skb(skb);
	return NET_XMIT_SUCCESS;
}

static int enqueue(struct sk_buff *skb, struct Qdisc *sch, struct sk_buff **to_free)
{
	struct homa_qdisc *q = qdisc_priv(sch);
	struct homa_cx cx = homa_cx(q->hnet);

	if (is_homa(skb))
		return add(skb, sch, &q->homa, to_free);
	if (skb_is_gso(skb) && !homa_txq_fits(&cx, link_bytes(skb)))
		return add_cut(skb, sch, to_free);
	return add(skb, sch, &q->others, to_free);
}

static void others_gone(struct homa_qdisc *q)
{
	spin_lock_bh(&q->hnet->txq_lock);
	homa_txq_others_gone(&q->hnet->txq);
	spin_unlock_bh(&q->hnet->txq_lock);
	q->held = false;
}

/* The first of the others, if its time has come. */
static struct sk_buff *next_other(struct homa_qdisc *q)
{
	struct homa_net *hnet = q->hnet;
	u8 share = READ_ONCE(hnet->shell.homa_share);
	struct homa_cx cx;
	enum homa_tx tx;
	u32 bytes;
	u64 wake;

	if (!q->others.head)
		return NULL;
	bytes = link_bytes(q->others.head);
	spin_lock_bh(&hnet->txq_lock);
	cx = homa_cx(hnet);
	tx = homa_txq_others(&cx, &hnet->txq, bytes, q->others.qlen > 1, share, &wake);
	spin_unlock_bh(&hnet->txq_lock);
	if (tx == HOMA_TX_WAIT) {
		if (!q->held) {
			homa_count(hnet, pacer_tcp_packets);
			homa_count_add(hnet, pacer_tcp_bytes, bytes);
		}
		q->held = true;
		qdisc_watchdog_schedule_ns(&q->watchdog, wake);
		return NULL;
	}
	q->held = false;
	return __qdisc_dequeue_head(&q->others);
}

static struct sk_buff *dequeue(struct Qdisc *sch)
{
	struct homa_qdisc *q = qdisc_priv(sch);
	struct sk_buff *skb = __qdisc_dequeue_head(&q->homa);

	if (!skb)
		skb = next_other(q);
	if (!skb)
		return NULL;
	qdisc_qstats_backlog_dec(sch, skb);
	WRITE_ONCE(sch->q.qlen, sch->q.qlen - 1);
	qdisc_bstats_update(sch, skb);
	return skb;
}

static int change_limit(struct Qdisc *sch, unsigned int limit)
{
	WRITE_ONCE(sch->limit, max(limit, 1u));
	return 0;
}

static int init(struct Qdisc *sch, struct nlattr *arg, struct netlink_ext_ack *extack)
{
	struct homa_qdisc *q = qdisc_priv(sch);

	q->hnet = homa_net(dev_net(qdisc_dev(sch)));
	qdisc_watchdog_init(&q->watchdog, sch);
	if (arg) {
		NL_SET_ERR_MSG(extack, "homa takes no options; see net.homa.homa_share");
		return -EINVAL;
	}
	return change_limit(sch, qdisc_dev(sch)->tx_queue_len);
}

static void reset(struct Qdisc *sch)
{
	struct homa_qdisc *q = qdisc_priv(sch);

	__qdisc_reset_queue(&q->homa);
	__qdisc_reset_queue(&q->others);
	qdisc_watchdog_cancel(&q->watchdog);
	others_gone(q);
}

static void destroy(struct Qdisc *sch)
{
	struct homa_qdisc *q = qdisc_priv(sch);

	qdisc_watchdog_cancel(&q->watchdog);
}

static struct Qdisc_ops ops = {
	.id = "homa",
	.priv_size = sizeof(struct homa_qdisc),
	.enqueue = enqueue,
	.dequeue = dequeue,
	.peek = qdisc_peek_dequeued,
	.init = init,
	.reset = reset,
	.destroy = destroy,
	.change_tx_queue_len = change_limit,
	.owner = THIS_MODULE,
};

int homa_qdisc_init(void)
{
	return register_qdisc(&ops);
}

void homa_qdisc_exit(void)
{
	unregister_qdisc(&ops);
}

/* By which tc finds it, before and since 6.8. */
MODULE_ALIAS("sch_homa");
MODULE_ALIAS("net-sch-homa");
