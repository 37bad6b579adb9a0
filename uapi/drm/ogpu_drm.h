/* SPDX-License-Identifier: MIT */
/*
 * OGPU userspace interface, version 0.1.
 *
 * This header, with ogpu_drm_query.h and ogpu_packet.h that it includes, is the whole contract
 * between the ogpu kernel driver and a runtime; a program written from its comments alone works.
 *
 * DOC: Life of a program
 *
 * Open the render node (/dev/dri/renderD*, driver name "ogpu"; it exists only while the card can
 * do work). Then:
 *
 * 1. &DRM_IOCTL_OGPU_QUERY tells what the card has.
 * 2. &DRM_IOCTL_OGPU_BO_CREATE makes buffers; &DRM_IOCTL_OGPU_BO_MMAP_OFFSET gives the offset to
 *    hand to mmap() on the render node. DRM_IOCTL_GEM_CLOSE frees a handle.
 * 3. &DRM_IOCTL_OGPU_VM_CREATE makes a GPU address space; &DRM_IOCTL_OGPU_VM_BIND maps buffers at
 *    addresses that the program chooses.
 * 4. &DRM_IOCTL_OGPU_QUEUE_CREATE makes a queue in that address space.
 * 5. The program writes packets (ogpu_packet.h) into a mapped buffer and hands its GPU address to
 *    &DRM_IOCTL_OGPU_SUBMIT, with syncobjs to wait for and to signal.
 * 6. It waits with &DRM_IOCTL_OGPU_WAIT, or with DRM_IOCTL_SYNCOBJ_WAIT and its kin (drm.h), which
 *    do not tell whether a job went well; &DRM_IOCTL_OGPU_QUEUE_GET_STATE does.
 * 7. When the last descriptor of the file is closed and the last buffer that was mapped through it
 *    is unmapped, as at the end of the process, its jobs end and all that it made is given back. To
 *    end jobs before that, use &DRM_IOCTL_OGPU_QUEUE_KILL.
 *
 * DOC: Rules of this interface
 *
 * - Structures only grow at the end; a shorter one from an older program is taken as if the
 *   missing part were zero. Members called pad or reserved, and flag bits not listed, must be
 *   zero, otherwise -EINVAL. A feature is found by the version and by &DRM_OGPU_QUERY_DEVICE.
 *   Of a structure that is longer than the kernel's, what the kernel does not know is neither read
 *   nor written: it is not refused, so a program must know that it is understood.
 * - Arrays are &struct drm_ogpu_array: the stride lets elements grow in the same way. Bytes of an
 *   element that the kernel does not know must be zero, otherwise -E2BIG.
 * - User pointers are __u64 and may be unaligned. Sizes are in bytes.
 * - All ioctls may be called from any thread at any time.
 *
 * DOC: Errors that any ioctl may give
 *
 * - -EINVAL: unknown flag, non-zero pad, argument out of its documented range; no such ioctl in
 *   this driver
 * - -EFAULT: a user pointer is not readable or writable
 * - -ENOENT: no such handle or id in this file
 * - -ENOMEM: out of system memory; -ENOSPC: out of VRAM or of another resource of the card
 * - -ENODEV: the card is gone or was reset since the file was opened; close and open again. Only
 *   &DRM_IOCTL_OGPU_QUEUE_GET_STATE works after a reset
 * - -EIO: the card is wedged
 * - -EINTR: interrupted by a signal, nothing has changed; call again with the same arguments, as
 *   drmIoctl() of libdrm does (ioctl() of libc does not)
 *
 * DOC: Shared buffers
 *
 * DRM_IOCTL_PRIME_HANDLE_TO_FD (drm.h; flags DRM_CLOEXEC, DRM_RDWR) makes a dma-buf of a buffer: a
 * file that can be handed to another process, which gets a handle of the same buffer by
 * DRM_IOCTL_PRIME_FD_TO_HANDLE and maps it as its own. Its size is where lseek() to the end leads;
 * mmap() of it is the same as of the buffer. Errors: -EPERM for a buffer that is private to an
 * address space; -EBADF, -EINVAL: no dma-buf, or not of whole pages. Whoever made a buffer
 * pays for it as long as anybody has it. After a reset of the card VM_BIND of a buffer of before
 * gives -EBADMSG also in a file that was opened later.
 *
 * A dma-buf of another device becomes a buffer that is DRM_OGPU_BO_IMPORTED. It counts for neither
 * the file nor the card, cannot be moved or given up here, and BO_MMAP_OFFSET gives -EPERM: map the
 * dma-buf. VM_BIND gives -EOPNOTSUPP if this card cannot reach the memory. If the device goes,
 * jobs that were submitted before end well; then VM_BIND and SUBMIT give -EBADMSG, and the buffer
 * is DRM_OGPU_BO_LOST.
 *
 * Other devices, other cards too, can use a buffer that was made with DRM_OGPU_BO_SYSTEM; of others
 * they get -EOPNOTSUPP. It stays in system memory while one is attached. A device that cannot be
 * told of moves has it pinned, which counts as locked memory of who opened the file that made it
 * (RLIMIT_MEMLOCK as it was then, unless CAP_IPC_LOCK): beyond that it gets -ENOMEM; and -ENODEV
 * when the card is gone, or was reset since.
 *
 * Jobs of files of this driver wait for each other only if they are told to, by syncobjs, or by
 * fences that DMA_BUF_IOCTL_EXPORT_SYNC_FILE takes out of a buffer. For all others a dma-buf has
 * implicit fences: those of all jobs that were submitted while the buffer was mapped in their
 * address space, of jobs that may write if it was mapped with DRM_OGPU_BIND_WRITE. poll() waits for
 * them (POLLIN: for those that may write, POLLOUT: for all), and so does DMA_BUF_IOCTL_SYNC; they
 * are over when the time limit of the queue is. Jobs wait for implicit fences of other drivers:
 * where a buffer is mapped with DRM_OGPU_BIND_WRITE for all, otherwise for those of writers; for 10
 * seconds after SUBMIT at most, because whoever has the dma-buf can put them there. Work
 * of DRM_OGPU_QUEUE_USER queues has no fence.
 *
 * GEM_FLINK and GEM_OPEN give -EOPNOTSUPP: names can be guessed.
 *
 * DOC: Memory model
 *
 * Jobs of one queue and packets of one job execute one after the other, and each sees what those
 * before it have written. The GPU sees all CPU writes made before the SUBMIT ioctl, code included,
 * and the CPU sees all GPU writes of a job once its fence has signalled. Memory between jobs of
 * different queues that no fence orders, and between work-items that no barrier or atomic orders,
 * may be seen in any order. A new buffer is zero.
 *
 * Atomics of work-items and packets are always atomic among each other. Towards the CPU, in system
 * memory, they are with DRM_OGPU_DEVICE_SYSTEM_ATOMICS: if the platform carries PCIe AtomicOps from
 * the card to the root. Without it none faults, since a buffer may be moved there at any time.
 */
#ifndef _OGPU_DRM_H_
#define _OGPU_DRM_H_

#include "drm.h"
#include "ogpu_drm_query.h"
#include "ogpu_packet.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* Version of this interface, as told by DRM_IOCTL_VERSION. */
#define DRM_OGPU_VERSION_MAJOR	0
#define DRM_OGPU_VERSION_MINOR	1

#define DRM_OGPU_QUERY		0x00
#define DRM_OGPU_BO_CREATE	0x01
#define DRM_OGPU_BO_MMAP_OFFSET	0x02
#define DRM_OGPU_BO_INFO	0x03
#define DRM_OGPU_BO_SET_LABEL	0x04
#define DRM_OGPU_VM_CREATE	0x05
#define DRM_OGPU_VM_DESTROY	0x06
#define DRM_OGPU_VM_BIND	0x07
#define DRM_OGPU_VM_GET_FAULTS	0x08
#define DRM_OGPU_QUEUE_CREATE	0x09
#define DRM_OGPU_QUEUE_DESTROY	0x0a
#define DRM_OGPU_QUEUE_GET_STATE	0x0b
#define DRM_OGPU_SUBMIT		0x0c
#define DRM_OGPU_QUEUE_KILL	0x0d
#define DRM_OGPU_WAIT		0x0e
#define DRM_OGPU_QUEUE_EVENTFD	0x0f
#define DRM_OGPU_BO_MADVISE	0x10
#define DRM_OGPU_BO_PREFETCH	0x11

