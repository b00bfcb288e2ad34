// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of a message being received, held to one flag per byte.
 */
#include "check.h"
#include "msgin.h"

#define LENGTH 3000

struct model {
	struct homa_msgin in;
	u32 length;
	u8 have[LENGTH];
};

static void model_init(struct model *m, u32 length)
{
	memset(m, 0, sizeof(*m));
	memset(&m->in, 0xa5, sizeof(m->in));
	m->length = length;
	homa_msgin_init(&m->in, length);
}

static void check_model(const struct model *m, u32 upto)
{
	u32 i, received = 0, high = 0, gaps = 0, start, end;
	struct homa_range missing = homa_msgin_missing(&m->in, upto);

	for (i = 0; i < m->length; i++) {
		received += m->have[i];
		if (m->have[i])
			high = i + 1;
	}
	for (i = 0; i < high; i++)
		gaps += !m->have[i] && (!i || m->have[i - 1]);
	assert_int_equal(m->in.received, received);
	assert_int_equal(m->in.high, high);
	assert_int_equal(m->in.gaps, gaps);
	assert_in_range(gaps, 0, HOMA_MAX_GAPS);

	for (start = 0; start < upto && m->have[start]; start++)
		;
	for (end = start; end < upto && !m->have[end]; end++)
		;
	if (start == upto) {
		assert_int_equal(missing.start, missing.end);
	} else {
		assert_int_equal(missing.start, start);
		assert_int_equal(missing.end, end);
	}
}

/* Hand in a packet and hold the verdict to the model. */
static enum homa_drop arrive(struct model *m, u32 offset, u32 length)
{
	u32 gaps = m->in.gaps, high = m->in.high, i, start, end;
	struct homa_accept accept = homa_msgin_data(&m->in, offset, length);

	for (start = offset; start < offset + length && m->have[start]; start++)
		;
	for (end = start; end < offset + length && !m->have[end]; end++)
		;
	if (start == end) {
		assert_int_equal(accept.why, HOMA_DROP_DUPLICATE);
		assert_int_equal(accept.range.start, accept.range.end);
		return accept.why;
	}
	/* A run that begins in a gap ends with it, even when new bytes follow beyond the gap. */
	if (accept.why == HOMA_DROP_GAPS) {
		assert_int_equal(gaps, HOMA_MAX_GAPS);
		assert_int_equal(accept.range.start, accept.range.end);
		/* It was in the middle of a gap, or beyond the end. */
		assert_true(start > high || (start && !m->have[start - 1] && !m->have[end]));
		return accept.why;
	}
	assert_int_equal(accept.why, HOMA_DROP_NONE);
	assert_int_equal(accept.range.start, start);
	assert_int_equal(accept.range.end, end);
	for (i = start; i < end; i++)
		m->have[i] = 1;
	return accept.why;
}

static void random_packets_match_a_bitmap(void **state)
{
	struct model m;
	u64 seed = 4;
	u32 round, step;

	(void)state;
	for (round = 0; round < 300; round++) {
		u32 length = 1 + random_below(&seed, LENGTH);
		u32 longest = 1 + random_below(&seed, round % 3 ? 40 : 400);

		model_init(&m, length);
		for (step = 0; step < 400; step++) {
			u32 offset = random_below(&seed, length);

			arrive(&m, offset,
			       1 + random_below(&seed, homa_min(longest, length - offset)));
			check_model(&m, random_below(&seed, length + 1));
		}
		/* What is missing can always be asked for, and completes the message. */
		for (step = 0; m.in.received < length; step++) {
			struct homa_range missing = homa_msgin_missing(&m.in, length);

			assert_true(missing.start < missing.end);
			assert_int_equal(arrive(&m, missing.start, missing.end - missing.start),
					 HOMA_DROP_NONE);
			check_model(&m, length);
			assert_in_range(step, 0, HOMA_MAX_GAPS);
		}
	}
}

