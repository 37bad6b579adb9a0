// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of ogpu_queue_error.c: user space hears the words of the uapi, whatever firmware
 * tells.
 */
#include <kunit/test.h>

static void ogpu_queue_error_test_failure(struct kunit *test)
{
	const struct ogpu_msg_queue_error msg = {
		.error = cpu_to_le32(OGPU_QERR_MEMORY),
		.fault_va = cpu_to_le64(0x123456789000ull),
		.pc = cpu_to_le64(0x1000),
		.access = OGPU_ACCESS_WRITE,
		.reason = OGPU_FAULT_PERMISSION,
		.detail = cpu_to_le32(0x0005302f),
	};
	struct ogpu_queue_failure why = ogpu_queue_failure_from(&msg);

	KUNIT_EXPECT_EQ(test, why.code, DRM_OGPU_QUEUE_ERR_MEMORY);
	KUNIT_EXPECT_EQ(test, why.fault_va, 0x123456789000ull);
	KUNIT_EXPECT_EQ(test, why.pc, 0x1000ull);
	KUNIT_EXPECT_EQ(test, why.access, DRM_OGPU_ACCESS_WRITE);
	KUNIT_EXPECT_EQ(test, why.reason, DRM_OGPU_FAULT_PERMISSION);
	KUNIT_EXPECT_EQ(test, why.detail, 0x0005302f);
}

static void ogpu_queue_error_test_reasons(struct kunit *test)
{
	static const struct {
		enum ogpu_fault_reason hw;
		u32 uapi;
	} reasons[] = {
		{ OGPU_FAULT_NONE, 0 },
		{ OGPU_FAULT_NO_AS, DRM_OGPU_FAULT_NOT_MAPPED },
		{ OGPU_FAULT_NOT_MAPPED, DRM_OGPU_FAULT_NOT_MAPPED },
		{ OGPU_FAULT_PERMISSION, DRM_OGPU_FAULT_PERMISSION },
		{ OGPU_FAULT_PTE, DRM_OGPU_FAULT_BUS },
		{ OGPU_FAULT_VA_RANGE, DRM_OGPU_FAULT_VA_RANGE },
		{ OGPU_FAULT_BUS, DRM_OGPU_FAULT_BUS },
		{ OGPU_FAULT_APERTURE, DRM_OGPU_FAULT_APERTURE },
		{ OGPU_FAULT_POISON, DRM_OGPU_FAULT_POISON },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		const struct ogpu_msg_queue_error msg = { .reason = reasons[i].hw };

		KUNIT_EXPECT_EQ(test, ogpu_queue_failure_from(&msg).reason, reasons[i].uapi);
	}
}

static void ogpu_queue_error_test_codes(struct kunit *test)
{
	static const struct {
		u32 hw;
		u32 uapi;
	} codes[] = {
		{ OGPU_QERR_RING, DRM_OGPU_QUEUE_ERR_RING },
		{ OGPU_QERR_KILLED, DRM_OGPU_QUEUE_ERR_TIMEOUT },
		{ OGPU_QERR_ENGINE, DRM_OGPU_QUEUE_ERR_ENGINE },
		{ OGPU_QERR_SAVE, DRM_OGPU_QUEUE_ERR_SAVE },
		/* The card is reset for ENGINE, so nothing that is not known may become that. */
		{ OGPU_QERR_BARRIER, DRM_OGPU_QUEUE_ERR_UNKNOWN },
		{ 12, DRM_OGPU_QUEUE_ERR_UNKNOWN },
		{ OGPU_QERR_SAVE + 1, DRM_OGPU_QUEUE_ERR_UNKNOWN },
		{ U32_MAX, DRM_OGPU_QUEUE_ERR_UNKNOWN },
		/* Something has failed, even if firmware does not say so. */
		{ OGPU_QERR_NONE, DRM_OGPU_QUEUE_ERR_UNKNOWN },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		const struct ogpu_msg_queue_error msg = { .error = cpu_to_le32(codes[i].hw) };

		KUNIT_EXPECT_EQ(test, ogpu_queue_failure_from(&msg).code, codes[i].uapi);
	}
}

static struct kunit_case ogpu_queue_error_cases[] = {
	KUNIT_CASE(ogpu_queue_error_test_failure),
	KUNIT_CASE(ogpu_queue_error_test_reasons),
	KUNIT_CASE(ogpu_queue_error_test_codes),
	{ }
};

static struct kunit_suite ogpu_queue_error_suite = {
	.name = "ogpu_queue_error",
	.test_cases = ogpu_queue_error_cases,
};

kunit_test_suite(ogpu_queue_error_suite);
