// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Kernels of user queues: results are right, also if the queue is suspended in the middle of them;
 * gangs, of both doors, are on the card together.
 *
 * VM: --vgpu-args '--vram 64M --aperture 16M'
 */
#include "card.h"
#include "harness.h"
#include "user.h"

#define MIB	(1024 * 1024ull)
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define BIG_VA	0x200000000000ull
#define SLOW_MS	60000
#define EVER	3600000u
#define ROUNDS	500u
/* Work-items of a workgroup, and workgroups. */
#define ITEMS	64u
#define GROUPS	8u

/* Kernels, one after the other. */
static const uint32_t code[] = {
	/* work: words at a0 are: who has come to the gate, steps, the gate; results from word 8 */
	0x00853683,	/*	ld	a3, 8(a0)		*/
	0xcc0025f3,	/*	csrr	a1, 0xcc0 (global id)	*/
	0x00359613,	/*	slli	a2, a1, 3		*/
	0x00a60633,	/*	add	a2, a2, a0		*/
	0x00259713,	/* 1:	slli	a4, a1, 2		*/
	0x00e585b3,	/*	add	a1, a1, a4		*/
	0x00158593,	/*	addi	a1, a1, 1		*/
	0xfff68693,	/*	addi	a3, a3, -1		*/
	0xfe0698e3,	/*	bnez	a3, 1b			*/
	0xfeb13c23,	/*	sd	a1, -8(sp)		*/
	0x00100813,	/*	li	a6, 1			*/
	0x0105302f,	/*	amoadd.d zero, a6, (a0)		*/
	0x01053703,	/* 2:	ld	a4, 16(a0)		*/
	0x0220000f,	/*	fence	r, r			*/
	0xfe070ce3,	/*	beqz	a4, 2b			*/
	0xff813783,	/*	ld	a5, -8(sp)		*/
	0x00f585b3,	/*	add	a1, a1, a5		*/
	0x04b63023,	/*	sd	a1, 64(a2)		*/
	0x00008067,	/*	ret				*/
	/* meet: word 2 times, count up word 0, wait until all of word 1 have done so */
	0x00100593,	/*	li	a1, 1			*/
	0x00853683,	/*	ld	a3, 8(a0)		*/
	0x01053703,	/*	ld	a4, 16(a0)		*/
	0x00000793,	/*	li	a5, 0			*/
	0x00d787b3,	/* 1:	add	a5, a5, a3		*/
	0x00b5302f,	/*	amoadd.d zero, a1, (a0)		*/
	0x00053603,	/* 2:	ld	a2, 0(a0)		*/
	0x0220000f,	/*	fence	r, r			*/
	0xfef66ce3,	/*	bltu	a2, a5, 2b		*/
	0xfff70713,	/*	addi	a4, a4, -1		*/
	0xfe0714e3,	/*	bnez	a4, 1b			*/
	0x00008067,	/*	ret				*/
	/* loop: for ever */
	0x0000006f,	/*	j	.			*/
};

enum { WORK = 4 * 0, MEET = 4 * 19, LOOP = 4 * 31 };

/** struct program - with an address space for one of the doors */
struct program {
	struct card card;
	bool user;
	struct buffer code, page;
	volatile uint64_t *words;
};

static void program_open(struct program *p, bool user)
{
	card_open(&p->card);
	p->user = user;
	if (user)
		user_vm(&p->card);
	card_buffer(&p->card, &p->code, 4096, DRM_OGPU_BO_SYSTEM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	memcpy(p->code.map, code, sizeof(code));
	card_buffer(&p->card, &p->page, 65536, DRM_OGPU_BO_SYSTEM, RW);
	p->words = p->page.map;
}

static struct drm_ogpu_pkt_dispatch dispatch(const struct program *p, uint32_t kernel,
					     uint32_t groups, uint32_t items)
{
	return (struct drm_ogpu_pkt_dispatch) {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_DISPATCH, sizeof(struct drm_ogpu_pkt_dispatch)),
		.entry = p->code.va + kernel,
		.args = p->page.va,
		.grid = { groups, 1, 1 },
		.group = { items, 1, 1 },
		.private_bytes = 64,
	};
}

