/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lister: the job's lists of names, read a line at a time and fed to the workers.
 *
 * A line is a name; what is behind a '#' that begins a word, empty lines, blanks at a line's ends, CRLF and
 * a byte order mark are nothing. Lists may be of any length and compressed, or standard input: no more is
 * held of them than a line and what is on its way. Names are numbered across all lists in their order,
 * those of this shard alone, so that a later run knows which are done.
 *
 * lister_poll() does one round and is all there is to it; lister_start() runs it in a thread of its own,
 * which may wait for a disk or a pipe. With a virtual clock there is no thread: control polls.
 */
#ifndef SCAN_LISTER_H
#define SCAN_LISTER_H

#include <stdbool.h>
#include <stdint.h>

#include "fabric/feed.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "quest.h"

struct lister;

struct lister_config {
	const struct job *job;
	struct feed *feed;         /* borrowed; the lister's alone until lister_stop() */
	const struct quest *quest; /* knows what an earlier run has done */
	struct ledger *ledger;     /* the lister's own */
	uint8_t origin;            /* enum grab_origin */
};

/* NULL without memory. */
struct lister *lister_new(const struct lister_config *config);

/* Run in a thread. 0 or a negative errno. */
int lister_start(struct lister *l);

/* One round: how many names were fed. */
unsigned int lister_poll(struct lister *l);

/* End the thread, wherever it is; idempotent. */
void lister_stop(struct lister *l);
void lister_free(struct lister *l);

/* Any thread: names fed in this run, and whether all lists are at their end. */
uint64_t lister_fed(const struct lister *l);
bool lister_is_done(const struct lister *l);

/* Any thread: a list that could not be read, or not to its end: a negative errno of lib/lines, and its name. */
int lister_error(const struct lister *l, const char **file);

#endif /* SCAN_LISTER_H */
