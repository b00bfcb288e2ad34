// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the grant scheduler. The random test recomputes after every step, from the messages
 * alone, what the scheduler must hold.
 */
#include "check.h"
#include "grants.h"

#define MESSAGES 60
#define PEERS 12
#define PACKET 1400

static struct homa_cutoffs cutoffs = {
	.cutoff = { 1u << 30, 0, 0, 0, 1000000, 15000, 2800, 200 },
	.version = 1,
	.sched_levels = 4,
};

static struct world w;
static struct homa_grants s;
static struct homa_grant_peer peers[PEERS];
static struct homa_grantee msgs[MESSAGES];
static struct homa_grant_list out;

static int setup(void **state)
{
	u32 i;

	(void)state;
	world_init(&w);
	w.params.grant_fifo_fraction = 0;
	w.params.grant_step = 1;
	world_update(&w);
	homa_grants_init(&s, &cutoffs);
	for (i = 0; i < PEERS; i++)
		homa_grant_peer_init(&peers[i], HOMA_MESSAGE_CEILING);
	for (i = 0; i < MESSAGES; i++)
		homa_grantee_init(&msgs[i]);
	out.count = 0;
	return 0;
}

static void add(u32 m, u32 peer, u32 length, u32 granted, u32 received)
{
	out.count = 0;
	homa_grants_add(&w.cx, &s, &msgs[m], &peers[peer], length, granted, received, &out);
}

/* @bytes more of message @m arrive in order. */
static void arrive(u32 m, u32 bytes)
{
	u32 received = msgs[m].received + bytes;

	out.count = 0;
	homa_grants_received(&w.cx, &s, &msgs[m], received, received, &out);
}

static void expect(u32 m, u32 offset, u8 priority)
{
	u32 i;

	for (i = 0; i < out.count; i++)
		if (out.grant[i].to == &msgs[m])
			break;
	assert_in_range(i, 0, out.count - 1);
	assert_int_equal(out.grant[i].offset, offset);
	assert_int_equal(out.grant[i].priority, priority);
}

static void at_most_max_overcommit_are_granted_one_per_peer(void **state)
{
	u32 i;

	(void)state;
	w.params.max_overcommit = 3;
	w.params.window = 10000;
	world_update(&w);
	add(0, 0, 100000, 10000, 10000);
	assert_int_equal(out.count, 1);
	expect(0, 20000, 0);
	add(1, 0, 200000, 10000, 10000);
	assert_int_equal(out.count, 0);
	for (i = 2; i < 4; i++) {
		add(i, i, 100000 + i, 10000, 10000);
		assert_int_equal(out.count, 1);
	}
	add(4, 4, 300000, 10000, 10000);
	assert_int_equal(out.count, 0);
	assert_int_equal(s.count, 3);
	/* The first is done: of the two that wait the shorter one gets its place. */
	out.count = 0;
	homa_grants_remove(&w.cx, &s, &msgs[0], &out);
	assert_int_equal(out.count, 1);
	expect(1, 20000, 0);
}

static void shorter_message_preempts_the_longest_of_all(void **state)
{
	(void)state;
	w.params.max_overcommit = 2;
	w.params.window = 10000;
	world_update(&w);
	add(0, 0, 500000, 1400, 1400);
	add(1, 1, 300000, 1400, 1400);
	add(2, 2, 100000, 1400, 1400);
	expect(2, 11400, 1);
	assert_int_equal(s.count, 2);
	assert_int_equal(msgs[0].rank, HOMA_NOT_ACTIVE);
	arrive(0, 1400);
	assert_int_equal(out.count, 0);
	arrive(1, 1400);
	expect(1, 12800, 0);
}

static void shorter_message_preempts_its_own_peers(void **state)
{
	(void)state;
	w.params.window = 10000;
	world_update(&w);
	add(0, 0, 500000, 1400, 1400);
	add(1, 0, 100000, 1400, 1400);
	expect(1, 11400, 0);
	assert_int_equal(s.count, 1);
	arrive(0, 1400);
	assert_int_equal(out.count, 0);
}

