/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "commands.h"
#include "status.h"

/* How long the last frames may wait for a driver that takes none. */
#define SENDERS_TIMEOUT_NS NS_PER_SEC

/* Until every worker has heard that adoption, or the taking of names, has ended, and has told what it still has. */
#define SETTLE_NS (20 * NS_PER_MS)

struct control {
	struct engine *engine;
	const struct job *job;
	struct live *live;
	struct watch *watch;
	struct control_result *result;
	enum fabric_stage stage;
	bool is_cooling;          /* nothing is sent any more, late replies are waited for */
	uint64_t adoption_end_ns; /* 0: not yet */
	uint64_t names_end_ns;    /* workers take no more names from then on; 0: not yet */
	uint64_t stage_end_ns; /* of the cooldown, and of waiting for the senders */
};

static volatile sig_atomic_t signals_caught, is_running;

/* Before there is a run to end in order, the second ends the process: a device may keep DPDK waiting for ever. */
static void
on_signal(int number)
{
	(void)number;
	signals_caught++;
	if (signals_caught > 1 && !is_running)
		_exit(EXIT_STOPPED);
}

void
control_catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal}, hangup;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* The terminal has gone; to nohup's children that is nothing. */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

bool
control_is_stopped(void)
{
	return signals_caught > 0;
}

/* Whether to stop asking for more, and why. */
static bool
is_cut_short(const struct control *c, uint64_t now_ns, enum control_reason *reason)
{
	const struct writer *w = engine_writer(c->engine);

	if (signals_caught > 0)
		*reason = CONTROL_STOPPED;
	else if (writer_error(w) != 0)
		*reason = CONTROL_OUTPUT;
	else if (writer_has_enough(w))
		*reason = CONTROL_RESULTS;
	else if (c->job->limits.runtime_ns != 0 &&
		 engine_scan_ns(c->engine, now_ns) >= c->job->limits.runtime_ns)
		*reason = CONTROL_RUNTIME;
	else
		return false;
	return true;
}

/* Whether to stop sending probes, and why: what has been done is complete, however little time is left. */
static bool
sending_ends(const struct control *c, uint64_t now_ns, enum control_reason *reason)
{
	bool is_cut = is_cut_short(c, now_ns, reason);

	if (engine_is_exhausted(c->engine) && watch_is_clear(c->watch) && (!is_cut || *reason == CONTROL_RUNTIME)) {
		*reason = CONTROL_COMPLETE;
		return true;
	}
	return is_cut;
}

static void
enter(struct control *c, enum fabric_stage stage)
{
	c->stage = stage;
	fabric_enter(engine_fabric(c->engine), stage);
}

/*
 * Wait for late replies, unless nobody wants them any more. Probers that have probed every target stay where they
 * are, idle, since the watch may yet have something for them; others are stopped.
 */
static void
begin_cooldown(struct control *c, uint64_t now_ns)
{
	bool in_vain = c->result->reason == CONTROL_OUTPUT || c->result->reason == CONTROL_RESULTS;

	c->is_cooling = true;
	c->result->sending_ns = now_ns;
	engine_begin_cooldown(c->engine, now_ns);
	/* Where nothing was probed there is nothing to wait for. */
	c->stage_end_ns = now_ns + (in_vain || !job_has_targets(c->job) ? 0 : c->job->limits.cooldown_ns);
	if (c->result->reason == CONTROL_COMPLETE)
		return;
	engine_end_opening(c->engine, now_ns);
	watch_end_sending(c->watch);
	enter(c, FABRIC_DRAIN_PROBERS);
}

/* The network went while the last replies were waited for: some of the last probes may have been in vain. */
static void
end_cooldown(struct control *c)
{
	c->is_cooling = false;
	engine_begin_cooldown(c->engine, TIME_NEVER);
}

/* After the cooldown nobody is adopted any more; who was has the time that the job gives a grab. */
static bool
grabs_are_over(struct control *c, uint64_t now_ns)
{
	if (!engine_has_grabs(c->engine))
		return true;
	if (c->adoption_end_ns == 0) {
		c->adoption_end_ns = now_ns;
		engine_end_adoption(c->engine, now_ns);
	}
	return now_ns >= c->adoption_end_ns + SETTLE_NS &&
	       engine_live_grabs(c->engine) == 0;
}

/* When nobody is to be asked any more, or there is nobody left to ask: what is under way has its time. */
static bool
lookups_are_over(struct control *c, uint64_t now_ns, bool grabs_over)
{
	if (!engine_has_lookups(c->engine))
		return true;
	if (c->names_end_ns == 0) {
		if (c->result->reason == CONTROL_COMPLETE)
			is_cut_short(c, now_ns, &c->result->reason);
		if (c->result->reason == CONTROL_COMPLETE &&
		    !(grabs_over && engine_lookups_are_over(c->engine)))
			return false;
		c->names_end_ns = now_ns;
		engine_stop_lookups(c->engine);
	}
	return now_ns >= c->names_end_ns + SETTLE_NS && engine_live_lookups(c->engine) == 0;
}

/* After the last probe: late replies, those who talk, and names, all at once. */
static bool
is_cooled_down(struct control *c, uint64_t now_ns, bool drained)
{
	bool grabs_over = drained && now_ns >= c->stage_end_ns && grabs_are_over(c, now_ns);
	bool lookups_over = lookups_are_over(c, now_ns, grabs_over);

	return grabs_over && lookups_over;
}

