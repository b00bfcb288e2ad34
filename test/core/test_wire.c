// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the wire format: literal bytes, every refusal, and hostile bytes in buffers of the
 * exact size, so that a sanitizer sees a read beyond them.
 */
#include "check.h"
#include "wire.h"

#define MAX 1000000

static enum homa_drop decode(struct homa_packet *pkt, const u8 *bytes, u32 length)
{
	u8 *exact = malloc(length ? length : 1);
	enum homa_drop why;

	memcpy(exact, bytes, length);
	why = homa_wire_decode(pkt, exact, length, length, MAX);
	free(exact);
	return why;
}

/* A packet with the common fields set; its expected first bytes are those of common[]. */
static struct homa_packet packet(u8 type)
{
	struct homa_packet pkt;

	memset(&pkt, 0, sizeof(pkt));
	pkt.type = type;
	pkt.sport = 0x8001;
	pkt.dport = 0x0063;
	pkt.sender_id = 0x0102030405060708ull;
	return pkt;
}

static void expect(const struct homa_packet *pkt, const u8 *body, u32 body_length, u8 doff,
		   u32 sequence)
{
	u8 want[HOMA_MAX_HEADER] = { 0x80, 0x01, 0x00, 0x63 }, got[HOMA_MAX_HEADER];
	static const u8 id[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	u32 length;

	want[4] = (u8)(sequence >> 24);
	want[5] = (u8)(sequence >> 16);
	want[6] = (u8)(sequence >> 8);
	want[7] = (u8)sequence;
	want[11] = pkt->type;
	want[12] = doff;
	memcpy(want + 20, id, sizeof(id));
	if (body_length)
		memcpy(want + 28, body, body_length);
	memset(got, 0xee, sizeof(got));
	length = homa_wire_encode(got, pkt);
	assert_int_equal(length, 28 + body_length);
	assert_int_equal(length, homa_wire_header_length(pkt->type));
	assert_memory_equal(got, want, length);
}

static void data_has_its_layout(void **state)
{
	static const u8 body[] = {
		0x00, 0x0f, 0x42, 0x40,			/* message_length 1,000,000 */
		0x00, 0x00, 0x9c, 0x40,			/* incoming 40,000 */
		0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x01, 0xbb, /* ack: client_id, server_port */
		0xab, 0xcd,				/* cutoff_version */
		1,					/* retransmit */
		0, 0, 0,				/* pad */
		0x00, 0x01, 0x02, 0x04,			/* segment header: offset */
	};
	struct homa_packet pkt = packet(HOMA_DATA), back;
	u8 bytes[HOMA_DATA_HEADER + 100] = { 0 };

	(void)state;
	pkt.data.message_length = 1000000;
	pkt.data.incoming = 40000;
	pkt.data.offset = 0x10204;
	pkt.data.ack.client_id = 0x1234;
	pkt.data.ack.server_port = 443;
	pkt.data.cutoff_version = 0xabcd;
	pkt.data.retransmit = 1;
	expect(&pkt, body, sizeof(body), 14 << 4, 0x10204);

	homa_wire_encode(bytes, &pkt);
	assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_NONE);
	assert_int_equal(back.sport, 0x8001);
	assert_int_equal(back.dport, 0x63);
	assert_int_equal(back.sender_id, pkt.sender_id);
	assert_int_equal(back.data.message_length, 1000000);
	assert_int_equal(back.data.incoming, 40000);
	assert_int_equal(back.data.offset, 0x10204);
	assert_int_equal(back.data.length, 100);
	assert_int_equal(back.data.ack.client_id, 0x1234);
	assert_int_equal(back.data.ack.server_port, 443);
	assert_int_equal(back.data.cutoff_version, 0xabcd);
	assert_int_equal(back.data.retransmit, 1);
}

static void grant_has_its_layout(void **state)
{
	static const u8 body[] = { 0x00, 0x0a, 0x0b, 0x0c, 0x05 };
	struct homa_packet pkt = packet(HOMA_GRANT), back;
	u8 bytes[HOMA_MAX_HEADER];

	(void)state;
	pkt.grant.offset = 0xa0b0c;
	pkt.grant.priority = 5;
	expect(&pkt, body, sizeof(body), 5 << 4, 0);
	assert_int_equal(decode(&back, bytes, homa_wire_encode(bytes, &pkt)), HOMA_DROP_NONE);
	assert_int_equal(back.grant.offset, 0xa0b0c);
	assert_int_equal(back.grant.priority, 5);
}

