// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A peer; see peer.h.
 */
#include "peer.h"

void homa_peer_init(const struct homa_cx *cx, struct homa_peer *peer, const struct homa_cutoffs *own, u32 packet, u32 token)
{
	u32 packets = (homa_min(cx->params->unsched_bytes, cx->params->max_message) + packet - 1) / packet;

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

	if (peer->asking) {
		if (cx->now - peer->asked_at < params->resend_interval * params->tick_ns)
			return HOMA_ASK_LATER;
		if (++peer->unanswered >= params->timeout_resends) {
			homa_peer_heard(cx, peer);
			cx->counters->peer_timeouts++;
			return HOMA_ASK_DEAD;
		}
	}
	peer->asking = true;
	peer->asked_at = cx->now;
	return HOMA_ASK_NOW;
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

bool homa_peer_check_cutoffs(const struct homa_cx *cx, struct homa_peer *peer, const struct homa_cutoffs *own, u16 version,
			     struct homa_packet *pkt)
{
	if (version == own->version)
		return false;
	if (peer->told_version == own->version && cx->now - peer->told_at < cx->params->tick_ns)
		return false;
	peer->told_version = own->version;
	peer->told_at = cx->now;
	pkt->type = HOMA_CUTOFFS;
	homa_memcpy(pkt->cutoffs.cutoff, own->cutoff, sizeof(own->cutoff));
	pkt->cutoffs.version = own->version;
	return true;
}
