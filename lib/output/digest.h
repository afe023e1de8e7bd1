/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SHA-256 of bytes as they come, by OpenSSL. A digest belongs to one thread at a time.
 */
#ifndef OUTPUT_DIGEST_H
#define OUTPUT_DIGEST_H

#include <stddef.h>

/* In hexadecimal, terminated. */
#define DIGEST_TEXT_SIZE 65

struct digest;

/* Of nothing yet; NULL without memory. */
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *data, size_t len);

/* The digest of all that was added, and nothing may be added after it. */
void digest_text(struct digest *d, char text[DIGEST_TEXT_SIZE]);

/* NULL is fine. */
void digest_free(struct digest *d);

#endif /* OUTPUT_DIGEST_H */
