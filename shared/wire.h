/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Packets: the bytes after the IP header, and the one validator every received packet passes before
 * anything looks at it.
 *
 * Formats are those of the public Linux implementation of 2025 and later and of
 * draft-ousterhout-tsvwg-homa-00. All integers are big-endian. The common header (28 bytes) is laid
 * over a TCP header so that NICs can segment and so that Homa can travel as TCP:
 *
 *	 0 sport u16		 2 dport u16		 4 sequence u32
 *	 8 unused		11 type u8		12 doff u8 (high 4 bits)
 *	13 flags u8		14 window u16		16 checksum u16
 *	18 urgent u16		20 sender_id u64
 *
 * No object here: any context may call.
 */
#ifndef HOMA_WIRE_H
#define HOMA_WIRE_H

#include "platform.h"

#define HOMA_IPPROTO		146
#define HOMA_PRIORITIES		8		/* levels on the wire, 7 served first */
#define HOMA_MAX_ACKS		5		/* in one ACK packet, beside its own sender_id */
#define HOMA_MIN_PACKET		26	/* bytes after the IP header; shorter ones are padded */
#define HOMA_COMMON_HEADER	28		/* bytes */
#define HOMA_DATA_HEADER	56		/* bytes, segment header included */
#define HOMA_MAX_HEADER		80		/* bytes of the longest packet without data (ACK) */
#define HOMA_SEG_HEADER		4	/* bytes: the offset before each segment of a batch */
/* bytes; the socket interface's limit and the default of max_message */
#define HOMA_MAX_MESSAGE	1000000
#define HOMA_MESSAGE_CEILING	(1u << 30)	/* bytes; offsets stay far below wrap-around */
#define HOMA_MIN_CLIENT_PORT	0x8000		/* bind() takes smaller ones */
#define HOMA_RESEND_ALL		0xffffffffu	/* length in a RESEND: all that was sent */
/* offset in a DATA: use the common header's sequence */
#define HOMA_OFFSET_IN_SEQUENCE 0xffffffffu
#define HOMA_TCP_HEADER		20		/* bytes of the common header laid over TCP's */
#define HOMA_TCP_FLAGS		6		/* SYN and RST: a Homa packet sent as TCP */
#define HOMA_TCP_URGENT		0xb97d		/* likewise */

enum homa_packet_type {
	HOMA_DATA = 0x10,
	HOMA_GRANT,
	HOMA_RESEND,
	HOMA_RPC_UNKNOWN,
	HOMA_BUSY,
	HOMA_CUTOFFS,
	HOMA_FREEZE,
	HOMA_NEED_ACK,
	HOMA_ACK,
	HOMA_TYPE_END,
};

#define HOMA_TYPES		(HOMA_TYPE_END - HOMA_DATA)

/* Why a packet or its bytes were dropped. Order is that of the counters packets_dropped_*. */
enum homa_drop {
	HOMA_DROP_NONE,
	HOMA_DROP_SHORT,	/* fewer bytes than its type needs */
	HOMA_DROP_TYPE,		/* no such packet type */
	HOMA_DROP_ADDRESS,	/* port 0 or RPC id 0 */
	HOMA_DROP_LENGTH,	/* message length 0 or above the limit */
	HOMA_DROP_RANGE,	/* offset beyond the message, bad priority or count */
	HOMA_DROP_DUPLICATE,	/* every byte had arrived before */
	HOMA_DROP_GAPS,		/* would make one gap too many */
	HOMA_DROP_UNKNOWN,	/* for no RPC that we know */
	HOMA_DROP_STALE,	/* a request that ran before, or that its client must confirm */
	HOMA_DROP_STATE,	/* of no meaning in the RPC's state */
	HOMA_DROP_FULL,		/* would need one RPC or peer more than the host may hold */
	HOMA_DROP_FILTERED,	/* a rule of the host's administrator or of the socket forbids it */
	HOMA_DROPS,
};

/* An RPC that its client is done with: the server may forget it. */
struct homa_ack {
	u64 client_id;		/* as the client names it (even); 0: none */
	u16 server_port;
};

/* A packet, decoded and validated, or to be encoded. */
struct homa_packet {
	u64 sender_id;		/* RPC as the sender names it */
	u16 sport, dport;
	u8 type;		/* enum homa_packet_type */
	union {
		struct {
			u32 message_length;	/* 1 … max_message */
			u32 incoming;	/* sender goes up to here unasked; 0 … message_length */
			u32 offset;		/* of the first data byte; below message_length */
			u32 length;		/* bytes of data, padding cut off; at least 1 */
			struct homa_ack ack;
			u16 cutoff_version;
			u8 retransmit;
		} data;
		struct {
			u32 offset;		/* send up to here */
			u8 priority;		/* 0 … 7 */
		} grant;
		struct {
			u32 offset, length;	/* what to send again; or HOMA_RESEND_ALL */
			u8 priority;		/* 0 … 7 */
		} resend;
		struct {
			u32 cutoff[HOMA_PRIORITIES];
			u16 version;
		} cutoffs;
		struct {
			u16 count;		/* 0 … HOMA_MAX_ACKS */
			struct homa_ack ack[HOMA_MAX_ACKS];
		} ack;
	};
};

