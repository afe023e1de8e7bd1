/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scan's outputs: named before anything else, so that all that is wrong with them is said before a
 * packet is sent; opened when the scan starts; finished by the writer.
 *
 * Control thread, but for the outputs themselves while the writer has them.
 */
#ifndef SCAN_SINKS_H
#define SCAN_SINKS_H

#include <stdbool.h>
#include <time.h>

#include "checkpoint/checkpoint.h"
#include "inputs.h"
#include "job/job.h"
#include "writer.h"

struct sinks {
	unsigned int count;
	time_t start;                   /* what {start} stands for */
	char *names[JOB_OUTPUTS_MAX];   /* of the files, as told; of a row of files their common one */
	struct writer_sink sinks[JOB_OUTPUTS_MAX];
};

/*
 * Name the outputs of a scan that starts then. EXIT_DONE, or the status to end with, told on standard
 * error: two outputs with one file, a name that is too long. sinks_free() in any case.
 */
int sinks_name(struct sinks *s, const struct job *job, time_t start);

/* Whether the files may be made; nothing is. EXIT_DONE, or the status to end with, told. */
int sinks_check(const struct sinks *s, const struct job *job, bool force);

/*
 * Make them, or go on with those of an earlier run's checkpoint (else NULL). EXIT_DONE, or the status to
 * end with, told.
 */
int sinks_open(struct sinks *s, const struct job *job, const struct inputs *inputs, bool force,
	       const struct checkpoint *past);

/* Refuse a file that exists: the exit status. */
int sinks_refuse_existing(const char *file);

/* Finish what was not finished, and free. */
void sinks_free(struct sinks *s);

#endif /* SCAN_SINKS_H */
