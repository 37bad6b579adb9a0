// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Figures of the card model alone: bench_model KERNELS.ELF [NAME...]. Each line is one figure in
 * JSON. Jobs go through a queue on a slot, as firmware would put it there.
 *
 * It also builds against older trees (tests/bench/bench.py does that to compare), so it uses only
 * what those have, too, and takes the kernels from a file of this tree.
 */
#include <unistd.h>

#undef OGPU_TEST_KERNELS
#define OGPU_TEST_KERNELS	kernels_path
static const char *kernels_path;

#define FAKE_STRICT false
#include "fake_kernels.h"
#include "fake_queue.h"
#include "kernels/bench.h"

#define ASID		1u
#define ARGS_VA		0x1000000ull
#define STREAM_VA	0x1100000ull
#define SAVE_VA		0x1800000ull
#define DATA_VA		0x4000000ull	/* 2 MiB pages */
#define HOSTILE_VA	0x100000000ull	/* a page at the end of each 2 MiB, and one after it */
#define ARGS		(FAKE_DATA + 0x40000)	/* VRAM offsets */
#define STREAM		(FAKE_DATA + 0x80000)
#define STREAM_BYTES	0x20000u
#define SAVE		0x1000000u
#define SAVE_BYTES	0x1000000u
#define DATA		0x2000000u
#define DATA_BYTES	0x2000000u
#define UNITS		8u	/* of the fake card */

#ifdef OGPU_PKT_BARRIER
#define BARRIER		OGPU_PKT_BARRIER
#else
#define BARRIER		0
#endif

/* As tools/demo has them. */
struct saxpy {
	uint64_t x, y;
	float a;
	uint32_t n;
};

struct sgemm {
	uint64_t a, b, c;
	uint32_t n, pad;
};

static struct vgpu *gpu;
static struct fake_queue queue, *q = &queue;

static void *mem(uint32_t offset)
{
	return gpu->vram + offset;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_model: %s: slot state %u, error %u\n", what, q_state(q), q_error(q));
	exit(1);
}

