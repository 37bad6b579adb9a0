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

/* Stops the whole queue with DRM_OGPU_QUEUE_ERR_TRAP: for "cannot happen". */
static inline void ogpu_trap(void)
{
	__asm__ volatile("ebreak");
	__builtin_unreachable();
}

#endif
