// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Peers of a namespace; see peers.h.
 */
#include <linux/slab.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "hash.h"
#include "in.h"
#include "out.h"
#include "peers.h"

#define LOOKS 4			/* peers looked at for being idle, per new peer and per tick */
#define LOOKS_WHEN_FULL 64
#define LEAST_MTU 576		/* bytes; a route that says less is not believed */

static u32 hash_zoned(const void *data, u32 length, u32 seed)
{
	return homa_hash(data, sizeof(struct homa_zoned) / sizeof(u32), seed);
}

/* Return: 0 if it is that peer. */
static int compare_zoned(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct homa_zoned *a = arg->key, *b = &((const struct homa_kpeer *)object)->at;

	return a->zone != b->zone || !ipv6_addr_equal(&a->addr, &b->addr);
}

static const struct rhashtable_params peer_table = {
	.key_len = sizeof(struct homa_zoned),
	.key_offset = offsetof(struct homa_kpeer, at),
	.head_offset = offsetof(struct homa_kpeer, hash),
	.hashfn = hash_zoned,
	.obj_cmpfn = compare_zoned,
	.automatic_shrinking = true,
};

int homa_peers_init(struct homa_net *hnet)
{
	INIT_LIST_HEAD(&hnet->turns);
	spin_lock_init(&hnet->peers_lock);
	return rhashtable_init(&hnet->peers, &peer_table);
}

static void peer_free_rcu(struct rcu_head *rcu)
{
	struct homa_kpeer *peer = container_of(rcu, struct homa_kpeer, rcu);

	dst_release(rcu_dereference_protected(peer->dst, true));
	kfree(peer);
}

void homa_peer_free(struct homa_kpeer *peer)
{
	call_rcu(&peer->rcu, peer_free_rcu);
}

static void put_from_table(void *ptr, void *arg)
{
	homa_peer_put(ptr);
}

void homa_peers_exit(struct homa_net *hnet)
{
	homa_failures_flush();
	rhashtable_free_and_destroy(&hnet->peers, put_from_table, NULL);
}

struct homa_kpeer *homa_peer_find(struct homa_net *hnet, const struct homa_zoned *at)
{
	return rhashtable_lookup(&hnet->peers, at, peer_table);
}

struct route {
	struct dst_entry *dst;
	struct in6_addr local;
	u32 cookie;
};

/* What comes back through another VRF, or none, would come from another peer. */
static int check_zone(struct homa_kpeer *peer, const struct dst_entry *dst)
{
	int vrf;

	if (__ipv6_addr_needs_scope_id(ipv6_addr_type(&peer->at.addr)))
		return 0;
	rcu_read_lock();
	vrf = l3mdev_master_ifindex_rcu(dst->dev);
	rcu_read_unlock();
	return vrf == peer->at.zone ? 0 : -ENETUNREACH;
}

/* Return: 0, or why there is none. */
static int look_up_route(struct homa_kpeer *peer, struct route *route)
{
	struct net *net = peer->hnet->net;
	struct flowi flow;
	int err;

	memset(&flow, 0, sizeof(flow));
	memset(route, 0, sizeof(*route));
	if (peer->ipv4) {
		struct rtable *rt;

		flow.u.ip4.daddr = peer->at.addr.s6_addr32[3];
		flow.u.ip4.flowi4_oif = peer->at.zone;
		flow.u.ip4.flowi4_proto = IPPROTO_HOMA;
		rt = ip_route_output_flow(net, &flow.u.ip4, NULL);
		if (IS_ERR(rt))
			return PTR_ERR(rt);
		/* Nobody answers what goes to many hosts. */
		if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
			ip_rt_put(rt);
			return -ENETUNREACH;
		}
		route->dst = &rt->dst;
		ipv6_addr_set_v4mapped(flow.u.ip4.saddr, &route->local);
		goto found;
	}
	if (ipv6_addr_is_multicast(&peer->at.addr))
		return -ENETUNREACH;
	flow.u.ip6.daddr = peer->at.addr;
	flow.u.ip6.flowi6_oif = peer->at.zone;
	flow.u.ip6.flowi6_proto = IPPROTO_HOMA;
	route->dst = ip6_dst_lookup_flow(net, peer->hnet->ctl_sk[1], &flow.u.ip6, NULL);
	if (IS_ERR(route->dst))
		return PTR_ERR(route->dst);
	route->local = flow.u.ip6.saddr;
	route->cookie = rt6_get_cookie(container_of(route->dst, struct rt6_info, dst));
found:
	err = check_zone(peer, route->dst);
	if (err)
		dst_release(route->dst);
	return err;
}

