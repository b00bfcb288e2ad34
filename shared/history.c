// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Requests that ran; see history.h.
 */
#include "history.h"

#define MOVES 16		/* entries looked at to find one that may be dropped */

static struct homa_bucket *bucket_of(struct homa_history *h, const struct homa_peer *peer, u64 id)
{
	/*
	 * Ids of one client differ in their low bits, those of different clients by the token.
	 * Fibonacci hashing spreads both.
	 */
	u64 mixed = ((id >> 1) ^ ((u64)peer->token << 40)) * 0x9e3779b97f4a7c15ull;

	return &h->bucket[(mixed >> 32) & (h->places - 1)];
}

void homa_history_init(struct homa_history *h, struct homa_memory *place,
		       struct homa_bucket *bucket, u32 places)
{
	u32 i;

	h->place = place;
	h->bucket = bucket;
	h->places = places;
	h->oldest = 0;
	h->used = 0;
	h->kept = 0;
	for (i = 0; i < places; i++) {
		bucket[i].first = HOMA_NO_PLACE;
		bucket[i].count = 0;
	}
}

static bool expired(const struct homa_cx *cx, u64 since)
{
	return homa_since(cx, since) > cx->params->memory_ns;
}

/* Forget what the link @at of @bucket points to; its place stays taken until its turn. */
static void forget(struct homa_history *h, struct homa_bucket *bucket, u32 *at)
{
	struct homa_memory *m = &h->place[*at];

	*at = m->next;
	bucket->count--;
	m->peer->remembered--;
	h->kept -= m->kept;
	m->peer = NULL;
}

static void drop_oldest(struct homa_history *h)
{
	struct homa_memory *m = &h->place[h->oldest];

	if (m->peer) {
		struct homa_bucket *bucket = bucket_of(h, m->peer, m->id);
		u32 *at = &bucket->first;

		while (*at != h->oldest)
			at = &h->place[*at].next;
		forget(h, bucket, at);
	}
	h->oldest = (h->oldest + 1) & (h->places - 1);
	h->used--;
}

static void raise_floor(const struct homa_cx *cx, struct homa_peer *peer, u64 id)
{
	if (id > peer->floor)
		peer->floor = id;
	peer->floor_at = cx->now;
}

/* Make room in a full bucket for one more of @peer. */
static void limit_bucket(const struct homa_cx *cx, struct homa_history *h,
			 struct homa_bucket *bucket, const struct homa_peer *peer)
{
	u32 *at, *own = NULL, *acked = NULL, *last = NULL, *victim;
	const struct homa_memory *m;

	for (at = &bucket->first; *at != HOMA_NO_PLACE; at = &h->place[*at].next) {
		m = &h->place[*at];
		last = at;
		if (m->peer == peer)
			own = at;
		if (!m->kept)
			acked = at;
	}
	victim = own ? own : acked ? acked : last;
	m = &h->place[*victim];
	if (!expired(cx, m->at))
		raise_floor(cx, m->peer, m->id);
	forget(h, bucket, victim);
}

static bool oldest_expired(const struct homa_cx *cx, const struct homa_history *h)
{
	return h->used && expired(cx, h->place[h->oldest].at);
}

void homa_history_expire(const struct homa_cx *cx, struct homa_history *h)
{
	while (oldest_expired(cx, h))
		drop_oldest(h);
}

static void append(const struct homa_cx *cx, struct homa_history *h, struct homa_peer *peer,
		   u64 id, u64 at, bool keep)
{
	u32 place = (h->oldest + h->used++) & (h->places - 1);
	struct homa_bucket *bucket = bucket_of(h, peer, id);
	struct homa_memory *m = &h->place[place];

	if (bucket->count == HOMA_BUCKET_MAX)
		limit_bucket(cx, h, bucket, peer);
	m->peer = peer;
	m->id = id;
	m->at = at;
	m->next = bucket->first;
	m->kept = keep;
	bucket->first = place;
	bucket->count++;
	peer->remembered++;
	h->kept += keep;
}

static void make_room(const struct homa_cx *cx, struct homa_history *h)
{
	struct homa_memory old;
	u32 i;

	for (i = 0; i < 2 && oldest_expired(cx, h); i++)
		drop_oldest(h);
	/* Bounded: should all of them be kept, one goes. */
	for (i = 0; i < MOVES && h->used == h->places; i++) {
		old = h->place[h->oldest];
		drop_oldest(h);
		if (!old.peer || expired(cx, old.at))
			return;
		if (!old.kept || h->kept >= h->places / 2 || i == MOVES - 1) {
			raise_floor(cx, old.peer, old.id);
			return;
		}
		append(cx, h, old.peer, old.id, old.at, true);
	}
}

void homa_history_add(const struct homa_cx *cx, struct homa_history *h, struct homa_peer *peer,
		      u64 id)
{
	make_room(cx, h);
	append(cx, h, peer, id, cx->now, false);
}

void homa_history_keep(const struct homa_cx *cx, struct homa_history *h, struct homa_peer *peer,
		       u64 id)
{
	make_room(cx, h);
	append(cx, h, peer, id, cx->now, true);
}

enum homa_verdict homa_history_judge(const struct homa_cx *cx, struct homa_history *h,
				     struct homa_peer *peer, u64 id)
{
	u32 at;

	for (at = bucket_of(h, peer, id)->first; at != HOMA_NO_PLACE; at = h->place[at].next)
		if (h->place[at].peer == peer && h->place[at].id == id &&
		    !expired(cx, h->place[at].at))
			return HOMA_REQUEST_RAN;
	if (peer->floor && expired(cx, peer->floor_at))
		peer->floor = 0;
	return id <= peer->floor ? HOMA_REQUEST_DOUBTFUL : HOMA_REQUEST_NEW;
}
