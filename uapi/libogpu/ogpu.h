/* SPDX-License-Identifier: MIT */
/*
 * libogpu: a thin C library over the ogpu uapi.
 *
 * It adds no policy: each call is one or two ioctls of drm/ogpu_drm.h, plus an allocator of GPU
 * addresses, a writer of packets and a loader of compute kernels. Runtimes may mix it freely with
 * the ioctls, through ogpu_device_fd() and the ids in the structures below.
 *
 * Unless said otherwise, functions return 0 or a negative errno (the ioctl's own, see
 * drm/ogpu_drm.h), may be called from any thread for different objects, and for one object from one
 * thread at a time. An object must outlive what was made from it.
 */
#ifndef OGPU_H
#define OGPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/ogpu_drm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Device --------------------------------------------------------------------------------- */

struct ogpu_device;

/**
 * ogpu_device_open() - open a card
 * @node: path of a render node; NULL for the first card that is ready
 * @dev: the device, on success
 *
 * Errors: -EINVAL if @node is not an ogpu device, -EPROTO if the driver speaks another major
 * version of the uapi, -ENODEV or -EIO if the card is not ready or wedged. Without @node, -ENOENT
 * if there is no card; if there are only such that cannot be opened, why, -EACCES perhaps, which
 * may also be said of a card of another driver.
 */
int ogpu_device_open(const char *node, struct ogpu_device **dev);
void ogpu_device_close(struct ogpu_device *dev);

/** struct ogpu_card - a card that can be opened */
struct ogpu_card {
	char node[32];		/* for ogpu_device_open() */
	char pci_address[32];	/* like 0000:01:00.0; empty if it is not a PCI device */
	uint64_t reserved[8];	/* zero */
};

/**
 * ogpu_device_list() - find the cards that are ready
 * @cards: the first of them, in the order of their PCI addresses, which is the same each time
 * @max: elements of @cards; may be 0
 *
 * Also without /sys, as in some containers: then in the order of their nodes, without addresses.
 * Cards whose firmware does not run and those that the caller may not open are not among them.
 *
 * Return: how many there are, which may be more than @max, or -ENOMEM.
 */
int ogpu_device_list(struct ogpu_card *cards, uint32_t max);

/** ogpu_device_fd() - the file descriptor; stays owned by the device */
int ogpu_device_fd(const struct ogpu_device *dev);
/** ogpu_device_info() - fixed facts, read once at open */
const struct drm_ogpu_query_device *ogpu_device_info(const struct ogpu_device *dev);
/** ogpu_device_pci_address() - like 0000:01:00.0; empty if it is not a PCI device */
const char *ogpu_device_pci_address(const struct ogpu_device *dev);
/** ogpu_query() - DRM_IOCTL_OGPU_QUERY into a structure of the caller, zero-filled first */
int ogpu_query(struct ogpu_device *dev, enum drm_ogpu_query_type type, void *out, size_t size);

/* --- Buffers -------------------------------------------------------------------------------- */

struct ogpu_bo {
	struct ogpu_device *dev;
	uint32_t handle;	/* GEM handle */
	uint64_t size;		/* bytes, as rounded up by the kernel */
	void *map;		/* CPU address once ogpu_bo_map() was called */
};

/**
 * ogpu_bo_create() - make a zero-filled buffer
 * @placement: DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM
 * @flags: DRM_OGPU_BO_CPU_ACCESS | DRM_OGPU_BO_WRITE_COMBINED
 */
int ogpu_bo_create(struct ogpu_device *dev, uint64_t size, uint32_t placement, uint32_t flags,
		   struct ogpu_bo **bo);
struct ogpu_vm;

/**
 * ogpu_bo_create_private() - likewise, to be mapped in one address space only
 *
 * Submissions cost the same however many such buffers are mapped. They can be mapped nowhere else
 * (-EINVAL).
 */
int ogpu_bo_create_private(struct ogpu_vm *vm, uint64_t size, uint32_t placement, uint32_t flags,
			   struct ogpu_bo **bo);
