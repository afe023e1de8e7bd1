/* SPDX-License-Identifier: BSD-3-Clause */
/* The manifest's members that tell how a scan went: events, the rate over time, the clock. */
#ifndef SCAN_MANIFEST_COURSE_H
#define SCAN_MANIFEST_COURSE_H

#include <stdint.h>
#include <stdio.h>

#include "course.h"
#include "events.h"

void manifest_put_events(FILE *f, const struct events *events, uint64_t start_wall_ns);
void manifest_put_course(FILE *f, const struct course *course, uint64_t start_wall_ns);

/* What the kernel knows of its clock's offset from true time (adjtimex(2)). */
void manifest_put_clock(FILE *f);

#endif /* SCAN_MANIFEST_COURSE_H */
