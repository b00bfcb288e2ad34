// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the memory of requests that ran.
 */
#include "check.h"
#include "history.h"

#define PLACES 64
#define PEERS 4

static struct world w;
static struct homa_cutoffs own = { .version = 1 };
static struct homa_peer peers[PEERS];
static struct homa_memory place[PLACES];
static struct homa_bucket bucket[PLACES];
static struct homa_history h;

static int setup(void **state)
{
	u32 i;

	(void)state;
	world_init(&w);
	for (i = 0; i < PEERS; i++)
		homa_peer_init(&w.cx, &peers[i], &own, 1400, i);
	homa_history_init(&h, place, bucket, PLACES);
	return 0;
}

static void what_ran_is_refused_and_the_rest_is_new(void **state)
{
	(void)state;
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 100), HOMA_REQUEST_NEW);
	homa_history_add(&w.cx, &h, &peers[0], 100);
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 100), HOMA_REQUEST_RAN);
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[1], 100), HOMA_REQUEST_NEW);
	/* Overtaken by a later request, but not doubtful. */
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 98), HOMA_REQUEST_NEW);
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 102), HOMA_REQUEST_NEW);
}

static void memory_lasts_history_ticks(void **state)
{
	(void)state;
	homa_history_add(&w.cx, &h, &peers[0], 100);
	w.cx.now += 10000 * MS;
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 100), HOMA_REQUEST_RAN);
	w.cx.now += 1;
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 100), HOMA_REQUEST_NEW);
	assert_int_equal(peers[0].remembered, 1);
	homa_history_expire(&w.cx, &h);
	assert_int_equal(peers[0].remembered, 0);
	assert_int_equal(h.used, 0);
}

/* Cores read their clocks and only then take the lock, not always in that order. */
static void memory_is_there_for_a_core_whose_clock_was_read_before(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(place) + 5; i++) {
		w.cx.now += 2 * MS;
		homa_history_add(&w.cx, &h, &peers[0], 100 + 2 * i);
		w.cx.now -= MS;
		assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 100 + 2 * i),
				 HOMA_REQUEST_RAN);
		homa_history_expire(&w.cx, &h);
		assert_int_equal(h.used, homa_min(i + 1, ARRAY_SIZE(place)));
	}
}

static void forgotten_early_means_doubtful_until_the_floor_expires(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i <= PLACES; i++)
		homa_history_add(&w.cx, &h, &peers[0], 1000 + 2 * i);
	assert_int_equal(peers[0].floor, 1000);
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 1000), HOMA_REQUEST_DOUBTFUL);
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 998), HOMA_REQUEST_DOUBTFUL);
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 1002), HOMA_REQUEST_RAN);
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 5000), HOMA_REQUEST_NEW);
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[1], 998), HOMA_REQUEST_NEW);
	w.cx.now += 10000 * MS + 1;
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 998), HOMA_REQUEST_NEW);
}

static void floor_never_sinks_while_it_holds(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < PLACES; i++)
		homa_history_add(&w.cx, &h, &peers[0], i == 0 ? 9000 : 2 * i);
	homa_history_add(&w.cx, &h, &peers[0], 500);
	assert_int_equal(peers[0].floor, 9000);
	w.cx.now += 5000 * MS;
	homa_history_add(&w.cx, &h, &peers[0], 502);
	assert_int_equal(peers[0].floor, 9000);
	/* The later one is forgotten, too: the floor holds from then on. */
	w.cx.now += 9000 * MS;
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[0], 2), HOMA_REQUEST_DOUBTFUL);
}

static void no_request_that_ran_is_ever_called_new_in_time(void **state)
{
	static struct {
		u64 id, at;
		u32 peer;
	} ran[4000];
	u64 seed = 11, next[PEERS] = { 0 };
	u32 i, k, n = 0, remembered, doubtful = 0;

	(void)state;
	for (i = 0; i < 4000; i++) {
		u32 p = random_below(&seed, PEERS);

		w.cx.now += random_below(&seed, 300) * MS;
		/* Requests run somewhat out of order. */
		next[p] += 2;
		ran[n].id = next[p] + 2 * random_below(&seed, 1000) * 1000;
		ran[n].at = w.cx.now;
		ran[n++].peer = p;
		homa_history_add(&w.cx, &h, &peers[p], ran[n - 1].id);
		for (k = n > 100 ? n - 100 : 0; k < n; k++) {
			enum homa_verdict v = homa_history_judge(&w.cx, &h, &peers[ran[k].peer],
								 ran[k].id);

			if (w.cx.now - ran[k].at <= 10000 * MS)
				assert_int_not_equal(v, HOMA_REQUEST_NEW);
			doubtful += v == HOMA_REQUEST_DOUBTFUL;
		}
		remembered = 0;
		for (k = 0; k < PEERS; k++)
			remembered += peers[k].remembered;
		assert_int_equal(remembered, h.used);
		assert_in_range(h.used, 1, PLACES);
	}
	assert_true(doubtful > 0);
	w.cx.now += 20000 * MS;
	homa_history_expire(&w.cx, &h);
	for (k = 0; k < PEERS; k++)
		assert_int_equal(peers[k].remembered, 0);
	for (k = 0; k < PLACES; k++)
		assert_int_equal(bucket[k].first, HOMA_NO_PLACE);
}