/** ogpu_bo_map() - map for the CPU, once; later calls give the same address */
int ogpu_bo_map(struct ogpu_bo *bo, void **ptr);
int ogpu_bo_set_label(struct ogpu_bo *bo, const char *label);
/**
 * ogpu_bo_madvise() - DRM_IOCTL_OGPU_BO_MADVISE: give a buffer up for a time, or take it back
 * @retained: whether the content is still there; NULL is allowed
 */
int ogpu_bo_madvise(struct ogpu_bo *bo, enum drm_ogpu_madv advice, bool *retained);
/** ogpu_bo_prefetch() - DRM_IOCTL_OGPU_BO_PREFETCH: prefer a place, and move the buffer there */
int ogpu_bo_prefetch(struct ogpu_bo *bo, uint32_t placement);
/**
 * ogpu_bo_export() - a file descriptor for a buffer, to be handed to another process
 *
 * It is a dma-buf: see DRM_IOCTL_OGPU_BO_CREATE. The caller closes it. -EPERM for a private buffer.
 */
int ogpu_bo_export(struct ogpu_bo *bo, int *fd);
/**
 * ogpu_bo_import() - the buffer behind a file descriptor
 *
 * @fd is not needed any more afterwards. The kernel gives a file one handle of a buffer: what is
 * imported twice, or was made by @dev, is to be destroyed once.
 */
int ogpu_bo_import(struct ogpu_device *dev, int fd, struct ogpu_bo **bo);
/** ogpu_bo_destroy() - unmap and close; GPU mappings keep the memory alive. NULL is allowed. */
void ogpu_bo_destroy(struct ogpu_bo *bo);

/* --- Address spaces ------------------------------------------------------------------------- */

int ogpu_vm_create(struct ogpu_device *dev, struct ogpu_vm **vm);
/**
 * ogpu_vm_create_with() - with DRM_OGPU_VM_LONG_RUNNING, for user queues, or 0
 *
 * With DRM_OGPU_VM_SVM in addition kernels can use all memory of the process by its own addresses;
 * -EOPNOTSUPP if the flags of the device have no DRM_OGPU_DEVICE_SVM. With DRM_OGPU_VM_SVM_VRAM
 * on top some of it may come to VRAM, where a reset loses it; DRM_OGPU_DEVICE_SVM_VRAM tells.
 */
int ogpu_vm_create_with(struct ogpu_device *dev, uint32_t flags, struct ogpu_vm **vm);
void ogpu_vm_destroy(struct ogpu_vm *vm);
uint32_t ogpu_vm_id(const struct ogpu_vm *vm);

/**
 * ogpu_va_alloc() - reserve a range of GPU addresses in this library's book-keeping
 * @align: power of two, at least 4096
 *
 * Errors: -ENOSPC. Ranges that the caller binds with own ioctls should be reserved here or lie
 * below OGPU_VA_FIRST.
 */
int ogpu_va_alloc(struct ogpu_vm *vm, uint64_t size, uint64_t align, uint64_t *va);
void ogpu_va_free(struct ogpu_vm *vm, uint64_t va, uint64_t size);
#define OGPU_VA_FIRST	0x100000000ull

/**
 * ogpu_vm_map() - map a range of a buffer, wait until it is in force
 * @access: DRM_OGPU_BIND_READ | ...
 * @va: in: address, or 0 to let the library choose one; out: address
 */
int ogpu_vm_map(struct ogpu_vm *vm, struct ogpu_bo *bo, uint64_t offset, uint64_t size,
		uint32_t access, uint64_t *va);
/**
 * ogpu_vm_map_user() - map memory of this process, as ogpu_vm_map() does
 * @ptr: multiple of 4096 and of the page size, as @size is
 *
 * Errors: -EOPNOTSUPP if the card has no DRM_OGPU_DEVICE_USERPTR; -EFAULT, -EACCES: not all of it
 * is memory with this access. See &struct drm_ogpu_bind_op.
 */
