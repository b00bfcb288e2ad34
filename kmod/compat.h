/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Differences between the kernels the module is built for, and the only place for them: names that a
 * newer kernel has are made to work on the older ones.
 */
#ifndef HOMA_COMPAT_H
#define HOMA_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <net/gro.h>
#include <net/sock.h>

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

#endif /* HOMA_COMPAT_H */
