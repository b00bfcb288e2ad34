// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The test network; see link.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"

static void *need(void *memory)
{
	if (!memory) {
		perror("net");
		exit(1);
	}
	return memory;
}

void net_init(struct net *net, u64 seed, const struct net_rules *rules)
{
	memset(net, 0, sizeof(*net));
	net->prng.state = prng_mix(seed ^ 0x6e65745f6c696e6bull);
	net->rules = *rules;
}

void net_destroy(struct net *net)
{
	u32 i;

	for (i = 0; i < net->count; i++)
		free(net->heap[i].packet);
	free(net->heap);
	memset(net, 0, sizeof(*net));
}

static bool before(const struct net_event *a, const struct net_event *b)
{
	return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

static void push(struct net *net, struct net_event event)
{
	u32 i;

	if (net->count == net->size) {
		net->size = net->size ? 2 * net->size : 256;
		net->heap = need(realloc(net->heap, net->size * sizeof(net->heap[0])));
	}
	event.seq = net->seq++;
	for (i = net->count++; i && before(&event, &net->heap[(i - 1) / 2]); i = (i - 1) / 2)
		net->heap[i] = net->heap[(i - 1) / 2];
	net->heap[i] = event;
}

static struct net_event pop(struct net *net)
{
	struct net_event first = net->heap[0], last = net->heap[--net->count];
	u32 i = 0, child;

	while ((child = 2 * i + 1) < net->count) {
		if (child + 1 < net->count && before(&net->heap[child + 1], &net->heap[child]))
			child++;
		if (!before(&net->heap[child], &last))
			break;
		net->heap[i] = net->heap[child];
		i = child;
	}
	if (net->count)
		net->heap[i] = last;
	return first;
}

void net_at(struct net *net, u64 when, u32 kind, u32 host, u64 life, u64 arg)
{
	struct net_event event = { .at = when > net->now ? when : net->now, .kind = kind,
				   .host = host, .life = life, .arg = arg };

	push(net, event);
}

static struct net_packet *copy(u32 from, u32 to, const u8 *bytes, u32 length, u32 wire)
{
	struct net_packet *p = need(malloc(sizeof(*p) + length));

	p->from = from;
	p->to = to;
	p->length = length;
	p->wire = wire;
	memcpy(p->bytes, bytes, length);
	return p;
}

static u64 on_link(const struct net *net, u32 bytes)
{
	return bytes * 8000ull / net->rules.mbps;
}

static void damage(struct net *net, struct net_packet *p)
{
	u32 flips = 1 + (u32)prng_below(&net->prng, 4), bit;

	while (flips--) {
		bit = (u32)prng_below(&net->prng, p->length * 8);
		/* Headers are what matters. */
		if (prng_below(&net->prng, 4))
			bit %= 80 * 8 < p->length * 8 ? 80 * 8 : p->length * 8;
		p->bytes[bit / 8] ^= (u8)(1 << bit % 8);
	}
	net->flipped++;
}

static void launch(struct net *net, u64 when, struct net_packet *p)
{
	const struct net_rules *rules = &net->rules;
	struct net_event event = { .kind = NET_AT_SWITCH, .host = p->to, .packet = p };

	when += rules->delay + prng_below(&net->prng, rules->jitter + 1);
	if (prng_chance(&net->prng, rules->reorder)) {
		net->late++;
		when += prng_below(&net->prng, rules->late);
	}
	if (prng_chance(&net->prng, rules->flip))
		damage(net, p);
	net->in_flight++;
	event.at = when;
	push(net, event);
}

void net_send(struct net *net, u32 from, u32 to, const u8 *bytes, u32 length, u32 wire)
{
	u64 gone;

	net->sent++;
	if (net->up_free[from] < net->now)
		net->up_free[from] = net->now;
	gone = net->up_free[from] += on_link(net, wire);
	if (net->cut[from][to] || prng_chance(&net->prng, net->rules.loss)) {
		net->lost++;
		return;
	}
	launch(net, gone, copy(from, to, bytes, length, wire));
	while (prng_chance(&net->prng, net->rules.duplicate)) {
		net->doubled++;
		launch(net, gone + prng_below(&net->prng, net->rules.echo + 1),
		       copy(from, to, bytes, length, wire));
	}
}

void net_inject(struct net *net, u64 when, u32 from, u32 to, const u8 *bytes, u32 length)
{
	struct net_event event = { .at = when > net->now ? when : net->now, .kind = NET_ARRIVAL,
				   .host = to, .packet = copy(from, to, bytes, length, length) };

	net->in_flight++;
	push(net, event);
}

bool net_next(struct net *net, struct net_event *event)
{
	while (net->count) {
		*event = pop(net);
		net->now = event->at;
		if (event->kind == NET_ARRIVAL)
			net->in_flight--;
		if (event->kind != NET_AT_SWITCH)
			return true;
		if (net->down_free[event->host] < net->now)
			net->down_free[event->host] = net->now;
		if (net->rules.queue && net->down_free[event->host] - net->now >
		    on_link(net, net->rules.queue)) {
			net->overflowed++;
			net->in_flight--;
			free(event->packet);
			continue;
		}
		net->down_free[event->host] += on_link(net, event->packet->wire);
		event->kind = NET_ARRIVAL;
		event->at = net->down_free[event->host];
		push(net, *event);
	}
	return false;
}
