/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Hosts on the test network, the applications on them, and an oracle that knows every RPC and holds
 * the hosts to what Homa promises. Called by net.c.
 *
 * Held after every event: the invariants of check.h; grants never push what is granted but not
 * received above max_incoming; one RESEND in flight per peer; the transmit queue never runs ahead
 * of the link by more than its parameter. Held of every RPC: its request reaches server
 * applications at most once per life of the server; it ends once; when it completes, every byte has
 * been handed over once, with the right content; it does not fail as long as nobody crashed, was
 * cut off or gave it up. Beyond the hosts there may be strangers: addresses from which packets
 * come that no host sent; they may do no harm to the RPCs of the hosts. Held at the end: nothing is
 * stuck and nothing is left.
 */
#ifndef NET_WORLD_H
#define NET_WORLD_H

#include "check.h"
#include "link.h"

/* What goes on beside the traffic. */
enum scenario_bits {
	CRASH_CLIENTS = 1 << 0,
	CRASH_SERVERS = 1 << 1,
	PARTITIONS = 1 << 2,
	CLIENT_ABORTS = 1 << 3,
	SERVER_ABORTS = 1 << 4,
	HOSTILE = 1 << 5,	/* forged and damaged packets; what RPCs carry is not checked */
	ACKS_LOST = 1 << 6,	/* no ack ever arrives */
	PHASES = 1 << 7,	/* the sizes of messages change over time */
	NESTED = 1 << 8,	/* applications call the host from within its callbacks */
	ONE_SIZE = 1 << 9,	/* every message has max_size bytes */
	MAY_FAIL = 1 << 10,	/* losses beyond what timeout_resends is made for */
	HOARDER = 1 << 11,	/* a stranger claims grants and is always busy */
	PASSERS_BY = 1 << 12,	/* strangers ask once, each from another address */
	STANDSTILLS = 1 << 13,	/* hosts are not heard for up to three quarters of stall_ticks */
};

struct scenario {
	const char *name, *claim;
	u32 seeds;	/* of a full test */
	u32 hosts, servers;	/* hosts 0 … servers - 1 serve, the others call; 0: all do both */
	u32 rpcs;		/* per client */
	u32 max_size;		/* bytes of a message */
	u64 gap;		/* ns between a client's requests, mean */
	u32 burst;		/* most requests issued at once */
	u64 service;		/* ns, mean; half the replies are given at once */
	u32 stalls;		/* ppm of requests that take stall ns */
	u64 stall;
	u64 within;		/* ns; an RPC that completes must not take longer; 0: any time */
	u32 again;		/* percent of DATA packets that may be resent; 0: any number */
	u32 bits, mtu, places;
	struct net_rules rules;
	/* Adjust parameters of a host to the seed; may be NULL. */
	void (*vary)(struct homa_params *params, struct prng *prng, u32 host);
	/* A counter that must have moved after many seeds, or the scenario shows nothing. */
	size_t must;
};

struct sample {
	u32 bytes;	/* request and response */
	u64 ns;
};

struct outcome {
	bool failed;
	char why[512];
	u64 events, packets, lost, done, failures, aborted, crashed, sim_ns;
	struct homa_counters counters;	/* of all hosts and lives, simple ones only */
	struct sample *samples;		/* NULL: not wanted; appended to otherwise */
	u32 sample_count, sample_size;
};

/**
 * world_run() - Run a scenario.
 * @scenario: What.
 * @seed:     Which one.
 * @verbose:  Print every packet.
 * @outcome:  Counters are added up; failed and why are set.
 */
void world_run(const struct scenario *scenario, u64 seed, bool verbose, struct outcome *outcome);

#endif /* NET_WORLD_H */
