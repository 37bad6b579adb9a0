// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Reading cards with a deadline.
 *
 * A read of sysfs may wait for the card, and cannot be interrupted then. So each card is read by a
 * process of its own, into memory that is shared; whoever is late is left behind, and what it had
 * read by then counts. What needs no card comes first. As long as one that was left behind has not
 * ended, there is no other one for the same thing: a card that hangs costs one process, however
 * often it is read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "smi.h"
#include "util.h"

#define POLL_NS	2000000

int64_t smi_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static void pause_a_little(void)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };

	nanosleep(&pause, NULL);
}

/* A process that was left behind: it is killed, and ends once the kernel lets it. */
struct late {
	struct late *next;
	pid_t pid;
	char what[CARD_TEXT];		/* for which there is no other one; empty: for nothing */
	struct smi_card card;		/* of a card: what it had read */
};

static struct late *all_late;

static void leave_behind(pid_t pid, const char *what, const struct smi_card *card)
{
	struct late *late = calloc(1, sizeof(*late));

	if (!late)
		return;
	late->pid = pid;
	snprintf(late->what, sizeof(late->what), "%s", what);
	if (card)
		late->card = *card;
	late->next = all_late;
	all_late = late;
}

/* Those that have ended are no longer late. */
static void reap(void)
{
	struct late **place = &all_late, *late;

	while ((late = *place)) {
		if (!waitpid(late->pid, NULL, WNOHANG)) {
			place = &late->next;
			continue;
		}
		*place = late->next;
		free(late);
	}
}

static const struct late *find_late(const char *what)
{
	const struct late *late;

	for (late = all_late; late; late = late->next)
		if (what[0] && !strcmp(late->what, what))
			return late;
	return NULL;
}

static pid_t start(void (*work)(void *arg), void *arg)
{
	pid_t parent = getpid(), pid;
	int null;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* Whoever waits for the end of our output must not wait for one that hangs. */
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(1);
	close_range(3, ~0u, 0);
	work(arg);
	fflush(NULL);
	_exit(0);
}

/* Return: true if it ended, with its status. One that hangs is killed, to be left behind. */
static bool finish(pid_t pid, int64_t deadline, int *status)
{
	while (waitpid(pid, status, WNOHANG) == 0) {
		if (smi_now_ms() >= deadline) {
			kill(pid, SIGKILL);
			return false;
		}
		pause_a_little();
	}
	return true;
}

void *smi_share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int smi_bounded(const char *what, void (*work)(void *arg), void *arg, unsigned int timeout_ms)
{
	int status;
	pid_t pid;

	reap();
	if (find_late(what))
		return -ETIME;
	pid = start(work, arg);
	if (pid < 0)
		return -EAGAIN;
	if (!finish(pid, smi_now_ms() + timeout_ms, &status)) {
		leave_behind(pid, what, NULL);
		return -ETIME;
	}
	return status ? -EAGAIN : 0;
}

static void set_value(struct smi_card *card, enum smi_value what, const char *text)
{
	char *end;

	errno = 0;
	card->value[what] = strtoll(text, &end, 10);
	card->has[what] = end != text && !errno;
}

static void read_value(struct smi_card *card, const char *dir, const char *name,
		       enum smi_value what)
{
	char text[CARD_TEXT];

	snprintf(card->reading, sizeof(card->reading), "%s", name);
	if (!attr_read(dir, name, text, sizeof(text)))
		set_value(card, what, text);
}

/* An attribute of pairs of word and number. */
static void read_pairs(struct smi_card *card, const char *name, enum smi_value first,
		       const char * const *words, unsigned int count)
{
	char text[256];
	unsigned int i;

	snprintf(card->reading, sizeof(card->reading), "%s", name);
	if (attr_read(card->card.pci_dir, name, text, sizeof(text)))
		return;
	for (i = 0; i < count; i++) {
		const char *found = strstr(text, words[i]);

		if (found && (found == text || found[-1] == ' '))
			set_value(card, first + i, found + strlen(words[i]));
	}
}

