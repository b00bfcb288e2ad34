// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Choice of cores; see steer.h.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#include <net/dst.h>

#include "in.h"
#include "offload.h"
#include "steer.h"

#define NEXT_CORES 4	/* that are looked at by bit 8 */
#define LONGEST_QUEUE 256	/* packets and batches */
#define PER_RUN 32	/* handled before other softirqs get a turn */

#define KICKED 0	/* bit of core.state: csd is on its way */

struct core {
	struct sk_buff_head queue;
	u64 worked_at;		/* ns */
	unsigned long state;
	call_single_data_t csd;
	struct work_struct kick;	/* instead of csd in real-time kernels */
	struct tasklet_struct tasklet;
};

DEFINE_STATIC_KEY_FALSE(homa_steering);
static DEFINE_PER_CPU(struct core, cores);

/* What a policy leaves where it is. */
static bool stays(u32 policy, struct sk_buff *skb)
{
	if (skb_is_gso(skb))
		return false;
	if (policy & HOMA_GRO_SAME_CORE || !pskb_may_pull(skb, HOMA_COMMON_HEADER))
		return true;
	switch (homa_wire_type(skb->data)) {
	case HOMA_GRANT:
		return policy & HOMA_GRO_GRANT_BYPASS;
	case HOMA_DATA:
		return policy & HOMA_GRO_SHORT_BYPASS && pskb_may_pull(skb, HOMA_DATA_HEADER) &&
		       homa_wire_whole(skb->data, skb->len);
	}
	return false;
}

/* Choice among cores that are shown one after the other. */
struct choice {
	u64 now;	/* ns */
	s64 busy;	/* ns */
	u32 length;	/* of best's queue */
	int first;	/* shown; -1: none yet */
	int best;
};

/* Return: whether the core is idle, so that no other need be looked at. */
static bool consider(struct choice *choice, int cpu)
{
	const struct core *core = per_cpu_ptr(&cores, cpu);
	u32 length = skb_queue_len_lockless(&core->queue);
	/* It may have worked since now. */
	bool idle = !length && (s64)(choice->now - READ_ONCE(core->worked_at)) >= choice->busy;

	if (choice->first < 0)
		choice->first = cpu;
	if (choice->best < 0 || idle || length < choice->length) {
		choice->best = cpu;
		choice->length = length;
	}
	return idle;
}

static void from_list(const struct homa_net *hnet, struct choice *choice, int here)
{
	int cpu;
	u32 i;

	for (i = 0; i < HOMA_SOFTIRQ_CORES; i++) {
		cpu = homa_steer_candidate(hnet, here, i);
		if (cpu >= 0 && cpu_online(cpu) && consider(choice, cpu))
			return;
	}
}

static void from_next(struct choice *choice, int here)
{
	int cpu = here;
	u32 i;

	for (i = 0; i < NEXT_CORES; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= (int)nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		if (cpu == here || consider(choice, cpu))
			return;
	}
}

/* Runs on the core that is to work. */
static void kick(void *arg)
{
	struct core *core = arg;

	/* What is queued from here on needs another kick; what was before, the tasklet will see. */
	clear_bit(KICKED, &core->state);
	smp_mb__after_atomic(); /* the flag is clear before the tasklet looks */
	tasklet_schedule(&core->tasklet);
}

static void kick_softly(struct work_struct *work)
{
	local_bh_disable();
	tasklet_schedule(&container_of(work, struct core, kick)->tasklet);
	local_bh_enable();
}

