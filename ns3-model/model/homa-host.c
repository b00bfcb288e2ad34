// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A host for owners with one thread; see homa-host.h.
 */
#include <stdlib.h>
#include <string.h>

#include "homa-arena.h"
#include "homa-host.h"

#define FIRST_PEER_BUCKETS 64
#define LOOKS 4			/* peers looked at for being idle, per new peer and per tick */
#define LOOKS_WHEN_FULL 64

/* What packets touch of an RPC lies in cache lines of its own. */
#define STARTS_LINE(member) (offsetof(struct homa_host_rpc, member) % HOMA_ARENA_LINE == 0)
#define HOST_STARTS_LINE(member) (offsetof(struct homa_host, member) % HOMA_ARENA_LINE == 0)
_Static_assert(HOST_STARTS_LINE(few_rpcs) && HOST_STARTS_LINE(link.framing) &&
	       offsetof(struct homa_host, grants.cutoffs) % HOMA_ARENA_LINE < 40,
	       "a host's parts are not aligned");
_Static_assert(STARTS_LINE(next) && STARTS_LINE(core.id) && STARTS_LINE(out.srpt.key) &&
	       STARTS_LINE(grantee.node.key), "an RPC's parts are not aligned");

static void carry_out(struct homa_host *host, struct homa_host_peer *peer,
		      struct homa_host_rpc *rpc, const struct homa_packet *in,
		      struct homa_effects *fx);
static void send_control(struct homa_host *host, struct homa_host_peer *peer,
			 struct homa_packet *pkt);

static void set_now(struct homa_host *host, u64 now)
{
	host->cx.now = now;
}

static void set_timer(struct homa_host *host, enum homa_host_timer timer, u64 when)
{
	if (host->timer_set[timer])
		return;
	host->timer_set[timer] = true;
	host->ops->set_timer(host->owner, timer, when);
}

u32 homa_host_wire_bytes(const struct homa_host_link *link, u32 ip_header, u32 length)
{
	return homa_max(ip_header + length, link->min_frame) + link->framing;
}

/* Tables. */

static u32 mix(u64 a, u64 b)
{
	return (u32)(((a ^ (b << 24)) * 0x9e3779b97f4a7c15ull) >> 32);
}

static u32 rpc_bucket(const struct homa_host *host, struct homa_address peer, u64 id)
{
	/* Ids are unique per client: a client's own need no peer to be told apart, servers' do. */
	return mix(id >> 1, homa_id_is_client(id) ? 0 : peer.low) & (host->rpc_buckets - 1);
}

static bool same_address(const struct homa_address *a, const struct homa_address *b)
{
	return a->low == b->low && a->high == b->high;
}

struct homa_host_rpc *homa_host_find(struct homa_host *host, const struct homa_host_peer *peer,
				     u64 id)
{
	struct homa_host_rpc *rpc;

	if (!peer)
		return NULL;
	rpc = host->rpcs[rpc_bucket(host, peer->address, id)];
	while (rpc && (rpc->core.id != id || rpc->peer != peer))
		rpc = rpc->next;
	return rpc;
}

/*
 * Who sent a packet of an RPC: the RPC knows, and is needed in any case. Return: NULL when there is
 * no such RPC.
 */
static struct homa_host_peer *peer_of_rpc(const struct homa_host *host, struct homa_address from,
					  u64 id)
{
	const struct homa_host_rpc *rpc = host->rpcs[rpc_bucket(host, from, id)];

	while (rpc && (rpc->core.id != id || !same_address(&rpc->address, &from)))
		rpc = rpc->next;
	if (!rpc)
		return NULL;
	homa_arena_fetch(rpc->peer);
	homa_arena_fetch((const char *)rpc->peer + HOMA_ARENA_LINE);
	return rpc->peer;
}

static void hash_rpc(struct homa_host *host, struct homa_host_rpc *rpc)
{
	u32 bucket = rpc_bucket(host, rpc->peer->address, rpc->core.id);

	rpc->next = host->rpcs[bucket];
	host->rpcs[bucket] = rpc;
}

/* An empty hash table. Return: NULL when memory is short. */
static void *new_table(u32 buckets)
{
	size_t bytes = buckets * sizeof(void *);
	void *table = homa_arena_take(bytes);

	if (table)
		memset(table, 0, bytes);
	return table;
}

static void free_table(void *table, u32 buckets)
{
	homa_arena_give(table, buckets * sizeof(void *));
}

static void grow_rpcs(struct homa_host *host)
{
	struct homa_host_rpc **old = host->rpcs, *rpc, *next;
	u32 buckets = host->rpc_buckets, i;
	struct homa_host_rpc **table = new_table(2 * buckets);

	/* A table that cannot grow is slow, not wrong. */
	if (!table)
		return;
	host->rpcs = table;
	host->rpc_buckets = 2 * buckets;
	for (i = 0; i < buckets; i++) {
		for (rpc = old[i]; rpc; rpc = next) {
			next = rpc->next;
			hash_rpc(host, rpc);
		}
	}
	if (old != host->few_rpcs)
		free_table(old, buckets);
}

