// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of a peer: liveness, acks, cutoffs.
 */
#include "check.h"
#include "peer.h"

static struct world w;
static struct homa_cutoffs own = {
	.cutoff = { 1u << 30, 0, 0, 0, 1000000, 15000, 2800, 200 },
	.version = 3,
	.sched_levels = 4,
};

static struct homa_peer peer;

static int setup(void **state)
{
	(void)state;
	world_init(&w);
	homa_peer_init(&w.cx, &peer, &own, 1400, 1);
	return 0;
}

static void unscheduled_bytes_are_whole_packets(void **state)
{
	(void)state;
	assert_int_equal(peer.unsched, 29 * 1400);
	w.params.unsched_bytes = 1;
	homa_peer_init(&w.cx, &peer, &own, 1400, 1);
	assert_int_equal(peer.unsched, 1400);
	w.params.unsched_bytes = 2800;
	homa_peer_init(&w.cx, &peer, &own, 1400, 1);
	assert_int_equal(peer.unsched, 2800);
	/* More than the longest message means nothing. */
	w.params.unsched_bytes = HOMA_MESSAGE_CEILING;
	homa_peer_init(&w.cx, &peer, &own, 1400, 1);
	assert_in_range(peer.unsched, HOMA_MAX_MESSAGE, HOMA_MAX_MESSAGE + 1399);
}

static void unscheduled_bytes_follow_the_size_of_packets(void **state)
{
	(void)state;
	w.params.unsched_bytes = 10000;
	assert_int_equal(homa_peer_unsched(&w.params, 1), 10000);
	assert_int_equal(homa_peer_unsched(&w.params, 1400), 8 * 1400);
	assert_int_equal(homa_peer_unsched(&w.params, 5000), 2 * 5000);
	assert_int_equal(homa_peer_unsched(&w.params, 9000), 2 * 9000);
	assert_int_equal(homa_peer_unsched(&w.params, 10000), 10000);
	assert_int_equal(homa_peer_unsched(&w.params, 60000), 60000);
	w.params.max_message = 1500;
	assert_int_equal(homa_peer_unsched(&w.params, 1400), 2 * 1400);
}

static void own_cutoffs_are_the_first_guess(void **state)
{
	(void)state;
	assert_memory_equal(peer.cutoffs.cutoff, own.cutoff, sizeof(own.cutoff));
	assert_int_equal(peer.cutoffs.version, 0);
}

static void one_resend_is_in_flight(void **state)
{
	(void)state;
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_LATER);
	w.cx.now += 5 * MS - 1;
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_LATER);
	w.cx.now += 1;
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_LATER);
	/* Any packet is an answer. */
	homa_peer_heard(&w.cx, &peer);
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
}

static void peer_is_dead_after_timeout_resends_without_answer(void **state)
{
	u64 heard = peer.heard_at;
	u32 i;

	(void)state;
	w.params.stall_ticks = 0;
	for (i = 0; i < 5; i++) {
		assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
		w.cx.now += 5 * MS;
	}
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_DEAD);
	assert_int_equal(w.counters.peer_timeouts, 1);
	assert_int_equal(peer.heard_at, heard);
	/* It may come back: the next RPC starts counting afresh. */
	for (i = 0; i < 5; i++) {
		assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
		w.cx.now += 5 * MS;
	}
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_DEAD);
}

static void peer_that_stands_still_is_not_dead(void **state)
{
	u64 from = w.cx.now;
	u32 stall = w.params.stall_ticks, asked = 0, i;

	(void)state;
	for (i = 0; i < 3; i++) {
		/* It is looked after in every tick, as if by many RPCs. */
		for (from = w.cx.now; w.cx.now < from + (stall - 1) * MS; w.cx.now += MS) {
			enum homa_ask answer = homa_peer_ask(&w.cx, &peer);

			assert_int_not_equal(answer, HOMA_ASK_DEAD);
			asked += answer == HOMA_ASK_NOW;
		}
		homa_peer_heard(&w.cx, &peer);
	}
	assert_in_range(asked, 3 * stall / 5, 3 * stall / 5 + 60);
	assert_int_equal(w.counters.peer_timeouts, 0);
	for (from = w.cx.now; homa_peer_ask(&w.cx, &peer) != HOMA_ASK_DEAD; w.cx.now += MS)
		;
	assert_in_range(w.cx.now - from, stall * MS, (stall + 5) * MS);
}