static void result(const char *name, double value, const char *unit, const char *note)
{
	printf("{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"note\": \"%s\"}\n", name,
	       value, unit, note);
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void sleep_us(unsigned int us)
{
	const struct timespec ts = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

static void card(uint32_t host_threads)
{
	gpu = fake_create(host_threads);
	kernels_load(gpu, ASID, FAKE_DATA);
	fake_map(gpu, ASID, ARGS_VA, VRAM(ARGS), MMU_PAGE, PTE_RW);
	fake_map(gpu, ASID, STREAM_VA, VRAM(STREAM), STREAM_BYTES, PTE_RW);
	for (uint64_t i = 0; i < DATA_BYTES; i += OGPU_PAGE_2M)
		*fake_entry(gpu, ASID, DATA_VA + i, 1) =
			fake_pte(VRAM(DATA + i), OGPU_PTE_LEAF | PTE_RW);
	for (uint64_t i = 0; i < SAVE_BYTES; i += OGPU_PAGE_2M)
		*fake_entry(gpu, ASID, SAVE_VA + i, 1) =
			fake_pte(VRAM(SAVE + i), OGPU_PTE_LEAF | PTE_RW);
	for (uint64_t lane = 1; lane <= 32; lane++)
		fake_map(gpu, ASID, HOSTILE_VA + lane * OGPU_PAGE_2M - MMU_PAGE, VRAM(DATA),
			 2 * MMU_PAGE, OGPU_PTE_READ);
	q_init(q, gpu, 0, ASID, 0);
#ifdef OGPU_SLOT_SAVE_SIZE
	q->save = OGPU_OPERAND(OGPU_TARGET_VIRTUAL, SAVE_VA);
	q->save_size = SAVE_BYTES;
#endif
	q_start(q);
}

static void remove_card(void)
{
	fake_destroy(gpu);
}

static struct ogpu_pkt_dispatch kernel(const char *name)
{
	return (struct ogpu_pkt_dispatch){
		.entry = kernel_entry(name), .args = ARGS_VA, .grid = { 1, 1, 1 },
		.group = { 32, 1, 1 }, .private_bytes = 256,
	};
}

static void put(const struct ogpu_pkt_dispatch *d)
{
	q_put(q, OGPU_OP_DISPATCH, BARRIER, d, sizeof(*d));
}

static void finish(void)
{
	uint64_t end = vgpu_time_ns(gpu) + Q_TIMEOUT_S * 1000000000ull;

	q_ring(q);
	while (q_rptr(q) != q->wptr) {
		if (q_state(q) == OGPU_SLOT_FAILED || vgpu_time_ns(gpu) > end)
			die("a job");
		sleep_us(100);
	}
}

/* Processor time of a dispatch, the best of several; the first one fills caches. */
static double best_cpu_s(const struct ogpu_pkt_dispatch *d, unsigned int rounds)
{
	double best = 1e9;

	for (unsigned int i = 0; i <= rounds; i++) {
		double start = cpu_s(), time;

		put(d);
		finish();
		time = cpu_s() - start;
		if (i && time < best)
			best = time;
	}
	return best;
}

static void bench_sgemm(void)
{
	const uint32_t n = 256, bytes = n * n * sizeof(float);
	const struct sgemm args = { DATA_VA, DATA_VA + bytes, DATA_VA + 2 * bytes, n, 0 };
	struct ogpu_pkt_dispatch d;
	float *a, *c;

	card(1);
	d = kernel("sgemm");
	for (unsigned int i = 0; i < 2; i++) {
		d.grid[i] = n / 16;
		d.group[i] = 16;
	}
	d.local_bytes = 2 * 16 * 16 * sizeof(float);
	a = mem(DATA);
	c = a + 2 * n * n;
	for (uint32_t i = 0; i < 2 * n * n; i++)
		a[i] = i % 7;
	memcpy(mem(ARGS), &args, sizeof(args));
	result("vgpu_sgemm_gflops_per_core", 2.0 * n * n * n / best_cpu_s(&d, 2) / 1e9, "GFLOP/s",
	       "tools/demo's kernel, 256 x 256, by processor time");
	for (uint32_t x = 0; x < n; x++) {
		float sum = 0;

		for (uint32_t k = 0; k < n; k++)
			sum += a[n + k] * a[n * n + k * n + x];
		if (c[n + x] != sum)
			die("product of matrices is wrong");
	}
	remove_card();
}

static void bench_saxpy(void)
{
	const uint32_t n = 2u << 20;
	const struct saxpy args = { DATA_VA, DATA_VA + 4ull * n, 2.5f, n };
	struct ogpu_pkt_dispatch d;

	card(1);
	d = kernel("saxpy");
	d.grid[0] = n / 256;
	d.group[0] = 256;
	memcpy(mem(ARGS), &args, sizeof(args));
	result("vgpu_saxpy_gbps_per_core", 12.0 * n / best_cpu_s(&d, 3) / 1e9, "GB/s",
	       "tools/demo's kernel, 2 M elements, by processor time");
	remove_card();
}

static void bench_dispatch(void)
{
	enum { COUNT = 500, ROUNDS = 20 };
	struct ogpu_pkt_timestamp t = {
		.header = OGPU_PKT_HDR(OGPU_OP_TIMESTAMP, BARRIER, sizeof(t)),
	};
	struct ogpu_pkt_indirect stream = { .addr = STREAM_VA };
	struct ogpu_pkt_dispatch d;
	double best = 1e18, time;
	uint64_t *stamps;
	uint8_t *p;

	card(sysconf(_SC_NPROCESSORS_ONLN));
	stamps = mem(ARGS);
	p = mem(STREAM);
	d = kernel("nothing");
	d.header = OGPU_PKT_HDR(OGPU_OP_DISPATCH, BARRIER, sizeof(d));
	for (unsigned int i = 0; i < COUNT + 2; i++) {
		bool end = i == COUNT + 1;

		if (i && !end) {
			memcpy(p, &d, sizeof(d));
			p += sizeof(d);
			continue;
		}
		t.addr = ARGS_VA + (end ? 8 : 0);
		memcpy(p, &t, sizeof(t));
		p += sizeof(t);
	}
	stream.bytes = p - (uint8_t *)mem(STREAM);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		q_put(q, OGPU_OP_INDIRECT, BARRIER, &stream, sizeof(stream));
		finish();
		time = (stamps[1] - stamps[0]) / (double)COUNT;
		if (time < best)
			best = time;
	}
	result("dispatch_1group_ns", best, "ns",
	       "GPU time of each of 500 dispatches of one workgroup in one stream");
	remove_card();
}

static void bench_gather(void)
{
	const struct gather_args args = { DATA_VA, DATA_VA + 0x10000 };
	double vram, local;
	struct ogpu_pkt_dispatch d;
	uint32_t *table, seed = 1;

	card(1);
	table = mem(DATA);
	for (uint32_t i = 0; i < GATHER_ENTRIES; i++)
		table[i] = i;
	for (uint32_t i = GATHER_ENTRIES - 1; i; i--) {
		uint32_t other, value = table[i];

		seed = seed * 1664525 + 1013904223;
		other = (seed >> 8) % (i + 1);
		table[i] = table[other];
		table[other] = value;
	}
	memcpy(mem(ARGS), &args, sizeof(args));
	d = kernel("gather_vram");
	d.grid[0] = 16;
	d.group[0] = 256;
	d.local_bytes = GATHER_ENTRIES * sizeof(uint32_t);
	vram = best_cpu_s(&d, 3);
	d.entry = kernel_entry("gather_local");
	local = best_cpu_s(&d, 3);
	result("local_gather_vram_ratio", local / vram, "",
	       "time of loads from local memory, each lane's elsewhere, over that from VRAM");
	remove_card();
}

/* A workgroup as large as there are on each unit, and more that wait for one. */
static void put_crowd(const char *name)
{
	const struct hostile_args args = { HOSTILE_VA + OGPU_PAGE_2M - 4, OGPU_PAGE_2M };
	struct ogpu_pkt_dispatch d = kernel(name);

	memcpy(mem(ARGS), &args, sizeof(args));
	d.grid[0] = 2 * UNITS;
	d.group[0] = 1024;
	d.local_bytes = 0x10000;
	put(&d);
	q_ring(q);
}

static void kill_crowd(void)
{
	q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_KILL);
	if (!q_wait(q, OGPU_SLOT_FAILED))
		die("KILL");
}

