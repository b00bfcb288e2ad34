// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Client of `load`. One thread sends when the schedule says so, another one receives.
 *
 * The load is counted on the wire: headers, framing, the grants for what is beyond the unscheduled
 * bytes, and the response. All sizes and times are drawn in advance, and the times are stretched so
 * that the load of this very draw is as wanted, which a few hundred messages of a workload with a
 * long tail would otherwise miss by far.
 *
 * Times are from sendmsg() to the response. The least time of a size is that of the wire plus what
 * the shortest RPC takes on the idle network, so slowdowns count what emulated machines cost once.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../workloads/random.h"
#include "../../workloads/sampler.h"
#include "load.h"
#include "tap.h"

#define FRAMING	     38		/* bytes of Ethernet around an IP packet, preamble and gap too */
#define LEAST_PACKET 46		/* bytes of the shortest IP packet with its padding */
#define DATA_HEADER  56
#define GRANT_HEADER 33
#define MTU	     1500
#define UNSCHEDULED  40000
#define RTTS	     21		/* short RPCs before the load */
#define ROWS	     11		/* of the table: tenths of the messages, the last one split */
#define SHORT	     10000	/* bytes of messages that must not wait for long ones */

struct rpc {
	uint64_t due;		/* ns after the start */
	uint64_t start, took;	/* ns; took 0: not ended */
	uint32_t length;
	uint8_t to;
};

static struct {
	const struct load_options *o;
	struct endpoint e;
	union address to[LOAD_MAX_PEERS];
	struct sampler sizes;
	struct rpc *rpc;
	unsigned int count, header;
	double offered;		/* bytes on the wire */
	uint64_t rtt;		/* ns; of the shortest RPC */
	atomic_uint sent, over;
	unsigned int wrong, strange, failed;
	int error;
} client;

static double packet_bytes(unsigned int bytes)
{
	return (bytes < LEAST_PACKET ? LEAST_PACKET : bytes) + FRAMING;
}

static double message_bytes(uint32_t bytes)
{
	uint32_t most = MTU - client.header - DATA_HEADER;
	uint32_t full = (bytes - 1) / most, last = bytes - full * most;

	return full * packet_bytes(MTU) + packet_bytes(client.header + DATA_HEADER + last);
}

static uint32_t cut(uint32_t bytes)
{
	if (bytes < sizeof(struct load_head))
		return sizeof(struct load_head);
	return bytes > HOMA_MAX_MESSAGE_LENGTH ? HOMA_MAX_MESSAGE_LENGTH : bytes;
}

/* What an RPC costs on the wire: of clients and servers alike, all grants go the other way. */
static double rpc_bytes(uint32_t bytes)
{
	uint32_t most = MTU - client.header - DATA_HEADER;
	double grants = 0;

	if (bytes > UNSCHEDULED)
		grants = ceil((bytes - UNSCHEDULED) / (double)most);
	return message_bytes(bytes) + message_bytes(LOAD_REPLY) +
	       grants * packet_bytes(client.header + GRANT_HEADER);
}

static double bytes_per_ns(void)
{
	return client.o->mbps / 8e3;
}

/* Sizes and times of all requests. */
static void plan(void)
{
	const struct load_options *o = client.o;
	double wanted = o->load * bytes_per_ns() * o->seconds * 1e9, at = 0, end;
	struct rng rng;
	unsigned int i;

	client.rpc = calloc(LOAD_MAX_MESSAGES, sizeof(*client.rpc));
	rng_seed(&rng, o->seed, o->node);
	while (client.offered < wanted) {
		struct rpc *rpc = &client.rpc[client.count++];

		if (client.count == LOAD_MAX_MESSAGES - RTTS)
			bail("the load is less than %u messages", client.count);
		at += rng_exponential(&rng, 1e6);
		rpc->due = at;
		rpc->length = cut(sampler_draw(&client.sizes, rng_next(&rng)));
		rpc->to = rng_below(&rng, o->addresses);
		client.offered += rpc_bytes(rpc->length);
	}
	end = client.offered / (o->load * bytes_per_ns());
	for (i = 0; i < client.count; i++)
		client.rpc[i].due *= end / at;
}

