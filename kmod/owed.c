// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * What each core owes the grant scheduler; see struct homa_owed. A message stands there with a
 * reference on its RPC, which is counted in homa_net.owed.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>

#include "arrival.h"
#include "effects.h"
#include "in.h"

static DEFINE_PER_CPU(struct owing {
	struct tasklet_struct pay;	/* comes after the packets of a softirq */
	/*
	 * Mostly nobody else comes here; but softirqs of a real-time kernel can preempt each other,
	 * and the tasklet of a core that goes offline runs on another one.
	 */
	spinlock_t lock;
	struct homa_owed owed;
}, owing);

static void pay(struct homa_grantee *due)
{
	struct homa_krpc *rpc = container_of(due, struct homa_krpc, grantee);
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_net *hnet = rpc->hnet;
	struct homa_cx cx;

	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	cx = homa_cx(hnet);
	if (rpc->core.scheduled) {
		fx.count = 1;
		fx.fx[0].type = HOMA_FX_RX_MORE;
		homa_effects_apply(&cx, rpc, &fx, &box);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
	homa_krpc_put(rpc);
	atomic_dec(&hnet->owed);
}

static void pay_all(struct tasklet_struct *tasklet)
{
	struct owing *o = container_of(tasklet, struct owing, pay);
	struct homa_grantee *due;

	spin_lock(&o->lock);
	due = homa_owed_take(&o->owed);
	spin_unlock(&o->lock);
	if (due)
		pay(due);
}

void homa_owe(const struct homa_cx *cx, struct homa_krpc *rpc)
{
	struct owing *o = this_cpu_ptr(&owing);
	struct homa_grantee *due;
	bool again;

	spin_lock(&o->lock);
	again = o->owed.to == &rpc->grantee;
	if (!again) {
		atomic_inc(&rpc->hnet->owed);
		tasklet_schedule(&o->pay);
	}
	due = homa_owed_add(cx, &o->owed, &rpc->grantee);
	spin_unlock(&o->lock);
	/* Paying one puts the reference that it stood there with. */
	if (again)
		homa_krpc_put(rpc);
	if (due)
		pay(due);
}

void homa_in_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		spin_lock_init(&per_cpu(owing.lock, cpu));
		tasklet_setup(&per_cpu(owing.pay, cpu), pay_all);
	}
}

void homa_in_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu(owing.pay, cpu));
}

void homa_in_net_exit(struct homa_net *hnet)
{
	while (atomic_read(&hnet->owed))
		usleep_range(100, 1000);
}
