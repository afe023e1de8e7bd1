/* SPDX-License-Identifier: BSD-3-Clause */
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "acceptors/acceptors.h"
#include "base/time.h"
#include "dnsrecord/dnsrecord.h"
#include "grabrecord/grabrecord.h"
#include "sys/sys.h"
#include "told.h"

#define BURST 64
#define FLUSH_PERIOD_NS (500 * NS_PER_MS)

struct sink {
	struct writer_sink config;
	uint64_t accepted;     /* rows that the output took; written once it is finished */
	uint64_t next_turn_ns; /* when the next file begins, of the monotonic clock */
};

struct writer {
	struct writer_config config;
	struct sink sinks[JOB_OUTPUTS_MAX];
	bool counts_grabs;        /* as results, since no output takes what the scan found */
	struct grabrecord *lines; /* of grabs; NULL where there are none */
	struct acceptors *acceptors; /* by what grabs found; NULL where there are none */
	struct dnsrecord *dns_lines; /* of lookups; NULL where there are none */
	pthread_t thread;
	bool has_thread;
	uint64_t next_flush_ns;
	_Atomic uint64_t dealt;
	_Atomic uint64_t results;
	_Atomic uint64_t hits;
	_Atomic uint64_t coverage_found;
	_Atomic uint64_t coverage_seen;
	bool keeps; /* there is a keeper, and no record has been turned away */
	_Atomic int error;
	_Atomic unsigned int error_sink;
	_Atomic bool stop;
	_Atomic bool abort;
	_Atomic bool ended; /* by the thread, as its last word */
};

static grabrecord_sink write_certificate;

static int
make_lines(struct writer *w)
{
	const struct writer_grabs *g = &w->config.grabs;
	struct grabrecord_config config = {
		.grabs = g->forms,
		.grab_count = g->form_count,
		.start_wall_ns = w->config.clock.start_wall_ns,
		.validate = g->validate,
		.certificates = write_certificate,
		.arg = w,
	};

	w->lines = grabrecord_new(&config);
	w->acceptors = acceptors_new();
	if (w->lines == NULL || w->acceptors == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; g->is_resumed && i < w->config.sink_count; i++)
		if ((w->config.sinks[i].kinds & JOB_RECORD_CERTIFICATE) != 0)
			told_recall(w->config.sinks[i].output, w->lines);
	return 0;
}

struct writer *
writer_new(const struct writer_config *config)
{
	struct writer *w = calloc(1, sizeof(*w));
	uint64_t now = sys_now_ns(CLOCK_MONOTONIC_COARSE);

	if (w == NULL)
		return NULL;
	w->config = *config;
	w->next_flush_ns = now + FLUSH_PERIOD_NS;
	w->counts_grabs = true;
	for (unsigned int i = 0; i < config->sink_count; i++) {
		w->counts_grabs &= (config->sinks[i].kinds & JOB_RECORD_SCAN) == 0;
		w->sinks[i].config = config->sinks[i];
		w->sinks[i].next_turn_ns = now + config->sinks[i].rotate_ns;
	}
	w->keeps = config->keeper != NULL;
	atomic_init(&w->results, config->earlier.results);
	atomic_init(&w->hits, config->earlier.hits);
	atomic_init(&w->coverage_found, config->earlier.coverage_found);
	atomic_init(&w->coverage_seen, config->earlier.coverage_seen);
	if (config->lookups.ring_count > 0)
		w->dns_lines = dnsrecord_new(config->clock.start_wall_ns);
	if ((config->lookups.ring_count > 0 && w->dns_lines == NULL) ||
	    (config->grabs.ring_count > 0 && make_lines(w) != 0)) {
		writer_free(w);
		return NULL;
	}
	ledger_add(config->ledger, LEDGER_OUTPUT, config->sink_count);
	return w;
}

void
writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	grabrecord_free(w->lines);
	acceptors_free(w->acceptors);
	dnsrecord_free(w->dns_lines);
	free(w);
}

/* Note an output's failure; the first of any is the writer's. */
static void
note(struct writer *w, unsigned int number, int rc)
{
	if (rc == 0 || atomic_load_explicit(&w->error, memory_order_relaxed) != 0)
		return;
	atomic_store_explicit(&w->error_sink, number, memory_order_relaxed);
	atomic_store_explicit(&w->error, -rc, memory_order_release);
}

