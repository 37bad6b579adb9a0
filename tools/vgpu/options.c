// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The command line: parsing, defaults, limits, help.
 */
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/discovery.h"
#include "options.h"

#define MIB		0x100000ull
#define VRAM_MAX	BIT_ULL(40)
#define CU_MAX		64u
#define DOORBELLS_MAX	4096u

enum {
	OPT_SOCKET = 256,
	OPT_CONTROL,
	OPT_TRACE,
	OPT_VRAM,
	OPT_APERTURE,
	OPT_CUS,
	OPT_FUSED,
	OPT_COMPUTE_SLOTS,
	OPT_COPY_SLOTS,
	OPT_DOORBELLS,
	OPT_BOARD_ID,
	OPT_HW_REV,
	OPT_FUSE_SVN,
	OPT_ROOT_KEY,
	OPT_REVOKE_KEY,
	OPT_STATE,
	OPT_UUID,
	OPT_THREADS,
	OPT_JOB_MS,
	OPT_STRICT,
	OPT_ONCE,
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "vram", required_argument, NULL, OPT_VRAM },
	{ "aperture", required_argument, NULL, OPT_APERTURE },
	{ "cus", required_argument, NULL, OPT_CUS },
	{ "fused", required_argument, NULL, OPT_FUSED },
	{ "compute-slots", required_argument, NULL, OPT_COMPUTE_SLOTS },
	{ "copy-slots", required_argument, NULL, OPT_COPY_SLOTS },
	{ "doorbells", required_argument, NULL, OPT_DOORBELLS },
	{ "job-ms", required_argument, NULL, OPT_JOB_MS },
	{ "board-id", required_argument, NULL, OPT_BOARD_ID },
	{ "hw-rev", required_argument, NULL, OPT_HW_REV },
	{ "fuse-svn", required_argument, NULL, OPT_FUSE_SVN },
	{ "root-key", required_argument, NULL, OPT_ROOT_KEY },
	{ "revoke-key", required_argument, NULL, OPT_REVOKE_KEY },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "uuid", required_argument, NULL, OPT_UUID },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static const char help[] =
"Usage: ogpu-vgpu --socket PATH --root-key FILE [OPTION]...\n"
"A virtual OGPU-1 card as a vfio-user device for QEMU.\n"
"\n"
"  --socket PATH        UNIX socket that QEMU connects to (needed)\n"
"  --root-key FILE      Ed25519 public key in the fuses: 32 bytes, or 64 hexadecimal\n"
"                       digits; up to four times, for as many key slots; without it\n"
"                       the boot ROM refuses every firmware\n"
"  --state FILE         keep there what outlives power, see ogpu-vgpu(8)\n"
"  --control PATH       UNIX socket for state and fault injection, see ogpu-vgpu(8)\n"
"  --trace FILE         write a line for each register access, packet, interrupt and DMA\n"
"                       mapping; - means standard error\n"
"  --once               end when the first client leaves\n"
"  -V, --version        print the version of the hardware contract and end\n"
"  -h, --help           print this and end\n"
"\n"
"The card (sizes take the suffixes K, M and G):\n"
"  --vram SIZE          memory, a multiple of 1M, at least 16M (256M)\n"
"  --aperture SIZE      part of it in BAR 2, a power of two, at least 16M\n"
"                       (as large as possible)\n"
"  --cus N              compute units on the die, 1 to 64 (4)\n"
"  --fused LIST         numbers of the units fused off, as in 0,3 (none)\n"
"  --compute-slots N    hardware slots for compute queues, at least 1 (6)\n"
"  --copy-slots N       hardware slots for copy queues, at least 1 (2); 32 in total\n"
"  --doorbells N        the most queues that can exist, 1 to 4096 (256)\n"
"  --job-ms N           limit of a job's time that discovery tells, 1 to 86400000 (10000)\n"
"  --board-id N         board that firmware must be made for (0x4f470001)\n"
"  --hw-rev N           revision that firmware must allow, 0 to 255 (1)\n"
"  --fuse-svn N         lowest security version of firmware that is accepted (0)\n"
"  --revoke-key N       the key of slot N, 0 to 3, is revoked (none)\n"
"  --uuid UUID          identity of the card (derived from the path of the socket)\n"
"  --threads N          host threads that execute the compute units, 1 to 64\n"
"                       (processors online)\n"
"  --strict             let packets overlap, and keep code and data in caches, as far as the\n"
"                       contract allows, to find software that does not say what it needs\n"
"\n"
"Exit status: 0 ended as asked (SIGTERM, SIGINT or --once), 1 failure, 2 wrong usage.\n";

