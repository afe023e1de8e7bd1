/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The job's grabs, as workers and the writer need them.
 *
 * Made and freed by the control thread; immutable in between. Points into the job and the inputs,
 * which must outlive it.
 */
#ifndef SCAN_GRABS_H
#define SCAN_GRABS_H

#include <stdint.h>

#include "fabric/grabber.h"
#include "grabrecord/grabrecord.h"
#include "inputs.h"
#include "job/job.h"

struct grabs {
	struct grabber_plan plan;
	struct grabber_task tasks[JOB_GRABS_MAX];
	struct grabrecord_grab forms[JOB_GRABS_MAX];
	const char **alpn[JOB_GRABS_MAX];
	uint8_t task_of_port[UINT16_MAX + 1];
};

/* How many connections a worker may have at once, and how many of them TLS: what memory gives. */
struct grabs_size {
	uint32_t sessions;
	uint32_t tls_sessions;
};

/* What a connection is counted as: TCP's and the grab's blocks, and TLS beside them. */
#define GRABS_BYTES 8192
#define GRABS_TLS_BYTES (TLS_SESSION_BYTES + GRABS_BYTES)

/* Whether some grab is of TLS. */
bool grabs_have_tls(const struct job *job);

/* NULL without memory. The job has one grab at least. */
struct grabs *grabs_new(const struct job *job, const struct inputs *inputs);
void grabs_free(struct grabs *g);

/* Of each of so many workers, with so much memory to be had. */
struct grabs_size grabs_size(const struct job *job, unsigned int workers, uint64_t memory_bytes);

/* Memory that the machine has to spare, in bytes. */
uint64_t grabs_memory_bytes(void);

/* Whether some grab's records refer to certificates instead of holding them all. */
bool grabs_refer(const struct job *job);

#endif /* SCAN_GRABS_H */
