/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Integer division, a part of cu_vec_impl.h. Hosts divide one pair of integers at a time, but some
 * many pairs of doubles: there numbers of 32 bits are divided as such, and so are wider ones of
 * which no lane uses more, as most indices are.
 */

/* Division by zero and overflow have results, not traps: the ISA manual's table. */
static inline uint64_t div_s(uint64_t x, uint64_t y)
{
	if (!y)
		return UINT64_MAX;
	return y == UINT64_MAX ? 0 - x : (uint64_t)(S64(x) / S64(y));
}

static inline uint64_t rem_s(uint64_t x, uint64_t y)
{
	if (!y)
		return x;
	return y == UINT64_MAX ? 0 : (uint64_t)(S64(x) % S64(y));
}

static inline uint64_t div_u(uint64_t x, uint64_t y)
{
	return y ? x / y : UINT64_MAX;
}

static inline uint64_t rem_u(uint64_t x, uint64_t y)
{
	return y ? x % y : x;
}

INT_OP(wide_div, div_s(x, y))
INT_OP(wide_divu, div_u(x, y))
INT_OP(wide_rem, rem_s(x, y))
INT_OP(wide_remu, rem_u(x, y))

#ifdef __AVX2__

/* 2^52 has no fraction: what is added to it are the low bits, rounded to a whole number. */
#define WHOLE		0x1p52
#define WHOLE_BITS	0x4330000000000000ull

/* Of numbers of 32 bits, the divisor not 0: the nearest quotient, which is 1 too large or right. */
static inline uint64_t quotient(uint64_t x, uint64_t y)
{
	const double n = cu_from_d(WHOLE_BITS | x) - WHOLE, d = cu_from_d(WHOLE_BITS | y) - WHOLE;
	const uint64_t q = cu_bits_d(n / d + WHOLE) & ~WHOLE_BITS;

	return q - (q * y > x);
}

static inline uint64_t small_div_u(uint64_t x, uint64_t y)
{
	return y ? quotient(x, y ? y : 1) : UINT64_MAX;
}

static inline uint64_t small_rem_u(uint64_t x, uint64_t y)
{
	return y ? x - quotient(x, y ? y : 1) * y : x;
}

static inline uint64_t magnitude(uint64_t x)
{
	return S64(x) < 0 ? 0 - x : x;
}

/* The same of -2^31 to 2^31 - 1; the quotient of overflow is 2^31. */
static inline uint64_t small_div_s(uint64_t x, uint64_t y)
{
	const uint64_t q = small_div_u(magnitude(x), magnitude(y));

	return S64(x ^ y) < 0 && y ? 0 - q : q;
}

static inline uint64_t small_rem_s(uint64_t x, uint64_t y)
{
	const uint64_t r = small_rem_u(magnitude(x), magnitude(y));

	return S64(x) < 0 ? 0 - r : r;
}

INT_OP(small_div, small_div_s(x, y))
INT_OP(small_divu, small_div_u(x, y))
INT_OP(small_rem, small_rem_s(x, y))
INT_OP(small_remu, small_rem_u(x, y))
INT_OP(op_divw, SEXT32(small_div_s(SEXT32(x), SEXT32(y))))
INT_OP(op_divuw, SEXT32(small_div_u((uint32_t)x, (uint32_t)y)))
INT_OP(op_remw, SEXT32(small_rem_s(SEXT32(x), SEXT32(y))))
INT_OP(op_remuw, SEXT32(small_rem_u((uint32_t)x, (uint32_t)y)))

static bool all_small_u(const uint64_t *a, const uint64_t *b)
{
	uint64_t used = 0;

	for (unsigned int i = 0; i < LANES; i++)
		used |= a[i] | b[i];
	return !(used >> 32);
}

static bool all_small_s(const uint64_t *a, const uint64_t *b)
{
	uint64_t differ = 0;

	for (unsigned int i = 0; i < LANES; i++)
		differ |= (a[i] ^ (uint64_t)SEXT32(a[i])) | (b[i] ^ (uint64_t)SEXT32(b[i]));
	return !differ;
}

#define DIVISION(name, range) \
static void op_##name(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *c, \
		      int64_t imm) \
{ \
	if (all_small_##range(a, b)) \
		small_##name(r, a, b, c, imm); \
	else \
		wide_##name(r, a, b, c, imm); \
}

DIVISION(div, s)
DIVISION(divu, u)
DIVISION(rem, s)
DIVISION(remu, u)

#else

#define op_div		wide_div
#define op_divu		wide_divu
#define op_rem		wide_rem
#define op_remu		wide_remu

INT_OP(op_divw, SEXT32(div_s(SEXT32(x), SEXT32(y))))
INT_OP(op_divuw, SEXT32(div_u((uint32_t)x, (uint32_t)y)))
INT_OP(op_remw, SEXT32(rem_s(SEXT32(x), SEXT32(y))))
INT_OP(op_remuw, SEXT32(rem_u((uint32_t)x, (uint32_t)y)))

#endif
