/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * A small seeded generator of random numbers, for programs and tests that must give the same run
 * again.
 *
 * - The same seed and stream give the same numbers on every machine and at every optimisation
 *   level: integers and plain IEEE double arithmetic only, nothing from libm.
 * - Streams of one seed are independent for every practical purpose, so each host draws from its
 *   own and one host more does not shift the others.
 * - Not for secrets.
 *
 * Called by whatever draws workloads in user space. A generator belongs to one thread at a time.
 */
#ifndef WORKLOADS_RANDOM_H
#define WORKLOADS_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The state of one stream (xoshiro256**, period 2^256 - 1). */
struct rng {
	uint64_t s[4];
};

/**
 * rng_seed() - Start a stream.
 * @rng:    Filled in.
 * @seed:   Any value; names the run.
 * @stream: Any value; names the stream within the run, such as the host's number.
 */
void rng_seed(struct rng *rng, uint64_t seed, uint64_t stream);

/**
 * rng_next() - Draw 64 uniform bits.
 * @rng: Stream.
 * Return: 0 to 2^64 - 1, each equally likely.
 */
static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t x = s[1] * 5;
	uint64_t shifted = s[1] << 17;

	x = ((x << 7) | (x >> 57)) * 9;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return x;
}

/**
 * rng_below() - Draw a whole number below a limit, without bias.
 * @rng:   Stream; may be drawn from more than once.
 * @limit: At least 1.
 * Return: 0 to @limit - 1, each equally likely.
 */
uint64_t rng_below(struct rng *rng, uint64_t limit);

/**
 * rng_uniform() - Draw a number between 0 and 1.
 * @rng: Stream.
 * Return: A multiple of 2^-53 in (0, 1]; never 0, so that its logarithm is finite.
 */
static inline double rng_uniform(struct rng *rng)
{
	return (double)((rng_next(rng) >> 11) + 1) * 0x1p-53;
}

/**
 * rng_exponential() - Draw the gap to the next event of a Poisson process.
 * @rng:  Stream.
 * @mean: Mean gap, in the caller's unit; positive and finite.
 * Return: 0 to about 36.8 * @mean, in the unit of @mean.
 */
double rng_exponential(struct rng *rng, double mean);

#ifdef __cplusplus
}
#endif

#endif
