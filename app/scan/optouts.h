/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The opt-outs in a scan: read like an exclude file that every job names, by the table and, apart from
 * that and from the raw text, by the gate. Control thread.
 */
#ifndef SCAN_OPTOUTS_H
#define SCAN_OPTOUTS_H

#include "base/diag.h"
#include "gate/gate.h"
#include "optout/optout.h"
#include "targets/targets.h"

/*
 * Exclude what the lists hold from a table in the making (NULL: from none) and at the gate. A list that is
 * not there holds nothing; one that cannot be read, and each line that does not parse, is a fault in diag,
 * which borrows from files. 0 or -ENOMEM.
 */
int optouts_exclude(const struct optout_files *files, struct targets_builder *builder,
		    struct gate *gate, struct diag *diag);

#endif /* SCAN_OPTOUTS_H */
