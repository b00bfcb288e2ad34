// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The scenarios of the test network; see scenarios.h.
 */
#include "scenarios.h"

#define US 1000ull
#define MS 1000000ull
#define PERCENT 10000	/* ppm */

#define CALM .delay = 2 * US, .jitter = 200, .mbps = 10000
#define MUST(counter) .must = offsetof(struct homa_counters, counter) + 1
#define MUST_DROP(why) .must = offsetof(struct homa_counters, packets_dropped[why]) + 1

static u32 any(struct prng *p, u32 low, u32 high)
{
	return low + (u32)prng_below(p, high - low + 1);
}

static void vary_all(struct homa_params *params, struct prng *p, u32 host)
{
	(void)host;
	params->unsched_bytes = any(p, 1, 60000);
	params->max_incoming = any(p, 3000, 200000);
	params->max_overcommit = any(p, 1, 12);
	params->window = any(p, 0, 1) ? 0 : any(p, 1000, 100000);
	params->grant_fifo_fraction = any(p, 0, 1) ? 0 : any(p, 1, 500);
	params->fifo_grant_increment = any(p, 100, 50000);
	params->pacer_fifo_fraction = any(p, 0, 1) ? 0 : any(p, 1, 1000);
	params->num_priorities = any(p, 1, 8);
	params->sched_levels = any(p, 0, params->num_priorities - 1);
	params->unsched_by_remaining = any(p, 0, 1);
	params->tail_bytes = any(p, 0, 1) ? 0 : any(p, 1, 20000);
	params->defer_min_bytes = any(p, 0, 3000);
	params->max_nic_queue_usecs = any(p, 0, 40);
	params->request_ack_ticks = any(p, 1, 5);
	params->cutoff_interval = any(p, 0, 20);
}

/* Who is not heard for a while is gone. */
static void vary_impatient(struct homa_params *params, struct prng *p, u32 host)
{
	(void)p;
	(void)host;
	params->stall_ticks = 0;
}

static void vary_small_room(struct homa_params *params, struct prng *p, u32 host)
{
	(void)host;
	params->unsched_bytes = any(p, 1, 10000);
	params->max_incoming = any(p, 1, 30000);
	params->max_overcommit = any(p, 1, 3);
	params->window = any(p, 0, 1) ? 0 : any(p, 1, 10000);
	params->grant_fifo_fraction = any(p, 0, 500);
	params->fifo_grant_increment = any(p, 100, 10000);
}

static void vary_wide(struct homa_params *params, struct prng *p, u32 host)
{
	(void)host;
	params->unsched_bytes = any(p, 1, 3000);
	params->max_incoming = any(p, 20000, 1000000);
	params->max_overcommit = any(p, 9, HOMA_MAX_OVERCOMMIT);
	params->window = any(p, 1000, 20000);
}

/* A switch or shaper beyond the link is slower than the link, and holds whatever comes. */
static void vary_unaware(struct homa_params *params, struct prng *p, u32 host)
{
	(void)p;
	(void)host;
	params->link_mbps = 25000;
}

static void vary_cutoffs(struct homa_params *params, struct prng *p, u32 host)
{
	(void)host;
	params->cutoff_interval = any(p, 1, 3);
	params->num_priorities = any(p, 2, 8);
}

/* Few requests of a stranger are worth much. */
static void vary_hoarded(struct homa_params *params, struct prng *p, u32 host)
{
	(void)host;
	params->max_incoming = any(p, 50000, 400000);
	params->max_overcommit = any(p, 1, 8);
	params->max_rpcs_per_peer = any(p, 20, 60);
	params->abandon_ticks = any(p, 1000, 3000);
}

static void vary_few_peers(struct homa_params *params, struct prng *p, u32 host)
{
	(void)host;
	params->peer_gc_threshold = any(p, 0, 3);
	params->peer_net_max = any(p, 6, 12);
	params->peer_idle_secs_min = any(p, 0, 1);
	params->peer_idle_secs_max = any(p, 0, 2);
}

