// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The transmit queue of a host; see txq.h.
 */
#include "txq.h"

/* a megabyte: the share is kept over time, not saved up */
#define FIFO_CREDIT_MAX (1000ull * 1000 * 1000)
/* times max_nic_queue_usecs: likewise */
#define LEAD_MAX 10
/* the part that each wakeup has in the mean of how late they come */
#define LATE_SHIFT 3
/* times max_nic_queue_usecs: how late someone may be to whom the link is left */
#define PATIENCE 10
/* for max_nic_queue_usecs that are very short */
#define LOOK_AGAIN_NS 1000

void homa_txq_init(struct homa_txq *q)
{
	homa_memset(q, 0, sizeof(*q));
	homa_tree_init(&q->srpt);
	homa_tree_init(&q->age);
}

void homa_msgout_init(struct homa_msgout *msg, u32 length, u32 unsched, u32 packet, u16 overhead,
		      const struct homa_cutoffs *cutoffs)
{
	homa_memset(msg, 0, sizeof(*msg));
	msg->length = length;
	msg->unsched = homa_min(length, unsched);
	msg->granted = msg->unsched;
	msg->packet = packet;
	msg->overhead = overhead;
	msg->cutoffs = cutoffs;
}

static void dequeue(struct homa_txq *q, struct homa_msgout *msg)
{
	if (homa_node_queued(&msg->srpt))
		homa_tree_remove(&q->srpt, &msg->srpt);
	if (homa_node_queued(&msg->age))
		homa_tree_remove(&q->age, &msg->age);
}

/* Bring the message's place in the queue in line with what it has to send. */
static void requeue(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg)
{
	u64 rank = homa_params_rank(cx->params, msg->length - msg->sent, msg->length);

	/* A packet for it may be worked on just before it is added or just after it is removed. */
	if (!msg->srpt.tie)
		return;
	if (!homa_msgout_sendable(msg)) {
		dequeue(q, msg);
		return;
	}
	if (homa_node_queued(&msg->srpt)) {
		if (q->srpt.first == &msg->srpt && rank <= msg->srpt.key) {
			/* First it was and first it stays. */
			msg->srpt.key = rank;
			return;
		}
		if (rank == msg->srpt.key)
			return;
		homa_tree_remove(&q->srpt, &msg->srpt);
	}
	msg->srpt.key = rank;
	homa_tree_insert(&q->srpt, &msg->srpt);
	if (cx->params->pacer_fifo_fraction && !homa_node_queued(&msg->age))
		homa_tree_insert(&q->age, &msg->age);
}

void homa_txq_remove(struct homa_txq *q, struct homa_msgout *msg)
{
	dequeue(q, msg);
	msg->srpt.tie = 0;
}

void homa_txq_restart(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg)
{
	msg->sent = 0;
	msg->granted = msg->unsched;
	msg->again_start = 0;
	msg->again_end = 0;
	requeue(cx, q, msg);
}

static void grant(struct homa_msgout *msg, u32 offset)
{
	if (offset > msg->granted)
		msg->granted = homa_min(offset, msg->length);
}

void homa_txq_grant(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg,
		    u32 offset, u8 priority)
{
	grant(msg, offset);
	msg->sched_priority = priority;
	requeue(cx, q, msg);
}

enum homa_again homa_txq_resend(const struct homa_cx *cx, struct homa_txq *q,
				struct homa_msgout *msg, u32 offset, u32 length, u8 priority)
{
	/* What was asked for before still waits: say so, silence would look like death. */
	enum homa_again answer = msg->again_start < msg->again_end ? HOMA_AGAIN_BUSY
								   : HOMA_AGAIN_QUEUED;
	u32 end = msg->sent;

	if (length == HOMA_RESEND_ALL) {
		offset = 0;
		if (!msg->sent)
			return HOMA_AGAIN_BUSY;
		/* The asker does not know yet how long the message is. */
		end = homa_min(end, msg->packet);
	} else {
		if (offset >= msg->length)
			return answer;
		end = offset + homa_min(length, msg->length - offset);
		grant(msg, end);
		if (end > msg->sent) {
			/*
			 * Their turn has yet to come; that is also the way to answer for the part
			 * that was sent.
			 */
			end = msg->sent;
			answer = HOMA_AGAIN_BUSY;
		}
		if (offset < end)
			end = offset + homa_min(end - offset, HOMA_RESEND_MOST);
	}
	if (offset < end) {
		/*
		 * One request at a time: what an earlier one still waits for is asked for again if
		 * it matters.
		 */
		msg->again_start = offset;
		msg->again_end = end;
		msg->again_priority = priority;
	}
	requeue(cx, q, msg);
	return answer;
}

