// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The machine sleeps: what is in VRAM, what kernels have in registers and memory, and what has been
 * submitted is there afterwards, for queues of both doors.
 *
 * VM: --cards 2 --vgpu-args '--vram 64M --aperture 16M --doorbells 1024' \
 *     --append no_console_suspend --qemu-args '-global pcie-root-port.hotplug=off -drive \
 *     if=virtio,format=raw,snapshot=on,file.driver=null-co,file.read-zeroes=on,file.size=1G'
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "admin.h"
#include "card.h"
#include "harness.h"
#include "nap.h"
#include "user.h"

#define MIB	(1024 * 1024ull)
#define RW	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define EVER	3600000u
#define SLOW_MS	60000
#define CARDS	2
/* Work-items of a workgroup, and workgroups. */
#define ITEMS	64u
#define GROUPS	8u
#define STEPS	50u
/* Where the machine hibernates to. */
#define DISK	"/dev/vda"
/* Queues that fail. */
#define FAILING	240

/*
 * Words at a0 are: who has come to the gate, steps, the gate; results from word 8. Each item has a
 * part of its result in a register and the other on its stack while it waits. It looks at the gate
 * by an atomic, which no cache keeps.
 */
static const uint32_t code[] = {
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
	0x01050793,	/*	addi	a5, a0, 16		*/
	0x0007b72f,	/* 2:	amoadd.d a4, zero, (a5)		*/
	0xfe070ee3,	/*	beqz	a4, 2b			*/
	0xff813783,	/*	ld	a5, -8(sp)		*/
	0x00f585b3,	/*	add	a1, a1, a5		*/
	0x04b63023,	/*	sd	a1, 64(a2)		*/
	0x00008067,	/*	ret				*/
};

/** struct program - a kernel at its gate, a job behind it, and a job that waits for a word */
struct program {
	struct card card;
	bool user;
	struct buffer code, page;
	volatile uint64_t *words;
	struct user u;
	uint32_t queue, waiter;
	struct stream work, wait;
	uint32_t work_out, wait_out;
};

/** struct store - what is in VRAM */
struct store {
	struct card card;
	struct buffer seen, unseen, copy;
	uint32_t queue;
};

static struct drm_ogpu_pkt_dispatch dispatch(const struct program *p)
{
	return (struct drm_ogpu_pkt_dispatch) {
		.header = DRM_OGPU_PKT(DRM_OGPU_PKT_DISPATCH, sizeof(struct drm_ogpu_pkt_dispatch)),
		.entry = p->code.va,
		.args = p->page.va,
		.grid = { GROUPS, 1, 1 },
		.group = { ITEMS, 1, 1 },
		.private_bytes = 64,
	};
}

/* All that the card holds of the kernel at a time. */
static uint64_t save_bytes(const struct program *p)
{
	const struct drm_ogpu_query_device *info = &p->card.info;
	uint64_t waves = (ITEMS + info->lanes - 1) / info->lanes;
	uint64_t frame = 256 + waves * (info->save_wave_bytes + info->lanes * 64ull) + 4096;

	return (frame * GROUPS + 4095) & ~4095ull;
}

static void program_start(struct program *p, unsigned int number, bool user, uint32_t limit_ms)
{
	struct drm_ogpu_pkt_dispatch packet;
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };

	card_open_number(&p->card, number);
	p->user = user;
	if (user)
		user_vm(&p->card);
	card_buffer(&p->card, &p->code, 4096, DRM_OGPU_BO_VRAM,
		    DRM_OGPU_BIND_READ | DRM_OGPU_BIND_EXEC);
	memcpy(p->code.map, code, sizeof(code));
	card_buffer(&p->card, &p->page, 65536, DRM_OGPU_BO_SYSTEM, RW);
	p->words = p->page.map;
	p->words[1] = STEPS;
	packet = dispatch(p);

	if (user) {
		user_prepare(&p->card, &p->u, 4096);
		p->u.args.save_bytes = save_bytes(p);
		p->u.args.save_va = card_save_area(&p->card, p->u.args.save_bytes);
		ASSERT_EQ(user_create(&p->u), 0);
		user_add(&p->u, &packet, sizeof(packet));
		user_fence(&p->u);
		user_ring(&p->u);
		return;
	}

	p->queue = card_compute_queue(&p->card, limit_ms, card_save_area(&p->card, save_bytes(p)),
				      save_bytes(p));
	p->waiter = card_queue(&p->card, DRM_OGPU_ENGINE_COMPUTE, limit_ms);
	p->work_out = card_syncobj(&p->card);
	p->wait_out = card_syncobj(&p->card);
	card_stream(&p->card, &p->work, 4096);
	card_stream(&p->card, &p->wait, 4096);
	stream_add(&p->work, &packet, sizeof(packet));
	out.handle = p->work_out;
	ASSERT_EQ(card_submit(&p->card, p->queue, &p->work, &out, 1), 0);
	stream_wait(&p->wait, p->page.va + 3 * 8, DRM_OGPU_COMPARE_EQ, 1,
		    UINT64_MAX);
	out.handle = p->wait_out;
	ASSERT_EQ(card_submit(&p->card, p->waiter, &p->wait, &out, 1), 0);
}

