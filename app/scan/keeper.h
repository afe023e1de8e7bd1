/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keeper: what a scan keeps on the disk for the case that it is killed.
 *
 * It belongs to the writer, which tells it of every record that it has taken, and asks it now and then
 * to save: then, with the outputs on the disk as far as their marks say, the journal of what was recorded
 * goes there too, and after both the checkpoint that names them. So whichever checkpoint a kill leaves,
 * all that it speaks of is there.
 *
 * After writer_finish() it is the control thread's.
 */
#ifndef SCAN_KEEPER_H
#define SCAN_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/journal.h"
#include "ledger/ledger.h"
#include "output/output.h"
#include "polite/refusals.h"
#include "record/record.h"

/* What it sees of the run: functions that any thread may call. */
struct keeper_view {
	void *context;
	uint64_t (*now_ns)(void *context);
	uint64_t (*seen_ns)(void *context); /* workers' watermark */
	uint64_t (*floor)(void *context);   /* every position below has had its probes */
	/*
	 * And none below this in vain, as far as is known: where *since_ns is not 0, some had them once more
	 * until then, and are over when the cooldown after it is.
	 */
	uint64_t (*sure)(void *context, uint64_t *since_ns);
	uint64_t (*claimed)(void *context); /* no position from here on has had any */
	void (*ledger)(void *context, struct ledger *total);
	const struct refusals *refusals; /* NULL: there are no caps */
};

/* Where checkpoint, journal and exclusions of a scan stand; freed by keeper_paths_free(). */
struct keeper_paths {
	char *checkpoint;
	char *journal;    /* segments' common part */
	char *exclusions; /* what the target table was made without */
	char *hosts;      /* addresses of targets that were listed by name */
	char *names;      /* segments' common part of the journal of names that were found */
};

struct quest;

int keeper_paths_make(struct keeper_paths *p, const char *checkpoint);
void keeper_paths_free(struct keeper_paths *p);

struct keeper;

/*
 * Of a scan of positions [base->floor, end). base holds what never changes (identity, seed, key, settings)
 * and what the runs before have left: elapsed time, results, counts, segments. It is borrowed, as paths
 * are. Every key of the segments is handed to each(). 0; -ENODATA or another negative errno of the journal.
 */
int keeper_new(const struct keeper_paths *paths, const struct checkpoint *base, uint64_t end,
	       uint64_t cooldown_ns, void (*each)(void *context, const struct journal_key *key),
	       void *context, struct keeper **out);
void keeper_free(struct keeper *k);

/* The run begins. quest is of its names, borrowed; NULL: it looks none up. */
void keeper_start(struct keeper *k, const struct keeper_view *view, struct quest *quest);

/* Writer: a record has gone to the outputs. */
void keeper_note(struct keeper *k, const struct record_scan *r);

/* Writer: the view's watermark, read before it emptied its rings. */
void keeper_seen(struct keeper *k, uint64_t seen_ns);
uint64_t keeper_watermark(const struct keeper *k);

/* Writer: note where the probers are; true when it is time to save. */
bool keeper_is_due(struct keeper *k);

/* What the writer has counted, in all runs. */
struct keeper_totals {
	uint64_t results;
	uint64_t hits; /* first replies of what the scan looks for, whether an output took them or not */
	uint64_t coverage_found;
	uint64_t coverage_seen;
};

/*
 * Save, outputs being on the disk up to their marks. 0, or a negative errno, told on standard error
 * once: then the last checkpoint still holds.
 */
int keeper_save(struct keeper *k, const struct output_mark *marks, unsigned int count,
		const struct keeper_totals *totals);

/* The scan is complete: say so in place of the checkpoint, and do away with the rest. */
int keeper_complete(struct keeper *k);

#endif /* SCAN_KEEPER_H */