static void priorities_are_the_lowest_levels_in_srpt_order(void **state)
{
	u32 i;

	(void)state;
	w.params.window = 10000;
	world_update(&w);
	/* 100,000, 200,000, … each longer than the one before. */
	for (i = 0; i < 6; i++)
		add(i, i, 100000 * (i + 1), 1400, 1400);
	for (i = 0; i < 6; i++) {
		arrive(i, 1400);
		expect(i, 12800, i < 3 ? 3 - i : 0);
	}
	for (i = 5; i > 1; i--) {
		out.count = 0;
		homa_grants_remove(&w.cx, &s, &msgs[i], &out);
	}
	/* Two are left: levels 1 and 0, so that two more can come above them. */
	arrive(0, 1400);
	expect(0, 14200, 1);
	arrive(1, 1400);
	expect(1, 14200, 0);
}

static void tail_is_granted_at_an_unscheduled_level(void **state)
{
	(void)state;
	w.params.window = 5000;
	w.params.tail_bytes = 3000;
	world_update(&w);
	add(0, 0, 12000, 5000, 1000);
	expect(0, 6000, 0);
	arrive(0, 3000);
	expect(0, 9000, 0);
	arrive(0, 200);
	expect(0, 9200, 5);
	arrive(0, 1000);
	expect(0, 10200, 6);
	arrive(0, 2000);
	expect(0, 12000, 6);
	assert_int_equal(s.count, 0);
	assert_null(s.peers.first);
}

static void grants_never_exceed_max_incoming_and_resume_with_room(void **state)
{
	(void)state;
	w.params.window = 30000;
	w.params.max_incoming = 50000;
	world_update(&w);
	add(0, 0, 100000, 10000, 10000);
	expect(0, 40000, 0);
	add(1, 1, 200000, 10000, 10000);
	expect(1, 30000, 0);
	assert_int_equal(s.incoming, 50000);
	add(2, 2, 300000, 10000, 10000);
	assert_int_equal(out.count, 0);
	/* Whoever's bytes arrive, the room goes to the shortest first. */
	arrive(1, 5000);
	assert_int_equal(s.incoming, 50000);
	expect(1, 35000, 1);
	out.count = 0;
	homa_grants_remove(&w.cx, &s, &msgs[0], &out);
	expect(1, 45000, 1);
	expect(2, 30000, 0);
	assert_int_equal(s.incoming, 50000);
}

static void window_is_max_incoming_shared_by_the_active(void **state)
{
	(void)state;
	add(0, 0, 1000000, 0, 0);
	expect(0, 200000, 0);
	add(1, 1, 700000, 0, 0);
	expect(1, 133333, 1);
}

static void less_than_a_step_waits_for_more(void **state)
{
	u32 i, received;

	(void)state;
	w.params.window = 100000;
	w.params.grant_step = 20000;
	world_update(&w);
	add(0, 0, 200000, 40000, 1400);
	expect(0, 101400, 0);
	for (i = 0; i < 14; i++) {
		arrive(0, PACKET);
		assert_int_equal(out.count, 0);
	}
	arrive(0, PACKET);
	expect(0, 122400, 0);
	/* The last bytes wait for nothing. */
	for (received = msgs[0].received; received + 100000 + PACKET < 200000; received += PACKET)
		arrive(0, PACKET);
	assert_in_range(msgs[0].granted, 180000, 199999);
	arrive(0, PACKET);
	expect(0, 200000, 0);
	assert_int_equal(s.count, 0);
}

static void step_is_at_most_a_quarter_of_the_window(void **state)
{
	(void)state;
	w.params.window = 10000;
	w.params.grant_step = 25000;
	world_update(&w);
	add(0, 0, 100000, 1400, 1400);
	expect(0, 11400, 0);
	arrive(0, PACKET);
	assert_int_equal(out.count, 0);
	arrive(0, PACKET);
	expect(0, 14200, 0);
	/* It is the window of now: with one more active message it is smaller. */
	w.params.window = 0;
	w.params.max_incoming = 30000;
	world_update(&w);
	arrive(0, 9000);
	expect(0, 13200 + 15000, 0);
	add(1, 1, 100000, 1400, 1400);
	expect(1, 11400, 0);
	arrive(0, 6000);
	assert_int_equal(out.count, 0);
	arrive(0, 1400);
	assert_int_equal(out.count, 0);
	arrive(0, 1200);
	expect(0, 31800, 1);
}

