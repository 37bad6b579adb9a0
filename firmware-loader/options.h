/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The command line of ogpu-fwload.
 */
#ifndef OGPU_LOADER_OPTIONS_H
#define OGPU_LOADER_OPTIONS_H

#include <stdbool.h>

#include "error.h"

#define MAX_KEYS	32

enum command {
	CMD_LIST,
	CMD_INFO,
	CMD_VERIFY,
	CMD_LOAD,
	CMD_STATUS,
	CMD_CANCEL,
	CMD_PENDING,
	CMD_UPDATE,
	CMD_HELP,
	CMD_VERSION,
};

struct options {
	enum command command;
	const char *command_name;
	const char *file;	/* NULL: none given */
	const char *device;
	bool all;
	bool json;
	bool quiet;
	bool dry_run;
	bool force;
	bool no_verify_signature;
	bool wait;
	bool reset;
	unsigned int timeout_s;
	const char *sysfs_root;
	const char *firmware_dir;	/* NULL: the standard ones */
	const char *keys[MAX_KEYS];
	unsigned int key_count;
};

/**
 * options_parse() - understand the command line
 * @opt: filled; refers to @argv
 * @argc: of main()
 * @argv: of main()
 * @err: filled in case of error
 *
 * Return: 0, or -1 with FW_EXIT_USAGE.
 */
int options_parse(struct options *opt, int argc, char **argv, struct fw_error *err);

/**
 * options_help() - print the help to standard output
 */
void options_help(void);

#endif
