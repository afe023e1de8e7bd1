/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The course of a scan, for its manifest: what was sent and received, minute by minute; of a long one, in
 * steps of 2, 4, 8, ... minutes, so that there are never more than COURSE_STEPS. Control thread.
 */
#ifndef SCAN_COURSE_H
#define SCAN_COURSE_H

#include <stdint.h>

#define COURSE_STEPS 1440
#define COURSE_FIRST_NS (UINT64_C(60) * 1000 * 1000 * 1000)

/* What had been sent and received when a step ended. */
struct course_step {
	uint64_t end_ns;
	uint64_t sent;
	uint64_t received;
};

struct course {
	struct course_step steps[COURSE_STEPS];
	unsigned int count;
	uint64_t step_ns;
};

/* Zeroed memory is a course of nothing. Note the counts, at least each minute, and once at the end. */
void course_note(struct course *c, uint64_t now_ns, uint64_t sent, uint64_t received);
void course_end(struct course *c, uint64_t now_ns, uint64_t sent, uint64_t received);

#endif /* SCAN_COURSE_H */
