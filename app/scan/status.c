/* SPDX-License-Identifier: BSD-3-Clause */
#include "status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asked.h"
#include "base/time.h"
#include "sys/sys.h"
#include "text.h"

#define TERMINAL_PERIOD_NS NS_PER_SEC
#define LOG_PERIOD_NS (60 * NS_PER_SEC)
#define LOOKUPS_SIZE (8 * TEXT_SIZE)

static uint64_t
period(const struct status *s)
{
	return s->is_terminal ? TERMINAL_PERIOD_NS : LOG_PERIOD_NS;
}

void
status_init(struct status *s, struct engine *e, const struct job *job, uint64_t targets, bool quiet)
{
	memset(s, 0, sizeof(*s));
	s->engine = e;
	s->job = job;
	s->targets = targets;
	s->quiet = quiet;
	s->is_terminal = isatty(STDERR_FILENO);
	s->next_wall_ns = sys_now_ns(CLOCK_MONOTONIC_COARSE) + period(s);
	s->last_ns = engine_now_ns(e);
}

/* What keeps a scan that sends no more probes from ending; past the cooldown it is what is still under way. */
static const char *
awaited(const struct status *s, bool is_late)
{
	if (is_late && engine_live_lookups(s->engine) > 0)
		return "resolvers";
	return is_late && engine_live_grabs(s->engine) > 0 ? "grabs" : "cooldown";
}

/* What keeps the scan from going faster. */
static const char *
held_by(const struct status *s, double pps, bool cooling, bool is_late)
{
	struct engine_rate promised = engine_rate(s->engine);
	double rate = (double)promised.frames_pps, bits = (double)promised.bits_per_s;
	double frame_bits = (double)wire_bits(engine_probe_bytes(s->engine));

	if (cooling)
		return awaited(s, is_late);
	if (engine_hold_cause(s->engine) != NULL)
		return engine_hold_cause(s->engine);
	if (engine_is_held(s->engine))
		return "workers";
	if (engine_is_polite(s->engine))
		return "politeness";
	if (rate > 0 && pps > 0.95 * rate)
		return "rate";
	if (bits > 0 && pps * frame_bits > 0.9 * bits)
		return "bandwidth";
	return "device";
}

static const char *
time_left(const struct status *s, char buf[TEXT_SIZE], uint64_t now_ns, uint64_t done, bool cooling,
	  uint64_t end_ns)
{
	double left, pps;

	if (cooling)
		return text_duration(buf, end_ns > now_ns ? (double)(end_ns - now_ns) / 1e9 : 0);
	if (done == 0 || now_ns == 0)
		return "?";
	pps = (double)done * 1e9 / (double)now_ns;
	left = (double)(s->targets - done) / pps;
	return text_duration(buf, left + (double)s->job->limits.cooldown_ns / 1e9);
}

/* "tls: 4.6K/s ok 61K live; ": grabs that came as deep as was asked for, and those under way. */
static const char *
grabs_text(const struct status *s, const struct ledger *l, double span, char buf[3 * TEXT_SIZE])
{
	uint64_t complete = l->count[LEDGER_ENDED + GRAB_COMPLETE];
	char rate[TEXT_SIZE], live[TEXT_SIZE];
	bool is_tls = true;

	buf[0] = '\0';
	if (!engine_has_grabs(s->engine))
		return buf;
	for (size_t i = 0; i < s->job->grab_count; i++)
		is_tls &= s->job->grabs[i].module == JOB_GRAB_TLS;
	snprintf(buf, 3 * TEXT_SIZE, "%s: %s/s ok %s live; ", is_tls ? "tls" : "grabs",
		 text_count(rate, (double)(complete - s->last_complete) / span),
		 text_count(live, engine_live_grabs(s->engine)));
	return buf;
}

static uint64_t
names_of(const struct ledger *l)
{
	return l->count[LEDGER_LOOKUP_RECORD];
}

/*
 * "dns: 11K/s; ": names that were looked up. Where there is nothing else to do there is more to say of them:
 * "dns: 11K/s 23K q/s 9.8K live 98.7% ok 1.2K timeout 340 servfail; resolvers: 7 good 1 silent 2 lie; ".
 */