static void program_reach_gate(struct program *p)
{
	uint64_t end = time_limit(SLOW_MS);

	while (!p->words[0])
		ASSERT_LE(time_ms(), end);
}

static void program_finish(struct program *p)
{
	unsigned int i, wrong = 0;

	if (!p->user) {
		EXPECT_EQ(card_fence_status(&p->card, p->work_out), 0);
		EXPECT_EQ(card_fence_status(&p->card, p->wait_out), 0);
	}
	p->words[2] = 1;
	p->words[3] = 1;
	if (p->user) {
		ASSERT_EQ(user_wait(&p->u, SLOW_MS), 0);
	} else {
		ASSERT_EQ(card_syncobj_wait(&p->card, p->work_out, SLOW_MS), 0);
		ASSERT_EQ(card_syncobj_wait(&p->card, p->wait_out, SLOW_MS), 0);
		EXPECT_EQ(card_fence_status(&p->card, p->work_out), 1);
		EXPECT_EQ(card_fence_status(&p->card, p->wait_out), 1);
	}
	for (i = 0; i < GROUPS * ITEMS; i++) {
		uint64_t want = i, k;

		for (k = 0; k < STEPS; k++)
			want = 5 * want + 1;
		wrong += p->words[8 + i] != 2 * want;
	}
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(p->words[0], GROUPS * ITEMS);
	card_close(&p->card);
}

static uint32_t mark(unsigned int number, uint64_t i)
{
	return 0xa5000000 ^ number << 20 ^ (uint32_t)i * 2654435761u;
}

