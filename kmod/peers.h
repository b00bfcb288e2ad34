/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Peers of a namespace: the core's view of another host, and the route to it.
 *
 * - A peer is made by the first request to its address, or by the first packet from it that may
 *   need an answer; peer_net_max caps them, and those idle are forgotten as the core says.
 * - The route is cached with the peer and looked up again when it is no longer valid; its MTU says
 *   how much data a packet carries.
 * - One address may be that of several hosts: a link-local one on each link, any in each VRF. So
 *   there is a peer for each zone in which an address is used.
 */
#ifndef HOMA_PEERS_H
#define HOMA_PEERS_H

#include <net/dst.h>

#include "net.h"

/* Different things that can be heard at once of why RPCs with a peer fail. */
#define HOMA_PEER_FAILURES 4

struct homa_failure {
	struct homa_quote quote;	/* what an ICMP error is about */
	bool dead;			/* all RPCs, and nothing is quoted */
	enum homa_error error;
	u64 at;				/* ns; younger RPCs are not meant */
};

/* The key of a table, without gaps. */
struct homa_zoned {
	struct in6_addr addr;		/* IPv6, or IPv4-mapped */
	int zone;			/* index of a link or of a VRF's device; 0: neither */
};

struct homa_kpeer {
	struct rhash_head hash;
	struct homa_zoned at;
	refcount_t refs;
	bool ipv4;
	bool listed;			/* in hnet->turns; peers_lock */
	struct homa_net *hnet;
	struct dst_entry __rcu *dst;	/* replaced under lock */
	u32 cookie;			/* of dst, to tell whether it is still valid */
	struct in6_addr local;		/* the route's source address */
	struct list_head turn;		/* peers_lock */

	spinlock_t lock;		/* what follows, and dst */
	struct homa_peer core;		/* but for what belongs to the grant scheduler */
	struct list_head rpcs;		/* homa_krpc.of_peer */
	u32 served;			/* RPCs that it issued */
	u32 failures;			/* valid entries of failure[] */
	struct homa_failure failure[HOMA_PEER_FAILURES];
	bool failing;			/* its RPCs are being told, and are not all listed */
	bool forgotten;			/* takes no more RPCs */
	struct work_struct fail;	/* homa_failures_work(); has a reference while queued */
	struct rcu_head rcu;
};

int homa_peers_init(struct homa_net *hnet);
void homa_peers_exit(struct homa_net *hnet);

/**
 * homa_peer_find() - The peer at an address, if there is one.
 * @hnet: Namespace.
 * @at:   Its address and zone.
 * Return: NULL when there is none. No reference is taken: for use under RCU.
 */
struct homa_kpeer *homa_peer_find(struct homa_net *hnet, const struct homa_zoned *at);

/**
 * homa_peer_get() - The peer at an address, made on first use.
 * @hnet: Namespace.
 * @at:   Its address and zone.
 * @gfp:  How to allocate.
 * Return: With a reference; or an ERR_PTR(): -ENOMEM, -EHOSTUNREACH and others when there is no
 *         route, -ENOBUFS when there are too many peers.
 */
struct homa_kpeer *homa_peer_get(struct homa_net *hnet, const struct homa_zoned *at, gfp_t gfp);

void homa_peer_free(struct homa_kpeer *peer);

static inline void homa_peer_put(struct homa_kpeer *peer)
{
	if (refcount_dec_and_test(&peer->refs))
		homa_peer_free(peer);
}

/**
 * homa_peer_leaves_by() - Do packets to the peer leave this host through a device?
 * @peer:  Peer.
 * @index: Of a network device or of the VRF's that it belongs to.
 */
bool homa_peer_leaves_by(struct homa_kpeer *peer, int index);

/**
 * homa_peer_route() - A valid route to the peer.
 * @peer: Peer.
 * Return: For use under RCU, NULL when there is none.
 */
struct dst_entry *homa_peer_route(struct homa_kpeer *peer);

/* Forget some of those that have been idle for long; from the tick. */
void homa_peers_collect(struct homa_net *hnet);

#endif /* HOMA_PEERS_H */
