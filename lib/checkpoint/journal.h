/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal: which replies have been recorded, so that after a kill their repeats are known.
 *
 * Keys are appended as records are written, to a row of files ("segments") beside the checkpoint. A
 * checkpoint names the segments and how much of each counts; what they hold beyond that is of records
 * that were cut off the outputs too. A segment is begun anew once the last has grown long, and goes when
 * all its keys are of positions below the checkpoint's floor. Its files go only after a checkpoint that
 * no longer names them is on the disk.
 *
 * After its first failure a journal takes nothing more: journal_sync() says so.
 *
 * One thread.
 */
#ifndef CHECKPOINT_JOURNAL_H
#define CHECKPOINT_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "checkpoint/checkpoint.h"

struct journal;

/* A reply that has been recorded. What marks and kind mean is the user's. */
struct journal_key {
	uint32_t address;
	uint16_t port;
	uint8_t kind;
	uint8_t marks;
};

/* Segments are path followed by "-" and a number. NULL without memory. */
struct journal *journal_new(const char *path);

/*
 * Go on with one: hand every key that counts to each(), and do away with files that no checkpoint names.
 * 0; -ENODATA when a segment holds less than it should; another negative errno.
 */
int journal_resume(struct journal *j, const struct checkpoint_segment *segments, size_t count,
		   void (*each)(void *context, const struct journal_key *key), void *context);

void journal_add(struct journal *j, const struct journal_key *key);

/*
 * Have every key on the disk. All of them are of positions below claimed; segments whose keys are all of
 * positions below floor count no longer. 0 or the first negative errno of the journal.
 */
int journal_sync(struct journal *j, uint64_t claimed, uint64_t floor);

/* The segments that count, as a checkpoint is to name them; borrowed until the next call. */
struct checkpoint_segment *journal_segments(struct journal *j, size_t *count);

/* Such a checkpoint is on the disk: the files of others may go. */
void journal_sweep(struct journal *j);

/* The scan is done: all files go. */
void journal_remove(struct journal *j);

/* Close it; its files stay. NULL is fine. */
void journal_free(struct journal *j);

#endif /* CHECKPOINT_JOURNAL_H */
