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
	"       ogpu-fwsign prepare --public FILE --output FILE [OPTION]... PROGRAM\n"
	"       ogpu-fwsign attach --public FILE --signature FILE --output FILE IMAGE\n"
	"       ogpu-fwsign dump IMAGE\n"
	"Make key pairs and signed firmware images for OGPU cards.\n"
	"\n"
	"  keygen  make an Ed25519 key pair\n"
	"  sign    make a signed image from PROGRAM, a static ELF32 RISC-V file\n"
	"  prepare make an image without signature, and FILE.tbs, the bytes to be signed\n"
	"  attach  put a signature that was made elsewhere into an image\n"
	"  dump    show what is in an image\n"
	"\n"
	"  -k, --key=FILE              private key\n"
	"  -p, --public=FILE           public key\n"
	"  -o, --output=FILE           image\n"
	"  -s, --signature=FILE        Ed25519 signature: 64 bytes, or as hexadecimal digits\n"
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
	{ "signature", required_argument, NULL, 's' },
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
	const char *signature;
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
	while ((c = getopt_long(argc, argv, "k:p:o:s:h", long_options, &index)) >= 0) {
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
		case 's':
			opt->signature = optarg;
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

/* What is read must not be replaced by mistake. */
static int check_output(const struct options *opt, const char *key, const char *path,
			struct fw_error *err)
{
	if (file_same(opt->output, key) || file_same(opt->output, path))
		return fw_fail(err, FW_EXIT_USAGE, "%s: is read, too; name another --output",
			       opt->output);
	return 0;
}

/* The bytes that a signature covers, in a file beside the image. */
static int write_signed_part(const struct options *opt, const uint8_t *image, struct fw_error *err)
{
	struct ogpu_fw_header hdr;
	char *name;
	int ret;

	if (asprintf(&name, "%s.tbs", opt->output) < 0)
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	memcpy(&hdr, image, sizeof(hdr));
	ret = file_write(name, 0644, image, hdr.signature_offset, err);
	free(name);
	return ret;
}

/* Makes an image from a program: signed, or with @public prepared for that. */
static int make_image(const struct options *opt, const char *path, const struct signing_key *key,
		      const uint8_t *public, struct fw_error *err)
{
	uint8_t *data, *image;
	struct elf32 elf;
	size_t size;
	int ret;

	/* A program with symbols is much larger than what is loaded of it. */
	if (file_read(path, 64u << 20, &data, &size, err))
		return -1;
	ret = elf32_parse(&elf, path, data, size, err);
	if (ret)
		goto free_program;
	ret = key ? image_build(&opt->spec, &elf, key, &image, &size, err) :
	      image_prepare(&opt->spec, &elf, public, &image, &size, err);
	if (ret)
		goto free_program;
	ret = file_write(opt->output, 0644, image, size, err);
	if (!ret && !key)
		ret = write_signed_part(opt, image, err);

	free(image);
free_program:
	free(data);
	return ret;
}

static int cmd_sign(const struct options *opt, const char *path, struct fw_error *err)
{
	struct signing_key key;

	if (!opt->key || !opt->output)
		return fw_fail(err, FW_EXIT_USAGE, "sign needs --key and --output");
	if (check_output(opt, opt->key, path, err) || key_read_secret(opt->key, &key, err))
		return -1;
	return make_image(opt, path, &key, NULL, err);
}

static int cmd_prepare(const struct options *opt, const char *path, struct fw_error *err)
{
	uint8_t public[KEY_SIZE];

	if (!opt->public || !opt->output)
		return fw_fail(err, FW_EXIT_USAGE, "prepare needs --public and --output");
	if (check_output(opt, opt->public, path, err) ||
	    key_read_public(opt->public, public, err))
		return -1;
	return make_image(opt, path, NULL, public, err);
}

static int cmd_attach(const struct options *opt, const char *path, struct fw_error *err)
{
	uint8_t public[KEY_SIZE], signature[OGPU_FW_SIGNATURE_SIZE];
	struct fw_image image;
	int ret;

	if (!opt->public || !opt->signature || !opt->output)
		return fw_fail(err, FW_EXIT_USAGE,
			       "attach needs --public, --signature and --output");
	if (check_output(opt, opt->public, opt->signature, err) ||
	    check_output(opt, path, path, err) ||
	    key_read_public(opt->public, public, err) ||
	    signature_read(opt->signature, signature, err) || image_open(&image, path, err))
		return -1;
	ret = image_attach(image.data, public, signature, err);
	if (!ret)
		ret = file_write(opt->output, 0644, image.data, image.size, err);
	image_close(&image);
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
	if (!strcmp(command, "prepare") && argc == 1)
		return cmd_prepare(&opt, argv[0], err);
	if (!strcmp(command, "attach") && argc == 1)
		return cmd_attach(&opt, argv[0], err);
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
