// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Pages for the bytes of messages being sent; see pages.h.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "pages.h"

static u32 kb_of(bool large)
{
	return (PAGE_SIZE << (large ? HOMA_PAGE_ORDER : 0)) / 1024;
}

void homa_pages_init(struct homa_pages *pages)
{
	spin_lock_init(&pages->lock);
	INIT_LIST_HEAD(&pages->kept[0]);
	INIT_LIST_HEAD(&pages->kept[1]);
	pages->kb = 0;
}

void homa_pages_exit(struct homa_pages *pages)
{
	struct page *page, *next;
	int i;

	for (i = 0; i < 2; i++) {
		list_for_each_entry_safe(page, next, &pages->kept[i], lru) {
			list_del(&page->lru);
			put_page(page);
		}
	}
	pages->kb = 0;
}

struct page *homa_pages_get(struct homa_pages *pages, bool large)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	struct page *page;

	spin_lock_bh(&pages->lock);
	page = list_first_entry_or_null(&pages->kept[large], struct page, lru);
	if (page) {
		list_del(&page->lru);
		pages->kb -= kb_of(large);
	}
	spin_unlock_bh(&pages->lock);
	if (page)
		return page;
	if (large)
		return alloc_pages(gfp | __GFP_COMP | __GFP_NORETRY, HOMA_PAGE_ORDER);
	return alloc_page(gfp);
}

void homa_pages_put(struct homa_pages *pages, struct page *page, bool large, u32 max_kb)
{
	bool keep = page_count(page) == 1 && !page_is_pfmemalloc(page);

	if (keep) {
		spin_lock_bh(&pages->lock);
		keep = pages->kb + kb_of(large) <= max_kb;
		if (keep) {
			list_add(&page->lru, &pages->kept[large]);
			pages->kb += kb_of(large);
		}
		spin_unlock_bh(&pages->lock);
	}
	if (!keep)
		put_page(page);
}
