// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * What happens to a host; see in.h.
 */
#include <linux/delay.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/interrupt.h>
#include <net/icmp.h>
#include <net/ip6_route.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "effects.h"
#include "in.h"
#include "offload.h"
#include "out.h"
#include "sock.h"
#include "steer.h"
#include "trace.h"

#define TIMERS_PER_RUN 512	/* looked at before others get a turn */
#define LATE_TICKS 2	/* between two ticks, beyond which this host stood still */

/* A packet on its way in; on the stack of homa_in_skb(). */
struct arrival {
	struct homa_net *hnet;
	struct sk_buff *skb;	/* NULL: taken */
	struct sk_buff *whole;	/* with the IP header, for ICMP */
	struct homa_kpeer *peer;
	struct in6_addr from, to;
	struct homa_packet pkt;
	struct homa_cx cx;
	struct homa_krpc *last;	/* of the packet before, with a reference */
	bool owed;		/* the grant scheduler has yet to be told what came for it */
	bool more;		/* of the same batch follows */
	bool made;		/* there is a reference on peer */
	u16 version;		/* of the cutoffs in the batch's last DATA */
	u32 packet;		/* bytes of data between segment headers; 0: not interleaved */
	bool ipv4;
};

static void count_drop(struct homa_net *hnet, enum homa_drop why)
{
	this_cpu_inc(hnet->counters->core.packets_dropped[why]);
}

static void count_message(struct homa_net *hnet, u32 length)
{
	u32 small = (length - 1) / 64, medium = (length - 1) / 1024;

	if (small < 64)
		homa_count_add(hnet, msg_bytes_small[small], length);
	else if (medium < 128)
		homa_count_add(hnet, msg_bytes_medium[medium], length);
	else
		homa_count_add(hnet, large_msg_bytes, length);
	if (medium >= 128)
		homa_count(hnet, large_msg_count);
}

/* Timers. */

/* @now: ns; one value for all of a run, so that a long one does not look like silence. */
static void look_after(struct homa_krpc *rpc, u64 now)
{
	struct homa_kpeer *peer = rpc->peer;
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_rpc_view view;
	struct homa_cx cx;
	u64 again;

	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	if (rpc->stopped) {
		spin_unlock(&rpc->lock);
		return;
	}
	cx = homa_cx(rpc->hnet);
	cx.now = now;
	view = (struct homa_rpc_view){
		.out_length = READ_ONCE(rpc->out.length),
		.out_sent = READ_ONCE(rpc->out.sent),
		.out_granted = READ_ONCE(rpc->out.granted),
		.in_granted = READ_ONCE(rpc->grantee.granted),
		.out_sent_at = READ_ONCE(rpc->out.sent_at),
		.in_granted_at = READ_ONCE(rpc->grantee.granted_at),
		.peer_heard_at = READ_ONCE(peer->core.heard_at),
		.peer_delay = homa_peer_delay(&cx, &peer->core),
	};
	again = homa_rpc_timer(&cx, &rpc->core, &view, &fx);
	if (again)
		homa_effects_arm(&cx, rpc, again);
	if (!fx.count || fx.fx[0].type != HOMA_FX_ASK) {
		spin_lock(&peer->lock);
		homa_peer_leave_turn(&peer->core, &rpc->asker);
		spin_unlock(&peer->lock);
	}
	homa_effects_apply(&cx, rpc, &fx, &box);
	homa_sock_notify(rpc);
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
}

static struct homa_krpc *next_due(struct homa_net *hnet, u64 tick)
{
	struct homa_timer *timer;
	struct homa_krpc *rpc;

	spin_lock(&hnet->wheel_lock);
	do {
		timer = homa_wheel_next(&hnet->wheel, tick);
		rpc = timer ? container_of(timer, struct homa_krpc, timer) : NULL;
	} while (rpc && !homa_krpc_hold(rpc));
	spin_unlock(&hnet->wheel_lock);
	return rpc;
}