static void unhash_rpc(struct homa_host *host, struct homa_host_rpc *rpc)
{
	struct homa_host_rpc **at = &host->rpcs[rpc_bucket(host, rpc->peer->address, rpc->core.id)];

	while (*at != rpc)
		at = &(*at)->next;
	*at = rpc->next;
}

static u32 peer_bucket(struct homa_address address, u32 buckets)
{
	return mix(address.low, address.high) & (buckets - 1);
}

static void grow_peers(struct homa_host *host)
{
	struct homa_host_peer **old = host->peers, *peer, *next;
	u32 buckets = host->peer_buckets, i, bucket;
	struct homa_host_peer **table = new_table(2 * buckets);

	if (!table)
		return;
	host->peers = table;
	host->peer_buckets = 2 * buckets;
	for (i = 0; i < buckets; i++) {
		for (peer = old[i]; peer; peer = next) {
			next = peer->next;
			bucket = peer_bucket(peer->address, host->peer_buckets);
			peer->next = table[bucket];
			table[bucket] = peer;
		}
	}
	free_table(old, buckets);
}

struct homa_host_peer *homa_host_known_peer(struct homa_host *host, struct homa_address address)
{
	struct homa_host_peer *peer = host->peers[peer_bucket(address, host->peer_buckets)];

	while (peer && !same_address(&peer->address, &address))
		peer = peer->next;
	return peer;
}

static void forget_peer(struct homa_host *host, struct homa_host_peer *peer)
{
	struct homa_host_peer **at = &host->peers[peer_bucket(peer->address, host->peer_buckets)];
	struct homa_packet pkt;

	if (homa_peer_last_acks(&peer->core, &pkt))
		send_control(host, peer, &pkt);
	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	homa_link_remove(&peer->turn);
	host->peer_count--;
	host->counters.peers_collected++;
	homa_arena_give(peer, sizeof(*peer));
}

static bool pinned(const struct homa_host *host, const struct homa_host_peer *peer)
{
	const struct homa_host_pin *pin = host->pin;

	while (pin && pin->peer != peer)
		pin = pin->outer;
	return pin;
}

/*
 * Look at the next few peers in turn and forget those that have been idle for too long; when there
 * are too many still, the one that has been idle for longest. Return: false when there are too
 * many.
 */
static bool collect_peers(struct homa_host *host, u32 looks)
{
	u64 limit = homa_peer_idle_limit(&host->cx, host->peer_count);
	struct homa_host_peer *idlest = NULL;

	homa_history_expire(&host->cx, &host->history);
	for (looks = homa_min(looks, host->peer_count); looks; looks--) {
		struct homa_host_peer *peer =
			homa_container_of(host->turns.next, struct homa_host_peer, turn);

		homa_link_remove(&peer->turn);
		homa_link_append(&host->turns, &peer->turn);
		if (pinned(host, peer) || !homa_link_alone(&peer->rpcs) ||
		    !homa_peer_expendable(&host->cx, &peer->core))
			continue;
		if (host->cx.now - peer->core.heard_at >= limit)
			forget_peer(host, peer);
		else if (!idlest || peer->core.heard_at < idlest->core.heard_at)
			idlest = peer;
	}
	if (host->peer_count >= host->cx.params->peer_net_max && idlest)
		forget_peer(host, idlest);
	return host->peer_count < host->cx.params->peer_net_max;
}

struct homa_host_peer *homa_host_peer(struct homa_host *host, u64 now, struct homa_address address)
{
	u32 ip_header = homa_address_is_ipv4(&address) ? HOMA_IPV4_HEADER : HOMA_IPV6_HEADER;
	struct homa_host_peer *peer = homa_host_known_peer(host, address);
	u32 bucket;

	if (peer)
		return peer;
	set_now(host, now);
	if (host->peer_count >= host->cx.params->peer_net_max) {
		if (!collect_peers(host, LOOKS_WHEN_FULL))
			return NULL;
	} else if (host->peer_count > host->cx.params->peer_gc_threshold) {
		collect_peers(host, LOOKS);
	}
	peer = homa_arena_take(sizeof(*peer));
	if (!peer)
		return NULL;
	if (host->peer_count++ >= host->peer_buckets)
		grow_peers(host);
	homa_peer_init(&host->cx, &peer->core, &host->allocator.now,
		       host->link.mtu - ip_header - HOMA_DATA_HEADER, host->next_token++);
	host->counters.peer_allocs++;
	peer->ip_header = ip_header;
	peer->address = address;
	peer->served = 0;
	peer->place = 0;
	homa_link_init(&peer->rpcs);
	homa_link_append(&host->turns, &peer->turn);
	bucket = peer_bucket(address, host->peer_buckets);
	peer->next = host->peers[bucket];
	host->peers[bucket] = peer;
	return peer;
}

