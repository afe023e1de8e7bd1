/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The watch over a running scan: each second a look at its health (health/health.h), and what follows: sending
 * is held and goes on again, the operator is told once, and the manifest gets to know. Control thread.
 */
#ifndef SCAN_WATCH_H
#define SCAN_WATCH_H

#include <stdint.h>

#include "course.h"
#include "engine.h"
#include "events.h"
#include "health/health.h"
#include "job/job.h"

struct watch {
	struct engine *engine;
	const struct job *job;
	struct events *events;
	struct course *course;
	struct health health;
	uint64_t rate_changes; /* that health knows of */
	uint64_t begun_ns;     /* of a trouble, when it was noticed */
};

void watch_init(struct watch *w, struct engine *e, const struct job *job, struct events *events,
		struct course *course);

/* Look, if it is time. */
void watch_update(struct watch *w, uint64_t now_ns);

/* When the next look is due. */
uint64_t watch_next_ns(const struct watch *w);

/* Sending is over: nothing is held any more, and nothing looked at. */
void watch_end_sending(struct watch *w);

/* The scan is over. */
void watch_end(struct watch *w, uint64_t now_ns);

#endif /* SCAN_WATCH_H */
