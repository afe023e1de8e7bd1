/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Templates: names of files with {name}, {start}, {shard} and {<tag>} in them.
 *
 * The inside of lib/job: no other module includes this. job_file_name() fills them in.
 */
#ifndef JOB_TEMPLATE_H
#define JOB_TEMPLATE_H

#include "job/schema.h"

/* Whether a name is a template's own, so that no tag may have it. */
bool template_is_own(const char *name);

/* Tell what is wrong with a template: a name that is none, or a tag that does not fit a file's name. */
void template_check(struct reader *r, const char *template, struct diag_place place);

#endif /* JOB_TEMPLATE_H */
