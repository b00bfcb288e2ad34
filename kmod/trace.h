/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Tracepoints: what can be watched below events/homa/ of tracefs. An RPC is told by its id on this
 * host (even: this host is the client) and the peer's address, IPv4 ones as ::ffff:a.b.c.d; netns
 * is the inode number of the network namespace.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM homa

#if !defined(HOMA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define HOMA_TRACE_H

#include <linux/tracepoint.h>

#include "rpcs.h"

#ifndef HOMA_TRACE_ONCE
#define HOMA_TRACE_ONCE
/* Where in a message or which part of it a packet is about, as far as it has such a thing. */
static inline u32 homa_trace_offset(const struct homa_packet *pkt)
{
	switch (pkt->type) {
	case HOMA_DATA:
		return pkt->data.offset;
	case HOMA_GRANT:
		return pkt->grant.offset;
	case HOMA_RESEND:
		return pkt->resend.offset;
	}
	return 0;
}

static inline u32 homa_trace_length(const struct homa_packet *pkt)
{
	if (pkt->type == HOMA_DATA)
		return pkt->data.length;
	return pkt->type == HOMA_RESEND ? pkt->resend.length : 0;
}
#endif

#define show_homa_type(type)						\
	__print_symbolic(type,						\
		{ HOMA_DATA, "DATA" },					\
		{ HOMA_GRANT, "GRANT" },				\
		{ HOMA_RESEND, "RESEND" },				\
		{ HOMA_RPC_UNKNOWN, "RPC_UNKNOWN" },			\
		{ HOMA_BUSY, "BUSY" },					\
		{ HOMA_CUTOFFS, "CUTOFFS" },				\
		{ HOMA_FREEZE, "FREEZE" },				\
		{ HOMA_NEED_ACK, "NEED_ACK" },				\
		{ HOMA_ACK, "ACK" })

#define show_homa_error(error)						\
	__print_symbolic(error,						\
		{ HOMA_ERR_NONE, "none" },				\
		{ HOMA_ERR_TIMEDOUT, "timed out" },			\
		{ HOMA_ERR_NOTCONN, "nobody serves it" },		\
		{ HOMA_ERR_HOSTDOWN, "unreachable" })

DECLARE_EVENT_CLASS(homa_packet_class,
	TP_PROTO(const struct homa_kpeer *peer, const struct homa_packet *pkt, u64 id),
	TP_ARGS(peer, pkt, id),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, peer, 16)
		__field(u64, id)
		__field(u16, sport)
		__field(u16, dport)
		__field(u32, offset)
		__field(u32, length)
		__field(u8, type)
	),

	TP_fast_assign(
		__entry->netns = peer->hnet->net->ns.inum;
		memcpy(__entry->peer, &peer->at.addr, 16);
		__entry->id = id;
		__entry->sport = pkt->sport;
		__entry->dport = pkt->dport;
		__entry->offset = homa_trace_offset(pkt);
		__entry->length = homa_trace_length(pkt);
		__entry->type = pkt->type;
	),

	TP_printk("netns=%u peer=%pI6c id=%llu type=%s sport=%u dport=%u offset=%u length=%u",
		  __entry->netns, __entry->peer, __entry->id,
		  show_homa_type(__entry->type), __entry->sport,
		  __entry->dport, __entry->offset, __entry->length)
);

/* A valid packet has come. */
DEFINE_EVENT(homa_packet_class, homa_packet_in,
	TP_PROTO(const struct homa_kpeer *peer, const struct homa_packet *pkt, u64 id),
	TP_ARGS(peer, pkt, id)
);

/* A packet without data is sent. */
DEFINE_EVENT(homa_packet_class, homa_control_out,
	TP_PROTO(const struct homa_kpeer *peer, const struct homa_packet *pkt, u64 id),
	TP_ARGS(peer, pkt, id)
);

/* A DATA packet is sent, by itself or as part of a batch. */
TRACE_EVENT(homa_data_out,
	TP_PROTO(const struct homa_krpc *rpc, const struct homa_packet *pkt, u8 priority),
	TP_ARGS(rpc, pkt, priority),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, peer, 16)
		__field(u64, id)
		__field(u32, offset)
		__field(u32, length)
		__field(u32, message)
		__field(u32, incoming)
		__field(u8, priority)
		__field(bool, again)
	),

	TP_fast_assign(
		__entry->netns = rpc->hnet->net->ns.inum;
		memcpy(__entry->peer, &rpc->peer->at.addr, 16);
		__entry->id = rpc->id;
		__entry->offset = pkt->data.offset;
		__entry->length = pkt->data.length;
		__entry->message = pkt->data.message_length;
		__entry->incoming = pkt->data.incoming;
		__entry->priority = priority;
		__entry->again = pkt->data.retransmit;
	),

	TP_printk("netns=%u peer=%pI6c id=%llu offset=%u length=%u message=%u incoming=%u priority=%u%s",
		  __entry->netns, __entry->peer, __entry->id, __entry->offset, __entry->length,
		  __entry->message, __entry->incoming, __entry->priority,
		  __entry->again ? " again" : "")
);