int ogpu_vm_map_user(struct ogpu_vm *vm, const void *ptr, uint64_t size, uint32_t access,
		     uint64_t *va);
/** ogpu_vm_unmap() - unmap; gives the addresses back if the library had chosen them */
int ogpu_vm_unmap(struct ogpu_vm *vm, uint64_t va, uint64_t size);
/** ogpu_vm_bind() - DRM_IOCTL_OGPU_VM_BIND with caller's operations and syncs */
int ogpu_vm_bind(struct ogpu_vm *vm, uint32_t flags, const struct drm_ogpu_bind_op *ops,
		 uint32_t op_count, const struct drm_ogpu_sync *syncs, uint32_t sync_count);

/**
 * struct ogpu_buffer - a buffer with one mapping of all of it: what most programs want
 *
 * It is private to its address space; what is to be mapped in others as well is made with
 * ogpu_bo_create().
 */
struct ogpu_buffer {
	struct ogpu_bo *bo;
	struct ogpu_vm *vm;
	uint64_t va;
	void *ptr;	/* CPU address, NULL without DRM_OGPU_BO_CPU_ACCESS */
};

/** ogpu_buffer_create() - create, map for GPU (read and write) and, if asked, for the CPU */
int ogpu_buffer_create(struct ogpu_vm *vm, uint64_t size, uint32_t placement, uint32_t flags,
		       struct ogpu_buffer *buf);
void ogpu_buffer_destroy(struct ogpu_buffer *buf);

/* --- Pools ---------------------------------------------------------------------------------- */

/**
 * struct ogpu_piece - a part of a buffer
 */
struct ogpu_piece {
	struct ogpu_bo *bo;	/* of the pool */
	uint64_t offset;	/* bytes in @bo */
	uint64_t bytes;		/* as rounded up */
	uint64_t va;		/* GPU address */
	void *ptr;		/* CPU address, with DRM_OGPU_BO_CPU_ACCESS */
	uint64_t reserved[3];	/* zero */
};

struct ogpu_pool;

/**
 * ogpu_pool_create() - begin a pool of small buffers
 * @placement: of its buffers, and @flags, as for ogpu_bo_create()
 * @chunk_bytes: of each of them; 0: 2 MiB
 *
 * A buffer costs two or three ioctls and at least 64 KiB of VRAM, a piece usually neither.
 */
int ogpu_pool_create(struct ogpu_vm *vm, uint32_t placement, uint32_t flags, uint64_t chunk_bytes,
		     struct ogpu_pool **pool);
/** ogpu_pool_destroy() - with all pieces, which nothing may use any more. NULL is allowed. */
void ogpu_pool_destroy(struct ogpu_pool *pool);
/**
 * ogpu_pool_alloc() - get a piece
 * @bytes: rounded up to a multiple of 64
 * @align: of its GPU address: a power of two up to 64 KiB; 0: 64
 *
 * There may be in it what was written into an earlier piece. A piece larger than the chunks gets a
 * buffer of its own. Errors: -EINVAL, -ENOMEM, and those of ogpu_buffer_create().
 */
int ogpu_pool_alloc(struct ogpu_pool *pool, uint64_t bytes, uint64_t align,
		    struct ogpu_piece *piece);
/** ogpu_pool_free() - give a piece back, that no job uses any more; zeros are allowed */
void ogpu_pool_free(struct ogpu_pool *pool, struct ogpu_piece *piece);

/* --- Streams of packets --------------------------------------------------------------------- */

/**
 * struct ogpu_stream - packets in a buffer that the GPU reads
 *
 * A stream must not be written while a job that uses it runs. An emitter that finds no room sets
 * @overflow and writes nothing; ogpu_queue_submit() then fails with -ENOSPC, so that callers need
 * not check each call.
 */
struct ogpu_stream {
	struct ogpu_buffer buf;
	uint32_t used;		/* bytes */
	bool overflow;
	bool overlap;		/* true: emit without DRM_OGPU_PKT_BARRIER, see below */
};

