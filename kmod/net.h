/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * What the module keeps per network namespace: one Homa host, made of the core's schedulers and
 * tables of its peers, RPCs and sockets.
 *
 * Lock map. A lock may be taken while those above it are held, never the other way round. Those
 * marked "short" are held for a few lines that call into the core, and never while a packet is
 * sent, memory is allocated or another short lock is taken. All are taken with bottom halves
 * disabled but the mutexes, since packets and timers come in softirq.
 *
 *	params_lock		mutex; writers of parameters (readers need none)
 *	homa_krpc.lock		the RPC's state machine, what has arrived and is not copied
 *	  homa_sock.lock	short; a socket's lists of RPCs, and its waiters
 *	  homa_sock.pool_lock	short; its receive pool and who waits for room in it
 *	  txq_lock		short; transmit queue and every outgoing message
 *	  grants_lock		short; grant scheduler, every incoming message in it, cutoffs
 *	  homa_kpeer.lock	short; a peer: liveness, acks, its RPCs
 *	  history_lock		short; which requests ran
 *	  wheel_lock		short; timers of RPCs
 *	peers_lock		short; order in which peers are looked at for being idle
 *	pages.lock		short; pages kept for the next message
 *	ports_lock		short; which socket has which port
 *	owing.lock		short; of what the grant scheduler has yet to be told; see owed.c
 *	heads.lock		short; a core's memory for headers of packets it cuts; see cut.c
 *
 * Two RPCs' locks are never held at once. Lookups of RPCs, peers and sockets are under RCU, and
 * take a reference where what is found is used beyond it. An RPC holds a reference on its peer and
 * its socket. RPCs and peers are freed after a grace period.
 *
 * Grants may be decided for RPCs other than the one whose lock is held: their references are taken
 * under grants_lock, under which they cannot leave the scheduler, and packets are sent afterwards.
 * Likewise for what the transmit queue hands out.
 */
#ifndef HOMA_NET_H
#define HOMA_NET_H

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "compat.h"
#include "homa.h"
#include "pages.h"
#include "shared/rpc.h"
#include "shared/wheel.h"

#define HOMA_PORT_BUCKETS 1024	/* a power of two */
#define HOMA_HISTORY_PLACES 16384	/* finished requests remembered; a power of two */

/* What the shell does with the core's decisions and counts per core; shown beside the core's. */
#define HOMA_KERNEL_COUNTERS(X) \
	X(send_calls, "calls of sendmsg() that issued a request") \
	X(reply_calls, "calls of sendmsg() that issued a response") \
	X(recv_calls, "calls of recvmsg()") \
	X(abort_calls, "calls of HOMAIOCABORT") \
	X(so_set_buf_calls, "calls of setsockopt() with SO_HOMA_RCVBUF") \
	X(client_request_bytes_started, "bytes of requests issued") \
	X(server_response_bytes_started, "bytes of responses issued") \
	X(client_response_bytes_done, "bytes of responses received in full by clients") \
	X(server_request_bytes_done, "bytes of requests received in full by servers") \
	X(server_responses_done, "responses that their clients acked") \
	X(requests_received, "requests handed to programs") \
	X(responses_received, "responses handed to programs") \
	X(wait_none, "messages received without waiting") \
	X(wait_fast, "messages received after busy-waiting") \
	X(wait_block, "messages received after sleeping") \
	X(softirq_calls, "packets or batches of them handed to Homa") \
	X(packet_batches, "batches of packets received as one") \
	X(packet_discards, "packets that were no valid Homa packets") \
	X(dropped_data_no_bufs, "DATA packets dropped for want of room in a receive region") \
	X(buffer_alloc_failures, "messages that had to wait for room in a receive region") \
	X(bpage_reuses, "receive pages taken back from a core that did not use them") \
	X(skb_allocs, "packet buffers made for sending") \
	X(gso_batches, "batches of packets sent as one") \
	X(control_xmit_errors, "control packets that could not be sent") \
	X(data_xmit_errors, "DATA packets that could not be sent") \
	X(peer_kmalloc_errors, "peers that could not be made for want of memory") \
	X(peer_route_errors, "peers that could not be made for want of a route") \
	X(peer_dst_refreshes, "routes looked up again because they had changed") \
	X(server_cant_create_rpcs, "requests that could not be taken for want of memory") \
	X(server_create_races, "requests that another core had begun meanwhile") \
	X(pacer_wakeups, "times the transmit queue went on because the link had room again") \
	X(pacer_late_ns, "ns that those came later than they were asked for") \
	X(pacer_tcp_packets, "packets of other protocols the queueing discipline held back") \
	X(pacer_tcp_bytes, "bytes of them") \
	X(gro_data_bypasses, "short DATA packets handed on at once, past the batching") \
	X(gro_grant_bypasses, "GRANTs handed on at once, likewise") \
	X(gen2_handoffs, "batches or packets given to one of the next cores") \
	X(gen3_handoffs, "batches or packets given to a core of gen3_softirq_cores") \
	X(gen3_alt_handoffs, "those of them for which it was not the first one") \
	X(icmp_errors, "ICMP errors about packets of ours")

struct homa_kernel_counters {
#define X(name, meaning) u64 name;
	HOMA_KERNEL_COUNTERS(X)
#undef X
	u64 msg_bytes_small[64];	/* in incoming messages up to 64 × (i + 1) bytes long */
	u64 msg_bytes_medium[128];	/* up to 1024 × (i + 1); those below 4096 are above */
	u64 large_msg_count, large_msg_bytes;
};

