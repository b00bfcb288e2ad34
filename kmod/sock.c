// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Homa sockets: from socket() to close(), but for sending and receiving; see sock.h.
 */
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/transp_v6.h>

#include "in.h"
#include "sock.h"

/* Ports. */

static struct hlist_head *bucket(struct homa_net *hnet, u16 port)
{
	return &hnet->ports[port & (HOMA_PORT_BUCKETS - 1)];
}

struct homa_sock *homa_sock_find(struct homa_net *hnet, u16 port)
{
	struct homa_sock *hsk;

	hlist_for_each_entry_rcu(hsk, bucket(hnet, port), of_port)
		if (READ_ONCE(hsk->port) == port)
			return hsk;
	return NULL;
}

/* Give the socket a port; ports_lock is held. */
static int take_port(struct homa_sock *hsk, u16 port)
{
	struct inet_sock *inet = &hsk->inet;

	if (homa_sock_find(hsk->hnet, port))
		return -EADDRINUSE;
	if (!hlist_unhashed(&hsk->of_port))
		hlist_del_init_rcu(&hsk->of_port);
	WRITE_ONCE(hsk->port, port);
	inet->inet_num = port;
	inet->inet_sport = htons(port);
	hlist_add_head_rcu(&hsk->of_port, bucket(hsk->hnet, port));
	return 0;
}

static int take_client_port(struct homa_sock *hsk)
{
	struct homa_net *hnet = hsk->hnet;
	int err = -EADDRINUSE;
	u32 tries;

	/* When nearly all are taken it is long until one is found: packets come first. */
	for (tries = 0; err && tries < 0x10000 - HOMA_MIN_DEFAULT_PORT; tries++) {
		spin_lock_bh(&hnet->ports_lock);
		if (++hnet->last_port < HOMA_MIN_DEFAULT_PORT)
			hnet->last_port = HOMA_MIN_DEFAULT_PORT;
		rcu_read_lock();
		err = take_port(hsk, hnet->last_port);
		rcu_read_unlock();
		spin_unlock_bh(&hnet->ports_lock);
		cond_resched();
	}
	return err;
}

static int homa_bind(struct socket *sock, struct sockaddr_unsized *addr, int length)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	struct homa_sock *hsk = homa_sk(sock->sk);
	u16 port;
	int err;

	if (length < (int)sizeof(sa_family_t))
		return -EINVAL;
	if (in->sin_family != sock->sk->sk_family)
		return -EAFNOSUPPORT;
	if (in->sin_family == AF_INET6) {
		if (length < SIN6_LEN_RFC2133)
			return -EINVAL;
		port = ntohs(in6->sin6_port);
	} else {
		if (length < (int)sizeof(*in))
			return -EINVAL;
		port = ntohs(in->sin_port);
	}
	/* Without a port of its own it stays a client. */
	if (!port)
		return 0;
	if (port >= HOMA_MIN_DEFAULT_PORT)
		return -EINVAL;
	spin_lock_bh(&hsk->hnet->ports_lock);
	rcu_read_lock();
	err = hsk->port == port ? 0 : take_port(hsk, port);
	if (!err)
		WRITE_ONCE(hsk->server, true);
	rcu_read_unlock();
	spin_unlock_bh(&hsk->hnet->ports_lock);
	return err;
}

/* Life. */

