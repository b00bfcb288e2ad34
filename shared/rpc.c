// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The state machine of an RPC; see rpc.h.
 */
#include "rpc.h"

#define PROBES_AFTER 3	/* requests in a row without an answer */
#define NEED_ACK_PAUSE 4	/* resend_intervals between NEED_ACKs to a silent client */

static struct homa_effect *effect(struct homa_effects *fx, enum homa_effect_type type)
{
	/*
	 * Every input function's longest path stays below HOMA_FX_MAX; should one ever not, the
	 * last effect gives way.
	 */
	struct homa_effect *e = &fx->fx[fx->count < HOMA_FX_MAX ? fx->count++ : HOMA_FX_MAX - 1];

	homa_memset(e, 0, sizeof(*e));
	e->type = (u8)type;
	return e;
}

static void send(struct homa_effects *fx, enum homa_packet_type type)
{
	effect(fx, HOMA_FX_SEND)->packet = (u8)type;
}

/* Ask for a range of the message being received. */
static void ask(const struct homa_cx *cx, struct homa_rpc *rpc, struct homa_effects *fx,
		u32 offset, u32 length)
{
	struct homa_effect *e = effect(fx, HOMA_FX_ASK);

	if (!rpc->due_at)
		rpc->due_at = cx->now;
	if (rpc->asked >= PROBES_AFTER && length != HOMA_RESEND_ALL)
		length = homa_min(length, HOMA_RESEND_PROBE);
	e->packet = HOMA_RESEND;
	e->offset = offset;
	e->length = length;
	e->priority = (u8)(cx->params->num_priorities - 1);
}

static void drop(const struct homa_cx *cx, enum homa_drop why)
{
	cx->counters->packets_dropped[why]++;
}

static void init(const struct homa_cx *cx, struct homa_rpc *rpc, u64 id)
{
	/* The gaps of the message need not be cleared: homa_msgin_init() sets their number. */
	homa_memset(rpc, 0, offsetof(struct homa_rpc, in));
	rpc->late = 0;
	rpc->asked_end = 0;
	rpc->lost_end = 0;
	rpc->busy_at = 0;
	rpc->id = id;
	rpc->active_at = cx->now;
	rpc->born_at = cx->now;
	rpc->data_at = cx->now;
}

void homa_rpc_init_client(const struct homa_cx *cx, struct homa_rpc *rpc, u64 id)
{
	init(cx, rpc, id);
	rpc->state = HOMA_RPC_OUTGOING;
	cx->counters->client_requests_started++;
}

void homa_rpc_init_server(const struct homa_cx *cx, struct homa_rpc *rpc, u64 id, u8 doubt,
			  struct homa_effects *fx)
{
	init(cx, rpc, id);
	rpc->state = HOMA_RPC_INCOMING;
	rpc->doubt = doubt;
	if (!doubt) {
		cx->counters->server_requests_started++;
		return;
	}
	cx->counters->requests_doubted++;
	ask(cx, rpc, fx, 0, HOMA_RESEND_ALL);
}

void homa_rpc_asked(const struct homa_cx *cx, struct homa_rpc *rpc, u32 offset, u32 length)
{
	if (!rpc->asked)
		rpc->first_at = cx->now;
	rpc->asked_end = length == HOMA_RESEND_ALL
				 ? 0
				 : offset + homa_min(length, HOMA_RESEND_MOST);
	rpc->resent = true;
	rpc->due_at = 0;
	if (rpc->asked < 0xffff)
		rpc->asked++;
}

/* End of the bytes that the sender may have sent. */
static u32 expected(const struct homa_rpc *rpc, u32 in_granted)
{
	return rpc->scheduled ? homa_max(rpc->incoming, in_granted) : rpc->incoming;
}

