/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control: the course of a scan, from the first probe to the last record.
 *
 * sending -> cooldown -> draining, stage by stage -> done. The first SIGINT or SIGTERM stops the sending and
 * lets the rest take its course; the second leaves at once. Runs in the main thread.
 */
#ifndef SCAN_CONTROL_H
#define SCAN_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"
#include "job/job.h"
#include "live.h"
#include "status_file.h"
#include "watch.h"

/* Why a scan stopped sending. */
enum control_reason {
	CONTROL_COMPLETE,  /* every target probed */
	CONTROL_RUNTIME,   /* limits.runtime */
	CONTROL_RESULTS,   /* limits.results */
	CONTROL_OUTPUT,    /* the sink failed */
	CONTROL_STOPPED,   /* the operator, once */
	CONTROL_ABORTED,   /* the operator, twice */
};

struct control_result {
	enum control_reason reason;
	uint64_t duration_ns;
	uint64_t sending_ns; /* of it, until the last probe was made */
	int writer_rc; /* of engine_stop() */
};

/*
 * Run a launched engine to its end and stop it. quiet: no status lines; status_file, open or of no file,
 * is closed; live is served, watch kept.
 */
void control_run(struct engine *e, const struct job *job, uint64_t targets, bool quiet,
		 struct status_file *status_file, struct live *live, struct watch *watch,
		 struct control_result *result);

/* Catch SIGINT and SIGTERM from now on, ignore SIGPIPE; and whether one has come. */
void control_catch_signals(void);
bool control_is_stopped(void);

#endif /* SCAN_CONTROL_H */
