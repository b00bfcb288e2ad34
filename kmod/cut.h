/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Cutting a batch of this host's own into packets, for devices that take them one by one: what
 * skb_segment() does for any protocol, at a part of its cost. For offload.c alone.
 *
 * Headers lie in pages that a core keeps, at most HOMA_HEAD_PAGES of HOMA_PAGE_ORDER: memory for
 * each packet need not be found, nor cleared on kernels that do so. A page is used again when no
 * packet has a header in it any more.
 */
#ifndef HOMA_CUT_H
#define HOMA_CUT_H

#include <linux/skbuff.h>

#define HOMA_HEAD_PAGES 8	/* more headers than fit into a usual NIC queue */

void homa_cut_init(void);

/* Gives the pages back; nobody cuts any more. */
void homa_cut_exit(void);

/**
 * homa_cut_fits() - May homa_cut() cut a batch?
 * @skb:      A batch; its data starts where that of each packet shall.
 * @features: Of the device that the packets are for.
 */
bool homa_cut_fits(struct sk_buff *skb, netdev_features_t features);

/**
 * homa_cut() - Packets of gso_size bytes, each with all headers of the batch before them.
 * @batch: homa_cut_fits(); stays as it is.
 * Return: The packets as skb_segment() returns them, or -ENOMEM.
 */
struct sk_buff *homa_cut(const struct sk_buff *batch);

#endif /* HOMA_CUT_H */
