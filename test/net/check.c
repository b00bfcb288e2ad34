// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * What must hold of a host; see check.h.
 */
#include <stdarg.h>
#include <stdio.h>

#include "check.h"

static char complaint[256];

static const char *complain(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(complaint, sizeof(complaint), format, list);
	va_end(list);
	return complaint;
}

static const char *check_rpc(const struct homa_host *host, const struct homa_host_rpc *rpc,
			     u64 *incoming, u64 *coming)
{
	const struct homa_grantee *g = &rpc->grantee;
	bool sendable = rpc->out.length && homa_msgout_sendable(&rpc->out);
	bool timed = rpc->core.state != HOMA_RPC_SERVING && rpc->core.state != HOMA_RPC_DONE;
	unsigned long long id = rpc->core.id;

	if (rpc->out.length && sendable != homa_node_queued(&rpc->out.srpt))
		return complain("rpc %llu: sendable %d but queued %d", id, sendable,
				homa_node_queued(&rpc->out.srpt));
	if (rpc->out.sent > rpc->out.length || rpc->out.granted > rpc->out.length)
		return complain("rpc %llu: sent %u granted %u of %u", id, rpc->out.sent,
				rpc->out.granted, rpc->out.length);
	if (timed && homa_link_alone(&rpc->timer.link))
		return complain("rpc %llu: state %u without a timer", id, rpc->core.state);
	if (rpc->core.scheduled != homa_grantee_scheduled(g))
		return complain("rpc %llu: scheduled %d but in the grant scheduler %d", id,
				rpc->core.scheduled, homa_grantee_scheduled(g));
	if (!g->peer)
		return NULL;
	if (g->received != rpc->core.in.received)
		return complain("rpc %llu: scheduler knows of %u bytes, %u are here", id,
				g->received, rpc->core.in.received);
	if (g->granted > g->received && !g->stalled)
		*coming += g->granted - g->received;
	*incoming += g->pending;
	if (g->pending && g->pending + g->received > g->granted)
		return complain("rpc %llu: %u bytes pending, %u of %u received", id, g->pending,
				g->received, g->granted);
	if (g->stalled && (g->pending || g->rank != HOMA_NOT_ACTIVE ||
			   homa_node_queued(&g->node) || homa_node_queued(&g->age)))
		return complain("rpc %llu: stalled but still scheduled", id);
	if (g->granted < g->length && !g->stalled &&
	    (g->rank == HOMA_NOT_ACTIVE) != homa_node_queued(&g->node))
		return complain("rpc %llu: rank %u but waiting %d", id, g->rank,
				homa_node_queued(&g->node));
	if (g->granted >= g->length && (g->rank != HOMA_NOT_ACTIVE || homa_node_queued(&g->node) ||
					homa_node_queued(&g->age)))
		return complain("rpc %llu: fully granted but still scheduled", id);
	if (g->rank != HOMA_NOT_ACTIVE &&
	    (g->rank >= host->grants.count || host->grants.active[g->rank] != g))
		return complain("rpc %llu: not at its rank %u", id, g->rank);
	return NULL;
}

static const char *check_grants(const struct homa_host *host, u64 incoming, u64 coming)
{
	const struct homa_grants *s = &host->grants;
	u32 i;

	if (incoming != s->incoming)
		return complain("granted but not received: %llu by the RPCs, %u by the scheduler",
				(unsigned long long)incoming, s->incoming);
	if (s->count > host->cx.params->max_overcommit)
		return complain("%u active messages, %u allowed", s->count,
				host->cx.params->max_overcommit);
	for (i = 0; i < s->count; i++) {
		if (s->active[i]->peer->active != s->active[i])
			return complain("rank %u: its peer has another active message", i);
		if (i && homa_node_before(&s->active[i]->node, &s->active[i - 1]->node))
			return complain("rank %u has fewer bytes left than the one before", i);
	}
	/* Bytes that arrive, or whose RPC dies, are what makes the scheduler look again. */
	if ((s->count || s->peers.first) && !coming)
		return complain("messages wait for grants and nothing is coming");
	return NULL;
}

const char *check_host(const struct homa_host *host)
{
	const struct homa_link *at;
	const char *why;
	u64 incoming = 0, coming = 0;
	u32 i, all_served = 0, rpcs = 0, timers = 0, peers = 0;

	for (i = 0; i < host->peer_buckets; i++) {
		const struct homa_host_peer *peer;

		for (peer = host->peers[i]; peer; peer = peer->next) {
			const struct homa_grant_peer *g = &peer->core.grants;
			u32 served = 0;

			peers++;
			if ((g->waiting.first && !g->active) != homa_node_queued(&g->node))
				return complain("a peer's place among those that wait is wrong");
			for (at = peer->rpcs.next; at != &peer->rpcs; at = at->next) {
				const struct homa_host_rpc *rpc =
					homa_container_of(at, struct homa_host_rpc, of_peer);

				rpcs++;
				served += !homa_rpc_is_client(&rpc->core);
				timers += !homa_link_alone(&rpc->timer.link);
				why = check_rpc(host, rpc, &incoming, &coming);
				if (why)
					return why;
			}
			if (served != peer->served ||
			    served > host->cx.params->max_rpcs_per_peer)
				return complain("a peer has %u requests, counted %u, allowed %u",
						served, peer->served,
						host->cx.params->max_rpcs_per_peer);
			all_served += served;
		}
	}
	if (all_served != host->served || all_served > host->cx.params->max_served_rpcs)
		return complain("%u requests, counted %u, allowed %u", all_served, host->served,
				host->cx.params->max_served_rpcs);
	if (host->pin)
		return complain("a peer is in use at rest");
	if (peers != host->peer_count || peers > host->cx.params->peer_net_max)
		return complain("%u peers, counted %u, allowed %u", peers, host->peer_count,
				host->cx.params->peer_net_max);
	if (rpcs != host->rpc_count)
		return complain("%u RPCs by the peers, %u by the host", rpcs, host->rpc_count);
	if (timers != host->wheel.armed)
		return complain("%u timers by the RPCs, %u by the wheel", timers,
				host->wheel.armed);
	if (host->wheel.armed && !host->timer_set[HOMA_HOST_TICK])
		return complain("timers are armed and no tick is due");
	if (host->txq.srpt.first && !host->timer_set[HOMA_HOST_PACER])
		return complain("messages wait to be sent and the pacer sleeps");
	return check_grants(host, incoming, coming);
}

const char *check_empty(const struct homa_host *host)
{
	u32 i;

	if (host->rpc_count)
		return complain("%u RPCs are left", host->rpc_count);
	for (i = 0; i < host->rpc_buckets; i++)
		if (host->rpcs[i])
			return complain("the table of RPCs is not empty");
	if (host->txq.srpt.root || host->txq.age.root)
		return complain("the transmit queue is not empty");
	if (host->grants.peers.root || host->grants.age.root || host->grants.count)
		return complain("the grant scheduler is not empty");
	if (host->grants.incoming)
		return complain("%u bytes count as granted but not received",
				host->grants.incoming);
	if (host->wheel.armed)
		return complain("%u timers are armed", host->wheel.armed);
	return check_host(host);
}
