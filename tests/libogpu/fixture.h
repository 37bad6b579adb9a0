/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What each test begins with: a card of the fake driver and an address space. After cmocka.h. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "fake_kernel.h"

struct fixture {
	struct ogpu_device *dev;
	struct ogpu_vm *vm;
};

static inline int setup(void **state)
{
	static struct fixture f;

	fake_reset();
	if (ogpu_device_open(fake_node(), &f.dev) || ogpu_vm_create(f.dev, &f.vm))
		return -1;
	*state = &f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	ogpu_vm_destroy(f->vm);
	ogpu_device_close(f->dev);
	return fake.live_bos ? -1 : 0;	/* nothing may leak */
}

#define IN_VM(test)	cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