int ogpu_stream_create(struct ogpu_vm *vm, uint32_t size, struct ogpu_stream *stream);
void ogpu_stream_destroy(struct ogpu_stream *stream);
void ogpu_stream_reset(struct ogpu_stream *stream);

/*
 * Each emitter puts one packet (drm/ogpu_packet.h, "Packets") at the end of the stream, with
 * DRM_OGPU_PKT_BARRIER: it starts when all before it are complete. While @overlap is true packets
 * are put there without, and may run at the same time as those before them; set it only for packets
 * that use nothing that those change. ogpu_stream_reset() sets it back to false.
 */

void ogpu_emit_copy(struct ogpu_stream *s, uint64_t dst, uint64_t src, uint64_t bytes);
void ogpu_emit_fill(struct ogpu_stream *s, uint64_t dst, uint32_t pattern, uint64_t bytes);
/** ogpu_emit_write() - store words; an odd count is not possible */
void ogpu_emit_write(struct ogpu_stream *s, uint64_t dst, const uint32_t *words, uint32_t count);

/**
 * ogpu_emit_args() - keep data in the stream, the arguments of a kernel for example
 * @bytes: at most 262,128
 *
 * Return: its GPU address, a multiple of 8, for ogpu_dispatch.args; 0 if there is no room.
 */
uint64_t ogpu_emit_args(struct ogpu_stream *s, const void *data, uint32_t bytes);

/** struct ogpu_copy_rect - rows of bytes to copy; as in struct drm_ogpu_pkt_copy_rect */
struct ogpu_copy_rect {
	uint64_t src, dst;		/* GPU addresses */
	uint32_t extent[3];		/* bytes of a row, rows of a slice, slices */
	int64_t src_pitch[2];		/* bytes from row to row, from slice to slice */
	int64_t dst_pitch[2];
};

/** ogpu_emit_copy_rect() - copy a part of a picture, a matrix or a volume; zeros copy nothing */
void ogpu_emit_copy_rect(struct ogpu_stream *s, const struct ogpu_copy_rect *rect);

void ogpu_emit_fence(struct ogpu_stream *s, uint64_t addr, uint64_t value);
/** ogpu_emit_fence_signal() - a fence that also wakes who waits for the queue */
void ogpu_emit_fence_signal(struct ogpu_stream *s, uint64_t addr, uint64_t value);
void ogpu_emit_wait(struct ogpu_stream *s, uint64_t addr, enum drm_ogpu_compare compare,
		    uint64_t value, uint64_t mask);
/** ogpu_emit_timestamp() - store the time when everything before is complete */
void ogpu_emit_timestamp(struct ogpu_stream *s, uint64_t addr);
/** ogpu_emit_timestamp_start() - store the time when the packet itself starts */
void ogpu_emit_timestamp_start(struct ogpu_stream *s, uint64_t addr);
/** ogpu_emit_counters() - store a struct drm_ogpu_counters when everything before is complete */
void ogpu_emit_counters(struct ogpu_stream *s, uint64_t addr);
void ogpu_emit_cache(struct ogpu_stream *s, uint32_t ops);
/** ogpu_emit_cache_range() - for GPU addresses from @start up to @end only */
void ogpu_emit_cache_range(struct ogpu_stream *s, uint32_t ops, uint64_t start, uint64_t end);

/**
 * ogpu_emit_indirect() - execute the packets of another buffer
 * @bytes: of packets there, like @used of a stream
 *
 * At most DRM_OGPU_INDIRECT_LEVELS - 1 such buffers within each other.
 */
void ogpu_emit_indirect(struct ogpu_stream *s, uint64_t addr, uint32_t bytes);

/**
 * ogpu_emit_skip() - leave out packets if memory has a value
 *
 * Return: to be handed to ogpu_emit_skip_end() when those packets have been emitted. Such pairs may
 * stand within each other. Without the end nothing is left out.
 */
uint32_t ogpu_emit_skip(struct ogpu_stream *s, uint64_t addr, enum drm_ogpu_compare compare,
			uint64_t value, uint64_t mask);
