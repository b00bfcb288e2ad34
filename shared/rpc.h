/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * An RPC: the state machine that ties a request and its response, on either side.
 *
 *	client:	OUTGOING ── first response packet ──▶ INCOMING ── response complete ──▶ DONE
 *	server:	INCOMING ── request complete ──▶ SERVING ── reply ──▶ OUTGOING ── ack ──▶ DONE
 *
 * What asks for lost data, and when (all silences are measured from the last packet of this RPC, or
 * the last progress of our own):
 *
 * - Receiver of a message, granted bytes missing for resend_ticks: RESEND for the first gap; then,
 *   as each answer fills what was asked for, at once for the next gap that is as old.
 * - Client without any response, request sent as far as allowed: RESEND for the whole response. The
 *   server answers with DATA, BUSY, or RPC_UNKNOWN; on the last the client starts the RPC over.
 * - Server whose response is sent in full, for request_ack_ticks, or as far as granted, for
 *   resend_ticks: NEED_ACK, every resend_interval. A client that has all of it, or does not know
 *   the RPC, answers ACK; one that still waits answers BUSY. After timeout_resends without an
 *   answer it asks four times more seldom; after timeout_ticks or stall_ticks,
 *   whichever is longer, without a packet from the client's host, the server forgets the RPC.
 * - Server working on a request: nothing; the client's RESENDs are answered BUSY.
 * - Where answers of a peer take longer than a tick, as they do when packets queue up for a slow
 *   host or link, every such wait is as much longer: what is merely late need not be sent again.
 *   Until that is known, requests that had no answer are followed by some for one packet, and one
 *   for a whole message is answered by one packet.
 * - After HOMA_RPC_PATIENCE × timeout_resends requests of one RPC without an answer, and not
 *   before HOMA_RPC_STALLS × stall_ticks, the RPC fails even though the peer lives. So does one
 *   whose server does not know it any more when memory_ns have passed since it was issued: it
 *   may have run and been forgotten. And one that a client has started over as often: its server
 *   cannot take it.
 *
 * What BUSY can hold up:
 *
 * - BUSY is an answer, so no RPC fails while it comes: a server may work for minutes, and a sender
 *   may have shorter messages to send for long. A user who will not wait aborts.
 * - It keeps no grants: a message of which no new byte comes for resend_ticks + resend_interval is
 *   stalled, see grants.h.
 * - It keeps an incomplete request: its client may have shorter messages to send for longer than
 *   any limit, and what is here already would have to be sent again. Without a new byte and without
 *   a BUSY that answers a RESEND for abandon_ticks the server drops it. That fails nothing: it has
 *   not run, and should its client go on, its next packet starts it again and the rest is asked
 *   for.
 * - So it does requests being served and responses not acked. How many of one peer there may be is
 *   bounded by their owner (max_rpcs_per_peer, max_served_rpcs).
 *
 * Every input function appends to a list of effects, which the caller carries out after it has
 * dropped the RPC's lock. The message being sent and the one being received in the eyes of the
 * schedulers (struct homa_msgout, struct homa_grantee) belong to other locks; what they must be
 * told is an effect.
 *
 * Owner: the RPC's own lock protects every field.
 */
#ifndef HOMA_RPC_H
#define HOMA_RPC_H

#include "history.h"
#include "msgin.h"
#include "txq.h"

enum homa_rpc_state {
	HOMA_RPC_OUTGOING,
	HOMA_RPC_INCOMING,
	HOMA_RPC_SERVING,
	HOMA_RPC_DONE,
};

struct homa_rpc {
	u64 first_at;	/* ns; the first of the requests in a row; 0: there was none */
	u64 took;	/* ns that the answer before us took; 0: not known, or no answer */
	/* What each packet needs besides is a cache line, down to the number of gaps. */
	u64 id;		/* as this side names it: even on the client, odd on the server */
	u64 active_at;	/* ns; last packet of this RPC, or progress of our own */
	u64 data_at;	/* ns; last new byte, or when all bytes granted were here */
	u64 due_at;	/* ns; since when it wants to ask; 0: it does not */
	u32 incoming;	/* bytes of the message being received that come without a grant */
	u8 state;	/* enum homa_rpc_state */
	u8 doubt;	/* proofs still needed that the client waits for this RPC */
	u16 proof;	/* version of the cutoffs that proves it; 0: answers to RESENDs do */
	u16 asked;	/* requests in a row without a packet of this RPC */
	u16 restarts;	/* in a row, without a sign that the server knows the RPC */
	bool receiving;	/* in is set up */
	bool scheduled;	/* the grant scheduler knows the message being received */
	bool resent;	/* a RESEND was sent and lost data may still be on its way */
	bool held;	/* homa_rpc_hold() */
	struct homa_msgin in;
	u64 late;	/* ns until one of several was answered; if more follow, the first */
	u32 asked_end;	/* end of what the last RESEND asked for */
	u32 lost_end;	/* gaps below this are old enough to be asked for */
	u64 born_at;	/* ns; when it was started, or first heard of */
	u64 busy_at;	/* ns; last BUSY that answered a request for the rest; 0: none */
};

