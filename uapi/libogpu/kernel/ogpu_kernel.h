/* SPDX-License-Identifier: MIT */
/*
 * For compute kernels: what a work-item can ask and do.
 *
 * A kernel is a C function that takes a pointer to its arguments and returns nothing:
 *
 *	struct saxpy_args { float a; const float *x; float *y; unsigned int n; };
 *
 *	OGPU_KERNEL void saxpy(const struct saxpy_args *args)
 *	{
 *		unsigned int i = ogpu_global_id(0);
 *
 *		if (i < args->n)
 *			args->y[i] += args->a * args->x[i];
 *	}
 *
 * Build it with the stock RISC-V compiler; `pkg-config --variable=kernel_cflags libogpu` and
 * kernel_ldflags print the options. Pointers are GPU addresses. Variables on the stack are private
 * to the work-item; writable global variables are shared by all work-items of all dispatches and
 * are as dangerous as that sounds. Work-items of a group run in lockstep where their paths agree,
 * and a work-item that spins for another one of its group may wait for ever: use ogpu_barrier().
 */
#ifndef OGPU_KERNEL_H
#define OGPU_KERNEL_H

#ifndef __riscv
#error "ogpu_kernel.h is for code that runs on the card: build it with the RISC-V compiler"
#endif

/* Keeps the function in the file although nothing there calls it. */
#define OGPU_KERNEL	__attribute__((used, noinline))

#define OGPU_READ_CSR(number) ({ \
	unsigned long value_; \
	__asm__("csrr %0, " #number : "=r"(value_)); \
	value_; \
})

/* Three read-only control registers, x y z, that begin at a number; dim is best a constant. */
#define OGPU_READ_CSR3(dim, x, y, z) ({ \
	const int dim_ = (dim); \
	dim_ == 0 ? OGPU_READ_CSR(x) : dim_ == 1 ? OGPU_READ_CSR(y) : OGPU_READ_CSR(z); \
})

/* Number of this work-item in the whole dispatch: group id * group size + local id. */
static inline unsigned int ogpu_global_id(int dim)
{
	return OGPU_READ_CSR3(dim, 0xcc0, 0xcc1, 0xcc2);
}

/* Number of this work-item in its workgroup. */
static inline unsigned int ogpu_local_id(int dim)
{
	return OGPU_READ_CSR3(dim, 0xcc3, 0xcc4, 0xcc5);
}

/* Number of this workgroup. */
static inline unsigned int ogpu_group_id(int dim)
{
	return OGPU_READ_CSR3(dim, 0xcc6, 0xcc7, 0xcc8);
}

/* Work-items in a workgroup. */
static inline unsigned int ogpu_local_size(int dim)
{
	return OGPU_READ_CSR3(dim, 0xcc9, 0xcca, 0xccb);
}

/* Workgroups in the dispatch. */
static inline unsigned int ogpu_num_groups(int dim)
{
	return OGPU_READ_CSR3(dim, 0xccc, 0xccd, 0xcce);
}

/* Work-items in the dispatch. */
static inline unsigned int ogpu_global_size(int dim)
{
	return ogpu_num_groups(dim) * ogpu_local_size(dim);
}

/* Local memory of the workgroup, zero at its start; the dispatch says how many bytes it has. */
static inline void *ogpu_local(void)
{
	return (void *)0x0001000000000000ul;
}

static inline unsigned int ogpu_local_bytes(void)
{
	return OGPU_READ_CSR(0xccf);
}

/*
 * Waits for all work-items of the group that have not ended, and makes what each wrote before
 * visible to the others.
 */
static inline void ogpu_barrier(void)
{
	__asm__ volatile("ecall" : : : "memory");
}

/* Number of this work-item in its wave: work-items of a wave execute instructions together. */
static inline unsigned int ogpu_lane(void)
{
	return OGPU_READ_CSR(0xcd0);
}

/* Work-items in a full wave. The last wave of a group may have fewer. */
static inline unsigned int ogpu_wave_size(void)
{
	return OGPU_READ_CSR(0xcd1);
}

/*
 * Wave operations. Each waits until no work-item of the wave can go on without one: all have ended,
 * wait at ogpu_barrier(), or are at a wave operation. Then those at one place of the program do
 * theirs together and are its active ones; those at ogpu_wave_barrier() wait for all the others. So
 * where paths differed before, ogpu_wave_barrier() brings them together again. These are functions
 * of their own because a place in the source that the compiler has doubled would be two.
 *
 * A compiler knows nothing of waves: it may make a branch of a selection such as
 * lane == n ? x : 0, and put operations into both of its ways, where they meet part of the wave
 * only. ogpu_mask() of ogpu_math.h makes a selection without one.
 */