static void bench_preempt(void)
{
	static const char * const kernels[] = { "spin", "hostile" };
	bool stopped = true;
	double worst = 0, wall = 0;

	for (unsigned int k = 0; k < ARRAY_SIZE(kernels) && stopped; k++) {
		card(1);
		put_crowd(kernels[k]);
		for (unsigned int i = 0; i < 100 && stopped; i++) {
			uint64_t start;
			double cpu, ms;

			/* Not always at the same point of a unit's time slice. */
			sleep_us(2000 + i * 97 % 3000);
			start = vgpu_time_ns(gpu);
			cpu = cpu_s();
			q_write(q, OGPU_SLOT_CTRL, OGPU_SLOT_CMD_PREEMPT);
			stopped = q_wait(q, OGPU_SLOT_SAVED);
			cpu = (cpu_s() - cpu) * 1e3;
			ms = (vgpu_time_ns(gpu) - start) / 1e6;
			if (cpu > worst)
				worst = cpu;
			if (ms > wall)
				wall = ms;
			if (stopped) {
				q_clear(q);
				q_start(q);
			}
		}
		kill_crowd();
		remove_card();
	}
	result("preempt_inside_ms", worst, "ms",
	       "of processors, longest from PREEMPT to SAVED, endless workgroups on all units");
	result("preempt_inside_wall_ms", wall, "ms",
	       "the same by the clock, with what the host does");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} benches[] = {
		{ "sgemm", bench_sgemm }, { "saxpy", bench_saxpy }, { "dispatch", bench_dispatch },
		{ "gather", bench_gather }, { "preempt", bench_preempt },
	};

	if (argc < 2) {
		fputs("usage: bench_model KERNELS.ELF [NAME...]\n", stderr);
		return 2;
	}
	kernels_path = argv[1];
	for (unsigned int i = 0; i < ARRAY_SIZE(benches); i++) {
		bool wanted = argc < 3;

		for (int n = 2; n < argc; n++)
			wanted |= !strcmp(argv[n], benches[i].name);
		if (wanted)
			benches[i].run();
	}
	return 0;
}
