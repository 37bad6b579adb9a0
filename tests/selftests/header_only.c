// SPDX-License-Identifier: MIT
/*
 * Proof that the header suffices: this program was written from the comments of drm/ogpu_drm.h
 * alone, with libdrm for the syncobjs and raw ioctls for all else; no code of libogpu, of the
 * driver or of another test was looked at. It copies a buffer, runs a compute kernel that uses its
 * stack, local memory and the barrier, then faults on purpose and reads what is told about that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/sync_file.h>
#include <xf86drm.h>
#include <drm/ogpu_drm.h>

#define TESTS		19
#define SKIPPED		4
#define WAIT_NS		(60 * 1000000000ll)

#define GROUP		16u
#define GROUPS		8u
#define ITEMS		(GROUP * GROUPS)
#define FACTOR		3u
#define LOCAL_BYTES	(GROUP * 4u)
#define PRIVATE_BYTES	256u

/* Starts when all before it are complete. */
#define PACKET(op, bytes) \
	(DRM_OGPU_PKT_BARRIER | DRM_OGPU_PKT(DRM_OGPU_PKT_##op, bytes))

/* Where in GPU memory things are; any address but the first and last 64 KiB would do. */
#define VA_CMD		0x100000000ull
#define VA_SRC		0x100100000ull
#define VA_MID		0x100200000ull
#define VA_DST		0x100300000ull
#define VA_SAVE		0x100400000ull
#define VA_NOTHING	0x200000000ull
#define BYTES		0x10000u

/* Parts of the command buffer. */
#define CMD_STREAM	0x0000
#define CMD_ARGS	0x4000
#define CMD_BAD_ARGS	0x4100
#define CMD_CODE	0x8000

struct my_args {
	__u64 in;
	__u64 out;
	__u64 local;
	__u64 factor;
};

/*
 * void kernel(struct my_args *a): local[lid] = in[gid]; barrier;
 * out[gid] = local[group - 1 - lid] * factor + gid
 *
 * Made with riscv64-unknown-elf-gcc -march=rv64imafd_zicsr -mabi=lp64d. There are no addresses in
 * it, so it can stand anywhere.
 */
static const __u32 kernel[] = {
	0xff010113,	/* addi  sp, sp, -16 */
	0xcc0022f3,	/* csrr  t0, 0xcc0         global id x */
	0x00513023,	/* sd    t0, 0(sp)         kept on the stack */
	0xcc302373,	/* csrr  t1, 0xcc3         local id x */
	0xcc9023f3,	/* csrr  t2, 0xcc9         group size x */
	0x00053583,	/* ld    a1, 0(a0)         a->in */
	0x00853603,	/* ld    a2, 8(a0)         a->out */
	0x01053683,	/* ld    a3, 16(a0)        a->local */
	0x01853703,	/* ld    a4, 24(a0)        a->factor */
	0x00229e13,	/* slli  t3, t0, 2 */
	0x01c58e33,	/* add   t3, a1, t3 */
	0x000e2e83,	/* lw    t4, 0(t3)         in[gid] */
	0x00231f13,	/* slli  t5, t1, 2 */
	0x01e68f33,	/* add   t5, a3, t5 */
	0x01df2023,	/* sw    t4, 0(t5)         local[lid] = in[gid] */
	0x00000073,	/* ecall                   barrier */
	0x406383b3,	/* sub   t2, t2, t1 */
	0xfff38393,	/* addi  t2, t2, -1        group - 1 - lid */
	0x00239393,	/* slli  t2, t2, 2 */
	0x007683b3,	/* add   t2, a3, t2 */
	0x0003ae83,	/* lw    t4, 0(t2)         local[group - 1 - lid] */
	0x02ee8ebb,	/* mulw  t4, t4, a4        * factor */
	0x00013283,	/* ld    t0, 0(sp)         gid, from the stack */
	0x005e8ebb,	/* addw  t4, t4, t0        + gid */
	0x00229e13,	/* slli  t3, t0, 2 */
	0x01c60e33,	/* add   t3, a2, t3 */
	0x01de2023,	/* sw    t4, 0(t3)         out[gid] */
	0x01010113,	/* addi  sp, sp, 16 */
	0x00008067,	/* ret                     to the address in ra: the end */
};

#define KERNEL_STORE	26	/* index of the store to out[gid] */

struct buffer {
	__u32 handle;
	__u64 size;
	void *map;
};

static int fd = -1;
static __u32 timeline;
static int number;
static int failed;

static bool check(bool good, const char *what)
{
	if (!good)
		failed++;
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
	fflush(stdout);
	return good;
}

/* For what the rest cannot do without. */
static void need(bool good, const char *what)
{
	int error = errno;

	if (check(good, what))
		return;
	printf("Bail out! %s: last errno %d (%s)\n", what, error, strerror(error));
	exit(1);
}

static bool open_card(void)
{
	char path[32];
	int i;

	for (i = 128; i < 192; i++) {
		drmVersionPtr version;
		bool ours;

		snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		ours = version && !strcmp(version->name, "ogpu");
		if (ours)
			printf("# %s: %s %d.%d\n", path, version->name, version->version_major,
			       version->version_minor);
		if (ours && version->version_major != DRM_OGPU_VERSION_MAJOR)
			ours = false;
		drmFreeVersion(version);
		if (ours)
			return true;
		close(fd);
	}
	return false;
}

static bool query_sizes(void)
{
	static const __u32 sizes[] = {
		[DRM_OGPU_QUERY_DEVICE] = sizeof(struct drm_ogpu_query_device),
		[DRM_OGPU_QUERY_FIRMWARE] = sizeof(struct drm_ogpu_query_firmware),
		[DRM_OGPU_QUERY_MEMORY] = sizeof(struct drm_ogpu_query_memory),
		[DRM_OGPU_QUERY_TIME] = sizeof(struct drm_ogpu_query_time),
		[DRM_OGPU_QUERY_PEER] = sizeof(struct drm_ogpu_query_peer),
	};
	__u32 type;

	for (type = 0; type < sizeof(sizes) / sizeof(sizes[0]); type++) {
		struct drm_ogpu_query query = { .type = type };

		if (drmIoctl(fd, DRM_IOCTL_OGPU_QUERY, &query) || query.size < sizes[type])
			return false;
	}
	return true;
}

static bool query_device(struct drm_ogpu_query_device *dev)
{
	struct drm_ogpu_query query = {
		.type = DRM_OGPU_QUERY_DEVICE,
		.size = sizeof(*dev),
		.pointer = (uintptr_t)dev,
	};

	if (drmIoctl(fd, DRM_IOCTL_OGPU_QUERY, &query) || query.size != sizeof(*dev))
		return false;
	printf("# %s: generation %u, %u CUs of %u lanes, workgroups of %u, %u queues, %u va bits\n",
	       dev->name, dev->generation, dev->cu_count, dev->lanes, dev->max_workgroup,
	       dev->max_queues, dev->va_bits);
	printf("# local %u, private %u bytes, page sizes %#llx\n", dev->local_bytes,
	       dev->private_bytes, (unsigned long long)dev->page_sizes);
	return true;
}

static bool make_buffer(struct buffer *bo, __u32 placement, bool mapped)
{
	struct drm_ogpu_bo_create create = {
		.size = BYTES,
		.placement = placement,
		.flags = mapped ? DRM_OGPU_BO_CPU_ACCESS : 0,
	};
	struct drm_ogpu_bo_mmap_offset offset = { 0 };
	const __u8 *p;
	__u64 i;

	if (drmIoctl(fd, DRM_IOCTL_OGPU_BO_CREATE, &create) || create.size < BYTES)
		return false;
	bo->handle = create.handle;
	bo->size = create.size;
	if (!mapped)
		return true;
	offset.handle = create.handle;
	if (drmIoctl(fd, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, &offset))
		return false;
	bo->map = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset.offset);
	if (bo->map == MAP_FAILED)
		return false;
	for (p = bo->map, i = 0; i < bo->size; i++) {
		if (p[i])
			return false;
	}
	return true;
}

static bool drop_buffer(struct buffer *bo)
{
	struct drm_gem_close gem = { .handle = bo->handle };

	if (bo->map && munmap(bo->map, bo->size))
		return false;
	return !drmIoctl(fd, DRM_IOCTL_GEM_CLOSE, &gem);
}

static __u64 round_256(__u64 bytes)
{
	return (bytes + 255) / 256 * 256;
}

/* What a workgroup of the kernel takes in a save area. */
static __u64 frame_bytes(const struct drm_ogpu_query_device *dev)
{
	__u64 waves = (GROUP + dev->lanes - 1) / dev->lanes;

	return 256 + round_256(LOCAL_BYTES) + waves * dev->save_wave_bytes +
	       round_256(waves * dev->lanes * PRIVATE_BYTES);
}

static bool make_queue(__u32 vm_id, __u32 *queue_id)
{
	struct drm_ogpu_queue_create create = {
		.vm_id = vm_id,
		.engine = DRM_OGPU_ENGINE_COMPUTE,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
		.save_va = VA_SAVE,
		.save_bytes = BYTES,
	};

	if (drmIoctl(fd, DRM_IOCTL_OGPU_QUEUE_CREATE, &create))
		return false;
	*queue_id = create.queue_id;
	return create.queue_id;
}

static bool drop_queue(__u32 queue_id)
{
	struct drm_ogpu_queue_destroy destroy = { .queue_id = queue_id };

	return !drmIoctl(fd, DRM_IOCTL_OGPU_QUEUE_DESTROY, &destroy);
}

/* One job that waits for point - 1 of the timeline and signals point, and binary if not 0. */
static bool submit(__u32 queue_id, __u32 bytes, __u64 point, __u32 binary)
{
	struct drm_ogpu_sync syncs[3];
	struct drm_ogpu_job job = {
		.stream_va = VA_CMD + CMD_STREAM,
		.stream_bytes = bytes,
		.syncs = { .stride = sizeof(syncs[0]), .array = (uintptr_t)syncs },
	};
	struct drm_ogpu_submit args = {
		.queue_id = queue_id,
		.jobs = { .stride = sizeof(job), .count = 1, .array = (uintptr_t)&job },
	};

	if (point > 1)
		syncs[job.syncs.count++] = (struct drm_ogpu_sync){
			.handle = timeline,
			.flags = DRM_OGPU_SYNC_TIMELINE,
			.value = point - 1,
		};
	syncs[job.syncs.count++] = (struct drm_ogpu_sync){
		.handle = timeline,
		.flags = DRM_OGPU_SYNC_SIGNAL | DRM_OGPU_SYNC_TIMELINE,
		.value = point,
	};
	if (binary)
		syncs[job.syncs.count++] = (struct drm_ogpu_sync){
			.handle = binary,
			.flags = DRM_OGPU_SYNC_SIGNAL,
		};
	return !drmIoctl(fd, DRM_IOCTL_OGPU_SUBMIT, &args);
}

static bool wait_point(__u64 point)
{
	struct timespec now;
	uint64_t value = point;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return !drmSyncobjTimelineWait(fd, &timeline, &value, 1,
				       now.tv_sec * 1000000000ll + now.tv_nsec + WAIT_NS, 0, NULL);
}

/* The status of the fence in a syncobj: 1 when signalled, 0 before, a negative errno on error. */
static int fence_status(__u32 syncobj)
{
	struct sync_file_info info = { 0 };
	int file;

	if (drmSyncobjExportSyncFile(fd, syncobj, &file))
		return 0;
	if (ioctl(file, SYNC_IOC_FILE_INFO, &info))
		info.status = 0;
	close(file);
	return info.status;
}

static __u32 put_copy(struct buffer *cmd, __u32 at, __u64 dst, __u64 src, __u64 bytes)
{
	struct drm_ogpu_pkt_copy copy = {
		.header = PACKET(COPY, sizeof(copy)),
		.src = src,
		.dst = dst,
		.bytes = bytes,
	};

	memcpy((char *)cmd->map + CMD_STREAM + at, &copy, sizeof(copy));
	return at + sizeof(copy);
}

static __u32 put_dispatch(struct buffer *cmd, __u32 at, __u32 args, __u64 out, __u32 groups,
			  __u32 group)
{
	struct my_args my = {
		.in = VA_MID,
		.out = out,
		.local = 0x0001000000000000ull,
		.factor = FACTOR,
	};
	struct drm_ogpu_pkt_dispatch dispatch = {
		.header = PACKET(DISPATCH, sizeof(dispatch)),
		.entry = VA_CMD + CMD_CODE,
		.args = VA_CMD + args,
		.grid = { groups, 1, 1 },
		.group = { group, 1, 1 },
		.local_bytes = LOCAL_BYTES,
		.private_bytes = PRIVATE_BYTES,
	};

	memcpy((char *)cmd->map + args, &my, sizeof(my));
	memcpy((char *)cmd->map + CMD_STREAM + at, &dispatch, sizeof(dispatch));
	return at + sizeof(dispatch);
}

static bool results_right(const __u32 *src, const __u32 *dst)
{
	__u32 gid;

	for (gid = 0; gid < ITEMS; gid++) {
		__u32 lid = gid % GROUP;
		__u32 want = src[gid - lid + GROUP - 1 - lid] * FACTOR + gid;

		if (dst[gid] != want) {
			printf("# item %u: %#x instead of %#x\n", gid, dst[gid], want);
			return false;
		}
	}
	return true;
}

static bool state_right(__u32 queue_id)
{
	struct drm_ogpu_queue_get_state state = { .queue_id = queue_id };

	if (drmIoctl(fd, DRM_IOCTL_OGPU_QUEUE_GET_STATE, &state))
		return false;
	printf("# error %u at %#llx, access %u, reason %u, pc %#llx, detail %#x\n", state.error,
	       (unsigned long long)state.fault_va, state.access, state.reason,
	       (unsigned long long)state.pc, state.detail);
	printf("# %llu submitted, %llu completed, busy %llu ns\n",
	       (unsigned long long)state.submitted, (unsigned long long)state.completed,
	       (unsigned long long)state.busy_ns);
	return state.error == DRM_OGPU_QUEUE_ERR_MEMORY && state.fault_va == VA_NOTHING &&
	       state.access == DRM_OGPU_ACCESS_WRITE &&
	       state.reason == DRM_OGPU_FAULT_NOT_MAPPED &&
	       state.pc == VA_CMD + CMD_CODE + KERNEL_STORE * sizeof(kernel[0]) &&
	       state.submitted == 3 && state.completed == 2;
}

static bool faults_right(__u32 vm_id, __u32 queue_id)
{
	struct drm_ogpu_fault faults[16];
	struct drm_ogpu_vm_get_faults get = {
		.vm_id = vm_id,
		.faults = {
			.stride = sizeof(faults[0]),
			.count = sizeof(faults) / sizeof(faults[0]),
			.array = (uintptr_t)faults,
		},
	};
	__u32 i;

	if (drmIoctl(fd, DRM_IOCTL_OGPU_VM_GET_FAULTS, &get))
		return false;
	printf("# %u faults, %u read\n", get.total, get.faults.count);
	for (i = 0; i < get.faults.count; i++)
		printf("# fault at %#llx, queue %u, access %u, reason %u, time %llu\n",
		       (unsigned long long)faults[i].va, faults[i].queue_id, faults[i].access,
		       faults[i].reason, (unsigned long long)faults[i].time_ns);
	return get.total == 1 && get.faults.count == 1 && faults[0].va == VA_NOTHING &&
	       faults[0].queue_id == queue_id && faults[0].access == DRM_OGPU_ACCESS_WRITE &&
	       faults[0].reason == DRM_OGPU_FAULT_NOT_MAPPED && faults[0].time_ns;
}

int main(void)
{
	struct buffer cmd = { 0 }, src = { 0 }, mid = { 0 }, dst = { 0 }, save = { 0 };
	struct drm_ogpu_vm_create vm = { 0 };
	struct drm_ogpu_vm_destroy vm_destroy = { 0 };
	struct drm_ogpu_query_device dev;
	struct drm_ogpu_bind_op ops[5];
	struct drm_ogpu_vm_bind bind = {
		.ops = { .stride = sizeof(ops[0]), .count = 5, .array = (uintptr_t)ops },
	};
	__u32 queue, queue2, binary, bytes, i;
	__u32 *words;
	bool good;

	puts("TAP version 13");
	if (!open_card()) {
		puts("1..0 # SKIP no ogpu render node");
		return SKIPPED;
	}
	printf("1..%d\n", TESTS);

	check(query_sizes(), "QUERY with size 0 tells the sizes");
	need(query_device(&dev), "QUERY tells the device");
	check(dev.generation == 1 && dev.cu_count && dev.lanes && dev.max_workgroup >= GROUP &&
	      dev.local_bytes >= LOCAL_BYTES && dev.private_bytes >= PRIVATE_BYTES &&
	      frame_bytes(&dev) <= BYTES && dev.va_bits > 34 &&
	      BYTES % (dev.page_sizes & -dev.page_sizes) == 0,
	      "the device has what this program needs");

	need(make_buffer(&cmd, DRM_OGPU_BO_SYSTEM, true) &&
	     make_buffer(&src, DRM_OGPU_BO_VRAM, true) &&
	     make_buffer(&mid, DRM_OGPU_BO_VRAM, false) &&
	     make_buffer(&save, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM, false) &&
	     make_buffer(&dst, DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM, true),
	     "buffers in both placements, mapped ones are zero");

	need(!drmIoctl(fd, DRM_IOCTL_OGPU_VM_CREATE, &vm) && vm.vm_id, "address space");
	ops[0] = (struct drm_ogpu_bind_op){
		.op = DRM_OGPU_BIND_MAP,
		.flags = DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC,
		.bo_handle = cmd.handle,
		.va = VA_CMD,
		.size = BYTES,
	};
	ops[1] = (struct drm_ogpu_bind_op){
		.op = DRM_OGPU_BIND_MAP,
		.flags = DRM_OGPU_BIND_READ,
		.bo_handle = src.handle,
		.va = VA_SRC,
		.size = BYTES,
	};
	ops[2] = (struct drm_ogpu_bind_op){
		.op = DRM_OGPU_BIND_MAP,
		.flags = DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE,
		.bo_handle = mid.handle,
		.va = VA_MID,
		.size = BYTES,
	};
	ops[3] = ops[2];
	ops[3].bo_handle = dst.handle;
	ops[3].va = VA_DST;
	ops[4] = ops[2];
	ops[4].bo_handle = save.handle;
	ops[4].va = VA_SAVE;
	bind.vm_id = vm.vm_id;
	need(!drmIoctl(fd, DRM_IOCTL_OGPU_VM_BIND, &bind), "buffers mapped for the GPU");
	need(make_queue(vm.vm_id, &queue), "compute queue");
	need(!drmSyncobjCreate(fd, 0, &timeline) && !drmSyncobjCreate(fd, 0, &binary), "syncobjs");

	/* Job 1: source to a buffer that only the GPU sees, from there to one the CPU sees. */
	for (words = src.map, i = 0; i < BYTES / 4; i++)
		words[i] = i * 2654435761u;
	bytes = put_copy(&cmd, 0, VA_MID, VA_SRC, BYTES);
	bytes = put_copy(&cmd, bytes, VA_DST, VA_MID, BYTES);
	need(submit(queue, bytes, 1, 0) && wait_point(1), "job of two COPY packets");
	check(!memcmp(src.map, dst.map, BYTES), "copied bytes are right");

	/* Job 2: the kernel. */
	memcpy((char *)cmd.map + CMD_CODE, kernel, sizeof(kernel));
	memset(dst.map, 0xff, BYTES);
	bytes = put_dispatch(&cmd, 0, CMD_ARGS, VA_DST, GROUPS, GROUP);
	need(submit(queue, bytes, 2, 0) && wait_point(2), "job of a DISPATCH packet");
	words = dst.map;
	good = results_right(src.map, dst.map);
	for (i = ITEMS; i < BYTES / 4; i++)
		good = good && words[i] == 0xffffffff;
	check(good, "results of the compute kernel are right");

	/* Job 3: a single work-item of the same kernel, its output where nothing is mapped. */
	bytes = put_dispatch(&cmd, 0, CMD_BAD_ARGS, VA_NOTHING, 1, 1);
	need(submit(queue, bytes, 3, binary) && wait_point(3), "job that faults is over");
	check(fence_status(binary) < 0, "its fence carries an error");
	printf("# fence status %d\n", fence_status(binary));
	check(state_right(queue), "QUEUE_GET_STATE tells the fault");
	check(faults_right(vm.vm_id, queue), "VM_GET_FAULTS tells the fault");
	check(!submit(queue, bytes, 4, 0) && errno == ECANCELED, "the queue takes no more jobs");

	/* Job 4, on a new queue: the address space is still good. */
	memset(dst.map, 0, BYTES);
	bytes = put_copy(&cmd, 0, VA_DST, VA_MID, BYTES);
	check(drop_queue(queue) && make_queue(vm.vm_id, &queue2) && submit(queue2, bytes, 4, 0) &&
	      wait_point(4) && !memcmp(src.map, dst.map, BYTES) && drop_queue(queue2),
	      "a new queue works in the same address space");

	vm_destroy.vm_id = vm.vm_id;
	good = !drmIoctl(fd, DRM_IOCTL_OGPU_VM_DESTROY, &vm_destroy);
	good = drop_buffer(&cmd) && drop_buffer(&src) && drop_buffer(&mid) && drop_buffer(&dst) &&
	       drop_buffer(&save) && !drmSyncobjDestroy(fd, timeline) &&
	       !drmSyncobjDestroy(fd, binary) && good;
	check(good && !close(fd), "all is given back");
	return failed || number != TESTS;
}