enum hrtimer_restart homa_in_tick(struct hrtimer *timer)
{
	struct homa_net *hnet = container_of(timer, struct homa_net, tick);
	u64 tick_ns = READ_ONCE(hnet->params.tick_ns);
	struct homa_cx cx = homa_cx(hnet);
	u64 tick = div64_u64(cx.now, tick_ns);
	struct homa_krpc *rpc;
	u32 left = 1;
	bool more;

	/* What came while this host stood still goes first: it may be what timers would ask for. */
	hnet->skipped = !hnet->skipped && tick > hnet->last_tick + LATE_TICKS;
	hnet->last_tick = tick;
	if (hnet->skipped)
		goto out;
	for (left = TIMERS_PER_RUN; left && (rpc = next_due(hnet, tick)); left--) {
		look_after(rpc, cx.now);
		homa_krpc_put(rpc);
	}
	spin_lock(&hnet->grants_lock);
	homa_allocator_check(&cx, &hnet->allocator, false);
	spin_unlock(&hnet->grants_lock);
	homa_peers_collect(hnet);

out:
	spin_lock(&hnet->wheel_lock);
	more = hnet->wheel.armed;
	hnet->ticking = more;
	hrtimer_set_expires(timer, ns_to_ktime(left ? (tick + 1) * tick_ns : cx.now));
	spin_unlock(&hnet->wheel_lock);
	return more ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

/* A packet from the peer has come: whoever waited for one to ask may do so now. */
static void let_ask(struct homa_kpeer *peer, u64 now)
{
	struct homa_node *next;
	struct homa_krpc *rpc;

	while (READ_ONCE(peer->core.askers.first)) {
		spin_lock(&peer->lock);
		next = homa_peer_next_asker(&peer->core);
		rpc = next ? container_of(next, struct homa_krpc, asker) : NULL;
		if (rpc && !homa_krpc_hold(rpc))
			rpc = NULL;
		spin_unlock(&peer->lock);
		if (!next)
			return;
		if (rpc) {
			look_after(rpc, now);
			homa_krpc_put(rpc);
		}
	}
}

/* Failures. */

void homa_in_peer_failed(struct homa_kpeer *peer, u16 port, enum homa_error error)
{
	struct homa_krpc *rpc;
	LIST_HEAD(old);

	trace_homa_peer_dead(peer, port, error);
	local_bh_disable();
	spin_lock(&peer->lock);
	list_splice_init(&peer->rpcs, &old);
	while (!list_empty(&old)) {
		struct homa_effects fx homa_uninit;
		struct homa_outbox box homa_uninit;
		struct homa_cx cx;

		rpc = list_first_entry(&old, struct homa_krpc, of_peer);
		list_move_tail(&rpc->of_peer, &peer->rpcs);
		/* What is listed has references. */
		refcount_inc(&rpc->refs);
		spin_unlock(&peer->lock);

		homa_outbox_init(&box, &fx);
		spin_lock(&rpc->lock);
		cx = homa_cx(rpc->hnet);
		if (!rpc->stopped)
			homa_rpc_peer_failed(&cx, &rpc->core, rpc->remote_port, port, error, &fx);
		homa_effects_apply(&cx, rpc, &fx, &box);
		homa_sock_notify(rpc);
		spin_unlock(&rpc->lock);
		homa_effects_finish(&cx, rpc, &box);
		homa_krpc_put(rpc);
		spin_lock(&peer->lock);
	}
	spin_unlock(&peer->lock);
	local_bh_enable();
}

void homa_in_abort(struct homa_krpc *rpc, int error)
{
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_cx cx;

	homa_outbox_init(&box, &fx);
	local_bh_disable();
	spin_lock(&rpc->lock);
	cx = homa_cx(rpc->hnet);
	if (!rpc->retired) {
		if (error)
			rpc->error = error;
		if (rpc->core.state != HOMA_RPC_DONE)
			homa_rpc_abort(&cx, &rpc->core, HOMA_ERR_NONE, &fx);
		homa_effects_apply(&cx, rpc, &fx, &box);
		if (error)
			homa_sock_notify(rpc);
		else
			homa_krpc_retire(rpc);
		box.freed = true;
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
	local_bh_enable();
}

/* The user's side. */

void homa_in_start_client(const struct homa_cx *cx, struct homa_krpc *rpc)
{
	spin_lock(&rpc->lock);
	homa_effects_arm(cx, rpc, cx->now + cx->params->resend_ticks * cx->params->tick_ns);
	spin_unlock(&rpc->lock);
}

bool homa_in_reply(const struct homa_cx *cx, struct homa_krpc *rpc)
{
	lockdep_assert_held(&rpc->lock);
	if (rpc->stopped || !homa_rpc_reply(cx, &rpc->core))
		return false;
	homa_effects_arm(cx, rpc, cx->now + cx->params->request_ack_ticks * cx->params->tick_ns);
	return true;
}

void homa_in_release(struct homa_krpc *rpc)
{
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_cx cx;

	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	cx = homa_cx(rpc->hnet);
	if (!rpc->retired) {
		rpc->wants_room = false;
		trace_homa_pool_released(rpc, rpc->place_length);
		atomic_sub(rpc->rx_bytes, &rpc->hsk->held_bytes);
		homa_rpc_release(&cx, &rpc->core, &fx);
		homa_effects_apply(&cx, rpc, &fx, &box);
		homa_sock_notify(rpc);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
}

/* Packets. */

/* The first packet of a message: is there room for it? Return: whether the packet may be kept. */
static bool make_room(const struct homa_cx *cx, struct homa_krpc *rpc, u32 length)
{
	int err;

	if (rpc->place_length && rpc->place_length != length) {
		if (rpc->copying)
			return false;
		homa_sock_leave_room(rpc);
	}
	if (!rpc->place_length) {
		err = homa_sock_room(rpc, length, cx->now);
		if (err == -ENOMEM) {
			rpc->error = err;
			return false;
		}
		if (err)
			homa_rpc_hold(&rpc->core);
	}
	return true;
}

static void keep(struct arrival *a, struct homa_krpc *rpc, struct homa_range range)
{
	struct sk_buff *skb = a->skb;
	struct homa_cb *cb = HOMA_CB(skb);

	cb->start = range.start;
	cb->end = range.end;
	cb->first = a->pkt.data.offset;
	cb->packet = a->packet;
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb->dev = NULL;
	skb->next = NULL;
	*rpc->rx_tail = skb;
	rpc->rx_tail = &skb->next;
	rpc->rx_bytes += range.end - range.start;
	if (rpc->wants_room)
		atomic_add(range.end - range.start, &rpc->hsk->held_bytes);
	a->skb = NULL;
}

static void record(struct arrival *a)
{
	struct homa_net *hnet = a->hnet;

	count_message(hnet, a->pkt.data.message_length);
	spin_lock(&hnet->grants_lock);
	homa_allocator_record(&a->cx, &hnet->allocator, a->pkt.data.message_length,
			      a->pkt.data.incoming, a->peer->core.packet, HOMA_DATA_HEADER);
	spin_unlock(&hnet->grants_lock);
}

/* Hand a packet to its RPC, whose lock is held. */
static void input_locked(struct arrival *a, struct homa_krpc *rpc, struct homa_effects *fx)
{
	const struct homa_cx *cx = &a->cx;
	struct homa_sock *hsk = rpc->hsk;
	bool first = !rpc->core.receiving, data = a->pkt.type == HOMA_DATA;
	struct homa_range range;

	if (data && first && rpc->core.state <= HOMA_RPC_INCOMING &&
	    !make_room(cx, rpc, a->pkt.data.message_length)) {
		count_drop(a->hnet, HOMA_DROP_FULL);
		if (rpc->error)
			homa_rpc_abort(cx, &rpc->core, HOMA_ERR_NONE, fx);
		return;
	}
	if (data && rpc->wants_room &&
	    atomic_read(&hsk->held_bytes) > READ_ONCE(homa_sock_sk(hsk)->sk_rcvbuf)) {
		count_drop(a->hnet, HOMA_DROP_FULL);
		homa_count(a->hnet, dropped_data_no_bufs);
		return;
	}
	range = homa_rpc_input(cx, &rpc->core, &a->pkt, fx);
	if (rpc->core.took) {
		spin_lock(&rpc->peer->lock);
		homa_peer_took(cx, &rpc->peer->core, rpc->core.took);
		spin_unlock(&rpc->peer->lock);
	}
	if (!rpc->core.due_at && homa_node_queued(&rpc->asker)) {
		spin_lock(&rpc->peer->lock);
		homa_peer_leave_turn(&rpc->peer->core, &rpc->asker);
		spin_unlock(&rpc->peer->lock);
	}
	if (range.start < range.end) {
		if (first)
			record(a);
		keep(a, rpc, range);
	}
}

/*
 * The grant scheduler need not be told of each packet: one grant for several lets the sender batch,
 * too, and where packets are not merged on their way here, a grant costs as much as a packet. What
 * the scheduler is owed waits until the core has looked at all packets that are here, or at some.
 */
#define OWED_MOST 8	/* packets or batches */

static DEFINE_PER_CPU(struct owing {
	struct tasklet_struct pay;	/* comes after the packets of a softirq */
	/*
	 * Mostly nobody else comes here; but softirqs of a real-time kernel can preempt each other,
	 * and the tasklet of a core that goes offline runs on another one.
	 */
	spinlock_t lock;
	struct homa_krpc *rpc;		/* with a reference, counted in homa_net.owed */
	u32 count;
}, owing);

static void put_off(struct arrival *a, struct homa_effects *fx)
{
	u32 i;

	for (i = 0; i < fx->count; i++) {
		if (fx->fx[i].type != HOMA_FX_RX_MORE)
			continue;
		a->owed = true;
		memmove(&fx->fx[i], &fx->fx[i + 1], (--fx->count - i) * sizeof(fx->fx[0]));
		return;
	}
}

/* The reference is taken over. */
static void pay(struct homa_krpc *rpc)
{
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_net *hnet = rpc->hnet;
	struct homa_cx cx;

	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	cx = homa_cx(hnet);
	if (rpc->core.scheduled) {
		fx.count = 1;
		fx.fx[0].type = HOMA_FX_RX_MORE;
		homa_effects_apply(&cx, rpc, &fx, &box);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
	homa_krpc_put(rpc);
	atomic_dec(&hnet->owed);
}

static void pay_later(struct tasklet_struct *tasklet)
{
	struct owing *o = container_of(tasklet, struct owing, pay);
	struct homa_krpc *due;

	spin_lock(&o->lock);
	due = o->rpc;
	o->rpc = NULL;
	spin_unlock(&o->lock);
	if (due)
		pay(due);
}

/* The caller's reference is taken over. */
static void owe(struct homa_krpc *rpc)
{
	struct owing *o = this_cpu_ptr(&owing);
	struct homa_krpc *due = NULL;
	bool again;

	spin_lock(&o->lock);
	again = o->rpc == rpc;
	if (!again) {
		due = o->rpc;
		o->rpc = rpc;
		o->count = 0;
		atomic_inc(&rpc->hnet->owed);
		tasklet_schedule(&o->pay);
	}
	if (++o->count >= OWED_MOST) {
		due = rpc;
		o->rpc = NULL;
	}
	spin_unlock(&o->lock);
	if (again)
		homa_krpc_put(rpc);
	if (due)
		pay(due);
}

void homa_in_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		spin_lock_init(&per_cpu(owing.lock, cpu));
		tasklet_setup(&per_cpu(owing.pay, cpu), pay_later);
	}
}

void homa_in_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu(owing.pay, cpu));
}