/* For so many workgroups with so many work-items. */
static uint64_t save_bytes(const struct program *p, uint32_t groups, uint32_t items)
{
	const struct drm_ogpu_query_device *info = &p->card.info;
	uint64_t waves = (items + info->lanes - 1) / info->lanes;
	uint64_t frame = 256 + waves * (info->save_wave_bytes + info->lanes * 64ull) + 4096;

	return (frame * groups + 4095) & ~4095ull;
}

/** struct member - a queue of either door with a kernel of one work-item */
struct member {
	struct user u;
	uint32_t queue;
	struct stream s;
	uint32_t out;
};

/* 0 or a negative errno. */
static int member_open(struct program *p, struct member *m, uint32_t gang)
{
	uint64_t bytes = save_bytes(p, 1, 1);
	struct drm_ogpu_queue_create args = {
		.vm_id = p->card.vm,
		.engine = DRM_OGPU_ENGINE_COMPUTE,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
		.timeout_ms = EVER,
	};
	int ret;

	if (p->user) {
		user_prepare(&p->card, &m->u, 4096);
		args = m->u.args;
	}
	args.save_va = card_save_area(&p->card, bytes);
	args.save_bytes = bytes;
	args.gang = gang;
	m->u.args = args;
	if (p->user) {
		ret = user_create(&m->u);
	} else {
		card_stream(&p->card, &m->s, 4096);
		m->out = card_syncobj(&p->card);
		ret = card_ioctl(&p->card, DRM_IOCTL_OGPU_QUEUE_CREATE, &m->u.args);
	}
	m->queue = m->u.args.queue_id;

	return ret;
}

static void member_start(struct program *p, struct member *m, uint32_t kernel)
{
	struct drm_ogpu_pkt_dispatch packet = dispatch(p, kernel, 1, 1);
	struct drm_ogpu_sync out = { .handle = m->out, .flags = DRM_OGPU_SYNC_SIGNAL };

	if (p->user) {
		user_add(&m->u, &packet, sizeof(packet));
		user_fence(&m->u);
		user_ring(&m->u);
	} else {
		stream_reset(&m->s);
		stream_add(&m->s, &packet, sizeof(packet));
		ASSERT_EQ(card_submit(&p->card, m->queue, &m->s, &out, 1), 0);
	}
}

static int member_wait(struct program *p, struct member *m)
{
	return p->user ? user_wait(&m->u, SLOW_MS) : card_syncobj_wait(&p->card, m->out, SLOW_MS);
}

/* A user queue with a save area for all that a card holds of WORK. */
static void worker_open(struct program *p, struct user *u)
{
	uint64_t bytes;

	program_open(p, true);
	bytes = save_bytes(p, GROUPS, ITEMS);
	user_prepare(&p->card, u, 4096);
	u->args.save_va = card_save_area(&p->card, bytes);
	u->args.save_bytes = bytes;
	ASSERT_EQ(user_create(u), 0);
}

static void start_work(struct program *p, struct user *u, uint64_t steps, bool gate)
{
	struct drm_ogpu_pkt_dispatch packet = dispatch(p, WORK, GROUPS, ITEMS);

	memset(p->page.map, 0, p->page.size);
	p->words[1] = steps;
	p->words[2] = gate;
	user_add(u, &packet, sizeof(packet));
	user_fence(u);
	user_ring(u);
}

static void check_work(struct program *p, struct user *u, uint64_t steps)
{
	unsigned int i, wrong = 0;

	ASSERT_EQ(user_wait(u, SLOW_MS), 0);
	for (i = 0; i < GROUPS * ITEMS; i++) {
		uint64_t want = i, k;

		for (k = 0; k < steps; k++)
			want = 5 * want + 1;
		wrong += p->words[8 + i] != 2 * want;
	}
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(p->words[0], GROUPS * ITEMS);
}

