// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the timer wheel, held to a plain array of due times.
 */
#include "check.h"
#include "wheel.h"

#define TIMERS 300

static void random_timers_fire_in_their_tick_and_once(void **state)
{
	static struct homa_timer timers[TIMERS];
	static u64 due[TIMERS]; /* 0: not armed */
	static struct homa_wheel wheel;
	u64 seed = 9, tick;
	u32 i, k, fired = 0;

	(void)state;
	homa_wheel_init(&wheel);
	for (i = 0; i < TIMERS; i++)
		homa_timer_init(&timers[i]);
	for (tick = 1; tick < 50000; tick += 1 + (tick % 50 == 0) * random_below(&seed, 700)) {
		struct homa_timer *t;
		u32 armed = 0;
		u64 last = 0;

		while ((t = homa_wheel_next(&wheel, tick))) {
			i = (u32)(t - timers);
			assert_true(due[i] && due[i] <= tick);
			assert_true(due[i] >= last);
			last = due[i];
			due[i] = 0;
			fired++;
		}
		for (i = 0; i < TIMERS; i++) {
			assert_true(!due[i] || due[i] > tick);
			armed += due[i] != 0;
		}
		assert_int_equal(wheel.armed, armed);
		assert_int_equal(wheel.tick, tick);
		for (k = 0; k < 5; k++) {
			i = random_below(&seed, TIMERS);
			if (random_below(&seed, 4) == 0) {
				homa_wheel_cancel(&wheel, &timers[i]);
				due[i] = 0;
			} else {
				u64 at = tick + random_below(&seed, 1000);

				homa_wheel_arm(&wheel, &timers[i], at);
				due[i] = at > tick ? at : tick + 1;
			}
		}
	}
	assert_true(fired > 1000);
}

static void empty_wheel_moves_to_the_present_at_once(void **state)
{
	static struct homa_wheel wheel;
	struct homa_timer t;
	u64 now = 1ull << 60;

	(void)state;
	homa_wheel_init(&wheel);
	homa_timer_init(&t);
	assert_null(homa_wheel_next(&wheel, now));
	homa_wheel_arm(&wheel, &t, now + 3);
	/* Armed timers hold it where it is. */
	homa_wheel_skip(&wheel, now + 100);
	assert_null(homa_wheel_next(&wheel, now + 2));
	assert_ptr_equal(homa_wheel_next(&wheel, now + 3), &t);
	assert_null(homa_wheel_next(&wheel, now + 3));
	homa_wheel_cancel(&wheel, &t);
	homa_wheel_cancel(&wheel, &t);
	assert_int_equal(wheel.armed, 0);
}

static void timer_armed_while_its_tick_runs_waits_for_the_next(void **state)
{
	static struct homa_wheel wheel;
	struct homa_timer a, b;

	(void)state;
	homa_wheel_init(&wheel);
	homa_timer_init(&a);
	homa_timer_init(&b);
	homa_wheel_arm(&wheel, &a, 5);
	homa_wheel_arm(&wheel, &b, 5);
	assert_ptr_equal(homa_wheel_next(&wheel, 5), &a);
	/* The handler of @a cancels @b and arms itself again. */
	homa_wheel_cancel(&wheel, &b);
	homa_wheel_arm(&wheel, &a, 6);
	assert_null(homa_wheel_next(&wheel, 5));
	assert_ptr_equal(homa_wheel_next(&wheel, 6), &a);
}

static void tick_looks_once_at_what_is_not_due(void **state)
{
	static struct homa_wheel wheel;
	static struct homa_timer due[100], far[100];
	u32 i;

	(void)state;
	homa_wheel_init(&wheel);
	for (i = 0; i < ARRAY_SIZE(due); i++) {
		homa_timer_init(&due[i]);
		homa_timer_init(&far[i]);
		homa_wheel_arm(&wheel, &far[i], 5 + HOMA_WHEEL_SLOTS);
		homa_wheel_arm(&wheel, &due[i], 5);
	}
	assert_ptr_equal(homa_wheel_next(&wheel, 5), &due[0]);
	/* Were they looked at again for each timer that fires, they would fire now. */
	for (i = 0; i < ARRAY_SIZE(far); i++)
		far[i].tick = 5;
	for (i = 1; i < ARRAY_SIZE(due); i++)
		assert_ptr_equal(homa_wheel_next(&wheel, 5), &due[i]);
	assert_null(homa_wheel_next(&wheel, 5));
	assert_int_equal(wheel.armed, ARRAY_SIZE(far));
	for (i = 0; i < ARRAY_SIZE(far); i++)
		assert_ptr_equal(homa_wheel_next(&wheel, 5 + HOMA_WHEEL_SLOTS), &far[i]);
}

static void timer_armed_for_the_tick_that_runs_waits_for_the_next(void **state)
{
	static struct homa_wheel wheel;
	struct homa_timer a, b;

	(void)state;
	homa_wheel_init(&wheel);
	homa_timer_init(&a);
	homa_timer_init(&b);
	homa_wheel_arm(&wheel, &a, 5);
	homa_wheel_arm(&wheel, &b, 5);
	assert_ptr_equal(homa_wheel_next(&wheel, 5), &a);
	/* Or a timer that always wants to fire now would never let the tick end. */
	homa_wheel_arm(&wheel, &a, 5);
	assert_ptr_equal(homa_wheel_next(&wheel, 5), &b);
	assert_null(homa_wheel_next(&wheel, 5));
	assert_ptr_equal(homa_wheel_next(&wheel, 6), &a);
}

/* Packets that came meanwhile go first. */
static void host_that_stood_still_leaves_one_round_out(void **state)
{
	static struct homa_wheel wheel;
	struct homa_timer t;

	(void)state;
	homa_wheel_init(&wheel);
	homa_timer_init(&t);
	/* A pause without timers is none. */
	homa_wheel_skip(&wheel, 1000);
	homa_wheel_arm(&wheel, &t, 1500);
	assert_false(homa_wheel_stood_still(&wheel, 1001));
	assert_false(homa_wheel_stood_still(&wheel, 1003));
	assert_true(homa_wheel_stood_still(&wheel, 1100));
	/* Whatever comes next: timers must not wait for ever. */
	assert_false(homa_wheel_stood_still(&wheel, 1200));
	assert_true(homa_wheel_stood_still(&wheel, 1300));
	assert_false(homa_wheel_stood_still(&wheel, 1301));
	/* Nor does a clock that was read earlier. */
	assert_false(homa_wheel_stood_still(&wheel, 1299));
	assert_false(homa_wheel_stood_still(&wheel, 1302));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_timers_fire_in_their_tick_and_once),
		cmocka_unit_test(empty_wheel_moves_to_the_present_at_once),
		cmocka_unit_test(tick_looks_once_at_what_is_not_due),
		cmocka_unit_test(timer_armed_for_the_tick_that_runs_waits_for_the_next),
		cmocka_unit_test(timer_armed_while_its_tick_runs_waits_for_the_next),
		cmocka_unit_test(host_that_stood_still_leaves_one_round_out),
	};

	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
