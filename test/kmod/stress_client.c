// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Clients of `stress`: each thread keeps a window of RPCs of mixed lengths under way on a socket of
 * its own, every eighth of them private, and knows of each what became of it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"
#include "tap.h"

enum state { UNSENT, UNDER_WAY, OVER };

struct rpc {
	uint32_t reply_length;
	enum state state;
};

struct client {
	const struct stress_options *o;
	struct endpoint e;
	union address to;
	pthread_t thread;
	uint64_t first;		/* number of its first request */
	uint64_t random;
	struct rpc *rpc;
	unsigned int sent, over;
	unsigned int wrong, timeouts, failed, strange;
	int error;		/* of the last RPC or call that failed */
	uint64_t bytes;
};

static uint32_t draw(struct client *c, uint32_t below)
{
	c->random = c->random * 6364136223846793005ull + 1442695040888963407ull;
	return (c->random >> 33) % below;
}

/* Mostly short, as traffic is: of eight messages five up to 1 KB, two up to 16 KB, one long. */
static uint32_t draw_length(struct client *c)
{
	static const uint32_t limit[8] = { 100, 100, 1000, 1000, 1000, 16000, 16000,
					   HOMA_MAX_MESSAGE_LENGTH };
	uint32_t most = limit[draw(c, 8)], least = sizeof(struct stress_head);

	if (most == HOMA_MAX_MESSAGE_LENGTH && draw(c, 4))
		most = 100000;
	if (c->o->min_size) {
		most = c->o->max_size;
		least = c->o->min_size;
	}
	if (most > c->o->max_size)
		most = c->o->max_size;
	return most <= least ? least : least + draw(c, most - least + 1);
}

static void start_rpc(struct client *c, char *data, uint64_t *private)
{
	unsigned int i = c->sent;
	struct homa_sendmsg_args args = {
		.completion_cookie = i,
		.flags = i % 8 == 7 ? HOMA_SENDMSG_PRIVATE : 0,
	};
	struct stress_head head = {
		.number = c->first + i,
		.reply_length = draw_length(c),
		.length = draw_length(c),
	};
	union address to = c->to;
	in_port_t port = htons(c->o->port + draw(c, c->o->servers));

	if (to.sa.sa_family == AF_INET)
		to.in4.sin_port = port;
	else
		to.in6.sin6_port = port;
	pattern_fill(data, head.length, head.number);
	memcpy(data, &head, sizeof(head));
	c->rpc[i].reply_length = head.reply_length;
	c->rpc[i].state = UNDER_WAY;
	c->sent++;
	if (send_request(&c->e, &to, data, head.length, &args)) {
		c->rpc[i].state = OVER;
		c->error = errno;
		c->failed++;
		c->over++;
		return;
	}
	c->bytes += head.length + head.reply_length;
	*private = args.flags ? args.id : 0;
}

/* Return: false when the socket is of no more use. */
static bool end_rpc(struct client *c, struct message *m, uint64_t id)
{
	ssize_t length = receive(&c->e, m, id, 0);
	uint64_t i = m->args.completion_cookie;

	if (length < 0 && errno == EINTR)
		return true;
	if (length < 0 && !m->args.id) {
		c->error = errno;
		c->failed++;
		return false;
	}
	if (i >= c->sent || c->rpc[i].state != UNDER_WAY) {
		c->strange++;
		return true;
	}
	c->rpc[i].state = OVER;
	c->over++;
	if (length >= 0) {
		if (length != c->rpc[i].reply_length ||
		    message_wrong(&c->e, m, ~(c->first + i)) != (size_t)length)
			c->wrong++;
	} else if (errno == ETIMEDOUT) {
		c->timeouts++;
	} else {
		c->error = errno;
		c->failed++;
	}
	return true;
}

