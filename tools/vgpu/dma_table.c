// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The table of DMA mappings: a treap (a binary search tree kept balanced by random priorities)
 * ordered by bus address. With an IOMMU in the guest it has tens of thousands of 4 KiB mappings,
 * each announced with a file descriptor of its own. All these descriptors are of a few files, so
 * a file is mapped into this process once and counted; otherwise we would run into the kernel's
 * limit on mappings.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "dma_table.h"

struct dma_file {
	struct dma_file *next;
	dev_t dev;
	ino_t ino;
	uint8_t *base;
	uint64_t size;
	bool writable;
	size_t users;
};

struct dma_map {
	struct dma_map *left, *right;
	uint32_t priority;
	unsigned int access;
	uint64_t addr, size;
	uint8_t *ptr;			/* NULL: the client gave no file */
	struct dma_file *file;
};

/**
 * dma_table_init() - an empty table.
 * @table: the table
 */
void dma_table_init(struct dma_table *table)
{
	*table = (struct dma_table){ .random = 0x9e3779b9 };
	pthread_rwlock_init(&table->lock, NULL);
}

/**
 * dma_table_fini() - drop all mappings, end of life.
 * @table: the table; nobody may use it or its pointers any more
 */
void dma_table_fini(struct dma_table *table)
{
	dma_table_clear(table);
	pthread_rwlock_destroy(&table->lock);
}

/* Nodes below @key go left, the others right. */
static void treap_split(struct dma_map *node, uint64_t key, struct dma_map **left,
			struct dma_map **right)
{
	if (!node) {
		*left = NULL;
		*right = NULL;
	} else if (node->addr < key) {
		treap_split(node->right, key, &node->right, right);
		*left = node;
	} else {
		treap_split(node->left, key, left, &node->left);
		*right = node;
	}
}

/* All of @left is below all of @right. */
static struct dma_map *treap_merge(struct dma_map *left, struct dma_map *right)
{
	if (!left)
		return right;
	if (!right)
		return left;
	if (left->priority > right->priority) {
		left->right = treap_merge(left->right, right);
		return left;
	}
	right->left = treap_merge(left, right->left);
	return right;
}

/* The mapping with the highest address that is not above @addr. */
static struct dma_map *treap_floor(struct dma_map *node, uint64_t addr)
{
	struct dma_map *best = NULL;

	while (node) {
		if (node->addr <= addr) {
			best = node;
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return best;
}

static uint64_t map_last(const struct dma_map *map)
{
	return map->addr + (map->size - 1);
}

static void file_put(struct dma_table *table, struct dma_file *file)
{
	struct dma_file **link = &table->files;

	if (!file || --file->users)
		return;
	while (*link != file)
		link = &(*link)->next;
	*link = file->next;
	munmap(file->base, file->size);
	free(file);
}

/* The file behind @fd, mapped as far as @end at least. */
static int file_get(struct dma_table *table, int fd, uint64_t end, bool write,
		    struct dma_file **result)
{
	struct dma_file *file;
	struct stat st;
	void *base;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size < end)
		return -EINVAL;

	for (file = table->files; file; file = file->next) {
		if (file->dev == st.st_dev && file->ino == st.st_ino && file->size >= end &&
		    (file->writable || !write)) {
			file->users++;
			*result = file;
			return 0;
		}
	}

	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->writable = true;
	base = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED && !write) {
		file->writable = false;
		base = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	}
	if (base == MAP_FAILED) {
		int err = -errno;

		free(file);
		return err;
	}

	file->dev = st.st_dev;
	file->ino = st.st_ino;
	file->base = base;
	file->size = st.st_size;
	file->users = 1;
	file->next = table->files;
	table->files = file;
	*result = file;
	return 0;
}

/* Priorities need not be secret: xorshift. */
static uint32_t next_random(struct dma_table *table)
{
	uint32_t x = table->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	table->random = x;
	return x;
}

static int table_add(struct dma_table *table, struct dma_map *map, int fd, uint64_t offset)
{
	struct dma_map *before, *left, *right;

	if (table->count >= DMA_TABLE_MAX)
		return -ENOSPC;
	before = treap_floor(table->root, map_last(map));
	if (before && map_last(before) >= map->addr)
		return -EEXIST;
	if (fd >= 0) {
		int err = file_get(table, fd, offset + map->size, map->access & DMA_WRITE,
				   &map->file);

		if (err)
			return err;
		map->ptr = map->file->base + offset;
	}

	map->priority = next_random(table);
	treap_split(table->root, map->addr, &left, &right);
	table->root = treap_merge(treap_merge(left, map), right);
	table->count++;
	return 0;
}

