// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Server of `load`: checks every byte of each request, and that none comes twice.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "tap.h"

static struct {
	struct endpoint e;
	pthread_t thread;
	uint8_t *seen[LOAD_MAX_PEERS + 1];	/* by client: a byte per message */
	unsigned long served, bytes, wrong, twice;
	int error;
} server;

/* Checks a request; its number, or 0. */
static uint64_t check(const struct message *m, char *data)
{
	struct load_head *head = (struct load_head *)data;
	size_t rest = m->length - sizeof(*head);
	uint32_t client, i;

	if (m->length < (ssize_t)sizeof(*head))
		return 0;
	message_copy(&server.e, m, data);
	client = head->number >> 32;
	i = (uint32_t)head->number;
	if (head->length != m->length || !client || client > LOAD_MAX_PEERS ||
	    i >= LOAD_MAX_MESSAGES ||
	    pattern_wrong(data + sizeof(*head), rest, sizeof(*head), head->number) != rest)
		return 0;
	server.twice += server.seen[client][i];
	server.seen[client][i] = 1;
	return head->number;
}

static void *serve(void *arg)
{
	char *data = malloc(HOMA_MAX_MESSAGE_LENGTH), reply[LOAD_REPLY];
	struct message m = { 0 };
	uint64_t number;

	(void)arg;
	for (;;) {
		if (receive(&server.e, &m, 0, 0) < 0) {
			if (errno == EINTR)
				continue;
			if (errno != ESHUTDOWN)
				server.error = errno;
			break;
		}
		number = check(&m, data);
		server.served++;
		server.bytes += m.length;
		server.wrong += !number;
		pattern_fill(reply, sizeof(reply), ~number);
		if (send_reply(&server.e, &m, reply, sizeof(reply)))
			server.error = errno;
	}
	free(data);
	return NULL;
}

void load_serve(unsigned int port)
{
	unsigned int i;

	server.e = endpoint_must(AF_INET6, port, 256);
	for (i = 0; i <= LOAD_MAX_PEERS; i++)
		server.seen[i] = calloc(LOAD_MAX_MESSAGES, 1);
	if (pthread_create(&server.thread, NULL, serve, NULL))
		bail("a thread starts");
}

void load_serve_end(void)
{
	shutdown(server.e.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	endpoint_close(&server.e);
	note("server: %lu requests, %lu bytes", server.served, server.bytes);
	ok(server.served, "server: requests arrived");
	is(server.wrong, 0, "server: every request was as sent");
	is(server.twice, 0, "server: no request ran twice");
	is(server.error, 0, "server: no call failed");
}
