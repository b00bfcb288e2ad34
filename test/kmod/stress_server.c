// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Servers of `stress`: check each request, note that it ran, send the response it wants.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"
#include "tap.h"

#define MAX_SERVERS 64
#define PLACES (1u << 20)	/* of the ledger: many more than requests in a run */

static struct {
	const struct stress_options *o;
	struct endpoint socket[MAX_SERVERS];
	pthread_t thread[MAX_SERVERS];
	atomic_uint served, wrong, refused, twice;
	atomic_int error;		/* of the first recvmsg() or sendmsg() that failed */
	pthread_mutex_t lock;		/* of the ledger */
	uint64_t ledger[PLACES];	/* numbers of the requests that ran, hashed; 0: free */
	unsigned int entries;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Return: whether @number is new. */
static bool enter(uint64_t number)
{
	uint32_t at = (number * 0x9e3779b97f4a7c15ull) >> 44;
	bool new;

	pthread_mutex_lock(&all.lock);
	while (all.ledger[at] && all.ledger[at] != number)
		at = (at + 1) % PLACES;
	new = !all.ledger[at];
	if (new && ++all.entries > PLACES / 2) {
		fprintf(stderr, "stress: too many requests for the ledger\n");
		_exit(2);
	}
	all.ledger[at] = number;
	pthread_mutex_unlock(&all.lock);
	return new;
}

/* Is it a request as its client sent it? Copies it to @data. */
static bool right(const struct endpoint *e, const struct message *m, char *data)
{
	struct stress_head *head = (struct stress_head *)data;

	if (m->length < (ssize_t)sizeof(*head))
		return false;
	message_copy(e, m, data);
	return head->number && head->length == m->length && head->reply_length &&
	       head->reply_length <= HOMA_MAX_MESSAGE_LENGTH &&
	       pattern_wrong(data + sizeof(*head), m->length - sizeof(*head), sizeof(*head),
			     head->number) == m->length - sizeof(*head);
}

static void *serve(void *arg)
{
	const struct endpoint *e = arg;
	char *data = malloc(HOMA_MAX_MESSAGE_LENGTH);
	struct stress_head *head = (struct stress_head *)data;
	struct message m = { 0 };
	size_t reply;

	for (;;) {
		if (receive(e, &m, 0, 0) < 0) {
			if (errno == EINTR)
				continue;
			if (errno != ESHUTDOWN)
				atomic_store(&all.error, errno);
			break;
		}
		atomic_fetch_add(&all.served, 1);
		if (right(e, &m, data)) {
			if (!enter(head->number))
				atomic_fetch_add(&all.twice, 1);
			reply = head->reply_length;
			pattern_fill(data, reply, ~head->number);
		} else {
			atomic_fetch_add(&all.wrong, 1);
			reply = 1;
		}
		/* A client that has lost patience with us is gone, which is no one's fault. */
		if (send_reply(e, &m, data, reply)) {
			if (errno == ESHUTDOWN)
				break;
			atomic_fetch_add(&all.refused, 1);
			if (errno != EINVAL)
				atomic_store(&all.error, errno);
		}
	}
	free(data);
	return NULL;
}

void stress_serve(const struct stress_options *o)
{
	unsigned int i;

	if (o->servers > MAX_SERVERS) {
		fprintf(stderr, "stress: at most %d servers\n", MAX_SERVERS);
		exit(2);
	}
	all.o = o;
	for (i = 0; i < o->servers; i++) {
		all.socket[i] = endpoint_must(AF_INET6, o->port + i, o->bpages);
		if (pthread_create(&all.thread[i], NULL, serve, &all.socket[i]))
			bail("a thread starts");
	}
}

void stress_serve_end(void)
{
	unsigned int i;

	/* Their threads wait with all bpages given back, so nothing may be in use. */
	for (i = 0; i < all.o->servers; i++) {
		char name[20];

		snprintf(name, sizeof(name), "server %u", i);
		stress_quiet(&all.socket[i], name);
		shutdown(all.socket[i].fd, SHUT_RDWR);
	}
	for (i = 0; i < all.o->servers; i++) {
		pthread_join(all.thread[i], NULL);
		endpoint_close(&all.socket[i]);
	}
	note("servers: %u requests, %u responses for nobody", all.served, all.refused);
	ok(all.served, "servers: requests arrived");
	is(all.error, 0, "servers: no call failed");
	/* Of a request whose id was changed on its way nobody can tell that it is the same. */
	if (all.o->corrupt) {
		note("servers: %u requests were not as sent, %u ran twice", all.wrong, all.twice);
	} else {
		is(all.wrong, 0, "servers: every request was as sent");
		is(all.twice, 0, "servers: no request ran twice");
	}
}
