// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Parameters as files; see sysctl.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "steer.h"
#include "sysctl.h"

/* A file with one number; @info.at is its place in struct homa_net. */
struct setting {
	struct homa_param_info info;
	bool core;
};

static const struct setting settings[] = {
#define SETTING(name_, def, min_, max_, unit_, meaning_, where, core_) \
	{ .info = { .name = #name_, .unit = unit_, .meaning = meaning_, .initial = def, \
		    .min = min_, .max = max_, .at = offsetof(struct homa_net, where.name_) }, \
	  .core = core_ },
#define X(name_, def, min_, max_, unit_, meaning_) \
	SETTING(name_, def, min_, max_, unit_, meaning_, params, true)
	HOMA_PARAMS(X)
#undef X
#define X(name_, def, min_, max_, unit_, meaning_) \
	SETTING(name_, def, min_, max_, unit_, meaning_, shell, false)
	HOMA_KERNEL_PARAMS(X)
#undef X
#undef SETTING
};

static bool is(const struct setting *setting, size_t at)
{
	return setting->info.at == at;
}

/* A message has to fit what recvmsg() can describe. */
static u32 most(const struct setting *setting)
{
	if (is(setting, offsetof(struct homa_net, params.max_message)))
		return HOMA_MAX_MESSAGE_LENGTH;
	return setting->info.max;
}

/* Limits of the kernel's memory: the root of a user namespace may lower but not raise them. */
static bool limits_memory(const struct setting *setting)
{
	return is(setting, offsetof(struct homa_net, params.peer_net_max)) ||
	       is(setting, offsetof(struct homa_net, params.max_rpcs_per_peer)) ||
	       is(setting, offsetof(struct homa_net, params.max_served_rpcs)) ||
	       is(setting, offsetof(struct homa_net, shell.wmem_max)) ||
	       is(setting, offsetof(struct homa_net, shell.skb_page_pool_min_kb));
}

/* Timers are armed by the number of their tick, so its length stays what it is. */
static umode_t mode_of(const struct setting *setting)
{
	return is(setting, offsetof(struct homa_net, params.tick_usecs)) ? 0444 : 0644;
}

/*
 * Let readers, who take no lock, have new parameters of the core; params_lock is held. Return: 0,
 * or -EINVAL when they do not fit together.
 */
static int publish(struct homa_net *hnet, struct homa_params *changed)
{
	struct homa_params *params = &hnet->params;
	const char *problem = homa_params_update(changed);
	u32 i;

	lockdep_assert_held(&hnet->params_lock);
	if (problem) {
		pr_info_ratelimited("%s\n", problem);
		return -EINVAL;
	}
	/* To a link that takes no time, nothing has to wait. */
	if (hnet->shell.flags & HOMA_FLAG_DONT_THROTTLE)
		changed->ns_per_byte = 0;
	for (i = 0; i < homa_param_count; i++)
		WRITE_ONCE(*homa_params_at(params, &homa_param_table[i]),
			   *homa_params_at(changed, &homa_param_table[i]));
	for (i = 0; i < HOMA_PRIORITIES; i++)
		WRITE_ONCE(params->priority_map[i], changed->priority_map[i]);
	WRITE_ONCE(params->nic_queue_ns, changed->nic_queue_ns);
	WRITE_ONCE(params->memory_ns, changed->memory_ns);
	WRITE_ONCE(params->ns_per_byte, changed->ns_per_byte);
	for (i = 0; i < ARRAY_SIZE(params->share); i++)
		WRITE_ONCE(params->share[i], changed->share[i]);
	return 0;
}

static int set_number(struct homa_net *hnet, const struct setting *setting, u32 value)
{
	u32 *at = (u32 *)((char *)hnet + setting->info.at);
	struct homa_params changed;
	int err = 0;

	mutex_lock(&hnet->params_lock);
	changed = hnet->params;
	if (setting->core) {
		*(u32 *)((char *)&changed + setting->info.at -
			 offsetof(struct homa_net, params)) = value;
		err = publish(hnet, &changed);
		if (!err && is(setting, offsetof(struct homa_net, params.link_mbps)))
			hnet->link_set = true;
	} else {
		WRITE_ONCE(*at, value);
		if (is(setting, offsetof(struct homa_net, shell.flags)))
			err = publish(hnet, &changed);
		if (is(setting, offsetof(struct homa_net, shell.gro_policy)) &&
		    value & HOMA_GRO_GEN2)
			homa_steer_enable();
	}
	mutex_unlock(&hnet->params_lock);
	return err;
}

