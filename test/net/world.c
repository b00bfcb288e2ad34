// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Hosts, applications and the oracle; see world.h.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define MS 1000000ull
#define SERVER_PORT 100
#define CLIENT_PORT 40000
#define NOBODY 0xffffffffu
#define MAX_EVENTS 30000000ull
#define BUSY_FOR (10000 * MS)
#define SETTLE (30000 * MS)	/* after the last request, everything must have ended */
#define GRACE (1000 * MS)	/* after a host is back, RPCs may still fail because of it */

enum world_events {
	EV_TIMER = NET_KINDS,	/* arg: which */
	EV_ISSUE,
	EV_REPLY,		/* arg: record */
	EV_ABORT,		/* arg: record */
	EV_CRASH,
	EV_RESTART,
	EV_CUT,
	EV_MEND,
	EV_FORGE,
	EV_HEAL,
	EV_STRANGER,
};

enum record_state {
	OPEN,
	DONE,
	FAILED,
	ABORTED,
	LOST,		/* its client crashed */
};

/* What the oracle knows of an RPC. */
struct record {
	u64 id, key, issued;
	u64 ran;		/* life of the server in which it ran last, 0: never */
	u32 client, server, request, response;
	u8 state;
	bool given_up;		/* by its server: it may fail */
};

/* The application's part of an RPC on one side. */
struct message {
	u32 record;		/* NOBODY: of a forged packet */
	u32 length, sum;
	u8 *got;		/* which bytes have come */
};

struct node {
	struct world *world;
	struct homa_host host;
	struct homa_params params;	/* the same in every life */
	u32 index, to_issue;
	u64 life;		/* from 1; counts up with every crash */
	bool alive;
	u64 trouble_until;	/* ns; RPCs with it may fail until then */
	struct {
		u64 at, first;	/* ns; the last RESEND, the first without an answer */
		bool open;
	} asked[NET_MAX_HOSTS];
};

struct world {
	const struct scenario *scenario;
	struct outcome *outcome;
	bool verbose, calm;
	struct net net;
	struct prng prng;
	struct node nodes[NET_MAX_HOSTS];
	struct record *records;
	u32 count, size;
	u32 *table, table_size;	/* records by client and id */
	u64 quiet_at;		/* nothing is issued or harmed after this */
};