static inline bool homa_id_is_client(u64 id)
{
	return !(id & 1);
}

/**
 * homa_wire_decode() - Validate and decode a packet.
 * @pkt:         Filled in; undefined when the packet is refused.
 * @bytes:       What follows the IP header.
 * @readable:    Bytes at @bytes that may be read: the whole packet or at least its header
 *               (HOMA_MAX_HEADER always suffices).
 * @length:      Bytes after the IP header, padding included.
 * @max_message: Longest message accepted, bytes.
 * Return: HOMA_DROP_NONE, or why the packet must be dropped. Data starts at offset
 *         HOMA_DATA_HEADER.
 */
enum homa_drop homa_wire_decode(struct homa_packet *pkt, const u8 *bytes, u32 readable, u32 length,
				u32 max_message);

/**
 * homa_wire_encode() - Write a packet's header.
 * @bytes: Room for HOMA_MAX_HEADER bytes.
 * @pkt:   What to write; a DATA packet's offset goes into both places that carry it.
 * Return: Bytes written; the data of a DATA packet follows them.
 */
u32 homa_wire_encode(u8 *bytes, const struct homa_packet *pkt);

/**
 * homa_wire_use_sequence() - Prepare a DATA packet for being cut by those who take it for TCP and
 * count on in its sequence number.
 * @bytes: As homa_wire_encode() wrote them.
 */
void homa_wire_use_sequence(u8 *bytes);

/**
 * homa_wire_disguise() - Mark a packet that is sent as TCP. IP header and checksum are not set.
 * @bytes: As homa_wire_encode() wrote them.
 */
void homa_wire_disguise(u8 *bytes);

/**
 * homa_wire_disguised() - Is what came as TCP a Homa packet?
 * @bytes: HOMA_TCP_HEADER bytes of its TCP header.
 */
bool homa_wire_disguised(const u8 *bytes);

/**
 * homa_wire_interleave() - Prepare a DATA packet for being cut as if it were TCP, with a segment
 * header before the data of each segment. Its own one is the first.
 * @bytes: As homa_wire_encode() wrote them.
 */
void homa_wire_interleave(u8 *bytes);

/**
 * homa_wire_segment_header() - What comes before the data of each further segment.
 * @bytes:  Room for HOMA_SEG_HEADER bytes.
 * @offset: In the message, of the segment's data.
 */
void homa_wire_segment_header(u8 *bytes, u32 offset);

/**
 * homa_wire_interleaved() - Is this a DATA packet to be cut as if it were TCP, with a segment
 * header before the data of each segment?
 * @bytes: HOMA_COMMON_HEADER bytes after the IP header.
 */
bool homa_wire_interleaved(const u8 *bytes);

/**
 * homa_wire_whole() - Does a DATA packet carry a whole message?
 * @bytes:  HOMA_DATA_HEADER bytes after the IP header.
 * @length: Bytes after the IP header, at least as many.
 */
bool homa_wire_whole(const u8 *bytes, u32 length);

/* The type in the common header, which need not be one that there is. */
u8 homa_wire_type(const u8 *bytes);

/* The RPC in the common header, as the sender names it. */
u64 homa_wire_sender_id(const u8 *bytes);

/**
 * homa_wire_header_length() - Bytes of a packet type's header.
 * @type: A packet type.
 * Return: 0 when there is no such type.
 */
u32 homa_wire_header_length(u8 type);

/**
 * homa_wire_type_name() - The name of a packet type in lower case.
 * @type: A packet type.
 * Return: "unknown" when there is no such type.
 */
const char *homa_wire_type_name(u8 type);

/**
 * homa_wire_drop_name() - The name of a reason to drop.
 * @why: The reason.
 */
const char *homa_wire_drop_name(enum homa_drop why);

/* Which RPCs with a peer an ICMP error is about. */
struct homa_quote {
	/*
	 * What it quotes is a packet of this RPC, as we name it: who has not seen such a packet
	 * cannot know it. 0: too little is quoted to tell. With another RPC than those there are,
	 * the error is not believed.
	 */
	u64 id;
	u16 local, remote;	/* only RPCs between these ports are meant; 0: any port */
};

/**
 * homa_wire_quote() - Read what an ICMP error quotes of a packet that it says was ours.
 * @quote:    Result.
 * @bytes:    What it quotes from behind the IP header on.
 * @readable: How much that is.
 * @port:     The error is about the port that the packet went to, not about the whole host.
 * Return: false when it quotes less than the eight bytes that it must (RFC 792), or a packet that
 *         has no valid ports or RPC: it is to be ignored. Some hosts quote no more than them.
 *         Anyone can make up two ports, so such an error is believed about RPCs between just these.
 */
bool homa_wire_quote(struct homa_quote *quote, const u8 *bytes, u32 readable, bool port);

#endif /* HOMA_WIRE_H */