static void send_one(unsigned int i, char *data)
{
	struct homa_sendmsg_args args = { .completion_cookie = i };
	struct rpc *rpc = &client.rpc[i];
	struct load_head head = { .number = (uint64_t)client.o->node << 32 | i,
				  .length = rpc->length };

	pattern_fill(data, rpc->length, head.number);
	memcpy(data, &head, sizeof(head));
	rpc->start = now_ns();
	atomic_store(&client.sent, i + 1);
	if (send_request(&client.e, &client.to[rpc->to], data, rpc->length, &args))
		bail("request %u is sent: %s", i, strerrorname_np(errno));
}

static void *receive_all(void *arg)
{
	struct message m = { 0 };
	uint64_t i, now;

	(void)arg;
	while (atomic_load(&client.over) < client.count) {
		ssize_t length = receive(&client.e, &m, 0, 0);

		now = now_ns();
		i = m.args.completion_cookie;
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && !m.args.id) {
			client.error = errno;
			break;
		}
		if (i >= atomic_load(&client.sent) || client.rpc[i].took) {
			client.strange++;
			continue;
		}
		client.rpc[i].took = now - client.rpc[i].start;
		if (length < 0) {
			client.failed++;
			client.error = errno;
		} else if (length != LOAD_REPLY ||
			   message_wrong(&client.e, &m, ~((uint64_t)client.o->node << 32 | i)) !=
				   LOAD_REPLY) {
			client.wrong++;
		}
		atomic_fetch_add(&client.over, 1);
	}
	receive(&client.e, &m, 0, MSG_DONTWAIT);
	return NULL;
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The shortest RPC on the idle network: median of some. Their numbers are the client's last. */
static void measure_rtt(void)
{
	struct load_head head = { .length = sizeof(head) };
	struct message m = { 0 };
	double took[RTTS];
	unsigned int i;

	for (i = 0; i < RTTS; i++) {
		uint64_t start = now_ns();

		head.number = (uint64_t)client.o->node << 32 | (LOAD_MAX_MESSAGES - 1 - i);
		if (send_request(&client.e, &client.to[i % client.o->addresses], &head,
				 sizeof(head), NULL) ||
		    receive(&client.e, &m, 0, 0) != LOAD_REPLY)
			bail("an RPC with %s on the idle network ends: %s",
			     client.o->address[i % client.o->addresses], strerrorname_np(errno));
		took[i] = now_ns() - start;
	}
	receive(&client.e, &m, 0, MSG_DONTWAIT);
	qsort(took, RTTS, sizeof(*took), by_number);
	client.rtt = took[RTTS / 2];
}

static double least_ns(uint32_t length)
{
	return client.rtt + (message_bytes(length) - message_bytes(sizeof(struct load_head))) /
				    bytes_per_ns();
}

/* Times in us and slowdowns of messages longer than @above and up to @upto. Median time in ns. */
static double show_row(FILE *file, uint32_t above, uint32_t upto)
{
	double *time = calloc(client.count, sizeof(*time)), *slow = calloc(client.count,
									 sizeof(*slow));
	double median = 0;
	unsigned int i, n = 0;

	for (i = 0; i < client.count; i++) {
		const struct rpc *rpc = &client.rpc[i];

		if (rpc->length <= above || rpc->length > upto || !rpc->took)
			continue;
		time[n] = rpc->took;
		slow[n++] = rpc->took / least_ns(rpc->length);
	}
	if (n) {
		qsort(time, n, sizeof(*time), by_number);
		qsort(slow, n, sizeof(*slow), by_number);
		median = time[(n - 1) / 2];
		if (file)
			fprintf(file, "%u\t%u\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\n", upto, n,
				median / 1e3, time[(n - 1) * 99 / 100] / 1e3, slow[(n - 1) / 2],
				slow[(n - 1) * 99 / 100], slow[n - 1]);
	}
	free(time);
	free(slow);
	return median;
}

