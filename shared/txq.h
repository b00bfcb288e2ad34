/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The transmit queue of a host and the messages in it: what is sent next, how much, at what
 * priority.
 *
 * - SRPT: of the messages that may send (their first unscheduled bytes, or what has been granted),
 *   the one with the fewest bytes left (or the least product with its length, parameter
 *   weigh_length) goes first.
 * - FIFO share: pacer_fifo_fraction of the bytes goes to the oldest such message, so that the
 *   longest one is not starved. A burst ends where the other rule would choose the next packet.
 * - Link clock: the queue computes when the link will have sent all it was given, and hands out
 *   more only when no more than max_nic_queue_usecs of it wait in the NIC, where nothing can
 *   overtake it. So what waits there exceeds max_nic_queue_usecs by up to one burst (a packet, for
 *   senders that do not segment). Control packets are not queued but charged to the clock, and so
 *   are packets that bypass the queue.
 * - Late pacers: who is told when to ask again may come later, as timers do on a busy host, and all
 *   that waits in the NIC may be sent by then. So messages may have twice as much time of the link
 *   wait there as they came late on average, if that is more, but no more than HOMA_TXQ_LATE_MAX
 *   times max_nic_queue_usecs.
 * - Bypass: messages up to defer_min_bytes are sent at once; the time they could save others is
 *   less than what waiting costs them.
 * - Other traffic (homa_txq_others(), for a body that can hold it back) goes by the same clock. As
 *   long as both it and messages want the link, whoever is ahead of its share by more than
 *   max_nic_queue_usecs lets the other one go first until that has caught up, and looks again
 *   whenever the link may have room. It waits no longer than a few max_nic_queue_usecs for one that
 *   does not come when it was told to. What is sent past the queue does not count here.
 * - A packet is always full but for the last of a message: a grant that ends inside a packet
 *   releases all of it.
 * - Data sent again goes before the message's new data, at the priority its receiver asked for.
 *
 * Owner: the host; one short lock protects the queue and every message's fields, and is not held
 * while packets are sent.
 */
#ifndef HOMA_TXQ_H
#define HOMA_TXQ_H

#include "cutoffs.h"
#include "tree.h"

/* A message being sent. */
struct homa_msgout {
	/* What each packet needs, from the node's key to sent_at, is a cache line. */
	struct homa_node srpt;	/* queued while there is something to send */
	u32 length;	/* bytes in the message */
	u32 unsched;	/* bytes sent without a grant */
	u32 granted;	/* may be sent below this offset; at least unsched */
	u32 sent;	/* next new byte to send */
	u32 again_start, again_end;	/* to be sent again; empty when equal */
	u32 packet;	/* bytes of data in a full packet */
	u16 overhead;	/* bytes on the link that a packet adds to its data */
	u8 sched_priority;	/* level of granted bytes, as the last GRANT said */
	u8 again_priority;	/* as the RESEND said */
	u64 sent_at;	/* ns; the last packet; others may read it without lock */
	const struct homa_cutoffs *cutoffs;	/* of the receiver; read without lock */
	struct homa_node age;	/* queued like srpt, by birth, when there is a FIFO share */
};

struct homa_txq {
	/* What each packet needs is 51 bytes. */
	struct homa_tree srpt;
	u64 idle_at;	/* ns; when the link will be done with all it was given */
	u64 fifo_credit;	/* bytes the oldest message is owed, in thousandths */
	u64 due, others_due;	/* ns; messages and others want the link, and come until then */
	bool yields, others_yield;	/* until the other one has caught up */
	u8 share;		/* of the link that is Homa's when both want it, percent */
	struct homa_tree age;
	u64 births;	/* messages seen; ties are served in this order */
	u64 wake;	/* ns; when messages were told to ask again; 0: they were not, or did */
	u64 late;	/* ns; how much later than told they asked, mean over the last times */
	s64 lead;	/* ns of the link that Homa is ahead of its share, in hundredths */
};

/* One decision: transmit [offset, offset + length) of a message. */
struct homa_xmit {
	struct homa_msgout *msg;
	u32 offset, length;
	u32 incoming;	/* for the DATA header */
	u8 priority;	/* on the wire */
	bool retransmit;
	u64 wake;	/* ns; with HOMA_TX_WAIT: ask again then */
};

enum homa_tx {
	HOMA_TX_EMPTY,	/* nothing may be sent; a new message or a grant will change that */
	HOMA_TX_WAIT,	/* the NIC has enough until xmit.wake */
	HOMA_TX_SEND,
};

/*
 * Bytes sent again for one RESEND, if it names a range: should more be missing, the receiver asks
 * as soon as these are there; should they only be late, there are not many of them.
 */
#define HOMA_RESEND_MOST 20000

/*
 * Bytes that a RESEND asks for when several before it had no answer: about a packet. If they wait
 * in a queue, each of them will be answered, and the answers wait there as well.
 */
#define HOMA_RESEND_PROBE 1400

/* Times max_nic_queue_usecs: most that may wait in the NIC, however late someone comes. */
#define HOMA_TXQ_LATE_MAX 10

/* What became of a RESEND. */
enum homa_again {
	HOMA_AGAIN_QUEUED,
	HOMA_AGAIN_BUSY,	/* asked for bytes that wait for their turn: answer BUSY */
};

/**
 * homa_txq_init() - An empty queue over an idle link.
 * @q: To set up.
 */
void homa_txq_init(struct homa_txq *q);