static void *run_client(void *arg)
{
	char *data = malloc(HOMA_MAX_MESSAGE_LENGTH);
	struct client *c = arg;
	struct message m = { 0 };
	uint64_t private = 0;
	bool goes_on = true;

	while (goes_on && c->over < c->o->rpcs) {
		while (c->sent < c->o->rpcs && c->sent - c->over < c->o->window && !private)
			start_rpc(c, data, &private);
		if (c->over == c->sent)
			continue;
		goes_on = end_rpc(c, &m, private);
		private = 0;
	}
	/* The last bpages go back; nothing else may come. */
	if (receive(&c->e, &m, 0, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		c->strange++;
	free(data);
	return NULL;
}

/* What a socket is waiting for, when that took too long. */
static void show(const struct endpoint *e, const char *what)
{
	struct homa_rpc_info rpcs[8];
	struct homa_info info = { .rpc_info = (uintptr_t)rpcs, .rpc_info_length = sizeof(rpcs) };
	unsigned int i;

	if (ioctl(e->fd, HOMAIOCINFO, &info))
		return;
	note("%s: port %u, %u RPCs, %llu bytes free, \"%s\"", what, info.port, info.num_rpcs,
	     (unsigned long long)info.bpool_avail_bytes, info.error_msg);
	for (i = 0; i < info.rpc_info_length / sizeof(*rpcs); i++) {
		const struct homa_rpc_info *r = &rpcs[i];

		note("  id %llu port %u tx %d sent %u granted %u "
		     "rx %d left %u gaps %u granted %u flags %u", (unsigned long long)r->id,
		     address_port((const union address *)&r->peer), r->tx_length, r->tx_sent,
		     r->tx_granted, r->rx_length, r->rx_remaining, r->rx_gaps, r->rx_granted,
		     r->flags);
	}
}

void stress_quiet(const struct endpoint *e, const char *what)
{
	uint64_t leased = sysconf(_SC_NPROCESSORS_CONF) * (uint64_t)HOMA_BPAGE_SIZE;
	struct homa_info info = { 0 };
	unsigned int i;

	/* A server forgets an RPC when it knows that its client has the response. */
	for (i = 0; i < 300; i++) {
		if (ioctl(e->fd, HOMAIOCINFO, &info))
			break;
		if (!info.num_rpcs && info.bpool_avail_bytes + leased >= e->length)
			break;
		usleep(10000);
	}
	if (!is(info.num_rpcs, 0, "%s: no RPC is left", what))
		show(e, what);
	ok(info.bpool_avail_bytes + leased >= e->length, "%s: all bpages are free", what);
}

static bool joined(struct client *c, const struct timespec *limit)
{
	return !pthread_timedjoin_np(c->thread, NULL, limit);
}

void stress_run_clients(const struct stress_options *o)
{
	struct client *all = calloc(o->clients, sizeof(*all));
	unsigned int i, late = 0, over = 0, wrong = 0, timeouts = 0, failed = 0, strange = 0;
	uint64_t base, bytes = 0, start = now_ns();
	struct timespec limit;
	char name[20];
	int error = 0;

	if (getrandom(&base, sizeof(base), 0) != sizeof(base))
		bail("getrandom() works");
	base |= 1ull << 63;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += patience(o->seconds);
	for (i = 0; i < o->clients; i++) {
		struct client *c = &all[i];

		c->o = o;
		c->to = address_of(o->address, o->port);
		c->e = endpoint_must(c->to.sa.sa_family, 0, 256);
		c->first = (base & ~0xffffffffffull) + ((uint64_t)i << 24) + 1;
		c->random = 88172645463325252ull * (i + 1);
		c->rpc = calloc(o->rpcs, sizeof(*c->rpc));
		if (pthread_create(&c->thread, NULL, run_client, c))
			bail("a thread starts");
	}
	for (i = 0; i < o->clients; i++) {
		struct client *c = &all[i];

		snprintf(name, sizeof(name), "client %u", i);
		if (!joined(c, &limit)) {
			show(&c->e, name);
			late++;
		}
		over += c->over;
		wrong += c->wrong;
		timeouts += c->timeouts;
		failed += c->failed;
		strange += c->strange;
		bytes += c->bytes;
		if (c->error)
			error = c->error;
	}
	note("clients: %u RPCs, %llu bytes in %llu ms; %u timeouts, %u other errors", over,
	     (unsigned long long)bytes, (unsigned long long)(now_ns() - start) / 1000000, timeouts,
	     failed);
	if (late)
		bail("clients: every RPC ends within %u s", o->seconds);
	is(over, o->rpcs * o->clients, "clients: every RPC ends");
	is(strange, 0, "clients: none ends twice");
	ok(timeouts * 100 <= o->timeouts * over, "clients: no more than %u%% end with ETIMEDOUT",
	   o->timeouts);
	if (o->corrupt) {
		note("clients: %u responses were not as sent, %u errors", wrong, failed);
	} else {
		is(wrong, 0, "clients: every response is as sent");
		if (!is(failed, 0, "clients: no RPC ends with another error"))
			note("the last one: %s", strerrorname_np(error));
	}
	for (i = 0; i < o->clients; i++) {
		snprintf(name, sizeof(name), "client %u", i);
		stress_quiet(&all[i].e, name);
		endpoint_close(&all[i].e);
		free(all[i].rpc);
	}
	free(all);
}