/* The first entry of a folder of the card that begins with @prefix; its name goes to @name. */
static bool find_entry(const struct smi_card *card, const char *folder, const char *prefix,
		       char name[CARD_TEXT])
{
	char path[PATH_MAX + 16];
	struct dirent *entry;
	DIR *dir;

	name[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", card->card.pci_dir, folder);
	dir = opendir(path);
	while (dir && !name[0] && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix)))
			snprintf(name, CARD_TEXT, "%.*s", CARD_TEXT - 1, entry->d_name);
	if (dir)
		closedir(dir);
	return name[0];
}

static void read_place(struct smi_card *card)
{
	const char *dir = card->card.pci_dir;
	char speed[CARD_TEXT], width[CARD_TEXT], path[PATH_MAX], *tree;

	read_value(card, dir, "numa_node", SMI_NUMA_NODE);
	attr_read(dir, "local_cpulist", card->cpus, sizeof(card->cpus));
	if (realpath(dir, path)) {
		tree = strstr(path, "/pci");
		snprintf(card->slot, sizeof(card->slot), "%s", tree ? tree + 1 : path);
	}
	if (!attr_read(dir, "max_link_speed", speed, sizeof(speed)) &&
	    !attr_read(dir, "max_link_width", width, sizeof(width)))
		snprintf(card->link_max, sizeof(card->link_max), "%.40s x%.10s", speed, width);
}

/* These ask the card or its firmware. */
static void read_sensors(struct smi_card *card)
{
	static const struct {
		const char *name;
		enum smi_value what;
	} sensors[] = {
		{ "temp1_input", SMI_TEMP_GPU },
		{ "temp2_input", SMI_TEMP_MEM },
		{ "power1_average", SMI_POWER },
		{ "power1_cap", SMI_POWER_CAP },
		{ "power1_cap_min", SMI_POWER_CAP_MIN },
		{ "power1_cap_max", SMI_POWER_CAP_MAX },
		{ "energy1_input", SMI_ENERGY },
		{ "fan1_input", SMI_FAN },
		{ "freq1_input", SMI_CLOCK },
	};
	char name[CARD_TEXT], dir[PATH_MAX + 80];
	size_t i;

	if (!find_entry(card, "hwmon", "hwmon", name))
		return;
	snprintf(card->hwmon, sizeof(card->hwmon), "hwmon/%s", name);
	snprintf(dir, sizeof(dir), "%s/%s", card->card.pci_dir, card->hwmon);
	for (i = 0; i < ARRAY_SIZE(sensors); i++)
		read_value(card, dir, sensors[i].name, sensors[i].what);
	snprintf(card->reading, sizeof(card->reading), "throttle");
	attr_read(card->card.pci_dir, "throttle", card->throttle, sizeof(card->throttle));
}

static void read_link(struct smi_card *card)
{
	const char *dir = card->card.pci_dir;
	char speed[CARD_TEXT], width[CARD_TEXT];

	snprintf(card->reading, sizeof(card->reading), "current_link_speed");
	if (!attr_read(dir, "current_link_speed", speed, sizeof(speed)) &&
	    !attr_read(dir, "current_link_width", width, sizeof(width)))
		snprintf(card->link, sizeof(card->link), "%.40s x%.10s", speed, width);
}

static void read_card(void *arg)
{
	static const char * const errors[] = { "corrected ", "uncorrected " };
	static const char * const pages[] = { "in_use ", "replaced ", "lost " };
	struct smi_card *card = arg;
	const char *dir = card->card.pci_dir;

	/* By these it is offered to others, whatever else it tells; nothing waits for the card. */
	find_entry(card, "drm", "renderD", card->node);
	attr_read(dir, "uuid", card->uuid, sizeof(card->uuid));
	card->named = true;

	snprintf(card->reading, sizeof(card->reading), "state");
	attr_read(dir, "state", card->card.state, sizeof(card->card.state));
	attr_read(dir, "last_error", card->last_error, sizeof(card->last_error));
	text_clean(card->last_error);
	read_value(card, dir, "reset_count", SMI_RESETS);
	read_value(card, dir, "firmware_svn", SMI_SVN);
	read_pairs(card, "memory_errors", SMI_CORRECTED, errors, ARRAY_SIZE(errors));
	read_pairs(card, "bad_pages", SMI_PAGES_IN_USE, pages, ARRAY_SIZE(pages));
	read_place(card);

	snprintf(card->reading, sizeof(card->reading), "min_svn");
	card_refresh(&card->card);
	read_sensors(card);
	read_link(card);
	card->reading[0] = '\0';
}

