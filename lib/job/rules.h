/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules that concern several keys at once, and the defaults that depend on others.
 *
 * The inside of lib/job: no other module includes this.
 */
#ifndef JOB_RULES_H
#define JOB_RULES_H

#include "job/schema.h"

/* Hold what schema_read() read against the rules, and complete the job. Faults go to r->diag. */
void rules_apply(struct reader *r);

#endif /* JOB_RULES_H */
