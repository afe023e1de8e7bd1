/* SPDX-License-Identifier: BSD-3-Clause */
/* What object identifiers mean. The inside of lib/x509. */
#ifndef X509_OIDS_H
#define X509_OIDS_H

#include "base/span.h"

struct oid_name {
	const char *oid;  /* "2.5.4.3" */
	const char *name; /* "CN" */
	const char *key;  /* of attributes: "common_name" */
};

/* The row of a dotted OID, or NULL. */
const struct oid_name *oid_attribute(const char *oid);
const struct oid_name *oid_signature(const char *oid); /* "SHA256-RSA" */
const struct oid_name *oid_key(const char *oid);       /* "RSA" */
const struct oid_name *oid_usage(const char *oid);     /* key: "server_auth" */

/* Curves: the name that zcrypto has for it, and the bits of its field. */
struct oid_curve {
	const char *oid;
	const char *name;
	unsigned int bits;
};

const struct oid_curve *oid_curve(const char *oid);

#endif /* X509_OIDS_H */
