// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * ogpu-fwsign: makes key pairs and signed firmware images.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "abi/mbox.h"
#include "abi/regs.h"
#include "image.h"
#include "image_build.h"
#include "keys.h"
#include "util.h"

static const char usage[] =
	"Usage: ogpu-fwsign keygen --key FILE --public FILE\n"
	"       ogpu-fwsign sign --key FILE --output FILE [OPTION]... PROGRAM\n"
	"       ogpu-fwsign dump IMAGE\n"
	"Make key pairs and signed firmware images for OGPU cards.\n"
	"\n"
	"  keygen  make an Ed25519 key pair\n"
	"  sign    make a signed image from PROGRAM, a static ELF32 RISC-V file\n"
	"  dump    show what is in an image\n"
	"\n"
	"  -k, --key=FILE              private key\n"
	"  -p, --public=FILE           public key\n"
	"  -o, --output=FILE           image\n"
	"      --version=A.B.C         firmware version (0.0.0)\n"
	"      --svn=N                 security version (1)\n"
	"      --vendor=ID             PCI vendor (0x1234)\n"
	"      --device=ID             PCI device (0x0601)\n"
	"      --board=ID              board (0x4f470001)\n"
	"      --hw-rev=N[-M]          board revisions (1-65535)\n"
	"      --driver-abi=N[-M]      driver ABI versions (1)\n"
	"      --fw-abi=N[-M]          message ABI versions that the firmware speaks (2)\n"
	"      --build-id=TEXT         up to 40 characters\n"
	"      --name=TEXT             up to 32 characters (OGPU management firmware)\n"
	"      --info=TEXT             text for people, stored in the image\n"
	"  -h, --help                  show this help\n"
	"\n"
	"Exit codes: 0 success, 1 error, 4 invalid program or image, 5 bad key, 64 wrong usage.\n";

enum {
	OPT_VERSION = 256,
	OPT_SVN,
	OPT_VENDOR,
	OPT_DEVICE,
	OPT_BOARD,
	OPT_HW_REV,
	OPT_DRIVER_ABI,
	OPT_FW_ABI,
	OPT_BUILD_ID,
	OPT_NAME,
	OPT_INFO,
};

static const struct option long_options[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "public", required_argument, NULL, 'p' },
	{ "output", required_argument, NULL, 'o' },
	{ "version", required_argument, NULL, OPT_VERSION },
	{ "svn", required_argument, NULL, OPT_SVN },
	{ "vendor", required_argument, NULL, OPT_VENDOR },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "board", required_argument, NULL, OPT_BOARD },
	{ "hw-rev", required_argument, NULL, OPT_HW_REV },
	{ "driver-abi", required_argument, NULL, OPT_DRIVER_ABI },
	{ "fw-abi", required_argument, NULL, OPT_FW_ABI },
	{ "build-id", required_argument, NULL, OPT_BUILD_ID },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "info", required_argument, NULL, OPT_INFO },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

struct options {
	const char *key;
	const char *public;
	const char *output;
	struct image_spec spec;
};

static int parse_spec(struct image_spec *spec, int option, const char *arg)
{
	uint32_t id;

	switch (option) {
	case OPT_VERSION:
		return parse_version(arg, spec->version) ? 0 : -1;
	case OPT_SVN:
		return parse_u32(arg, UINT32_MAX, &spec->svn) ? 0 : -1;
	case OPT_VENDOR:
		if (!parse_u32(arg, UINT16_MAX, &id))
			return -1;
		spec->vendor = (uint16_t)id;
		return 0;
	case OPT_DEVICE:
		if (!parse_u32(arg, UINT16_MAX, &id))
			return -1;
		spec->device = (uint16_t)id;
		return 0;
	case OPT_BOARD:
		return parse_u32(arg, UINT32_MAX, &spec->board_id) ? 0 : -1;
	case OPT_HW_REV:
		return parse_range(arg, UINT16_MAX, &spec->hw_rev[0], &spec->hw_rev[1]) ? 0 : -1;
	case OPT_DRIVER_ABI:
		return parse_range(arg, UINT32_MAX, &spec->driver_abi[0],
				   &spec->driver_abi[1]) ? 0 : -1;
	case OPT_FW_ABI:
		return parse_range(arg, UINT32_MAX, &spec->fw_abi[0], &spec->fw_abi[1]) ? 0 : -1;
	case OPT_BUILD_ID:
		spec->build_id = arg;
		return 0;
	case OPT_NAME:
		spec->name = arg;
		return 0;
	case OPT_INFO:
		spec->info = arg;
		return 0;
	}
	return -1;
}

