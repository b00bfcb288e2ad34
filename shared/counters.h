/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Counters: one list, shown as /proc/net/homa_metrics in the kernel and as result files by the
 * simulator. The core adds to the struct it is handed; owners keep one per core or host, so no lock
 * is needed.
 */
#ifndef HOMA_COUNTERS_H
#define HOMA_COUNTERS_H

#include "params.h"

/* X(name, meaning). Names that the public Linux implementation also has are the same. */
#define HOMA_COUNTERS(X) \
	X(client_requests_started, "requests issued by clients") \
	X(client_responses_done, "responses received in full by clients") \
	X(server_requests_started, "requests whose first packet reached a server") \
	X(server_requests_done, "requests received in full by servers") \
	X(server_responses_started, "responses issued by servers") \
	X(resent_packets, "DATA packets sent again") \
	X(resent_packets_used, "DATA packets sent again that brought something new") \
	X(gaps_created, "DATA packets that arrived ahead of missing ones") \
	X(grants_stalled, "messages that lost their grants because granted bytes did not come") \
	X(fifo_grant_bytes, "bytes granted to the oldest message instead of the shortest") \
	X(pacer_fifo_bytes, "bytes sent for the oldest message instead of the shortest") \
	X(rpc_timeouts, "RPCs given up because nothing was heard of them") \
	X(peer_allocs, "peers made") \
	X(peers_collected, "idle peers forgotten to make room") \
	X(peer_timeouts, "peers declared dead") \
	X(requests_abandoned, \
	  "incomplete requests dropped because nothing more of them came; clients may go on") \
	X(rpcs_restarted, "RPCs a client started over because the server did not know them") \
	X(requests_doubted, \
	  "requests that were too old to tell whether they ran before; their client was asked") \
	X(requests_refused, "requests that had run before") \
	X(ignored_need_acks, "NEED_ACKs for RPCs whose response is not complete") \
	X(ack_overflows, "acks sent in a packet of their own because too many were waiting") \
	X(cutoff_updates, "new versions of the priority cutoffs") \
	X(pacer_bytes, "bytes sent from the transmit queue")

struct homa_counters {
	struct {
		u64 sent, rcvd;
	} packets[HOMA_TYPES];			/* by type; HOMA_DATA is 0 */
#define X(name, meaning) u64 name;
	HOMA_COUNTERS(X)
#undef X
	/* Beside pacer_bytes: DATA that is sent adds to both. */
	struct {
		u64 packets, bytes;
	} priority[HOMA_PRIORITIES];		/* DATA sent, by priority on the wire */
	u64 packets_dropped[HOMA_DROPS];
};

/*
 * What every input function of the core is handed: the time, the rules and where to count. Lives on
 * the caller's stack.
 */
struct homa_cx {
	u64 now;			/* ns, monotonic */
	const struct homa_params *params;
	struct homa_counters *counters;
};

/**
 * homa_since() - Time that has passed.
 * @cx:   Time.
 * @then: ns; when the other thing happened.
 * Return: ns; 0 if @then is later: another core may have read the clock after this one did, and
 *         been faster with what it then knew.
 */
static inline u64 homa_since(const struct homa_cx *cx, u64 then)
{
	return cx->now > then ? cx->now - then : 0;
}

#endif /* HOMA_COUNTERS_H */
