// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The parameter table; see params.h.
 */
#include "params.h"

const struct homa_param_info homa_param_table[] = {
#define X(name_, def, min_, max_, unit_, meaning_) \
	{ .name = #name_, .unit = unit_, .meaning = meaning_, .initial = def, .min = min_, \
	  .max = max_, .at = offsetof(struct homa_params, name_) },
	HOMA_PARAMS(X)
#undef X
};

const u32 homa_param_count = ARRAY_SIZE(homa_param_table);

void homa_params_init(struct homa_params *params)
{
	u32 i;

	homa_memset(params, 0, sizeof(*params));
	for (i = 0; i < homa_param_count; i++)
		*homa_params_at(params, &homa_param_table[i]) = homa_param_table[i].initial;
	for (i = 0; i < HOMA_PRIORITIES; i++)
		params->priority_map[i] = (u8)i;
	homa_params_update(params);
}

const char *homa_params_update(struct homa_params *params)
{
	u64 memory = params->history_ticks;
	u32 i;

	if (params->sched_levels && params->sched_levels >= params->num_priorities)
		return "sched_levels must be below num_priorities: unscheduled need a level too";
	for (i = 0; i < HOMA_PRIORITIES; i++)
		if (params->priority_map[i] >= HOMA_PRIORITIES)
			return "priority_map entries must be 0 to 7";

	params->tick_ns = params->tick_usecs * 1000ull;
	/* So long may a client ask for a response that was given up. */
	memory = homa_max(memory, (u64)HOMA_RPC_PATIENCE * params->timeout_resends *
				  params->resend_interval);
	memory = homa_max(memory, (u64)HOMA_RPC_STALLS * params->stall_ticks);
	params->memory_ns = memory * params->tick_ns;
	params->nic_queue_ns = params->max_nic_queue_usecs * 1000ull;
	params->ns_per_byte = homa_div64((8000ull * 100) << HOMA_RATE_SHIFT,
					 (u64)params->link_mbps * params->max_link_usage);
	/*
	 * One share stays free, so that a message which arrives finds room before the others
	 * shrink.
	 */
	for (i = 0; i <= HOMA_MAX_OVERCOMMIT; i++)
		params->share[i] = homa_max(params->max_incoming / (i + 1), 1);
	return NULL;
}

const struct homa_param_info *homa_params_find(const char *name)
{
	u32 i, k;

	for (i = 0; i < homa_param_count; i++) {
		const char *have = homa_param_table[i].name;

		for (k = 0; have[k] && have[k] == name[k]; k++)
			;
		if (have[k] == name[k])
			return &homa_param_table[i];
	}
	return NULL;
}