static void less_room_than_a_step_is_for_those_with_nothing_on_its_way(void **state)
{
	(void)state;
	w.params.window = 40000;
	w.params.max_incoming = 41000;
	w.params.grant_step = 5000;
	world_update(&w);
	add(0, 0, 300000, 1400, 1400);
	expect(0, 41400, 0);
	/* Nothing of it is on its way: it gets the 1,000 bytes that are left. */
	add(1, 1, 400000, 1400, 1400);
	expect(1, 2400, 0);
	/* More room, less than a step: nobody needs it now, whoever's packet it was. */
	arrive(0, 3000);
	assert_int_equal(out.count, 0);
	arrive(1, 500);
	assert_int_equal(out.count, 0);
	assert_int_equal(s.incoming, 37500);
	/* The last byte that was on its way is here: what room there is. */
	arrive(1, 500);
	expect(1, 2400 + 4000, 0);
	assert_int_equal(s.incoming, 41000);
	/* A step, of others' packets: the shortest first. */
	arrive(0, 5000);
	expect(0, 46400, 1);
	assert_int_equal(s.incoming, 41000);
	/* Of a message that goes: the rest of the window of the one that was short. */
	out.count = 0;
	homa_grants_remove(&w.cx, &s, &msgs[0], &out);
	expect(1, 42400, 0);
}

static void bytes_sent_beyond_the_grant_count_as_granted(void **state)
{
	(void)state;
	w.params.window = 10000;
	world_update(&w);
	add(0, 0, 100000, 1400, 1400);
	expect(0, 11400, 0);
	out.count = 0;
	homa_grants_received(&w.cx, &s, &msgs[0], 2800, 12600, &out);
	expect(0, 12800, 0);
	assert_int_equal(s.incoming, 10000);
	/* All of it is said to be sent without being asked for: that claims no more room. */
	out.count = 0;
	homa_grants_received(&w.cx, &s, &msgs[0], 4200, 100000, &out);
	assert_int_equal(out.count, 0);
	assert_int_equal(s.count, 0);
	assert_int_equal(s.incoming, 10000);
	homa_grants_remove(&w.cx, &s, &msgs[0], &out);
	assert_int_equal(s.incoming, 0);
}

static void claims_of_a_sender_leave_the_room_to_others(void **state)
{
	(void)state;
	homa_grant_peer_init(&peers[0], 40600);
	/* One byte is here, 999,998 more are announced. */
	add(0, 0, 1000000, 999999, 1);
	assert_int_equal(s.incoming, 40600);
	add(1, 1, 1000000, 1400, 1400);
	expect(1, 1400 + 400000 / 3, 0);
	/* The honest bytes of a long announcement count as those of a short one. */
	out.count = 0;
	homa_grants_received(&w.cx, &s, &msgs[0], 959399, 959399, &out);
	assert_int_equal(msgs[0].pending, 40601);
	homa_grants_received(&w.cx, &s, &msgs[0], 990000, 990000, &out);
	assert_int_equal(msgs[0].pending, 10000);
	homa_grants_remove(&w.cx, &s, &msgs[0], &out);
	assert_int_equal(s.incoming, msgs[1].pending);
}

