// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the state machine of an RPC: every input in every state, the timers, and what keeps
 * a request from running twice.
 */
#include "check.h"
#include "rpc.h"

#define CLIENT_ID 100ull
#define SERVER_ID 101ull
#define MESSAGE 5000

static struct world w;
static struct homa_rpc rpc;
static struct homa_effects fx;
static struct homa_rpc_view view;
static u16 version; /* of the cutoffs, in the DATA packets to come */

static int setup(void **state)
{
	(void)state;
	world_init(&w);
	memset(&rpc, 0xa5, sizeof(rpc));
	memset(&view, 0, sizeof(view));
	fx.count = 0;
	version = 0;
	return 0;
}

/* @list: types of the effects, in order; ends with -1. */
#define expect_fx(...) expect_effects((int[]){ __VA_ARGS__, -1 }, __LINE__)
#define expect_nothing() assert_int_equal(fx.count, 0)

static void expect_effects(const int *list, int line)
{
	u32 i;

	for (i = 0; list[i] >= 0; i++)
		if (i >= fx.count || fx.fx[i].type != list[i])
			break;
	if (list[i] >= 0 || fx.count != i) {
		for (i = 0; i < fx.count; i++)
			print_error("effect %u: %d\n", i, fx.fx[i].type);
		fail_msg("line %d: other effects than expected", line);
	}
}

static struct homa_range input(const struct homa_packet *pkt)
{
	fx.count = 0;
	return homa_rpc_input(&w.cx, &rpc, pkt, &fx);
}

static struct homa_range control(u8 type)
{
	struct homa_packet pkt = { .type = type };

	if (type == HOMA_GRANT) {
		pkt.grant.offset = 3000;
		pkt.grant.priority = 2;
	}
	if (type == HOMA_RESEND) {
		pkt.resend.offset = 1400;
		pkt.resend.length = 700;
		pkt.resend.priority = 6;
	}
	return input(&pkt);
}

static struct homa_range data(u32 length, u32 incoming, u32 offset, u32 bytes, u8 retransmit)
{
	struct homa_packet pkt = { .type = HOMA_DATA };

	pkt.data.message_length = length;
	pkt.data.incoming = incoming;
	pkt.data.offset = offset;
	pkt.data.length = bytes;
	pkt.data.retransmit = retransmit;
	pkt.data.cutoff_version = version;
	return input(&pkt);
}

/* Bring a fresh RPC into a state. */
static void become(bool client, enum homa_rpc_state to)
{
	setup(NULL);
	if (client) {
		homa_rpc_init_client(&w.cx, &rpc, CLIENT_ID);
		if (to == HOMA_RPC_INCOMING)
			data(MESSAGE, MESSAGE, 0, 1400, 0);
		if (to == HOMA_RPC_DONE)
			data(MESSAGE, MESSAGE, 0, MESSAGE, 0);
	} else {
		homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, 0, &fx);
		if (to == HOMA_RPC_INCOMING)
			data(MESSAGE, MESSAGE, 0, 1400, 0);
		else
			data(MESSAGE, MESSAGE, 0, MESSAGE, 0);
		if (to == HOMA_RPC_OUTGOING || to == HOMA_RPC_DONE)
			assert_true(homa_rpc_reply(&w.cx, &rpc));
		if (to == HOMA_RPC_DONE)
			homa_rpc_acked(&rpc, &fx);
	}
	assert_int_equal(rpc.state, to);
	fx.count = 0;
}

static u64 look(void)
{
	u64 next;

	fx.count = 0;
	next = homa_rpc_timer(&w.cx, &rpc, &view, &fx);
	assert_true(next == 0 || next > w.cx.now);
	return next;
}

/* Of the message to be sent, all was allowed and has been sent. */
static void sent_all(void)
{
	view.out_length = 5000;
	view.out_granted = 5000;
	view.out_sent = 5000;
}

/* The caller's part of HOMA_FX_ASK, when the peer may be asked. */
static void sent_resend(void)
{
	u32 i;

	for (i = 0; i < fx.count; i++)
		if (fx.fx[i].type == HOMA_FX_ASK)
			homa_rpc_asked(&w.cx, &rpc, fx.fx[i].offset, fx.fx[i].length);
}

static void client_walks_from_request_to_response(void **state)
{
	struct homa_range r;

	(void)state;
	homa_rpc_init_client(&w.cx, &rpc, CLIENT_ID);
	assert_int_equal(rpc.state, HOMA_RPC_OUTGOING);
	r = data(2000, 2000, 0, 1400, 0);
	assert_int_equal(r.end - r.start, 1400);
	expect_nothing();
	assert_int_equal(rpc.state, HOMA_RPC_INCOMING);
	r = data(2000, 2000, 1400, 600, 0);
	assert_int_equal(r.start, 1400);
	assert_int_equal(r.end, 2000);
	expect_fx(HOMA_FX_ACK, HOMA_FX_DELIVER);
	assert_int_equal(rpc.state, HOMA_RPC_DONE);
	assert_int_equal(w.counters.client_requests_started, 1);
	assert_int_equal(w.counters.client_responses_done, 1);
}

static void server_walks_from_request_to_ack(void **state)
{
	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, 0, &fx);
	expect_nothing();
	data(2000, 2000, 1400, 600, 0);
	expect_nothing();
	assert_int_equal(w.counters.gaps_created, 1);
	assert_false(homa_rpc_reply(&w.cx, &rpc));
	data(2000, 2000, 0, 1400, 0);
	expect_fx(HOMA_FX_DELIVER);
	assert_int_equal(rpc.state, HOMA_RPC_SERVING);
	assert_true(homa_rpc_reply(&w.cx, &rpc));
	assert_false(homa_rpc_reply(&w.cx, &rpc));
	assert_int_equal(rpc.state, HOMA_RPC_OUTGOING);
	fx.count = 0;
	homa_rpc_acked(&rpc, &fx);
	expect_fx(HOMA_FX_RAN, HOMA_FX_FREE);
	fx.count = 0;
	homa_rpc_acked(&rpc, &fx);
	expect_nothing();
}

static void long_message_enters_and_leaves_the_grant_scheduler(void **state)
{
	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, 0, &fx);
	data(10000, 4200, 4200, 1400, 0);
	expect_fx(HOMA_FX_RX_ADD);
	assert_int_equal(fx.fx[0].length, 10000);
	assert_int_equal(fx.fx[0].offset, 5600);
	data(10000, 4200, 0, 1400, 0);
	expect_fx(HOMA_FX_RX_MORE);
	data(10000, 4200, 0, 1400, 0);
	expect_nothing();
	data(10000, 4200, 1400, 2800, 0);
	data(10000, 4200, 5600, 4400, 0);
	expect_fx(HOMA_FX_RX_END, HOMA_FX_DELIVER);
}