static void deliver(const struct homa_cx *cx, struct homa_rpc *rpc, struct homa_effects *fx)
{
	if (rpc->scheduled)
		effect(fx, HOMA_FX_RX_END);
	rpc->scheduled = false;
	rpc->resent = false;
	if (homa_rpc_is_client(rpc)) {
		rpc->state = HOMA_RPC_DONE;
		cx->counters->client_responses_done++;
		effect(fx, HOMA_FX_ACK);
	} else {
		rpc->state = HOMA_RPC_SERVING;
		cx->counters->server_requests_done++;
	}
	effect(fx, HOMA_FX_DELIVER);
}

void homa_rpc_doubt(struct homa_rpc *rpc, u16 version)
{
	rpc->proof = version;
}

/* A doubtful request's client must show that it still waits. Return: true when it has. */
static bool proven(const struct homa_cx *cx, struct homa_rpc *rpc, const struct homa_packet *pkt,
		   struct homa_effects *fx)
{
	if (rpc->proof) {
		if ((u16)(pkt->data.cutoff_version - rpc->proof) < HOMA_PROOF_WINDOW) {
			rpc->doubt = 0;
			rpc->resent = false;
			cx->counters->server_requests_started++;
		}
	} else if (pkt->data.retransmit && !pkt->data.offset && rpc->resent) {
		/*
		 * One proof per answer, of however many packets: the one with the message's first
		 * byte.
		 */
		rpc->resent = false;
		if (--rpc->doubt)
			ask(cx, rpc, fx, 0, HOMA_RESEND_ALL);
		else
			cx->counters->server_requests_started++;
	}
	if (rpc->doubt)
		drop(cx, HOMA_DROP_STALE);
	return !rpc->doubt;
}

/* What comes unasked is not all of it: the grant scheduler must know the message. */
static void schedule(struct homa_rpc *rpc, struct homa_effects *fx)
{
	struct homa_effect *e;

	if (rpc->scheduled || rpc->held || rpc->incoming >= rpc->in.length)
		return;
	rpc->scheduled = true;
	e = effect(fx, HOMA_FX_RX_ADD);
	e->length = rpc->in.length;
	e->offset = homa_max(rpc->incoming, rpc->in.high);
}

void homa_rpc_hold(struct homa_rpc *rpc)
{
	rpc->held = true;
}

void homa_rpc_release(const struct homa_cx *cx, struct homa_rpc *rpc, struct homa_effects *fx)
{
	if (!rpc->held)
		return;
	rpc->held = false;
	rpc->active_at = cx->now;
	rpc->data_at = cx->now;
	if (rpc->state == HOMA_RPC_INCOMING && rpc->receiving)
		schedule(rpc, fx);
}

static struct homa_range input_data(const struct homa_cx *cx, struct homa_rpc *rpc,
				    const struct homa_packet *pkt, struct homa_effects *fx)
{
	struct homa_range nothing = { 0, 0 };
	struct homa_msgin *in = &rpc->in;
	struct homa_accept accept;
	u32 gaps;

	rpc->restarts = 0;
	if (homa_rpc_is_client(rpc) && rpc->state == HOMA_RPC_OUTGOING)
		rpc->state = HOMA_RPC_INCOMING;
	if (rpc->state != HOMA_RPC_INCOMING) {
		drop(cx, HOMA_DROP_DUPLICATE);
		return nothing;
	}
	if (rpc->doubt && !proven(cx, rpc, pkt, fx))
		return nothing;
	if (!rpc->receiving) {
		homa_msgin_init(in, pkt->data.message_length);
		rpc->receiving = true;
		rpc->incoming = pkt->data.incoming;
		/* It answers a request for all, which was sent before, and is as old. */
		if (pkt->data.retransmit)
			rpc->lost_end = rpc->incoming;
	}
	gaps = in->gaps;
	accept = homa_msgin_data(in, pkt->data.offset, pkt->data.length);
	if (accept.why) {
		drop(cx, accept.why);
		if (accept.why == HOMA_DROP_DUPLICATE && pkt->data.retransmit && !rpc->took) {
			/* Answered before. */
			rpc->took = rpc->late;
			rpc->late = 0;
		}
		return nothing;
	}
	rpc->data_at = cx->now;
	if (in->gaps > gaps)
		cx->counters->gaps_created++;
	if (pkt->data.retransmit)
		cx->counters->resent_packets_used++;
	if (in->received == in->length) {
		deliver(cx, rpc, fx);
		return accept.range;
	}
	if (rpc->scheduled)
		effect(fx, HOMA_FX_RX_MORE);
	else
		schedule(rpc, fx);
	if (rpc->resent && pkt->data.retransmit && accept.range.end >= rpc->asked_end) {
		/* What was asked for is here; go on with the next gap of the same age. */
		struct homa_range next = homa_msgin_missing(in, rpc->lost_end);

		rpc->resent = false;
		if (next.start < next.end)
			ask(cx, rpc, fx, next.start, next.end - next.start);
	}
	return accept.range;
}

