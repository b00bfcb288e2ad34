// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Loading and unloading: the protocol's registrations, and the state of each network namespace.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/vmalloc.h>
#include <net/inet_common.h>
#include <net/protocol.h>

#include "hash.h"
#include "hijack.h"
#include "in.h"
#include "metrics.h"
#include "offload.h"
#include "out.h"
#include "peers.h"
#include "qdisc.h"
#include "rate.h"
#include "sock.h"
#include "steer.h"
#include "sysctl.h"

unsigned int homa_net_id;
u64 homa_hash_key[HOMA_HASH_WORDS] __read_mostly;

/* The history is made when the first socket is: most namespaces never have one. */
int homa_net_activate(struct homa_net *hnet)
{
	struct homa_memory *place;
	struct homa_bucket *buckets;
	int err = 0;

	if (smp_load_acquire(&hnet->active)) /* with the release below */
		return 0;
	mutex_lock(&hnet->params_lock);
	if (hnet->active)
		goto out;
	err = -ENOMEM;
	place = kvmalloc_array(HOMA_HISTORY_PLACES, sizeof(*place), GFP_KERNEL_ACCOUNT);
	buckets = kvmalloc_array(HOMA_HISTORY_PLACES, sizeof(*buckets), GFP_KERNEL_ACCOUNT);
	if (place && buckets)
		err = homa_hijack_init(hnet);
	if (err) {
		kvfree(place);
		kvfree(buckets);
		goto out;
	}
	homa_history_init(&hnet->history, place, buckets, HOMA_HISTORY_PLACES);
	/* Who sees it active finds all of the above. */
	smp_store_release(&hnet->active, true);
out:
	mutex_unlock(&hnet->params_lock);
	return err;
}

