// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * sendmsg(): requests and responses.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>

#include "in.h"
#include "out.h"
#include "sock.h"
#include "trace.h"

/*
 * The zone of an address that a program uses: for a link-local one the link it names, or the one
 * that the socket is bound to. Return: 0 or a negative errno.
 */
static int find_zone(const struct sock *sk, u32 scope, struct homa_zoned *to)
{
	int bound = READ_ONCE(sk->sk_bound_dev_if);

	if (ipv6_addr_v4mapped(&to->addr) ||
	    !__ipv6_addr_needs_scope_id(ipv6_addr_type(&to->addr))) {
		to->zone = l3mdev_master_ifindex_by_index(sock_net(sk), bound);
		return 0;
	}
	to->zone = scope ?: bound;
	if (!to->zone || (bound && scope && bound != scope &&
			  bound != l3mdev_master_ifindex_by_index(sock_net(sk), scope)))
		return -EINVAL;
	return 0;
}

/* Return: 0, with the address and port (host order) that the program named, or a negative errno. */
static int destination(const struct sock *sk, const struct msghdr *msg, struct homa_zoned *to,
		       u16 *port)
{
	const struct sockaddr_in6 *in6 = msg->msg_name;
	const struct sockaddr_in *in = msg->msg_name;

	if (!in || msg->msg_namelen < (int)sizeof(sa_family_t))
		return -EINVAL;
	if (in->sin_family != sk->sk_family)
		return -EAFNOSUPPORT;
	if (in->sin_family == AF_INET) {
		if (msg->msg_namelen < (int)sizeof(*in))
			return -EINVAL;
		ipv6_addr_set_v4mapped(in->sin_addr.s_addr, &to->addr);
		*port = ntohs(in->sin_port);
		return find_zone(sk, 0, to);
	}
	if (msg->msg_namelen < (int)sizeof(*in6))
		return -EINVAL;
	to->addr = in6->sin6_addr;
	*port = ntohs(in6->sin6_port);
	if (ipv6_addr_v4mapped(&to->addr) && ipv6_only_sock(sk))
		return -EAFNOSUPPORT;
	return find_zone(sk, in6->sin6_scope_id, to);
}

