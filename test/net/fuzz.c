// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A fuzzer of one host: bytes become calls of its users, packets from a few peers, and time that
 * passes, in any order; after each, the host must hold to the invariants of check.h, and when its
 * users and peers fall silent, it must let go of everything.
 *
 *   fuzz [--runs N] [--seed S]   random inputs, the same for the same seed
 *   fuzz FILE …                  inputs that a fuzzer has found
 *
 * Compiled with FUZZ_LIBFUZZER it is a target for libFuzzer, and for what follows its interface.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "prng.h"

#define PEERS 4
#define PORT 100
#define LIFETIME 400	/* ms of silence after which nothing may be left */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input, eaten from the front; zeros when it is used up. */
struct food {
	const u8 *at;
	size_t left;
};

struct fuzz {
	struct homa_host host;
	struct food food;
	u64 now, due[HOMA_HOST_TIMERS];
	bool set[HOMA_HOST_TIMERS];
	u32 arriving;		/* bytes of data in the packet being received */
	u64 ids[PEERS][8];	/* seen in packets to each peer */
	u32 next_id;
	bool silent;
};

static u32 eat(struct food *f, u32 bytes)
{
	u32 value = 0;

	while (bytes--) {
		value = value << 8 | (f->left ? *f->at : 0);
		if (f->left) {
			f->at++;
			f->left--;
		}
	}
	return value;
}

/* A number that is small, large or on an edge. */
static u32 eat_number(struct food *f, u32 bound)
{
	switch (eat(f, 1) & 7) {
	case 0:
		return eat(f, 4);
	case 1:
		return bound;
	case 2:
		return bound - 1;
	case 3:
		return bound + 1;
	case 4:
		return 0xffffffff;
	case 5:
		return eat(f, 1);
	default:
		return bound ? eat(f, 4) % bound : 0;
	}
}

static void die(const char *why)
{
	fprintf(stderr, "fuzz: %s\n", why);
	abort();
}

static void op_send(void *owner, struct homa_host_peer *peer, const struct homa_packet *pkt,
		    struct homa_host_rpc *rpc, u8 priority)
{
	struct fuzz *z = owner;
	u8 bytes[HOMA_MAX_HEADER + 1];
	struct homa_packet back;
	u32 length = homa_wire_encode(bytes, pkt);

	/* What a host sends, a host accepts. */
	bytes[length] = 0;
	if (homa_wire_decode(&back, bytes, length + 1, length + 1, HOMA_MESSAGE_CEILING) ||
	    priority >= HOMA_PRIORITIES || back.sender_id != pkt->sender_id)
		die("a malformed packet was sent");
	if (pkt->type == HOMA_DATA &&
	    (!rpc || pkt->data.offset + pkt->data.length > rpc->out.length || !pkt->data.length))
		die("DATA outside of its message was sent");
	z->ids[(peer->address.low & 0xff) % PEERS][z->next_id++ % 8] = pkt->sender_id ^ 1;
}

static void op_set_timer(void *owner, enum homa_host_timer timer, u64 when)
{
	struct fuzz *z = owner;

	if (z->set[timer])
		die("a timer was set twice");
	z->set[timer] = true;
	z->due[timer] = when;
}

static void *op_accept(void *owner, struct homa_host_peer *peer, u16 port)
{
	(void)peer;
	return port == PORT ? owner : NULL;
}

static void op_data(void *owner, struct homa_host_rpc *rpc, struct homa_range range, u32 at)
{
	const struct fuzz *z = owner;

	if (range.start >= range.end || range.end > rpc->core.in.length ||
	    at + range.end - range.start > z->arriving)
		die("bytes that never came were handed over");
}

static void op_deliver(void *owner, struct homa_host_rpc *rpc)
{
	struct fuzz *z = owner;
	u32 how = eat(&z->food, 1);

	if (rpc->core.in.received != rpc->core.in.length)
		die("an incomplete message was delivered");
	if (!homa_rpc_is_client(&rpc->core) && (how & 1))
		homa_host_reply(&z->host, z->now, rpc, 1 + eat_number(&z->food, 2000) % 100000);
	else if (how & 2)
		homa_host_abort(&z->host, z->now, rpc);
}

