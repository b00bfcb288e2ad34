// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The grant scheduler of a host; see grants.h.
 */
#include "grants.h"

/* The oldest message's share is kept over time, not saved up: at most so many pieces are owed. */
#define FIFO_PIECES_MAX 4

void homa_grants_init(struct homa_grants *s, const struct homa_cutoffs *cutoffs)
{
	homa_memset(s, 0, sizeof(*s));
	homa_tree_init(&s->peers);
	homa_tree_init(&s->age);
	s->cutoffs = cutoffs;
}

void homa_grant_peer_init(struct homa_grant_peer *peer, u32 unasked)
{
	homa_node_init(&peer->node);
	homa_tree_init(&peer->waiting);
	peer->active = NULL;
	peer->unasked = unasked;
}

void homa_grantee_init(struct homa_grantee *g)
{
	homa_node_init(&g->node);
	homa_node_init(&g->age);
	g->peer = NULL;
	g->rank = HOMA_NOT_ACTIVE;
	g->granted = 0;
	g->granted_at = 0;
	g->received = 0;
	g->pending = 0;
	g->stalled = false;
}

static void set_pending(struct homa_grants *s, struct homa_grantee *g, u32 pending)
{
	s->incoming += pending - g->pending;
	g->pending = pending;
}

/* Bytes that the sender may send or has sent, and that are not here. */
static u32 outstanding(const struct homa_grantee *g)
{
	return g->granted > g->received ? g->granted - g->received : 0;
}

static struct homa_grantee *first_waiting(const struct homa_grant_peer *peer)
{
	return homa_container_of(peer->waiting.first, struct homa_grantee, node);
}

static bool fully_granted(const struct homa_grantee *g)
{
	return g->granted >= g->length;
}

/* Not while it is queued: its place depends on it. */
static void set_granted(const struct homa_cx *cx, struct homa_grantee *g, u32 granted)
{
	WRITE_ONCE(g->granted, granted);
	g->node.key = homa_params_rank(cx->params, g->length - granted, g->length);
}

/* Bring the peer's place among those with waiting messages in line with them. */
static void requeue_peer(struct homa_grants *s, struct homa_grant_peer *peer)
{
	if (homa_node_queued(&peer->node))
		homa_tree_remove(&s->peers, &peer->node);
	if (peer->active || !peer->waiting.first)
		return;
	peer->node.key = peer->waiting.first->key;
	peer->node.tie = peer->waiting.first->tie;
	homa_tree_insert(&s->peers, &peer->node);
}

static void wait(struct homa_grants *s, struct homa_grantee *g)
{
	homa_tree_insert(&g->peer->waiting, &g->node);
	requeue_peer(s, g->peer);
}

static void unwait(struct homa_grants *s, struct homa_grantee *g)
{
	homa_tree_remove(&g->peer->waiting, &g->node);
	requeue_peer(s, g->peer);
}

static void place(struct homa_grants *s, struct homa_grantee *g, u32 rank)
{
	s->active[rank] = g;
	g->rank = (u8)rank;
}

/* An active message has fewer bytes left than before: move it up. */
static void promote(struct homa_grants *s, struct homa_grantee *g)
{
	u32 rank = g->rank;

	while (rank && homa_node_before(&g->node, &s->active[rank - 1]->node)) {
		place(s, s->active[rank - 1], rank);
		rank--;
	}
	place(s, g, rank);
}

static void activate(struct homa_grants *s, struct homa_grantee *g)
{
	g->peer->active = g;
	place(s, g, s->count++);
	promote(s, g);
}

static void deactivate(struct homa_grants *s, struct homa_grantee *g)
{
	u32 i;

	s->count--;
	for (i = g->rank; i < s->count; i++)
		place(s, s->active[i + 1], i);
	g->rank = HOMA_NOT_ACTIVE;
	g->peer->active = NULL;
	requeue_peer(s, g->peer);
}

static u8 level(const struct homa_cx *cx, const struct homa_grants *s, const struct homa_grantee *g)
{
	u32 left = g->length - g->granted, used = homa_min(s->count, s->cutoffs->sched_levels);

	if (left <= cx->params->tail_bytes)
		return homa_cutoffs_level(s->cutoffs, left);
	return g->rank + 1u < used ? (u8)(used - 1 - g->rank) : 0;
}