/* Whether the output took it. */
static bool
write_line(struct writer *w, unsigned int number, const char *line, size_t n)
{
	struct sink *s = &w->sinks[number];
	int rc = output_write(s->config.output, line, n);

	if (rc != 0) {
		note(w, number, rc);
		ledger_add(w->config.ledger, LEDGER_DISK_REFUSED, 1);
		return false;
	}
	s->accepted++;
	return true;
}

static bool
write_row(struct writer *w, unsigned int number, const struct record_scan *r)
{
	const struct writer_sink *s = &w->sinks[number].config;
	char line[RECORD_LINE_MAX];
	size_t n = s->format == JOB_FORMAT_CSV
			   ? record_csv(s->fields, r, &w->config.clock, line)
			   : record_ndjson(s->fields, r, &w->config.clock, line);

	return write_line(w, number, line, n);
}

/* Whether an output wants a record of a kind that was made of a reply; if not, that is counted. */
static bool
wants(struct writer *w, unsigned int number, unsigned int kind, const struct record_scan *r, bool enough)
{
	const struct writer_sink *s = &w->sinks[number].config;

	if ((s->kinds & kind) == 0 || !filter_pass(s->filter, r, &w->config.clock))
		ledger_add(w->config.ledger, LEDGER_FILTERED, 1);
	else if (enough)
		ledger_add(w->config.ledger, LEDGER_BEYOND_LIMIT, 1);
	else
		return true;
	return false;
}

/* Whether a record has been turned away: from then on nothing is kept for a later run. */
static bool
is_turned_away(struct writer *w, bool enough)
{
	if (enough || atomic_load_explicit(&w->error, memory_order_relaxed) != 0)
		w->keeps = false;
	return enough || atomic_load_explicit(&w->error, memory_order_relaxed) != 0;
}

static void
write_record(struct writer *w, const struct record_scan *r)
{
	bool enough = writer_has_enough(w), taken = false;

	for (unsigned int i = 0; i < w->config.sink_count; i++)
		if (wants(w, i, JOB_RECORD_SCAN, r, enough))
			taken |= write_row(w, i, r);
	if (is_turned_away(w, enough))
		return;
	if (classify_is_success(r->reply.kind) && !r->repeat) {
		if (w->config.lookups.quest != NULL)
			quest_responder(w->config.lookups.quest, r->reply.address);
		atomic_fetch_add_explicit(&w->hits, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&w->results, taken, memory_order_relaxed);
	}
	if (r->news & RECORD_SEEN)
		atomic_fetch_add_explicit(&w->coverage_seen, 1, memory_order_relaxed);
	if (r->news & RECORD_BOTH)
		atomic_fetch_add_explicit(&w->coverage_found, 1, memory_order_relaxed);
	if (w->keeps)
		keeper_note(w->config.keeper, r);
}

/* The SYN-ACK that a grab began with, as far as the grab remembers it: for filters. */
static struct record_scan
reply_of(const struct grab *g)
{
	return (struct record_scan){
		.reply = {
			.received_ns = g->started_ns,
			.address = g->address,
			.port = g->port,
			.kind = CLASSIFY_SYNACK,
			.ttl = g->ttl,
			.window = g->window,
			.mss = g->mss,
			.wscale = g->wscale,
			.has_mss = g->mss != 0,
			.has_wscale = g->wscale != 0,
		},
	};
}

/* What it says of its network. A target counts once. */
static void
note_acceptor(struct writer *w, const struct grab *g)
{
	if (g->service == GRAB_UNTOLD)
		return;
	if (g->is_first)
		acceptors_note(w->acceptors, g->address);
	if (g->service == GRAB_SPOKE)
		acceptors_note_speech(w->acceptors, g->address);
}

/* The names of a certificate are in the line that was made last. */
static void
find_names(struct writer *w, const struct grab *g)
{
	struct span name;

	while (grabrecord_next_name(w->lines, &name))
		quest_certificate(w->config.lookups.quest, name, g->address);
}

