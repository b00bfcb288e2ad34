// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * build/workload-check: draws many sizes and holds them against the distribution they were drawn
 * from.
 *
 * - The mean, by Bernstein's inequality for bounded variables: no assumption of a normal
 *   distribution, which the few very large messages would break.
 * - Each size's share of the draws, by the same inequality for one event.
 * - Quantiles: the sampled one must lie between the distribution's at p - e and p + e, e again from
 *   Bernstein.
 * - All bounds together are broken by a correct sampler with a probability below FALSE_ALARM per
 *   distribution.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sampler.h"

#define FALSE_ALARM 1e-9
#define DEFAULT_DRAWS 10000000
#define MAX_DRAWS 1000000000000

static const double percentiles[] = { 10, 20, 30, 40, 50, 60, 70, 75, 80, 90, 95, 99, 99.9 };

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: workload-check [options] WORKLOAD...\n"
		"Draws message sizes and checks their mean, shares and quantiles.\n"
		"\n"
		"WORKLOAD is a name (w1 w1s w2 w3 w4 w5), a size in bytes, or the path of a file\n"
		"of lines bytes<TAB>cumulative_probability.\n"
		"\n"
		"  -n, --draws N     sizes to draw of each workload, 1 to %.0e (default %d)\n"
		"  -s, --seed S      seed of the random numbers (default 1)\n"
		"  -d, --dir DIR     where names are looked up; overrides HOMA_WORKLOADS\n"
		"  -q, --quiet       only what fails, and the verdict\n"
		"  -h, --help        this text\n"
		"\n"
		"Exit status: 0 all agree, 1 some do not, 2 bad usage or input.\n",
		(double)MAX_DRAWS, DEFAULT_DRAWS);
}

static int bad_usage(const char *what, const char *value)
{
	fprintf(stderr, "workload-check: %s%s%s; see workload-check --help\n", what,
		value ? " " : "", value ? value : "");
	return 2;
}

static bool parse_number(const char *text, uint64_t most, uint64_t *value)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || number > most)
		return false;
	*value = number;
	return true;
}

/* How far the mean of @draws variables of this variance and range may be from its expectation. */
static double bernstein(double variance, double range, double draws, double events)
{
	double l = log(2 * events / FALSE_ALARM);

	return sqrt(2 * variance * l / draws) + 2 * range * l / (3 * draws);
}

static double squared_distance(uint32_t bytes, void *mean)
{
	double distance = bytes - *(double *)mean;

	return distance * distance;
}

/* Returns how many rows were drawn more or less often than chance allows. */
static uint32_t check_shares(const struct sampler *s, const uint64_t *counts, double draws,
			     double events)
{
	double before = 0;
	uint32_t bad = 0;
	uint32_t row;

	for (row = 0; row < s->rows; row++) {
		double p = s->cumulative[row] - before;

		if (fabs(counts[row] / draws - p) > bernstein(p * (1 - p), 1, draws, events)) {
			printf("  size %" PRIu32 ": drawn %" PRIu64 ", expected %.1f  FAILED\n",
			       s->bytes[row], counts[row], p * draws);
			bad++;
		}
		before = s->cumulative[row];
	}
	return bad;
}

/* Returns how many sampled quantiles are further from the distribution's than chance allows. */
static uint32_t check_quantiles(const struct sampler *s, const uint64_t *counts, double draws,
				double events, bool quiet)
{
	uint32_t bad = 0;
	uint32_t row = 0;
	uint64_t seen = counts[0];
	size_t i;

	if (!quiet)
		printf("  %9s %12s %12s %12s %12s\n", "percent", "file, bytes", "drawn, bytes",
		       "least", "most");
	for (i = 0; i < PERCENTILES; i++) {
		double p = percentiles[i] / 100;
		double e = bernstein(p * (1 - p), 1, draws, events);
		uint32_t least = sampler_quantile(s, p - e);
		uint32_t most = sampler_quantile(s, p + e);
		bool ok;

		while (row + 1 < s->rows && (double)seen < p * draws)
			seen += counts[++row];
		ok = s->bytes[row] >= least && s->bytes[row] <= most;
		bad += !ok;
		if (!quiet || !ok)
			printf("  %9g %12" PRIu32 " %12" PRIu32 " %12" PRIu32 " %12" PRIu32 "%s\n",
			       percentiles[i], sampler_quantile(s, p), s->bytes[row], least, most,
			       ok ? "" : "  FAILED");
	}
	return bad;
}

static int check(const char *spec, const char *dir, uint64_t draws, uint64_t seed, bool quiet)
{
	char err[SAMPLER_ERROR_LEN];
	struct sampler s;
	struct rng rng;
	uint64_t *counts;
	double expected, mean, variance, tolerance, events;
	double sum = 0;
	uint32_t bad, row;
	uint64_t i;

	if (sampler_open(&s, spec, dir, err, sizeof(err))) {
		fprintf(stderr, "workload-check: %s\n", err);
		return 2;
	}
	counts = calloc(s.rows, sizeof(*counts));
	if (!counts) {
		fprintf(stderr, "workload-check: out of memory\n");
		sampler_close(&s);
		return 2;
	}
	rng_seed(&rng, seed, 0);
	for (i = 0; i < draws; i++)
		counts[sampler_row(&s, rng_next(&rng))]++;
	for (row = 0; row < s.rows; row++)
		sum += (double)counts[row] * s.bytes[row];

	expected = sampler_mean(&s);
	mean = sum / (double)draws;
	variance = sampler_expect(&s, squared_distance, &expected);
	events = s.rows + PERCENTILES + 1.0;
	/* The last term covers rounding, which is all there is for a fixed size. */
	tolerance = bernstein(variance, s.bytes[s.rows - 1] - s.bytes[0], (double)draws, events) +
		    1e-9 * expected;

	printf("%s: %" PRIu32 " sizes, %" PRIu32 " to %" PRIu32 " bytes, %" PRIu64 " draws\n",
	       s.name, s.rows, s.bytes[0], s.bytes[s.rows - 1], draws);
	bad = !(fabs(mean - expected) <= tolerance);
	if (!quiet || bad)
		printf("  mean: file %.2f, drawn %.2f, may differ by %.2f bytes%s\n", expected,
		       mean, tolerance, bad ? "  FAILED" : "");
	bad += check_quantiles(&s, counts, (double)draws, events, quiet);
	bad += check_shares(&s, counts, (double)draws, events);
	printf("%s - %s: drawn sizes agree with the file\n", bad ? "not ok" : "ok", s.name);
	free(counts);
	sampler_close(&s);
	return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "draws", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "dir", required_argument, NULL, 'd' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t draws = DEFAULT_DRAWS;
	const char *dir = NULL;
	uint64_t seed = 1;
	bool quiet = false;
	int worst = 0;
	int c;

	while ((c = getopt_long(argc, argv, "n:s:d:qh", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			if (!parse_number(optarg, MAX_DRAWS, &draws) || !draws)
				return bad_usage("--draws takes a whole number, 1 to 1e12, not",
						 optarg);
			break;
		case 's':
			if (!parse_number(optarg, UINT64_MAX, &seed))
				return bad_usage("--seed takes a whole number, 0 to 2^64 - 1, not",
						 optarg);
			break;
		case 'd':
			dir = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return bad_usage("bad option", NULL);
		}
	}
	if (optind == argc)
		return bad_usage("no workload given", NULL);
	for (; optind < argc; optind++) {
		int rc = check(argv[optind], dir, draws, seed, quiet);

		if (rc > worst)
			worst = rc;
	}
	return worst;
}
