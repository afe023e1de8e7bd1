/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a job names on the disk, looked at before anything is done with it: each that is missing is told with the
 * place where the job names it. Control thread.
 */
#ifndef SCAN_FILES_H
#define SCAN_FILES_H

#include "base/diag.h"
#include "flags.h"
#include "job/job.h"

/*
 * Lists that cannot be read. For a job that has faults (job_read()), of which nothing is read any more: all that is
 * wrong with it is to be told in one go.
 */
void files_check_lists(const struct job *job, struct diag *diag);

/* What a scan needs besides its lists: worlds of simulated devices, and folders for what it writes. */
void files_check_scan(const struct job *job, const struct flags *flags, struct diag *diag);

#endif /* SCAN_FILES_H */
