/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Parameters: one table, from which come the sysctl files, the ns-3 attributes, the command lines
 * and the manual's table.
 *
 * Names and defaults that the public Linux implementation also has are the same here. The owner may
 * change values at any time and must call homa_params_update() after it; readers see each value
 * either old or new.
 */
#ifndef HOMA_PARAMS_H
#define HOMA_PARAMS_H

#include "wire.h"

#define HOMA_RPC_PATIENCE	20	/* times timeout_resends: see rpc.h */
#define HOMA_RPC_STALLS		2	/* times stall_ticks: likewise */
#define HOMA_MAX_OVERCOMMIT	32	/* messages granted at once */

/*
 * X(name, default, minimum, maximum, unit, meaning). A tick is tick_usecs. Fractions are
 * thousandths.
 */
#define HOMA_PARAMS(X) \
	X(unsched_bytes, 40000, 1, HOMA_MESSAGE_CEILING, "bytes", \
	  "first part of a message that is sent without a grant, rounded up to whole packets") \
	X(window, 0, 0, HOMA_MESSAGE_CEILING, "bytes", \
	  "granted but not yet received per message; 0: max_incoming divided by one more than " \
	  "there are active messages") \
	X(max_incoming, 400000, 1, HOMA_MESSAGE_CEILING, "bytes", \
	  "granted but not yet received over all messages of a host, stalled ones excepted; no " \
	  "grant goes beyond it") \
	X(max_overcommit, 8, 1, HOMA_MAX_OVERCOMMIT, "messages", \
	  "messages that hold grants at the same time") \
	X(grant_batch, 8, 1, 1000, "packets", \
	  "packets or batches of a message, of those that are here, after which it is granted " \
	  "more though others of it still wait to be looked at; 1: after each") \
	X(grant_step, 25000, 1, HOMA_MESSAGE_CEILING, "bytes", \
	  "least that is worth a grant, or a quarter of the window if that is less; not for a " \
	  "message's last bytes, nor when nothing is on its way; 1: each packet is") \
	X(grant_fifo_fraction, 50, 0, 500, "thousandths", \
	  "share of granted bytes that goes to the oldest message") \
	X(fifo_grant_increment, 50000, 1, HOMA_MESSAGE_CEILING, "bytes", \
	  "size of one grant to the oldest message") \
	X(num_priorities, 8, 1, HOMA_PRIORITIES, "levels", "priority levels in use") \
	X(sched_levels, 0, 0, HOMA_PRIORITIES - 1, "levels", \
	  "levels for scheduled packets, the lowest ones; 0: by the traffic's share of " \
	  "unscheduled bytes") \
	X(unsched_by_remaining, 0, 0, 1, "switch", \
	  "an unscheduled packet's level follows the bytes left in its message (1) or the whole " \
	  "message (0)") \
	X(tail_bytes, 0, 0, HOMA_MESSAGE_CEILING, "bytes", \
	  "last part of a scheduled message that is granted at the unscheduled level of what is " \
	  "left; 0: none") \
	X(cutoff_interval, 1000, 0, 1000000, "ticks", \
	  "time between checks whether the cutoffs still fit the traffic; 0: fixed cutoffs") \
	X(weigh_length, 0, 0, 1, "switch", \
	  "served first, in grants and transmit queue: fewest bytes left (0, SRPT), or least " \
	  "product of bytes left and message length (1)") \
	X(pacer_fifo_fraction, 50, 0, 1000, "thousandths", \
	  "share of transmitted bytes that goes to the oldest message") \
	X(link_mbps, 25000, 1, 1000000, "Mbit/s", "rate of the link to the switch") \
	X(max_link_usage, 99, 1, 100, "percent", \
	  "share of the link's rate the transmit queue uses") \
	X(max_nic_queue_usecs, 40, 0, 100000, "us", \
	  "transmission time of what waits in the NIC beyond which the queue hands out nothing; " \
	  "up to ten times that where timers are late") \
	X(defer_min_bytes, 1000, 0, HOMA_MESSAGE_CEILING, "bytes", \
	  "messages up to this length bypass the transmit queue") \
	X(resend_ticks, 5, 1, 100000, "ticks", "silence after which missing data is asked for") \
	X(resend_interval, 5, 1, 100000, "ticks", \
	  "time between requests for the same data, and after which one counts as lost when " \
	  "nothing at all was heard of the peer") \
	X(timeout_resends, 5, 1, 200, "intervals", \
	  "resend_intervals in a row, each with a request, without any packet from a peer after " \
	  "which it is dead, unless stall_ticks are longer") \
	X(timeout_ticks, 100, 1, 1000000, "ticks", \
	  "silence of a client's host after which a server forgets responses that are not acked, " \
	  "unless stall_ticks are longer") \
	X(stall_ticks, 1500, 0, 1000000, "ticks", \
	  "longest time that a host may stand still, as emulated and overloaded ones do, or the " \
	  "search for its hardware address may take, without being taken for dead") \
	X(abandon_ticks, 1000, 1, 1000000, "ticks", \
	  "time without any new byte of an incomplete request, and without a BUSY that says its " \
	  "client still has the rest, after which a server drops it; its client may go on with " \
	  "it later") \
	X(request_ack_ticks, 2, 1, 100000, "ticks", \
	  "time after the last byte of a response was sent that the server asks for its ack") \
	X(history_ticks, 10000, 1, 1000000, "ticks", \
	  "longest time a packet may survive in the network; finished requests are remembered " \
	  "that long, or for as long as a client may ask again if that is longer") \
	X(max_rpcs_per_peer, 10000, 1, 1000000000, "RPCs", \
	  "requests of one peer that a server holds at once; more are dropped, and their client " \
	  "sends them again") \
	X(max_served_rpcs, 100000, 1, 1000000000, "RPCs", \
	  "requests of all peers that a host's servers hold at once; more are dropped likewise") \
	X(peer_gc_threshold, 5000, 0, 1000000000, "peers", \
	  "up to so many peers, none is forgotten for being idle") \
	X(peer_net_max, 10000, 1, 1000000000, "peers", \
	  "most peers of a host; packets of more are dropped when none can be forgotten") \
	X(peer_idle_secs_max, 120, 0, 1000000, "s", \
	  "silence after which a peer is forgotten when there are just over peer_gc_threshold") \
	X(peer_idle_secs_min, 10, 0, 1000000, "s", \
	  "silence after which a peer is forgotten when there are peer_net_max") \
	X(tick_usecs, 1000, 1, 1000000, "us", "length of a tick") \
	X(max_message, HOMA_MAX_MESSAGE, 1, HOMA_MESSAGE_CEILING, "bytes", \
	  "longest message sent or accepted")

