/* SPDX-License-Identifier: MIT */
/*
 * OGPU userspace interface: what &DRM_IOCTL_OGPU_QUERY tells of a card, its firmware, its memory
 * and its clock. Part of the interface that ogpu_drm.h describes, which includes it.
 */
#ifndef _OGPU_DRM_QUERY_H_
#define _OGPU_DRM_QUERY_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/** enum drm_ogpu_query_type - what to ask for */
enum drm_ogpu_query_type {
	/** @DRM_OGPU_QUERY_DEVICE: &struct drm_ogpu_query_device */
	DRM_OGPU_QUERY_DEVICE = 0,
	/** @DRM_OGPU_QUERY_FIRMWARE: &struct drm_ogpu_query_firmware */
	DRM_OGPU_QUERY_FIRMWARE = 1,
	/** @DRM_OGPU_QUERY_MEMORY: &struct drm_ogpu_query_memory */
	DRM_OGPU_QUERY_MEMORY = 2,
	/** @DRM_OGPU_QUERY_TIME: &struct drm_ogpu_query_time */
	DRM_OGPU_QUERY_TIME = 3,
};

/**
 * struct drm_ogpu_query - DRM_IOCTL_OGPU_QUERY
 *
 * With @size 0 the kernel sets @size to the bytes of the structure it knows. Otherwise it fills the
 * first min(@size, its own) bytes at @pointer, zeroes the rest up to @size, and sets @size to
 * what it filled. Errors: -EINVAL for an unknown @type or a @size over 4096.
 */
struct drm_ogpu_query {
	/** @type: &enum drm_ogpu_query_type */
	__u32 type;
	/** @size: bytes at @pointer; in and out */
	__u32 size;
	/** @pointer: user pointer to the structure; ignored if @size is 0 */
	__u64 pointer;
};

/*
 * In &drm_ogpu_query_device.flags: atomics of the GPU on system memory are atomic towards the CPU
 * and other devices, too.
 */
#define DRM_OGPU_DEVICE_SYSTEM_ATOMICS	(1 << 0)
/*
 * In &drm_ogpu_query_device.flags: address spaces can mirror a process (DRM_OGPU_VM_SVM). Needs a
 * kernel with drm_gpusvm, pages of 4 KiB, processes that are below DRM_OGPU_SVM_END, and a platform
 * where DMA is coherent.
 */
#define DRM_OGPU_DEVICE_SVM		(1 << 1)
/* In &drm_ogpu_query_device.flags: DRM_OGPU_BIND_MAP_USERPTR maps memory of programs. */
#define DRM_OGPU_DEVICE_USERPTR		(1 << 2)
/*
 * In &drm_ogpu_query_device.flags: memory that is mirrored may come to VRAM (DRM_OGPU_VM_SVM_VRAM).
 * Needs what DRM_OGPU_DEVICE_SVM does, and a kernel with pages of devices (CONFIG_DEVICE_PRIVATE).
 */
#define DRM_OGPU_DEVICE_SVM_VRAM	(1 << 3)

/** struct drm_ogpu_query_device - fixed facts about the card */
struct drm_ogpu_query_device {
	/** @generation: of the hardware contract; 1 is OGPU-1 */
	__u32 generation;
	/** @board_id: maker's number of the board */
	__u32 board_id;
	/** @hw_rev: hardware revision */
	__u32 hw_rev;
	/** @cu_count: compute units that work */
	__u32 cu_count;
	/** @lanes: work-items that a compute unit executes together */
	__u32 lanes;
	/** @max_workgroup: most work-items in a workgroup */
	__u32 max_workgroup;
	/** @local_bytes: most local memory of a workgroup */
	__u32 local_bytes;
	/** @private_bytes: most private memory of a work-item */
	__u32 private_bytes;
	/** @clock_khz: highest clock of the compute units */
	__u32 clock_khz;
	/** @copy_engines: number of copy engines */
	__u32 copy_engines;
	/** @max_queues: queues that all programs together can have */
	__u32 max_queues;
	/** @va_bits: addresses 0 .. 2^va_bits - 1 exist; first and last 64 KiB are never mapped */
	__u32 va_bits;
	/** @page_sizes: a set bit n: GPU pages of 2^n bytes; the lowest is the bind granularity */
	__u64 page_sizes;
	/** @uuid: of the card */
	__u8 uuid[16];
	/** @name: of the board, NUL-terminated */
	__u8 name[32];
	/**
	 * @resident_groups: workgroups that a compute unit holds at a time, if they do not exceed
	 * @resident_waves and @resident_local. Workgroups that are held together all make progress
	 */
	__u32 resident_groups;
	/** @resident_waves: waves (@lanes work-items of one workgroup) that a compute unit holds */
	__u32 resident_waves;
	/** @resident_local: bytes of local memory of the workgroups that a compute unit holds */
	__u32 resident_local;
	/** @save_wave_bytes: of a wave in a save area, see &struct drm_ogpu_queue_create */
	__u32 save_wave_bytes;
	/** @quantum_us: a compute unit goes to the next queue of equal priority after so long */
	__u32 quantum_us;
	/**
	 * @starve_ms: no queue that the hardware executes is without a compute unit for longer,
	 * whatever its priority
	 */
	__u32 starve_ms;
	/**
	 * @preempt_ms: hardware takes a queue off, to make room for another or to kill it, within
	 * so long. A card that does not is slow or broken: such a queue is killed after 500 ms, in
	 * which time that a virtual GPU has lost to other work of its host counts little
	 */
	__u32 preempt_ms;
	/**
	 * @max_job_ms: most that timeout_ms of a queue can be without CAP_SYS_ADMIN, and its
	 * default
	 */
	__u32 max_job_ms;
	/** @isa: RISC-V ISA string of what work-items execute, NUL-terminated */
	__u8 isa[120];
	/** @flags: DRM_OGPU_DEVICE_* */
	__u64 flags;
};

/** struct drm_ogpu_query_firmware - what runs on the card's management controller */
struct drm_ogpu_query_firmware {
	/** @version: major, minor, patch, 0 */
	__u16 version[4];
	/** @abi: message version in use between driver and firmware */
	__u32 abi;
	/** @svn: security version */
	__u32 svn;
	/** @features: OGPU_FW_FEATURE_* bits in use; for display only */
	__u64 features;
	/** @build_id: NUL-terminated */
	__u8 build_id[40];
};

/** struct drm_ogpu_query_memory - memory of the card, at this moment */
struct drm_ogpu_query_memory {
	/** @vram_size: bytes that buffers can use */
	__u64 vram_size;
	/** @vram_used: bytes in use by all processes */
	__u64 vram_used;
	/** @vram_visible_size: bytes of @vram_size that the CPU can map */
	__u64 vram_visible_size;
	/** @vram_visible_used: of those, bytes in use */
	__u64 vram_visible_used;
	/** @system_size: bytes of system memory that buffers of all cards together may use */
	__u64 system_size;
	/** @system_used: of those, bytes in use, swapped out or not */
	__u64 system_used;
};

/** struct drm_ogpu_query_time - GPU and CPU clock read together */
struct drm_ogpu_query_time {
	/** @gpu_ns: what a TIMESTAMP packet would store */
	__u64 gpu_ns;
	/** @cpu_ns: CLOCK_MONOTONIC; read just before @gpu_ns */
	__u64 cpu_ns;
	/** @uncertainty_ns: time that the two reads took together */
	__u64 uncertainty_ns;
};

#if defined(__cplusplus)
}
#endif

#endif /* _OGPU_DRM_QUERY_H_ */
