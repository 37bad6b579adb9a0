// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What jobs cost and how they wait: threads of the kernel, limits, order between queues, waits for
 * what nobody has submitted yet.
 */
#include <dirent.h>
#include <sys/types.h>

#include <xf86drm.h>

#include "card.h"
#include "harness.h"

#define QUEUES		24
#define VMS		8

/* Threads that the kernel keeps for workqueues of the driver. */
static unsigned int kernel_threads(void)
{
	unsigned int count = 0;
	struct dirent *entry;
	char path[300], comm[32];
	DIR *dir;
	FILE *f;

	dir = opendir("/proc");
	ASSERT(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f) && !strncmp(comm, "kworker/R-ogpu", 14))
			count++;
		fclose(f);
	}
	closedir(dir);
	return count;
}

TEST(queues_cost_no_threads)
{
	struct drm_ogpu_vm_create vm = {};
	unsigned int before, i;
	struct card card;

	card_open(&card);
	before = kernel_threads();
	EXPECT_GE(before, 1);
	for (i = 0; i < QUEUES; i++)
		card_queue(&card, DRM_OGPU_ENGINE_COMPUTE, 0);
	for (i = 0; i < VMS; i++)
		ASSERT_EQ(card_ioctl(&card, DRM_IOCTL_OGPU_VM_CREATE, &vm), 0);
	EXPECT_EQ(kernel_threads(), before);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
