// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "nap.h"

bool nap_put(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY), err;
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, word, strlen(word)) == (ssize_t)strlen(word);
	err = errno;
	close(fd);
	errno = err;

	return ok;
}

bool nap_offers(const char *path, const char *word)
{
	char text[200] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);

	return strstr(text, word);
}

void nap_need(const char *path, const char *word)
{
	if (!nap_offers(path, word))
		SKIP("the kernel cannot do that");
}

int nap_machine(const char *state)
{
	return nap_put("/sys/power/state", state) ? 0 : -errno;
}

void nap_once(void)
{
	int ret;

	if (nap_offers("/sys/power/pm_test", "devices")) {
		nap_put("/sys/module/suspend/parameters/pm_test_delay", "1");
		ASSERT(nap_put("/sys/power/pm_test", "devices"));
		ret = nap_machine("freeze");
		ASSERT(nap_put("/sys/power/pm_test", "none"));
		ASSERT_EQ(ret, 0);
		return;
	}
	nap_need("/sys/power/mem_sleep", "deep");
	ASSERT(nap_put("/sys/power/mem_sleep", "deep"));
	ASSERT_EQ(nap_machine("mem"), 0);
}
