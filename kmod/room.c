// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Room for messages in the receive regions of sockets: who gets it, who waits; see sock.h.
 */
#include "in.h"
#include "sock.h"
#include "trace.h"

#define OLDEST_EVERY 4		/* of those that waited, so many go by length, one of them by age */
#define RELEASED_AT_ONCE 16
#define KEPT_FACTOR 4	/* memory of packets that are not copied, per byte there is place for */

/* Is it the turn of the message that has waited longest? */
static bool oldest_in_turn(const struct homa_sock *hsk)
{
	return hsk->served % OLDEST_EVERY == OLDEST_EVERY - 1;
}

static bool take(struct homa_sock *hsk, struct homa_krpc *rpc, u64 now)
{
	struct homa_net *hnet = hsk->hnet;
	u64 reused = 0, lease_ns = (u64)hnet->shell.bpage_lease_usecs * NSEC_PER_USEC;

	lockdep_assert_held(&hsk->pool_lock);
	rpc->place_count = homa_pool_take(&hsk->pool, raw_smp_processor_id(), rpc->place_length,
					  now, lease_ns, rpc->place, &reused);
	if (unlikely(reused))
		homa_count_add(hnet, bpage_reuses, reused);
	return rpc->place_count;
}

bool homa_sock_may_keep(const struct homa_sock *hsk, bool wants_room)
{
	u64 limit = (u64)READ_ONCE(hsk->inet.sk.sk_rcvbuf) +
		    ((u64)hsk->pool.pages << HOMA_POOL_PAGE_SHIFT);

	limit *= wants_room ? KEPT_FACTOR / 2 : KEPT_FACTOR;
	return atomic_long_read(&hsk->kept) <= (s64)limit;
}

int homa_sock_room(struct homa_krpc *rpc, u32 length, u64 now)
{
	struct homa_sock *hsk = rpc->hsk;
	int err = 0;

	lockdep_assert_held(&rpc->lock);
	spin_lock(&hsk->pool_lock);
	rpc->place_length = length;
	if (!homa_pool_fits(&hsk->pool, length)) {
		rpc->place_length = 0;
		err = -ENOMEM;
	} else if ((hsk->waiting.first &&
		    (hsk->waiting.first->key < length || oldest_in_turn(hsk))) ||
		   !take(hsk, rpc, now)) {
		rpc->wants_room = true;
		rpc->room.key = length;
		rpc->room.tie = ++hsk->arrivals;
		rpc->room_age.key = rpc->room.tie;
		rpc->room_age.tie = 0;
		homa_tree_insert(&hsk->waiting, &rpc->room);
		homa_tree_insert(&hsk->waiting_age, &rpc->room_age);
		homa_count(rpc->hnet, buffer_alloc_failures);
		trace_homa_pool_held(rpc, length);
		err = -EAGAIN;
	}
	spin_unlock(&hsk->pool_lock);
	return err;
}

static void leave_line(struct homa_sock *hsk, struct homa_krpc *rpc)
{
	if (!homa_node_queued(&rpc->room))
		return;
	homa_tree_remove(&hsk->waiting, &rpc->room);
	homa_tree_remove(&hsk->waiting_age, &rpc->room_age);
}

void homa_sock_leave_room(struct homa_krpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	u32 i;

	lockdep_assert_held(&rpc->lock);
	if (!rpc->place_length)
		return;
	spin_lock(&hsk->pool_lock);
	leave_line(hsk, rpc);
	for (i = 0; i < rpc->place_count; i++)
		homa_pool_give(&hsk->pool, rpc->place[i]);
	rpc->place_count = 0;
	rpc->place_length = 0;
	rpc->wants_room = false;
	spin_unlock(&hsk->pool_lock);
}

/* The next message that waits and has room now, if there is one. */
static struct homa_krpc *next_served(struct homa_sock *hsk)
{
	u64 now = ktime_get_ns();
	struct homa_krpc *rpc;

	if (!hsk->waiting.first)
		return NULL;
	/* Others do not pass the oldest when it is its turn, or it might wait for ever. */
	if (oldest_in_turn(hsk))
		rpc = container_of(hsk->waiting_age.first, struct homa_krpc, room_age);
	else
		rpc = container_of(hsk->waiting.first, struct homa_krpc, room);
	if (!take(hsk, rpc, now))
		return NULL;
	leave_line(hsk, rpc);
	hsk->served++;
	/* It was in line, so it has references. */
	refcount_inc(&rpc->refs);
	return rpc;
}

int homa_sock_give_back(struct homa_sock *hsk, const u32 *offset, u32 count)
{
	struct homa_krpc *released[RELEASED_AT_ONCE] homa_uninit;
	u32 i, served;
	int err = 0;

	if (!count && !READ_ONCE(hsk->waiting.first))
		return 0;
	local_bh_disable();
	spin_lock(&hsk->pool_lock);
	for (i = 0; i < count; i++)
		if (!homa_pool_give(&hsk->pool, offset[i]))
			err = -EINVAL;
	do {
		served = 0;
		while (served < RELEASED_AT_ONCE && (released[served] = next_served(hsk)))
			served++;
		if (!served)
			break;
		spin_unlock(&hsk->pool_lock);
		for (i = 0; i < served; i++) {
			homa_in_release(released[i]);
			homa_krpc_put(released[i]);
		}
		spin_lock(&hsk->pool_lock);
	} while (served == RELEASED_AT_ONCE);
	spin_unlock(&hsk->pool_lock);
	local_bh_enable();
	return err;
}
