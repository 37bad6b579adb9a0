// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Programs at work while something happens to the card (see clients.h).
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>

#include "card.h"
#include "clients.h"

#define READ_WRITE	(DRM_OGPU_BIND_READ | DRM_OGPU_BIND_WRITE)
#define WAIT_MS		30000
#define BYTES		(1u << 20)
/* Jobs that nobody has waited for. */
#define IN_FLIGHT	16
/* The driver's own limit is shorter than some tests on a slow machine. */
#define JOB_TIMEOUT_MS	600000

/* One program's own. */
struct work {
	struct client *client;
	struct card card;
	struct buffer vram, system;
	struct stream job, endless;
	uint32_t queue;
	struct drm_ogpu_sync done;
	/* Of the last job; unlike a syncobj it can be waited for when the card has left. */
	int sync_file;
};

static sigjmp_buf on_sigbus;

static void sigbus(int signal)
{
	siglongjmp(on_sigbus, signal);
}

static bool raises_sigbus(const struct buffer *buf)
{
	if (sigsetjmp(on_sigbus, 1))
		return true;
	*(volatile uint64_t *)buf->map = 1;

	return false;
}

static void set_up(struct work *w, int number)
{
	card_open(&w->card);
	card_buffer(&w->card, &w->vram, BYTES, DRM_OGPU_BO_VRAM, READ_WRITE);
	card_buffer(&w->card, &w->system, BYTES, DRM_OGPU_BO_SYSTEM, READ_WRITE);
	card_stream(&w->card, &w->job, 4096);
	stream_fill(&w->job, w->vram.va, BYTES, number);
	stream_copy(&w->job, w->vram.va, w->system.va, BYTES);
	card_stream(&w->card, &w->endless, 4096);
	stream_wait(&w->endless, w->system.va, DRM_OGPU_COMPARE_EQ, UINT64_MAX, UINT64_MAX);
	w->queue = card_queue(&w->card, number & 1, JOB_TIMEOUT_MS);
	w->done.flags = DRM_OGPU_SYNC_SIGNAL;
	w->done.handle = card_syncobj(&w->card);
	w->sync_file = -1;
}

static int submit(struct work *w, const struct stream *s)
{
	int ret;

	ret = card_submit(&w->card, w->queue, s, &w->done, 1);
	if (ret)
		return ret;
	if (w->sync_file >= 0)
		close(w->sync_file);
	w->sync_file = -1;
	if (drmSyncobjExportSyncFile(w->card.fd, w->done.handle, &w->sync_file))
		return -errno;
	__atomic_add_fetch(&w->client->jobs, 1, __ATOMIC_SEQ_CST);

	return 0;
}

/* Until there is an error, or access to memory raises SIGBUS. */
static void work(struct work *w, bool waits)
{
	struct pollfd fence = { .events = POLLIN };

	if (sigsetjmp(on_sigbus, 1))
		return;
	while (!submit(w, waits && w->client->jobs == IN_FLIGHT ? &w->endless : &w->job)) {
		*(volatile uint64_t *)w->vram.map = 1;
		*(volatile uint64_t *)w->system.map = 1;
		if (w->client->jobs % IN_FLIGHT == 1) {
			fence.fd = w->sync_file;
			poll(&fence, 1, JOB_TIMEOUT_MS);
		}
	}
}

static void report(struct work *w)
{
	struct pollfd fence = { .fd = w->sync_file, .events = POLLIN };
	struct drm_ogpu_vm_create vm = {};
	struct client *client = w->client;

	client->error = card_ioctl(&w->card, DRM_IOCTL_OGPU_VM_CREATE, &vm);
	client->signalled = w->sync_file < 0 || poll(&fence, 1, WAIT_MS * time_scale()) == 1;
	__atomic_store_n(&client->lost, true, __ATOMIC_SEQ_CST);
}

static void run(struct clients *clients, int number)
{
	struct work w = { .client = &clients->client[number] };
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	signal(SIGBUS, sigbus);
	close(clients->release[1]);
	set_up(&w, number);
	work(&w, number == 0);
	report(&w);
	while (read(clients->release[0], &byte, 1) < 0 && errno == EINTR)
		;
	w.client->sigbus[0] = raises_sigbus(&w.vram);
	w.client->sigbus[1] = raises_sigbus(&w.system);
	_exit(0);
}

/* Waits for each to have submitted so many jobs. */
static bool wait_jobs(struct clients *clients, int first, const uint64_t *jobs)
{
	uint64_t end = time_limit(WAIT_MS);
	int i;

	for (i = first; i < CLIENTS; i++) {
		struct client *client = &clients->client[i];

		while (__atomic_load_n(&client->jobs, __ATOMIC_SEQ_CST) < jobs[i]) {
			if (client->lost || time_ms() >= end) {
				printf("# client %d: %llu jobs, error %d\n", i,
				       (unsigned long long)client->jobs, client->error);
				return false;
			}
			sleep_ms(1);
		}
	}

	return true;
}

bool clients_start(struct clients *clients, uint64_t jobs)
{
	uint64_t want[CLIENTS];
	int i;

	clients->client = mmap(NULL, CLIENTS * sizeof(struct client), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (clients->client == MAP_FAILED || pipe(clients->release))
		return false;
	fflush(stdout);
	for (i = 0; i < CLIENTS; i++) {
		pid_t pid = fork();

		if (!pid)
			run(clients, i);
		clients->client[i].pid = pid;
		/* The first one stops when it waits. */
		want[i] = i || jobs <= IN_FLIGHT ? jobs : IN_FLIGHT + 1;
	}
	close(clients->release[0]);

	return wait_jobs(clients, 0, want);
}

bool clients_go_on(struct clients *clients)
{
	uint64_t want[CLIENTS];
	int i;

	for (i = 0; i < CLIENTS; i++)
		want[i] = __atomic_load_n(&clients->client[i].jobs, __ATOMIC_SEQ_CST) + 1;

	return wait_jobs(clients, 1, want);
}

bool clients_wait_lost(struct clients *clients)
{
	uint64_t end = time_limit(2 * WAIT_MS);
	int i;

	for (i = 0; i < CLIENTS; i++) {
		while (!__atomic_load_n(&clients->client[i].lost, __ATOMIC_SEQ_CST)) {
			if (time_ms() >= end) {
				printf("# client %d does not notice\n", i);
				return false;
			}
			sleep_ms(1);
		}
	}

	return true;
}

void clients_end(struct clients *clients)
{
	int i;

	close(clients->release[1]);
	for (i = 0; i < CLIENTS; i++)
		waitpid(clients->client[i].pid, NULL, 0);
}

void clients_kill(struct clients *clients)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		kill(clients->client[i].pid, SIGKILL);
	clients_end(clients);
}

bool client_works(void)
{
	struct buffer page;
	struct stream s;
	struct card card;
	bool right;

	card_open(&card);
	card_buffer(&card, &page, 65536, DRM_OGPU_BO_VRAM, READ_WRITE);
	card_stream(&card, &s, 4096);
	stream_fill(&s, page.va, page.size, 0x12345678);
	card_run(&card, card_queue(&card, DRM_OGPU_ENGINE_COPY, 0), &s);
	right = *(volatile uint32_t *)page.map == 0x12345678;
	/* Mappings hold the file. */
	munmap(page.map, page.size);
	munmap(s.buf.map, s.buf.size);
	card_close(&card);

	return right;
}
