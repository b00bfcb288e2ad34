// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * RPCs of every length that matters, echoed by a server and checked byte by byte: one at a time and
 * several at once. Client and server in one program, or apart in two network namespaces.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "number.h"
#include "rpc.h"
#include "tap.h"

#define MAX_SIZES	1000
#define MAX_OUTSTANDING 64

static const char usage[] =
	"Usage: sizes [OPTION ...]\n"
	"Sends requests of many lengths and checks their echoes.\n"
	"  --server            only serve, until killed\n"
	"  --server-addr ADDR  only be a client, of the server at ADDR\n"
	"  --port PORT         of the server (4100)\n"
	"  --sizes LIST        lengths, or ranges FROM-TO, separated by commas (every boundary)\n"
	"  --mtu LIST          MTUs whose packet boundaries are wanted, with commas (1500)\n"
	"  --outstanding N     RPCs at a time in the second pass (8)\n"
	"  --seconds N         limit for each pass (60)\n"
	"  --help              show this\n";

static unsigned int sizes[MAX_SIZES], size_count;

static void add(long size)
{
	if (size < 1 || size > HOMA_MAX_MESSAGE_LENGTH)
		return;
	if (size_count == MAX_SIZES) {
		fprintf(stderr, "sizes: more than %d sizes\n", MAX_SIZES);
		exit(2);
	}
	sizes[size_count++] = size;
}

static void add_around(long size)
{
	add(size - 1);
	add(size);
	add(size + 1);
}

/* Packets of one and more: the first carry the IP and Homa headers, 56 bytes, in a full MTU. */
static void add_packets(long mtu)
{
	long packet4 = mtu - 20 - 56, packet6 = mtu - 40 - 56;

	add_around(packet4);
	add_around(packet6);
	add_around(2 * packet4);
	add_around(2 * packet6);
	add_around(10 * packet4);
	add_around(27 * packet4);
}

static void add_boundaries(void)
{
	long i;

	for (i = 1; i <= 16; i++)
		add(i);
	add_around(64);
	add_around(1000);
	/* the unscheduled bytes, also rounded up to whole packets of 1500 */
	add_around(40000);
	add_around(29 * 1424);
	add_around(29 * 1404);
	for (i = 1; i <= 4; i++)
		add_around(i * HOMA_BPAGE_SIZE);
	add_around(15 * HOMA_BPAGE_SIZE);
	add(100000);
	add(500000);
	add_around(HOMA_MAX_MESSAGE_LENGTH);
}

/* Calls @each for the numbers and ranges in @list. */
static void parse(const char *list, void (*each)(long))
{
	while (*list) {
		char *end;
		long from = strtol(list, &end, 10), to = from;

		if (end == list)
			goto wrong;
		if (*end == '-') {
			list = end + 1;
			to = strtol(list, &end, 10);
			if (end == list)
				goto wrong;
		}
		if (from < 1 || to > HOMA_MAX_MESSAGE_LENGTH || from > to)
			goto wrong;
		while (from <= to)
			each(from++);
		if (*end && *end++ != ',')
			goto wrong;
		list = end;
	}
	return;
wrong:
	fprintf(stderr, "sizes: %s is no list of numbers from 1 to %d\n", list,
		HOMA_MAX_MESSAGE_LENGTH);
	exit(2);
}

static void *serve(void *arg)
{
	const struct endpoint *e = arg;
	struct message m = { 0 };

	while (receive(e, &m, 0, 0) > 0 || errno == EINTR)
		send_echo(e, &m);
	return NULL;
}

/* What became of the RPCs of a pass. */
struct tally {
	unsigned int sent, answered, wrong, failed;
	unsigned int first_wrong;	/* its size */
	size_t at;			/* and the first wrong byte */
	unsigned int first_failed;	/* its size */
	int error;
};

static void collect(const struct endpoint *e, struct tally *t, struct message *m, int flags,
		    unsigned char *open)
{
	ssize_t length = receive(e, m, 0, flags);
	unsigned int i = m->args.completion_cookie;
	size_t right;

	if (length < 0 && !m->args.id)
		bail("recvmsg() works: %s", strerrorname_np(errno));
	if (i >= size_count || !open[i])
		bail("recvmsg() returns an RPC that is under way (cookie %u, id %llu)", i,
		     (unsigned long long)m->args.id);
	open[i] = 0;
	t->answered++;
	if (length < 0) {
		if (!t->failed++) {
			t->first_failed = sizes[i];
			t->error = errno;
		}
		m->args.num_bpages = 0;
		return;
	}
	right = length == (ssize_t)sizes[i] ? message_wrong(e, m, i + 1) : 0;
	if (right != sizes[i] && !t->wrong++) {
		t->first_wrong = sizes[i];
		t->at = right;
	}
}