/*
 * What took a RESEND and its answer, if this is one. Of several RESENDs, all but the last may have
 * been lost; that the first was not shows when more answers follow than the one that was awaited.
 */
static u64 took(const struct homa_cx *cx, struct homa_rpc *rpc, const struct homa_packet *pkt)
{
	u64 since_first = homa_since(cx, rpc->first_at), late = rpc->late;

	if (pkt->type != HOMA_BUSY && pkt->type != HOMA_RPC_UNKNOWN &&
	    !(pkt->type == HOMA_DATA && pkt->data.retransmit)) {
		/* Was this only late? It was if an answer brings nothing new. */
		if (pkt->type == HOMA_DATA && rpc->asked)
			rpc->late = since_first;
		return 0;
	}
	if (rpc->asked) {
		rpc->late = rpc->asked > 1 ? since_first : 0;
		return rpc->asked > 1 ? 0 : since_first;
	}
	/* One answer may be many packets: see input_data(). */
	if (pkt->type == HOMA_DATA)
		return 0;
	rpc->late = 0;
	return late;
}

static void restart(const struct homa_cx *cx, struct homa_rpc *rpc, struct homa_effects *fx)
{
	if (rpc->scheduled)
		effect(fx, HOMA_FX_RX_END);
	rpc->scheduled = false;
	rpc->receiving = false;
	rpc->resent = false;
	rpc->state = HOMA_RPC_OUTGOING;
	cx->counters->rpcs_restarted++;
	effect(fx, HOMA_FX_TX_RESTART);
}

