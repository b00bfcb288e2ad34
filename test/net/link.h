/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The test network: an event queue, and links that join every host to one switch. Called by the
 * world (world.h); knows nothing of Homa.
 *
 * A packet waits for its sender's link, may be lost, doubled, delayed or damaged as the rules say,
 * waits for its receiver's link behind a queue of limited length, and arrives. Everything random
 * comes from the seed.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "prng.h"

#define NET_MAX_HOSTS 40

struct net_packet {
	u32 from, to;	/* hosts */
	u32 length;	/* bytes of bytes[] */
	u32 wire;	/* bytes it occupies on a link */
	u8 bytes[];
};

/* Chances are in parts per million, times in ns. */
struct net_rules {
	u32 loss, duplicate, reorder, flip;
	u64 delay, jitter;	/* one way: delay plus up to jitter, which does not reorder much */
	u64 late;		/* a packet that is reordered comes up to so much later */
	u64 echo;		/* a duplicate comes up to so much later */
	u32 mbps;		/* of each link */
	u32 queue;		/* bytes before a receiver's link; 0: no limit */
};

struct net_event {
	u64 at, seq;
	u32 kind;	/* NET_ARRIVAL, or one of the caller's */
	u32 host;
	u64 life, arg;	/* the caller's */
	struct net_packet *packet;
};

#define NET_ARRIVAL	0
#define NET_AT_SWITCH	1
#define NET_KINDS	2	/* the caller's kinds start here */

struct net {
	struct net_event *heap;
	u32 count, size;
	u64 seq, now;
	struct prng prng;
	struct net_rules rules;
	u64 up_free[NET_MAX_HOSTS], down_free[NET_MAX_HOSTS];
	bool cut[NET_MAX_HOSTS][NET_MAX_HOSTS];	/* from, to */
	u64 sent, lost, doubled, late, flipped, overflowed, in_flight;
};

void net_init(struct net *net, u64 seed, const struct net_rules *rules);
void net_destroy(struct net *net);

/* Let net_next() return an event of the caller's. */
void net_at(struct net *net, u64 when, u32 kind, u32 host, u64 life, u64 arg);

/* Send a copy of @bytes; @wire: what it occupies on the link. */
void net_send(struct net *net, u32 from, u32 to, const u8 *bytes, u32 length, u32 wire);

/* A packet that arrives at @when whatever the rules say. */
void net_inject(struct net *net, u64 when, u32 from, u32 to, const u8 *bytes, u32 length);

/*
 * The next event: an arrival, whose packet the caller frees, or one of the caller's.
 * Return: false when nothing will happen any more.
 */
bool net_next(struct net *net, struct net_event *event);

#endif /* NET_LINK_H */