static void write_space(struct sock *sk)
{
	struct socket *sock;
	struct socket_wq *wq;

	/* RPCs end while the socket is being closed: it stays in memory, but not here. */
	rcu_read_lock();
	sock = READ_ONCE(sk->sk_socket);
	if (sock && test_and_clear_bit(SOCK_NOSPACE, &sock->flags)) {
		wq = rcu_dereference(sk->sk_wq);
		if (skwq_has_sleeper(wq))
			wake_up_interruptible_poll(&wq->wait,
						   EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	}
	rcu_read_unlock();
}

static int homa_sock_init(struct sock *sk)
{
	struct homa_sock *hsk = homa_sk(sk);
	int err;

	hsk->hnet = homa_net(sock_net(sk));
	err = homa_net_activate(hsk->hnet);
	if (err)
		return err;
	INIT_HLIST_NODE(&hsk->of_port);
	spin_lock_init(&hsk->lock);
	INIT_LIST_HEAD(&hsk->rpcs);
	INIT_LIST_HEAD(&hsk->ready);
	spin_lock_init(&hsk->pool_lock);
	homa_tree_init(&hsk->waiting);
	homa_tree_init(&hsk->waiting_age);
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_write_space = write_space;
	return take_client_port(hsk);
}

/* The RPC listed behind @place; lock is held. Return: NULL when there is none. */
static struct homa_krpc *next_rpc(struct homa_sock *hsk, struct homa_place *place)
{
	list_for_each_entry_continue(place, &hsk->rpcs, list)
		if (place->number)
			return container_of(place, struct homa_krpc, of_sock);
	return NULL;
}

void homa_sock_each(struct homa_sock *hsk, void (*func)(struct homa_krpc *rpc, void *arg),
		    void *arg)
{
	/* In the list, since the RPC that is looked at may leave it. */
	struct homa_place here = { .number = 0 };
	struct homa_krpc *rpc;
	u64 last;

	spin_lock_bh(&hsk->lock);
	list_add(&here.list, &hsk->rpcs);
	/* Those made meanwhile are left out. */
	last = hsk->last_number;
	while ((rpc = next_rpc(hsk, &here)) && rpc->of_sock.number <= last) {
		list_move(&here.list, &rpc->of_sock.list);
		refcount_inc(&rpc->refs);
		spin_unlock_bh(&hsk->lock);
		func(rpc, arg);
		homa_krpc_put(rpc);
		cond_resched();
		spin_lock_bh(&hsk->lock);
	}
	list_del(&here.list);
	spin_unlock_bh(&hsk->lock);
}

/* Let nobody find the socket. It may never have been anyone's: a control group can refuse it. */
static void homa_unhash(struct sock *sk)
{
	struct homa_sock *hsk = homa_sk(sk);

	spin_lock_bh(&hsk->hnet->ports_lock);
	hlist_del_init_rcu(&hsk->of_port);
	spin_unlock_bh(&hsk->hnet->ports_lock);
}

static void forget(struct homa_krpc *rpc, void *arg)
{
	homa_in_abort(rpc, 0);
}

static void shut_down(struct homa_sock *hsk)
{
	struct sock *sk = homa_sock_sk(hsk);

	spin_lock_bh(&hsk->lock);
	WRITE_ONCE(hsk->shut, true);
	spin_unlock_bh(&hsk->lock);
	sk->sk_shutdown = SHUTDOWN_MASK;
	homa_unhash(sk);
	homa_sock_each(hsk, forget, NULL);
	if (sk_sleep(sk))
		wake_up_interruptible_all(sk_sleep(sk));
}

static void homa_sock_close(struct sock *sk, long timeout)
{
	struct homa_sock *hsk = homa_sk(sk);

	shut_down(hsk);
	/* Nobody can call recvmsg() any more. */
	if (hsk->region_mm)
		mmdrop(hsk->region_mm);
	hsk->region_mm = NULL;
	sk_common_release(sk);
}

/* The last reference is gone, so that nothing can use the receive region any more. */
static void homa_sock_destruct(struct sock *sk)
{
	struct homa_sock *hsk = homa_sk(sk);

	kvfree(hsk->pool.page);
	kvfree(hsk->pool.lease);
	hsk->pool.pages = 0;
	if (hsk->region_cred)
		put_cred(hsk->region_cred);
	hsk->destruct(sk);
}

static int homa_sock_init_destruct(struct sock *sk)
{
	int err = homa_sock_init(sk);

	if (err)
		return err;
	/* That of IPv4 or of IPv6, which has more to free. */
	homa_sk(sk)->destruct = sk->sk_destruct;
	sk->sk_destruct = homa_sock_destruct;
	return 0;
}

static int homa_shutdown(struct socket *sock, int how)
{
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	shut_down(homa_sk(sock->sk));
	return 0;
}

static __poll_t homa_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct homa_sock *hsk = homa_sk(sock->sk);
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(hsk->shut))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLHUP;
	if (!list_empty_careful(&hsk->ready))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!homa_sock_writable(hsk)) {
		set_bit(SOCK_NOSPACE, &sock->flags);
		smp_mb__after_atomic(); /* the flag is set before the second look */
	}
	if (homa_sock_writable(hsk))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

