/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The quest: which names a scan looks up beside those of its lists, and which of all are done.
 *
 * The writer finds names in what it writes: in certificates, and of responders that of their address. Each
 * is looked up once a scan: a set of keyed hashes knows those that were. A name waits here until its feed
 * has room for it, and is forgotten when its record has been written. The writer never waits for workers,
 * who may be waiting for it; so what waits is bounded by pressure: past QUEST_WAITING_MAX names
 * probers pause, and then no more come than grabs and records under way bring.
 *
 * For the case of a kill a checkpoint has all of it: which names of lists are not done, each name
 * that was found and is not, and a journal of the hashes. So a run that goes on looks up what was not
 * written, and nothing else.
 *
 * Made and freed by the control thread; in between it is the writer's, but for what any thread may ask.
 */
#ifndef SCAN_QUEST_H
#define SCAN_QUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "checkpoint/checkpoint.h"
#include "fabric/feed.h"
#include "fabric/prober.h"
#include "grab/grab.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "schedule/progress.h"

#define QUEST_WAITING_MAX 65536

struct quest;

struct quest_config {
	const struct job *job;
	struct feed *feed;               /* of what is found; NULL: the job looks for none; borrowed */
	struct pressure *pressure;       /* borrowed */
	struct ledger *ledger;           /* the writer's */
	uint64_t key[2];                 /* of the hashes: the same in all runs of a scan */
	const char *journal;             /* segments' common part; NULL: nothing is kept */
	const struct checkpoint *past;   /* NULL: this is the first run */
};

/* 0; -ENOMEM; -ENODATA or another negative errno of the journal. */
int quest_new(const struct quest_config *config, struct quest **out);
void quest_free(struct quest *q);

/* A name in a certificate, as it stands there; of which responder. What is no host name is left alone. */
void quest_certificate(struct quest *q, struct span name, uint32_t address);

/* A responder. */
void quest_responder(struct quest *q, uint32_t address);

/* Move what waits on to the workers; how many. */
unsigned int quest_poll(struct quest *q);

/* The record of a lookup has been dealt with; whether it is in the outputs, for good. */
void quest_over(struct quest *q, const struct grab *g, bool is_kept);

/* Have the journal on the disk and tell a checkpoint of it; what it then points to lives until the next call. */
int quest_save(struct quest *q, struct checkpoint *c);

/* Such a checkpoint is on the disk. And: the scan is done, the journal goes. */
void quest_saved(struct quest *q);
void quest_remove(struct quest *q);

/* Any thread: find no more names. */
void quest_stop(struct quest *q);

/* Any thread: names found in this run, and lookups of any origin whose records have been dealt with. */
uint64_t quest_found_count(const struct quest *q);
uint64_t quest_over_count(const struct quest *q);

/* Before the run begins: whether an earlier one has done with a name of the lists. */
bool quest_is_done(const struct quest *q, uint64_t number);

#endif /* SCAN_QUEST_H */
