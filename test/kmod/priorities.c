// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Watches Homa packets at an interface, in both directions, and compares the priority in each IP
 * header with what was said about it: unscheduled packets with the cutoffs that the receiver told
 * their sender, scheduled ones with the GRANT, those sent again with the RESEND, and all that carry
 * no data with the highest priority.
 *
 * A DATA packet's field `incoming` is what its sender had been granted, and thereby tells which of
 * the GRANTs under way it had received. Only when that is where a packet ends may it be rounded up,
 * and an earlier GRANT, that ends within the same packet, have been the last one.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "number.h"
#include "tap.h"

#define HOMA	 146
#define LEVELS	 8
#define HIGHEST	 7
#define TABLES	 64		/* CUTOFFS that differ */
#define MESSAGES (1u << 14)
#define WORDS	 1024		/* GRANTs and RESENDs of one message, each */
#define MTU	 1500
#define SNAPSHOT (40 + 80)	/* bytes of a packet that are of interest */

enum { DATA = 0x10, GRANT, RESEND, UNKNOWN, BUSY, CUTOFFS, FREEZE, NEED_ACK, ACK };

static const char usage[] =
	"Usage: priorities INTERFACE --cutoffs 'N N N N N N N N' [OPTION...]\n"
	"Watches until SIGTERM, then compares the priority of each Homa packet with what the other\n"
	"side said about it. Batches cannot be told apart: switch GRO off before.\n"
	"  --cutoffs TABLE   of hosts that have not been told any\n"
	"  --told TABLE      this one must have been told to others; may be repeated\n"
	"  --levels N        at least so many levels of scheduled packets must be seen (1)\n"
	"  --resends         packets sent again must be seen\n"
	"  --help            show this\n";

struct address {
	uint8_t byte[16];	/* IPv4: the first four, the rest 0 */
};

struct table {
	struct address from, to;
	uint16_t version;
	uint32_t cutoff[LEVELS];
};

/* What was said of a message: bytes below @end at @priority. */
struct word {
	uint32_t start, end;
	uint8_t priority;
};

struct message {
	struct address from, to;
	uint64_t id;		/* as its sender names the RPC; 0: free */
	uint32_t unscheduled;	/* bytes; 0: not known */
	unsigned int grants, resends;
	struct word *grant, *resend;
};

static struct table table[TABLES];
static unsigned int tables;
static struct message message[MESSAGES];

static struct family {
	const char *name;
	unsigned long control, control_wrong, unscheduled, unscheduled_wrong, untold;
	unsigned long scheduled, scheduled_wrong, unclear, again, again_wrong;
	unsigned long unscheduled_at[LEVELS], scheduled_at[LEVELS], granted_at[LEVELS];
	char first_wrong[160];
} families[2] = { { .name = "IPv4" }, { .name = "IPv6" } };

