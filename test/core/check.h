/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * What the unit tests of the core share: cmocka, a seeded generator of random numbers (the same
 * on every machine, so that a failure replays), and the context every input function takes.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "counters.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MS 1000000ull /* ns */

/* splitmix64 */
static inline u64 random64(u64 *seed)
{
	u64 z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* 0 … @n - 1 */
static inline u32 random_below(u64 *seed, u32 n)
{
	return (u32)(random64(seed) % n);
}

struct world {
	struct homa_params params;
	struct homa_counters counters;
	struct homa_cx cx;
};

static inline void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	homa_params_init(&w->params);
	w->cx.params = &w->params;
	w->cx.counters = &w->counters;
	w->cx.now = 1000 * MS;
}

static inline void world_update(struct world *w)
{
	assert_null(homa_params_update(&w->params));
}

#endif /* CHECK_H */
