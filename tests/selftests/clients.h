/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Programs at work while something happens to the card: each in a process of its own, with jobs on
 * the card and memory mapped.
 */
#ifndef _CLIENTS_H_
#define _CLIENTS_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CLIENTS		4

/** struct client - what a program tells about itself */
struct client {
	/** @pid: its process */
	pid_t pid;
	/** @jobs: that it has submitted */
	uint64_t jobs;
	/** @lost: it has noticed that it cannot go on; the members below say how it was left */
	bool lost;
	/** @error: what its ioctls say */
	int error;
	/** @signalled: the fence of its last job has signalled */
	bool signalled;
	/** @sigbus: access to VRAM, and to system memory, raised SIGBUS in the end */
	bool sigbus[2];
};

/** struct clients - programs that were started together */
struct clients {
	/** @client: shared memory */
	struct client *client;
	/** @release: what they wait for once they are lost */
	int release[2];
};

/*
 * The first one waits for a job that does not end, the others submit one job after the other.
 * Returns once each of them has submitted @jobs jobs; false if that takes more than 30 s.
 */
bool clients_start(struct clients *clients, uint64_t jobs);
/* Waits for each of them to submit another job. */
bool clients_go_on(struct clients *clients);
/* Waits until all are lost. Until clients_end() they hold what they have: file, mappings, fence. */
bool clients_wait_lost(struct clients *clients);
/* Lets them end; each looks a last time at the memory that it has mapped. */
void clients_end(struct clients *clients);
/* Kills them at work. */
void clients_kill(struct clients *clients);

/* One more program, which opens the card, has a job done and looks at the outcome. */
bool client_works(void);

#endif
