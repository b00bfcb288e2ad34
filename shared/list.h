/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Intrusive doubly linked list of the core: arrival orders and timer slots. A link that is in no
 * list points at itself, so removing it twice is harmless. The lock of the object that holds the
 * head protects every link in it.
 */
#ifndef HOMA_LIST_H
#define HOMA_LIST_H

#include "platform.h"

struct homa_link {
	struct homa_link *prev, *next;
};

static inline void homa_link_init(struct homa_link *link)
{
	link->prev = link;
	link->next = link;
}

static inline bool homa_link_alone(const struct homa_link *link)
{
	return link->next == link;
}

/* Put @link last in the list whose head is @head. */
static inline void homa_link_append(struct homa_link *head, struct homa_link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

static inline void homa_link_remove(struct homa_link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	homa_link_init(link);
}

#endif /* HOMA_LIST_H */
