// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The examples of docs/memory.md, as they stand there.
 */
#include "doc-memory.h"
#include "harness.h"

TEST(example_sparse)
{
	EXPECT_EQ(sparse(), 0);
}

/* -EOPNOTSUPP: the kernel or the platform cannot; svm.c sees to it that it says so rightly. */
TEST(example_mirrored)
{
	int ret = mirrored();

	if (ret == -EOPNOTSUPP)
		SKIP("no shared virtual memory");
	EXPECT_EQ(ret, 0);
}

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
