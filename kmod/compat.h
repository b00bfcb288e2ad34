/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Differences between the kernels the module is built for, and the only place for them: names that
 * a newer kernel has are made to work on the older ones.
 */
#ifndef HOMA_COMPAT_H
#define HOMA_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <net/gro.h>
#include <net/sch_generic.h>
#include <net/sock.h>

/* 6.5: segmentation has a header of its own */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

/* 6.4: import_ubuf() */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline int homa_import_user(struct iov_iter *to, void __user *buf, size_t length)
{
	struct iovec unused;

	return import_single_range(READ, buf, length, &unused, to);
}
#else
static inline int homa_import_user(struct iov_iter *to, void __user *buf, size_t length)
{
	return import_ubuf(ITER_DEST, buf, length, to);
}
#endif

/* 6.13: hrtimer_setup() */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.19: addresses of unknown length have a type of their own in proto_ops */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define sockaddr_unsized sockaddr
#endif

/* 6.5: where IPv6 finds its part of a socket is said, not computed */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define HOMA_IPV6_PINFO(offset)
#else
#define HOMA_IPV6_PINFO(offset) .ipv6_pinfo_offset = (offset),
#endif

/* 6.6: the length of a table of sysctl files is told */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define register_net_sysctl_sz(net, path, table, size) register_net_sysctl(net, path, table)
#endif

/* 6.11: handlers of sysctl files do not change their table */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define HOMA_CTL_CONST
#else
#define HOMA_CTL_CONST const
#endif

/* 6.19: a qdisc is told how many packets a batch is */
static inline void homa_qdisc_set_single(struct sk_buff *skb)
{
	qdisc_skb_cb(skb)->pkt_len = skb->len;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	qdisc_skb_cb(skb)->pkt_segs = 1;
#endif
}

/*
 * For locals that are filled in as far as they are used: not cleared where the kernel is built to
 * clear all of them.
 */
#define homa_uninit __attribute__((__uninitialized__))

#endif /* HOMA_COMPAT_H */
