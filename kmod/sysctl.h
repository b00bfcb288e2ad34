/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Parameters of a namespace as /proc/sys/net/homa/NAME.
 */
#ifndef HOMA_SYSCTL_H
#define HOMA_SYSCTL_H

#include "net.h"

int homa_sysctl_init(struct homa_net *hnet);
void homa_sysctl_exit(struct homa_net *hnet);

#endif /* HOMA_SYSCTL_H */
