/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Epochs: which positions need never be looked at again.
 *
 * An epoch is the run of positions that got their last probe between two looks at the schedule's
 * floor. It is over once the cooldown after its last probe has been listened through to its end: every
 * reply that arrived by then has gone through receiver, worker and writer. How far that is, the
 * watermark tells (fabric/receiver.h, fabric/worker.h): everything that arrived before it has been dealt
 * with.
 *
 * Epochs are bounded in number, so they are the longer the longer the cooldown is. Nothing here depends
 * on how many lcores there are.
 *
 * Pure; one thread.
 */
#ifndef SCHEDULE_EPOCHS_H
#define SCHEDULE_EPOCHS_H

#include <stdint.h>

#define EPOCHS_MAX 512 /* a power of two */

struct epoch {
	uint64_t sent_ns; /* by then everything below its end had had its last probe */
	uint64_t end;     /* of its positions */
};

struct epochs {
	uint64_t cooldown_ns;
	uint64_t period_ns;
	uint64_t end;   /* of all positions */
	uint64_t floor; /* every position below it is of an epoch that is over */
	struct epoch open[EPOCHS_MAX];
	uint64_t head;
	uint64_t tail;
};

/* Positions [first, end) are to be probed. */
void epochs_init(struct epochs *e, uint64_t first, uint64_t end, uint64_t cooldown_ns);

/* At now_ns or before, everything below floor had had its last probe. Cheap; call it often. */
void epochs_note(struct epochs *e, uint64_t now_ns, uint64_t floor);

/* Everything that arrived before seen_ns has been dealt with: end the epochs that are over by that. */
void epochs_seen(struct epochs *e, uint64_t seen_ns);

#endif /* SCHEDULE_EPOCHS_H */