enum homa_effect_type {
	/* send control packet .packet to the peer: offset, length, priority where it has them */
	HOMA_FX_SEND,
	/*
	 * homa_peer_ask_in_turn() with the RPC's due_at; NOW: homa_rpc_asked() and send RESEND;
	 * DEAD: homa_rpc_peer_failed() for each RPC with the peer; otherwise set the RPC's timer as
	 * homa_peer_look_again() says. After an input without it that leaves due_at 0, and after a
	 * timer without it: homa_peer_leave_turn()
	 */
	HOMA_FX_ASK,
	/*
	 * make an RPC for it: homa_rpc_init_server() with .doubt, and if there is any,
	 * homa_peer_doubt(), homa_rpc_doubt(); then the packet again
	 */
	HOMA_FX_CREATE,
	HOMA_FX_TX_GRANT,	/* homa_txq_grant() */
	HOMA_FX_TX_RESEND,	/* homa_txq_resend(); send BUSY if it says so */
	HOMA_FX_TX_RESTART,	/* forget the response so far and homa_txq_restart() */
	HOMA_FX_RX_ADD,		/* homa_grants_add(): .length of the message, .offset granted */
	HOMA_FX_RX_MORE,	/* homa_grants_received(), now or later: homa_rpc_put_off() */
	HOMA_FX_RX_STALLED,	/* homa_grants_stalled() */
	HOMA_FX_RX_END,		/* homa_grants_remove() */
	HOMA_FX_DELIVER,	/* the message is complete: to the user */
	HOMA_FX_ACK,		/* homa_peer_add_ack() */
	HOMA_FX_RAN,		/* homa_history_keep() if .keep, or else homa_history_add() */
	HOMA_FX_FAIL,		/* tell the user: .error; then free */
	HOMA_FX_FREE,		/* the RPC is over: free it */
};

/* Errors of HOMA_FX_FAIL; the owner maps them to its errno. */
enum homa_error {
	HOMA_ERR_NONE,
	HOMA_ERR_TIMEDOUT,	/* the peer or its server answers nothing (ETIMEDOUT) */
	HOMA_ERR_NOTCONN,	/* nobody serves the port (ENOTCONN) */
	HOMA_ERR_HOSTDOWN,	/* no way to the host (EHOSTUNREACH) */
};

struct homa_effect {
	u8 type;		/* enum homa_effect_type */
	u8 packet;		/* enum homa_packet_type */
	u8 priority;
	u8 doubt;
	u8 keep;
	u8 error;		/* enum homa_error */
	u32 offset, length;
};

/* At most so many effects follow from one input. */
#define HOMA_FX_MAX 8

struct homa_effects {
	u32 count;
	struct homa_effect fx[HOMA_FX_MAX];
};

/* What the timer needs to know of objects under other locks; stale values are harmless. */
struct homa_rpc_view {
	u32 out_length;	/* 0: nothing is being sent */
	u32 out_sent;
	u32 out_granted;
	u32 in_granted;	/* of the grantee, if scheduled */
	u64 out_sent_at, in_granted_at;	/* ns; the last time that it went on */
	u64 peer_heard_at;
	u64 peer_delay;	/* homa_peer_delay() */
};

static inline bool homa_rpc_is_client(const struct homa_rpc *rpc)
{
	return homa_id_is_client(rpc->id);
}

/**
 * homa_rpc_init_client() - Start an RPC; its request is ready for homa_txq_start().
 * @cx:  Time, counters.
 * @rpc: To set up.
 * @id:  Even, above 0, higher than every earlier one of this host, its earlier lives included.
 */
void homa_rpc_init_client(const struct homa_cx *cx, struct homa_rpc *rpc, u64 id);

/**
 * homa_rpc_init_server() - Start an RPC for a request that has begun to arrive.
 * @cx:    Time, counters.
 * @rpc:   To set up.
 * @id:    Odd.
 * @doubt: From HOMA_FX_CREATE.
 * @fx:    Effects are appended.
 */
void homa_rpc_init_server(const struct homa_cx *cx, struct homa_rpc *rpc, u64 id, u8 doubt,
			  struct homa_effects *fx);

/**
 * homa_rpc_doubt() - What will prove that the client still waits.
 * @rpc:     Started with doubt.
 * @version: From homa_peer_doubt().
 */
void homa_rpc_doubt(struct homa_rpc *rpc, u16 version);

/**
 * homa_rpc_input() - A packet of this RPC has arrived. ACK, CUTOFFS and FREEZE are not an RPC's.
 * @cx:   Time, parameters, counters.
 * @rpc:  RPC; when its took is not 0 after this, it is for homa_peer_took().
 * @pkt:  Validated.
 * @fx:   Effects are appended.
 * Return: For DATA, the bytes to keep; otherwise an empty range.
 */
