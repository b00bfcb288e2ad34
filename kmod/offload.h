/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Batches of packets: cutting them for devices that want packets one by one, and gathering received
 * ones so that they make their way through IP together.
 *
 * A batch has one of two forms:
 *
 * - A list of complete packets, each with a header of its own, possibly of many RPCs. GRO here
 *   makes it.
 * - One DATA packet whose data is interleaved with segment headers, as if it were TCP to be cut.
 *   From out.c, which says that it is a list of packets, so that it passes devices that take those
 *   whole and is cut for others, unless a NIC is known to cut it; and from other implementations.
 *
 * Both may be forwarded.
 *
 * GRO gathers, up to max_gro_skbs, packets of one poll of the NIC that have the same addresses and
 * priority, in namespaces with a Homa socket. By gro_policy, DATA with a whole message (16) and
 * GRANTs (64) do not wait for others; which core then handles what was gathered, steer.h says.
 */
#ifndef HOMA_OFFLOAD_H
#define HOMA_OFFLOAD_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

#define HOMA_GRO_SHORT_BYPASS 16
#define HOMA_GRO_GRANT_BYPASS 64

int homa_offload_init(void);
void homa_offload_exit(void);

/**
 * homa_offload_cuts() - Does a device cut batches of protocol 146 whose data is interleaved with
 * segment headers?
 * @dev: A device that packets are sent to.
 */
bool homa_offload_cuts(const struct net_device *dev);

/**
 * homa_offload_split() - Take a batch apart that has come to this host.
 * @skb: A batch (skb_is_gso()) that starts with a Homa header; consumed. RCU is held, and as long
 *       as the packets are in use, since they share a reference on the route.
 * Return: The packets, linked by next, each starting with its Homa header; NULL when there are none
 *         for want of memory, or because it was malformed.
 */
struct sk_buff *homa_offload_split(struct sk_buff *skb);

#endif /* HOMA_OFFLOAD_H */