static void each_input_in_each_state(void **state)
{
	enum { NONE, GRANT, RESEND, BUSY, UNKNOWN, ACK, RESTART, FREE };
	static const struct {
		bool client;
		u8 in, type, want, drop;
	} cases[] = {
		{ true, HOMA_RPC_OUTGOING, HOMA_GRANT, GRANT, 0 },
		{ true, HOMA_RPC_OUTGOING, HOMA_RESEND, RESEND, 0 },
		{ true, HOMA_RPC_OUTGOING, HOMA_BUSY, NONE, 0 },
		{ true, HOMA_RPC_OUTGOING, HOMA_NEED_ACK, BUSY, 0 },
		{ true, HOMA_RPC_OUTGOING, HOMA_RPC_UNKNOWN, NONE, HOMA_DROP_STATE },
		{ true, HOMA_RPC_INCOMING, HOMA_GRANT, NONE, HOMA_DROP_STATE },
		{ true, HOMA_RPC_INCOMING, HOMA_RESEND, NONE, HOMA_DROP_STATE },
		{ true, HOMA_RPC_INCOMING, HOMA_BUSY, NONE, 0 },
		{ true, HOMA_RPC_INCOMING, HOMA_NEED_ACK, BUSY, 0 },
		{ true, HOMA_RPC_INCOMING, HOMA_RPC_UNKNOWN, NONE, HOMA_DROP_STATE },
		{ true, HOMA_RPC_DONE, HOMA_GRANT, NONE, HOMA_DROP_STATE },
		{ true, HOMA_RPC_DONE, HOMA_RESEND, UNKNOWN, 0 },
		{ true, HOMA_RPC_DONE, HOMA_BUSY, NONE, 0 },
		{ true, HOMA_RPC_DONE, HOMA_NEED_ACK, ACK, 0 },
		{ true, HOMA_RPC_DONE, HOMA_RPC_UNKNOWN, NONE, HOMA_DROP_STATE },
		{ true, HOMA_RPC_DONE, HOMA_DATA, NONE, HOMA_DROP_DUPLICATE },
		{ false, HOMA_RPC_INCOMING, HOMA_GRANT, NONE, HOMA_DROP_STATE },
		{ false, HOMA_RPC_INCOMING, HOMA_RESEND, BUSY, 0 },
		{ false, HOMA_RPC_INCOMING, HOMA_BUSY, NONE, 0 },
		{ false, HOMA_RPC_INCOMING, HOMA_NEED_ACK, NONE, HOMA_DROP_STATE },
		{ false, HOMA_RPC_SERVING, HOMA_GRANT, NONE, HOMA_DROP_STATE },
		{ false, HOMA_RPC_SERVING, HOMA_RESEND, BUSY, 0 },
		{ false, HOMA_RPC_SERVING, HOMA_BUSY, NONE, 0 },
		{ false, HOMA_RPC_SERVING, HOMA_NEED_ACK, NONE, HOMA_DROP_STATE },
		{ false, HOMA_RPC_SERVING, HOMA_RPC_UNKNOWN, FREE, 0 },
		{ false, HOMA_RPC_SERVING, HOMA_DATA, NONE, HOMA_DROP_DUPLICATE },
		{ false, HOMA_RPC_OUTGOING, HOMA_GRANT, GRANT, 0 },
		{ false, HOMA_RPC_OUTGOING, HOMA_RESEND, RESEND, 0 },
		{ false, HOMA_RPC_OUTGOING, HOMA_BUSY, NONE, 0 },
		{ false, HOMA_RPC_OUTGOING, HOMA_NEED_ACK, NONE, HOMA_DROP_STATE },
		{ false, HOMA_RPC_OUTGOING, HOMA_RPC_UNKNOWN, FREE, 0 },
		{ false, HOMA_RPC_OUTGOING, HOMA_DATA, NONE, HOMA_DROP_DUPLICATE },
		{ false, HOMA_RPC_DONE, HOMA_RPC_UNKNOWN, NONE, 0 },
		{ false, HOMA_RPC_DONE, HOMA_DATA, NONE, HOMA_DROP_DUPLICATE },
	};
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 before = cases[i].in;
		struct homa_range r;

		become(cases[i].client, before);
		if (cases[i].type == HOMA_DATA)
			r = data(MESSAGE, MESSAGE, 0, 1400, 0);
		else
			r = control(cases[i].type);
		assert_int_equal(r.start, r.end);
		switch (cases[i].want) {
		case NONE:
			expect_nothing();
			break;
		case GRANT:
			expect_fx(HOMA_FX_TX_GRANT);
			assert_int_equal(fx.fx[0].offset, 3000);
			assert_int_equal(fx.fx[0].priority, 2);
			break;
		case RESEND:
			expect_fx(HOMA_FX_TX_RESEND);
			assert_int_equal(fx.fx[0].offset, 1400);
			assert_int_equal(fx.fx[0].length, 700);
			assert_int_equal(fx.fx[0].priority, 6);
			break;
		case BUSY:
			expect_fx(HOMA_FX_SEND);
			assert_int_equal(fx.fx[0].packet, HOMA_BUSY);
			break;
		case UNKNOWN:
			expect_fx(HOMA_FX_SEND);
			assert_int_equal(fx.fx[0].packet, HOMA_RPC_UNKNOWN);
			break;
		case ACK:
			expect_fx(HOMA_FX_SEND);
			assert_int_equal(fx.fx[0].packet, HOMA_ACK);
			break;
		case FREE:
			expect_fx(HOMA_FX_RAN, HOMA_FX_FREE);
			before = HOMA_RPC_DONE;
			break;
		}
		assert_int_equal(rpc.state, before);
		if (cases[i].drop)
			assert_int_equal(w.counters.packets_dropped[cases[i].drop], 1);
	}
}

static void request_its_client_gave_up_did_not_run(void **state)
{
	(void)state;
	become(false, HOMA_RPC_INCOMING);
	control(HOMA_RPC_UNKNOWN);
	expect_fx(HOMA_FX_FREE);
}

static void client_starts_over_only_when_it_asked(void **state)
{
	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	control(HOMA_RPC_UNKNOWN);
	expect_nothing();
	homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
	control(HOMA_RPC_UNKNOWN);
	expect_fx(HOMA_FX_TX_RESTART);
	assert_int_equal(w.counters.rpcs_restarted, 1);
	/* A second copy of the answer changes nothing. */
	control(HOMA_RPC_UNKNOWN);
	expect_nothing();
	/* An answer of another kind in between makes it stale. */
	homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
	control(HOMA_BUSY);
	control(HOMA_RPC_UNKNOWN);
	expect_nothing();
}

/* A server that drops the request, for example one that is longer than all its memory. */
static void client_does_not_start_over_for_ever(void **state)
{
	u32 restarts, most;

	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	most = HOMA_RPC_PATIENCE * w.params.timeout_resends;
	for (restarts = 0; restarts < most; restarts++) {
		homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
		control(HOMA_RPC_UNKNOWN);
		expect_fx(HOMA_FX_TX_RESTART);
	}
	homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
	control(HOMA_RPC_UNKNOWN);
	expect_fx(HOMA_FX_FAIL, HOMA_FX_FREE);
	assert_int_equal(fx.fx[0].error, HOMA_ERR_TIMEDOUT);
	assert_int_equal(rpc.state, HOMA_RPC_DONE);
	assert_int_equal(w.counters.rpcs_restarted, most);
	assert_int_equal(w.counters.rpc_timeouts, 1);
}

