// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Carrying out what the core decided; see effects.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "effects.h"
#include "in.h"
#include "out.h"
#include "sock.h"
#include "trace.h"

static const int errnos[] = {
	[HOMA_ERR_NONE] = 0,
	[HOMA_ERR_TIMEDOUT] = -ETIMEDOUT,
	[HOMA_ERR_NOTCONN] = -ENOTCONN,
	[HOMA_ERR_HOSTDOWN] = -EHOSTUNREACH,
};

void homa_effects_arm(const struct homa_cx *cx, struct homa_krpc *rpc, u64 when)
{
	struct homa_net *hnet = rpc->hnet;
	u64 tick_ns = READ_ONCE(hnet->params.tick_ns);
	u64 present = div64_u64(cx->now, tick_ns);
	u64 tick = div64_u64(when + tick_ns - 1, tick_ns);

	lockdep_assert_held(&rpc->lock);
	if (rpc->stopped)
		return;
	spin_lock(&hnet->wheel_lock);
	homa_wheel_skip(&hnet->wheel, present);
	homa_wheel_arm(&hnet->wheel, &rpc->timer, max(tick, present + 1));
	if (!hnet->ticking) {
		hnet->ticking = true;
		hrtimer_start(&hnet->tick, ns_to_ktime((present + 1) * tick_ns),
			      HRTIMER_MODE_ABS_SOFT);
	}
	spin_unlock(&hnet->wheel_lock);
}

static struct homa_packet *new_packet(struct homa_outbox *box, u8 type)
{
	/* One more than ever follow from an input would be as if the network had lost it. */
	struct homa_packet *pkt = &box->packet[min_t(u32, box->count, HOMA_OUTBOX - 1)];

	box->count = min_t(u32, box->count + 1, HOMA_OUTBOX);
	pkt->type = type;
	return pkt;
}

static void send(struct homa_krpc *rpc, u8 type, struct homa_outbox *box)
{
	struct homa_packet *pkt = new_packet(box, type);

	if (type != HOMA_ACK)
		return;
	spin_lock(&rpc->peer->lock);
	homa_peer_take_acks(&rpc->peer->core, pkt);
	spin_unlock(&rpc->peer->lock);
}

/* Return: false when the peer is dead. */
static bool ask(const struct homa_cx *cx, struct homa_krpc *rpc, const struct homa_effect *e,
		struct homa_outbox *box)
{
	struct homa_kpeer *peer = rpc->peer;
	enum homa_ask answer = HOMA_ASK_LATER;
	struct homa_packet *pkt;
	u64 again = 0;

	spin_lock(&peer->lock);
	if (!rpc->stopped) {
		answer = homa_peer_ask_in_turn(cx, &peer->core, &rpc->asker, rpc->core.due_at,
					       rpc->id);
		again = homa_peer_look_again(cx, &peer->core, answer);
	}
	spin_unlock(&peer->lock);
	if (answer == HOMA_ASK_DEAD) {
		box->peer_dead = true;
		return false;
	}
	if (again)
		homa_effects_arm(cx, rpc, again);
	if (answer == HOMA_ASK_NOW) {
		pkt = new_packet(box, HOMA_RESEND);
		pkt->resend.offset = e->offset;
		pkt->resend.length = e->length;
		pkt->resend.priority = e->priority;
		homa_rpc_asked(cx, &rpc->core, e->offset, e->length);
	}
	return true;
}

static void resend(const struct homa_cx *cx, struct homa_krpc *rpc, const struct homa_effect *e,
		   struct homa_outbox *box)
{
	struct homa_net *hnet = rpc->hnet;
	enum homa_again answer = HOMA_AGAIN_BUSY;

	spin_lock(&hnet->txq_lock);
	/* The message may be just about to be added. */
	if (rpc->out.length)
		answer = homa_txq_resend(cx, &hnet->txq, &rpc->out, e->offset, e->length,
					 e->priority);
	spin_unlock(&hnet->txq_lock);
	if (answer == HOMA_AGAIN_BUSY)
		send(rpc, HOMA_BUSY, box);
	box->pace = true;
}

/* What has arrived of the response is void. */
static void restart(const struct homa_cx *cx, struct homa_krpc *rpc, struct homa_outbox *box)
{
	struct homa_net *hnet = rpc->hnet;

	homa_krpc_drop_packets(rpc);
	spin_lock(&hnet->txq_lock);
	homa_txq_restart(cx, &hnet->txq, &rpc->out);
	spin_unlock(&hnet->txq_lock);
	box->pace = true;
}

static void tell_grants(const struct homa_cx *cx, struct homa_krpc *rpc,
			const struct homa_effect *e,
		     struct homa_grant_list *list)
{
	struct homa_net *hnet = rpc->hnet;
	struct homa_msgin *in = &rpc->core.in;
	struct homa_grants *grants = &hnet->grants;
	u32 before = list->count, i;

	spin_lock(&hnet->grants_lock);
	switch (e->type) {
	case HOMA_FX_RX_ADD:
		homa_grants_add(cx, grants, &rpc->grantee, &rpc->peer->core.grants, e->length,
				e->offset, in->received, list);
		break;
	case HOMA_FX_RX_MORE:
		homa_grants_received(cx, grants, &rpc->grantee, in->received, in->high, list);
		break;
	case HOMA_FX_RX_STALLED:
		homa_grants_stalled(cx, grants, &rpc->grantee, list);
		break;
	case HOMA_FX_RX_END:
		homa_grants_remove(cx, grants, &rpc->grantee, list);
		break;
	}
	for (i = before; i < list->count; i++) {
		struct homa_krpc *to = container_of(list->grant[i].to, struct homa_krpc, grantee);

		/* It is in the scheduler, or its lock is held: it has references. */
		refcount_inc(&to->refs);
	}
	spin_unlock(&hnet->grants_lock);
}