static void resend_has_its_layout(void **state)
{
	static const u8 body[] = { 0x00, 0x0a, 0x0b, 0x0c, 0xff, 0xff, 0xff, 0xff, 0x07 };
	struct homa_packet pkt = packet(HOMA_RESEND), back;
	u8 bytes[HOMA_MAX_HEADER];

	(void)state;
	pkt.resend.offset = 0xa0b0c;
	pkt.resend.length = HOMA_RESEND_ALL;
	pkt.resend.priority = 7;
	expect(&pkt, body, sizeof(body), 5 << 4, 0);
	assert_int_equal(decode(&back, bytes, homa_wire_encode(bytes, &pkt)), HOMA_DROP_NONE);
	assert_int_equal(back.resend.offset, 0xa0b0c);
	assert_int_equal(back.resend.length, HOMA_RESEND_ALL);
	assert_int_equal(back.resend.priority, 7);
}

static void packets_without_body_are_a_common_header(void **state)
{
	static const u8 types[] = { HOMA_RPC_UNKNOWN, HOMA_BUSY, HOMA_FREEZE, HOMA_NEED_ACK };
	u8 bytes[HOMA_MAX_HEADER];
	u32 i;

	(void)state;
	assert_int_equal(HOMA_DATA, 0x10);
	assert_int_equal(HOMA_RPC_UNKNOWN, 0x13);
	assert_int_equal(HOMA_BUSY, 0x14);
	assert_int_equal(HOMA_FREEZE, 0x16);
	assert_int_equal(HOMA_NEED_ACK, 0x17);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		struct homa_packet pkt = packet(types[i]), back;

		expect(&pkt, NULL, 0, 5 << 4, 0);
		assert_int_equal(decode(&back, bytes, homa_wire_encode(bytes, &pkt)),
				 HOMA_DROP_NONE);
		assert_int_equal(back.type, types[i]);
		assert_int_equal(back.sender_id, pkt.sender_id);
	}
}

static void cutoffs_has_its_layout(void **state)
{
	u8 body[34] = { 0 };
	struct homa_packet pkt = packet(HOMA_CUTOFFS), back;
	u8 bytes[HOMA_MAX_HEADER];
	u32 i;

	(void)state;
	for (i = 0; i < 8; i++) {
		pkt.cutoffs.cutoff[i] = 0x01000000 * i + 0x30;
		body[4 * i] = (u8)i;
		body[4 * i + 3] = 0x30;
	}
	pkt.cutoffs.version = 0x0203;
	body[32] = 2;
	body[33] = 3;
	expect(&pkt, body, sizeof(body), 5 << 4, 0);
	assert_int_equal(decode(&back, bytes, homa_wire_encode(bytes, &pkt)), HOMA_DROP_NONE);
	assert_memory_equal(back.cutoffs.cutoff, pkt.cutoffs.cutoff, sizeof(pkt.cutoffs.cutoff));
	assert_int_equal(back.cutoffs.version, 0x0203);
}

static void ack_has_its_layout(void **state)
{
	static const u8 body[52] = {
		0, 2,
		0, 0, 0, 0, 0, 0, 0x55, 0x66, 0x00, 0x07,
		0, 0, 0, 0, 0, 0, 0x77, 0x88, 0x00, 0x09,
	};
	struct homa_packet pkt = packet(HOMA_ACK), back;
	u8 bytes[HOMA_MAX_HEADER];

	(void)state;
	pkt.ack.count = 2;
	pkt.ack.ack[0] = (struct homa_ack){ 0x5566, 7 };
	pkt.ack.ack[1] = (struct homa_ack){ 0x7788, 9 };
	expect(&pkt, body, sizeof(body), 5 << 4, 0);
	assert_int_equal(decode(&back, bytes, homa_wire_encode(bytes, &pkt)), HOMA_DROP_NONE);
	assert_int_equal(back.ack.count, 2);
	assert_int_equal(back.ack.ack[0].client_id, 0x5566);
	assert_int_equal(back.ack.ack[0].server_port, 7);
	assert_int_equal(back.ack.ack[1].client_id, 0x7788);
	assert_int_equal(back.ack.ack[1].server_port, 9);
}

