// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory errors that the card cannot correct: the job that meets one is stopped, others go on, and
 * bad pages are replaced by spare ones.
 *
 * Needs a virtual GPU whose control socket can be reached from the test machine.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/types.h>

#include "admin.h"
#include "card.h"
#include "harness.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define PIECE		(16ull << 20)

static void hurt(struct admin *admin, const char *fault, uint64_t offset)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"cmd\":\"inject\",\"fault\":\"%s\",\"offset\":%" PRIu64 "}",
		 fault, offset);
	ASSERT(admin_control(admin, json));
}

/* In another block of the card; severity 0 is corrected, 1 is not. */
static void hurt_block(struct admin *admin, unsigned int block, unsigned int severity,
		       unsigned int addr)
{
	static const char format[] =
		"{\"cmd\":\"inject\",\"fault\":\"error\",\"block\":%u,\"severity\":%u,\"addr\":%u}";
	char json[128];

	snprintf(json, sizeof(json), format, block, severity, addr);
	ASSERT(admin_control(admin, json));
}

/* In the memory of a compute unit. */
static void hurt_chip(struct admin *admin, unsigned int severity)
{
	hurt_block(admin, 2, severity, 64);
}

static void set_up(struct admin *admin, struct card *card)
{
	if (!admin_init(admin, 0) || !admin_has_control(admin))
		SKIP("no virtual GPU with a control socket");
	card_open(card);
}

/* The driver has had all bad pages replaced, soon. */
static bool no_bad_page(void)
{
	return admin_run("f=/sys/kernel/debug/dri/*/state; i=0; "
			 "until grep -q 'bad pages of VRAM: 0 in use, .* 0 without' $f; "
			 "do i=$((i + 1)); [ $i -lt 3000 ] || exit 1; usleep 10000; done");
}

TEST(corrected)
{
	struct drm_ogpu_queue_get_state state;
	struct admin admin;
	struct buffer page;
	struct stream s;
	struct card card;
	uint32_t queue;

	set_up(&admin, &card);
	hurt(&admin, "ecc-corrected", card_memory(&card).vram_size / 2);
	card_buffer(&card, &page, 65536, DRM_OGPU_BO_VRAM, READ_WRITE);
	card_stream(&card, &s, 4096);
	stream_fill(&s, page.va, page.size, 0);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	card_run(&card, queue, &s);
	card_queue_state(&card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	EXPECT(admin_is(&admin, "state", "running"));
	/* The event was told before that of the job's end. */
	EXPECT(admin_run("grep -q 'errors: corrected [1-9]' /sys/kernel/debug/dri/*/state"));
}

/* A line of the attribute "ras". */
struct ras_line {
	unsigned int corrected, uncorrected, deferred;
	char address[32];
};

static void read_ras(struct admin *admin, const char *block, struct ras_line *line)
{
	char text[512], pattern[96], *start;
	int found;

	admin_read(admin, "ras", text, sizeof(text));
	start = strstr(text, block);
	ASSERT(start);
	snprintf(pattern, sizeof(pattern),
		 "%s corrected %%u uncorrected %%u deferred %%u address %%31s", block);
	found = sscanf(start, pattern, &line->corrected, &line->uncorrected, &line->deferred,
		       line->address);
	ASSERT_EQ(found, 4);
}

/* Errors are told by block, each in its own, with the address of the last one. */
TEST(by_block)
{
	static const char * const names[] = { "vram", "cache", "units", "core", "link" };
	struct ras_line before[5], after;
	char address[32];
	unsigned int i, n, spares = 0;
	struct admin admin;
	struct card card;
	char text[512], *line;

	set_up(&admin, &card);
	for (i = 0; i < 5; i++)
		read_ras(&admin, names[i], &before[i]);
	for (n = 0; n < 5; n++) {
		if (n)
			hurt_block(&admin, n, 0, 64 + n * 8);
		else
			hurt(&admin, "ecc-corrected", 64);
		snprintf(address, sizeof(address), "0x%x", 64 + n * 8);
		for (i = 0; i < 5; i++) {
			read_ras(&admin, names[i], &after);
			EXPECT_EQ(after.corrected, before[i].corrected + (i == n));
			EXPECT_EQ(after.uncorrected, before[i].uncorrected);
			EXPECT(strcmp(after.address, i == n ? address : before[i].address) == 0);
			before[i] = after;
		}
	}
	admin_read(&admin, "ras", text, sizeof(text));
	line = strstr(text, "\nspares ");
	ASSERT(line);
	spares = strtoul(line + strlen("\nspares "), &line, 10);
	EXPECT(!*line);
	EXPECT_LE(spares, 64);
}

/* Takes VRAM in pieces until little is left: one of them has the bad page. */
static unsigned int take_vram(struct card *card, struct buffer *bufs, unsigned int max)
{
	struct drm_ogpu_query_memory mem = card_memory(card);
	uint64_t left = mem.vram_size - mem.vram_used;
	unsigned int count;

	for (count = 0; count < max && left > 2 * PIECE; count++, left -= PIECE) {
		struct buffer *buf = &bufs[count];

		ASSERT_EQ(card_buffer_create(card, buf, PIECE, DRM_OGPU_BO_VRAM), 0);
		buf->va = card->next_va;
		card->next_va += 2 * PIECE;
		ASSERT_EQ(card_bind(card, buf, buf->va, READ_WRITE), 0);
	}

	return count;
}

TEST(uncorrectable)
{
	struct drm_ogpu_fault faults[16] = {};
	struct drm_ogpu_vm_get_faults get = { .faults = CARD_ARRAY(faults, 16) };
	struct drm_ogpu_queue_get_state state;
	struct buffer bufs[64], page;
	unsigned int i, count, hit = 0;
	struct admin admin;
	struct stream s;
	struct card card;
	uint64_t offset;
	uint32_t queue;

	set_up(&admin, &card);
	card_buffer(&card, &page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&card, &s, 4096);
	count = take_vram(&card, bufs, 64);
	ASSERT_GE(count, 4);
	/* One in each of many pieces: whichever few of them are not ours. */
	for (offset = PIECE / 2; offset < card_memory(&card).vram_size; offset += PIECE)
		hurt(&admin, "ecc-uncorrected", offset);

	for (i = 0; i < count; i++) {
		queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
		stream_reset(&s);
		stream_copy(&s, bufs[i].va + PIECE / 2, page.va, 8);
		card_run(&card, queue, &s);
		card_queue_state(&card, queue, &state);
		if (state.error) {
			hit++;
			EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
			EXPECT_EQ(state.reason, DRM_OGPU_FAULT_POISON);
			EXPECT_EQ(state.access, DRM_OGPU_ACCESS_READ);
			EXPECT_EQ(state.fault_va, bufs[i].va + PIECE / 2);
		}
		/* What is next to it is as good as before. */
		queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
		stream_reset(&s);
		stream_copy(&s, bufs[i].va + PIECE / 2 + 65536, page.va, 8);
		card_run(&card, queue, &s);
		card_queue_state(&card, queue, &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	}
	EXPECT_GE(hit, 1);
	get.vm_id = card.vm;
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_GET_FAULTS, &get), 0);
	ASSERT_EQ(get.total, hit);
	EXPECT_EQ(faults[0].reason, DRM_OGPU_FAULT_POISON);
	EXPECT(admin_is(&admin, "state", "running"));

	/* They are retired when they are freed; those of the driver itself by a reset. */
	ASSERT(admin_write(&admin, "reset", "1"));
	EXPECT(admin_is(&admin, "state", "running"));
	EXPECT(no_bad_page());
}

