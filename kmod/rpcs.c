// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * RPCs of a namespace; see rpcs.h.
 */
#include <linux/slab.h>

#include "hash.h"
#include "out.h"
#include "rpcs.h"
#include "sock.h"
#include "trace.h"

static struct kmem_cache *cache;

/* A client's RPCs are told apart by id alone, a server's by who issued them, too. */
struct rpc_key {
	u64 id;
	const struct homa_kpeer *peer;	/* NULL for a client's */
};

static struct rpc_key key_of(const struct homa_kpeer *peer, u64 id)
{
	struct rpc_key key = { .id = id, .peer = homa_id_is_client(id) ? NULL : peer };

	return key;
}

static u32 hash_id(const struct homa_kpeer *peer, u64 id, u32 seed)
{
	const u32 word[] = { id, id >> 32, peer ? peer->core.token : 0 };

	return homa_hash(word, ARRAY_SIZE(word), seed);
}

static u32 hash_key(const void *data, u32 length, u32 seed)
{
	const struct rpc_key *key = data;

	return hash_id(key->peer, key->id, seed);
}

static u32 hash_rpc(const void *data, u32 length, u32 seed)
{
	const struct homa_krpc *rpc = data;

	return hash_id(homa_krpc_is_client(rpc) ? NULL : rpc->peer, rpc->id, seed);
}

static int differs(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct homa_krpc *rpc = obj;
	const struct rpc_key *key = arg->key;

	return rpc->id != key->id || (key->peer && rpc->peer != key->peer);
}

static const struct rhashtable_params rpc_table = {
	.key_len = sizeof(struct rpc_key),
	.head_offset = offsetof(struct homa_krpc, hash),
	.hashfn = hash_key,
	.obj_hashfn = hash_rpc,
	.obj_cmpfn = differs,
	.automatic_shrinking = true,
};

int homa_rpcs_init(struct homa_net *hnet)
{
	return rhashtable_init(&hnet->rpcs, &rpc_table);
}

void homa_rpcs_exit(struct homa_net *hnet)
{
	rhashtable_destroy(&hnet->rpcs);
}

int homa_rpcs_cache_init(void)
{
	/* Who looks one up may find it reused; see homa_krpc_get(). */
	cache = kmem_cache_create_usercopy("homa_rpc", sizeof(struct homa_krpc), 0,
					   SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU,
					   offsetof(struct homa_krpc, small), HOMA_SMALL_MESSAGE,
					   NULL);
	return cache ? 0 : -ENOMEM;
}

void homa_rpcs_cache_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(cache);
}

struct homa_krpc *homa_krpc_get(struct homa_net *hnet, const struct homa_kpeer *peer, u64 id)
{
	struct rpc_key key = key_of(peer, id);
	struct homa_krpc *rpc = rhashtable_lookup(&hnet->rpcs, &key, rpc_table);

	if (!rpc || !homa_krpc_hold(rpc))
		return NULL;
	/* Its memory may have become another RPC's before the reference was taken. */
	smp_acquire__after_ctrl_dep();
	if (rpc->hnet == hnet && rpc->id == id && (!peer || rpc->peer == peer))
		return rpc;
	homa_krpc_put(rpc);
	return NULL;
}

struct homa_krpc *homa_krpc_new(struct homa_sock *hsk, struct homa_kpeer *peer, u64 id, gfp_t gfp)
{
	struct homa_krpc *rpc = kmem_cache_alloc(cache, gfp | __GFP_NOWARN);

	if (!rpc)
		return NULL;
	/* A peer that was found may just have been forgotten. */
	if (!refcount_inc_not_zero(&peer->refs))
		goto free_rpc;
	/* Who came by way of the port may have found a socket that has just been closed. */
	if (!refcount_inc_not_zero(&homa_sock_sk(hsk)->sk_refcnt))
		goto put_peer;
	/*
	 * Who has found an earlier one in this memory may still go on from its place in the table,
	 * which stays until there is a new one.
	 */
	memset(&rpc->cleared, 0, sizeof(rpc->cleared));
	rpc->id = id;
	rpc->hnet = hsk->hnet;
	rpc->hsk = hsk;
	rpc->peer = peer;
	rpc->local_port = hsk->port;
	spin_lock_init(&rpc->lock);
	rpc->rx_tail = &rpc->rx_head;
	rpc->bytes.piece = NULL;
	rpc->bytes.pieces = 0;
	rpc->bytes.packet = 0;
	rpc->bytes.charged = 0;
	INIT_LIST_HEAD(&rpc->in_ready);
	INIT_LIST_HEAD(&rpc->of_sock.list);
	INIT_LIST_HEAD(&rpc->of_peer);
	homa_node_init(&rpc->asker);
	homa_timer_init(&rpc->timer);
	homa_grantee_init(&rpc->grantee);
	init_waitqueue_head(&rpc->wait);
	rpc->out.length = 0;
	rpc->out.sent = 0;
	rpc->out.granted = 0;
	rpc->out.sent_at = 0;
	rpc->out.again_start = 0;
	rpc->out.again_end = 0;
	rpc->out.srpt.tie = 0;
	homa_node_init(&rpc->out.srpt);
	homa_node_init(&rpc->out.age);
	homa_node_init(&rpc->room);
	homa_node_init(&rpc->room_age);
	/* From here on it may be held by whoever finds it. */
	smp_wmb();
	refcount_set(&rpc->refs, 1);
	return rpc;

put_peer:
	homa_peer_put(peer);
free_rpc:
	kmem_cache_free(cache, rpc);
	return NULL;
}