static void one_byte_less_than_the_header_is_short(void **state)
{
	u8 bytes[HOMA_MAX_HEADER] = { 0 };
	struct homa_packet back;
	u32 type, length;

	(void)state;
	for (type = HOMA_DATA; type < HOMA_TYPE_END; type++) {
		struct homa_packet pkt = packet((u8)type);

		pkt.data.message_length = type == HOMA_DATA ? 1 : 0;
		if (type == HOMA_ACK)
			pkt.ack.count = 0;
		for (length = 0; length < homa_wire_encode(bytes, &pkt); length++)
			assert_int_equal(decode(&back, bytes, length), HOMA_DROP_SHORT);
		/* A long packet whose header was not made readable. */
		assert_int_equal(homa_wire_decode(&back, bytes, length - 1, 2000, MAX),
				 HOMA_DROP_SHORT);
	}
}

static void unknown_types_are_refused(void **state)
{
	u8 bytes[HOMA_MAX_HEADER];
	struct homa_packet pkt = packet(HOMA_BUSY), back;
	u32 type;

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	homa_wire_encode(bytes, &pkt);
	for (type = 0; type < 256; type++) {
		bytes[11] = (u8)type;
		if (type >= HOMA_DATA && type < HOMA_TYPE_END) {
			assert_string_not_equal(homa_wire_type_name((u8)type), "unknown");
			continue;
		}
		assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_TYPE);
		assert_int_equal(homa_wire_header_length((u8)type), 0);
		assert_string_equal(homa_wire_type_name((u8)type), "unknown");
	}
}

static void zero_ports_and_ids_are_refused(void **state)
{
	u8 bytes[HOMA_MAX_HEADER] = { 0 };
	struct homa_packet pkt = packet(HOMA_BUSY), back;
	u32 length;

	(void)state;
	pkt.sport = 0;
	length = homa_wire_encode(bytes, &pkt);
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_ADDRESS);
	pkt = packet(HOMA_BUSY);
	pkt.dport = 0;
	homa_wire_encode(bytes, &pkt);
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_ADDRESS);
	pkt = packet(HOMA_BUSY);
	for (pkt.sender_id = 0; pkt.sender_id < 2; pkt.sender_id++) {
		homa_wire_encode(bytes, &pkt);
		assert_int_equal(decode(&back, bytes, length), HOMA_DROP_ADDRESS);
	}
	homa_wire_encode(bytes, &pkt);
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_NONE);
	/* Packets that speak of no single RPC need no id. */
	pkt = packet(HOMA_CUTOFFS);
	pkt.sender_id = 0;
	length = homa_wire_encode(bytes, &pkt);
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_NONE);
}

static enum homa_drop decode_data(u32 message_length, u32 offset, u32 data,
				  struct homa_packet *back)
{
	u8 bytes[2000] = { 0 };
	struct homa_packet pkt = packet(HOMA_DATA);

	pkt.data.message_length = message_length;
	pkt.data.incoming = 0xffffffff;
	pkt.data.offset = offset;
	homa_wire_encode(bytes, &pkt);
	return decode(back, bytes, HOMA_DATA_HEADER + data);
}

static void impossible_data_is_refused(void **state)
{
	struct homa_packet back;

	(void)state;
	assert_int_equal(decode_data(0, 0, 1, &back), HOMA_DROP_LENGTH);
	assert_int_equal(decode_data(MAX + 1, 0, 1, &back), HOMA_DROP_LENGTH);
	assert_int_equal(decode_data(0xffffffff, 0, 1, &back), HOMA_DROP_LENGTH);
	assert_int_equal(decode_data(MAX, MAX, 1, &back), HOMA_DROP_RANGE);
	assert_int_equal(decode_data(MAX, 0xfffffffe, 1, &back), HOMA_DROP_RANGE);
	assert_int_equal(decode_data(MAX, 0, 0, &back), HOMA_DROP_SHORT);
	assert_int_equal(decode_data(MAX, MAX - 1, 1, &back), HOMA_DROP_NONE);
	assert_int_equal(back.data.incoming, MAX);
}

static void padding_is_not_data(void **state)
{
	struct homa_packet back;

	(void)state;
	assert_int_equal(decode_data(3, 0, 100, &back), HOMA_DROP_NONE);
	assert_int_equal(back.data.length, 3);
	assert_int_equal(decode_data(1500, 1400, 1400, &back), HOMA_DROP_NONE);
	assert_int_equal(back.data.length, 100);
}

