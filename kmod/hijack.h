/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Homa disguised as TCP, for networks and NICs that treat TCP better than what they do not know.
 *
 * - Sending, when hijack_tcp is set: packets carry TCP's protocol number, flags (SYN and RST
 *   together) and an urgent pointer that no TCP sends, and TCP's checksum. A batch becomes what the
 *   kernel and NICs know as TCP segmentation offload: one header, whose sequence number says where
 *   each segment's data belongs.
 * - Receiving, whether it is set or not, in every namespace that has a Homa socket: a netfilter
 *   hook, before all others, looks at packets for this host on whatever way they came (no NIC or
 *   driver has to batch them for it) and turns them back into Homa packets, so that firewalls,
 *   connection tracking, ICMP and Homa itself see protocol 146. ICMP errors about disguised packets
 *   of ours are turned back, too.
 * - Packets to be forwarded are left alone. A host without Homa ignores them: TCP answers no RST.
 */
#ifndef HOMA_HIJACK_H
#define HOMA_HIJACK_H

#include <linux/skbuff.h>

#include "net.h"

/**
 * homa_hijack_init() - Recognise disguised packets that come to a namespace.
 * @hnet: Namespace.
 * Return: 0 or -ENOMEM.
 */
int homa_hijack_init(struct homa_net *hnet);

/* Undo it; what is on its way through the hooks is done after the next RCU grace period. */
void homa_hijack_exit(struct homa_net *hnet);

/**
 * homa_hijack_batch() - Let a DATA packet be cut into several.
 * @skb:  Starts with the Homa header, has no IP header yet; more data than @size.
 * @size: Bytes of data in each but the last.
 * @ipv4: By which version of IP it goes.
 */
void homa_hijack_batch(struct sk_buff *skb, u32 size, bool ipv4);

/**
 * homa_hijack_disguise() - Make a packet, or what homa_hijack_batch() made, look like TCP.
 * @skb:  Starts with its IP header, which is complete.
 * @ipv4: By which version of IP it goes.
 */
void homa_hijack_disguise(struct sk_buff *skb, bool ipv4);

#endif /* HOMA_HIJACK_H */