static int parse_options(struct options *opt, int argc, char **argv, struct fw_error *err)
{
	int c, index;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "k:p:o:h", long_options, &index)) >= 0) {
		switch (c) {
		case 'k':
			opt->key = optarg;
			break;
		case 'p':
			opt->public = optarg;
			break;
		case 'o':
			opt->output = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(FW_EXIT_OK);
		case '?':
			return fw_fail(err, FW_EXIT_USAGE,
				       "cannot use option '%s'; try 'ogpu-fwsign --help'",
				       argv[optind - 1]);
		default:
			if (parse_spec(&opt->spec, c, optarg))
				return fw_fail(err, FW_EXIT_USAGE, "--%s: cannot use '%s'",
					       long_options[index].name, optarg);
		}
	}
	return 0;
}

static int cmd_keygen(const struct options *opt, struct fw_error *err)
{
	struct signing_key key;

	if (!opt->key || !opt->public)
		return fw_fail(err, FW_EXIT_USAGE, "keygen needs --key and --public");
	if (!strcmp(opt->key, opt->public))
		return fw_fail(err, FW_EXIT_USAGE, "--key and --public name one file");

	key_generate(&key);
	return key_write(&key, opt->key, opt->public, err);
}

static int cmd_sign(const struct options *opt, const char *path, struct fw_error *err)
{
	struct signing_key key;
	uint8_t *data, *image;
	struct elf32 elf;
	size_t size;
	int ret;

	if (!opt->key || !opt->output)
		return fw_fail(err, FW_EXIT_USAGE, "sign needs --key and --output");
	if (file_same(opt->output, opt->key) || file_same(opt->output, path))
		return fw_fail(err, FW_EXIT_USAGE, "%s: is read, too; name another --output",
			       opt->output);
	if (key_read_secret(opt->key, &key, err))
		return -1;

	/* A program with symbols is much larger than what is loaded of it. */
	if (file_read(path, 64u << 20, &data, &size, err))
		return -1;
	ret = elf32_parse(&elf, path, data, size, err);
	if (ret)
		goto free_program;
	ret = image_build(&opt->spec, &elf, &key, &image, &size, err);
	if (ret)
		goto free_program;
	ret = file_write(opt->output, 0644, image, size, err);

	free(image);
free_program:
	free(data);
	return ret;
}

static int cmd_dump(const char *path, struct fw_error *err)
{
	struct fw_image image;

	if (image_open(&image, path, err))
		return -1;
	image_print(&image, stdout);
	image_close(&image);
	return 0;
}

static int run(int argc, char **argv, struct fw_error *err)
{
	struct options opt = {
		.spec = {
			.svn = 1,
			.vendor = OGPU_PCI_VENDOR,
			.device = OGPU_PCI_DEVICE_OGPU1,
			.board_id = OGPU_BOARD_DEV,
			.hw_rev = { OGPU_BOARD_DEV_HW_REV, UINT16_MAX },
			.driver_abi = { OGPU_DRIVER_ABI_VERSION, OGPU_DRIVER_ABI_VERSION },
			.fw_abi = { OGPU_FW_ABI_VERSION, OGPU_FW_ABI_VERSION },
			.build_id = "",
			.name = "OGPU management firmware",
		},
	};
	const char *command;

	if (parse_options(&opt, argc, argv, err))
		return -1;

	command = optind < argc ? argv[optind++] : "";
	argc -= optind;
	argv += optind;
	if (!strcmp(command, "keygen") && argc == 0)
		return cmd_keygen(&opt, err);
	if (!strcmp(command, "sign") && argc == 1)
		return cmd_sign(&opt, argv[0], err);
	if (!strcmp(command, "dump") && argc == 1)
		return cmd_dump(argv[0], err);
	return fw_fail(err, FW_EXIT_USAGE,
		       "no such command, or wrong number of arguments; try 'ogpu-fwsign --help'");
}

int main(int argc, char **argv)
{
	struct fw_error err = { .code = FW_EXIT_OK };

	keys_init();
	if (run(argc, argv, &err)) {
		fprintf(stderr, "ogpu-fwsign: %s\n", err.text);
		return err.code;
	}
	if (fflush(stdout)) {
		perror("ogpu-fwsign: standard output");
		return FW_EXIT_FAILED;
	}
	return FW_EXIT_OK;
}