/* Allow @bytes more of @g. */
static void grant(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
		  u32 bytes, u8 priority, struct homa_grant_list *out)
{
	u64 owed_max = 1000ull * FIFO_PIECES_MAX * cx->params->fifo_grant_increment;

	set_granted(cx, g, g->granted + bytes);
	WRITE_ONCE(g->granted_at, cx->now);
	set_pending(s, g, g->pending + bytes);
	s->fifo_credit += (u64)bytes * cx->params->grant_fifo_fraction;
	if (s->fifo_credit > owed_max)
		s->fifo_credit = owed_max;
	out->grant[out->count].to = g;
	out->grant[out->count].offset = g->granted;
	out->grant[out->count].priority = priority;
	out->count++;
}

/* Bytes that may still be granted to anyone. */
static u32 room(const struct homa_cx *cx, const struct homa_grants *s)
{
	u32 max = cx->params->max_incoming;

	return s->incoming < max ? max - s->incoming : 0;
}

/* Give an active message what its window allows. */
static void grant_window(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
			 struct homa_grant_list *out)
{
	const struct homa_params *params = cx->params;
	u32 window = homa_params_window(params, s->count);
	u32 left = g->length - g->received, target, bytes, space;
	u32 step = homa_params_step(params, window);

	target = g->received + homa_min(window, left);
	if (target <= g->granted)
		return;
	bytes = target - g->granted;
	if (target < g->length && bytes < step)
		return;
	space = room(cx, s);
	if (space < bytes || out->count == HOMA_GRANTS_MAX) {
		s->short_of_room = true;
		if (!space || out->count == HOMA_GRANTS_MAX)
			return;
		/* While something is on its way, it can wait for as much room as a step is. */
		if (space < step && outstanding(g))
			return;
		bytes = space;
	}
	grant(cx, s, g, bytes, level(cx, s, g), out);
	promote(s, g);
}

static void keep_age(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g)
{
	if (cx->params->grant_fifo_fraction)
		homa_tree_insert(&s->age, &g->age);
}

static void forget_age(struct homa_grants *s, struct homa_grantee *g)
{
	if (homa_node_queued(&g->age))
		homa_tree_remove(&s->age, &g->age);
}

/* Give an active message its window. Return: false when it needs nothing more and is retired. */
static bool serve(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
		  struct homa_grant_list *out)
{
	grant_window(cx, s, g, out);
	if (!fully_granted(g))
		return true;
	forget_age(s, g);
	deactivate(s, g);
	return false;
}

/* Fill free places among the active messages. */
static void fill(const struct homa_cx *cx, struct homa_grants *s, struct homa_grant_list *out)
{
	while (s->count < cx->params->max_overcommit && s->peers.first) {
		struct homa_grant_peer *peer =
			homa_container_of(s->peers.first, struct homa_grant_peer, node);
		struct homa_grantee *g = first_waiting(peer);

		unwait(s, g);
		activate(s, g);
		requeue_peer(s, peer);
		serve(cx, s, g, out);
		if (out->count == HOMA_GRANTS_MAX)
			break;
	}
}

/* Serve the active messages, retire those that need nothing more, and fill their places. */
static void settle(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *changed,
		   struct homa_grant_list *out)
{
	u32 i;

	if (changed && changed->rank != HOMA_NOT_ACTIVE)
		serve(cx, s, changed, out);
	while (s->count > cx->params->max_overcommit) {
		struct homa_grantee *last = s->active[s->count - 1];

		deactivate(s, last);
		wait(s, last);
	}
	fill(cx, s, out);
	if (!s->short_of_room || !room(cx, s))
		return;
	s->short_of_room = false;
	/* Should one move up, the ones it passes were served before it. */
	for (i = 0; i < s->count; )
		i += serve(cx, s, s->active[i], out);
	fill(cx, s, out);
}

/*
 * Find a place for a message that is neither active nor waiting: that of its peer's active message,
 * or else of the last of all, if it is shorter.
 */
static void enter(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g)
{
	struct homa_grantee *rival = g->peer->active;

	if (!rival && s->count >= cx->params->max_overcommit)
		rival = s->active[s->count - 1];
	if (!rival && !s->peers.first) {
		activate(s, g);
	} else if (!rival) {
		/* A free place that settle() has yet to fill, from those that wait. */
		wait(s, g);
	} else if (homa_node_before(&g->node, &rival->node)) {
		deactivate(s, rival);
		wait(s, rival);
		activate(s, g);
	} else {
		wait(s, g);
	}
	requeue_peer(s, g->peer);
}

/* Give the oldest message its share, before the others can take all the room there is. */
static void grant_oldest(const struct homa_cx *cx, struct homa_grants *s,
			 struct homa_grant_list *out)
{
	u32 piece = cx->params->fifo_grant_increment, bytes;
	struct homa_grantee *g;