/*
 * Takes most of VRAM and has the card read it, in a process of its own, because what meets bad
 * memory may be what the driver does for it. Returns whether all went well.
 */
static bool use_vram(void)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer buf, page;
	int ret = 0, status = -1;
	struct stream s;
	struct card card;
	uint64_t left;
	uint32_t queue;
	pid_t pid;

	pid = fork();
	if (pid) {
		waitpid(pid, &status, 0);
		return !status;
	}

	card_open(&card);
	card_buffer(&card, &page, 4096, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&card, &s, 4096);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	out.handle = card_syncobj(&card);
	for (left = card_memory(&card).vram_size; !ret && left > 2 * PIECE; left -= PIECE) {
		ret = card_buffer_create(&card, &buf, PIECE, DRM_OGPU_BO_VRAM);
		ret = ret ?: card_bind(&card, &buf, card.next_va, READ_WRITE);
		stream_reset(&s);
		stream_copy(&s, card.next_va, page.va, 8);
		ret = ret ?: card_submit(&card, queue, &s, &out, 1);
		ret = ret ?: card_syncobj_wait(&card, out.handle, 10000);
		card.next_va += 2 * PIECE;
	}
	_exit(ret != 0);
}

/* Memory that goes bad while nobody has it is replaced before anybody gets it, without a reset. */
TEST(bad_while_free)
{
	char before[32], after[32];
	struct admin admin;
	struct card card;
	uint64_t offset;

	set_up(&admin, &card);
	admin_read(&admin, "reset_count", before, sizeof(before));
	/* The far end of VRAM is free, and the driver's own memory is not there. */
	for (offset = card_memory(&card).vram_size / 2 + PIECE / 2;
	     offset < card_memory(&card).vram_size; offset += PIECE)
		hurt(&admin, "ecc-uncorrected", offset);
	card_close(&card);

	EXPECT(no_bad_page());
	EXPECT(use_vram());
	EXPECT(admin_is(&admin, "state", "running"));
	admin_read(&admin, "reset_count", after, sizeof(after));
	EXPECT(!strcmp(before, after));
}