/* A server remembers a request that ran for history_ticks; then "unknown" may mean "it ran". */
static void client_does_not_start_over_what_may_have_run_and_been_forgotten(void **state)
{
	u64 memory;

	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	memory = w.params.history_ticks * w.params.tick_ns;
	w.cx.now += memory - 1;
	homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
	control(HOMA_RPC_UNKNOWN);
	expect_fx(HOMA_FX_TX_RESTART);
	w.cx.now++;
	homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
	control(HOMA_RPC_UNKNOWN);
	expect_fx(HOMA_FX_FAIL, HOMA_FX_FREE);
	assert_int_equal(fx.fx[0].error, HOMA_ERR_TIMEDOUT);
}

/* Whatever shows that the server knows the RPC, however many restarts it took. */
static void sign_of_life_makes_starting_over_count_from_nothing(void **state)
{
	u32 i, k, most;

	(void)state;
	for (i = 0; i < 2; i++) {
		become(true, HOMA_RPC_OUTGOING);
		most = HOMA_RPC_PATIENCE * w.params.timeout_resends;
		for (k = 0; k < 3 * most; k++) {
			homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
			control(HOMA_RPC_UNKNOWN);
			expect_fx(HOMA_FX_TX_RESTART);
			if (k % most == most - 1 && i)
				control(HOMA_BUSY);
			else if (k % most == most - 1)
				data(MESSAGE, MESSAGE, 0, 1400, 0);
		}
	}
}

static void start_over_forgets_the_response(void **state)
{
	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	data(10000, 2800, 0, 1400, 0);
	expect_fx(HOMA_FX_RX_ADD);
	homa_rpc_asked(&w.cx, &rpc, 1400, 1400);
	control(HOMA_RPC_UNKNOWN);
	expect_fx(HOMA_FX_RX_END, HOMA_FX_TX_RESTART);
	assert_int_equal(rpc.state, HOMA_RPC_OUTGOING);
	/* The new response may have another length. */
	data(300, 300, 0, 300, 0);
	expect_fx(HOMA_FX_ACK, HOMA_FX_DELIVER);
}

static void finished_rpc_does_not_start_over(void **state)
{
	(void)state;
	become(true, HOMA_RPC_DONE);
	homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
	control(HOMA_RPC_UNKNOWN);
	expect_nothing();
	assert_int_equal(rpc.state, HOMA_RPC_DONE);
}

static void message_does_not_change_its_length(void **state)
{
	struct homa_range r;

	(void)state;
	become(false, HOMA_RPC_INCOMING);
	r = data(MESSAGE + 1, MESSAGE + 1, 1400, 1400, 0);
	assert_int_equal(r.start, r.end);
	expect_nothing();
	assert_int_equal(w.counters.packets_dropped[HOMA_DROP_LENGTH], 1);
}

static void receiver_asks_after_resend_ticks_of_silence(void **state)
{
	u64 next;

	(void)state;
	become(false, HOMA_RPC_INCOMING);
	data(MESSAGE, MESSAGE, 2800, 1400, 0);
	look();
	expect_nothing();
	w.cx.now += 4 * MS;
	data(MESSAGE, MESSAGE, 4200, 800, 0);
	w.cx.now += 5 * MS - 1;
	next = look();
	expect_nothing();
	assert_int_equal(next, w.cx.now + 1);
	w.cx.now = next;
	next = look();
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].packet, HOMA_RESEND);
	assert_int_equal(fx.fx[0].offset, 1400);
	assert_int_equal(fx.fx[0].length, 1400);
	assert_int_equal(fx.fx[0].priority, 7);
	assert_int_equal(next, w.cx.now + 5 * MS);
}

static void answer_leads_at_once_to_the_next_gap_of_the_same_age(void **state)
{
	(void)state;
	become(false, HOMA_RPC_INCOMING);
	data(20000, 20000, 0, 1400, 0);
	become(false, HOMA_RPC_SERVING);
	setup(NULL);
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, 0, &fx);
	data(20000, 20000, 1000, 1000, 0);
	data(20000, 20000, 5000, 1000, 0);
	data(20000, 20000, 9000, 11000, 0);
	look();
	w.cx.now += 5 * MS;
	look();
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].length, 1000);
	sent_resend();
	/* Another packet, not the answer. */
	data(20000, 20000, 8500, 500, 0);
	expect_nothing();
	data(20000, 20000, 0, 600, 1);
	expect_nothing();
	data(20000, 20000, 600, 400, 1);
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].offset, 2000);
	assert_int_equal(fx.fx[0].length, 3000);
	/* The peer may not be asked yet: no packet makes it urgent. */
	data(20000, 20000, 2000, 10, 1);
	expect_nothing();
	homa_rpc_asked(&w.cx, &rpc, 2010, 2990);
	data(20000, 20000, 2000, 3000, 1);
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].offset, 6000);
	assert_int_equal(fx.fx[0].length, 2500);
	sent_resend();
	data(20000, 20000, 6000, 2500, 1);
	expect_fx(HOMA_FX_DELIVER);
	assert_int_equal(w.counters.resent_packets_used, 5);
}

static void nothing_is_asked_while_our_own_grants_are_due(void **state)
{
	u32 i;

	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, 0, &fx);
	data(100000, 2800, 0, 2800, 0);
	view.in_granted = 2800;
	for (i = 0; i < 50; i++) {
		w.cx.now = look();
		expect_nothing();
	}
	/* Granted, and the sender has five ticks for it. */
	view.in_granted = 5600;
	view.in_granted_at = w.cx.now;
	w.cx.now = look();
	expect_nothing();
	look();
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].offset, 2800);
	assert_int_equal(fx.fx[0].length, 2800);
}

static void client_without_response_asks_for_all_of_it(void **state)
{
	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	view.out_length = 5000;
	view.out_granted = 5000;
	view.out_sent = 1400;
	w.cx.now = look();
	expect_nothing();
	w.cx.now += 20 * MS;
	/* As long as there is more to send, the silence is ours. */
	look();
	expect_nothing();
	view.out_sent = 5000;
	view.out_sent_at = w.cx.now;
	w.cx.now = look();
	expect_nothing();
	w.cx.now += 5 * MS;
	look();
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].offset, 0);
	assert_int_equal(fx.fx[0].length, HOMA_RESEND_ALL);
}

static void client_waits_for_ever_on_a_server_that_is_busy(void **state)
{
	u32 i, asked = 0;

	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	sent_all();
	for (i = 0; i < 1000; i++) {
		w.cx.now = look();
		if (fx.count) {
			expect_fx(HOMA_FX_ASK);
			sent_resend();
			asked++;
			control(HOMA_BUSY);
		}
	}
	assert_true(asked > 300);
}

