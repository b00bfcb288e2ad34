// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * build/ideal: message times under an ideal schedule, to hold protocols and published curves
 * against. A command of its own; nothing includes it.
 *
 * - Every host sends one message and receives one at a time, at the full rate of its link. Whenever
 *   a message comes or ends, messages are looked at in the order of their rank, and each whose two
 *   hosts are both free is served. All is known everywhere at once; the network between the hosts
 *   never delays anything; headers and control packets are a fixed share of the link.
 * - Messages are those of the published simulations: Poisson, every host to every other.
 * - Writes the result files that plots/messages reads.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "workloads/random.h"
#include "workloads/sampler.h"

#define LATENCY_NS 2300.0	/* of a message without length, as published */
#define LINK_BYTES_PER_NS 1.25
#define HOSTS_MAX 4096

struct message {
	double arrival, done;	/* ns */
	double left, size;	/* ns of a link */
	uint32_t src, dst, bytes;
};

struct options {
	const char *workload, *out;
	double (*rank)(const struct message *m);
	double load, goodput, seconds, warmup, drain;
	uint64_t hosts, seed;
};

static double srpt(const struct message *m)
{
	return m->left;
}

static double weighed(const struct message *m)
{
	return m->left * m->size;
}

static double shortest(const struct message *m)
{
	return m->size;
}

static double oldest(const struct message *m)
{
	return m->arrival;
}

static const struct {
	const char *name;
	double (*rank)(const struct message *m);
} orders[] = {
	{ "srpt", srpt },
	{ "weighed", weighed },
	{ "shortest", shortest },
	{ "oldest", oldest },
};

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: ideal [OPTION]... --out=DIR\n"
		"Times of messages under an ideal schedule: no delay but for busy hosts.\n\n"
		"  --workload=SPEC   message sizes, as for homa-sim (default w5)\n"
		"  --load=X          share of host link capacity, 0.01 to 1 (default 0.8)\n"
		"  --goodput=X       share of that which is data of messages (default 0.898, as\n"
		"                    published for w5)\n"
		"  --order=NAME      who is served first: srpt, fewest bytes left (default);\n"
		"                    weighed, least product of bytes left and length; shortest,\n"
		"                    shortest message; oldest\n"
		"  --hosts=N         2 to 4096 (default 144), each with a link of 10 Gbit/s\n"
		"  --duration=S      seconds in which messages are issued (default 1.9)\n"
		"  --warmup=S        leave out messages issued before (default 0)\n"
		"  --drain=S         seconds that messages have to finish after that; the rest is left\n"
		"                    out (default 0)\n"
		"  --seed=N          of the random numbers (default 1)\n"
		"  --out=DIR         folder for messages.tsv and manifest.tsv; made if missing\n"
		"  --help            print this and exit\n\n"
		"Exit status: 0 done, 1 the results could not be written, 2 bad usage or input.\n");
}

static double number(const char *name, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= least && value <= most)) {
		fprintf(stderr, "ideal: --%s must be a number from %g to %g, not \"%s\"\n", name,
			least, most, text);
		exit(2);
	}
	return value;
}

