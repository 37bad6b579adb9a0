// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues that a user leaves to others: half of what there is for each who comes, a fixed number if
 * the administrator says so, and all for who has CAP_SYS_RESOURCE.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "card.h"
#include "harness.h"

#define LIMIT	"/sys/module/ogpu/parameters/max_queues_per_user"

/* Opened by this user; the caller is root again afterwards. */
static void open_as(struct card *card, uid_t uid)
{
	ASSERT_EQ(seteuid(uid), 0);
	card_open(card);
	ASSERT_EQ(seteuid(0), 0);
}

static int create_as(struct card *card, uid_t uid, uint32_t *id)
{
	struct drm_ogpu_queue_create args = {
		.vm_id = card->vm,
		.engine = DRM_OGPU_ENGINE_COPY,
		.priority = DRM_OGPU_PRIORITY_NORMAL,
	};
	int ret;

	ASSERT_EQ(seteuid(uid), 0);
	ret = card_ioctl(card, DRM_IOCTL_OGPU_QUEUE_CREATE, &args);
	ASSERT_EQ(seteuid(0), 0);
	if (id)
		*id = args.queue_id;

	return ret;
}

/* Until it is refused with this error; returns how many there were. */
static uint32_t create_all(struct card *card, uid_t uid, int error)
{
	uint32_t count = 0;
	int ret;

	while (!(ret = create_as(card, uid, NULL)))
		count++;
	EXPECT_EQ(ret, error);

	return count;
}

static void set_limit(unsigned int limit)
{
	FILE *f = fopen(LIMIT, "w");

	ASSERT(f);
	fprintf(f, "%u\n", limit);
	ASSERT_EQ(fclose(f), 0);
}

static void open_nodes(void)
{
	glob_t nodes;
	size_t i;

	ASSERT_EQ(glob("/dev/dri/renderD*", 0, NULL, &nodes), 0);
	for (i = 0; i < nodes.gl_pathc; i++)
		ASSERT_EQ(chmod(nodes.gl_pathv[i], 0666), 0);
	globfree(&nodes);
}

TEST(shares)
{
	struct card first, again, second, root;
	uint32_t max, half, quarter, id;

	open_nodes();
	open_as(&first, 65534);
	open_as(&second, 65533);
	card_open(&root);
	max = first.info.max_queues;
	ASSERT_GE(max, 8);

	/* One who has as many as are left for others gets no more, with another file neither. */
	half = create_all(&first, 65534, -EDQUOT);
	EXPECT_EQ(half, (max + 1) / 2);
	open_as(&again, 65534);
	EXPECT_EQ(create_as(&again, 65534, NULL), -EDQUOT);

	quarter = create_all(&second, 65533, -EDQUOT);
	EXPECT_EQ(quarter, (max - half + 1) / 2);

	/* What was destroyed can be had again at once. */
	card_close(&second);
	open_as(&second, 65533);
	EXPECT_EQ(create_as(&second, 65533, &id), 0);
	EXPECT_EQ(card_queue_destroy(&second, id), 0);
	EXPECT_EQ(create_all(&second, 65533, -EDQUOT), quarter);

	EXPECT_EQ(create_all(&root, 0, -ENOSPC), max - half - quarter);
}

TEST(limit)
{
	struct card first, second;

	open_nodes();
	open_as(&first, 65534);
	open_as(&second, 65533);
	set_limit(3);
	EXPECT_EQ(create_all(&first, 65534, -EDQUOT), 3);
	EXPECT_EQ(create_all(&second, 65533, -EDQUOT), 3);
	set_limit(4);
	EXPECT_EQ(create_all(&first, 65534, -EDQUOT), 1);
	set_limit(0);
	EXPECT_EQ(create_as(&first, 65534, NULL), 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
