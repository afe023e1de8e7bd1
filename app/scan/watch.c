/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "text.h"

void
watch_init(struct watch *w, struct engine *e, const struct job *job, struct events *events,
	   struct course *course)
{
	memset(w, 0, sizeof(*w));
	w->engine = e;
	w->job = job;
	w->events = events;
	w->course = course;
	w->rate_changes = engine_rate_changes(e);
	health_init(&w->health, engine_port_count(e));
}

uint64_t
watch_next_ns(const struct watch *w)
{
	return health_next_ns(&w->health);
}

/* The sentence on a trouble, without its end. */
static void
describe(const struct watch *w, enum health_trouble trouble, unsigned int port, char text[EVENT_TEXT_SIZE])
{
	const char *device = w->job->interfaces[port].device.text;

	switch (trouble) {
	case HEALTH_DEVICE:
		snprintf(text, EVENT_TEXT_SIZE, "device '%.100s' is gone", device);
		break;
	case HEALTH_LINK:
		snprintf(text, EVENT_TEXT_SIZE, "the link of '%.100s' is down", device);
		break;
	case HEALTH_GATEWAY:
		snprintf(text, EVENT_TEXT_SIZE,
			 "the gateway of '%.60s' does not answer ARP, and nothing is received", device);
		break;
	case HEALTH_CANARIES:
		snprintf(text, EVENT_TEXT_SIZE, "no canary answers");
		break;
	default:
		snprintf(text, EVENT_TEXT_SIZE,
			 "the hit rate has fallen below a quarter of what it was");
		break;
	}
}

/* A line of its own, also where the status has one that is rewritten. */
static void
say(const struct watch *w, const char *what, const char *more)
{
	time_t now = time(NULL);
	char clock[sizeof("23:59:59")];
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	fprintf(stderr, "%sasdic: %s: %s %s%s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", w->job->name,
		clock, what, more);
}

static const char *
outlook(enum health_trouble trouble)
{
	if (trouble == HEALTH_HITRATE)
		return ": sending is held, and tried again soon";
	if (trouble == HEALTH_DEVICE)
		return ": sending is held; ctrl-C ends the scan";
	return ": sending is held, and goes on by itself";
}

static void
begin_trouble(struct watch *w, const struct health_news *news, uint64_t now_ns)
{
	struct event_doubt doubt = {true, news->position, engine_position_end(w->engine)};
	char text[EVENT_TEXT_SIZE], elapsed[TEXT_SIZE];

	describe(w, news->trouble, news->port, text);
	say(w, text, outlook(news->trouble));
	/* One that follows another finds the sending held: nothing more has come into doubt. */
	doubt.is_some = news->mended == HEALTH_FINE && doubt.end > doubt.first;
	events_add_doubt(w->events, now_ns, "hold", doubt, "%s; all was well at %s", text,
			 text_elapsed(elapsed, news->since_ns));
	if (news->mended == HEALTH_FINE)
		w->begun_ns = now_ns;
	engine_hold(w->engine, health_name(news->trouble));
}

static void
end_trouble(struct watch *w, const struct health_news *news, uint64_t now_ns)
{
	char text[EVENT_TEXT_SIZE], held[TEXT_SIZE];

	snprintf(text, sizeof(text), "%s: sending goes on after %s",
		 news->mended == HEALTH_HITRATE ? "a trial of the hit rate" : health_name(news->mended),
		 text_elapsed(held, now_ns - w->begun_ns));
	say(w, text, "");
	events_add(w->events, now_ns, "resume", "%s", text);
	engine_hold(w->engine, NULL);
}

static void
take_news(struct watch *w, const struct health_news *news, uint64_t now_ns)
{
	static const char level[] = "the hit rate stays low, and is taken for what there is";

	if (news->is_level) {
		say(w, level, "");
		events_add(w->events, now_ns, "level", "%s", level);
	} else if (news->trouble == HEALTH_FINE) {
		end_trouble(w, news, now_ns);
	} else {
		begin_trouble(w, news, now_ns);
	}
}

static void
look(struct watch *w, const struct ledger *l, uint64_t now_ns)
{
	struct health_look look = {.now_ns = now_ns};
	struct health_news news;

	if (w->rate_changes != engine_rate_changes(w->engine))
		health_forget(&w->health);
	w->rate_changes = engine_rate_changes(w->engine);
	engine_look(w->engine, &look);
	look.tried = l->count[LEDGER_SENT + LEDGER_PROBE];
	look.hits = ledger_hits(l);
	health_look(&w->health, &look, &news);
	if (news.is_news)
		take_news(w, &news, now_ns);
}

void
watch_update(struct watch *w, uint64_t now_ns)
{
	struct ledger l;

	if (now_ns < watch_next_ns(w))
		return;
	engine_ledger(w->engine, &l);
	course_note(w->course, now_ns, l.count[LEDGER_SENT + LEDGER_PROBE], l.count[LEDGER_RECEIVED]);
	look(w, &l, now_ns);
}

void
watch_end_sending(struct watch *w)
{
	engine_hold(w->engine, NULL);
}

void
watch_end(struct watch *w, uint64_t now_ns)
{
	struct ledger l;

	engine_ledger(w->engine, &l);
	course_end(w->course, now_ns, l.count[LEDGER_SENT + LEDGER_PROBE], l.count[LEDGER_RECEIVED]);
}