#define OGPU_WAVE_CALL	__attribute__((unused, noinline, noclone))

#define OGPU_WAVE_OP1(funct3, funct7, a) ({ \
	unsigned long result_; \
	__asm__ volatile(".insn r 0x0b, " #funct3 ", " #funct7 ", %0, %1, x0" \
			 : "=r"(result_) : "r"(a) : "memory"); \
	result_; \
})

/* What each wrote before is visible to the others. */
static OGPU_WAVE_CALL void ogpu_wave_barrier(void)
{
	__asm__ volatile(".insn r 0x0b, 0, 0, x0, x0, x0" : : : "memory");
}

/* Bit n: work-item n of the wave is active and its value is not 0. */
static OGPU_WAVE_CALL unsigned long ogpu_wave_ballot(unsigned long v)
{
	return OGPU_WAVE_OP1(0, 1, v);
}

/* The value of the first active one. */
static OGPU_WAVE_CALL unsigned long ogpu_wave_first(unsigned long v)
{
	return OGPU_WAVE_OP1(0, 2, v);
}

/* The value of another, by number modulo the size of the wave; its own if that is not active. */
static OGPU_WAVE_CALL unsigned long ogpu_wave_shuffle(unsigned long v, unsigned int lane)
{
	unsigned long result;

	__asm__ volatile(".insn r 0x0b, 0, 3, %0, %1, %2"
			 : "=r"(result) : "r"(v), "r"((unsigned long)lane) : "memory");
	return result;
}

/* The value of the one that is so many places further on; modulo the size of the wave as well. */
static inline unsigned long ogpu_wave_shuffle_down(unsigned long v, unsigned int by)
{
	return ogpu_wave_shuffle(v, ogpu_lane() + by);
}

static inline unsigned long ogpu_wave_shuffle_xor(unsigned long v, unsigned int bits)
{
	return ogpu_wave_shuffle(v, ogpu_lane() ^ bits);
}

static inline int ogpu_wave_any(int condition)
{
	return ogpu_wave_ballot(!!condition) != 0;
}

static inline int ogpu_wave_all(int condition)
{
	return ogpu_wave_ballot(!condition) == 0;
}

/*
 * Sum, least and greatest value of all active ones. Sums of floats are formed in the order of the
 * work-items; sums of s32 are those of u32.
 */
static OGPU_WAVE_CALL unsigned int ogpu_wave_add_u32(unsigned int v)
{
	return OGPU_WAVE_OP1(0, 16, (unsigned long)v);
}

static OGPU_WAVE_CALL unsigned int ogpu_wave_min_u32(unsigned int v)
{
	return OGPU_WAVE_OP1(0, 17, (unsigned long)v);
}

static OGPU_WAVE_CALL unsigned int ogpu_wave_max_u32(unsigned int v)
{
	return OGPU_WAVE_OP1(0, 18, (unsigned long)v);
}

static OGPU_WAVE_CALL int ogpu_wave_min_s32(int v)
{
	return OGPU_WAVE_OP1(1, 17, (unsigned long)v);
}

static OGPU_WAVE_CALL int ogpu_wave_max_s32(int v)
{
	return OGPU_WAVE_OP1(1, 18, (unsigned long)v);
}

static OGPU_WAVE_CALL unsigned long ogpu_wave_add_u64(unsigned long v)
{
	return OGPU_WAVE_OP1(3, 16, v);
}

static OGPU_WAVE_CALL unsigned long ogpu_wave_min_u64(unsigned long v)
{
	return OGPU_WAVE_OP1(3, 17, v);
}

static OGPU_WAVE_CALL unsigned long ogpu_wave_max_u64(unsigned long v)
{
	return OGPU_WAVE_OP1(3, 18, v);
}

#define OGPU_WAVE_OP1_F32(funct7, a) ({ \
	union { \
		unsigned int bits; \
		float number; \
	} u_ = { .number = (a) }; \
	u_.bits = OGPU_WAVE_OP1(2, funct7, (unsigned long)u_.bits); \
	u_.number; \
})

static OGPU_WAVE_CALL float ogpu_wave_add_f32(float v)
{
	return OGPU_WAVE_OP1_F32(16, v);
}

static OGPU_WAVE_CALL float ogpu_wave_min_f32(float v)
{
	return OGPU_WAVE_OP1_F32(17, v);
}

static OGPU_WAVE_CALL float ogpu_wave_max_f32(float v)
{
	return OGPU_WAVE_OP1_F32(18, v);
}

/* Stops the whole queue with DRM_OGPU_QUEUE_ERR_TRAP: for "cannot happen". */
static inline __attribute__((noreturn)) void ogpu_trap(void)
{
	__asm__ volatile("ebreak");
	__builtin_unreachable();
}

#endif
