// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Compute kernels for the tests and the benchmark of the virtual GPU's compute units. */
#include <stddef.h>
#include <stdint.h>

#include "abi/cu.h"
#include "kernels.h"

#define STR_(x)		#x
#define STR(x)		STR_(x)
#define csr(number) ({ \
	uint64_t value_; \
	asm volatile("csrr %0, " STR(number) : "=r"(value_)); \
	value_; \
})

static inline void barrier(void)
{
	asm volatile("ecall" : : : "memory");
}

void saxpy(const struct saxpy_args *a)
{
	uint64_t i = csr(OGPU_CSR_GLOBAL_ID_X);
	const float *x = (const float *)a->x;
	float *y = (float *)a->y;

	if (i < a->n)
		y[i] = a->a * x[i] + y[i];
}

void matmul(const struct matmul_args *args)
{
	uint64_t col = csr(OGPU_CSR_GLOBAL_ID_X), row = csr(OGPU_CSR_GLOBAL_ID_Y);
	const float *a = (const float *)args->a, *b = (const float *)args->b;
	uint32_t n = args->n;
	float sum = 0;

	for (uint32_t k = 0; k < n; k++)
		sum += a[row * n + k] * b[k * n + col];
	((float *)args->c)[row * n + col] = sum;
}

void reduce(const struct reduce_args *a)
{
	float *local = (float *)OGPU_CU_LOCAL_BASE;
	uint64_t id = csr(OGPU_CSR_LOCAL_ID_X), size = csr(OGPU_CSR_LOCAL_SIZE_X);
	uint64_t group = csr(OGPU_CSR_GROUP_ID_X);
	uint64_t stride = size * csr(OGPU_CSR_NUM_GROUPS_X);
	const float *in = (const float *)a->in;
	float sum = 0;

	for (uint64_t i = csr(OGPU_CSR_GLOBAL_ID_X); i < a->n; i += stride)
		sum += in[i];
	local[id] = sum;
	barrier();
	for (uint64_t half = size / 2; half; half /= 2) {
		if (id < half)
			local[id] += local[id + half];
		barrier();
	}
	if (!id)
		((float *)a->out)[group] = local[0];
}

void collatz(const struct collatz_args *a)
{
	uint64_t i = csr(OGPU_CSR_GLOBAL_ID_X), n = i + 1;
	uint32_t steps = 0;

	while (n != 1) {
		n = n & 1 ? 3 * n + 1 : n / 2;
		steps++;
	}
	((uint32_t *)a->out)[i] = steps;
}

/* Private memory: an array on the stack, indexed by what the compiler cannot know. */
void insertion_sort(const struct sort_args *a)
{
	uint64_t i = csr(OGPU_CSR_GLOBAL_ID_X);
	const uint32_t *in = (const uint32_t *)a->in + i * SORT_ITEMS;
	uint32_t *out = (uint32_t *)a->out + i * SORT_ITEMS;
	uint32_t v[SORT_ITEMS];

	for (int n = 0; n < SORT_ITEMS; n++) {
		int p = n;

		for (; p > 0 && v[p - 1] > in[n]; p--)
			v[p] = v[p - 1];
		v[p] = in[n];
	}
	for (int n = 0; n < SORT_ITEMS; n++)
		out[n] = v[n];
}

void count(const struct count_args *a)
{
	uint64_t *shared = (uint64_t *)a->counter;
	uint32_t *local = (uint32_t *)OGPU_CU_LOCAL_BASE;
	uint32_t before;

	before = __atomic_fetch_add(&local[0], 1, __ATOMIC_RELAXED);
	__atomic_fetch_or(&local[1 + before / 32], 1u << before % 32, __ATOMIC_RELAXED);
	barrier();
	if (!csr(OGPU_CSR_LOCAL_ID_X))
		__atomic_fetch_add(shared, local[0], __ATOMIC_SEQ_CST);
	__atomic_fetch_add(shared + 1, 1, __ATOMIC_SEQ_CST);
}

