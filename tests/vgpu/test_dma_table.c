// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The DMA table against a simple model: an array with one entry for each page of a small address
 * space, changed and looked up at random.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dma_table.h"

#define PAGE		4096u
#define PAGES		512u
#define FILE_PAGES	64u
#define STEPS		200000u

struct model {
	unsigned int start[PAGES], pages[PAGES];	/* of the mapping that covers a page */
	unsigned int offset[PAGES], access[PAGES];
};

static int make_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	uint32_t page[PAGE / 4] = { 0 };

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < FILE_PAGES; i++) {
		page[0] = i;
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	}
	return fd;
}

static int model_add(struct model *m, unsigned int at, unsigned int pages, unsigned int access,
		     unsigned int offset)
{
	for (unsigned int i = at; i < at + pages; i++)
		if (m->pages[i])
			return -EEXIST;
	if (offset + pages > FILE_PAGES)
		return -EINVAL;
	for (unsigned int i = at; i < at + pages; i++) {
		m->start[i] = at;
		m->pages[i] = pages;
		m->offset[i] = offset;
		m->access[i] = access;
	}
	return 0;
}

static int model_remove(struct model *m, unsigned int at, unsigned int pages)
{
	for (unsigned int i = at; i < at + pages; i++)
		if (m->pages[i] && (m->start[i] < at || m->start[i] + m->pages[i] > at + pages))
			return -EINVAL;
	for (unsigned int i = at; i < at + pages; i++)
		m->pages[i] = 0;
	return 0;
}

static void check_lookup(struct dma_table *t, const struct model *m, unsigned int at,
			 unsigned int pages, bool write)
{
	bool expected = m->pages[at] && at + pages <= m->start[at] + m->pages[at] &&
			(m->access[at] & (write ? DMA_WRITE : DMA_READ));
	uint32_t *ptr = dma_table_ptr(t, (uint64_t)at * PAGE, pages * PAGE, write);

	assert_int_equal(!!ptr, expected);
	if (ptr)
		assert_int_equal(*ptr, m->offset[at] + (at - m->start[at]));
}

static void test_random(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	int fds[2] = { make_file(), make_file() };
	struct dma_table t;

	(void)state;
	srand(1);
	dma_table_init(&t);
	for (unsigned int step = 0; step < STEPS; step++) {
		unsigned int at = rand() % PAGES, pages = 1 + rand() % 8;
		unsigned int access = 1 + rand() % 3, offset = rand() % FILE_PAGES;

		if (at + pages > PAGES)
			pages = PAGES - at;
		switch (rand() % 4) {
		case 0:
			assert_int_equal(dma_table_add(&t, (uint64_t)at * PAGE, pages * PAGE,
						       access, fds[step % 2], offset * PAGE),
					 model_add(m, at, pages, access, offset));
			break;
		case 1:
			pages *= 4;
			if (at + pages > PAGES)
				pages = PAGES - at;
			assert_int_equal(dma_table_remove(&t, (uint64_t)at * PAGE, pages * PAGE),
					 model_remove(m, at, pages));
			break;
		default:
			check_lookup(&t, m, at, pages, rand() % 2);
			break;
		}
	}
	dma_table_fini(&t);
	assert_int_equal(t.count, 0);
	assert_null(t.files);
	close(fds[0]);
	close(fds[1]);
	free(m);
}

/* As many 4 KiB mappings as are allowed, descending as Linux hands out bus addresses. */
static void test_full(void **state)
{
	int fd = make_file();
	struct dma_table t;

	(void)state;
	dma_table_init(&t);
	for (uint64_t i = 0; i < DMA_TABLE_MAX; i++) {
		/* A new descriptor each time, as QEMU sends it. */
		int copy = dup(fd);

		assert_int_equal(dma_table_add(&t, (0x100000 - i) * PAGE, PAGE, DMA_READ, copy,
					       i % FILE_PAGES * PAGE), 0);
		close(copy);
	}
	assert_int_equal(dma_table_add(&t, 0, PAGE, DMA_READ, fd, 0), -ENOSPC);
	for (uint64_t i = 0; i < DMA_TABLE_MAX; i++)
		assert_int_equal(*(uint32_t *)dma_table_ptr(&t, (0x100000 - i) * PAGE, PAGE, false),
				 i % FILE_PAGES);
	dma_table_clear(&t);
	assert_int_equal(t.count, 0);
	dma_table_fini(&t);
	close(fd);
}

static void test_edges(void **state)
{
	int fd = make_file();
	struct dma_table t;

	(void)state;
	dma_table_init(&t);
	assert_int_equal(dma_table_add(&t, -(uint64_t)PAGE, PAGE, DMA_READ, fd, 0), 0);
	assert_non_null(dma_table_ptr(&t, UINT64_MAX, 1, false));
	assert_null(dma_table_ptr(&t, UINT64_MAX, 2, false));
	assert_null(dma_table_ptr(&t, UINT64_MAX, 0, false));
	assert_int_equal(dma_table_add(&t, -(uint64_t)PAGE, 2 * PAGE, DMA_READ, fd, 0), -EINVAL);
	assert_int_equal(dma_table_add(&t, 0, PAGE / 2, DMA_READ, fd, 0), -EINVAL);
	assert_int_equal(dma_table_add(&t, PAGE / 2, PAGE, DMA_READ, fd, 0), -EINVAL);
	/* Known, but out of reach. */
	assert_int_equal(dma_table_add(&t, 0, PAGE, DMA_READ | DMA_WRITE, -1, 0), 0);
	assert_null(dma_table_ptr(&t, 0, 1, false));
	assert_int_equal(dma_table_remove(&t, 0, UINT64_MAX), -EINVAL);	/* cuts the last byte off */
	assert_int_equal(dma_table_remove(&t, PAGE, UINT64_MAX - PAGE + 1), 0);
	assert_int_equal(t.count, 1);
	dma_table_fini(&t);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests_name("vgpu-dma-table", tests, NULL, NULL);
}
