// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the transmit queue.
 */
#include "check.h"
#include "txq.h"

#define PACKET 1400
#define OVERHEAD 100

static struct homa_cutoffs cutoffs = { .cutoff = { 1u << 30, 0, 0, 0, 1000000, 15000, 2800, 200 } };
static struct world w;
static struct homa_txq q;

static int setup(void **state)
{
	(void)state;
	world_init(&w);
	w.params.pacer_fifo_fraction = 0;
	/* Nothing bypasses the queue. */
	w.params.defer_min_bytes = 0;
	world_update(&w);
	homa_txq_init(&q);
	return 0;
}

static void enqueue(struct homa_msgout *msg)
{
	struct homa_xmit x;

	assert_int_equal(homa_txq_start(&w.cx, &q, msg, &x), HOMA_TX_EMPTY);
}

static void add(struct homa_msgout *msg, u32 length, u32 unsched)
{
	homa_msgout_init(msg, length, unsched, PACKET, OVERHEAD, &cutoffs);
	enqueue(msg);
}

/* Let time pass until something is sent, or nothing is left. */
static enum homa_tx next(u32 burst, struct homa_xmit *x)
{
	enum homa_tx what = homa_txq_next(&w.cx, &q, burst, x);

	if (what == HOMA_TX_WAIT) {
		assert_true(x->wake > w.cx.now);
		w.cx.now = x->wake;
		what = homa_txq_next(&w.cx, &q, burst, x);
		assert_int_not_equal(what, HOMA_TX_WAIT);
	}
	return what;
}

static void expect(const struct homa_msgout *msg, u32 offset, u32 length, u8 priority)
{
	struct homa_xmit x;

	assert_int_equal(next(0, &x), HOMA_TX_SEND);
	assert_ptr_equal(x.msg, msg);
	assert_int_equal(x.offset, offset);
	assert_int_equal(x.length, length);
	assert_int_equal(x.priority, priority);
}

static void expect_empty(void)
{
	struct homa_xmit x;

	assert_int_equal(homa_txq_next(&w.cx, &q, 0, &x), HOMA_TX_EMPTY);
}

static void fewest_bytes_left_go_first(void **state)
{
	struct homa_msgout a, b, c;

	(void)state;
	add(&a, 10000, 10000);
	add(&b, 5000, 5000);
	expect(&b, 0, 1400, 5);
	add(&c, 3600, 3600);
	/* b and c have as much left: the older one goes on. */
	expect(&b, 1400, 1400, 5);
	expect(&b, 2800, 1400, 5);
	expect(&b, 4200, 800, 5);
	expect(&c, 0, 1400, 5);
	expect(&c, 1400, 1400, 5);
	expect(&c, 2800, 800, 5);
	expect(&a, 0, 1400, 5);
	homa_txq_remove(&q, &a);
	expect_empty();
}

static void random_messages_are_sent_in_srpt_order(void **state)
{
	static struct homa_msgout msgs[200];
	u32 left[200] = { 0 }, added = 0, i;
	u64 seed = 6;
	struct homa_xmit x;

	(void)state;
	while (1) {
		u32 least = 0xffffffff;

		if (added < 200 && random_below(&seed, 3) == 0) {
			left[added] = 1 + random_below(&seed, 40000);
			add(&msgs[added], left[added], left[added]);
			added++;
		}
		for (i = 0; i < added; i++)
			if (left[i])
				least = homa_min(least, left[i]);
		if (least == 0xffffffff) {
			expect_empty();
			if (added == 200)
				break;
			continue;
		}
		assert_int_equal(next(0, &x), HOMA_TX_SEND);
		i = (u32)(x.msg - msgs);
		assert_int_equal(left[i], least);
		assert_int_equal(x.offset, msgs[i].length - left[i]);
		assert_int_equal(x.length, homa_min(PACKET, left[i]));
		left[i] -= x.length;
	}
	assert_null(q.srpt.root);
	assert_null(q.age.root);
}