static u8 unsched_level(const struct homa_cx *cx, const struct homa_msgout *msg, u32 offset)
{
	return homa_cutoffs_level(msg->cutoffs, cx->params->unsched_by_remaining
							? msg->length - offset
							: msg->length);
}

void homa_txq_charge(const struct homa_cx *cx, struct homa_txq *q, u32 bytes)
{
	if (q->idle_at < cx->now)
		q->idle_at = cx->now;
	q->idle_at += homa_params_link_ns(cx->params, bytes);
}

/* Homa's lead grows by its part of the time its packets take, and shrinks by the others'. */
static void lead(const struct homa_cx *cx, struct homa_txq *q, s64 by)
{
	s64 most = 100 * (s64)(cx->params->nic_queue_ns + LOOK_AGAIN_NS);

	q->lead += by;
	q->yields = q->lead > (q->yields ? 0 : most);
	q->others_yield = q->lead < (q->others_yield ? 0 : -most);
	/* Nothing is saved up: this is as far as one gets while the other one is there. */
	if (q->lead > LEAD_MAX * most)
		q->lead = LEAD_MAX * most;
	if (q->lead < -LEAD_MAX * most)
		q->lead = -LEAD_MAX * most;
}

/*
 * May someone hand something to the NIC? When it lets the other one go first, only if that does not
 * come in time. Else *wake says when to ask again.
 */
static bool room(const struct homa_cx *cx, const struct homa_txq *q, u64 queue, bool yields,
		 u64 other_due, u64 *wake)
{
	u64 soon = cx->now + queue / 2 + LOOK_AGAIN_NS;

	if (yields && cx->now < other_due) {
		*wake = q->idle_at > soon + queue / 2 ? q->idle_at - queue / 2 : soon;
		return false;
	}
	*wake = q->idle_at - queue;
	return q->idle_at <= cx->now + queue;
}

/* Until when someone must have come who was told to ask again at @wake. */
static u64 due(const struct homa_cx *cx, u64 wake)
{
	return wake + PATIENCE * cx->params->nic_queue_ns + LOOK_AGAIN_NS;
}

enum homa_tx homa_txq_others(const struct homa_cx *cx, struct homa_txq *q, u32 bytes, bool more,
			     u8 share, u64 *wake)
{
	bool contended = q->srpt.first && cx->now < q->due;

	q->share = share;
	if (!room(cx, q, cx->params->nic_queue_ns, contended && q->others_yield, q->due, wake)) {
		q->others_due = due(cx, *wake);
		return HOMA_TX_WAIT;
	}
	homa_txq_charge(cx, q, bytes);
	q->others_due = more ? due(cx, cx->now) : 0;
	if (contended)
		lead(cx, q, -(s64)homa_params_link_ns(cx->params, bytes) * share);
	return HOMA_TX_SEND;
}

void homa_txq_others_gone(struct homa_txq *q)
{
	q->others_due = 0;
}

/* Fill in @xmit with the message's next bytes and count them as sent. */
static void take(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg, u32 burst,
		 struct homa_xmit *xmit)
{
	u8 level;

	xmit->msg = msg;
	WRITE_ONCE(msg->sent_at, cx->now);
	if (msg->again_start < msg->again_end) {
		xmit->offset = msg->again_start;
		xmit->length = homa_min(msg->packet, msg->again_end - msg->again_start);
		xmit->retransmit = true;
		msg->again_start += xmit->length;
		level = msg->again_priority;
		homa_txq_charge(cx, q, xmit->length + msg->overhead);
		cx->counters->resent_packets++;
	} else {
		u32 offset = msg->sent, left, length;

		level = offset < msg->unsched ? unsched_level(cx, msg, offset)
					      : msg->sched_priority;
		xmit->offset = offset;
		xmit->length = 0;
		xmit->retransmit = false;
		do {
			left = msg->length - offset;
			length = homa_min(msg->packet, left);
			if (xmit->length && xmit->length + length > burst)
				break;
			if (xmit->length &&
			    level != (offset < msg->unsched ? unsched_level(cx, msg, offset)
							    : msg->sched_priority))
				break;
			xmit->length += length;
			offset += length;
			homa_txq_charge(cx, q, length + msg->overhead);
		} while (offset < msg->granted);
		msg->sent = offset;
	}
	xmit->incoming = homa_max(msg->granted, msg->sent);
	xmit->priority = homa_params_priority(cx->params, level);
	requeue(cx, q, msg);
}