void ogpu_emit_skip_end(struct ogpu_stream *s, uint32_t skip);

/**
 * ogpu_emit_atomic() - change a word of memory in one step
 * @op: enum drm_ogpu_atomic, for 64 bits with DRM_OGPU_ATOMIC_WIDE; for CAS see below
 */
void ogpu_emit_atomic(struct ogpu_stream *s, uint32_t op, uint64_t addr, uint64_t value);
/**
 * ogpu_emit_atomic_return() - likewise, and store what was there before
 * @compare: for CAS; otherwise 0
 * @result: GPU address of 64 bits
 */
void ogpu_emit_atomic_return(struct ogpu_stream *s, uint32_t op, uint64_t addr, uint64_t value,
			     uint64_t compare, uint64_t result);

/** struct ogpu_dispatch - what to run; zeros in @group and @grid count as 1 */
struct ogpu_dispatch {
	uint64_t entry;		/* from ogpu_program_entry() */
	uint64_t args;		/* GPU address handed to the kernel */
	uint32_t grid[3];	/* workgroups */
	uint32_t group[3];	/* work-items of a workgroup */
	uint32_t local_bytes;
	uint32_t private_bytes;	/* 0: OGPU_PRIVATE_DEFAULT */
	uint32_t base[3];	/* id of the first workgroup, for a part of a grid */
	uint32_t total[3];	/* workgroups of the whole grid; 0: base + grid */
};

#define OGPU_PRIVATE_DEFAULT	1024

void ogpu_emit_dispatch(struct ogpu_stream *s, const struct ogpu_dispatch *dispatch);
/**
 * ogpu_emit_dispatch_indirect() - run with a grid that stands in memory
 * @dispatch: grid, base and total are not used
 * @grid: GPU address of three 32-bit words
 */
void ogpu_emit_dispatch_indirect(struct ogpu_stream *s, const struct ogpu_dispatch *dispatch,
				 uint64_t grid);

/* --- Queues --------------------------------------------------------------------------------- */

/*
 * There are two doors to a queue behind the same functions. Jobs of an ordinary queue go through
 * the kernel and may wait for and signal syncobjs. Those of a user queue (ogpu_queue_options.user,
 * in an address space with DRM_OGPU_VM_LONG_RUNNING) go to the card straight from the program.
 */

struct ogpu_user_ring;

/**
 * struct ogpu_queue - a queue that counts its jobs
 */
struct ogpu_queue {
	struct ogpu_vm *vm;
	uint32_t id;
	uint32_t timeline;	/* syncobj; job n signals point n; 0 for a user queue */
	uint64_t submitted;	/* last point */
	struct ogpu_user_ring *user;	/* NULL unless it is a user queue */
	struct ogpu_buffer save;	/* save area; without @bo if there is none */
	uint64_t others;	/* jobs that were submitted with the ioctl, when last seen */
};

/** struct ogpu_queue_options - what kind of queue; zeros are a compute queue without save area */
struct ogpu_queue_options {
	enum drm_ogpu_engine engine;
	enum drm_ogpu_priority priority;
	uint32_t timeout_ms;	/* 0: the driver's default */
	uint64_t save_bytes;	/* of the save area, from ogpu_save_bytes(); 0: no DISPATCH */
	bool dump;		/* ogpu_queue_dump() is wanted: the CPU can read the save area */
	struct ogpu_queue *gang;	/* one with which it is to be on the card together */
	bool user;		/* a user queue; @timeout_ms is 0 then */
	uint64_t ring_bytes;	/* of its ring, power of two, 40 for each job; 0: 64 KiB */
};

/**
 * ogpu_queue_create() - make a queue with a save area of ogpu_save_bytes_default()
 *
 * The area is for compute queues only. Programs whose dispatches need more, or that make many
 * queues which need less, use ogpu_queue_create_with().
 */
