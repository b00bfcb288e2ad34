/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Random numbers of the test network: small, and the same on every machine, so that a seed replays.
 * Used by everything in this folder.
 */
#ifndef NET_PRNG_H
#define NET_PRNG_H

#include "../../shared/platform.h"

struct prng {
	u64 state;
};

static inline u64 prng_mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static inline u64 prng_next(struct prng *p)
{
	p->state += 0x9e3779b97f4a7c15ull;
	return prng_mix(p->state);
}

/* Uniform in [0, bound); 0 when bound is 0. */
static inline u64 prng_below(struct prng *p, u64 bound)
{
	return bound ? prng_next(p) % bound : 0;
}

/* true in @ppm of a million cases. */
static inline bool prng_chance(struct prng *p, u32 ppm)
{
	return ppm && prng_below(p, 1000000) < ppm;
}

#endif /* NET_PRNG_H */
