/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Batches of packets: cutting them for devices that want packets one by one, and gathering received
 * ones.
 */
#ifndef HOMA_OFFLOAD_H
#define HOMA_OFFLOAD_H

int homa_offload_init(void);
void homa_offload_exit(void);

#endif /* HOMA_OFFLOAD_H */