static void fail(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(struct world *w, const char *format, ...)
{
	struct outcome *o = w->outcome;
	va_list list;
	int n;

	if (o->failed)
		return;
	o->failed = true;
	n = snprintf(o->why, sizeof(o->why), "at %.6f ms: ", (double)w->net.now / 1e6);
	va_start(list, format);
	vsnprintf(o->why + n, sizeof(o->why) - (size_t)n, format, list);
	va_end(list);
}

static void *need(void *memory)
{
	if (!memory) {
		perror("net");
		exit(1);
	}
	return memory;
}

static struct homa_address address_of(u32 index)
{
	return (struct homa_address){ .high = 0, .low = HOMA_IPV4_MAPPED | (index + 1) };
}

static u32 index_of(const struct homa_host_peer *peer)
{
	return (u32)(peer->address.low & 0xffff) - 1;
}

static bool stranger(const struct world *w, u32 index)
{
	return index >= w->scenario->hosts;
}

static bool strict(const struct world *w)
{
	return !(w->scenario->bits & HOSTILE);
}

/* Records. */

static u32 *slot_of(struct world *w, u32 client, u64 id)
{
	u32 i = (u32)prng_mix(id ^ (u64)client << 56) & (w->table_size - 1);

	while (w->table[i] != NOBODY && (w->records[w->table[i]].client != client ||
					 w->records[w->table[i]].id != id))
		i = (i + 1) & (w->table_size - 1);
	return &w->table[i];
}

static u32 add_record(struct world *w, const struct record *r)
{
	if (w->count == w->size) {
		w->size = w->size ? 2 * w->size : 64;
		w->records = need(realloc(w->records, w->size * sizeof(w->records[0])));
	}
	w->records[w->count] = *r;
	return w->count++;
}

/* Call when its id is known. */
static void enter(struct world *w, u32 record)
{
	u32 i;

	if (2 * w->count > w->table_size) {
		free(w->table);
		w->table_size = w->table_size ? 2 * w->table_size : 256;
		w->table = need(malloc(w->table_size * sizeof(w->table[0])));
		for (i = 0; i < w->table_size; i++)
			w->table[i] = NOBODY;
		for (i = 0; i < w->count; i++)
			if (w->records[i].id)
				*slot_of(w, w->records[i].client, w->records[i].id) = i;
	}
	*slot_of(w, w->records[record].client, w->records[record].id) = record;
}

static u32 find_record(struct world *w, u32 client, u64 id)
{
	return w->table_size ? *slot_of(w, client, id) : NOBODY;
}

/* Contents. A response's content tells which life of the server gave it. */

static u64 request_key(const struct record *r)
{
	return prng_mix(r->key);
}

static u64 response_key(const struct record *r, u64 life)
{
	return prng_mix(r->key + life);
}

static u32 response_length(const struct world *w, const struct record *r, u64 life)
{
	return homa_min(r->response + (u32)life - 1, w->scenario->max_size);
}

static void fill(u8 *to, u64 key, u32 offset, u32 length)
{
	u32 end = offset + length;
	u64 word;

	while (offset < end) {
		u32 n = homa_min(8 - (offset & 7), end - offset);

		word = prng_mix(key + (offset >> 3));
		memcpy(to, (u8 *)&word + (offset & 7), n);
		to += n;
		offset += n;
	}
}

static bool matches(const u8 *bytes, u64 key, u32 offset, u32 length)
{
	u32 end = offset + length;
	u64 word;

	while (offset < end) {
		u32 n = homa_min(8 - (offset & 7), end - offset);

		word = prng_mix(key + (offset >> 3));
		if (memcmp(bytes, (u8 *)&word + (offset & 7), n))
			return false;
		bytes += n;
		offset += n;
	}
	return true;
}

static struct message *new_message(u32 record)
{
	struct message *m = need(calloc(1, sizeof(*m)));

	m->record = record;
	return m;
}

/* Packet log. */

static void print_packet(const struct world *w, const char *what, u32 from, u32 to, const u8 *bytes,
			 u32 length)
{
	struct homa_packet pkt;

	if (!w->verbose)
		return;
	printf("# %12.6f %s %2u>%-2u ", (double)w->net.now / 1e6, what, from, to);
	if (homa_wire_decode(&pkt, bytes, length, length, HOMA_MESSAGE_CEILING)) {
		printf("(malformed, %u bytes)\n", length);
		return;
	}
	printf("%-11s id %" PRIu64, homa_wire_type_name(pkt.type), pkt.sender_id);
	switch (pkt.type) {
	case HOMA_DATA:
		printf(" [%u,%u) of %u, incoming %u%s ack %" PRIu64 " cutoffs %u", pkt.data.offset,
		       pkt.data.offset + pkt.data.length, pkt.data.message_length,
		       pkt.data.incoming, pkt.data.retransmit ? " again" : "",
		       pkt.data.ack.client_id, pkt.data.cutoff_version);
		break;
	case HOMA_GRANT:
		printf(" to %u, priority %u", pkt.grant.offset, pkt.grant.priority);
		break;
	case HOMA_RESEND:
		printf(" offset %u, length %d", pkt.resend.offset, (int)pkt.resend.length);
		break;
	case HOMA_CUTOFFS:
		printf(" version %u", pkt.cutoffs.version);
		break;
	case HOMA_ACK:
		printf(" and %u more", pkt.ack.count);
		break;
	}
	printf("\n");
}

/* The hosts' ops. */

static void check_asks(struct node *n, u32 to)
{
	struct world *w = n->world;
	u64 interval = n->host.cx.params->resend_interval * n->host.cx.params->tick_ns;

	if (!n->asked[to].open)
		n->asked[to].first = w->net.now;
	/* A peer that is silent for an interval is asked every tick. */
	else if (w->net.now - n->asked[to].first >= interval)
		interval = n->host.cx.params->tick_ns;
	if (n->asked[to].open && w->net.now - n->asked[to].at < interval && strict(w))
		fail(w, "host %u: a second RESEND in flight to host %u", n->index, to);
	n->asked[to].open = true;
	n->asked[to].at = w->net.now;
}

static void check_clock(struct node *n, const struct homa_host_rpc *rpc)
{
	const struct homa_params *p = n->host.cx.params;
	u64 bound = n->host.cx.now + p->nic_queue_ns +
		    homa_params_link_ns(p, rpc->out.packet + rpc->out.overhead) + 1;

	if (rpc->out.length > p->defer_min_bytes && n->host.txq.idle_at > bound)
		fail(n->world, "host %u: the transmit queue is %" PRIu64 " ns ahead of the link",
		     n->index, n->host.txq.idle_at - n->host.cx.now);
}

/*
 * The hoarder is never silent, and nothing but busy, for as long as others have work and for
 * BUSY_FOR more: what it is asked for is kept meanwhile, and must not be after it.
 */
static void stranger_gets(struct world *w, u32 from, u32 to, const struct homa_packet *pkt)
{
	struct homa_packet answer = { .type = HOMA_BUSY, .sender_id = pkt->sender_id ^ 1,
				      .sport = pkt->dport, .dport = pkt->sport };
	u8 bytes[HOMA_MAX_HEADER] = { 0 };

	if (w->scenario->bits & HOARDER && w->net.now < w->quiet_at + BUSY_FOR &&
	    (pkt->type == HOMA_RESEND || pkt->type == HOMA_NEED_ACK))
		net_inject(&w->net, w->net.now + 5000, to, from, bytes,
			   homa_wire_encode(bytes, &answer));
}

static void op_send(void *owner, struct homa_host_peer *peer, const struct homa_packet *pkt,
		    struct homa_host_rpc *rpc, u8 priority)
{
	static u8 bytes[HOMA_MAX_HEADER + 70000];
	struct node *n = owner;
	struct world *w = n->world;
	struct homa_packet changed;
	u32 to = index_of(peer), length;

	if (priority >= HOMA_PRIORITIES)
		fail(w, "host %u: priority %u", n->index, priority);
	if (stranger(w, to)) {
		stranger_gets(w, n->index, to, pkt);
		return;
	}
	if (pkt->type == HOMA_RESEND)
		check_asks(n, to);
	if (w->scenario->bits & ACKS_LOST) {
		if (pkt->type == HOMA_ACK)
			return;
		if (pkt->type == HOMA_DATA) {
			changed = *pkt;
			changed.data.ack.client_id = 0;
			pkt = &changed;
		}
	}
	length = homa_wire_encode(bytes, pkt);
	if (pkt->type == HOMA_DATA) {
		struct message *m = rpc->message;
		u64 key = 0;

		check_clock(n, rpc);
		if (m->record != NOBODY) {
			const struct record *r = &w->records[m->record];

			key = homa_rpc_is_client(&rpc->core) ? request_key(r) :
							       response_key(r, n->life);
		}
		if (pkt->data.length > n->host.link.mtu - HOMA_IPV4_HEADER - HOMA_DATA_HEADER)
			fail(w, "host %u: %u bytes of data in a packet", n->index,
			     pkt->data.length);
		fill(bytes + length, key, pkt->data.offset, pkt->data.length);
		length += pkt->data.length;
	}
	print_packet(w, "send", n->index, to, bytes, length);
	net_send(&w->net, n->index, to, bytes, length,
		 homa_host_wire_bytes(&n->host.link, HOMA_IPV4_HEADER, length));
}

static void op_set_timer(void *owner, enum homa_host_timer timer, u64 when)
{
	struct node *n = owner;

	net_at(&n->world->net, when, EV_TIMER, n->index, n->life, timer);
}

static void *op_accept(void *owner, struct homa_host_peer *peer, u16 port)
{
	struct node *n = owner;
	struct world *w = n->world;

	(void)peer;
	/* An application may as well turn to someone new here. */
	if ((w->scenario->bits & NESTED) && (w->scenario->bits & PASSERS_BY))
		homa_host_peer(&n->host, w->net.now,
			       address_of(w->scenario->hosts + (u32)prng_below(&w->prng, 1000)));
	return port == SERVER_PORT || port >= CLIENT_PORT ? owner : NULL;
}

/* Bytes of the packet being received; the host hands over offsets into it. */
static const struct net_packet *arriving;

static void op_data(void *owner, struct homa_host_rpc *rpc, struct homa_range range, u32 at)
{
	struct node *n = owner;
	struct world *w = n->world;
	bool client = homa_rpc_is_client(&rpc->core);
	const struct record *r;
	struct message *m;
	u64 key;

	if (!rpc->message)
		rpc->message = new_message(find_record(w, index_of(rpc->peer), rpc->core.id ^ 1));
	m = rpc->message;
	if (!m->got) {
		m->length = rpc->core.in.length;
		m->got = need(calloc(m->length, 1));
	}
	if (range.start >= range.end || range.end > m->length ||
	    HOMA_DATA_HEADER + at + range.end - range.start > arriving->length) {
		fail(w, "host %u: bytes [%u, %u) of %u handed over", n->index, range.start,
		     range.end, m->length);
		return;
	}
	if (memchr(m->got + range.start, 1, range.end - range.start))
		fail(w, "host %u: rpc %" PRIu64 ": bytes in [%u, %u) handed over twice", n->index,
		     rpc->core.id, range.start, range.end);
	memset(m->got + range.start, 1, range.end - range.start);
	m->sum += range.end - range.start;
	if (!strict(w) || stranger(w, index_of(rpc->peer)))
		return;
	if (m->record == NOBODY) {
		fail(w, "host %u: data of an RPC nobody issued, %" PRIu64, n->index, rpc->core.id);
		return;
	}
	r = &w->records[m->record];
	key = client ? response_key(r, r->ran) : request_key(r);
	if (!matches(arriving->bytes + HOMA_DATA_HEADER + at, key, range.start,
		     range.end - range.start))
		fail(w, "host %u: rpc %" PRIu64 ": wrong content in [%u, %u)", n->index,
		     rpc->core.id, range.start, range.end);
}

static void check_complete(struct node *n, const struct homa_host_rpc *rpc, u32 length)
{
	const struct message *m = rpc->message;

	if (m->sum != m->length)
		fail(n->world, "host %u: rpc %" PRIu64 " delivered with %u of %u bytes", n->index,
		     rpc->core.id, m->sum, m->length);
	if (strict(n->world) && m->length != length)
		fail(n->world, "host %u: rpc %" PRIu64 " delivered %u bytes, sent were %u",
		     n->index, rpc->core.id, m->length, length);
}

static void issue(struct node *n);

/* The application does something else from within a callback. */
static void meddle(struct node *n, struct homa_host_peer *peer)
{
	struct world *w = n->world;
	struct homa_link *at;

	if (!(w->scenario->bits & NESTED) || prng_below(&w->prng, 3))
		return;
	if (n->to_issue && prng_below(&w->prng, 2)) {
		issue(n);
		return;
	}
	/* Give up the next RPC with the same peer. */
	for (at = peer->rpcs.next; at != &peer->rpcs; at = at->next) {
		struct homa_host_rpc *rpc = homa_container_of(at, struct homa_host_rpc, of_peer);
		struct message *m = rpc->message;

		if (rpc->delivering || !m || m->record == NOBODY)
			continue;
		if (homa_rpc_is_client(&rpc->core))
			w->records[m->record].state = ABORTED;
		else
			w->records[m->record].given_up = true;
		homa_host_abort(&n->host, w->net.now, rpc);
		return;
	}
}

static void serve(struct node *n, struct homa_host_rpc *rpc)
{
	const struct scenario *s = n->world->scenario;
	struct message *m = rpc->message;
	struct world *w = n->world;
	struct record *r;
	u64 after = prng_below(&w->prng, 2) ? prng_below(&w->prng, 2 * s->service + 1) : 0;

	if (m->record == NOBODY) {
		homa_host_reply(&n->host, w->net.now, rpc, 1 + (u32)prng_below(&w->prng, 10000));
		return;
	}
	r = &w->records[m->record];
	check_complete(n, rpc, r->request);
	if (strict(w) && r->ran >= n->life)
		fail(w, "host %u: rpc %" PRIu64 " of host %u runs a second time", n->index,
		     rpc->core.id ^ 1, r->client);
	if (strict(w) && r->server != n->index)
		fail(w, "host %u: rpc %" PRIu64 " was for host %u", n->index, rpc->core.id ^ 1,
		     r->server);
	r->ran = n->life;
	if (prng_chance(&w->prng, s->stalls))
		after = 1 + prng_below(&w->prng, s->stall);
	if ((s->bits & SERVER_ABORTS) && !prng_below(&w->prng, 10)) {
		r->given_up = true;
		homa_host_abort(&n->host, w->net.now, rpc);
	} else if (after) {
		net_at(&w->net, w->net.now + after, EV_REPLY, n->index, n->life, m->record);
	} else {
		homa_host_reply(&n->host, w->net.now, rpc, response_length(w, r, n->life));
	}
}

static void end(struct node *n, struct record *r, enum record_state state)
{
	if (r->state != OPEN)
		fail(n->world, "host %u: rpc %" PRIu64 " ends twice: %u, then %u", n->index, r->id,
		     r->state, state);
	r->state = (u8)state;
}

static void sample(struct outcome *o, u32 bytes, u64 ns)
{
	if (!o->samples)
		return;
	if (o->sample_count == o->sample_size) {
		o->sample_size *= 2;
		o->samples = need(realloc(o->samples, o->sample_size * sizeof(o->samples[0])));
	}
	o->samples[o->sample_count++] = (struct sample){ .bytes = bytes, .ns = ns };
}

static void op_deliver(void *owner, struct homa_host_rpc *rpc)
{
	struct node *n = owner;
	struct world *w = n->world;
	struct message *m = rpc->message;
	struct homa_host_peer *peer = rpc->peer;
	struct record *r;

	if (!homa_rpc_is_client(&rpc->core)) {
		serve(n, rpc);
	} else {
		r = &w->records[m->record];
		check_complete(n, rpc, response_length(w, r, r->ran));
		end(n, r, DONE);
		if (w->scenario->within && w->net.now - r->issued > w->scenario->within)
			fail(w, "host %u: rpc %" PRIu64 " with host %u took %.1f ms", n->index,
			     r->id, r->server, (double)(w->net.now - r->issued) / 1e6);
		w->outcome->done++;
		sample(w->outcome, r->request + r->response, w->net.now - r->issued);
	}
	meddle(n, peer);
}

static void op_restart(void *owner, struct homa_host_rpc *rpc)
{
	struct message *m = rpc->message;

	(void)owner;
	free(m->got);
	m->got = NULL;
	m->sum = 0;
}

static void op_fail(void *owner, struct homa_host_rpc *rpc, enum homa_error error)
{
	struct node *n = owner;
	struct world *w = n->world;
	struct message *m = rpc->message;
	struct record *r = &w->records[m->record];
	u64 trouble = w->nodes[r->server].trouble_until;

	if (trouble < n->trouble_until)
		trouble = n->trouble_until;
	if (trouble)
		trouble += GRACE;
	if (strict(w) && !r->given_up && !(w->scenario->bits & MAY_FAIL) && trouble < w->net.now)
		fail(w, "host %u: rpc %" PRIu64 " with host %u fails (%d) though both live",
		     n->index, r->id, r->server, error);
	if (w->verbose)
		printf("# %12.6f host %u: rpc %" PRIu64 " fails\n", (double)w->net.now / 1e6,
		       n->index, r->id);
	end(n, r, FAILED);
	w->outcome->failures++;
	meddle(n, rpc->peer);
}

static void op_free_message(void *owner, struct homa_host_rpc *rpc)
{
	struct message *m = rpc->message;

	(void)owner;
	if (!m)
		return;
	free(m->got);
	free(m);
}

static void op_granted(void *owner, struct homa_host_rpc *rpc, u32 offset, u8 priority)
{
	struct node *n = owner;

	if (n->host.grants.incoming > n->host.cx.params->max_incoming)
		fail(n->world, "host %u: a grant lets %u bytes come, %u are allowed", n->index,
		     n->host.grants.incoming, n->host.cx.params->max_incoming);
	if (offset > rpc->grantee.length || priority >= HOMA_PRIORITIES)
		fail(n->world, "host %u: grant to %u of %u at priority %u", n->index, offset,
		     rpc->grantee.length, priority);
}

static const struct homa_host_ops ops = {
	.send = op_send,
	.set_timer = op_set_timer,
	.accept = op_accept,
	.data = op_data,
	.deliver = op_deliver,
	.restart = op_restart,
	.fail = op_fail,
	.free_message = op_free_message,
	.granted = op_granted,
};

/* Applications. */

static u32 pick_size(struct node *n)
{
	struct world *w = n->world;
	u32 max = w->scenario->max_size, packet, size, top;
	struct prng *p = &w->prng;

	if (w->scenario->bits & ONE_SIZE)
		return max;
	if (w->scenario->bits & PHASES)
		max = w->net.now < w->quiet_at / 2 ? homa_max(max / 50, 1) : max;
	packet = w->scenario->mtu - HOMA_IPV4_HEADER - HOMA_DATA_HEADER;
	switch (prng_below(p, 8)) {
	case 0:
		size = 1;
		break;
	case 1:
	case 2:
		size = 1 + (u32)prng_below(p, 1000);
		break;
	case 3:
		size = packet * (1 + (u32)prng_below(p, 4)) - 1 + (u32)prng_below(p, 3);
		break;
	case 4:
		size = n->host.cx.params->unsched_bytes - 1 + (u32)prng_below(p, 3);
		break;
	default:
		/* equally likely in every power of two */
		top = (u32)prng_below(p, 32 - (u32)__builtin_clz(max));
		size = (1u << top) + (u32)prng_below(p, 1u << top);
	}
	return homa_max(1, homa_min(size, max));
}

static void issue(struct node *n)
{
	struct world *w = n->world;
	const struct scenario *s = w->scenario;
	u32 index, servers = s->servers ? s->servers : s->hosts;
	struct record r = { .client = n->index };
	struct homa_host_peer *peer;
	struct homa_host_rpc *rpc;
	struct message *m;

	n->to_issue--;
	do
		r.server = (u32)prng_below(&w->prng, servers);
	while (r.server == n->index);
	r.key = prng_next(&w->prng);
	r.request = pick_size(n);
	r.response = pick_size(n);
	r.issued = w->net.now;
	index = add_record(w, &r);
	m = new_message(index);
	peer = homa_host_peer(&n->host, w->net.now, address_of(r.server));
	rpc = homa_host_call(&n->host, w->net.now, peer, CLIENT_PORT + (u16)n->index, SERVER_PORT,
			     r.request, n, m);
	w->records[index].id = rpc->core.id;
	enter(w, index);
	if ((s->bits & CLIENT_ABORTS) && !prng_below(&w->prng, 4))
		net_at(&w->net, w->net.now + prng_below(&w->prng, 20 * s->gap), EV_ABORT, n->index,
		       n->life, index);
}

static void issue_some(struct node *n)
{
	struct world *w = n->world;
	u32 burst = 1 + (u32)prng_below(&w->prng, w->scenario->burst);

	while (burst-- && n->to_issue)
		issue(n);
	if (n->to_issue)
		net_at(&w->net, w->net.now + prng_below(&w->prng, 2 * w->scenario->gap), EV_ISSUE,
		       n->index, n->life, 0);
}

static struct homa_host_rpc *find_rpc(struct node *n, u32 other, u64 id)
{
	struct world *w = n->world;

	return homa_host_find(&n->host, homa_host_peer(&n->host, w->net.now, address_of(other)),
			      id);
}

static void reply(struct node *n, u32 index)
{
	struct world *w = n->world;
	struct record *r = &w->records[index];
	struct homa_host_rpc *rpc = find_rpc(n, r->client, r->id ^ 1);

	if (!rpc || rpc->core.state != HOMA_RPC_SERVING)
		return;
	if ((w->scenario->bits & SERVER_ABORTS) && !prng_below(&w->prng, 5)) {
		r->given_up = true;
		homa_host_abort(&n->host, w->net.now, rpc);
		return;
	}
	homa_host_reply(&n->host, w->net.now, rpc, response_length(w, r, n->life));
}

static void give_up(struct node *n, u32 index)
{
	struct world *w = n->world;
	struct record *r = &w->records[index];
	struct homa_host_rpc *rpc = find_rpc(n, r->server, r->id);

	if (r->state != OPEN || !rpc)
		return;
	r->state = ABORTED;
	w->outcome->aborted++;
	homa_host_abort(&n->host, w->net.now, rpc);
}

/* Trouble. */

static void count_up(struct homa_counters *sum, const struct homa_counters *of)
{
	u64 *to = (u64 *)sum;
	const u64 *from = (const u64 *)of;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

static void start(struct node *n)
{
	struct world *w = n->world;
	const struct scenario *s = w->scenario;
	struct homa_host_link link = { .mtu = s->mtu, .framing = 38, .min_frame = 46 };

	n->life++;
	n->alive = true;
	memset(n->asked, 0, sizeof(n->asked));
	/* A host numbers its RPCs from a clock that crashes do not stop. */
	if (!homa_host_init(&n->host, &ops, n, &n->params, &link, 2 * (w->net.now + 1),
			    s->places ? s->places : 1024))
		fail(w, "no memory");
}

static void stop(struct node *n)
{
	count_up(&n->world->outcome->counters, &n->host.counters);
	homa_host_destroy(&n->host);
	n->alive = false;
}

/* Longest time a packet spends on its way. */
static u64 longest_way(const struct world *w)
{
	const struct net_rules *r = &w->scenario->rules;

	return r->delay + r->jitter + r->late + r->echo + 20 * MS;
}

static void crash(struct node *n)
{
	struct world *w = n->world;
	/* A host takes longer to boot than packets of its last life are on their way. */
	u64 back = w->net.now + longest_way(w) + prng_below(&w->prng, 100 * MS);
	u32 i;

	if (!n->alive)
		return;
	if (w->verbose)
		printf("# %12.6f host %u crashes\n", (double)w->net.now / 1e6, n->index);
	stop(n);
	w->outcome->crashed++;
	n->trouble_until = back;
	for (i = 0; i < w->count; i++)
		if (w->records[i].client == n->index && w->records[i].state == OPEN)
			w->records[i].state = LOST;
	net_at(&w->net, back, EV_RESTART, n->index, 0, 0);
}

static void cut(struct world *w, u32 host, bool off)
{
	u64 how = prng_next(&w->prng);
	u32 i;

	for (i = 0; i < w->scenario->hosts; i++) {
		/* Sometimes in one direction only. */
		w->net.cut[host][i] = off && how & 3;
		w->net.cut[i][host] = off && how & 12;
	}
	if (w->scenario->bits & PARTITIONS)
		w->nodes[host].trouble_until = off ? w->quiet_at : w->net.now;
	if (w->verbose)
		printf("# %12.6f host %u is %s\n", (double)w->net.now / 1e6, host,
		       off ? "cut off" : "back");
}

/* A packet nobody sent: about RPCs that exist, or might, or not even well-formed. */
static void forge(struct world *w)
{
	struct prng *p = &w->prng;
	u8 bytes[HOMA_MAX_HEADER + 300];
	struct homa_packet pkt;
	u32 length, i, from = (u32)prng_below(p, w->scenario->hosts);
	u32 to = (u32)prng_below(p, w->scenario->hosts);
	const struct record *r = w->count ? &w->records[prng_below(p, w->count)] : NULL;

	memset(&pkt, 0, sizeof(pkt));
	pkt.type = HOMA_DATA + (u8)prng_below(p, HOMA_TYPES);
	pkt.sport = 1 + (u16)prng_below(p, 0xffff);
	pkt.dport = prng_below(p, 2) ? SERVER_PORT : CLIENT_PORT;
	pkt.sender_id = 2 + prng_below(p, 100);
	if (r && prng_below(p, 4)) {
		bool client = prng_below(p, 2);

		pkt.sender_id = r->id ^ (client ? 0 : 1);
		from = client ? r->client : r->server;
		to = client ? r->server : r->client;
	}
	switch (pkt.type) {
	case HOMA_DATA:
		pkt.data.message_length = 1 + (u32)prng_below(p, HOMA_MAX_MESSAGE);
		if (r && prng_below(p, 2))
			pkt.data.message_length = pkt.sender_id & 1 ? r->response : r->request;
		pkt.data.offset = (u32)prng_below(p, pkt.data.message_length);
		pkt.data.incoming = (u32)prng_next(p) >> prng_below(p, 32);
		pkt.data.retransmit = prng_below(p, 2);
		pkt.data.cutoff_version = (u16)prng_below(p, 3);
		pkt.data.ack.client_id = r && prng_below(p, 2) ? r->id : prng_next(p);
		break;
	case HOMA_GRANT:
		pkt.grant.offset = (u32)prng_next(p) >> prng_below(p, 32);
		pkt.grant.priority = (u8)prng_below(p, 9);
		break;
	case HOMA_RESEND:
		pkt.resend.offset = (u32)prng_next(p) >> prng_below(p, 32);
		pkt.resend.length = (u32)prng_next(p) >> prng_below(p, 32);
		pkt.resend.priority = (u8)prng_below(p, 9);
		break;
	case HOMA_CUTOFFS:
		for (i = 0; i < HOMA_PRIORITIES; i++)
			pkt.cutoffs.cutoff[i] = (u32)prng_next(p) >> prng_below(p, 32);
		pkt.cutoffs.version = (u16)prng_below(p, 4);
		break;
	case HOMA_ACK:
		pkt.ack.count = (u16)prng_below(p, HOMA_MAX_ACKS + 1);
		for (i = 0; i < pkt.ack.count; i++)
			pkt.ack.ack[i].client_id = w->count ?
				w->records[prng_below(p, w->count)].id : 2;
		break;
	}
	memset(bytes, 0x55, sizeof(bytes));
	length = homa_wire_encode(bytes, &pkt);
	if (pkt.type == HOMA_DATA)
		length += 1 + (u32)prng_below(p, 300);
	if (!prng_below(p, 4))
		bytes[prng_below(p, length)] ^= (u8)(1 << prng_below(p, 8));
	if (!prng_below(p, 8))
		length = (u32)prng_below(p, length + 1);
	if (!prng_below(p, 16))
		for (i = 0; i < length; i++)
			bytes[i] = (u8)prng_next(p);
	net_inject(&w->net, w->net.now, from, to, bytes, length);
	net_at(&w->net, w->net.now + prng_below(p, w->scenario->gap), EV_FORGE, 0, 0, 0);
}

/* A packet from beyond the hosts; no request of a stranger is ever complete. */
static void stranger_sends(struct world *w)
{
	struct prng *p = &w->prng;
	u32 to = (u32)prng_below(p, w->scenario->hosts), from = w->scenario->hosts, length;
	struct homa_packet pkt = { .type = HOMA_DATA, .sport = CLIENT_PORT, .dport = SERVER_PORT };
	u8 bytes[HOMA_MAX_HEADER + 1400] = { 0 };

	pkt.sender_id = 2 * (1 + prng_below(p, 300));
	if (w->scenario->bits & PASSERS_BY && prng_below(p, 8)) {
		from += (u32)prng_below(p, 1000);
		pkt.type = prng_below(p, 2) ? HOMA_RESEND : HOMA_NEED_ACK;
		pkt.sender_id ^= pkt.type == HOMA_NEED_ACK;
		pkt.resend.length = HOMA_RESEND_ALL;
	} else {
		pkt.data.message_length = HOMA_MAX_MESSAGE;
		pkt.data.incoming = prng_below(p, 2) ? HOMA_MAX_MESSAGE - 1 : 1400;
		if (!prng_below(p, 4))
			pkt.data.offset = HOMA_MAX_MESSAGE - 2 * 1400;
	}
	length = homa_wire_encode(bytes, &pkt);
	if (pkt.type == HOMA_DATA)
		length += 1400;
	net_inject(&w->net, w->net.now, from, to, bytes, length);
	if (w->net.now < w->quiet_at)
		net_at(&w->net, w->net.now + prng_below(p, w->scenario->gap / 10), EV_STRANGER, 0,
		       0, 0);
}

/* From now on the network does no harm beyond what its losses are. */
static void heal(struct world *w)
{
	w->calm = true;
	if (w->scenario->bits & HOSTILE) {
		w->net.rules.flip = 0;
		w->net.rules.loss = 0;
	}
}

static void plan(struct world *w)
{
	const struct scenario *s = w->scenario;
	u32 servers = s->servers ? s->servers : s->hosts, i, bits = s->bits;
	struct prng *p = &w->prng;
	u64 span = (u64)s->rpcs * s->gap * 2 / (s->burst + 1) + 5 * MS;

	w->quiet_at = span;
	for (i = 0; i < s->hosts; i++) {
		struct node *n = &w->nodes[i];

		n->world = w;
		n->index = i;
		n->to_issue = i < servers && s->servers ? 0 : s->rpcs;
		homa_params_init(&n->params);
		n->params.link_mbps = s->rules.mbps;
		if (bits & HOSTILE)
			n->params.max_served_rpcs = 200;
		if (s->vary)
			s->vary(&n->params, p, i);
		if (homa_params_update(&n->params))
			fail(w, "parameters that do not fit together");
		start(n);
		if (n->to_issue)
			net_at(&w->net, prng_below(p, s->gap), EV_ISSUE, i, n->life, 0);
		if ((bits & CRASH_SERVERS && i < servers) ||
		    (bits & CRASH_CLIENTS && (!s->servers || i >= servers)))
			if (prng_below(p, 2))
				net_at(&w->net, prng_below(p, span), EV_CRASH, i, 0, 0);
		if (bits & PARTITIONS && prng_below(p, 2)) {
			u64 when = prng_below(p, span);

			/* Anything from a hiccup to longer than anyone's patience. */
			net_at(&w->net, when, EV_CUT, i, 0, 0);
			net_at(&w->net, when + (prng_below(p, 400 * MS) >> prng_below(p, 8)),
			       EV_MEND, i, 0, 0);
		}
	}
	if (bits & STANDSTILLS) {
		u64 when = prng_below(p, span);

		/* One host at a time: to each other, two would seem to stand still for longer. */
		i = (u32)prng_below(p, s->hosts);
		net_at(&w->net, when, EV_CUT, i, 0, 0);
		net_at(&w->net, when + prng_below(p, 750 * MS), EV_MEND, i, 0, 0);
	}
	if (bits & (HOARDER | PASSERS_BY))
		net_at(&w->net, 1, EV_STRANGER, 0, 0, 0);
	if (bits & HOSTILE) {
		net_at(&w->net, 1, EV_FORGE, 0, 0, 0);
		net_at(&w->net, span, EV_HEAL, 0, 0, 0);
	}
}

/* Events. */

static void arrive(struct world *w, struct net_packet *packet)
{
	struct node *n = &w->nodes[packet->to];

	if (n->alive) {
		print_packet(w, "rcvd", packet->from, packet->to, packet->bytes, packet->length);
		if (!stranger(w, packet->from))
			n->asked[packet->from].open = false;
		arriving = packet;
		homa_host_input(&n->host, w->net.now, address_of(packet->from), packet->bytes,
				packet->length, packet->length);
		arriving = NULL;
	}
	free(packet);
}

static void happen(struct world *w, const struct net_event *e)
{
	struct node *n = &w->nodes[e->host];

	switch (e->kind) {
	case NET_ARRIVAL:
		arrive(w, e->packet);
		return;
	case EV_CRASH:
		crash(n);
		return;
	case EV_RESTART:
		start(n);
		if (n->to_issue)
			issue_some(n);
		return;
	case EV_CUT:
	case EV_MEND:
		cut(w, e->host, e->kind == EV_CUT);
		return;
	case EV_FORGE:
		if (!w->calm)
			forge(w);
		return;
	case EV_HEAL:
		heal(w);
		return;
	case EV_STRANGER:
		stranger_sends(w);
		return;
	}
	/* The rest belongs to a life of the host. */
	if (!n->alive || n->life != e->life)
		return;
	switch (e->kind) {
	case EV_TIMER:
		if (e->arg == HOMA_HOST_PACER)
			homa_host_pace(&n->host, w->net.now);
		else
			homa_host_tick(&n->host, w->net.now);
		break;
	case EV_ISSUE:
		issue_some(n);
		break;
	case EV_REPLY:
		reply(n, (u32)e->arg);
		break;
	case EV_ABORT:
		give_up(n, (u32)e->arg);
		break;
	}
}

static void check_after(struct world *w, struct node *n, u64 event)
{
	const char *why;

	if (!n->alive)
		return;
	/* The full check costs as much as there are RPCs. */
	if (n->host.rpc_count > 32 && event % (n->host.rpc_count / 16))
		return;
	why = check_host(&n->host);
	if (why)
		fail(w, "host %u: %s", n->index, why);
}

/* What one side knows of an RPC that is stuck. */
static void print_side(const char *side, struct node *n, u32 other, u64 id)
{
	struct homa_host_rpc *rpc = n->alive ? find_rpc(n, other, id) : NULL;

	if (!rpc) {
		printf("# %s: none\n", side);
		return;
	}
	printf("# %s grants: incoming %u of %u, %u of %u active\n", side, n->host.grants.incoming,
	       n->host.cx.params->max_incoming, n->host.grants.count,
	       n->host.cx.params->max_overcommit);
	printf("# %s: state %u, asked %u, %.3f ms, out %u/%u/%u of %u, in %u/%u of %u, doubt %u\n",
	       side, rpc->core.state, rpc->core.asked, (double)rpc->core.active_at / 1e6,
	       rpc->out.sent, rpc->out.granted, rpc->out.unsched, rpc->out.length,
	       rpc->core.receiving ? rpc->core.in.received : 0,
	       rpc->core.scheduled ? rpc->grantee.granted : rpc->core.incoming,
	       rpc->core.receiving ? rpc->core.in.length : 0, rpc->core.doubt);
}

static void check_stuck(struct world *w)
{
	u32 i, open = 0, first = 0;
	const struct record *r;

	for (i = w->count; i--; ) {
		if (w->records[i].state == OPEN) {
			open++;
			first = i;
		}
	}
	if (!open)
		return;
	r = &w->records[first];
	fail(w, "%u RPCs never ended, the first is %" PRIu64 " of host %u with host %u", open,
	     r->id, r->client, r->server);
	if (w->verbose) {
		print_side("client", &w->nodes[r->client], r->server, r->id);
		print_side("server", &w->nodes[r->server], r->client, r->id ^ 1);
	}
}

static void check_end(struct world *w)
{
	const char *why;
	u32 i;

	check_stuck(w);
	for (i = 0; i < w->scenario->hosts; i++) {
		struct node *n = &w->nodes[i];

		if (!n->alive || n->to_issue)
			fail(w, "host %u did not finish its work", i);
		why = check_empty(&n->host);
		if (why)
			fail(w, "host %u at the end: %s", i, why);
	}
}

void world_run(const struct scenario *scenario, u64 seed, bool verbose, struct outcome *outcome)
{
	struct world *w = need(calloc(1, sizeof(*w)));
	u64 bound, events = 0;
	struct net_event e;
	u32 i;

	outcome->failed = false;
	w->scenario = scenario;
	w->outcome = outcome;
	w->verbose = verbose;
	w->prng.state = prng_mix(seed);
	net_init(&w->net, seed, &scenario->rules);
	plan(w);
	bound = 2 * w->quiet_at + SETTLE + longest_way(w) + scenario->stall;
	while (!outcome->failed && net_next(&w->net, &e)) {
		if (w->net.now > bound || ++events > MAX_EVENTS) {
			free(e.packet);
			check_stuck(w);
			fail(w, "hosts are still busy");
			break;
		}
		happen(w, &e);
		check_after(w, &w->nodes[e.host], events);
	}
	if (!outcome->failed)
		check_end(w);
	outcome->events += events;
	outcome->packets += w->net.sent;
	outcome->lost += w->net.lost + w->net.overflowed;
	outcome->sim_ns += w->net.now;
	for (i = 0; i < scenario->hosts; i++)
		if (w->nodes[i].alive)
			stop(&w->nodes[i]);
	net_destroy(&w->net);
	free(w->records);
	free(w->table);
	free(w);
}