const struct scenario scenarios[] = {
	{ .name = "clean", .claim = "on a network without faults every RPC completes unasked",
	  .seeds = 100, .hosts = 4, .rpcs = 30, .max_size = 300000, .gap = 100 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500, .rules = { CALM }, MUST(client_responses_done) },
	{ .name = "loss", .claim = "up to 10% loss fails no RPC",
	  .seeds = 150, .hosts = 4, .rpcs = 20, .max_size = 200000, .gap = 300 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500, .rules = { CALM, .loss = 10 * PERCENT },
	  MUST(resent_packets_used) },
	{ .name = "heavy-loss", .claim = "20% loss fails no RPC",
	  .seeds = 100, .hosts = 4, .rpcs = 15, .max_size = 100000, .gap = 300 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500, .rules = { CALM, .loss = 20 * PERCENT },
	  MUST(resent_packets_used) },
	{ .name = "many-lost",
	  .claim = "RPCs that lost packets at one peer recover together, not one per tick",
	  .seeds = 40, .hosts = 2, .servers = 1, .rpcs = 400, .max_size = 1000, .gap = 10 * US,
	  .burst = 400, .service = 5 * US, .within = 160 * MS, .mtu = 1500,
	  .rules = { CALM, .loss = 20 * PERCENT }, MUST(resent_packets_used) },
	{ .name = "duplication", .claim = "packets that come twice change nothing",
	  .seeds = 100, .hosts = 4, .rpcs = 20, .max_size = 200000, .gap = 200 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500,
	  .rules = { CALM, .duplicate = 30 * PERCENT, .echo = 3 * MS },
	  MUST_DROP(HOMA_DROP_DUPLICATE) },
	{ .name = "reordering", .claim = "packets that come late change nothing",
	  .seeds = 100, .hosts = 4, .rpcs = 20, .max_size = 200000, .gap = 200 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500,
	  .rules = { CALM, .reorder = 30 * PERCENT, .late = 15 * MS }, MUST(gaps_created) },
	{ .name = "all-faults",
	  .claim = "with loss, duplication and reordering only what was given up fails",
	  .seeds = 150, .hosts = 4, .rpcs = 20, .max_size = 150000, .gap = 300 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500, .vary = vary_all, .bits = NESTED,
	  .rules = { CALM, .loss = 5 * PERCENT, .duplicate = 10 * PERCENT, .echo = 10 * MS,
		     .reorder = 10 * PERCENT, .late = 10 * MS },
	  MUST(resent_packets_used) },
	{ .name = "tiny-packets", .claim = "packets of a few bytes of data work as well",
	  .seeds = 80, .hosts = 3, .rpcs = 15, .max_size = 20000, .gap = 300 * US, .burst = 2,
	  .service = 20 * US, .mtu = 20 + HOMA_DATA_HEADER + 32, .vary = vary_all,
	  .rules = { CALM, .loss = 3 * PERCENT, .reorder = 5 * PERCENT, .late = 1 * MS },
	  MUST(resent_packets_used) },
	{ .name = "incast", .claim = "many senders to one receiver with a short queue all finish",
	  .seeds = 60, .hosts = 17, .servers = 1, .rpcs = 6, .max_size = 60000, .gap = 200 * US,
	  .burst = 3, .service = 5 * US, .mtu = 1500,
	  .rules = { CALM, .queue = 200000 }, MUST(resent_packets_used) },
	{ .name = "many-grants", .claim = "more messages can be active than grants go out at once",
	  .seeds = 60, .hosts = 34, .servers = 1, .rpcs = 3, .max_size = 60000, .gap = 50 * US,
	  .burst = 3, .service = 5 * US, .mtu = 1500, .vary = vary_wide,
	  .rules = { CALM, .loss = 1 * PERCENT }, MUST(client_responses_done) },
	{ .name = "small-room", .claim = "long messages finish however little may be granted",
	  .seeds = 60, .hosts = 5, .rpcs = 5, .max_size = 1000000, .gap = 500 * US, .burst = 3,
	  .service = 5 * US, .mtu = 1500, .vary = vary_small_room,
	  .rules = { CALM, .loss = PERCENT / 2 }, MUST(fifo_grant_bytes) },
	{ .name = "slow-server", .claim = "a client waits for a server at work, however long",
	  .seeds = 80, .hosts = 4, .rpcs = 20, .max_size = 30000, .gap = 300 * US, .burst = 3,
	  .service = 2 * MS, .stalls = 20 * PERCENT, .stall = 600 * MS, .mtu = 1500,
	  .rules = { CALM, .loss = 5 * PERCENT }, MUST(resent_packets_used) },
	{ .name = "acks-lost", .claim = "servers forget RPCs of clients that never ack",
	  .seeds = 80, .hosts = 4, .rpcs = 20, .max_size = 30000, .gap = 300 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500, .bits = ACKS_LOST,
	  .rules = { CALM, .loss = 1 * PERCENT }, MUST(rpc_timeouts) },
	{ .name = "crash-clients", .claim = "clients that crash leave nothing behind at servers",
	  .seeds = 120, .hosts = 5, .servers = 2, .rpcs = 25, .max_size = 200000,
	  .gap = 300 * US, .burst = 3, .service = 300 * US, .mtu = 1500, .bits = CRASH_CLIENTS,
	  .rules = { CALM, .loss = 1 * PERCENT }, MUST(client_responses_done) },
	{ .name = "crash-servers", .claim = "RPCs survive or fail when their server crashes",
	  .seeds = 120, .hosts = 5, .servers = 3, .rpcs = 25, .max_size = 200000,
	  .gap = 300 * US, .burst = 3, .service = 300 * US, .mtu = 1500, .bits = CRASH_SERVERS,
	  .vary = vary_impatient, .rules = { CALM, .loss = 1 * PERCENT }, MUST(peer_timeouts) },
	{ .name = "crash-both", .claim = "crashes on both sides leave nothing stuck",
	  .seeds = 120, .hosts = 5, .rpcs = 20, .max_size = 100000, .gap = 300 * US, .burst = 3,
	  .service = 300 * US, .mtu = 1500, .bits = CRASH_SERVERS | CRASH_CLIENTS | NESTED,
	  .vary = vary_impatient,
	  .rules = { CALM, .loss = 3 * PERCENT, .duplicate = 3 * PERCENT, .echo = 5 * MS },
	  MUST(peer_timeouts) },
	{ .name = "partition", .claim = "hosts cut off for a while fail RPCs but stick nowhere",
	  .seeds = 120, .hosts = 5, .rpcs = 20, .max_size = 100000, .gap = 500 * US, .burst = 3,
	  .service = 300 * US, .mtu = 1500, .bits = PARTITIONS | NESTED, .vary = vary_impatient,
	  .rules = { CALM, .loss = 1 * PERCENT }, MUST(peer_timeouts) },
	{ .name = "standstill",
	  .claim = "while a host stands still for a while, only what was given up fails",
	  .seeds = 120, .hosts = 5, .rpcs = 20, .max_size = 100000, .gap = 500 * US, .burst = 3,
	  .service = 300 * US, .mtu = 1500, .bits = STANDSTILLS | NESTED,
	  .rules = { CALM, .loss = 1 * PERCENT }, MUST(resent_packets) },
	{ .name = "restarts", .claim = "servers that crash and come back soon are waited for",
	  .seeds = 60, .hosts = 5, .servers = 3, .rpcs = 25, .max_size = 200000,
	  .gap = 300 * US, .burst = 3, .service = 300 * US, .mtu = 1500, .bits = CRASH_SERVERS,
	  .rules = { CALM, .loss = 1 * PERCENT }, MUST(rpcs_restarted) },
	{ .name = "client-aborts", .claim = "RPCs given up by clients end everywhere",
	  .seeds = 100, .hosts = 4, .rpcs = 30, .max_size = 300000, .gap = 100 * US, .burst = 3,
	  .service = 300 * US, .mtu = 1500, .bits = CLIENT_ABORTS | NESTED,
	  .rules = { CALM, .loss = 3 * PERCENT }, MUST(client_responses_done) },
	{ .name = "server-aborts", .claim = "only RPCs that their server gave up fail",
	  .seeds = 100, .hosts = 4, .rpcs = 25, .max_size = 30000, .gap = 300 * US, .burst = 3,
	  .service = 2 * MS, .stalls = 10 * PERCENT, .stall = 200 * MS, .mtu = 1500,
	  .bits = SERVER_ABORTS, .rules = { CALM, .loss = 1 * PERCENT }, MUST(rpc_timeouts) },
	{ .name = "history-overflow",
	  .claim = "requests delayed past their acks never run again, however little is remembered",
	  .seeds = 300, .hosts = 4, .rpcs = 60, .max_size = 20000, .gap = 1000 * US, .burst = 6,
	  .service = 20 * US, .mtu = 1500, .places = 2,
	  .rules = { CALM, .loss = 3 * PERCENT, .duplicate = 30 * PERCENT, .echo = 60 * MS,
		     .reorder = 3 * PERCENT, .late = 20 * MS },
	  MUST(requests_doubted) },
	{ .name = "forgotten-aborts",
	  .claim = "a request its server gave up never runs again, though others are forgotten",
	  .seeds = 100, .hosts = 4, .rpcs = 80, .max_size = 20000, .gap = 1000 * US, .burst = 6,
	  .service = 20 * US, .mtu = 1500, .places = 64, .bits = SERVER_ABORTS | CLIENT_ABORTS,
	  .rules = { CALM, .loss = 3 * PERCENT, .duplicate = 30 * PERCENT, .echo = 60 * MS,
		     .reorder = 3 * PERCENT, .late = 20 * MS },
	  MUST(requests_doubted) },
	{ .name = "hostile", .claim = "forged and damaged packets neither crash nor outlast a host",
	  .seeds = 200, .hosts = 4, .rpcs = 40, .max_size = 100000, .gap = 20 * US, .burst = 3,
	  .service = 100 * US, .mtu = 1500, .bits = HOSTILE, .vary = vary_all,
	  .rules = { CALM, .loss = 3 * PERCENT, .flip = 5 * PERCENT, .duplicate = 3 * PERCENT,
		     .echo = MS },
	  MUST_DROP(HOMA_DROP_RANGE) },
	{ .name = "hoarder",
	  .claim = "a peer that claims grants and is always busy stops nobody else",
	  .seeds = 60, .hosts = 5, .rpcs = 40, .max_size = 300000, .gap = 300 * US, .burst = 3,
	  .service = 20 * US, .within = 500 * MS, .mtu = 1500, .bits = HOARDER,
	  .vary = vary_hoarded,
	  .rules = { CALM, .loss = PERCENT / 2 }, MUST(grants_stalled) },
	{ .name = "passers-by",
	  .claim = "packets from ever new addresses neither fill a host nor drive its peers out",
	  .seeds = 60, .hosts = 5, .rpcs = 40, .max_size = 30000, .gap = 500 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500, .bits = PASSERS_BY | NESTED, .vary = vary_few_peers,
	  .rules = { CALM, .loss = PERCENT / 2 }, MUST(peers_collected) },
	{ .name = "slow-wire",
	  .claim = "behind a link slower than known, what waits in a queue is not taken for lost",
	  .seeds = 40, .hosts = 2, .servers = 1, .rpcs = 4, .max_size = 1000000, .gap = 100 * MS,
	  .burst = 1, .service = 20 * US, .again = 15, .mtu = 1500, .bits = ONE_SIZE,
	  .vary = vary_unaware, .rules = { .delay = 2 * US, .jitter = 200, .mbps = 10 },
	  MUST(resent_packets) },
	{ .name = "cutoffs", .claim = "cutoffs that follow the traffic disturb no RPC",
	  .seeds = 80, .hosts = 4, .rpcs = 80, .max_size = 100000, .gap = 200 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500, .bits = PHASES, .vary = vary_cutoffs,
	  .rules = { CALM, .loss = 2 * PERCENT }, MUST(cutoff_updates) },
	{ .name = "unequal-hosts", .claim = "hosts with different parameters understand each other",
	  .seeds = 150, .hosts = 5, .rpcs = 15, .max_size = 150000, .gap = 200 * US, .burst = 3,
	  .service = 20 * US, .mtu = 1500, .vary = vary_all, .bits = NESTED,
	  .rules = { CALM, .loss = 1 * PERCENT }, MUST(client_responses_done) },
};

const u32 scenario_count = ARRAY_SIZE(scenarios);

const struct scenario figure_scenario = {
	.name = "figures", .claim = "completion times under loss", .seeds = 100, .hosts = 4,
	.servers = 2, .rpcs = 40, .max_size = 1000000, .gap = 2 * MS, .burst = 1, .mtu = 1500,
	.rules = { CALM },
};
