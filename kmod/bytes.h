/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The bytes of messages being sent. They are kept until the RPC ends, and every transmission makes
 * new packets that refer to them.
 *
 * - Up to HOMA_SMALL_MESSAGE bytes lie in the RPC itself and are copied into packets.
 * - Messages of one packet lie in a page that others share.
 * - Longer ones lie in pages of their own, and in front of each packet's worth of data is a segment
 *   header: any number of whole packets lies in memory as a batch of them looks, so that a batch
 *   refers to a few large pieces. Batches disguised as TCP have no such headers, nor have messages
 *   that are copied while hijack_tcp is set.
 */
#ifndef HOMA_BYTES_H
#define HOMA_BYTES_H

#include <linux/bvec.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#define HOMA_SMALL_MESSAGE 256	/* bytes */

struct homa_krpc;
struct iov_iter;

struct homa_bytes {
	struct bio_vec *piece;		/* of 1 << shift bytes, but for the last */
	struct bio_vec first;		/* enough for a short message */
	u32 pieces;
	u32 shift;
	u32 packet;			/* bytes of data behind each segment header; 0: no such */
	u32 charged;			/* to the socket; bytes */
	bool shared;			/* the piece is a part of a page that others use, too */
};

/**
 * homa_bytes_copy() - Take a message from user space; its socket is charged for the memory.
 * @rpc:    In no transmit queue.
 * @from:   Its bytes.
 * @length: How many, at least 1.
 * @packet: Bytes of data in a full packet, in which it will be sent.
 * Return: 0, -ENOMEM or -EFAULT.
 */
int homa_bytes_copy(struct homa_krpc *rpc, struct iov_iter *from, u32 length, u32 packet);

/* Give the message's memory back. */
void homa_bytes_free(struct homa_krpc *rpc);

/**
 * homa_bytes_put() - Put a part of a message into a packet: small ones are copied, others referred
 * to.
 * @rpc:    RPC.
 * @offset: Of the part.
 * @length: Bytes of it.
 * @skb:    With room for a small message, and for a fragment per piece the part lies in.
 */
void homa_bytes_put(const struct homa_krpc *rpc, u32 offset, u32 length, struct sk_buff *skb);

/**
 * homa_bytes_put_batch() - Put whole packets into a batch, each behind its segment header.
 * @rpc:    RPC with bytes.packet.
 * @offset: Of the first, a multiple of bytes.packet.
 * @length: Bytes of data; all but the message's last packet are full.
 * @skb:    Ends before the first segment header.
 */
void homa_bytes_put_batch(const struct homa_krpc *rpc, u32 offset, u32 length,
			  struct sk_buff *skb);

#endif /* HOMA_BYTES_H */