static void op_restart(void *owner, struct homa_host_rpc *rpc)
{
	(void)owner;
	(void)rpc;
}

/* Any RPC with a peer, or NULL. */
static struct homa_host_rpc *pick(struct fuzz *z, struct homa_host_peer *peer)
{
	u32 skip = eat(&z->food, 1) & 3;
	struct homa_link *at;

	if (!peer)
		return NULL;
	at = peer->rpcs.next;
	while (at != &peer->rpcs && skip--)
		at = at->next;
	return at == &peer->rpcs ? NULL :
				   homa_container_of(at, struct homa_host_rpc, of_peer);
}

static void op_fail(void *owner, struct homa_host_rpc *rpc, enum homa_error error)
{
	struct fuzz *z = owner;
	struct homa_host_rpc *other;

	if (!error)
		die("failed without an error");
	other = pick(z, rpc->peer);
	if (other && (eat(&z->food, 1) & 1))
		homa_host_abort(&z->host, z->now, other);
	else if (!z->silent && (eat(&z->food, 1) & 1))
		homa_host_call(&z->host, z->now, rpc->peer, 40000, PORT, 100, z, NULL);
}

static void op_free_message(void *owner, struct homa_host_rpc *rpc)
{
	(void)owner;
	(void)rpc;
}

static const struct homa_host_ops ops = {
	.send = op_send,
	.set_timer = op_set_timer,
	.accept = op_accept,
	.data = op_data,
	.deliver = op_deliver,
	.restart = op_restart,
	.fail = op_fail,
	.free_message = op_free_message,
};

static struct homa_address address_of(u32 peer)
{
	return (struct homa_address){ .low = HOMA_IPV4_MAPPED | peer };
}

static void receive(struct fuzz *z)
{
	u8 bytes[HOMA_MAX_HEADER + 2000];
	struct homa_packet pkt;
	struct food *f = &z->food;
	u32 peer = eat(f, 1) % PEERS, length, i, size = 1 + eat_number(f, 3000) % 200000;

	memset(&pkt, 0, sizeof(pkt));
	memset(bytes, 0, sizeof(bytes));
	pkt.type = HOMA_DATA + (u8)(eat(f, 1) % HOMA_TYPES);
	pkt.sport = 40000;
	pkt.dport = eat(f, 1) & 7 ? PORT : 7;
	pkt.sender_id = eat(f, 1) & 1 ? 2 + eat(f, 1) : z->ids[peer][eat(f, 1) & 7];
	switch (pkt.type) {
	case HOMA_DATA:
		pkt.data.message_length = size;
		pkt.data.offset = eat_number(f, size / 1000 * 1000) % size;
		pkt.data.incoming = eat_number(f, size);
		pkt.data.retransmit = eat(f, 1) & 1;
		pkt.data.cutoff_version = (u16)eat_number(f, 2);
		pkt.data.ack.client_id = eat(f, 1) & 1 ? z->ids[peer][eat(f, 1) & 7] : 0;
		break;
	case HOMA_GRANT:
		pkt.grant.offset = eat_number(f, size);
		pkt.grant.priority = (u8)(eat(f, 1) & 7);
		break;
	case HOMA_RESEND:
		pkt.resend.offset = eat_number(f, size);
		pkt.resend.length = eat_number(f, size);
		pkt.resend.priority = (u8)(eat(f, 1) & 7);
		break;
	case HOMA_CUTOFFS:
		for (i = 0; i < HOMA_PRIORITIES; i++)
			pkt.cutoffs.cutoff[i] = eat_number(f, size);
		pkt.cutoffs.version = (u16)eat_number(f, 2);
		break;
	case HOMA_ACK:
		pkt.ack.count = (u16)(eat(f, 1) % (HOMA_MAX_ACKS + 1));
		for (i = 0; i < pkt.ack.count; i++)
			pkt.ack.ack[i].client_id = z->ids[peer][eat(f, 1) & 7];
		break;
	}
	length = homa_wire_encode(bytes, &pkt);
	if (pkt.type == HOMA_DATA)
		length += eat(f, 1) & 3 ? 1000 : eat_number(f, 100) % 1900;
	if (!(eat(f, 1) & 15))
		bytes[eat(f, 1) % HOMA_MAX_HEADER] ^= (u8)eat(f, 1);
	if (!(eat(f, 1) & 15))
		length = eat_number(f, HOMA_DATA_HEADER) % sizeof(bytes);
	z->arriving = length > HOMA_DATA_HEADER ? length - HOMA_DATA_HEADER : 0;
	/* A copy of the exact size lets the sanitizer see reads beyond it. */
	{
		u8 *exact = malloc(length ? length : 1);

		if (!exact)
			die("no memory");
		memcpy(exact, bytes, length);
		homa_host_input(&z->host, z->now, address_of(peer), exact, length, length);
		free(exact);
	}
}

