// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The backend refuses a ggml that it was not made for: guard LIBRARY VERSION...; prints TAP. The
 * last version is the one that is taken. This program stands for ggml, of which the library asks
 * nothing but the version then.
 */
#include <dlfcn.h>
#include <stdio.h>

static const char *version;

const char *ggml_version(void);
const char *ggml_version(void)
{
	return version;
}

int main(int argc, char **argv)
{
	void *(*init)(void);
	void *library;
	int failed = 0;

	if (argc < 3)
		return 2;
	library = dlopen(argv[1], RTLD_LAZY);
	if (!library) {
		fprintf(stderr, "guard: %s\n", dlerror());
		return 1;
	}
	init = (void *(*)(void))dlsym(library, "ggml_backend_init");
	if (!init)
		return 1;
	for (int i = 2; i < argc; i++) {
		int taken, right;

		version = argv[i];
		taken = !!init();
		right = taken == (i == argc - 1);
		printf("%s %d - ggml %s is %s\n", right ? "ok" : "not ok", i - 1, version,
		       taken ? "taken" : "refused");
		failed |= !right;
	}
	printf("1..%d\n", argc - 2);
	return failed;
}