/**
 * struct drm_ogpu_array - an array in user memory
 */
struct drm_ogpu_array {
	/**
	 * @stride: bytes from one element to the next: at least the size in this header's version
	 * 0.1, at most 4096, multiple of 8. May be 0 if @count is 0.
	 */
	__u32 stride;
	/** @count: number of elements; each use says how many are allowed. */
	__u32 count;
	/** @array: user pointer to the first element. Must be 0 if @count is 0. */
	__u64 array;
};

/* ---------------------------------------------------------------------------------------------
 * Buffers
 */

/** @DRM_OGPU_BO_VRAM: may live in VRAM */
#define DRM_OGPU_BO_VRAM	(1u << 0)
/** @DRM_OGPU_BO_SYSTEM: may live in system memory */
#define DRM_OGPU_BO_SYSTEM	(1u << 1)

/** @DRM_OGPU_BO_CPU_ACCESS: will be mapped by the CPU; VRAM is then taken from the visible part */
#define DRM_OGPU_BO_CPU_ACCESS	(1u << 0)
/** @DRM_OGPU_BO_WRITE_COMBINED: for what the CPU only writes: it need not be cached anywhere */
#define DRM_OGPU_BO_WRITE_COMBINED	(1u << 1)

/**
 * struct drm_ogpu_bo_create - DRM_IOCTL_OGPU_BO_CREATE
 *
 * Makes a buffer, filled with zero. With both placements VRAM is preferred and system memory used
 * when VRAM is full. The memory is taken at this call, but not for good where it is: buffers may be
 * moved out of VRAM to make room for others, also those that are only allowed there, and come back
 * when SUBMIT needs them; first those that were used longest ago, and none while a job uses it. The
 * call waits for the card only for memory that was freed while jobs use it, and for 10 seconds at
 * most, if there is no other. So all buffers of all programs together may be
 * larger than VRAM, and success does not mean that those of one address space fit, which only
 * SUBMIT tells: programs that use much look at &DRM_OGPU_QUERY_MEMORY first. A buffer that may be
 * in both places and is in system memory, because VRAM was full, comes to VRAM by a SUBMIT in an
 * address space in which it is mapped, if no job uses it then and there is room without moving
 * others; SUBMIT looks for that after memory was freed, ten times a second at most. If a buffer
 * is for one address space only, say so with @vm_id: SUBMIT looks at all buffers that are mapped,
 * but at those together, so that its cost does not grow with their number. Such a buffer is freed
 * like any other, and can be mapped nowhere once the address space is gone. Pages of system memory
 * are charged to the memory cgroup of who made the buffer, and VRAM, where the kernel can do that,
 * to the dmem cgroup of who brings the buffer there.
 * Errors: -EINVAL for @size 0 or over 1 TiB, or no placement; -ENOENT for an unknown @vm_id;
 * -ENOSPC: out of VRAM, or over the limit of a dmem cgroup with nothing of that left to move away;
 * -ENOMEM: out of system memory, or over the limit of the memory cgroup, also by what had to make
 * way.
 */
struct drm_ogpu_bo_create {
	/**
	 * @size: in: bytes wanted; out: bytes given, a multiple of 64 KiB for VRAM placements and
	 * of the CPU page otherwise
	 */
	__u64 size;
	/** @placement: DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM */
	__u32 placement;
	/** @flags: DRM_OGPU_BO_CPU_ACCESS | DRM_OGPU_BO_WRITE_COMBINED */
	__u32 flags;
	/** @handle: out: GEM handle */
	__u32 handle;
	/** @vm_id: the only address space in which it may be mapped; 0: any */
	__u32 vm_id;
};

/**
 * struct drm_ogpu_bo_mmap_offset - DRM_IOCTL_OGPU_BO_MMAP_OFFSET
 *
 * Gives the offset for mmap(..., MAP_SHARED, render node fd, offset). VRAM is mapped
 * write-combined: the CPU reads it slowly. System memory is cached, and coherent with the card;
 * with DRM_OGPU_BO_WRITE_COMBINED it is write-combined too where that is sound, which is on x86. A
 * mapping follows a buffer that is moved.
 * Access to a buffer that is in VRAM out of the CPU's reach moves it to where the CPU reaches it,
 * in VRAM or, if there is no room, in system memory, after the jobs that use it. A debugger reads
 * and writes what is mapped as it does other memory. After a reset of the card, access to memory
 * that was mapped before raises SIGBUS. Errors: -EPERM for a VRAM-only buffer created without
 * DRM_OGPU_BO_CPU_ACCESS.
 */
struct drm_ogpu_bo_mmap_offset {
	/** @handle: GEM handle */
	__u32 handle;
	/** @flags: zero */
	__u32 flags;
	/** @offset: out */
	__u64 offset;
};

/** @DRM_OGPU_BO_LOST: some of the content is gone, see &struct drm_ogpu_bo_info */
#define DRM_OGPU_BO_LOST	(1u << 31)
/** @DRM_OGPU_BO_IMPORTED: the memory is another device's, see DOC: Shared buffers */
#define DRM_OGPU_BO_IMPORTED	(1u << 30)

/**
 * struct drm_ogpu_bo_info - DRM_IOCTL_OGPU_BO_INFO: what a buffer is and where it lives now
 *
 * DRM_OGPU_BO_LOST: VRAM had a memory error when the buffer was moved out of it, or the device of
 * an imported buffer is gone. Access by the CPU raises SIGBUS, and SUBMIT fails with -EBADMSG while
 * the buffer is mapped in the address space: all that is left to do is to unmap and free it.
 */
struct drm_ogpu_bo_info {
	/** @handle: GEM handle */
	__u32 handle;
	/** @pad: zero */
	__u32 pad;
	/** @size: out: bytes */
	__u64 size;
	/** @placement: out: as created */
	__u32 placement;
	/** @flags: out: as created, and DRM_OGPU_BO_LOST, DRM_OGPU_BO_IMPORTED */
	__u32 flags;
	/**
	 * @current_placement: out: DRM_OGPU_BO_VRAM or DRM_OGPU_BO_SYSTEM; 0: it has no memory, see
	 * &struct drm_ogpu_bo_madvise; may change any time
	 */
	__u32 current_placement;
	/** @pad2: out: zero */
	__u32 pad2;
};

/** @DRM_OGPU_LABEL_MAX: most bytes of a label, NUL included */
#define DRM_OGPU_LABEL_MAX	64

/**
 * struct drm_ogpu_bo_set_label - DRM_IOCTL_OGPU_BO_SET_LABEL
 *
 * Names a buffer in debugfs and in dumps. A @label of 0 removes the name. Errors: -E2BIG if there
 * is no NUL within DRM_OGPU_LABEL_MAX bytes.
 */
struct drm_ogpu_bo_set_label {
	/** @handle: GEM handle */
	__u32 handle;
	/** @pad: zero */
	__u32 pad;
	/** @label: user pointer to a NUL-terminated string */
	__u64 label;
};

/** enum drm_ogpu_madv - whether the content of a buffer is needed */
enum drm_ogpu_madv {
	/** @DRM_OGPU_MADV_WILLNEED: it is; so are buffers from the beginning */
	DRM_OGPU_MADV_WILLNEED = 0,
	/** @DRM_OGPU_MADV_DONTNEED: it may be dropped at any time from now on */
	DRM_OGPU_MADV_DONTNEED = 1,
};

/**
 * struct drm_ogpu_bo_madvise - DRM_IOCTL_OGPU_BO_MADVISE: give a buffer up, for a time
 *
 * For buffers that a program keeps to use them again. With DRM_OGPU_MADV_DONTNEED such a buffer
 * makes way for others when VRAM is short, before all that are needed, and its content is not
 * copied but dropped; until that happens it can be used as always. In system memory it is dropped
 * when the system runs short of that. Nothing is dropped while a job uses the buffer: it is moved
 * then, as any other, if room is short. A buffer that is private to an address space is used by all
 * jobs there; with DRM_OGPU_VM_LONG_RUNNING a buffer is used as long as there is a queue that is
 * not suspended because others need memory.
 *
 * A buffer whose content was dropped has no memory: jobs read zero there, what they write is lost,
 * and their atomics fault; access by the CPU raises SIGBUS. After DRM_OGPU_MADV_WILLNEED it is
 * filled with zero, as a new one, and gets memory when it is used first, by the CPU, by VM_BIND or
 * by SUBMIT, which then has the errors of a buffer that has been moved away. For queues with
 * DRM_OGPU_QUEUE_USER that exist already, map it again.
 *
 * The call waits for no job, and for other calls that have the buffer locked for a moment, if no
 * signal comes. Errors: -EINVAL for an unknown @advice; -EPERM for DRM_OGPU_MADV_DONTNEED if the
 * buffer was exported; DRM_IOCTL_PRIME_HANDLE_TO_FD gives -EPERM for a buffer that is not needed.
 */