static const char *
lookups_text(const struct status *s, const struct ledger *l, double span, char buf[LOOKUPS_SIZE])
{
	char rate[TEXT_SIZE], queries[TEXT_SIZE], live[TEXT_SIZE], timeouts[TEXT_SIZE], servfail[TEXT_SIZE];
	struct asked a;
	int at;

	buf[0] = '\0';
	if (!engine_has_lookups(s->engine))
		return buf;
	text_count(rate, (double)(names_of(l) - s->last_names) / span);
	if (s->targets > 0) {
		snprintf(buf, LOOKUPS_SIZE, "dns: %s/s; ", rate);
		return buf;
	}
	asked_take(s->engine, l, &a);
	at = snprintf(buf, LOOKUPS_SIZE, "dns: %s/s %s q/s %s live %.1f%% ok %s timeout %s servfail; ", rate,
		      text_count(queries, (double)(a.queries - s->last_queries) / span), text_count(live, a.live),
		      asked_success_percent(&a), text_count(timeouts, (double)a.timeouts),
		      text_count(servfail, (double)a.servfail));
	if (engine_resolver_count(s->engine) > 0)
		snprintf(buf + at, LOOKUPS_SIZE - (size_t)at, "resolvers: %llu good %llu silent %llu lie; ",
			 (unsigned long long)a.resolvers[RESOLVERS_GOOD],
			 (unsigned long long)a.resolvers[RESOLVERS_ASIDE],
			 (unsigned long long)a.resolvers[RESOLVERS_LIES]);
	return buf;
}

/* "34% (1h19m left)"; of names alone nobody knows how many are to come: "1.2M names". */
static const char *
course_text(const struct status *s, const struct ledger *l, uint64_t now_ns, bool cooling, uint64_t end_ns,
	    char buf[3 * TEXT_SIZE])
{
	uint64_t done = ledger_done(l, s->targets);
	char text[TEXT_SIZE];

	if (s->targets == 0 && engine_has_lookups(s->engine))
		snprintf(buf, 3 * TEXT_SIZE, "%s names", text_count(text, (double)names_of(l)));
	else
		snprintf(buf, 3 * TEXT_SIZE, "%.0f%% (%s left)",
			 s->targets == 0 ? 100.0 : 100.0 * (double)done / (double)s->targets,
			 time_left(s, text, now_ns, done, cooling, end_ns));
	return buf;
}

static void
print(struct status *s, uint64_t now_ns, bool cooling, uint64_t end_ns)
{
	char elapsed[TEXT_SIZE], course[3 * TEXT_SIZE], sent_text[TEXT_SIZE], pps_text[TEXT_SIZE];
	char recv_text[TEXT_SIZE], rps_text[TEXT_SIZE], grabs[3 * TEXT_SIZE], lookups[LOOKUPS_SIZE];
	double span = now_ns > s->last_ns ? (double)(now_ns - s->last_ns) / 1e9 : 1;
	struct ledger l;
	uint64_t sent, received;
	double pps, hits;

	engine_ledger(s->engine, &l);
	sent = l.count[LEDGER_SENT + LEDGER_PROBE];
	received = l.count[LEDGER_RECEIVED];
	pps = (double)(sent - s->last_sent) / span;
	hits = sent == 0 ? 0 : 100.0 * (double)ledger_hits(&l) / (double)sent;
	fprintf(stderr,
		"%s%s %s; send: %s %s; recv: %s %s; hitrate: %.2f%%; "
		"%s%sdrops: nic %llu ring %llu; held by: %s%s",
		s->is_terminal ? "\r\033[K" : "", text_elapsed(elapsed, now_ns),
		course_text(s, &l, now_ns, cooling, end_ns, course),
		text_count(sent_text, (double)sent),
		text_rate(pps_text, pps, (double)engine_rate(s->engine).frames_pps),
		text_count(recv_text, (double)received),
		text_rate(rps_text, (double)(received - s->last_received) / span, 0), hits,
		grabs_text(s, &l, span, grabs), lookups_text(s, &l, span, lookups),
		(unsigned long long)engine_nic_drops(s->engine),
		(unsigned long long)(l.count[LEDGER_STRANDED] + l.count[LEDGER_SEGMENT_CUT_OFF]),
		held_by(s, pps, cooling, now_ns >= end_ns),
		s->is_terminal ? "" : "\n");
	fflush(stderr);
	s->last_ns = now_ns;
	s->last_sent = sent;
	s->last_received = received;
	s->last_complete = l.count[LEDGER_ENDED + GRAB_COMPLETE];
	s->last_names = names_of(&l);
	s->last_queries = l.count[LEDGER_TRY];
}

void
status_update(struct status *s, uint64_t now_ns, bool cooling, uint64_t end_ns)
{
	uint64_t wall;

	if (s->quiet)
		return;
	wall = sys_now_ns(CLOCK_MONOTONIC_COARSE);
	if (wall < s->next_wall_ns)
		return;
	s->next_wall_ns = wall + period(s);
	print(s, now_ns, cooling, end_ns);
}

void
status_end(struct status *s)
{
	if (!s->quiet && s->is_terminal)
		fprintf(stderr, "\r\033[K");
}