static bool fail(struct options *opt, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool fail(struct options *opt, const char *fmt, ...)
{
	va_list args;

	fputs("ogpu-vgpu: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("; see --help\n", stderr);
	opt->exit_code = EXIT_USAGE;
	return false;
}

static bool parse_number(struct options *opt, const char *name, uint64_t min, uint64_t max,
			 uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(optarg, &end, 0);
	if (errno || end == optarg || *end || *optarg == '-' || *value < min || *value > max)
		return fail(opt, "--%s %s: must be a number from %llu to %llu", name, optarg,
			    (unsigned long long)min, (unsigned long long)max);
	return true;
}

static bool parse_u32(struct options *opt, const char *name, uint32_t min, uint32_t max,
		      uint32_t *value)
{
	uint64_t number;

	if (!parse_number(opt, name, min, max, &number))
		return false;
	*value = number;
	return true;
}

static bool parse_size(struct options *opt, const char *name, uint64_t *value)
{
	static const char suffixes[] = "KMG";
	unsigned int shift = 0;
	const char *suffix;
	char *end;

	errno = 0;
	*value = strtoull(optarg, &end, 0);
	suffix = *end ? strchr(suffixes, *end) : NULL;
	if (suffix) {
		shift = 10 * (suffix - suffixes + 1);
		end++;
	}
	if (errno || end == optarg || *end || *optarg == '-' || *value > UINT64_MAX >> shift)
		return fail(opt, "--%s %s: must be a size such as 256M", name, optarg);
	*value <<= shift;
	return true;
}

static bool parse_fused(struct options *opt)
{
	const char *at = optarg;

	opt->config.cu_fused = 0;
	for (;;) {
		char *end;
		unsigned long unit = strtoul(at, &end, 10);

		if (end == at || unit >= CU_MAX || (*end && *end != ','))
			return fail(opt, "--fused %s: must be a list of unit numbers such as 0,3",
				    optarg);
		opt->config.cu_fused |= 1ull << unit;
		if (!*end)
			return true;
		at = end + 1;
	}
}

/* Hexadecimal digits, of which @ignore may stand between; all of @text must be used. */
static bool parse_hex(const char *text, size_t len, const char *ignore, uint8_t *bytes, size_t size)
{
	const char *end;
	size_t count;

	return !sodium_hex2bin(bytes, size, text, len, ignore, &count, &end) && count == size &&
	       end == text + len;
}

static bool parse_root_key(struct options *opt)
{
	uint8_t key[NONVOL_KEY_SIZE];
	char text[4 * sizeof(key)];
	FILE *file = fopen(optarg, "re");
	size_t len;

	if (!file)
		return fail(opt, "--root-key %s: %s", optarg, strerror(errno));
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	if (len == sizeof(key)) {
		memcpy(key, text, sizeof(key));
	} else {
		while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
			len--;
		if (!parse_hex(text, len, NULL, key, sizeof(key)))
			return fail(opt,
				    "--root-key %s: must hold 32 bytes or 64 hexadecimal digits",
				    optarg);
	}
	if (!nonvol_fuse_key(&opt->nonvol, key))
		return fail(opt, "--root-key %s: there are only %u key slots", optarg,
			    OGPU_BOOT_KEY_SLOTS);
	return true;
}

static bool parse_one(struct options *opt, int option)
{
	struct vgpu_config *cfg = &opt->config;
	uint64_t number;

	switch (option) {
	case OPT_SOCKET:
		cfg->socket_path = optarg;
		return true;
	case OPT_CONTROL:
		cfg->control_path = optarg;
		return true;
	case OPT_TRACE:
		cfg->trace_path = optarg;
		return true;
	case OPT_VRAM:
		return parse_size(opt, "vram", &cfg->vram_size);
	case OPT_APERTURE:
		return parse_size(opt, "aperture", &cfg->aperture_size);
	case OPT_CUS:
		return parse_u32(opt, "cus", 1, CU_MAX, &cfg->cu_count);
	case OPT_FUSED:
		return parse_fused(opt);
	case OPT_COMPUTE_SLOTS:
		return parse_u32(opt, "compute-slots", 1, OGPU_MC_SLOT_MAX - 1,
				 &cfg->compute_slots);
	case OPT_COPY_SLOTS:
		return parse_u32(opt, "copy-slots", 1, OGPU_MC_SLOT_MAX - 1, &cfg->copy_slots);
	case OPT_DOORBELLS:
		return parse_u32(opt, "doorbells", 1, DOORBELLS_MAX, &cfg->doorbells);
	case OPT_JOB_MS:
		return parse_u32(opt, "job-ms", 1, OGPU_DISC_JOB_MAX_MS, &cfg->job_ms);
	case OPT_BOARD_ID:
		return parse_u32(opt, "board-id", 1, UINT32_MAX, &cfg->board_id);
	case OPT_HW_REV:
		if (!parse_number(opt, "hw-rev", 0, UINT8_MAX, &number))
			return false;
		cfg->hw_rev = number;
		return true;
	case OPT_FUSE_SVN:
		return parse_u32(opt, "fuse-svn", 0, UINT32_MAX, &opt->nonvol.svn);
	case OPT_ROOT_KEY:
		return parse_root_key(opt);
	case OPT_REVOKE_KEY:
		if (!parse_number(opt, "revoke-key", 0, OGPU_BOOT_KEY_SLOTS - 1, &number))
			return false;
		nonvol_set_revoked(&opt->nonvol, opt->nonvol.revoked | BIT(number));
		return true;
	case OPT_STATE:
		opt->state_path = optarg;
		return true;
	case OPT_UUID:
		if (!parse_hex(optarg, strlen(optarg), "-", cfg->uuid, sizeof(cfg->uuid)))
			return fail(opt, "--uuid %s: must be 32 hexadecimal digits", optarg);
		return true;
	case OPT_THREADS:
		return parse_u32(opt, "threads", 1, CU_MAX, &cfg->host_threads);
	case OPT_STRICT:
		cfg->strict = true;
		return true;
	case OPT_ONCE:
		opt->once = true;
		return true;
	case 'V':
		printf("ogpu-vgpu, hardware contract OGPU-1 version %u.%u\n", OGPU_CONTRACT_MAJOR,
		       OGPU_CONTRACT_MINOR);
		return false;
	case 'h':
		fputs(help, stdout);
		return false;
	default:
		/* getopt_long() has said what is wrong. */
		opt->exit_code = EXIT_USAGE;
		return false;
	}
}

/* What makes sense only together. */
static bool check(struct options *opt)
{
	struct vgpu_config *cfg = &opt->config;
	uint64_t all_cus = cfg->cu_count == 64 ? ~0ull : (1ull << cfg->cu_count) - 1;

	if (!cfg->socket_path)
		return fail(opt, "--socket is needed");
	if (cfg->vram_size % MIB || cfg->vram_size < OGPU_APERTURE_MIN || cfg->vram_size > VRAM_MAX)
		return fail(opt, "--vram must be a multiple of 1M from 16M to 1024G");
	if (!cfg->aperture_size) {
		cfg->aperture_size = OGPU_APERTURE_MIN;
		while (cfg->aperture_size * 2 <= cfg->vram_size)
			cfg->aperture_size *= 2;
	}
	if (cfg->aperture_size & (cfg->aperture_size - 1) ||
	    cfg->aperture_size < OGPU_APERTURE_MIN || cfg->aperture_size > cfg->vram_size)
		return fail(opt, "--aperture must be a power of two from 16M to the size of VRAM");
	if (cfg->cu_fused & ~all_cus)
		return fail(opt, "--fused names a unit that --cus does not have");
	if (cfg->cu_fused == all_cus)
		return fail(opt, "--fused must leave a unit");
	if (cfg->compute_slots + cfg->copy_slots > OGPU_MC_SLOT_MAX)
		return fail(opt, "--compute-slots and --copy-slots must not exceed %d together",
			    OGPU_MC_SLOT_MAX);
	return true;
}

static void set_defaults(struct options *opt)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	*opt = (struct options){
		.config = {
			.vram_size = 256 * MIB,
			.cu_count = 4,
			.compute_slots = 6,
			.copy_slots = 2,
			.doorbells = 256,
			.job_ms = 10000,
			.board_id = OGPU_BOARD_DEV,
			.hw_rev = OGPU_BOARD_DEV_HW_REV,
			.host_threads = online < 1 ? 1 : online > (long)CU_MAX ? CU_MAX : online,
		},
		.nonvol = NONVOL_INITIALIZER,
		.exit_code = EXIT_SUCCESS,
	};
	opt->config.nonvol = &opt->nonvol;
}

/* Always the same for the same path, and a valid random UUID in form. */
static void default_uuid(struct vgpu_config *cfg)
{
	crypto_generichash(cfg->uuid, sizeof(cfg->uuid), (const uint8_t *)cfg->socket_path,
			   strlen(cfg->socket_path), NULL, 0);
	cfg->uuid[6] = (cfg->uuid[6] & 0x0f) | 0x40;
	cfg->uuid[8] = (cfg->uuid[8] & 0x3f) | 0x80;
}

/**
 * options_parse() - read the command line.
 * @opt: result; its strings point into @argv
 * @argc: as of main()
 * @argv: as of main()
 *
 * Return: true to go on; false to end with opt->exit_code, everything has been printed.
 */
bool options_parse(struct options *opt, int argc, char **argv)
{
	bool have_uuid = false;
	int option;

	set_defaults(opt);
	while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		if (!parse_one(opt, option))
			return false;
		have_uuid |= option == OPT_UUID;
	}
	if (optind < argc)
		return fail(opt, "%s: not an option", argv[optind]);
	if (!check(opt))
		return false;
	if (!have_uuid)
		default_uuid(&opt->config);
	if (!opt->nonvol.keys)
		fprintf(stderr, "ogpu-vgpu: no --root-key: every firmware will be refused\n");
	return true;
}