/* The end of the scan cut it short, and a run that goes on does it again: what it has to say comes then. */
static bool
is_left_to_later(const struct writer *w, const struct grab *g)
{
	return g->cause == GRAB_STOPPED && w->config.keeper != NULL;
}

/* A line is made only for an output that wants it, or for the names in it. */
static void
write_grab(struct writer *w, const struct grab *g)
{
	unsigned int kind = g->module == GRAB_TLS ? JOB_RECORD_TLS : JOB_RECORD_BANNER;
	struct record_scan reply = reply_of(g);
	bool enough = w->counts_grabs && writer_has_enough(w), taken = false;
	const char *line = NULL;
	size_t n = 0;

	if (is_left_to_later(w, g)) {
		ledger_add(w->config.ledger, LEDGER_UNWRITTEN, w->config.sink_count);
		return;
	}
	note_acceptor(w, g);
	for (unsigned int i = 0; i < w->config.sink_count; i++) {
		if (!wants(w, i, kind, &reply, enough))
			continue;
		if (line == NULL)
			line = grabrecord_line(w->lines, g, &n);
		taken |= write_line(w, i, line, n);
	}
	if (is_turned_away(w, enough))
		return;
	if (g->module == GRAB_TLS && w->config.lookups.quest != NULL) {
		if (line == NULL)
			grabrecord_line(w->lines, g, &n);
		find_names(w, g);
	}
	if (w->counts_grabs)
		atomic_fetch_add_explicit(&w->results, taken, memory_order_relaxed);
	if (g->ends_name)
		reply.news = g->is_last ? RECORD_GRABBED : RECORD_NAMED;
	if (w->keeps)
		keeper_note(w->config.keeper, &reply);
}

/* Nor does one say anything for which nobody was asked. */
static bool
is_moot(const struct writer *w, const struct grab *g)
{
	return is_left_to_later(w, g) || (g->cause == GRAB_STOPPED && g->stage == GRAB_CONNECT);
}

/* A lookup, past no filter: those are of what answered a probe. */
static void
write_lookup(struct writer *w, const struct grab *g)
{
	bool enough = w->counts_grabs && writer_has_enough(w), taken = false, is_kept;
	const char *line = NULL;
	size_t n = 0;

	if (is_moot(w, g)) {
		ledger_add(w->config.ledger, LEDGER_UNWRITTEN, w->config.sink_count);
		quest_over(w->config.lookups.quest, g, false);
		return;
	}
	for (unsigned int i = 0; i < w->config.sink_count; i++) {
		bool wanted = (w->sinks[i].config.kinds & JOB_RECORD_DNS) != 0;

		if (!wanted || enough) {
			ledger_add(w->config.ledger, wanted ? LEDGER_BEYOND_LIMIT : LEDGER_FILTERED, 1);
			continue;
		}
		if (line == NULL)
			line = dnsrecord_line(w->dns_lines, g, &n);
		taken |= write_line(w, i, line, n);
	}
	is_kept = !is_turned_away(w, enough);
	if (is_kept && w->counts_grabs)
		atomic_fetch_add_explicit(&w->results, taken, memory_order_relaxed);
	quest_over(w->config.lookups.quest, g, is_kept);
}

void
writer_take_target(struct writer *w, const char *line, size_t len)
{
	char *whole = malloc(len + 1);

	if (whole == NULL) {
		note(w, 0, -ENOMEM);
		return;
	}
	memcpy(whole, line, len);
	whole[len] = '\n';
	ledger_add(w->config.ledger, LEDGER_TARGET_RECORD, 1);
	for (unsigned int i = 0; i < w->config.sink_count; i++) {
		if ((w->sinks[i].config.kinds & JOB_RECORD_DNS) == 0)
			ledger_add(w->config.ledger, LEDGER_FILTERED, 1);
		else
			write_line(w, i, whole, len + 1);
	}
	free(whole);
}

/* A certificate that records refer to: once, for each output that takes them. */
static void
write_certificate(void *arg, const char *row, size_t len)
{
	struct writer *w = arg;

	ledger_add(w->config.ledger, LEDGER_CERTIFICATE_RECORD, 1);
	for (unsigned int i = 0; i < w->config.sink_count; i++) {
		if ((w->sinks[i].config.kinds & JOB_RECORD_CERTIFICATE) == 0)
			ledger_add(w->config.ledger, LEDGER_FILTERED, 1);
		else
			write_line(w, i, row, len);
	}
}

