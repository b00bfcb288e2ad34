// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * What programs do to RPCs, by way of their sockets; see in.h.
 */
#include "effects.h"
#include "in.h"
#include "sock.h"
#include "trace.h"

void homa_in_start_client(const struct homa_cx *cx, struct homa_krpc *rpc)
{
	spin_lock(&rpc->lock);
	homa_effects_arm(cx, rpc, cx->now + cx->params->resend_ticks * cx->params->tick_ns);
	spin_unlock(&rpc->lock);
}

bool homa_in_reply(const struct homa_cx *cx, struct homa_krpc *rpc)
{
	lockdep_assert_held(&rpc->lock);
	if (rpc->stopped || !homa_rpc_reply(cx, &rpc->core))
		return false;
	homa_effects_arm(cx, rpc, cx->now + cx->params->request_ack_ticks * cx->params->tick_ns);
	return true;
}

void homa_in_release(struct homa_krpc *rpc)
{
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_cx cx;

	homa_outbox_init(&box, &fx);
	spin_lock(&rpc->lock);
	cx = homa_cx(rpc->hnet);
	if (!rpc->retired) {
		rpc->wants_room = false;
		trace_homa_pool_released(rpc, rpc->place_length);
		atomic_sub(rpc->rx_bytes, &rpc->hsk->held_bytes);
		homa_rpc_release(&cx, &rpc->core, &fx);
		homa_effects_apply(&cx, rpc, &fx, &box);
		homa_sock_notify(rpc);
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
}

void homa_in_abort_unlock(struct homa_krpc *rpc, int error)
	__releases(&rpc->lock)
{
	struct homa_effects fx homa_uninit;
	struct homa_outbox box homa_uninit;
	struct homa_cx cx;

	lockdep_assert_held(&rpc->lock);
	homa_outbox_init(&box, &fx);
	cx = homa_cx(rpc->hnet);
	if (!rpc->retired) {
		if (error)
			rpc->error = error;
		if (rpc->core.state != HOMA_RPC_DONE)
			homa_rpc_abort(&cx, &rpc->core, HOMA_ERR_NONE, &fx);
		homa_effects_apply(&cx, rpc, &fx, &box);
		if (error)
			homa_sock_notify(rpc);
		else
			homa_krpc_retire(rpc);
		box.freed = true;
	}
	spin_unlock(&rpc->lock);
	homa_effects_finish(&cx, rpc, &box);
	local_bh_enable();
}

void homa_in_abort(struct homa_krpc *rpc, int error)
{
	spin_lock_bh(&rpc->lock);
	homa_in_abort_unlock(rpc, error);
}