/* Let time pass and timers fire. */
static void pass(struct fuzz *z, u64 until)
{
	const char *why;
	u32 i;

	for (;;) {
		u32 next = HOMA_HOST_TIMERS;

		for (i = 0; i < HOMA_HOST_TIMERS; i++)
			if (z->set[i] && z->due[i] <= until &&
			    (next == HOMA_HOST_TIMERS || z->due[i] < z->due[next]))
				next = i;
		if (next == HOMA_HOST_TIMERS)
			break;
		if (z->due[next] > z->now)
			z->now = z->due[next];
		z->set[next] = false;
		if (next == HOMA_HOST_PACER)
			homa_host_pace(&z->host, z->now);
		else
			homa_host_tick(&z->host, z->now);
		why = check_host(&z->host);
		if (why)
			die(why);
	}
	z->now = until;
}

static void use(struct fuzz *z)
{
	struct food *f = &z->food;
	struct homa_host_peer *peer =
		homa_host_peer(&z->host, z->now, address_of(eat(f, 1) % PEERS));
	struct homa_host_rpc *rpc = pick(z, peer);
	struct homa_quote quote;

	switch (eat(f, 1) & 3) {
	case 0:
		homa_host_call(&z->host, z->now, peer, 40000, PORT, eat_number(f, 40000) % 300000,
			       z, NULL);
		break;
	case 1:
		if (rpc)
			homa_host_reply(&z->host, z->now, rpc, eat_number(f, 40000) % 300000);
		break;
	case 2:
		if (rpc)
			homa_host_abort(&z->host, z->now, rpc);
		break;
	case 3:
		quote.id = eat(f, 1) & 1 && rpc ? rpc->core.id : 0;
		quote.local = eat(f, 1) & 1 ? 40000 : 0;
		quote.remote = eat(f, 1) & 1 ? PORT : 0;
		homa_host_unreachable(&z->host, z->now, peer, &quote, HOMA_ERR_NOTCONN);
		break;
	}
}