struct drm_ogpu_bo_madvise {
	/** @handle: GEM handle */
	__u32 handle;
	/** @advice: &enum drm_ogpu_madv */
	__u32 advice;
	/** @retained: out: 1: the content is still there; 0: it was dropped */
	__u32 retained;
	/** @pad: zero */
	__u32 pad;
};

/**
 * struct drm_ogpu_bo_prefetch - DRM_IOCTL_OGPU_BO_PREFETCH: where a buffer should be, from now on
 *
 * Of a buffer that may be in both places, @placement is preferred until the next call; at first
 * that is VRAM. And the buffer is moved there now, before it is used: as by SUBMIT, so a buffer
 * that may be in VRAM alone comes back and others make way for it, and one that may be in both
 * comes to VRAM if no job uses it and there is room without moving others. Whether it was moved
 * tells BO_INFO. One that was exported is moved if no job uses it, otherwise by the next SUBMIT
 * that has to bring it to VRAM. One that was dropped (&struct drm_ogpu_bo_madvise) stays without
 * memory.
 *
 * The move itself is not waited for: jobs submitted later wait for it on the card. The call waits
 * for the card as SUBMIT does: for a buffer that is just being moved out, and for 10 seconds at
 * most for memory that was freed while jobs use it. Errors: -EINVAL if @placement is not one place,
 * or none of those that the buffer was made with; -EPERM if another file made it; -EBADMSG for a
 * buffer that is DRM_OGPU_BO_LOST; -ENOSPC, -ENOMEM: it stays where it is, and the preference is as
 * it was.
 */
struct drm_ogpu_bo_prefetch {
	/** @handle: GEM handle */
	__u32 handle;
	/** @placement: DRM_OGPU_BO_VRAM or DRM_OGPU_BO_SYSTEM */
	__u32 placement;
};

/* ---------------------------------------------------------------------------------------------
 * Synchronisation
 */

/** @DRM_OGPU_SYNC_SIGNAL: signal the syncobj when done; without it: wait for it before starting */
#define DRM_OGPU_SYNC_SIGNAL	(1u << 0)
/** @DRM_OGPU_SYNC_TIMELINE: the syncobj is a timeline, use @value; without it: binary */
#define DRM_OGPU_SYNC_TIMELINE	(1u << 1)

/** @DRM_OGPU_MAX_SYNCS: most elements of a syncs array */
#define DRM_OGPU_MAX_SYNCS	1024

/**
 * struct drm_ogpu_sync - one syncobj operation
 *
 * Errors: -ENOENT for an unknown handle; -EINVAL for a wait on a point (or a binary syncobj) that
 * has no fence yet, for point 0 of a timeline, or for @value set without DRM_OGPU_SYNC_TIMELINE.
 */
struct drm_ogpu_sync {
	/** @handle: syncobj */
	__u32 handle;
	/** @flags: DRM_OGPU_SYNC_* */
	__u32 flags;
	/** @value: point of a timeline, 1 or more; 0 for a binary syncobj */
	__u64 value;
};

/* ---------------------------------------------------------------------------------------------
 * Address spaces
 */

/** @DRM_OGPU_VM_LONG_RUNNING: for queues with DRM_OGPU_QUEUE_USER, and for no others */
#define DRM_OGPU_VM_LONG_RUNNING	(1u << 0)
/** @DRM_OGPU_VM_SVM: mirrors the process; only together with DRM_OGPU_VM_LONG_RUNNING */
#define DRM_OGPU_VM_SVM			(1u << 1)
/** @DRM_OGPU_VM_SVM_VRAM: what is mirrored may come to VRAM; only together with DRM_OGPU_VM_SVM */
#define DRM_OGPU_VM_SVM_VRAM		(1u << 2)

/** @DRM_OGPU_SVM_END: with DRM_OGPU_VM_SVM: first GPU address that VM_BIND may use */
#define DRM_OGPU_SVM_END		(1ull << 47)

/**
 * struct drm_ogpu_vm_create - DRM_IOCTL_OGPU_VM_CREATE
 *
 * Makes an empty address space. In one with DRM_OGPU_VM_LONG_RUNNING the kernel does not know which
 * work uses a buffer, so all buffers that are mapped are in use as long as a queue exists: when
 * memory is short, the queues are suspended for a moment, their buffers may move to system memory,
 * and the queues go on. Nothing of this shows but the time that it takes.
 *
 * In one with DRM_OGPU_VM_SVM addresses below DRM_OGPU_SVM_END mean to kernels and packets what
 * they mean to the process that made the address space, whoever uses it later: memory from
 * malloc(), stacks, globals, mapped files, without any VM_BIND. What is not in the page tables yet
 * makes the queue stand still until the kernel has entered it, up to 2 MiB around the address if
 * they are one area of memory; such a queue makes room on its slot. The GPU may do what the
 * process may, but execute: mappings without write permission can be read. Nothing is pinned:
 * munmap(), mprotect(), mremap(), fork(), swap and migration do with this memory what they always
 * do, do not wait for kernels, and the GPU sees it after its next access. Accesses are COHERENT
 * (&struct drm_ogpu_bind_op). What the process cannot access, and buffers and other memory of
 * devices that it has mapped, end the queue with DRM_OGPU_QUEUE_ERR_MEMORY: reason
 * DRM_OGPU_FAULT_NOT_MAPPED, DRM_OGPU_FAULT_PERMISSION, or for the latter DRM_OGPU_FAULT_BUS;
 * stacks are not grown. If there is no memory for it, or the user mirrors more than twice the
 * memory of the machine at a time, DRM_OGPU_QUEUE_ERR_NO_ROOM ends it. QUEUE_GET_STATE tells this
 * error; the control page has DRM_OGPU_QUEUE_ERR_TIMEOUT, because the kernel stops the queue.
 * VM_BIND is for addresses from DRM_OGPU_SVM_END on; ring, pointers and save area of a queue must
 * be there. When the process ends, or calls execve(), so do queues that need its memory.
 *
 * This memory stays in system memory, and nothing that happens to the GPU loses it, unless the
 * program allows that with DRM_OGPU_VM_SVM_VRAM. Then anonymous memory that the GPU uses comes to
 * VRAM if there is room, as VRAM of this file, and goes back when a CPU touches it, the room is
 * needed, the machine is about to sleep, or the device is unbound. A reset of the GPU, also if
 * somebody else is to blame for it, loses what is there at that moment, and so does bad memory of
 * the GPU with a part of it: until the program discards it (munmap(), MADV_DONTNEED) a CPU that
 * touches it raises SIGBUS, system calls that read or write it give -EFAULT, and a queue that
 * accesses it ends with DRM_OGPU_QUEUE_ERR_MEMORY; nothing else is ever found in its place. That
 * holds for all that have the memory: children of fork(), and the process's other address spaces,
 * which use it where it is. So it is for memory that can be made anew.
 *
 * Errors: -ENOSPC if the card has no ASID left, or the user has half of them, in all files
 * together; -EINVAL for DRM_OGPU_VM_SVM without DRM_OGPU_VM_LONG_RUNNING, or DRM_OGPU_VM_SVM_VRAM
 * without both; -EOPNOTSUPP for DRM_OGPU_VM_SVM where DRM_OGPU_DEVICE_SVM is not told, and for
 * DRM_OGPU_VM_SVM_VRAM where DRM_OGPU_DEVICE_SVM_VRAM is not told or the machine has no physical
 * addresses left to name VRAM by.
 */
struct drm_ogpu_vm_create {
	/** @flags: DRM_OGPU_VM_* or 0 */
	__u32 flags;
	/** @vm_id: out: 1 or more */
	__u32 vm_id;
};

/**
 * struct drm_ogpu_vm_destroy - DRM_IOCTL_OGPU_VM_DESTROY
 *
 * The id is gone at once; the address space lives until its queues are destroyed and its work is
 * done.
 */
struct drm_ogpu_vm_destroy {
	/** @vm_id: from VM_CREATE */
	__u32 vm_id;
	/** @pad: zero */
	__u32 pad;
};

