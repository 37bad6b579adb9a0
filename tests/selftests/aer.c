// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Errors of the bus, played by the kernel (see aer.h).
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "aer.h"
#include "card.h"

#define SEEN_MS		20000

/** struct aer_error - what /dev/aer_inject takes */
struct aer_error {
	uint8_t bus;
	uint8_t dev;
	uint8_t fn;
	uint32_t uncor_status;
	uint32_t cor_status;
	uint32_t header_log[4];
	uint32_t domain;
};

bool aer_play(const struct admin *admin, uint32_t status)
{
	struct aer_error error = { .uncor_status = status, .header_log = { 0, 1, 2, 3 } };
	unsigned int domain, bus, dev, fn;
	ssize_t done;
	int fd;

	if (sscanf(admin->address, "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		return false;
	error.domain = domain;
	error.bus = bus;
	error.dev = dev;
	error.fn = fn;
	fd = open("/dev/aer_inject", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write(fd, &error, sizeof(error));
	close(fd);

	return done == (ssize_t)sizeof(error);
}

/* How many errors of the card the PCI core has dealt with, of all kinds that are not corrected. */
static int seen(const struct admin *admin)
{
	char path[128], line[256];
	int count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/aer_dev_nonfatal", admin->dir);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "TOTAL_ERR_NONFATAL ", 19))
			count = atoi(line + 19);
	if (file)
		fclose(file);

	return count;
}

bool aer_can(const struct admin *admin)
{
	char path[128];

	admin_run("modprobe aer_inject 2>/dev/null");
	snprintf(path, sizeof(path), "%s/aer_dev_nonfatal", admin->dir);

	return !access("/dev/aer_inject", W_OK) && !access(path, R_OK);
}

bool aer_play_nonfatal(const struct admin *admin)
{
	uint64_t end = time_limit(SEEN_MS);
	int before = seen(admin);

	if (!aer_play(admin, PCI_ERR_UNC_COMP_ABORT))
		return false;
	while (seen(admin) == before) {
		if (time_ms() > end)
			return false;
		sleep_ms(2);
	}

	return true;
}
