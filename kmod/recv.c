// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * recvmsg(): waiting for a message, and copying it to its place in the receive region, also while
 * more of it arrives.
 *
 * - Threads that wait for any message sleep on the socket, each woken for one RPC; those that wait
 *   for a private one on the RPC.
 * - Before it sleeps, a thread busy-waits for poll_usecs, but only as long as nothing else wants
 *   its core: whoever is to send it something may run there.
 */
#include <linux/cred.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/uaccess.h>

#include "in.h"
#include "sock.h"

#define COPY_BATCH 32768	/* bytes of an incomplete message worth waking a thread for */

/* What is there for the user of an RPC whose lock is held. */
static bool worth_waking(const struct homa_krpc *rpc)
{
	if (rpc->retired || rpc->copying)
		return false;
	if (rpc->error)
		return true;
	if (rpc->wants_room)
		return false;
	/* No more can come before something is copied. */
	if (rpc->rx_head && !homa_sock_may_keep(rpc->hsk, false))
		return true;
	return rpc->complete || rpc->rx_bytes >= COPY_BATCH;
}

void homa_sock_notify(struct homa_krpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	struct sock *sk = homa_sock_sk(hsk);
	bool added = false;

	lockdep_assert_held(&rpc->lock);
	if (!worth_waking(rpc))
		return;
	if (rpc->private) {
		wake_up_interruptible(&rpc->wait);
		return;
	}
	if (rpc->ready)
		return;
	spin_lock(&hsk->lock);
	if (!hsk->shut || rpc->error) {
		rpc->ready = true;
		list_add_tail(&rpc->in_ready, &hsk->ready);
		added = true;
	}
	spin_unlock(&hsk->lock);
	if (added)
		sk->sk_data_ready(sk);
}

/* Take the first RPC in line; softirqs are off. Return: with a reference, or NULL. */
static struct homa_krpc *take_ready(struct homa_sock *hsk)
{
	struct homa_krpc *rpc;

	spin_lock(&hsk->lock);
	rpc = list_first_entry_or_null(&hsk->ready, struct homa_krpc, in_ready);
	if (rpc) {
		list_del_init(&rpc->in_ready);
		rpc->ready = false;
		/* It was listed, so it has references. */
		refcount_inc(&rpc->refs);
	}
	spin_unlock(&hsk->lock);
	return rpc;
}

/* Is there something to do for a thread that waits for any message, or for @rpc alone? */
static bool something_there(struct homa_sock *hsk, struct homa_krpc *rpc)
{
	if (READ_ONCE(hsk->shut))
		return true;
	if (!rpc)
		return !list_empty_careful(&hsk->ready);
	/* Without its lock: a change is followed by a wake-up. */
	return READ_ONCE(rpc->retired) || worth_waking(rpc);
}

static bool busy_wait(struct homa_sock *hsk, struct homa_krpc *rpc)
{
	u32 usecs = READ_ONCE(hsk->hnet->shell.poll_usecs);
	u64 end;

	if (!usecs || !single_task_running())
		return false;
	end = ktime_get_ns() + (u64)usecs * NSEC_PER_USEC;
	do {
		if (something_there(hsk, rpc))
			return true;
		if (need_resched() || signal_pending(current))
			return false;
		cpu_relax();
	} while (single_task_running() && ktime_get_ns() < end);
	return false;
}

/* Who waits for room to send is woken by way of the same queue. */
static int wake_receiver(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	if (key && !(key_to_poll(key) & (EPOLLIN | EPOLLERR)))
		return 0;
	return autoremove_wake_function(wait, mode, sync, key);
}

/* Return: 0 when there may be something, or a negative errno. */
static int wait_for(struct homa_sock *hsk, struct homa_krpc *rpc, bool nonblock)
{
	struct sock *sk = homa_sock_sk(hsk);
	wait_queue_head_t *queue = rpc ? &rpc->wait : sk_sleep(sk);
	DEFINE_WAIT_FUNC(wait, wake_receiver);
	int err = 0;

	if (something_there(hsk, rpc)) {
		homa_count(hsk->hnet, wait_none);
		return 0;
	}
	if (nonblock)
		return -EAGAIN;
	if (busy_wait(hsk, rpc)) {
		homa_count(hsk->hnet, wait_fast);
		return 0;
	}
	homa_count(hsk->hnet, wait_block);
	for (;;) {
		if (rpc)
			prepare_to_wait(queue, &wait, TASK_INTERRUPTIBLE);
		else
			prepare_to_wait_exclusive(queue, &wait, TASK_INTERRUPTIBLE);
		if (something_there(hsk, rpc))
			break;
		if (signal_pending(current)) {
			err = -EINTR;
			break;
		}
		schedule();
	}
	finish_wait(queue, &wait);
	return err;
}