/** enum drm_ogpu_bind_op_type - kind of bind operation */
enum drm_ogpu_bind_op_type {
	/** @DRM_OGPU_BIND_MAP: map a buffer; what was mapped in the range before is replaced */
	DRM_OGPU_BIND_MAP = 0,
	/** @DRM_OGPU_BIND_UNMAP: remove all mappings in the range; parts outside it stay */
	DRM_OGPU_BIND_UNMAP = 1,
	/**
	 * @DRM_OGPU_BIND_MAP_NULL: map no memory: the GPU reads zero there, and what it writes is
	 * lost; atomics fault. What was mapped in the range before is replaced. Any size costs
	 * page tables alone
	 */
	DRM_OGPU_BIND_MAP_NULL = 2,
	/**
	 * @DRM_OGPU_BIND_MAP_USERPTR: map memory of the calling process; what was mapped in the
	 * range before is replaced. See &struct drm_ogpu_bind_op
	 */
	DRM_OGPU_BIND_MAP_USERPTR = 3,
};

/** @DRM_OGPU_BIND_READ: the GPU may read; every MAP needs it */
#define DRM_OGPU_BIND_READ	(1u << 0)
/** @DRM_OGPU_BIND_WRITE: the GPU may write */
#define DRM_OGPU_BIND_WRITE	(1u << 1)
/** @DRM_OGPU_BIND_EXEC: work-items may execute it */
#define DRM_OGPU_BIND_EXEC	(1u << 2)
/** @DRM_OGPU_BIND_UNCACHED: compute units keep nothing of it, see &struct drm_ogpu_bind_op */
#define DRM_OGPU_BIND_UNCACHED	(1u << 3)
/** @DRM_OGPU_BIND_COHERENT: they keep only what nobody can tell from memory */
#define DRM_OGPU_BIND_COHERENT	(1u << 4)

/**
 * struct drm_ogpu_bind_op - one operation of a VM_BIND
 *
 * @va, @size and @bo_offset are multiples of 4096 (the lowest bit in page_sizes), whatever the page
 * of the CPU is. Large mappings are cheaper if these are multiples of a larger page size.
 *
 * Of memory that is mapped without DRM_OGPU_BIND_UNCACHED and DRM_OGPU_BIND_COHERENT compute units
 * may keep what a dispatch reads and writes, until it fences or ends. UNCACHED: each access goes to
 * memory, in the order of the work-item. COHERENT: others, the CPU as well, see each store after
 * it. Both together are -EINVAL.
 *
 * With MAP_USERPTR (if the card has DRM_OGPU_DEVICE_USERPTR) the GPU uses the memory that the
 * process has from @userptr on, anonymous or of files, private or shared. Nothing is pinned and
 * nothing copied: each SUBMIT looks what is there, so jobs use what the CPU would at that time.
 *
 * Whatever changes the memory afterwards waits for the jobs of the address space that were
 * submitted before, whether they use it or not, but not for ever. munmap(), mremap() and mprotect()
 * by the process itself wait for 2 s at most, or until it is killed. All else - fork(), madvise(),
 * truncation, a first write to a page that was shared until then, the kernel that swaps or moves
 * pages - waits for 100 ms at most, also if the process does it. These times are those of all calls
 * and all jobs of one user together (the one who opened the card), and what was waited comes back
 * slowly: of the 2 s one half of the time that passes, of the 100 ms one hundredth. When the time
 * is over the memory is taken from the GPU, and a job that uses it afterwards faults
 * (DRM_OGPU_QUEUE_ERR_MEMORY), unless a later SUBMIT has found out what is there now. When the
 * process ends, or calls execve(), its memory is gone at once.
 *
 * However little is left, the GPU has to confirm that it uses the memory no more, which takes up to
 * some milliseconds for each piece (see below), and waits for calls of VM_BIND in the same address
 * space that are mapping just then. What anybody but the process itself spends on it is taken from
 * the 100 ms as well. That may leave a debt, of 100 ms at most: then SUBMIT sleeps until it is paid
 * before it brings back memory that has changed.
 *
 * The range is looked at in pieces that end at multiples of 16 MiB of @va. If at the time of a
 * SUBMIT a part of a piece is not there, does not allow what @flags say, or is memory of a device,
 * nothing is mapped in all of the piece, and jobs that use it fault. At the time of the call all of
 * it must be there: -EFAULT, also for memory of devices, such as buffers that were mapped by
 * mmap(); -EACCES if the process may not read it, or not write although WRITE is set. -E2BIG for
 * more than 1 GiB; -ENOSPC for more than 512 pieces of one user on the card, once it has been
 * waited for up to 5 s for what is unmapped to be taken down, or for a ninth address space that is
 * DRM_OGPU_VM_LONG_RUNNING; -EINTR if the process is being killed; -EOPNOTSUPP without
 * DRM_OGPU_DEVICE_USERPTR.
 *
 * In an address space that is DRM_OGPU_VM_LONG_RUNNING what executes is suspended instead, however
 * short the time is that is left, until it is known what is there then: it is the moment of the
 * change that counts, not that of a SUBMIT, and nothing faults but for what is gone. This takes
 * milliseconds of the 100 ms, too; if less than half of them is left, it goes on only when half is
 * there again, which takes 15 s at most. VM_BIND suspends it, too, returns when it goes on, and
 * gives -EINVAL if it is DRM_OGPU_VM_BIND_ASYNC. What is gone is looked for again when it was
 * suspended again. Below DRM_OGPU_SVM_END of one that is DRM_OGPU_VM_SVM it is -EINVAL.
 */
struct drm_ogpu_bind_op {
	/** @op: &enum drm_ogpu_bind_op_type */
	__u32 op;
	/**
	 * @flags: DRM_OGPU_BIND_*: for MAP and MAP_USERPTR all of them, for MAP_NULL READ and
	 * WRITE; zero for UNMAP
	 */
	__u32 flags;
	/** @bo_handle: buffer for MAP; otherwise zero */
	__u32 bo_handle;
	/** @pad: zero */
	__u32 pad;
	union {
		/** @bo_offset: first byte of the buffer for MAP; zero for MAP_NULL and UNMAP */
		__u64 bo_offset;
		/** @userptr: for MAP_USERPTR: first address, multiple of 4096 and the CPU page */
		__u64 userptr;
	};
	/** @va: first GPU address */
	__u64 va;
	/** @size: bytes, not zero */
	__u64 size;
};

/** @DRM_OGPU_VM_BIND_ASYNC: return at once; completion is told by the syncs only */
#define DRM_OGPU_VM_BIND_ASYNC	(1u << 0)

/** @DRM_OGPU_MAX_BIND_OPS: most elements of @ops */
#define DRM_OGPU_MAX_BIND_OPS	4096
/** @DRM_OGPU_MAX_BIND_MAPPINGS: most mappings that exist where a call changes something */
#define DRM_OGPU_MAX_BIND_MAPPINGS	65536

/**
 * struct drm_ogpu_vm_bind - DRM_IOCTL_OGPU_VM_BIND
 *
 * Changes mappings, in the order of @ops, all or nothing: after an error nothing has changed and no
 * syncobj is signalled. Binds of one address space take effect in the order of the calls. Without
 * ASYNC the call waits for its in-syncs and returns when the change is in force, which for a buffer
 * that is being cleared or moved is after that. Jobs submitted
 * after the call, if they wait for its out-sync (or the call was synchronous), see the change.
 * With ASYNC all that may fail has been done, and all memory taken, when the call returns 0; only
 * the card itself may still fail, which the fence of an out-sync tells. Unmapping memory that a
 * running job uses makes that job fault. Mapped memory is kept alive by the
 * mapping, also after its handle is closed.
 *
 * What is mapped with large pages takes 8 bytes of page tables for 2 MiB, other memory 4 KiB for
 * each 2 MiB region that is touched. They are in VRAM, up to a quarter of the visible part for all
 * files of a user, and then in system memory, which is charged to the caller, up to an eighth of
 * what buffers may take. They are given back with the last mapping of their region.
 *
 * A synchronous call waits, as long as a signal does not interrupt it, for its in-syncs, for
 * earlier calls, and for clears and moves of buffers that it maps. With ASYNC nothing of this is
 * waited for. Both wait until there is room for buffers that have been moved out of VRAM.
 *
 * Errors: -EINVAL for misaligned or wrapping ranges, ranges outside the address space or the
 * buffer, or below DRM_OGPU_SVM_END in an address space with DRM_OGPU_VM_SVM, or a buffer that is
 * private to another address space; -ENOENT for an unknown vm, buffer
 * or syncobj; -EBADMSG for a buffer that is DRM_OGPU_BO_LOST; -E2BIG if more than
 * DRM_OGPU_MAX_BIND_MAPPINGS mappings are where something changes, more than 64 MiB of page tables
 * may be needed, or more than 64 GiB of system memory are mapped: do it in several calls; -ENOSPC
 * also if the user has too many page tables, or the address space would map more than 8 times what
 * buffers can have of VRAM and system memory together, and more than 64 GiB.
 */