/* Wait until the socket holds less than wmem_max. Return: 0 or a negative errno. */
static int wait_for_memory(struct homa_sock *hsk, bool nonblock)
{
	struct sock *sk = homa_sock_sk(hsk);
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err = 0;

	if (likely(homa_sock_writable(hsk)))
		return 0;
	if (nonblock)
		return -EAGAIN;
	add_wait_queue(sk_sleep(sk), &wait);
	while (!err) {
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		smp_mb__after_atomic(); /* SOCK_NOSPACE before the look; see homa_sock_poll() */
		if (homa_sock_writable(hsk))
			break;
		if (READ_ONCE(hsk->shut))
			err = -ESHUTDOWN;
		else if (signal_pending(current))
			err = -EINTR;
		else
			wait_woken(&wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/* The peer was forgotten while the message was copied, which may take as long as it likes. */
static int find_again(struct homa_krpc *rpc)
{
	struct homa_kpeer *peer = homa_peer_get(rpc->hnet, &rpc->peer->at, GFP_KERNEL);

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	homa_peer_put(rpc->peer);
	rpc->peer = peer;
	cond_resched();
	return 0;
}

static int send_request(struct homa_sock *hsk, struct homa_sendmsg_args *args,
			const struct homa_zoned *to, u16 port, struct msghdr *msg, u32 length)
{
	struct homa_net *hnet = hsk->hnet;
	struct homa_sendmsg_args __user *control = (void __user *)msg->msg_control;
	int bound = READ_ONCE(homa_sock_sk(hsk)->sk_bound_dev_if);
	struct homa_kpeer *peer;
	struct homa_krpc *rpc;
	struct homa_cx cx;
	u64 id;
	int err;

	peer = homa_peer_get(hnet, to, GFP_KERNEL);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	if (bound && !homa_peer_leaves_by(peer, bound)) {
		homa_peer_put(peer);
		return homa_sock_error(hsk, -ENETUNREACH,
				       "the way there is not through the device of SO_BINDTODEVICE");
	}
	id = atomic64_add_return(2, &hnet->next_id);
	rpc = homa_krpc_new(hsk, peer, id, GFP_KERNEL_ACCOUNT);
	homa_peer_put(peer);
	if (!rpc)
		return -ENOMEM;
	rpc->remote_port = port;
	rpc->cookie = args->completion_cookie;
	rpc->private = args->flags & HOMA_SENDMSG_PRIVATE;
	err = homa_bytes_copy(rpc, &msg->msg_iter, length, READ_ONCE(rpc->peer->core.packet));
	if (err)
		goto out;
	err = -EFAULT;
	if (put_user(id, &control->id))
		goto out;
	local_bh_disable();
	cx = homa_cx(hnet);
	homa_rpc_init_client(&cx, &rpc->core, id);
publish:
	spin_lock(&rpc->lock);
	err = homa_krpc_publish(&cx, rpc);
	spin_unlock(&rpc->lock);
	if (unlikely(err == -ESTALE)) {
		local_bh_enable();
		err = find_again(rpc);
		local_bh_disable();
		if (err)
			goto failed;
		cx = homa_cx(hnet);
		goto publish;
	}
	if (!err) {
		trace_homa_rpc_new(rpc, length);
		homa_count(hnet, send_calls);
		homa_count_add(hnet, client_request_bytes_started, length);
		homa_in_start_client(&cx, rpc);
		homa_out_start(&cx, rpc, length);
	}
failed:
	local_bh_enable();
	/* Nothing was sent: the program may try again with the same arguments. */
	if (err && put_user(0, &control->id))
		err = -EFAULT;
out:
	homa_krpc_put(rpc);
	return err;
}

/* Of two threads that reply to the same request, one may. */
static bool claim(struct homa_krpc *rpc)
{
	bool claimed;

	spin_lock_bh(&rpc->lock);
	/* What has not been received cannot be answered. */
	claimed = rpc->core.state == HOMA_RPC_SERVING && !rpc->place_length && !rpc->replying &&
		  !rpc->stopped;
	rpc->replying |= claimed;
	spin_unlock_bh(&rpc->lock);
	return claimed;
}

static int send_response(struct homa_sock *hsk, const struct homa_sendmsg_args *args,
			 const struct homa_zoned *to, struct msghdr *msg, u32 length)
{
	struct homa_net *hnet = hsk->hnet;
	struct homa_kpeer *peer;
	struct homa_krpc *rpc = NULL;
	struct homa_cx cx;
	int err = -EINVAL;

	if (args->completion_cookie || homa_id_is_client(args->id))
		return homa_sock_error(hsk, -EINVAL,
				       "a reply has the odd id of a request and no cookie");
	rcu_read_lock();
	peer = homa_peer_find(hnet, to);
	if (peer)
		rpc = homa_krpc_get(hnet, peer, args->id);
	rcu_read_unlock();
	if (!rpc)
		return homa_sock_error(hsk, -EINVAL, "there is no such RPC to reply to");
	if (rpc->hsk != hsk || !claim(rpc))
		goto out;
	err = homa_bytes_copy(rpc, &msg->msg_iter, length, READ_ONCE(rpc->peer->core.packet));
	local_bh_disable();
	spin_lock(&rpc->lock);
	cx = homa_cx(hnet);
	if (!err && !homa_in_reply(&cx, rpc))
		err = -EINVAL;
	/* If not, the program may try again. */
	if (err)
		rpc->replying = false;
	spin_unlock(&rpc->lock);
	if (!err) {
		homa_count(hnet, reply_calls);
		homa_count_add(hnet, server_response_bytes_started, length);
		homa_out_start(&cx, rpc, length);
	}
	local_bh_enable();
out:
	homa_krpc_put(rpc);
	return err;
}

int homa_send(struct socket *sock, struct msghdr *msg, size_t length)
{
	struct sock *sk = sock->sk;
	struct homa_sock *hsk = homa_sk(sk);
	struct homa_sendmsg_args args;
	struct homa_zoned to;
	u16 port;
	int err;

	if (READ_ONCE(hsk->shut))
		return homa_sock_error(hsk, -ESHUTDOWN, "the socket has been shut down");
	if (msg->msg_controllen || !msg->msg_control_is_user)
		return homa_sock_error(hsk, -EINVAL, "msg_controllen of sendmsg() must be 0");
	if (copy_from_user(&args, (void __user *)msg->msg_control, sizeof(args)))
		return homa_sock_error(hsk, -EFAULT,
				       "msg_control is no address of a homa_sendmsg_args");
	if (args.flags & ~HOMA_SENDMSG_VALID_FLAGS || args.reserved)
		return homa_sock_error(hsk, -EINVAL, "unknown flags, or reserved is not 0");
	err = destination(sk, msg, &to, &port);
	if (err)
		return homa_sock_error(hsk, err,
				       "msg_name is no address for this socket, or lacks its link");
	if (!length || length > READ_ONCE(hsk->hnet->params.max_message))
		return homa_sock_error(hsk, -EINVAL, "a message has 1 to 1000000 bytes");
	if (!args.id && !port)
		return homa_sock_error(hsk, -EINVAL, "port 0 cannot be sent to");
	err = wait_for_memory(hsk, msg->msg_flags & MSG_DONTWAIT);
	if (err)
		return homa_sock_error(hsk, err, "no memory is left for messages: see wmem_max");
	if (args.id)
		return send_response(hsk, &args, &to, msg, length);
	return send_request(hsk, &args, &to, port, msg, length);
}
