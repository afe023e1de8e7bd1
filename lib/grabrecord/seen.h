/* SPDX-License-Identifier: BSD-3-Clause */
/* Which certificates have been written: a set of digests. The inside of lib/grabrecord. */
#ifndef GRABRECORD_SEEN_H
#define GRABRECORD_SEEN_H

#include <stdbool.h>
#include <stdint.h>

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen *s);

/* Add a SHA-256; whether it is new. Without memory for more, everything is. */
bool seen_add(struct seen *s, const uint8_t sha256[32]);

#endif /* GRABRECORD_SEEN_H */