void homa_in_net_exit(struct homa_net *hnet)
{
	while (atomic_read(&hnet->owed))
		usleep_range(100, 1000);
}

static void input_rpc(struct arrival *a, struct homa_krpc *rpc)
{
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;

	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	if (!rpc->retired) {
		input_locked(a, rpc, &fx);
		put_off(a, &fx);
		homa_effects_apply(&a->cx, rpc, &fx, &box);
		homa_sock_notify(rpc);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&a->cx, rpc, &box);
}

/* Done with the RPC of the packets before. */
static void leave_last(struct arrival *a)
{
	struct homa_krpc *rpc = a->last;

	if (!rpc)
		return;
	a->last = NULL;
	if (a->owed)
		owe(rpc);
	else
		homa_krpc_put(rpc);
	a->owed = false;
}

static struct homa_krpc *find_rpc(struct arrival *a, u64 id)
{
	if (a->last && a->last->id == id)
		return a->last;
	leave_last(a);
	a->last = homa_krpc_get(a->hnet, a->peer, id);
	return a->last;
}

static void acked(struct arrival *a, u64 client_id)
{
	struct homa_effects fx homa_uninit;
	struct homa_krpc *rpc;
	struct homa_outbox box homa_uninit;

	if (!homa_id_is_client(client_id))
		return;
	rpc = homa_krpc_get(a->hnet, a->peer, client_id ^ 1);
	if (!rpc)
		return;
	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	if (!rpc->stopped) {
		homa_rpc_acked(&rpc->core, &fx);
		if (fx.count)
			homa_count(a->hnet, server_responses_done);
		homa_effects_apply(&a->cx, rpc, &fx, &box);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&a->cx, rpc, &box);
	homa_krpc_put(rpc);
}