/*
 * The most of a burst that a message may have before the other rule chooses: bursts share the link
 * as packets would that are handed out one by one.
 */
static u32 turn(const struct homa_cx *cx, const struct homa_txq *q, u32 packet, bool oldest)
{
	u32 fraction = READ_ONCE(cx->params->pacer_fifo_fraction);
	u32 credit = (u32)q->fifo_credit, due = 1000 * packet, packets;

	if (oldest ? fraction >= 1000 : !fraction)
		return ~0u;
	/* What the oldest is owed shrinks by what it is sent, and grows by its share of all. */
	if (oldest)
		packets = (credit - due) / (1000 - fraction) / packet + 1;
	else
		packets = (due - credit - 1) / fraction / packet + 1;
	return packets * packet;
}

/* Someone who was told to ask again has come. */
static void note_late(const struct homa_cx *cx, struct homa_txq *q)
{
	u64 late = homa_min(cx->now - q->wake, HOMA_TXQ_LATE_MAX * cx->params->nic_queue_ns);

	q->late += (s64)(late - q->late) >> LATE_SHIFT;
}

enum homa_tx homa_txq_next(const struct homa_cx *cx, struct homa_txq *q, u32 burst,
			   struct homa_xmit *xmit)
{
	const struct homa_params *params = cx->params;
	struct homa_msgout *msg;
	bool oldest, by_age = false;

	if (q->wake && q->wake <= cx->now)
		note_late(cx, q);
	q->wake = 0;
	if (!q->srpt.first)
		return HOMA_TX_EMPTY;
	if (!room(cx, q, homa_txq_queue_ns(cx, q), q->yields, q->others_due, &xmit->wake)) {
		q->due = due(cx, xmit->wake);
		q->wake = xmit->wake;
		return HOMA_TX_WAIT;
	}
	q->due = due(cx, cx->now);
	msg = homa_container_of(q->srpt.first, struct homa_msgout, srpt);
	/* Whichever rule chose it, what the oldest is sent counts towards its share. */
	oldest = q->age.first == &msg->age;
	if (q->age.first && !oldest) {
		u32 packet = msg->packet;

		oldest = q->fifo_credit >= 1000ull * packet;
		burst = homa_min(burst, turn(cx, q, packet, oldest));
		if (oldest)
			msg = homa_container_of(q->age.first, struct homa_msgout, age);
		by_age = oldest;
	}
	take(cx, q, msg, burst, xmit);
	if (by_age)
		cx->counters->pacer_fifo_bytes += xmit->length;
	if (cx->now < q->others_due)
		lead(cx, q, (s64)homa_params_link_ns(params, xmit->length) * (100 - q->share));
	q->fifo_credit += (u64)xmit->length * params->pacer_fifo_fraction;
	if (oldest)
		q->fifo_credit -= q->fifo_credit < 1000ull * xmit->length ? q->fifo_credit
									  : 1000ull * xmit->length;
	if (q->fifo_credit > FIFO_CREDIT_MAX)
		q->fifo_credit = FIFO_CREDIT_MAX;
	cx->counters->pacer_bytes += xmit->length;
	return HOMA_TX_SEND;
}

enum homa_tx homa_txq_start(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg,
			    struct homa_xmit *xmit)
{
	enum homa_tx tx;

	msg->srpt.tie = ++q->births;
	msg->age.key = msg->srpt.tie;
	/* What goes out at once need not be queued first. */
	tx = homa_txq_bypass(cx, q, msg, xmit);
	if (tx == HOMA_TX_EMPTY)
		requeue(cx, q, msg);
	return tx;
}

enum homa_tx homa_txq_bypass(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg,
			     struct homa_xmit *xmit)
{
	if (msg->length > cx->params->defer_min_bytes || !homa_msgout_sendable(msg))
		return HOMA_TX_EMPTY;
	take(cx, q, msg, 0, xmit);
	return HOMA_TX_SEND;
}
