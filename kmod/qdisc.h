/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The queueing discipline "homa": keeps other traffic from filling the queue of a NIC, where Homa's
 * packets would have to wait for it.
 *
 *	tc qdisc add dev DEVICE root homa
 *
 * - Homa's packets go first and at once: the transmit queue has paced them, against the rate of the
 *   link that the parameter link_mbps tells (rate.h). So do those of other hosts, forwarded.
 * - Others wait in one queue, of as many packets as the device's txqueuelen, and are let go by the
 *   same clock, so that no more than max_nic_queue_usecs of both waits in the NIC. What takes more
 *   than that by itself is cut into packets.
 * - When both want the link, homa_share percent of it is Homa's; the core decides whose turn it is.
 */
#ifndef HOMA_QDISC_H
#define HOMA_QDISC_H

int homa_qdisc_init(void);
void homa_qdisc_exit(void);

#endif /* HOMA_QDISC_H */