struct drm_ogpu_vm_bind {
	/** @vm_id: from VM_CREATE */
	__u32 vm_id;
	/** @flags: DRM_OGPU_VM_BIND_ASYNC or 0 */
	__u32 flags;
	/** @ops: array of &struct drm_ogpu_bind_op, 1 .. DRM_OGPU_MAX_BIND_OPS */
	struct drm_ogpu_array ops;
	/** @syncs: array of &struct drm_ogpu_sync, 0 .. DRM_OGPU_MAX_SYNCS */
	struct drm_ogpu_array syncs;
};

/** enum drm_ogpu_access - how memory was accessed */
enum drm_ogpu_access {
	DRM_OGPU_ACCESS_READ = 0,
	DRM_OGPU_ACCESS_WRITE = 1,
	DRM_OGPU_ACCESS_EXEC = 2,
	DRM_OGPU_ACCESS_ATOMIC = 3,
};

/** enum drm_ogpu_fault_reason - why it was refused */
enum drm_ogpu_fault_reason {
	/** @DRM_OGPU_FAULT_NOT_MAPPED: nothing is mapped there */
	DRM_OGPU_FAULT_NOT_MAPPED = 2,
	/** @DRM_OGPU_FAULT_PERMISSION: the mapping does not allow this access */
	DRM_OGPU_FAULT_PERMISSION = 3,
	/** @DRM_OGPU_FAULT_VA_RANGE: no such address */
	DRM_OGPU_FAULT_VA_RANGE = 5,
	/** @DRM_OGPU_FAULT_BUS: the memory behind the mapping did not answer */
	DRM_OGPU_FAULT_BUS = 6,
	/**
	 * @DRM_OGPU_FAULT_APERTURE: outside local or private memory (perhaps the stack is too
	 * small), or executed from there
	 */
	DRM_OGPU_FAULT_APERTURE = 7,
	/** @DRM_OGPU_FAULT_POISON: uncorrectable memory error */
	DRM_OGPU_FAULT_POISON = 8,
	/**
	 * @DRM_OGPU_FAULT_ATOMIC: an atomic on system memory that the platform does not carry,
	 * although it said so (DRM_OGPU_DEVICE_SYSTEM_ATOMICS); nothing was changed
	 */
	DRM_OGPU_FAULT_ATOMIC = 9,
};

/** struct drm_ogpu_fault - one refused access */
struct drm_ogpu_fault {
	/** @va: GPU address of the first byte that was refused */
	__u64 va;
	/** @queue_id: queue to blame, 0 if it had been destroyed; ids are used again later */
	__u32 queue_id;
	/** @access: &enum drm_ogpu_access */
	__u16 access;
	/** @reason: &enum drm_ogpu_fault_reason */
	__u16 reason;
	/** @time_ns: CLOCK_MONOTONIC when the driver heard of it */
	__u64 time_ns;
};

/**
 * struct drm_ogpu_vm_get_faults - DRM_IOCTL_OGPU_VM_GET_FAULTS
 *
 * Reads the newest faults of an address space, oldest first. The kernel keeps the last 16. A fault
 * stops its queue, so no queue is to blame for more than one. It is listed before the fences of the
 * queue's jobs signal.
 */
struct drm_ogpu_vm_get_faults {
	/** @vm_id: from VM_CREATE */
	__u32 vm_id;
	/** @total: out: faults since the address space was made */
	__u32 total;
	/**
	 * @faults: array of &struct drm_ogpu_fault to fill; count: in: room, any number (with 0
	 * only @total is told), out: filled
	 */
	struct drm_ogpu_array faults;
};

/* ---------------------------------------------------------------------------------------------
 * Queues
 */

/** enum drm_ogpu_engine - engine class that a queue feeds */
enum drm_ogpu_engine {
	/** @DRM_OGPU_ENGINE_COMPUTE: takes all packets */
	DRM_OGPU_ENGINE_COMPUTE = 0,
	/** @DRM_OGPU_ENGINE_COPY: takes all packets but DISPATCH */
	DRM_OGPU_ENGINE_COPY = 1,
};

/** enum drm_ogpu_priority - which queue gets the hardware first */
enum drm_ogpu_priority {
	DRM_OGPU_PRIORITY_LOW = 0,
	DRM_OGPU_PRIORITY_NORMAL = 1,
	/** @DRM_OGPU_PRIORITY_HIGH: needs CAP_SYS_NICE */
	DRM_OGPU_PRIORITY_HIGH = 2,
};

/** @DRM_OGPU_QUEUE_USER: ring and write pointer are the program's, see below */
#define DRM_OGPU_QUEUE_USER	(1u << 0)

/**
 * struct drm_ogpu_queue_create - DRM_IOCTL_OGPU_QUEUE_CREATE
 *
 * There are two kinds of queues. Without flags the kernel owns the ring, and &DRM_IOCTL_OGPU_SUBMIT
 * puts jobs there. With DRM_OGPU_QUEUE_USER the program owns it, in an address space with
 * DRM_OGPU_VM_LONG_RUNNING, and submits without a system call:
 *
 * 1. Map the doorbell: mmap() of one page at @doorbell_offset, PROT_WRITE, MAP_SHARED.
 * 2. Write packets to the ring, at the write pointer modulo @ring_bytes; they may wrap. The pointer
 *    counts bytes from 0 and only grows. The packets after the read pointer, which hardware stores
 *    at @rptr_va after each FENCE and when the ring becomes empty, belong to hardware: never write
 *    more than write pointer minus read pointer leaves free.
 * 3. Store the new write pointer, a multiple of 8, at @wptr_va, 64 bits, after the packets.
 * 4. Store it, 64 bits, at byte DRM_OGPU_DOORBELL_WPTR of the doorbell page.
 *
 * Before 3, and between 3 and 4, a barrier has to order stores to memory, VRAM included, before
 * stores to memory and devices: SFENCE on x86, DSB ST on arm64, FENCE OW,OW on riscv64.
 *
 * A FENCE packet says when something is done, &DRM_IOCTL_OGPU_WAIT waits for it. Nothing else is
 * different: there is no timeout, no job, and an error of the ring itself, such as a write pointer
 * that makes no sense, stops the queue with DRM_OGPU_QUEUE_ERR_RING. Memory of ring and pointers is
 * as any other: it must be mapped with DRM_OGPU_BIND_READ, and with DRM_OGPU_BIND_WRITE at
 * @rptr_va; not yet at this call, but hardware may look at @wptr_va from then on.
 *
 * Of queues of both kinds a page with &struct drm_ogpu_queue_control can be mapped: mmap() of one
 * page at @control_offset, PROT_READ, MAP_SHARED. After the queue was destroyed, or the card was
 * reset, access to either page raises SIGBUS. Neither is inherited by fork().
 *
 * A compute queue needs a save area for DISPATCH packets: memory of the program in which its
 * workgroups live while they are under way. It holds their private memory, and their registers and
 * local memory while the card does something else in between. It is an array of frames, one for
 * each workgroup; so as many workgroups of a dispatch are under way at a time as it has room for,
 * and no more than the compute units hold. With R(x) for x rounded up to a multiple of 256, and
 * waves for the work-items of a workgroup divided by lanes, rounded up, a frame has
 *
 *	256 + R(local_bytes) + waves * save_wave_bytes + R(waves * lanes * private_bytes)
 *
 * bytes, where local_bytes and private_bytes are those of the dispatch and save_wave_bytes and
 * lanes those of &struct drm_ogpu_query_device. A DISPATCH whose workgroups have larger frames than
 * the area, or in a queue without one, stops the queue with DRM_OGPU_QUEUE_ERR_DISPATCH.
 *
 * The area must be mapped with DRM_OGPU_BIND_READ and DRM_OGPU_BIND_WRITE while jobs run, not yet
 * at this call. If it is not, the queue stops with DRM_OGPU_QUEUE_ERR_MEMORY. Its contents are the
 * card's: who writes there, or gives it to two queues, may find the queue stopped with
 * DRM_OGPU_QUEUE_ERR_SAVE or its own results wrong, and harms nobody else.
 *
 * Errors: -EINVAL also for a save area that is misaligned, reaches beyond the address space or
 * belongs to a copy queue, for a kind of queue that the address space is not for, for a ring or
 * pointers that are misaligned or reach beyond the address space, and for another kind of
 * queue as @gang; -ENOENT for an unknown @gang; -EACCES for a priority that needs CAP_SYS_NICE;
 * -EOPNOTSUPP for DRM_OGPU_QUEUE_USER if doorbells share a page; -EDQUOT if the user who opened the
 * render node has no fewer of the card's queues than are left for others, unless the administrator
 * has set another limit or the caller has CAP_SYS_RESOURCE; -ENOSPC if the card has no queue left,
 * executes fewer at a time than the gang has or, for DRM_OGPU_QUEUE_USER, the buffers of the
 * address space do not fit into VRAM all at once; -EBADMSG if one of these is DRM_OGPU_BO_LOST. The
 * first queue of a gang counts among the card's queues until the others are gone, too.
 */
