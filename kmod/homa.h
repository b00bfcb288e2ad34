/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The socket interface of Homa, for user programs in C and C++ and for the kernel module itself.
 *
 *	fd = socket(AF_INET or AF_INET6, SOCK_DGRAM, IPPROTO_HOMA);
 *
 * - Give the socket memory for incoming messages with SO_HOMA_RCVBUF, once, before anything is
 *   received. The module divides it into bpages of HOMA_BPAGE_SIZE bytes.
 * - A server binds a port below HOMA_MIN_DEFAULT_PORT. A socket that is not bound is a client.
 * - sendmsg() sends a request or a reply: msg_control points to a struct homa_sendmsg_args, and
 *   msg_controllen is 0. It returns 0.
 * - recvmsg() gets a request or a response: msg_control points to a struct homa_recvmsg_args, and
 *   msg_controllen is its size. It returns the length of the message, which lies in the bpages that
 *   the arguments then name.
 *
 * Layouts and numbers are those of the public Linux implementation of 2025 and later: neither may
 * change.
 */
#ifndef HOMA_H
#define HOMA_H

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/ioctl.h>
#include <linux/socket.h>
#else
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef IPPROTO_HOMA
#define IPPROTO_HOMA		146
#endif

/* Bytes in the longest message, request or response. The shortest has 1. */
#define HOMA_MAX_MESSAGE_LENGTH	1000000

/* Bytes in a bpage, the piece in which memory for incoming messages is handed out. */
#define HOMA_BPAGE_SHIFT	16
#define HOMA_BPAGE_SIZE		(1 << HOMA_BPAGE_SHIFT)

/* Most bpages that one message takes. */
#define HOMA_MAX_BPAGES \
	((HOMA_MAX_MESSAGE_LENGTH + HOMA_BPAGE_SIZE - 1) >> HOMA_BPAGE_SHIFT)

/* Ports from here on are given to sockets that are not bound; bind() takes 1 to the one below. */
#define HOMA_MIN_DEFAULT_PORT	0x8000

/**
 * struct homa_sendmsg_args - What msg_control of sendmsg() points to.
 * @id:		       In: 0 sends a request to the address in msg_name; the id of a request that
 *		       was received sends the reply to it. Out: the id of the new request.
 * @completion_cookie: In: for a request, any value, which recvmsg() gives back with the response;
 *		       for a reply it must be 0.
 * @flags:	       In: HOMA_SENDMSG_*, or 0.
 * @reserved:	       In: must be 0.
 */
struct homa_sendmsg_args {
	__u64 id;
	__u64 completion_cookie;
	__u32 flags;
	__u32 reserved;
};

/* The response is only given to a recvmsg() that asks for it by its id. */
#define HOMA_SENDMSG_PRIVATE	 0x01

#define HOMA_SENDMSG_VALID_FLAGS (HOMA_SENDMSG_PRIVATE)

/**
 * struct homa_recvmsg_args - What msg_control of recvmsg() points to.
 * @id:		       In: 0 takes any message that is not private; otherwise the id of the private
 *		       request whose response is wanted. Out: the id of the RPC received, also when
 *		       it failed; 0 when the call itself failed.
 * @completion_cookie: Out: for a response, what was given with the request; for a request, 0.
 * @num_bpages:	       In: how many bpages are given back, at most HOMA_MAX_BPAGES. Out: how many
 *		       hold the message.
 * @reserved:	       In: must be 0.
 * @bpage_offsets:     Bytes from the start of the memory of SO_HOMA_RCVBUF. In: the bpages given
 *		       back, as an earlier recvmsg() named them. Out: the message's bpages, in its
 *		       order. All but the last are full; the last may start anywhere in its bpage,
 *		       which others may share. They are the program's until it gives them back.
 */
struct homa_recvmsg_args {
	__u64 id;
	__u64 completion_cookie;
	__u32 num_bpages;
	__u32 reserved;
	__u32 bpage_offsets[HOMA_MAX_BPAGES];
};

