// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The engines as a whole: life, doorbells, invalidation, figures. slot.c has one slot. */
#include <stdlib.h>
#include <string.h>

#include "engines.h"

/**
 * engines_create() - Power up slots and compute units.
 * @gpu: the card
 *
 * Return: NULL if there is no memory or no thread to be had.
 */
struct engines *engines_create(struct vgpu *gpu)
{
	const struct vgpu_config *cfg = vgpu_config(gpu);
	unsigned int want = cfg->compute_slots + cfg->copy_slots;
	struct engines *eng = calloc(1, sizeof(*eng));

	if (!eng)
		return NULL;
	eng->gpu = gpu;
	pthread_mutex_init(&eng->code_lock, NULL);
	eng->slot = calloc(want ? want : 1, sizeof(*eng->slot));
	eng->watcher = watch_create(eng, want);
	eng->pool = pool_create(eng);
	if (!eng->slot || !eng->watcher || !eng->pool)
		goto fail;
	while (eng->slots < want) {
		if (!slot_create(eng, eng->slots, eng->slots < cfg->compute_slots ?
				OGPU_ENGINE_COMPUTE : OGPU_ENGINE_COPY))
			goto fail;
		eng->slots++;
	}
	return eng;
fail:
	engines_destroy(eng);
	return NULL;
}

/**
 * engines_destroy() - Power down: stops all threads and frees everything.
 * @eng: the engines
 */
void engines_destroy(struct engines *eng)
{
	for (unsigned int i = 0; i < eng->slots; i++)
		slot_order(&eng->slot[i], STOP_EXIT);
	for (unsigned int i = 0; i < eng->slots; i++)
		slot_destroy(&eng->slot[i]);
	if (eng->pool)
		pool_destroy(eng->pool);
	if (eng->watcher)
		watch_destroy(eng->watcher);
	free(eng->slot);
	pthread_mutex_destroy(&eng->code_lock);
	free(eng);
}

/**
 * engines_reset() - All slots to EMPTY, whatever they do.
 * @eng: the engines
 *
 * Blocks until no slot or compute unit executes anything: some milliseconds at most.
 */
void engines_reset(struct engines *eng)
{
	for (unsigned int i = 0; i < eng->slots; i++)
		slot_order(&eng->slot[i], STOP_RESET);
	for (unsigned int i = 0; i < eng->slots; i++) {
		struct slot *slot = &eng->slot[i];

		pthread_mutex_lock(&slot->lock);
		while (atomic_load(&slot->stop) & STOP_RESET)
			pthread_cond_wait(&slot->obeyed, &slot->lock);
		pthread_mutex_unlock(&slot->lock);
	}
}

/**
 * engines_doorbell() - A doorbell rang.
 * @eng: the engines
 * @index: its page
 * @wptr: the write pointer that it carried, NULL if none
 *
 * Return: false if no slot is connected to it.
 */
bool engines_doorbell(struct engines *eng, uint32_t index, const uint64_t *wptr)
{
	bool connected = false;

	for (unsigned int i = 0; i < eng->slots; i++) {
		struct slot *slot = &eng->slot[i];

		pthread_mutex_lock(&slot->lock);
		if (slot_live(slot->state) && slot->queue.doorbell == index) {
			if (wptr) {
				slot->rung_wptr = true;
				slot->wptr = *wptr;
			} else {
				slot->rung = true;
			}
			slot->recheck = true;
			connected = true;
			pthread_cond_signal(&slot->wake);
		}
		pthread_mutex_unlock(&slot->lock);
	}
	if (!connected && index < vgpu_config(eng->gpu)->doorbells)
		watch_end(eng->watcher, index);
	return connected;
}

/**
 * engines_watch() - Arm or end the watch of a queue that is on no slot.
 * @eng: the engines
 * @queue: number of the queue and of its doorbell; ignored if there is none
 * @what: what it waits for; NULL: end the watch
 */
void engines_watch(struct engines *eng, uint32_t queue, const struct engines_condition *what)
{
	if (queue >= vgpu_config(eng->gpu)->doorbells)
		return;
	if (what)
		watch_arm(eng->watcher, queue, what);
	else
		watch_end(eng->watcher, queue);
}

/**
 * engines_watch_reset() - End the watches of all queues.
 * @eng: the engines
 */
void engines_watch_reset(struct engines *eng)
{
	for (uint32_t i = 0; i < vgpu_config(eng->gpu)->doorbells; i++)
		watch_end(eng->watcher, i);
}

