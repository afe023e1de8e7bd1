/* SPDX-License-Identifier: BSD-3-Clause */
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#define BURST 64

struct writer {
	struct writer_config config;
	pthread_t thread;
	bool has_thread;
	uint64_t accepted;         /* lines that the sink took; written once it is closed */
	time_t last_flush;
	_Atomic uint64_t results;  /* successes among them */
	_Atomic int error;
	_Atomic bool stop;
	_Atomic bool abort;
	_Atomic bool ended; /* by the thread, as its last word */
};

struct writer *
writer_new(const struct writer_config *config)
{
	struct writer *w = calloc(1, sizeof(*w));
	char line[RECORD_LINE_MAX];

	if (w == NULL)
		return NULL;
	w->config = *config;
	if (config->format == JOB_FORMAT_CSV && config->header)
		w->error = -output_write(config->sink, line,
					 record_csv_header(config->fields, line));
	return w;
}

void
writer_free(struct writer *w)
{
	free(w);
}

static void
fail(struct writer *w, int rc)
{
	if (rc != 0 && atomic_load_explicit(&w->error, memory_order_relaxed) == 0)
		atomic_store_explicit(&w->error, -rc, memory_order_relaxed);
}

static void
write_record(struct writer *w, const struct record_scan *r)
{
	const struct writer_config *c = &w->config;
	char line[RECORD_LINE_MAX];
	size_t n;
	int rc;

	if (!filter_pass(c->filter, r, &c->clock)) {
		ledger_add(c->ledger, LEDGER_FILTERED, 1);
		return;
	}
	if (writer_has_enough(w)) {
		ledger_add(c->ledger, LEDGER_BEYOND_LIMIT, 1);
		return;
	}
	n = c->format == JOB_FORMAT_CSV ? record_csv(c->fields, r, &c->clock, line)
					: record_ndjson(c->fields, r, &c->clock, line);
	rc = output_write(c->sink, line, n);
	if (rc != 0) {
		fail(w, rc);
		ledger_add(c->ledger, LEDGER_DISK_REFUSED, 1);
		return;
	}
	w->accepted++;
	if (classify_is_success(r->reply.kind) && !r->repeat)
		atomic_fetch_add_explicit(&w->results, 1, memory_order_relaxed);
}

static void
flush_each_second(struct writer *w)
{
	time_t now = time(NULL);

	if (now == w->last_flush)
		return;
	w->last_flush = now;
	fail(w, output_flush(w->config.sink));
}

unsigned int
writer_poll(struct writer *w)
{
	struct record_scan burst[BURST];
	unsigned int total = 0;

	for (unsigned int i = 0; i < w->config.ring_count; i++) {
		unsigned int n = rte_ring_sc_dequeue_burst_elem(
			w->config.rings[i], burst, sizeof(burst[0]), BURST, NULL);

		for (unsigned int k = 0; k < n; k++)
			write_record(w, &burst[k]);
		total += n;
	}
	flush_each_second(w);
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
	/* Here and not when the sink is closed: nobody can be made to wait for a stuck reader. */
	fail(w, output_flush(w->config.sink));
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

int
writer_finish(struct writer *w, bool abort)
{
	struct ledger *ledger = w->config.ledger;
	uint64_t lost = 0;
	int rc = join(w, abort);

	if (rc != 0)
		return rc;
	while (!abort && writer_poll(w) > 0)
		;
	for (unsigned int i = 0; i < w->config.ring_count; i++)
		ledger_add(ledger, LEDGER_UNWRITTEN, rte_ring_count(w->config.rings[i]));
	fail(w, output_close(w->config.sink, &lost));
	lost = lost < w->accepted ? lost : w->accepted; /* a lost header is no record */
	ledger_add(ledger, LEDGER_WRITTEN, w->accepted - lost);
	ledger_add(ledger, LEDGER_DISK_REFUSED, lost);
	return -atomic_load_explicit(&w->error, memory_order_relaxed);
}

uint64_t
writer_results(const struct writer *w)
{
	return atomic_load_explicit(&w->results, memory_order_relaxed);
}

int
writer_error(const struct writer *w)
{
	return atomic_load_explicit(&w->error, memory_order_relaxed);
}

bool
writer_has_enough(const struct writer *w)
{
	return w->config.results_limit != 0 && writer_results(w) >= w->config.results_limit;
}
