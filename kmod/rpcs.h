/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * RPCs of a namespace: the core's state machine with the packets, memory and users around it.
 *
 * Life: made by sendmsg() or by the first packet of a request, with one reference for the table;
 * stopped when the protocol is done with it (no timer, no transmission, its peer forgets it);
 * retired when its user is, too (not found any more). The table's reference goes with retirement,
 * and the last one frees it, for reuse as another RPC at once: see homa_krpc_get().
 */
#ifndef HOMA_RPCS_H
#define HOMA_RPCS_H

#include <linux/skbuff.h>

#include "bytes.h"
#include "net.h"
#include "peers.h"

/* A place in a socket's list of RPCs. */
struct homa_place {
	struct list_head list;
	u64 number;	/* higher than that of those before; 0: of someone who goes through them */
};

struct homa_krpc {
	struct rhash_head hash;
	refcount_t refs;
	u16 local_port, remote_port;
	struct homa_net *hnet;
	struct homa_sock *hsk;
	struct homa_kpeer *peer;
	u64 id;				/* the same as core.id */
	spinlock_t lock;		/* what follows, unless it says otherwise */
	struct sk_buff **rx_tail;	/* the end of what begins at rx_head */
	struct homa_bytes bytes;	/* unchanged while it is in the transmit queue */
	/* Cleared when it is made; the rest is set up field by field. */
	struct_group(cleared,
		u64 cookie;
		struct in6_addr local;	/* address requests came to; any: as routed */
		struct sk_buff *rx_head;	/* arrived and not copied */
		u32 rx_bytes;
		int error;		/* for the user; negative errno */
		u32 place_length;	/* bytes of the message it has place for; 0: none */
		u32 place_count;	/* entries of place; hsk->pool_lock */
		bool private;		/* received by id only */
		bool stopped;
		bool retired;
		bool complete;		/* the whole message has arrived */
		bool copying;		/* a thread copies to user space */
		bool replying;		/* a thread copies the response from there */
		bool wants_room;	/* waits for room in the receive region */
		bool ready;		/* in hsk->ready; hsk->lock */
	);

	u32 place[HOMA_MAX_BPAGES];	/* bytes from the start of the receive region */
	/* hsk->lock */
	struct list_head in_ready;
	struct homa_place of_sock;
	/* hsk->pool_lock */
	struct homa_node room, room_age;	/* in hsk->waiting and waiting_age */
	/* peer->lock */
	struct list_head of_peer;
	struct homa_node asker;
	/* wheel_lock */
	struct homa_timer timer;
	/* grants_lock */
	struct homa_grantee grantee;
	/* txq_lock */
	struct homa_msgout out;

	wait_queue_head_t wait;		/* who waits for this RPC alone */
	u8 small[HOMA_SMALL_MESSAGE];	/* a short message being sent */
	struct homa_rpc core;		/* last: most of it is gaps that are rarely used */
};

int homa_rpcs_init(struct homa_net *hnet);
void homa_rpcs_exit(struct homa_net *hnet);
int homa_rpcs_cache_init(void);
void homa_rpcs_cache_exit(void);

/**
 * homa_krpc_get() - Look an RPC up, under RCU.
 * @hnet: Namespace.
 * @peer: Its peer; NULL for a client's own RPCs (even @id).
 * @id:   As this host names it.
 * Return: With a reference, or NULL when there is none.
 */
struct homa_krpc *homa_krpc_get(struct homa_net *hnet, const struct homa_kpeer *peer, u64 id);

/**
 * homa_krpc_new() - Make an RPC; it is not found before homa_krpc_publish().
 * @hsk:  Its socket.
 * @peer: Its peer.
 * @id:   As this host names it.
 * @gfp:  How to allocate.
 * Return: With one reference, or NULL when memory is short, or the socket has just been closed or
 *         the peer forgotten.
 */
struct homa_krpc *homa_krpc_new(struct homa_sock *hsk, struct homa_kpeer *peer, u64 id, gfp_t gfp);

/**
 * homa_krpc_publish() - Let an RPC be found.
 * @cx:  Parameters.
 * @rpc: New; its lock is held, for which whoever finds it waits.
 * Return: 0; -EEXIST, -ENOMEM, -ENOSPC when the host serves as many as it may, or -ESHUTDOWN when
 *         the socket is being closed: it must then be given up with homa_krpc_put(). -ESTALE: its
 *         peer was forgotten; with the one that is there now it may be tried again.
 */
int homa_krpc_publish(const struct homa_cx *cx, struct homa_krpc *rpc);

/* Free packets that were kept for @rpc, and are no longer listed there. */
void homa_krpc_free_packets(struct homa_krpc *rpc, struct sk_buff *list);

/* Forget what has arrived and is not copied; @rpc->lock is held. */
void homa_krpc_drop_packets(struct homa_krpc *rpc);

/* The protocol is done with it; @rpc->lock is held. */
void homa_krpc_stop(struct homa_krpc *rpc);

/* So is its user; @rpc->lock is held. The table's reference is given up: call with another one. */
void homa_krpc_retire(struct homa_krpc *rpc);

void homa_krpc_free(struct homa_krpc *rpc);

static inline bool homa_krpc_hold(struct homa_krpc *rpc)
{
	return refcount_inc_not_zero(&rpc->refs);
}

static inline void homa_krpc_put(struct homa_krpc *rpc)
{
	if (refcount_dec_and_test(&rpc->refs))
		homa_krpc_free(rpc);
}

static inline bool homa_krpc_is_client(const struct homa_krpc *rpc)
{
	return homa_id_is_client(rpc->id);
}

#endif /* HOMA_RPCS_H */