static struct homa_host_rpc *new_rpc(struct homa_host *host, struct homa_host_peer *peer, u64 id)
{
	struct homa_host_rpc *rpc = homa_arena_take(sizeof(*rpc));

	if (!rpc)
		return NULL;
	memset(rpc, 0, offsetof(struct homa_host_rpc, core));
	homa_grantee_init(&rpc->grantee);
	homa_timer_init(&rpc->timer);
	homa_node_init(&rpc->asker);
	rpc->peer = peer;
	rpc->address = peer->address;
	rpc->core.id = id;
	homa_link_append(&peer->rpcs, &rpc->of_peer);
	peer->served += !homa_id_is_client(id);
	host->served += !homa_id_is_client(id);
	if (host->rpc_count++ >= host->rpc_buckets)
		grow_rpcs(host);
	hash_rpc(host, rpc);
	return rpc;
}

static void free_rpc(struct homa_host *host, struct homa_host_rpc *rpc)
{
	unhash_rpc(host, rpc);
	homa_link_remove(&rpc->of_peer);
	rpc->peer->served -= !homa_id_is_client(rpc->core.id);
	host->served -= !homa_id_is_client(rpc->core.id);
	homa_txq_remove(&host->txq, &rpc->out);
	homa_wheel_cancel(&host->wheel, &rpc->timer);
	homa_peer_leave_turn(&rpc->peer->core, &rpc->asker);
	host->rpc_count--;
	host->ops->free_message(host->owner, rpc);
	homa_arena_give(rpc, sizeof(*rpc));
}

bool homa_host_init(struct homa_host *host, const struct homa_host_ops *ops, void *owner,
		    const struct homa_params *params, const struct homa_host_link *link,
		    u64 first_id, u32 places)
{
	struct homa_memory *place = malloc(places * sizeof(*place));
	struct homa_bucket *bucket = malloc(places * sizeof(*bucket));

	memset(host, 0, sizeof(*host));
	host->ops = ops;
	host->owner = owner;
	homa_host_set_params(host, params);
	host->link = *link;
	host->cx.counters = &host->counters;
	host->next_id = first_id;
	host->peer_buckets = FIRST_PEER_BUCKETS;
	host->peers = new_table(FIRST_PEER_BUCKETS);
	host->rpc_buckets = HOMA_HOST_FEW_RPCS;
	host->rpcs = host->few_rpcs;
	homa_link_init(&host->turns);
	if (!place || !bucket || !host->peers) {
		free(place);
		free(bucket);
		free_table(host->peers, FIRST_PEER_BUCKETS);
		return false;
	}
	homa_allocator_init(&host->cx, &host->allocator);
	homa_grants_init(&host->grants, &host->allocator.now);
	homa_txq_init(&host->txq);
	homa_wheel_init(&host->wheel);
	homa_history_init(&host->history, place, bucket, places);
	return true;
}

void homa_host_set_params(struct homa_host *host, const struct homa_params *params)
{
	host->cx.params = params;
}

void homa_host_destroy(struct homa_host *host)
{
	struct homa_host_peer *peer, *next;
	u32 i;

	for (i = 0; i < host->peer_buckets; i++) {
		for (peer = host->peers[i]; peer; peer = next) {
			next = peer->next;
			while (!homa_link_alone(&peer->rpcs))
				free_rpc(host, homa_container_of(peer->rpcs.next,
								 struct homa_host_rpc, of_peer));
			homa_arena_give(peer, sizeof(*peer));
		}
	}
	free_table(host->peers, host->peer_buckets);
	if (host->rpcs != host->few_rpcs)
		free_table(host->rpcs, host->rpc_buckets);
	free(host->history.place);
	free(host->history.bucket);
	memset(host, 0, sizeof(*host));
}

/* Sending. */

static void send_control(struct homa_host *host, struct homa_host_peer *peer,
			 struct homa_packet *pkt)
{
	u32 length = homa_wire_header_length(pkt->type);

	homa_txq_charge(&host->cx, &host->txq,
			homa_host_wire_bytes(&host->link, peer->ip_header, length));
	host->counters.packets[pkt->type - HOMA_DATA].sent++;
	host->ops->send(host->owner, peer, pkt, NULL,
			homa_params_priority(host->cx.params, HOMA_PRIORITIES - 1));
}

static u32 data_overhead(const struct homa_host *host, u32 ip_header)
{
	return host->link.framing + ip_header + HOMA_DATA_HEADER;
}