/* Let a core look at its queue. */
static void wake(int cpu)
{
	struct core *core = per_cpu_ptr(&cores, cpu);

	/* Interrupts of real-time kernels must not raise softirqs on an idle core. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		queue_work_on(cpu, system_highpri_wq, &core->kick);
	else if (!test_and_set_bit(KICKED, &core->state) &&
		 smp_call_function_single_async(cpu, &core->csd))
		kick(core);
}

bool homa_steer_away(struct sk_buff *skb)
{
	struct homa_net *hnet = homa_net(dev_net(skb->dev));
	u32 policy = READ_ONCE(hnet->shell.gro_policy);
	struct choice choice = { .first = -1, .best = -1 };
	int here = smp_processor_id();
	bool listed;

	choice.now = ktime_get_ns();
	choice.busy = (s64)READ_ONCE(hnet->shell.gro_busy_usecs) * NSEC_PER_USEC;
	WRITE_ONCE(this_cpu_ptr(&cores)->worked_at, choice.now);
	if (!(policy & (HOMA_GRO_GEN2 | HOMA_GRO_GEN3)) || stays(policy, skb))
		return false;
	if (policy & HOMA_GRO_GEN3)
		from_list(hnet, &choice, here);
	listed = choice.best >= 0;
	if (!listed && policy & HOMA_GRO_GEN2)
		from_next(&choice, here);
	if (choice.best < 0 || choice.best == here || choice.length >= LONGEST_QUEUE)
		return false;
	if (!listed)
		homa_count(hnet, gen2_handoffs);
	else
		homa_count(hnet, gen3_handoffs);
	if (listed && choice.best != choice.first)
		homa_count(hnet, gen3_alt_handoffs);
	/* So far the route is only borrowed. */
	if (skb_dst(skb) && !skb_dst_force(skb)) {
		kfree_skb(skb);
		return true;
	}
	dev_hold(skb->dev);
	skb_queue_tail(&per_cpu_ptr(&cores, choice.best)->queue, skb);
	wake(choice.best);
	return true;
}

static void work(struct tasklet_struct *tasklet)
{
	struct core *core = container_of(tasklet, struct core, tasklet);
	struct net_device *dev;
	struct sk_buff *skb;
	u32 left;

	for (left = PER_RUN; left && (skb = skb_dequeue(&core->queue)); left--) {
		dev = skb->dev;
		/* A device that is down may be about to move to another namespace. */
		if (netif_running(dev))
			homa_in_skb(skb, ip_hdr(skb)->version == 4);
		else
			kfree_skb(skb);
		dev_put(dev);
	}
	WRITE_ONCE(core->worked_at, ktime_get_ns());
	if (!left)
		tasklet_schedule(tasklet);
}

int homa_steer_set(struct homa_net *hnet, const int *number, u32 groups)
{
	const u32 width = 1 + HOMA_SOFTIRQ_CORES;
	struct homa_softirq_cores *lists = hnet->softirq_cores;
	u32 i, j;

	lockdep_assert_held(&hnet->params_lock);
	for (i = 0; i < groups * width; i++)
		if (number[i] >= (int)nr_cpu_ids || number[i] < (i % width ? -1 : 0) ||
		    (number[i] >= 0 && !cpu_possible(number[i])))
			return -EINVAL;
	if (!lists) {
		lists = kvmalloc_array(nr_cpu_ids, sizeof(*lists), GFP_KERNEL_ACCOUNT);
		if (!lists)
			return -ENOMEM;
		memset(lists, 0xff, nr_cpu_ids * sizeof(*lists));
		/* homa_steer_candidate() finds them filled in. */
		smp_store_release(&hnet->softirq_cores, lists);
	}
	for (i = 0; i < groups; i++, number += width)
		for (j = 0; j < HOMA_SOFTIRQ_CORES; j++)
			WRITE_ONCE(lists[number[0]].candidate[j], number[1 + j]);
	homa_steer_enable();
	return 0;
}

void homa_steer_enable(void)
{
	static_branch_enable(&homa_steering);
}

void homa_steer_init(void)
{
	struct core *core;
	int cpu;

	for_each_possible_cpu(cpu) {
		core = per_cpu_ptr(&cores, cpu);
		skb_queue_head_init(&core->queue);
		INIT_CSD(&core->csd, kick, core);
		INIT_WORK(&core->kick, kick_softly);
		tasklet_setup(&core->tasklet, work);
	}
}

void homa_steer_exit(void)
{
	struct sk_buff *skb;
	struct core *core;
	int cpu;

	for_each_possible_cpu(cpu)
		while (test_bit(KICKED, &per_cpu_ptr(&cores, cpu)->state))
			usleep_range(1000, 2000);
	/* The last kicks have scheduled their tasklets. */
	synchronize_rcu();
	for_each_possible_cpu(cpu) {
		core = per_cpu_ptr(&cores, cpu);
		cancel_work_sync(&core->kick);
		tasklet_kill(&core->tasklet);
		while ((skb = skb_dequeue(&core->queue))) {
			dev_put(skb->dev);
			kfree_skb(skb);
		}
	}
}
