/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DNS records: what lookups found, as lines of NDJSON.
 *
 * The keys are docs/records.md's: zdns's names and nesting, a result for each type that was asked for.
 * Messages are parsed here, on the writer's thread, and nowhere else; a record's data that does not parse
 * is data, written as RFC 3597 has it.
 *
 * A struct dnsrecord belongs to one thread. It holds 24 MB of buffers, touched as far as they are used.
 */
#ifndef DNSRECORD_DNSRECORD_H
#define DNSRECORD_DNSRECORD_H

#include <stddef.h>
#include <stdint.h>

#include "grab/grab.h"

struct dnsrecord;

/* start_wall_ns: the wall clock at the run's start, since 1970. NULL without memory. */
struct dnsrecord *dnsrecord_new(uint64_t start_wall_ns);
void dnsrecord_free(struct dnsrecord *r);

/*
 * The record of a grab of GRAB_DNS that has ended, with its line feed; valid until the next call. The grab
 * stays the caller's.
 */
const char *dnsrecord_line(struct dnsrecord *r, const struct grab *grab, size_t *len);

#endif /* DNSRECORD_DNSRECORD_H */
