// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The hosts' memory, piece by piece from the ordinary allocator instead of the simulator's arena:
 * what is taken and not given back is counted, and the sanitizers see what is used for too long.
 */
#include <stdlib.h>

#include "ns3-model/model/homa-arena.h"

void *homa_arena_take(size_t bytes)
{
	size_t lines = (bytes + HOMA_ARENA_LINE - 1) / HOMA_ARENA_LINE;

	return aligned_alloc(HOMA_ARENA_LINE, lines * HOMA_ARENA_LINE);
}

void homa_arena_give(void *memory, size_t bytes)
{
	(void)bytes;
	free(memory);
}