static void only_granted_bytes_are_sent_in_full_packets(void **state)
{
	struct homa_msgout m;
	struct homa_xmit x;

	(void)state;
	add(&m, 10000, 2800);
	expect(&m, 0, 1400, 5);
	expect(&m, 1400, 1400, 5);
	expect_empty();
	/* A grant that ends inside a packet releases all of it. */
	homa_txq_grant(&w.cx, &q, &m, 3000, 2);
	assert_int_equal(next(0, &x), HOMA_TX_SEND);
	assert_int_equal(x.offset, 2800);
	assert_int_equal(x.length, 1400);
	assert_int_equal(x.priority, 2);
	assert_int_equal(x.incoming, 4200);
	expect_empty();
	/* Less than before changes nothing but the level. */
	homa_txq_grant(&w.cx, &q, &m, 100, 1);
	expect_empty();
	/* More than the message is all of it. */
	homa_txq_grant(&w.cx, &q, &m, 0xffffffff, 3);
	expect(&m, 4200, 1400, 3);
	expect(&m, 5600, 1400, 3);
	expect(&m, 7000, 1400, 3);
	expect(&m, 8400, 1400, 3);
	expect(&m, 9800, 200, 3);
	expect_empty();
}

static void incoming_is_what_goes_without_a_further_grant(void **state)
{
	struct homa_msgout m;
	struct homa_xmit x;

	(void)state;
	add(&m, 10000, 5000);
	assert_int_equal(next(0, &x), HOMA_TX_SEND);
	assert_int_equal(x.incoming, 5000);
	next(0, &x);
	next(0, &x);
	next(0, &x);
	assert_int_equal(x.incoming, 5600);
}

static void link_clock_is_never_further_ahead_than_allowed(void **state)
{
	static struct homa_msgout msgs[50];
	u64 seed = 7, limit, sent_ns = 0, start = w.cx.now, longest;
	struct homa_xmit x;
	u32 i, waits = 0, control;

	(void)state;
	for (i = 0; i < 50; i++)
		add(&msgs[i], 1 + random_below(&seed, 100000), 100000);
	longest = homa_params_link_ns(&w.params, PACKET + OVERHEAD);
	limit = w.params.nic_queue_ns;
	while (1) {
		enum homa_tx what = homa_txq_next(&w.cx, &q, 0, &x);

		if (what == HOMA_TX_EMPTY)
			break;
		if (what == HOMA_TX_WAIT) {
			waits++;
			assert_int_equal(x.wake, q.idle_at - limit);
			w.cx.now = x.wake;
			continue;
		}
		sent_ns += homa_params_link_ns(&w.params, x.length + OVERHEAD);
		if (random_below(&seed, 4) == 0) {
			control = 60 + random_below(&seed, 40);
			homa_txq_charge(&w.cx, &q, control);
			sent_ns += homa_params_link_ns(&w.params, control);
		}
		/* Exactly what was handed out waits, and it is at most the limit and one packet. */
		assert_int_equal(q.idle_at, start + sent_ns);
		assert_true(q.idle_at <= w.cx.now + limit + longest + 100);
	}
	assert_true(waits > 100);
	/* An idle link does not save up time. */
	w.cx.now = q.idle_at + 5 * MS;
	homa_txq_charge(&w.cx, &q, 1500);
	assert_int_equal(q.idle_at, w.cx.now + homa_params_link_ns(&w.params, 1500));
}

/* Sends all that may go, told when to ask again 40 times, and asks so many ns later. */
static void ask_late(struct homa_msgout *m, u64 late)
{
	u64 packet_ns = homa_params_link_ns(&w.params, PACKET + OVERHEAD);
	struct homa_xmit x;
	u32 waits = 0;

	add(m, HOMA_MESSAGE_CEILING, HOMA_MESSAGE_CEILING);
	while (waits < 40) {
		enum homa_tx what = homa_txq_next(&w.cx, &q, 0, &x);
		u64 queue = homa_txq_queue_ns(&w.cx, &q);

		if (what == HOMA_TX_SEND) {
			assert_true(q.idle_at <= w.cx.now + queue + packet_ns);
			continue;
		}
		assert_int_equal(x.wake, q.idle_at - queue);
		w.cx.now = x.wake + late;
		waits++;
	}
}

static void late_pacer_finds_the_link_still_busy(void **state)
{
	u64 queue = w.params.nic_queue_ns, late;
	struct homa_msgout m;

	(void)state;
	/* As long as the link does not run dry meanwhile, nothing is different. */
	ask_late(&m, queue / 2);
	assert_int_equal(homa_txq_queue_ns(&w.cx, &q), queue);
	homa_txq_remove(&q, &m);
	for (late = queue; late <= 5 * queue; late += queue) {
		setup(state);
		ask_late(&m, late);
		assert_in_range(homa_txq_queue_ns(&w.cx, &q), 2 * late * 98 / 100, 2 * late);
		assert_true(q.idle_at > w.cx.now);
		homa_txq_remove(&q, &m);
	}
}