/* Address a packet to the other side of an RPC. */
static void address_to(struct homa_packet *pkt, const struct homa_host_rpc *rpc)
{
	pkt->sport = rpc->local_port;
	pkt->dport = rpc->remote_port;
	pkt->sender_id = rpc->core.id;
}

static void send_data(struct homa_host *host, const struct homa_xmit *xmit)
{
	struct homa_host_rpc *rpc = homa_container_of(xmit->msg, struct homa_host_rpc, out);
	struct homa_peer *peer = &rpc->peer->core;
	struct homa_packet pkt;

	address_to(&pkt, rpc);
	pkt.type = HOMA_DATA;
	pkt.data.message_length = rpc->out.length;
	pkt.data.incoming = xmit->incoming;
	pkt.data.offset = xmit->offset;
	pkt.data.length = xmit->length;
	pkt.data.ack = homa_peer_take_ack(peer);
	pkt.data.cutoff_version = peer->cutoffs.version;
	pkt.data.retransmit = xmit->retransmit;
	host->counters.packets[0].sent++;
	host->counters.priority[xmit->priority].packets++;
	host->counters.priority[xmit->priority].bytes += xmit->length;
	host->ops->send(host->owner, rpc->peer, &pkt, rpc, xmit->priority);
}

void homa_host_pace(struct homa_host *host, u64 now)
{
	struct homa_xmit xmit;
	enum homa_tx tx;

	set_now(host, now);
	host->timer_set[HOMA_HOST_PACER] = false;
	while ((tx = homa_txq_next(&host->cx, &host->txq, 0, &xmit)) == HOMA_TX_SEND)
		send_data(host, &xmit);
	if (tx == HOMA_TX_WAIT)
		set_timer(host, HOMA_HOST_PACER, xmit.wake);
}

/* The queue may have more to send. While the pacer's timer is set, it will see to it. */
static void kick(struct homa_host *host)
{
	if (!host->timer_set[HOMA_HOST_PACER])
		homa_host_pace(host, host->cx.now);
}

static void send_message(struct homa_host *host, struct homa_host_rpc *rpc, u32 length)
{
	const struct homa_peer *peer = &rpc->peer->core;
	u32 overhead = data_overhead(host, rpc->peer->ip_header);
	struct homa_xmit xmit;
	enum homa_tx tx;

	if (host->link.free_responses && !homa_rpc_is_client(&rpc->core))
		overhead = 0;
	homa_msgout_init(&rpc->out, length, peer->unsched, peer->packet, overhead, &peer->cutoffs);
	tx = homa_txq_start(&host->cx, &host->txq, &rpc->out, &xmit);
	for (; tx == HOMA_TX_SEND; tx = homa_txq_bypass(&host->cx, &host->txq, &rpc->out, &xmit))
		send_data(host, &xmit);
	kick(host);
}

static void send_grants(struct homa_host *host, const struct homa_grant_list *list)
{
	struct homa_packet pkt;
	u32 i;

	for (i = 0; i < list->count; i++) {
		struct homa_host_rpc *rpc =
			homa_container_of(list->grant[i].to, struct homa_host_rpc, grantee);

		address_to(&pkt, rpc);
		pkt.type = HOMA_GRANT;
		pkt.grant.offset = list->grant[i].offset;
		pkt.grant.priority = list->grant[i].priority;
		send_control(host, rpc->peer, &pkt);
		if (host->ops->granted)
			host->ops->granted(host->owner, rpc, list->grant[i].offset,
					   list->grant[i].priority);
	}
}

/* Timers. */

static void arm(struct homa_host *host, struct homa_host_rpc *rpc, u64 when)
{
	u64 tick_ns = host->cx.params->tick_ns, present = host->cx.now / tick_ns;
	u64 tick = (when + tick_ns - 1) / tick_ns;

	homa_wheel_skip(&host->wheel, present);
	homa_wheel_arm(&host->wheel, &rpc->timer, tick > present ? tick : present + 1);
	set_timer(host, HOMA_HOST_TICK, (present + 1) * tick_ns);
}

static struct homa_rpc_view view_of(const struct homa_host *host, const struct homa_host_rpc *rpc)
{
	struct homa_rpc_view view = {
		.out_length = rpc->out.length,
		.out_sent = rpc->out.sent,
		.out_granted = rpc->out.granted,
		.in_granted = rpc->grantee.granted,
		.out_sent_at = rpc->out.sent_at,
		.in_granted_at = rpc->grantee.granted_at,
		.peer_heard_at = rpc->peer->core.heard_at,
		.peer_delay = homa_peer_delay(&host->cx, &rpc->peer->core),
	};

	return view;
}

