/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a job includes and excludes, from its own text and from the lists that it names, as the target
 * table and the gate.
 *
 * Called by the control thread, before anything is sent.
 */
#ifndef SCAN_LISTS_H
#define SCAN_LISTS_H

#include <stdbool.h>

#include "base/diag.h"
#include "inputs.h"
#include "job/job.h"

/*
 * past and how as for inputs_build(). Make in->targets, in->names and in->gate; in->onlink is left out of the targets. What is wrong in any list goes
 * into diag, as does having no target at all. 0, -EIO or -ENOMEM. inputs_free() frees them in either case.
 */
int lists_build(struct inputs *in, const struct job *job, const struct inputs_past *past,
		const struct hosts_how *how, struct diag *diag);

/* Whether any target lies outside the reserved ranges. */
bool lists_have_public(const struct inputs *in);

#endif /* SCAN_LISTS_H */