static u32 longest_bucket(const struct homa_history *of)
{
	u32 i, at, length, longest = 0;

	for (i = 0; i < of->places; i++) {
		length = 0;
		for (at = of->bucket[i].first; at != HOMA_NO_PLACE; at = of->place[at].next)
			length++;
		assert_int_equal(length, of->bucket[i].count);
		longest = homa_max(longest, length);
	}
	return longest;
}

static void no_choice_of_ids_makes_looking_them_up_slow(void **state)
{
	static struct homa_memory many[1 << 15];
	static struct homa_bucket buckets[ARRAY_SIZE(many)];
	const u32 n = ARRAY_SIZE(many);
	u32 i;

	(void)state;
	homa_history_init(&h, many, buckets, n);
	/* What is forgotten early keeps its place: there are enough for all. */
	for (i = 1; i <= 1000; i++)
		homa_history_add(&w.cx, &h, &peers[1], 2 * i);
	for (i = 1; i < n - 1000; i++) {
		homa_history_add(&w.cx, &h, &peers[0], (u64)i << 49);
		if (i % 1000 == 0)
			assert_in_range(longest_bucket(&h), 1, HOMA_BUCKET_MAX);
	}
	/* Nothing that ran passes as new for it, and nobody else pays. */
	assert_int_not_equal(peers[0].floor, 0);
	for (i = 1; i < n - 1000; i++)
		assert_int_not_equal(homa_history_judge(&w.cx, &h, &peers[0], (u64)i << 49),
				     HOMA_REQUEST_NEW);
	assert_int_equal(peers[1].floor, 0);
	for (i = 1; i <= 1000; i++)
		assert_int_equal(homa_history_judge(&w.cx, &h, &peers[1], 2 * i), HOMA_REQUEST_RAN);
	w.cx.now += 10000 * MS + 1;
	homa_history_expire(&w.cx, &h);
	assert_int_equal(peers[0].remembered + peers[1].remembered + h.used, 0);
	assert_int_equal(longest_bucket(&h), 0);
}

static void ordinary_ids_never_fill_a_bucket(void **state)
{
	static struct homa_memory many[1 << 15];
	static struct homa_bucket buckets[ARRAY_SIZE(many)];
	static struct homa_peer clients[300];
	const u32 n = ARRAY_SIZE(many);
	u64 seed = 3, next[ARRAY_SIZE(clients)];
	u32 i, k;

	(void)state;
	homa_history_init(&h, many, buckets, n);
	for (k = 0; k < ARRAY_SIZE(clients); k++) {
		homa_peer_init(&w.cx, &clients[k], &own, 1400, k);
		next[k] = random64(&seed) & 0xffffffffffffeull;
	}
	/* Each numbers its RPCs from a clock, and spreads them over all its servers. */
	for (i = 0; i < n; i++) {
		k = random_below(&seed, ARRAY_SIZE(clients));
		next[k] += 2 * (1 + random_below(&seed, 100));
		homa_history_add(&w.cx, &h, &clients[k], next[k]);
	}
	assert_in_range(longest_bucket(&h), 1, HOMA_BUCKET_MAX - 1);
	assert_int_equal(h.used, n);
}

static void unacked_requests_survive_in_a_bucket_others_fill(void **state)
{
	u32 i;

	(void)state;
	homa_history_keep(&w.cx, &h, &peers[1], 1ull << 49);
	/* Peers whose ids meet theirs in one bucket: none has any of its own there to give up. */
	for (i = 0; i < PLACES - 2; i++) {
		u32 k = i % 3 ? 3 : 2;

		homa_history_add(&w.cx, &h, &peers[k], (u64)(i + 1) << 49);
	}
	assert_int_equal(homa_history_judge(&w.cx, &h, &peers[1], 1ull << 49), HOMA_REQUEST_RAN);
	assert_in_range(longest_bucket(&h), 1, HOMA_BUCKET_MAX);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(what_ran_is_refused_and_the_rest_is_new),
		T(memory_lasts_history_ticks),
		T(memory_is_there_for_a_core_whose_clock_was_read_before),
		T(forgotten_early_means_doubtful_until_the_floor_expires),
		T(floor_never_sinks_while_it_holds),
		T(no_choice_of_ids_makes_looking_them_up_slow),
		T(ordinary_ids_never_fill_a_bucket),
		T(unacked_requests_survive_in_a_bucket_others_fill),
		T(no_request_that_ran_is_ever_called_new_in_time),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