/* Options of setsockopt() and getsockopt() at level IPPROTO_HOMA. */
#define SO_HOMA_RCVBUF		10	/* struct homa_rcvbuf_args: memory for incoming messages */
#define SO_HOMA_SERVER		11	/* int: other than 0, take requests though not bound */

/**
 * struct homa_rcvbuf_args - Value of SO_HOMA_RCVBUF.
 * @start:  Address of the first byte, on a page boundary.
 * @length: Bytes, at least HOMA_BPAGE_SIZE; what is beyond the last whole bpage is not used.
 */
struct homa_rcvbuf_args {
	__u64 start;
	__u64 length;
};

/**
 * struct homa_abort_args - Value of HOMAIOCABORT.
 * @id:	   The RPC to end, one of those the socket began; 0: all that it began.
 * @error: What recvmsg() reports for it, a positive errno; 0 forgets it without a report.
 * @_pad1: Must be 0.
 * @_pad2: Must be 0.
 */
struct homa_abort_args {
	__u64 id;
	__u32 error;
	__u32 _pad1;
	__u64 _pad2[2];
};

/**
 * struct homa_rpc_info - State of one RPC, as HOMAIOCINFO tells it.
 * @id:		       As this host names it: even when this is the client, odd when the server.
 * @peer:	       Address and port of the other side.
 * @completion_cookie: As given with the request; 0 at a server.
 * @tx_length:	       Bytes of the message being sent, or -1 when there is none.
 * @tx_sent:	       Bytes of it sent at least once.
 * @tx_granted:	       Bytes of it that may be sent.
 * @tx_prio:	       Priority of its scheduled packets.
 * @rx_length:	       Bytes of the message being received, or -1 when nothing of it has arrived.
 * @rx_remaining:      Bytes of it that have not arrived.
 * @rx_gaps:	       Runs of missing bytes below the highest that arrived.
 * @rx_gap_bytes:      Bytes in these.
 * @rx_granted:	       Bytes of it that the peer may send.
 * @flags:	       HOMA_RPC_*.
 * @reserved:	       0.
 */
struct homa_rpc_info {
	__u64 id;
	struct sockaddr_storage peer;
	__u64 completion_cookie;
	__s32 tx_length;
	__u32 tx_sent;
	__u32 tx_granted;
	__u32 tx_prio;
	__s32 rx_length;
	__u32 rx_remaining;
	__u32 rx_gaps;
	__u32 rx_gap_bytes;
	__u32 rx_granted;
	__u16 flags;
	__u16 reserved;
};

#define HOMA_RPC_BUF_STALL	1	/* waits for bpages */
#define HOMA_RPC_PRIVATE	2	/* sent with HOMA_SENDMSG_PRIVATE */
#define HOMA_RPC_RX_READY	4	/* complete, or failed; waits for recvmsg() */
#define HOMA_RPC_RX_COPY	8	/* data has arrived that is not yet in the bpages */

#define HOMA_ERROR_MSG_SIZE	104

/**
 * struct homa_info - Value of HOMAIOCINFO: state of a socket and its RPCs.
 * @rpc_info:	       In: address of an array of struct homa_rpc_info to fill in; 0 for none.
 * @rpc_info_length:   In: bytes at @rpc_info. Out: bytes filled in.
 * @bpool_avail_bytes: Out: bytes of the memory of SO_HOMA_RCVBUF that are free.
 * @port:	       Out: the socket's port, in host order.
 * @num_rpcs:	       Out: RPCs of the socket, also when @rpc_info has no room for all.
 * @error_msg:	       Out: what was wrong with the last call on this socket that failed, in words.
 */
struct homa_info {
	__u64 rpc_info;
	__u64 rpc_info_length;
	__u64 bpool_avail_bytes;
	__u32 port;
	__u32 num_rpcs;
	char error_msg[HOMA_ERROR_MSG_SIZE];
};

