/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "say.h"
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
	liars_init(&w->liars, e, job->name, events);
	health_init(&w->health, engine_port_count(e), engine_first(e));
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

static const char *
outlook(enum health_trouble trouble)
{
	if (trouble == HEALTH_HITRATE)
		return ": sending is held, and tried again soon";
	if (trouble == HEALTH_DEVICE)
		return ": sending is held; ctrl-C ends the scan";
	return ": sending is held, and goes on by itself";
}

/* Positions from there on may have been probed in vain. */
static void
doubt(struct watch *w, uint64_t first)
{
	if (!w->is_in_doubt || first < w->doubt_first)
		w->doubt_first = first;
	w->is_in_doubt = true;
	if (w->is_probing_again)
		engine_stop_again(w->engine);
	w->is_probing_again = false;
}

static void
begin_trouble(struct watch *w, const struct health_news *news, uint64_t now_ns)
{
	struct event_doubt positions = {true, news->position, engine_position_end(w->engine)};
	char text[EVENT_TEXT_SIZE], elapsed[TEXT_SIZE];

	describe(w, news->trouble, news->port, text);
	say(w->job->name, text, outlook(news->trouble));
	/* One that follows another finds the sending held: nothing more has come into doubt. */
	positions.is_some = news->mended == HEALTH_FINE && positions.end > positions.first;
	events_add_doubt(w->events, now_ns, "hold", positions, "%s; all was well at %s", text,
			 text_elapsed(elapsed, news->since_ns));
	if (news->mended == HEALTH_FINE)
		w->begun_ns = now_ns;
	doubt(w, news->position);
	engine_hold(w->engine, health_name(news->trouble));
}

static void
end_trouble(struct watch *w, const struct health_news *news, uint64_t now_ns)
{
	char text[EVENT_TEXT_SIZE], held[TEXT_SIZE];

	snprintf(text, sizeof(text), "%s: sending goes on after %s",
		 news->mended == HEALTH_HITRATE ? "a trial of the hit rate" : health_name(news->mended),
		 text_elapsed(held, now_ns - w->begun_ns));
	say(w->job->name, text, "");
	events_add(w->events, now_ns, "resume", "%s", text);
	engine_hold(w->engine, NULL);
}

static void
take_news(struct watch *w, const struct health_news *news, uint64_t now_ns)
{
	static const char level[] = "the hit rate stays low, and is taken for what there is";

	if (news->is_level) {
		say(w->job->name, level, "");
		events_add(w->events, now_ns, "level", "%s", level);
	} else if (news->trouble == HEALTH_FINE) {
		end_trouble(w, news, now_ns);
	} else {
		begin_trouble(w, news, now_ns);
	}
}

/* The network is there: those in doubt can be reached. */
static void
begin_again(struct watch *w, uint64_t now_ns)
{
	struct event_doubt positions = {true, w->doubt_first, 0};

	positions.end = engine_probe_again(w->engine, w->doubt_first);
	w->is_probing_again = true;
	events_add_doubt(w->events, now_ns, "again", positions,
			 "what may have been probed in vain is probed once more, but for who has answered");
}

static void
tend_doubt(struct watch *w, uint64_t now_ns)
{
	const struct health *h = &w->health;

	if (!w->is_in_doubt || w->is_over || h->trouble != HEALTH_FINE)
		return;
	if (!w->is_probing_again) {
		if (!health_is_on_trial(h) || engine_is_exhausted(w->engine))
			begin_again(w, now_ns);
	} else if (engine_tend_again(w->engine)) {
		w->is_in_doubt = w->is_probing_again = false;
		w->again_ns = now_ns;
	}
}

/* What is known not to have been in vain, for checkpoints. */
static void
tell_sure(const struct watch *w)
{
	if (w->is_in_doubt || w->health.trouble != HEALTH_FINE)
		return;
	engine_set_sure(w->engine, health_sure(&w->health), w->again_ns);
}

static void
look(struct watch *w, uint64_t now_ns)
{
	struct health_look look = {.now_ns = now_ns};
	struct health_news news;

	if (w->rate_changes != engine_rate_changes(w->engine))
		health_forget(&w->health);
	w->rate_changes = engine_rate_changes(w->engine);
	engine_look(w->engine, &look);
	if (w->is_in_doubt && w->doubt_first < look.position)
		look.position = w->doubt_first;
	health_look(&w->health, &look, &news);
	if (news.is_news && !w->is_over)
		take_news(w, &news, now_ns);
	else if (news.is_news && news.trouble != HEALTH_FINE)
		doubt(w, news.position);
	tend_doubt(w, now_ns);
	tell_sure(w);
}

void
watch_update(struct watch *w, uint64_t now_ns)
{
	struct ledger l;

	if (now_ns < watch_next_ns(w))
		return;
	engine_ledger(w->engine, &l);
	course_note(w->course, now_ns, l.count[LEDGER_SENT + LEDGER_PROBE], l.count[LEDGER_RECEIVED]);
	look(w, now_ns);
	liars_look(&w->liars, now_ns);
}

bool
watch_is_clear(const struct watch *w)
{
	return w->health.trouble == HEALTH_FINE && !w->is_in_doubt;
}

void
watch_end_sending(struct watch *w)
{
	w->is_over = true;
	if (w->is_probing_again)
		engine_stop_again(w->engine);
	w->is_probing_again = false;
	engine_hold(w->engine, NULL);
}

void
watch_end(struct watch *w, uint64_t now_ns)
{
	struct ledger l;

	engine_ledger(w->engine, &l);
	course_end(w->course, now_ns, l.count[LEDGER_SENT + LEDGER_PROBE], l.count[LEDGER_RECEIVED]);
	liars_look(&w->liars, now_ns);
	liars_free(&w->liars);
}