static void queue_in_the_nic_has_a_limit_however_late_the_pacer_is(void **state)
{
	struct homa_msgout m;

	(void)state;
	ask_late(&m, 1000 * MS);
	assert_int_equal(homa_txq_queue_ns(&w.cx, &q), 10 * w.params.nic_queue_ns);
	homa_txq_remove(&q, &m);
	/* It is forgotten by one that comes in time. */
	ask_late(&m, 0);
	assert_int_equal(homa_txq_queue_ns(&w.cx, &q), w.params.nic_queue_ns);
	homa_txq_remove(&q, &m);
	/* Who wants no queue has none. */
	w.params.nic_queue_ns = 0;
	ask_late(&m, MS);
	assert_int_equal(homa_txq_queue_ns(&w.cx, &q), 0);
	homa_txq_remove(&q, &m);
}

static void nobody_is_late_who_was_not_told_to_come(void **state)
{
	struct homa_msgout m;
	struct homa_xmit x;

	(void)state;
	/* Messages begin long after the link has become idle. */
	homa_txq_charge(&w.cx, &q, 1000000);
	w.cx.now = q.idle_at + 10 * MS;
	add(&m, HOMA_MESSAGE_CEILING, HOMA_MESSAGE_CEILING);
	while (homa_txq_next(&w.cx, &q, 0, &x) == HOMA_TX_SEND)
		;
	assert_int_equal(q.late, 0);
	/* Or one came before its time, and there was nothing to send any more. */
	homa_txq_remove(&q, &m);
	assert_int_equal(homa_txq_next(&w.cx, &q, 0, &x), HOMA_TX_EMPTY);
	w.cx.now += 10 * MS;
	assert_int_equal(homa_txq_next(&w.cx, &q, 0, &x), HOMA_TX_EMPTY);
	assert_int_equal(q.late, 0);
}

static void others_wait_as_ever_however_late_messages_are(void **state)
{
	struct homa_msgout m;
	u64 wake = 0;

	(void)state;
	ask_late(&m, 5 * w.params.nic_queue_ns);
	homa_txq_remove(&q, &m);
	w.cx.now = q.idle_at;
	while (homa_txq_others(&w.cx, &q, 1500, true, 50, &wake) == HOMA_TX_SEND)
		;
	assert_int_equal(wake, q.idle_at - w.params.nic_queue_ns);
	assert_true(q.idle_at <= w.cx.now + w.params.nic_queue_ns +
					homa_params_link_ns(&w.params, 1500));
}

static void no_more_than_the_links_share_is_used(void **state)
{
	struct homa_msgout m;
	u64 start = w.cx.now, exact;
	struct homa_xmit x;

	(void)state;
	add(&m, 1000000, 1000000);
	while (next(0, &x) == HOMA_TX_SEND)
		;
	/* 715 packets; 25 Gbit/s at 99%. */
	exact = (1000000ull + 715 * OVERHEAD) * 800000 / (25000 * 99);
	assert_in_range(q.idle_at - start, exact - 1000, exact + 1000);
}

static void short_messages_bypass_queue_and_clock(void **state)
{
	struct homa_msgout big, m, edge;
	struct homa_xmit x;
	u64 before;

	(void)state;
	add(&big, 500000, 500000);
	while (homa_txq_next(&w.cx, &q, 0, &x) == HOMA_TX_SEND)
		;
	before = q.idle_at;
	w.params.defer_min_bytes = 1000;
	homa_msgout_init(&m, 1000, 1000, PACKET, OVERHEAD, &cutoffs);
	assert_int_equal(homa_txq_start(&w.cx, &q, &m, &x), HOMA_TX_SEND);
	assert_ptr_equal(x.msg, &m);
	assert_false(homa_node_queued(&m.srpt));
	assert_int_equal(x.offset, 0);
	assert_int_equal(x.length, 1000);
	assert_int_equal(x.priority, 6);
	assert_int_equal(homa_txq_bypass(&w.cx, &q, &m, &x), HOMA_TX_EMPTY);
	assert_int_equal(q.idle_at, before + homa_params_link_ns(&w.params, 1100));
	/* One byte more, and it waits for its turn. */
	homa_msgout_init(&edge, 1001, 1001, PACKET, OVERHEAD, &cutoffs);
	assert_int_equal(homa_txq_start(&w.cx, &q, &edge, &x), HOMA_TX_EMPTY);
	assert_int_equal(homa_txq_bypass(&w.cx, &q, &edge, &x), HOMA_TX_EMPTY);
	assert_int_equal(homa_txq_next(&w.cx, &q, 0, &x), HOMA_TX_WAIT);
	expect(&edge, 0, 1001, 6);
}