/* Answer a packet for which there is no RPC. */
static void answer(struct arrival *a, u8 type)
{
	struct homa_packet pkt = { .type = type };

	pkt.sport = a->pkt.dport;
	pkt.dport = a->pkt.sport;
	pkt.sender_id = a->pkt.sender_id ^ 1;
	if (type == HOMA_ACK) {
		spin_lock(&a->peer->lock);
		homa_peer_take_acks(&a->peer->core, &pkt);
		spin_unlock(&a->peer->lock);
	}
	homa_out_control(&a->cx, a->hnet, a->peer, &a->to, &pkt);
}

static void refuse(struct arrival *a)
{
	count_drop(a->hnet, HOMA_DROP_UNKNOWN);
	if (a->ipv4)
		icmp_send(a->whole, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	else
		icmpv6_send(a->whole, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
}

/* Make a doubtful request's client show that it still waits. */
static void doubt(struct arrival *a, struct homa_krpc *rpc, struct homa_outbox *box)
{
	struct homa_packet pkt;
	u16 version;

	spin_lock(&a->peer->lock);
	version = homa_peer_doubt(&a->cx, &a->peer->core, &a->hnet->allocator.now, &pkt);
	spin_unlock(&a->peer->lock);
	homa_rpc_doubt(&rpc->core, version);
	if (version && box->count < HOMA_OUTBOX)
		box->packet[box->count++] = pkt;
}

/* Could the socket's program be told an address of this kind? */
static bool speaks(struct homa_sock *hsk, bool ipv4)
{
	const struct sock *sk = homa_sock_sk(hsk);

	return sk->sk_family == AF_INET ? ipv4 : !ipv4 || !ipv6_only_sock(sk);
}

/*
 * Since the history was asked, another core may have run the request from another copy of this
 * packet, and forgotten its RPC. Asked again when the RPC can be found, it knows.
 */
static bool ran_meanwhile(struct arrival *a, u8 doubts)
{
	enum homa_verdict verdict;

	spin_lock(&a->hnet->history_lock);
	verdict = homa_history_judge(&a->cx, &a->hnet->history, &a->peer->core, a->pkt.sender_id);
	spin_unlock(&a->hnet->history_lock);
	return verdict == HOMA_REQUEST_RAN || (verdict == HOMA_REQUEST_DOUBTFUL && !doubts);
}

static void create(struct arrival *a, u8 doubts)
{
	struct homa_sock *hsk = homa_sock_find(a->hnet, a->pkt.dport);
	u64 id = a->pkt.sender_id ^ 1;
	struct homa_effects fx homa_uninit;
	struct homa_krpc *rpc;
	struct homa_outbox box homa_uninit;
	int err;

	if (!hsk || !READ_ONCE(hsk->server) || READ_ONCE(hsk->shut) || !speaks(hsk, a->ipv4)) {
		refuse(a);
		return;
	}
	if (READ_ONCE(a->peer->served) >= a->hnet->params.max_rpcs_per_peer ||
	    !homa_pool_fits(&hsk->pool, a->pkt.data.message_length)) {
		count_drop(a->hnet, HOMA_DROP_FULL);
		return;
	}
	rpc = homa_krpc_new(hsk, a->peer, id, GFP_ATOMIC);
	if (!rpc) {
		homa_count(a->hnet, server_cant_create_rpcs);
		return;
	}
	rpc->local_port = a->pkt.dport;
	rpc->remote_port = a->pkt.sport;
	rpc->local = a->to;
	homa_outbox_init(&box, &fx);
	/* From being found on, packets on other cores wait for the lock. */
	spin_lock(&rpc->lock);
	homa_rpc_init_server(&a->cx, &rpc->core, id, doubts, &fx);
	err = homa_krpc_publish(rpc);
	if (err) {
		spin_unlock(&rpc->lock);
		homa_krpc_put(rpc);
		/* Another core was faster, with another packet of the request? */
		rpc = err == -EEXIST ? homa_krpc_get(a->hnet, a->peer, id) : NULL;
		if (!rpc) {
			homa_count(a->hnet, server_cant_create_rpcs);
			return;
		}
		/* As if it had been found: what the grants are owed goes by the last one. */
		leave_last(a);
		a->last = rpc;
		input_rpc(a, rpc);
		return;
	}
	trace_homa_rpc_new(rpc, a->pkt.data.message_length);
	if (ran_meanwhile(a, doubts)) {
		count_drop(a->hnet, HOMA_DROP_STALE);
		homa_krpc_retire(rpc);
	}
	if (!rpc->retired) {
		if (doubts)
			doubt(a, rpc, &box);
		homa_effects_arm(&a->cx, rpc,
				 a->cx.now + a->cx.params->resend_ticks * a->cx.params->tick_ns);
		input_locked(a, rpc, &fx);
		homa_effects_apply(&a->cx, rpc, &fx, &box);
		homa_sock_notify(rpc);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&a->cx, rpc, &box);
	homa_krpc_put(rpc);
}

static void input_unknown(struct arrival *a)
{
	enum homa_verdict verdict = HOMA_REQUEST_NEW;
	struct homa_net *hnet = a->hnet;
	struct homa_effects fx homa_uninit;
	u32 i;

	if (homa_id_is_client(a->pkt.sender_id)) {
		spin_lock(&hnet->history_lock);
		verdict = homa_history_judge(&a->cx, &hnet->history, &a->peer->core,
					     a->pkt.sender_id);
		spin_unlock(&hnet->history_lock);
	}
	fx.count = 0;
	homa_rpc_unknown(&a->cx, &a->pkt, verdict, &fx);
	for (i = 0; i < fx.count; i++) {
		if (fx.fx[i].type == HOMA_FX_SEND)
			answer(a, fx.fx[i].packet);
		else if (fx.fx[i].type == HOMA_FX_CREATE)
			create(a, fx.fx[i].doubt);
	}
}

/* The peer is alive, and may need to be told our cutoffs. */
static void heard(struct arrival *a)
{
	struct homa_kpeer *peer = a->peer;
	struct homa_packet tell homa_uninit;
	bool must_tell = false;

	spin_lock(&peer->lock);
	homa_peer_heard(&a->cx, &peer->core);
	if (a->pkt.type == HOMA_DATA)
		must_tell = homa_peer_check_cutoffs(&a->cx, &peer->core, &a->hnet->allocator.now,
						    a->pkt.data.cutoff_version, &tell);
	else if (a->pkt.type == HOMA_CUTOFFS)
		homa_peer_set_cutoffs(&peer->core, &a->pkt);
	spin_unlock(&peer->lock);
	if (must_tell) {
		tell.sport = a->pkt.dport;
		tell.dport = a->pkt.sport;
		tell.sender_id = a->pkt.sender_id ^ 1;
		homa_out_control(&a->cx, a->hnet, peer, &a->to, &tell);
	}
}

static void input_peer(struct arrival *a)
{
	struct homa_krpc *rpc;
	u32 i;

	switch (a->pkt.type) {
	case HOMA_CUTOFFS:
	case HOMA_FREEZE:
		return;
	case HOMA_ACK:
		acked(a, a->pkt.sender_id);
		for (i = 0; i < a->pkt.ack.count; i++)
			acked(a, a->pkt.ack.ack[i].client_id);
		return;
	case HOMA_DATA:
		if (a->pkt.data.ack.client_id)
			acked(a, a->pkt.data.ack.client_id);
		break;
	}
	rpc = find_rpc(a, a->pkt.sender_id ^ 1);
	if (rpc)
		input_rpc(a, rpc);
	else
		input_unknown(a);
}

/* Does a packet from someone unknown make a peer? Only if it may need an answer. */
static bool starts_something(u8 type)
{
	return type == HOMA_DATA || type == HOMA_RESEND || type == HOMA_NEED_ACK;
}

/* Let the whole header be readable. */
static bool pull_header(struct sk_buff *skb)
{
	return pskb_may_pull(skb, HOMA_COMMON_HEADER) &&
	       pskb_may_pull(skb, min(skb->len,
				      homa_wire_header_length(homa_wire_type(skb->data))));
}

/*
 * A batch of our own that nothing has cut: as good as one long packet. Return: bytes after the IP
 * header that it would have.
 */
static u32 measure(struct arrival *a, const struct sk_buff *skb)
{
	u32 size = skb_shinfo(skb)->gso_size, data = skb->len - HOMA_DATA_HEADER;

	a->packet = 0;
	if (!skb_is_gso(skb) || skb->len < HOMA_DATA_HEADER || size <= HOMA_SEG_HEADER)
		return skb->len;
	a->packet = size - HOMA_SEG_HEADER;
	return skb->len - data / size * HOMA_SEG_HEADER;
}

static void input_packet(struct arrival *a)
{
	struct sk_buff *skb = a->skb;
	enum homa_drop why = HOMA_DROP_SHORT;
	u32 length;

	if (pull_header(skb)) {
		length = measure(a, skb);
		why = homa_wire_decode(&a->pkt, skb->data, skb_headlen(skb), length,
				       a->hnet->params.max_message);
	}
	if (why) {
		homa_count(a->hnet, packet_discards);
		count_drop(a->hnet, why);
		return;
	}
	if (a->packet)
		this_cpu_add(a->hnet->counters->core.packets_rcvd[0],
			     skb_shinfo(skb)->gso_segs - 1);
	this_cpu_inc(a->hnet->counters->core.packets_rcvd[a->pkt.type - HOMA_DATA]);
	if (!a->peer)
		a->peer = homa_peer_find(a->hnet, &a->from);
	if (!a->peer) {
		if (!starts_something(a->pkt.type)) {
			count_drop(a->hnet, HOMA_DROP_UNKNOWN);
			return;
		}
		a->peer = homa_peer_get(a->hnet, &a->from, GFP_ATOMIC);
		if (IS_ERR(a->peer)) {
			a->peer = NULL;
			count_drop(a->hnet, HOMA_DROP_FULL);
			return;
		}
		a->made = true;
	}
	trace_homa_packet_in(a->peer, &a->pkt, a->pkt.sender_id ^ 1);
	a->cx = homa_cx(a->hnet);
	if (!a->more || a->pkt.type != HOMA_DATA || a->pkt.data.cutoff_version != a->version)
		heard(a);
	a->version = a->pkt.type == HOMA_DATA ? a->pkt.data.cutoff_version : 0;
	input_peer(a);
}

void homa_in_skb(struct sk_buff *skb, bool ipv4)
{
	struct homa_net *hnet = homa_net(dev_net(skb->dev));
	struct arrival a homa_uninit;
	struct sk_buff *next;

	a.hnet = hnet;
	a.ipv4 = ipv4;
	homa_count(hnet, softirq_calls);
	if (!smp_load_acquire(&hnet->active)) /* with homa_net_activate() */
		goto drop;
	if (ipv4) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &a.from);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &a.to);
	} else {
		a.from = ipv6_hdr(skb)->saddr;
		a.to = ipv6_hdr(skb)->daddr;
		/* What comes to an address that more hosts have is answered from our own. */
		if (ipv6_addr_is_multicast(&a.to))
			goto drop;
	}
	rcu_read_lock();
	skb->next = NULL;
	if (skb_is_gso(skb))
		skb = homa_offload_split(skb);
	a.peer = NULL;
	a.last = NULL;
	a.owed = false;
	a.made = false;
	a.version = 0;
	for (; skb; skb = next) {
		next = skb->next;
		skb->next = NULL;
		a.more = next;
		a.skb = skb;
		a.whole = skb;
		input_packet(&a);
		kfree_skb(a.skb);
	}
	leave_last(&a);
	if (a.peer)
		let_ask(a.peer, ktime_get_ns());
	if (a.made)
		homa_peer_put(a.peer);
	rcu_read_unlock();
	return;

