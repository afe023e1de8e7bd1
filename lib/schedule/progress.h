/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Progress: which of a sequence's numbers are done, where they begin in order and end in any.
 *
 * Everything below `first` is done; beyond it a bit says of each number up to the highest that is done
 * whether it is. So memory is of how far the fastest is ahead of the slowest, a bit a number, and what is
 * not done between the two, which is what was under way, is all that a later run must know.
 *
 * Pure. One thread.
 */
#ifndef SCHEDULE_PROGRESS_H
#define SCHEDULE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	uint64_t first;  /* the first that is not done */
	uint64_t end;    /* nothing from here on is done */
	uint64_t *bits;  /* of [first, end), by number modulo capacity */
	size_t capacity; /* a power of two, 64 or more; 0: nothing was ever ahead */
};

/* Everything below first is done. */
void progress_init(struct progress *p, uint64_t first);
void progress_fini(struct progress *p);

/* One more is done; twice is as good as once. 0 or -ENOMEM. */
int progress_done(struct progress *p, uint64_t number);

bool progress_has(const struct progress *p, uint64_t number);

/*
 * The first run [*first, *end) of numbers below p->end that are not done, from `from` on: true, or false
 * when there is none.
 */
bool progress_gap(const struct progress *p, uint64_t from, uint64_t *first, uint64_t *end);

#endif /* SCHEDULE_PROGRESS_H */