static void offset_is_read_from_sequence_when_the_segment_header_says_so(void **state)
{
	struct homa_packet pkt = packet(HOMA_DATA), back;
	u8 bytes[HOMA_DATA_HEADER + 10] = { 0 };

	(void)state;
	pkt.data.message_length = MAX;
	pkt.data.offset = 0x2345;
	homa_wire_encode(bytes, &pkt);
	memset(bytes + 52, 0xff, 4);
	assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_NONE);
	assert_int_equal(back.data.offset, 0x2345);
	memset(bytes + 4, 0xff, 4);
	assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_RANGE);
}

static void bad_priorities_and_counts_are_refused(void **state)
{
	struct homa_packet pkt = packet(HOMA_GRANT), back;
	u8 bytes[HOMA_MAX_HEADER] = { 0 };
	u32 length;

	(void)state;
	pkt.grant.priority = 8;
	length = homa_wire_encode(bytes, &pkt);
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_RANGE);
	pkt = packet(HOMA_RESEND);
	pkt.resend.priority = 255;
	length = homa_wire_encode(bytes, &pkt);
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_RANGE);
	pkt = packet(HOMA_ACK);
	length = homa_wire_encode(bytes, &pkt);
	bytes[29] = HOMA_MAX_ACKS;
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_NONE);
	bytes[29] = HOMA_MAX_ACKS + 1;
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_RANGE);
	bytes[28] = 0xff;
	assert_int_equal(decode(&back, bytes, length), HOMA_DROP_RANGE);
}