#define HOMAIOCINFO		_IOWR('h', 0x90, struct homa_info)
#define HOMAIOCABORT		_IOWR('h', 0x91, struct homa_abort_args)
#define HOMAIOCFREEZE		_IO('h', 0x92)

/* Bit of sysctl net.homa.flags: send without regard to the length of the NIC's queue. */
#define HOMA_FLAG_DONT_THROTTLE	2

#ifdef __cplusplus
}
#endif

/* The layouts above, checked wherever the language can: they are the same for 32-bit programs. */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define HOMA_ASSERT_(what)	static_assert(what, #what)
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define HOMA_ASSERT_(what)	_Static_assert(what, #what)
#endif
#ifdef HOMA_ASSERT_
#define HOMA_SIZE_(type, size)	HOMA_ASSERT_(sizeof(struct type) == (size))
#define HOMA_AT_(type, field, at) \
	HOMA_ASSERT_(__builtin_offsetof(struct type, field) == (at))

HOMA_ASSERT_(HOMA_MAX_BPAGES == 16);

HOMA_SIZE_(homa_sendmsg_args, 24);
HOMA_AT_(homa_sendmsg_args, id, 0);
HOMA_AT_(homa_sendmsg_args, completion_cookie, 8);
HOMA_AT_(homa_sendmsg_args, flags, 16);
HOMA_AT_(homa_sendmsg_args, reserved, 20);

HOMA_SIZE_(homa_recvmsg_args, 88);
HOMA_AT_(homa_recvmsg_args, id, 0);
HOMA_AT_(homa_recvmsg_args, completion_cookie, 8);
HOMA_AT_(homa_recvmsg_args, num_bpages, 16);
HOMA_AT_(homa_recvmsg_args, reserved, 20);
HOMA_AT_(homa_recvmsg_args, bpage_offsets, 24);

HOMA_SIZE_(homa_rcvbuf_args, 16);
HOMA_AT_(homa_rcvbuf_args, start, 0);
HOMA_AT_(homa_rcvbuf_args, length, 8);

HOMA_SIZE_(homa_abort_args, 32);
HOMA_AT_(homa_abort_args, id, 0);
HOMA_AT_(homa_abort_args, error, 8);
HOMA_AT_(homa_abort_args, _pad1, 12);
HOMA_AT_(homa_abort_args, _pad2, 16);

HOMA_SIZE_(homa_rpc_info, 184);
HOMA_AT_(homa_rpc_info, id, 0);
HOMA_AT_(homa_rpc_info, peer, 8);
HOMA_AT_(homa_rpc_info, completion_cookie, 136);
HOMA_AT_(homa_rpc_info, tx_length, 144);
HOMA_AT_(homa_rpc_info, tx_sent, 148);
HOMA_AT_(homa_rpc_info, tx_granted, 152);
HOMA_AT_(homa_rpc_info, tx_prio, 156);
HOMA_AT_(homa_rpc_info, rx_length, 160);
HOMA_AT_(homa_rpc_info, rx_remaining, 164);
HOMA_AT_(homa_rpc_info, rx_gaps, 168);
HOMA_AT_(homa_rpc_info, rx_gap_bytes, 172);
HOMA_AT_(homa_rpc_info, rx_granted, 176);
HOMA_AT_(homa_rpc_info, flags, 180);
HOMA_AT_(homa_rpc_info, reserved, 182);

HOMA_SIZE_(homa_info, 136);
HOMA_AT_(homa_info, rpc_info, 0);
HOMA_AT_(homa_info, rpc_info_length, 8);
HOMA_AT_(homa_info, bpool_avail_bytes, 16);
HOMA_AT_(homa_info, port, 24);
HOMA_AT_(homa_info, num_rpcs, 28);
HOMA_AT_(homa_info, error_msg, 32);

#undef HOMA_AT_
#undef HOMA_SIZE_
#undef HOMA_ASSERT_
#endif

#endif /* HOMA_H */
