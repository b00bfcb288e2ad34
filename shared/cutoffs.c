// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Priority allocation; see cutoffs.h.
 */
#include "cutoffs.h"

#define SUB_BITS 5	/* size classes per power of two: 1 << SUB_BITS */

static u32 size_class(u32 length)
{
	u32 msb;

	if (length < (1u << SUB_BITS))
		return length;
	msb = 31 - (u32)__builtin_clz(length);
	return ((msb - SUB_BITS + 1) << SUB_BITS) +
	       ((length >> (msb - SUB_BITS)) & ((1u << SUB_BITS) - 1));
}

/* Largest length in a class. */
static u32 class_limit(u32 class)
{
	u32 shift;

	if (class < (2u << SUB_BITS))
		return class;
	shift = (class >> SUB_BITS) - 1;
	return ((((class & ((1u << SUB_BITS) - 1)) + (1u << SUB_BITS) + 1) << shift) - 1);
}

u8 homa_cutoffs_level(const struct homa_cutoffs *cutoffs, u32 length)
{
	u8 level = HOMA_PRIORITIES - 1;

	while (level && READ_ONCE(cutoffs->cutoff[level]) < length)
		level--;
	return level;
}

void homa_allocator_init(const struct homa_cx *cx, struct homa_allocator *a)
{
	static const u32 cutoff[] = { 200, 2800, 15000 };
	u32 levels = cx->params->num_priorities, sched = cx->params->sched_levels, i;

	if (!sched)
		sched = homa_max(levels / 2, 1);
	homa_memset(a, 0, sizeof(*a));
	for (i = 0; i < ARRAY_SIZE(cutoff) && sched + i + 1 < levels; i++)
		a->now.cutoff[levels - 1 - i] = cutoff[i];
	a->now.cutoff[levels - 1 - i] = homa_max(cx->params->max_message, HOMA_MAX_MESSAGE);
	a->now.cutoff[0] = HOMA_MESSAGE_CEILING;
	a->now.version = 1;
	a->now.sched_levels = (u8)sched;
	a->checked_at = cx->now;
}

void homa_allocator_record(const struct homa_cx *cx, struct homa_allocator *a, u32 length,
			   u32 unsched, u32 packet, u32 overhead)
{
	u32 offset, bytes;

	/* A sender may claim anything; more than our own share costs time and means nothing. */
	unsched = homa_min(unsched, homa_min(length, cx->params->unsched_bytes));
	a->bytes += length + homa_div64((u64)length + packet - 1, packet) * overhead;
	for (offset = 0; offset < unsched; offset += packet) {
		bytes = homa_min(packet, length - offset) + overhead;
		a->unsched_bytes += bytes;
		a->class_bytes[size_class(cx->params->unsched_by_remaining ? length - offset
									   : length)] += bytes;
	}
}

static u32 unsched_levels(const struct homa_params *params, const struct homa_allocator *a)
{
	u32 levels = params->num_priorities, n;

	if (params->sched_levels)
		return levels - params->sched_levels;
	n = (u32)homa_div64(levels * a->unsched_bytes + a->bytes / 2, a->bytes);
	return homa_max(1, homa_min(n, levels - 1));
}

static void fit(const struct homa_params *params, const struct homa_allocator *a,
		struct homa_cutoffs *c)
{
	u32 n = unsched_levels(params, a), class = 0, left;
	u32 top = params->num_priorities - 1;
	u64 rest = a->unsched_bytes;

	homa_memset(c->cutoff, 0, sizeof(c->cutoff));
	c->sched_levels = (u8)homa_max(params->num_priorities - n, 1);
	/* Where one class alone exceeds an equal share, the levels below divide what is left. */
	for (left = n; left > 1; left--) {
		u64 share = homa_div64(rest, left), sum = 0;

		while (class < HOMA_SIZE_CLASSES && sum + a->class_bytes[class] / 2 < share)
			sum += a->class_bytes[class++];
		if (!sum && class < HOMA_SIZE_CLASSES)
			sum = a->class_bytes[class++];
		rest -= sum;
		c->cutoff[top--] = class ? class_limit(class - 1) : 0;
	}
	c->cutoff[top] = HOMA_MESSAGE_CEILING;
	c->cutoff[0] = HOMA_MESSAGE_CEILING;
}

/* Would @better move more than half of an equal share into a level or out of it? */
static bool moved(const struct homa_params *params, const struct homa_allocator *a,
		  const struct homa_cutoffs *better)
{
	u64 have[HOMA_PRIORITIES] = { 0 }, want[HOMA_PRIORITIES] = { 0 }, change;
	u32 i, levels = homa_max(params->num_priorities - better->sched_levels, 1);

	if (a->now.sched_levels != better->sched_levels)
		return true;
	for (i = 0; i < HOMA_SIZE_CLASSES; i++) {
		have[homa_cutoffs_level(&a->now, class_limit(i))] += a->class_bytes[i];
		want[homa_cutoffs_level(better, class_limit(i))] += a->class_bytes[i];
	}
	for (i = 0; i < HOMA_PRIORITIES; i++) {
		change = have[i] > want[i] ? have[i] - want[i] : want[i] - have[i];
		if (2 * levels * change > a->unsched_bytes)
			return true;
	}
	return false;
}

static void adopt_cutoffs(const struct homa_cx *cx, struct homa_allocator *a,
			  struct homa_cutoffs *better)
{
	/* Version 0 means "never told". */
	better->version = a->now.version == 0xffff ? 1 : (u16)(a->now.version + 1);
	a->now = *better;
	cx->counters->cutoff_updates++;
}

bool homa_allocator_check(const struct homa_cx *cx, struct homa_allocator *a, bool force)
{
	const struct homa_params *params = cx->params;
	struct homa_cutoffs better;
	bool adopt;
	u32 i;

	if (!force && (!params->cutoff_interval ||
		       homa_since(cx, a->checked_at) < params->cutoff_interval * params->tick_ns))
		return false;
	a->checked_at = cx->now;
	if (!a->unsched_bytes)
		return false;
	better = a->now;
	fit(params, a, &better);
	adopt = force || moved(params, a, &better);
	if (adopt)
		adopt_cutoffs(cx, a, &better);
	a->bytes /= 2;
	a->unsched_bytes = 0;
	for (i = 0; i < HOMA_SIZE_CLASSES; i++) {
		a->class_bytes[i] /= 2;
		a->unsched_bytes += a->class_bytes[i];
	}
	return adopt;
}

void homa_allocator_set(const struct homa_cx *cx, struct homa_allocator *a,
			const u32 cutoff[HOMA_PRIORITIES])
{
	u32 level = cx->params->num_priorities - 1;
	struct homa_cutoffs chosen;

	homa_memset(&chosen, 0, sizeof(chosen));
	for (; level && cutoff[level] < cx->params->max_message; level--)
		chosen.cutoff[level] = cutoff[level];
	chosen.cutoff[level] = cutoff[level];
	chosen.cutoff[0] = HOMA_MESSAGE_CEILING;
	chosen.sched_levels = (u8)homa_max(level, 1);
	adopt_cutoffs(cx, a, &chosen);
}
