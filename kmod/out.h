/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * From the core's decisions to packets: the bytes of messages, the headers around them, and the way
 * to the network.
 *
 * - Everything here runs with bottom halves disabled.
 * - Several packets of one decision travel as one batch through the IP layer: one skb whose data is
 *   interleaved with segment headers, which offload.c cuts for any device that does not take it
 *   whole.
 */
#ifndef HOMA_OUT_H
#define HOMA_OUT_H

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "rpcs.h"

/* Ethernet: preamble, header, checksum and gap around each IP packet; bytes */
#define HOMA_FRAMING 38
#define HOMA_MIN_DATAGRAM 46	/* bytes of the shortest IP packet with its padding */

static inline u32 homa_ip_header(bool ipv4)
{
	return ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/**
 * homa_out_start() - Start to send the message that homa_bytes_copy() took.
 * @cx:     Time and parameters.
 * @rpc:    With a reference; its lock is not held.
 * @length: Bytes.
 */
void homa_out_start(const struct homa_cx *cx, struct homa_krpc *rpc, u32 length);

/**
 * homa_out_control() - Send a packet without data.
 * @cx:   Time and parameters.
 * @hnet: Namespace.
 * @peer: Where to.
 * @from: Source address; NULL or "any": as routed.
 * @pkt:  Complete.
 */
void homa_out_control(const struct homa_cx *cx, struct homa_net *hnet, struct homa_kpeer *peer,
		      const struct in6_addr *from,
		      const struct homa_packet *pkt);

/* Send a packet without data to the other side of an RPC: the rest of @pkt is filled in. */
void homa_out_control_rpc(const struct homa_cx *cx, struct homa_krpc *rpc, struct homa_packet *pkt);

/* Is it an RPC's packet, on its way out? */
bool homa_out_owned(const struct sk_buff *skb);

/* Send what the transmit queue has and the link has room for. No lock is held. */
void homa_out_pace(struct homa_net *hnet);

/* The hrtimer of the transmit queue. */
enum hrtimer_restart homa_out_pacer(struct hrtimer *timer);

#endif /* HOMA_OUT_H */