/* Its timer has fired, or its turn to ask has come. */
static void look_after(struct homa_host *host, struct homa_host_rpc *rpc)
{
	struct homa_rpc_view view = view_of(host, rpc);
	struct homa_effects fx;
	u64 again;

	fx.count = 0;
	again = homa_rpc_timer(&host->cx, &rpc->core, &view, &fx);
	if (again)
		arm(host, rpc, again);
	if (!fx.count || fx.fx[0].type != HOMA_FX_ASK)
		homa_peer_leave_turn(&rpc->peer->core, &rpc->asker);
	carry_out(host, rpc->peer, rpc, NULL, &fx);
}

/* A packet from the peer has come: whoever waited for one to ask may do so now. */
static void let_ask(struct homa_host *host, struct homa_host_peer *peer)
{
	struct homa_node *next;

	while ((next = homa_peer_next_asker(&peer->core)))
		look_after(host, homa_container_of(next, struct homa_host_rpc, asker));
}

void homa_host_tick(struct homa_host *host, u64 now)
{
	u64 tick_ns = host->cx.params->tick_ns, present = now / tick_ns;
	struct homa_timer *timer;

	set_now(host, now);
	host->timer_set[HOMA_HOST_TICK] = false;
	if (homa_wheel_stood_still(&host->wheel, present))
		goto out;
	while ((timer = homa_wheel_next(&host->wheel, present))) {
		struct homa_host_rpc *rpc = homa_container_of(timer, struct homa_host_rpc, timer);

		look_after(host, rpc);
	}
	if (host->peer_count > host->cx.params->peer_gc_threshold)
		collect_peers(host, LOOKS);

out:
	if (host->wheel.armed)
		set_timer(host, HOMA_HOST_TICK, (present + 1) * tick_ns);
}

/* Effects. */

/* A peer is dead (no @quote), or the network says that it or one of its ports is out of reach. */
static void peer_failed(struct homa_host *host, struct homa_host_peer *peer,
			const struct homa_quote *quote, enum homa_error error)
{
	struct homa_link old;

	/*
	 * The users told may end other RPCs and issue new ones: only those there now are gone
	 * through.
	 */
	homa_link_init(&old);
	while (!homa_link_alone(&peer->rpcs)) {
		struct homa_link *at = peer->rpcs.next;

		homa_link_remove(at);
		homa_link_append(&old, at);
	}
	while (!homa_link_alone(&old)) {
		struct homa_host_rpc *rpc =
			homa_container_of(old.next, struct homa_host_rpc, of_peer);
		struct homa_effects fx;

		homa_link_remove(&rpc->of_peer);
		homa_link_append(&peer->rpcs, &rpc->of_peer);
		if (rpc->delivering)
			continue;
		fx.count = 0;
		homa_rpc_peer_failed(&host->cx, &rpc->core, rpc->local_port, rpc->remote_port,
				     quote, error, &fx);
		carry_out(host, peer, rpc, NULL, &fx);
	}
}

/* Return: false when the RPC is gone. */
static bool ask(struct homa_host *host, struct homa_host_rpc *rpc, const struct homa_effect *e)
{
	enum homa_ask answer = homa_peer_ask_in_turn(&host->cx, &rpc->peer->core, &rpc->asker,
						     rpc->core.due_at, rpc->core.id);
	u64 again = homa_peer_look_again(&host->cx, &rpc->peer->core, answer);
	struct homa_packet pkt;

	if (answer != HOMA_ASK_DEAD && again)
		arm(host, rpc, again);
	switch (answer) {
	case HOMA_ASK_NOW:
		address_to(&pkt, rpc);
		pkt.type = HOMA_RESEND;
		pkt.resend.offset = e->offset;
		pkt.resend.length = e->length;
		pkt.resend.priority = e->priority;
		homa_rpc_asked(&host->cx, &rpc->core, e->offset, e->length);
		send_control(host, rpc->peer, &pkt);
		return true;
	case HOMA_ASK_LATER:
		return true;
	case HOMA_ASK_DEAD:
		peer_failed(host, rpc->peer, NULL, HOMA_ERR_TIMEDOUT);
		break;
	}
	return false;
}

static void send_effect(struct homa_host *host, struct homa_host_peer *peer,
			struct homa_host_rpc *rpc, const struct homa_packet *in, u8 type)
{
	struct homa_packet pkt;

	if (rpc) {
		address_to(&pkt, rpc);
	} else {
		pkt.sport = in->dport;
		pkt.dport = in->sport;
		pkt.sender_id = in->sender_id ^ 1;
	}
	pkt.type = type;
	if (type == HOMA_ACK)
		homa_peer_take_acks(&peer->core, &pkt);
	send_control(host, peer, &pkt);
}

/* A message's first packet has arrived: its size counts for the priority allocation. */
static void record(struct homa_host *host, const struct homa_host_peer *peer,
		   const struct homa_packet *in)
{
	homa_allocator_record(&host->cx, &host->allocator, in->data.message_length,
			      in->data.incoming, peer->core.packet, HOMA_DATA_HEADER);
}

