/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Counters of a namespace as /proc/net/homa_metrics: lines of "name value meaning", first those of
 * the host, then a block for each core, which starts with "core N".
 */
#ifndef HOMA_METRICS_H
#define HOMA_METRICS_H

#include "net.h"

/* Return: 0 or -ENOMEM. */
int homa_metrics_init(struct homa_net *hnet);
void homa_metrics_exit(struct homa_net *hnet);

#endif /* HOMA_METRICS_H */