struct homa_range homa_rpc_input(const struct homa_cx *cx, struct homa_rpc *rpc,
				 const struct homa_packet *pkt, struct homa_effects *fx)
{
	struct homa_range nothing = { 0, 0 };
	struct homa_effect *e;
	bool client = homa_rpc_is_client(rpc), asked = rpc->asked;

	/* A server that sends asks by NEED_ACK: that is another question. */
	rpc->took = rpc->first_at ? took(cx, rpc, pkt) : 0;
	if (pkt->type == HOMA_NEED_ACK && client) {
		if (rpc->state == HOMA_RPC_DONE) {
			send(fx, HOMA_ACK);
			return nothing;
		}
		/*
		 * Says nothing of what is missing here, so it must not put off asking for it; it
		 * only shows that we are alive.
		 */
		cx->counters->ignored_need_acks++;
		send(fx, HOMA_BUSY);
		return nothing;
	}
	if (pkt->type == HOMA_DATA && rpc->receiving &&
	    pkt->data.message_length != rpc->in.length) {
		/* Of another message: no sign that the rest of this one will ever come. */
		drop(cx, HOMA_DROP_LENGTH);
		return nothing;
	}
	if (pkt->type != HOMA_RESEND || rpc->state != HOMA_RPC_INCOMING) {
		/* What the other side misses says nothing of what we miss. */
		rpc->active_at = cx->now;
		rpc->asked = 0;
		rpc->due_at = 0;
	}

	switch (pkt->type) {
	case HOMA_DATA:
		return input_data(cx, rpc, pkt, fx);
	case HOMA_GRANT:
		if (rpc->state != HOMA_RPC_OUTGOING)
			break;
		e = effect(fx, HOMA_FX_TX_GRANT);
		e->offset = pkt->grant.offset;
		e->priority = pkt->grant.priority;
		return nothing;
	case HOMA_RESEND:
		if (client && rpc->state == HOMA_RPC_DONE) {
			/* The server doubts an old copy of a request that it has answered. */
			send(fx, HOMA_RPC_UNKNOWN);
			return nothing;
		}
		/*
		 * A response has begun, so the request was complete: this is old, or a server that
		 * forgot the RPC doubts a copy of it. Sent again, it could run again.
		 */
		if (client && rpc->state != HOMA_RPC_OUTGOING)
			break;
		if (!client && rpc->state != HOMA_RPC_OUTGOING) {
			/* The response asked for does not exist yet. */
			send(fx, HOMA_BUSY);
			return nothing;
		}
		e = effect(fx, HOMA_FX_TX_RESEND);
		e->offset = pkt->resend.offset;
		e->length = pkt->resend.length;
		e->priority = pkt->resend.priority;
		return nothing;
	case HOMA_BUSY:
		rpc->restarts = 0;
		if (asked)
			rpc->busy_at = cx->now;
		return nothing;
	case HOMA_RPC_UNKNOWN:
		if (!client) {
			homa_rpc_acked(rpc, fx);
			return nothing;
		}
		/*
		 * It answers a question of ours, or it is stale: an unasked one must not make us
		 * send everything again.
		 */
		if (!asked || rpc->state == HOMA_RPC_DONE)
			break;
		if (++rpc->restarts > HOMA_RPC_PATIENCE * cx->params->timeout_resends ||
		    homa_since(cx, rpc->born_at) >= cx->params->memory_ns) {
			homa_rpc_abort(cx, rpc, HOMA_ERR_TIMEDOUT, fx);
			return nothing;
		}
		restart(cx, rpc, fx);
		return nothing;
	}
	drop(cx, HOMA_DROP_STATE);
	return nothing;
}

bool homa_rpc_put_off(struct homa_effects *fx)
{
	u32 i;

	for (i = 0; i < fx->count; i++) {
		if (fx->fx[i].type != HOMA_FX_RX_MORE)
			continue;
		homa_memmove(&fx->fx[i], &fx->fx[i + 1], (--fx->count - i) * sizeof(fx->fx[0]));
		return true;
	}
	return false;
}

void homa_rpc_unknown(const struct homa_cx *cx, const struct homa_packet *pkt,
		      enum homa_verdict verdict, struct homa_effects *fx)
{
	bool to_server = homa_id_is_client(pkt->sender_id);

	switch (pkt->type) {
	case HOMA_DATA:
		if (!to_server)
			break;
		if (verdict == HOMA_REQUEST_RAN) {
			cx->counters->requests_refused++;
			drop(cx, HOMA_DROP_STALE);
			return;
		}
		effect(fx, HOMA_FX_CREATE)->doubt =
			verdict == HOMA_REQUEST_DOUBTFUL ? HOMA_PROOFS : 0;
		return;
	case HOMA_RESEND:
		/*
		 * A client that is told "unknown" starts over, which it must not for a request that
		 * ran; told nothing, it would take us for dead. NEED_ACK is the truth: the response
		 * was sent.
		 */
		send(fx, to_server && verdict == HOMA_REQUEST_RAN ? HOMA_NEED_ACK
								  : HOMA_RPC_UNKNOWN);
		return;
	case HOMA_NEED_ACK:
		if (to_server)
			break;
		send(fx, HOMA_ACK);
		return;
	}
	drop(cx, HOMA_DROP_UNKNOWN);
}

bool homa_rpc_reply(const struct homa_cx *cx, struct homa_rpc *rpc)
{
	if (rpc->state != HOMA_RPC_SERVING)
		return false;
	rpc->state = HOMA_RPC_OUTGOING;
	rpc->active_at = cx->now;
	rpc->asked = 0;
	/* What follows asks for the ack: a client that says BUSY answers nothing of before. */
	rpc->first_at = 0;
	cx->counters->server_responses_started++;
	return true;
}