static void create(struct homa_host *host, struct homa_host_peer *peer,
		   const struct homa_packet *in, u8 doubt)
{
	void *socket = host->ops->accept(host->owner, peer, in->dport);
	struct homa_effects fx;
	struct homa_host_rpc *rpc;
	struct homa_packet tell;
	struct homa_range range;

	if (!socket) {
		host->counters.packets_dropped[HOMA_DROP_UNKNOWN]++;
		return;
	}
	if (!homa_rpc_room(&host->cx, peer->served, host->served)) {
		host->counters.packets_dropped[HOMA_DROP_FULL]++;
		return;
	}
	rpc = new_rpc(host, peer, in->sender_id ^ 1);
	if (!rpc)
		return;
	rpc->socket = socket;
	rpc->local_port = in->dport;
	rpc->remote_port = in->sport;
	fx.count = 0;
	homa_rpc_init_server(&host->cx, &rpc->core, in->sender_id ^ 1, doubt, &fx);
	if (doubt) {
		u16 version = homa_peer_doubt(&host->cx, &peer->core, &host->allocator.now, &tell);

		homa_rpc_doubt(&rpc->core, version);
		if (version) {
			address_to(&tell, rpc);
			send_control(host, peer, &tell);
		}
	}
	arm(host, rpc, host->cx.now + host->cx.params->resend_ticks * host->cx.params->tick_ns);
	range = homa_rpc_input(&host->cx, &rpc->core, in, &fx);
	if (range.start < range.end) {
		record(host, peer, in);
		host->ops->data(host->owner, rpc, range, range.start - in->data.offset);
	}
	carry_out(host, peer, rpc, in, &fx);
}

static void deliver(struct homa_host *host, struct homa_host_rpc *rpc)
{
	bool client = homa_rpc_is_client(&rpc->core);

	rpc->delivering = client;
	host->ops->deliver(host->owner, rpc);
	if (client)
		free_rpc(host, rpc);
}

static void add_ack(struct homa_host *host, struct homa_host_rpc *rpc)
{
	struct homa_ack ack = { .client_id = rpc->core.id, .server_port = rpc->remote_port };
	struct homa_packet pkt;

	if (!homa_peer_add_ack(&rpc->peer->core, ack, &pkt))
		return;
	pkt.sport = rpc->local_port;
	pkt.dport = rpc->remote_port;
	host->counters.ack_overflows++;
	send_control(host, rpc->peer, &pkt);
}

static void carry_out(struct homa_host *host, struct homa_host_peer *peer,
		      struct homa_host_rpc *rpc, const struct homa_packet *in,
		      struct homa_effects *fx)
{
	struct homa_grant_list grants;
	u32 i;

	grants.count = 0;
	for (i = 0; i < fx->count; i++) {
		const struct homa_effect *e = &fx->fx[i];

		switch ((enum homa_effect_type)e->type) {
		case HOMA_FX_SEND:
			send_effect(host, peer, rpc, in, e->packet);
			break;
		case HOMA_FX_ASK:
			if (!ask(host, rpc, e))
				return;
			break;
		case HOMA_FX_CREATE:
			create(host, peer, in, e->doubt);
			return;
		case HOMA_FX_TX_GRANT:
			homa_txq_grant(&host->cx, &host->txq, &rpc->out, e->offset, e->priority);
			kick(host);
			break;
		case HOMA_FX_TX_RESEND:
			if (homa_txq_resend(&host->cx, &host->txq, &rpc->out, e->offset, e->length,
					    e->priority) == HOMA_AGAIN_BUSY)
				send_effect(host, peer, rpc, in, HOMA_BUSY);
			kick(host);
			break;
		case HOMA_FX_TX_RESTART:
			host->ops->restart(host->owner, rpc);
			homa_txq_restart(&host->cx, &host->txq, &rpc->out);
			kick(host);
			break;
		case HOMA_FX_RX_ADD:
			homa_grants_add(&host->cx, &host->grants, &rpc->grantee, &peer->core.grants,
					e->length, e->offset, rpc->core.in.received, &grants);
			break;
		case HOMA_FX_RX_MORE:
			/* At once: what this host looks at is always the last packet here. */
			homa_grants_received(&host->cx, &host->grants, &rpc->grantee,
					     rpc->core.in.received, rpc->core.in.high, &grants);
			break;
		case HOMA_FX_RX_STALLED:
			homa_grants_stalled(&host->cx, &host->grants, &rpc->grantee, &grants);
			break;
		case HOMA_FX_RX_END:
			homa_grants_remove(&host->cx, &host->grants, &rpc->grantee, &grants);
			break;
		case HOMA_FX_DELIVER:
			/* The user may do anything now, so what is left to do is done first. */
			send_grants(host, &grants);
			deliver(host, rpc);
			return;
		case HOMA_FX_ACK:
			add_ack(host, rpc);
			break;
		case HOMA_FX_RAN:
			if (e->keep)
				homa_history_keep(&host->cx, &host->history, &peer->core,
						  rpc->core.id ^ 1);
			else
				homa_history_add(&host->cx, &host->history, &peer->core,
						 rpc->core.id ^ 1);
			break;
		case HOMA_FX_FAIL:
			rpc->delivering = true;
			host->ops->fail(host->owner, rpc, (enum homa_error)e->error);
			rpc->delivering = false;
			break;
		case HOMA_FX_FREE:
			send_grants(host, &grants);
			free_rpc(host, rpc);
			return;
		}
	}
	send_grants(host, &grants);
}

