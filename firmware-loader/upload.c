// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Uploading through the kernel's firmware-upload class, and waiting for the card to run.
 *
 * "1" to loading opens the upload, the image goes to data, "0" to loading hands it to the driver,
 * whose work status, remaining_size and error then tell. The kernel ignores "1" without a word
 * while an upload is in progress, and udev's own rule for firmware requests writes "-1" when it
 * sees an "add" event; both are found out by reading loading back.
 *
 * The driver announces changes of the card's state, the kernel none of an upload's attributes:
 * those are looked at after each announcement, and from time to time, ever more seldom.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "upload.h"
#include "util.h"

#define POLL_MIN_MS	5
#define POLL_MAX_MS	100
#define CANCEL_S	2	/* what the driver has to end an upload */
#define CHUNK		4096	/* sysfs takes a page at a time */
#define PROGRESS_TEXT	160

static volatile sig_atomic_t interrupted;

int64_t deadline_after(unsigned int seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec + (int64_t)seconds) * 1000000000 + now.tv_nsec;
}

static bool deadline_passed(int64_t deadline)
{
	return deadline_after(0) >= deadline;
}

/* Waits for news of the state behind @fd, or at most @wait->step_ms; -1 if there is none. */
static void waiter_pause(struct waiter *wait, int fd)
{
	struct pollfd news = { .fd = fd, .events = POLLPRI };

	if (!wait->step_ms)
		wait->step_ms = POLL_MIN_MS;
	if (poll(&news, 1, wait->step_ms) > 0)
		wait->step_ms = POLL_MIN_MS;
	else if (wait->step_ms < POLL_MAX_MS)
		wait->step_ms += wait->step_ms / 2;
}

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

void upload_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool upload_interrupted(void)
{
	return interrupted;
}

bool waiter_retry(struct waiter *wait, int64_t deadline)
{
	if (interrupted || deadline_passed(deadline))
		return false;
	waiter_pause(wait, -1);
	return true;
}

/* An error of open, read or write of an attribute. */
static int fail_access(const struct card *card, const char *name, int error, struct fw_error *err)
{
	switch (-error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return fw_fail(err, FW_EXIT_IO,
			       "%s: card disappeared during the upload (attribute '%s' is gone)",
			       card->address, name);
	case EPERM:
	case EACCES:
		return fw_fail(err, FW_EXIT_FAILED,
			       "%s: no permission to use '%s': run as root (CAP_SYS_RAWIO)",
			       card->address, name);
	case EBUSY:
		return fw_fail(err, FW_EXIT_BUSY, "%s: busy with another upload", card->address);
	default:
		return fw_fail(err, FW_EXIT_IO, "%s: %s: %s", card->address, name,
			       strerror(-error));
	}
}

/*
 * Opens the folder of the locks. Nobody else may be able to put files there: whoever can open a
 * lock file can hold the lock for ever.
 */
