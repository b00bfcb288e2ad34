/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * What happens to a host: packets, timers and ICMP errors come in, the core decides, and its
 * effects are carried out. Packets: in.c, arrival.c, unknown.c, owed.c; timers.c; failures.c has
 * ICMP errors and dead peers, users.c what programs do to their RPCs.
 *
 * What an effect does to the schedulers, to the peer and to the RPC is done while the RPC's lock is
 * held, so that two cores that work on packets of one message do not overtake each other there.
 * Packets are sent, and others' locks taken, after it has been dropped.
 */
#ifndef HOMA_IN_H
#define HOMA_IN_H

#include "rpcs.h"

/* Of a queued DATA packet, in its control buffer. */
struct homa_cb {
	u32 start, end;		/* bytes of the message to keep */
	u32 first;		/* byte of the message that the packet begins with */
	u32 packet;		/* bytes of data between a batch's segment headers; 0: no batch */
};

#define HOMA_CB(skb) ((struct homa_cb *)(skb)->cb)

/* Handlers of IP protocol 146. @skb starts with the Homa header; it is consumed. */
int homa_in_ipv4(struct sk_buff *skb);
int homa_in_ipv6(struct sk_buff *skb);

/**
 * homa_in_skb() - A Homa packet, or a batch of them, for this host.
 * @skb:  Starts with the Homa header; consumed.
 * @ipv4: By which version of IP it came.
 */
void homa_in_skb(struct sk_buff *skb, bool ipv4);

/**
 * homa_in_refuse() - Tell the sender of a packet that nobody serves its port.
 * @skb:  With its IP header.
 * @ipv4: By which version of IP it came.
 */
void homa_in_refuse(struct sk_buff *skb, bool ipv4);

/**
 * homa_in_zone() - The zone in which an address is another host's.
 * @skb:  A packet that came from it, or from a router on the way there.
 * @addr: Its address, IPv6 or IPv4-mapped.
 * Return: As struct homa_zoned has it. For use under RCU.
 */
int homa_in_zone(const struct sk_buff *skb, const struct in6_addr *addr);

/* ICMP errors about packets of ours. @skb starts with the IP header of the packet. */
int homa_in_error_ipv4(struct sk_buff *skb, u32 info);
int homa_in_error_ipv6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		       int offset, __be32 info);

/* The core says that a peer is dead: end the RPCs that it takes with it, soon. */
void homa_in_peer_dead(struct homa_kpeer *peer);

/* The work that ends RPCs of peers that cannot be reached; flush: until what was queued is done. */
int homa_failures_init(void);
void homa_failures_flush(void);
void homa_failures_exit(void);
void homa_failures_work(struct work_struct *work);

/* A message that waited for room in its receive region has it. No lock is held. */
void homa_in_release(struct homa_krpc *rpc);

/**
 * homa_in_reply() - The user of a request has the response ready.
 * @cx:  Time and parameters.
 * @rpc: Delivered; its lock is held.
 * Return: false when the RPC does not wait for one.
 */
bool homa_in_reply(const struct homa_cx *cx, struct homa_krpc *rpc);

/* Start a client's RPC, which homa_krpc_publish() has just made known. */
void homa_in_start_client(const struct homa_cx *cx, struct homa_krpc *rpc);

/**
 * homa_in_abort() - End an RPC for its user. No lock is held.
 * @rpc:   With a reference.
 * @error: For recvmsg(), negative errno; 0: it is forgotten.
 */
void homa_in_abort(struct homa_krpc *rpc, int error);

/* The same, for a caller that holds the lock (spin_lock_bh()), which is dropped. */
void homa_in_abort_unlock(struct homa_krpc *rpc, int error) __releases(&rpc->lock);

/* For the module, and for a namespace whose sockets and devices are gone. */
void homa_in_init(void);
void homa_in_exit(void);
void homa_in_net_exit(struct homa_net *hnet);

/* The hrtimer of the timer wheel. */
enum hrtimer_restart homa_in_tick(struct hrtimer *timer);

/**
 * homa_in_let_ask() - A packet from the peer has come: who waited for one to ask may do so now.
 * @peer: Peer.
 * @now:  ns.
 */
void homa_in_let_ask(struct homa_kpeer *peer, u64 now);

#endif /* HOMA_IN_H */
