// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Encoding, decoding and validation of packets; see wire.h.
 */
#include "wire.h"

/* Offsets of fields behind the common header. */
enum {
	AT_SEQUENCE = 4,
	AT_TYPE = 11,
	AT_DOFF = 12,
	AT_FLAGS = 13,
	AT_URGENT = 18,
	AT_SENDER_ID = 20,
	AT_BODY = HOMA_COMMON_HEADER,
	AT_DATA_ACK = AT_BODY + 8,
	AT_DATA_VERSION = AT_BODY + 18,
	AT_DATA_RETRANSMIT = AT_BODY + 20,
	AT_DATA_OFFSET = AT_BODY + 24,
	ACK_BYTES = 10,
	SHORTEST_QUOTE = 8,	/* bytes behind the IP header that an ICMP error must quote */
	DOFF_DATA = 14 << 4,
	DOFF_INTERLEAVED = 13 << 4,
	DOFF_CONTROL = 5 << 4,
};

static const struct {
	const char *name;
	u8 header;
} types[HOMA_TYPES] = {
	[HOMA_DATA - HOMA_DATA] = { "data", HOMA_DATA_HEADER },
	[HOMA_GRANT - HOMA_DATA] = { "grant", AT_BODY + 5 },
	[HOMA_RESEND - HOMA_DATA] = { "resend", AT_BODY + 9 },
	[HOMA_RPC_UNKNOWN - HOMA_DATA] = { "rpc_unknown", AT_BODY },
	[HOMA_BUSY - HOMA_DATA] = { "busy", AT_BODY },
	[HOMA_CUTOFFS - HOMA_DATA] = { "cutoffs", AT_BODY + 34 },
	[HOMA_FREEZE - HOMA_DATA] = { "freeze", AT_BODY },
	[HOMA_NEED_ACK - HOMA_DATA] = { "need_ack", AT_BODY },
	[HOMA_ACK - HOMA_DATA] = { "ack", AT_BODY + 2 + HOMA_MAX_ACKS * ACK_BYTES },
};

static const char *const drops[HOMA_DROPS] = {
	[HOMA_DROP_NONE] = "none",
	[HOMA_DROP_SHORT] = "short",
	[HOMA_DROP_TYPE] = "type",
	[HOMA_DROP_ADDRESS] = "address",
	[HOMA_DROP_LENGTH] = "length",
	[HOMA_DROP_RANGE] = "range",
	[HOMA_DROP_DUPLICATE] = "duplicate",
	[HOMA_DROP_GAPS] = "gaps",
	[HOMA_DROP_UNKNOWN] = "unknown",
	[HOMA_DROP_STALE] = "stale",
	[HOMA_DROP_STATE] = "state",
	[HOMA_DROP_FULL] = "full",
	[HOMA_DROP_FILTERED] = "filtered",
};

static u16 get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static u32 get32(const u8 *p)
{
	return (u32)get16(p) << 16 | get16(p + 2);
}

static u64 get64(const u8 *p)
{
	return (u64)get32(p) << 32 | get32(p + 4);
}

static void put16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static void put32(u8 *p, u32 v)
{
	put16(p, (u16)(v >> 16));
	put16(p + 2, (u16)v);
}

static void put64(u8 *p, u64 v)
{
	put32(p, (u32)(v >> 32));
	put32(p + 4, (u32)v);
}

static void get_ack(struct homa_ack *ack, const u8 *p)
{
	ack->client_id = get64(p);
	ack->server_port = get16(p + 8);
}

static void put_ack(u8 *p, const struct homa_ack *ack)
{
	put64(p, ack->client_id);
	put16(p + 8, ack->server_port);
}

u32 homa_wire_header_length(u8 type)
{
	if (type < HOMA_DATA || type >= HOMA_TYPE_END)
		return 0;
	return types[type - HOMA_DATA].header;
}

const char *homa_wire_type_name(u8 type)
{
	if (type < HOMA_DATA || type >= HOMA_TYPE_END)
		return "unknown";
	return types[type - HOMA_DATA].name;
}

