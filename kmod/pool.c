// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The receive region of a socket; see pool.h.
 */
#include "pool.h"

static void free_page_of(struct homa_pool *pool, u32 i)
{
	pool->page[i].next_free = pool->free;
	pool->free = i;
	pool->free_count++;
}

static u32 take_page(struct homa_pool *pool)
{
	u32 i = pool->free;

	pool->free = pool->page[i].next_free;
	pool->free_count--;
	return i;
}

void homa_pool_init(struct homa_pool *pool, struct homa_pool_page *page, u32 pages,
		    struct homa_pool_lease *lease, u32 leases)
{
	u32 i;

	pool->page = page;
	pool->pages = pages;
	pool->lease = lease;
	pool->leases = leases;
	pool->free = HOMA_POOL_NONE;
	pool->free_count = 0;
	for (i = pages; i--;) {
		page[i].users = 0;
		page[i].lease = HOMA_POOL_NONE;
		free_page_of(pool, i);
	}
	for (i = 0; i < leases; i++)
		lease[i].page = HOMA_POOL_NONE;
}

static void end_lease(struct homa_pool *pool, struct homa_pool_lease *lease)
{
	u32 i = lease->page;

	if (i == HOMA_POOL_NONE)
		return;
	lease->page = HOMA_POOL_NONE;
	pool->page[i].lease = HOMA_POOL_NONE;
	if (!pool->page[i].users)
		free_page_of(pool, i);
}

/* Take back what other cores have leased and do not use. */
static void reclaim(struct homa_pool *pool, u32 core, u64 now, u64 lease_ns, u64 *reused)
{
	u32 i;

	for (i = 0; i < pool->leases; i++) {
		struct homa_pool_lease *lease = &pool->lease[i];

		if (i == core || lease->page == HOMA_POOL_NONE)
			continue;
		if (pool->page[lease->page].users && now < lease->used_at + lease_ns)
			continue;
		end_lease(pool, lease);
		++*reused;
	}
}

u32 homa_pool_take(struct homa_pool *pool, u32 core, u32 length, u64 now, u64 lease_ns, u32 *offset,
		   u64 *reused)
{
	u32 whole = length >> HOMA_POOL_PAGE_SHIFT, rest = length & (HOMA_POOL_PAGE - 1);
	struct homa_pool_lease *lease = &pool->lease[core];
	bool fresh = rest && (lease->page == HOMA_POOL_NONE ||
			      HOMA_POOL_PAGE - lease->used < rest);
	u32 count = 0, i;

	if (pool->free_count < whole + fresh)
		reclaim(pool, core, now, lease_ns, reused);
	if (pool->free_count < whole + fresh && lease->page != HOMA_POOL_NONE &&
	    (fresh || !pool->page[lease->page].users)) {
		/* What is left of our own is too small, or nothing is in it. */
		end_lease(pool, lease);
		fresh = rest;
	}
	if (pool->free_count < whole + fresh)
		return 0;

	while (count < whole) {
		i = take_page(pool);
		pool->page[i].users = 1;
		offset[count++] = i << HOMA_POOL_PAGE_SHIFT;
	}
	if (!rest)
		return count;
	if (fresh) {
		end_lease(pool, lease);
		lease->page = take_page(pool);
		lease->used = 0;
		pool->page[lease->page].lease = core;
	}
	offset[count++] = (lease->page << HOMA_POOL_PAGE_SHIFT) + lease->used;
	pool->page[lease->page].users++;
	/* Messages start on a line of their own. */
	lease->used = homa_min(HOMA_POOL_PAGE, (lease->used + rest + 63) & ~63u);
	lease->used_at = now;
	return count;
}

bool homa_pool_give(struct homa_pool *pool, u32 offset)
{
	u32 i = offset >> HOMA_POOL_PAGE_SHIFT;
	struct homa_pool_page *page;

	if (i >= pool->pages || !pool->page[i].users)
		return false;
	page = &pool->page[i];
	if (--page->users)
		return true;
	if (page->lease == HOMA_POOL_NONE)
		free_page_of(pool, i);
	else
		pool->lease[page->lease].used = 0;
	return true;
}
