/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Everything the core takes from outside: integer types, memcpy and memset, and single-access loads
 * and stores. The one header that knows whether it is compiled into a kernel; no other file of the
 * core may ask.
 */
#ifndef HOMA_PLATFORM_H
#define HOMA_PLATFORM_H

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#define homa_memcpy memcpy
#define homa_memmove memmove
#define homa_memset memset
#define homa_div64(n, d) div64_u64(n, d)
#include <linux/math64.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#define homa_memcpy __builtin_memcpy
#define homa_memmove __builtin_memmove
#define homa_memset __builtin_memset
#define homa_div64(n, d) ((u64)(n) / (u64)(d))
/* For values that another lock may protect: a stale value is harmless, a torn one is not. */
#ifndef READ_ONCE
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#endif
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#endif

/**
 * homa_container_of() - The structure that embeds a core object.
 * @ptr:    Pointer to the member.
 * @type:   Type of the structure around it.
 * @member: Name of the member in @type.
 */
#define homa_container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

static inline u32 homa_min(u32 a, u32 b)
{
	return a < b ? a : b;
}

static inline u32 homa_max(u32 a, u32 b)
{
	return a > b ? a : b;
}

#endif /* HOMA_PLATFORM_H */
