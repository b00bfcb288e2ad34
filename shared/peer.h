/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * A peer: another host that we exchange RPCs with.
 *
 * - Cutoffs: the levels of unscheduled packets to it, as it told us; until it does, our own are the
 *   best guess.
 * - Liveness: one RESEND is in flight per peer at a time. Any packet from it is an answer. One that
 *   has had none for resend_interval counts as lost, and until something is heard another follows
 *   every tick, so that a few losses in a row do not make a live peer look dead; after
 *   timeout_resends such intervals, one in each interval. When these have been as many as
 *   timeout_resends and have lasted stall_ticks, the peer is dead: every RPC with it fails. An
 *   interval that became much longer, because this host itself stood still, counts as two. RPCs
 *   that must wait for another's answer queue up, those first that have wanted to ask for longest;
 *   each answer lets the next one ask.
 * - Acks: RPCs whose responses we have in full and that it may forget. One rides on each DATA
 *   packet to it, the oldest first; when HOMA_MAX_ACKS are waiting and one more comes, they go in
 *   an ACK packet together. What never gets a ride is asked for by NEED_ACK.
 * - Floor: requests with an id up to here may have run and been forgotten; see history.h.
 * - Memory: any source address makes a peer. A peer without RPCs that holds nothing a later request
 *   is judged by may be forgotten: when there are more than peer_gc_threshold, those that have been
 *   silent for long, the sooner the more there are; at peer_net_max whichever has been silent
 *   longest of those looked at, or else the new one is refused.
 *
 * Owner: the host; the peer's own short lock protects every field but grants (the grant scheduler's
 * lock) and cutoffs (written under the peer's lock, read without).
 */
#ifndef HOMA_PEER_H
#define HOMA_PEER_H

#include "grants.h"

struct homa_peer {
	/* What each packet needs is half a cache line, down to the first of the askers. */
	u8 acks;
	u8 unanswered;		/* resend_intervals in a row without any packet from the peer */
	bool asking;		/* a RESEND is in flight */
	bool echoes;		/* its DATA has carried a version that we told it */
	u16 told_version;	/* of our cutoffs, last sent to it */
	u32 doubts;	/* of its requests; each gives our cutoffs a new version towards it */
	u64 heard_at;		/* ns; the last packet from it */
	struct homa_tree askers;	/* RPCs that wait for their turn, by due time and id */
	struct homa_cutoffs cutoffs;	/* of the peer, for messages to it */
	u32 unsched;		/* unscheduled bytes per message to it: whole packets */
	u32 packet;		/* bytes of data in a full packet to it */
	u64 delay;		/* ns; that its answers take */
	u64 delay_at;		/* ns; of the last one */
	struct homa_grant_peer grants;
	struct homa_ack ack[HOMA_MAX_ACKS];	/* oldest first */
	u64 token;		/* number given by the owner, never given again */
	u32 remembered;	/* entries in the history that point here; the peer must outlive them */
	u64 asked_at;		/* ns; the last RESEND */
	u64 silent;		/* ns; of unanswered resend_intervals, our own stalls left out */
	u64 round_at;		/* ns; the first one in this resend_interval */
	u64 told_at;		/* ns; the last CUTOFFS sent to it */
	u64 floor;		/* request ids up to here may have been forgotten */
	u64 floor_at;		/* ns; when the floor was raised */
};

enum homa_ask {
	HOMA_ASK_NOW,
	HOMA_ASK_LATER,	/* another RESEND is in flight */
	HOMA_ASK_DEAD,	/* it answers nothing: fail all its RPCs with ETIMEDOUT */
};

/**
 * homa_peer_init() - A peer nothing is known of.
 * @cx:     Time and parameters.
 * @peer:   To set up.
 * @own:    This host's cutoffs.
 * @packet: Bytes of data in a full packet to it, at least 1.
 * @token:  Given to no other peer of the owner, before or later.
 */
void homa_peer_init(const struct homa_cx *cx, struct homa_peer *peer,
		    const struct homa_cutoffs *own, u32 packet, u64 token);

/**
 * homa_peer_unsched() - Unscheduled bytes of a message: unsched_bytes in whole packets.
 * @params: Parameters.
 * @packet: Bytes of data in a full packet, at least 1.
 * Return: Not cut to any message's length, but to max_message before it is rounded up.
 */
u32 homa_peer_unsched(const struct homa_params *params, u32 packet);

/**
 * homa_peer_set_packet() - The way to the peer carries packets of another size now.
 * @peer:   Peer.
 * @packet: Bytes of data in a full packet to it, at least 1: for messages from now on.
 */
void homa_peer_set_packet(struct homa_peer *peer, u32 packet);

/* Some packet from the peer has arrived. */
void homa_peer_heard(const struct homa_cx *cx, struct homa_peer *peer);

/**
 * homa_peer_took() - A RESEND of one of its RPCs was answered.
 * @cx:   Time and parameters.
 * @peer: Peer.
 * @took: ns since the first of the requests in a row; others of them may have been lost.
 */
void homa_peer_took(const struct homa_cx *cx, struct homa_peer *peer, u64 took);

/**
 * homa_peer_delay() - How much longer than usual one should wait before asking for data again.
 * @cx:   Time and parameters.
 * @peer: Peer; may be read without lock.
 * Return: ns, whole ticks, at most timeout_ticks or stall_ticks, whichever is longer; 0 where
 *         answers take less than a tick, or none has been needed for as long.
 */
u64 homa_peer_delay(const struct homa_cx *cx, const struct homa_peer *peer);

/**
 * homa_peer_ask() - May a RESEND be sent to this peer?
 * @cx:   Time and parameters, counters.
 * @peer: Peer; with HOMA_ASK_NOW, the RESEND counts as sent.
 */
enum homa_ask homa_peer_ask(const struct homa_cx *cx, struct homa_peer *peer);

/**
 * homa_peer_ask_in_turn() - Like homa_peer_ask(), for one of several RPCs that want to ask.
 * @cx:    Time and parameters, counters.
 * @peer:  Peer.
 * @asker: The RPC's place among them; queued when the answer is HOMA_ASK_LATER.
 * @due:   ns; since when it has wanted to ask.
 * @id:    Of the RPC.
 */
enum homa_ask homa_peer_ask_in_turn(const struct homa_cx *cx, struct homa_peer *peer,
				    struct homa_node *asker, u64 due, u64 id);

/* An RPC does not want to ask any more, or ends. */
void homa_peer_leave_turn(struct homa_peer *peer, struct homa_node *asker);

/**
 * homa_peer_next_asker() - After a packet from the peer: which RPC may ask now?
 * @peer: Peer.
 * Return: Its place, no longer queued: the owner looks after the RPC as if its timer had fired.
 *         NULL: none wants to, or a RESEND is in flight.
 */
struct homa_node *homa_peer_next_asker(struct homa_peer *peer);

/**
 * homa_peer_look_again() - When to look after an RPC again that wanted to ask.
 * @cx:     Time and parameters.
 * @peer:   Peer.
 * @answer: What homa_peer_ask() said: HOMA_ASK_NOW or HOMA_ASK_LATER.
 * Return: ns, instead of what the RPC's timer said; 0: leave it at that.
 */
u64 homa_peer_look_again(const struct homa_cx *cx, const struct homa_peer *peer,
			 enum homa_ask answer);

/**
 * homa_peer_add_ack() - A response is complete; let its server know when there is a packet to it.
 * @peer:     The server's host.
 * @ack:      The RPC.
 * @overflow: Filled in when no room is left: acks to send in an ACK packet whose own RPC is @ack.
 * Return: true when @overflow must be sent.
 */
bool homa_peer_add_ack(struct homa_peer *peer, struct homa_ack ack, struct homa_packet *overflow);

/* Take the oldest ack to ride on a DATA packet. Return: client_id 0 when there is none. */
struct homa_ack homa_peer_take_ack(struct homa_peer *peer);

/* Move all waiting acks into an ACK packet. */
void homa_peer_take_acks(struct homa_peer *peer, struct homa_packet *pkt);

/**
 * homa_peer_last_acks() - Send what acks are waiting before a peer is forgotten.
 * @peer: Peer.
 * @pkt:  Filled in, with ids and ports: an ACK packet.
 * Return: true when @pkt must be sent.
 */
bool homa_peer_last_acks(struct homa_peer *peer, struct homa_packet *pkt);

/**
 * homa_peer_expendable() - May a peer be forgotten without harm?
 * @cx:   Time and parameters; homa_history_expire() has been called.
 * @peer: A peer without RPCs.
 * Return: false while a late request of it would be judged by what we hold of the peer.
 */
bool homa_peer_expendable(const struct homa_cx *cx, const struct homa_peer *peer);

/**
 * homa_peer_idle_limit() - How long an expendable peer may be silent before it is forgotten.
 * @cx:    Parameters.
 * @peers: Peers the owner has.
 * Return: ns; ~0: for ever, there are few.
 */
u64 homa_peer_idle_limit(const struct homa_cx *cx, u32 peers);

/* The peer told us its cutoffs. */
void homa_peer_set_cutoffs(struct homa_peer *peer, const struct homa_packet *pkt);

/**
 * homa_peer_check_cutoffs() - Does a peer need to be told our cutoffs?
 * @cx:      Time and parameters.
 * @peer:    Sender of a DATA packet.
 * @own:     This host's cutoffs.
 * @version: In the packet. It differs between peers: see homa_peer_doubt().
 * @pkt:     Filled in, ids and ports excepted, when they must be sent.
 * Return: true when @pkt must be sent: not more than once per tick and version, whatever arrives.
 */
bool homa_peer_check_cutoffs(const struct homa_cx *cx, struct homa_peer *peer,
			     const struct homa_cutoffs *own, u16 version, struct homa_packet *pkt);

/**
 * homa_peer_doubt() - A request of the peer may have run before: let it show that it still waits.
 * @cx:   Time and parameters.
 * @peer: The client's host.
 * @own:  This host's cutoffs.
 * @pkt:  Filled in, ids and ports excepted: our cutoffs under a new version, to be sent.
 * Return: The version, for homa_rpc_doubt(); 0: the peer has never given one back, and nothing must
 *         be sent.
 */
u16 homa_peer_doubt(const struct homa_cx *cx, struct homa_peer *peer,
		    const struct homa_cutoffs *own, struct homa_packet *pkt);

#endif /* HOMA_PEER_H */
