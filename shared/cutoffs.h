/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Priority allocation: from the sizes a host receives to the levels its senders use.
 *
 * - Levels are split by traffic: unscheduled packets get as many of them, from the top, as their
 *   share of the received bytes; the rest, at least one, is for scheduled packets (parameter
 *   sched_levels fixes their number).
 * - Cutoffs between unscheduled levels are chosen so that each level carries the same number of
 *   bytes, shortest messages on top.
 * - Received sizes are kept as a histogram of bytes per size class, halved at every check so that
 *   old traffic fades.
 * - A check adopts new cutoffs, under a new version, only when a level's share has moved by more
 *   than half of an equal share: senders learn of every version by a CUTOFFS packet, which is not
 *   worth a small gain.
 *
 * Owner: the host; the lock of its grant scheduler protects every field. Senders' copies are read
 * without a lock.
 */
#ifndef HOMA_CUTOFFS_H
#define HOMA_CUTOFFS_H

#include "counters.h"

/* Which level an unscheduled packet takes: the highest i with cutoff[i] >= length. */
struct homa_cutoffs {
	u32 cutoff[HOMA_PRIORITIES];	/* bytes; entry 0 covers every message */
	u16 version;			/* 0: never told */
	u8 sched_levels;		/* levels 0 … sched_levels - 1 are for scheduled packets */
};

#define HOMA_SIZE_CLASSES 896	/* 32 per power of two: within 3% of the size */

struct homa_allocator {
	struct homa_cutoffs now;
	u64 checked_at;			/* ns */
	u64 bytes;			/* received, all; decays */
	u64 unsched_bytes;		/* of them, unscheduled; the sum of class_bytes */
	u64 class_bytes[HOMA_SIZE_CLASSES];
};

/**
 * homa_cutoffs_level() - Level of an unscheduled packet.
 * @cutoffs: Of the receiver.
 * @length:  Bytes of the message, or what is left of it.
 */
u8 homa_cutoffs_level(const struct homa_cutoffs *cutoffs, u32 length);

/**
 * homa_allocator_init() - Cutoffs for no particular traffic: the public Linux defaults.
 * @cx: Time and parameters.
 * @a:  To set up.
 */
void homa_allocator_init(const struct homa_cx *cx, struct homa_allocator *a);

/**
 * homa_allocator_record() - Count a message whose first packet has arrived.
 * @cx:       Parameters.
 * @a:        Of the receiving host.
 * @length:   Bytes of the message.
 * @unsched:  Bytes of it that come without a grant.
 * @packet:   Bytes of data a packet of it carries.
 * @overhead: Bytes on the wire a packet adds to its data.
 */
void homa_allocator_record(const struct homa_cx *cx, struct homa_allocator *a, u32 length,
			   u32 unsched, u32 packet, u32 overhead);

/**
 * homa_allocator_check() - Fit the cutoffs to the traffic, when cutoff_interval has passed since
 * the last check.
 * @cx:    Time, parameters, counters.
 * @a:     Of the receiving host.
 * @force: Check now, and adopt the result in any case.
 * Return: true when there is a new version.
 */
bool homa_allocator_check(const struct homa_cx *cx, struct homa_allocator *a, bool force);

/**
 * homa_allocator_set() - Cutoffs that an administrator chose, as a new version; a later check may
 * replace them unless cutoff_interval is 0.
 * @cx:     Parameters, counters.
 * @a:      Of the receiving host.
 * @cutoff: Bytes, by level. The highest level in use that covers max_message is the lowest one for
 *          unscheduled packets; what those below it say is ignored.
 */
void homa_allocator_set(const struct homa_cx *cx, struct homa_allocator *a,
			const u32 cutoff[HOMA_PRIORITIES]);

#endif /* HOMA_CUTOFFS_H */
