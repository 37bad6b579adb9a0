/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The command line of ogpu-vgpu.
 */
#ifndef OGPU_VGPU_OPTIONS_H
#define OGPU_VGPU_OPTIONS_H

#include "nonvol.h"
#include "vgpu.h"

struct options {
	struct vgpu_config config;
	struct nonvol nonvol;	/* config.nonvol */
	const char *state_path;	/* NULL: none */
	bool once;		/* end after the first client */
	bool announced;		/* said that the socket is ready */
	int exit_code;		/* if options_parse() says not to go on */
};

#define EXIT_USAGE	64

bool options_parse(struct options *opt, int argc, char **argv);

#endif
