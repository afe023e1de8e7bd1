/* SPDX-License-Identifier: BSD-3-Clause */
/* The extensions of a certificate. The inside of lib/x509. */
#ifndef X509_EXTENSION_H
#define X509_EXTENSION_H

#include "x509/der.h"
#include "x509/x509.h"

#define OID_SUBJECT_ALT_NAME "2.5.29.17"

struct extension {
	char oid[DER_OID_TEXT];
	bool critical;
	struct span value; /* of the OCTET STRING: DER in its turn */
};

/* The next one; false at the end, or where the list cannot be read. */
bool extension_next(struct span *list, struct extension *out);

/* The value of one. */
bool extension_find(const struct x509 *c, const char *oid, struct span *value);

/* Objects "extensions" and "unknown_extensions", where there are any. */
void extension_json(const struct x509 *c, struct json *j);

/* Text of a directory's string, whatever its type, as UTF-8 pieces of an open string. */
void name_put_value(const struct der *value, struct json *j, bool escape);

/* A name as an object of lists below key, and as one line of text below key_dn. */
void name_json(struct span rdns, struct json *j, const char *key, const char *key_dn);

/* The next attribute of a name; first: it begins an RDN. */
bool name_next(struct span *rdns, struct span *rdn, char oid[DER_OID_TEXT], struct der *value);

#endif /* X509_EXTENSION_H */
