/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Homa sockets: what the kernel keeps between a program and its RPCs.
 *
 * - A socket has a port from the start, one for clients; bind() gives it another and makes it a
 *   server.
 * - RPCs that have something for the user (data to copy, a complete message, an error) stand in
 *   line, unless they are private: those are waited for one by one.
 * - A message that begins to arrive takes its room in the receive region. When there is none, it
 *   waits: the core holds it, and what arrives of it is kept as long as the socket's receive buffer
 *   (SO_RCVBUF) allows. As room comes back, it goes to the shortest message that waits, and every
 *   fourth time to the one that has waited longest.
 */
#ifndef HOMA_SOCK_H
#define HOMA_SOCK_H

#include <net/inet_sock.h>

#include "net.h"
#include "pool.h"
#include "rpcs.h"

struct homa_sock {
	struct inet_sock inet;		/* first */
	struct homa_net *hnet;
	struct hlist_node of_port;	/* ports_lock; read under RCU */
	u16 port;
	bool bound;			/* by bind(); ports_lock */
	bool server;			/* takes requests */
	bool shut;			/* shutdown() or close() was called */

	spinlock_t lock;		/* its lists of RPCs, and its waiters */
	struct list_head rpcs;		/* homa_krpc.of_sock */
	struct list_head ready;		/* homa_krpc.in_ready */
	u32 rpc_count;
	u64 last_number;		/* of a place there: the newest */

	spinlock_t pool_lock;		/* the receive region */
	void __user *region;		/* start of the receive region; given once */
	size_t region_length;
	const struct cred *region_cred;	/* who gave it; NULL: there is none yet */
	struct mm_struct *region_mm;	/* whose it is */
	struct homa_pool pool;		/* pages 0: there is no region */
	struct homa_tree waiting;	/* homa_krpc.room, the shortest message first */
	struct homa_tree waiting_age;	/* homa_krpc.room_age */
	u64 arrivals;			/* of those that wait */
	u32 served;			/* of those that waited */
	atomic_t held_bytes;		/* kept of messages without room */
	atomic_long_t kept;		/* bytes of memory of packets that wait to be copied */
	const char *error;		/* why the last call failed, for HOMAIOCINFO; or NULL */
	void (*destruct)(struct sock *sk);	/* of the address family */
};

/* IPv6 finds its part at the end. */
struct homa_sock6 {
	struct homa_sock homa;
	struct ipv6_pinfo inet6;
};

static inline struct homa_sock *homa_sk(const struct sock *sk)
{
	return (struct homa_sock *)sk;
}

static inline struct sock *homa_sock_sk(struct homa_sock *hsk)
{
	return (struct sock *)hsk;
}

extern struct proto homa_prot, homa6_prot;
extern const struct proto_ops homa_ops, homa6_ops;

/* May the socket take more memory for messages to be sent? */
static inline bool homa_sock_writable(struct homa_sock *hsk)
{
	return sk_wmem_alloc_get(homa_sock_sk(hsk)) < READ_ONCE(hsk->hnet->shell.wmem_max);
}

/**
 * homa_sock_may_keep() - May one more packet be kept until it is copied?
 * @hsk:        Socket.
 * @wants_room: Its message waits for room: half of the memory is left to those that have it.
 * Return: Not when packets take several times as much memory as there is place for bytes in the
 *         region and the receive buffer, which full ones never do.
 */
bool homa_sock_may_keep(const struct homa_sock *hsk, bool wants_room);

/* A call fails, and HOMAIOCINFO will say why. Return: @err. */
static inline int homa_sock_error(struct homa_sock *hsk, int err, const char *why)
{
	WRITE_ONCE(hsk->error, why);
	return err;
}

/* Call @func for each RPC of the socket, with a reference and without locks. */
void homa_sock_each(struct homa_sock *hsk, void (*func)(struct homa_krpc *rpc, void *arg),
		    void *arg);

/**
 * homa_sock_find() - The socket that has a port.
 * @hnet: Namespace.
 * @port: Host order.
 * Return: NULL when there is none. For use under RCU.
 */
struct homa_sock *homa_sock_find(struct homa_net *hnet, u16 port);

/* Let the users of an RPC know that there is something for them. rpc->lock is held. */
void homa_sock_notify(struct homa_krpc *rpc);

/**
 * homa_sock_room() - Find room in the receive region for the message that begins to arrive.
 * @rpc:    Its lock is held.
 * @length: Bytes of the message.
 * @now:    ns.
 * Return: 0: there is; -EAGAIN: it waits, and homa_in_release() will be called; -ENOMEM: there will
 *         never be.
 */
int homa_sock_room(struct homa_krpc *rpc, u32 length, u64 now);

/* The RPC does not wait for room any more; what it has is free again. rpc->lock is held. */
void homa_sock_leave_room(struct homa_krpc *rpc);

/* Give room of messages back, and let those that wait go on. No lock is held. */
int homa_sock_give_back(struct homa_sock *hsk, const u32 *offset, u32 count);

int homa_send(struct socket *sock, struct msghdr *msg, size_t length);
int homa_recv(struct socket *sock, struct msghdr *msg, size_t length, int flags);

#endif /* HOMA_SOCK_H */
