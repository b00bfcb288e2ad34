// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Servers that tell who they are, and a client that asks: which of several hosts with the same
 * address is it?
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc.h"
#include "tap.h"

/* Long enough to need grants, each way. */
#define LENGTH 50000

static char data[LENGTH];

static void usage(FILE *to)
{
	fputs("Usage: zones [-d DEVICE] serve NAME PORT\n"
	      "       zones [-d DEVICE] ask|late ADDRESS[%LINK] PORT\n"
	      "Answer requests with NAME until killed, or print the name of who answers. -d: as\n"
	      "SO_BINDTODEVICE. late: when a line of input has come, after that.\n"
	      "Exit status: 0 answered, 1 not, 2 bad usage.\n", to);
}

static void bind_to(const struct endpoint *e, const char *device)
{
	if (device &&
	    setsockopt(e->fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device) + 1))
		bail("SO_BINDTODEVICE %s: %s", device, strerror(errno));
}

static bool is_link_local(const union address *a)
{
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr);
}

static int serve(const char *name, unsigned int port, const char *device)
{
	struct endpoint server = endpoint_must(AF_INET6, port, 16);
	struct message m = { 0 };

	bind_to(&server, device);
	snprintf(data, sizeof(data), "%s", name);
	puts("# serving");
	fflush(stdout);
	for (;;) {
		if (receive(&server, &m, 0, 0) != LENGTH)
			bail("a request of %d bytes comes", LENGTH);
		if (is_link_local(&m.from) && !m.from.in6.sin6_scope_id)
			bail("a link-local address comes with its link");
		if (send_reply(&server, &m, data, LENGTH))
			bail("the reply is sent: %s", strerror(errno));
	}
}

static int ask(const char *address, unsigned int port, const char *device, bool late)
{
	union address to = address_of(address, port);
	struct endpoint client = endpoint_must(to.sa.sa_family, 0, 16);
	struct message m = { 0 };

	bind_to(&client, device);
	while (late && getchar() != '\n')
		if (feof(stdin))
			bail("a line of input comes");
	if (send_request(&client, &to, data, LENGTH, NULL)) {
		printf("send: %s\n", strerror(errno));
		return 1;
	}
	if (receive(&client, &m, 0, 0) != LENGTH) {
		printf("receive: %s\n", strerror(errno));
		return 1;
	}
	if (is_link_local(&to) && to.in6.sin6_scope_id &&
	    m.from.in6.sin6_scope_id != to.in6.sin6_scope_id) {
		printf("the response comes from link %u\n", m.from.in6.sin6_scope_id);
		return 1;
	}
	message_copy(&client, &m, data);
	printf("%.*s\n", LENGTH, data);
	return 0;
}

int main(int argc, char **argv)
{
	const char *device = NULL;
	unsigned long port;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		usage(stdout);
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "-d")) {
		device = argv[2];
		argc -= 2;
		argv += 2;
	}
	port = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	if (!port || port >= HOMA_MIN_DEFAULT_PORT) {
		usage(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "serve"))
		return serve(argv[2], port, device);
	if (!strcmp(argv[1], "ask") || !strcmp(argv[1], "late"))
		return ask(argv[2], port, device, !strcmp(argv[1], "late"));
	usage(stderr);
	return 2;
}
