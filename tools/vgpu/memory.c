// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory as the card sees it: VRAM, which is a memfd that QEMU maps too, and the host's memory
 * through the DMA table.
 *
 * The bracket is a reader-writer lock that prefers writers, so that an unmap waits for the engines
 * that are inside and for none that come later. Writers that take memory away raise the
 * generation; those that drop translations put them into the log.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "nonvol.h"

/* What a copy moves before it lets a waiting unmap pass. */
#define COPY_CHUNK	0x10000u
#define HOST_PAGE	0x1000u

/**
 * memory_lose() - VRAM had no power.
 * @gpu: the card, whose engines stand still
 */
void memory_lose(struct vgpu *gpu)
{
	struct memory *mem = &gpu->mem;

	if (fallocate(mem->vram_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      mem->vram_size))
		memset(mem->vram, 0, mem->vram_size);
}

/**
 * memory_init() - VRAM full of zeros, no DMA mappings, DMA off.
 * @mem: the memory
 * @vram_size: bytes
 *
 * Return: 0 or a negative errno.
 */
int memory_init(struct memory *mem, uint64_t vram_size)
{
	pthread_rwlockattr_t attr;
	int err;

	*mem = (struct memory){ .vram_size = vram_size };
	mem->vram_fd = memfd_create("ogpu-vram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mem->vram_fd < 0)
		return -errno;
	/* The client gets the descriptor: it must not take away what the card is using. */
	if (ftruncate(mem->vram_fd, vram_size) ||
	    fcntl(mem->vram_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto err_close;
	mem->vram = mmap(NULL, vram_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			 mem->vram_fd, 0);
	if (mem->vram == MAP_FAILED)
		goto err_close;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&mem->bracket, &attr);
	pthread_rwlockattr_destroy(&attr);
	dma_table_init(&mem->dma);
	poison_init(&mem->poison);
	return 0;

err_close:
	err = -errno;
	close(mem->vram_fd);
	return err;
}

/**
 * memory_fini() - give all memory back.
 * @mem: the memory; no engine runs any more
 */
void memory_fini(struct memory *mem)
{
	poison_fini(&mem->poison);
	dma_table_fini(&mem->dma);
	pthread_rwlock_destroy(&mem->bracket);
	munmap(mem->vram, mem->vram_size);
	close(mem->vram_fd);
}

/**
 * vgpu_mem_begin() - start to use host pointers.
 * @gpu: the card
 *
 * Not recursive: a thread that is inside and begins again can deadlock with a writer.
 *
 * Return: the generation; pointers of another generation must be dropped.
 */
uint64_t vgpu_mem_begin(struct vgpu *gpu)
{
	pthread_rwlock_rdlock(&gpu->mem.bracket);
	return atomic_load_explicit(&gpu->mem.generation, memory_order_relaxed);
}

/**
 * vgpu_mem_end() - host pointers may go away from here on.
 * @gpu: the card
 */
void vgpu_mem_end(struct vgpu *gpu)
{
	pthread_rwlock_unlock(&gpu->mem.bracket);
}

/* Waits for all brackets to end; none begins before thaw(). Outside a bracket. */
static void freeze(struct vgpu *gpu)
{
	pthread_rwlock_wrlock(&gpu->mem.bracket);
	if (gpu->engines)
		engines_clean(gpu->engines);
}

/* Lets brackets begin again, with a new generation. */
static void thaw(struct memory *mem)
{
	atomic_fetch_add_explicit(&mem->generation, 1, memory_order_relaxed);
	pthread_rwlock_unlock(&mem->bracket);
}

/**
 * vgpu_mem_invalidate() - wait for all brackets to end and drop translations.
 * @gpu: the card
 * @what: which ones
 * @count: elements of @what
 *
 * Outside a bracket. Host pointers stay good: memory behind them is still there.
 */
void vgpu_mem_invalidate(struct vgpu *gpu, const struct tlbi *what, unsigned int count)
{
	freeze(gpu);
	tlbi_log_add(&gpu->mem.tlbi, what, count);
	pthread_rwlock_unlock(&gpu->mem.bracket);
}

/**
 * vgpu_mem_tlbi_log() - which translations have been dropped.
 * @gpu: the card
 *
 * Return: the log, which does not change until the bracket ends.
 */
const struct tlbi_log *vgpu_mem_tlbi_log(const struct vgpu *gpu)
{
	return &gpu->mem.tlbi;
}

/**
 * vgpu_mem_poisoned() - whether VRAM has lost its content.
 * @gpu: the card
 * @target: only OGPU_TARGET_VRAM can be poisoned
 * @addr: first byte
 * @len: bytes
 *
 * Return: true if any byte of the range lies in a poisoned page.
 */
bool vgpu_mem_poisoned(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, size_t len)
{
	return target == OGPU_TARGET_VRAM && poison_find(&gpu->mem.poison, addr, len);
}

/* Who has a pointer to a page, or knows that there is none, has to look again. */
static void look_again(struct memory *mem)
{
	atomic_fetch_add_explicit(&mem->generation, 1, memory_order_relaxed);
}

/**
 * vgpu_mem_carry() - what is copied is poisoned, and so is the page that it is copied to.
 * @gpu: the card
 * @operand: any byte of that page
 * @queue: number of the queue that copies
 *
 * Inside a bracket.
 *
 * Return: false if that memory cannot be poisoned: who copies has used what is lost.
 */
bool vgpu_mem_carry(struct vgpu *gpu, uint64_t operand, uint32_t queue)
{
	const struct ras_record error = {
		.block = OGPU_RAS_VRAM,
		.severity = OGPU_RAS_SEV_DEFERRED,
		.addr = FIELD_GET(OGPU_OPERAND_ADDR, operand),
		.queue = queue,
	};

	if (FIELD_GET(OGPU_OPERAND_TARGET, operand) != OGPU_TARGET_VRAM ||
	    !poison_add(&gpu->mem.poison, error.addr, false))
		return false;
	look_again(&gpu->mem);
	ras_report(&gpu->ras, &error);
	return true;
}

/**
 * vgpu_mem_overwrite() - a whole page of VRAM, which is poisoned, is stored anew.
 * @gpu: the card
 * @operand: its first byte
 *
 * Inside a bracket.
 *
 * Return: where to store it; NULL if it cannot hold what is stored.
 */
void *vgpu_mem_overwrite(struct vgpu *gpu, uint64_t operand)
{
	uint64_t addr = FIELD_GET(OGPU_OPERAND_ADDR, operand);

	if (!poison_overwrite(&gpu->mem.poison, addr))
		return NULL;
	look_again(&gpu->mem);
	return gpu->mem.vram + addr;
}

/**
 * vgpu_mem_ptr() - where memory of a target is in this process.
 * @gpu: the card
 * @target: VRAM or SYSTEM
 * @addr: VRAM offset or bus address
 * @len: bytes, not 0
 * @write: whether it will be written
 *
 * Inside a bracket.
 *
 * Return: pointer, valid until the bracket ends; NULL if no single mapping covers the range with
 * the wanted access, or if the memory does not answer.
 */
void *vgpu_mem_ptr(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, size_t len,
		   bool write)
{
	struct memory *mem = &gpu->mem;

	switch (target) {
	case OGPU_TARGET_VRAM:
		if (!len || addr >= mem->vram_size || len > mem->vram_size - addr ||
		    vgpu_mem_poisoned(gpu, target, addr, len))
			return NULL;
		return mem->vram + addr;
	case OGPU_TARGET_SYSTEM:
		if (!mem->dma_enabled)
			return NULL;
		return dma_table_ptr(&mem->dma, addr, len, write);
	default:
		return NULL;
	}
}

/* Copy a piece inside a bracket, page by page because mappings may be that small. */
static bool read_piece(struct vgpu *gpu, enum ogpu_target target, uint64_t addr, char *buf,
		       size_t len)
{
	while (len) {
		size_t n = HOST_PAGE - (addr & (HOST_PAGE - 1));
		const void *ptr;

		if (n > len)
			n = len;
		ptr = vgpu_mem_ptr(gpu, target, addr, n, false);
		if (!ptr)
			return false;
		memcpy(buf, ptr, n);
		addr += n;
		buf += n;
		len -= n;
	}
	return true;
}

/**
 * vgpu_mem_read() - copy from memory.
 * @gpu: the card
 * @operand: address operand, VRAM or SYSTEM
 * @buf: where to
 * @len: bytes
 *
 * Outside a bracket.
 *
 * Return: false if any byte does not answer; @buf is then undefined.
 */
bool vgpu_mem_read(struct vgpu *gpu, uint64_t operand, void *buf, size_t len)
{
	enum ogpu_target target = FIELD_GET(OGPU_OPERAND_TARGET, operand);
	uint64_t addr = FIELD_GET(OGPU_OPERAND_ADDR, operand);
	bool ok = !(operand & OGPU_OPERAND_MBZ);
	char *to = buf;

	while (ok && len) {
		size_t n = len < COPY_CHUNK ? len : COPY_CHUNK;

		vgpu_mem_begin(gpu);
		ok = read_piece(gpu, target, addr, to, n);
		vgpu_mem_end(gpu);
		addr += n;
		to += n;
		len -= n;
	}
	return ok;
}

/**
 * memory_set_dma() - allow or forbid access to host memory.
 * @gpu: the card
 * @enabled: false returns when no access is in flight any more
 */
void memory_set_dma(struct vgpu *gpu, bool enabled)
{
	struct memory *mem = &gpu->mem;

	if (enabled) {
		mem->dma_enabled = true;
	} else if (mem->dma_enabled) {
		freeze(gpu);
		mem->dma_enabled = false;
		thaw(mem);
	}
}

/* Translations say who takes atomics. */
static void set_atomics(struct vgpu *gpu, bool *what, bool value)
{
	if (*what == value)
		return;
	freeze(gpu);
	*what = value;
	thaw(&gpu->mem);
}

/**
 * memory_set_atomics() - atomics on host memory are PCIe AtomicOps, or the card's own affair.
 * @gpu: the card
 * @sent: they are AtomicOps
 */
void memory_set_atomics(struct vgpu *gpu, bool sent)
{
	set_atomics(gpu, &gpu->mem.atomics_sent, sent);
}

/**
 * memory_refuse_atomics() - fault: the platform does not carry AtomicOps, or carries them again.
 * @gpu: the card
 * @refused: it does not
 */
void memory_refuse_atomics(struct vgpu *gpu, bool refused)
{
	set_atomics(gpu, &gpu->mem.atomics_refused, refused);
}

/**
 * vgpu_mem_takes_atomics() - whether atomics on memory of a target are carried out.
 * @gpu: the card
 * @target: whose
 *
 * Inside a bracket.
 */
bool vgpu_mem_takes_atomics(struct vgpu *gpu, enum ogpu_target target)
{
	return target != OGPU_TARGET_SYSTEM || !gpu->mem.atomics_sent || !gpu->mem.atomics_refused;
}

/**
 * memory_unmap() - the client takes memory away.
 * @gpu: the card
 * @addr: bus address
 * @size: bytes
 *
 * Returns when no engine uses it any more.
 *
 * Return: 0 or -EINVAL, as dma_table_remove().
 */
int memory_unmap(struct vgpu *gpu, uint64_t addr, uint64_t size)
{
	struct memory *mem = &gpu->mem;
	int err;

	freeze(gpu);
	err = dma_table_remove(&mem->dma, addr, size);
	thaw(mem);
	return err;
}

/**
 * memory_unmap_all() - the client takes all memory away.
 * @gpu: the card
 */
void memory_unmap_all(struct vgpu *gpu)
{
	freeze(gpu);
	dma_table_clear(&gpu->mem.dma);
	thaw(&gpu->mem);
}

/**
 * memory_poison() - fault: a page of VRAM gets an uncorrectable error.
 * @gpu: the card
 * @vram_offset: any byte of the page; less than the size of VRAM
 *
 * Engines cannot use its content any more; the CPU sees it through the aperture as before.
 *
 * Return: false if POISON_MAX other pages are poisoned already.
 */
bool memory_poison(struct vgpu *gpu, uint64_t vram_offset)
{
	bool ok;

	freeze(gpu);
	ok = poison_add(&gpu->mem.poison, vram_offset, true);
	thaw(&gpu->mem);
	return ok;
}

/**
 * memory_retire() - replace a page of VRAM by a spare one.
 * @gpu: the card
 * @vram_offset: of the page
 *
 * Its content is zero afterwards. If its cells are good no spare page is used for that.
 *
 * Return: OGPU_RETIRE_OK, or why not.
 */
enum ogpu_retire_result memory_retire(struct vgpu *gpu, uint64_t vram_offset)
{
	struct memory *mem = &gpu->mem;

	if (vram_offset % POISON_PAGE || vram_offset >= mem->vram_size)
		return OGPU_RETIRE_BAD_ADDRESS;
	/* Writes a file: nobody has to wait for that but the management core. */
	if (poison_is_bad(&mem->poison, vram_offset) &&
	    !nonvol_retire(gpu->cfg.nonvol, vram_offset))
		return OGPU_RETIRE_NO_SPARE;
	freeze(gpu);
	poison_remove(&mem->poison, vram_offset);
	memset(mem->vram + vram_offset, 0, POISON_PAGE);
	thaw(mem);
	return OGPU_RETIRE_OK;
}