static void add_ack(struct homa_krpc *rpc, struct homa_outbox *box)
{
	struct homa_ack ack = { .client_id = rpc->id, .server_port = rpc->remote_port };
	struct homa_packet overflow homa_uninit;
	bool full;

	spin_lock(&rpc->peer->lock);
	full = homa_peer_add_ack(&rpc->peer->core, ack, &overflow);
	spin_unlock(&rpc->peer->lock);
	if (!full)
		return;
	*new_packet(box, HOMA_ACK) = overflow;
	this_cpu_inc(rpc->hnet->counters->core.ack_overflows);
}

static void ran(const struct homa_cx *cx, struct homa_krpc *rpc, bool keep)
{
	struct homa_net *hnet = rpc->hnet;

	spin_lock(&hnet->history_lock);
	if (keep)
		homa_history_keep(cx, &hnet->history, &rpc->peer->core, rpc->id ^ 1);
	else
		homa_history_add(cx, &hnet->history, &rpc->peer->core, rpc->id ^ 1);
	spin_unlock(&hnet->history_lock);
}

static void deliver(struct homa_krpc *rpc)
{
	struct homa_net *hnet = rpc->hnet;
	u32 length = rpc->core.in.length;

	rpc->complete = true;
	if (homa_krpc_is_client(rpc)) {
		homa_count_add(hnet, client_response_bytes_done, length);
		homa_krpc_stop(rpc);
	} else {
		homa_count_add(hnet, server_request_bytes_done, length);
	}
}

static void fail(struct homa_krpc *rpc, u8 error)
{
	if (!rpc->error)
		rpc->error = errnos[error];
	if (READ_ONCE(rpc->hnet->shell.verbose))
		pr_info_ratelimited("RPC %llu with port %u of %pI6c failed: %d\n", rpc->id,
				    rpc->remote_port, &rpc->peer->at.addr, rpc->error);
}

void homa_effects_apply(const struct homa_cx *cx, struct homa_krpc *rpc, struct homa_effects *fx,
			struct homa_outbox *box)
{
	struct homa_net *hnet = rpc->hnet;
	u32 i;

	lockdep_assert_held(&rpc->lock);
	for (i = 0; i < fx->count; i++) {
		const struct homa_effect *e = &fx->fx[i];

		switch ((enum homa_effect_type)e->type) {
		case HOMA_FX_SEND:
			send(rpc, e->packet, box);
			break;
		case HOMA_FX_ASK:
			if (!ask(cx, rpc, e, box))
				return;
			break;
		case HOMA_FX_TX_GRANT:
			spin_lock(&hnet->txq_lock);
			homa_txq_grant(cx, &hnet->txq, &rpc->out, e->offset, e->priority);
			spin_unlock(&hnet->txq_lock);
			box->pace = true;
			break;
		case HOMA_FX_TX_RESEND:
			resend(cx, rpc, e, box);
			break;
		case HOMA_FX_TX_RESTART:
			restart(cx, rpc, box);
			break;
		case HOMA_FX_RX_ADD:
		case HOMA_FX_RX_MORE:
		case HOMA_FX_RX_STALLED:
		case HOMA_FX_RX_END:
			tell_grants(cx, rpc, e, &box->grants);
			break;
		case HOMA_FX_DELIVER:
			deliver(rpc);
			break;
		case HOMA_FX_ACK:
			add_ack(rpc, box);
			break;
		case HOMA_FX_RAN:
			ran(cx, rpc, e->keep);
			break;
		case HOMA_FX_FAIL:
			fail(rpc, e->error);
			break;
		case HOMA_FX_FREE:
			/* A client that failed stays until its user has been told. */
			if (rpc->error && homa_krpc_is_client(rpc))
				homa_krpc_stop(rpc);
			else
				homa_krpc_retire(rpc);
			box->freed = true;
			break;
		case HOMA_FX_CREATE:
			/* Only of packets without an RPC. */
			break;
		}
	}
}

static void send_grants(const struct homa_cx *cx, const struct homa_grant_list *list)
{
	u32 i;

	for (i = 0; i < list->count; i++) {
		struct homa_krpc *rpc = container_of(list->grant[i].to, struct homa_krpc, grantee);
		struct homa_packet pkt = { .type = HOMA_GRANT };

		pkt.grant.offset = list->grant[i].offset;
		pkt.grant.priority = list->grant[i].priority;
		trace_homa_grant(rpc, pkt.grant.offset, pkt.grant.priority);
		homa_out_control_rpc(cx, rpc, &pkt);
		homa_krpc_put(rpc);
	}
}

void homa_effects_finish(const struct homa_cx *cx, struct homa_krpc *rpc, struct homa_outbox *box)
{
	u32 i;

	for (i = 0; i < box->count; i++)
		homa_out_control_rpc(cx, rpc, &box->packet[i]);
	send_grants(cx, &box->grants);
	if (box->pace)
		homa_out_pace(rpc->hnet);
	if (box->freed)
		homa_sock_give_back(rpc->hsk, NULL, 0);
	if (box->peer_dead)
		homa_in_peer_dead(rpc->peer);
}