static void pass(const struct endpoint *e, const union address *to, unsigned int outstanding,
		 const char *name)
{
	static char data[HOMA_MAX_MESSAGE_LENGTH];
	unsigned char *open = calloc(size_count, 1);
	struct message m = { 0 };
	struct tally t = { 0 };
	uint64_t bytes = 0, start = now_ns();
	unsigned int i;

	for (i = 0; i < size_count; i++) {
		struct homa_sendmsg_args args = { .completion_cookie = i };

		while (t.sent - t.answered >= outstanding)
			collect(e, &t, &m, 0, open);
		pattern_fill(data, sizes[i], i + 1);
		if (send_request(e, to, data, sizes[i], &args))
			bail("%s: a request of %u bytes is sent: %s", name, sizes[i],
			     strerrorname_np(errno));
		open[i] = 1;
		t.sent++;
		bytes += sizes[i];
	}
	while (t.answered < t.sent)
		collect(e, &t, &m, 0, open);
	fails(receive(e, &m, 0, MSG_DONTWAIT), EAGAIN, "%s: nothing arrives twice", name);
	is(t.failed, 0, "%s: no RPC fails", name);
	if (t.failed)
		note("the first: %u bytes, %s", t.first_failed, strerrorname_np(t.error));
	is(t.wrong, 0, "%s: every byte of %u lengths is right", name, size_count);
	if (t.wrong)
		note("the first: %u bytes, from byte %zu on", t.first_wrong, t.at);
	note("%s: %llu bytes each way in %llu ms", name, (unsigned long long)bytes,
	     (unsigned long long)(now_ns() - start) / 1000000);
	free(open);
}

static void client(const char *text, unsigned int port, unsigned int outstanding,
		   unsigned int seconds)
{
	union address to = address_of(text, port);
	struct endpoint e = endpoint_must(to.sa.sa_family, 0, 16 * MAX_OUTSTANDING);
	char name[2][100];

	snprintf(name[0], sizeof(name[0]), "%s, one at a time", text);
	within(seconds, name[0]);
	pass(&e, &to, 1, name[0]);
	if (outstanding > 1) {
		snprintf(name[1], sizeof(name[1]), "%s, %u at a time", text, outstanding);
		within(seconds, name[1]);
		pass(&e, &to, outstanding, name[1]);
	}
	within(0, "the end");
	endpoint_close(&e);
}

/* Without any other word: both sides here, over IPv4 and IPv6. */
static void both(unsigned int port, unsigned int outstanding, unsigned int seconds)
{
	struct endpoint server = endpoint_must(AF_INET6, port, 16 * MAX_OUTSTANDING);
	pthread_t thread;

	pthread_create(&thread, NULL, serve, &server);
	client("127.0.0.1", port, outstanding, seconds);
	client("::1", port, outstanding, seconds);
	client("::ffff:127.0.0.1", port, 1, seconds);
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	endpoint_close(&server);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "server", no_argument, NULL, 's' },
		{ "server-addr", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "sizes", required_argument, NULL, 'z' },
		{ "mtu", required_argument, NULL, 'm' },
		{ "outstanding", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned int port = 4100, outstanding = 8, seconds = 60;
	const char *address = NULL, *list = NULL, *mtus = "1500";
	bool server = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			server = true;
			break;
		case 'a':
			address = optarg;
			break;
		case 'p':
			port = number(optarg, "--port", 1, HOMA_MIN_DEFAULT_PORT - 1);
			break;
		case 'z':
			list = optarg;
			break;
		case 'm':
			mtus = optarg;
			break;
		case 'o':
			outstanding = number(optarg, "--outstanding", 1, MAX_OUTSTANDING);
			break;
		case 't':
			seconds = number(optarg, "--seconds", 1, 86400);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (server) {
		struct endpoint e = endpoint_must(AF_INET6, port, 16 * MAX_OUTSTANDING);

		note("serving");
		serve(&e);
		fprintf(stderr, "sizes: no more requests: %s\n", strerrorname_np(errno));
		return 1;
	}
	if (list) {
		parse(list, add);
	} else {
		add_boundaries();
		parse(mtus, add_packets);
	}
	if (address)
		client(address, port, outstanding, seconds);
	else
		both(port, outstanding, seconds);
	return done();
}