/* The RPC is over: let go of it everywhere. */
static void finish(struct homa_rpc *rpc, bool acked, struct homa_effects *fx)
{
	if (rpc->scheduled)
		effect(fx, HOMA_FX_RX_END);
	rpc->scheduled = false;
	if (!homa_rpc_is_client(rpc) && rpc->state != HOMA_RPC_INCOMING)
		effect(fx, HOMA_FX_RAN)->keep = !acked;
	rpc->state = HOMA_RPC_DONE;
	effect(fx, HOMA_FX_FREE);
}

void homa_rpc_acked(struct homa_rpc *rpc, struct homa_effects *fx)
{
	/* Acked by two packets at once: it is being freed. */
	if (rpc->state != HOMA_RPC_DONE)
		finish(rpc, true, fx);
}

void homa_rpc_abort(const struct homa_cx *cx, struct homa_rpc *rpc, enum homa_error error,
		    struct homa_effects *fx)
{
	if (error == HOMA_ERR_TIMEDOUT)
		cx->counters->rpc_timeouts++;
	if (error && homa_rpc_is_client(rpc))
		effect(fx, HOMA_FX_FAIL)->error = (u8)error;
	finish(rpc, false, fx);
}

void homa_rpc_peer_failed(const struct homa_cx *cx, struct homa_rpc *rpc, u16 local, u16 remote,
			  const struct homa_quote *quote, enum homa_error error,
			  struct homa_effects *fx)
{
	if (rpc->state == HOMA_RPC_SERVING || rpc->state == HOMA_RPC_DONE)
		return;
	if (quote && quote->local && quote->local != local)
		return;
	if (quote && quote->remote && (quote->remote != remote || !homa_rpc_is_client(rpc)))
		return;
	homa_rpc_abort(cx, rpc, error, fx);
}

static bool out_of_patience(const struct homa_cx *cx, const struct homa_rpc *rpc)
{
	const struct homa_params *params = cx->params;
	u32 requests = HOMA_RPC_PATIENCE * params->timeout_resends;
	u32 ticks = homa_max(requests * params->resend_interval,
			     HOMA_RPC_STALLS * params->stall_ticks);

	/* A silent peer is asked more often, but that must not make patience shorter. */
	return rpc->asked >= requests && homa_since(cx, rpc->active_at) >= ticks * params->tick_ns;
}

/* Count progress of our own, last made at @at, as activity. Return: ns since the last one. */
static u64 silence(const struct homa_cx *cx, struct homa_rpc *rpc, u64 at)
{
	if (at > rpc->active_at)
		rpc->active_at = at;
	return homa_since(cx, rpc->active_at);
}

/* ns since the message being received last grew, or was allowed to. */
static u64 starved(const struct homa_cx *cx, const struct homa_rpc *rpc,
		   const struct homa_rpc_view *view)
{
	u64 since = rpc->data_at;

	if (rpc->scheduled && view->in_granted_at > since)
		since = view->in_granted_at;
	return homa_since(cx, since);
}

/* The message being received was asked for in vain, whatever else was heard: let others go on. */
static void check_stalled(const struct homa_cx *cx, const struct homa_rpc *rpc,
			  const struct homa_rpc_view *view, struct homa_effects *fx)
{
	const struct homa_params *params = cx->params;
	u64 ticks = params->resend_ticks + params->resend_interval;

	if (rpc->scheduled &&
	    starved(cx, rpc, view) >= ticks * params->tick_ns + view->peer_delay)
		effect(fx, HOMA_FX_RX_STALLED);
}

/* Nothing says that the client of this incomplete request will go on with it. */
static bool abandoned(const struct homa_cx *cx, const struct homa_rpc *rpc,
		      const struct homa_rpc_view *view)
{
	u64 limit = cx->params->abandon_ticks * cx->params->tick_ns;

	return !homa_rpc_is_client(rpc) && starved(cx, rpc, view) >= limit &&
	       homa_since(cx, rpc->busy_at) >= limit;
}