static int find_cards(struct smi_cards *cards, const struct smi_options *opt, struct fw_error *err)
{
	struct card_list list;
	struct card *only = NULL;
	unsigned int i;

	if (cards_find(&list, opt->sysfs_root, err))
		return -1;
	if (opt->device) {
		only = cards_get(&list, opt->device);
		if (!only) {
			cards_free(&list);
			return fw_fail(err, FW_EXIT_NO_DEVICE,
				       "no OGPU card %s; 'ogpu-smi list' shows the cards",
				       opt->device);
		}
	}

	cards->count = only ? 1 : list.count < SMI_MAX_CARDS ? list.count : SMI_MAX_CARDS;
	cards->cards = smi_share((cards->count + 1) * sizeof(*cards->cards));
	if (!cards->cards) {
		cards_free(&list);
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	}
	for (i = 0; i < cards->count; i++) {
		cards->cards[i].card = only ? *only : list.cards[i];
		cards->cards[i].number = only ? (unsigned int)(only - list.cards) : i;
		cards->cards[i].drained = smi_is_drained(opt, cards->cards[i].card.address);
		snprintf(cards->cards[i].reading, CARD_TEXT, "uuid");
	}
	cards_free(&list);
	return 0;
}

/* Return: the process, 0 if an earlier one has not ended, -1 if there can be none. */
static pid_t start_reader(struct smi_card *card)
{
	const struct late *late = find_late(card->card.address);
	unsigned int number = card->number;
	bool drained = card->drained;

	if (!late)
		return start(read_card, card);
	*card = late->card;
	card->number = number;
	card->drained = drained;
	return 0;
}

/* Return: false if the process failed. */
static bool finish_reader(pid_t pid, const struct smi_card *card, int64_t deadline)
{
	int status;

	if (finish(pid, deadline, &status))
		return !status;
	leave_behind(pid, card->card.address, card);
	return true;
}

int smi_read(struct smi_cards *cards, const struct smi_options *opt, unsigned int timeout_ms,
	     struct fw_error *err)
{
	int64_t deadline = smi_now_ms() + timeout_ms;
	pid_t pids[SMI_MAX_CARDS];
	struct smi_card *shared;
	bool started = true;
	size_t size;
	unsigned int i;

	if (find_cards(cards, opt, err))
		return -1;
	reap();
	for (i = 0; i < cards->count; i++)
		pids[i] = start_reader(&cards->cards[i]);
	for (i = 0; i < cards->count; i++)
		if (pids[i] < 0 ||
		    (pids[i] && !finish_reader(pids[i], &cards->cards[i], deadline)))
			started = false;

	/* One that hangs in the kernel may go on later: what it has read is kept apart. */
	shared = cards->cards;
	size = (cards->count + 1) * sizeof(*shared);
	cards->cards = malloc(size);
	if (cards->cards)
		memcpy(cards->cards, shared, size);
	munmap(shared, size);
	if (!cards->cards)
		return fw_fail(err, FW_EXIT_FAILED, "out of memory");
	/* That is no fault of a card. */
	if (!started)
		return fw_fail(err, FW_EXIT_FAILED, "cannot have a process for each card");
	for (i = 0; i < cards->count; i++)
		smi_judge(&cards->cards[i]);
	return 0;
}

void smi_free(struct smi_cards *cards)
{
	free(cards->cards);
	cards->cards = NULL;
	cards->count = 0;
}