/* Copy a part of a packet. Return: false when the receive region cannot be written. */
static bool copy_part(const struct sk_buff *skb, u32 at, u32 length, struct iov_iter *to)
{
	u32 head = skb_headlen(skb), i, part;

	if (at < head) {
		part = min(length, head - at);
		if (_copy_to_iter(skb->data + at, part, to) != part)
			return false;
		at += part;
		length -= part;
	}
	at -= head;
	for (i = 0; length && i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		u32 size = skb_frag_size(frag);

		if (at >= size) {
			at -= size;
			continue;
		}
		part = min(length, size - at);
		if (copy_page_to_iter(skb_frag_page(frag), skb_frag_off(frag) + at, part, to) !=
		    part)
			return false;
		at = 0;
		length -= part;
	}
	return !length;
}

/* Copy [start, end) of the message, which is in the packet. */
static bool copy_range(struct sk_buff *skb, u32 start, u32 end, struct iov_iter *to)
{
	const struct homa_cb *cb = HOMA_CB(skb);
	u32 from = start - cb->first, left = end - start, part;

	/* A list within a packet is rare: some merging on the way. */
	if (skb_has_frag_list(skb))
		return !skb_copy_datagram_iter(skb, HOMA_DATA_HEADER + from, to, left);
	if (!cb->packet)
		return copy_part(skb, HOMA_DATA_HEADER + from, left, to);
	for (; left; left -= part, from += part) {
		u32 segment = from / cb->packet;

		part = min(left, (segment + 1) * cb->packet - from);
		if (!copy_part(skb, HOMA_DATA_HEADER + from + segment * HOMA_SEG_HEADER, part, to))
			return false;
	}
	return true;
}

/* Copy what has arrived to its place. Return: 0 or -EFAULT. */
static int copy_packet(struct homa_sock *hsk, const struct homa_krpc *rpc, struct sk_buff *skb)
{
	const struct homa_cb *cb = HOMA_CB(skb);
	u32 start, end;

	for (start = cb->start; start < cb->end; start = end) {
		u32 page = start >> HOMA_POOL_PAGE_SHIFT, inside = start & (HOMA_POOL_PAGE - 1);
		struct iov_iter to;

		end = min(cb->end, start - inside + HOMA_POOL_PAGE);
		if (homa_import_user(&to, hsk->region + rpc->place[page] + inside, end - start) ||
		    !copy_range(skb, start, end, &to))
			return -EFAULT;
	}
	return 0;
}

/*
 * Copy all that has arrived of an RPC's message. Its lock is held, and dropped while bytes are
 * copied. Return: 0, or -EFAULT when the receive region cannot be written.
 */
static int copy_arrived(struct homa_sock *hsk, struct homa_krpc *rpc)
	__must_hold(&rpc->lock)
{
	struct sk_buff *list, *skb;
	int err = 0;

	while (!err && rpc->rx_head && !rpc->wants_room && !rpc->retired) {
		list = rpc->rx_head;
		rpc->rx_head = NULL;
		rpc->rx_tail = &rpc->rx_head;
		rpc->rx_bytes = 0;
		rpc->copying = true;
		spin_unlock_bh(&rpc->lock);
		for (skb = list; skb && !err; skb = skb->next)
			err = copy_packet(hsk, rpc, skb);
		homa_krpc_free_packets(rpc, list);
		spin_lock_bh(&rpc->lock);
		rpc->copying = false;
	}
	return err;
}