static uint32_t defaults[LEVELS], must_tell[8][LEVELS];
static unsigned int must_tells, least_levels = 1;
static bool resends;
static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint32_t get(const uint8_t *at, unsigned int bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

static bool same(const struct address *a, const struct address *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static struct message *find(const struct address *from, const struct address *to, uint64_t id)
{
	uint32_t at = (id * 0x9e3779b97f4a7c15ull >> 40) + from->byte[3] + to->byte[15];
	unsigned int tries;

	for (tries = 0; tries < MESSAGES; tries++, at++) {
		struct message *m = &message[at % MESSAGES];

		if (m->id == id && same(&m->from, from) && same(&m->to, to))
			return m;
		if (m->id)
			continue;
		m->id = id;
		m->from = *from;
		m->to = *to;
		m->grant = calloc(WORDS, sizeof(*m->grant));
		m->resend = calloc(WORDS, sizeof(*m->resend));
		return m;
	}
	errx(1, "more than %u messages", MESSAGES);
}

static void add(struct word *words, unsigned int *count, uint32_t start, uint32_t end,
		uint8_t priority)
{
	if (*count == WORDS)
		errx(1, "more than %d GRANTs or RESENDs of a message", WORDS);
	words[(*count)++] = (struct word){ .start = start, .end = end, .priority = priority };
}

static unsigned int level(const uint32_t *cutoff, uint32_t length)
{
	unsigned int i = LEVELS - 1;

	while (i && cutoff[i] < length)
		i--;
	return i;
}

/* The cutoffs that @by told @to as @version; NULL: never. */
static const uint32_t *told(const struct address *by, const struct address *to, uint16_t version)
{
	unsigned int i;

	if (!version)
		return defaults;
	for (i = tables; i-- > 0;)
		if (table[i].version == version && same(&table[i].from, by) &&
		    same(&table[i].to, to))
			return table[i].cutoff;
	return NULL;
}

static void complain(struct family *f, const char *what, uint64_t id, uint32_t offset,
		     unsigned int traffic_class, unsigned int expected)
{
	if (!*f->first_wrong)
		snprintf(f->first_wrong, sizeof(f->first_wrong),
			 "%s, RPC %llu, offset %u: byte in the IP header is 0x%02x, not 0x%02x",
			 what, (unsigned long long)id, offset, traffic_class, expected << 5);
}

static void look_data(struct family *f, const struct address *from, const struct address *to,
		      uint64_t id, const uint8_t *homa, unsigned int class)
{
	uint32_t length = get(homa + 28, 4), incoming = get(homa + 32, 4);
	uint32_t offset = get(homa + 52, 4), most = 0;
	const uint32_t *cutoffs = told(to, from, get(homa + 46, 2));
	struct message *m = find(from, to, id);
	const struct word *word = NULL;
	unsigned int i, expected;
	uint32_t full;
	bool rounded;

	if (homa[48]) {
		for (i = m->resends; i-- > 0 && !word;)
			if (offset >= m->resend[i].start && offset < m->resend[i].end)
				word = &m->resend[i];
		f->again++;
		if (!word || class != (unsigned int)word->priority << 5) {
			f->again_wrong++;
			complain(f, "sent again", id, offset, class, word ? word->priority : 0);
		}
		return;
	}
	if (!offset && !m->unscheduled)
		m->unscheduled = incoming;
	if (!m->unscheduled) {
		/* Its first packet was lost before it came here. */
		f->unclear++;
		return;
	}
	if (offset < m->unscheduled) {
		f->unscheduled++;
		if (!cutoffs) {
			f->untold++;
			return;
		}
		expected = level(cutoffs, length);
		f->unscheduled_at[expected]++;
		if (class != expected << 5) {
			f->unscheduled_wrong++;
			complain(f, "unscheduled", id, offset, class, expected);
		}
		return;
	}
	full = MTU - (f == families ? 20 : 40) - 56;
	rounded = incoming % full == 0 || incoming == length;
	for (i = m->grants; i-- > 0 && (!word || class != (unsigned int)word->priority << 5);) {
		if (m->grant[i].end > incoming)
			continue;
		if (word && (!rounded || m->grant[i].end + full <= incoming))
			break;
		word = &m->grant[i];
	}
	for (i = 0; i < m->resends; i++)
		if (m->resend[i].end > most)
			most = m->resend[i].end;
	/* A RESEND allows bytes, too, and says nothing of the priority of those sent first then. */
	if (!word || (word->end != incoming && most && incoming >= most)) {
		f->unclear++;
		return;
	}
	f->scheduled++;
	f->scheduled_at[word->priority]++;
	if (class != (unsigned int)word->priority << 5) {
		f->scheduled_wrong++;
		complain(f, "scheduled", id, offset, class, word->priority);
	}
}

static void look_control(struct family *f, const struct address *from, const struct address *to,
			 uint64_t id, const uint8_t *homa, unsigned int class)
{
	struct table *t = &table[tables];
	unsigned int i;

	f->control++;
	if (class != HIGHEST << 5) {
		f->control_wrong++;
		complain(f, "control", id, homa[11], class, HIGHEST);
	}
	switch (homa[11]) {
	case GRANT: {
		struct message *m = find(to, from, id ^ 1);

		add(m->grant, &m->grants, 0, get(homa + 28, 4), homa[32]);
		f->granted_at[homa[32] % LEVELS]++;
		break;
	}
	case RESEND: {
		struct message *m = find(to, from, id ^ 1);
		uint32_t start = get(homa + 28, 4), length = get(homa + 32, 4);

		if (length == 0xffffffff)
			add(m->resend, &m->resends, 0, 0xffffffff, homa[36]);
		else
			add(m->resend, &m->resends, start, start + length, homa[36]);
		break;
	}
	case CUTOFFS:
		for (i = 0; i < LEVELS; i++)
			t->cutoff[i] = get(homa + 28 + 4 * i, 4);
		t->version = get(homa + 60, 2);
		t->from = *from;
		t->to = *to;
		if (told(from, to, t->version) &&
		    !memcmp(told(from, to, t->version), t->cutoff, sizeof(t->cutoff)))
			break;
		if (++tables == TABLES)
			errx(1, "more than %d kinds of CUTOFFS", TABLES);
		break;
	}
}

static void look(const uint8_t *ip, size_t length)
{
	bool four = ip[0] >> 4 == 4;
	struct family *f = &families[!four];
	size_t header = four ? 20 : 40;
	const uint8_t *homa = ip + header;
	unsigned int class = four ? ip[1] : (ip[0] & 15) << 4 | ip[1] >> 4;
	struct address from = { 0 }, to = { 0 };
	uint64_t id;

	if (length < header + 28 || (four ? ip[9] : ip[6]) != HOMA)
		return;
	memcpy(&from, four ? ip + 12 : ip + 8, four ? 4 : 16);
	memcpy(&to, four ? ip + 16 : ip + 24, four ? 4 : 16);
	id = (uint64_t)get(homa + 20, 4) << 32 | get(homa + 24, 4);
	if (homa[11] == DATA)
		look_data(f, &from, &to, id, homa, class);
	else
		look_control(f, &from, &to, id, homa, class);
}

static unsigned int seen(const unsigned long *at)
{
	unsigned int i, n = 0;

	for (i = 0; i < LEVELS; i++)
		n += at[i] > 0;
	return n;
}

static void show(const char *family, const char *what, const unsigned long *at)
{
	note("%s: %s, levels 0 to 7: %lu %lu %lu %lu %lu %lu %lu %lu", family, what, at[0], at[1],
	     at[2], at[3], at[4], at[5], at[6], at[7]);
}

static void report(const struct family *f)
{
	show(f->name, "unscheduled packets", f->unscheduled_at);
	show(f->name, "scheduled packets", f->scheduled_at);
	show(f->name, "GRANTs that name", f->granted_at);
	note("%s: %lu control packets, %lu DATA sent again, %lu that no packet seen explains",
	     f->name, f->control, f->again, f->unclear);
	if (*f->first_wrong)
		note("%s: the first wrong one: %s", f->name, f->first_wrong);
	is(f->unscheduled_wrong, 0, "%s: unscheduled packets have the level of the cutoffs",
	   f->name);
	is(f->untold, 0, "%s: the cutoffs that DATA packets refer to were told", f->name);
	ok(seen(f->unscheduled_at) >= 4, "%s: on four levels at least", f->name);
	is(f->scheduled_wrong, 0, "%s: scheduled packets have the priority of their GRANT",
	   f->name);
	ok(seen(f->scheduled_at) >= least_levels, "%s: on %u levels at least", f->name,
	   least_levels);
	ok(f->unclear * 3 <= f->scheduled, "%s: most have one", f->name);
	is(f->control_wrong, 0, "%s: packets without data have the highest", f->name);
	ok(f->control, "%s: there are some", f->name);
	if (resends)
		ok(f->again, "%s: packets are sent again", f->name);
	is(f->again_wrong, 0, "%s: what is sent again has the priority of its RESEND", f->name);
}

static void report_told(const uint32_t *cutoffs)
{
	unsigned int i, n = 0;

	for (i = 0; i < tables; i++)
		n += !memcmp(table[i].cutoff + 1, cutoffs + 1, (LEVELS - 1) * sizeof(*cutoffs));
	ok(n, "CUTOFFS carry what was set: %u %u %u %u %u %u %u %u", cutoffs[0], cutoffs[1],
	   cutoffs[2], cutoffs[3], cutoffs[4], cutoffs[5], cutoffs[6], cutoffs[7]);
}

static void parse(const char *text, uint32_t *cutoffs)
{
	if (sscanf(text, "%u %u %u %u %u %u %u %u", &cutoffs[0], &cutoffs[1], &cutoffs[2],
		   &cutoffs[3], &cutoffs[4], &cutoffs[5], &cutoffs[6], &cutoffs[7]) != LEVELS)
		errx(2, "'%s' is not eight numbers", text);
}

static int listen_at(const char *interface)
{
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0), room = 64 << 20;

	link.sll_ifindex = (int)if_nametoindex(interface);
	if (!link.sll_ifindex)
		errx(2, "%s: no such interface", interface);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&link, sizeof(link)))
		err(1, "cannot listen at %s", interface);
	return fd;
}

