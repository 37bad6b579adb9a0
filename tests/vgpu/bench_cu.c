// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Speed of the compute units with the MMU on: lane-instructions per second of one host thread for
 * some kernels, for each variant of the lane operations that works on this host.
 */
#define FAKE_STRICT false
#include "fake_dispatch.h"
#include "fake_kernels.h"

#define ASID	1u
#define ARGS_VA	0x1000000ull
#define A_VA	0x2000000ull
#define B_VA	0x4000000ull
#define C_VA	0x6000000ull
#define BYTES	(4u << 20)
#define MIN_NS	300000000ull

static struct vgpu *gpu;
static struct cu *cu;

struct bench {
	const char *name;
	struct cu_launch launch;
	const void *args;
	size_t args_size;
};

/* Time on the processor: other work on the host does not count. */
static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void run(const struct bench *b, const struct cu_vec *vec)
{
	static const _Atomic uint32_t stop;
	uint64_t start, ns, before = cu->lane_instructions, groups, work;
	struct cu_launch launch = b->launch;

	launch.asid = ASID;
	launch.entry = kernel_entry(b->name);
	launch.args = ARGS_VA;
	memcpy(launch.total, launch.grid, sizeof(launch.total));
	memcpy(gpu->vram + FAKE_DATA, b->args, b->args_size);
	cu->vec = vec;
	groups = (uint64_t)launch.grid[0] * launch.grid[1] * launch.grid[2];
	start = cpu_ns();
	do {
		if (!cu_begin(cu, &launch, &stop))
			abort();
		for (uint64_t i = 0; i < groups; i++) {
			if (cu_workgroup(cu, i) != CU_DONE) {
				fprintf(stderr, "%s failed: error %u pc 0x%lx va 0x%lx\n", b->name,
					cu->error.error, (long)cu->error.pc,
					(long)cu->error.fault.va);
				exit(1);
			}
		}
		cu_end(cu);
		ns = cpu_ns() - start;
	} while (ns < MIN_NS);
	work = cu->lane_instructions - before;
	printf("%-10s %-10s %8.0f M lane-instructions/s\n", vec->name, b->name,
	       (double)work * 1e3 / (double)ns);
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;	/* name of one kernel */
	static const struct saxpy_args saxpy = { A_VA, B_VA, BYTES / 4, 2.5f };
	static const struct matmul_args matmul = { A_VA, B_VA, C_VA, 256 };
	static const struct reduce_args reduce = { A_VA, C_VA, BYTES / 4 };
	static const struct collatz_args collatz = { C_VA };
	static const struct sort_args sort = { A_VA, C_VA };
	const struct bench benches[] = {
		{ "saxpy", { .grid = { BYTES / 4 / 256, 1, 1 }, .group = { 256, 1, 1 } },
		  &saxpy, sizeof(saxpy) },
		{ "matmul", { .grid = { 8, 32, 1 }, .group = { 32, 8, 1 } },
		  &matmul, sizeof(matmul) },
		{ "reduce", { .grid = { 64, 1, 1 }, .group = { 256, 1, 1 }, .local_bytes = 1024 },
		  &reduce, sizeof(reduce) },
		{ "collatz", { .grid = { 256, 1, 1 }, .group = { 256, 1, 1 } },
		  &collatz, sizeof(collatz) },
		{ "insertion_sort", { .grid = { 64, 1, 1 }, .group = { 256, 1, 1 },
		  .private_bytes = 256 }, &sort, sizeof(sort) },
	};

	gpu = fake_create(1);
	kernels_load(gpu, ASID, FAKE_DATA + 0x10000);
	fake_map(gpu, ASID, ARGS_VA, VRAM(FAKE_DATA), MMU_PAGE, PTE_RW);
	for (uint64_t i = 0; i < 2 * BYTES; i += OGPU_PAGE_2M) {
		*fake_entry(gpu, ASID, A_VA + i, 1) =
			fake_pte(VRAM(0x1000000 + i), OGPU_PTE_LEAF | PTE_RW);
		*fake_entry(gpu, ASID, B_VA + i, 1) =
			fake_pte(VRAM(0x1800000 + i), OGPU_PTE_LEAF | PTE_RW);
		*fake_entry(gpu, ASID, C_VA + i, 1) =
			fake_pte(VRAM(0x2000000 + i), OGPU_PTE_LEAF | PTE_RW);
	}
	cu = cu_create(gpu, &gpu->engines->as_table);
	if (!cu)
		return 1;
	for (unsigned int n = 0; cu_vec_get(n); n++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(benches); i++) {
			if (!only || !strcmp(only, benches[i].name))
				run(&benches[i], cu_vec_get(n));
		}
	}
	cu_free(cu);
	fake_destroy(gpu);
	return 0;
}
