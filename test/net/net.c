// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The deterministic network as a program: runs scenarios with many seeds and prints, in TAP,
 * whether what scenarios.c claims holds; a seed that fails is printed with the command that
 * replays it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios.h"

/* Every block of memory that this program takes and gives back. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

static long blocks;

void *__wrap_malloc(size_t size)
{
	blocks++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	blocks++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	if (!old)
		blocks++;
	return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	blocks++;
	return __real_aligned_alloc(alignment, size);
}

void __wrap_free(void *memory)
{
	if (memory)
		blocks--;
	__real_free(memory);
}

static void usage(FILE *to)
{
	u32 i;

	fprintf(to, "usage: net [--seeds A-B] [--scenario NAME] [--verbose]\n"
		    "       net --figures\n"
		    "Run seeded scenarios on a simulated network and check every promise.\n"
		    "  --seeds A-B      these seeds (default: 1 to as many as the scenario wants)\n"
		    "  --scenario NAME  only this one\n"
		    "  --verbose        print every packet, and counters\n"
		    "  --figures        print completion times under loss instead\n"
		    "  --help           print this\n"
		    "Exit status: 0 all hold, 1 one does not, 2 bad usage.\n"
		    "Scenarios:\n");
	for (i = 0; i < scenario_count; i++)
		fprintf(to, "  %-16s %s\n", scenarios[i].name, scenarios[i].claim);
}

static void print_counters(const struct homa_counters *c)
{
	static const struct {
		const char *name;
		size_t at;
	} list[] = {
#define X(name, meaning) { #name, offsetof(struct homa_counters, name) },
		HOMA_COUNTERS(X)
#undef X
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		u64 count = *(const u64 *)((const char *)c + list[i].at);

		if (count)
			printf("#   %s %" PRIu64 "\n", list[i].name, count);
	}

	for (i = 0; i < HOMA_TYPES; i++)
		printf("#   sent %s %" PRIu64 "\n", homa_wire_type_name((u8)(HOMA_DATA + i)),
		       c->packets[i].sent);
	for (i = 0; i < HOMA_DROPS; i++)
		if (c->packets_dropped[i])
			printf("#   dropped %s %" PRIu64 "\n",
			       homa_wire_drop_name((enum homa_drop)i), c->packets_dropped[i]);
}

/* Return: whether the scenario holds for all seeds. */
static bool run(const char *program, u32 number, const struct scenario *s, u64 first, u64 last,
		bool verbose)
{
	struct outcome o = { .failed = false };
	u64 seed, bad = 0;

	for (seed = first; seed <= last; seed++) {
		long before = blocks;

		world_run(s, seed, verbose, &o);
		if (!o.failed && blocks != before) {
			o.failed = true;
			snprintf(o.why, sizeof(o.why), "%ld blocks of memory are left over",
				 blocks - before);
		}
		if (o.failed && ++bad <= 3) {
			printf("# %s\n", o.why);
			printf("# replay: %s --scenario %s --seeds %" PRIu64 "-%" PRIu64
			       " --verbose\n", program, s->name, seed, seed);
		}
	}
	if (!bad && s->must && last - first >= 20 &&
	    !*(const u64 *)((const char *)&o.counters + s->must - 1)) {
		printf("# what this scenario is about never happened\n");
		bad++;
	}
	if (!bad && s->again && last - first >= 20 &&
	    o.counters.resent_packets * 100 > o.counters.packets[0].sent * s->again) {
		printf("# %" PRIu64 " of %" PRIu64 " DATA packets are sent again\n",
		       o.counters.resent_packets, o.counters.packets[0].sent);
		bad++;
	}
	printf("%s %u - %s: %s (%" PRIu64 " seeds", bad ? "not ok" : "ok", number, s->name,
	       s->claim, last - first + 1);
	if (bad)
		printf(", %" PRIu64 " fail", bad);
	printf("; %" PRIu64 " RPCs done, %" PRIu64 " failed, %" PRIu64 " packets, %" PRIu64
	       " lost)\n", o.done, o.failures, o.packets, o.lost);
	if (verbose)
		print_counters(&o.counters);
	fflush(stdout);
	return !bad;
}