/* This host lets a peer send more of a message; @priority is the level. */
TRACE_EVENT(homa_grant,
	TP_PROTO(const struct homa_krpc *rpc, u32 offset, u8 priority),
	TP_ARGS(rpc, offset, priority),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, peer, 16)
		__field(u64, id)
		__field(u32, offset)
		__field(u32, received)
		__field(u32, message)
		__field(u8, priority)
	),

	TP_fast_assign(
		__entry->netns = rpc->hnet->net->ns.inum;
		memcpy(__entry->peer, &rpc->peer->at.addr, 16);
		__entry->id = rpc->id;
		__entry->offset = offset;
		__entry->received = READ_ONCE(rpc->core.in.received);
		__entry->message = READ_ONCE(rpc->core.in.length);
		__entry->priority = priority;
	),

	TP_printk("netns=%u peer=%pI6c id=%llu offset=%u received=%u message=%u priority=%u",
		  __entry->netns, __entry->peer, __entry->id, __entry->offset,
		  __entry->received, __entry->message, __entry->priority)
);

/* An RPC begins: @length is that of the request. */
TRACE_EVENT(homa_rpc_new,
	TP_PROTO(const struct homa_krpc *rpc, u32 length),
	TP_ARGS(rpc, length),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, peer, 16)
		__field(u64, id)
		__field(u16, local_port)
		__field(u16, remote_port)
		__field(u32, length)
	),

	TP_fast_assign(
		__entry->netns = rpc->hnet->net->ns.inum;
		memcpy(__entry->peer, &rpc->peer->at.addr, 16);
		__entry->id = rpc->id;
		__entry->local_port = rpc->local_port;
		__entry->remote_port = rpc->remote_port;
		__entry->length = length;
	),

	TP_printk("netns=%u peer=%pI6c id=%llu %s local_port=%u remote_port=%u length=%u",
		  __entry->netns, __entry->peer, __entry->id,
		  homa_id_is_client(__entry->id) ? "client" : "server", __entry->local_port,
		  __entry->remote_port, __entry->length)
);

/* An RPC ends, for the protocol and for its user; @error is what the user was told. */
TRACE_EVENT(homa_rpc_end,
	TP_PROTO(const struct homa_krpc *rpc, int error),
	TP_ARGS(rpc, error),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, peer, 16)
		__field(u64, id)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->netns = rpc->hnet->net->ns.inum;
		memcpy(__entry->peer, &rpc->peer->at.addr, 16);
		__entry->id = rpc->id;
		__entry->error = error;
	),

	TP_printk("netns=%u peer=%pI6c id=%llu error=%d", __entry->netns, __entry->peer,
		  __entry->id, __entry->error)
);

/* RPCs with a peer are ended: those to @port, or all when it is 0. */
TRACE_EVENT(homa_peer_dead,
	TP_PROTO(const struct homa_kpeer *peer, u16 port, enum homa_error error),
	TP_ARGS(peer, port, error),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, peer, 16)
		__field(u16, port)
		__field(u8, error)
	),

	TP_fast_assign(
		__entry->netns = peer->hnet->net->ns.inum;
		memcpy(__entry->peer, &peer->at.addr, 16);
		__entry->port = port;
		__entry->error = error;
	),

	TP_printk("netns=%u peer=%pI6c port=%u %s", __entry->netns, __entry->peer, __entry->port,
		  show_homa_error(__entry->error))
);

/* A message finds no room in its receive region and is held, or has room again. */
DECLARE_EVENT_CLASS(homa_pool_class,
	TP_PROTO(const struct homa_krpc *rpc, u32 length),
	TP_ARGS(rpc, length),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, peer, 16)
		__field(u64, id)
		__field(u16, port)
		__field(u32, length)
	),

	TP_fast_assign(
		__entry->netns = rpc->hnet->net->ns.inum;
		memcpy(__entry->peer, &rpc->peer->at.addr, 16);
		__entry->id = rpc->id;
		__entry->port = rpc->local_port;
		__entry->length = length;
	),

	TP_printk("netns=%u peer=%pI6c id=%llu local_port=%u length=%u", __entry->netns,
		  __entry->peer, __entry->id, __entry->port, __entry->length)
);

DEFINE_EVENT(homa_pool_class, homa_pool_held,
	TP_PROTO(const struct homa_krpc *rpc, u32 length),
	TP_ARGS(rpc, length)
);

DEFINE_EVENT(homa_pool_class, homa_pool_released,
	TP_PROTO(const struct homa_krpc *rpc, u32 length),
	TP_ARGS(rpc, length)
);

/* The transmit queue has something to send, and the link no room for @wait ns. */
TRACE_EVENT(homa_pacer_wait,
	TP_PROTO(const struct homa_net *hnet, u64 wait),
	TP_ARGS(hnet, wait),

	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u64, wait)
	),

	TP_fast_assign(
		__entry->netns = hnet->net->ns.inum;
		__entry->wait = wait;
	),

	TP_printk("netns=%u wait_ns=%llu", __entry->netns, __entry->wait)
);

#endif /* HOMA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
