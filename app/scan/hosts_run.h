/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process that looks targets' names up: this program once more, with a job of its own.
 *
 * Of the scan's job it has all that says how to send and whom not to: interfaces, rates, lcores, contact, reserved
 * ranges that are allowed, everything that the gate denies, and `dns` but for its lookups. Opt-outs it reads
 * itself, and `asdic exclude` and `asdic rate` reach it like any scan. It is in a process group of its own, gets the
 * signals that this one gets, and does not outlive it.
 *
 * Control thread, before it has made others and before the engine is opened.
 */
#ifndef SCAN_HOSTS_RUN_H
#define SCAN_HOSTS_RUN_H

#include <stdio.h>

#include "gate/gate.h"
#include "hosts.h"
#include "job/job.h"

struct hosts_run {
	const struct job *job;
	const struct gate *gate;
	const struct hosts_how *how;
	void (*put_names)(FILE *f, const void *names); /* one a line */
	const void *names;
};

/*
 * Run it to its end. 0: *out is a file of its records, the caller's to close; -EIO: it failed, and that is
 * told; -EINTR: it was stopped by a signal; -ENOMEM.
 */
int hosts_run(const struct hosts_run *run, int *out);

#endif /* SCAN_HOSTS_RUN_H */