struct homa_params {
#define X(name, def, min, max, unit, meaning) u32 name;
	HOMA_PARAMS(X)
#undef X
	u8 priority_map[HOMA_PRIORITIES];	/* level to the value on the wire */

	/* Derived by homa_params_update(). */
	u64 tick_ns;
	u64 memory_ns;		/* how long requests that ran are remembered */
	u64 nic_queue_ns;
	u64 ns_per_byte;	/* of the paced link; fixed point, HOMA_RATE_SHIFT */
	/* window for so many active messages when window is 0 */
	u32 share[HOMA_MAX_OVERCOMMIT + 1];
};

#define HOMA_RATE_SHIFT 24

struct homa_param_info {
	const char *name, *unit, *meaning;
	u32 initial, min, max;
	size_t at;	/* offset in struct homa_params */
};

extern const struct homa_param_info homa_param_table[];
extern const u32 homa_param_count;

/**
 * homa_params_init() - All parameters at their defaults, priority_map the identity.
 * @params: To fill.
 */
void homa_params_init(struct homa_params *params);

/**
 * homa_params_update() - Recompute what is derived; to be called after any change.
 * @params: Every value within its range.
 * Return: NULL, or what does not fit together and how to mend it; derived values are then
 *         unchanged.
 */
const char *homa_params_update(struct homa_params *params);

/**
 * homa_params_find() - Look a parameter up.
 * @name: As in the table.
 * Return: NULL when there is no such parameter.
 */
const struct homa_param_info *homa_params_find(const char *name);

static inline u32 *homa_params_at(struct homa_params *params, const struct homa_param_info *info)
{
	return (u32 *)((char *)params + info->at);
}

/*
 * What a message is served by, the least first. SRPT minimises times; weighed by length, slowdowns:
 * the last bytes of a long message no longer delay a short one, at no price the long one would
 * notice.
 */
static inline u64 homa_params_rank(const struct homa_params *params, u32 left, u32 length)
{
	return params->weigh_length ? (u64)left * length : left;
}

/* Bytes that a message may have granted but not received while @active messages have grants. */
static inline u32 homa_params_window(const struct homa_params *params, u32 active)
{
	return params->window ? params->window : params->share[active];
}

/* Bytes that are worth a grant to a message with this window. */
static inline u32 homa_params_step(const struct homa_params *params, u32 window)
{
	return homa_min(params->grant_step, window >> 2);
}

/*
 * The value on the wire of level @level; levels that are not in use fold onto the highest one that
 * is.
 */
static inline u8 homa_params_priority(const struct homa_params *params, u32 level)
{
	return params->priority_map[homa_min(level, params->num_priorities - 1)];
}

/* Time the paced link takes for @bytes, ns, rounded to the nearest. */
static inline u64 homa_params_link_ns(const struct homa_params *params, u32 bytes)
{
	return (bytes * params->ns_per_byte + (1u << (HOMA_RATE_SHIFT - 1))) >> HOMA_RATE_SHIFT;
}

#endif /* HOMA_PARAMS_H */