void ids(const struct ids_args *a)
{
	uint64_t gx = csr(OGPU_CSR_GLOBAL_ID_X), gy = csr(OGPU_CSR_GLOBAL_ID_Y);
	uint64_t gz = csr(OGPU_CSR_GLOBAL_ID_Z);
	uint64_t nx = csr(OGPU_CSR_LOCAL_SIZE_X) * csr(OGPU_CSR_NUM_GROUPS_X);
	uint64_t ny = csr(OGPU_CSR_LOCAL_SIZE_Y) * csr(OGPU_CSR_NUM_GROUPS_Y);
	struct ids_out *out = (struct ids_out *)a->out + (gz * ny + gy) * nx + gx;

	out->global[0] = gx;
	out->global[1] = gy;
	out->global[2] = gz;
	out->local[0] = csr(OGPU_CSR_LOCAL_ID_X);
	out->local[1] = csr(OGPU_CSR_LOCAL_ID_Y);
	out->local[2] = csr(OGPU_CSR_LOCAL_ID_Z);
	out->group[0] = csr(OGPU_CSR_GROUP_ID_X);
	out->group[1] = csr(OGPU_CSR_GROUP_ID_Y);
	out->group[2] = csr(OGPU_CSR_GROUP_ID_Z);
	out->local_bytes = csr(OGPU_CSR_LOCAL_BYTES);
}

/* Two waves of a workgroup: the first waits in a loop for what the second writes. */
void ping_pong(const struct count_args *a)
{
	uint32_t *local = (uint32_t *)OGPU_CU_LOCAL_BASE;
	uint64_t id = csr(OGPU_CSR_LOCAL_ID_X);

	if (id < 32) {
		while (!__atomic_load_n(local, __ATOMIC_ACQUIRE))
			;
		((uint32_t *)a->counter)[id] = local[0];
	} else if (id == 40) {
		__atomic_store_n(local, 77, __ATOMIC_RELEASE);
	}
}

#define LOAD(insn, kind)	asm volatile(insn " %0, 0(%1)" : "=" kind(v) : "r"(p) : "memory")
#define STORE(insn)		asm volatile(insn " %0, 0(%1)" : : "r"(v), "r"(p) : "memory")

/* One access by each of 32 work-items, wherever. */
void one_access(const struct access_args *a)
{
	uint64_t id = csr(OGPU_CSR_LOCAL_ID_X), v = ((uint64_t *)a->value)[id];
	uint64_t *local = (uint64_t *)OGPU_CU_LOCAL_BASE, words = csr(OGPU_CSR_LOCAL_BYTES) / 8;
	uint64_t p = ((uint64_t *)a->address)[id];
	double d;

	for (uint64_t i = id; i < words; i += 32)
		local[i] = ((uint64_t *)a->local)[i];
	barrier();
	if (p) {
		switch (a->op) {
		case 0:
			LOAD("lb", "r");
			break;
		case 1:
			LOAD("lh", "r");
			break;
		case 2:
			LOAD("lw", "r");
			break;
		case 3:
			LOAD("ld", "r");
			break;
		case 4:
			LOAD("lbu", "r");
			break;
		case 5:
			LOAD("lhu", "r");
			break;
		case 6:
			LOAD("lwu", "r");
			break;
		case 7:
			asm volatile("flw %0, 0(%1)" : "=f"(d) : "r"(p) : "memory");
			asm volatile("fmv.x.d %0, %1" : "=r"(v) : "f"(d));
			break;
		case 8:
			STORE("sb");
			break;
		case 9:
			STORE("sh");
			break;
		case 10:
			STORE("sw");
			break;
		default:
			STORE("sd");
			break;
		}
	}
	barrier();
	((uint64_t *)a->result)[id] = v;
	for (uint64_t i = id; i < words; i += 32)
		((uint64_t *)a->local)[i] = local[i];
}

