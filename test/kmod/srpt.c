// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Shortest first: many long messages to one server, then a short one. The server says how many of
 * those that it overtook, or did not, came before it.
 *
 * Machines have no common clock. So the client of a short message tells how long it took, and the
 * server counts which messages it had in full during that time.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "number.h"
#include "rpc.h"
#include "tap.h"

#define PORT	  4400
#define MAX	  256		/* long messages; short ones */
#define REPLY	  100		/* bytes */

static const char usage[] =
	"Usage: srpt --server LONG --shorts SHORT [--least RANK] [--most RANK]\n"
	"       srpt --to ADDR --long N [--size BYTES] [--then COMMAND] [--short BYTES]...\n"
	"The server takes LONG long and SHORT short messages in all, and reports for each short one\n"
	"its rank: 1 when no other became complete while it was on its way.\n"
	"  --least RANK     of every short message (1)\n"
	"  --most RANK      likewise (1)\n"
	"  --seconds N      in which all must be done (60)\n"
	"The client starts N messages, runs COMMAND, then sends the short ones one by one.\n"
	"  --size BYTES     of long messages (500000)\n"
	"  --help           show this\n";

enum kind { LONG = 1, SHORT, TOOK };

/* Begins a request; a pattern follows. */
struct head {
	uint64_t key;
	uint32_t kind, length;
	uint64_t took;		/* ns; TOOK: the short message before */
};

/* How many long messages were complete at @time. */
static unsigned int complete_at(const uint64_t *done_at, unsigned int count, uint64_t time)
{
	unsigned int i = 0;

	while (i < count && done_at[i] < time)
		i++;
	return i;
}

static void judge(const uint64_t *done_at, unsigned int count, unsigned int messages,
		  uint64_t at, const struct head *head, unsigned int least, unsigned int most)
{
	unsigned int before = complete_at(done_at, count, at - head->took);
	unsigned int rank = complete_at(done_at, count, at) - before + 1;
	unsigned int of = messages - before + 1;

	ok(rank >= least && rank <= most,
	   "a message of %u bytes is among number %u to %u of those under way to be complete",
	   head->length, least, most);
	note("number %u of %u; it took %.1f ms", rank, of, head->took / 1e6);
	ok(2 * of > messages, "most of the long messages were still under way");
}

static void serve(unsigned int messages, unsigned int shorts, unsigned int least,
		  unsigned int most)
{
	struct endpoint e = endpoint_must(AF_INET6, PORT, 512);
	char *data = malloc(HOMA_MAX_MESSAGE_LENGTH), reply[REPLY] = "";
	struct head *head = (struct head *)data, last = { 0 };
	uint64_t done_at[MAX], at = 0;
	unsigned int count = 0, told = 0, wrong = 0;
	struct message m = { 0 };

	note("serving");
	while (count < messages || told < shorts) {
		uint64_t now;

		if (receive(&e, &m, 0, 0) < 0)
			bail("recvmsg() works: %s", strerrorname_np(errno));
		now = now_ns();
		message_copy(&e, &m, data);
		if (head->length != m.length ||
		    pattern_wrong(data + sizeof(*head), m.length - sizeof(*head), sizeof(*head),
				  head->key) != m.length - sizeof(*head))
			wrong++;
		if (send_reply(&e, &m, reply, sizeof(reply)))
			bail("a response is sent: %s", strerrorname_np(errno));
		switch (head->kind) {
		case LONG:
			if (count < MAX)
				done_at[count++] = now;
			break;
		case SHORT:
			at = now;
			last = *head;
			break;
		case TOOK:
			told++;
			last.took = head->took;
			judge(done_at, count, messages, at, &last, least, most);
			break;
		}
	}
	is(count, messages, "server: every long message arrives once");
	is(wrong, 0, "server: every message was as sent");
	note("all long messages were complete %.0f ms after the first of them",
	     (done_at[count - 1] - done_at[0]) / 1e6);
	/* The last responses are on their way. */
	usleep(500000);
	endpoint_close(&e);
	free(data);
}

static uint64_t next_key(void)
{
	static uint64_t key;

	if (!key)
		key = now_ns() << 8;
	return ++key;
}

