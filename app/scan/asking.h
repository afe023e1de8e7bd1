/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom a job asks for names, and what: its `dns` as workers need it.
 *
 * Part of the inputs, and made with them: resolvers are read from files, faults are told like any other's,
 * and the gate gets a hole for each resolver that it would deny.
 */
#ifndef SCAN_ASKING_H
#define SCAN_ASKING_H

#include "base/diag.h"
#include "fabric/lookups.h"
#include "job/job.h"
#include "resolvers/resolvers.h"

struct inputs;

struct asking {
	struct lookups_plan plan;
	struct resolvers_address *resolvers; /* of the plan; so are these, with the job's names */
	struct resolvers_canary canaries[RESOLVERS_CANARIES_MAX];
};

/* Of a job with `dns`; the gate and what is on the link are known. 0, or -ENOMEM; faults go to diag. */
int asking_build(struct asking *a, const struct inputs *in, const struct job *job, struct diag *diag);
void asking_free(struct asking *a);

#endif /* SCAN_ASKING_H */
