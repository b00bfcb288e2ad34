/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Pages for the bytes of messages being sent: kept for the next message instead of being given
 * back, up to skb_page_pool_min_kb per namespace, since getting large pages, cleared at that on
 * many kernels, costs as much as copying the message.
 *
 * A page is kept only when nothing else refers to it, so that no packet still on its way carries
 * another message's bytes.
 */
#ifndef HOMA_PAGES_H
#define HOMA_PAGES_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/spinlock.h>

#define HOMA_PAGE_ORDER 3	/* of large pages; small ones are single */

struct homa_pages {
	spinlock_t lock;		/* all of this */
	struct list_head kept[2];	/* page->lru; small, large */
	u32 kb;				/* in them */
};

void homa_pages_init(struct homa_pages *pages);
void homa_pages_exit(struct homa_pages *pages);

/**
 * homa_pages_get() - A page, from process context.
 * @pages: Of the namespace.
 * @large: Of HOMA_PAGE_ORDER; otherwise single.
 * Return: With one reference; NULL when memory is short.
 */
struct page *homa_pages_get(struct homa_pages *pages, bool large);

/**
 * homa_pages_put() - Done with a page; from any context but hard interrupts.
 * @pages:  Of the namespace.
 * @page:   From homa_pages_get().
 * @large:  As there.
 * @max_kb: Keep no more than this.
 */
void homa_pages_put(struct homa_pages *pages, struct page *page, bool large, u32 max_kb);

#endif /* HOMA_PAGES_H */
