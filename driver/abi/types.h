/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Fixed-width types and bit-field helpers for the hardware contract.
 *
 * Every header in this folder is included by the kernel driver, by the bare-metal firmware and by
 * the virtual GPU. This file alone knows in which of the three worlds it is compiled. All
 * structures of the contract are little-endian; outside the kernel we only build for
 * little-endian machines, which is asserted below.
 */
#ifndef _OGPU_ABI_TYPES_H_
#define _OGPU_ABI_TYPES_H_

#ifdef __KERNEL__

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

#else

#include <stddef.h>
#include <stdint.h>

#ifdef __linux__
#include <linux/types.h>
#else
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "firmware and virtual GPU are built for little-endian machines only"
#endif

#ifndef BIT
#define BIT(n)			(1u << (n))
#define BIT_ULL(n)		(1ull << (n))
#define GENMASK(h, l)		((~0u >> (31 - (h))) & (~0u << (l)))
#define GENMASK_ULL(h, l)	((~0ull >> (63 - (h))) & (~0ull << (l)))
#define FIELD_PREP(mask, val)	(((__typeof__(mask))(val) << __builtin_ctzll(mask)) & (mask))
#define FIELD_GET(mask, reg)	((__typeof__(mask))(((reg) & (mask)) >> __builtin_ctzll(mask)))
#endif

#ifndef static_assert
#define static_assert(expr, ...)	_Static_assert(expr, #expr)
#endif

#endif /* __KERNEL__ */

/* The contract fixes the size of each structure and the place of its members. */
#define OGPU_ASSERT_SIZE(type, bytes)		static_assert(sizeof(type) == (bytes))
#define OGPU_ASSERT_OFFSET(type, member, bytes)	static_assert(offsetof(type, member) == (bytes))

#endif