/* Share of the bytes that a long message gets beside an endless stream of shorter ones. */
static double fifo_share(u32 fraction, u32 burst)
{
	static struct homa_msgout old, stream[8];
	u64 total = 0, mine = 0;
	struct homa_xmit x;
	u32 i;

	setup(NULL);
	w.params.pacer_fifo_fraction = fraction;
	world_update(&w);
	add(&old, 1u << 30, 1u << 30);
	for (i = 0; i < 8; i++)
		add(&stream[i], 20000 + i, 20000 + i);
	for (i = 0; total < 40000 * PACKET; i++) {
		assert_int_equal(next(burst, &x), HOMA_TX_SEND);
		total += x.length;
		if (x.msg == &old)
			mine += x.length;
		else if (x.msg->sent == x.msg->length)
			add(x.msg, 20000 + i % 100, 30000);
	}
	return 1000.0 * mine / total;
}

static void oldest_message_gets_its_share(void **state)
{
	static const u32 fractions[] = { 10, 50, 200, 500, 900 };
	static const u32 bursts[] = { 0, 10000, 64000 };
	u32 i, k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(bursts); k++) {
		assert_true(fifo_share(0, bursts[k]) == 0);
		for (i = 0; i < ARRAY_SIZE(fractions); i++) {
			double share = fifo_share(fractions[i], bursts[k]);

			assert_in_range((u32)(1000 * share / fractions[i]), 980, 1020);
		}
		assert_in_range((u32)fifo_share(1000, bursts[k]), 990, 1000);
	}
}

/* Who has each packet of messages that all wait: in @order, which has room. Returns how many. */
static u32 packets_in_order(u32 fraction, u32 burst, u8 *order)
{
	static const u32 lengths[] = { 900000, 5000, 300000, 280000, 1400, 60001 };
	struct homa_msgout m[ARRAY_SIZE(lengths)];
	u32 i, count = 0;
	struct homa_xmit x;

	setup(NULL);
	w.params.pacer_fifo_fraction = fraction;
	world_update(&w);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		add(&m[i], lengths[i], lengths[i]);
	while (next(burst, &x) == HOMA_TX_SEND)
		for (i = 0; i < x.length; i += PACKET)
			order[count++] = (u8)(x.msg - m);
	return count;
}

static void bursts_share_the_link_as_packets_do(void **state)
{
	static const u32 fractions[] = { 0, 1, 10, 50, 200, 333, 500, 900, 999, 1000 };
	static u8 one_by_one[2000], in_bursts[2000];
	u32 i, count;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fractions); i++) {
		count = packets_in_order(fractions[i], 0, one_by_one);
		assert_int_equal(packets_in_order(fractions[i], 64000, in_bursts), count);
		assert_memory_equal(one_by_one, in_bursts, count);
	}
}

/* Who is sent in the order of age cannot be overtaken by a burst, however short the message. */
static void nothing_overtakes_when_all_goes_by_age(void **state)
{
	struct homa_msgout old, young;
	struct homa_xmit x;

	(void)state;
	w.params.pacer_fifo_fraction = 1000;
	world_update(&w);
	add(&old, 250000, 250000);
	assert_int_equal(next(64000, &x), HOMA_TX_SEND);
	add(&young, 5000, 5000);
	while (old.sent < old.length)
		assert_int_equal(next(64000, &x), HOMA_TX_SEND);
	/* One packet of it is what the first debt to the oldest takes. */
	assert_int_equal(young.sent, PACKET);
}

