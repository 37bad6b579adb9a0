// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * ogpu-smi: shows how cards do, judges whether they work, and says what to do about it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smi.h"
#include "util.h"

#define READ_S		2
#define RESET_S		90

static const char usage[] =
	"Usage: ogpu-smi [COMMAND] [OPTION]...\n"
	"Show OGPU cards, judge whether they work, and repair them.\n"
	"\n"
	"Commands:\n"
	"  list         one line for each card (the default)\n"
	"  show         all about cards\n"
	"  doctor       verdict, reason and next step; the exit code is the worst verdict\n"
	"  watch        cards and what programs make of them, again and again\n"
	"  ps           programs that use cards\n"
	"  topology     where cards are\n"
	"  events       what the kernel announces, as it comes\n"
	"  metrics      numbers in the text format of Prometheus\n"
	"  cdi          specification for container engines\n"
	"  manifest     versions, hashes and keys, to compare hosts\n"
	"  reset        reset the card of --device, --all, or those that need it\n"
	"  drain        have cards take no new programs; -t: wait until none goes on\n"
	"  return       undo that\n"
	"  power-cap W  limit the power of a card, in watts\n"
	"  bug-report   write a file for those who shall find out what is wrong\n"
	"\n"
	"Options:\n"
	"  -d, --device=ADDRESS   the card, for example 0000:03:00.0\n"
	"  -a, --all              all cards, for reset, drain and return\n"
	"  -j, --json             write JSON\n"
	"  -l, --listen=ADDRESS   metrics: serve them on ADDRESS:PORT or unix:PATH\n"
	"  -q, --quiet            doctor: only cards that are not ok; others: no text on success\n"
	"  -o, --output=FILE      write to a file, which is replaced as a whole\n"
	"  -t, --timeout=SECONDS  events, watch, --listen: end after this time;\n"
	"                         reset: limit (90); drain: wait so long\n"
	"  -n, --count=N          events, watch: end after so many\n"
	"      --read-timeout=SECONDS  what a card does not tell in this time is missing (2)\n"
	"      --sysfs-root=DIR   instead of /sys, for tests; likewise --proc-root,\n"
	"                         --run-root, --dev-root\n"
	"  -h, --help             show this help\n"
	"  -V, --version          show the version\n"
	"\n"
	"Exit codes: 0 success, 1 error, 2 nothing to do, 3 no card, 9 I/O error, 10 timeout,\n"
	"64 wrong usage; doctor: 21 starting, 22 degraded, 23 needs-driver, 24 needs-firmware,\n"
	"25 needs-reset, 26 needs-power-cycle, 27 replace.\n";

enum {
	OPT_SYSFS_ROOT = 256,
	OPT_PROC_ROOT,
	OPT_RUN_ROOT,
	OPT_DEV_ROOT,
	OPT_READ_TIMEOUT,
};