static void rpc_fails_when_its_requests_stay_unanswered(void **state)
{
	u32 asked = 0;
	u64 start, stall;

	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	start = w.cx.now;
	stall = w.params.stall_ticks * MS;
	sent_all();
	while (1) {
		u64 next = look();

		if (!next)
			break;
		if (fx.count) {
			expect_fx(HOMA_FX_ASK);
			asked++;
		}
		sent_resend();
		/* A live peer that says nothing of this RPC does not help it. */
		control(HOMA_NEED_ACK);
		w.cx.now = next;
		assert_true(w.cx.now < start + 2 * stall + 100 * MS);
	}
	/* Hosts that stand still for stall_ticks have time to answer when they go on. */
	assert_true(w.cx.now >= start + 2 * stall);
	expect_fx(HOMA_FX_FAIL, HOMA_FX_FREE);
	assert_int_equal(fx.fx[0].error, HOMA_ERR_TIMEDOUT);
	assert_in_range(asked, HOMA_RPC_PATIENCE * 5,
			2 * w.params.stall_ticks / w.params.resend_interval);
	assert_int_equal(w.counters.rpc_timeouts, 1);
	assert_int_equal(look(), 0);
}

/* Ask @times, a resend_interval apart. */
static void ask_again(u32 times)
{
	while (times--) {
		fx.count = 0;
		do
			w.cx.now = look();
		while (!fx.count);
		expect_fx(HOMA_FX_ASK);
		sent_resend();
	}
}

static void answer_to_the_only_request_shows_the_delay(void **state)
{
	static const u8 answers[] = { HOMA_BUSY, HOMA_RPC_UNKNOWN };
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		u64 asked_at;

		become(true, HOMA_RPC_OUTGOING);
		sent_all();
		w.cx.now += 20 * MS;
		asked_at = w.cx.now;
		look();
		expect_fx(HOMA_FX_ASK);
		sent_resend();
		w.cx.now = asked_at + 3 * MS;
		control(answers[i]);
		assert_int_equal(rpc.took, 3 * MS);
		/* What comes after it is no answer. */
		control(HOMA_GRANT);
		assert_int_equal(rpc.took, 0);
	}
}

/* A client that says BUSY when asked for its ack answers no request for data of before. */
static void busy_when_asked_for_the_ack_shows_no_delay(void **state)
{
	(void)state;
	become(false, HOMA_RPC_INCOMING);
	w.cx.now += 20 * MS;
	look();
	expect_fx(HOMA_FX_ASK);
	sent_resend();
	w.cx.now += MS;
	data(MESSAGE, MESSAGE, 1400, MESSAGE - 1400, 1);
	assert_int_equal(rpc.state, HOMA_RPC_SERVING);
	assert_true(homa_rpc_reply(&w.cx, &rpc));
	sent_all();
	view.peer_heard_at = w.cx.now;
	w.cx.now += 300 * MS;
	look();
	expect_fx(HOMA_FX_SEND);
	assert_int_equal(fx.fx[0].packet, HOMA_NEED_ACK);
	control(HOMA_BUSY);
	assert_int_equal(rpc.took, 0);
}

/* If requests wait in a queue, each will be answered: ask for little. */
static void requests_without_answer_are_followed_by_probes(void **state)
{
	u32 i;

	(void)state;
	become(true, HOMA_RPC_INCOMING);
	for (i = 0; i < 6; i++) {
		ask_again(1);
		assert_int_equal(fx.fx[0].offset, 1400);
		assert_int_equal(fx.fx[0].length, i < 3 ? MESSAGE - 1400 : HOMA_RESEND_PROBE);
	}
	/* The answer shows that they do not: at once all of the rest. */
	data(MESSAGE, MESSAGE, 1400, 1400, 1);
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].offset, 2800);
	assert_int_equal(fx.fx[0].length, MESSAGE - 2800);
}

/* One packet answers a request for all; what was sent before it is as old, and lost as well. */
static void first_packet_of_all_leads_at_once_to_the_rest(void **state)
{
	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	sent_all();
	ask_again(1);
	assert_true(fx.fx[0].length == HOMA_RESEND_ALL);
	data(MESSAGE, MESSAGE, 0, 1400, 1);
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].offset, 1400);
	assert_int_equal(fx.fx[0].length, MESSAGE - 1400);
}

/* Of several requests, the first may have been lost. */
static void late_answer_shows_the_delay_when_another_follows(void **state)
{
	u64 first;

	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	sent_all();
	ask_again(1);
	first = rpc.first_at;
	ask_again(3);
	assert_int_equal(rpc.first_at, first);
	w.cx.now = first + 40 * MS;
	control(HOMA_BUSY);
	assert_int_equal(rpc.took, 0);
	w.cx.now += 2 * MS;
	control(HOMA_BUSY);
	assert_int_equal(rpc.took, 40 * MS);
	control(HOMA_BUSY);
	assert_int_equal(rpc.took, 0);
}

static void data_sent_again_in_vain_shows_the_delay(void **state)
{
	u64 first;

	(void)state;
	become(true, HOMA_RPC_INCOMING);
	ask_again(1);
	first = rpc.first_at;
	ask_again(2);
	w.cx.now = first + 30 * MS;
	data(MESSAGE, MESSAGE, 1400, 1400, 1);
	assert_int_equal(rpc.took, 0);
	data(MESSAGE, MESSAGE, 2800, 1400, 1);
	assert_int_equal(rpc.took, 0);
	data(MESSAGE, MESSAGE, 1400, 1400, 1);
	assert_int_equal(rpc.took, 30 * MS);
}

static void everyone_waits_as_much_longer_as_answers_take(void **state)
{
	u64 tick = w.params.tick_ns, since;

	(void)state;
	become(true, HOMA_RPC_INCOMING);
	since = w.cx.now;
	view.peer_delay = 10 * tick;
	w.cx.now = since + (w.params.resend_ticks + 10) * tick - 1;
	look();
	expect_nothing();
	w.cx.now++;
	assert_int_equal(look(), w.cx.now + (w.params.resend_interval + 10) * tick);
	expect_fx(HOMA_FX_ASK);
	become(false, HOMA_RPC_OUTGOING);
	since = w.cx.now;
	sent_all();
	view.peer_heard_at = since;
	view.peer_delay = 10 * tick;
	w.cx.now = since + (w.params.request_ack_ticks + 10) * tick - 1;
	look();
	expect_nothing();
	w.cx.now++;
	assert_int_equal(look(), w.cx.now + (w.params.resend_interval + 10) * tick);
	expect_fx(HOMA_FX_SEND);
}