int ogpu_queue_create(struct ogpu_vm *vm, enum drm_ogpu_engine engine,
		      enum drm_ogpu_priority priority, struct ogpu_queue **queue);
/**
 * ogpu_queue_create_with() - make a queue of any kind
 *
 * Allocates the save area and maps it, besides DRM_IOCTL_OGPU_QUEUE_CREATE.
 */
int ogpu_queue_create_with(struct ogpu_vm *vm, const struct ogpu_queue_options *options,
			   struct ogpu_queue **queue);
/**
 * ogpu_queue_destroy() - let go of a queue; NULL is allowed
 *
 * Jobs that were submitted run to their end, and the save area goes after them. Until then later
 * changes of mappings in the address space wait. Jobs of a user queue end at once.
 */
void ogpu_queue_destroy(struct ogpu_queue *queue);

/**
 * ogpu_save_bytes() - bytes of a save area
 * @groups: workgroups that are to be under way at a time
 * @items: work-items of a workgroup
 * @local_bytes: local memory of a workgroup
 * @private_bytes: private memory of a work-item
 *
 * The formula of &struct drm_ogpu_queue_create, rounded up to whole pages. Saturates.
 */
uint64_t ogpu_save_bytes(const struct ogpu_device *dev, uint32_t groups, uint32_t items,
			 uint32_t local_bytes, uint32_t private_bytes);
/**
 * ogpu_save_bytes_default() - room for what most programs do
 *
 * For one workgroup of any size, or one of 256 work-items for each compute unit, with all local
 * memory that there is and OGPU_PRIVATE_DEFAULT of private memory: the larger of both.
 */
uint64_t ogpu_save_bytes_default(const struct ogpu_device *dev);
/**
 * ogpu_queue_submit() - submit a stream as one job
 * @syncs: more syncobjs to wait for or signal; may be NULL, and is for a user queue
 * @point: out: the job's point on the queue's timeline; may be NULL
 *
 * For a user queue this is no system call. It does not notice that the queue has failed, which
 * ogpu_queue_wait() tells. Errors there: -EBUSY if the ring is full, -EINVAL for @syncs.
 */
int ogpu_queue_submit(struct ogpu_queue *queue, struct ogpu_stream *stream,
		      const struct drm_ogpu_sync *syncs, uint32_t sync_count, uint64_t *point);
/** struct ogpu_submission - one job of ogpu_queue_submit_many() */
struct ogpu_submission {
	struct ogpu_stream *stream;
	const struct drm_ogpu_sync *syncs;	/* more to wait for or signal */
	uint32_t sync_count;
	uint32_t flags;		/* zero, otherwise -EINVAL */
	uint64_t reserved[2];	/* zero, otherwise -EINVAL */
};

/**
 * ogpu_queue_submit_many() - submit streams as jobs, in one ioctl, all or none
 * @count: up to DRM_OGPU_MAX_JOBS
 * @point: out: point of the last one, those before have the points before it; may be NULL
 *
 * For a user queue -EINVAL: it needs no ioctl for each.
 */
int ogpu_queue_submit_many(struct ogpu_queue *queue, const struct ogpu_submission *jobs,
			   uint32_t count, uint64_t *point);
/**
 * ogpu_queue_wait() - wait until a job is done
 * @point: from ogpu_queue_submit()
 * @timeout_ns: at most so long; negative: for ever
 *
 * One ioctl; none if a job of a user queue is done. Errors: -ETIME after the timeout; -ECANCELED if
 * the queue has failed: ask ogpu_queue_state(), or have ogpu_queue_explain() say it; -EBUSY if more
 * than 256 threads wait for the queue; -EINVAL for a point that was not submitted yet (of a user
 * queue -ETIME). Where jobs are submitted with the ioctl as well, those before the last point may
 * be waited for, too.
 */
int ogpu_queue_wait(struct ogpu_queue *queue, uint64_t point, int64_t timeout_ns);
/**
 * ogpu_queue_done() - a condition for ogpu_wait(): a job is done, of any kind of queue
 * @point: from ogpu_queue_submit(), not 0
 * @fence: out: the condition
 *
 * So one call waits for jobs of several queues, for one of them or for all.
 */
