// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A peer; see peer.h.
 */
#include "peer.h"

u32 homa_peer_unsched(const struct homa_params *params, u32 packet)
{
	return (homa_min(params->unsched_bytes, params->max_message) + packet - 1) / packet *
	       packet;
}

void homa_peer_init(const struct homa_cx *cx, struct homa_peer *peer,
		    const struct homa_cutoffs *own, u32 packet, u64 token)
{
	homa_memset(peer, 0, sizeof(*peer));
	peer->cutoffs = *own;
	peer->cutoffs.version = 0;
	peer->packet = packet;
	peer->unsched = homa_peer_unsched(cx->params, packet);
	homa_grant_peer_init(&peer->grants, peer->unsched);
	peer->token = token;
	homa_tree_init(&peer->askers);
	peer->heard_at = cx->now;
}

void homa_peer_set_packet(struct homa_peer *peer, u32 packet)
{
	WRITE_ONCE(peer->packet, packet);
}

void homa_peer_heard(const struct homa_cx *cx, struct homa_peer *peer)
{
	peer->asking = false;
	peer->unanswered = 0;
	peer->heard_at = cx->now;
}

/* ns; the longest delay that is believed, and for how long one is. */
static u64 longest(const struct homa_params *params)
{
	return homa_max(params->timeout_ticks, params->stall_ticks) * params->tick_ns;
}

/* Nothing has been learnt of its delay for so long. */
static bool outdated(const struct homa_cx *cx, const struct homa_peer *peer)
{
	return homa_since(cx, READ_ONCE(peer->delay_at)) > longest(cx->params);
}

void homa_peer_took(const struct homa_cx *cx, struct homa_peer *peer, u64 took)
{
	if (took > longest(cx->params))
		took = longest(cx->params);
	if (outdated(cx, peer))
		peer->delay = 0;
	/*
	 * Machines that take long now and then are waited for as if they always did: asking too
	 * early makes them slower still. One long time alone may mean that requests were lost.
	 */
	if (took < peer->delay)
		peer->delay -= (peer->delay - took) / 8;
	else
		peer->delay += (took - peer->delay) / 2;
	peer->delay_at = cx->now;
}

u64 homa_peer_delay(const struct homa_cx *cx, const struct homa_peer *peer)
{
	const struct homa_params *params = cx->params;
	u64 delay = READ_ONCE(peer->delay);

	if (delay < params->tick_ns || outdated(cx, peer))
		return 0;
	return homa_div64(delay, params->tick_ns) * params->tick_ns;
}

/* A tick between RESENDs to a silent peer; or more, when that does not help. */
static u64 pause(const struct homa_cx *cx, const struct homa_peer *peer)
{
	const struct homa_params *params = cx->params;

	return (peer->unanswered < params->timeout_resends ? 1 : params->resend_interval) *
	       params->tick_ns;
}

enum homa_ask homa_peer_ask(const struct homa_cx *cx, struct homa_peer *peer)
{
	const struct homa_params *params = cx->params;
	u64 interval = params->resend_interval * params->tick_ns;

	if (!peer->asking) {
		peer->round_at = cx->now;
		peer->silent = 0;
	} else if (homa_since(cx, peer->round_at) >= interval) {
		u64 silence = homa_since(cx, peer->round_at);

		/* If it is much longer, our own timers were late: a silence of ours. */
		peer->silent += silence < 2 * interval ? silence : 2 * interval;
		if (peer->unanswered < 0xff)
			peer->unanswered++;
		if (peer->unanswered >= params->timeout_resends &&
		    peer->silent >= params->stall_ticks * params->tick_ns) {
			peer->asking = false;
			peer->unanswered = 0;
			cx->counters->peer_timeouts++;
			return HOMA_ASK_DEAD;
		}
		peer->round_at = cx->now;
	} else if (!peer->unanswered || homa_since(cx, peer->asked_at) < pause(cx, peer)) {
		return HOMA_ASK_LATER;
	}
	peer->asking = true;
	peer->asked_at = cx->now;
	return HOMA_ASK_NOW;
}

enum homa_ask homa_peer_ask_in_turn(const struct homa_cx *cx, struct homa_peer *peer,
				    struct homa_node *asker, u64 due, u64 id)
{
	enum homa_ask answer = HOMA_ASK_LATER;

	homa_peer_leave_turn(peer, asker);
	asker->key = due;
	asker->tie = id;
	if (!peer->askers.first || homa_node_before(asker, peer->askers.first))
		answer = homa_peer_ask(cx, peer);
	if (answer == HOMA_ASK_LATER)
		homa_tree_insert(&peer->askers, asker);
	return answer;
}

void homa_peer_leave_turn(struct homa_peer *peer, struct homa_node *asker)
{
	/* Where nobody waits, the RPC need not be looked at. */
	if (peer->askers.first && homa_node_queued(asker))
		homa_tree_remove(&peer->askers, asker);
}

