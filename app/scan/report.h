/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of a scan, for people: how it went, and the ledger. On standard error. */
#ifndef SCAN_REPORT_H
#define SCAN_REPORT_H

#include "control.h"
#include "engine.h"
#include "job/job.h"
#include "sinks.h"

/* Print it. Returns whether the ledger balances. */
bool report_print(const struct engine *e, const struct job *job, const struct sinks *sinks,
		  const struct control_result *result);

#endif /* SCAN_REPORT_H */