static bool is_lost(struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_info info = { .handle = buf->handle };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
	return info.flags & DRM_OGPU_BO_LOST;
}

/* Whether the CPU is refused the memory: the kernel reads it for us, so that nobody is killed. */
static bool cannot_read(struct card *card, const struct buffer *buf)
{
	struct drm_ogpu_bo_mmap_offset args = { .handle = buf->handle };
	int fds[2], err;
	void *map;

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_MMAP_OFFSET, &args), 0);
	map = mmap(NULL, buf->size, PROT_READ, MAP_SHARED, card->fd, args.offset);
	ASSERT(map != MAP_FAILED);
	ASSERT_EQ(pipe(fds), 0);
	err = write(fds[1], map, 1) < 0 ? errno : 0;
	close(fds[0]);
	close(fds[1]);
	munmap(map, buf->size);
	return err == EFAULT;
}

/*
 * Memory goes bad under buffers that are then evicted: nobody but their owner notices, and he is
 * told, and can go on without them.
 */
TEST(evicted)
{
	struct buffer bufs[64];
	char before[32], after[32];
	unsigned int i, count, lost = 0;
	struct drm_ogpu_bo_create args;
	struct admin admin;
	struct stream s;
	struct card card;
	uint64_t offset;
	uint32_t queue;

	set_up(&admin, &card);
	admin_read(&admin, "reset_count", before, sizeof(before));
	card_stream(&card, &s, 4096);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, 0);
	for (count = 0; count < 64 && count * PIECE < card_memory(&card).vram_size; count++) {
		struct buffer *buf = &bufs[count];

		args = (struct drm_ogpu_bo_create){
			.size = PIECE, .placement = DRM_OGPU_BO_VRAM | DRM_OGPU_BO_SYSTEM,
		};
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_CREATE, &args), 0);
		*buf = (struct buffer){ .handle = args.handle, .size = PIECE, .va = card.next_va };
		card.next_va += 2 * PIECE;
		ASSERT_EQ(card_bind(&card, buf, buf->va, READ_WRITE), 0);
	}
	/* The far half is not the driver's own memory; theirs is whatever has content. */
	for (offset = card_memory(&card).vram_size / 2 + PIECE / 2;
	     offset < card_memory(&card).vram_size; offset += PIECE)
		hurt(&admin, "ecc-uncorrected", offset);

	/* Somebody else needs all of VRAM. */
	EXPECT(use_vram());
	EXPECT(admin_is(&admin, "state", "running"));
	for (i = 0; i < count; i++)
		lost += is_lost(&card, &bufs[i]);
	EXPECT_GE(lost, 1);
	EXPECT_LE(lost, count - 1);

	stream_fill(&s, bufs[0].va, 4096, 0);
	EXPECT_EQ(card_submit(&card, queue, &s, NULL, 0), -EBADMSG);
	for (i = 0; i < count; i++) {
		if (!is_lost(&card, &bufs[i]))
			continue;
		EXPECT(cannot_read(&card, &bufs[i]));
		EXPECT_EQ(card_bind(&card, &bufs[i], card.next_va, READ_WRITE), -EBADMSG);
		ASSERT_EQ(card_unbind(&card, bufs[i].va, PIECE), 0);
	}
	for (i = 0; i < count; i++) {
		if (is_lost(&card, &bufs[i]))
			continue;
		stream_reset(&s);
		stream_fill(&s, bufs[i].va, 4096, 0);
		card_run(&card, queue, &s);
	}
	EXPECT(admin_is(&admin, "state", "running"));
	admin_read(&admin, "reset_count", after, sizeof(after));
	EXPECT(!strcmp(before, after));
}

/* Nobody knows whose data was lost: the card is reset. */
TEST(error_in_the_chip)
{
	struct drm_ogpu_vm_create vm = {};
	struct admin admin;
	struct card card;

	set_up(&admin, &card);
	hurt_chip(&admin, 0);
	EXPECT(admin_is(&admin, "state", "running"));
	hurt_chip(&admin, 1);
	/* It is stale as soon as the reset has begun. */
	while (card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm) != -ENODEV)
		;
	ASSERT(admin_wait(&admin, "state", "running"));
	EXPECT(use_vram());
}

/* The driver's table of address spaces: whoever has an entry there could do nothing any more. */
TEST(table_of_address_spaces)
{
	struct drm_ogpu_vm_create vm = {};
	struct admin admin;
	struct card card;

	set_up(&admin, &card);
	hurt(&admin, "ecc-uncorrected", 0);
	while (card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm) != -ENODEV)
		;
	ASSERT(admin_wait(&admin, "state", "running"));
	EXPECT(no_bad_page());
	EXPECT(use_vram());
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