static void end_service(struct fuzz *z)
{
	u32 i;

	for (i = 0; i < PEERS; i++) {
		struct homa_host_peer *peer = homa_host_known_peer(&z->host, address_of(i));
		struct homa_link *at;

		if (!peer)
			continue;
		at = peer->rpcs.next;
		while (at != &peer->rpcs) {
			struct homa_host_rpc *rpc =
				homa_container_of(at, struct homa_host_rpc, of_peer);

			at = at->next;
			if (rpc->core.state == HOMA_RPC_SERVING)
				homa_host_abort(&z->host, z->now, rpc);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct homa_host_link link = { .mtu = 1500, .framing = 38, .min_frame = 46 };
	struct fuzz *z = calloc(1, sizeof(*z));
	struct homa_params params;
	const char *why;
	struct food *f;

	if (!z)
		die("no memory");
	f = &z->food;
	f->at = data;
	f->left = size;
	z->now = 1000000;
	homa_params_init(&params);
	params.stall_ticks = 50;	/* below LIFETIME */
	params.unsched_bytes = 1 + eat(f, 2);
	params.max_incoming = 1 + eat(f, 3) % 300000;
	params.max_overcommit = 1 + eat(f, 1) % HOMA_MAX_OVERCOMMIT;
	params.window = eat(f, 1) & 1 ? 1 + eat(f, 2) : 0;
	params.grant_fifo_fraction = eat(f, 2) % 501;
	params.fifo_grant_increment = 1 + eat(f, 2);
	params.pacer_fifo_fraction = eat(f, 2) % 1001;
	params.tail_bytes = eat(f, 1) & 1 ? eat(f, 2) : 0;
	params.cutoff_interval = eat(f, 1) & 3;
	params.unsched_by_remaining = eat(f, 1) & 1;
	if (eat(f, 1) & 1) {
		params.peer_gc_threshold = eat(f, 1) % PEERS;
		params.peer_net_max = 1 + eat(f, 1) % PEERS;
		params.peer_idle_secs_min = 0;
		params.peer_idle_secs_max = 0;
		params.max_rpcs_per_peer = 1 + eat(f, 1) % 64;
	}
	params.max_served_rpcs = 64;
	if (homa_params_update(&params))
		die("parameters that do not fit together");
	if (!homa_host_init(&z->host, &ops, z, &params, &link, 2, 1u << (eat(f, 1) & 3)))
		die("no memory");

	while (f->left) {
		switch (eat(f, 1) & 7) {
		case 0:
			use(z);
			break;
		case 1:
			pass(z, z->now + (u64)eat(f, 1) * 100000);
			break;
		default:
			receive(z);
		}
		why = check_host(&z->host);
		if (why)
			die(why);
	}
	/* Nobody says anything any more. */
	z->silent = true;
	end_service(z);
	pass(z, z->now + LIFETIME * 1000000ull);
	end_service(z);
	pass(z, z->now + LIFETIME * 1000000ull);
	why = check_empty(&z->host);
	if (why)
		die(why);
	homa_host_destroy(&z->host);
	free(z);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
#define LONGEST 4000	/* bytes of a random input */

static int run_file(const char *name)
{
	static u8 bytes[1 << 20];
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file) {
		perror(name);
		return 2;
	}
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size);
	printf("ok - %s\n", name);
	return 0;
}

/* From 1; anything else ends the program. */
static u64 number_of(const char *option, const char *text)
{
	u64 number;
	int end = 0;

	if (*text == '-' || sscanf(text, "%" SCNu64 "%n", &number, &end) != 1 || text[end] ||
	    !number) {
		fprintf(stderr, "fuzz: %s '%s' is not a number from 1\n", option, text);
		exit(2);
	}
	return number;
}

int main(int argc, char **argv)
{
	static u8 bytes[LONGEST];
	u64 runs = 2000, seed = 1, run;
	int k, bad = 0;

	for (k = 1; k < argc; k++) {
		if (!strcmp(argv[k], "--help")) {
			printf("usage: fuzz [--runs N] [--seed S] | FILE ...\n"
			       "Throw random calls, packets and pauses at one host.\n"
			       "  --runs N  inputs, from 1 (default 2000)\n"
			       "  --seed S  of the first one, from 1; the next has S + 1 (default 1)\n"
			       "  --help    print this\n"
			       "Exit status: 0 good, 2 bad usage; aborts at the first failure.\n");
			return 0;
		} else if (!strcmp(argv[k], "--runs") && k + 1 < argc) {
			runs = number_of(argv[k], argv[k + 1]);
			k++;
		} else if (!strcmp(argv[k], "--seed") && k + 1 < argc) {
			seed = number_of(argv[k], argv[k + 1]);
			k++;
		} else if (argv[k][0] == '-') {
			fprintf(stderr, "fuzz: no such option '%s'; --help lists them\n", argv[k]);
			return 2;
		} else {
			bad |= run_file(argv[k]);
			runs = 0;
		}
	}
	for (run = 0; run < runs; run++) {
		struct prng p = { .state = prng_mix(seed + run) };
		size_t size = prng_below(&p, LONGEST), i;

		for (i = 0; i < size; i++)
			bytes[i] = (u8)prng_next(&p);
		/* Stays in the log when a run dies. */
		if (run % 500 == 0) {
			printf("# seeds from %" PRIu64 "\n", seed + run);
			fflush(stdout);
		}
		LLVMFuzzerTestOneInput(bytes, size);
	}
	if (runs)
		printf("ok - a host survives random calls and packets (%" PRIu64 " runs)\n", runs);
	return bad;
}
#endif
