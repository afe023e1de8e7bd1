/* SPDX-License-Identifier: BSD-3-Clause */
/* The job's canaries: what holds for targets holds for them. Control thread. */
#ifndef SCAN_CANARIES_H
#define SCAN_CANARIES_H

#include "base/diag.h"
#include "inputs.h"
#include "job/job.h"

/*
 * Fill in->canaries, once the gate is built, with those that may be asked: those that are excluded, reserved
 * without leave or on an interface's link are counted and left out. A public one needs a contact: without it
 * there are faults in diag.
 */
void canaries_build(struct inputs *in, const struct job *job, struct diag *diag);

#endif /* SCAN_CANARIES_H */
