// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Timer wheel of a host; see wheel.h.
 */
#include "wheel.h"

static struct homa_link *slot_of(struct homa_wheel *w, u64 tick)
{
	return &w->slot[tick & (HOMA_WHEEL_SLOTS - 1)];
}

void homa_wheel_init(struct homa_wheel *w)
{
	u32 i;

	for (i = 0; i < HOMA_WHEEL_SLOTS; i++)
		homa_link_init(&w->slot[i]);
	w->tick = 0;
	w->armed = 0;
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
	if (!w->armed && tick > w->tick)
		w->tick = tick;
}

struct homa_timer *homa_wheel_next(struct homa_wheel *w, u64 tick)
{
	struct homa_link *head, *at;

	/* The tick counts as run only when its slot holds nothing more that is due. */
	while (w->armed && w->tick < tick) {
		head = slot_of(w, w->tick + 1);
		for (at = head->next; at != head; at = at->next) {
			struct homa_timer *t = homa_container_of(at, struct homa_timer, link);

			if (t->tick <= w->tick + 1) {
				homa_wheel_cancel(w, t);
				return t;
			}
		}
		w->tick++;
	}
	homa_wheel_skip(w, tick);
	return NULL;
}
