/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The scenarios of the test network. Used by net.c.
 */
#ifndef NET_SCENARIOS_H
#define NET_SCENARIOS_H

#include "world.h"

extern const struct scenario scenarios[];
extern const u32 scenario_count;

/* Two clients, two servers, and losses to be filled in: for figures, not for tests. */
extern const struct scenario figure_scenario;

#endif /* NET_SCENARIOS_H */