struct drm_ogpu_queue_create {
	/** @vm_id: address space of the queue's jobs */
	__u32 vm_id;
	/** @engine: &enum drm_ogpu_engine */
	__u32 engine;
	/** @priority: &enum drm_ogpu_priority */
	__u32 priority;
	/** @flags: DRM_OGPU_QUEUE_USER or 0 */
	__u32 flags;
	/**
	 * @timeout_ms: a job that runs longer is killed, and its queue with it; 0: the default,
	 * @max_job_ms of the device (from the card, or module parameter job_timeout_ms); more than
	 * that is -EINVAL unless CAP_SYS_ADMIN, more than the card's own limit always. What counts
	 * is the time in which work of the job is on a compute unit, other packets are executed, or
	 * a WAIT packet waits. Time in which other queues have the hardware does not, nor does that
	 * of jobs that the job waits for by a syncobj; but a job that has not ended after ten times
	 * @max_job_ms (or ten times its own limit, if that is longer) is killed in any case, since
	 * other programs may have to wait for its memory. Zero with DRM_OGPU_QUEUE_USER, where
	 * nothing is limited
	 */
	__u32 timeout_ms;
	/** @queue_id: out: 1 or more */
	__u32 queue_id;
	/** @save_va: GPU address of the save area, multiple of 4096; 0 if there is none */
	__u64 save_va;
	/**
	 * @save_bytes: its size, multiple of 4096, less than 4 GiB; 0: none, the queue then takes
	 * no DISPATCH
	 */
	__u64 save_bytes;
	/** @ring_va: GPU address of the ring, multiple of 4096; zero without DRM_OGPU_QUEUE_USER */
	__u64 ring_va;
	/** @ring_bytes: power of two, 4096 .. 2^20; zero without DRM_OGPU_QUEUE_USER */
	__u64 ring_bytes;
	/**
	 * @rptr_va: GPU address of the read pointer, multiple of 8; zero without
	 * DRM_OGPU_QUEUE_USER
	 */
	__u64 rptr_va;
	/**
	 * @wptr_va: GPU address of the write pointer, multiple of 8; zero without
	 * DRM_OGPU_QUEUE_USER
	 */
	__u64 wptr_va;
	/** @doorbell_offset: out: for mmap(), 0 without DRM_OGPU_QUEUE_USER */
	__u64 doorbell_offset;
	/** @control_offset: out: for mmap() */
	__u64 control_offset;
	/**
	 * @gang: queue_id of a queue of this file with the same engine, priority and
	 * DRM_OGPU_QUEUE_USER, or 0. Both, and all that name either of them, are then on the card
	 * together, or none of them while another one has work and no place: for jobs that wait for
	 * each other by looking at memory. One that stands in a WAIT packet, or has nothing to do,
	 * is not waited for
	 */
	__u32 gang;
	/** @pad: zero */
	__u32 pad;
};

/** @DRM_OGPU_DOORBELL_RING: 32 bits, any value: the write pointer in memory has changed */
#define DRM_OGPU_DOORBELL_RING	0
/** @DRM_OGPU_DOORBELL_WPTR: 64 bits: the write pointer, which is in memory, too */
#define DRM_OGPU_DOORBELL_WPTR	8

/** @DRM_OGPU_QUEUE_DESTROY_KILL: as &DRM_IOCTL_OGPU_QUEUE_KILL first */
#define DRM_OGPU_QUEUE_DESTROY_KILL	(1u << 0)

/**
 * struct drm_ogpu_queue_destroy - DRM_IOCTL_OGPU_QUEUE_DESTROY
 *
 * The id is gone at once. Jobs that have been submitted still run to their end, unless they are to
 * be killed. A queue with DRM_OGPU_QUEUE_USER is killed in any case, whatever is in its ring.
 */
struct drm_ogpu_queue_destroy {
	/** @queue_id: from QUEUE_CREATE */
	__u32 queue_id;
	/** @flags: DRM_OGPU_QUEUE_DESTROY_KILL or 0 */
	__u32 flags;
};

/**
 * struct drm_ogpu_queue_kill - DRM_IOCTL_OGPU_QUEUE_KILL
 *
 * Ends a queue and what it executes, and nothing else: other queues, address space and buffers stay
 * good. The queue fails with DRM_OGPU_QUEUE_ERR_KILLED, unless it had failed before, which is no
 * error. When the call returns the card executes nothing of it any more, and the fences of jobs
 * that had begun have signalled with -ECANCELED. A job that still waits for its in-syncs never
 * begins; its fence signals, likewise, when they have at the latest. What a job has written stays
 * written. Takes some milliseconds if there is something to stop; on a card that does not stop it,
 * recovery of the card ends it.
 */
struct drm_ogpu_queue_kill {
	/** @queue_id: from QUEUE_CREATE */
	__u32 queue_id;
	/** @pad: zero */
	__u32 pad;
};

/** enum drm_ogpu_queue_error - what stopped a queue */
enum drm_ogpu_queue_error {
	/** @DRM_OGPU_QUEUE_OK: nothing, it works */
	DRM_OGPU_QUEUE_OK = 0,
	/** @DRM_OGPU_QUEUE_ERR_OPCODE: unknown packet, or not for this engine */
	DRM_OGPU_QUEUE_ERR_OPCODE = 1,
	/** @DRM_OGPU_QUEUE_ERR_PACKET: packet with bad length, reserved bits or operands */
	DRM_OGPU_QUEUE_ERR_PACKET = 2,
	/** @DRM_OGPU_QUEUE_ERR_PRIVILEGE: packet that only the kernel may use */
	DRM_OGPU_QUEUE_ERR_PRIVILEGE = 3,
	/** @DRM_OGPU_QUEUE_ERR_MEMORY: memory fault, see fault_va, access and reason */
	DRM_OGPU_QUEUE_ERR_MEMORY = 4,
	/** @DRM_OGPU_QUEUE_ERR_INSTRUCTION: illegal instruction, see pc and detail */
	DRM_OGPU_QUEUE_ERR_INSTRUCTION = 5,
	/** @DRM_OGPU_QUEUE_ERR_MISALIGNED: misaligned atomic or jump */
	DRM_OGPU_QUEUE_ERR_MISALIGNED = 6,
	/** @DRM_OGPU_QUEUE_ERR_TRAP: a work-item executed ebreak */
	DRM_OGPU_QUEUE_ERR_TRAP = 7,
	/** @DRM_OGPU_QUEUE_ERR_DISPATCH: asks for more than the card or the save area has */
	DRM_OGPU_QUEUE_ERR_DISPATCH = 9,
	/** @DRM_OGPU_QUEUE_ERR_RING: ring or its pointers make no sense or cannot be read */
	DRM_OGPU_QUEUE_ERR_RING = 10,
	/** @DRM_OGPU_QUEUE_ERR_TIMEOUT: a job ran longer than the queue's timeout */
	DRM_OGPU_QUEUE_ERR_TIMEOUT = 11,
	/** @DRM_OGPU_QUEUE_ERR_KILLED: QUEUE_KILL, or QUEUE_DESTROY with KILL */
	DRM_OGPU_QUEUE_ERR_KILLED = 12,
	/** @DRM_OGPU_QUEUE_ERR_ENGINE: the engine or the card failed; the job may be innocent */
	DRM_OGPU_QUEUE_ERR_ENGINE = 13,
	/** @DRM_OGPU_QUEUE_ERR_SAVE: somebody else wrote into the save area */
	DRM_OGPU_QUEUE_ERR_SAVE = 14,
	/**
	 * @DRM_OGPU_QUEUE_ERR_NO_ROOM: the buffers of its address space did not fit into memory for
	 * some seconds, or one of them is DRM_OGPU_BO_LOST; only with DRM_OGPU_QUEUE_USER
	 */
	DRM_OGPU_QUEUE_ERR_NO_ROOM = 16,
	/** @DRM_OGPU_QUEUE_ERR_UNKNOWN: something that this driver has no name for */
	DRM_OGPU_QUEUE_ERR_UNKNOWN = 255,
};

