/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resolvers that lie, as control sees them: what one worker has found out all are told within a second, the
 * operator reads it, and the manifest has an event of it, with the time at which it was found.
 *
 * Control thread.
 */
#ifndef SCAN_LIARS_H
#define SCAN_LIARS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"
#include "events.h"

struct liars {
	struct engine *engine;
	struct events *events;
	const char *name;  /* the job's */
	bool *is_known;    /* by resolver; NULL: there are none */
	uint32_t count;    /* of those that are known to lie */
	uint64_t lies;     /* as engine_lies() had them at the last look */
};

/* Without memory, nothing is told. */
void liars_init(struct liars *l, struct engine *e, const char *name, struct events *events);
void liars_free(struct liars *l);

/* Look, once a second or so. */
void liars_look(struct liars *l, uint64_t now_ns);

#endif /* SCAN_LIARS_H */