/* Counted first, then looked at: another core may serve one more at this moment. */
static bool may_serve(const struct homa_cx *cx, struct homa_krpc *rpc)
{
	struct homa_kpeer *peer = rpc->peer;

	lockdep_assert_held(&peer->lock);
	if (unlikely(!homa_rpc_room(cx, peer->served, atomic_inc_return(&rpc->hnet->served) - 1))) {
		atomic_dec(&rpc->hnet->served);
		return false;
	}
	peer->served++;
	return true;
}

static int join_peer(const struct homa_cx *cx, struct homa_krpc *rpc)
{
	struct homa_kpeer *peer = rpc->peer;
	int err = 0;

	spin_lock(&peer->lock);
	if (peer->forgotten)
		err = -ESTALE;
	else if (!homa_krpc_is_client(rpc) && !may_serve(cx, rpc))
		err = -ENOSPC;
	else
		list_add_tail(&rpc->of_peer, &peer->rpcs);
	spin_unlock(&peer->lock);
	return err;
}

int homa_krpc_publish(const struct homa_cx *cx, struct homa_krpc *rpc)
{
	struct rpc_key key = key_of(rpc->peer, rpc->id);
	struct homa_sock *hsk = rpc->hsk;
	int err;

	lockdep_assert_held(&rpc->lock);
	err = join_peer(cx, rpc);
	if (unlikely(err))
		return err;
	err = -ESHUTDOWN;
	/* Listed before it is in the table, so that a socket that is closed after this finds it. */
	spin_lock(&hsk->lock);
	if (!hsk->shut) {
		list_add_tail(&rpc->of_sock.list, &hsk->rpcs);
		rpc->of_sock.number = ++hsk->last_number;
		hsk->rpc_count++;
		refcount_inc(&rpc->refs);
		err = 0;
	}
	spin_unlock(&hsk->lock);
	if (err)
		goto give_up;
	err = rhashtable_lookup_insert_key(&rpc->hnet->rpcs, &key, &rpc->hash, rpc_table);
	if (!err)
		return 0;
	/* Of several kinds, all of them of too little memory. */
	if (err != -EEXIST)
		err = -ENOMEM;
	spin_lock(&hsk->lock);
	list_del_init(&rpc->of_sock.list);
	hsk->rpc_count--;
	spin_unlock(&hsk->lock);
	homa_krpc_put(rpc);
give_up:
	rpc->retired = true;
	homa_krpc_stop(rpc);
	return err;
}

void homa_krpc_stop(struct homa_krpc *rpc)
{
	struct homa_net *hnet = rpc->hnet;
	struct homa_kpeer *peer = rpc->peer;

	lockdep_assert_held(&rpc->lock);
	if (rpc->stopped)
		return;
	spin_lock(&hnet->txq_lock);
	rpc->stopped = true;
	homa_txq_remove(&hnet->txq, &rpc->out);
	spin_unlock(&hnet->txq_lock);
	spin_lock(&hnet->wheel_lock);
	homa_wheel_cancel(&hnet->wheel, &rpc->timer);
	spin_unlock(&hnet->wheel_lock);
	spin_lock(&peer->lock);
	homa_peer_leave_turn(&peer->core, &rpc->asker);
	if (!list_empty(&rpc->of_peer)) {
		list_del_init(&rpc->of_peer);
		if (!homa_krpc_is_client(rpc)) {
			peer->served--;
			atomic_dec(&hnet->served);
		}
	}
	spin_unlock(&peer->lock);
}

void homa_krpc_free_packets(struct homa_krpc *rpc, struct sk_buff *list)
{
	const struct sk_buff *skb;
	long bytes = 0;

	for (skb = list; skb; skb = skb->next)
		bytes += skb->truesize;
	kfree_skb_list(list);
	atomic_long_sub(bytes, &rpc->hsk->kept);
}

void homa_krpc_drop_packets(struct homa_krpc *rpc)
{
	if (rpc->wants_room)
		atomic_sub(rpc->rx_bytes, &rpc->hsk->held_bytes);
	homa_krpc_free_packets(rpc, rpc->rx_head);
	rpc->rx_head = NULL;
	rpc->rx_tail = &rpc->rx_head;
	rpc->rx_bytes = 0;
}

void homa_krpc_retire(struct homa_krpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;

	lockdep_assert_held(&rpc->lock);
	if (rpc->retired)
		return;
	/* The schedulers must not be left with memory that becomes another RPC's. */
	WARN_ON_ONCE(rpc->core.scheduled);
	rpc->retired = true;
	trace_homa_rpc_end(rpc, rpc->error);
	homa_krpc_stop(rpc);
	homa_krpc_drop_packets(rpc);
	/* A thread that copies gives the room back when it has seen this. */
	if (!rpc->copying)
		homa_sock_leave_room(rpc);
	rhashtable_remove_fast(&rpc->hnet->rpcs, &rpc->hash, rpc_table);
	spin_lock(&hsk->lock);
	list_del_init(&rpc->of_sock.list);
	hsk->rpc_count--;
	if (rpc->ready) {
		rpc->ready = false;
		list_del_init(&rpc->in_ready);
	}
	spin_unlock(&hsk->lock);
	wake_up_interruptible(&rpc->wait);
	/* The caller has another one, so this is not the last. */
	homa_krpc_put(rpc);
}

void homa_krpc_free(struct homa_krpc *rpc)
{
	homa_bytes_free(rpc);
	homa_peer_put(rpc->peer);
	sock_put(homa_sock_sk(rpc->hsk));
	kmem_cache_free(cache, rpc);
}
