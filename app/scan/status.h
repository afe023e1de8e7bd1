/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The status line: where the scan is, on standard error; each second on a terminal, a line a minute
 * otherwise.
 */
#ifndef SCAN_STATUS_H
#define SCAN_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"
#include "job/job.h"

struct status {
	struct engine *engine;
	const struct job *job;
	uint64_t targets;      /* of this shard */
	bool quiet;
	bool is_terminal;
	uint64_t next_wall_ns; /* when the next line is due */
	uint64_t last_ns;      /* run time and counts of the last line */
	uint64_t last_sent;
	uint64_t last_received;
	uint64_t last_complete; /* grabs */
	uint64_t last_names;    /* lookups that have ended */
	uint64_t last_queries;
};

void status_init(struct status *s, struct engine *e, const struct job *job, uint64_t targets,
		 bool quiet);

/* Print when due. Cooling down: until end_ns. */
void status_update(struct status *s, uint64_t now_ns, bool cooling, uint64_t end_ns);

/* Leave the line. */
void status_end(struct status *s);

#endif /* SCAN_STATUS_H */
