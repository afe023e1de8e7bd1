/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The writer: from record rings to the outputs, past each one's filter and the limit of results.
 *
 * Every record is offered to every output. A grab is filtered by the SYN-ACK that it began with. A result, which limits.results counts, is a first SYN-ACK that
 * some output took, however many of them did; where no output takes scan records it is a grab or a lookup.
 *
 * writer_poll() does one round and is all there is to it; writer_start() runs it in a thread of its own
 * that may block on a disk, which no lcore may. With a virtual clock there is no thread: control polls.
 *
 * What is written is kept for the case of a kill (keeper.h), until the limit of results is reached or an
 * output fails: what came after that is not in the outputs, so a later run must find it again.
 *
 * After an output's first failure records are still taken off the rings, and counted as refused by the
 * disk; control sees writer_error() and ends the scan. The other outputs go on until then.
 */
#ifndef SCAN_WRITER_H
#define SCAN_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "keeper.h"
#include "ledger/ledger.h"
#include "output/output.h"
#include "quest.h"
#include "record/filter.h"
#include "record/record.h"

struct acceptors;
struct rte_ring;
struct writer;

/* One output: where rows go, which records become rows, and how they read. */
struct writer_sink {
	struct output *output; /* borrowed; the writer's alone until writer_finish() */
	enum job_format format;
	const struct record_fields *fields;
	const struct filter *filter;
	unsigned int kinds;    /* of record that it takes: enum job_record bits */
	uint64_t rotate_ns;    /* 0: never */
};

/* Where grabs come from, and how they read. */
struct writer_grabs {
	struct rte_ring *const *rings;       /* one a worker, of pointers to struct grab; borrowed */
	unsigned int ring_count;             /* 0: the job has no grabs */
	const struct grabrecord_grab *forms; /* of the job's grabs; borrowed */
	size_t form_count;
	bool validate;                       /* against the system's store of certificates */
	bool is_resumed;                     /* outputs may hold certificates from before */
};

/* Where lookups come from, and where names go that are found. */
struct writer_lookups {
	struct rte_ring *const *rings; /* one a worker, of pointers to struct grab; borrowed */
	unsigned int ring_count;       /* 0: the job looks nothing up */
	struct quest *quest;           /* borrowed; the writer's until writer_finish(); NULL with no rings */
};

struct writer_config {
	struct rte_ring *const *rings; /* one a worker; borrowed */
	unsigned int ring_count;
	const struct writer_sink *sinks; /* copied */
	unsigned int sink_count;       /* 1 to JOB_OUTPUTS_MAX */
	struct record_clock clock;
	struct writer_grabs grabs;
	struct writer_lookups lookups;
	uint64_t results_limit;        /* 0: none */
	struct ledger *ledger;         /* the writer's own */
	struct keeper *keeper;         /* borrowed; NULL: nothing is kept for a later run */
	struct keeper_totals earlier;  /* of the runs before */
};

/* NULL without memory. */
struct writer *writer_new(const struct writer_config *config);

/* Before it runs: a `dns` record of a target's name, as a line without its end. */
void writer_take_target(struct writer *w, const char *line, size_t len);

/* Run in a thread. 0 or a negative errno. */
int writer_start(struct writer *w);

/* One round; how many records it took. */
unsigned int writer_poll(struct writer *w);

/*
 * Have the thread take all that is on the rings, write it and end; and whether it has. It may take as
 * long as the sink's reader does. Without a thread there is nothing to end.
 */
void writer_ask_to_end(struct writer *w);
bool writer_has_ended(const struct writer *w);

/*
 * Take all that is on the rings, end the thread if there is one, finish the outputs and count what was
 * written. With abort set what is on the rings is left and counted as unwritten; a thread that
 * is stuck in a write is waited for only half a second: then -ETIMEDOUT, and nothing may be
 * freed. 0, or the first error of any output.
 */
int writer_finish(struct writer *w, bool abort);

/* Of a finished writer: the networks whose targets accepted, by this run's grabs; NULL where it has none. */
const struct acceptors *writer_acceptors(const struct writer *w);
void writer_free(struct writer *w);

/*
 * Any thread: results accepted so far, and with them what coverage has come to, of all runs; the first error of an output, 0 while there is none, and that
 * output's number; limit reached.
 */
uint64_t writer_results(const struct writer *w);
void writer_totals(const struct writer *w, struct keeper_totals *totals);
int writer_error(const struct writer *w);
unsigned int writer_error_sink(const struct writer *w);
bool writer_has_enough(const struct writer *w);

/* Any thread: records, grabs and lookups that the writer has dealt with. */
uint64_t writer_dealt(const struct writer *w);

#endif /* SCAN_WRITER_H */
