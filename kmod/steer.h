/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Which core does the SoftIRQ work for received packets. For in.c, which asks when IP has handed
 * them over, and the parameters' files.
 *
 * - By default the core that took them from the NIC does: nothing here costs anything.
 * - Those that are to move (batches; without bit 2 of gro_policy also packets that came alone, but
 *   for those that bits 16 and 64 let pass) go to another core by bit 32, if gen3_softirq_cores has
 *   a list for the core they came to, or else by bit 8.
 * - By bit 32 to the first of the list that is not busy, by bit 8 to the first of the next cores;
 *   when all are busy, to the one with the shortest queue. Busy is a core on which Homa had work in
 *   the last gro_busy_usecs, or has some queued.
 * - A core's queue has a limit; what does not fit is done at once, where it is. So nothing is
 *   dropped, and nothing need be configured elsewhere, such as RPS.
 *
 * Packets of a message may so be handled in another order than they came, and at the same time on
 * several cores. The protocol has no order to lose.
 *
 * A packet that is queued holds its device, and with it the namespace.
 */
#ifndef HOMA_STEER_H
#define HOMA_STEER_H

#include <linux/jump_label.h>
#include <linux/skbuff.h>

#include "net.h"

#define HOMA_GRO_SAME_CORE 2
#define HOMA_GRO_GEN2 8
#define HOMA_GRO_GEN3 32

DECLARE_STATIC_KEY_FALSE(homa_steering);	/* someone asked for it since the module is here */

void homa_steer_init(void);

/* When no packet can come any more; those queued are handled or dropped. May sleep. */
void homa_steer_exit(void);

/* Begin to look at policies. May sleep. */
void homa_steer_enable(void);

/**
 * homa_steer_set() - Replace lists of candidates.
 * @hnet:   Namespace; params_lock is held.
 * @number: Groups of 1 + HOMA_SOFTIRQ_CORES: a core, and its list, filled up with -1.
 * @groups: How many.
 * Return:  0, -EINVAL when one is no core, which changes nothing, or -ENOMEM. May sleep.
 */
int homa_steer_set(struct homa_net *hnet, const int *number, u32 groups);

/* Candidate @i of a core, or -1. */
static inline int homa_steer_candidate(const struct homa_net *hnet, u32 core, u32 i)
{
	/* With the release in homa_steer_set(). */
	const struct homa_softirq_cores *lists = smp_load_acquire(&hnet->softirq_cores);

	return lists ? READ_ONCE(lists[core].candidate[i]) : -1;
}

/* For homa_steer(): the same, when somebody asked for it. */
bool homa_steer_away(struct sk_buff *skb);

/**
 * homa_steer() - Have another core handle a packet or a batch, if the policy says so.
 * @skb: Starts with the Homa header. Bottom halves are off, and RCU is held.
 * Return: whether it is taken care of; otherwise it is still the caller's.
 */
static inline bool homa_steer(struct sk_buff *skb)
{
	return static_branch_unlikely(&homa_steering) && homa_steer_away(skb);
}

#endif /* HOMA_STEER_H */