static void reasons_have_distinct_names(void **state)
{
	u32 i, j;

	(void)state;
	for (i = 0; i < HOMA_DROPS; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(homa_wire_drop_name((enum homa_drop)i),
						homa_wire_drop_name((enum homa_drop)j));
	assert_string_equal(homa_wire_drop_name(HOMA_DROPS), "unknown");
}

static void what_is_accepted_is_valid_whatever_the_bytes(void **state)
{
	u32 i, k, accepted = 0;
	u64 seed = 2;

	(void)state;
	for (i = 0; i < 400000; i++) {
		u32 readable = random_below(&seed, 120), length = readable;
		u8 *bytes = malloc(readable ? readable : 1);
		struct homa_packet pkt;

		for (k = 0; k < readable; k++)
			bytes[k] = (u8)random64(&seed);
		if (readable > 11 && i % 8)
			bytes[11] = (u8)(HOMA_DATA + random_below(&seed, HOMA_TYPES));
		if (readable > 36 && i % 2) {
			/* Make lengths, counts and offsets plausible now and then. */
			memset(bytes + 28, 0, 2);
			bytes[32] &= 7;
			bytes[36] &= 7;
			if (readable > 56)
				memset(bytes + 52, i & 4 ? 0xff : 0, 2 + (i & 2));
		}
		if (readable >= HOMA_MAX_HEADER)
			length += random_below(&seed, 3000);
		if (homa_wire_decode(&pkt, bytes, readable, length, MAX) == HOMA_DROP_NONE) {
			accepted++;
			assert_true(pkt.sport && pkt.dport);
			assert_true(homa_wire_header_length(pkt.type) <= length);
			if (pkt.type == HOMA_DATA) {
				assert_in_range(pkt.data.message_length, 1, MAX);
				assert_in_range(pkt.data.length, 1, length - HOMA_DATA_HEADER);
				assert_in_range(pkt.data.offset + pkt.data.length, 1,
						pkt.data.message_length);
				assert_in_range(pkt.data.incoming, 0, pkt.data.message_length);
			} else if (pkt.type == HOMA_GRANT) {
				assert_in_range(pkt.grant.priority, 0, 7);
			} else if (pkt.type == HOMA_RESEND) {
				assert_in_range(pkt.resend.priority, 0, 7);
			} else if (pkt.type == HOMA_ACK) {
				assert_in_range(pkt.ack.count, 0, HOMA_MAX_ACKS);
			}
		}
		free(bytes);
	}
	assert_in_range(accepted, 10000, 400000);
}

static void any_packet_survives_encoding(void **state)
{
	u64 seed = 3;
	u32 i;

	(void)state;
	for (i = 0; i < 50000; i++) {
		struct homa_packet pkt = packet((u8)(HOMA_DATA + i % HOMA_TYPES)), back;
		u8 bytes[HOMA_MAX_HEADER + 1], again[HOMA_MAX_HEADER + 1];
		u32 length, k;

		pkt.sender_id = random64(&seed) | 2;
		switch (pkt.type) {
		case HOMA_DATA:
			pkt.data.message_length = 1 + random_below(&seed, MAX);
			pkt.data.offset = random_below(&seed, pkt.data.message_length);
			pkt.data.incoming = random_below(&seed, pkt.data.message_length + 1);
			pkt.data.ack.client_id = random64(&seed);
			pkt.data.ack.server_port = (u16)random64(&seed);
			pkt.data.cutoff_version = (u16)random64(&seed);
			pkt.data.retransmit = i & 1;
			break;
		case HOMA_GRANT:
			pkt.grant.offset = (u32)random64(&seed);
			pkt.grant.priority = random64(&seed) & 7;
			break;
		case HOMA_RESEND:
			pkt.resend.offset = (u32)random64(&seed);
			pkt.resend.length = (u32)random64(&seed);
			pkt.resend.priority = random64(&seed) & 7;
			break;
		case HOMA_CUTOFFS:
			for (k = 0; k < 8; k++)
				pkt.cutoffs.cutoff[k] = (u32)random64(&seed);
			pkt.cutoffs.version = (u16)random64(&seed);
			break;
		case HOMA_ACK:
			pkt.ack.count = random_below(&seed, HOMA_MAX_ACKS + 1);
			for (k = 0; k < pkt.ack.count; k++)
				pkt.ack.ack[k] = (struct homa_ack){ random64(&seed),
								    (u16)random64(&seed) };
			break;
		}
		length = homa_wire_encode(bytes, &pkt);
		if (pkt.type == HOMA_DATA)
			bytes[length++] = 0x5a;
		assert_int_equal(decode(&back, bytes, length), HOMA_DROP_NONE);
		assert_int_equal(homa_wire_encode(again, &back), homa_wire_header_length(pkt.type));
		assert_memory_equal(again, bytes, homa_wire_header_length(pkt.type));
	}
}

static struct homa_packet data_packet(u32 length, u32 offset)
{
	struct homa_packet pkt = packet(HOMA_DATA);

	pkt.data.message_length = length;
	pkt.data.offset = offset;
	return pkt;
}

static void disguised_packets_are_told_from_others_and_decode_alike(void **state)
{
	struct homa_packet pkt = data_packet(10000, 1400), back;
	u8 bytes[HOMA_DATA_HEADER + 100] = { 0 };

	(void)state;
	homa_wire_encode(bytes, &pkt);
	assert_false(homa_wire_disguised(bytes));
	homa_wire_disguise(bytes);
	assert_true(homa_wire_disguised(bytes));
	assert_int_equal(bytes[13], 6);
	assert_int_equal(bytes[18], 0xb9);
	assert_int_equal(bytes[19], 0x7d);
	assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_NONE);
	assert_int_equal(back.data.offset, 1400);
	bytes[13] = 2;
	assert_false(homa_wire_disguised(bytes));
	bytes[13] = 6;
	bytes[19] = 0;
	assert_false(homa_wire_disguised(bytes));
}

/* As a NIC that takes it for TCP does. */
static void segments_cut_as_tcp_know_their_offset_by_sequence(void **state)
{
	struct homa_packet pkt = data_packet(10000, 1400), back;
	u8 bytes[HOMA_DATA_HEADER + 500] = { 0 };
	u32 sequence = 1400 + 500;

	(void)state;
	homa_wire_encode(bytes, &pkt);
	homa_wire_use_sequence(bytes);
	assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_NONE);
	assert_int_equal(back.data.offset, 1400);
	bytes[6] = (u8)(sequence >> 8);
	bytes[7] = (u8)sequence;
	assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_NONE);
	assert_int_equal(back.data.offset, sequence);
}

static void interleaved_batches_are_told_and_each_segment_has_its_offset(void **state)
{
	struct homa_packet pkt = data_packet(10000, 1400), back;
	u8 bytes[HOMA_DATA_HEADER + 500] = { 0 };

	(void)state;
	homa_wire_encode(bytes, &pkt);
	assert_false(homa_wire_interleaved(bytes));
	homa_wire_interleave(bytes);
	assert_true(homa_wire_interleaved(bytes));
	assert_int_equal(bytes[12], 13 << 4);
	assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_NONE);
	assert_int_equal(back.data.offset, 1400);
	/* A segment is the header up to its segment header, and that. */
	homa_wire_segment_header(bytes + HOMA_DATA_HEADER - HOMA_SEG_HEADER, 5600);
	assert_int_equal(decode(&back, bytes, sizeof(bytes)), HOMA_DROP_NONE);
	assert_int_equal(back.data.offset, 5600);
	pkt = packet(HOMA_GRANT);
	homa_wire_encode(bytes, &pkt);
	homa_wire_interleave(bytes);
	assert_false(homa_wire_interleaved(bytes));
}