static void stalled_message_gives_up_room_and_place(void **state)
{
	(void)state;
	w.params.max_overcommit = 1;
	w.params.window = 50000;
	w.params.max_incoming = 50000;
	world_update(&w);
	add(0, 0, 100000, 1400, 1400);
	expect(0, 51400, 0);
	add(1, 1, 200000, 1400, 1400);
	assert_int_equal(out.count, 0);
	homa_grants_stalled(&w.cx, &s, &msgs[0], &out);
	assert_int_equal(out.count, 1);
	expect(1, 51400, 0);
	assert_int_equal(s.incoming, 50000);
	assert_int_equal(w.counters.grants_stalled, 1);
	/* Nothing more to lose. */
	out.count = 0;
	homa_grants_stalled(&w.cx, &s, &msgs[0], &out);
	assert_int_equal(out.count, 0);
	assert_int_equal(w.counters.grants_stalled, 1);
	/* Data of it: its place is its own again, and no more room is taken than there is. */
	arrive(0, 1400);
	assert_int_equal(msgs[0].rank, 0);
	assert_int_equal(msgs[1].rank, HOMA_NOT_ACTIVE);
	assert_int_equal(s.incoming, 50000);
	/* Granted before the stall, its bytes count no more. */
	arrive(0, 48600);
	assert_int_equal(s.incoming, 50000);
	arrive(1, 10000);
	assert_int_equal(s.incoming, 50000);
	expect(0, 61400, 0);
	homa_grants_remove(&w.cx, &s, &msgs[0], &out);
	homa_grants_remove(&w.cx, &s, &msgs[1], &out);
	assert_int_equal(s.incoming, 0);
}

static void stalled_messages_of_any_standing_leave_and_come_back(void **state)
{
	u32 i;

	(void)state;
	w.params.grant_fifo_fraction = 50;
	w.params.max_overcommit = 1;
	world_update(&w);
	add(0, 0, 1000000, 1400, 1400);	/* active, then passed over */
	add(1, 0, 500000, 1400, 1400);	/* active */
	add(2, 1, 600000, 1400, 1400);	/* waiting */
	add(3, 2, 2000, 2000, 1000);	/* fully granted */
	for (i = 0; i < 4; i++)
		homa_grants_stalled(&w.cx, &s, &msgs[i], &out);
	assert_int_equal(s.incoming, 0);
	assert_int_equal(s.count, 0);
	assert_null(s.peers.root);
	assert_null(s.age.root);
	for (i = 0; i < 4; i++)
		arrive(i, 500);
	assert_ptr_equal(s.active[0], &msgs[1]);
	assert_ptr_equal(peers[0].waiting.first, &msgs[0].node);
	assert_ptr_equal(peers[1].waiting.first, &msgs[2].node);
	assert_ptr_equal(s.age.first, &msgs[0].age);
	assert_int_equal(msgs[3].rank, HOMA_NOT_ACTIVE);
	/* One that is stalled may as well end. */
	homa_grants_stalled(&w.cx, &s, &msgs[1], &out);
	for (i = 0; i < 4; i++)
		homa_grants_remove(&w.cx, &s, &msgs[i], &out);
	assert_int_equal(s.incoming, 0);
	assert_null(s.age.root);
}

static void messages_not_in_the_scheduler_are_ignored(void **state)
{
	(void)state;
	homa_grants_received(&w.cx, &s, &msgs[0], 100, 200, &out);
	homa_grants_remove(&w.cx, &s, &msgs[0], &out);
	assert_int_equal(out.count + s.incoming + s.count, 0);
	/* One that needs no grant when it is added is only accounted for. */
	add(1, 1, 1000, 1000, 400);
	assert_int_equal(out.count + s.count, 0);
	assert_int_equal(s.incoming, 600);
	homa_grants_remove(&w.cx, &s, &msgs[1], &out);
	assert_int_equal(s.incoming, 0);
	assert_false(homa_grantee_scheduled(&msgs[1]));
}

/* Thousandths of the granted bytes that go to a long message beside shorter ones. */
static u32 fifo_share(u32 fraction, u32 overcommit, u32 window)
{
	u64 total = 0, mine = 0, before[PEERS] = { 0 };
	u32 i, k, lengths = 0;

	setup(NULL);
	w.params.grant_fifo_fraction = fraction;
	w.params.max_overcommit = overcommit;
	w.params.window = window;
	world_update(&w);
	add(0, 0, 1u << 30, PACKET, PACKET);
	for (i = 1; i < PEERS; i++)
		add(i, i, 400000 + i, PACKET, PACKET);
	for (k = 0; k < 300000; k++) {
		i = k % PEERS;
		if (msgs[i].granted > msgs[i].received)
			arrive(i, homa_min(PACKET, msgs[i].granted - msgs[i].received));
		if (i && msgs[i].received == msgs[i].length) {
			homa_grants_remove(&w.cx, &s, &msgs[i], &out);
			total += 400000;
			add(i, i, 400000 + lengths++ % 64, PACKET, PACKET);
		}
	}
	mine = msgs[0].granted;
	for (i = 0; i < PEERS; i++)
		total += msgs[i].granted - before[i];
	return (u32)(1000 * mine / total);
}