void homa_sysctl_found_link(struct homa_net *hnet, u32 mbps)
{
	const struct homa_param_info *info = homa_params_find("link_mbps");
	struct homa_params changed;

	mutex_lock(&hnet->params_lock);
	if (!hnet->link_set) {
		changed = hnet->params;
		changed.link_mbps = clamp(mbps, info->min, info->max);
		publish(hnet, &changed);
	}
	mutex_unlock(&hnet->params_lock);
}

/* Handler of the files with one number. */
static int number(HOMA_CTL_CONST struct ctl_table *table, int write, void *buffer, size_t *length,
		  loff_t *pos)
{
	const struct setting *setting = table->extra2;
	u32 value = READ_ONCE(*(u32 *)table->data);
	u32 min = setting->info.min, max = most(setting);
	struct ctl_table one = {
		.data = &value,
		.maxlen = sizeof(value),
		.extra1 = &min,
		.extra2 = &max,
	};
	int err = proc_douintvec_minmax(&one, write, buffer, length, pos);

	if (err || !write)
		return err;
	if (limits_memory(setting) && value > setting->info.initial && !capable(CAP_NET_ADMIN))
		return -EPERM;
	return set_number(table->extra1, setting, value);
}

static int numbers(int *value, int max, int write, void *buffer, size_t *length, loff_t *pos)
{
	struct ctl_table eight = {
		.data = value,
		.maxlen = HOMA_PRIORITIES * sizeof(*value),
		.extra1 = SYSCTL_ZERO,
		.extra2 = &max,
	};

	return proc_dointvec_minmax(&eight, write, buffer, length, pos);
}

static int priority_map(HOMA_CTL_CONST struct ctl_table *table, int write, void *buffer,
			size_t *length, loff_t *pos)
{
	struct homa_net *hnet = table->extra1;
	int value[HOMA_PRIORITIES], err, i;
	struct homa_params changed;

	mutex_lock(&hnet->params_lock);
	changed = hnet->params;
	for (i = 0; i < HOMA_PRIORITIES; i++)
		value[i] = changed.priority_map[i];
	err = numbers(value, HOMA_PRIORITIES - 1, write, buffer, length, pos);
	for (i = 0; i < HOMA_PRIORITIES; i++)
		changed.priority_map[i] = value[i];
	if (!err && write)
		err = publish(hnet, &changed);
	mutex_unlock(&hnet->params_lock);
	return err;
}

static struct homa_cutoffs current_cutoffs(struct homa_net *hnet)
{
	struct homa_cutoffs now;

	spin_lock_bh(&hnet->grants_lock);
	now = hnet->allocator.now;
	spin_unlock_bh(&hnet->grants_lock);
	return now;
}

static int unsched_cutoffs(HOMA_CTL_CONST struct ctl_table *table, int write, void *buffer,
			   size_t *length, loff_t *pos)
{
	struct homa_net *hnet = table->extra1;
	struct homa_cutoffs now = current_cutoffs(hnet);
	int value[HOMA_PRIORITIES], err;
	u32 i, covering = 0;
	struct homa_cx cx;

	BUILD_BUG_ON(sizeof(value) != sizeof(now.cutoff));
	/* Level 0 takes what none above it does; when there is nothing of the kind, it says 0. */
	for (i = 1; i < HOMA_PRIORITIES; i++)
		covering |= now.cutoff[i] >= READ_ONCE(hnet->params.max_message);
	if (covering)
		now.cutoff[0] = 0;
	memcpy(value, now.cutoff, sizeof(value));
	err = numbers(value, HOMA_MESSAGE_CEILING, write, buffer, length, pos);
	if (err || !write || !memcmp(value, now.cutoff, sizeof(value)))
		return err;
	memcpy(now.cutoff, value, sizeof(value));
	spin_lock_bh(&hnet->grants_lock);
	cx = homa_cx(hnet);
	homa_allocator_set(&cx, &hnet->allocator, now.cutoff);
	spin_unlock_bh(&hnet->grants_lock);
	return 0;
}

static int show(u32 value, void *buffer, size_t *length, loff_t *pos)
{
	struct ctl_table one = { .data = &value, .maxlen = sizeof(value) };

	return proc_douintvec(&one, 0, buffer, length, pos);
}

static int cutoff_version(HOMA_CTL_CONST struct ctl_table *table, int write, void *buffer,
			  size_t *length, loff_t *pos)
{
	return show(current_cutoffs(table->extra1).version, buffer, length, pos);
}

