/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Hashes of what other hosts choose: ids of RPCs, addresses. Multiply-add-shift (Dietzfelbinger)
 * with secret multipliers: two different keys have the same hash with a probability of 2^-31,
 * whoever chose them.
 */
#ifndef HOMA_HASH_H
#define HOMA_HASH_H

#include <linux/types.h>

#define HOMA_HASH_WORDS 5

/* Random, from when the module is loaded on. */
extern u64 homa_hash_key[HOMA_HASH_WORDS];

/**
 * homa_hash() - Hash a key.
 * @word:  Its words, in any byte order.
 * @count: How many, at most HOMA_HASH_WORDS.
 * @seed:  The table's.
 */
static inline u32 homa_hash(const u32 *word, u32 count, u32 seed)
{
	u64 sum = (word[0] + (u64)seed) * homa_hash_key[0];
	u32 i;

	for (i = 1; i < count; i++)
		sum += word[i] * homa_hash_key[i];
	return sum >> 32;
}

#endif /* HOMA_HASH_H */