static void oldest_message_gets_its_share(void **state)
{
	(void)state;
	/* What it gets without a share is what it was granted before the others came. */
	assert_in_range(fifo_share(0, 1, 0), 0, 6);
	assert_in_range(fifo_share(50, 1, 0), 45, 53);
	assert_in_range(fifo_share(50, 4, 0), 45, 53);
	assert_in_range(fifo_share(200, 4, 0), 190, 210);
	/* Also when the others' windows would take all the room there is. */
	assert_in_range(fifo_share(50, 8, 0), 45, 53);
	assert_in_range(fifo_share(50, 8, 100000), 45, 53);
}

static void share_is_not_saved_up_while_the_oldest_is_the_shortest(void **state)
{
	u32 before;

	(void)state;
	w.params.grant_fifo_fraction = 50;
	w.params.max_overcommit = 1;
	world_update(&w);
	add(0, 0, 1u << 30, PACKET, PACKET);
	while (msgs[0].granted < 100000000)
		arrive(0, PACKET);
	before = msgs[0].granted;
	add(1, 1, 4000000, PACKET, PACKET);
	while (msgs[1].granted < msgs[1].length) {
		u32 sent = msgs[0].granted - msgs[0].received;

		if (sent)
			arrive(0, homa_min(PACKET, sent));
		arrive(1, homa_min(PACKET, msgs[1].granted - msgs[1].received));
		assert_true(sent || msgs[1].granted > msgs[1].received ||
			    msgs[1].received == msgs[1].length);
	}
	/* 5% of 4 MB, and the few pieces that may be owed. */
	assert_in_range(msgs[0].granted - before, 150000, 430000);
}

static void share_is_granted_at_the_highest_scheduled_level(void **state)
{
	u64 before = 0;
	u32 i;

	(void)state;
	w.params.grant_fifo_fraction = 100;
	w.params.max_overcommit = 1;
	w.params.fifo_grant_increment = 10000;
	world_update(&w);
	add(0, 0, 5000000, PACKET, PACKET);
	arrive(0, msgs[0].granted - msgs[0].received);
	add(1, 1, 1000000, PACKET, PACKET);
	assert_ptr_equal(s.active[0], &msgs[1]);
	for (i = 0; i < 300; i++) {
		before = msgs[0].granted;
		arrive(1, homa_min(PACKET, msgs[1].granted - msgs[1].received));
		if (msgs[0].granted > before)
			break;
	}
	expect(0, msgs[0].granted, 3);
	assert_in_range(msgs[0].granted - before, 1, 10000);
}

/* ---- Random arrivals, packets and removals, checked against the messages alone. ---- */

struct shadow {
	bool scheduled;
	u32 peer;
	u32 high; /* what was sent of it */
	u32 granted, pending;
	bool stalled;
};

static struct shadow shadow[MESSAGES];

static u32 left(const struct homa_grantee *g)
{
	return g->length - g->granted;
}

static bool before(const struct homa_grantee *a, const struct homa_grantee *b)
{
	return left(a) < left(b) || (left(a) == left(b) && a->node.tie < b->node.tie);
}

/* What must be pending of message @m, that something arrived of, from what was granted. */
static void count_pending(u32 m)
{
	u32 i, k, sum = 0;

	for (k = 0; k < MESSAGES; k++) {
		struct shadow *sh = &shadow[k];

		if (!sh->scheduled)
			continue;
		if (k == m) {
			sh->granted = homa_max(sh->granted, sh->high);
			sh->pending = homa_min(sh->pending, sh->granted > msgs[k].received ?
						       sh->granted - msgs[k].received : 0);
		}
		for (i = 0; i < out.count; i++) {
			if (out.grant[i].to != &msgs[k])
				continue;
			sh->pending += out.grant[i].offset - sh->granted;
			sh->granted = out.grant[i].offset;
		}
		assert_int_equal(msgs[k].granted, sh->granted);
		assert_int_equal(msgs[k].pending, sh->pending);
		sum += sh->pending;
	}
	assert_int_equal(s.incoming, sum);
}

