// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the priority allocation.
 */
#include "check.h"
#include "cutoffs.h"

#define PACKET 1400
#define OVERHEAD 100

static struct world w;
static struct homa_allocator a;

static int setup(void **state)
{
	(void)state;
	world_init(&w);
	homa_allocator_init(&w.cx, &a);
	return 0;
}

static void record(u32 length)
{
	homa_allocator_record(&w.cx, &a, length, 40600, PACKET, OVERHEAD);
}

/* Bytes on the wire of a message of which everything is unscheduled. */
static u64 wire_bytes(u32 length)
{
	return length + (length + PACKET - 1) / PACKET * OVERHEAD;
}

static void defaults_are_those_of_the_public_implementation(void **state)
{
	static const u32 known[] = { 1u << 30, 0, 0, 0, 1000000, 15000, 2800, 200 };

	(void)state;
	assert_memory_equal(a.now.cutoff, known, sizeof(known));
	assert_int_equal(a.now.version, 1);
	assert_int_equal(a.now.sched_levels, 4);
}

static void defaults_keep_apart_scheduled_and_unscheduled_levels(void **state)
{
	static const u32 lengths[] = { 1, 200, 201, 2800, 15000, 40000, 1000000 };
	u32 levels, sched, i;

	(void)state;
	for (levels = 1; levels <= 8; levels++) {
		for (sched = 0; sched < levels; sched++) {
			w.params.num_priorities = levels;
			w.params.sched_levels = sched;
			world_update(&w);
			homa_allocator_init(&w.cx, &a);
			assert_in_range(a.now.sched_levels, 1, levels);
			if (sched)
				assert_int_equal(a.now.sched_levels, sched);
			for (i = 0; i < ARRAY_SIZE(lengths); i++) {
				u8 level = homa_cutoffs_level(&a.now, lengths[i]);

				assert_in_range(level, 0, levels - 1);
				assert_true(levels == 1 || level >= a.now.sched_levels);
				if (i)
					assert_true(level <=
						    homa_cutoffs_level(&a.now, lengths[i - 1]));
			}
		}
	}
}

static void each_unscheduled_level_carries_the_same_bytes(void **state)
{
	u64 seed = 12, bytes[8] = { 0 }, total = 0;
	u32 i, levels;

	(void)state;
	w.params.sched_levels = 2;
	world_update(&w);
	for (i = 0; i < 200000; i++) {
		/* As many of each power of two, so that no class has more than a small part. */
		u32 power = 1u << random_below(&seed, 15);

		record(power + random_below(&seed, power));
	}
	assert_true(homa_allocator_check(&w.cx, &a, true));
	assert_int_equal(a.now.sched_levels, 2);
	seed = 12;
	for (i = 0; i < 200000; i++) {
		u32 power = 1u << random_below(&seed, 15);
		u32 length = power + random_below(&seed, power);

		bytes[homa_cutoffs_level(&a.now, length)] += wire_bytes(length);
		total += wire_bytes(length);
	}
	levels = 8 - a.now.sched_levels;
	assert_int_equal(bytes[0] + bytes[1], 0);
	for (i = 8 - levels; i < 8; i++)
		assert_in_range(100 * bytes[i] * levels / total, 70, 130);
}

static void levels_are_split_by_the_unscheduled_share(void **state)
{
	/* Of a message of n × 40,600 bytes 1 / n is unscheduled. */
	static const struct {
		u32 times, sched;
	} cases[] = { { 1, 1 }, { 2, 4 }, { 4, 6 }, { 8, 7 }, { 20, 7 } };
	u32 i, k;

	(void)state;
	w.params.unsched_bytes = 40600;
	world_update(&w);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		homa_allocator_init(&w.cx, &a);
		for (k = 0; k < 1000; k++)
			record(40600 * cases[i].times);
		assert_true(homa_allocator_check(&w.cx, &a, true));
		assert_int_equal(a.now.sched_levels, cases[i].sched);
	}
}

static void one_size_alone_gets_the_top_level(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 100; i++)
		record(500);
	homa_allocator_check(&w.cx, &a, true);
	assert_int_equal(homa_cutoffs_level(&a.now, 500), 7);
	assert_true(homa_cutoffs_level(&a.now, 1000000) < 7);
	assert_true(a.now.cutoff[0] >= HOMA_MAX_MESSAGE);
}

static void size_classes_are_within_a_thirty_second(void **state)
{
	u64 seed = 13;
	u32 i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		u32 length = 1 + (random64(&seed) >> (34 + random_below(&seed, 29))), top = 0, k;

		homa_allocator_init(&w.cx, &a);
		record(length);
		homa_allocator_check(&w.cx, &a, true);
		for (k = 0; k < 8; k++)
			if (homa_cutoffs_level(&a.now, length) == k)
				top = a.now.cutoff[k];
		assert_true(top >= length);
		if (homa_cutoffs_level(&a.now, length) == 7 && a.now.sched_levels < 7)
			assert_true(top <= length + length / 32 + 1);
	}
}