/* Bytes of data in a packet that the route's links carry whole. */
static u32 packet_of(const struct homa_kpeer *peer, const struct dst_entry *dst)
{
	u32 mtu = max_t(u32, dst_mtu(dst), LEAST_MTU);

	/* Longer ones than an IPv4 header can describe no link carries, though loopback says so. */
	return min_t(u32, mtu, 0xffff) - homa_ip_header(peer->ipv4) - HOMA_DATA_HEADER;
}

struct dst_entry *homa_peer_route(struct homa_kpeer *peer)
{
	struct dst_entry *dst = rcu_dereference(peer->dst);
	struct route route;

	if (likely(dst && dst_check(dst, READ_ONCE(peer->cookie))))
		return dst;
	homa_count(peer->hnet, peer_dst_refreshes);
	if (look_up_route(peer, &route))
		return NULL;
	spin_lock_bh(&peer->lock);
	dst = rcu_replace_pointer(peer->dst, route.dst, lockdep_is_held(&peer->lock));
	WRITE_ONCE(peer->cookie, route.cookie);
	peer->local = route.local;
	homa_peer_set_packet(&peer->core, packet_of(peer, route.dst));
	spin_unlock_bh(&peer->lock);
	/* It is freed after a grace period. */
	dst_release(dst);
	return route.dst;
}

bool homa_peer_leaves_by(struct homa_kpeer *peer, int index)
{
	const struct dst_entry *dst;
	bool leaves = false;

	rcu_read_lock();
	dst = homa_peer_route(peer);
	/* What a host sends to itself leaves by no device; but there must be the one asked for. */
	if (dst && (dst->dev->flags & IFF_LOOPBACK || netif_is_l3_master(dst->dev)))
		leaves = dev_get_by_index_rcu(peer->hnet->net, index);
	else if (dst)
		leaves = dst->dev->ifindex == index || l3mdev_master_ifindex_rcu(dst->dev) == index;
	rcu_read_unlock();
	return leaves;
}

static bool unused(const struct homa_kpeer *peer)
{
	lockdep_assert_held(&peer->lock);
	return list_empty(&peer->rpcs) && !peer->failing;
}

static bool remembered(struct homa_net *hnet, struct homa_kpeer *peer, const struct homa_cx *cx)
{
	bool expendable;

	spin_lock(&hnet->history_lock);
	expendable = homa_peer_expendable(cx, &peer->core);
	spin_unlock(&hnet->history_lock);
	return !expendable;
}

static bool expendable(struct homa_net *hnet, struct homa_kpeer *peer, const struct homa_cx *cx)
{
	bool idle;

	spin_lock(&peer->lock);
	idle = unused(peer);
	spin_unlock(&peer->lock);
	return idle && !remembered(hnet, peer, cx);
}

/* Let the peer take no more RPCs, if it has none. Return: whether it can be forgotten. */
static bool close_peer(const struct homa_cx *cx, struct homa_net *hnet, struct homa_kpeer *peer)
{
	bool closed;

	spin_lock(&peer->lock);
	closed = unused(peer) && !peer->forgotten;
	peer->forgotten |= closed;
	spin_unlock(&peer->lock);
	if (!closed || !remembered(hnet, peer, cx))
		return closed;
	/* Since it was looked at, an RPC with it has come and gone. */
	spin_lock(&peer->lock);
	peer->forgotten = false;
	spin_unlock(&peer->lock);
	return false;
}

static void leave_turns(struct homa_net *hnet, struct homa_kpeer *peer)
{
	spin_lock(&hnet->peers_lock);
	if (peer->listed)
		list_del(&peer->turn);
	peer->listed = false;
	spin_unlock(&hnet->peers_lock);
}

/* One that is expendable; should it have got RPCs meanwhile, it stays. */
static void forget(const struct homa_cx *cx, struct homa_net *hnet, struct homa_kpeer *peer)
{
	struct homa_packet pkt;
	bool last;

	if (!close_peer(cx, hnet, peer))
		return;
	leave_turns(hnet, peer);
	rhashtable_remove_fast(&hnet->peers, &peer->hash, peer_table);
	spin_lock(&peer->lock);
	last = homa_peer_last_acks(&peer->core, &pkt);
	spin_unlock(&peer->lock);
	if (last)
		homa_out_control(cx, hnet, peer, NULL, &pkt);
	atomic_dec(&hnet->peer_count);
	this_cpu_inc(hnet->counters->core.peers_collected);
	homa_peer_put(peer);
}

static struct homa_kpeer *next_in_turn(struct homa_net *hnet)
{
	struct homa_kpeer *peer = NULL;