static void delay_of_a_peer_follows_its_answers(void **state)
{
	struct homa_cutoffs own = { .version = 1 };
	struct homa_peer peer;
	u64 most = w.params.stall_ticks * w.params.tick_ns;
	u32 i;

	(void)state;
	homa_peer_init(&w.cx, &peer, &own, 1400, 1);
	assert_int_equal(homa_peer_delay(&w.cx, &peer), 0);
	/* Less than a tick is what everyone is prepared for. */
	for (i = 0; i < 20; i++)
		homa_peer_took(&w.cx, &peer, MS - 1);
	assert_int_equal(homa_peer_delay(&w.cx, &peer), 0);
	/* One long answer does not decide, but a few do, and are not forgotten soon. */
	homa_peer_took(&w.cx, &peer, 40 * MS);
	assert_in_range(homa_peer_delay(&w.cx, &peer), MS, 20 * MS);
	homa_peer_took(&w.cx, &peer, 40 * MS);
	homa_peer_took(&w.cx, &peer, 40 * MS);
	homa_peer_took(&w.cx, &peer, MS - 1);
	assert_in_range(homa_peer_delay(&w.cx, &peer), 25 * MS, 40 * MS);
	for (i = 0; i < 60; i++)
		homa_peer_took(&w.cx, &peer, MS / 2);
	assert_int_equal(homa_peer_delay(&w.cx, &peer), 0);
	for (i = 0; i < 20; i++)
		homa_peer_took(&w.cx, &peer, 40 * MS);
	assert_in_range(homa_peer_delay(&w.cx, &peer), 38 * MS, 40 * MS);
	for (i = 0; i < 40; i++)
		homa_peer_took(&w.cx, &peer, 1000000 * MS);
	assert_in_range(homa_peer_delay(&w.cx, &peer), most - 2 * MS, most);
	w.cx.now += w.params.stall_ticks * w.params.tick_ns + 1;
	assert_int_equal(homa_peer_delay(&w.cx, &peer), 0);
	homa_peer_took(&w.cx, &peer, 4 * MS);
	assert_int_equal(homa_peer_delay(&w.cx, &peer), 2 * MS);
}

/* The original comes 12 ms after it was asked for, and then the answer, which brings nothing. */
static void data_that_was_only_late_shows_how_long_to_wait(void **state)
{
	(void)state;
	become(true, HOMA_RPC_INCOMING);
	w.cx.now += 5 * MS;
	look();
	expect_fx(HOMA_FX_ASK);
	sent_resend();
	w.cx.now += 12 * MS;
	data(MESSAGE, MESSAGE, 1400, 1400, 0);
	assert_int_equal(rpc.took, 0);
	w.cx.now += MS;
	data(MESSAGE, MESSAGE, 1400, 1400, 1);
	assert_int_equal(rpc.took, 12 * MS);
	/* It is known now. */
	data(MESSAGE, MESSAGE, 1400, 1400, 1);
	assert_int_equal(rpc.took, 0);
}

static void server_asks_for_the_ack_of_a_response(void **state)
{
	u32 asked = 0;
	u64 sent;

	(void)state;
	become(false, HOMA_RPC_OUTGOING);
	view.out_length = 5000;
	view.out_granted = 5000;
	view.out_sent = 1400;
	view.peer_heard_at = w.cx.now;
	w.cx.now = look();
	w.cx.now += 50 * MS;
	w.cx.now = look();
	expect_nothing();
	view.out_sent = 5000;
	view.out_sent_at = w.cx.now;
	sent = w.cx.now;
	w.cx.now = look();
	expect_nothing();
	assert_int_equal(w.cx.now, sent + 2 * MS);
	w.cx.now = look();
	expect_fx(HOMA_FX_SEND);
	assert_int_equal(fx.fx[0].packet, HOMA_NEED_ACK);
	assert_int_equal(w.cx.now, sent + 7 * MS);
	/* A client that still waits keeps the RPC. */
	while (asked++ < 100) {
		control(HOMA_BUSY);
		view.peer_heard_at = w.cx.now;
		do {
			w.cx.now = look();
		} while (!fx.count);
		expect_fx(HOMA_FX_SEND);
	}
}

static void response_that_waits_for_grants_is_not_yet_asked_an_ack_of(void **state)
{
	(void)state;
	become(false, HOMA_RPC_OUTGOING);
	view.out_length = 50000;
	view.out_granted = 40000;
	view.out_sent = 40000;
	view.out_sent_at = w.cx.now;
	view.peer_heard_at = w.cx.now;
	w.cx.now += 5 * MS - 1;
	assert_int_equal(look(), w.cx.now + 1);
	expect_nothing();
	w.cx.now++;
	look();
	expect_fx(HOMA_FX_SEND);
	assert_int_equal(fx.fx[0].packet, HOMA_NEED_ACK);
}

static void message_stalls_when_its_bytes_are_asked_for_in_vain(void **state)
{
	u64 start = w.cx.now;
	u32 stalled = 0;

	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, 0, &fx);
	data(100000, 2800, 0, 1400, 0);
	expect_fx(HOMA_FX_RX_ADD);
	view.in_granted = 50000;
	view.in_granted_at = w.cx.now;
	/* Its sender answers every time that it is busy, and more often than it is asked. */
	while (w.cx.now < start + 30 * MS) {
		u64 next = look();

		if (fx.count && fx.fx[fx.count - 1].type == HOMA_FX_RX_STALLED)
			stalled++;
		assert_true(stalled || w.cx.now <= start + 15 * MS);
		assert_true(!stalled || w.cx.now >= start + 10 * MS);
		sent_resend();
		control(HOMA_BUSY);
		w.cx.now = next;
	}
	assert_in_range(stalled, 2, 10);
	/* One byte is enough to be believed again. */
	data(100000, 2800, 1400, 1, 0);
	expect_fx(HOMA_FX_RX_MORE);
	w.cx.now += 5 * MS;
	look();
	expect_fx(HOMA_FX_ASK);
	w.cx.now += 5 * MS;
	look();
	expect_fx(HOMA_FX_ASK, HOMA_FX_RX_STALLED);
}

static void message_that_waits_for_our_grants_does_not_stall(void **state)
{
	u32 i;

	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, 0, &fx);
	data(100000, 2800, 0, 2800, 0);
	view.in_granted = 2800;
	for (i = 0; i < 1000; i++) {
		w.cx.now = look();
		expect_nothing();
	}
	/* Nor one that was granted more just now. */
	view.in_granted = 5600;
	view.in_granted_at = w.cx.now;
	w.cx.now += 9 * MS;
	look();
	expect_fx(HOMA_FX_ASK);
}

/* Look after the RPC for @ms, its RESENDs answered by BUSY. Return: whether it goes on. */
static bool goes_on_while_busy(u64 ms)
{
	u64 end = w.cx.now + ms * MS, next;

	while (w.cx.now < end) {
		next = look();
		if (!next)
			return false;
		sent_resend();
		control(HOMA_BUSY);
		w.cx.now = next;
	}
	return true;
}

