// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Dumps of what the card was like when something failed, for the kernel's devcoredump. The format
 * is text, docs/operating.md tells of it.
 *
 * A dump is taken before anything is stopped, while fences wait: into memory that is there, and
 * without waiting for anybody. It is handed on later, when memory may be allocated. A dump that
 * nobody has fetched makes the next one be dropped, by the kernel; but one of a card that is reset
 * takes its place, so that no program can keep that away by failing on purpose. For the same reason
 * queues that fail have a dump every ten seconds at most, whoever has them.
 */
#include <linux/devcoredump.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "ogpu_boot.h"
#include "ogpu_device.h"
#include "ogpu_dump.h"
#include "ogpu_event.h"
#include "ogpu_mbox.h"
#include "ogpu_queue.h"
#include "ogpu_report.h"
#include "ogpu_signal.h"

#define OGPU_DUMP_VERSION	1
/* What is beyond is cut off. */
#define OGPU_DUMP_SIZE		(192u * 1024)
#define OGPU_DUMP_QUEUE_MS	10000

/**
 * struct ogpu_dump_rest - where lines of a dump go to
 */
struct ogpu_dump_rest {
	/** @at: behind the last one */
	char *at;
	/** @left: bytes from there on, at least one */
	size_t left;
};

/* That of the DRM core allocates where a line does not fit. */
static void ogpu_dump_printfn(struct drm_printer *p, struct va_format *vaf)
{
	struct ogpu_dump_rest *rest = p->arg;
	int bytes = scnprintf(rest->at, rest->left, "%pV", vaf);

	rest->at += bytes;
	rest->left -= bytes;
}

/**
 * struct ogpu_dump - the next dump of a card
 */
struct ogpu_dump {
	/** @odev: the card */
	struct ogpu_device *odev;
	/** @work: hands it on */
	struct work_struct work;
	/** @lock: protects what follows; nothing is allocated under it */
	struct mutex lock;
	/** @text: OGPU_DUMP_SIZE bytes; NULL: given away, and there is none yet */
	char *text;
	/** @used: bytes of @text that are taken; 0: none */
	size_t used;
	/** @card: it is of a card that is reset */
	bool card;
	/** @queue_at: when a queue had one last, jiffies */
	unsigned long queue_at;
	/** @log: for a copy of the log of firmware */
	char log[OGPU_MBOX_LOG_TEXT];
};

static void ogpu_dump_print_head(struct ogpu_device *odev, struct drm_printer *p,
				 unsigned int event)
{
	const struct ogpu_disc *disc = &odev->disc;
	struct ogpu_fw_info info;

	drm_printf(p, "ogpu-dump: %u\n", OGPU_DUMP_VERSION);
	drm_printf(p, "event: %u\n", event);
	drm_printf(p, "reason: %s\n", event < OGPU_TROUBLES ? ogpu_trouble_text(event) :
		   "queue failed");
	drm_printf(p, "time_ns: %lld\n", ktime_get_real_ns());
	drm_printf(p, "kernel: %s\n", init_utsname()->release);
	drm_printf(p, "card: %s\n", pci_name(odev->pdev));
	drm_printf(p, "board: id %#x revision %u name %s uuid %pUb\n", disc->board_id,
		   disc->hw_rev, disc->name, disc->uuid);
	drm_printf(p, "state: %s generation %u\n", ogpu_state_name(READ_ONCE(odev->state)),
		   READ_ONCE(odev->generation));
	if (!ogpu_boot_get_info(odev, &info))
		drm_printf(p, "firmware: version %u.%u.%u build %s abi %u svn %u hash %*phN\n",
			   info.version[0], info.version[1], info.version[2], info.build_id,
			   info.abi, info.svn, OGPU_FW_HASH_SIZE, info.hash);
}

static void ogpu_dump_print(struct ogpu_dump *dump, struct drm_printer *p,
			    struct ogpu_queue *queue, unsigned int event)
{
	struct ogpu_device *odev = dump->odev;

	ogpu_dump_print_head(odev, p, event);
	drm_puts(p, "[registers]\n");
	/* Each read of a card that does not answer may take long. */
	if (ogpu_device_present(odev))
		odev->chip->print(odev, p);
	else
		drm_puts(p, "card does not answer\n");
	drm_puts(p, "[messages]\n");
	ogpu_mbox_print_state(odev, p);
	ogpu_mbox_print_messages(odev, p);
	ogpu_event_print_state(odev, p);
	ogpu_signal_print(odev, p);
	drm_puts(p, "[queues]\n");
	if (queue)
		ogpu_queue_dump(queue, p);
	else
		ogpu_queue_mgr_dump(odev, p);
	/* Last of all, so that nothing is cut off if firmware has much to say. */
	drm_puts(p, "[firmware-log]\n");
	ogpu_mbox_print_log_by(odev, p, dump->log);
	drm_puts(p, "[end]\n");
}