static void check_step(bool removal)
{
	const struct homa_grantee *shortest[PEERS] = { 0 }, *last;
	u32 i, coming = 0, active = 0, needy = 0, waiting_peers = 0;

	for (i = 0; i < MESSAGES; i++) {
		const struct homa_grantee *g = &msgs[i];

		assert_int_equal(homa_grantee_scheduled(g), shadow[i].scheduled);
		if (!shadow[i].scheduled)
			continue;
		assert_in_range(g->granted, 1, g->length);
		if (g->granted > g->received)
			coming += g->granted - g->received;
		assert_int_equal(g->stalled, shadow[i].stalled);
		if (g->granted == g->length || g->stalled) {
			assert_int_equal(g->rank, HOMA_NOT_ACTIVE);
			assert_false(homa_node_queued(&g->node));
			assert_false(homa_node_queued(&g->age));
			continue;
		}
		needy++;
		/* Active or waiting, never both or neither. */
		assert_true((g->rank != HOMA_NOT_ACTIVE) != homa_node_queued(&g->node));
		assert_int_equal(homa_node_queued(&g->age), w.params.grant_fifo_fraction != 0);
		if (g->rank != HOMA_NOT_ACTIVE) {
			assert_ptr_equal(s.active[g->rank], g);
			assert_ptr_equal(peers[shadow[i].peer].active, g);
			active++;
		} else {
			assert_int_equal(g->node.key, left(g));
		}
		if (!shortest[shadow[i].peer] || before(g, shortest[shadow[i].peer]))
			shortest[shadow[i].peer] = g;
	}
	assert_int_equal(s.count, active);
	assert_in_range(s.count, 0, w.params.max_overcommit);
	for (i = 1; i < s.count; i++)
		assert_true(before(s.active[i - 1], s.active[i]));
	last = s.count ? s.active[s.count - 1] : NULL;
	for (i = 0; i < PEERS; i++) {
		assert_true(!peers[i].active || peers[i].active->rank != HOMA_NOT_ACTIVE);
		assert_int_equal(homa_node_queued(&peers[i].node),
				 peers[i].waiting.first && !peers[i].active);
		if (!shortest[i])
			continue;
		if (peers[i].active) {
			/* SRPT within the peer. */
			assert_ptr_equal(peers[i].active, shortest[i]);
		} else {
			waiting_peers++;
			/* SRPT among the peers. */
			if (s.count == w.params.max_overcommit)
				assert_true(before(last, shortest[i]));
		}
	}
	if (s.count < w.params.max_overcommit && out.count < HOMA_GRANTS_MAX)
		assert_int_equal(waiting_peers, 0);

	assert_in_range(out.count, 0, HOMA_GRANTS_MAX);
	if (out.count)
		assert_true(s.incoming <= w.params.max_incoming);
	for (i = 0; i < out.count; i++) {
		assert_in_range(out.grant[i].offset, 1, out.grant[i].to->granted);
		if (!w.params.tail_bytes)
			assert_in_range(out.grant[i].priority, 0, cutoffs.sched_levels - 1);
		assert_in_range(out.grant[i].priority, 0, 7);
	}
	/* With room for it and nothing on its way, something must have been granted. */
	if (needy && !removal && out.count < HOMA_GRANTS_MAX)
		assert_true(coming);
	if (needy && !coming)
		assert_int_equal(out.count, HOMA_GRANTS_MAX);
}