void endless(void)
{
	for (;;)
		asm volatile("");
}

/* --- for hostile.h: each runs for ever and makes the host work hard --------------------------- */

#define SPREAD_BASE	(1ull << 39)
#define SPREAD_MASK	((1ull << 47) - 1)

/* Another page for each lane each time; the last bytes of it, so that eight bytes cross its end. */
static inline uint64_t spread(uint64_t *x)
{
	*x = *x * 6364136223846793005ull + 1442695040888963407ull;
	return SPREAD_BASE + ((*x >> 16 & SPREAD_MASK & ~0xfffull) | 0xffc);
}

void hostile_load(void)
{
	uint64_t x = csr(OGPU_CSR_GLOBAL_ID_X), v;

	for (;;) {
#pragma GCC unroll 64
		for (int i = 0; i < 64; i++)
			asm volatile("ld %0, 0(%1)" : "=r"(v) : "r"(spread(&x)));
	}
}

void hostile_store(void)
{
	uint64_t x = csr(OGPU_CSR_GLOBAL_ID_X);

	for (;;) {
#pragma GCC unroll 64
		for (int i = 0; i < 64; i++)
			asm volatile("sd %0, 0(%1)" : : "r"(x), "r"(spread(&x)) : "memory");
	}
}

void hostile_atomic(void)
{
	uint64_t x = csr(OGPU_CSR_GLOBAL_ID_X);

	for (;;) {
#pragma GCC unroll 64
		for (int i = 0; i < 64; i++)
			asm volatile("amoadd.w zero, %0, (%1)"
				     : : "r"(x), "r"(spread(&x)) : "memory");
	}
}

void hostile_round(void)
{
	double a = 1.0 + (double)csr(OGPU_CSR_GLOBAL_ID_X), b = 3.0;

	asm volatile("fsrmi 3");
	for (;;) {
#pragma GCC unroll 64
		for (int i = 0; i < 64; i++)
			asm volatile("fdiv.d %0, %0, %1" : "+f"(a) : "f"(b));
	}
}

void hostile_private(void)
{
	uint64_t at = OGPU_CU_PRIVATE_BASE + 8 * (csr(OGPU_CSR_LOCAL_ID_X) % 8) + 5, v;

	for (;;) {
#pragma GCC unroll 64
		for (int i = 0; i < 64; i++)
			asm volatile("ld %0, 0(%1)" : "=r"(v) : "r"(at));
	}
}

void hostile_code(void)
{
	for (;;) {
#pragma GCC unroll 64
		for (int i = 0; i < 64; i++)
			asm volatile("fence.i");
	}
}

/* Wave operations of lanes whose paths differ, between loads from all over the place. */
void hostile_wave(void)
{
	uint64_t x = csr(OGPU_CSR_GLOBAL_ID_X), v = x;

	for (;;) {
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			asm volatile("ld %0, 0(%1)" : "=r"(v) : "r"(spread(&x)));
			if ((x ^ v) & 1 << i)
				asm volatile(".insn r 0x0b, 3, 0x10, %0, %0, x0" : "+r"(v));
			else
				asm volatile(".insn r 0x0b, 0, 0x03, %0, %0, %1"
					     : "+r"(v) : "r"(x));
			asm volatile(".insn r 0x0b, 0, 0, x0, x0, x0");
		}
	}
}

/* Workgroups that wait for one another, some rounds long. */
void meet(const struct meet_args *a)
{
	uint64_t *counter = (uint64_t *)a->counter;

	for (uint64_t round = 1; round <= a->rounds; round++) {
		if (!csr(OGPU_CSR_LOCAL_ID_X)) {
			__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
			while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < round * a->groups)
				;
		}
		barrier();
	}
}

