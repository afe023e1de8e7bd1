/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules of names to look up.
 *
 * The inside of lib/job: no other module includes this.
 */
#ifndef JOB_DNS_RULES_H
#define JOB_DNS_RULES_H

#include "job/schema.h"

/* Hold what schema_read() read of `dns` against the rules, and complete it; targets and grabs are. */
void dns_rules_apply(struct reader *r);

#endif /* JOB_DNS_RULES_H */