TEST(results)
{
	struct program p;
	struct user u;
	uint64_t i;

	worker_open(&p, &u);
	for (i = 1; i <= 20; i++) {
		start_work(&p, &u, i * 10, true);
		check_work(&p, &u, i * 10);
	}
}

/* Not for the CPU, whose part of VRAM is small. */
static void create_vram(struct card *card, struct buffer *buf, uint64_t size)
{
	struct drm_ogpu_bo_create args = { .size = size, .placement = DRM_OGPU_BO_VRAM };

	ASSERT_EQ(card_ioctl(card, DRM_IOCTL_OGPU_BO_CREATE, &args), 0);
	*buf = (struct buffer) { .handle = args.handle, .size = args.size };
}

/* All that its workgroups have in registers and on their stacks is there when they go on. */
TEST_TIMEOUT(evicted_in_a_kernel, 120)
{
	struct drm_ogpu_query_memory mem;
	struct buffer big;
	struct program p;
	struct user u;
	uint64_t end;
	int i;

	worker_open(&p, &u);
	mem = card_memory(&p.card);
	if (mem.vram_size > 64 * MIB)
		SKIP("needs a card with 64 MiB of VRAM");
	create_vram(&p.card, &big, 32 * MIB);
	ASSERT_EQ(card_bind(&p.card, &big, BIG_VA, RW), 0);
	for (i = 0; i < 3; i++) {
		struct drm_ogpu_bo_info info = { .handle = big.handle };

		start_work(&p, &u, 50, false);
		end = time_limit(SLOW_MS);
		while (!p.words[0])
			ASSERT_LE(time_ms(), end);

		/* Its memory does not move before the queue has been suspended. */
		ASSERT_EQ(card_ioctl(&p.card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
		ASSERT_EQ(info.current_placement, DRM_OGPU_BO_VRAM);
		/* Not all: firmware and page tables have some, and there may be holes. */
		user_hog(mem.vram_size - 16 * MIB);
		/* Its memory went while the kernel was at the gate. */
		EXPECT_EQ(p.words[2], 0);
		p.words[2] = 1;
		check_work(&p, &u, 50);
	}
}

/*
 * As many as the card executes at a time, beside as many that never end. Each round needs all of
 * them, so that they would take a turn of the card for each if they came one after the other.
 */
static void gang_meets(bool user)
{
	enum { MAX = 64 };
	static struct member gang[MAX], hogs[MAX];
	struct program p, other;
	unsigned int count, i;
	uint64_t before;
	int ret = 0;

	program_open(&p, user);
	program_open(&other, user);
	for (count = 0; count < MAX; count++) {
		ret = member_open(&p, &gang[count], count ? gang[0].queue : 0);
		if (ret)
			break;
	}
	ASSERT_EQ(ret, -ENOSPC);
	ASSERT_GE(count, 2);
	for (i = 0; i < count; i++) {
		ASSERT_EQ(member_open(&other, &hogs[i], 0), 0);
		member_start(&other, &hogs[i], LOOP);
	}

	p.words[0] = 0;
	p.words[1] = count;
	p.words[2] = ROUNDS;
	before = time_ms();
	for (i = 0; i < count; i++)
		member_start(&p, &gang[i], MEET);
	for (i = 0; i < count; i++)
		ASSERT_EQ(member_wait(&p, &gang[i]), 0);
	printf("# %u queues met %u times in %llu ms\n", count, ROUNDS,
	       (unsigned long long)(time_ms() - before));
	EXPECT_EQ(p.words[0], count * ROUNDS);

	for (i = 0; i < count; i++) {
		struct drm_ogpu_queue_get_state state;

		card_queue_state(&other.card, hogs[i].queue, &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_OK);
	}
}

TEST_TIMEOUT(gang_of_user_queues, 150)
{
	gang_meets(true);
}

TEST_TIMEOUT(gang_of_submit_queues, 150)
{
	gang_meets(false);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
