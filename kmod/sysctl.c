// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
#include "sysctl.h"
int homa_sysctl_init(struct homa_net *hnet) { return 0; }
void homa_sysctl_exit(struct homa_net *hnet) {}
