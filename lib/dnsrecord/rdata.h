/* SPDX-License-Identifier: BSD-3-Clause */
/* A resource record as JSON. The inside of lib/dnsrecord. */
#ifndef DNSRECORD_RDATA_H
#define DNSRECORD_RDATA_H

#include "dnsmsg/dnsmsg.h"
#include "json/json.h"

/* An object, under no key. */
void rdata_json(struct span message, const struct dns_rr *rr, struct json *j);

/*
 * The parameters of a service binding (RFC 9460), from behind its target on. False when they are none; then
 * part of them may have been written.
 */
bool svcb_json(struct span params, struct json *j);

/* Whether these parameters are whole. */
bool svcb_is_whole(struct span params);

#endif /* DNSRECORD_RDATA_H */
