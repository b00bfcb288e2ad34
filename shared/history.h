/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * At most once: which requests have run, after their RPCs are forgotten.
 *
 * A copy of a request may be delayed in the network until its RPC has been acked and freed. It must
 * not run again.
 *
 * - Every request that ran is remembered, by peer and id, for memory_ns (longer than a packet
 *   survives in a network) or until its place is needed. A request that is remembered is refused.
 * - When places run out, the oldest entry is dropped and its peer's floor raised to its id. Clients
 *   number their RPCs upwards, so a request above the floor is new. One at or below it may be late
 *   or may have run: it is doubtful. Its data is dropped, the client is told our cutoffs under a
 *   new version and asked, by RESEND, to send again. A client that is done with the RPC answers
 *   RPC_UNKNOWN; one that still waits sends data, and data that carries the new version was sent
 *   after the doubt arose, when nobody who had the response would have sent any: the RPC begins.
 *   The price is one round trip for a request that was overtaken by as many finished ones as there
 *   are places.
 * - Of a peer that has never given a version back, HOMA_PROOFS answers marked as sent again are
 *   taken instead: old copies that were themselves sent again could be mistaken for them.
 * - A client that never acked may still wait and would pass as new: its request is kept, when its
 *   turn to be dropped comes, by moving it to the end, as long as such ones are no more than half.
 * - Ids are chosen by peers, and they may choose them to share a bucket: of those in a bucket, at
 *   most HOMA_BUCKET_MAX are remembered. One too many takes the place of the oldest of the same
 *   peer, if there is one, whose floor is raised: chosen ids cost nobody but who chose them.
 * - A floor is dropped, too, when memory_ns have passed since it was raised.
 *
 * Not covered: a server that crashed knows nothing of what ran before.
 *
 * The owner gives the memory, so that the number of places can follow that of the host's RPCs.
 *
 * Owner: the host; one short lock protects the history and the peers' floor and remembered.
 */
#ifndef HOMA_HISTORY_H
#define HOMA_HISTORY_H

#include "peer.h"

#define HOMA_PROOFS 2
#define HOMA_BUCKET_MAX 16	/* ids that are not chosen for it do not fill a bucket */
#define HOMA_PROOF_WINDOW 1024	/* versions, counted around, that are newer than a given one */

struct homa_memory {
	struct homa_peer *peer;	/* NULL: forgotten before its turn */
	u64 id;		/* as the client names it */
	u64 at;		/* ns */
	u32 next;	/* place of the next one in its bucket, or HOMA_NO_PLACE */
	bool kept;	/* the client has not acked it */
};

#define HOMA_NO_PLACE 0xffffffffu

/* Entries that their ids put together, the newest first. */
struct homa_bucket {
	u32 first;	/* place, or HOMA_NO_PLACE */
	u32 count;
};

struct homa_history {
	struct homa_memory *place;	/* a ring, oldest first */
	struct homa_bucket *bucket;
	u32 places;			/* of both; a power of two */
	u32 oldest, used;
	u32 kept;
};

enum homa_verdict {
	HOMA_REQUEST_NEW,
	HOMA_REQUEST_DOUBTFUL,
	HOMA_REQUEST_RAN,
};

/**
 * homa_history_init() - Nothing is remembered.
 * @h:      To set up.
 * @place:  Memory for @places entries.
 * @bucket: Memory for @places buckets.
 * @places: A power of two.
 */
void homa_history_init(struct homa_history *h, struct homa_memory *place,
		       struct homa_bucket *bucket, u32 places);

/**
 * homa_history_add() - A request ran and its RPC is being forgotten.
 * @cx:   Time and parameters.
 * @h:    History.
 * @peer: The client's host.
 * @id:   As the client names it.
 */
void homa_history_add(const struct homa_cx *cx, struct homa_history *h, struct homa_peer *peer,
		      u64 id);

/**
 * homa_history_keep() - A request ran and its RPC is given up: its client may still wait.
 * @cx:   Time and parameters.
 * @h:    History.
 * @peer: The client's host.
 * @id:   As the client names it.
 */
void homa_history_keep(const struct homa_cx *cx, struct homa_history *h, struct homa_peer *peer,
		       u64 id);

/**
 * homa_history_judge() - May a request for which there is no RPC start one?
 * @cx:   Time and parameters.
 * @h:    History.
 * @peer: The client's host.
 * @id:   As the client names it.
 */
enum homa_verdict homa_history_judge(const struct homa_cx *cx, struct homa_history *h,
				     struct homa_peer *peer, u64 id);

/*
 * Forget what is older than memory_ns; every call to homa_history_add() does this for two
 * entries.
 */
void homa_history_expire(const struct homa_cx *cx, struct homa_history *h);

#endif /* HOMA_HISTORY_H */