/* Options. */

static int set_region(struct homa_sock *hsk, sockptr_t value, unsigned int length)
{
	struct homa_rcvbuf_args args;
	struct homa_pool_lease *lease;
	struct homa_pool_page *page;
	u64 pages;
	int err = 0;

	if (length != sizeof(args))
		return -EINVAL;
	if (copy_from_sockptr(&args, value, sizeof(args)))
		return -EFAULT;
	pages = args.length >> HOMA_POOL_PAGE_SHIFT;
	if (!args.start || !PAGE_ALIGNED(args.start) || !pages || pages > U16_MAX)
		return -EINVAL;
	if (!access_ok((void __user *)(unsigned long)args.start, args.length))
		return -EFAULT;
	page = kvmalloc_array(pages, sizeof(*page), GFP_KERNEL_ACCOUNT);
	lease = kvmalloc_array(nr_cpu_ids, sizeof(*lease), GFP_KERNEL_ACCOUNT);
	if (!page || !lease) {
		kvfree(page);
		kvfree(lease);
		return -ENOMEM;
	}
	homa_count(hsk->hnet, so_set_buf_calls);
	spin_lock_bh(&hsk->pool_lock);
	if (hsk->pool.pages) {
		err = -EINVAL;
	} else {
		hsk->region = (void __user *)(unsigned long)args.start;
		hsk->region_length = args.length;
		hsk->region_mm = current->mm;
		mmgrab(hsk->region_mm);
		homa_pool_init(&hsk->pool, page, pages, lease, nr_cpu_ids);
		/* Who sees this sees all of the above. */
		smp_store_release(&hsk->region_cred, get_current_cred());
	}
	spin_unlock_bh(&hsk->pool_lock);
	if (err) {
		kvfree(page);
		kvfree(lease);
	}
	return err;
}

static int set_server(struct homa_sock *hsk, sockptr_t value, unsigned int length)
{
	int server;

	if (length != sizeof(server))
		return -EINVAL;
	if (copy_from_sockptr(&server, value, sizeof(server)))
		return -EFAULT;
	WRITE_ONCE(hsk->server, server != 0);
	return 0;
}

static int homa_setsockopt(struct sock *sk, int level, int name, sockptr_t value,
			   unsigned int length)
{
	if (level == IPPROTO_HOMA) {
		switch (name) {
		case SO_HOMA_RCVBUF:
			return set_region(homa_sk(sk), value, length);
		case SO_HOMA_SERVER:
			return set_server(homa_sk(sk), value, length);
		}
		return -ENOPROTOOPT;
	}
	if (sk->sk_family == AF_INET6)
		return ipv6_setsockopt(sk, level, name, value, length);
	return ip_setsockopt(sk, level, name, value, length);
}

