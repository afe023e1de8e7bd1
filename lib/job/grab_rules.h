/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules of grabs, and of which records outputs take of them.
 *
 * The inside of lib/job: no other module includes this.
 */
#ifndef JOB_GRAB_RULES_H
#define JOB_GRAB_RULES_H

#include "job/schema.h"

/* Hold the grabs that schema_read() read against the rules, and complete them. */
void grab_rules_apply(struct reader *r);

/*
 * Which records an output takes: complete what it leaves open (node: its mapping, NULL where there is
 * none; format and grabs are complete), or tell what is wrong with it.
 */
void grab_rules_records(struct reader *r, struct job_output *output, const struct yaml_node *node);

/* After all outputs: certificates that no output takes get a file of their own. */
void grab_rules_outputs(struct reader *r);

#endif /* JOB_GRAB_RULES_H */
