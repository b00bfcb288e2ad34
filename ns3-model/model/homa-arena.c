// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Memory for what packets touch; see homa-arena.h.
 */
#include "homa-arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#define BLOCK_BYTES ((size_t)2 << 20)	/* a large page on most processors */
#define MOST_LINES 256			/* longer pieces come from the system one by one */
#define STAGGER 37			/* lines; odd, so that all remainders come up */

/* A piece while nobody has it. */
struct piece {
	struct piece *next;
};

static struct {
	struct piece *free[MOST_LINES + 1];	/* by lines */
	char *rest;				/* of the block being dealt out */
	size_t rest_lines;
	size_t used_lines;			/* ever dealt out */
	size_t blocks;				/* ever begun */
} arena;

static size_t lines_of(size_t bytes)
{
	return (bytes + HOMA_ARENA_LINE - 1) / HOMA_ARENA_LINE;
}

static void put(void *memory, size_t lines)
{
	struct piece *piece = memory;

	piece->next = arena.free[lines];
	arena.free[lines] = piece;
}

static bool new_block(void)
{
	char *block = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
	size_t skipped;

	if (!block)
		return false;
#ifdef MADV_HUGEPAGE
	/* A wish: without large pages all goes on, more slowly. */
	(void)madvise(block, BLOCK_BYTES, MADV_HUGEPAGE);
#endif
	/* What is left is shorter than what was asked for, so it has a list. */
	if (arena.rest_lines)
		put(arena.rest, arena.rest_lines);
	/*
	 * Blocks that are filled alike must not begin alike: the same part of every host would
	 * then come to lie in the same few sets of a cache.
	 */
	skipped = arena.blocks++ * STAGGER % MOST_LINES;
	arena.rest = block + skipped * HOMA_ARENA_LINE;
	arena.rest_lines = BLOCK_BYTES / HOMA_ARENA_LINE - skipped;
	return true;
}

void *homa_arena_take(size_t bytes)
{
	size_t lines = lines_of(bytes);
	void *memory;

#ifdef __SANITIZE_ADDRESS__
	return aligned_alloc(HOMA_ARENA_LINE, lines * HOMA_ARENA_LINE);
#endif
	if (lines > MOST_LINES)
		return aligned_alloc(HOMA_ARENA_LINE, lines * HOMA_ARENA_LINE);
	if (arena.free[lines]) {
		memory = arena.free[lines];
		arena.free[lines] = arena.free[lines]->next;
		return memory;
	}
	if (arena.rest_lines < lines && !new_block())
		return NULL;
	memory = arena.rest;
	arena.rest += lines * HOMA_ARENA_LINE;
	arena.rest_lines -= lines;
	arena.used_lines += lines;
	return memory;
}

void homa_arena_give(void *memory, size_t bytes)
{
	size_t lines = lines_of(bytes);

#ifdef __SANITIZE_ADDRESS__
	lines = MOST_LINES + 1;
#endif
	if (!memory)
		return;
	if (lines > MOST_LINES)
		free(memory);
	else
		put(memory, lines);
}

size_t homa_arena_used(void)
{
	return arena.used_lines * HOMA_ARENA_LINE;
}
