// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The seeding and the derived draws of random.h.
 *
 * Built with -ffp-contract=off: a fused multiply-add rounds once where two operations round twice,
 * and the same seed must give the same gaps with and without it. For the same reason the logarithm
 * is computed here and not by libm.
 */
#include "random.h"

/* One step of SplitMix64, which spreads a seed of any quality over 64 bits. */
static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void rng_seed(struct rng *rng, uint64_t seed, uint64_t stream)
{
	uint64_t state = seed;
	int i;

	/* Mixing the seed first keeps (seed, stream + 1) away from (seed + 1, stream). */
	state = splitmix(&state) + stream;
	state = splitmix(&state);
	/* SplitMix64 gives each value once per period, so the four words are never all zero. */
	for (i = 0; i < 4; i++)
		rng->s[i] = splitmix(&state);
}

uint64_t rng_below(struct rng *rng, uint64_t limit)
{
	/* The draws below this would make the lowest results likelier than the rest. */
	uint64_t surplus = -limit % limit;
	uint64_t x;

	do {
		x = rng_next(rng);
	} while (x < surplus);
	return x % limit;
}

/* -ln(u) for u in (0, 1], to within a few units in the last place. */
static double minus_log(double u)
{
	static const double ln2 = 0x1.62e42fefa39efp-1;
	static const double series[] = {
		1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
		1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1,
	};
	double f, f2, sum;
	int halvings = 0;
	unsigned int i;

	/* u = 2^-halvings * m with m in (1/sqrt(2), sqrt(2)]; scaling by powers of two is exact. */
	while (u < 0x1p-16) {
		u *= 0x1p16;
		halvings += 16;
	}
	while (u <= 0.70710678118654752) {
		u *= 2;
		halvings++;
	}
	/*
	 * ln(m) = 2 artanh(f) with f = (m - 1) / (m + 1). As |f| < 0.172, the first term left out
	 * is below 2^-60 of the sum.
	 */
	f = (u - 1) / (u + 1);
	f2 = f * f;
	sum = 0;
	for (i = 0; i < sizeof(series) / sizeof(series[0]); i++)
		sum = sum * f2 + series[i];
	return halvings * ln2 - 2 * f * sum;
}

double rng_exponential(struct rng *rng, double mean)
{
	return mean * minus_log(rng_uniform(rng));
}