static void name_peer(const struct homa_krpc *rpc, struct msghdr *msg)
{
	const struct in6_addr *addr = &rpc->peer->at.addr;

	if (!msg->msg_name)
		return;
	if (homa_sock_sk(rpc->hsk)->sk_family == AF_INET) {
		struct sockaddr_in *name = msg->msg_name;

		memset(name, 0, sizeof(*name));
		name->sin_family = AF_INET;
		name->sin_port = htons(rpc->remote_port);
		name->sin_addr.s_addr = addr->s6_addr32[3];
		msg->msg_namelen = sizeof(*name);
	} else {
		struct sockaddr_in6 *name = msg->msg_name;

		memset(name, 0, sizeof(*name));
		name->sin6_family = AF_INET6;
		name->sin6_port = htons(rpc->remote_port);
		name->sin6_addr = *addr;
		name->sin6_scope_id = ipv6_iface_scope_id(addr, rpc->peer->at.zone);
		msg->msg_namelen = sizeof(*name);
	}
}

/*
 * See what there is for the user of an RPC. Softirqs are off, and on when it returns. Return: the
 * message's length or a negative errno, with @args filled in; 0: it is not complete.
 */
static int finish(struct homa_sock *hsk, struct homa_krpc *rpc, struct homa_recvmsg_args *args,
		  struct msghdr *msg)
{
	int result = 0;

	spin_lock(&rpc->lock);
	if (rpc->copying) {
		/* Another thread is at it, and looks again when it is done. */
		spin_unlock_bh(&rpc->lock);
		return 0;
	}
	if (!rpc->error && copy_arrived(hsk, rpc))
		rpc->error = -EFAULT;
	if (rpc->retired) {
		homa_sock_leave_room(rpc);
		spin_unlock_bh(&rpc->lock);
		homa_sock_give_back(hsk, NULL, 0);
		return 0;
	}
	if (rpc->error) {
		result = rpc->error;
	} else if (rpc->complete && !rpc->rx_head && !rpc->wants_room) {
		result = rpc->core.in.length;
		args->num_bpages = rpc->place_count;
		memcpy(args->bpage_offsets, rpc->place,
		       rpc->place_count * sizeof(rpc->place[0]));
		/* From here on the room is the user's. */
		rpc->place_count = 0;
		rpc->place_length = 0;
		rpc->complete = false;
	} else {
		homa_sock_notify(rpc);
		spin_unlock_bh(&rpc->lock);
		return 0;
	}
	if (result > 0 && homa_krpc_is_client(rpc))
		homa_count(hsk->hnet, responses_received);
	else if (result > 0)
		homa_count(hsk->hnet, requests_received);
	args->id = rpc->id;
	args->completion_cookie = rpc->cookie;
	name_peer(rpc, msg);
	if (result < 0) {
		/* More of a message that cannot be copied may be on its way. */
		homa_in_abort_unlock(rpc, 0);
		return result;
	}
	if (homa_krpc_is_client(rpc))
		homa_krpc_retire(rpc);
	spin_unlock_bh(&rpc->lock);
	return result;
}

static struct homa_krpc *find_private(struct homa_sock *hsk, u64 id)
{
	struct homa_krpc *rpc = NULL;

	rcu_read_lock();
	if (homa_id_is_client(id))
		rpc = homa_krpc_get(hsk->hnet, NULL, id);
	if (rpc && (rpc->hsk != hsk || !rpc->private)) {
		homa_krpc_put(rpc);
		rpc = NULL;
	}
	rcu_read_unlock();
	return rpc;
}

static int receive_private(struct homa_sock *hsk, struct homa_recvmsg_args *args,
			   struct msghdr *msg, bool nonblock)
{
	struct homa_krpc *rpc = find_private(hsk, args->id);
	int result = 0;

	args->id = 0;
	if (!rpc && READ_ONCE(hsk->shut))
		return -ESHUTDOWN;
	if (!rpc)
		return homa_sock_error(hsk, -EINVAL, "there is no such private RPC");
	while (!result) {
		result = wait_for(hsk, rpc, nonblock);
		if (!result) {
			local_bh_disable();
			result = finish(hsk, rpc, args, msg);
		}
		if (!result && READ_ONCE(hsk->shut))
			result = -ESHUTDOWN;
		/* Another thread received it, or it was aborted. */
		if (!result && READ_ONCE(rpc->retired))
			result = -EINVAL;
	}
	homa_krpc_put(rpc);
	return result;
}

