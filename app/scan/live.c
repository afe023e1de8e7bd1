/* SPDX-License-Identifier: BSD-3-Clause */
#include "live.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "lists.h"
#include "optouts.h"
#include "reserved.h"
#include "text.h"

/* Exclusions that come within this are one event. */
#define EXCLUDED_TOGETHER_NS NS_PER_SEC

static void __attribute__((format(printf, 2, 3)))
say(char answer[LIVE_LINE_MAX], const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(answer, LIVE_LINE_MAX, format, list);
	va_end(list);
}

static void
answer_status(struct live *live, char answer[LIVE_LINE_MAX])
{
	struct engine_rate rate = engine_rate(live->engine);
	struct ledger l;

	engine_ledger(live->engine, &l);
	say(answer, "ok rate=%llu bandwidth=%llu sent=%llu", (unsigned long long)rate.frames_pps,
	    (unsigned long long)rate.bits_per_s,
	    (unsigned long long)l.count[LEDGER_SENT + LEDGER_PROBE]);
}

/* Whether a rate is none that the job could have asked for; then the answer says why. */
static bool
refuse_rate(const struct live *live, struct engine_rate rate, char answer[LIVE_LINE_MAX])
{
	struct ipv4_range reserved[RESERVED_RANGES_MAX];
	struct diag diag = DIAG_EMPTY;
	struct job job = *live->request->job;
	bool refused;

	job.rate_pps = rate.frames_pps;
	job.bandwidth_bps = rate.bits_per_s;
	if (rate.frames_pps == 0 && !job_is_harmless(&job)) {
		say(answer, "error an unlimited rate is for net_null and net_simnet alone");
		return true;
	}
	if (rate.frames_pps > JOB_RATE_MAX) {
		say(answer, "error a rate is at most %llu packets/s", (unsigned long long)JOB_RATE_MAX);
		return true;
	}
	job_check_policy(&job, reserved, reserved_ranges(reserved), &diag);
	if (diag_is_empty(&diag) && job.targets.include_files.count > 0 &&
	    lists_have_public(&live->request->inputs))
		job_check_contact(&job, &diag);
	refused = !diag_is_empty(&diag);
	if (refused)
		say(answer, "error %s", diag.entries[0].text);
	diag_reset(&diag);
	return refused;
}

static void
answer_rate(struct live *live, const struct live_request *q, char answer[LIVE_LINE_MAX])
{
	struct engine_rate rate = engine_rate(live->engine);
	char rate_text[TEXT_SIZE], bandwidth_text[TEXT_SIZE];

	if (q->has_rate)
		rate.frames_pps = q->rate_pps;
	if (q->has_bandwidth)
		rate.bits_per_s = q->bandwidth_bps;
	if (refuse_rate(live, rate, answer))
		return;
	engine_set_rate(live->engine, rate);
	events_add(live->events, engine_now_ns(live->engine), "rate",
		   "the operator set the rate to %s packets/s, the bandwidth to %s bit/s",
		   rate.frames_pps == 0 ? "unlimited" : text_count(rate_text, (double)rate.frames_pps),
		   rate.bits_per_s == 0 ? "unlimited" : text_count(bandwidth_text, (double)rate.bits_per_s));
	answer_status(live, answer);
}

/* The event says how many, never which. */
static void
note_exclusions(struct live *live)
{
	if (live->excluded > 0)
		events_add(live->events, live->excluded_at_ns, "exclude",
			   "%llu entr%s excluded while the scan ran", (unsigned long long)live->excluded,
			   live->excluded == 1 ? "y" : "ies");
	live->excluded = 0;
}

static void
answer_exclude(struct live *live, const struct live_request *q, char answer[LIVE_LINE_MAX])
{
	int rc = gate_deny(live->request->inputs.gate, q->entry, q->entry_len);

	if (rc != 0) {
		say(answer, "error %s", rc == -EINVAL ? "this is no address, CIDR or range" : "out of memory");
		return;
	}
	if (live->excluded++ == 0)
		live->excluded_at_ns = engine_now_ns(live->engine);
	say(answer, "ok");
}

static void
answer_settle(struct live *live, char answer[LIVE_LINE_MAX])
{
	int rc = engine_settle(live->engine);

	if (rc == 0)
		say(answer, "ok");
	else
		say(answer, "error a lcore has not moved for a second");
}

static void
answer(void *context, const struct live_request *q, char text[LIVE_LINE_MAX])
{
	struct live *live = context;

	switch (q->verb) {
	case LIVE_STATUS:
		answer_status(live, text);
		break;
	case LIVE_RATE:
		answer_rate(live, q, text);
		break;
	case LIVE_EXCLUDE:
		answer_exclude(live, q, text);
		break;
	case LIVE_SETTLE:
		answer_settle(live, text);
		break;
	}
}

static void
open_server(struct live *live)
{
	char *where;
	int rc = live_server_open(live->request->job->name, &live->server, &where);

	if (rc == -EPERM)
		fprintf(stderr,
			"asdic: '%s' is not a folder of this user's alone: 'asdic rate' and 'asdic "
			"exclude' cannot reach this scan; remove it, or make it private (chmod 700)\n",
			where);
	else if (rc != 0)
		fprintf(stderr,
			"asdic: cannot listen in '%s': %s; 'asdic rate' and 'asdic exclude' cannot "
			"reach this scan\n",
			where != NULL ? where : "", strerror(-rc));
	free(where);
}

int
live_open(struct live *live, struct engine *e, const struct request *r, struct events *events)
{
	struct diag diag = DIAG_EMPTY;
	int rc;

	*live = (struct live){.engine = e, .request = r, .events = events};
	if (!r->flags.virtual_clock)
		open_server(live);
	rc = optouts_exclude(&r->inputs.optouts, NULL, r->inputs.gate, &diag);
	if (!diag_is_empty(&diag)) {
		text_print_faults(&diag);
		rc = -EINVAL;
	}
	diag_reset(&diag);
	return rc;
}

void
live_poll(struct live *live, uint64_t now_ns)
{
	if (live->server == NULL)
		return;
	live_server_poll(live->server, now_ns, answer, live);
	if (live->excluded > 0 && now_ns >= live->excluded_at_ns + EXCLUDED_TOGETHER_NS)
		note_exclusions(live);
}

void
live_close(struct live *live)
{
	live_server_close(live->server);
	live->server = NULL;
	note_exclusions(live);
}