/* Input. */

static void acked(struct homa_host *host, struct homa_host_peer *peer, u64 client_id)
{
	struct homa_host_rpc *rpc = homa_host_find(host, peer, client_id ^ 1);
	struct homa_effects fx;

	if (!homa_id_is_client(client_id) || !rpc || rpc->delivering)
		return;
	fx.count = 0;
	homa_rpc_acked(&rpc->core, &fx);
	carry_out(host, peer, rpc, NULL, &fx);
}

static void input_ack(struct homa_host *host, struct homa_host_peer *peer,
		      const struct homa_packet *pkt)
{
	u32 i;

	acked(host, peer, pkt->sender_id);
	for (i = 0; i < pkt->ack.count; i++)
		acked(host, peer, pkt->ack.ack[i].client_id);
}

static void input_rpc(struct homa_host *host, struct homa_host_peer *peer,
		      const struct homa_packet *pkt)
{
	struct homa_host_rpc *rpc = homa_host_find(host, peer, pkt->sender_id ^ 1);
	struct homa_effects fx;
	struct homa_range range;
	bool first;

	fx.count = 0;
	if (!rpc) {
		enum homa_verdict verdict = HOMA_REQUEST_NEW;

		if (homa_id_is_client(pkt->sender_id))
			verdict = homa_history_judge(&host->cx, &host->history, &peer->core,
						     pkt->sender_id);
		homa_rpc_unknown(&host->cx, pkt, verdict, &fx);
		carry_out(host, peer, NULL, pkt, &fx);
		return;
	}
	first = !rpc->core.receiving;
	range = homa_rpc_input(&host->cx, &rpc->core, pkt, &fx);
	if (rpc->core.took)
		homa_peer_took(&host->cx, &peer->core, rpc->core.took);
	if (!rpc->core.due_at)
		homa_peer_leave_turn(&peer->core, &rpc->asker);
	if (range.start < range.end) {
		if (first)
			record(host, peer, pkt);
		host->ops->data(host->owner, rpc, range, range.start - pkt->data.offset);
	}
	carry_out(host, peer, rpc, pkt, &fx);
}

static void input_peer(struct homa_host *host, struct homa_host_peer *peer,
		       const struct homa_packet *pkt)
{
	struct homa_packet tell;

	switch (pkt->type) {
	case HOMA_CUTOFFS:
		homa_peer_set_cutoffs(&peer->core, pkt);
		return;
	case HOMA_ACK:
		input_ack(host, peer, pkt);
		return;
	case HOMA_FREEZE:
		return;
	case HOMA_DATA:
		if (pkt->data.ack.client_id)
			acked(host, peer, pkt->data.ack.client_id);
		homa_allocator_check(&host->cx, &host->allocator, false);
		if (homa_peer_check_cutoffs(&host->cx, &peer->core, &host->allocator.now,
					    pkt->data.cutoff_version, &tell)) {
			tell.sport = pkt->dport;
			tell.dport = pkt->sport;
			tell.sender_id = pkt->sender_id ^ 1;
			send_control(host, peer, &tell);
		}
		break;
	}
	input_rpc(host, peer, pkt);
}

/* Does a packet from someone unknown make a peer? Only if it may need an answer. */
static bool starts_something(u8 type)
{
	return type == HOMA_DATA || type == HOMA_RESEND || type == HOMA_NEED_ACK;
}

/* All of an RPC that its packets need, before the first part of it is looked at. */
static void fetch_rpc(const struct homa_host *host, struct homa_address from, u64 id)
{
	uintptr_t rpc = (uintptr_t)host->rpcs[rpc_bucket(host, from, id)];

	homa_arena_fetch((const void *)(rpc + offsetof(struct homa_host_rpc, next)));
	homa_arena_fetch((const void *)(rpc + offsetof(struct homa_host_rpc, core.id)));
	rpc += homa_id_is_client(id) ? offsetof(struct homa_host_rpc, out.srpt.key)
				     : offsetof(struct homa_host_rpc, grantee.node.key);
	homa_arena_fetch((const void *)rpc);
}

