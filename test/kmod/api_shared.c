// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of sockets that processes and threads share, of users without rights, and of sockets closed
 * while RPCs are under way; part of `api`.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"

/* Whether a child process ended with 0. */
static bool succeeded(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void forks(void)
{
	struct pair p = pair_open();
	struct message m = { 0 };
	pid_t child;

	child = fork();
	if (!child) {
		alarm(20);
		receive(&p.server, &m, 0, 0);
		if (m.length != 5 || memcmp(p.server.memory + m.args.bpage_offsets[0], "hello", 5))
			_exit(1);
		_exit(send_echo(&p.server, &m) ? 1 : 0);
	}
	close(p.server.fd);
	p.server.fd = -1;
	send_request(&p.client, &p.to, "hello", 5, NULL);
	is(receive(&p.client, &m, 0, 0), 5, "a server that fork() made answers");
	receive(&p.client, &m, 0, MSG_DONTWAIT);
	ok(succeeded(child), "with the message in its copy of the memory");
	send_request(&p.client, &p.to, "hello", 5, NULL);
	fails(receive(&p.client, &m, 0, 0), ENOTCONN, "when it ends, its port is free");
	pair_close(&p);
}

#define THREADS 6
#define RPCS 50		/* per thread */

struct crowd {
	struct pair p;
	atomic_int answered[THREADS * RPCS];	/* by cookie */
	atomic_int wrong, left, served;
};

static void *crowd_serve(void *arg)
{
	struct crowd *c = arg;
	struct message m = { 0 };

	while (receive(&c->p.server, &m, 0, 0) > 0) {
		atomic_fetch_add(&c->served, 1);
		if (send_echo(&c->p.server, &m))
			atomic_fetch_add(&c->wrong, 1);
	}
	return NULL;
}

static size_t crowd_length(unsigned int number)
{
	return 1 + number * 7919 % 20000;
}

static void *crowd_send(void *arg)
{
	static atomic_int threads;
	unsigned int first = atomic_fetch_add(&threads, 1) % THREADS * RPCS, i;
	struct crowd *c = arg;
	char data[20000];

	for (i = first; i < first + RPCS; i++) {
		struct homa_sendmsg_args args = { .completion_cookie = i };

		pattern_fill(data, crowd_length(i), i);
		if (send_request(&c->p.client, &c->p.to, data, crowd_length(i), &args))
			atomic_fetch_add(&c->wrong, 1);
	}
	return NULL;
}

static void *crowd_receive(void *arg)
{
	struct crowd *c = arg;
	struct message m = { 0 };

	while (atomic_load(&c->left) > 0) {
		unsigned int i;

		if (receive(&c->p.client, &m, 0, MSG_DONTWAIT) < 0) {
			if (errno != EAGAIN)
				atomic_fetch_add(&c->wrong, 1);
			usleep(500);
			continue;
		}
		i = m.args.completion_cookie;
		if (i >= THREADS * RPCS || m.length != (ssize_t)crowd_length(i) ||
		    message_wrong(&c->p.client, &m, i) != crowd_length(i))
			atomic_fetch_add(&c->wrong, 1);
		else
			atomic_fetch_add(&c->answered[i], 1);
		atomic_fetch_sub(&c->left, 1);
	}
	receive(&c->p.client, &m, 0, MSG_DONTWAIT);
	return NULL;
}

static void threads(void)
{
	static struct crowd c;
	pthread_t server[THREADS], sender[THREADS], receiver[THREADS];
	int i, once = 0;

	memset(&c, 0, sizeof(c));
	c.p = pair_open();
	c.left = THREADS * RPCS;
	for (i = 0; i < THREADS; i++) {
		pthread_create(&server[i], NULL, crowd_serve, &c);
		pthread_create(&receiver[i], NULL, crowd_receive, &c);
		pthread_create(&sender[i], NULL, crowd_send, &c);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(sender[i], NULL);
		pthread_join(receiver[i], NULL);
	}
	shutdown(c.p.server.fd, SHUT_RDWR);
	for (i = 0; i < THREADS; i++)
		pthread_join(server[i], NULL);
	for (i = 0; i < THREADS * RPCS; i++)
		once += c.answered[i] == 1;
	is(once, THREADS * RPCS, "many threads on two sockets: each RPC is answered once");
	is(c.served, THREADS * RPCS, "and served once");
	is(c.wrong, 0, "and no call fails and no byte is wrong");
	pair_close(&c.p);
}

static void without_rights(void)
{
	pid_t child = fork();

	if (!child) {
		struct pair p;

		alarm(20);
		if (setgid(65534) || setuid(65534))
			_exit(2);
		p = pair_open();
		_exit(echoed(&p.client, &p.server, &p.to, 1000) &&
		      echoed(&p.client, &p.server, &p.to, 300000) ? 0 : 1);
	}
	ok(succeeded(child), "a user without rights may be client and server");
}

static void closes(void)
{
	struct pair p = pair_open();
	struct homa_sendmsg_args private = { .flags = HOMA_SENDMSG_PRIVATE };
	static char data[500000];
	struct message m = { 0 };
	int i;

	for (i = 0; i < 10; i++)
		send_request(&p.client, &p.to, data, i & 1 ? sizeof(data) : 10, NULL);
	endpoint_close(&p.client);
	p.client = endpoint_must(AF_INET, 0, 16);
	ok(true, "a client with RPCs under way can be closed");
	usleep(50000);
	for (i = 0; i < 10 && receive(&p.server, &m, 0, MSG_DONTWAIT) > 0; i++)
		send_echo(&p.server, &m);
	receive(&p.server, &m, 0, MSG_DONTWAIT);
	memset(&m, 0, sizeof(m));
	ok(echoed(&p.client, &p.server, &p.to, 100), "its server goes on");

	send_request(&p.client, &p.to, data, 10, NULL);
	send_request(&p.client, &p.to, data, sizeof(data), &private);
	receive(&p.server, &m, 0, 0);
	endpoint_close(&p.server);
	ok(true, "a server with RPCs under way can be closed");
	memset(&m, 0, sizeof(m));
	fails_either(receive(&p.client, &m, 0, 0), ENOTCONN, ETIMEDOUT, "its clients learn of it");
	fails_either(receive(&p.client, &m, private.id, 0), ENOTCONN, ETIMEDOUT,
		     "for each of their RPCs");
	p.server = endpoint_must(AF_INET, API_PORT, 16);
	ok(echoed(&p.client, &p.server, &p.to, 100), "another server can take its place at once");
	pair_close(&p);
}

/* Processes that are killed in the middle of everything leave nothing behind. */
static void kills(void)
{
	struct pair p;
	int round;

	for (round = 0; round < 5; round++) {
		pid_t child = fork();

		if (!child) {
			static char data[100000];
			struct message request = { 0 }, m = { 0 };

			p = pair_open();
			for (;;) {
				int i;

				for (i = 0; i < 20; i++)
					send_request(&p.client, &p.to, data, 1 + i * 5000, NULL);
				while (receive(&p.server, &request, 0, MSG_DONTWAIT) > 0)
					send_echo(&p.server, &request);
				while (receive(&p.client, &m, 0, MSG_DONTWAIT) > 0)
					;
			}
		}
		usleep(100000 + 20000 * round);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	p = pair_open();
	ok(echoed(&p.client, &p.server, &p.to, 100), "after five processes were killed, RPCs work");
	pair_close(&p);
}

void api_shared(void)
{
	forks();
	threads();
	without_rights();
	closes();
	kills();
}
