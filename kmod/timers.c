// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * RPCs are looked after: when their timers fire, or it is their turn to ask; see in.h.
 */
#include "effects.h"
#include "in.h"
#include "sock.h"

#define TIMERS_PER_RUN 512	/* looked at before others get a turn */

/* @now: ns; one value for all of a run, so that a long one does not look like silence. */
static void look_after(struct homa_krpc *rpc, u64 now)
{
	struct homa_kpeer *peer = rpc->peer;
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_rpc_view view;
	struct homa_cx cx;
	u64 again;

	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	if (rpc->stopped) {
		spin_unlock(&rpc->lock);
		return;
	}
	cx = homa_cx(rpc->hnet);
	cx.now = now;
	view = (struct homa_rpc_view){
		.out_length = READ_ONCE(rpc->out.length),
		.out_sent = READ_ONCE(rpc->out.sent),
		.out_granted = READ_ONCE(rpc->out.granted),
		.in_granted = READ_ONCE(rpc->grantee.granted),
		.out_sent_at = READ_ONCE(rpc->out.sent_at),
		.in_granted_at = READ_ONCE(rpc->grantee.granted_at),
		.peer_heard_at = READ_ONCE(peer->core.heard_at),
		.peer_delay = homa_peer_delay(&cx, &peer->core),
	};
	again = homa_rpc_timer(&cx, &rpc->core, &view, &fx);
	if (again)
		homa_effects_arm(&cx, rpc, again);
	if (!fx.count || fx.fx[0].type != HOMA_FX_ASK) {
		spin_lock(&peer->lock);
		homa_peer_leave_turn(&peer->core, &rpc->asker);
		spin_unlock(&peer->lock);
	}
	homa_effects_apply(&cx, rpc, &fx, &box);
	homa_sock_notify(rpc);
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
}

static struct homa_krpc *next_due(struct homa_net *hnet, u64 tick)
{
	struct homa_timer *timer;
	struct homa_krpc *rpc;

	spin_lock(&hnet->wheel_lock);
	do {
		timer = homa_wheel_next(&hnet->wheel, tick);
		rpc = timer ? container_of(timer, struct homa_krpc, timer) : NULL;
	} while (rpc && !homa_krpc_hold(rpc));
	spin_unlock(&hnet->wheel_lock);
	return rpc;
}

enum hrtimer_restart homa_in_tick(struct hrtimer *timer)
{
	struct homa_net *hnet = container_of(timer, struct homa_net, tick);
	u64 tick_ns = READ_ONCE(hnet->params.tick_ns);
	struct homa_cx cx = homa_cx(hnet);
	u64 tick = div64_u64(cx.now, tick_ns);
	struct homa_krpc *rpc;
	u32 left = 1;
	bool more, still;

	spin_lock(&hnet->wheel_lock);
	still = homa_wheel_stood_still(&hnet->wheel, tick);
	spin_unlock(&hnet->wheel_lock);
	if (still)
		goto out;
	for (left = TIMERS_PER_RUN; left && (rpc = next_due(hnet, tick)); left--) {
		look_after(rpc, cx.now);
		homa_krpc_put(rpc);
	}
	spin_lock(&hnet->grants_lock);
	homa_allocator_check(&cx, &hnet->allocator, false);
	spin_unlock(&hnet->grants_lock);
	homa_peers_collect(hnet);

out:
	spin_lock(&hnet->wheel_lock);
	more = hnet->wheel.armed;
	hnet->ticking = more;
	hrtimer_set_expires(timer, ns_to_ktime(left ? (tick + 1) * tick_ns : cx.now));
	spin_unlock(&hnet->wheel_lock);
	return more ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

void homa_in_let_ask(struct homa_kpeer *peer, u64 now)
{
	struct homa_node *next;
	struct homa_krpc *rpc;

	while (READ_ONCE(peer->core.askers.first)) {
		spin_lock(&peer->lock);
		next = homa_peer_next_asker(&peer->core);
		rpc = next ? container_of(next, struct homa_krpc, asker) : NULL;
		if (rpc && !homa_krpc_hold(rpc))
			rpc = NULL;
		spin_unlock(&peer->lock);
		if (!next)
			return;
		if (rpc) {
			look_after(rpc, now);
			homa_krpc_put(rpc);
		}
	}
}
