/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The status for programs: CSV, a line each second and one at the end, each flushed.
 *
 * Columns are those of ZMap's status updates, in its order, so that its readers read this; times are
 * UTC and whole seconds, rates are per second, pcap-drop is what the NIC and the rings lost. Where the
 * job looks names up, columns of these follow. When the file fails the scan goes on without it, and says so.
 *
 * Control thread.
 */
#ifndef SCAN_STATUS_FILE_H
#define SCAN_STATUS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine.h"
#include "job/job.h"

/* What is counted: totals, and their rates. */
enum status_count {
	STATUS_SENT,
	STATUS_SUCCESS,
	STATUS_RECEIVED,
	STATUS_DROPPED,
	STATUS_FAILED,
	STATUS_COUNTS
};

/* The same of names. */
enum status_names {
	STATUS_NAMES,
	STATUS_QUERIES,
	STATUS_NAMES_COUNTS
};

struct status_file {
	FILE *file; /* NULL: none */
	const char *path;
	struct engine *engine;
	const struct job *job;
	uint64_t targets;      /* of this shard */
	uint64_t done;         /* of them, as of the last line */
	uint64_t next_wall_ns; /* when the next line is due */
	uint64_t last_ns;      /* run time and counts of the last line */
	uint64_t last[STATUS_COUNTS];
	uint64_t last_names[STATUS_NAMES_COUNTS];
};

/* Make the file (path NULL: none) and write its header, with the columns of names if there are any. 0; -EEXIST without force; a negative errno. */
int status_file_open(struct status_file *s, const char *path, bool has_names, bool force, bool go_on);

/* Set off; then a line when one is due. Cooling down: until end_ns. */
void status_file_start(struct status_file *s, struct engine *e, const struct job *job,
		       uint64_t targets);
void status_file_update(struct status_file *s, uint64_t now_ns, bool cooling, uint64_t end_ns);

/* The last line, and close. Without a start just close. */
void status_file_end(struct status_file *s, uint64_t now_ns);

#endif /* SCAN_STATUS_FILE_H */
