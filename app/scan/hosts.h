/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Targets that lists give by name: collected while the lists are read, then looked up, all at once, by
 * another process of this program, since DPDK starts once in a process; it asks as the job's `dns` says.
 *
 * What came of it is kept as rows of "address,name", which a run that goes on reads instead of asking
 * again: the target table must be the same.
 *
 * Control thread, before the engine is opened.
 */
#ifndef SCAN_HOSTS_H
#define SCAN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/gate.h"
#include "job/job.h"

struct hosts;

/* NULL without memory. */
struct hosts *hosts_new(void);
void hosts_free(struct hosts *h);

/* A host and the port to scan it on, 0: the job's. 0 or -ENOMEM. */
int hosts_add(struct hosts *h, const char *name, size_t len, uint16_t port);

size_t hosts_count(const struct hosts *h); /* NULL: none */

/* How the process is started that looks them up. */
struct hosts_how {
	bool virtual_clock;
	bool test_key;
	const char *kept;    /* rows that an earlier run has left; NULL: ask */
	void (*catch_signals)(void); /* called before the process is started, if it is */
	bool (*is_stopped)(void);    /* whether one has come since */
};

/* An address of a host: 0 when it is taken, HOSTS_LEFT_OUT, or a negative errno, which ends the search. */
#define HOSTS_LEFT_OUT 1
typedef int hosts_each(void *context, uint32_t address, uint16_t port, const char *name);

/*
 * Look them up, asking nobody whom the gate denies, and hand every address to each(). 0; what each() returned; -EIO when they could not be looked
 * up, which has been told; -EINTR when a signal ended it; another negative errno of reading what was kept.
 */
int hosts_resolve(struct hosts *h, const struct job *job, const struct gate *gate, const struct hosts_how *how,
		  hosts_each *each, void *context);

/* After hosts_resolve(): hosts without an address; addresses that were left out, counted once for each host. */
size_t hosts_without_address(const struct hosts *h);
size_t hosts_left_out(const struct hosts *h);

/*
 * What the scan's outputs are told of them: a `dns` record for each name, its origin `target`, with those of its
 * addresses that were left out as `excluded`. There are none where no output of the job takes them, nor in a run
 * that goes on. 0, or a negative errno.
 */
typedef void hosts_line(void *context, const char *line, size_t len);
int hosts_records(const struct hosts *h, hosts_line *put, void *context);

/* The rows that were taken, for a later run. 0 or a negative errno. */
int hosts_keep(const struct hosts *h, const char *path);

#endif /* SCAN_HOSTS_H */
