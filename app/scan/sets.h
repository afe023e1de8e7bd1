/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets, as the SHA-256 of their canonical texts: the same set has the same digest, however it was
 * written. docs/job.md says what the texts are.
 *
 * 0, or -ENOMEM with text untouched.
 */
#ifndef SCAN_SETS_H
#define SCAN_SETS_H

#include "inputs.h"
#include "job/job.h"
#include "output/digest.h"

int sets_targets_digest(const struct job *job, const struct inputs *in, char text[DIGEST_TEXT_SIZE]);

/* What the gate denies. */
int sets_exclusions_digest(const struct inputs *in, char text[DIGEST_TEXT_SIZE]);

/* Source addresses, ports, and what part of the targets goes out by which. */
int sets_sources_digest(const struct inputs *in, char text[DIGEST_TEXT_SIZE]);

#endif /* SCAN_SETS_H */