static uint64_t whole(const char *name, const char *text, double least, double most)
{
	double value = number(name, text, least, most);

	if (value != (uint64_t)value) {
		fprintf(stderr, "ideal: --%s must be a whole number, not \"%s\"\n", name, text);
		exit(2);
	}
	return (uint64_t)value;
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "workload", required_argument, NULL, 'w' },
		{ "load", required_argument, NULL, 'l' },
		{ "goodput", required_argument, NULL, 'g' },
		{ "order", required_argument, NULL, 'r' },
		{ "hosts", required_argument, NULL, 'n' },
		{ "duration", required_argument, NULL, 't' },
		{ "warmup", required_argument, NULL, 'u' },
		{ "drain", required_argument, NULL, 'd' },
		{ "seed", required_argument, NULL, 's' },
		{ "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'w':
			o->workload = optarg;
			break;
		case 'l':
			o->load = number("load", optarg, 0.01, 1);
			break;
		case 'g':
			o->goodput = number("goodput", optarg, 0.01, 1);
			break;
		case 'r':
			o->rank = NULL;
			for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
				if (!strcmp(orders[i].name, optarg))
					o->rank = orders[i].rank;
			if (!o->rank) {
				fprintf(stderr, "ideal: --order must be srpt, weighed, shortest or "
					"oldest, not \"%s\"\n", optarg);
				exit(2);
			}
			break;
		case 'n':
			o->hosts = whole("hosts", optarg, 2, HOSTS_MAX);
			break;
		case 't':
			o->seconds = number("duration", optarg, 1e-6, 1000);
			break;
		case 'u':
			o->warmup = number("warmup", optarg, 0, 1000);
			break;
		case 'd':
			o->drain = number("drain", optarg, 0, 1000);
			break;
		case 's':
			o->seed = whole("seed", optarg, 1, 4294967295.0);
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			fprintf(stderr, "Try ideal --help.\n");
			exit(2);
		}
	}
	if (optind < argc || !o->out || !*o->out) {
		fprintf(stderr, "ideal: give --out=DIR and options only; see ideal --help\n");
		exit(2);
	}
	if (o->warmup >= o->seconds) {
		fprintf(stderr, "ideal: --warmup must be below --duration, %g, or nothing is measured\n",
			o->seconds);
		exit(2);
	}
}

static void *room(size_t count, size_t size)
{
	void *room = calloc(count, size);

	if (!room) {
		fprintf(stderr, "ideal: out of memory; lower --duration or --load\n");
		exit(1);
	}
	return room;
}

/* Draw the messages, in the order in which they are issued. Return: how many. */
static size_t issue(const struct options *o, const struct sampler *sizes, struct message **all)
{
	double gap = 1 / (o->load * o->goodput * LINK_BYTES_PER_NS * o->hosts / sizes->mean);
	size_t count = 0, space = (size_t)(1.1 * o->seconds * 1e9 / gap) + 1000;
	struct message *m = room(space, sizeof(*m));
	double now = 0;
	struct rng rng;

	rng_seed(&rng, o->seed, 0);
	while (count < space) {
		now += rng_exponential(&rng, gap);
		if (now > o->seconds * 1e9)
			break;
		m[count].arrival = now;
		m[count].bytes = sampler_draw(sizes, rng_next(&rng));
		m[count].size = m[count].bytes / (o->goodput * LINK_BYTES_PER_NS);
		m[count].left = m[count].size;
		m[count].src = (uint32_t)rng_below(&rng, o->hosts);
		m[count].dst = (uint32_t)rng_below(&rng, o->hosts - 1);
		m[count].dst += m[count].dst >= m[count].src;
		count++;
	}
	*all = m;
	return count;
}

/* Serve the messages until @end, ns, or until none is left. */
static void serve(const struct options *o, struct message *all, size_t count, double end)
{
	struct message **active = room(count, sizeof(*active));
	struct message **served = room(o->hosts, sizeof(*served));
	double *rank = room(count, sizeof(*rank)), now = 0;
	size_t waiting = 0, next = 0, chosen, i, j;
	static bool sends[HOSTS_MAX], receives[HOSTS_MAX];

	while (now < end && (waiting || next < count)) {
		double until = next < count ? all[next].arrival : end;

		/* Almost in order: only those served since, and the new one, have moved. */
		for (i = 0; i < waiting; i++) {
			struct message *m = active[i];
			double r = o->rank(m);

			for (j = i; j && rank[j - 1] > r; j--) {
				rank[j] = rank[j - 1];
				active[j] = active[j - 1];
			}
			rank[j] = r;
			active[j] = m;
		}
		memset(sends, 0, sizeof(sends));
		memset(receives, 0, sizeof(receives));
		for (i = 0, chosen = 0; i < waiting; i++) {
			struct message *m = active[i];

			if (sends[m->src] || receives[m->dst])
				continue;
			sends[m->src] = true;
			receives[m->dst] = true;
			served[chosen++] = m;
			if (now + m->left < until)
				until = now + m->left;
		}
		for (i = 0; i < chosen; i++) {
			served[i]->left -= until - now;
			/* Rounding leaves less than a thousandth of a byte. */
			if (served[i]->left < 1e-3)
				served[i]->done = until;
		}
		now = until;
		for (i = 0, j = 0; i < waiting; i++)
			if (!active[i]->done)
				active[j++] = active[i];
		waiting = j;
		while (next < count && all[next].arrival <= now)
			active[waiting++] = &all[next++];
	}
	free(active);
	free(served);
	free(rank);
}