static const struct option long_options[] = {
	{ "device", required_argument, NULL, 'd' },
	{ "all", no_argument, NULL, 'a' },
	{ "json", no_argument, NULL, 'j' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "output", required_argument, NULL, 'o' },
	{ "listen", required_argument, NULL, 'l' },
	{ "timeout", required_argument, NULL, 't' },
	{ "count", required_argument, NULL, 'n' },
	{ "sysfs-root", required_argument, NULL, OPT_SYSFS_ROOT },
	{ "proc-root", required_argument, NULL, OPT_PROC_ROOT },
	{ "run-root", required_argument, NULL, OPT_RUN_ROOT },
	{ "dev-root", required_argument, NULL, OPT_DEV_ROOT },
	{ "read-timeout", required_argument, NULL, OPT_READ_TIMEOUT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

/* Options that mean something to a command, beside those of all. */
static const struct {
	const char *name;
	const char *options;
	bool argument;
} commands[] = {
	{ "list", "jo", false },
	{ "show", "jo", false },
	{ "doctor", "jqo", false },
	{ "watch", "tn", false },
	{ "ps", "jo", false },
	{ "topology", "jo", false },
	{ "events", "jtn", false },
	{ "metrics", "olt", false },
	{ "cdi", "o", false },
	{ "manifest", "jo", false },
	{ "reset", "ajqt", false },
	{ "drain", "ajqt", false },
	{ "return", "ajq", false },
	{ "power-cap", "", true },
	{ "bug-report", "qo", false },
};

static int find_command(struct smi_options *opt, const char *used, int argc, char **argv,
			struct fw_error *err)
{
	size_t i;

	opt->command = optind < argc ? argv[optind++] : "list";
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(opt->command, commands[i].name))
			break;
	if (i == ARRAY_SIZE(commands))
		return fw_fail(err, FW_EXIT_USAGE, "unknown command '%s'; try 'ogpu-smi --help'",
			       opt->command);
	for (; *used; used++)
		if (!strchr(commands[i].options, *used))
			return fw_fail(err, FW_EXIT_USAGE, "option -%c means nothing to %s", *used,
				       opt->command);
	if (commands[i].argument && optind < argc)
		opt->argument = argv[optind++];
	if (optind < argc)
		return fw_fail(err, FW_EXIT_USAGE, "%s: unexpected argument '%s'", opt->command,
			       argv[optind]);
	if (!strcmp(opt->command, "metrics") && (opt->listen ? !!opt->output : opt->timeout_s))
		return fw_fail(err, FW_EXIT_USAGE,
			       "metrics: --listen or --output, and --timeout with --listen only");
	if (opt->output && !opt->json && strchr(commands[i].options, 'j'))
		return fw_fail(err, FW_EXIT_USAGE, "%s: --output needs --json", opt->command);
	return 0;
}

static int parse(struct smi_options *opt, int argc, char **argv, struct fw_error *err)
{
	char used[32] = "";
	uint32_t number;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "d:ajqo:l:t:n:hV", long_options, NULL)) >= 0) {
		if (strchr("ajqoltn", c) && strlen(used) < sizeof(used) - 1)
			used[strlen(used)] = (char)c;
		switch (c) {
		case 'd':
			opt->device = optarg;
			break;
		case 'a':
			opt->all = true;
			break;
		case 'j':
			opt->json = true;
			break;
		case 'q':
			opt->quiet = true;
			break;
		case 'o':
			opt->output = optarg;
			break;
		case 'l':
			opt->listen = optarg;
			break;
		case 't':
		case 'n':
			if (!parse_u32(optarg, 86400, &number) || !number)
				return fw_fail(err, FW_EXIT_USAGE, "-%c: '%s' is not 1 to 86400", c,
					       optarg);
			*(c == 't' ? &opt->timeout_s : &opt->count) = number;
			break;
		case OPT_READ_TIMEOUT:
			if (!parse_u32(optarg, 3600, &number) || !number)
				return fw_fail(err, FW_EXIT_USAGE,
					       "--read-timeout: '%s' is not 1 to 3600", optarg);
			opt->read_ms = number * 1000;
			break;
		case OPT_SYSFS_ROOT:
			opt->sysfs_root = optarg;
			break;
		case OPT_PROC_ROOT:
			opt->proc_root = optarg;
			break;
		case OPT_RUN_ROOT:
			opt->run_root = optarg;
			break;
		case OPT_DEV_ROOT:
			opt->dev_root = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(FW_EXIT_OK);
		case 'V':
			printf("ogpu-smi %s\n", OGPU_VERSION);
			exit(FW_EXIT_OK);
		default:
			return fw_fail(err, FW_EXIT_USAGE,
				       "cannot use option '%s'; try 'ogpu-smi --help'",
				       argv[optind - 1]);
		}
	}
	return find_command(opt, used, argc, argv, err);
}

static int put_text(char *text, const struct smi_options *opt, struct fw_error *err)
{
	int ret = 0;

	if (!text)
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	if (opt->output) {
		ret = file_write(opt->output, 0644, text, strlen(text), err);
	} else {
		fputs(text, stdout);
		if (text[0] && text[strlen(text) - 1] != '\n')
			putchar('\n');
	}
	free(text);
	return ret;
}