/**
 * homa_msgout_init() - Prepare a message for sending; no lock needed.
 * @msg:      To set up.
 * @length:   Bytes, 1 … max_message.
 * @unsched:  Bytes sent without a grant, see homa_peer; cut to @length here.
 * @packet:   Bytes of data in a full packet.
 * @overhead: Bytes on the link that a packet adds to its data.
 * @cutoffs:  Of the receiver; outlives the message.
 */
void homa_msgout_init(struct homa_msgout *msg, u32 length, u32 unsched, u32 packet, u16 overhead,
		      const struct homa_cutoffs *cutoffs);

/**
 * homa_txq_remove() - Stop sending a message, whatever its state.
 * @q:   Queue.
 * @msg: Set up; added or not.
 */
void homa_txq_remove(struct homa_txq *q, struct homa_msgout *msg);

/**
 * homa_txq_restart() - Send a message again from its start, as if it had never been sent.
 * @cx:  Parameters.
 * @q:   Queue.
 * @msg: Was added.
 */
void homa_txq_restart(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg);

/**
 * homa_txq_grant() - The receiver allows more.
 * @cx:       Parameters.
 * @q:        Queue.
 * @msg:      Was added.
 * @offset:   Send up to here; less than before changes nothing.
 * @priority: Level of scheduled bytes from now on.
 */
void homa_txq_grant(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg,
		    u32 offset, u8 priority);

/**
 * homa_txq_resend() - The receiver misses bytes. They also count as granted: the GRANT may have
 * been what was lost.
 * @cx:       Parameters.
 * @q:        Queue.
 * @msg:      Was added.
 * @offset:   First byte missing.
 * @length:   Bytes, or HOMA_RESEND_ALL: all that was sent. Its first packet is the answer; who has
 *            it knows the length and can ask for the rest.
 * @priority: Level for them.
 * Return: What to answer.
 */
enum homa_again homa_txq_resend(const struct homa_cx *cx, struct homa_txq *q,
				struct homa_msgout *msg, u32 offset, u32 length, u8 priority);

/**
 * homa_txq_next() - Decide what is transmitted now, and count it as sent.
 * @cx:    Time, parameters, counters.
 * @q:     Queue.
 * @burst: Most bytes of data to hand out at once, for senders that segment; at least one packet
 *         goes in any case, and no more than SRPT and the FIFO share would choose packet by packet.
 * @xmit:  The decision.
 * Return: Whether there is one.
 */
enum homa_tx homa_txq_next(const struct homa_cx *cx, struct homa_txq *q, u32 burst,
			   struct homa_xmit *xmit);

/**
 * homa_txq_start() - Add a message, and hand out the first packet of a short one: past the queue
 * and the clock.
 * @cx:   Time, parameters, counters.
 * @q:    Queue.
 * @msg:  Set up, and not added before.
 * @xmit: The decision, as that of homa_txq_next().
 * Return: HOMA_TX_SEND, after which homa_txq_bypass() is to be called, or HOMA_TX_EMPTY.
 */
enum homa_tx homa_txq_start(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg,
			    struct homa_xmit *xmit);

/**
 * homa_txq_bypass() - Hand out the next packet of a short message that has just been started.
 * @cx:   Time, parameters, counters.
 * @q:    Queue.
 * @msg:  Was added.
 * @xmit: The decision.
 * Return: HOMA_TX_SEND or HOMA_TX_EMPTY; to be called again until it is empty.
 */
enum homa_tx homa_txq_bypass(const struct homa_cx *cx, struct homa_txq *q, struct homa_msgout *msg,
			     struct homa_xmit *xmit);

/**
 * homa_txq_charge() - Something was sent past the queue.
 * @cx:    Time and parameters.
 * @q:     Queue.
 * @bytes: On the link.
 */
void homa_txq_charge(const struct homa_cx *cx, struct homa_txq *q, u32 bytes);

/**
 * homa_txq_others() - May other traffic send a packet? If so, it is charged to the link.
 * @cx:    Time and parameters.
 * @q:     Queue.
 * @bytes: On the link.
 * @more:  There are more behind it.
 * @share: Of the link that is Homa's as long as both want it, percent.
 * @wake:  ns; with HOMA_TX_WAIT: ask again then.
 * Return: HOMA_TX_SEND or HOMA_TX_WAIT.
 */
enum homa_tx homa_txq_others(const struct homa_cx *cx, struct homa_txq *q, u32 bytes, bool more,
			     u8 share, u64 *wake);

/* Other traffic that had to wait is gone. */
void homa_txq_others_gone(struct homa_txq *q);

/**
 * homa_txq_queue_ns() - Transmission time of what waits in the NIC beyond which messages wait.
 * @cx: Parameters.
 * @q:  Queue.
 */
static inline u64 homa_txq_queue_ns(const struct homa_cx *cx, const struct homa_txq *q)
{
	u64 queue = cx->params->nic_queue_ns;

	return homa_max(queue, homa_min(2 * q->late, HOMA_TXQ_LATE_MAX * queue));
}

/**
 * homa_txq_fits() - Is a packet short enough that messages may have to wait for it?
 * @cx:    Parameters.
 * @bytes: On the link.
 */
static inline bool homa_txq_fits(const struct homa_cx *cx, u32 bytes)
{
	return homa_params_link_ns(cx->params, bytes) <= cx->params->nic_queue_ns;
}

static inline bool homa_msgout_sendable(const struct homa_msgout *msg)
{
	return msg->sent < msg->granted || msg->again_start < msg->again_end;
}

#endif /* HOMA_TXQ_H */