void homa_host_lines(const struct homa_host *host, const void *lines[HOMA_HOST_LINES])
{
	lines[0] = &host->ops;
	lines[1] = &host->few_rpcs[0];
	lines[2] = &host->few_rpcs[HOMA_ARENA_LINE / sizeof(host->few_rpcs[0])];
	lines[3] = &host->link.framing;
	lines[4] = &host->allocator.now;
}

void homa_host_expect(const struct homa_host *host, struct homa_address from, const u8 *bytes)
{
	if (!host->rpcs)
		return;
	homa_arena_fetch(&host->counters.packets);
	homa_arena_fetch(&host->grants.cutoffs);
	homa_arena_fetch(&host->counters.pacer_bytes);
	fetch_rpc(host, from, homa_wire_sender_id(bytes) ^ 1);
}

void homa_host_input(struct homa_host *host, u64 now, struct homa_address from, const u8 *bytes,
		     u32 readable, u32 length)
{
	struct homa_host_peer *peer;
	struct homa_host_pin pin = { .outer = host->pin };
	struct homa_packet pkt;
	enum homa_drop why;

	set_now(host, now);
	why = homa_wire_decode(&pkt, bytes, readable, length, host->cx.params->max_message);
	if (why) {
		host->counters.packets_dropped[why]++;
		return;
	}
	host->counters.packets[pkt.type - HOMA_DATA].rcvd++;
	fetch_rpc(host, from, pkt.sender_id ^ 1);
	peer = peer_of_rpc(host, from, pkt.sender_id ^ 1);
	if (!peer)
		peer = homa_host_known_peer(host, from);
	if (!peer && !starts_something(pkt.type)) {
		host->counters.packets_dropped[HOMA_DROP_UNKNOWN]++;
		return;
	}
	if (!peer)
		peer = homa_host_peer(host, now, from);
	if (!peer) {
		host->counters.packets_dropped[HOMA_DROP_FULL]++;
		return;
	}
	homa_peer_heard(&host->cx, &peer->core);
	pin.peer = peer;
	/* Those who are told of the packet may do anything, also what needs room for peers. */
	host->pin = &pin;
	input_peer(host, peer, &pkt);
	let_ask(host, peer);
	host->pin = pin.outer;
}

/* The user's side. */

struct homa_host_rpc *homa_host_call(struct homa_host *host, u64 now, struct homa_host_peer *peer,
				     u16 local_port, u16 remote_port, u32 length, void *socket,
				     void *message)
{
	struct homa_host_rpc *rpc;

	if (!peer || !length || length > host->cx.params->max_message)
		return NULL;
	set_now(host, now);
	rpc = new_rpc(host, peer, host->next_id);
	if (!rpc)
		return NULL;
	host->next_id += 2;
	rpc->socket = socket;
	rpc->message = message;
	rpc->local_port = local_port;
	rpc->remote_port = remote_port;
	homa_rpc_init_client(&host->cx, &rpc->core, rpc->core.id);
	arm(host, rpc, now + host->cx.params->resend_ticks * host->cx.params->tick_ns);
	send_message(host, rpc, length);
	return rpc;
}

bool homa_host_reply(struct homa_host *host, u64 now, struct homa_host_rpc *rpc, u32 length)
{
	if (!length || length > host->cx.params->max_message)
		return false;
	set_now(host, now);
	if (!homa_rpc_reply(&host->cx, &rpc->core))
		return false;
	arm(host, rpc, now + host->cx.params->request_ack_ticks * host->cx.params->tick_ns);
	send_message(host, rpc, length);
	return true;
}

void homa_host_abort(struct homa_host *host, u64 now, struct homa_host_rpc *rpc)
{
	struct homa_effects fx;

	set_now(host, now);
	if (rpc->delivering)
		return;
	fx.count = 0;
	homa_rpc_abort(&host->cx, &rpc->core, HOMA_ERR_NONE, &fx);
	carry_out(host, rpc->peer, rpc, NULL, &fx);
}

void homa_host_unreachable(struct homa_host *host, u64 now, struct homa_host_peer *peer,
			   const struct homa_quote *quote, enum homa_error error)
{
	set_now(host, now);
	if (!peer || (quote && quote->id && !homa_host_find(host, peer, quote->id)))
		return;
	peer_failed(host, peer, quote, error);
}

void homa_host_learn(struct homa_host *host, u32 length)
{
	u32 packet = host->link.mtu - HOMA_IPV4_HEADER - HOMA_DATA_HEADER;

	homa_allocator_record(&host->cx, &host->allocator, length,
			      homa_peer_unsched(host->cx.params, packet), packet, HOMA_DATA_HEADER);
}
