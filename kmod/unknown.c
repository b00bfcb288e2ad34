// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Packets for which there is no RPC: the first ones of requests, and those that are too late; see
 * arrival.h.
 */
#include <net/ipv6.h>

#include "arrival.h"
#include "effects.h"
#include "in.h"
#include "out.h"
#include "sock.h"
#include "trace.h"

/* Answer a packet for which there is no RPC. */
static void answer(struct arrival *a, u8 type)
{
	struct homa_packet pkt = { .type = type };

	pkt.sport = a->pkt.dport;
	pkt.dport = a->pkt.sport;
	pkt.sender_id = a->pkt.sender_id ^ 1;
	if (type == HOMA_ACK) {
		spin_lock(&a->peer->lock);
		homa_peer_take_acks(&a->peer->core, &pkt);
		spin_unlock(&a->peer->lock);
	}
	homa_out_control(&a->cx, a->hnet, a->peer, &a->to, &pkt);
}

/* Make a doubtful request's client show that it still waits. */
static void doubt(struct arrival *a, struct homa_krpc *rpc, struct homa_outbox *box)
{
	struct homa_packet pkt;
	u16 version;

	spin_lock(&a->peer->lock);
	version = homa_peer_doubt(&a->cx, &a->peer->core, &a->hnet->allocator.now, &pkt);
	spin_unlock(&a->peer->lock);
	homa_rpc_doubt(&rpc->core, version);
	if (version && box->count < HOMA_OUTBOX)
		box->packet[box->count++] = pkt;
}

/* Could the socket's program be told an address of this kind? */
static bool speaks(struct homa_sock *hsk, bool ipv4)
{
	const struct sock *sk = homa_sock_sk(hsk);

	return sk->sk_family == AF_INET ? ipv4 : !ipv4 || !ipv6_only_sock(sk);
}

/* A socket hears of a VRF's links only when it is bound to one of them or to the VRF's device. */
static bool listens(struct homa_sock *hsk, const struct arrival *a)
{
	int bound = READ_ONCE(homa_sock_sk(hsk)->sk_bound_dev_if);

	return bound ? bound == a->link || bound == a->vrf : !a->vrf;
}

/*
 * Since the history was asked, another core may have run the request from another copy of this
 * packet, and forgotten its RPC. Asked again when the RPC can be found, it knows.
 */
static bool ran_meanwhile(struct arrival *a, u8 doubts)
{
	enum homa_verdict verdict;

	spin_lock(&a->hnet->history_lock);
	verdict = homa_history_judge(&a->cx, &a->hnet->history, &a->peer->core, a->pkt.sender_id);
	spin_unlock(&a->hnet->history_lock);
	return verdict == HOMA_REQUEST_RAN || (verdict == HOMA_REQUEST_DOUBTFUL && !doubts);
}

/* The socket that a request is for. Return: NULL when there is none for it. */
static struct homa_sock *find_server(const struct arrival *a)
{
	struct homa_sock *hsk = homa_sock_find(a->hnet, a->pkt.dport);

	if (!hsk) {
		/* One that was bound at this moment may have led the search into another list. */
		spin_lock(&a->hnet->ports_lock);
		hsk = homa_sock_find(a->hnet, a->pkt.dport);
		spin_unlock(&a->hnet->ports_lock);
	}
	if (!hsk || !READ_ONCE(hsk->server) || READ_ONCE(hsk->shut) || !speaks(hsk, a->ipv4) ||
	    !listens(hsk, a))
		return NULL;
	return hsk;
}

static void create(struct arrival *a, u8 doubts)
{
	struct homa_sock *hsk = find_server(a);
	u64 id = a->pkt.sender_id ^ 1;
	struct homa_effects fx homa_uninit;
	struct homa_krpc *rpc;
	struct homa_outbox box homa_uninit;
	int err;

	if (!hsk) {
		homa_arrival_drop(a->hnet, HOMA_DROP_UNKNOWN);
		homa_in_refuse(a->whole, a->ipv4);
		return;
	}
	if (!homa_arrival_admitted(a, hsk))
		return;
	/* Most that is too much need not be set up; homa_krpc_publish() has the last word. */
	if (!homa_rpc_room(&a->cx, READ_ONCE(a->peer->served), atomic_read(&a->hnet->served)) ||
	    !homa_pool_fits(&hsk->pool, a->pkt.data.message_length) ||
	    !homa_sock_may_keep(hsk, false)) {
		homa_arrival_drop(a->hnet, HOMA_DROP_FULL);
		return;
	}
	rpc = homa_krpc_new(hsk, a->peer, id, GFP_ATOMIC);
	if (!rpc) {
		homa_count(a->hnet, server_cant_create_rpcs);
		return;
	}
	rpc->local_port = a->pkt.dport;
	rpc->remote_port = a->pkt.sport;
	rpc->local = a->to;
	homa_outbox_init(&box, &fx);
	/* From being found on, packets on other cores wait for the lock. */
	spin_lock(&rpc->lock);
	homa_rpc_init_server(&a->cx, &rpc->core, id, doubts, &fx);
	err = homa_krpc_publish(&a->cx, rpc);
	if (err) {
		spin_unlock(&rpc->lock);
		homa_krpc_put(rpc);
		if (err == -ENOSPC) {
			homa_arrival_drop(a->hnet, HOMA_DROP_FULL);
			return;
		}
		/* Another core was faster, with another packet of the request? */
		rpc = err == -EEXIST ? homa_krpc_get(a->hnet, a->peer, id) : NULL;
		if (!rpc) {
			homa_count(a->hnet, server_cant_create_rpcs);
			return;
		}
		homa_count(a->hnet, server_create_races);
		/* As if it had been found: what the grants are owed goes by the last one. */
		homa_arrival_leave(a);
		a->last = rpc;
		homa_arrival_input(a, rpc);
		return;
	}
	trace_homa_rpc_new(rpc, a->pkt.data.message_length);
	if (ran_meanwhile(a, doubts)) {
		homa_arrival_drop(a->hnet, HOMA_DROP_STALE);
		homa_krpc_retire(rpc);
	}
	if (!rpc->retired) {
		if (doubts)
			doubt(a, rpc, &box);
		homa_effects_arm(&a->cx, rpc,
				 a->cx.now + a->cx.params->resend_ticks * a->cx.params->tick_ns);
		homa_arrival_input_locked(a, rpc, &fx);
		homa_effects_apply(&a->cx, rpc, &fx, &box);
		homa_sock_notify(rpc);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&a->cx, rpc, &box);
	homa_krpc_put(rpc);
}

void homa_arrival_unknown(struct arrival *a)
{
	enum homa_verdict verdict = HOMA_REQUEST_NEW;
	struct homa_net *hnet = a->hnet;
	struct homa_effects fx homa_uninit;
	u32 i;

	if (homa_id_is_client(a->pkt.sender_id)) {
		spin_lock(&hnet->history_lock);
		verdict = homa_history_judge(&a->cx, &hnet->history, &a->peer->core,
					     a->pkt.sender_id);
		spin_unlock(&hnet->history_lock);
	}
	fx.count = 0;
	homa_rpc_unknown(&a->cx, &a->pkt, verdict, &fx);
	for (i = 0; i < fx.count; i++) {
		if (fx.fx[i].type == HOMA_FX_SEND)
			answer(a, fx.fx[i].packet);
		else if (fx.fx[i].type == HOMA_FX_CREATE)
			create(a, fx.fx[i].doubt);
	}
}
