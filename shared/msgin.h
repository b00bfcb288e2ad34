/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * A message being received: which bytes have arrived, which are missing.
 *
 * Bytes arrive in any order and more than once. What is missing below the highest byte seen is kept
 * as gaps, sorted by offset, at most HOMA_MAX_GAPS of them: a packet that would make one more is
 * refused as if the network had lost it, so a peer can make us neither hold nor search without
 * bound (a search is binary, an update moves at most HOMA_MAX_GAPS small entries). The payload is
 * the caller's.
 *
 * Owner: the RPC; its lock protects every field.
 */
#ifndef HOMA_MSGIN_H
#define HOMA_MSGIN_H

#include "wire.h"

#define HOMA_MAX_GAPS 64

struct homa_range {
	u32 start, end;		/* [start, end) in bytes of the message; start == end: nothing */
};

struct homa_msgin {
	u32 length;		/* bytes in the message */
	u32 high;		/* end of the highest byte that has arrived */
	u32 received;		/* bytes that have arrived, each counted once */
	u32 gaps;		/* entries of gap[] in use */
	struct homa_range gap[HOMA_MAX_GAPS];	/* missing below high, sorted */
};

/* What of a DATA packet is new: the caller keeps that part of the message and drops the rest. */
struct homa_accept {
	struct homa_range range;
	enum homa_drop why;	/* when range is empty */
};

/**
 * homa_msgin_init() - Nothing has arrived.
 * @in:     To set up.
 * @length: Bytes in the message, at least 1.
 */
void homa_msgin_init(struct homa_msgin *in, u32 length);

/**
 * homa_msgin_data() - Record the arrival of bytes [@offset, @offset + @length).
 * @in:     Message they belong to.
 * @offset: From a validated packet; the bytes lie within @in->length.
 * @length: Bytes, at least 1.
 * Return:  The first run of bytes in it that is new. Should more than one run be new (the packet
 *          spans received bytes), the others count as not received and will be asked for.
 */
struct homa_accept homa_msgin_data(struct homa_msgin *in, u32 offset, u32 length);

/**
 * homa_msgin_missing() - The first bytes missing below an offset.
 * @in:   Message.
 * @upto: Bytes from here on are not expected yet.
 * Return: An empty range when all below @upto have arrived.
 */
struct homa_range homa_msgin_missing(const struct homa_msgin *in, u32 upto);

#endif /* HOMA_MSGIN_H */
