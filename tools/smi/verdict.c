// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the state of a card means to the one who runs it: a verdict, the reason, the next command.
 */
#include <stdio.h>
#include <string.h>

#include "smi.h"

#define HOT_MDEG	95000	/* from here on the chip throttles by itself */

const char *smi_verdict_word(enum smi_verdict verdict)
{
	static const char * const words[SMI_VERDICTS] = {
		[SMI_OK] = "ok",
		[SMI_STARTING] = "starting",
		[SMI_DEGRADED] = "degraded",
		[SMI_NEEDS_DRIVER] = "needs-driver",
		[SMI_NEEDS_FIRMWARE] = "needs-firmware",
		[SMI_NEEDS_RESET] = "needs-reset",
		[SMI_NEEDS_POWER_CYCLE] = "needs-power-cycle",
		[SMI_REPLACE] = "replace",
	};

	return words[verdict];
}

enum smi_verdict smi_worst(const struct smi_cards *cards)
{
	enum smi_verdict worst = SMI_OK;
	unsigned int i;

	for (i = 0; i < cards->count; i++)
		if (cards->cards[i].verdict > worst)
			worst = cards->cards[i].verdict;
	return worst;
}

static void judge(struct smi_card *card, enum smi_verdict verdict, const char *reason)
{
	const char *why = card->last_error[0] ? card->last_error : "see the kernel log";

	card->verdict = verdict;
	snprintf(card->reason, sizeof(card->reason), "%s%s%s", reason,
		 verdict >= SMI_NEEDS_FIRMWARE && verdict <= SMI_NEEDS_POWER_CYCLE ? ": " : "",
		 verdict >= SMI_NEEDS_FIRMWARE && verdict <= SMI_NEEDS_POWER_CYCLE ? why : "");
}

static void advise(struct smi_card *card, const char *before, const char *after)
{
	snprintf(card->action, sizeof(card->action), "%s%s%s", before, card->card.address, after);
}

static bool above(const struct smi_card *card, enum smi_value what, long long limit)
{
	return card->has[what] && card->value[what] > limit;
}

static void judge_running(struct smi_card *card)
{
	char text[160];

	if (above(card, SMI_PAGES_LOST, 0)) {
		judge(card, SMI_REPLACE, "VRAM has bad pages, and no spare ones are left");
		advise(card, "take the card ", " out of use and replace it");
	} else if (card->reading[0]) {
		snprintf(text, sizeof(text), "nothing came back in time when '%s' was read",
			 card->reading);
		judge(card, SMI_DEGRADED, text);
		advise(card, "ogpu-smi doctor -d ",
		       " again in a moment; the driver resets it if need be");
	} else if (card->hwmon[0] && !card->has[SMI_TEMP_GPU]) {
		judge(card, SMI_DEGRADED, "firmware does not answer when asked for its sensors");
		advise(card, "ogpu-smi doctor -d ",
		       " again in a moment; the driver resets it if need be");
	} else if (above(card, SMI_TEMP_GPU, HOT_MDEG - 1)) {
		judge(card, SMI_DEGRADED, "the chip is so hot that it slows itself down");
		advise(card, "look after the cooling of ", "");
	} else if (above(card, SMI_PAGES_IN_USE, 0)) {
		judge(card, SMI_DEGRADED, "bad pages of VRAM are in use until programs free them");
		advise(card, "ogpu-smi reset -d ", ", when its programs have ended");
	} else if (card->drained) {
		judge(card, SMI_OK, "works, and takes no new programs");
		advise(card, "ogpu-smi return -d ", "");
	} else {
		judge(card, SMI_OK, "works");
	}
}

static bool state_is(const struct smi_card *card, const char *state)
{
	return !strcmp(card->card.state, state);
}

void smi_judge(struct smi_card *card)
{
	card->action[0] = '\0';
	/* As long as the driver tells the state, that counts, and not how long it took. */
	if (!card->card.state[0] && card->reading[0]) {
		judge(card, SMI_NEEDS_RESET, "not even its state could be read in time");
		advise(card, "ogpu-smi reset -d ",
		       "; if that does not end either, power the host off");
	} else if (!card_has_driver(&card->card)) {
		judge(card, SMI_NEEDS_DRIVER, card->card.driver[0] ?
		      "another driver is bound to it" : "no driver is bound to it");
		advise(card, card->card.driver[0] ? "unbind " : "modprobe ogpu, or bind ",
		       card->card.driver[0] ? " and bind it to ogpu, if no guest uses it" :
					      "; see the kernel log");
	} else if (state_is(card, CARD_STATE_RUNNING)) {
		judge_running(card);
	} else if (state_is(card, CARD_STATE_BOOTING) || state_is(card, CARD_STATE_RESETTING)) {
		judge(card, SMI_STARTING, state_is(card, CARD_STATE_BOOTING) ?
		      "its firmware starts" : "it is being reset");
		advise(card, "ogpu-smi doctor -d ", " again in a moment");
	} else if (state_is(card, CARD_STATE_UNKNOWN)) {
		judge(card, SMI_STARTING, "the driver does not tell all about it yet");
		advise(card, "ogpu-smi doctor -d ", " again in a moment");
	} else if (state_is(card, "awaiting-firmware")) {
		judge(card, SMI_NEEDS_FIRMWARE, "no firmware runs");
		advise(card, "ogpu-fwload load --device=", "");
	} else if (state_is(card, "gone")) {
		judge(card, SMI_NEEDS_POWER_CYCLE, "it fell off the bus");
		advise(card, "power the slot or the host of ", " off and on");
	} else {
		judge(card, SMI_NEEDS_RESET, "the driver could not recover it");
		advise(card, "ogpu-smi reset -d ", "");
	}
}
