/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The grant scheduler of a host: which senders may send how much, at what priority.
 *
 * - SRPT: of the messages with bytes not yet granted, those with the fewest such bytes (or the
 *   least product with their length, parameter weigh_length) are active, at most max_overcommit of
 *   them and one per peer: what one sender cannot use, another can.
 * - Each active message has up to a window of bytes granted but not received; no grant lets all
 *   messages together exceed max_incoming. Of what a sender says it will send unasked, no more than
 *   this host's own unscheduled bytes count: a claim costs nothing.
 * - A grant is a packet, too: one of less than grant_step, or than a quarter of the window if that
 *   is less, waits until more has arrived. Nothing gets stuck for it: it waits only while the rest
 *   of the window is on its way, whose arrival is news, as is its loss (stalled). Where others take
 *   the room, a message of which nothing is on its way is granted what there is.
 * - A message that is stalled (granted bytes that do not come, though they were asked for) gives up
 *   its place, and its bytes count no more, until data of it arrives again: what a sender was given
 *   and does not use, others can. It then starts over as one nothing is outstanding of.
 * - Priorities: the active message with the fewest bytes left gets the highest of the levels in
 *   use; as many levels are used as messages are active, the lowest ones, so that a new, shorter
 *   message can preempt all of them at once.
 * - tail_bytes: the last bytes of a message are granted at the unscheduled level of what is left,
 *   so that it does not stand behind messages that are longer than its rest.
 * - FIFO share: grant_fifo_fraction of the granted bytes goes to the oldest message, in pieces of
 *   fifo_grant_increment, at the highest scheduled level, so that the longest message is not
 *   starved.
 *
 * Active messages are kept sorted in an array, waiting ones in a tree per peer and the peers in a
 * tree: O(log n) per message and O(active) per packet at worst. Messages that need no grant never
 * come here.
 *
 * Owner: the host; one short lock protects the scheduler, every grantee and every homa_grant_peer,
 * and is not held while grants are sent.
 */
#ifndef HOMA_GRANTS_H
#define HOMA_GRANTS_H

#include "cutoffs.h"
#include "tree.h"

/* What the scheduler keeps of a peer. */
struct homa_grant_peer {
	struct homa_node node;	/* in homa_grants.peers: has waiting messages and no active one */
	struct homa_tree waiting;
	struct homa_grantee *active;
	u32 unasked;	/* most bytes of a message of it that count without our grant */
};

/* What it keeps of a message being received. */
struct homa_grantee {
	/* What each packet needs, from the node's key to stalled, fits a cache line. */
	struct homa_node node;		/* in peer->waiting; key: homa_params_rank() */
	struct homa_grant_peer *peer;	/* NULL: not in the scheduler */
	u32 length;
	u32 granted;	/* the sender may send below this offset; others may read it without lock */
	u32 received;	/* bytes that have arrived */
	u32 pending;	/* bytes granted but not received that count towards max_incoming */
	u64 granted_at;	/* ns; the last grant; others may read it without lock */
	u8 rank;	/* place among the active ones, or HOMA_NOT_ACTIVE */
	bool stalled;	/* neither active nor waiting until data of it arrives */
	/* among all messages not fully granted, when there is a FIFO share */
	struct homa_node age;
};

#define HOMA_NOT_ACTIVE 0xff

struct homa_grants {
	struct homa_tree age;
	u64 births;
	struct homa_tree peers;		/* by their first waiting message */
	/* What each packet needs: 24 bytes, and the first of the active ones. */
	const struct homa_cutoffs *cutoffs;	/* this host's own */
	u64 fifo_credit;		/* bytes the oldest message is owed, in thousandths */
	u32 incoming;			/* pending bytes of all messages */
	u8 count;			/* active messages */
	bool short_of_room;	/* someone got less than the window because of max_incoming */
	struct homa_grantee *active[HOMA_MAX_OVERCOMMIT];	/* least rank first */
};

