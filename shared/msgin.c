// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A message being received; see msgin.h.
 */
#include "msgin.h"

void homa_msgin_init(struct homa_msgin *in, u32 length)
{
	in->length = length;
	in->high = 0;
	in->received = 0;
	in->gaps = 0;
}

/* Index of the first gap that ends beyond @offset, or in->gaps. */
static u32 find_gap(const struct homa_msgin *in, u32 offset)
{
	u32 low = 0, high = in->gaps;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (in->gap[mid].end > offset)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void move_gaps(struct homa_msgin *in, u32 from, u32 to)
{
	homa_memmove(&in->gap[to], &in->gap[from], (in->gaps - from) * sizeof(in->gap[0]));
	in->gaps = in->gaps + to - from;
}

/*
 * Take [@start, @end) out of gap @i, which holds it. Return: false when that would make one gap too
 * many.
 */
static bool fill_gap(struct homa_msgin *in, u32 i, u32 start, u32 end)
{
	struct homa_range *gap = &in->gap[i];

	if (gap->start == start && gap->end == end) {
		move_gaps(in, i + 1, i);
	} else if (gap->start == start) {
		gap->start = end;
	} else if (gap->end == end) {
		gap->end = start;
	} else {
		if (in->gaps == HOMA_MAX_GAPS)
			return false;
		move_gaps(in, i, i + 1);
		in->gap[i].end = start;
		in->gap[i + 1].start = end;
	}
	return true;
}

struct homa_accept homa_msgin_data(struct homa_msgin *in, u32 offset, u32 length)
{
	struct homa_accept accept = { .range = { offset, offset + length }, .why = HOMA_DROP_NONE };
	struct homa_range *range = &accept.range;
	u32 i;

	if (offset < in->high) {
		i = find_gap(in, offset);
		if (i < in->gaps) {
			range->start = homa_max(offset, in->gap[i].start);
			range->end = homa_min(range->end, in->gap[i].end);
		} else {
			range->start = in->high;
		}
		if (range->start >= range->end) {
			accept.why = HOMA_DROP_DUPLICATE;
			goto refuse;
		}
		if (i < in->gaps && !fill_gap(in, i, range->start, range->end)) {
			accept.why = HOMA_DROP_GAPS;
			goto refuse;
		}
	} else if (offset > in->high) {
		if (in->gaps == HOMA_MAX_GAPS) {
			accept.why = HOMA_DROP_GAPS;
			goto refuse;
		}
		in->gap[in->gaps].start = in->high;
		in->gap[in->gaps++].end = offset;
	}
	in->high = homa_max(in->high, range->end);
	in->received += range->end - range->start;
	return accept;

refuse:
	range->start = 0;
	range->end = 0;
	return accept;
}

struct homa_range homa_msgin_missing(const struct homa_msgin *in, u32 upto)
{
	struct homa_range range = { in->high, upto };

	if (in->gaps)
		range = in->gap[0];
	range.end = homa_min(range.end, upto);
	if (range.start >= range.end) {
		range.start = 0;
		range.end = 0;
	}
	return range;
}