static u64 receiver_timer(const struct homa_cx *cx, struct homa_rpc *rpc,
			  const struct homa_rpc_view *view, struct homa_effects *fx)
{
	const struct homa_params *params = cx->params;
	u64 patience = params->resend_ticks * params->tick_ns + view->peer_delay;
	u32 upto = rpc->receiving ? expected(rpc, view->in_granted) : 0;
	struct homa_range missing = { 0, 0 };

	if (rpc->held) {
		rpc->active_at = cx->now;
		rpc->data_at = cx->now;
		return cx->now + patience;
	}
	if (rpc->receiving) {
		missing = homa_msgin_missing(&rpc->in, upto);
		if (missing.start == missing.end) {
			/* All that was granted is here: the next step is our own scheduler's. */
			rpc->active_at = cx->now;
			rpc->data_at = cx->now;
			return cx->now + patience;
		}
	}
	if (abandoned(cx, rpc, view)) {
		cx->counters->requests_abandoned++;
		homa_rpc_abort(cx, rpc, HOMA_ERR_NONE, fx);
		return 0;
	}
	if (silence(cx, rpc, rpc->receiving ? view->in_granted_at : view->out_sent_at) < patience)
		return rpc->active_at + patience;
	if (out_of_patience(cx, rpc)) {
		homa_rpc_abort(cx, rpc, HOMA_ERR_TIMEDOUT, fx);
		return 0;
	}
	rpc->lost_end = upto;
	if (rpc->receiving)
		ask(cx, rpc, fx, missing.start, missing.end - missing.start);
	else
		ask(cx, rpc, fx, 0, HOMA_RESEND_ALL);
	return cx->now + params->resend_interval * params->tick_ns + view->peer_delay;
}

static u64 server_timer(const struct homa_cx *cx, struct homa_rpc *rpc,
			const struct homa_rpc_view *view, struct homa_effects *fx)
{
	const struct homa_params *params = cx->params;
	/* A response in full waits for its ack; a part of it for the client's grants. */
	u32 ticks = view->out_sent < view->out_length ? params->resend_ticks
						      : params->request_ack_ticks;
	u64 patience = ticks * params->tick_ns + view->peer_delay;
	u64 last = homa_max(params->timeout_ticks, params->stall_ticks) * params->tick_ns;
	bool waiting = view->out_sent < view->out_granted;

	if (silence(cx, rpc, view->out_sent_at) < patience || waiting)
		return (waiting ? cx->now : rpc->active_at) + patience;
	if (out_of_patience(cx, rpc) || (rpc->asked >= params->timeout_resends &&
					 homa_since(cx, view->peer_heard_at) > last)) {
		/* The client or its host is gone: nobody waits for this response. */
		homa_rpc_abort(cx, rpc, HOMA_ERR_TIMEDOUT, fx);
		return 0;
	}
	if (rpc->asked < 0xffff)
		rpc->asked++;
	send(fx, HOMA_NEED_ACK);
	ticks = params->resend_interval;
	if (rpc->asked > params->timeout_resends)
		ticks *= NEED_ACK_PAUSE;
	return cx->now + ticks * params->tick_ns + view->peer_delay;
}

u64 homa_rpc_timer(const struct homa_cx *cx, struct homa_rpc *rpc, const struct homa_rpc_view *view,
		   struct homa_effects *fx)
{
	const struct homa_params *params = cx->params;
	u64 again;

	switch (rpc->state) {
	case HOMA_RPC_INCOMING:
		again = receiver_timer(cx, rpc, view, fx);
		/* Last, for the list of effects may end with the RPC's life. */
		check_stalled(cx, rpc, view, fx);
		return again;
	case HOMA_RPC_OUTGOING:
		if (!homa_rpc_is_client(rpc))
			return server_timer(cx, rpc, view, fx);
		/* As long as there is more to send, the silence is ours. */
		if (view->out_sent < view->out_granted)
			return cx->now + params->resend_ticks * params->tick_ns;
		return receiver_timer(cx, rpc, view, fx);
	default:
		return 0;
	}
}