struct homa_percpu {
	struct homa_counters core;
	struct homa_kernel_counters kernel;
};

/* Parameters of the shell, that the core has no use for; same columns as HOMA_PARAMS. */
#define HOMA_KERNEL_PARAMS(X) \
	X(poll_usecs, 50, 0, 1000000, "us", \
	  "busy-waiting in recvmsg() before it sleeps, while the core has nothing else to do") \
	X(wmem_max, 100000000, 1, 1000000000, "bytes", \
	  "messages to be sent or not yet acked that a socket may hold") \
	X(bpage_lease_usecs, 10000, 0, 10000000, "us", \
	  "time a core keeps a receive page it does not fill") \
	X(max_gso_size, 0, 0, 65535, "bytes", \
	  "most bytes of data in a batch of packets sent as one; 0: one packet") \
	X(max_batch, 56000, 0, 56000, "bytes", \
	  "most bytes of data that go through the IP layer as one batch, which is cut in " \
	  "software before any device that cannot take it; less on slow links, see " \
	  "max_nic_queue_usecs") \
	X(skb_page_pool_min_kb, 3000, 0, 1000000, "KiB", \
	  "unused memory of messages kept for the next ones") \
	X(gso_force_software, 0, 0, 1, "switch", \
	  "cut batches into packets in software even where the device offers to; none are made " \
	  "of packets disguised as TCP") \
	X(gro_policy, 114, 0, 255, "bits", \
	  "received packets: 16 short messages and 64 grants past the batching; batches to one " \
	  "of the next cores (8), or to one that gen3_softirq_cores names (32, before 8), and so " \
	  "packets that come alone, too, unless 2 keeps them on the core they come to") \
	X(gro_busy_usecs, 5, 0, 1000000, "us", \
	  "time since a core last had packets to handle, for which it counts as busy when one is " \
	  "chosen for the next ones") \
	X(max_gro_skbs, 20, 1, 1000, "packets", "most packets received as one batch") \
	X(hijack_tcp, 0, 0, 1, "switch", \
	  "send Homa packets disguised as TCP, and batches of them whole wherever TCP's are") \
	X(homa_share, 50, 0, 100, "percent", \
	  "share of the link that Homa is sure of when other traffic wants it, too") \
	X(flags, 0, 0, 2, "bits", \
	  "2: send without regard to what waits in the NIC") \
	X(verbose, 0, 0, 1, "switch", "log when RPCs fail")

struct homa_kernel_params {
#define X(name, def, min, max, unit, meaning) u32 name;
	HOMA_KERNEL_PARAMS(X)
#undef X
};

struct homa_sock;

#define HOMA_SOFTIRQ_CORES 3	/* that may work for a core */

struct homa_softirq_cores {
	s16 candidate[HOMA_SOFTIRQ_CORES];	/* -1: none */
};

struct homa_net {
	struct net *net;
	struct homa_params params;
	struct homa_kernel_params shell;
	struct homa_percpu __percpu *counters;
	struct homa_softirq_cores *softirq_cores;	/* by core; NULL: none were named */
	struct rhashtable rpcs, peers;
	struct hlist_head ports[HOMA_PORT_BUCKETS];	/* homa_sock.of_port */
	atomic64_t next_id, next_token;
	atomic_t peer_count;
	atomic_t served;	/* RPCs that peers issued */
	atomic_t owed;		/* RPCs of whose bytes the grant scheduler will be told */

	spinlock_t txq_lock ____cacheline_aligned_in_smp;
	struct homa_txq txq;
	bool pacing;		/* pacer is set */
	struct hrtimer pacer;	/* fires when the link has room again */

	spinlock_t grants_lock ____cacheline_aligned_in_smp;
	struct homa_grants grants;
	struct homa_allocator allocator;

	spinlock_t wheel_lock ____cacheline_aligned_in_smp;
	struct homa_wheel wheel;
	bool ticking;		/* tick is set */
	struct hrtimer tick;

	spinlock_t history_lock ____cacheline_aligned_in_smp;
	struct homa_history history;

	spinlock_t ports_lock;	/* last_port, and which sockets are bound where */
	u16 last_port;		/* given to a client */
	spinlock_t peers_lock;
	struct list_head turns;	/* homa_kpeer.turn */

	struct homa_pages pages;

	struct mutex params_lock;	/* what of this namespace users set, and its start */
	bool link_set;		/* an administrator set link_mbps; params_lock */
	struct work_struct link_work;	/* looks for the link's rate */
	struct ctl_table_header *sysctl_header;
	struct ctl_table *sysctl_table;
	struct sock *ctl_sk[2];	/* for packets that belong to no socket; IPv4, IPv6 */
	bool active;		/* a socket was made, so that there is a history */
};

extern unsigned int homa_net_id;

static inline struct homa_net *homa_net(struct net *net)
{
	return net_generic(net, homa_net_id);
}

/*
 * For calls into the core. Counters are this core's, so that bottom halves must be off as long as
 * the result is in use.
 */
static inline struct homa_cx homa_cx(struct homa_net *hnet)
{
	struct homa_cx cx = {
		.now = ktime_get_ns(),
		.params = &hnet->params,
		.counters = &raw_cpu_ptr(hnet->counters)->core,
	};

	return cx;
}

/* The first socket of the namespace. Return: 0 or -ENOMEM. */
int homa_net_activate(struct homa_net *hnet);

#define homa_count(hnet, name)	     this_cpu_inc((hnet)->counters->kernel.name)
#define homa_count_add(hnet, name, n) this_cpu_add((hnet)->counters->kernel.name, n)

#endif /* HOMA_NET_H */
