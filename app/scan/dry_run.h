/* SPDX-License-Identifier: BSD-3-Clause */
/* --dry-run: the targets in the order of the scan, "address,port" a line. Sends nothing, needs no device. */
#ifndef SCAN_DRY_RUN_H
#define SCAN_DRY_RUN_H

#include "inputs.h"

/* Print them on standard output. 0, or a negative errno of the output. */
int dry_run(const struct inputs *in);

#endif /* SCAN_DRY_RUN_H */
