// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Two cards whose discovery tables differ, in one machine at the same time: one driver and one
 * firmware binary serve both, each with the units, slots, queues and memory that it has.
 *
 * VM: --cards 2 --vgpu-args '--vram 64M --cus 2 --compute-slots 2 --copy-slots 1 --doorbells 40 \
 *     --job-ms 4000' \
 *     --vgpu-args '--vram 192M --cus 9 --fused 4 --compute-slots 9 --copy-slots 3 --doorbells 300'
 */
#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define CARDS		2
#define FILES		2	/* of each card */
#define QUEUES		12	/* of each file: more than any of the cards has slots */
#define EVER		3600000u
#define WAIT_MS		60000
#define TIMEOUT_S	150

/*
 * Counts up word 0 of its page, waits until word 1 is not 0, and adds expected(steps) to its
 * result.
 */
static const uint32_t code[] = {
	0x00053583,	/*	ld	a1, 0(a0)		*/
	0x00100613,	/*	li	a2, 1			*/
	0x00c5b02f,	/*	amoadd.d zero, a2, (a1)		*/
	0x0085b683,	/* 1:	ld	a3, 8(a1)		*/
	0x0220000f,	/*	fence	r, r			*/
	0xfe068ce3,	/*	beqz	a3, 1b			*/
	0x00853703,	/*	ld	a4, 8(a0)		*/
	0x01050813,	/*	addi	a6, a0, 16		*/
	0x00000793,	/*	li	a5, 0			*/
	0x00179893,	/* 2:	slli	a7, a5, 1		*/
	0x011787b3,	/*	add	a5, a5, a7		*/
	0x00e787b3,	/*	add	a5, a5, a4		*/
	0xfff70713,	/*	addi	a4, a4, -1		*/
	0xfe0718e3,	/*	bnez	a4, 2b			*/
	0x00f8302f,	/*	amoadd.d zero, a5, (a6)		*/
	0x00008067,	/*	ret				*/
};

static uint64_t expected(uint64_t n)
{
	uint64_t v = 0;

	for (; n; n--)
		v = 3 * v + n;

	return v;
}

/* As the kernel reads it, one for each queue. */
struct args {
	uint64_t page;
	uint64_t steps;
	uint64_t result;
	uint64_t unused;
};

/* A file, with its own address space, page, and queues of which each has one job. */
struct file {
	struct card card;
	struct buffer page, code;
	volatile uint64_t *words;
	volatile struct args *args;
	struct stream s[QUEUES];
	uint32_t queues[QUEUES];
	uint32_t syncobjs[QUEUES];
};

/* The number of steps of a queue: results differ, also among files and cards. */
static uint64_t steps(unsigned int card, unsigned int file, unsigned int queue)
{
	return 1 + queue + QUEUES * (file + FILES * card);
}

static void open_file(struct file *f, unsigned int card, unsigned int number)
{
	const struct drm_ogpu_query_device *info;
	uint64_t bytes;
	unsigned int i;

	card_open_number(&f->card, card);
	info = &f->card.info;
	card_buffer(&f->card, &f->code, 4096, DRM_OGPU_BO_VRAM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	memcpy(f->code.map, code, sizeof(code));
	card_buffer(&f->card, &f->page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	f->words = f->page.map;
	f->args = (void *)(f->words + 2);
	/* For a workgroup of one wave on each unit. */
	bytes = (256 + info->save_wave_bytes + info->lanes * 4096ull) * info->cu_count;
	bytes = (bytes + 4095) & ~4095ull;
	for (i = 0; i < QUEUES; i++) {
		f->args[i].page = f->page.va;
		f->args[i].steps = steps(card, number, i);
		card_stream(&f->card, &f->s[i], 4096);
		stream_dispatch(&f->s[i], f->code.va,
				f->page.va + ((char *)&f->args[i] - (char *)f->words),
				info->cu_count, 1);
		f->queues[i] = card_compute_queue(&f->card, EVER, card_save_area(&f->card, bytes),
						  bytes);
		f->syncobjs[i] = card_syncobj(&f->card);
	}
}

static void submit(struct file *f)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		struct drm_ogpu_sync sync = { f->syncobjs[i], DRM_OGPU_SYNC_SIGNAL, 0 };

		ASSERT_EQ(card_submit(&f->card, f->queues[i], &f->s[i], &sync, 1), 0);
	}
}