static int by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

static void print_class(const char *name, struct sample *all, u32 count, u32 low, u32 high)
{
	struct sample *in = malloc((count + 1) * sizeof(*in));
	u32 i, n = 0;

	if (!in)
		return;
	for (i = 0; i < count; i++)
		if (all[i].bytes >= low && all[i].bytes < high)
			in[n++] = all[i];
	qsort(in, n, sizeof(*in), by_time);
	if (n)
		printf("\t%s\t%u\t%.3f\t%.3f\t%.3f\t%.3f", name, n, (double)in[n / 2].ns / 1e6,
		       (double)in[(u64)n * 9 / 10].ns / 1e6, (double)in[(u64)n * 99 / 100].ns / 1e6,
		       (double)in[n - 1].ns / 1e6);
	free(in);
}

static void figures(void)
{
	static const u32 losses[] = { 0, 1, 5, 10, 20 };
	static const struct {
		const char *name;
		u32 low, high;
	} classes[] = {
		{ "below 1400", 0, 1400 },
		{ "1400-40000", 1400, 40000 },
		{ "40000 up", 40000, 0xffffffff },
	};
	struct scenario s = figure_scenario;
	u32 i, k, seed;

	printf("loss (%%)\tfailed (ppm)\tbytes\tRPCs\tP50 (ms)\tP90 (ms)\tP99 (ms)\tmax (ms)\n");
	for (i = 0; i < ARRAY_SIZE(losses); i++) {
		struct outcome o = { .sample_size = 1024 };

		o.samples = malloc(o.sample_size * sizeof(o.samples[0]));
		if (!o.samples)
			return;
		s.rules.loss = losses[i] * 10000;
		s.bits = MAY_FAIL;
		for (seed = 1; seed <= s.seeds; seed++) {
			world_run(&s, seed, false, &o);
			if (o.failed)
				printf("# seed %u: %s\n", seed, o.why);
		}
		for (k = 0; k < ARRAY_SIZE(classes); k++) {
			printf("%u\t%.0f", losses[i],
			       1e6 * (double)o.failures / (double)(o.failures + o.done));
			print_class(classes[k].name, o.samples, o.sample_count, classes[k].low,
				    classes[k].high);
			printf("\n");
		}
		free(o.samples);
	}
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	u64 first = 1, last = 0;
	bool verbose = false, good = true;
	u32 i, number = 0;
	int k, end;

	for (k = 1; k < argc; k++) {
		if (!strcmp(argv[k], "--help")) {
			usage(stdout);
			return 0;
		} else if (!strcmp(argv[k], "--verbose")) {
			verbose = true;
		} else if (!strcmp(argv[k], "--figures")) {
			figures();
			return 0;
		} else if (!strcmp(argv[k], "--scenario") && k + 1 < argc) {
			only = argv[++k];
		} else if (!strcmp(argv[k], "--seeds") && k + 1 < argc) {
			end = 0;
			if (sscanf(argv[++k], "%" SCNu64 "-%" SCNu64 "%n", &first, &last,
				   &end) != 2 || argv[k][end] || !first || last < first) {
				fprintf(stderr, "net: --seeds wants two numbers like 1-100\n");
				return 2;
			}
		} else {
			fprintf(stderr, "net: no such option '%s'; --help lists them\n", argv[k]);
			return 2;
		}
	}
	for (i = 0; i < scenario_count; i++)
		number += !only || !strcmp(only, scenarios[i].name);
	if (!number) {
		fprintf(stderr, "net: no such scenario '%s'; --help lists them\n", only);
		return 2;
	}
	printf("TAP version 13\n1..%u\n", number);
	number = 0;
	for (i = 0; i < scenario_count; i++) {
		const struct scenario *s = &scenarios[i];

		if (!only || !strcmp(only, s->name))
			good &= run(argv[0], ++number, s, first, last ? last : s->seeds, verbose);
	}
	return good ? 0 : 1;
}
