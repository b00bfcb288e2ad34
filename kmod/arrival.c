// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A packet reaches its RPC; see arrival.h.
 */
#include <linux/bpf-cgroup.h>
#include <linux/filter.h>

#include "arrival.h"
#include "effects.h"
#include "in.h"
#include "sock.h"

static void count_message(struct homa_net *hnet, u32 length)
{
	u32 small = (length - 1) / 64, medium = (length - 1) / 1024;

	if (small < 64)
		homa_count_add(hnet, msg_bytes_small[small], length);
	else if (medium < 128)
		homa_count_add(hnet, msg_bytes_medium[medium], length);
	else
		homa_count_add(hnet, large_msg_bytes, length);
	if (medium >= 128)
		homa_count(hnet, large_msg_count);
}

/* The first packet of a message: is there room for it? Return: whether the packet may be kept. */
static bool make_room(const struct homa_cx *cx, struct homa_krpc *rpc, u32 length)
{
	int err;

	if (rpc->place_length && rpc->place_length != length) {
		/* While it stands in line, who serves that may be about to let it go on. */
		if (rpc->copying || rpc->wants_room)
			return false;
		homa_sock_leave_room(rpc);
	}
	if (!rpc->place_length) {
		err = homa_sock_room(rpc, length, cx->now);
		if (err == -ENOMEM) {
			rpc->error = err;
			return false;
		}
		if (err)
			homa_rpc_hold(&rpc->core);
	}
	return true;
}

static void keep(struct arrival *a, struct homa_krpc *rpc, struct homa_range range)
{
	struct sk_buff *skb = a->skb;
	struct homa_cb *cb = HOMA_CB(skb);

	cb->start = range.start;
	cb->end = range.end;
	cb->first = a->pkt.data.offset;
	cb->packet = a->packet;
	atomic_long_add(skb->truesize, &rpc->hsk->kept);
	skb_dst_drop(skb);
	skb->dev = NULL;
	skb->next = NULL;
	*rpc->rx_tail = skb;
	rpc->rx_tail = &skb->next;
	rpc->rx_bytes += range.end - range.start;
	if (rpc->wants_room)
		atomic_add(range.end - range.start, &rpc->hsk->held_bytes);
	a->skb = NULL;
}

static void record(struct arrival *a)
{
	struct homa_net *hnet = a->hnet;

	count_message(hnet, a->pkt.data.message_length);
	spin_lock(&hnet->grants_lock);
	homa_allocator_record(&a->cx, &hnet->allocator, a->pkt.data.message_length,
			      a->pkt.data.incoming, a->peer->core.packet, HOMA_DATA_HEADER);
	spin_unlock(&hnet->grants_lock);
}

void homa_arrival_input_locked(struct arrival *a, struct homa_krpc *rpc, struct homa_effects *fx)
{
	const struct homa_cx *cx = &a->cx;
	struct homa_sock *hsk = rpc->hsk;
	bool first = !rpc->core.receiving, data = a->pkt.type == HOMA_DATA;
	struct homa_range range;

	if (data && first && rpc->core.state <= HOMA_RPC_INCOMING &&
	    !make_room(cx, rpc, a->pkt.data.message_length)) {
		homa_arrival_drop(a->hnet, HOMA_DROP_FULL);
		if (rpc->error)
			homa_rpc_abort(cx, &rpc->core, HOMA_ERR_NONE, fx);
		return;
	}
	if (data && rpc->wants_room &&
	    atomic_read(&hsk->held_bytes) > READ_ONCE(homa_sock_sk(hsk)->sk_rcvbuf)) {
		homa_arrival_drop(a->hnet, HOMA_DROP_FULL);
		homa_count(a->hnet, dropped_data_no_bufs);
		return;
	}
	if (data && !homa_sock_may_keep(hsk, rpc->wants_room)) {
		homa_arrival_drop(a->hnet, HOMA_DROP_FULL);
		homa_count(a->hnet, dropped_data_no_bufs);
		return;
	}
	range = homa_rpc_input(cx, &rpc->core, &a->pkt, fx);
	if (rpc->core.took) {
		spin_lock(&rpc->peer->lock);
		homa_peer_took(cx, &rpc->peer->core, rpc->core.took);
		spin_unlock(&rpc->peer->lock);
	}
	if (!rpc->core.due_at && homa_node_queued(&rpc->asker)) {
		spin_lock(&rpc->peer->lock);
		homa_peer_leave_turn(&rpc->peer->core, &rpc->asker);
		spin_unlock(&rpc->peer->lock);
	}
	if (range.start < range.end) {
		if (first)
			record(a);
		keep(a, rpc, range);
	}
}

bool homa_arrival_admitted(struct arrival *a, struct homa_sock *hsk)
{
	u32 length = a->skb->len;

	if (!cgroup_bpf_enabled(CGROUP_INET_INGRESS) &&
	    !rcu_access_pointer(homa_sock_sk(hsk)->sk_filter))
		return true;
	/* A filter that keeps a part leaves no packet of Homa's. */
	if (likely(!sk_filter(homa_sock_sk(hsk), a->skb) && a->skb->len == length))
		return true;
	homa_arrival_drop(a->hnet, HOMA_DROP_FILTERED);
	return false;
}

void homa_arrival_input(struct arrival *a, struct homa_krpc *rpc)
{
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	bool more = false;

	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	if (!rpc->retired) {
		homa_arrival_input_locked(a, rpc, &fx);
		if (fx.count)
			a->owed |= homa_rpc_put_off(&fx);
		more = fx.count;
		if (more)
			homa_effects_apply(&a->cx, rpc, &fx, &box);
		homa_sock_notify(rpc);
	}
	spin_unlock(&rpc->lock);
	if (more)
		homa_effects_finish(&a->cx, rpc, &box);
}

void homa_arrival_leave(struct arrival *a)
{
	struct homa_krpc *rpc = a->last;

	if (!rpc)
		return;
	a->last = NULL;
	if (a->owed)
		homa_owe(&a->cx, rpc);
	else
		homa_krpc_put(rpc);
	a->owed = false;
}
