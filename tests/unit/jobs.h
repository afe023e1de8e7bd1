/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs for tests: read from text, and their faults as lines.
 */
#ifndef TESTS_JOBS_H
#define TESTS_JOBS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "job/job.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Load from exactly len bytes on the heap, and see that there are faults or a job, never both. */
static inline struct job *
load_bytes(const char *text, size_t len, const struct job_override *overrides, size_t count,
	   struct diag *diag)
{
	char *copy = malloc(len > 0 ? len : 1);
	struct job *job = (struct job *)1;
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, len);
	rc = job_load("job", copy, len, overrides, count, diag, &job);
	free(copy); /* the job keeps nothing of it */
	assert_true(rc == 0 || rc == -EINVAL);
	assert_int_equal(job != NULL, rc == 0);
	assert_int_equal(diag_is_empty(diag), rc == 0);
	return job;
}

/* A job that must be sound. */
static inline struct job *
load_sound(const char *text)
{
	struct diag diag = DIAG_EMPTY;
	struct job *job = load_bytes(text, strlen(text), NULL, 0, &diag);
	char line[1024];

	if (job == NULL) {
		diag_format(&diag, 0, line, sizeof(line));
		diag_reset(&diag);
		fail_msg("%s", line);
	}
	return job;
}

/* All faults, one a line. */
static inline void
format_faults(const struct diag *diag, char *buf, size_t size)
{
	char line[1024];
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < diag->count; i++) {
		diag_format(diag, i, line, sizeof(line));
		at += (size_t)snprintf(buf + at, size - at, "%s\n", line);
		assert_true(at < size);
	}
}

#endif /* TESTS_JOBS_H */