static int by_bytes(const void *a, const void *b)
{
	const struct message *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

static FILE *create(const char *folder, const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file) {
		fprintf(stderr, "ideal: cannot write %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return file;
}

static void finish(FILE *file, const char *name)
{
	bool bad = ferror(file);

	if (fclose(file) || bad) {
		fprintf(stderr, "ideal: cannot write %s: %s\n", name, strerror(errno));
		exit(1);
	}
}

/* Make the folder and those above it. */
static void make_folder(const char *folder)
{
	char path[4096];
	int i;

	for (i = 1; ; i++) {
		if (folder[i] && folder[i] != '/')
			continue;
		snprintf(path, sizeof(path), "%.*s", i, folder);
		if (mkdir(path, 0777) && errno != EEXIST) {
			fprintf(stderr, "ideal: cannot make the folder %s: %s\n", path,
				strerror(errno));
			exit(1);
		}
		if (!folder[i])
			return;
	}
}

static void report(const struct options *o, struct message *all, size_t count)
{
	size_t finished = 0, measured = 0, i;
	FILE *file;

	for (i = 0; i < count; i++)
		finished += all[i].done && all[i].arrival >= o->warmup * 1e9;
	if (!finished) {
		fprintf(stderr, "ideal: no message finished; raise --duration or --drain\n");
		exit(2);
	}
	make_folder(o->out);
	qsort(all, count, sizeof(*all), by_bytes);
	file = create(o->out, "messages.tsv");
	fprintf(file, "# an ideal schedule; slowdown = time / least possible time\n");
	fprintf(file, "bytes (B)\tstart (ns)\ttime (ns)\tslowdown\n");
	for (i = 0; i < count; i++) {
		const struct message *m = &all[i];

		if (m->arrival < o->warmup * 1e9)
			continue;
		measured++;
		if (!m->done)
			continue;
		fprintf(file, "%u\t%.0f\t%.0f\t%.5f\n", m->bytes, m->arrival,
			m->done - m->arrival + LATENCY_NS,
			(m->done - m->arrival + LATENCY_NS) / (m->size + LATENCY_NS));
	}
	finish(file, "messages.tsv");
	file = create(o->out, "manifest.tsv");
	fprintf(file, "key\tvalue\nprogram\tideal\nworkload\t%s\nload_target\t%g\n",
		o->workload, o->load);
	fprintf(file, "messages_measured\t%zu\nmessages_finished\t%zu\n", measured, finished);
	finish(file, "manifest.tsv");
	printf("%zu messages, %zu finished: %s/messages.tsv\n", measured, finished, o->out);
}

int main(int argc, char **argv)
{
	struct options o = {
		.workload = "w5", .rank = srpt, .load = 0.8, .goodput = 0.898,
		.seconds = 1.9, .hosts = 144, .seed = 1,
	};
	char error[SAMPLER_ERROR_LEN];
	struct message *all;
	struct sampler sizes;
	size_t count;

	parse(argc, argv, &o);
	if (sampler_open(&sizes, o.workload, NULL, error, sizeof(error))) {
		fprintf(stderr, "ideal: %s\n", error);
		return 2;
	}
	count = issue(&o, &sizes, &all);
	serve(&o, all, count, (o.seconds + o.drain) * 1e9);
	report(&o, all, count);
	sampler_close(&sizes);
	free(all);
	return 0;
}