static void message_served_by_its_age_takes_its_new_place(void **state)
{
	static struct homa_msgout m[3];
	struct homa_xmit x;
	u32 i, k, least, fifo = 0;

	(void)state;
	w.params.pacer_fifo_fraction = 500;
	world_update(&w);
	add(&m[0], 300000, 300000);
	add(&m[1], 200000, 200000);
	add(&m[2], 250000, 250000);
	for (i = 0; i < 400; i++) {
		u64 taken = w.counters.pacer_fifo_bytes;

		least = 0xffffffff;
		for (k = 0; k < 3; k++)
			if (m[k].sent < m[k].length)
				least = homa_min(least, m[k].length - m[k].sent);
		assert_int_equal(next(0, &x), HOMA_TX_SEND);
		if (w.counters.pacer_fifo_bytes == taken)
			assert_int_equal(x.msg->length - x.offset, least);
		else
			fifo++;
	}
	assert_in_range(fifo, 50, 200);
}

static void share_is_not_saved_up_while_the_oldest_is_the_shortest(void **state)
{
	struct homa_msgout a, b;
	struct homa_xmit x;
	u32 i, mine = 0;

	(void)state;
	w.params.pacer_fifo_fraction = 50;
	world_update(&w);
	add(&a, 40000000, 40000000);
	for (i = 0; i < 10000; i++)
		next(0, &x);
	add(&b, 140000, 140000);
	for (i = 0; i < 100; i++) {
		next(0, &x);
		mine += x.msg == &a;
	}
	assert_in_range(mine, 3, 7);
}

static void burst_is_whole_packets_of_one_level(void **state)
{
	struct homa_msgout m, n;
	struct homa_xmit x;

	(void)state;
	add(&m, 100000, 7000);
	assert_int_equal(next(5600, &x), HOMA_TX_SEND);
	assert_int_equal(x.length, 5600);
	homa_txq_grant(&w.cx, &q, &m, 100000, 2);
	/* One unscheduled packet is left; the scheduled ones travel at another level. */
	assert_int_equal(next(60000, &x), HOMA_TX_SEND);
	assert_int_equal(x.length, 1400);
	assert_int_equal(x.priority, 4);
	assert_int_equal(next(60000, &x), HOMA_TX_SEND);
	assert_int_equal(x.offset, 7000);
	assert_int_equal(x.length, 58800);
	assert_int_equal(x.priority, 2);
	homa_txq_remove(&q, &m);
	/* The message's end, and a burst shorter than a packet. */
	add(&n, 3000, 3000);
	next(10, &x);
	assert_int_equal(x.length, 1400);
	next(60000, &x);
	assert_int_equal(x.length, 1600);
	expect_empty();
}

static void unscheduled_level_follows_the_rest_when_asked_to(void **state)
{
	struct homa_msgout m;

	(void)state;
	w.params.unsched_by_remaining = 1;
	world_update(&w);
	add(&m, 4300, 4300);
	expect(&m, 0, 1400, 5);
	expect(&m, 1400, 1400, 5);
	expect(&m, 2800, 1400, 6);
	expect(&m, 4200, 100, 7);
}

static void resend_of_a_range_goes_first_at_its_level(void **state)
{
	struct homa_msgout m;
	struct homa_xmit x;
	u64 busy_until;
	u32 i;

	(void)state;
	add(&m, 14000, 14000);
	for (i = 0; i < 5; i++)
		next(0, &x);
	busy_until = q.idle_at;
	assert_int_equal(homa_txq_resend(&w.cx, &q, &m, 1400, 2000, 7), HOMA_AGAIN_QUEUED);
	assert_int_equal(next(60000, &x), HOMA_TX_SEND);
	assert_int_equal(q.idle_at, busy_until + homa_params_link_ns(&w.params, 1500));
	assert_true(x.retransmit);
	assert_int_equal(x.offset, 1400);
	assert_int_equal(x.length, 1400);
	assert_int_equal(x.priority, 7);
	expect(&m, 2800, 600, 7);
	next(0, &x);
	assert_false(x.retransmit);
	assert_int_equal(x.offset, 7000);
	assert_int_equal(w.counters.resent_packets, 2);
	/* Also when all has been sent. */
	while (next(0, &x) == HOMA_TX_SEND)
		;
	assert_int_equal(homa_txq_resend(&w.cx, &q, &m, 13000, 5000, 7), HOMA_AGAIN_QUEUED);
	expect(&m, 13000, 1000, 7);
	expect_empty();
}

