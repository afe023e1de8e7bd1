/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a chain would be trusted, by OpenSSL. The inside of lib/grabrecord.
 *
 * Results are cached by (chain, day): hosts share chains. Certificates that are not leaves are kept
 * read, since many chains share them.
 */
#ifndef GRABRECORD_VALIDATE_H
#define GRABRECORD_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct validator;

/* trusted NULL: the system's store. NULL: no memory, or the file cannot be read. */
struct validator *validator_new(const char *trusted);
void validator_free(struct validator *v);

/* Certificates of a chain that are looked at: more are no help. */
#define VALIDATE_CHAIN_MAX 16

struct validate_certificate {
	struct span der;
	const uint8_t *sha256;
};

/* Why the first of a chain is not trusted at that time; NULL: it is. Words of OpenSSL's, static. */
const char *validate(struct validator *v, const struct validate_certificate *chain, size_t count,
		     int64_t now_s);

#endif /* GRABRECORD_VALIDATE_H */
