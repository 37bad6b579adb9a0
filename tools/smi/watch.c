// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A view of all cards and their programs that is drawn again each second: what a card worked since
 * the last time is the difference of what the kernel counted for its programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "smi.h"

#define BAR		20
#define PERIOD_MS	1000

/* Where the lines go: a terminal has a size, a file has all of them. */
struct screen {
	bool terminal;
	unsigned int rows, columns;
	unsigned int used;
};

/* What was seen at one moment. */
struct look {
	struct smi_cards cards;
	struct smi_uses uses;
	int64_t ms;
};

static void begin(struct screen *screen)
{
	struct winsize size;

	screen->terminal = isatty(STDOUT_FILENO);
	screen->rows = ~0u;
	screen->columns = 1000;
	screen->used = 0;
	if (screen->terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row) {
		screen->rows = size.ws_row;
		screen->columns = size.ws_col;
	}
	/* Over the view before, which leaves what was on the screen's upper lines. */
	if (screen->terminal)
		fputs("\033[H", stdout);
}

static void line(struct screen *screen, const char *text)
{
	/* The last line has no end, or the terminal would scroll. */
	if (screen->used + 1 >= screen->rows)
		return;
	screen->used++;
	printf("%.*s%s\n", (int)screen->columns, text, screen->terminal ? "\033[K" : "");
}

static void end(const struct screen *screen)
{
	fputs(screen->terminal ? "\033[J" : "\n", stdout);
	fflush(stdout);
}

/* What @use has worked between two looks, in percent of that time. */
static unsigned int busy(const struct look *now, const struct look *before,
			 const struct smi_use *use)
{
	int64_t ms = now->ms - before->ms;
	long long ns = -1;
	unsigned int i;

	for (i = 0; i < before->uses.count; i++) {
		const struct smi_use *old = &before->uses.uses[i];

		if (old->pid == use->pid && old->client == use->client &&
		    !strcmp(old->address, use->address))
			ns = use->compute_ns - old->compute_ns;
	}
	if (ns < 0 || ms <= 0)
		return 0;
	ns /= ms * 10000;
	return ns > 100 ? 100 : (unsigned int)ns;
}

/* A file that several processes have open worked once. */
static bool is_first(const struct smi_uses *uses, unsigned int number)
{
	unsigned int i;

	for (i = 0; i < number; i++)
		if (uses->uses[i].client == uses->uses[number].client &&
		    !strcmp(uses->uses[i].address, uses->uses[number].address))
			return false;
	return true;
}

static void draw_bar(char bar[BAR + 1], unsigned int percent)
{
	unsigned int i;

	for (i = 0; i < BAR; i++)
		bar[i] = i * 100 < percent * BAR ? '#' : '.';
	bar[BAR] = '\0';
}

static void number(const struct smi_card *card, enum smi_value what, double unit, const char *name,
		   char text[24])
{
	if (card->has[what])
		snprintf(text, 24, "%.0f %s", (double)card->value[what] / unit, name);
	else
		snprintf(text, 24, "-");
}

static void draw_card(struct screen *screen, const struct look *now, const struct look *before,
		      const struct smi_card *card)
{
	char temp[24], power[24], clock[24], bar[BAR + 1], text[256];
	unsigned int i, percent = 0;
	long long vram = 0;

	for (i = 0; i < now->uses.count; i++) {
		const struct smi_use *use = &now->uses.uses[i];

		if (strcmp(use->address, card->card.address) || !is_first(&now->uses, i))
			continue;
		percent += busy(now, before, use);
		vram += use->vram;
	}
	percent = percent > 100 ? 100 : percent;
	draw_bar(bar, percent);
	number(card, SMI_TEMP_GPU, 1000, "C", temp);
	number(card, SMI_POWER, 1e6, "W", power);
	number(card, SMI_CLOCK, 1e6, "MHz", clock);
	snprintf(text, sizeof(text), "%-13s [%s] %3u %% %9lld MiB %7s %7s %9s  %s%s",
		 card->card.address, bar, percent, vram >> 20, temp, power, clock,
		 smi_verdict_word(card->verdict), card->drained ? ", drained" : "");
	line(screen, text);
	if (card->verdict != SMI_OK) {
		snprintf(text, sizeof(text), "  %.240s", card->reason);
		line(screen, text);
	}
}

static void draw(const struct look *now, const struct look *before)
{
	struct screen screen;
	time_t seconds = time(NULL);
	char text[256], when[32];
	unsigned int i;

	begin(&screen);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime(&seconds));
	snprintf(text, sizeof(text), "%s  %u cards, %u clients%s", when, now->cards.count,
		 now->uses.count, now->uses.complete ? "" : ", and more");
	line(&screen, text);
	line(&screen, "");
	snprintf(text, sizeof(text), "%-13s %-22s %5s %13s %7s %7s %9s  %s", "CARD", "COMPUTE", "",
		 "VRAM USED", "TEMP", "POWER", "CLOCK", "VERDICT");
	line(&screen, text);
	for (i = 0; i < now->cards.count; i++)
		draw_card(&screen, now, before, &now->cards.cards[i]);
	line(&screen, "");
	snprintf(text, sizeof(text), "%8s %8s %-13s %7s %9s %s", "PID", "UID", "CARD", "COMPUTE",
		 "VRAM", "NAME");
	line(&screen, text);
	for (i = 0; i < now->uses.count; i++) {
		const struct smi_use *use = &now->uses.uses[i];

		snprintf(text, sizeof(text), "%8d %8u %-13s %5u %% %5lld MiB %s", use->pid,
			 use->uid, use->address, busy(now, before, use), use->vram >> 20,
			 use->name);
		line(&screen, text);
	}
	end(&screen);
}

static int look(struct look *now, const struct smi_options *opt, struct fw_error *err)
{
	if (smi_read(&now->cards, opt, opt->read_ms, err))
		return -1;
	if (smi_scan(&now->uses, &now->cards, opt, err)) {
		smi_free(&now->cards);
		return -1;
	}
	now->ms = smi_now_ms();
	return 0;
}

static void forget(struct look *look)
{
	smi_free(&look->cards);
	smi_scan_free(&look->uses);
}

int smi_watch(const struct smi_options *opt, struct fw_error *err)
{
	int64_t end_ms = smi_now_ms() + opt->timeout_s * 1000ll;
	struct look now, before;
	unsigned int drawn = 0;

	if (look(&before, opt, err))
		return -1;
	do {
		usleep(PERIOD_MS * 1000);
		if (look(&now, opt, err)) {
			forget(&before);
			return -1;
		}
		/* Clear once; later views go over the one before, which does not flicker. */
		if (!drawn++ && isatty(STDOUT_FILENO))
			fputs("\033[2J", stdout);
		draw(&now, &before);
		forget(&before);
		before = now;
	} while ((!opt->count || drawn < opt->count) &&
		 (!opt->timeout_s || smi_now_ms() + PERIOD_MS <= end_ms) && !ferror(stdout));
	forget(&before);
	return 0;
}
