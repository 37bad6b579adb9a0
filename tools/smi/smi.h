/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * ogpu-smi: what an operator asks about cards. All it knows comes from sysfs and /proc, read by
 * processes that may hang with a card without hanging the one that waits for them.
 */
#ifndef OGPU_SMI_H
#define OGPU_SMI_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "error.h"

#define SMI_SCHEMA	1
#define SMI_MAX_CARDS	256

/* Exit codes beside those of error.h: the worst verdict, for health checks. Never renumbered. */
enum smi_verdict {
	SMI_OK,
	SMI_STARTING,
	SMI_DEGRADED,
	SMI_NEEDS_DRIVER,
	SMI_NEEDS_FIRMWARE,
	SMI_NEEDS_RESET,
	SMI_NEEDS_POWER_CYCLE,
	SMI_REPLACE,
	SMI_VERDICTS,
};

#define SMI_EXIT_VERDICT	20	/* plus enum smi_verdict, but for SMI_OK */

/* Numbers that a card may have or not. */
enum smi_value {
	SMI_TEMP_GPU,		/* millidegree */
	SMI_TEMP_MEM,
	SMI_POWER,		/* microwatt */
	SMI_POWER_CAP,
	SMI_POWER_CAP_MIN,
	SMI_POWER_CAP_MAX,
	SMI_ENERGY,		/* microjoule */
	SMI_FAN,		/* rpm */
	SMI_CLOCK,		/* Hz */
	SMI_SVN,		/* of the firmware that runs */
	SMI_RESETS,
	SMI_CORRECTED,
	SMI_UNCORRECTED,
	SMI_PAGES_IN_USE,
	SMI_PAGES_REPLACED,
	SMI_PAGES_LOST,
	SMI_NUMA_NODE,
	SMI_VALUES,
};

struct smi_card {
	struct card card;
	unsigned int number;		/* among all cards of the host */
	bool drained;			/* takes no new programs */
	char last_error[256];
	char uuid[CARD_TEXT];
	char node[CARD_TEXT];		/* renderD128; empty: none */
	bool named;			/* uuid and node have been read */
	char hwmon[CARD_TEXT + 8];	/* folder of its sensors */
	char slot[PATH_MAX];		/* in the tree of PCI devices */
	char cpus[256];			/* near it */
	char link[CARD_TEXT], link_max[CARD_TEXT];
	char throttle[CARD_TEXT];	/* why it is slow, or "none"; empty: not known */
	bool has[SMI_VALUES];
	long long value[SMI_VALUES];

	char reading[CARD_TEXT];	/* what is being read; empty: done */

	enum smi_verdict verdict;
	char reason[512];
	char action[256];		/* what to do next; empty: nothing */
};

struct smi_cards {
	struct smi_card *cards;
	unsigned int count;
};

/* One client of the driver: an open file, in one of the processes that have it. */
struct smi_use {
	int pid;
	unsigned int uid;
	char name[32];
	char address[32];
	long long client;
	long long compute_ns, copy_ns, vram, system;
};

struct smi_uses {
	struct smi_use *uses;
	unsigned int count;
	bool complete;
};

struct smi_options {
	const char *command;
	const char *device;
	const char *argument;		/* behind the command */
	const char *output;
	const char *listen;		/* "unix:PATH" or "ADDRESS:PORT" */
	const char *sysfs_root;
	const char *proc_root;
	const char *run_root;
	const char *dev_root;
	bool json;
	bool quiet;
	bool all;
	unsigned int timeout_s;
	unsigned int read_ms;		/* for what each card tells, and for each part else */
	unsigned int count;		/* of events; 0: no limit */
};

/* read.c: all cards, each within @timeout_ms; what was not read by then is missing. */
int smi_read(struct smi_cards *cards, const struct smi_options *opt, unsigned int timeout_ms,
	     struct fw_error *err);
void smi_free(struct smi_cards *cards);
int64_t smi_now_ms(void);
/* Memory that such a process shares with its parent; never freed. */
void *smi_share(size_t size);
/*
 * Runs @work in a process of its own, without any open file. Return: 0; -ETIME if it did not end in
 * time, then it is left behind, or if an earlier one for @what, unless that is empty, has not ended
 * yet; -EAGAIN if there was none.
 */
int smi_bounded(const char *what, void (*work)(void *arg), void *arg, unsigned int timeout_ms);

/* verdict.c */
void smi_judge(struct smi_card *card);
const char *smi_verdict_word(enum smi_verdict verdict);
enum smi_verdict smi_worst(const struct smi_cards *cards);

/* show.c: text for people or JSON for programs. */
cJSON *smi_json_start(const struct smi_options *opt);
int smi_json_end(cJSON *json, const struct smi_options *opt, struct fw_error *err);
void smi_show_list(const struct smi_cards *cards);
void smi_show_all(const struct smi_cards *cards);
void smi_show_health(const struct smi_cards *cards, bool quiet);
void smi_show_topology(const struct smi_cards *cards);
void smi_show_manifest(const struct smi_cards *cards, const struct smi_options *opt);
cJSON *smi_cards_json(const struct smi_cards *cards);
cJSON *smi_manifest_json(const struct smi_cards *cards, const struct smi_options *opt);
void smi_driver_version(const struct smi_options *opt, char text[CARD_TEXT]);

/* export.c: formats of others. */
char *smi_metrics(const struct smi_cards *cards);
/* To the output; a file is removed if no card is to be found, and left alone if one was late. */
int smi_cdi(const struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err);

/* serve.c: the metrics, to whoever connects. */
int smi_serve(const struct smi_options *opt, struct fw_error *err);

/* drain.c */
bool smi_is_drained(const struct smi_options *opt, const char *address);
int smi_drain(struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err);

/* ps.c, watch.c, events.c, act.c, bundle.c: commands. */
int smi_ps(const struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err);
/* All clients of these cards that can be read in time; to be freed after success. */
int smi_scan(struct smi_uses *uses, const struct smi_cards *cards, const struct smi_options *opt,
	     struct fw_error *err);
void smi_scan_free(struct smi_uses *uses);
int smi_watch(const struct smi_options *opt, struct fw_error *err);
int smi_events(const struct smi_options *opt, struct fw_error *err);
int smi_reset(struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err);
int smi_power_cap(const struct smi_cards *cards, const struct smi_options *opt,
		  struct fw_error *err);
int smi_bug_report(const struct smi_cards *cards, const struct smi_options *opt,
		   struct fw_error *err);

#endif
