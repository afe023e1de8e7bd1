/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * World files: the YAML form of a simulated Internet, read into a struct world.
 *
 * All faults of a file are found in one run, each with its place and its mend. Shares are read as
 * the exact decimal numbers that they are written as, never as binary fractions: any program can
 * compute the same truth from the same text.
 *
 * What is absent does not happen: no network means silence, no latency means at once, no
 * synack_retries means that a SYN-ACK is said once. An absent seed is 0.
 */
#ifndef WORLDFILE_WORLDFILE_H
#define WORLDFILE_WORLDFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "world/world.h"

/*
 * Read the text of a world file. file names it in diagnostics (borrowed as long as diag lives).
 * 0 and *out, which the caller frees by world_free(); -EINVAL with the faults in diag; -ENOMEM.
 * *out is NULL on error.
 */
int worldfile_parse(const char *file, const char *text, size_t len, struct diag *diag,
		    struct world **out);

/* The same from the file at path; what is wrong with reading it is a fault in diag too. */
int worldfile_load(const char *path, struct diag *diag, struct world **out);

/*
 * Read a share: "1.3%", up to three digits before and sixteen behind the point; or "0", which says
 * the same without the sign. Exact, in units of 1 / WORLD_SHARE_ONE. 0; -EINVAL for text of another
 * form, -ERANGE for more than 100% or more digits.
 */
int worldfile_share(const char *text, size_t len, uint64_t *share);

#endif /* WORLDFILE_WORLDFILE_H */