static void random_traffic_keeps_every_invariant_and_finishes(void **state)
{
	u64 seed = 10;
	u32 round, step, i, k;

	(void)state;
	for (round = 0; round < 150; round++) {
		u32 busy = 0, finished = 0, n_peers = 1 + random_below(&seed, PEERS);

		setup(NULL);
		memset(shadow, 0, sizeof(shadow));
		w.params.max_overcommit =
			1 + random_below(&seed, round % 5 ? 8 : HOMA_MAX_OVERCOMMIT);
		w.params.max_incoming = 2000 + random_below(&seed, 400000);
		w.params.window = round % 2 ? 1 + random_below(&seed, 100000) : 0;
		w.params.grant_fifo_fraction = round % 3 ? random_below(&seed, 500) : 0;
		w.params.fifo_grant_increment = 1 + random_below(&seed, 100000);
		w.params.tail_bytes = round % 7 ? 0 : random_below(&seed, 30000);
		w.params.grant_step = round % 4 < 2 ? 1 : 1 + random_below(&seed, 50000);
		world_update(&w);
		for (i = 0; i < PEERS; i++)
			homa_grant_peer_init(&peers[i], 1400 + random_below(&seed, 40000));
		for (step = 0; step < 4000 || busy; step++) {
			bool removal = false;
			struct shadow *sh;

			assert_in_range(step, 0, 200000);
			i = random_below(&seed, MESSAGES);
			sh = &shadow[i];
			out.count = 0;
			if (!shadow[i].scheduled) {
				u32 length = 2 + random_below(&seed, step % 9 ? 30000 : 300000);
				u32 granted;

				if (step >= 4000)
					continue;
				granted = 1 + random_below(&seed, homa_min(length, 40000) - 1);
				shadow[i].scheduled = true;
				shadow[i].peer = random_below(&seed, n_peers);
				shadow[i].high = random_below(&seed, granted + 1);
				busy++;
				sh->granted = granted;
				sh->pending = homa_min(granted - sh->high,
						       peers[sh->peer].unasked);
				sh->stalled = false;
				add(i, shadow[i].peer, length, granted, shadow[i].high);
			} else if (msgs[i].received == msgs[i].length ||
				   (step < 4000 && random_below(&seed, 200) == 0)) {
				finished += msgs[i].received == msgs[i].length;
				shadow[i].scheduled = false;
				busy--;
				homa_grants_remove(&w.cx, &s, &msgs[i], &out);
				removal = true;
			} else if (!random_below(&seed, 100) &&
				   msgs[i].received < msgs[i].granted) {
				sh->stalled = true;
				sh->pending = 0;
				homa_grants_stalled(&w.cx, &s, &msgs[i], &out);
				removal = true;
			} else if (msgs[i].received < msgs[i].granted) {
				/* A packet arrives; now and then one before it got lost. */
				u32 high = shadow[i].high, received = msgs[i].received;
				u32 end = msgs[i].granted + (random_below(&seed, 4) ? 0 : PACKET);

				end = homa_min(end, msgs[i].length);
				if (high < end && random_below(&seed, 10)) {
					if (random_below(&seed, 20) == 0)
						high = homa_min(end, high + PACKET);
					k = homa_min(end, high + PACKET) - high;
					high += k;
					received += k;
				} else {
					received += homa_min(PACKET, msgs[i].granted - received);
					high = homa_max(high, received);
				}
				shadow[i].high = homa_max(high, received);
				sh->stalled = false;
				homa_grants_received(&w.cx, &s, &msgs[i], received,
						     shadow[i].high, &out);
			} else {
				continue;
			}
			count_pending(sh->stalled ? MESSAGES : i);
			check_step(removal);
		}
		assert_true(finished > 20);
		assert_int_equal(s.incoming, 0);
		assert_null(s.peers.root);
		assert_null(s.age.root);
	}
}

static void changed_limits_take_effect(void **state)
{
	u32 i;

	(void)state;
	w.params.window = 10000;
	world_update(&w);
	for (i = 0; i < 8; i++)
		add(i, i, 100000 + i, 1400, 1400);
	assert_int_equal(s.count, 8);
	w.params.max_overcommit = 2;
	arrive(7, 1400);
	assert_int_equal(s.count, 2);
	w.params.max_overcommit = 8;
	arrive(7, 1400);
	assert_int_equal(s.count, 8);
}