static int homa_getsockopt(struct sock *sk, int level, int name, char __user *value,
			   int __user *length)
{
	struct homa_sock *hsk = homa_sk(sk);
	struct homa_rcvbuf_args args;
	int server = READ_ONCE(hsk->server), room, size;
	void *from;

	if (level != IPPROTO_HOMA) {
		if (sk->sk_family == AF_INET6)
			return ipv6_getsockopt(sk, level, name, value, length);
		return ip_getsockopt(sk, level, name, value, length);
	}
	switch (name) {
	case SO_HOMA_RCVBUF:
		args.start = (unsigned long)hsk->region;
		args.length = hsk->region_length;
		from = &args;
		size = sizeof(args);
		break;
	case SO_HOMA_SERVER:
		from = &server;
		size = sizeof(server);
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (get_user(room, length))
		return -EFAULT;
	if (room < size)
		return -EINVAL;
	if (put_user(size, length) || copy_to_user(value, from, size))
		return -EFAULT;
	return 0;
}

/* ioctl() */

struct abort_all {
	int error;
};

static void abort_client(struct homa_krpc *rpc, void *arg)
{
	const struct abort_all *all = arg;

	if (homa_krpc_is_client(rpc))
		homa_in_abort(rpc, -all->error);
}

static int abort_rpcs(struct homa_sock *hsk, void __user *arg)
{
	struct homa_abort_args args;
	struct homa_krpc *rpc = NULL;
	struct abort_all all;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args._pad1 || args._pad2[0] || args._pad2[1] || args.error > MAX_ERRNO)
		return -EINVAL;
	homa_count(hsk->hnet, abort_calls);
	all.error = args.error;
	if (!args.id) {
		homa_sock_each(hsk, abort_client, &all);
		return 0;
	}
	rcu_read_lock();
	if (homa_id_is_client(args.id))
		rpc = homa_krpc_get(hsk->hnet, NULL, args.id);
	if (rpc && rpc->hsk != hsk) {
		homa_krpc_put(rpc);
		rpc = NULL;
	}
	rcu_read_unlock();
	if (!rpc)
		return -EINVAL;
	abort_client(rpc, &all);
	homa_krpc_put(rpc);
	return 0;
}

struct describe {
	struct homa_rpc_info __user *to;
	u64 room, used;		/* bytes */
	u32 count;
	int err;
};

static void describe_peer(const struct homa_krpc *rpc, struct sockaddr_storage *to)
{
	const struct in6_addr *addr = &rpc->peer->at.addr;

	if (rpc->peer->ipv4) {
		struct sockaddr_in *in = (struct sockaddr_in *)to;

		in->sin_family = AF_INET;
		in->sin_port = htons(rpc->remote_port);
		in->sin_addr.s_addr = addr->s6_addr32[3];
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(rpc->remote_port);
		in6->sin6_addr = *addr;
		in6->sin6_scope_id = ipv6_iface_scope_id(addr, rpc->peer->at.zone);
	}
}

static void describe_rpc(struct homa_krpc *rpc, void *arg)
{
	struct describe *d = arg;
	struct homa_rpc_info info;
	const struct homa_msgin *in = &rpc->core.in;
	u32 i;

	memset(&info, 0, sizeof(info));
	info.id = rpc->id;
	info.completion_cookie = rpc->cookie;
	describe_peer(rpc, &info.peer);
	spin_lock_bh(&rpc->lock);
	if (rpc->retired) {
		spin_unlock_bh(&rpc->lock);
		return;
	}
	info.tx_length = rpc->out.length ? rpc->out.length : -1;
	info.tx_sent = rpc->out.sent;
	info.tx_granted = rpc->out.granted;
	info.tx_prio = rpc->out.sched_priority;
	info.rx_length = -1;
	if (rpc->core.receiving) {
		info.rx_length = in->length;
		info.rx_remaining = in->length - in->received;
		info.rx_gaps = in->gaps;
		for (i = 0; i < in->gaps; i++)
			info.rx_gap_bytes += in->gap[i].end - in->gap[i].start;
		info.rx_granted = max(rpc->core.incoming, rpc->grantee.granted);
	}
	info.flags = (rpc->wants_room ? HOMA_RPC_BUF_STALL : 0) |
		     (rpc->private ? HOMA_RPC_PRIVATE : 0) |
		     (rpc->complete || rpc->error ? HOMA_RPC_RX_READY : 0) |
		     (rpc->rx_head ? HOMA_RPC_RX_COPY : 0);
	spin_unlock_bh(&rpc->lock);
	d->count++;
	if (d->room - d->used < sizeof(info) || d->err)
		return;
	if (copy_to_user((char __user *)d->to + d->used, &info, sizeof(info)))
		d->err = -EFAULT;
	d->used += sizeof(info);
}

