/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * A host for owners with one thread: the core's objects put together, with tables of peers and
 * RPCs, in plain C. The ns-3 module and the deterministic network of the tests are built on it, so
 * the tests exercise what the simulator runs.
 *
 * It makes no protocol decision: it finds the objects a packet is about, calls the core, and
 * carries the effects out. Time comes with every call (ns, never going back); packets, timers and
 * messages leave through struct homa_host_ops.
 *
 * Every function may be called from within any of the ops but send and free_message.
 */
#ifndef HOMA_HOST_H
#define HOMA_HOST_H

#ifdef __cplusplus
extern "C" {
#endif

#include "homa-arena.h"

#include "shared/rpc.h"
#include "shared/wheel.h"

/* low half of an IPv4-mapped address, without the IPv4 address */
#define HOMA_IPV4_MAPPED (0xffffull << 32)
#define HOMA_IPV4_HEADER 20	/* bytes */
#define HOMA_IPV6_HEADER 40	/* bytes */

/* A network address: IPv6, or IPv4-mapped. */
struct homa_address {
	u64 high, low;
};

static inline bool homa_address_is_ipv4(const struct homa_address *a)
{
	return !a->high && a->low >> 32 == 0xffff;
}

struct homa_host_peer {
	/* With the beginning of the core, a cache line. */
	struct homa_address address;
	struct homa_host_peer *next;	/* in its bucket */
	u32 place;			/* for the owner, 0 at first */
	u32 ip_header;			/* bytes, by kind of address */
	struct homa_peer core;
	u32 served;			/* RPCs that it issued */
	struct homa_link rpcs;		/* all RPCs with it */
	struct homa_link turn;		/* among all peers: when it is looked at for being idle */
};

struct homa_host_rpc {
	/*
	 * A packet touches three cache lines: one from next on, one in core, and one of out or of
	 * grantee; homa-host.c makes sure that they begin where they should.
	 */
	struct homa_link of_peer;
	struct homa_timer timer;
	struct homa_msgout out;
	struct homa_node asker;		/* its turn to ask the peer for lost data */
	struct homa_grantee grantee;
	void *socket;			/* the owner's, from homa_host_call() or accept() */
	alignas(HOMA_ARENA_LINE) struct homa_host_rpc *next;	/* in its bucket */
	struct homa_host_peer *peer;
	struct homa_address address;	/* the peer's, so that the RPC is found without it */
	void *message;			/* the owner's; freed by free_message() */
	u16 local_port, remote_port;
	bool delivering;		/* deliver() has been called and has not returned */
	struct homa_rpc core;		/* last: most of it is gaps that are rarely used */
};

/* A peer that a call under way goes on to use; on the stack of that call. */
struct homa_host_pin {
	const struct homa_host_peer *peer;
	const struct homa_host_pin *outer;	/* of the call this one is nested in */
};

/* When the host wants to be called. */
enum homa_host_timer {
	HOMA_HOST_PACER,	/* homa_host_pace() */
	HOMA_HOST_TICK,		/* homa_host_tick() */
	HOMA_HOST_TIMERS,
};

struct homa_host_ops {
	/*
	 * Send @pkt to @peer at @priority (on the wire). DATA: @rpc's outgoing message holds the
	 * bytes; otherwise @rpc is NULL.
	 */
	void (*send)(void *owner, struct homa_host_peer *peer, const struct homa_packet *pkt,
		     struct homa_host_rpc *rpc, u8 priority);
	/*
	 * Call homa_host_pace() or homa_host_tick() at @when, ns. Each timer is set again only
	 * after it has fired.
	 */
	void (*set_timer)(void *owner, enum homa_host_timer timer, u64 when);
	/* Is there a server at this port? Return: its socket, or NULL: the request is refused. */
	void *(*accept)(void *owner, struct homa_host_peer *peer, u16 port);
	/*
	 * Bytes of the message being received, from @at of the packet's data on, are new and belong
	 * at [@range).
	 */
	void (*data)(void *owner, struct homa_host_rpc *rpc, struct homa_range range, u32 at);
	/*
	 * The request (server) or response (client) is complete. A client's RPC is freed after this
	 * returns.
	 */
	void (*deliver)(void *owner, struct homa_host_rpc *rpc);
	/* What has arrived of the response is void: the RPC starts over. */
	void (*restart)(void *owner, struct homa_host_rpc *rpc);
	/* A client's RPC failed; it is freed after this returns. */
	void (*fail)(void *owner, struct homa_host_rpc *rpc, enum homa_error error);
	/* The RPC is being freed: so must be the owner's part of it. */
	void (*free_message)(void *owner, struct homa_host_rpc *rpc);
	/* A grant has been sent: bytes below @offset, level @priority. May be NULL. */
	void (*granted)(void *owner, struct homa_host_rpc *rpc, u32 offset, u8 priority);
};

/* What a packet costs on the link beside the bytes after the IP header. */
struct homa_host_link {
	u32 mtu;	/* bytes of the longest IP datagram */
	bool free_responses;	/* responses take no time on links: for measuring what they cost */
	u32 framing;	/* bytes around each datagram, gap included */
	u32 min_frame;	/* bytes of the shortest datagram with its padding */
};

/* More RPCs than these make the host take memory for another table. */
#define HOMA_HOST_FEW_RPCS 16

struct homa_host {
	/* What every packet needs is a cache line, */
	const struct homa_host_ops *ops;
	void *owner;
	struct homa_host_rpc **rpcs;	/* hash table by id and peer */
	const struct homa_host_pin *pin;
	struct homa_cx cx;		/* its parameters are the owner's */
	u32 rpc_buckets;		/* a power of two */
	bool timer_set[HOMA_HOST_TIMERS];
	/* one of two, */
	struct homa_host_rpc *few_rpcs[HOMA_HOST_FEW_RPCS];	/* the first table, near all else */
	struct homa_host_peer **peers;	/* hash table by address */
	u32 peer_buckets;		/* a power of two */
	u32 served;			/* of the RPCs: those that peers issued */
	u32 peer_count, rpc_count;
	u64 next_token;
	u64 next_id;
	struct homa_link turns;		/* all peers */
	/* one from link.framing on, and what begins one in the others; see homa-host.c. */
	struct homa_host_link link;
	struct homa_txq txq;
	struct homa_grants grants;
	alignas(HOMA_ARENA_LINE) struct homa_counters counters;
	alignas(HOMA_ARENA_LINE) struct homa_allocator allocator;
	struct homa_history history;
	struct homa_wheel wheel;
};

/**
 * homa_host_init() - Set a host up.
 * @host:     To set up.
 * @ops:      Where effects go; outlives the host.
 * @owner:    Handed to every op.
 * @params:   The owner's, after homa_params_update(); hosts may share them. Outlive the host or are
 *            replaced by homa_host_set_params().
 * @link:     Copied; the MTU leaves room for headers and at least a byte of data.
 * @first_id: First RPC id: even, above every id of an earlier life of this host.
 * @places:   Finished requests remembered; a power of two.
 * Return: false when memory is short.
 */
bool homa_host_init(struct homa_host *host, const struct homa_host_ops *ops, void *owner,
		    const struct homa_params *params, const struct homa_host_link *link,
		    u64 first_id, u32 places);

/* Other parameters from now on. */
void homa_host_set_params(struct homa_host *host, const struct homa_params *params);

/* Free everything; RPCs in progress go without a word to their users. */
void homa_host_destroy(struct homa_host *host);

/**
 * homa_host_peer() - The peer at an address, made on first use.
 * @host:    Host.
 * @now:     ns.
 * @address: Its address.
 * Return: NULL when memory is short or there are too many. Valid as long as it has RPCs, or until
 *         the next call into the host.
 */
struct homa_host_peer *homa_host_peer(struct homa_host *host, u64 now, struct homa_address address);

/**
 * homa_host_known_peer() - The peer at an address, if there is one.
 * @host:    Host.
 * @address: Its address.
 * Return: NULL when there is none.
 */
struct homa_host_peer *homa_host_known_peer(struct homa_host *host, struct homa_address address);

/**
 * homa_host_call() - Issue a request.
 * @host:        Host.
 * @now:         ns.
 * @peer:        Server's host; NULL: nothing happens.
 * @local_port:  Client's port.
 * @remote_port: Server's port.
 * @length:      Bytes of the request, 1 … max_message.
 * @socket:      Kept in the RPC.
 * @message:     Kept in the RPC; the op send may be called with it before this returns.
 * Return: NULL when memory is short, @length is out of range or there is no @peer.
 */
struct homa_host_rpc *homa_host_call(struct homa_host *host, u64 now, struct homa_host_peer *peer,
				     u16 local_port, u16 remote_port, u32 length, void *socket,
				     void *message);

/**
 * homa_host_reply() - Send the response.
 * @host:   Host.
 * @now:    ns.
 * @rpc:    Delivered by the op deliver and not replied to.
 * @length: Bytes of the response, 1 … max_message.
 * Return: false when the RPC does not wait for one, or @length is out of range.
 */
bool homa_host_reply(struct homa_host *host, u64 now, struct homa_host_rpc *rpc, u32 length);

/**
 * homa_host_abort() - Forget an RPC.
 * @host: Host.
 * @now:  ns.
 * @rpc:  Any RPC that is not being delivered or failed just now.
 */
void homa_host_abort(struct homa_host *host, u64 now, struct homa_host_rpc *rpc);

/**
 * homa_host_find() - Look an RPC up.
 * @host: Host.
 * @peer: Its peer; NULL: it has none.
 * @id:   As this host names it.
 * Return: NULL when there is none.
 */
struct homa_host_rpc *homa_host_find(struct homa_host *host, const struct homa_host_peer *peer,
				     u64 id);

/**
 * homa_host_input() - A packet has arrived.
 * @host:     Host.
 * @now:      ns.
 * @from:     Sender's address.
 * @bytes:    What follows the IP header.
 * @readable: Bytes at @bytes that may be read: all, or at least HOMA_MAX_HEADER.
 * @length:   Bytes after the IP header.
 */
void homa_host_input(struct homa_host *host, u64 now, struct homa_address from, const u8 *bytes,
		     u32 readable, u32 length);

/* Cache lines of a host that nearly every packet touches. */
#define HOMA_HOST_LINES 5

/**
 * homa_host_lines() - Where they are, for those who can ask for memory before a packet comes.
 * @host:  Host.
 * @lines: Set to their addresses.
 */
void homa_host_lines(const struct homa_host *host, const void *lines[HOMA_HOST_LINES]);

/**
 * homa_host_expect() - A packet will arrive soon: ask for the memory that it will need.
 * @host:  Host.
 * @from:  Sender's address.
 * @bytes: What follows the IP header, not checked yet; HOMA_COMMON_HEADER bytes may be read.
 */
void homa_host_expect(const struct homa_host *host, struct homa_address from, const u8 *bytes);

/* HOMA_HOST_PACER has fired. */
void homa_host_pace(struct homa_host *host, u64 now);

/* HOMA_HOST_TICK has fired. */
void homa_host_tick(struct homa_host *host, u64 now);

/**
 * homa_host_unreachable() - The network says that a peer, or a port of it, cannot be reached.
 * @host:  Host.
 * @now:   ns.
 * @peer:  Peer; NULL: nothing happens.
 * @quote: What an ICMP error quotes; NULL: this host itself knows no way to the peer.
 * @error: What the RPCs that are meant fail with.
 */
void homa_host_unreachable(struct homa_host *host, u64 now, struct homa_host_peer *peer,
			   const struct homa_quote *quote, enum homa_error error);

/**
 * homa_host_learn() - Count a message for the priority allocation as if it had arrived: for traffic
 * known in advance. homa_allocator_check() then fits the cutoffs.
 * @host:   Host.
 * @length: Bytes of the message.
 */
void homa_host_learn(struct homa_host *host, u32 length);

/* Bytes that @length bytes after an IP header of @ip_header bytes occupy on the link. */
u32 homa_host_wire_bytes(const struct homa_host_link *link, u32 ip_header, u32 length);

#ifdef __cplusplus
}
#endif

#endif /* HOMA_HOST_H */
