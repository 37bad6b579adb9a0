// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * For builds with the address sanitizer: libunicorn forgets to free something.
 */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libunicorn";
}