static void silence_while_this_host_stands_still_does_not_count(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < w.params.stall_ticks / 10 - 10; i++) {
		assert_int_not_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_DEAD);
		w.cx.now += 5000 * MS;
	}
	for (i = 0; homa_peer_ask(&w.cx, &peer) != HOMA_ASK_DEAD; i++)
		w.cx.now += 5 * MS;
	assert_in_range(i, 10, 30);
}

/* Cores read their clocks and only then take the lock, not always in that order. */
static void clock_read_before_makes_no_peer_silent(void **state)
{
	u32 i;

	(void)state;
	w.params.stall_ticks = 0;
	for (i = 0; i < 100; i++) {
		assert_int_not_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_DEAD);
		w.cx.now -= i & 1;
	}
	assert_int_equal(w.counters.peer_timeouts, 0);
}

static void answer_starts_the_count_afresh(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 40; i++) {
		assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
		w.cx.now += 5 * MS;
		if (i % 4 == 3)
			homa_peer_heard(&w.cx, &peer);
	}
	assert_int_equal(w.counters.peer_timeouts, 0);
	assert_int_equal(peer.heard_at, w.cx.now);
}

static void acks_ride_one_at_a_time_and_overflow_together(void **state)
{
	struct homa_packet pkt;
	u64 seen = 0;
	u32 i;

	(void)state;
	assert_int_equal(homa_peer_take_ack(&peer).client_id, 0);
	for (i = 0; i < 5; i++)
		assert_false(homa_peer_add_ack(&peer, (struct homa_ack){ 2 * i + 2, 9 }, &pkt));
	memset(&pkt, 0xff, sizeof(pkt));
	assert_true(homa_peer_add_ack(&peer, (struct homa_ack){ 12, 9 }, &pkt));
	assert_int_equal(pkt.type, HOMA_ACK);
	assert_int_equal(pkt.sender_id, 12);
	assert_int_equal(pkt.ack.count, 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(pkt.ack.ack[i].server_port, 9);
		seen |= 1ull << pkt.ack.ack[i].client_id;
	}
	assert_int_equal(seen, 1 << 2 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10);
	assert_int_equal(homa_peer_take_ack(&peer).client_id, 0);
	homa_peer_add_ack(&peer, (struct homa_ack){ 20, 8 }, &pkt);
	assert_int_equal(homa_peer_take_ack(&peer).client_id, 20);
	assert_int_equal(homa_peer_take_ack(&peer).client_id, 0);
	homa_peer_add_ack(&peer, (struct homa_ack){ 22, 8 }, &pkt);
	homa_peer_take_acks(&peer, &pkt);
	assert_int_equal(pkt.ack.count, 1);
	assert_int_equal(peer.acks, 0);
}

static void acks_ride_first_in_first_out(void **state)
{
	struct homa_packet pkt;
	u32 i;

	(void)state;
	for (i = 1; i <= 3; i++)
		homa_peer_add_ack(&peer, (struct homa_ack){ 2 * i, 9 }, &pkt);
	assert_int_equal(homa_peer_take_ack(&peer).client_id, 2);
	homa_peer_add_ack(&peer, (struct homa_ack){ 8, 9 }, &pkt);
	for (i = 2; i <= 4; i++)
		assert_int_equal(homa_peer_take_ack(&peer).client_id, 2 * i);
	assert_int_equal(homa_peer_take_ack(&peer).client_id, 0);
}