/* Not all that was sent: the asker may only be impatient, and asks for the rest if it is not. */
static void resend_of_all_is_answered_by_the_first_packet(void **state)
{
	struct homa_msgout m;
	struct homa_xmit x;

	(void)state;
	add(&m, 14000, 14000);
	assert_int_equal(homa_txq_resend(&w.cx, &q, &m, 0, HOMA_RESEND_ALL, 7), HOMA_AGAIN_BUSY);
	next(0, &x);
	assert_false(x.retransmit);
	next(0, &x);
	assert_int_equal(homa_txq_resend(&w.cx, &q, &m, 99, HOMA_RESEND_ALL, 7), HOMA_AGAIN_QUEUED);
	expect(&m, 0, 1400, 7);
	expect(&m, 2800, 1400, 5);
}

static void resend_grants_what_it_asks_for(void **state)
{
	struct homa_msgout m;

	(void)state;
	add(&m, 10000, 1400);
	expect(&m, 0, 1400, 5);
	expect_empty();
	/* The GRANT was lost; the bytes have yet to take their turn. */
	assert_int_equal(homa_txq_resend(&w.cx, &q, &m, 1400, 2800, 7), HOMA_AGAIN_BUSY);
	assert_int_equal(m.granted, 4200);
	expect(&m, 1400, 1400, 0);
	expect(&m, 2800, 1400, 0);
	expect_empty();
}

static void resend_while_an_earlier_one_waits_is_answered_busy(void **state)
{
	struct homa_msgout m;
	struct homa_xmit x;

	(void)state;
	add(&m, 10000, 10000);
	next(0, &x);
	assert_int_equal(homa_txq_resend(&w.cx, &q, &m, 0, 1400, 7), HOMA_AGAIN_QUEUED);
	assert_int_equal(homa_txq_resend(&w.cx, &q, &m, 0, 1400, 7), HOMA_AGAIN_BUSY);
	expect(&m, 0, 1400, 7);
	expect(&m, 1400, 1400, 5);
}

static void hostile_resends_stay_within_the_message(void **state)
{
	struct homa_msgout m;
	struct homa_xmit x;
	u64 seed = 8;
	u32 i;

	(void)state;
	add(&m, 20000, 3000);
	for (i = 0; i < 100000; i++) {
		u32 offset = random_below(&seed, 2) ? (u32)random64(&seed) :
						      random_below(&seed, 25000);
		u32 length = random_below(&seed, 2) ? (u32)random64(&seed) :
						      random_below(&seed, 25000);

		if (random_below(&seed, 50) == 0)
			homa_txq_restart(&w.cx, &q, &m);
		homa_txq_resend(&w.cx, &q, &m, offset, length, 7);
		assert_in_range(m.granted, 3000, 20000);
		assert_in_range(m.again_start, 0, m.again_end);
		assert_in_range(m.again_end, 0, homa_max(m.sent, 0));
		if (next(0, &x) == HOMA_TX_SEND) {
			assert_in_range(x.length, 1, PACKET);
			assert_in_range(x.offset + x.length, 1, 20000);
			assert_in_range(x.incoming, x.offset + x.length, 20000);
		}
	}
}

static void restart_forgets_grants_and_progress(void **state)
{
	struct homa_msgout m;

	(void)state;
	add(&m, 10000, 2800);
	expect(&m, 0, 1400, 5);
	homa_txq_grant(&w.cx, &q, &m, 10000, 1);
	expect(&m, 1400, 1400, 5);
	expect(&m, 2800, 1400, 1);
	homa_txq_restart(&w.cx, &q, &m);
	expect(&m, 0, 1400, 5);
	expect(&m, 1400, 1400, 5);
	expect_empty();
}

static void packets_for_a_message_not_in_the_queue_do_not_queue_it(void **state)
{
	struct homa_msgout m;

	(void)state;
	homa_msgout_init(&m, 10000, 1400, PACKET, OVERHEAD, &cutoffs);
	homa_txq_grant(&w.cx, &q, &m, 2800, 3);
	homa_txq_resend(&w.cx, &q, &m, 0, 1400, 3);
	expect_empty();
	enqueue(&m);
	expect(&m, 0, 1400, 5);
	homa_txq_remove(&q, &m);
	homa_txq_grant(&w.cx, &q, &m, 10000, 3);
	homa_txq_resend(&w.cx, &q, &m, 0, 1400, 3);
	homa_txq_restart(&w.cx, &q, &m);
	expect_empty();
	homa_txq_remove(&q, &m);
}