static void check_keeps_its_interval(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 1000; i++)
		record(300);
	w.cx.now += 1000 * MS - 1;
	assert_false(homa_allocator_check(&w.cx, &a, false));
	w.cx.now += 1;
	assert_true(homa_allocator_check(&w.cx, &a, false));
	assert_int_equal(w.counters.cutoff_updates, 1);
	w.params.cutoff_interval = 0;
	w.cx.now += 5000 * MS;
	record(100000);
	assert_false(homa_allocator_check(&w.cx, &a, false));
}

static void steady_traffic_makes_no_new_versions(void **state)
{
	u64 seed = 14;
	u32 i, k, news = 0;

	(void)state;
	for (k = 0; k < 50; k++) {
		for (i = 0; i < 5000; i++)
			record(1 + (u32)(random64(&seed) >> (44 + random_below(&seed, 18))));
		w.cx.now += 1000 * MS;
		news += homa_allocator_check(&w.cx, &a, false);
	}
	assert_int_equal(news, 1);
	/* Traffic that moves is followed. */
	for (k = 0; k < 20; k++) {
		for (i = 0; i < 5000; i++)
			record(1 + random_below(&seed, 100));
		w.cx.now += 1000 * MS;
		news += homa_allocator_check(&w.cx, &a, false);
	}
	assert_in_range(news, 2, 12);
	assert_true(a.now.cutoff[7] < 100);
	assert_int_equal(a.now.version, 1 + news);
}

static void pause_in_the_traffic_is_survived(void **state)
{
	u32 i;

	(void)state;
	assert_false(homa_allocator_check(&w.cx, &a, true));
	for (i = 0; i < 100; i++)
		record(3000 + i);
	for (i = 0; i < 100; i++) {
		w.cx.now += 1000 * MS;
		homa_allocator_check(&w.cx, &a, false);
	}
	assert_int_equal(a.unsched_bytes, 0);
	assert_in_range(w.counters.cutoff_updates, 0, 4);
}

static void version_zero_is_never_used(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 70000; i++) {
		record(100);
		homa_allocator_check(&w.cx, &a, true);
		assert_int_not_equal(a.now.version, 0);
	}
}

static void claimed_unscheduled_bytes_are_bounded(void **state)
{
	(void)state;
	/* One byte per packet: a sender must not make us count a million of them. */
	homa_allocator_record(&w.cx, &a, 1u << 30, 1u << 30, 1400, 100);
	assert_in_range(a.unsched_bytes, 40000, 50000);
	assert_true(a.bytes > 1u << 30);
}

static void chosen_cutoffs_are_a_new_version(void **state)
{
	static const u32 chosen[] = { 5, 6, 2000000, 40000, 3000, 0, 100, 90 };
	static const u32 want[] = { 1u << 30, 0, 2000000, 40000, 3000, 0, 100, 90 };

	(void)state;
	homa_allocator_set(&w.cx, &a, chosen);
	assert_memory_equal(a.now.cutoff, want, sizeof(want));
	assert_int_equal(a.now.version, 2);
	assert_int_equal(a.now.sched_levels, 2);
	assert_int_equal(w.counters.cutoff_updates, 1);
}

static void chosen_cutoffs_cover_every_message_at_some_level_in_use(void **state)
{
	static const u32 none[8] = { 0 };
	static const u32 above[] = { 0, 0, 0, 0, 0, 0, 1u << 30, 1u << 30 };
	u32 levels;

	(void)state;
	for (levels = 1; levels <= 8; levels++) {
		w.params.num_priorities = levels;
		world_update(&w);
		homa_allocator_set(&w.cx, &a, none);
		assert_int_equal(homa_cutoffs_level(&a.now, 1), 0);
		assert_int_equal(a.now.sched_levels, 1);
		homa_allocator_set(&w.cx, &a, above);
		assert_in_range(homa_cutoffs_level(&a.now, 1000000), 0, levels - 1);
		assert_int_equal(homa_cutoffs_level(&a.now, 1), levels < 7 ? 0 : levels - 1);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(defaults_are_those_of_the_public_implementation),
		T(defaults_keep_apart_scheduled_and_unscheduled_levels),
		T(each_unscheduled_level_carries_the_same_bytes),
		T(levels_are_split_by_the_unscheduled_share),
		T(one_size_alone_gets_the_top_level),
		T(size_classes_are_within_a_thirty_second),
		T(check_keeps_its_interval),
		T(steady_traffic_makes_no_new_versions),
		T(pause_in_the_traffic_is_survived),
		T(version_zero_is_never_used),
		T(claimed_unscheduled_bytes_are_bounded),
		T(chosen_cutoffs_are_a_new_version),
		T(chosen_cutoffs_cover_every_message_at_some_level_in_use),
	};

	return cmocka_run_group_tests_name("cutoffs", tests, NULL, NULL);
}