/* The client may have shorter messages to send for long. */
static void incomplete_request_is_kept_while_its_client_says_busy(void **state)
{
	u64 next;

	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, 0, &fx);
	data(100000, 2800, 0, 1400, 0);
	view.in_granted = 2800;
	w.cx.now += 50 * MS;
	look();
	/* But it holds no grants meanwhile. */
	expect_fx(HOMA_FX_ASK, HOMA_FX_RX_STALLED);
	assert_true(goes_on_while_busy(10000));
	assert_int_equal(w.counters.requests_abandoned, 0);
	/* And goes on where it stood. */
	data(100000, 2800, 1400, 1400, 0);
	expect_fx(HOMA_FX_RX_MORE);
	/* A BUSY that nobody asked for says nothing of it. */
	become(false, HOMA_RPC_INCOMING);
	assert_true(goes_on_while_busy(100));
	while ((next = look())) {
		if (!rpc.asked)
			control(HOMA_BUSY);
		w.cx.now = next;
		assert_true(w.cx.now < 5000 * MS);
	}
	expect_fx(HOMA_FX_FREE);
	assert_int_equal(w.counters.requests_abandoned, 1);
}

static void incomplete_request_is_dropped_when_its_client_says_nothing(void **state)
{
	u64 start = w.cx.now, busy;

	(void)state;
	become(false, HOMA_RPC_INCOMING);
	assert_true(goes_on_while_busy(3000));
	busy = w.cx.now;
	while (1) {
		u64 next = look();

		if (!next)
			break;
		sent_resend();
		/* Other packets of it are no sign that it still has the rest. */
		control(HOMA_GRANT);
		w.cx.now = next;
		assert_true(w.cx.now < busy + 1100 * MS);
	}
	/* It did not run: should its client go on, it begins anew. */
	expect_fx(HOMA_FX_FREE);
	assert_in_range(w.cx.now - busy, 900 * MS, 1010 * MS);
	assert_int_equal(w.counters.requests_abandoned, 1);
	assert_int_equal(w.counters.rpc_timeouts, 0);
	/* A client waits for the rest of its response as long as its server has it. */
	become(true, HOMA_RPC_INCOMING);
	start = w.cx.now;
	assert_true(goes_on_while_busy(5000));
	assert_true(w.cx.now >= start + 5000 * MS);
}

static void server_forgets_a_client_whose_host_is_silent(void **state)
{
	u64 start;

	(void)state;
	become(false, HOMA_RPC_OUTGOING);
	sent_all();
	view.peer_heard_at = w.cx.now;
	start = w.cx.now;
	while (1) {
		u64 next = look();

		if (!next)
			break;
		w.cx.now = next;
	}
	/* It ran: a copy of the request must be refused. The server's user need not be told. */
	expect_fx(HOMA_FX_RAN, HOMA_FX_FREE);
	assert_in_range(w.cx.now - start, w.params.stall_ticks * MS,
			(w.params.stall_ticks + 20) * MS);
}

/* The response it would forget is all there is of a request that ran. */
static void server_keeps_its_response_while_the_client_stands_still(void **state)
{
	u32 asked = 0;
	u64 start;

	(void)state;
	become(false, HOMA_RPC_OUTGOING);
	sent_all();
	view.peer_heard_at = w.cx.now;
	start = w.cx.now;
	while (w.cx.now < start + (w.params.stall_ticks - 10) * MS) {
		w.cx.now = look();
		assert_int_not_equal(w.cx.now, 0);
		asked += fx.count;
	}
	/* Many responses may wait for the same client: not each is asked for in every interval. */
	assert_true(asked < 90);
	control(HOMA_RESEND);
	expect_fx(HOMA_FX_TX_RESEND);
}

static void server_forgets_an_rpc_its_live_client_never_mentions(void **state)
{
	const struct homa_params *p = w.cx.params;
	u64 start = w.cx.now;
	u64 end = start + (HOMA_RPC_STALLS * p->stall_ticks + 50) * p->tick_ns;

	(void)state;
	become(false, HOMA_RPC_OUTGOING);
	sent_all();
	while (1) {
		u64 next;

		view.peer_heard_at = w.cx.now;
		next = look();
		if (!next)
			break;
		w.cx.now = next;
		assert_true(w.cx.now < end);
	}
	expect_fx(HOMA_FX_RAN, HOMA_FX_FREE);
}

static void serving_and_finished_rpcs_need_no_timer(void **state)
{
	(void)state;
	become(false, HOMA_RPC_SERVING);
	assert_int_equal(look(), 0);
	become(true, HOMA_RPC_DONE);
	assert_int_equal(look(), 0);
	become(false, HOMA_RPC_DONE);
	assert_int_equal(look(), 0);
	expect_nothing();
}

static void doubtful_request_runs_only_after_two_proofs(void **state)
{
	struct homa_range r;

	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, HOMA_PROOFS, &fx);
	expect_fx(HOMA_FX_ASK);
	assert_int_equal(fx.fx[0].length, HOMA_RESEND_ALL);
	/* The late copy itself, and a late copy of a retransmission that nobody asked for. */
	data(1000, 1000, 0, 1000, 0);
	expect_nothing();
	data(1000, 1000, 0, 1000, 1);
	expect_nothing();
	homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
	data(1000, 1000, 0, 1000, 0);
	expect_nothing();
	r = data(1000, 1000, 0, 1000, 1);
	assert_int_equal(r.start, r.end);
	expect_fx(HOMA_FX_ASK);
	/* One answer is one proof, however often it arrives. */
	data(1000, 1000, 0, 1000, 1);
	expect_nothing();
	homa_rpc_asked(&w.cx, &rpc, 0, HOMA_RESEND_ALL);
	assert_int_equal(w.counters.server_requests_started, 0);
	r = data(1000, 1000, 0, 1000, 1);
	assert_int_equal(r.end, 1000);
	expect_fx(HOMA_FX_DELIVER);
	assert_int_equal(w.counters.server_requests_started, 1);
	assert_int_equal(w.counters.requests_doubted, 1);
}

static void doubtful_request_runs_once_its_data_carries_the_new_version(void **state)
{
	struct homa_range r;

	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, HOMA_PROOFS, &fx);
	homa_rpc_doubt(&rpc, 0xfffe);
	sent_resend();
	/* Copies that were sent before the doubt arose, again or not: never proof, however many. */
	for (version = 0xfffd; version > 0xfff0; version--) {
		r = data(1000, 1000, 0, 1000, version & 1);
		assert_int_equal(r.start, r.end);
		expect_nothing();
		sent_resend();
	}
	assert_int_equal(rpc.receiving, false);
	version = 0xfffe;
	r = data(1000, 1000, 0, 1000, 0);
	assert_int_equal(r.end, 1000);
	expect_fx(HOMA_FX_DELIVER);
	assert_int_equal(w.counters.server_requests_started, 1);
	/* A later version is as good, also past the end of the numbers. */
	setup(NULL);
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, HOMA_PROOFS, &fx);
	homa_rpc_doubt(&rpc, 0xfffe);
	version = 2;
	r = data(1000, 1000, 0, 1000, 0);
	assert_int_equal(r.end, 1000);
}

static void doubtful_request_asks_again_when_the_answer_is_lost(void **state)
{
	u32 asked = 0;

	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, HOMA_PROOFS, &fx);
	sent_resend();
	while (1) {
		u64 next = look();

		if (!next)
			break;
		asked += fx.count;
		sent_resend();
		w.cx.now = next;
	}
	/* In the end it is given up, and it did not run. */
	expect_fx(HOMA_FX_FREE);
	assert_in_range(asked, HOMA_RPC_PATIENCE * 5 - 1, 400);
}