static void store_fill(struct store *s, unsigned int number)
{
	/* Not for the CPU, whose part of VRAM is smaller. */
	struct drm_ogpu_bo_create create = { .size = 20 * MIB, .placement = DRM_OGPU_BO_VRAM };
	uint32_t *words;
	struct stream stream;
	uint64_t i;

	card_open_number(&s->card, number);
	card_buffer(&s->card, &s->seen, 4 * MIB, DRM_OGPU_BO_VRAM, RW);
	card_buffer(&s->card, &s->copy, 20 * MIB, DRM_OGPU_BO_SYSTEM, RW);
	ASSERT_EQ(card_ioctl(&s->card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	s->unseen = (struct buffer) {
		.handle = create.handle, .size = create.size, .va = 0x200000000000ull,
	};
	ASSERT_EQ(card_bind(&s->card, &s->unseen, s->unseen.va, RW), 0);
	s->queue = card_queue(&s->card, DRM_OGPU_ENGINE_COPY, SLOW_MS);

	words = s->seen.map;
	for (i = 0; i < s->seen.size / 4; i++)
		words[i] = mark(number, i);
	words = s->copy.map;
	for (i = 0; i < s->copy.size / 4; i++)
		words[i] = mark(number + 8, i);
	card_stream(&s->card, &stream, 4096);
	stream_copy(&stream, s->copy.va, s->unseen.va, s->copy.size);
	card_run(&s->card, s->queue, &stream);
	memset(s->copy.map, 0, s->copy.size);
}

static void store_check(struct store *s, unsigned int number)
{
	struct drm_ogpu_bo_info info = { .handle = s->unseen.handle };
	const uint32_t *words = s->seen.map;
	struct stream stream;
	uint64_t i, wrong = 0;

	ASSERT_EQ(card_ioctl(&s->card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
	EXPECT_EQ(info.current_placement, DRM_OGPU_BO_VRAM);
	for (i = 0; i < s->seen.size / 4; i++)
		wrong += words[i] != mark(number, i);
	EXPECT_EQ(wrong, 0);
	card_stream(&s->card, &stream, 4096);
	stream_copy(&stream, s->unseen.va, s->copy.va, s->copy.size);
	card_run(&s->card, s->queue, &stream);
	words = s->copy.map;
	for (i = 0; i < s->copy.size / 4; i++)
		wrong += words[i] != mark(number + 8, i);
	EXPECT_EQ(wrong, 0);
	card_close(&s->card);
}

static void survive(unsigned int cards, const char *state, unsigned int rounds, uint32_t limit_ms)
{
	static struct program programs[CARDS][2];
	static struct store stores[CARDS];
	unsigned int i, round;

	for (i = 0; i < cards; i++) {
		store_fill(&stores[i], i);
		program_start(&programs[i][0], i, false, limit_ms);
		program_start(&programs[i][1], i, true, limit_ms);
	}
	for (i = 0; i < cards; i++) {
		program_reach_gate(&programs[i][0]);
		program_reach_gate(&programs[i][1]);
	}
	for (round = 0; round < rounds; round++)
		ASSERT_EQ(nap_machine(state), 0);
	for (i = 0; i < cards; i++) {
		program_finish(&programs[i][0]);
		program_finish(&programs[i][1]);
		store_check(&stores[i], i);
	}
}

/* Up to that step of a transition, and back after a second. */
static void survive_test(unsigned int cards, const char *state, unsigned int rounds,
			 const char *step)
{
	nap_need("/sys/power/state", state);
	nap_need("/sys/power/pm_test", step);
	nap_put("/sys/module/suspend/parameters/pm_test_delay", "1");
	nap_put("/sys/module/hibernate/parameters/pm_test_delay", "1");
	ASSERT(nap_put("/sys/power/pm_test", step));
	survive(cards, state, rounds, EVER);
	ASSERT(nap_put("/sys/power/pm_test", "none"));
}

/* A job that waits at a gate, and then looks at so many MiB of memory. Returns its syncobj. */
static uint32_t look_later(struct card *card, uint32_t queue, uint64_t src, unsigned int count,
			   const struct buffer *gate)
{
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL, .handle = card_syncobj(card) };
	struct stream stream;
	unsigned int i;

	card_stream(card, &stream, 8192);
	stream_fence(&stream, gate->va + 8, 1);
	stream_wait(&stream, gate->va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	for (i = 0; i < count; i++)
		stream_copy(&stream, src + i * MIB, gate->va + 4096, MIB);
	ASSERT_EQ(card_submit(card, queue, &stream, &sync, 1), 0);

	return sync.handle;
}

/*
 * A bad page is found when the card goes to sleep: its buffer is lost, and no other. Who is just
 * about to look at it does not find zeros, and strangers find what was there. (The first test:
 * newer kernels do not reach the control socket any more once they have slept.)
 */
TEST_TIMEOUT(bad_page, 120)
{
	struct drm_ogpu_bo_info info;
	unsigned int i, count, lost = 0, wrong = 0;
	struct buffer bufs[64], out, gate, gate2, good;
	struct drm_ogpu_queue_get_state state;
	uint32_t queue, idle, job, job2;
	struct card card, other;
	struct stream stream;
	struct admin admin;
	char json[96];

	if (!admin_init(&admin, 0) || !admin_has_control(&admin))
		SKIP("no virtual GPU with a control socket");
	card_open(&card);
	queue = card_queue(&card, DRM_OGPU_ENGINE_COPY, SLOW_MS);
	card_buffer(&card, &out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_stream(&card, &stream, 65536);
	card_buffer(&card, &gate, 4096 + MIB, DRM_OGPU_BO_SYSTEM, RW);
	card_open(&other);
	card_buffer(&other, &gate2, 4096 + MIB, DRM_OGPU_BO_SYSTEM, RW);
	card_buffer(&other, &good, MIB, DRM_OGPU_BO_VRAM, RW);
	*(uint32_t *)good.map = mark(1, 1);
	for (count = 0; count < 64; count++) {
		struct drm_ogpu_query_memory mem = card_memory(&card);
		struct drm_ogpu_bo_create create = { .size = MIB, .placement = DRM_OGPU_BO_VRAM };

		if (mem.vram_size - mem.vram_used < 2 * MIB)
			break;
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
		bufs[count] = (struct buffer) {
			.handle = create.handle, .size = MIB, .va = 0x200000000000ull + count * MIB,
		};
		ASSERT_EQ(card_bind(&card, &bufs[count], bufs[count].va, RW), 0);
		stream_fill(&stream, bufs[count].va, MIB, mark(0, count));
	}
	card_run(&card, queue, &stream);
	idle = queue;
	queue = card_compute_queue(&card, EVER, 0, 0);
	job = look_later(&card, queue, bufs[0].va, count, &gate);
	job2 = look_later(&other, card_compute_queue(&other, EVER, 0, 0), good.va, 1, &gate2);
	while (!((volatile uint64_t *)gate.map)[1] || !((volatile uint64_t *)gate2.map)[1])
		sleep_ms(1);
	snprintf(json, sizeof(json),
		 "{\"cmd\":\"inject\",\"fault\":\"ecc-uncorrected\",\"offset\":%llu}",
		 (unsigned long long)card_memory(&card).vram_size / 2 + MIB / 2);
	ASSERT(admin_control(&admin, json));

	nap_once();
	*(volatile uint64_t *)gate.map = 1;
	*(volatile uint64_t *)gate2.map = 1;
	ASSERT_EQ(card_syncobj_wait(&card, job, SLOW_MS), 0);
	ASSERT_EQ(card_syncobj_wait(&other, job2, SLOW_MS), 0);
	EXPECT_EQ(card_fence_status(&card, job), -EIO);
	EXPECT_EQ(card_fence_status(&other, job2), 1);
	EXPECT_EQ(((uint32_t *)gate2.map)[1024], mark(1, 1));
	card_queue_state(&card, queue, &state);
	EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	stream_reset(&stream);
	for (i = 0; i < count; i++) {
		info = (struct drm_ogpu_bo_info) { .handle = bufs[i].handle };
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_INFO, &info), 0);
		if (info.flags & DRM_OGPU_BO_LOST) {
			lost++;
			ASSERT_EQ(card_unbind(&card, bufs[i].va, MIB), 0);
			bufs[i].handle = 0;
			continue;
		}
		stream_copy(&stream, bufs[i].va + MIB - 4, out.va + 4 * i, 4);
	}
	EXPECT_EQ(lost, 1);
	/* Who had nothing to do goes on. */
	card_run(&card, idle, &stream);
	for (i = 0; i < count; i++)
		wrong += bufs[i].handle && ((uint32_t *)out.map)[i] != mark(0, i);
	EXPECT_EQ(wrong, 0);
	card_close(&card);
	card_close(&other);
}

TEST_TIMEOUT(devices_suspended, 120)
{
	survive_test(1, "freeze", 2, "devices");
}

/* The time for which the machine sleeps is not that of the jobs. */
TEST_TIMEOUT(longer_than_the_limit, 120)
{
	nap_need("/sys/power/state", "freeze");
	nap_need("/sys/power/pm_test", "devices");
	ASSERT(nap_put("/sys/module/suspend/parameters/pm_test_delay", "15"));
	ASSERT(nap_put("/sys/power/pm_test", "devices"));
	survive(1, "freeze", 1, 10000);
	ASSERT(nap_put("/sys/power/pm_test", "none"));
}

/*
 * The memory of a user queue has been taken away for a job that goes on over the sleep; it comes
 * back when that has ended.
 */
TEST_TIMEOUT(taken_away_meanwhile, 120)
{
	struct drm_ogpu_bo_create create = { .size = 24 * MIB, .placement = DRM_OGPU_BO_VRAM };
	struct drm_ogpu_sync sync = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct buffer big, hog, out, word;
	struct card card, other;
	struct stream stream;
	unsigned int wrong = 0;
	struct user u;
	uint64_t i;

	card_open(&card);
	user_vm(&card);
	ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	big = (struct buffer) {
		.handle = create.handle, .size = create.size, .va = 0x200000000000ull,
	};
	ASSERT_EQ(card_bind(&card, &big, big.va, RW), 0);
	card_buffer(&card, &out, 4096, DRM_OGPU_BO_SYSTEM, RW);
	user_open(&card, &u, 65536);
	for (i = 0; i < big.size / MIB; i++)
		user_fill(&u, big.va + i * MIB, MIB, mark(1, i));
	user_wait_packet(&u, USER_WORD(&u) + 8, 1);
	user_fence(&u);
	user_ring(&u);

	card_open(&other);
	create.size = 48 * MIB;
	ASSERT_EQ(card_ioctl(&other, DRM_IOCTL_OGPU_BO_CREATE, &create), 0);
	hog = (struct buffer) {
		.handle = create.handle, .size = create.size, .va = 0x200000000000ull,
	};
	ASSERT_EQ(card_bind(&other, &hog, hog.va, RW), 0);
	card_buffer(&other, &word, 4096, DRM_OGPU_BO_SYSTEM, RW);
	card_stream(&other, &stream, 4096);
	stream_fill(&stream, hog.va, 4096, 0);
	stream_wait(&stream, word.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	sync.handle = card_syncobj(&other);
	ASSERT_EQ(card_submit(&other, card_queue(&other, DRM_OGPU_ENGINE_COMPUTE, EVER), &stream,
			      &sync, 1), 0);

	nap_once();
	EXPECT_EQ(card_fence_status(&other, sync.handle), 0);
	*(volatile uint64_t *)word.map = 1;
	ASSERT_EQ(card_syncobj_wait(&other, sync.handle, SLOW_MS), 0);
	EXPECT_EQ(card_fence_status(&other, sync.handle), 1);
	card_close(&other);
	u.word[1] = 1;
	ASSERT_EQ(user_wait(&u, SLOW_MS), 0);
	for (i = 0; i < big.size / MIB; i++)
		user_copy(&u, big.va + (i + 1) * MIB - 4, out.va + 4 * i, 4);
	user_fence(&u);
	user_ring(&u);
	ASSERT_EQ(user_wait(&u, SLOW_MS), 0);
	for (i = 0; i < big.size / MIB; i++)
		wrong += ((uint32_t *)out.map)[i] != mark(1, i);
	EXPECT_EQ(wrong, 0);
	card_close(&card);
}

/*
 * Queues fail at the moment at which the card goes to sleep, more than firmware tells of at a time:
 * all are told of.
 */
TEST_TIMEOUT(failing_meanwhile, 120)
{
	uint32_t queues[FAILING], out[FAILING];
	struct drm_ogpu_queue_get_state state;
	struct stream stream;
	struct buffer gate;
	struct card card;
	unsigned int i;

	card_open(&card);
	card_buffer(&card, &gate, 4096, DRM_OGPU_BO_SYSTEM, RW);
	for (i = 0; i < FAILING; i++) {
		queues[i] = card_queue(&card, DRM_OGPU_ENGINE_COPY, SLOW_MS);
		out[i] = card_syncobj(&card);
	}
	card_stream(&card, &stream, 4096);
	stream_wait(&stream, gate.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	/* Nothing is mapped there. */
	stream_fill(&stream, 0x200000000000ull, 4096, 0);
	for (i = 0; i < FAILING; i++) {
		struct drm_ogpu_sync sync = {
			.flags = DRM_OGPU_SYNC_SIGNAL, .handle = out[i],
		};

		ASSERT_EQ(card_submit(&card, queues[i], &stream, &sync, 1), 0);
	}
	*(volatile uint64_t *)gate.map = 1;
	nap_once();
	for (i = 0; i < FAILING; i++) {
		ASSERT_EQ(card_syncobj_wait(&card, out[i], SLOW_MS / 2), 0);
		card_queue_state(&card, queues[i], &state);
		EXPECT_EQ(state.error, DRM_OGPU_QUEUE_ERR_MEMORY);
	}
	card_close(&card);
}

/* The cards are in D3hot. (Nothing wakes this machine up from idling but the test.) */
TEST_TIMEOUT(to_idle, 120)
{
	survive_test(1, "freeze", 2, "platform");
}

TEST_TIMEOUT(to_idle_two_cards, 120)
{
	survive_test(2, "freeze", 1, "platform");
}

TEST_TIMEOUT(to_ram, 240)
{
	nap_need("/sys/power/mem_sleep", "deep");
	ASSERT(nap_put("/sys/power/mem_sleep", "deep"));
	survive(2, "mem", 2, EVER);
}

/* All that hibernation does but writing the image, then the machine goes on. */
TEST_TIMEOUT(image_of_the_machine, 120)
{
	survive_test(2, "disk", 1, "core");
}

/** struct own - what a program has mapped of its own memory, and a job in the midst of it */
struct own {
	struct card card;
	struct buffer page;
	struct stream stream;
	uint32_t queue, done;
	uint32_t *mem;
};

#define OWN_VA		0x200000000000ull
#define OWN_SIZE	(1 * MIB)

/* It has filled all with 5, and waits before it fills the first half with 6. */
static void own_start(struct own *t)
{
	struct drm_ogpu_sync out = { .flags = DRM_OGPU_SYNC_SIGNAL };
	struct drm_ogpu_bind_op op = {
		.op = DRM_OGPU_BIND_MAP_USERPTR,
		.flags = RW,
		.va = OWN_VA,
		.size = OWN_SIZE,
	};
	struct drm_ogpu_vm_bind args = { .ops = CARD_ARRAY(&op, 1) };

	card_open(&t->card);
	if (!(t->card.info.flags & DRM_OGPU_DEVICE_USERPTR))
		SKIP("the card does not reach memory of programs");
	card_buffer(&t->card, &t->page, 4096, DRM_OGPU_BO_SYSTEM, RW);
	t->queue = card_queue(&t->card, DRM_OGPU_ENGINE_COPY, EVER);
	card_stream(&t->card, &t->stream, 4096);
	t->mem = mmap(NULL, OWN_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(t->mem != MAP_FAILED);
	op.userptr = (uintptr_t)t->mem;
	args.vm_id = t->card.vm;
	ASSERT_EQ(card_ioctl(&t->card, DRM_IOCTL_OGPU_VM_BIND, &args), 0);

	t->done = card_syncobj(&t->card);
	out.handle = t->done;
	stream_fill(&t->stream, OWN_VA, OWN_SIZE, 5);
	stream_fence(&t->stream, t->page.va + 8, 1);
	stream_wait(&t->stream, t->page.va, DRM_OGPU_COMPARE_EQ, 1, UINT64_MAX);
	stream_fill(&t->stream, OWN_VA, OWN_SIZE / 2, 6);
	ASSERT_EQ(card_submit(&t->card, t->queue, &t->stream, &out, 1), 0);
	while (!((volatile uint64_t *)t->page.map)[1])
		sleep_ms(1);
}

/* Returns what became of the job. */
static int own_end(struct own *t)
{
	*(volatile uint64_t *)t->page.map = 1;
	ASSERT_EQ(card_syncobj_wait(&t->card, t->done, SLOW_MS), 0);

	return card_fence_status(&t->card, t->done);
}

static void own_expect(const struct own *t, uint32_t first_half)
{
	uint64_t i, wrong = 0;

	for (i = 0; i < OWN_SIZE / 4; i++)
		wrong += t->mem[i] != (i < OWN_SIZE / 8 ? first_half : 5);
	EXPECT_EQ(wrong, 0);
}

/* Jobs find what is there, and the card hears of changes as before. */
static void own_expect_works(struct own *t)
{
	ASSERT_EQ(madvise(t->mem, OWN_SIZE, MADV_DONTNEED), 0);
	stream_reset(&t->stream);
	stream_fill(&t->stream, OWN_VA + 4096, 4096, 7);
	card_run(&t->card, t->queue, &t->stream);
	EXPECT_EQ(t->mem[0], 0);
	EXPECT_EQ(t->mem[1024], 7);
}

/* What a program has mapped of its own memory: a job goes on with it, and so do later ones. */
TEST_TIMEOUT(memory_of_a_program, 120)
{
	struct own t;

	nap_need("/sys/power/state", "freeze");
	nap_need("/sys/power/pm_test", "devices");
	own_start(&t);
	nap_put("/sys/module/suspend/parameters/pm_test_delay", "1");
	ASSERT(nap_put("/sys/power/pm_test", "devices"));
	ASSERT_EQ(nap_machine("freeze"), 0);
	ASSERT(nap_put("/sys/power/pm_test", "none"));
	EXPECT_EQ(card_fence_status(&t.card, t.done), 0);
	EXPECT_EQ(own_end(&t), 1);
	own_expect(&t, 6);
	own_expect_works(&t);
	card_close(&t.card);
}

#define DAMON	"/sys/kernel/mm/damon/admin/kdamonds/"
#define CONTEXT	DAMON "0/contexts/0/"
#define SCHEME	CONTEXT "schemes/0/"

/* A thread of the kernel that does not stand still with programs puts it out, after 3 s. */
static bool put_out_later(const void *mem, uint64_t size)
{
	const struct {
		const char *path;
		const char *word;
		unsigned long number;
	} settings[] = {
		{ DAMON "nr_kdamonds", NULL, 1 },
		{ DAMON "0/contexts/nr_contexts", NULL, 1 },
		{ CONTEXT "operations", "fvaddr", 0 },
		{ CONTEXT "targets/nr_targets", NULL, 1 },
		{ CONTEXT "targets/0/pid_target", NULL, getpid() },
		{ CONTEXT "targets/0/regions/nr_regions", NULL, 1 },
		{ CONTEXT "targets/0/regions/0/start", NULL, (uintptr_t)mem },
		{ CONTEXT "targets/0/regions/0/end", NULL, (uintptr_t)mem + size },
		{ CONTEXT "schemes/nr_schemes", NULL, 1 },
		{ SCHEME "action", "pageout", 0 },
		{ SCHEME "access_pattern/sz/max", NULL, size },
		{ SCHEME "access_pattern/age/min", NULL, 30 },
		{ SCHEME "access_pattern/age/max", NULL, 1000000 },
		{ DAMON "0/state", "on", 0 },
	};
	char number[24];
	unsigned int i;

	/* Newer kernels watch all memory, and then nobody else may. */
	nap_put("/sys/module/damon_stat/parameters/enabled", "N");
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(number, sizeof(number), "%lu", settings[i].number);
		if (!nap_put(settings[i].path, settings[i].word ? settings[i].word : number))
			return false;
	}

	return true;
}

static void end_swap(void)
{
	EXPECT_EQ(swapoff("/dev/zram0"), 0);
	EXPECT(admin_run("echo 1 >/sys/block/zram0/reset"));
}

/*
 * Programs stand still, but the kernel may want their memory. Whether it takes it while the card
 * has no power or already before is up to the clock: what the job has written is there, but the job
 * faults.
 */
TEST_TIMEOUT(memory_that_goes_meanwhile, 120)
{
	struct own t;
	int status;

	nap_need("/sys/power/state", "freeze");
	nap_need("/sys/power/pm_test", "devices");
	admin_run("modprobe zram num_devices=1 2>/dev/null");
	if (!admin_run("echo 16M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null") ||
	    swapon("/dev/zram0", 0))
		SKIP("no swap space");
	own_start(&t);
	nap_put("/sys/module/suspend/parameters/pm_test_delay", "6");
	if (!put_out_later(t.mem, OWN_SIZE)) {
		end_swap();
		SKIP("the kernel puts nothing out of itself");
	}
	ASSERT(nap_put("/sys/power/pm_test", "devices"));
	ASSERT_EQ(nap_machine("freeze"), 0);
	ASSERT(nap_put("/sys/power/pm_test", "none"));
	nap_put(DAMON "0/state", "off");

	status = own_end(&t);
	printf("# it is %d\n", status);
	own_expect(&t, status == 1 ? 6 : 5);
	if (status != 1) {
		EXPECT_EQ(status, -EIO);
		ASSERT_EQ(card_queue_destroy(&t.card, t.queue), 0);
		t.queue = card_queue(&t.card, DRM_OGPU_ENGINE_COPY, EVER);
	}
	own_expect_works(&t);
	card_close(&t.card);
	end_swap();
}

/*
 * The image of the machine is written to a disk and read again, over what has run meanwhile. (The
 * machine is not switched off: the kernel does all else.)
 */
TEST_TIMEOUT(hibernated, 240)
{
	struct admin admin;

	nap_need("/sys/power/state", "disk");
	nap_need("/sys/power/disk", "test_resume");
	if (!admin_init(&admin, 0) || !admin_run("modprobe virtio_blk && mkswap " DISK))
		SKIP("no disk for the image");
	ASSERT_EQ(swapon(DISK, 0), 0);
	ASSERT(nap_put("/sys/power/disk", "test_resume"));
	survive(1, "disk", 1, EVER);
	ASSERT_EQ(swapoff(DISK), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
