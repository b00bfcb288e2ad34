// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
#include "metrics.h"
int homa_metrics_init(struct homa_net *hnet) { return 0; }
void homa_metrics_exit(struct homa_net *hnet) {}
