/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Parameters of a namespace as /proc/sys/net/homa/NAME: a file for each parameter of the core and
 * of the shell, with the ranges of their tables, and a few that are no plain numbers. Namespaces
 * share nothing, and the root of one may write its files.
 */
#ifndef HOMA_SYSCTL_H
#define HOMA_SYSCTL_H

#include "net.h"

/* Return: 0 or -ENOMEM. */
int homa_sysctl_init(struct homa_net *hnet);
void homa_sysctl_exit(struct homa_net *hnet);

/**
 * homa_sysctl_found_link() - The rate of the host's link is known.
 * @hnet: Namespace; nothing is done if its link_mbps was set.
 * @mbps: Mbit/s, above 0.
 */
void homa_sysctl_found_link(struct homa_net *hnet, u32 mbps);

#endif /* HOMA_SYSCTL_H */