void ogpu_queue_done(const struct ogpu_queue *queue, uint64_t point,
		     struct drm_ogpu_wait_fence *fence);
/**
 * ogpu_queue_set_eventfd() - have an eventfd told of a queue
 * @fd: eventfd; -1: none any more
 * @events: DRM_OGPU_EVENT_*; jobs of a user queue signal at their end, others if their streams do
 */
int ogpu_queue_set_eventfd(struct ogpu_queue *queue, int fd, uint32_t events);
/**
 * ogpu_wait() - wait for memory and for jobs: DRM_IOCTL_OGPU_WAIT
 * @fences: conditions; with DRM_OGPU_WAIT_STATES the kernel writes into them
 * @flags: DRM_OGPU_WAIT_ALL, DRM_OGPU_WAIT_STATES
 * @timeout_ns: at most so long; negative: for ever
 * @index: out: which condition held, or was to blame; may be NULL
 */
int ogpu_wait(struct ogpu_device *dev, const struct drm_ogpu_wait_fence *fences, uint32_t count,
	      uint32_t flags, int64_t timeout_ns, uint32_t *index);
int ogpu_queue_state(struct ogpu_queue *queue, struct drm_ogpu_queue_get_state *state);
/**
 * ogpu_queue_kill() - end what a queue executes, at once
 *
 * It has failed then: destroy it and make another one.
 */
int ogpu_queue_kill(struct ogpu_queue *queue);

/* --- What a failed queue has left ------------------------------------------------------------ */

/** struct ogpu_dump - place in a walk through a save area; not to be looked at */
struct ogpu_dump {
	const uint8_t *area;
	uint64_t bytes, frame_bytes;
	uint32_t lanes, waves, wave_bytes, local_bytes;
	uint32_t frame, wave, left;
	struct drm_ogpu_save_group group;
};

/** struct ogpu_dump_wave - a wave that was under way; pointers go into the save area */
struct ogpu_dump_wave {
	uint64_t group;		/* number of its workgroup */
	uint32_t wave;		/* number in that */
	uint32_t lanes;
	uint64_t live;		/* a bit for each lane whose work-item had not ended */
	uint64_t barrier;	/* those of them that waited at a barrier */
	const uint64_t *regs;	/* see ogpu_dump_reg() */
	const uint64_t *pc;	/* of each lane */
	const uint8_t *frm;
	const void *local;	/* local memory of its workgroup */
	uint32_t local_bytes;
};

/**
 * ogpu_queue_dump() - begin to look at the waves that a queue had under way when it failed
 * @queue: made with @dump; its save area may be read until it is destroyed
 *
 * Errors: -ENODATA if there is nothing to look at; -EINVAL if the program has written into its save
 * area.
 */
int ogpu_queue_dump(struct ogpu_queue *queue, struct ogpu_dump *dump);
/**
 * ogpu_dump_open() - likewise, of any save area
 * @area: its content, of which nothing is trusted
 * @held: &struct drm_ogpu_queue_get_state.held
 * @wave_bytes: &struct drm_ogpu_query_device.save_wave_bytes
 */
int ogpu_dump_open(const void *area, uint64_t bytes, uint32_t held, uint32_t wave_bytes,
		   struct ogpu_dump *dump);
/** ogpu_dump_next() - the next wave; false if there is none */
bool ogpu_dump_next(struct ogpu_dump *dump, struct ogpu_dump_wave *wave);

/** ogpu_dump_reg() - a register of a lane: x0 to x31 are 0 to 31, f0 to f31 are 32 to 63 */
static inline uint64_t ogpu_dump_reg(const struct ogpu_dump_wave *wave, unsigned int reg,
				     unsigned int lane)
{
	return wave->regs[reg * wave->lanes + lane];
}