static void doubtful_request_of_a_client_that_is_done_is_dropped(void **state)
{
	(void)state;
	homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, HOMA_PROOFS, &fx);
	control(HOMA_RPC_UNKNOWN);
	expect_fx(HOMA_FX_FREE);
}

static void unknown(u8 type, bool to_server, enum homa_verdict verdict)
{
	struct homa_packet pkt = { .type = type };

	pkt.sender_id = to_server ? CLIENT_ID : SERVER_ID;
	fx.count = 0;
	homa_rpc_unknown(&w.cx, &pkt, verdict, &fx);
}

static void packets_of_no_rpc_are_answered_as_their_sender_needs(void **state)
{
	static const u8 silent[] = { HOMA_GRANT, HOMA_BUSY, HOMA_RPC_UNKNOWN };
	u32 i;

	(void)state;
	unknown(HOMA_DATA, true, HOMA_REQUEST_NEW);
	expect_fx(HOMA_FX_CREATE);
	assert_int_equal(fx.fx[0].doubt, 0);
	unknown(HOMA_DATA, true, HOMA_REQUEST_DOUBTFUL);
	expect_fx(HOMA_FX_CREATE);
	assert_int_equal(fx.fx[0].doubt, HOMA_PROOFS);
	unknown(HOMA_DATA, true, HOMA_REQUEST_RAN);
	expect_nothing();
	assert_int_equal(w.counters.requests_refused, 1);
	unknown(HOMA_DATA, false, HOMA_REQUEST_NEW);
	expect_nothing();
	unknown(HOMA_RESEND, true, HOMA_REQUEST_NEW);
	expect_fx(HOMA_FX_SEND);
	assert_int_equal(fx.fx[0].packet, HOMA_RPC_UNKNOWN);
	unknown(HOMA_RESEND, false, HOMA_REQUEST_NEW);
	assert_int_equal(fx.fx[0].packet, HOMA_RPC_UNKNOWN);
	/* Not "unknown", or the client would start over; not nothing, or we would seem dead. */
	unknown(HOMA_RESEND, true, HOMA_REQUEST_RAN);
	expect_fx(HOMA_FX_SEND);
	assert_int_equal(fx.fx[0].packet, HOMA_NEED_ACK);
	unknown(HOMA_NEED_ACK, false, HOMA_REQUEST_NEW);
	expect_fx(HOMA_FX_SEND);
	assert_int_equal(fx.fx[0].packet, HOMA_ACK);
	unknown(HOMA_NEED_ACK, true, HOMA_REQUEST_NEW);
	expect_nothing();
	for (i = 0; i < ARRAY_SIZE(silent); i++) {
		unknown(silent[i], true, HOMA_REQUEST_NEW);
		expect_nothing();
		unknown(silent[i], false, HOMA_REQUEST_NEW);
		expect_nothing();
	}
}

static void abort_tells_clients_and_remembers_what_ran(void **state)
{
	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	homa_rpc_abort(&w.cx, &rpc, HOMA_ERR_TIMEDOUT, &fx);
	expect_fx(HOMA_FX_FAIL, HOMA_FX_FREE);
	become(true, HOMA_RPC_INCOMING);
	homa_rpc_abort(&w.cx, &rpc, HOMA_ERR_NONE, &fx);
	expect_fx(HOMA_FX_FREE);
	become(true, HOMA_RPC_OUTGOING);
	data(100000, 1400, 0, 1400, 0);
	fx.count = 0;
	homa_rpc_abort(&w.cx, &rpc, HOMA_ERR_NONE, &fx);
	expect_fx(HOMA_FX_RX_END, HOMA_FX_FREE);
	become(false, HOMA_RPC_INCOMING);
	homa_rpc_abort(&w.cx, &rpc, HOMA_ERR_TIMEDOUT, &fx);
	expect_fx(HOMA_FX_FREE);
	become(false, HOMA_RPC_SERVING);
	homa_rpc_abort(&w.cx, &rpc, HOMA_ERR_TIMEDOUT, &fx);
	expect_fx(HOMA_FX_RAN, HOMA_FX_FREE);
}

/* The RPC is between ports 3 and 7; its peer's @port has failed, or with 0 all of the peer. */
static void peer_failed(u16 port, enum homa_error error)
{
	struct homa_quote quote = { .id = 2, .remote = port };

	fx.count = 0;
	homa_rpc_peer_failed(&w.cx, &rpc, 3, 7, error == HOMA_ERR_TIMEDOUT ? NULL : &quote, error,
			     &fx);
}

static void dead_peer_ends_all_but_requests_at_work(void **state)
{
	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	peer_failed(0, HOMA_ERR_TIMEDOUT);
	expect_fx(HOMA_FX_FAIL, HOMA_FX_FREE);
	assert_int_equal(fx.fx[0].error, HOMA_ERR_TIMEDOUT);
	become(true, HOMA_RPC_INCOMING);
	peer_failed(0, HOMA_ERR_HOSTDOWN);
	expect_fx(HOMA_FX_FAIL, HOMA_FX_FREE);
	assert_int_equal(fx.fx[0].error, HOMA_ERR_HOSTDOWN);
	become(false, HOMA_RPC_INCOMING);
	peer_failed(0, HOMA_ERR_TIMEDOUT);
	expect_fx(HOMA_FX_FREE);
	become(false, HOMA_RPC_OUTGOING);
	peer_failed(0, HOMA_ERR_TIMEDOUT);
	expect_fx(HOMA_FX_RAN, HOMA_FX_FREE);

	become(false, HOMA_RPC_SERVING);
	peer_failed(0, HOMA_ERR_TIMEDOUT);
	expect_nothing();
	assert_int_equal(rpc.state, HOMA_RPC_SERVING);
	assert_true(homa_rpc_reply(&w.cx, &rpc));
}

static void response_that_waits_for_its_user_outlives_its_peer(void **state)
{
	(void)state;
	become(true, HOMA_RPC_DONE);
	peer_failed(0, HOMA_ERR_TIMEDOUT);
	expect_nothing();
	peer_failed(7, HOMA_ERR_NOTCONN);
	expect_nothing();
}

static void unserved_port_ends_only_requests_issued_to_it(void **state)
{
	const u8 server[] = { HOMA_RPC_INCOMING, HOMA_RPC_SERVING, HOMA_RPC_OUTGOING };
	u32 i;

	(void)state;
	become(true, HOMA_RPC_OUTGOING);
	peer_failed(8, HOMA_ERR_NOTCONN);
	expect_nothing();
	peer_failed(7, HOMA_ERR_NOTCONN);
	expect_fx(HOMA_FX_FAIL, HOMA_FX_FREE);
	assert_int_equal(fx.fx[0].error, HOMA_ERR_NOTCONN);
	for (i = 0; i < ARRAY_SIZE(server); i++) {
		become(false, server[i]);
		peer_failed(7, HOMA_ERR_NOTCONN);
		expect_nothing();
		assert_int_equal(rpc.state, server[i]);
	}
}