/*
 * What the scheduler has yet to hear of: bytes that have come for a message. It need not be told of
 * each packet: one grant for several lets the sender batch, too, and where packets are not merged
 * on their way here, a grant costs as much as a packet. So the news wait until the owner has looked
 * at all packets that are here, at grant_batch of the message's, or at one of another message.
 *
 * Owner: whoever looks at packets, and nobody else; where that is a core of a processor, each has
 * its own. An owner that looks at one packet at a time needs none.
 */
struct homa_owed {
	struct homa_grantee *to;	/* NULL: nothing */
	u32 packets;
};

/* Grants to send: at most HOMA_GRANTS_MAX; what found no place is granted with the next packet. */
#define HOMA_GRANTS_MAX 8

struct homa_grant_list {
	u32 count;
	struct {
		struct homa_grantee *to;
		u32 offset;
		u8 priority;
	} grant[HOMA_GRANTS_MAX];
};

/**
 * homa_grants_init() - A scheduler without messages.
 * @s:       To set up.
 * @cutoffs: This host's own, for tail_bytes; outlives @s.
 */
void homa_grants_init(struct homa_grants *s, const struct homa_cutoffs *cutoffs);

/**
 * homa_grant_peer_init() - A peer without messages.
 * @peer:    To set up.
 * @unasked: Unscheduled bytes per message, as this host would send them: whole packets.
 */
void homa_grant_peer_init(struct homa_grant_peer *peer, u32 unasked);

/* A message that is not in the scheduler. */
void homa_grantee_init(struct homa_grantee *g);

/**
 * homa_grants_add() - A message has begun to arrive that needs grants.
 * @cx:       Time, parameters, counters.
 * @s:        Scheduler.
 * @g:        Initialised, not in the scheduler.
 * @peer:     Who sends it.
 * @length:   Bytes of the message.
 * @granted:  What comes unasked; below @length.
 * @received: What has come of it.
 * @out:      Grants to send are appended.
 */
void homa_grants_add(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
		     struct homa_grant_peer *peer, u32 length, u32 granted, u32 received,
		     struct homa_grant_list *out);

/**
 * homa_grants_received() - More of a message has arrived.
 * @cx:       Time, parameters, counters.
 * @s:        Scheduler.
 * @g:        In the scheduler, or else nothing happens.
 * @received: Bytes that have arrived in all.
 * @high:     End of the highest byte that has arrived: what was sent counts as granted.
 * @out:      Grants to send are appended.
 */
void homa_grants_received(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
			  u32 received, u32 high, struct homa_grant_list *out);

/**
 * homa_grants_stalled() - Granted bytes of a message were asked for and do not come.
 * @cx:  Time, parameters, counters.
 * @s:   Scheduler.
 * @g:   In the scheduler and not stalled, or else nothing happens.
 * @out: Grants to others are appended.
 */
void homa_grants_stalled(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
			 struct homa_grant_list *out);

/**
 * homa_grants_remove() - A message is complete or given up.
 * @cx:  Time, parameters, counters.
 * @s:   Scheduler.
 * @g:   In the scheduler, or else nothing happens.
 * @out: Grants to others are appended.
 */
void homa_grants_remove(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
			struct homa_grant_list *out);

/**
 * homa_owed_add() - A packet has come for a message of which the scheduler is to hear later.
 * @cx:   Parameters.
 * @owed: What it has yet to hear of.
 * @g:    The message.
 * Return: A message that is due, @g or the one before, no longer in @owed: homa_grants_received().
 *         NULL: none is.
 */
struct homa_grantee *homa_owed_add(const struct homa_cx *cx, struct homa_owed *owed,
				   struct homa_grantee *g);

/* No more packets are here. Return: the message that is due, no longer in @owed; NULL: none is. */
struct homa_grantee *homa_owed_take(struct homa_owed *owed);

static inline bool homa_grantee_scheduled(const struct homa_grantee *g)
{
	return g->peer;
}

#endif /* HOMA_GRANTS_H */