	if (s->fifo_credit < 1000ull * piece || !s->age.first || out->count == HOMA_GRANTS_MAX)
		return;
	g = homa_container_of(s->age.first, struct homa_grantee, age);
	if (g->rank == 0) {
		/* It is the shortest, too, and has all it wants. */
		s->fifo_credit -= 1000ull * piece;
		return;
	}
	bytes = homa_min(homa_min(piece, g->length - g->granted), room(cx, s));
	if (!bytes)
		return;
	cx->counters->fifo_grant_bytes += bytes;
	if (g->rank == HOMA_NOT_ACTIVE)
		unwait(s, g);
	grant(cx, s, g, bytes, s->cutoffs->sched_levels - 1, out);
	s->fifo_credit -= 1000ull * bytes;
	if (g->rank != HOMA_NOT_ACTIVE) {
		promote(s, g);
		if (fully_granted(g))
			deactivate(s, g);
	} else if (!fully_granted(g)) {
		enter(cx, s, g);
	}
	if (fully_granted(g))
		forget_age(s, g);
}

void homa_grants_add(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
		     struct homa_grant_peer *peer, u32 length, u32 granted, u32 received,
		     struct homa_grant_list *out)
{
	g->peer = peer;
	g->length = length;
	g->received = received;
	set_granted(cx, g, granted);
	g->rank = HOMA_NOT_ACTIVE;
	g->node.tie = ++s->births;
	g->age.key = g->node.tie;
	g->pending = homa_min(outstanding(g), peer->unasked);
	s->incoming += g->pending;
	if (fully_granted(g))
		return;
	keep_age(cx, s, g);
	enter(cx, s, g);
	grant_oldest(cx, s, out);
	settle(cx, s, g, out);
}

void homa_grants_received(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
			  u32 received, u32 high, struct homa_grant_list *out)
{
	if (!homa_grantee_scheduled(g))
		return;
	/* Two packets of a message may be worked on at once, and the later one overtake. */
	g->received = homa_max(g->received, received);
	if (high > g->granted || g->stalled) {
		if (homa_node_queued(&g->node))
			unwait(s, g);
		/* Senders round a grant up to a whole packet. */
		if (high > g->granted)
			set_granted(cx, g, homa_min(high, g->length));
		if (g->stalled && !fully_granted(g))
			keep_age(cx, s, g);
		g->stalled = false;
		if (g->rank != HOMA_NOT_ACTIVE)
			promote(s, g);
		else if (!fully_granted(g))
			enter(cx, s, g);
		else
			forget_age(s, g);
	}
	/* What arrives never adds to what is pending, however far ahead of our grants it is. */
	set_pending(s, g, homa_min(g->pending, outstanding(g)));
	grant_oldest(cx, s, out);
	settle(cx, s, g, out);
}

/* Take a message out of every order it is in. */
static void withdraw(struct homa_grants *s, struct homa_grantee *g)
{
	set_pending(s, g, 0);
	forget_age(s, g);
	if (g->rank != HOMA_NOT_ACTIVE)
		deactivate(s, g);
	else if (homa_node_queued(&g->node))
		unwait(s, g);
}

void homa_grants_stalled(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
			 struct homa_grant_list *out)
{
	if (!homa_grantee_scheduled(g) || g->stalled)
		return;
	withdraw(s, g);
	g->stalled = true;
	cx->counters->grants_stalled++;
	settle(cx, s, NULL, out);
}

void homa_grants_remove(const struct homa_cx *cx, struct homa_grants *s, struct homa_grantee *g,
			struct homa_grant_list *out)
{
	if (!homa_grantee_scheduled(g))
		return;
	withdraw(s, g);
	g->stalled = false;
	g->peer = NULL;
	settle(cx, s, NULL, out);
}

struct homa_grantee *homa_owed_take(struct homa_owed *owed)
{
	struct homa_grantee *to = owed->to;

	owed->to = NULL;
	owed->packets = 0;
	return to;
}

struct homa_grantee *homa_owed_add(const struct homa_cx *cx, struct homa_owed *owed,
				   struct homa_grantee *g)
{
	struct homa_grantee *due = NULL;
	u32 batch = READ_ONCE(cx->params->grant_batch);

	/* Should something still be owed to another, it waits for the last packet. */
	if (batch == 1 && owed->to != g)
		return g;
	if (owed->to != g) {
		due = homa_owed_take(owed);
		owed->to = g;
	}
	return ++owed->packets >= batch ? homa_owed_take(owed) : due;
}
