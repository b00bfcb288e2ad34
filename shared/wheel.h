/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Timer wheel of a host: which RPCs to look at in which tick. Arming and cancelling cost O(1), a
 * tick costs its own timers and one pass over its slot, and a host without armed timers needs no
 * ticks. A packet does not re-arm its RPC's timer: the RPC notes the time, and the timer that fires
 * finds out that it must wait longer.
 *
 * When a host has stood still, as emulated and overloaded ones do, packets have come meanwhile that
 * it has not looked at, and they may be all that its timers would ask for. So one round of timers
 * is left out then: packets go first. What is silent even so was silent while nobody listened,
 * which homa_peer_ask() allows for.
 *
 * Owner: the host; one short lock protects wheel and timers.
 */
#ifndef HOMA_WHEEL_H
#define HOMA_WHEEL_H

#include "list.h"

#define HOMA_WHEEL_SLOTS 256	/* longer waits go round; a power of two */

struct homa_timer {
	struct homa_link link;
	u64 tick;	/* when it is due */
};

struct homa_wheel {
	struct homa_link slot[HOMA_WHEEL_SLOTS];
	struct homa_link due;	/* what is left of the tick that is being run */
	u64 tick;	/* the last one whose slot was emptied */
	u64 looked_at;	/* the last one in which the host looked at timers, or armed the first */
	u32 armed;	/* timers in slots and due ones */
	bool skipped;	/* timers were not looked at then, for the host had stood still */
};

void homa_wheel_init(struct homa_wheel *w);
void homa_timer_init(struct homa_timer *t);

/**
 * homa_wheel_arm() - Let a timer fire.
 * @w:    Wheel.
 * @t:    Armed before or not.
 * @tick: When; a tick that has been run means the next one.
 */
void homa_wheel_arm(struct homa_wheel *w, struct homa_timer *t, u64 tick);

/* Let a timer not fire; harmless when it is not armed. */
void homa_wheel_cancel(struct homa_wheel *w, struct homa_timer *t);

/**
 * homa_wheel_skip() - Move an empty wheel to the present, before arming the first timer after a
 * pause.
 * @w:    Wheel; nothing happens when timers are armed.
 * @tick: The present.
 */
void homa_wheel_skip(struct homa_wheel *w, u64 tick);

/**
 * homa_wheel_stood_still() - At the start of a tick: has this host stood still?
 * @w:    Wheel.
 * @tick: The present.
 * Return: true: it has, and must leave its timers for the next tick; not twice in a row.
 */
bool homa_wheel_stood_still(struct homa_wheel *w, u64 tick);

/**
 * homa_wheel_next() - The next timer that is due; to be called until it returns NULL.
 * @w:    Wheel.
 * @tick: The present.
 * Return: The timer, no longer armed.
 */
struct homa_timer *homa_wheel_next(struct homa_wheel *w, u64 tick);

#endif /* HOMA_WHEEL_H */
