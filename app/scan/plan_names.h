/* SPDX-License-Identifier: BSD-3-Clause */
/* What `asdic plan` says of names to look up. Control thread. */
#ifndef SCAN_PLAN_NAMES_H
#define SCAN_PLAN_NAMES_H

#include "inputs.h"
#include "job/job.h"

void plan_names_print(const struct job *job, const struct inputs *in);

#endif /* SCAN_PLAN_NAMES_H */
