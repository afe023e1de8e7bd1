/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificates that stand in an output already, since an earlier run wrote them there: so that each is
 * told once, however often a scan is gone on with.
 */
#ifndef SCAN_TOLD_H
#define SCAN_TOLD_H

#include "grabrecord/grabrecord.h"
#include "output/output.h"

/*
 * Have r know what an output that takes certificates holds so far. A file that cannot be read is passed
 * over: a certificate that is told twice harms nobody.
 */
void told_recall(struct output *output, struct grabrecord *r);

#endif /* SCAN_TOLD_H */
