/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Carrying out what the core decided, in two steps; see in.h. For the files it names.
 */
#ifndef HOMA_EFFECTS_H
#define HOMA_EFFECTS_H

#include "rpcs.h"

#define HOMA_OUTBOX 4		/* packets that one input causes, grants aside */

/* What is left to do when the RPC's lock has been dropped. On the stack of the caller. */
struct homa_outbox {
	u32 count;
	bool pace;			/* the transmit queue may have more to send */
	bool peer_dead;
	bool freed;			/* room may have become free */
	struct homa_grant_list grants;	/* each with a reference on its RPC */
	struct homa_packet packet[HOMA_OUTBOX];
};

/* Nothing is to be done yet. */
static inline void homa_outbox_init(struct homa_outbox *box, struct homa_effects *fx)
{
	fx->count = 0;
	box->count = 0;
	box->pace = false;
	box->peer_dead = false;
	box->freed = false;
	box->grants.count = 0;
}

/**
 * homa_effects_apply() - First step. The RPC's lock is held.
 * @cx:  Of the input that had these effects.
 * @rpc: RPC.
 * @fx:  Effects.
 * @box: What is left to do.
 */
void homa_effects_apply(const struct homa_cx *cx, struct homa_krpc *rpc, struct homa_effects *fx,
			struct homa_outbox *box);

/* Second step. No lock is held; there is a reference on @rpc. */
void homa_effects_finish(const struct homa_cx *cx, struct homa_krpc *rpc, struct homa_outbox *box);

/* Let an RPC's timer fire at @when, ns. Its lock is held. */
void homa_effects_arm(const struct homa_cx *cx, struct homa_krpc *rpc, u64 when);

#endif /* HOMA_EFFECTS_H */
