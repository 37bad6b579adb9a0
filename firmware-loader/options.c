// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The command line of ogpu-fwload.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "options.h"
#include "util.h"

#define DEFAULT_TIMEOUT_S	60
#define MAX_TIMEOUT_S		86400

static const char usage[] =
	"Usage: ogpu-fwload COMMAND [OPTION]... [FILE]\n"
	"Verify firmware images and load them into OGPU cards.\n"
	"\n"
	"Commands:\n"
	"  list          show the cards of this machine\n"
	"  info FILE     show what is in an image\n"
	"  verify FILE   check structure and signature of an image, and with --device\n"
	"                or --all whether it suits the cards\n"
	"  load [FILE]   verify an image and load it; without FILE the one for the card's\n"
	"                board in the firmware folder\n"
	"  pending       tell whether other firmware is installed than the one that runs\n"
	"  update        load what is installed into cards that do not run it\n"
	"  status        show the state of uploads\n"
	"  cancel        cancel an upload\n"
	"\n"
	"Options:\n"
	"  -d, --device=ADDRESS       the card, for example 0000:03:00.0\n"
	"  -a, --all                  all cards\n"
	"  -k, --key=PATH             trust this public key, or all *.pub in this folder,\n"
	"                             instead of /etc/ogpu/keys.d and /usr/share/ogpu/keys\n"
	"  -n, --dry-run              check everything, change nothing\n"
	"  -w, --wait                 wait for a card that is missing or busy\n"
	"  -t, --timeout=SECONDS      limit for the whole of load, update or cancel (60)\n"
	"      --reset                update: cards that run other firmware, too; programs\n"
	"                             that use them lose them\n"
	"  -f, --force                load although board, revision, ABI or security version\n"
	"                             do not suit, or the same version runs; driver and\n"
	"                             card decide\n"
	"      --no-verify-signature  leave the check of the signature to the card\n"
	"  -j, --json                 write the result as JSON\n"
	"  -q, --quiet                no progress and no text on success\n"
	"      --firmware-dir=DIR     firmware folder, instead of /lib/firmware/updates/ogpu\n"
	"                             and /lib/firmware/ogpu\n"
	"      --sysfs-root=DIR       use another tree instead of /sys, for tests\n"
	"  -h, --help                 show this help\n"
	"  -V, --version              show the version\n"
	"\n"
	"Exit codes:\n";

enum {
	OPT_NO_VERIFY = 256,
	OPT_SYSFS_ROOT,
	OPT_FIRMWARE_DIR,
	OPT_RESET,
};

