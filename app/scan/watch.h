/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The watch over a running scan: each second a look at its health (health/health.h), and what follows: sending
 * is held and goes on again, the operator is told once, and the manifest gets to know. And a look at its
 * resolvers (liars.h).
 *
 * Positions that may have been probed in vain are in doubt until they have been probed once more. That comes when
 * the network is there again; after a hit rate that had collapsed, when its trial has shown that, or when no new
 * targets are left to try it by. As long as there are such positions no checkpoint goes beyond them, nor beyond those
 * that a trouble still unnoticed could put in doubt. Control thread.
 */
#ifndef SCAN_WATCH_H
#define SCAN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "course.h"
#include "engine.h"
#include "events.h"
#include "health/health.h"
#include "job/job.h"
#include "liars.h"

struct watch {
	struct engine *engine;
	const struct job *job;
	struct events *events;
	struct course *course;
	struct health health;
	struct liars liars;
	uint64_t rate_changes; /* that health knows of */
	uint64_t begun_ns;     /* of a trouble, when it was noticed */
	bool is_in_doubt;      /* positions from doubt_first on are */
	bool is_probing_again; /* they are being probed once more */
	uint64_t doubt_first;
	uint64_t again_ns;     /* when that was last done; 0: never */
	bool is_over;          /* sending has ended for good: nothing is held any more */
};

void watch_init(struct watch *w, struct engine *e, const struct job *job, struct events *events,
		struct course *course);

/* Look, if it is time. */
void watch_update(struct watch *w, uint64_t now_ns);

/* When the next look is due. */
uint64_t watch_next_ns(const struct watch *w);

/* Whether all may be over: there is no trouble, and nothing in doubt. */
bool watch_is_clear(const struct watch *w);

/* Sending is over, though targets be left: nothing is held any more, or probed once more. */
void watch_end_sending(struct watch *w);

/* The scan is over. */
void watch_end(struct watch *w, uint64_t now_ns);

#endif /* SCAN_WATCH_H */