static int open_run_dir(const struct card *card, struct fw_error *err)
{
	char *parent = strdupa(card->run_dir);
	struct stat st;
	int fd;

	*strrchr(parent, '/') = '\0';
	if ((mkdir(parent, 0755) && errno != EEXIST) ||
	    (mkdir(card->run_dir, 0755) && errno != EEXIST))
		return fw_fail(err, FW_EXIT_FAILED,
			       "%s: cannot create %s for the lock of the card: %s",
			       card->address, card->run_dir, strerror(errno));

	fd = open(card->run_dir, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fw_fail(err, FW_EXIT_FAILED, "%s: %s: %s", card->address, card->run_dir,
			       strerror(errno));
	if (!fstat(fd, &st) && st.st_uid == geteuid() && !(st.st_mode & 0022))
		return fd;
	close(fd);
	return fw_fail(err, FW_EXIT_FAILED,
		       "%s: cannot lock the card: run as root; only root may own and write %s",
		       card->address, card->run_dir);
}

/* Return: a descriptor, or -1. */
static int try_lock(const struct card *card, struct fw_error *err)
{
	char name[CARD_TEXT + 8];
	int dir, fd;

	dir = open_run_dir(card, err);
	if (dir < 0)
		return dir;
	snprintf(name, sizeof(name), "%s.lock", card->address);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	close(dir);
	if (fd < 0)
		return fw_fail(err, FW_EXIT_FAILED, "%s: %s/%s: %s", card->address, card->run_dir,
			       name, strerror(errno));
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;

	if (errno == EWOULDBLOCK)
		fw_fail(err, FW_EXIT_BUSY, "%s: another ogpu-fwload works on this card",
			card->address);
	else if (errno == ENOSYS)
		fw_fail(err, FW_EXIT_FAILED,
			"%s: cannot lock the card: this kernel has no file locks, use one with CONFIG_FILE_LOCKING",
			card->address);
	else
		fw_fail(err, FW_EXIT_FAILED, "%s: cannot lock the card: %s", card->address,
			strerror(errno));
	close(fd);
	return -1;
}

static int check_offered(struct card *card, struct fw_error *err)
{
	card_refresh(card);
	if (card->upload_status[0])
		return 0;
	return fw_fail(err, FW_EXIT_NO_DEVICE,
		       "%s: the driver offers no firmware upload for this card", card->address);
}

static int check_idle(struct card *card, struct fw_error *err)
{
	if (check_offered(card, err))
		return -1;
	if (strcmp(card->upload_status, "idle"))
		return fw_fail(err, FW_EXIT_BUSY, "%s: an upload is in progress (%s)",
			       card->address, card->upload_status);
	if (!strcmp(card->state, CARD_STATE_BOOTING) || !strcmp(card->state, CARD_STATE_RESETTING))
		return fw_fail(err, FW_EXIT_BUSY, "%s: card is %s", card->address, card->state);
	return 0;
}

static int lock_idle(struct card *card, struct fw_error *err)
{
	int lock = try_lock(card, err);

	if (lock < 0 || !check_idle(card, err))
		return lock;
	upload_unlock(lock);
	return -1;
}

int upload_lock(struct card *card, bool wait, int64_t deadline, struct fw_error *err)
{
	struct waiter pause = { 0 };
	int lock;

	while ((lock = lock_idle(card, err)) < 0) {
		if (!wait || err->code != FW_EXIT_BUSY)
			return -1;
		if (waiter_retry(&pause, deadline))
			continue;
		if (interrupted)
			return fw_fail(err, FW_EXIT_CANCELLED, "%s: cancelled while waiting",
				       card->address);
		err->code = FW_EXIT_TIMEOUT;
		return -1;
	}
	fw_clear(err);
	return lock;
}

void upload_unlock(int lock)
{
	close(lock);
}

/* The hash is of what the boot ROM saw. Version and build are what the firmware says of itself. */
bool upload_is_running(const struct card *card, const struct fw_image *image)
{
	if (strcmp(card->state, CARD_STATE_RUNNING))
		return false;
	if (card->fw_hash[0])
		return !strcmp(card->fw_hash, image->manifest_sha256);
	return !strcmp(card->fw_version, image->version_text) &&
	       (!card->fw_build_id[0] || !strcmp(card->fw_build_id, image->build_id));
}

static int write_data(const struct card *card, const struct fw_image *image, struct fw_error *err)
{
	char path[PATH_MAX + 16];
	size_t done = 0;
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/data", card->upload_dir);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return fail_access(card, "data", -errno, err);

	while (done < image->size && !ret) {
		size_t size = image->size - done < CHUNK ? image->size - done : CHUNK;
		ssize_t written = interrupted ? 0 : write(fd, image->data + done, size);

		if (interrupted)
			ret = fw_fail(err, FW_EXIT_CANCELLED, "%s: cancelled", card->address);
		else if (written < 0 && errno != EINTR)
			ret = fail_access(card, "data", -errno, err);
		else if (written > 0)
			done += (size_t)written;
	}
	close(fd);
	return ret;
}

/* After "1" was written to loading it reads 1, unless somebody else interfered: @why. */
static int check_receiving(struct card *card, const char *why, struct fw_error *err)
{
	char text[CARD_TEXT];

	if (!attr_read(card->upload_dir, "loading", text, sizeof(text)) && !strcmp(text, "1"))
		return 0;
	card_refresh(card);
	if (!card->upload_status[0])
		return fail_access(card, "loading", -ENOENT, err);
	return fw_fail(err, FW_EXIT_BUSY, "%s: %s", card->address, why);
}

static int hand_over(struct card *card, const struct fw_image *image, struct fw_error *err)
{
	int ret;

	ret = attr_write(card->upload_dir, "loading", "1");
	if (ret)
		return fail_access(card, "loading", ret, err);
	if (check_receiving(card, "another upload came first", err))
		return -1;

	if (write_data(card, image, err)) {
		/* Forget the part that the kernel has. */
		attr_write(card->upload_dir, "loading", "-1");
		return -1;
	}
	if (check_receiving(card, "another program broke the upload off", err))
		return -1;

	ret = attr_write(card->upload_dir, "loading", "0");
	if (ret)
		return fail_access(card, "loading", ret, err);
	return 0;
}

/* The driver's word for what it or the boot ROM did not like about the image. */
static enum fw_exit refusal_code(const char *reason)
{
	static const struct {
		const char *word;
		enum fw_exit code;
	} words[] = {
		{ "format", FW_EXIT_INVALID },
		{ "component", FW_EXIT_INVALID },
		{ "revoked", FW_EXIT_SIGNATURE },
		{ "hash", FW_EXIT_SIGNATURE },
		{ "key", FW_EXIT_SIGNATURE },
		{ "signature", FW_EXIT_SIGNATURE },
		{ "board", FW_EXIT_INCOMPATIBLE },
		{ "abi", FW_EXIT_INCOMPATIBLE },
		{ "svn", FW_EXIT_ROLLBACK },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(reason, words[i].word))
			return words[i].code;
	return FW_EXIT_INVALID;
}

/* @error: "phase:reason" from the kernel. */
static int fail_upload(const struct card *card, const char *error, struct fw_error *err)
{
	const char *reason = strchr(error, ':');
	char word[CARD_TEXT], why[256];

	reason = reason ? reason + 1 : error;
	if (attr_read(card->pci_dir, "last_error", why, sizeof(why)) || !why[0])
		snprintf(why, sizeof(why), "%s; see the kernel log", error);

	if (!strcmp(reason, "user-abort"))
		return fw_fail(err, FW_EXIT_CANCELLED, "%s: upload was cancelled", card->address);
	/* Later than that the card was not busy, but became so. */
	if (!strcmp(error, "preparing:device-busy"))
		return fw_fail(err, FW_EXIT_BUSY, "%s: driver refused the upload: card is busy",
			       card->address);
	if (!strcmp(reason, "device-busy"))
		return fw_fail(err, FW_EXIT_BUSY, "%s: upload was broken off: %s", card->address,
			       why);
	if (!strcmp(reason, "timeout"))
		return fw_fail(err, FW_EXIT_TIMEOUT, "%s: card did not answer in time: %s",
			       card->address, why);
	if (!strcmp(reason, "invalid-file-size"))
		return fw_fail(err, FW_EXIT_INVALID, "%s: driver refused the image: %s",
			       card->address, why);
	if (!strcmp(reason, "firmware-invalid")) {
		attr_read(card->pci_dir, "firmware_error", word, sizeof(word));
		return fw_fail(err, refusal_code(word), "%s: card refused the firmware: %s",
			       card->address, why);
	}
	return fw_fail(err, FW_EXIT_IO, "%s: upload failed: %s", card->address, why);
}

/* Tells only what is new. */
static void show_progress(const struct card *card, const struct fw_image *image,
			  char last[PROGRESS_TEXT])
{
	size_t done = card->upload_remaining < image->size ?
		      image->size - card->upload_remaining : 0;
	bool idle = !strcmp(card->upload_status, "idle");
	char text[PROGRESS_TEXT];

	snprintf(text, sizeof(text), "%s: %-13s %3zu%%", card->address,
		 idle ? "starting" : card->upload_status, done * 100 / image->size);
	if (!strcmp(text, last))
		return;
	memcpy(last, text, sizeof(text));
	fprintf(stderr, "\r%s", text);
}

/*
 * Success is that this upload has ended well and the card runs. Versions are compared only to warn:
 * the header's is the maker's word, the other one that of the firmware.
 */
static int check_outcome(const struct card *card, const struct fw_image *image,
			 struct fw_error *err)
{
	if (card->fw_hash[0] && !upload_is_running(card, image))
		return fw_fail(err, FW_EXIT_BUSY,
			       "%s: runs firmware %s, signed hash %s: another upload came in between",
			       card->address, card->fw_version, card->fw_hash);
	if (strcmp(card->fw_version, image->version_text) ||
	    (card->fw_build_id[0] && strcmp(card->fw_build_id, image->build_id)))
		fw_warn("%s: firmware says that it is version %s, build '%s'; its image says %s, build '%s'",
			card->address, card->fw_version, card->fw_build_id, image->version_text,
			image->build_id);
	return 0;
}

static int fail_late(const struct card *card, struct fw_error *err)
{
	if (interrupted)
		return fw_fail(err, FW_EXIT_CANCELLED,
			       "%s: cancelled; the firmware does not run (upload %s, card %s)",
			       card->address, card->upload_status, card->state);
	return fw_fail(err, FW_EXIT_TIMEOUT,
		       "%s: time is over, and the firmware does not run (upload %s, card %s)",
		       card->address, card->upload_status, card->state);
}

/*
 * Follows an upload to its end. When time is over, or after a signal, it is cancelled, and then has
 * a moment to end: what comes out of that is the outcome, which may be success.
 */
static int follow(struct card *card, const struct fw_image *image, bool progress,
		  int64_t deadline, int state, struct fw_error *err)
{
	char text[CARD_TEXT], last[PROGRESS_TEXT] = "";
	bool cancelled = false, late = false;
	struct waiter pause = { 0 };

	for (;;) {
		/* Only what changes after this is announced. */
		if (state >= 0 && pread(state, text, sizeof(text), 0) < 0)
			text[0] = '\0';
		card_refresh(card);
		if (!card->upload_status[0] || !card->driver[0])
			return fail_access(card, "status", -ENOENT, err);
		if (progress)
			show_progress(card, image, last);

		if (!strcmp(card->upload_status, "idle")) {
			if (late && strstr(card->upload_error, ":user-abort"))
				return fail_late(card, err);
			if (card->upload_error[0])
				return fail_upload(card, card->upload_error, err);
			if (!strcmp(card->state, CARD_STATE_RUNNING))
				return check_outcome(card, image, err);
			/* There is no upload left that could be cancelled. */
			if (late || interrupted)
				return fail_late(card, err);
		}

		if (deadline_passed(deadline)) {
			if (cancelled)
				return fail_late(card, err);
			late = true;
		}
		if ((late || interrupted) && !cancelled) {
			attr_write(card->upload_dir, "cancel", "1");
			cancelled = true;
			deadline = deadline_after(CANCEL_S);
			pause.step_ms = 0;
		}
		waiter_pause(&pause, state);
	}
}

static int wait_running(struct card *card, const struct fw_image *image, bool progress,
			int64_t deadline, struct fw_error *err)
{
	int state = attr_open(card->pci_dir, "state", O_RDONLY);
	int ret;

	ret = follow(card, image, progress, deadline, state, err);
	if (state >= 0)
		close(state);
	return ret;
}

int upload_image(struct card *card, const struct fw_image *image, bool progress, int64_t deadline,
		 struct fw_error *err)
{
	int ret;

	ret = hand_over(card, image, err);
	if (ret)
		return ret;
	ret = wait_running(card, image, progress, deadline, err);
	if (progress)
		fputc('\n', stderr);
	return ret;
}

int upload_cancel(struct card *card, int64_t deadline, struct fw_error *err)
{
	struct waiter pause = { 0 };
	int ret;

	if (check_offered(card, err))
		return -1;
	if (!strcmp(card->upload_status, "idle"))
		return fw_fail(err, FW_EXIT_NOTHING, "%s: no upload in progress", card->address);

	/* ENODEV: it ended by itself in the meantime. */
	ret = attr_write(card->upload_dir, "cancel", "1");
	if (ret && ret != -ENODEV)
		return fail_access(card, "cancel", ret, err);

	do {
		card_refresh(card);
		if (!card->upload_status[0])
			return fail_access(card, "status", -ENOENT, err);
		if (!strcmp(card->upload_status, "idle"))
			return 0;
	} while (waiter_retry(&pause, deadline));
	if (interrupted)
		return fw_fail(err, FW_EXIT_CANCELLED, "%s: cancelled while waiting (upload %s)",
			       card->address, card->upload_status);
	return fw_fail(err, FW_EXIT_TIMEOUT, "%s: upload goes on (%s)", card->address,
		       card->upload_status);
}
