/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * A packet on its way in, between the files that have to do with it: in.c looks at it, arrival.c
 * hands it to its RPC, unknown.c makes one or says that there is none, owed.c puts off what the
 * grant scheduler is to hear. For these alone.
 */
#ifndef HOMA_ARRIVAL_H
#define HOMA_ARRIVAL_H

#include "rpcs.h"

/* On the stack of homa_in_skb(). */
struct arrival {
	struct homa_net *hnet;
	struct sk_buff *skb;	/* NULL: taken */
	struct sk_buff *whole;	/* with the IP header, for ICMP */
	struct homa_kpeer *peer;
	struct homa_zoned from;
	struct in6_addr to;
	int link, vrf;		/* index of the device that it came by, of its VRF's or 0 */
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

static inline void homa_arrival_drop(struct homa_net *hnet, enum homa_drop why)
{
	this_cpu_inc(hnet->counters->core.packets_dropped[why]);
}

/**
 * homa_arrival_input() - Hand a packet to its RPC.
 * @a:   The packet; its last is @rpc.
 * @rpc: No lock of it is held.
 */
void homa_arrival_input(struct arrival *a, struct homa_krpc *rpc);

/* The same while the RPC's lock is held; effects are appended. */
void homa_arrival_input_locked(struct arrival *a, struct homa_krpc *rpc, struct homa_effects *fx);

/**
 * homa_arrival_admitted() - Do the filters of a socket, and those of its control group, let a
 * packet in?
 * @a:   The packet.
 * @hsk: Whose it would be.
 * Return: If not, it has been counted as dropped.
 */
bool homa_arrival_admitted(struct arrival *a, struct homa_sock *hsk);

/* Done with the RPC of the packets before. */
void homa_arrival_leave(struct arrival *a);

/* There is no RPC for the packet. */
void homa_arrival_unknown(struct arrival *a);

/**
 * homa_owe() - The grant scheduler is to hear later of what has come for an RPC.
 * @cx:  Parameters.
 * @rpc: With a reference, which is taken over.
 */
void homa_owe(const struct homa_cx *cx, struct homa_krpc *rpc);

#endif /* HOMA_ARRIVAL_H */