/** struct ogpu_packet - a packet of a stream */
struct ogpu_packet {
	uint32_t offset, bytes;
	uint32_t opcode, flags;
	const char *name;	/* of the opcode */
	const uint32_t *words;	/* the packet, with its header */
};

/**
 * ogpu_packet_read() - the packet at an offset of a stream; false if none can be there
 * @stream: its packets
 * @bytes: of all of them
 *
 * @packet then still tells what its header says, unless @offset is outside. The next one is @bytes
 * of the packet further on.
 */
bool ogpu_packet_read(const void *stream, uint32_t bytes, uint32_t offset,
		      struct ogpu_packet *packet);

/** ogpu_queue_error_text() - short English for enum drm_ogpu_queue_error; never NULL */
const char *ogpu_queue_error_text(uint32_t error);

struct ogpu_program;

/**
 * ogpu_queue_explain() - why a queue has failed, for people
 * @program: of which it executed kernels, to name the function; may be NULL
 * @text: out: one line without its end, cut off if it is longer than @size - 1
 * @size: bytes of @text; 0: only the length is wanted
 *
 * Like "memory fault: writes 0x1000, where nothing is mapped, in saxpy+0x1c at saxpy.c:10; job 12,
 * packet at byte 64 of its stream". Where ogpu_program_source() knows no line there is the address
 * for addr2line instead, and if only libdw is wanting that is said.
 *
 * Return: length of the whole text, or the error of ogpu_queue_state().
 */
int ogpu_queue_explain(struct ogpu_queue *queue, const struct ogpu_program *program, char *text,
		       size_t size);

/* --- Compute kernels ------------------------------------------------------------------------ */

/**
 * struct ogpu_program - a compute program in GPU memory
 *
 * Programs are ELF files for RV64 built with ogpu_kernel.h; the pkg-config variables kernel_cflags
 * and kernel_ldflags have the compiler's options.
 */
struct ogpu_program;

/**
 * ogpu_program_load() - load an ELF image from memory
 *
 * The image is checked; nothing in it is trusted. Errors: -ENOEXEC if it is not a program for this
 * card or uses a relocation that cannot be applied.
 */
int ogpu_program_load(struct ogpu_vm *vm, const void *elf, size_t size,
		      struct ogpu_program **program);
int ogpu_program_load_file(struct ogpu_vm *vm, const char *path, struct ogpu_program **program);
/**
 * ogpu_program_entry() - GPU address of a function; -ENOENT if there is none of that name
 *
 * Takes the same time however many there are.
 */
int ogpu_program_entry(const struct ogpu_program *program, const char *name, uint64_t *entry);

/** struct ogpu_place - a place in a program */
struct ogpu_place {
	const char *function;	/* valid as long as the program */
	uint64_t offset;	/* bytes from its beginning */
	uint64_t address;	/* as linked: what addr2line wants to know */
};

/**
 * ogpu_program_locate() - what is at a GPU address, the pc of a failed queue for example
 *
 * Errors: -ENOENT if that is in no function of @program.
 */
int ogpu_program_locate(const struct ogpu_program *program, uint64_t pc, struct ogpu_place *place);

/** struct ogpu_source - a place in the source of a program */
struct ogpu_source {
	const char *file;	/* as the compiler noted it; valid as long as the program */
	uint32_t line;		/* from 1 */
	uint32_t column;	/* from 1; 0: not known */
};

/**
 * ogpu_program_source() - which line of source a GPU address belongs to
 *
 * For programs that were compiled with -g and linked with the pkg-config variable kernel_strip
 * empty: their files are kept in memory. Loads libdw.so.1 of elfutils when it is first called, and
 * may be called from several threads for one program.
 *
 * Errors: -ENODATA if @program has no debug information; -ENOENT if that tells of no line for @pc,
 * or makes no sense; -ELIBACC if libdw.so.1 is not there.
 */
int ogpu_program_source(const struct ogpu_program *program, uint64_t pc,
			struct ogpu_source *source);
void ogpu_program_destroy(struct ogpu_program *program);

#ifdef __cplusplus
}
#endif

#endif