struct homa_range homa_rpc_input(const struct homa_cx *cx, struct homa_rpc *rpc,
				 const struct homa_packet *pkt, struct homa_effects *fx);

/**
 * homa_rpc_put_off() - Let the grant scheduler hear later of what has come: see struct homa_owed.
 * @fx: Effects of homa_rpc_input(); HOMA_FX_RX_MORE is taken out.
 * Return: Whether it was among them.
 */
bool homa_rpc_put_off(struct homa_effects *fx);

/**
 * homa_rpc_hold() - The owner has no room for the message being received.
 * @rpc: Until homa_rpc_release() the message gets no grants and nothing of it is asked for; what
 *       comes of it all the same may be handed to homa_rpc_input() or dropped. The other side is
 *       told that we are alive.
 */
void homa_rpc_hold(struct homa_rpc *rpc);

/**
 * homa_rpc_release() - There is room: let the message go on.
 * @cx:  Time.
 * @rpc: Held, or else nothing happens.
 * @fx:  Effects are appended.
 */
void homa_rpc_release(const struct homa_cx *cx, struct homa_rpc *rpc, struct homa_effects *fx);

/**
 * homa_rpc_unknown() - A packet has arrived for which there is no RPC.
 * @cx:      Counters.
 * @pkt:     Validated.
 * @verdict: Of the history, when @pkt was sent by a client.
 * @fx:      Effects are appended.
 */
void homa_rpc_unknown(const struct homa_cx *cx, const struct homa_packet *pkt,
		      enum homa_verdict verdict, struct homa_effects *fx);

/**
 * homa_rpc_reply() - The server's user has the response; it is ready for homa_txq_start().
 * @cx:  Time, counters.
 * @rpc: RPC.
 * Return: false when the RPC does not wait for a response.
 */
bool homa_rpc_reply(const struct homa_cx *cx, struct homa_rpc *rpc);

/**
 * homa_rpc_acked() - The client is done with this RPC.
 * @rpc: At the server.
 * @fx:  Effects are appended.
 */
void homa_rpc_acked(struct homa_rpc *rpc, struct homa_effects *fx);

/**
 * homa_rpc_peer_failed() - Its peer answers nothing, or the network says that the peer or one of
 * its ports cannot be reached. A port that nobody serves ends the requests issued to it and nothing
 * else: a server still answers its clients from there. A request that a server works on is left to
 * finish: only its response would fail. So is a response that waits for its user.
 * @cx:     Counters.
 * @rpc:    Any RPC with the peer.
 * @local:  This host's port in it.
 * @remote: The peer's port in it.
 * @quote:  What the network says, of a packet of an RPC that there is; NULL: the peer is dead.
 * @error:  For the user.
 * @fx:     Effects are appended, as by homa_rpc_abort(); none: the RPC goes on.
 */
void homa_rpc_peer_failed(const struct homa_cx *cx, struct homa_rpc *rpc, u16 local, u16 remote,
			  const struct homa_quote *quote, enum homa_error error,
			  struct homa_effects *fx);

/**
 * homa_rpc_abort() - End an RPC from this side, whatever it is doing.
 * @cx:    Counters.
 * @rpc:   RPC.
 * @error: For the user; HOMA_ERR_NONE: the user need not be told.
 * @fx:    Effects are appended; HOMA_FX_FREE is always among them.
 */
void homa_rpc_abort(const struct homa_cx *cx, struct homa_rpc *rpc, enum homa_error error,
		    struct homa_effects *fx);

/**
 * homa_rpc_timer() - Look after an RPC.
 * @cx:   Time, parameters, counters.
 * @rpc:  RPC.
 * @view: Of the objects around it.
 * @fx:   Effects are appended.
 * Return: When to look again, ns; 0: when something happens to it.
 */
u64 homa_rpc_timer(const struct homa_cx *cx, struct homa_rpc *rpc, const struct homa_rpc_view *view,
		   struct homa_effects *fx);

/**
 * homa_rpc_room() - May a server take one more request?
 * @cx:      Parameters.
 * @of_peer: RPCs of its client's host that this host serves.
 * @of_all:  RPCs of all peers that it serves.
 * Return: false: drop it, as HOMA_DROP_FULL; its client will ask again.
 */
static inline bool homa_rpc_room(const struct homa_cx *cx, u32 of_peer, u32 of_all)
{
	return of_peer < cx->params->max_rpcs_per_peer && of_all < cx->params->max_served_rpcs;
}

/* The RESEND of HOMA_FX_ASK has been sent: @offset and @length as in it. */
void homa_rpc_asked(const struct homa_cx *cx, struct homa_rpc *rpc, u32 offset, u32 length);

#endif /* HOMA_RPC_H */