static int max_sched_prio(HOMA_CTL_CONST struct ctl_table *table, int write, void *buffer,
			  size_t *length, loff_t *pos)
{
	return show(current_cutoffs(table->extra1).sched_levels - 1, buffer, length, pos);
}

/*
 * Ids only go up: a server takes one that is not above those it knows for a request that it has
 * seen.
 */
static int next_id(HOMA_CTL_CONST struct ctl_table *table, int write, void *buffer,
		   size_t *length, loff_t *pos)
{
	struct homa_net *hnet = table->extra1;
	unsigned long value = 0;
	struct ctl_table one = { .data = &value, .maxlen = sizeof(value) };
	int err = proc_doulongvec_minmax(&one, write, buffer, length, pos);
	s64 last;

	if (err || !value)
		return err;
	if (value & 1 || value > S64_MAX)
		return -EINVAL;
	/* What is kept is the id given out last. */
	last = atomic64_read(&hnet->next_id);
	do {
		if ((s64)value <= last)
			return -EINVAL;
	} while (!atomic64_try_cmpxchg(&hnet->next_id, &last, value - 2));
	return 0;
}

/* Groups of numbers: a core, and those that may work for it. */
static int gen3_softirq_cores(HOMA_CTL_CONST struct ctl_table *table, int write, void *buffer,
			      size_t *length, loff_t *pos)
{
	const u32 width = 1 + HOMA_SOFTIRQ_CORES, most = nr_cpu_ids * width;
	struct homa_net *hnet = table->extra1;
	struct ctl_table all = { .maxlen = most * sizeof(int) };
	u32 i, count;
	int *value, err;

	value = kvmalloc_array(most, sizeof(*value), GFP_KERNEL);
	if (!value)
		return -ENOMEM;
	for (i = 0; i < most; i++)
		value[i] = write ? INT_MIN : i % width ?
			   homa_steer_candidate(hnet, i / width, i % width - 1) : i / width;
	all.data = value;
	err = proc_dointvec(&all, write, buffer, length, pos);
	if (!err && write) {
		for (count = 0; count < most && value[count] != INT_MIN; count++)
			;
		mutex_lock(&hnet->params_lock);
		err = count % width ? -EINVAL : homa_steer_set(hnet, value, count / width);
		mutex_unlock(&hnet->params_lock);
	}
	kvfree(value);
	return err;
}

/* For scripts that use those of the public implementation: none of them has a meaning here. */
static int action(HOMA_CTL_CONST struct ctl_table *table, int write, void *buffer,
		  size_t *length, loff_t *pos)
{
	u32 value = 0;
	struct ctl_table one = { .data = &value, .maxlen = sizeof(value) };

	return proc_douintvec(&one, write, buffer, length, pos);
}

static const struct {
	const char *name;
	umode_t mode;
	proc_handler *handler;
} others[] = {
	{ "priority_map", 0644, priority_map },
	{ "unsched_cutoffs", 0644, unsched_cutoffs },
	{ "cutoff_version", 0444, cutoff_version },
	{ "max_sched_prio", 0444, max_sched_prio },
	{ "gen3_softirq_cores", 0644, gen3_softirq_cores },
	{ "next_id", 0200, next_id },
	{ "action", 0644, action },
};

#define FILES (ARRAY_SIZE(settings) + ARRAY_SIZE(others))

int homa_sysctl_init(struct homa_net *hnet)
{
	struct ctl_table *table, *file;
	u32 i;

	/* One more, empty, ends the table where the kernel is not told its length. */
	table = kcalloc(FILES + 1, sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	file = table;
	for (i = 0; i < ARRAY_SIZE(settings); i++, file++) {
		file->procname = settings[i].info.name;
		file->mode = mode_of(&settings[i]);
		file->data = (char *)hnet + settings[i].info.at;
		file->maxlen = sizeof(u32);
		file->proc_handler = number;
		file->extra1 = hnet;
		file->extra2 = (void *)&settings[i];
	}
	for (i = 0; i < ARRAY_SIZE(others); i++, file++) {
		file->procname = others[i].name;
		file->mode = others[i].mode;
		file->proc_handler = others[i].handler;
		file->extra1 = hnet;
	}
	hnet->sysctl_table = table;
	hnet->sysctl_header = register_net_sysctl_sz(hnet->net, "net/homa", table, FILES);
	if (!hnet->sysctl_header) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

void homa_sysctl_exit(struct homa_net *hnet)
{
	unregister_net_sysctl_table(hnet->sysctl_header);
	kfree(hnet->sysctl_table);
}