/* Every workgroup of every queue has begun, and as none may go on yet, all are under way. */
static void wait_all_begun(struct file *f)
{
	uint64_t end = time_limit(WAIT_MS);

	while (f->words[0] < QUEUES * f->card.info.cu_count) {
		if (time_ms() > end) {
			HARNESS_FAIL("%llu of %u workgroups have begun",
				     (unsigned long long)f->words[0],
				     QUEUES * f->card.info.cu_count);
			HARNESS_END();
		}
		sleep_ms(1);
	}
}

static void expect_right(struct file *f, unsigned int card, unsigned int number)
{
	struct drm_ogpu_queue_get_state state;
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		ASSERT_EQ(card_syncobj_wait(&f->card, f->syncobjs[i], WAIT_MS), 0);
		EXPECT_EQ(f->args[i].result,
			  f->card.info.cu_count * expected(steps(card, number, i)));
		card_queue_state(&f->card, f->queues[i], &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
		EXPECT_EQ(state.completed, 1);
	}
	EXPECT_EQ(f->words[0], QUEUES * f->card.info.cu_count);
}

/* So that none of the other tests looks at two cards that are the same. */
TEST(cards_differ)
{
	struct card cards[CARDS];
	unsigned int i;

	for (i = 0; i < CARDS; i++)
		card_open_number(&cards[i], i);
	EXPECT_NE(cards[0].info.cu_count, cards[1].info.cu_count);
	EXPECT_EQ(cards[0].info.max_job_ms, 4000);
	EXPECT_EQ(cards[1].info.max_job_ms, 10000);
	EXPECT_NE(cards[0].info.max_queues, cards[1].info.max_queues);
	EXPECT_NE(cards[0].info.copy_engines, cards[1].info.copy_engines);
	EXPECT_NE(card_memory(&cards[0]).vram_size, card_memory(&cards[1]).vram_size);
	EXPECT_NE(memcmp(cards[0].info.uuid, cards[1].info.uuid, sizeof(cards[0].info.uuid)), 0);
}

/* /proc/interrupts tells whose they are. */
TEST(interrupts)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[4096], names[CARDS][64] = {};
	unsigned int count = 0;
	char *at;

	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, "ogpu-event-");
		if (!at)
			continue;
		ASSERT(count < CARDS);
		snprintf(names[count++], sizeof(names[0]), "%s", at);
	}
	fclose(f);
	EXPECT_EQ(count, CARDS);
	EXPECT(strstr(names[0], "-0000:"));
	EXPECT_NE(strcmp(names[0], names[1]), 0);
}

static void query_firmware(const struct card *card, struct drm_ogpu_query_firmware *firmware)
{
	struct drm_ogpu_query query = {
		.type = DRM_OGPU_QUERY_FIRMWARE,
		.size = sizeof(*firmware),
		.pointer = (uintptr_t)firmware,
	};

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_QUERY, &query), 0);
}

TEST(same_firmware)
{
	struct drm_ogpu_query_firmware firmware[CARDS] = {};
	struct card card;
	unsigned int i;

	for (i = 0; i < CARDS; i++) {
		card_open_number(&card, i);
		query_firmware(&card, &firmware[i]);
	}
	EXPECT_NE(firmware[0].build_id[0], 0);
	EXPECT_EQ(memcmp(&firmware[0], &firmware[1], sizeof(firmware[0])), 0);
}

TEST_TIMEOUT(more_queues_than_slots, TIMEOUT_S)
{
	static struct file files[CARDS][FILES];
	unsigned int i, k;

	for (k = 0; k < FILES; k++)
		for (i = 0; i < CARDS; i++)
			open_file(&files[i][k], i, k);
	for (k = 0; k < FILES; k++)
		for (i = 0; i < CARDS; i++)
			submit(&files[i][k]);
	for (k = 0; k < FILES; k++)
		for (i = 0; i < CARDS; i++)
			wait_all_begun(&files[i][k]);
	for (k = 0; k < FILES; k++)
		for (i = 0; i < CARDS; i++)
			files[i][k].words[1] = 1;
	for (k = 0; k < FILES; k++)
		for (i = 0; i < CARDS; i++)
			expect_right(&files[i][k], i, k);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
