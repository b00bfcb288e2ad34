// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A peer; see peer.h.
 */
#include "peer.h"

void homa_peer_init(const struct homa_cx *cx, struct homa_peer *peer,
		    const struct homa_cutoffs *own, u32 packet, u32 token)
{
	u32 packets = (homa_min(cx->params->unsched_bytes, cx->params->max_message) + packet - 1) /
		      packet;

	homa_memset(peer, 0, sizeof(*peer));
	peer->cutoffs = *own;
	peer->cutoffs.version = 0;
	homa_grant_peer_init(&peer->grants);
	peer->packet = packet;
	peer->unsched = packets * packet;
	peer->token = token;
	peer->heard_at = cx->now;
}

void homa_peer_heard(const struct homa_cx *cx, struct homa_peer *peer)
{
	peer->asking = false;
	peer->unanswered = 0;
	peer->heard_at = cx->now;
}

enum homa_ask homa_peer_ask(const struct homa_cx *cx, struct homa_peer *peer)
{
	const struct homa_params *params = cx->params;

	if (!peer->asking) {
		peer->round_at = cx->now;
	} else if (cx->now - peer->round_at >= params->resend_interval * params->tick_ns) {
		if (++peer->unanswered >= params->timeout_resends) {
			peer->asking = false;
			peer->unanswered = 0;
			cx->counters->peer_timeouts++;
			return HOMA_ASK_DEAD;
		}
		peer->round_at = cx->now;
	} else if (!peer->unanswered || cx->now - peer->asked_at < params->tick_ns) {
		return HOMA_ASK_LATER;
	}
	peer->asking = true;
	peer->asked_at = cx->now;
	return HOMA_ASK_NOW;
}

enum homa_ask homa_peer_ask_in_turn(const struct homa_cx *cx, struct homa_peer *peer, u64 due)
{
	/* Who was refused comes back every tick, or wants nothing any more. */
	bool reserved = peer->turn && cx->now - peer->turn_at <= cx->params->tick_ns;
	enum homa_ask answer;

	if (reserved && due > peer->turn)
		return HOMA_ASK_LATER;
	answer = homa_peer_ask(cx, peer);
	peer->turn = answer == HOMA_ASK_LATER ? due : 0;
	peer->turn_at = cx->now;
	return answer;
}

u64 homa_peer_look_again(const struct homa_cx *cx, const struct homa_peer *peer,
			 enum homa_ask answer)
{
	return answer == HOMA_ASK_LATER || peer->unanswered ? cx->now + cx->params->tick_ns : 0;
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
	struct homa_ack none = { 0 };

	return peer->acks ? peer->ack[--peer->acks] : none;
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
	if (peer->told_version == current && cx->now - peer->told_at < cx->params->tick_ns)
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