struct homa_node *homa_peer_next_asker(struct homa_peer *peer)
{
	struct homa_node *first = peer->askers.first;

	if (!first || peer->asking)
		return NULL;
	homa_tree_remove(&peer->askers, first);
	return first;
}

u64 homa_peer_look_again(const struct homa_cx *cx, const struct homa_peer *peer,
			 enum homa_ask answer)
{
	return answer == HOMA_ASK_LATER || peer->unanswered ? cx->now + pause(cx, peer) : 0;
}

bool homa_peer_add_ack(struct homa_peer *peer, struct homa_ack ack, struct homa_packet *overflow)
{
	if (peer->acks < HOMA_MAX_ACKS) {
		peer->ack[peer->acks++] = ack;
		return false;
	}
	overflow->sender_id = ack.client_id;
	homa_peer_take_acks(peer, overflow);
	return true;
}

struct homa_ack homa_peer_take_ack(struct homa_peer *peer)
{
	struct homa_ack first = { 0 };

	if (peer->acks) {
		first = peer->ack[0];
		homa_memmove(&peer->ack[0], &peer->ack[1], --peer->acks * sizeof(first));
	}
	return first;
}

void homa_peer_take_acks(struct homa_peer *peer, struct homa_packet *pkt)
{
	u32 i;

	pkt->type = HOMA_ACK;
	pkt->ack.count = peer->acks;
	for (i = 0; i < peer->acks; i++)
		pkt->ack.ack[i] = peer->ack[i];
	peer->acks = 0;
}

bool homa_peer_last_acks(struct homa_peer *peer, struct homa_packet *pkt)
{
	struct homa_ack first = homa_peer_take_ack(peer);

	if (!first.client_id)
		return false;
	pkt->sender_id = first.client_id;
	/* Acks are found by id; which client port each came from is forgotten. */
	pkt->sport = HOMA_MIN_CLIENT_PORT;
	pkt->dport = first.server_port;
	homa_peer_take_acks(peer, pkt);
	return true;
}

static bool may_survive(const struct homa_cx *cx, u64 since)
{
	return homa_since(cx, since) <= cx->params->memory_ns;
}

bool homa_peer_expendable(const struct homa_cx *cx, const struct homa_peer *peer)
{
	/*
	 * A peer made anew counts its doubts from nothing; packets with a later version must not be
	 * on their way then, or they would pass as proof.
	 */
	return !peer->remembered && !(peer->floor && may_survive(cx, peer->floor_at)) &&
	       !(peer->doubts && may_survive(cx, peer->heard_at));
}

u64 homa_peer_idle_limit(const struct homa_cx *cx, u32 peers)
{
	const struct homa_params *params = cx->params;
	u32 few = params->peer_gc_threshold, many = params->peer_net_max;
	u64 ns = 1000000000, longest = params->peer_idle_secs_max * ns;
	u64 shortest = params->peer_idle_secs_min * ns;

	if (peers <= few)
		return ~0ull;
	if (peers >= many || longest <= shortest)
		return shortest;
	return longest - homa_div64((longest - shortest) * (peers - few), many - few);
}

void homa_peer_set_cutoffs(struct homa_peer *peer, const struct homa_packet *pkt)
{
	u32 i;

	for (i = 0; i < HOMA_PRIORITIES; i++)
		WRITE_ONCE(peer->cutoffs.cutoff[i], pkt->cutoffs.cutoff[i]);
	WRITE_ONCE(peer->cutoffs.version, pkt->cutoffs.version);
}

/* What our cutoffs' version is towards this peer; never 0. */
static u16 version_for(const struct homa_peer *peer, const struct homa_cutoffs *own)
{
	return (u16)(1 + ((u64)own->version - 1 + peer->doubts) % 0xffff);
}

static void tell(const struct homa_cx *cx, struct homa_peer *peer, const struct homa_cutoffs *own,
		 struct homa_packet *pkt)
{
	peer->told_version = version_for(peer, own);
	peer->told_at = cx->now;
	pkt->type = HOMA_CUTOFFS;
	homa_memcpy(pkt->cutoffs.cutoff, own->cutoff, sizeof(own->cutoff));
	pkt->cutoffs.version = peer->told_version;
}

bool homa_peer_check_cutoffs(const struct homa_cx *cx, struct homa_peer *peer,
			     const struct homa_cutoffs *own, u16 version, struct homa_packet *pkt)
{
	u16 current = version_for(peer, own);

	if (version == current) {
		if (peer->told_version == current)
			peer->echoes = true;
		return false;
	}
	if (peer->told_version == current && homa_since(cx, peer->told_at) < cx->params->tick_ns)
		return false;
	tell(cx, peer, own, pkt);
	return true;
}

u16 homa_peer_doubt(const struct homa_cx *cx, struct homa_peer *peer,
		    const struct homa_cutoffs *own, struct homa_packet *pkt)
{
	if (!peer->echoes)
		return 0;
	peer->doubts++;
	tell(cx, peer, own, pkt);
	return peer->told_version;
}