static int receive_any(struct homa_sock *hsk, struct homa_recvmsg_args *args, struct msghdr *msg,
		       bool nonblock)
{
	struct homa_krpc *rpc;
	int result = 0;

	args->id = 0;
	while (!result) {
		if (READ_ONCE(hsk->shut))
			return -ESHUTDOWN;
		if (list_empty_careful(&hsk->ready)) {
			result = wait_for(hsk, NULL, nonblock);
			continue;
		}
		local_bh_disable();
		rpc = take_ready(hsk);
		if (!rpc) {
			local_bh_enable();
			continue;
		}
		result = finish(hsk, rpc, args, msg);
		homa_krpc_put(rpc);
	}
	/* A wake-up meant for one RPC may have come while this thread took another. */
	if (!list_empty_careful(&hsk->ready) && wq_has_sleeper(sk_sleep(homa_sock_sk(hsk))))
		wake_up_interruptible(sk_sleep(homa_sock_sk(hsk)));
	return result;
}

/* Check what a program gives back, so that a bad call changes nothing. */
static bool valid_pages(struct homa_sock *hsk, const struct homa_recvmsg_args *args)
{
	u32 i;

	for (i = 0; i < args->num_bpages; i++)
		if (args->bpage_offsets[i] >> HOMA_POOL_PAGE_SHIFT >= hsk->pool.pages)
			return false;
	return true;
}

/*
 * Who gave the region said where in memory messages go: in its own, or in that of a process which
 * it could write to in other ways, too. Compare ptrace(2).
 */
static bool may_receive(const struct homa_sock *hsk)
{
	const struct cred *giver = hsk->region_cred, *cred = current_cred();

	if (likely(hsk->region_mm == current->mm) || giver == cred)
		return true;
	if (giver->user_ns != cred->user_ns ||
	    !cap_issubset(cred->cap_permitted, giver->cap_permitted))
		return false;
	if (cap_raised(giver->cap_effective, CAP_SYS_PTRACE))
		return true;
	return uid_eq(giver->euid, cred->euid) && uid_eq(giver->euid, cred->suid) &&
	       uid_eq(giver->euid, cred->uid) && gid_eq(giver->egid, cred->egid) &&
	       gid_eq(giver->egid, cred->sgid) && gid_eq(giver->egid, cred->gid);
}

int homa_recv(struct socket *sock, struct msghdr *msg, size_t length, int flags)
{
	struct homa_sock *hsk = homa_sk(sock->sk);
	struct homa_recvmsg_args args;
	void __user *control = (void __user *)msg->msg_control;
	bool nonblock = flags & MSG_DONTWAIT;
	int result;

	homa_count(hsk->hnet, recv_calls);
	if (msg->msg_controllen != sizeof(args))
		return homa_sock_error(hsk, -EINVAL,
				       "msg_controllen must be that of homa_recvmsg_args");
	if (copy_from_user(&args, control, sizeof(args)))
		return homa_sock_error(hsk, -EFAULT,
				       "msg_control is no address of a homa_recvmsg_args");
	if (args.reserved || args.num_bpages > HOMA_MAX_BPAGES || !valid_pages(hsk, &args))
		return homa_sock_error(hsk, -EINVAL,
				       "bpages given back that do not exist, or reserved is not 0");
	if (!smp_load_acquire(&hsk->region_cred)) /* with set_region() */
		return homa_sock_error(hsk, -EINVAL, "SO_HOMA_RCVBUF has not been set");
	if (!may_receive(hsk))
		return homa_sock_error(hsk, -EPERM,
				       "SO_HOMA_RCVBUF was set by a process with other rights");
	result = homa_sock_give_back(hsk, args.bpage_offsets, args.num_bpages);
	args.num_bpages = 0;
	args.completion_cookie = 0;
	if (result)
		args.id = 0;
	else
		result = args.id ? receive_private(hsk, &args, msg, nonblock)
				 : receive_any(hsk, &args, msg, nonblock);
	if (copy_to_user(control, &args, sizeof(args)))
		return -EFAULT;
	/*
	 * So that the program's msg_controllen stays what it is. When a call fails, it says nothing
	 * of that, and io_uring may make it again with what is here.
	 */
	if (result >= 0)
		msg->msg_control = (void __force *)(control + sizeof(args));
	return result;
}