static void others_wait_for_the_link_clock_and_are_charged(void **state)
{
	u64 wake = 0, per_packet = homa_params_link_ns(&w.params, 1500);
	u32 sent = 0;

	(void)state;
	w.cx.now = 1000000;
	while (homa_txq_others(&w.cx, &q, 1500, true, 50, &wake) == HOMA_TX_SEND)
		sent++;
	/* The one that crosses the limit still goes. */
	assert_int_equal(sent, w.params.nic_queue_ns / per_packet + 1);
	assert_int_equal(q.idle_at, w.cx.now + sent * per_packet);
	assert_int_equal(wake, q.idle_at - w.params.nic_queue_ns);
	assert_true(q.others_due > wake);
	w.cx.now = wake - 1;
	assert_int_equal(homa_txq_others(&w.cx, &q, 1500, true, 50, &wake), HOMA_TX_WAIT);
	w.cx.now = wake;
	assert_int_equal(homa_txq_others(&w.cx, &q, 1500, false, 50, &wake), HOMA_TX_SEND);
	assert_int_equal(q.others_due, 0);
}

static void others_alone_get_the_whole_link_whatever_the_share(void **state)
{
	u64 wake = 0, start;
	u32 i;

	(void)state;
	w.cx.now = 1000000;
	start = w.cx.now;
	for (i = 0; i < 1000; i++) {
		while (homa_txq_others(&w.cx, &q, 1500, true, 100, &wake) == HOMA_TX_WAIT)
			w.cx.now = wake;
	}
	assert_true(w.cx.now <= start + 1000 * homa_params_link_ns(&w.params, 1500));
	assert_int_equal(q.lead, 0);
}

/* Both always have something; each asks when it has been told to, or up to so much later, ns. */
static void contend(u8 share, u32 homa_late, u32 others_late, u64 *homa, u64 *others)
{
	struct homa_msgout msg;
	struct homa_xmit x;
	u64 homa_at = 0, others_at = 0, wake = 0;
	u64 end, queue, packet_ns, seed = 3;

	packet_ns = homa_params_link_ns(&w.params, PACKET + OVERHEAD);
	homa_msgout_init(&msg, HOMA_MESSAGE_CEILING, HOMA_MESSAGE_CEILING, PACKET, OVERHEAD,
			 &cutoffs);
	enqueue(&msg);
	w.cx.now = 1000000;
	end = w.cx.now + 20 * MS;
	*homa = 0;
	*others = 0;
	while (w.cx.now < end) {
		bool first = homa_at <= others_at;

		w.cx.now = homa_at <= others_at ? homa_at : others_at;
		if (w.cx.now < 1000000)
			w.cx.now = 1000000;
		if (first) {
			if (homa_txq_next(&w.cx, &q, 0, &x) == HOMA_TX_SEND) {
				*homa += x.length;
				homa_at = w.cx.now;
				queue = homa_txq_queue_ns(&w.cx, &q);
				assert_true(q.idle_at <= w.cx.now + queue + packet_ns);
			} else {
				homa_at = x.wake + random_below(&seed, homa_late + 1);
			}
		} else if (homa_txq_others(&w.cx, &q, PACKET, true, share, &wake) == HOMA_TX_SEND) {
			*others += PACKET;
			others_at = w.cx.now;
			queue = w.params.nic_queue_ns;
			assert_true(q.idle_at <= w.cx.now + queue + packet_ns);
		} else {
			others_at = wake + random_below(&seed, others_late + 1);
		}
	}
	homa_txq_remove(&q, &msg);
}

static void contended_link_is_shared_as_told(void **state)
{
	static const u8 shares[] = { 10, 50, 80 };
	u64 homa, others, percent;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(shares); i++) {
		setup(state);
		contend(shares[i], 0, 0, &homa, &others);
		percent = 100 * homa / (homa + others);
		assert_in_range(percent, shares[i] - 3, shares[i] + 3);
	}
}

