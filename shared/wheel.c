// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Timer wheel of a host; see wheel.h.
 */
#include "wheel.h"

#define LATE_TICKS 2	/* between two ticks, beyond which this host stood still */

static struct homa_link *slot_of(struct homa_wheel *w, u64 tick)
{
	return &w->slot[tick & (HOMA_WHEEL_SLOTS - 1)];
}

void homa_wheel_init(struct homa_wheel *w)
{
	u32 i;

	for (i = 0; i < HOMA_WHEEL_SLOTS; i++)
		homa_link_init(&w->slot[i]);
	homa_link_init(&w->due);
	w->tick = 0;
	w->looked_at = 0;
	w->armed = 0;
	w->skipped = false;
}

void homa_timer_init(struct homa_timer *t)
{
	homa_link_init(&t->link);
	t->tick = 0;
}

void homa_wheel_arm(struct homa_wheel *w, struct homa_timer *t, u64 tick)
{
	homa_wheel_cancel(w, t);
	t->tick = tick > w->tick ? tick : w->tick + 1;
	homa_link_append(slot_of(w, t->tick), &t->link);
	w->armed++;
}

void homa_wheel_cancel(struct homa_wheel *w, struct homa_timer *t)
{
	if (homa_link_alone(&t->link))
		return;
	homa_link_remove(&t->link);
	w->armed--;
}

void homa_wheel_skip(struct homa_wheel *w, u64 tick)
{
	if (w->armed)
		return;
	if (tick > w->tick)
		w->tick = tick;
	if (tick > w->looked_at)
		w->looked_at = tick;
}

bool homa_wheel_stood_still(struct homa_wheel *w, u64 tick)
{
	w->skipped = !w->skipped && tick > w->looked_at + LATE_TICKS;
	if (tick > w->looked_at)
		w->looked_at = tick;
	return w->skipped;
}

/* Move what is due at the wheel's tick out of its slot, in the order it was armed. */
static void collect(struct homa_wheel *w)
{
	struct homa_link *head = slot_of(w, w->tick), *at, *next;

	for (at = head->next; at != head; at = next) {
		next = at->next;
		if (homa_container_of(at, struct homa_timer, link)->tick > w->tick)
			continue;
		homa_link_remove(at);
		homa_link_append(&w->due, at);
	}
}

struct homa_timer *homa_wheel_next(struct homa_wheel *w, u64 tick)
{
	struct homa_timer *t;

	while (w->armed) {
		if (!homa_link_alone(&w->due)) {
			t = homa_container_of(w->due.next, struct homa_timer, link);
			homa_wheel_cancel(w, t);
			return t;
		}
		if (w->tick >= tick)
			return NULL;
		w->tick++;
		collect(w);
	}
	homa_wheel_skip(w, tick);
	return NULL;
}
