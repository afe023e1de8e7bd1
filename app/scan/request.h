/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request: the command line and the job that it makes, shared by check, plan, scan and doctor.
 */
#ifndef SCAN_REQUEST_H
#define SCAN_REQUEST_H

#include "base/diag.h"
#include "flags.h"
#include "inputs.h"
#include "job/job.h"

struct request {
	struct flags flags;
	char *text;        /* of the job file */
	struct job *job;
	struct inputs inputs;
	bool has_inputs;
};

/*
 * Read the command line and the job, and (but for request_load_job()) compute the inputs. All faults are printed.
 * EXIT_DONE to go on; another exit status to end with (after --help, too: then *done is set).
 */
int request_load(struct request *r, int argc, char **argv, bool *done);
int request_load_job(struct request *r, int argc, char **argv, bool *done);

/* After request_load_job(): compute the inputs; past and how as for inputs_build(). The status, told. */
int request_load_inputs(struct request *r, const struct inputs_past *past, const struct hosts_how *how);

/* For commands that send nothing: what a scan of this job would lack as things stand, told on standard error. */
void request_note_files(const struct request *r);
void request_free(struct request *r);

#endif /* SCAN_REQUEST_H */