/** @DRM_OGPU_QUEUE_GUILTY: what the queue executed is why it failed */
#define DRM_OGPU_QUEUE_GUILTY		(1u << 0)
/** @DRM_OGPU_QUEUE_INNOCENT: the card failed while the queue had nothing on it */
#define DRM_OGPU_QUEUE_INNOCENT		(1u << 1)

/**
 * struct drm_ogpu_queue_get_state - DRM_IOCTL_OGPU_QUEUE_GET_STATE
 *
 * Cheap: the kernel knows the answers, and asks neither the card nor its firmware. So this also
 * works after the card was reset, when other ioctls give -ENODEV: @error is then
 * DRM_OGPU_QUEUE_ERR_ENGINE for queues that had not failed before.
 *
 * After an error a queue executes nothing more, and SUBMIT gives -ECANCELED; what the failed job
 * has written stays written. Fences of jobs that were not done signal with an error: that of the
 * failed job with -EIO, or -ETIMEDOUT if it ran too long, those after it with -ECANCELED; @error is
 * known before. Destroy the queue and make a new one; address space and buffers stay good.
 */
struct drm_ogpu_queue_get_state {
	/** @queue_id: from QUEUE_CREATE */
	__u32 queue_id;
	/** @error: out: &enum drm_ogpu_queue_error */
	__u32 error;
	/** @fault_va: out: first byte that was refused, for DRM_OGPU_QUEUE_ERR_MEMORY */
	__u64 fault_va;
	/** @access: out: &enum drm_ogpu_access, for DRM_OGPU_QUEUE_ERR_MEMORY */
	__u32 access;
	/** @reason: out: &enum drm_ogpu_fault_reason, for DRM_OGPU_QUEUE_ERR_MEMORY */
	__u32 reason;
	/**
	 * @pc: out: address of the instruction to blame, for a bad jump where it went; of a queue
	 * that ran too long or was killed: where one of its work-items was; 0 if there was none
	 */
	__u64 pc;
	/**
	 * @detail: out: that instruction (one of 16 bits in the lower half, above it zero), 0 after
	 * a bad jump, or the opcode of the packet (DRM_OGPU_PKT_*) if it was no work-item. Which
	 * wave it was is not told: see the program counters in the save area
	 */
	__u32 detail;
	/** @pad: zero */
	__u32 pad;
	/** @submitted: out: jobs accepted by SUBMIT */
	__u64 submitted;
	/** @completed: out: jobs done without error */
	__u64 completed;
	/**
	 * @busy_ns: out: time in which the hardware executed this queue: not in a WAIT packet, but
	 * compute units may have been with other queues. Up to date to within 100 ms
	 */
	__u64 busy_ns;
	/**
	 * @unit_ns: out: of that, time in which work of this queue was on a compute unit, or a
	 * packet was executed that needs none. Looked at a little later than @busy_ns
	 */
	__u64 unit_ns;
	/** @waited_ns: out: time in which it had work and waited for others to leave hardware */
	__u64 waited_ns;
	/**
	 * @packet: out: offset, in the stream of @failed_job, of the packet to blame; of a queue
	 * with DRM_OGPU_QUEUE_USER: its place in the ring, counted as the read pointer is
	 */
	__u64 packet;
	/**
	 * @nested: out: if that is an INDIRECT packet: offset in its buffer of the packet to blame,
	 * and so on
	 */
	__u32 nested[4];
	/** @flags: out: DRM_OGPU_QUEUE_GUILTY, DRM_OGPU_QUEUE_INNOCENT, or 0: nobody knows */
	__u32 flags;
	/**
	 * @held: out: workgroups that the failed queue has left in its save area, see
	 * &struct drm_ogpu_save_group; 0 if there were none, or no memory for them
	 */
	__u32 held;
	/**
	 * @failed_job: out: number of the job to blame: that was executed when the queue failed, or
	 * that took too long, even if it ended while the queue was being stopped (then the place is
	 * not told). 0 if there is none. The first job that was ever submitted to a queue has the
	 * number 1
	 */
	__u64 failed_job;
	/** @last_job_done: out: number of the last job that was done without error */
	__u64 last_job_done;
};

/** @DRM_OGPU_MAX_JOBS: most elements of @jobs */
#define DRM_OGPU_MAX_JOBS	256
/** @DRM_OGPU_MAX_QUEUED_JOBS: most jobs of a queue that are not over */
#define DRM_OGPU_MAX_QUEUED_JOBS	4096
/** @DRM_OGPU_MAX_STREAM_BYTES: most bytes of one job's packets */
#define DRM_OGPU_MAX_STREAM_BYTES	(1u << 24)

/** struct drm_ogpu_job - one job of a SUBMIT */
struct drm_ogpu_job {
	/**
	 * @stream_va: GPU address of the packets, multiple of 8. They are read when the job runs:
	 * leave them alone until it is done. The range is one that can be mapped, otherwise
	 * -EINVAL. With @stream_bytes 0: must be 0, and the job only orders its syncs
	 */
	__u64 stream_va;
	/** @stream_bytes: of all packets, multiple of 8, at most DRM_OGPU_MAX_STREAM_BYTES */
	__u32 stream_bytes;
	/** @flags: zero */
	__u32 flags;
	/** @syncs: array of &struct drm_ogpu_sync, 0 .. DRM_OGPU_MAX_SYNCS */
	struct drm_ogpu_array syncs;
};

/**
 * struct drm_ogpu_submit - DRM_IOCTL_OGPU_SUBMIT
 *
 * Puts jobs on a queue, all or none. The call does not wait for jobs before them. If buffers of the
 * address space were moved out of VRAM it sees to it that they come back, and the jobs wait on the
 * card for that, and for jobs of others whose memory it takes. The call itself may wait, and can be
 * interrupted, for two things: that a buffer which is just being moved away has left, which is
 * after the jobs that were submitted before and used it; and, for 10 seconds at most before it
 * fails with -ENOSPC, that buffers are gone which were freed while jobs use them, or are let go by
 * who is at them just then, if there is no other room. With all that it needs in place it waits for
 * nothing. Each job starts when the one before it on the queue and its in-syncs are done, and
 * signals its out-syncs when it is done; a job may wait for what an earlier job of the same call
 * signals. When a queue fails, out-syncs still signal, and their fences carry an error. It shows in
 * the sync_file of a binary syncobj (SYNC_IOC_FILE_INFO), but not in a wait or a timeline, and a
 * job that waits for such a fence starts all the same. Who wants to wait for what has not been
 * submitted yet has a thread that waits with DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT and
 * DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE (drm.h), and then calls SUBMIT. Errors: -ECANCELED if the
 * queue has failed; -EBUSY if more than DRM_OGPU_MAX_QUEUED_JOBS jobs of the queue were not over,
 * or four times as many of the user's had to wait for something else than their turn: wait for
 * some; -ENOSPC if the buffers mapped in the address space do not fit into VRAM all at once, or
 * page tables for memory of programs in it are more than the user may have; -EBADMSG if one of them
 * is DRM_OGPU_BO_LOST; -ENOENT for an unknown queue or syncobj. Memory that is mapped by
 * DRM_OGPU_BIND_MAP_USERPTR is brought in, which sleeps for as long as the program's own access
 * would, and for the debt of its user, see there.
 */
struct drm_ogpu_submit {
	/** @queue_id: from QUEUE_CREATE */
	__u32 queue_id;
	/** @flags: zero */
	__u32 flags;
	/** @jobs: array of &struct drm_ogpu_job, 1 .. DRM_OGPU_MAX_JOBS */
	struct drm_ogpu_array jobs;
	/**
	 * @first_job: out: number of the first of @jobs in its queue; the others follow, and 1 is
	 * the first that a queue was ever given
	 */
	__u64 first_job;
};