/* A burst of each worker's grabs, which go back to its pool; how many, and whether these are all. */
static unsigned int
poll_grabs(struct writer *w, struct rte_ring *const *rings, unsigned int count,
	   void (*write)(struct writer *w, const struct grab *g), bool *emptied)
{
	unsigned int total = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct grab *burst[BURST];
		unsigned int n = rte_ring_sc_dequeue_burst(rings[i], (void **)burst, BURST, NULL);

		for (unsigned int k = 0; k < n; k++) {
			write(w, burst[k]);
			grab_free(burst[k]);
		}
		total += n;
		*emptied &= n < BURST;
	}
	return total;
}

/* Everything as it stands goes to the disk: the outputs first, then the checkpoint that speaks of them. */
static void
save(struct writer *w)
{
	const struct writer_config *c = &w->config;
	struct output_mark marks[JOB_OUTPUTS_MAX];
	struct keeper_totals totals;

	if (c->keeper == NULL || atomic_load_explicit(&w->error, memory_order_relaxed) != 0)
		return;
	for (unsigned int i = 0; i < c->sink_count; i++) {
		int rc = output_sync(w->sinks[i].config.output, &marks[i]);

		note(w, i, rc);
		if (rc != 0)
			return;
	}
	writer_totals(w, &totals);
	keeper_save(c->keeper, marks, c->sink_count, &totals);
}

/* Twice a second, so that no row waits for a whole one. */
static void
flush_when_due(struct writer *w)
{
	uint64_t now = sys_now_ns(CLOCK_MONOTONIC_COARSE);

	if (now < w->next_flush_ns)
		return;
	w->next_flush_ns = now + FLUSH_PERIOD_NS;
	for (unsigned int i = 0; i < w->config.sink_count; i++) {
		struct sink *s = &w->sinks[i];

		if (s->config.rotate_ns == 0 || now < s->next_turn_ns) {
			note(w, i, output_flush(s->config.output));
			continue;
		}
		s->next_turn_ns += s->config.rotate_ns;
		note(w, i, output_rotate(s->config.output, time(NULL)));
		/* A file may have its name once no run will write to it any more. */
		save(w);
		note(w, i, output_settle(s->config.output));
	}
}

unsigned int
writer_poll(struct writer *w)
{
	struct record_scan burst[BURST];
	unsigned int total = 0;
	uint64_t seen_ns = w->keeps ? keeper_watermark(w->config.keeper) : 0;
	bool emptied = true;

	for (unsigned int i = 0; i < w->config.ring_count; i++) {
		unsigned int n = rte_ring_sc_dequeue_burst_elem(
			w->config.rings[i], burst, sizeof(burst[0]), BURST, NULL);

		for (unsigned int k = 0; k < n; k++)
			write_record(w, &burst[k]);
		total += n;
		emptied &= n < BURST;
	}
	total += poll_grabs(w, w->config.grabs.rings, w->config.grabs.ring_count, write_grab, &emptied);
	total += poll_grabs(w, w->config.lookups.rings, w->config.lookups.ring_count, write_lookup, &emptied);
	if (w->config.lookups.quest != NULL)
		quest_poll(w->config.lookups.quest);
	atomic_fetch_add_explicit(&w->dealt, total, memory_order_release);
	if (emptied && w->keeps)
		keeper_seen(w->config.keeper, seen_ns);
	flush_when_due(w);
	if (w->config.keeper != NULL && keeper_is_due(w->config.keeper))
		save(w);
	return total;
}

static void *
writer_main(void *context)
{
	struct writer *w = context;
	static const struct timespec nap = {0, 500 * 1000};

	while (!atomic_load_explicit(&w->abort, memory_order_acquire)) {
		bool stop = atomic_load_explicit(&w->stop, memory_order_acquire);

		if (writer_poll(w) > 0)
			continue;
		if (stop)
			break;
		nanosleep(&nap, NULL);
	}
	/* Here and not when outputs are finished: nobody can be made to wait for a stuck reader. */
	for (unsigned int i = 0; i < w->config.sink_count; i++)
		note(w, i, output_flush(w->sinks[i].config.output));
	atomic_store_explicit(&w->ended, true, memory_order_release);
	return NULL;
}