const char *homa_wire_drop_name(enum homa_drop why)
{
	return why < HOMA_DROPS ? drops[why] : "unknown";
}

static enum homa_drop decode_data(struct homa_packet *pkt, const u8 *bytes, u32 length,
				  u32 max_message)
{
	const u8 *body = bytes + AT_BODY;
	u32 total = get32(body);
	u32 incoming = get32(body + 4);
	u32 offset = get32(bytes + AT_DATA_OFFSET);
	u32 have = length - HOMA_DATA_HEADER;

	if (!total || total > max_message)
		return HOMA_DROP_LENGTH;
	if (offset == HOMA_OFFSET_IN_SEQUENCE)
		offset = get32(bytes + AT_SEQUENCE);
	if (offset >= total)
		return HOMA_DROP_RANGE;
	if (!have)
		return HOMA_DROP_SHORT;
	pkt->data.message_length = total;
	pkt->data.incoming = homa_min(incoming, total);
	pkt->data.offset = offset;
	pkt->data.length = homa_min(have, total - offset);
	get_ack(&pkt->data.ack, bytes + AT_DATA_ACK);
	pkt->data.cutoff_version = get16(bytes + AT_DATA_VERSION);
	pkt->data.retransmit = bytes[AT_DATA_RETRANSMIT] != 0;
	return HOMA_DROP_NONE;
}

enum homa_drop homa_wire_decode(struct homa_packet *pkt, const u8 *bytes, u32 readable, u32 length,
				u32 max_message)
{
	const u8 *body = bytes + AT_BODY;
	u32 header, i;

	/* The type is only there to be read once the common header is. */
	if (readable < HOMA_COMMON_HEADER || length < HOMA_COMMON_HEADER)
		return HOMA_DROP_SHORT;
	pkt->type = bytes[AT_TYPE];
	header = homa_wire_header_length(pkt->type);
	if (!header)
		return HOMA_DROP_TYPE;
	if (readable < header || length < header)
		return HOMA_DROP_SHORT;
	pkt->sport = get16(bytes);
	pkt->dport = get16(bytes + 2);
	pkt->sender_id = get64(bytes + AT_SENDER_ID);
	if (!pkt->sport || !pkt->dport)
		return HOMA_DROP_ADDRESS;

	switch (pkt->type) {
	case HOMA_CUTOFFS:
		for (i = 0; i < HOMA_PRIORITIES; i++)
			pkt->cutoffs.cutoff[i] = get32(body + 4 * i);
		pkt->cutoffs.version = get16(body + 32);
		return HOMA_DROP_NONE;
	case HOMA_ACK:
		pkt->ack.count = get16(body);
		if (pkt->ack.count > HOMA_MAX_ACKS)
			return HOMA_DROP_RANGE;
		for (i = 0; i < pkt->ack.count; i++)
			get_ack(&pkt->ack.ack[i], body + 2 + ACK_BYTES * i);
		return HOMA_DROP_NONE;
	case HOMA_FREEZE:
		return HOMA_DROP_NONE;
	}
	/* The rest speak of one RPC; a client's id is even and not 0, a server's is that plus 1. */
	if (pkt->sender_id < 2)
		return HOMA_DROP_ADDRESS;
	switch (pkt->type) {
	case HOMA_DATA:
		return decode_data(pkt, bytes, length, max_message);
	case HOMA_GRANT:
		pkt->grant.offset = get32(body);
		pkt->grant.priority = body[4];
		return body[4] < HOMA_PRIORITIES ? HOMA_DROP_NONE : HOMA_DROP_RANGE;
	case HOMA_RESEND:
		pkt->resend.offset = get32(body);
		pkt->resend.length = get32(body + 4);
		pkt->resend.priority = body[8];
		return body[8] < HOMA_PRIORITIES ? HOMA_DROP_NONE : HOMA_DROP_RANGE;
	}
	return HOMA_DROP_NONE;
}