enum { DEFAULTS = 1, TOLD, LEAST_LEVELS, RESENDS, HELP };

static const struct option options[] = {
	{ "cutoffs", required_argument, NULL, DEFAULTS },
	{ "told", required_argument, NULL, TOLD },
	{ "levels", required_argument, NULL, LEAST_LEVELS },
	{ "resends", no_argument, NULL, RESENDS },
	{ "help", no_argument, NULL, HELP },
	{ 0 },
};

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);
	uint8_t bytes[SNAPSHOT];
	bool have_defaults = false;
	int fd, option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case DEFAULTS:
			parse(optarg, defaults);
			have_defaults = true;
			break;
		case TOLD:
			if (must_tells == 8)
				errx(2, "--told no more than 8 times");
			parse(optarg, must_tell[must_tells++]);
			break;
		case LEAST_LEVELS:
			least_levels = number(optarg, "--least-levels", 0, 8);
			break;
		case RESENDS:
			resends = true;
			break;
		case HELP:
			return fputs(usage, stdout) < 0;
		default:
			return fputs(usage, stderr), 2;
		}
	}
	if (optind != argc - 1 || !have_defaults)
		return fputs(usage, stderr), 2;
	fd = listen_at(argv[optind]);
	sigaction(SIGTERM, &action, NULL);
	note("serving");
	while (!stopped) {
		ssize_t length = recv(fd, bytes, sizeof(bytes), 0);

		if (length > 0)
			look(bytes, length);
	}
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		err(1, "cannot ask for lost packets");
	note("%u packets", stats.tp_packets);
	is(stats.tp_drops, 0, "no packet escapes notice");
	report(&families[0]);
	report(&families[1]);
	while (must_tells)
		report_told(must_tell[--must_tells]);
	return done();
}
