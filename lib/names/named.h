/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many names of a target have been dealt with: what a scan that goes on must know of those whose
 * names it had begun. A target costs 16 to 32 bytes.
 *
 * Filled by one thread; from then on immutable, and any number of threads may read.
 */
#ifndef NAMES_NAMED_H
#define NAMES_NAMED_H

#include <stdint.h>

struct named;

/* None, or NULL without memory. */
struct named *named_new(void);
void named_free(struct named *n);

/* One more name of a target. 0 or -ENOMEM. */
int named_add(struct named *n, uint32_t address, uint16_t port);

/* How many; n may be NULL: none. */
uint32_t named_count(const struct named *n, uint32_t address, uint16_t port);

#endif /* NAMES_NAMED_H */
