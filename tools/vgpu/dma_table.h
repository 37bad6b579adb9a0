/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Which bus addresses lead to which memory of the host: the mappings that QEMU announced.
 */
#ifndef OGPU_VGPU_DMA_TABLE_H
#define OGPU_VGPU_DMA_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dma_map;
struct dma_file;

struct dma_table {
	pthread_rwlock_t lock;
	struct dma_map *root;		/* treap by bus address */
	struct dma_file *files;		/* each file is mapped into this process once */
	size_t count;
	uint32_t random;
};

#define DMA_TABLE_MAX	65535u		/* mappings; told to QEMU */

#define DMA_PAGE	0x1000u		/* mappings are multiples of it, as QEMU is told */

#define DMA_READ	1u
#define DMA_WRITE	2u

void dma_table_init(struct dma_table *table);
void dma_table_fini(struct dma_table *table);
int dma_table_add(struct dma_table *table, uint64_t addr, uint64_t size, unsigned int access,
		  int fd, uint64_t offset);
int dma_table_remove(struct dma_table *table, uint64_t addr, uint64_t size);
void dma_table_clear(struct dma_table *table);
void *dma_table_ptr(struct dma_table *table, uint64_t addr, size_t len, bool write);

#endif
