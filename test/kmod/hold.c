// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Holds a client and two servers on this host, with RPCs in several states, for others to look at,
 * until SIGTERM. A child process shares all of them.
 *
 *	of the client with the first server (IPv4, port PORT, 16 bpages): request 100 bytes, taken
 *	and not answered; request 200, private, not taken; request 300, answered with as much, not
 *	taken
 *	with the second one (IPv6, port PORT + 1, one bpage): request 60,000, taken and not given
 *	back; request 65,536, for which there is no room
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "rpc.h"
#include "tap.h"

static char data[HOMA_BPAGE_SIZE];

static void usage(FILE *to)
{
	fputs("Usage: hold [PORT]\n"
	      "Hold Homa sockets with RPCs in several states until SIGTERM; a server on PORT (4700)\n"
	      "and on the one above it. Exit status: 0 ended, 1 failed, 2 bad usage.\n", to);
}

static void request(const struct endpoint *client, const union address *to, size_t length,
		    unsigned int flags)
{
	struct homa_sendmsg_args args = { .completion_cookie = length, .flags = flags };

	if (send_request(client, to, data, length, &args))
		bail("a request of %zu bytes is sent: %s", length, strerrorname_np(errno));
}

static void take(const struct endpoint *server, struct message *m, ssize_t length)
{
	if (receive(server, m, 0, 0) != length)
		bail("a request of %zd bytes comes", length);
}

int main(int argc, char **argv)
{
	unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 4700;
	struct message first = { 0 }, third = { 0 }, large = { 0 };
	struct endpoint client, server, small;
	union address to, to6;
	sigset_t term;
	int signal;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		usage(stdout);
		return 0;
	}
	if (argc > 2 || port < 1 || port >= HOMA_MIN_DEFAULT_PORT - 1) {
		usage(stderr);
		return 2;
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	server = endpoint_must(AF_INET, port, 16);
	small = endpoint_must(AF_INET6, port + 1, 1);
	client = endpoint_must(AF_INET6, 0, 16);
	to = address_of("::ffff:127.0.0.1", port);
	to6 = address_of("::1", port + 1);

	request(&client, &to, 100, 0);
	take(&server, &first, 100);
	request(&client, &to, 300, 0);
	take(&server, &third, 300);
	send_echo(&server, &third);
	request(&client, &to, 200, HOMA_SENDMSG_PRIVATE);
	request(&client, &to6, 60000, 0);
	take(&small, &large, 60000);
	request(&client, &to6, sizeof(data), 0);
	usleep(300000);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	puts("# serving");
	fflush(stdout);
	sigwait(&term, &signal);
	return 0;
}
