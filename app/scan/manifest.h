/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manifest: what a scan was, and what it left, as JSON beside its results.
 *
 * It is written when the scan starts, with "complete": false, and again when it has ended; each time
 * aside and then renamed, so that a reader never sees half of one. Names are ZMap's metadata's where
 * the meaning is the same. It holds digests of the target and exclusion sets, never the sets: a list
 * of those who opted out is no one's business; nor a key.
 *
 * Control thread.
 */
#ifndef SCAN_MANIFEST_H
#define SCAN_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "accepting.h"
#include "control.h"
#include "course.h"
#include "engine.h"
#include "events.h"
#include "request.h"
#include "sinks.h"

#define MANIFEST_ID_SIZE 33

struct manifest {
	char *path; /* NULL: none is written */
	const struct request *request;
	const struct sinks *sinks;
	uint64_t start_wall_ns; /* of the scan: of its first run */
	uint64_t run_wall_ns;   /* of this run */
	const struct checkpoint *base; /* what earlier runs have left; set before the first writing */
	char scan_id[MANIFEST_ID_SIZE]; /* random, in hexadecimal */
	struct events events;
	struct course course;
	struct accepting accepting; /* set before the last writing */
};

/*
 * Of a manifest whose times are set, say where it goes: --metadata-file, else beside the first output that is a file of its own, else
 * nowhere. EXIT_DONE, or the status to end with, told: it exists and may not be overwritten.
 */
int manifest_init(struct manifest *m, const struct request *r, const struct sinks *sinks);

/* Write it at the start (result is NULL) or at the end. 0 or a negative errno, told. */
int manifest_write(const struct manifest *m, const struct engine *e,
		   const struct control_result *result);

void manifest_free(struct manifest *m);

#endif /* SCAN_MANIFEST_H */
