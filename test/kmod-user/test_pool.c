// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of a socket's receive region: who gets which bytes, and that all of them come back.
 */
#include "../core/check.h"
#include "kmod/pool.h"

#define CORES 3
#define PAGES 8
#define PAGE HOMA_POOL_PAGE
#define LEASE (10 * MS) /* bpage_lease_usecs, in ns */
#define MOST 20		/* offsets of a message */

static struct homa_pool pool;
static struct homa_pool_page page[PAGES];
static struct homa_pool_lease lease[CORES];
static u64 now, reused;
static u32 offset[MOST];

static void start(u32 pages, u32 cores)
{
	memset(page, 0xa5, sizeof(page));
	memset(lease, 0xa5, sizeof(lease));
	memset(&pool, 0xa5, sizeof(pool));
	homa_pool_init(&pool, page, pages, lease, cores);
	now = 1000 * MS;
	reused = 0;
}

static int setup(void **state)
{
	(void)state;
	start(PAGES, CORES);
	return 0;
}

static u32 take(u32 core, u32 length)
{
	return homa_pool_take(&pool, core, length, now, LEASE, offset, &reused);
}

/* Room for @length bytes at one place. */
static u32 part(u32 core, u32 length)
{
	assert_int_equal(take(core, length), 1);
	return offset[0];
}

static void message_gets_whole_pages_and_a_part(void **state)
{
	(void)state;
	assert_int_equal(take(0, 1), 1);
	assert_int_equal(take(0, PAGE), 1);
	assert_int_equal(offset[0] % PAGE, 0);
	assert_int_equal(take(0, PAGE + 1), 2);
	assert_int_equal(offset[0] % PAGE, 0);
	assert_int_equal(take(0, 3 * PAGE), 3);
}

static void short_messages_of_a_core_share_a_page_but_no_line(void **state)
{
	u32 first, second;

	(void)state;
	first = part(0, 100);
	second = part(0, 1);
	assert_int_equal(second, first + 128);
	assert_int_equal(part(0, 64), first + 192);
	assert_int_equal(part(0, 64), first + 256);
	assert_int_equal(homa_pool_available(&pool), (PAGES - 1) * PAGE);
}

static void cores_do_not_share_pages(void **state)
{
	u32 i, k, of[CORES];

	(void)state;
	for (i = 0; i < CORES; i++)
		of[i] = part(i, 100) / PAGE;
	for (i = 0; i < CORES; i++)
		for (k = 0; k < i; k++)
			assert_int_not_equal(of[i], of[k]);
}

static void part_that_does_not_fit_begins_another_page(void **state)
{
	u32 first;

	(void)state;
	first = part(0, PAGE - 100);
	assert_int_not_equal(part(0, 200) / PAGE, first / PAGE);
	/* The page before is nobody's lease any more: free when it is given back. */
	assert_int_equal(pool.free_count, PAGES - 2);
	assert_true(homa_pool_give(&pool, first));
	assert_int_equal(pool.free_count, PAGES - 1);
}

static void part_may_fill_a_page_to_its_last_byte(void **state)
{
	u32 first;

	(void)state;
	first = part(0, PAGE - 64);
	assert_int_equal(part(0, 64), first + PAGE - 64);
	assert_int_not_equal(part(0, 1) / PAGE, first / PAGE);
	start(PAGES, CORES);
	first = part(0, PAGE - 1);
	assert_int_not_equal(part(0, 1) / PAGE, first / PAGE);
}

static void leased_page_begins_anew_when_all_in_it_is_given_back(void **state)
{
	u32 first, second;

	(void)state;
	first = part(0, 1000);
	second = part(0, 1000);
	assert_true(homa_pool_give(&pool, first));
	assert_int_not_equal(part(0, 1000), first);
	assert_true(homa_pool_give(&pool, second));
	assert_true(homa_pool_give(&pool, offset[0]));
	assert_int_equal(part(0, 1000), first);
}

static void message_without_room_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(take(0, 5 * PAGE), 5);
	assert_int_equal(take(1, 4 * PAGE), 0);
	assert_int_equal(take(1, 3 * PAGE + 1), 0);
	assert_int_equal(pool.free_count, 3);
	assert_int_equal(take(1, 3 * PAGE), 3);
	assert_int_equal(take(1, 1), 0);
	assert_true(homa_pool_give(&pool, offset[1]));
	assert_int_equal(take(1, 1), 1);
}

static void empty_leases_are_taken_back_when_room_is_short(void **state)
{
	u32 i, places[CORES];

	(void)state;
	for (i = 0; i < CORES; i++)
		places[i] = part(i, 100);
	for (i = 0; i < CORES; i++)
		assert_true(homa_pool_give(&pool, places[i]));
	/* Leased pages do not count as free, but they are: nothing is in them. */
	assert_int_equal(pool.free_count, PAGES - CORES);
	assert_int_equal(take(0, PAGES * PAGE), PAGES);
	assert_int_equal(reused, CORES - 1);
}

static void lease_in_use_is_kept_until_it_is_old(void **state)
{
	u32 theirs;

	(void)state;
	theirs = part(1, 100);
	assert_int_equal(take(0, PAGES * PAGE), 0);
	assert_int_equal(reused, 0);
	assert_int_equal(part(1, 100) / PAGE, theirs / PAGE);
	now += LEASE;
	assert_int_equal(take(0, PAGES * PAGE), 0);
	assert_int_equal(reused, 1);
	/* Not leased any more, it is free once what is in it is given back. */
	assert_int_not_equal(part(1, 100) / PAGE, theirs / PAGE);
	assert_true(homa_pool_give(&pool, theirs));
	assert_int_equal(pool.free_count, PAGES - 2);
	assert_true(homa_pool_give(&pool, theirs));
	assert_int_equal(pool.free_count, PAGES - 1);
}

