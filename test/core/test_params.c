// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the parameter table.
 */
#include "check.h"

static void table_names_every_parameter_once_with_its_default(void **state)
{
	struct homa_params params;
	u32 i, k;

	(void)state;
	homa_params_init(&params);
	assert_int_equal(homa_param_count, offsetof(struct homa_params, priority_map) / 4);
	for (i = 0; i < homa_param_count; i++) {
		const struct homa_param_info *info = &homa_param_table[i];

		assert_int_equal(info->at, 4 * i);
		assert_in_range(info->initial, info->min, info->max);
		assert_true(info->unit[0] && info->meaning[0]);
		assert_int_equal(*homa_params_at(&params, info), info->initial);
		assert_ptr_equal(homa_params_find(info->name), info);
		for (k = 0; k < i; k++)
			assert_string_not_equal(info->name, homa_param_table[k].name);
	}
	for (i = 0; i < HOMA_PRIORITIES; i++)
		assert_int_equal(params.priority_map[i], i);
	assert_null(homa_params_find("unsched"));
	assert_null(homa_params_find("unsched_bytes_"));
	assert_null(homa_params_find(""));
}

static void defaults_are_those_of_the_public_implementation(void **state)
{
	static const struct {
		const char *name;
		u32 value;
	} known[] = {
		{ "unsched_bytes", 40000 },   { "window", 0 },
		{ "max_incoming", 400000 },   { "max_overcommit", 8 },
		{ "grant_fifo_fraction", 50 }, { "fifo_grant_increment", 50000 },
		{ "num_priorities", 8 },      { "pacer_fifo_fraction", 50 },
		{ "link_mbps", 25000 },       { "max_link_usage", 99 },
		{ "max_nic_queue_usecs", 40 }, { "defer_min_bytes", 1000 },
		{ "resend_ticks", 5 },        { "resend_interval", 5 },
		{ "timeout_resends", 5 },     { "timeout_ticks", 100 },
		{ "request_ack_ticks", 2 },   { "peer_gc_threshold", 5000 },
		{ "peer_net_max", 10000 },    { "peer_idle_secs_max", 120 },
		{ "peer_idle_secs_min", 10 },
	};
	struct homa_params params;
	u32 i;

	(void)state;
	homa_params_init(&params);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		const struct homa_param_info *info = homa_params_find(known[i].name);

		assert_non_null(info);
		assert_int_equal(*homa_params_at(&params, info), known[i].value);
	}
	assert_int_equal(params.tick_ns, MS);
}

static void values_that_contradict_each_other_are_refused(void **state)
{
	struct homa_params params;
	u64 tick_ns;

	(void)state;
	homa_params_init(&params);
	tick_ns = params.tick_ns;
	params.tick_usecs = 10;
	params.num_priorities = 4;
	params.sched_levels = 4;
	assert_non_null(homa_params_update(&params));
	assert_int_equal(params.tick_ns, tick_ns);
	params.sched_levels = 3;
	params.priority_map[2] = 8;
	assert_non_null(homa_params_update(&params));
	params.priority_map[2] = 7;
	assert_null(homa_params_update(&params));
	assert_int_equal(params.tick_ns, 10000);
}

static void link_time_is_exact_to_a_nanosecond(void **state)
{
	static const u32 mbps[] = { 1, 1000, 10000, 25000, 100000, 400000, 1000000 };
	struct homa_params params;
	u32 i, bytes;

	(void)state;
	homa_params_init(&params);
	for (i = 0; i < ARRAY_SIZE(mbps); i++) {
		params.link_mbps = mbps[i];
		params.max_link_usage = 100;
		assert_null(homa_params_update(&params));
		for (bytes = 1; bytes < 70000; bytes = bytes * 3 + 1) {
			long long exact = 8000ll * bytes / mbps[i];
			long long got = (long long)homa_params_link_ns(&params, bytes);

			assert_in_range(got - exact + 1, 0, 2);
		}
	}
}

static void shares_leave_room_for_one_more_message(void **state)
{
	struct homa_params params;
	u32 i;

	(void)state;
	homa_params_init(&params);
	for (i = 1; i <= HOMA_MAX_OVERCOMMIT; i++) {
		assert_true(params.share[i] * (i + 1) <= params.max_incoming);
		assert_true((params.share[i] + 1) * (i + 1) > params.max_incoming);
	}
	params.max_incoming = 1;
	assert_null(homa_params_update(&params));
	assert_int_equal(params.share[HOMA_MAX_OVERCOMMIT], 1);
}

static void unused_levels_fold_onto_the_highest_in_use(void **state)
{
	struct homa_params params;

	(void)state;
	homa_params_init(&params);
	params.num_priorities = 3;
	params.priority_map[2] = 6;
	assert_int_equal(homa_params_priority(&params, 1), 1);
	assert_int_equal(homa_params_priority(&params, 2), 6);
	assert_int_equal(homa_params_priority(&params, 7), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_names_every_parameter_once_with_its_default),
		cmocka_unit_test(defaults_are_those_of_the_public_implementation),
		cmocka_unit_test(values_that_contradict_each_other_are_refused),
		cmocka_unit_test(link_time_is_exact_to_a_nanosecond),
		cmocka_unit_test(shares_leave_room_for_one_more_message),
		cmocka_unit_test(unused_levels_fold_onto_the_highest_in_use),
	};

	return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