static void init_core(struct homa_net *hnet)
{
	struct homa_cx cx;

	homa_params_init(&hnet->params);
#define X(name, def, min, max, unit, meaning) hnet->shell.name = (def);
	HOMA_KERNEL_PARAMS(X)
#undef X
	homa_params_update(&hnet->params);
	mutex_init(&hnet->params_lock);
	local_bh_disable();
	cx = homa_cx(hnet);
	homa_allocator_init(&cx, &hnet->allocator);
	local_bh_enable();
	homa_grants_init(&hnet->grants, &hnet->allocator.now);
	homa_txq_init(&hnet->txq);
	homa_wheel_init(&hnet->wheel);
	homa_pages_init(&hnet->pages);
	spin_lock_init(&hnet->txq_lock);
	spin_lock_init(&hnet->grants_lock);
	spin_lock_init(&hnet->wheel_lock);
	spin_lock_init(&hnet->history_lock);
	spin_lock_init(&hnet->ports_lock);
	hrtimer_setup(&hnet->pacer, homa_out_pacer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	hrtimer_setup(&hnet->tick, homa_in_tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	/* Higher than every id of an earlier life of this host: no host starts RPCs so fast. */
	atomic64_set(&hnet->next_id, ktime_get_real_ns() & ~1ull);
}

static void destroy_control_sockets(struct homa_net *hnet)
{
	int i;

	for (i = 0; i < 2; i++)
		if (hnet->ctl_sk[i])
			inet_ctl_sock_destroy(hnet->ctl_sk[i]);
}

static void __net_exit homa_net_exit(struct net *net)
{
	struct homa_net *hnet = homa_net(net);

	/* Sockets are gone, and with them all RPCs: nothing is in the queues. */
	homa_in_net_exit(hnet);
	if (hnet->active)
		homa_hijack_exit(hnet);
	homa_rate_net_exit(hnet);
	homa_metrics_exit(hnet);
	homa_sysctl_exit(hnet);
	hrtimer_cancel(&hnet->tick);
	hrtimer_cancel(&hnet->pacer);
	homa_peers_exit(hnet);
	homa_rpcs_exit(hnet);
	destroy_control_sockets(hnet);
	/* Freed peers and RPCs still refer to this namespace. */
	rcu_barrier();
	homa_pages_exit(&hnet->pages);
	kvfree(hnet->softirq_cores);
	kvfree(hnet->history.place);
	kvfree(hnet->history.bucket);
	free_percpu(hnet->counters);
}

static int __net_init homa_net_init(struct net *net)
{
	struct homa_net *hnet = homa_net(net);
	int err = -ENOMEM;

	hnet->net = net;
	hnet->counters = alloc_percpu(struct homa_percpu);
	if (!hnet->counters)
		return err;
	init_core(hnet);
	homa_rate_net_init(hnet);
	err = inet_ctl_sock_create(&hnet->ctl_sk[0], PF_INET, SOCK_RAW, IPPROTO_HOMA, net);
	if (err)
		goto free_counters;
	/* There may be no IPv6. */
	if (inet_ctl_sock_create(&hnet->ctl_sk[1], PF_INET6, SOCK_RAW, IPPROTO_HOMA, net))
		hnet->ctl_sk[1] = NULL;
	err = homa_rpcs_init(hnet);
	if (err)
		goto free_sockets;
	err = homa_peers_init(hnet);
	if (err)
		goto free_rpcs;
	err = homa_sysctl_init(hnet);
	if (err)
		goto free_peers;
	err = homa_metrics_init(hnet);
	if (err)
		goto free_sysctl;
	return 0;

free_sysctl:
	homa_sysctl_exit(hnet);
free_peers:
	homa_peers_exit(hnet);
free_rpcs:
	homa_rpcs_exit(hnet);
free_sockets:
	destroy_control_sockets(hnet);
free_counters:
	free_percpu(hnet->counters);
	return err;
}

static struct pernet_operations net_ops = {
	.init = homa_net_init,
	.exit = homa_net_exit,
	.id = &homa_net_id,
	.size = sizeof(struct homa_net),
};

static const struct net_protocol protocol4 = {
	.handler = homa_in_ipv4,
	.err_handler = homa_in_error_ipv4,
};

static const struct inet6_protocol protocol6 = {
	.handler = homa_in_ipv6,
	.err_handler = homa_in_error_ipv6,
	.flags = INET6_PROTO_FINAL,
};

static struct inet_protosw switch4 = {
	.type = SOCK_DGRAM,
	.protocol = IPPROTO_HOMA,
	.prot = &homa_prot,
	.ops = &homa_ops,
	.flags = INET_PROTOSW_REUSE,
};

static struct inet_protosw switch6 = {
	.type = SOCK_DGRAM,
	.protocol = IPPROTO_HOMA,
	.prot = &homa6_prot,
	.ops = &homa6_ops,
	.flags = INET_PROTOSW_REUSE,
};

static int __init homa_init(void)
{
	int err;

	get_random_bytes(homa_hash_key, sizeof(homa_hash_key));
	err = homa_rpcs_cache_init();
	if (err)
		return err;
	err = homa_failures_init();
	if (err)
		goto free_cache;
	homa_steer_init();
	homa_in_init();
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto free_in;
	err = proto_register(&homa_prot, 1);
	if (err)
		goto free_net;
	err = proto_register(&homa6_prot, 1);
	if (err)
		goto free_prot;
	err = homa_offload_init();
	if (err)
		goto free_prot6;
	err = inet_add_protocol(&protocol4, IPPROTO_HOMA);
	if (err)
		goto free_offload;
	err = inet6_add_protocol(&protocol6, IPPROTO_HOMA);
	if (err)
		goto free_protocol;
	inet_register_protosw(&switch4);
	err = inet6_register_protosw(&switch6);
	if (err)
		goto free_switch;
	err = homa_qdisc_init();
	if (err)
		goto free_switch6;
	err = homa_rate_init();
	if (err)
		goto free_qdisc;
	return 0;

free_qdisc:
	homa_qdisc_exit();
free_switch6:
	inet6_unregister_protosw(&switch6);
free_switch:
	inet_unregister_protosw(&switch4);
	inet6_del_protocol(&protocol6, IPPROTO_HOMA);
free_protocol:
	inet_del_protocol(&protocol4, IPPROTO_HOMA);
free_offload:
	homa_steer_exit();
	homa_offload_exit();
free_prot6:
	proto_unregister(&homa6_prot);
free_prot:
	proto_unregister(&homa_prot);
free_net:
	unregister_pernet_subsys(&net_ops);
free_in:
	homa_in_exit();
	homa_failures_exit();
free_cache:
	homa_rpcs_cache_exit();
	return err;
}

static void __exit homa_exit(void)
{
	homa_rate_exit();
	homa_qdisc_exit();
	inet6_unregister_protosw(&switch6);
	inet_unregister_protosw(&switch4);
	inet6_del_protocol(&protocol6, IPPROTO_HOMA);
	inet_del_protocol(&protocol4, IPPROTO_HOMA);
	homa_steer_exit();
	homa_offload_exit();
	proto_unregister(&homa6_prot);
	proto_unregister(&homa_prot);
	unregister_pernet_subsys(&net_ops);
	homa_in_exit();
	homa_failures_exit();
	homa_rpcs_cache_exit();
}

module_init(homa_init);
module_exit(homa_exit);

MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("Homa: receiver-driven transport for RPCs in datacenters");
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, IPPROTO_HOMA, SOCK_DGRAM);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, IPPROTO_HOMA, SOCK_DGRAM);