	spin_lock(&hnet->peers_lock);
	if (!list_empty(&hnet->turns)) {
		peer = list_first_entry(&hnet->turns, struct homa_kpeer, turn);
		list_move_tail(&peer->turn, &hnet->turns);
		if (!refcount_inc_not_zero(&peer->refs))
			peer = NULL;
	}
	spin_unlock(&hnet->peers_lock);
	return peer;
}

/*
 * Look at the next few peers in turn and forget those that have been idle for too long; when there
 * are too many still, the one that has been idle for longest. Return: false when there are too
 * many.
 */
static bool collect(struct homa_net *hnet, u32 looks)
{
	struct homa_kpeer *peer, *idlest = NULL;
	u32 count = atomic_read(&hnet->peer_count);
	struct homa_cx cx;
	u64 limit;

	local_bh_disable();
	cx = homa_cx(hnet);
	limit = homa_peer_idle_limit(&cx, count);
	spin_lock(&hnet->history_lock);
	homa_history_expire(&cx, &hnet->history);
	spin_unlock(&hnet->history_lock);
	for (looks = min(looks, count); looks && (peer = next_in_turn(hnet)); looks--) {
		if (!expendable(hnet, peer, &cx)) {
			homa_peer_put(peer);
			continue;
		}
		if (homa_since(&cx, READ_ONCE(peer->core.heard_at)) >= limit) {
			forget(&cx, hnet, peer);
			homa_peer_put(peer);
			continue;
		}
		if (!idlest || peer->core.heard_at < idlest->core.heard_at)
			swap(idlest, peer);
		if (peer)
			homa_peer_put(peer);
	}
	if (idlest) {
		if (atomic_read(&hnet->peer_count) >= hnet->params.peer_net_max)
			forget(&cx, hnet, idlest);
		homa_peer_put(idlest);
	}
	local_bh_enable();
	return atomic_read(&hnet->peer_count) < hnet->params.peer_net_max;
}

void homa_peers_collect(struct homa_net *hnet)
{
	if (atomic_read(&hnet->peer_count) > hnet->params.peer_gc_threshold)
		collect(hnet, LOOKS);
}

struct homa_kpeer *homa_peer_get(struct homa_net *hnet, const struct homa_zoned *at, gfp_t gfp)
{
	struct homa_kpeer *peer, *old;
	struct route route;
	struct homa_cx cx;
	int err;

	rcu_read_lock();
	peer = homa_peer_find(hnet, at);
	if (peer && refcount_inc_not_zero(&peer->refs)) {
		rcu_read_unlock();
		return peer;
	}
	rcu_read_unlock();

	if (atomic_read(&hnet->peer_count) >= hnet->params.peer_net_max) {
		if (!collect(hnet, LOOKS_WHEN_FULL))
			return ERR_PTR(-ENOBUFS);
	} else {
		homa_peers_collect(hnet);
	}
	peer = kzalloc(sizeof(*peer), gfp | __GFP_NOWARN | __GFP_ACCOUNT);
	if (!peer) {
		homa_count(hnet, peer_kmalloc_errors);
		return ERR_PTR(-ENOMEM);
	}
	peer->at = *at;
	peer->ipv4 = ipv6_addr_v4mapped(&at->addr);
	peer->hnet = hnet;
	refcount_set(&peer->refs, 2);
	spin_lock_init(&peer->lock);
	INIT_LIST_HEAD(&peer->rpcs);
	INIT_LIST_HEAD(&peer->turn);
	INIT_WORK(&peer->fail, homa_failures_work);
	err = look_up_route(peer, &route);
	if (err) {
		homa_count(hnet, peer_route_errors);
		kfree(peer);
		return ERR_PTR(err);
	}
	rcu_assign_pointer(peer->dst, route.dst);
	peer->cookie = route.cookie;
	peer->local = route.local;
	local_bh_disable();
	cx = homa_cx(hnet);
	homa_peer_init(&cx, &peer->core, &hnet->allocator.now, packet_of(peer, route.dst),
		       atomic64_inc_return(&hnet->next_token));

	rcu_read_lock();
	old = rhashtable_lookup_get_insert_fast(&hnet->peers, &peer->hash, peer_table);
	if (old) {
		/* Another one was faster, or memory is short. */
		dst_release(route.dst);
		kfree(peer);
		if (!IS_ERR(old) && !refcount_inc_not_zero(&old->refs))
			old = ERR_PTR(-ENOBUFS);
		peer = old;
	} else {
		cx.counters->peer_allocs++;
		atomic_inc(&hnet->peer_count);
		spin_lock(&hnet->peers_lock);
		peer->listed = true;
		list_add_tail(&peer->turn, &hnet->turns);
		spin_unlock(&hnet->peers_lock);
	}
	rcu_read_unlock();
	local_bh_enable();
	return peer;
}