/**
 * dma_table_add() - the client announces memory.
 * @table: the table
 * @addr: bus address, multiple of DMA_PAGE
 * @size: bytes, likewise
 * @access: DMA_READ, DMA_WRITE or both
 * @fd: file that is the memory, or -1: the addresses exist but cannot be reached. Not kept open.
 * @offset: where in the file, likewise
 *
 * Return: 0; -EINVAL: nothing, misaligned, or beyond the end of the file or the address space;
 * -EEXIST: overlaps another mapping; -ENOSPC: too many mappings; -ENOMEM; or what mmap() said.
 */
int dma_table_add(struct dma_table *table, uint64_t addr, uint64_t size, unsigned int access,
		  int fd, uint64_t offset)
{
	struct dma_map *map;
	int err;

	if (!size || addr + (size - 1) < addr || offset + size < offset)
		return -EINVAL;
	if ((addr | size | offset) & (DMA_PAGE - 1))
		return -EINVAL;

	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	map->addr = addr;
	map->size = size;
	map->access = access;

	pthread_rwlock_wrlock(&table->lock);
	err = table_add(table, map, fd, offset);
	pthread_rwlock_unlock(&table->lock);
	if (err)
		free(map);
	return err;
}

static void free_subtree(struct dma_table *table, struct dma_map *node)
{
	if (!node)
		return;
	free_subtree(table, node->left);
	free_subtree(table, node->right);
	file_put(table, node->file);
	free(node);
	table->count--;
}

/**
 * dma_table_remove() - the client takes memory away.
 * @table: the table
 * @addr: bus address of the first byte
 * @size: bytes; the range may hold several mappings or none, but must not cut one in two
 *
 * The caller has seen to it that no pointer into the range is in use.
 *
 * Return: 0, or -EINVAL: the range is empty, wraps round or cuts a mapping.
 */
int dma_table_remove(struct dma_table *table, uint64_t addr, uint64_t size)
{
	struct dma_map *left, *middle, *right, *edge;
	uint64_t last = addr + (size - 1);
	int err = 0;

	if (!size || last < addr)
		return -EINVAL;

	pthread_rwlock_wrlock(&table->lock);
	edge = addr ? treap_floor(table->root, addr - 1) : NULL;
	if (edge && map_last(edge) >= addr)
		err = -EINVAL;
	edge = treap_floor(table->root, last);
	if (edge && map_last(edge) > last)
		err = -EINVAL;
	if (!err) {
		treap_split(table->root, addr, &left, &middle);
		right = NULL;
		if (last != UINT64_MAX)
			treap_split(middle, last + 1, &middle, &right);
		free_subtree(table, middle);
		table->root = treap_merge(left, right);
	}
	pthread_rwlock_unlock(&table->lock);
	return err;
}

/**
 * dma_table_clear() - drop all mappings.
 * @table: the table
 *
 * The caller has seen to it that no pointer is in use.
 */
void dma_table_clear(struct dma_table *table)
{
	pthread_rwlock_wrlock(&table->lock);
	free_subtree(table, table->root);
	table->root = NULL;
	pthread_rwlock_unlock(&table->lock);
}

/**
 * dma_table_ptr() - where memory of the host is in this process.
 * @table: the table
 * @addr: bus address
 * @len: bytes, not 0
 * @write: whether it will be written
 *
 * Return: pointer, valid until the range is removed, or NULL if no single mapping covers the range
 * with the wanted access.
 */
void *dma_table_ptr(struct dma_table *table, uint64_t addr, size_t len, bool write)
{
	unsigned int access = write ? DMA_WRITE : DMA_READ;
	struct dma_map *map;
	void *ptr = NULL;

	if (!len || addr + (len - 1) < addr)
		return NULL;
	pthread_rwlock_rdlock(&table->lock);
	map = treap_floor(table->root, addr);
	if (map && map->ptr && (map->access & access) && addr + (len - 1) <= map_last(map))
		ptr = map->ptr + (addr - map->addr);
	pthread_rwlock_unlock(&table->lock);
	return ptr;
}