static int describe_socket(struct homa_sock *hsk, void __user *arg)
{
	struct homa_info info;
	struct describe d = { 0 };

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	d.to = (struct homa_rpc_info __user *)(unsigned long)info.rpc_info;
	d.room = info.rpc_info ? info.rpc_info_length : 0;
	homa_sock_each(hsk, describe_rpc, &d);
	if (d.err)
		return d.err;
	memset(info.error_msg, 0, sizeof(info.error_msg));
	strscpy(info.error_msg, READ_ONCE(hsk->error) ?: "", sizeof(info.error_msg));
	info.rpc_info_length = d.used;
	info.num_rpcs = d.count;
	info.port = hsk->port;
	spin_lock_bh(&hsk->pool_lock);
	info.bpool_avail_bytes = homa_pool_available(&hsk->pool);
	spin_unlock_bh(&hsk->pool_lock);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static int homa_ioctl(struct socket *sock, unsigned int command, unsigned long arg)
{
	struct homa_sock *hsk = homa_sk(sock->sk);

	switch (command) {
	case HOMAIOCINFO:
		return describe_socket(hsk, (void __user *)arg);
	case HOMAIOCABORT:
		return abort_rpcs(hsk, (void __user *)arg);
	case HOMAIOCFREEZE:
		if (!capable(CAP_NET_ADMIN))
			return -EACCES;
		tracing_off();
		return 0;
	}
	return sock->sk->sk_family == AF_INET6 ? inet6_ioctl(sock, command, arg)
					       : inet_ioctl(sock, command, arg);
}

#ifdef CONFIG_COMPAT
/* Structures are laid out alike in 32-bit programs. */
static int homa_compat_ioctl(struct socket *sock, unsigned int command, unsigned long arg)
{
	return homa_ioctl(sock, command, (unsigned long)compat_ptr(arg));
}
#endif

static int homa_no_connect(struct sock *sk, int flags)
{
	return 0;
}

#define HOMA_OPS(af, release_func, getname_func)			\
	.family = (af),							\
	.owner = THIS_MODULE,						\
	.release = (release_func),					\
	.bind = homa_bind,						\
	.connect = sock_no_connect,					\
	.socketpair = sock_no_socketpair,				\
	.accept = sock_no_accept,					\
	.getname = (getname_func),					\
	.poll = homa_poll,						\
	.ioctl = homa_ioctl,						\
	.listen = sock_no_listen,					\
	.shutdown = homa_shutdown,					\
	.setsockopt = sock_common_setsockopt,				\
	.getsockopt = sock_common_getsockopt,				\
	.sendmsg = homa_send,						\
	.recvmsg = homa_recv,						\
	.mmap = sock_no_mmap

const struct proto_ops homa_ops = {
	HOMA_OPS(PF_INET, inet_release, inet_getname),
#ifdef CONFIG_COMPAT
	.compat_ioctl = homa_compat_ioctl,
#endif
};

const struct proto_ops homa6_ops = {
	HOMA_OPS(PF_INET6, inet6_release, inet6_getname),
#ifdef CONFIG_COMPAT
	.compat_ioctl = homa_compat_ioctl,
#endif
};

#define HOMA_PROTO(protocol_name)					\
	.name = (protocol_name),					\
	.owner = THIS_MODULE,						\
	.init = homa_sock_init_destruct,				\
	.close = homa_sock_close,					\
	.disconnect = homa_no_connect,					\
	.setsockopt = homa_setsockopt,					\
	.getsockopt = homa_getsockopt,					\
	.unhash = homa_unhash

struct proto homa_prot = {
	HOMA_PROTO("HOMA"),
	.obj_size = sizeof(struct homa_sock),
};

struct proto homa6_prot = {
	HOMA_PROTO("HOMAv6"),
	.obj_size = sizeof(struct homa_sock6),
	HOMA_IPV6_PINFO(offsetof(struct homa_sock6, inet6))
};