static void waiting_acks_leave_before_their_peer_is_forgotten(void **state)
{
	struct homa_packet pkt, back;
	u8 bytes[HOMA_MAX_HEADER];
	u32 i, length;

	(void)state;
	assert_false(homa_peer_last_acks(&peer, &pkt));
	for (i = 1; i <= 3; i++)
		homa_peer_add_ack(&peer, (struct homa_ack){ 2 * i, 9 }, &pkt);
	memset(&pkt, 0xff, sizeof(pkt));
	assert_true(homa_peer_last_acks(&peer, &pkt));
	length = homa_wire_encode(bytes, &pkt);
	assert_int_equal(homa_wire_decode(&back, bytes, length, length, 1000), HOMA_DROP_NONE);
	assert_int_equal(back.type, HOMA_ACK);
	assert_int_equal(back.sender_id, 2);
	assert_int_equal(back.dport, 9);
	assert_int_equal(back.ack.count, 2);
	assert_int_equal(back.ack.ack[1].client_id, 6);
	assert_false(homa_peer_last_acks(&peer, &pkt));
}

static void peer_is_kept_while_a_late_request_would_be_judged_by_it(void **state)
{
	(void)state;
	assert_true(homa_peer_expendable(&w.cx, &peer));
	peer.remembered = 1;
	assert_false(homa_peer_expendable(&w.cx, &peer));
	peer.remembered = 0;
	peer.floor = 100;
	peer.floor_at = w.cx.now;
	w.cx.now += 10000 * MS;
	assert_false(homa_peer_expendable(&w.cx, &peer));
	w.cx.now += 1;
	assert_true(homa_peer_expendable(&w.cx, &peer));
	peer.doubts = 1;
	homa_peer_heard(&w.cx, &peer);
	assert_false(homa_peer_expendable(&w.cx, &peer));
	w.cx.now += 10000 * MS + 1;
	assert_true(homa_peer_expendable(&w.cx, &peer));
}

static void the_more_peers_the_sooner_idle_ones_go(void **state)
{
	u64 last = ~0ull;
	u32 i;

	(void)state;
	assert_true(homa_peer_idle_limit(&w.cx, 5000) == ~0ull);
	for (i = 5001; i <= 10000; i++) {
		u64 limit = homa_peer_idle_limit(&w.cx, i);

		assert_true(limit < last);
		last = limit;
	}
	assert_int_equal(last, 10000 * MS);
	assert_in_range(homa_peer_idle_limit(&w.cx, 5001), 119000 * MS, 120000 * MS);
	/* Whatever an administrator sets. */
	w.params.peer_gc_threshold = 20000;
	assert_true(homa_peer_idle_limit(&w.cx, 15000) == ~0ull);
	w.params.peer_gc_threshold = 7;
	w.params.peer_net_max = 7;
	assert_int_equal(homa_peer_idle_limit(&w.cx, 8), 10000 * MS);
	w.params.peer_net_max = 100;
	w.params.peer_idle_secs_max = 1;
	assert_int_equal(homa_peer_idle_limit(&w.cx, 8), 10000 * MS);
}

static void old_versions_are_told_once_per_tick(void **state)
{
	struct homa_packet pkt;
	u32 i, told = 0;

	(void)state;
	assert_false(homa_peer_check_cutoffs(&w.cx, &peer, &own, 3, &pkt));
	assert_true(homa_peer_check_cutoffs(&w.cx, &peer, &own, 0, &pkt));
	assert_int_equal(pkt.type, HOMA_CUTOFFS);
	assert_int_equal(pkt.cutoffs.version, 3);
	assert_memory_equal(pkt.cutoffs.cutoff, own.cutoff, sizeof(own.cutoff));
	/* A new version is told at once. */
	assert_false(homa_peer_check_cutoffs(&w.cx, &peer, &own, 0, &pkt));
	own.version = 4;
	assert_true(homa_peer_check_cutoffs(&w.cx, &peer, &own, 3, &pkt));
	own.version = 3;
	homa_peer_check_cutoffs(&w.cx, &peer, &own, 0, &pkt);
	for (i = 0; i < 10000; i++) {
		w.cx.now += 1000;
		told += homa_peer_check_cutoffs(&w.cx, &peer, &own, (u16)(5 + i), &pkt);
	}
	assert_in_range(told, 9, 10);
}

