/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The receive region of a socket: which of its pages (HOMA_BPAGE_SIZE bytes) hold messages.
 *
 * - A message gets all its room at once, so that no two wait for each other's: whole pages, and for
 *   the rest a part of a page.
 * - Parts are cut from a page that a core has leased, so that cores do not share lines. A lease
 *   ends when the page is full; when the region runs short, those not used for bpage_lease_usecs,
 *   or with nothing in them, are taken back.
 * - A page is free again when every message in it has been given back.
 *
 * Needs no kernel: the tests run the same file in user space.
 *
 * Owner: the socket; its pool_lock protects everything.
 */
#ifndef HOMA_POOL_H
#define HOMA_POOL_H

#include "shared/platform.h"

#define HOMA_POOL_PAGE_SHIFT 16
#define HOMA_POOL_PAGE (1u << HOMA_POOL_PAGE_SHIFT)	/* bytes */
#define HOMA_POOL_NONE 0xffffffffu

struct homa_pool_page {
	u32 users;	/* messages, or parts of messages, in it */
	u32 next_free;	/* when free */
	u32 lease;	/* of the core with this number, or HOMA_POOL_NONE */
};

struct homa_pool_lease {
	u64 used_at;	/* ns */
	u32 page;	/* or HOMA_POOL_NONE */
	u32 used;	/* bytes */
};

struct homa_pool {
	struct homa_pool_page *page;
	struct homa_pool_lease *lease;
	u32 pages, leases;
	u32 free, free_count;	/* list */
};

/**
 * homa_pool_init() - A region with nothing in it.
 * @pool:   To set up.
 * @page:   Memory for @pages entries.
 * @pages:  Pages of the region.
 * @lease:  Memory for @leases entries.
 * @leases: Cores.
 */
void homa_pool_init(struct homa_pool *pool, struct homa_pool_page *page, u32 pages,
		    struct homa_pool_lease *lease, u32 leases);

/**
 * homa_pool_take() - Find room for a message.
 * @pool:     Region.
 * @core:     Number of the core, below leases.
 * @length:   Bytes of the message, at least 1.
 * @now:      ns.
 * @lease_ns: Leases not used for so long are taken back when needed.
 * @offset:   Filled in: bytes from the region's start of each page's worth.
 * @reused:   Leases taken back are added here.
 * Return: Entries of @offset used; 0: there is no room now.
 */
u32 homa_pool_take(struct homa_pool *pool, u32 core, u32 length, u64 now, u64 lease_ns, u32 *offset,
		   u64 *reused);

/**
 * homa_pool_give() - Room of a message is free again.
 * @pool:   Region.
 * @offset: As homa_pool_take() said, of one page's worth.
 * Return: false when there is no message there.
 */
bool homa_pool_give(struct homa_pool *pool, u32 offset);

/**
 * homa_pool_fits() - Could a message ever have room?
 * @pool:   Region.
 * @length: Bytes.
 */
static inline bool homa_pool_fits(const struct homa_pool *pool, u32 length)
{
	return (length + HOMA_POOL_PAGE - 1) >> HOMA_POOL_PAGE_SHIFT <= pool->pages;
}

/* Bytes free in whole pages. */
static inline u64 homa_pool_available(const struct homa_pool *pool)
{
	return (u64)pool->free_count << HOMA_POOL_PAGE_SHIFT;
}

#endif /* HOMA_POOL_H */