int
writer_start(struct writer *w)
{
	int rc = pthread_create(&w->thread, NULL, writer_main, w);

	w->has_thread = rc == 0;
	return -rc;
}

void
writer_ask_to_end(struct writer *w)
{
	atomic_store_explicit(&w->stop, true, memory_order_release);
}

bool
writer_has_ended(const struct writer *w)
{
	return !w->has_thread || atomic_load_explicit(&w->ended, memory_order_acquire);
}

/* End the thread; half a second at most when aborting. */
static int
join(struct writer *w, bool abort)
{
	struct timespec deadline;

	atomic_store_explicit(&w->abort, abort, memory_order_release);
	writer_ask_to_end(w);
	if (!w->has_thread)
		return 0;
	w->has_thread = false;
	if (!abort)
		return -pthread_join(w->thread, NULL);
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_nsec += 500 * 1000 * 1000;
	if (deadline.tv_nsec >= 1000 * 1000 * 1000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000 * 1000 * 1000;
	}
	return -pthread_timedjoin_np(w->thread, NULL, &deadline);
}

static void
leave_grabs(struct writer *w, struct rte_ring *const *rings, unsigned int count)
{
	void *grab;

	for (unsigned int i = 0; i < count; i++) {
		while (rte_ring_sc_dequeue(rings[i], &grab) == 0) {
			ledger_add(w->config.ledger, LEDGER_UNWRITTEN, w->config.sink_count);
			grab_free(grab);
		}
	}
}

/* What is on the rings and will not be written. */
static void
leave(struct writer *w)
{
	const struct writer_config *c = &w->config;

	for (unsigned int i = 0; i < c->ring_count; i++)
		ledger_add(c->ledger, LEDGER_UNWRITTEN,
			   (uint64_t)rte_ring_count(c->rings[i]) * c->sink_count);
	leave_grabs(w, c->grabs.rings, c->grabs.ring_count);
	leave_grabs(w, c->lookups.rings, c->lookups.ring_count);
}

/* Finish an output, and count its rows now that it is known which of them it got. */
static void
finish_sink(struct writer *w, unsigned int number)
{
	struct sink *s = &w->sinks[number];
	uint64_t lost;

	note(w, number, output_finish(s->config.output));
	lost = output_lost_rows(s->config.output);
	ledger_add(w->config.ledger, LEDGER_WRITTEN, s->accepted - lost);
	ledger_add(w->config.ledger, LEDGER_DISK_REFUSED, lost);
}

int
writer_finish(struct writer *w, bool abort)
{
	const struct writer_config *c = &w->config;
	int rc = join(w, abort);

	if (rc != 0)
		return rc;
	while (!abort && writer_poll(w) > 0)
		;
	leave(w);
	for (unsigned int i = 0; i < c->sink_count; i++)
		finish_sink(w, i);
	save(w);
	return -atomic_load_explicit(&w->error, memory_order_relaxed);
}

const struct acceptors *
writer_acceptors(const struct writer *w)
{
	return w->acceptors;
}

uint64_t
writer_results(const struct writer *w)
{
	return atomic_load_explicit(&w->results, memory_order_relaxed);
}

void
writer_totals(const struct writer *w, struct keeper_totals *totals)
{
	*totals = (struct keeper_totals){
		.results = writer_results(w),
		.hits = atomic_load_explicit(&w->hits, memory_order_relaxed),
		.coverage_found = atomic_load_explicit(&w->coverage_found, memory_order_relaxed),
		.coverage_seen = atomic_load_explicit(&w->coverage_seen, memory_order_relaxed),
	};
}

uint64_t
writer_dealt(const struct writer *w)
{
	return atomic_load_explicit(&w->dealt, memory_order_acquire);
}

int
writer_error(const struct writer *w)
{
	return atomic_load_explicit(&w->error, memory_order_acquire);
}

unsigned int
writer_error_sink(const struct writer *w)
{
	return atomic_load_explicit(&w->error_sink, memory_order_relaxed);
}

bool
writer_has_enough(const struct writer *w)
{
	return w->config.results_limit != 0 && writer_results(w) >= w->config.results_limit;
}