drop:
	kfree_skb(skb);
}

int homa_in_ipv4(struct sk_buff *skb)
{
	if (!homa_steer(skb))
		homa_in_skb(skb, true);
	return 0;
}

int homa_in_ipv6(struct sk_buff *skb)
{
	if (!homa_steer(skb))
		homa_in_skb(skb, false);
	return 0;
}

/* ICMP. */

static void fail_peer(struct homa_net *hnet, const struct in6_addr *addr, u16 port,
		      enum homa_error error)
{
	struct homa_kpeer *peer;

	homa_count(hnet, icmp_errors);
	rcu_read_lock();
	peer = homa_peer_find(hnet, addr);
	if (peer && refcount_inc_not_zero(&peer->refs)) {
		homa_in_peer_failed(peer, port, error);
		homa_peer_put(peer);
	}
	rcu_read_unlock();
}

int homa_in_error_ipv4(struct sk_buff *skb, u32 info)
{
	const struct iphdr *ip = (struct iphdr *)skb->data;
	int type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code;
	struct homa_net *hnet = homa_net(dev_net(skb->dev));
	const __be16 *ports = (__be16 *)(skb->data + ip->ihl * 4);
	struct in6_addr addr;

	if (type != ICMP_DEST_UNREACH)
		return 0;
	ipv6_addr_set_v4mapped(ip->daddr, &addr);
	if (code == ICMP_PORT_UNREACH)
		fail_peer(hnet, &addr, ntohs(ports[1]), HOMA_ERR_NOTCONN);
	else if (code == ICMP_PROT_UNREACH)
		fail_peer(hnet, &addr, 0, HOMA_ERR_NOTCONN);
	else if (code == ICMP_FRAG_NEEDED)
		ipv4_update_pmtu(skb, hnet->net, info, 0, IPPROTO_HOMA);
	else
		fail_peer(hnet, &addr, 0, HOMA_ERR_HOSTDOWN);
	return 0;
}

int homa_in_error_ipv6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		       int offset, __be32 info)
{
	const struct ipv6hdr *ip = (struct ipv6hdr *)skb->data;
	struct homa_net *hnet = homa_net(dev_net(skb->dev));
	const __be16 *ports = (__be16 *)(skb->data + offset);

	if (type == ICMPV6_PKT_TOOBIG)
		ip6_update_pmtu(skb, hnet->net, info, 0, 0, sock_net_uid(hnet->net, NULL));
	else if (type == ICMPV6_DEST_UNREACH && code == ICMPV6_PORT_UNREACH)
		fail_peer(hnet, &ip->daddr, ntohs(ports[1]), HOMA_ERR_NOTCONN);
	else if (type == ICMPV6_PARAMPROB && code == ICMPV6_UNK_NEXTHDR)
		fail_peer(hnet, &ip->daddr, 0, HOMA_ERR_NOTCONN);
	else if (type == ICMPV6_DEST_UNREACH)
		fail_peer(hnet, &ip->daddr, 0, HOMA_ERR_HOSTDOWN);
	return 0;
}