static void quotes_name_an_rpc_or_two_ports(void **state)
{
	struct homa_packet pkt = { .sender_id = 0x1234, .sport = 3, .dport = 7,
				   .type = HOMA_NEED_ACK };
	u8 bytes[HOMA_MAX_HEADER];
	struct homa_quote quote;

	(void)state;
	homa_wire_encode(bytes, &pkt);
	assert_true(homa_wire_quote(&quote, bytes, HOMA_COMMON_HEADER, true));
	assert_true(quote.id == 0x1234 && !quote.local && quote.remote == 7);
	assert_true(homa_wire_quote(&quote, bytes, HOMA_COMMON_HEADER, false));
	assert_true(quote.id == 0x1234 && !quote.local && !quote.remote);
	assert_true(homa_wire_quote(&quote, bytes, HOMA_COMMON_HEADER - 1, false));
	assert_true(!quote.id && quote.local == 3 && quote.remote == 7);
	assert_true(homa_wire_quote(&quote, bytes, 8, true));
	assert_true(!quote.id && quote.local == 3 && quote.remote == 7);
	assert_false(homa_wire_quote(&quote, bytes, 7, true));
	assert_false(homa_wire_quote(&quote, bytes, 0, true));

	/* What has no RPC or no port must not be taken for what means all of them. */
	pkt.sender_id = 1;
	homa_wire_encode(bytes, &pkt);
	assert_false(homa_wire_quote(&quote, bytes, HOMA_COMMON_HEADER, false));
	pkt.sport = 0;
	homa_wire_encode(bytes, &pkt);
	assert_false(homa_wire_quote(&quote, bytes, 8, false));
}

static void packets_with_a_whole_message_are_told(void **state)
{
	struct homa_packet pkt = data_packet(100, 0);
	u8 bytes[HOMA_DATA_HEADER];

	(void)state;
	homa_wire_encode(bytes, &pkt);
	assert_int_equal(homa_wire_type(bytes), HOMA_DATA);
	assert_int_equal(homa_wire_sender_id(bytes), pkt.sender_id);
	assert_true(homa_wire_whole(bytes, HOMA_DATA_HEADER + 100));
	assert_true(homa_wire_whole(bytes, HOMA_DATA_HEADER + 101));
	assert_false(homa_wire_whole(bytes, HOMA_DATA_HEADER + 99));
	assert_false(homa_wire_whole(bytes, HOMA_DATA_HEADER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_has_its_layout),
		cmocka_unit_test(grant_has_its_layout),
		cmocka_unit_test(resend_has_its_layout),
		cmocka_unit_test(packets_without_body_are_a_common_header),
		cmocka_unit_test(cutoffs_has_its_layout),
		cmocka_unit_test(ack_has_its_layout),
		cmocka_unit_test(one_byte_less_than_the_header_is_short),
		cmocka_unit_test(unknown_types_are_refused),
		cmocka_unit_test(zero_ports_and_ids_are_refused),
		cmocka_unit_test(impossible_data_is_refused),
		cmocka_unit_test(padding_is_not_data),
		cmocka_unit_test(offset_is_read_from_sequence_when_the_segment_header_says_so),
		cmocka_unit_test(bad_priorities_and_counts_are_refused),
		cmocka_unit_test(reasons_have_distinct_names),
		cmocka_unit_test(what_is_accepted_is_valid_whatever_the_bytes),
		cmocka_unit_test(any_packet_survives_encoding),
		cmocka_unit_test(disguised_packets_are_told_from_others_and_decode_alike),
		cmocka_unit_test(segments_cut_as_tcp_know_their_offset_by_sequence),
		cmocka_unit_test(interleaved_batches_are_told_and_each_segment_has_its_offset),
		cmocka_unit_test(quotes_name_an_rpc_or_two_ports),
		cmocka_unit_test(packets_with_a_whole_message_are_told),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
