// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The firmware's printf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format.h"

static char buf[64];

__attribute__((format(printf, 2, 3)))
static size_t format(size_t size, const char *fmt, ...)
{
	va_list args;
	size_t used;

	va_start(args, fmt);
	used = format_text(buf, size, fmt, args);
	va_end(args);
	assert_int_equal(used, strlen(buf));
	return used;
}

static void test_conversions(void **state)
{
	(void)state;
	format(sizeof(buf), "%lu %lu", 0ul, 4294967295ul);
	assert_string_equal(buf, "0 4294967295");
	format(sizeof(buf), "%ld %ld %ld", -1l, 2147483647l, -2147483648l);
	assert_string_equal(buf, "-1 2147483647 -2147483648");
	format(sizeof(buf), "%lx 0x%08lx", 0xbeeful, 0x12abul);
	assert_string_equal(buf, "beef 0x000012ab");
	format(sizeof(buf), "%llx", 0x123456789abcdef0ull);
	assert_string_equal(buf, "123456789abcdef0");
	format(sizeof(buf), "[%5lu.%06lu] %s%%", 12ul, 34ul, "x");
	assert_string_equal(buf, "[   12.000034] x%");
}

static void test_bounds(void **state)
{
	(void)state;
	memset(buf, '#', sizeof(buf));
	assert_int_equal(format(5, "abcdefgh"), 4);
	assert_string_equal(buf, "abcd");
	assert_int_equal(buf[5], '#');
	assert_int_equal(format(1, "%lu", 5ul), 0);
	assert_int_equal(format(4, "%08lx", 1ul), 3);
	assert_string_equal(buf, "000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversions),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("firmware-format", tests, NULL, NULL);
}