static void silent_rpc_does_not_keep_others_from_asking(void **state)
{
	(void)state;
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
	w.cx.now += 5 * MS;
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
	/* One is unanswered: until the next round others may ask, too, one per tick. */
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_LATER);
	w.cx.now += MS;
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_LATER);
	/* They do not make it die any sooner. */
	assert_int_equal(peer.unanswered, 1);
}

static void each_answer_lets_the_next_in_turn_ask(void **state)
{
	struct homa_node a, b, c;

	(void)state;
	homa_node_init(&a);
	homa_node_init(&b);
	homa_node_init(&c);
	assert_null(homa_peer_next_asker(&peer));
	assert_int_equal(homa_peer_ask_in_turn(&w.cx, &peer, &a, 50, 2), HOMA_ASK_NOW);
	assert_false(homa_node_queued(&a));
	/* The later one has wanted to ask for longer. */
	assert_int_equal(homa_peer_ask_in_turn(&w.cx, &peer, &b, 40, 4), HOMA_ASK_LATER);
	assert_int_equal(homa_peer_ask_in_turn(&w.cx, &peer, &c, 30, 6), HOMA_ASK_LATER);
	assert_null(homa_peer_next_asker(&peer));
	homa_peer_heard(&w.cx, &peer);
	/* Nobody jumps the queue. */
	assert_int_equal(homa_peer_ask_in_turn(&w.cx, &peer, &a, 50, 2), HOMA_ASK_LATER);
	assert_ptr_equal(homa_peer_next_asker(&peer), &c);
	assert_int_equal(homa_peer_ask_in_turn(&w.cx, &peer, &c, 30, 6), HOMA_ASK_NOW);
	assert_null(homa_peer_next_asker(&peer));
	homa_peer_heard(&w.cx, &peer);
	assert_ptr_equal(homa_peer_next_asker(&peer), &b);
	assert_int_equal(homa_peer_ask_in_turn(&w.cx, &peer, &b, 40, 4), HOMA_ASK_NOW);
	homa_peer_leave_turn(&peer, &a);
	homa_peer_leave_turn(&peer, &a);
	homa_peer_heard(&w.cx, &peer);
	assert_null(homa_peer_next_asker(&peer));
}

static void one_that_may_not_ask_looks_again_soon(void **state)
{
	u32 i;

	(void)state;
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
	assert_int_equal(homa_peer_look_again(&w.cx, &peer, HOMA_ASK_NOW), 0);
	assert_in_range(homa_peer_look_again(&w.cx, &peer, HOMA_ASK_LATER), w.cx.now + 1,
			w.cx.now + 5 * MS);
	w.cx.now += 5 * MS;
	assert_int_equal(homa_peer_ask(&w.cx, &peer), HOMA_ASK_NOW);
	assert_int_equal(homa_peer_look_again(&w.cx, &peer, HOMA_ASK_NOW), w.cx.now + MS);
	/* But not when that has not helped. */
	peer.unanswered = 5;
	assert_int_equal(homa_peer_look_again(&w.cx, &peer, HOMA_ASK_LATER), w.cx.now + 5 * MS);
	for (i = 1; i <= 5; i++) {
		w.params.resend_interval = i;
		assert_true(homa_peer_look_again(&w.cx, &peer, HOMA_ASK_LATER) > w.cx.now);
	}
}