static void start(const struct endpoint *e, const union address *to, enum kind kind,
		  uint32_t length, uint64_t took)
{
	struct head head = { .key = next_key(), .kind = kind, .length = length, .took = took };
	struct homa_sendmsg_args args = { .completion_cookie = kind };
	char *data = malloc(length);

	pattern_fill(data, length, head.key);
	memcpy(data, &head, sizeof(head));
	if (send_request(e, to, data, length, &args))
		bail("a request of %u bytes is sent: %s", length, strerrorname_np(errno));
	free(data);
}

static void run(const struct endpoint *e, const union address *to, unsigned int messages,
		uint32_t size, const char *then, const uint32_t *shorts, unsigned int count)
{
	unsigned int ended = 0, i, steps = 2 * count, at = 0;
	struct message m = { 0 };
	uint64_t sent = 0;

	for (i = 0; i < messages; i++)
		start(e, to, LONG, size, 0);
	if (then && system(then))
		bail("'%s' works", then);
	/* Each short one, then word of how long it took. */
	while (ended < messages || at < steps) {
		if (at < steps && !sent) {
			sent = now_ns();
			start(e, to, SHORT, shorts[at / 2], 0);
		}
		if (receive(e, &m, 0, 0) != REPLY)
			bail("a response arrives: %s", strerrorname_np(errno));
		if (m.args.completion_cookie == LONG) {
			ended++;
			continue;
		}
		if (at++ % 2 == 0)
			start(e, to, TOOK, sizeof(struct head), now_ns() - sent);
		else
			sent = 0;
	}
	receive(e, &m, 0, MSG_DONTWAIT);
}

enum {
	SERVER = 1, LEAST, MOST, SECONDS, TO, LONGS, SIZE, THEN, SHORT_SIZE, SHORTS, HELP
};

static const struct option options[] = {
	{ "server", required_argument, NULL, SERVER },
	{ "least", required_argument, NULL, LEAST },
	{ "most", required_argument, NULL, MOST },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "to", required_argument, NULL, TO },
	{ "long", required_argument, NULL, LONGS },
	{ "size", required_argument, NULL, SIZE },
	{ "then", required_argument, NULL, THEN },
	{ "short", required_argument, NULL, SHORT_SIZE },
	{ "shorts", required_argument, NULL, SHORTS },
	{ "help", no_argument, NULL, HELP },
	{ 0 },
};

int main(int argc, char **argv)
{
	unsigned int server = 0, expected = 0, least = 1, most = 1, longs = 0, count = 0;
	unsigned int seconds = 60;
	const char *to = NULL, *then = NULL;
	uint32_t size = 500000, shorts[MAX];
	struct endpoint e;
	union address a;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case SERVER:
			server = number(optarg, "--server", 0, MAX);
			break;
		case LEAST:
			least = number(optarg, "--least", 0, MAX);
			break;
		case MOST:
			most = number(optarg, "--most", 0, MAX);
			break;
		case SECONDS:
			seconds = number(optarg, "--seconds", 0, 86400);
			break;
		case TO:
			to = optarg;
			break;
		case LONGS:
			longs = number(optarg, "--long", 0, MAX);
			break;
		case SIZE:
			size = number(optarg, "--size", 0, HOMA_MAX_MESSAGE_LENGTH);
			break;
		case THEN:
			then = optarg;
			break;
		case SHORTS:
			expected = number(optarg, "--shorts", 0, MAX);
			break;
		case SHORT_SIZE:
			if (count == MAX)
				break;
			shorts[count++] = number(optarg, "--short", 0, HOMA_MAX_MESSAGE_LENGTH);
			if (shorts[count - 1] < sizeof(struct head)) {
				fprintf(stderr, "srpt: a short message has at least %zu bytes\n",
					sizeof(struct head));
				return 2;
			}
			break;
		case HELP:
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc || !server == !to || (server && !expected) || (to && !longs) ||
	    size < sizeof(struct head)) {
		fputs(usage, stderr);
		return 2;
	}
	within(seconds, server ? "the server" : "the client");
	if (server) {
		serve(server, expected, least, most);
		return done();
	}
	a = address_of(to, PORT);
	e = endpoint_must(a.sa.sa_family, 0, 16);
	run(&e, &a, longs, size, then, shorts, count);
	endpoint_close(&e);
	ok(true, "client: every RPC ends");
	return done();
}