/* ---------------------------------------------------------------------------------------------
 * Waiting for memory and for jobs
 */

/** @DRM_OGPU_MAX_WAIT_FENCES: most elements of @fences */
#define DRM_OGPU_MAX_WAIT_FENCES	1024
/** @DRM_OGPU_WAIT_MEMORY: type of a condition: (memory & mask) compares with (value & mask) */
#define DRM_OGPU_WAIT_MEMORY	0
/** @DRM_OGPU_WAIT_JOB: likewise: job number value of the queue is done, without error */
#define DRM_OGPU_WAIT_JOB	1
/** @DRM_OGPU_WAIT_PENDING: state of a condition: it does not hold yet */
#define DRM_OGPU_WAIT_PENDING	0
/** @DRM_OGPU_WAIT_HELD: it holds, or has held during the call */
#define DRM_OGPU_WAIT_HELD	1
/** @DRM_OGPU_WAIT_FAILED: its queue has failed, so that it will not hold any more */
#define DRM_OGPU_WAIT_FAILED	2

/** struct drm_ogpu_wait_fence - a condition of a WAIT */
struct drm_ogpu_wait_fence {
	/** @pointer: user pointer, multiple of 8, to 64 bits of memory; for a job 0 */
	__u64 pointer;
	/** @value: right side; for a job its number, from 1, and it must have been submitted */
	__u64 value;
	/** @mask: bits that count; for a job 0, as is @compare */
	__u64 mask;
	/** @compare: &enum drm_ogpu_compare */
	__u32 compare;
	/**
	 * @queue_id: whose FENCE with DRM_OGPU_FENCE_SIGNAL is to store it; memory is looked at
	 * when that queue signals. 0: none, as for what a thread stores; it is looked at within
	 * 10 ms of a change. For a job: whose; not of DRM_OGPU_QUEUE_USER
	 */
	__u32 queue_id;
	/** @type: DRM_OGPU_WAIT_MEMORY or DRM_OGPU_WAIT_JOB */
	__u32 type;
	/** @state: out, with DRM_OGPU_WAIT_STATES: DRM_OGPU_WAIT_PENDING or other; not read */
	__u32 state;
	/** @error: out, likewise: &enum drm_ogpu_queue_error of the queue; 0 without one */
	__u32 error;
	/** @pad: zero */
	__u32 pad;
};

/** @DRM_OGPU_WAIT_ALL: until all have held, at the same time or not; without it: until one does */
#define DRM_OGPU_WAIT_ALL	(1u << 0)
/** @DRM_OGPU_WAIT_STATES: tell @state and @error of all, also after -ETIME and -ECANCELED */
#define DRM_OGPU_WAIT_STATES	(1u << 1)

/**
 * struct drm_ogpu_wait - DRM_IOCTL_OGPU_WAIT
 *
 * Waits until memory has a value or jobs are done, whose fences may signal a moment later. Errors:
 * -ETIME after @timeout_ns; -ECANCELED if a queue that is named has failed and its condition does
 * not hold; -EBUSY if over 256 threads wait for memory, or jobs, of one queue; -EINVAL also for a
 * job not submitted; -EFAULT; -ENOENT for an unknown queue; -ENODEV if the card is reset meanwhile.
 */
struct drm_ogpu_wait {
	/** @flags: DRM_OGPU_WAIT_ALL, DRM_OGPU_WAIT_STATES or 0 */
	__u32 flags;
	/**
	 * @index: out: without DRM_OGPU_WAIT_ALL, of the first fence that holds; after -ECANCELED
	 * or -EFAULT, of the one to blame
	 */
	__u32 index;
	/** @timeout_ns: CLOCK_MONOTONIC; one that is over: look once */
	__s64 timeout_ns;
	/** @fences: array of &struct drm_ogpu_wait_fence, 1 .. DRM_OGPU_MAX_WAIT_FENCES */
	struct drm_ogpu_array fences;
};

/** @DRM_OGPU_EVENT_SIGNAL: a FENCE with DRM_OGPU_FENCE_SIGNAL was executed */
#define DRM_OGPU_EVENT_SIGNAL	(1u << 0)
/** @DRM_OGPU_EVENT_ERROR: the queue has failed */
#define DRM_OGPU_EVENT_ERROR	(1u << 1)

/**
 * struct drm_ogpu_queue_eventfd - DRM_IOCTL_OGPU_QUEUE_EVENTFD
 *
 * Adds 1 to an eventfd when something happens to a queue. A queue has one eventfd: another one
 * replaces it, and it is let go of when the queue is destroyed or the card is reset. What happened
 * before the call is told, too. Several signals may be told as one, and one that nobody made may be
 * told: look at memory or ask &DRM_IOCTL_OGPU_QUEUE_GET_STATE. A user whose queues signal more than
 * some thousand times in a second, all together, is told less often; likewise, and of errors later,
 * if so many hang on the eventfd that to wake them takes long. Errors: -EINVAL also if @fd is no
 * eventfd; -EBADF; -ENOENT for an unknown queue; -ENOMEM.
 */
struct drm_ogpu_queue_eventfd {
	/** @queue_id: from QUEUE_CREATE */
	__u32 queue_id;
	/** @fd: eventfd; -1: none any more */
	__s32 fd;
	/** @events: DRM_OGPU_EVENT_*; 0 with @fd -1 */
	__u32 events;
	/** @pad: zero */
	__u32 pad;
};

/* ---------------------------------------------------------------------------------------------
 * Ioctl numbers
 */

#define DRM_IOCTL_OGPU_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_QUERY, struct drm_ogpu_query)
#define DRM_IOCTL_OGPU_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_BO_CREATE, struct drm_ogpu_bo_create)
#define DRM_IOCTL_OGPU_BO_MMAP_OFFSET \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_BO_MMAP_OFFSET, struct drm_ogpu_bo_mmap_offset)
#define DRM_IOCTL_OGPU_BO_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_BO_INFO, struct drm_ogpu_bo_info)
#define DRM_IOCTL_OGPU_BO_SET_LABEL \
	DRM_IOW(DRM_COMMAND_BASE + DRM_OGPU_BO_SET_LABEL, struct drm_ogpu_bo_set_label)
#define DRM_IOCTL_OGPU_VM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_VM_CREATE, struct drm_ogpu_vm_create)
#define DRM_IOCTL_OGPU_VM_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_OGPU_VM_DESTROY, struct drm_ogpu_vm_destroy)
#define DRM_IOCTL_OGPU_VM_BIND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_OGPU_VM_BIND, struct drm_ogpu_vm_bind)
#define DRM_IOCTL_OGPU_VM_GET_FAULTS \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_VM_GET_FAULTS, struct drm_ogpu_vm_get_faults)
#define DRM_IOCTL_OGPU_QUEUE_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_QUEUE_CREATE, struct drm_ogpu_queue_create)
#define DRM_IOCTL_OGPU_QUEUE_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_OGPU_QUEUE_DESTROY, struct drm_ogpu_queue_destroy)
#define DRM_IOCTL_OGPU_QUEUE_GET_STATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_QUEUE_GET_STATE, struct drm_ogpu_queue_get_state)
#define DRM_IOCTL_OGPU_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_SUBMIT, struct drm_ogpu_submit)
#define DRM_IOCTL_OGPU_QUEUE_KILL \
	DRM_IOW(DRM_COMMAND_BASE + DRM_OGPU_QUEUE_KILL, struct drm_ogpu_queue_kill)
#define DRM_IOCTL_OGPU_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_WAIT, struct drm_ogpu_wait)
#define DRM_IOCTL_OGPU_QUEUE_EVENTFD \
	DRM_IOW(DRM_COMMAND_BASE + DRM_OGPU_QUEUE_EVENTFD, struct drm_ogpu_queue_eventfd)
#define DRM_IOCTL_OGPU_BO_MADVISE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_OGPU_BO_MADVISE, struct drm_ogpu_bo_madvise)
#define DRM_IOCTL_OGPU_BO_PREFETCH \
	DRM_IOW(DRM_COMMAND_BASE + DRM_OGPU_BO_PREFETCH, struct drm_ogpu_bo_prefetch)

#if defined(__cplusplus)
}
#endif

#endif