static void whoever_comes_late_gets_its_share_all_the_same(void **state)
{
	u64 homa, others, alone = 20 * MS * w.params.link_mbps / 8000;

	contend(50, 0, 200000, &homa, &others);
	assert_in_range(100 * homa / (homa + others), 45, 55);
	setup(state);
	contend(50, 200000, 0, &homa, &others);
	assert_in_range(100 * homa / (homa + others), 45, 55);
	setup(state);
	/* Nor does that cost much of the link. */
	contend(50, 10000, 10000, &homa, &others);
	assert_in_range(100 * homa / (homa + others), 45, 55);
	assert_true(homa + others > alone * 70 / 100);
}

static void nobody_waits_long_for_one_that_does_not_come(void **state)
{
	struct homa_msgout msg;
	struct homa_xmit x;
	u64 wake = 0, start, sent = 0;

	(void)state;
	w.cx.now = 1000000;
	add(&msg, HOMA_MESSAGE_CEILING, HOMA_MESSAGE_CEILING);
	while (homa_txq_others(&w.cx, &q, 1500, true, 0, &wake) == HOMA_TX_SEND)
		;
	start = w.cx.now;
	/* Others are never seen again. */
	while (w.cx.now < start + 2 * MS) {
		if (homa_txq_next(&w.cx, &q, 0, &x) == HOMA_TX_SEND)
			sent += x.length;
		else
			w.cx.now = x.wake;
	}
	assert_true(sent > 2 * MS * w.params.link_mbps / 8000 * 60 / 100);
	homa_txq_remove(&q, &msg);
}

static void share_of_everything_or_nothing_starves_only_the_other(void **state)
{
	u64 homa, others;

	contend(100, 0, 0, &homa, &others);
	assert_true(homa > 50 * others);
	setup(state);
	contend(0, 0, 0, &homa, &others);
	assert_true(others > 50 * homa);
}

static void messages_do_not_wait_for_others_that_are_gone(void **state)
{
	struct homa_msgout msg;
	struct homa_xmit x;
	u64 homa, others;

	(void)state;
	contend(0, 0, 0, &homa, &others);
	assert_true(q.yields);
	add(&msg, 1000000, 1000000);
	w.cx.now = q.idle_at;
	assert_int_equal(homa_txq_next(&w.cx, &q, 0, &x), HOMA_TX_WAIT);
	homa_txq_others_gone(&q);
	while (homa_txq_next(&w.cx, &q, 0, &x) == HOMA_TX_SEND)
		;
	assert_int_equal(x.wake, q.idle_at - w.params.nic_queue_ns);
	homa_txq_remove(&q, &msg);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(fewest_bytes_left_go_first),
		T(random_messages_are_sent_in_srpt_order),
		T(only_granted_bytes_are_sent_in_full_packets),
		T(incoming_is_what_goes_without_a_further_grant),
		T(link_clock_is_never_further_ahead_than_allowed),
		T(late_pacer_finds_the_link_still_busy),
		T(queue_in_the_nic_has_a_limit_however_late_the_pacer_is),
		T(nobody_is_late_who_was_not_told_to_come),
		T(others_wait_as_ever_however_late_messages_are),
		T(no_more_than_the_links_share_is_used),
		T(short_messages_bypass_queue_and_clock),
		T(oldest_message_gets_its_share),
		T(bursts_share_the_link_as_packets_do),
		T(nothing_overtakes_when_all_goes_by_age),
		T(message_served_by_its_age_takes_its_new_place),
		T(share_is_not_saved_up_while_the_oldest_is_the_shortest),
		T(burst_is_whole_packets_of_one_level),
		T(unscheduled_level_follows_the_rest_when_asked_to),
		T(resend_of_a_range_goes_first_at_its_level),
		T(resend_of_all_is_answered_by_the_first_packet),
		T(resend_grants_what_it_asks_for),
		T(resend_while_an_earlier_one_waits_is_answered_busy),
		T(hostile_resends_stay_within_the_message),
		T(restart_forgets_grants_and_progress),
		T(packets_for_a_message_not_in_the_queue_do_not_queue_it),
		T(others_wait_for_the_link_clock_and_are_charged),
		T(others_alone_get_the_whole_link_whatever_the_share),
		T(contended_link_is_shared_as_told),
		T(whoever_comes_late_gets_its_share_all_the_same),
		T(nobody_waits_long_for_one_that_does_not_come),
		T(share_of_everything_or_nothing_starves_only_the_other),
		T(messages_do_not_wait_for_others_that_are_gone),
	};

	return cmocka_run_group_tests_name("txq", tests, NULL, NULL);
}