static void short_quotes_end_only_requests_between_their_ports(void **state)
{
	struct homa_quote other = { .local = 4, .remote = 7 }, same = { .local = 3, .remote = 7 };

	(void)state;
	become(true, HOMA_RPC_INCOMING);
	fx.count = 0;
	homa_rpc_peer_failed(&w.cx, &rpc, 3, 7, &other, HOMA_ERR_HOSTDOWN, &fx);
	expect_nothing();
	homa_rpc_peer_failed(&w.cx, &rpc, 3, 7, &same, HOMA_ERR_HOSTDOWN, &fx);
	expect_fx(HOMA_FX_FAIL, HOMA_FX_FREE);
	become(false, HOMA_RPC_OUTGOING);
	fx.count = 0;
	homa_rpc_peer_failed(&w.cx, &rpc, 3, 7, &same, HOMA_ERR_HOSTDOWN, &fx);
	expect_nothing();
}

static void any_sequence_of_inputs_keeps_the_machine_sound(void **state)
{
	u64 seed = 15;
	u32 round, step;

	(void)state;
	for (round = 0; round < 20000; round++) {
		bool client = round & 1, delivered = false, scheduled = false, freed = false;

		setup(NULL);
		if (client)
			homa_rpc_init_client(&w.cx, &rpc, CLIENT_ID);
		else
			homa_rpc_init_server(&w.cx, &rpc, SERVER_ID, round % 3 ? 0 : HOMA_PROOFS,
					     &fx);
		for (step = 0; step < 60 && !freed; step++) {
			u32 length = 1 + random_below(&seed, 3) * 4000, offset, i;

			fx.count = 0;
			switch (random_below(&seed, 8)) {
			case 0:
				view.out_length = 3000;
				view.out_granted = 3000;
				view.out_sent = random_below(&seed, 3001);
				view.in_granted = random_below(&seed, 9000);
				homa_rpc_timer(&w.cx, &rpc, &view, &fx);
				break;
			case 1:
				homa_rpc_reply(&w.cx, &rpc);
				break;
			case 2:
				homa_rpc_asked(&w.cx, &rpc, 0, random_below(&seed, 2) ? 1400 :
										 HOMA_RESEND_ALL);
				break;
			case 3:
				control((u8)(HOMA_GRANT + random_below(&seed, 4)));
				break;
			case 4:
				control(HOMA_NEED_ACK);
				break;
			default:
				offset = random_below(&seed, length);
				offset -= random_below(&seed, 2) ? offset % 1400 : offset;
				data(length, random_below(&seed, length + 1), offset,
				     homa_min(1 + random_below(&seed, 9000), length - offset),
				     random64(&seed) & 1);
			}
			w.cx.now += random_below(&seed, 6) * MS;
			assert_in_range(fx.count, 0, HOMA_FX_MAX - 1);
			for (i = 0; i < fx.count; i++) {
				switch (fx.fx[i].type) {
				case HOMA_FX_RX_ADD:
					assert_false(scheduled);
					scheduled = true;
					break;
				case HOMA_FX_RX_MORE:
				case HOMA_FX_RX_STALLED:
					assert_true(scheduled);
					break;
				case HOMA_FX_RX_END:
					assert_true(scheduled);
					scheduled = false;
					break;
				case HOMA_FX_DELIVER:
					/* Never twice, whatever a peer sends. */
					assert_false(delivered);
					delivered = true;
					break;
				case HOMA_FX_TX_RESTART:
					assert_true(client && !delivered);
					break;
				case HOMA_FX_RAN:
					assert_true(!client && delivered);
					break;
				case HOMA_FX_FREE:
					freed = true;
					assert_false(scheduled);
					assert_int_equal(i, fx.count - 1);
					assert_int_equal(rpc.state, HOMA_RPC_DONE);
					if (!client && delivered)
						assert_int_equal(fx.fx[i - 1].type, HOMA_FX_RAN);
					break;
				}
			}
			assert_int_equal(rpc.scheduled, scheduled);
		}
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(client_walks_from_request_to_response),
		T(server_walks_from_request_to_ack),
		T(long_message_enters_and_leaves_the_grant_scheduler),
		T(each_input_in_each_state),
		T(request_its_client_gave_up_did_not_run),
		T(client_starts_over_only_when_it_asked),
		T(client_does_not_start_over_for_ever),
		T(client_does_not_start_over_what_may_have_run_and_been_forgotten),
		T(sign_of_life_makes_starting_over_count_from_nothing),
		T(start_over_forgets_the_response),
		T(finished_rpc_does_not_start_over),
		T(message_does_not_change_its_length),
		T(receiver_asks_after_resend_ticks_of_silence),
		T(answer_leads_at_once_to_the_next_gap_of_the_same_age),
		T(nothing_is_asked_while_our_own_grants_are_due),
		T(client_without_response_asks_for_all_of_it),
		T(client_waits_for_ever_on_a_server_that_is_busy),
		T(rpc_fails_when_its_requests_stay_unanswered),
		T(answer_to_the_only_request_shows_the_delay),
		T(busy_when_asked_for_the_ack_shows_no_delay),
		T(requests_without_answer_are_followed_by_probes),
		T(first_packet_of_all_leads_at_once_to_the_rest),
		T(late_answer_shows_the_delay_when_another_follows),
		T(data_sent_again_in_vain_shows_the_delay),
		T(everyone_waits_as_much_longer_as_answers_take),
		T(delay_of_a_peer_follows_its_answers),
		T(data_that_was_only_late_shows_how_long_to_wait),
		T(server_asks_for_the_ack_of_a_response),
		T(response_that_waits_for_grants_is_not_yet_asked_an_ack_of),
		T(message_stalls_when_its_bytes_are_asked_for_in_vain),
		T(message_that_waits_for_our_grants_does_not_stall),
		T(incomplete_request_is_kept_while_its_client_says_busy),
		T(incomplete_request_is_dropped_when_its_client_says_nothing),
		T(server_forgets_a_client_whose_host_is_silent),
		T(server_keeps_its_response_while_the_client_stands_still),
		T(server_forgets_an_rpc_its_live_client_never_mentions),
		T(serving_and_finished_rpcs_need_no_timer),
		T(doubtful_request_runs_only_after_two_proofs),
		T(doubtful_request_runs_once_its_data_carries_the_new_version),
		T(doubtful_request_asks_again_when_the_answer_is_lost),
		T(doubtful_request_of_a_client_that_is_done_is_dropped),
		T(packets_of_no_rpc_are_answered_as_their_sender_needs),
		T(abort_tells_clients_and_remembers_what_ran),
		T(dead_peer_ends_all_but_requests_at_work),
		T(response_that_waits_for_its_user_outlives_its_peer),
		T(unserved_port_ends_only_requests_issued_to_it),
		T(short_quotes_end_only_requests_between_their_ports),
		T(any_sequence_of_inputs_keeps_the_machine_sound),
	};

	return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