static const struct option long_options[] = {
	{ "device", required_argument, NULL, 'd' },
	{ "all", no_argument, NULL, 'a' },
	{ "key", required_argument, NULL, 'k' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "wait", no_argument, NULL, 'w' },
	{ "timeout", required_argument, NULL, 't' },
	{ "force", no_argument, NULL, 'f' },
	{ "no-verify-signature", no_argument, NULL, OPT_NO_VERIFY },
	{ "reset", no_argument, NULL, OPT_RESET },
	{ "json", no_argument, NULL, 'j' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "firmware-dir", required_argument, NULL, OPT_FIRMWARE_DIR },
	{ "sysfs-root", required_argument, NULL, OPT_SYSFS_ROOT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

/* Options that mean something to a command; those without a letter have a capital one here. */
static const struct {
	const char *name;
	enum command command;
	const char *options;
	bool file_allowed, file_needed;
} commands[] = {
	{ "list", CMD_LIST, "dajS", false, false },
	{ "info", CMD_INFO, "jqS", true, true },
	{ "verify", CMD_VERIFY, "dakjqS", true, true },
	{ "load", CMD_LOAD, "daknwtfNjqFS", true, false },
	{ "pending", CMD_PENDING, "dakjqFS", true, false },
	{ "update", CMD_UPDATE, "dakwtRjqFS", true, false },
	{ "status", CMD_STATUS, "dajS", false, false },
	{ "cancel", CMD_CANCEL, "datjqS", false, false },
};

static char option_letter(int c)
{
	switch (c) {
	case OPT_NO_VERIFY:
		return 'N';
	case OPT_SYSFS_ROOT:
		return 'S';
	case OPT_FIRMWARE_DIR:
		return 'F';
	case OPT_RESET:
		return 'R';
	default:
		return (char)c;
	}
}

static const char *option_name(char letter)
{
	size_t i;

	for (i = 0; long_options[i].name; i++)
		if (option_letter(long_options[i].val) == letter)
			return long_options[i].name;
	return "";
}

void options_help(void)
{
	static const enum fw_exit codes[] = {
		FW_EXIT_OK, FW_EXIT_FAILED, FW_EXIT_NOTHING, FW_EXIT_NO_DEVICE, FW_EXIT_INVALID,
		FW_EXIT_SIGNATURE, FW_EXIT_INCOMPATIBLE, FW_EXIT_ROLLBACK, FW_EXIT_BUSY,
		FW_EXIT_IO, FW_EXIT_TIMEOUT, FW_EXIT_CANCELLED, FW_EXIT_PENDING,
		FW_EXIT_NO_IMAGE, FW_EXIT_USAGE,
	};
	size_t i;

	fputs(usage, stdout);
	for (i = 0; i < ARRAY_SIZE(codes); i++)
		printf("  %2d  %s\n", codes[i], fw_exit_help(codes[i]));
}

static int parse_command(struct options *opt, const char *used, int argc, char **argv,
			 struct fw_error *err)
{
	const char *name = optind < argc ? argv[optind++] : NULL;
	size_t i;

	if (!name)
		return fw_fail(err, FW_EXIT_USAGE, "no command given; try 'ogpu-fwload --help'");

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			break;
	if (i == ARRAY_SIZE(commands))
		return fw_fail(err, FW_EXIT_USAGE,
			       "unknown command '%s'; try 'ogpu-fwload --help'", name);

	for (; *used; used++)
		if (!strchr(commands[i].options, *used))
			return fw_fail(err, FW_EXIT_USAGE, "--%s means nothing to %s",
				       option_name(*used), name);
	opt->command = commands[i].command;
	opt->command_name = commands[i].name;
	if (commands[i].file_allowed && optind < argc)
		opt->file = argv[optind++];
	if (commands[i].file_needed && !opt->file)
		return fw_fail(err, FW_EXIT_USAGE, "%s needs the name of an image file", name);
	if (optind < argc)
		return fw_fail(err, FW_EXIT_USAGE, "%s: unexpected argument '%s'", name,
			       argv[optind]);
	if (opt->all && opt->device)
		return fw_fail(err, FW_EXIT_USAGE, "--all and --device exclude each other");
	return 0;
}

int options_parse(struct options *opt, int argc, char **argv, struct fw_error *err)
{
	char used[32] = "";
	uint32_t number;
	int c;

	*opt = (struct options){
		.timeout_s = DEFAULT_TIMEOUT_S,
		.sysfs_root = SYSFS_ROOT,
	};

	opterr = 0;
	while ((c = getopt_long(argc, argv, "d:ak:nwt:fjqhV", long_options, NULL)) >= 0) {
		if (!strchr(used, option_letter(c)) && strlen(used) < sizeof(used) - 1)
			used[strlen(used)] = option_letter(c);
		switch (c) {
		case 'd':
			opt->device = optarg;
			break;
		case 'a':
			opt->all = true;
			break;
		case 'k':
			if (opt->key_count == MAX_KEYS)
				return fw_fail(err, FW_EXIT_USAGE,
					       "more than %d --key: name a folder", MAX_KEYS);
			opt->keys[opt->key_count++] = optarg;
			break;
		case 'n':
			opt->dry_run = true;
			break;
		case 'w':
			opt->wait = true;
			break;
		case 't':
			if (!parse_u32(optarg, MAX_TIMEOUT_S, &number) || !number)
				return fw_fail(err, FW_EXIT_USAGE,
					       "--timeout: '%s' is not 1 to %d seconds", optarg,
					       MAX_TIMEOUT_S);
			opt->timeout_s = number;
			break;
		case 'f':
			opt->force = true;
			break;
		case OPT_NO_VERIFY:
			opt->no_verify_signature = true;
			break;
		case OPT_RESET:
			opt->reset = true;
			break;
		case 'j':
			opt->json = true;
			break;
		case 'q':
			opt->quiet = true;
			break;
		case OPT_FIRMWARE_DIR:
			opt->firmware_dir = optarg;
			break;
		case OPT_SYSFS_ROOT:
			opt->sysfs_root = optarg;
			break;
		case 'h':
			opt->command = CMD_HELP;
			return 0;
		case 'V':
			opt->command = CMD_VERSION;
			return 0;
		default:
			return fw_fail(err, FW_EXIT_USAGE,
				       "cannot use option '%s'; try 'ogpu-fwload --help'",
				       argv[optind - 1]);
		}
	}
	return parse_command(opt, used, argc, argv, err);
}