static void reordered_full_packets_complete_without_loss(void **state)
{
	u32 order[LENGTH / 50 + 1], n, i, k, round;
	struct model m;
	u64 seed = 5;

	(void)state;
	for (round = 0; round < 100; round++) {
		n = 1 + random_below(&seed, LENGTH / 50);
		model_init(&m, n * 50 - random_below(&seed, 50));
		for (i = 0; i < n; i++)
			order[i] = i;
		for (i = n - 1; i > 0; i--) {
			u32 swap = order[i];

			k = random_below(&seed, i + 1);
			order[i] = order[k];
			order[k] = swap;
		}
		for (i = 0; i < n; i++) {
			u32 offset = order[i] * 50;

			assert_int_equal(arrive(&m, offset, homa_min(50, m.length - offset)),
					 HOMA_DROP_NONE);
		}
		assert_int_equal(m.in.received, m.length);
		assert_int_equal(m.in.gaps, 0);
	}
}

static void gaps_are_limited_and_in_order_data_still_accepted(void **state)
{
	struct homa_msgin in;
	u32 i;

	(void)state;
	homa_msgin_init(&in, 100000);
	for (i = 0; i < HOMA_MAX_GAPS; i++)
		assert_int_equal(homa_msgin_data(&in, 100 * i + 50, 50).why, HOMA_DROP_NONE);
	assert_int_equal(in.gaps, HOMA_MAX_GAPS);
	/* Ahead of a hole, and inside a gap: both would make one more. */
	assert_int_equal(homa_msgin_data(&in, in.high + 1, 10).why, HOMA_DROP_GAPS);
	assert_int_equal(homa_msgin_data(&in, 110, 10).why, HOMA_DROP_GAPS);
	assert_int_equal(in.gaps, HOMA_MAX_GAPS);
	assert_int_equal(in.received, 50 * HOMA_MAX_GAPS);
	/* At the end, and at the edges of a gap: none makes more. */
	assert_int_equal(homa_msgin_data(&in, in.high, 10).why, HOMA_DROP_NONE);
	assert_int_equal(homa_msgin_data(&in, 100, 10).why, HOMA_DROP_NONE);
	assert_int_equal(homa_msgin_data(&in, 140, 10).why, HOMA_DROP_NONE);
	/* With one gap filled there is room for another. */
	assert_int_equal(homa_msgin_data(&in, 0, 50).why, HOMA_DROP_NONE);
	assert_int_equal(homa_msgin_data(&in, in.high + 1, 10).why, HOMA_DROP_NONE);
}

static void missing_looks_only_below_the_limit(void **state)
{
	struct homa_msgin in;
	struct homa_range r;

	(void)state;
	homa_msgin_init(&in, 5000);
	r = homa_msgin_missing(&in, 0);
	assert_int_equal(r.start, r.end);
	r = homa_msgin_missing(&in, 1000);
	assert_int_equal(r.start, 0);
	assert_int_equal(r.end, 1000);
	homa_msgin_data(&in, 2000, 100);
	r = homa_msgin_missing(&in, 1000);
	assert_int_equal(r.end, 1000);
	homa_msgin_data(&in, 0, 2000);
	r = homa_msgin_missing(&in, 2100);
	assert_int_equal(r.start, r.end);
	r = homa_msgin_missing(&in, 2101);
	assert_int_equal(r.start, 2100);
	assert_int_equal(r.end, 2101);
}

static void offsets_at_the_ceiling_do_not_wrap(void **state)
{
	struct homa_msgin in;
	u32 last = HOMA_MESSAGE_CEILING - 1;

	(void)state;
	homa_msgin_init(&in, HOMA_MESSAGE_CEILING);
	assert_int_equal(homa_msgin_data(&in, last, 1).why, HOMA_DROP_NONE);
	assert_int_equal(homa_msgin_data(&in, 0, last).why, HOMA_DROP_NONE);
	assert_int_equal(in.received, HOMA_MESSAGE_CEILING);
	assert_int_equal(in.gaps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_packets_match_a_bitmap),
		cmocka_unit_test(reordered_full_packets_complete_without_loss),
		cmocka_unit_test(gaps_are_limited_and_in_order_data_still_accepted),
		cmocka_unit_test(missing_looks_only_below_the_limit),
		cmocka_unit_test(offsets_at_the_ceiling_do_not_wrap),
	};

	return cmocka_run_group_tests_name("msgin", tests, NULL, NULL);
}
