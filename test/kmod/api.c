// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Every call of the socket interface and every error it may return, over the loopback device.
 *
 *	api [GROUP ...]
 */
#include "api.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct group {
	const char *name;
	void (*run)(void);
	const char *what;
} groups[] = {
	{ "socket", api_socket, "socket(), bind(), getsockname()" },
	{ "options", api_options, "SO_HOMA_RCVBUF, SO_HOMA_SERVER" },
	{ "send", api_send, "sendmsg()" },
	{ "receive", api_receive, "recvmsg()" },
	{ "memory", api_memory, "memory for incoming messages" },
	{ "ioctl", api_ioctl, "HOMAIOCINFO, HOMAIOCABORT, HOMAIOCFREEZE" },
	{ "wait", api_wait, "poll(), select(), epoll, signals, shutdown()" },
	{ "shared", api_shared, "fork(), threads, users, close() with RPCs under way" },
	{ "addresses", api_addresses, "IPv4, IPv6 and IPv4-mapped addresses" },
	{ "filters", api_filters, "filters of sockets, programs of control groups" },
	{ "compat", api_compat, "system calls of 32-bit programs" },
};

#define GROUPS ARRAY_SIZE(groups)

struct pair pair_open(void)
{
	struct pair p;

	p.server = endpoint_must(AF_INET, API_PORT, 64);
	p.client = endpoint_must(AF_INET, 0, 64);
	p.to = address_of("127.0.0.1", API_PORT);
	return p;
}

void pair_close(struct pair *p)
{
	endpoint_close(&p->client);
	endpoint_close(&p->server);
}

static void *later_main(void *arg)
{
	struct later *l = arg;
	struct timespec pause = { l->ms / 1000, l->ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
	l->call(l->arg);
	return NULL;
}

void later_start(struct later *l)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, later_main, l))
		bail("a thread starts");
	l->thread = (unsigned long)thread;
}

void later_join(struct later *l)
{
	pthread_join((pthread_t)l->thread, NULL);
}

static void usage(FILE *to)
{
	size_t i;

	fputs("Usage: api [GROUP ...]\n"
	      "Tests the socket interface of Homa. Groups, all by default:\n", to);
	for (i = 0; i < GROUPS; i++)
		fprintf(to, "  %-10s %s\n", groups[i].name, groups[i].what);
	fputs("  --help     show this\n", to);
}

static const struct group *find(const char *name)
{
	size_t i;

	for (i = 0; i < GROUPS; i++)
		if (!strcmp(groups[i].name, name))
			return &groups[i];
	return NULL;
}

static void run(const struct group *group)
{
	note("%s: %s", group->name, group->what);
	within(60, group->what);
	group->run();
	within(0, "the next group");
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			usage(stdout);
			return 0;
		}
		if (!find(argv[i])) {
			fprintf(stderr, "api: no group %s\n", argv[i]);
			usage(stderr);
			return 2;
		}
	}
	for (i = 1; i < argc; i++)
		run(find(argv[i]));
	for (i = 0; argc == 1 && i < (int)GROUPS; i++)
		run(&groups[i]);
	return done();
}