static void write_table(const char *path)
{
	static const double p[ROWS] = { .1, .2, .3, .4, .5, .6, .7, .8, .9, .95, 1 };
	FILE *file = fopen(path, "w");
	uint32_t above = 0, upto;
	unsigned int i;

	if (!file)
		bail("%s can be written", path);
	fprintf(file, "# up_to_bytes\tmessages\tp50_us\tp99_us\tp50_slowdown\tp99_slowdown\t"
		"max_slowdown\n");
	for (i = 0; i < ROWS; i++, above = upto) {
		upto = cut(sampler_quantile(&client.sizes, p[i]));
		if (upto > above)
			show_row(file, above, upto);
	}
	if (fclose(file))
		bail("%s can be written", path);
}

static void report(uint64_t start, uint64_t late)
{
	const struct load_options *o = client.o;
	uint64_t end = 0;
	unsigned int i;

	for (i = 0; i < client.count; i++) {
		const struct rpc *rpc = &client.rpc[i];

		if (rpc->took && rpc->start + rpc->took > end)
			end = rpc->start + rpc->took;
	}
	note("client: %u messages, %.0f bytes on the wire; offered in %.2f s, done in %.2f s; "
	     "shortest RPC %.0f us; sent up to %.0f ms late", client.count, client.offered,
	     client.rpc[client.count - 1].due / 1e9, (end - start) / 1e9, client.rtt / 1e3,
	     late / 1e6);
	is(client.over, client.count, "client: every RPC ends within %u s", o->limit);
	is(client.strange, 0, "client: none ends twice");
	is(client.wrong, 0, "client: every response is right");
	if (!is(client.failed, 0, "client: no RPC fails") || client.error)
		note("error: %s", strerrorname_np(client.error));
	if (o->table)
		write_table(o->table);
	if (!o->busy) {
		double median = show_row(NULL, 0, SHORT);
		double most = message_bytes(HOMA_MAX_MESSAGE_LENGTH) / bytes_per_ns() / 2;

		/* Where this program has to wait for a processor, so have others. */
		most += late;
		ok(median < most, "client: half of those up to %u bytes take less than %.0f ms",
		   SHORT, most / 1e6);
		note("half of what the longest takes alone, and %.0f ms that the machine was late; "
		     "they take %.1f ms", late / 1e6, median / 1e6);
	}
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

void load_run_client(const struct load_options *o)
{
	char error[SAMPLER_ERROR_LEN], *data = malloc(HOMA_MAX_MESSAGE_LENGTH);
	uint64_t start, late = 0, now;
	pthread_t receiver;
	unsigned int i;

	client.o = o;
	if (sampler_open(&client.sizes, o->workload, NULL, error, sizeof(error))) {
		fprintf(stderr, "load: %s\n", error);
		exit(2);
	}
	for (i = 0; i < o->addresses; i++)
		client.to[i] = address_of(o->address[i], o->port);
	client.header = client.to[0].sa.sa_family == AF_INET ? 20 : 40;
	client.e = endpoint_must(AF_INET6, 0, 256);
	for (i = 0; client.header == 20 && i < o->addresses; i++) {
		/* One socket for all: as addresses of IPv6. */
		union address a = address_of("::ffff:0.0.0.0", o->port);

		memcpy(&a.in6.sin6_addr.s6_addr[12], &client.to[i].in4.sin_addr, 4);
		client.to[i] = a;
	}
	within(o->limit + 30, "the load");
	plan();
	measure_rtt();
	if (pthread_create(&receiver, NULL, receive_all, NULL))
		bail("a thread starts");
	start = now_ns();
	for (i = 0; i < client.count; i++) {
		sleep_until(start + client.rpc[i].due);
		now = now_ns();
		if (now - start - client.rpc[i].due > late)
			late = now - start - client.rpc[i].due;
		send_one(i, data);
	}
	while (atomic_load(&client.over) < client.count && !client.error &&
	       now_ns() - start < o->limit * 1000000000ull)
		usleep(10000);
	report(start, late);
	if (atomic_load(&client.over) == client.count) {
		pthread_join(receiver, NULL);
		endpoint_close(&client.e);
		free(client.rpc);
	}
	sampler_close(&client.sizes);
	free(data);
}