/* The cooldown of a scan that has probed every target; its lookups may be cut short. */
static void
cool(struct control *c, uint64_t now_ns)
{
	enum control_reason cut;
	bool is_cut = engine_has_lookups(c->engine) && is_cut_short(c, now_ns, &cut);

	if (signals_caught > 0 || is_cut || now_ns >= c->stage_end_ns) {
		watch_end_sending(c->watch);
		enter(c, FABRIC_DRAIN_PROBERS);
		return;
	}
	watch_update(c->watch, now_ns);
	if (!watch_is_clear(c->watch))
		end_cooldown(c);
}

/* One look at the state of things; true when the run is over. */
static bool
control_step(struct control *c, uint64_t now_ns)
{
	bool drained;

	if (signals_caught > 1) {
		c->result->reason = CONTROL_ABORTED;
		return true;
	}
	if (!c->is_cooling) {
		if (sending_ends(c, now_ns, &c->result->reason))
			begin_cooldown(c, now_ns);
		else
			watch_update(c->watch, now_ns);
		return false;
	}
	if (c->stage == FABRIC_RUNNING) {
		cool(c, now_ns);
		return false;
	}
	drained = fabric_is_drained(engine_fabric(c->engine));
	if (c->stage == FABRIC_DRAIN_PROBERS) {
		if (signals_caught > 0 && c->result->reason == CONTROL_COMPLETE) {
			c->result->reason = CONTROL_STOPPED;
			engine_end_opening(c->engine, now_ns);
		}
		watch_update(c->watch, now_ns);
		if (is_cooled_down(c, now_ns, drained))
			enter(c, FABRIC_DRAIN_RECEIVERS);
		return false;
	}
	if (c->stage == FABRIC_DRAIN_SENDERS)
		return drained || now_ns >= c->stage_end_ns;
	if (drained)
		enter(c, c->stage + 1);
	c->stage_end_ns = now_ns + SENDERS_TIMEOUT_NS;
	return false;
}

/* When limits.runtime is over, of this run's clock; earlier runs count. */
static uint64_t
runtime_ends_ns(const struct control *c)
{
	uint64_t limit = c->job->limits.runtime_ns, earlier = engine_scan_ns(c->engine, 0);

	if (limit == 0)
		return TIME_NEVER;
	return limit > earlier ? limit - earlier : 0;
}

/* When control_step() has something to do if nothing else happens; while draining, soon always. */
static uint64_t
control_next_ns(const struct control *c, uint64_t now_ns)
{
	uint64_t next = now_ns;

	if (!c->is_cooling) {
		next = runtime_ends_ns(c);
		next = next < watch_next_ns(c->watch) ? next : watch_next_ns(c->watch);
	} else if (c->stage <= FABRIC_DRAIN_PROBERS && now_ns < c->stage_end_ns) {
		next = c->stage_end_ns < watch_next_ns(c->watch) ? c->stage_end_ns : watch_next_ns(c->watch);
	} else if (c->stage == FABRIC_DRAIN_PROBERS && engine_live_lookups(c->engine) > 0) {
		next = c->names_end_ns == 0 ? runtime_ends_ns(c) : TIME_NEVER;
		next = next < watch_next_ns(c->watch) ? next : watch_next_ns(c->watch);
	} else if (c->stage == FABRIC_DRAIN_PROBERS) {
		next = engine_live_grabs(c->engine) > 0 ? TIME_NEVER
							 : c->adoption_end_ns + SETTLE_NS;
	}
	return next > now_ns ? next : now_ns;
}

/* The roles have ended. The writer may wait for a reader; the second ctrl-C is heard meanwhile. */
static void
end_writer(struct control *c)
{
	struct writer *w = engine_writer(c->engine);

	if (c->result->reason == CONTROL_ABORTED)
		return;
	writer_ask_to_end(w);
	while (!writer_has_ended(w)) {
		if (signals_caught > 1) {
			c->result->reason = CONTROL_ABORTED;
			return;
		}
		live_poll(c->live, engine_now_ns(c->engine));
		engine_wait(c->engine, engine_now_ns(c->engine));
	}
}

void
control_run(struct engine *e, const struct job *job, uint64_t targets, bool quiet,
	    struct status_file *status_file, struct live *live, struct watch *watch,
	    struct control_result *result)
{
	struct control c = {
		.engine = e,
		.job = job,
		.live = live,
		.watch = watch,
		.result = result,
		.stage = FABRIC_RUNNING,
	};
	struct status status;
	uint64_t start_ns = engine_now_ns(e), now_ns = start_ns;

	is_running = 1;
	memset(result, 0, sizeof(*result));
	status_init(&status, e, job, targets, quiet);
	status_file_start(status_file, e, job, targets);
	while (!control_step(&c, now_ns)) {
		engine_wait(e, control_next_ns(&c, now_ns));
		now_ns = engine_now_ns(e);
		live_poll(live, now_ns);
		status_update(&status, now_ns, c.is_cooling, c.stage_end_ns);
		status_file_update(status_file, now_ns, c.is_cooling, c.stage_end_ns);
	}
	end_writer(&c);
	status_end(&status);
	watch_end(watch, now_ns);
	result->duration_ns = now_ns - start_ns;
	result->writer_rc = engine_stop(e, result->reason == CONTROL_ABORTED);
	status_file_end(status_file, now_ns);
}