u32 homa_wire_encode(u8 *bytes, const struct homa_packet *pkt)
{
	u32 length = homa_wire_header_length(pkt->type), i;
	u8 *body = bytes + AT_BODY;

	homa_memset(bytes, 0, length);
	put16(bytes, pkt->sport);
	put16(bytes + 2, pkt->dport);
	bytes[AT_TYPE] = pkt->type;
	bytes[AT_DOFF] = pkt->type == HOMA_DATA ? DOFF_DATA : DOFF_CONTROL;
	put64(bytes + AT_SENDER_ID, pkt->sender_id);

	switch (pkt->type) {
	case HOMA_DATA:
		/* Receivers differ in which of the two offsets they read. */
		put32(bytes + AT_SEQUENCE, pkt->data.offset);
		put32(bytes + AT_DATA_OFFSET, pkt->data.offset);
		put32(body, pkt->data.message_length);
		put32(body + 4, pkt->data.incoming);
		put_ack(bytes + AT_DATA_ACK, &pkt->data.ack);
		put16(bytes + AT_DATA_VERSION, pkt->data.cutoff_version);
		bytes[AT_DATA_RETRANSMIT] = pkt->data.retransmit;
		break;
	case HOMA_GRANT:
		put32(body, pkt->grant.offset);
		body[4] = pkt->grant.priority;
		break;
	case HOMA_RESEND:
		put32(body, pkt->resend.offset);
		put32(body + 4, pkt->resend.length);
		body[8] = pkt->resend.priority;
		break;
	case HOMA_CUTOFFS:
		for (i = 0; i < HOMA_PRIORITIES; i++)
			put32(body + 4 * i, pkt->cutoffs.cutoff[i]);
		put16(body + 32, pkt->cutoffs.version);
		break;
	case HOMA_ACK:
		put16(body, pkt->ack.count);
		for (i = 0; i < pkt->ack.count; i++)
			put_ack(body + 2 + ACK_BYTES * i, &pkt->ack.ack[i]);
		break;
	}
	return length;
}

void homa_wire_use_sequence(u8 *bytes)
{
	put32(bytes + AT_DATA_OFFSET, HOMA_OFFSET_IN_SEQUENCE);
}

void homa_wire_disguise(u8 *bytes)
{
	bytes[AT_FLAGS] = HOMA_TCP_FLAGS;
	put16(bytes + AT_URGENT, HOMA_TCP_URGENT);
}

bool homa_wire_disguised(const u8 *bytes)
{
	return bytes[AT_FLAGS] == HOMA_TCP_FLAGS && get16(bytes + AT_URGENT) == HOMA_TCP_URGENT;
}

void homa_wire_interleave(u8 *bytes)
{
	bytes[AT_DOFF] = DOFF_INTERLEAVED;
}

void homa_wire_segment_header(u8 *bytes, u32 offset)
{
	put32(bytes, offset);
}

bool homa_wire_interleaved(const u8 *bytes)
{
	return bytes[AT_TYPE] == HOMA_DATA && (bytes[AT_DOFF] & 0xf0) == DOFF_INTERLEAVED;
}

bool homa_wire_whole(const u8 *bytes, u32 length)
{
	return get32(bytes + AT_BODY) <= length - HOMA_DATA_HEADER;
}

u8 homa_wire_type(const u8 *bytes)
{
	return bytes[AT_TYPE];
}

u64 homa_wire_sender_id(const u8 *bytes)
{
	return get64(bytes + AT_SENDER_ID);
}

bool homa_wire_quote(struct homa_quote *quote, const u8 *bytes, u32 readable, bool port)
{
	bool whole = readable >= HOMA_COMMON_HEADER;

	if (readable < SHORTEST_QUOTE || !get16(bytes) || !get16(bytes + 2))
		return false;
	if (whole && get64(bytes + AT_SENDER_ID) < 2)
		return false;
	quote->id = whole ? get64(bytes + AT_SENDER_ID) : 0;
	quote->local = whole ? 0 : get16(bytes);
	quote->remote = whole && !port ? 0 : get16(bytes + 2);
	return true;
}