/**
 * engines_memory_changed() - The card stored something that a queue may wait for.
 * @eng: the engines
 *
 * Any thread; costs nothing while none waits.
 */
void engines_memory_changed(struct engines *eng)
{
	watch_stored(eng->watcher);
}

/**
 * engines_set_as_table() - Tell where the address-space table is.
 * @eng: the engines
 * @vram_offset: its start, 4 KiB aligned
 * @count: its entries, ASID 0 included; more than there are ASIDs count as that many
 *
 * Translations made with the old table stay until they are invalidated.
 */
void engines_set_as_table(struct engines *eng, uint64_t vram_offset, uint32_t count)
{
	if (count > 0x10000)
		count = 0x10000;
	atomic_store(&eng->as_table, MMU_AS_TABLE(vram_offset & OGPU_OPERAND_ADDR, count));
}

/**
 * engines_clean() - Memory or translations will be taken away: nothing is stored late.
 * @eng: the engines
 *
 * Nobody is inside the memory bracket. Caches of data are dropped when somebody enters it again.
 */
void engines_clean(struct engines *eng)
{
	if (vgpu_config(eng->gpu)->strict)
		pool_clean(eng->pool);
}

/**
 * engines_tlb_invalidate() - Drop translations.
 * @eng: the engines
 * @what: which ones
 *
 * Outside a memory bracket. Returns when no access that began earlier can use a translation that
 * is dropped.
 */
void engines_tlb_invalidate(struct engines *eng, const struct tlbi *what)
{
	vgpu_mem_invalidate(eng->gpu, what, 1);
}

/**
 * engines_code_invalidate() - Cached code is not what memory holds any more.
 * @eng: the engines
 * @what: where
 *
 * Dispatches that begin from now on see what memory holds now.
 */
void engines_code_invalidate(struct engines *eng, const struct tlbi *what)
{
	pthread_mutex_lock(&eng->code_lock);
	tlbi_log_add(&eng->code_log, what, 1);
	atomic_store(&eng->code_count, eng->code_log.count);
	pthread_mutex_unlock(&eng->code_lock);
}

/**
 * engines_code_count() - How often code has been invalidated.
 * @eng: the engines
 *
 * To be asked before code is read, for engines_code_dropped().
 *
 * Return: the count, of all address spaces.
 */
uint64_t engines_code_count(struct engines *eng)
{
	return atomic_load(&eng->code_count);
}

/**
 * engines_code_dropped() - Tells whether a page of cached code must not be used any more.
 * @eng: the engines
 * @asid: its address space
 * @va: where it begins
 * @since: count of when it was read or this was asked; up to date afterwards
 *
 * Return: true if an engines_code_invalidate() since then named the page, or may have.
 */
bool engines_code_dropped(struct engines *eng, uint32_t asid, uint64_t va, uint64_t *since)
{
	const struct tlbi_log *log = &eng->code_log;
	bool dropped;

	if (*since == engines_code_count(eng))
		return false;
	pthread_mutex_lock(&eng->code_lock);
	dropped = log->count - *since > TLBI_LOG;
	for (uint64_t n = *since; n != log->count && !dropped; n++)
		dropped = tlbi_covers(&log->entry[n % TLBI_LOG], asid, va, va + MMU_PAGE - 1);
	*since = log->count;
	pthread_mutex_unlock(&eng->code_lock);
	return dropped;
}

/**
 * engines_inject_hang() - Make a slot hang: it ignores everything but a reset.
 * @eng: the engines
 * @slot: number of the slot
 *
 * A queue that is started on it, or is there already, stays in its state and does nothing more.
 */
void engines_inject_hang(struct engines *eng, unsigned int slot)
{
	if (slot < eng->slots)
		slot_order(&eng->slot[slot], STOP_HANG);
}

/**
 * engines_work() - Work done since power-up.
 * @eng: the engines
 * @work: result
 */
void engines_work(struct engines *eng, struct engines_work *work)
{
	memset(work, 0, sizeof(*work));
	watch_work(eng->watcher, work);
	work->lane_instructions = pool_lane_instructions(eng->pool);
	work->bytes_moved = atomic_load_explicit(&eng->bytes_moved, memory_order_relaxed);
	for (unsigned int i = 0; i < eng->slots; i++) {
		struct slot *slot = &eng->slot[i];

		pthread_mutex_lock(&slot->lock);
		work->busy_ns[slot->class] += slot_busy(slot, slot->busy_total);
		work->running |= slot->state == OGPU_SLOT_RUNNING;
		pthread_mutex_unlock(&slot->lock);
	}
}
