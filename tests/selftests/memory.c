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

int main(int argc, char **argv)
{
	return harness_run(argc, argv);
}
