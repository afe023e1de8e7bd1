/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The past of a scan: what an earlier run of it left, what of its job must be as it was, and what this run
 * leaves for a later one.
 *
 * Positions mean targets only as long as the target table is the same. So what the table was made without
 * is kept beside the checkpoint, and a run that goes on makes its table without exactly that. Exclusions
 * that have come since work at the gate; none may have gone.
 *
 * Control thread.
 */
#ifndef SCAN_PAST_H
#define SCAN_PAST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ipv4.h"
#include "checkpoint/checkpoint.h"
#include "inputs.h"
#include "keeper.h"

struct request;

struct past {
	struct keeper_paths paths;
	bool is_kept;                  /* whether this scan leaves anything */
	struct checkpoint *checkpoint; /* of the run before; NULL: this is the first */
	struct ipv4_range *excluded;   /* then: what the table was made without */
	size_t excluded_count;
	size_t on_link;                /* the last so many are of the link: nobody's exclusions */
	struct inputs_past inputs;
};

/*
 * Say where the checkpoint is: by the flags, or beside the first output that is a file. With --resume read
 * it: then inputs is what the inputs are to be made of, and is_complete is set where nothing is left to do.
 * EXIT_DONE, or the status to end with, told. past_free() in any case.
 */
int past_load(struct past *p, const struct request *r, bool *is_complete);
void past_free(struct past *p);

/*
 * The table and the gate of this run have been made. Hold the job against what it was: EXIT_DONE, or
 * EXIT_BAD_JOB with the differences told; the span then begins where that run ended. What is excluded since then, or on the link, is denied by the
 * gate. Without a run before, EXIT_DONE unless another scan's checkpoint is in the way.
 */
int past_check(const struct past *p, struct request *r);

/*
 * Everything that the first run's checkpoint is to say but what changes; freed by past_base_free(). scan_id
 * is of this run and counts only if it is the first. And leave what the table was made without. EXIT_DONE,
 * or the status to end with, told.
 */
int past_begin(const struct past *p, const struct request *r, const char *scan_id,
	       uint64_t start_wall_ns, struct checkpoint *base);
void past_base_free(const struct past *p, struct checkpoint *base);

#endif /* SCAN_PAST_H */