/* How many workgroups are there at the same time? Each stays until it has looked often enough. */
void crowd(const struct crowd_args *a)
{
	uint64_t *now = (uint64_t *)a->counter, *most = now + 1;
	uint64_t seen;

	if (csr(OGPU_CSR_LOCAL_ID_X))
		return;
	seen = __atomic_fetch_add(now, 1, __ATOMIC_SEQ_CST) + 1;
	for (uint64_t i = 0; i < a->looks; i++) {
		uint64_t more = __atomic_load_n(now, __ATOMIC_SEQ_CST);

		seen = more > seen ? more : seen;
	}
	__atomic_fetch_sub(now, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(most, __ATOMIC_SEQ_CST) < seen) {
		uint64_t old = __atomic_load_n(most, __ATOMIC_SEQ_CST);

		if (old < seen)
			__atomic_compare_exchange_n(most, &old, seen, 0, __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST);
	}
}

/*
 * A bit of everything that a workgroup's state consists of: divergence, private and local memory,
 * barriers, rounding modes that differ among lanes, and atomics.
 */
void mixed(const struct mixed_args *a)
{
	uint32_t *local = (uint32_t *)OGPU_CU_LOCAL_BASE;
	const uint64_t id = csr(OGPU_CSR_GLOBAL_ID_X), item = csr(OGPU_CSR_LOCAL_ID_X);
	const uint64_t size = csr(OGPU_CSR_LOCAL_SIZE_X);
	volatile uint32_t own[MIXED_OWN];
	uint64_t n = id * 2654435761u + a->seed;
	double sum = 1.0;

	for (uint32_t i = 0; i < MIXED_OWN; i++)
		own[i] = n >> i;
	asm volatile("csrw frm, %0" : : "r"(id % 5));
	for (uint32_t round = 0; round < a->rounds; round++) {
		uint64_t steps = (n ^ round) % 37;

		while (steps--) {
			n = n & 1 ? n * 3 + 1 : n >> 1 ^ (uint64_t)own[steps % MIXED_OWN] << 20;
			own[n % MIXED_OWN] += n;
		}
		local[item] = n;
		barrier();
		n ^= local[(item * 7 + round) % size];
		sum = sum / 3.0 + (double)(n & 0xffff);
		if (item % 3 == round % 3)
			__atomic_fetch_add((uint64_t *)a->counter, n & 0xffff, __ATOMIC_RELAXED);
		barrier();
	}
	for (uint32_t i = 0; i < MIXED_OWN; i++)
		n = n * 31 + own[i];
	((uint64_t *)a->out)[id * 2] = n;
	((double *)a->out)[id * 2 + 1] = sum;
}

/* Writes down some registers as they are at the start; a0 is where to. */
__attribute__((naked)) void registers(void)
{
	asm volatile("sd s11, 0(a0)\n\tsd t6, 8(a0)\n\t"
		     "fsd ft11, 16(a0)\n\tfsd fs0, 24(a0)\n\tret");
}

/* One atomic for each work-item, each at another place. */
void spread_atomics(const struct spread_args *a)
{
	__atomic_fetch_add((uint64_t *)(a->base + csr(OGPU_CSR_LOCAL_ID_X) * a->stride), 1,
			   __ATOMIC_RELAXED);
}

/* x28 is the work-item's group and local id, f0 the same as a number; one traps, others wait. */
__attribute__((naked)) void trap_one(void)
{
	__asm__ volatile("csrr t3, 0xcc6\n"
			 "slli t3, t3, 32\n"
			 "csrr t4, 0xcc3\n"
			 "or t3, t3, t4\n"
			 "fcvt.d.lu ft0, t3\n"
			 "ld t5, 0(a0)\n"
			 "bne t3, t5, 1f\n"
			 ".globl trap_one_here\n"
			 "trap_one_here: ebreak\n"
			 "1: j 1b\n");
}

/* Three instructions, which read 8 bytes and write 4. */
__attribute__((naked)) void counted(void)
{
	__asm__ volatile("ld t0, 0(a0)\n"
			 "sw t0, 8(a0)\n"
			 "ret\n");
}