static void many_grants_at_once_are_spread_over_later_packets(void **state)
{
	u32 i, k, sum = 0;

	(void)state;
	w.params.max_overcommit = 12;
	w.params.window = 10000;
	w.params.max_incoming = 100000;
	world_update(&w);
	/* One message holds all the room, eleven wait for it. */
	add(0, 0, 99000, 98000, 0);
	for (i = 1; i < 12; i++)
		add(i, i, 100000 + i, 1400, 1400);
	out.count = 0;
	homa_grants_remove(&w.cx, &s, &msgs[0], &out);
	assert_int_equal(out.count, HOMA_GRANTS_MAX);
	for (k = 0; k < 3; k++)
		for (i = 1; i < 12; i++)
			if (msgs[i].granted > msgs[i].received)
				arrive(i, 1400);
	for (i = 1; i < 12; i++)
		sum += msgs[i].granted > 1400;
	assert_in_range(sum, 9, 11);
}

/* News of a message wait for the last packet that is here, but not for long. */
static void news_of_a_message_wait_for_its_batch(void **state)
{
	struct homa_owed owed = { 0 };
	u32 i;

	(void)state;
	w.params.grant_batch = 4;
	assert_null(homa_owed_take(&owed));
	for (i = 0; i < 3; i++)
		assert_null(homa_owed_add(&w.cx, &owed, &msgs[0]));
	assert_ptr_equal(homa_owed_add(&w.cx, &owed, &msgs[0]), &msgs[0]);
	assert_null(homa_owed_take(&owed));
	/* Packets of another message end a batch; each counts its own. */
	assert_null(homa_owed_add(&w.cx, &owed, &msgs[0]));
	assert_null(homa_owed_add(&w.cx, &owed, &msgs[0]));
	assert_ptr_equal(homa_owed_add(&w.cx, &owed, &msgs[1]), &msgs[0]);
	for (i = 0; i < 2; i++)
		assert_null(homa_owed_add(&w.cx, &owed, &msgs[1]));
	assert_ptr_equal(homa_owed_add(&w.cx, &owed, &msgs[1]), &msgs[1]);
	assert_null(homa_owed_add(&w.cx, &owed, &msgs[2]));
	/* Nothing is lost when the batches become short meanwhile. */
	w.params.grant_batch = 1;
	assert_ptr_equal(homa_owed_add(&w.cx, &owed, &msgs[1]), &msgs[1]);
	assert_ptr_equal(homa_owed_add(&w.cx, &owed, &msgs[2]), &msgs[2]);
	assert_null(homa_owed_take(&owed));
	assert_ptr_equal(homa_owed_add(&w.cx, &owed, &msgs[2]), &msgs[2]);
	assert_null(homa_owed_take(&owed));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(at_most_max_overcommit_are_granted_one_per_peer),
		T(shorter_message_preempts_the_longest_of_all),
		T(shorter_message_preempts_its_own_peers),
		T(priorities_are_the_lowest_levels_in_srpt_order),
		T(tail_is_granted_at_an_unscheduled_level),
		T(grants_never_exceed_max_incoming_and_resume_with_room),
		T(window_is_max_incoming_shared_by_the_active),
		T(less_than_a_step_waits_for_more),
		T(step_is_at_most_a_quarter_of_the_window),
		T(less_room_than_a_step_is_for_those_with_nothing_on_its_way),
		T(bytes_sent_beyond_the_grant_count_as_granted),
		T(claims_of_a_sender_leave_the_room_to_others),
		T(stalled_message_gives_up_room_and_place),
		T(stalled_messages_of_any_standing_leave_and_come_back),
		T(messages_not_in_the_scheduler_are_ignored),
		T(oldest_message_gets_its_share),
		T(share_is_not_saved_up_while_the_oldest_is_the_shortest),
		T(share_is_granted_at_the_highest_scheduled_level),
		T(random_traffic_keeps_every_invariant_and_finishes),
		T(changed_limits_take_effect),
		T(many_grants_at_once_are_spread_over_later_packets),
		T(news_of_a_message_wait_for_its_batch),
	};

	return cmocka_run_group_tests_name("grants", tests, NULL, NULL);
}