static void what_was_never_given_is_not_taken_back(void **state)
{
	u32 at;

	(void)state;
	assert_false(homa_pool_give(&pool, 0));
	assert_false(homa_pool_give(&pool, PAGES * PAGE));
	assert_false(homa_pool_give(&pool, 0xffffffff));
	assert_int_equal(take(0, PAGE), 1);
	at = offset[0];
	assert_true(homa_pool_give(&pool, at));
	assert_false(homa_pool_give(&pool, at));
	assert_int_equal(pool.free_count, PAGES);
}

static void region_of_one_page_serves_every_core(void **state)
{
	u32 core, at;

	(void)state;
	start(1, CORES);
	for (core = 0; core < 3 * CORES; core++) {
		at = part(core % CORES, 1000 + core);
		assert_int_equal(take((core + 1) % CORES, PAGE), 0);
		assert_true(homa_pool_give(&pool, at));
	}
	assert_int_equal(take(0, PAGE), 1);
}

static void region_without_pages_has_room_for_nothing(void **state)
{
	(void)state;
	start(0, CORES);
	assert_int_equal(take(0, 1), 0);
	assert_int_equal(take(0, PAGE), 0);
	assert_false(homa_pool_fits(&pool, 1));
	assert_false(homa_pool_give(&pool, 0));
}

static void fits_tells_what_could_ever_have_room(void **state)
{
	(void)state;
	assert_true(homa_pool_fits(&pool, 1));
	assert_true(homa_pool_fits(&pool, PAGES * PAGE));
	assert_false(homa_pool_fits(&pool, PAGES * PAGE + 1));
}

/* A message of the model. */
struct held {
	u32 length, count, offset[MOST];
};

static u8 owner[PAGES * PAGE]; /* number of the message a byte belongs to; 0: none */

/* Mark all of a message's bytes, which must belong to @from, as @to's. */
static void mark(const struct held *m, u8 from, u8 to)
{
	u32 i, k, left = m->length;

	for (i = 0; i < m->count; i++) {
		u32 bytes = homa_min(left, PAGE), at = m->offset[i];

		assert_true(at + bytes <= pool.pages * PAGE);
		assert_int_equal(at / PAGE, (at + bytes - 1) / PAGE);
		for (k = 0; k < bytes; k++)
			assert_int_equal(owner[at + k], from);
		memset(&owner[at], to, bytes);
		left -= bytes;
	}
	assert_int_equal(left, 0);
}

static u32 pages_in_use(void)
{
	u32 i, k, used = 0;

	for (i = 0; i < pool.pages; i++) {
		for (k = 0; k < PAGE && !owner[i * PAGE + k]; k += 64)
			;
		used += k < PAGE;
	}
	return used;
}

static void give_all(struct held *m)
{
	u32 i;

	for (i = 0; i < m->count; i++)
		assert_true(homa_pool_give(&pool, m->offset[i]));
	m->count = 0;
}

static void no_two_messages_have_the_same_bytes_and_none_is_lost(void **state)
{
	static struct held held[40];
	u64 seed = 7;
	u32 run, step, i, taken = 0, refused = 0;

	(void)state;
	for (run = 0; run < 20; run++) {
		u32 longest = run % 2 ? 3 * PAGE : 9000;

		start(1 + run % PAGES, 1 + run % CORES);
		memset(owner, 0, sizeof(owner));
		memset(held, 0, sizeof(held));
		for (step = 0; step < 3000; step++) {
			struct held *m = &held[random_below(&seed, ARRAY_SIZE(held))];

			now += random_below(&seed, 2 * MS);
			if (m->count) {
				mark(m, (u8)(m - held + 1), 0);
				give_all(m);
				continue;
			}
			m->length = 1 + random_below(&seed, longest);
			m->count = homa_pool_take(&pool, random_below(&seed, pool.leases),
						  m->length, now, LEASE, m->offset, &reused);
			if (m->count) {
				mark(m, 0, (u8)(m - held + 1));
				taken++;
				continue;
			}
			refused++;
			/* What is refused would not even fit if all free pages were at hand. */
			assert_true(pages_in_use() + (m->length + PAGE - 1) / PAGE > pool.pages);
		}
		assert_true(pool.free_count + pages_in_use() <= pool.pages);
		for (i = 0; i < ARRAY_SIZE(held); i++)
			give_all(&held[i]);
		assert_int_equal(take(0, pool.pages * PAGE), pool.pages);
	}
	/* There was something to see. */
	assert_in_range(taken, 5000, 60000);
	assert_in_range(refused, 1000, 50000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(message_gets_whole_pages_and_a_part),
		T(short_messages_of_a_core_share_a_page_but_no_line),
		T(cores_do_not_share_pages),
		T(part_that_does_not_fit_begins_another_page),
		T(part_may_fill_a_page_to_its_last_byte),
		T(leased_page_begins_anew_when_all_in_it_is_given_back),
		T(message_without_room_changes_nothing),
		T(empty_leases_are_taken_back_when_room_is_short),
		T(lease_in_use_is_kept_until_it_is_old),
		T(what_was_never_given_is_not_taken_back),
		T(region_of_one_page_serves_every_core),
		T(region_without_pages_has_room_for_nothing),
		T(fits_tells_what_could_ever_have_room),
		T(no_two_messages_have_the_same_bytes_and_none_is_lost),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
