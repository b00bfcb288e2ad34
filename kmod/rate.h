/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The rate of a host's link, for its pacer: that of the fastest device of the namespace that is up,
 * has a carrier and hardware behind it, whenever that changes. Once the parameter link_mbps is set,
 * that counts instead. Where no device tells its rate, or it is only a label (vmxnet3), link_mbps
 * stays at its default.
 */
#ifndef HOMA_RATE_H
#define HOMA_RATE_H

#include "net.h"

int homa_rate_init(void);
void homa_rate_exit(void);

void homa_rate_net_init(struct homa_net *hnet);
void homa_rate_net_exit(struct homa_net *hnet);

#endif /* HOMA_RATE_H */