static int put_cards(const struct smi_cards *cards, const struct smi_options *opt,
		     struct fw_error *err)
{
	cJSON *json = smi_json_start(opt);

	cJSON_AddStringToObject(json, "worst", smi_verdict_word(smi_worst(cards)));
	cJSON_AddItemToObject(json, "cards", smi_cards_json(cards));
	return smi_json_end(json, opt, err);
}

static bool needs_card(const char *command)
{
	static const char * const words[] = { "doctor", "reset", "drain", "return" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(command, words[i]))
			return true;
	return false;
}

static int health_code(const struct smi_cards *cards)
{
	enum smi_verdict worst = smi_worst(cards);

	return worst == SMI_OK ? FW_EXIT_OK : SMI_EXIT_VERDICT + (int)worst;
}

static int run(struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err)
{
	const char *command = opt->command;
	int ret = 0;

	if (!strcmp(command, "ps"))
		return smi_ps(cards, opt, err);
	if (!strcmp(command, "metrics"))
		return put_text(smi_metrics(cards), opt, err);
	if (!strcmp(command, "cdi"))
		return smi_cdi(cards, opt, err);
	if (!strcmp(command, "power-cap"))
		return smi_power_cap(cards, opt, err);
	if (!strcmp(command, "bug-report"))
		return smi_bug_report(cards, opt, err);
	if (!strcmp(command, "reset") && smi_reset(cards, opt, err))
		return -1;
	if (!strcmp(command, "drain") || !strcmp(command, "return"))
		ret = smi_drain(cards, opt, err);
	/* Who wants JSON is told what has become of all cards, also of those that failed. */
	if (ret && (!opt->json || err->code == FW_EXIT_USAGE))
		return ret;
	if (!strcmp(command, "manifest") && opt->json) {
		cJSON *json = smi_json_start(opt);

		cJSON_AddItemToObject(json, "cards", smi_manifest_json(cards, opt));
		return smi_json_end(json, opt, err);
	}
	if (opt->json)
		return put_cards(cards, opt, err) ? -1 : ret;

	if (!strcmp(command, "list"))
		smi_show_list(cards);
	else if (!strcmp(command, "show"))
		smi_show_all(cards);
	else if (!strcmp(command, "topology"))
		smi_show_topology(cards);
	else if (!strcmp(command, "manifest"))
		smi_show_manifest(cards, opt);
	else
		smi_show_health(cards, opt->quiet);
	return 0;
}

int main(int argc, char **argv)
{
	struct smi_options opt = { .sysfs_root = SYSFS_ROOT, .proc_root = "/proc",
				   .run_root = "/run", .dev_root = "/dev",
				   .read_ms = READ_S * 1000 };
	struct fw_error err = { .code = FW_EXIT_OK };
	struct smi_cards cards = { 0 };
	int code = 0;

	if (parse(&opt, argc, argv, &err))
		goto fail;
	if (!strcmp(opt.command, "events") || !strcmp(opt.command, "watch") || opt.listen) {
		if (!strcmp(opt.command, "events") ? smi_events(&opt, &err) :
		    opt.listen ? smi_serve(&opt, &err) : smi_watch(&opt, &err))
			goto fail;
		goto done;
	}
	if (!opt.timeout_s && !strcmp(opt.command, "reset"))
		opt.timeout_s = RESET_S;
	if (smi_read(&cards, &opt, opt.read_ms, &err))
		goto fail;
	if (!cards.count && needs_card(opt.command)) {
		fw_fail(&err, FW_EXIT_NO_DEVICE, "there is no OGPU card");
		goto fail;
	}
	if (run(&cards, &opt, &err))
		goto fail;
	if (!strcmp(opt.command, "doctor") || !strcmp(opt.command, "reset"))
		code = health_code(&cards);
	smi_free(&cards);
done:
	if (fflush(stdout) || ferror(stdout)) {
		fputs("ogpu-smi: standard output: not all could be written\n", stderr);
		return FW_EXIT_FAILED;
	}
	return code;

fail:
	fprintf(stderr, "ogpu-smi: %s\n", err.text);
	smi_free(&cards);
	return err.code;
}