/**
 * ogpu_dump_take() - write down what the card is like
 * @odev: the card; before anything is stopped
 * @queue: that has failed; NULL: the card is going to be reset
 * @event: OGPU_EVENT_NR_* or enum ogpu_trouble
 *
 * Allocates nothing and waits for nobody but for another dump being written, and short locks. A
 * dump of a queue is handed on by itself, that of a card by ogpu_dump_publish().
 */
void ogpu_dump_take(struct ogpu_device *odev, struct ogpu_queue *queue, unsigned int event)
{
	struct ogpu_dump *dump = odev->dump;
	struct ogpu_dump_rest rest;
	struct drm_printer p = {
		.printfn = ogpu_dump_printfn,
		.arg = &rest,
	};
	int idx;

	/* Timeouts come also when the card is being unbound. */
	if (!ogpu_device_enter(odev, &idx))
		return;
	mutex_lock(&dump->lock);
	if (!dump->text) {
		/* There was no memory for it. */
		schedule_work(&dump->work);
		goto out;
	}
	if (queue && (dump->used || time_before(jiffies, dump->queue_at)))
		goto out;

	/* One of a queue that is not handed on yet gives way to that of the card. */
	rest.at = dump->text;
	rest.left = OGPU_DUMP_SIZE;
	ogpu_dump_print(dump, &p, queue, event);
	dump->used = OGPU_DUMP_SIZE - rest.left;
	dump->card = !queue;
	if (queue) {
		dump->queue_at = jiffies + msecs_to_jiffies(OGPU_DUMP_QUEUE_MS);
		schedule_work(&dump->work);
	}
out:
	mutex_unlock(&dump->lock);
	ogpu_device_exit(odev, idx);
}

static void ogpu_dump_work(struct work_struct *work)
{
	struct ogpu_dump *dump = container_of(work, struct ogpu_dump, work);
	struct device *dev = &dump->odev->pdev->dev;
	char *text = NULL, *next;
	size_t used = 0;
	bool card = false;

	next = vmalloc(OGPU_DUMP_SIZE);
	mutex_lock(&dump->lock);
	if (dump->used) {
		text = dump->text;
		used = dump->used;
		card = dump->card;
		dump->text = NULL;
		dump->used = 0;
	}
	if (!dump->text) {
		dump->text = next;
		next = NULL;
	}
	mutex_unlock(&dump->lock);
	vfree(next);
	if (!text)
		return;

	if (card)
		dev_coredump_put(dev);
	/* Takes the text over, also if there is a dump that nobody has fetched. */
	dev_coredumpv(dev, text, used, GFP_KERNEL);
}

/**
 * ogpu_dump_publish() - hand on what was taken of a card that is reset
 * @odev: the card; all fences have signalled
 */
void ogpu_dump_publish(struct ogpu_device *odev)
{
	schedule_work(&odev->dump->work);
}

static void ogpu_dump_free(struct drm_device *drm, void *arg)
{
	struct ogpu_dump *dump = arg;

	vfree(dump->text);
	mutex_destroy(&dump->lock);
}

/**
 * ogpu_dump_init() - prepare at probe
 * @odev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int ogpu_dump_init(struct ogpu_device *odev)
{
	struct ogpu_dump *dump;

	dump = drmm_kzalloc(&odev->drm, sizeof(*dump), GFP_KERNEL);
	if (!dump)
		return -ENOMEM;

	dump->odev = odev;
	dump->queue_at = jiffies;
	INIT_WORK(&dump->work, ogpu_dump_work);
	mutex_init(&dump->lock);
	dump->text = vmalloc(OGPU_DUMP_SIZE);
	odev->dump = dump;

	return drmm_add_action_or_reset(&odev->drm, ogpu_dump_free, dump);
}

/**
 * ogpu_dump_fini() - no more dumps, at unbind
 * @odev: the card, which stands still
 *
 * One that was handed on stays until it is fetched, or for five minutes.
 */
void ogpu_dump_fini(struct ogpu_device *odev)
{
	disable_work_sync(&odev->dump->work);
}
