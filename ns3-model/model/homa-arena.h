/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Memory for what packets touch: hosts, their peers and RPCs, ports, packets.
 *
 * With a thousand hosts this is more than a processor's caches hold, and, where an allocator
 * scatters it among all else, on more pages than a processor can look up quickly. So it lies
 * together: dealt out in whole cache lines, from blocks that the system is asked to back by large
 * pages. What is given back is dealt out again first, for it may still be in the caches.
 *
 * One pool for the whole process, which keeps its blocks until it ends; for one thread. Under the
 * address sanitizer it is the ordinary allocator, whose misuse that can tell.
 */
#ifndef HOMA_ARENA_H
#define HOMA_ARENA_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef __cplusplus
#include <stdalign.h>
#endif
#include <stddef.h>

#define HOMA_ARENA_LINE 64	/* bytes of a cache line */

/**
 * homa_arena_take() - Get memory.
 * @bytes: How much, above 0.
 * Return: Memory at the start of a cache line, its content undefined; NULL when memory is short.
 */
void *homa_arena_take(size_t bytes);

/**
 * homa_arena_give() - Give memory back.
 * @memory: From homa_arena_take(), or NULL: nothing happens.
 * @bytes:  As when it was taken.
 */
void homa_arena_give(void *memory, size_t bytes);

/**
 * homa_arena_used() - Bytes of the blocks that were ever dealt out.
 * Return: It grows only when nothing of the right length has been given back; 0 under the address
 *         sanitizer.
 */
size_t homa_arena_used(void);

/**
 * homa_arena_fetch() - Ask for memory that will be needed soon.
 * @at: Any address; nothing is read. What comes while something else is waited for costs nothing.
 */
static inline void homa_arena_fetch(const void *at)
{
	__builtin_prefetch(at);
	/* The compiler leaves functions out that do nothing but this, as if they did nothing. */
	__asm__ volatile("");
}

#ifdef __cplusplus
}
#endif

#endif /* HOMA_ARENA_H */