static void doubt_makes_a_version_only_for_its_peer(void **state)
{
	struct homa_packet pkt;
	struct homa_peer other;
	u16 version;

	(void)state;
	/* A peer that has never given a version back cannot prove anything by it. */
	assert_int_equal(homa_peer_doubt(&w.cx, &peer, &own, &pkt), 0);
	assert_true(homa_peer_check_cutoffs(&w.cx, &peer, &own, 0, &pkt));
	assert_int_equal(homa_peer_doubt(&w.cx, &peer, &own, &pkt), 0);
	assert_false(homa_peer_check_cutoffs(&w.cx, &peer, &own, 3, &pkt));
	version = homa_peer_doubt(&w.cx, &peer, &own, &pkt);
	assert_int_equal(version, 4);
	assert_int_equal(pkt.type, HOMA_CUTOFFS);
	assert_int_equal(pkt.cutoffs.version, version);
	assert_memory_equal(pkt.cutoffs.cutoff, own.cutoff, sizeof(own.cutoff));
	assert_int_equal(own.version, 3);
	/* The version before is old now, the new one is not. */
	w.cx.now += 2 * MS;
	assert_false(homa_peer_check_cutoffs(&w.cx, &peer, &own, 4, &pkt));
	assert_true(homa_peer_check_cutoffs(&w.cx, &peer, &own, 3, &pkt));
	assert_int_equal(pkt.cutoffs.version, 4);
	homa_peer_init(&w.cx, &other, &own, 1400, 2);
	assert_true(homa_peer_check_cutoffs(&w.cx, &other, &own, 0, &pkt));
	assert_int_equal(pkt.cutoffs.version, 3);
}

static void versions_towards_a_peer_wrap_past_zero(void **state)
{
	struct homa_packet pkt;
	u32 i;

	(void)state;
	homa_peer_check_cutoffs(&w.cx, &peer, &own, 0, &pkt);
	homa_peer_check_cutoffs(&w.cx, &peer, &own, 3, &pkt);
	for (i = 0; i < 200000; i++)
		assert_int_not_equal(homa_peer_doubt(&w.cx, &peer, &own, &pkt), 0);
}

static void told_cutoffs_decide_the_level(void **state)
{
	struct homa_packet pkt = { .type = HOMA_CUTOFFS };
	u32 i;

	(void)state;
	for (i = 0; i < 8; i++)
		pkt.cutoffs.cutoff[i] = 8000 - 1000 * i;
	pkt.cutoffs.version = 77;
	homa_peer_set_cutoffs(&peer, &pkt);
	assert_int_equal(peer.cutoffs.version, 77);
	assert_int_equal(homa_cutoffs_level(&peer.cutoffs, 1), 7);
	assert_int_equal(homa_cutoffs_level(&peer.cutoffs, 1000), 7);
	assert_int_equal(homa_cutoffs_level(&peer.cutoffs, 1001), 6);
	assert_int_equal(homa_cutoffs_level(&peer.cutoffs, 7500), 0);
	/* Nonsense from a peer still gives a level. */
	memset(pkt.cutoffs.cutoff, 0, sizeof(pkt.cutoffs.cutoff));
	homa_peer_set_cutoffs(&peer, &pkt);
	assert_int_equal(homa_cutoffs_level(&peer.cutoffs, 1000000), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(unscheduled_bytes_are_whole_packets),
		T(unscheduled_bytes_follow_the_size_of_packets),
		T(own_cutoffs_are_the_first_guess),
		T(one_resend_is_in_flight),
		T(peer_is_dead_after_timeout_resends_without_answer),
		T(peer_that_stands_still_is_not_dead),
		T(silence_while_this_host_stands_still_does_not_count),
		T(clock_read_before_makes_no_peer_silent),
		T(answer_starts_the_count_afresh),
		T(acks_ride_one_at_a_time_and_overflow_together),
		T(acks_ride_first_in_first_out),
		T(waiting_acks_leave_before_their_peer_is_forgotten),
		T(peer_is_kept_while_a_late_request_would_be_judged_by_it),
		T(the_more_peers_the_sooner_idle_ones_go),
		T(old_versions_are_told_once_per_tick),
		T(silent_rpc_does_not_keep_others_from_asking),
		T(each_answer_lets_the_next_in_turn_ask),
		T(one_that_may_not_ask_looks_again_soon),
		T(doubt_makes_a_version_only_for_its_peer),
		T(versions_towards_a_peer_wrap_past_zero),
		T(told_cutoffs_decide_the_level),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
