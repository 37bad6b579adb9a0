// SPDX-License-Identifier: MIT
/*
 * User queues: streams are put into a ring of the program's own, without a system call.
 *
 * For each stream the ring gets an INDIRECT packet with its address and a FENCE that counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "internal.h"

#define RING_DEFAULT	65536u
#define RING_MIN	4096u
#define RING_MAX	(1u << 20)
#define PAGE		4096u

/* One cache line for each writer; offsets in bytes. */
#define RPTR		0u
#define WPTR		64u
#define FENCE		128u

/* INDIRECT and FENCE. */
#define SUBMIT_BYTES	(sizeof(struct drm_ogpu_pkt_indirect) + sizeof(struct drm_ogpu_pkt_fence))

struct ogpu_user_ring {
	uint64_t *words;	/* the ring */
	uint64_t mask;		/* words - 1 */
	uint64_t tail;		/* bytes written */
	uint64_t limit;		/* tail may go so far, as far as we know */
	uint64_t size;
	uint64_t fence_va;
	volatile uint64_t *rptr, *wptr, *fence, *doorbell;
	struct ogpu_buffer ring, pointers;
};

/*
 * Between stores to memory and the doorbell. The ring may be cached, what it tells of may be VRAM,
 * which is write-combined, and the doorbell is a device: barriers of C order none of them but the
 * first.
 */
static inline void store_barrier(void)
{
#if defined(__x86_64__)
	__asm__ volatile("sfence" ::: "memory");
#elif defined(__aarch64__)
	__asm__ volatile("dsb st" ::: "memory");
#elif defined(__riscv)
	__asm__ volatile("fence ow, ow" ::: "memory");
#else
	__sync_synchronize();
#endif
}

static void *map_page(const struct ogpu_device *dev, uint64_t offset, int prot)
{
	void *page = mmap(NULL, PAGE, prot, MAP_SHARED, ogpu_device_fd(dev), offset);

	return page == MAP_FAILED ? NULL : page;
}

void ogpu_user_ring_destroy(struct ogpu_user_ring *r)
{
	if (!r)
		return;
	if (r->doorbell)
		munmap((void *)r->doorbell, PAGE);
	ogpu_buffer_destroy(&r->pointers);
	ogpu_buffer_destroy(&r->ring);
	free(r);
}

int ogpu_user_ring_create(struct ogpu_vm *vm, uint64_t bytes, struct drm_ogpu_queue_create *create,
			  struct ogpu_user_ring **out)
{
	struct ogpu_user_ring *r;
	int ret;

	if (!bytes)
		bytes = RING_DEFAULT;
	if (bytes < RING_MIN || bytes > RING_MAX || (bytes & (bytes - 1)))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	ret = ogpu_buffer_create(vm, bytes, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS, &r->ring);
	if (!ret)
		ret = ogpu_buffer_create(vm, PAGE, DRM_OGPU_BO_SYSTEM, DRM_OGPU_BO_CPU_ACCESS,
					 &r->pointers);
	if (ret) {
		ogpu_user_ring_destroy(r);
		return ret;
	}
	r->words = r->ring.ptr;
	r->mask = bytes / sizeof(uint64_t) - 1;
	r->size = bytes;
	r->limit = bytes;
	r->rptr = (volatile uint64_t *)((char *)r->pointers.ptr + RPTR);
	r->wptr = (volatile uint64_t *)((char *)r->pointers.ptr + WPTR);
	r->fence = (volatile uint64_t *)((char *)r->pointers.ptr + FENCE);
	r->fence_va = r->pointers.va + FENCE;
	create->flags = DRM_OGPU_QUEUE_USER;
	create->ring_va = r->ring.va;
	create->ring_bytes = bytes;
	create->rptr_va = r->pointers.va + RPTR;
	create->wptr_va = r->pointers.va + WPTR;
	*out = r;
	return 0;
}

int ogpu_user_ring_map(struct ogpu_vm *vm, struct ogpu_user_ring *r,
		       const struct drm_ogpu_queue_create *create)
{
	r->doorbell = map_page(ogpu_vm_device(vm), create->doorbell_offset, PROT_WRITE);
	return r->doorbell ? 0 : -errno;
}

int ogpu_user_ring_submit(struct ogpu_user_ring *r, const struct ogpu_stream *stream,
			  uint64_t point)
{
	const uint32_t indirect = DRM_OGPU_PKT(DRM_OGPU_PKT_INDIRECT,
					       sizeof(struct drm_ogpu_pkt_indirect)) |
				  DRM_OGPU_PKT_BARRIER;
	const uint32_t fence = DRM_OGPU_PKT(DRM_OGPU_PKT_FENCE,
					    sizeof(struct drm_ogpu_pkt_fence)) |
			       DRM_OGPU_FENCE_SIGNAL;

	/* Copies: for all the compiler knows the ring could be where @r is. */
	uint64_t *words = r->words;
	uint64_t mask = r->mask, tail = r->tail, at = tail / sizeof(*words);

	if (tail + SUBMIT_BYTES > r->limit) {
		r->limit = __atomic_load_n(r->rptr, __ATOMIC_ACQUIRE) + r->size;
		if (tail + SUBMIT_BYTES > r->limit)
			return -EBUSY;
	}
	if (stream->used) {
		words[at++ & mask] = indirect | (uint64_t)stream->used << 32;
		words[at++ & mask] = stream->buf.va;
	}
	words[at++ & mask] = fence;
	words[at++ & mask] = r->fence_va;
	words[at++ & mask] = point;
	tail = at * sizeof(*words);
	r->tail = tail;

	/*
	 * The card fetches as soon as it sees the pointer: packets, and streams in VRAM, come
	 * before it; the pointer before the doorbell.
	 */
	store_barrier();
	__atomic_store_n(r->wptr, tail, __ATOMIC_RELAXED);
	store_barrier();
	r->doorbell[DRM_OGPU_DOORBELL_WPTR / sizeof(uint64_t)] = tail;
	return 0;
}

bool ogpu_user_ring_is_done(const struct ogpu_user_ring *r, uint64_t point)
{
	return __atomic_load_n(r->fence, __ATOMIC_ACQUIRE) >= point;
}

void ogpu_user_ring_done(const struct ogpu_queue *queue, uint64_t point,
			 struct drm_ogpu_wait_fence *fence)
{
	*fence = (struct drm_ogpu_wait_fence){
		.pointer = (uintptr_t)queue->user->fence,
		.value = point,
		.mask = UINT64_MAX,
		.compare = DRM_OGPU_COMPARE_GE,
		.queue_id = queue->id,
	};
}
