/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificates: read from DER, written as JSON in zcrypto's names.
 *
 * x509_parse() finds the parts of a certificate (RFC 5280, section 4.1) as spans in the caller's
 * memory and judges nothing: negative serials, wrong times, unknown algorithms are data. Where
 * something cannot be read it says what, and the parts found before it are there all the same.
 * x509_json() writes what was found. Reading is in one pass, bounded by the bytes, and knows no
 * recursion; lengths of BER that DER forbids are read, indefinite ones are not.
 *
 * It is no verifier: signatures and trust are lib/grabrecord's, by OpenSSL.
 *
 * Pure; any thread.
 */
#ifndef X509_X509_H
#define X509_X509_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "json/json.h"

#define X509_SHA1_BYTES 20
#define X509_SHA256_BYTES 32

struct x509 {
	const char *error;      /* what could not be read, or NULL */
	int64_t version;        /* 1 to 3 in an ordinary one; 0: not read */
	struct span tbs;        /* the signed part, tag and length included */
	struct span serial;     /* two's complement, big-endian */
	struct span algorithm;  /* of the signature, outer: the OID's bytes */
	struct span parameters; /* of that algorithm */
	struct span issuer;     /* the RDNs, without the sequence's own head */
	struct span subject;
	bool has_validity;
	int64_t not_before_s;   /* since 1970 */
	int64_t not_after_s;
	struct span spki;       /* SubjectPublicKeyInfo, tag and length included */
	struct span key_algorithm; /* the OID's bytes */
	struct span key_parameters;
	struct span key;        /* the bits of the key */
	struct span extensions; /* the list */
	struct span signature;  /* its bits */
};

/* Digests that JSON shows; who calls has them made. */
struct x509_digests {
	uint8_t sha1[X509_SHA1_BYTES];        /* of the certificate */
	uint8_t sha256[X509_SHA256_BYTES];
	uint8_t tbs_sha256[X509_SHA256_BYTES];
	uint8_t spki_sha256[X509_SHA256_BYTES];
};

/* False when something could not be read: then out->error says what. */
bool x509_parse(struct span der, struct x509 *out);

/* The object "parsed", below key. */
void x509_json(const struct x509 *c, const struct x509_digests *digests, struct json *j,
	       const char *key);

/* A distinguished name in DER, as "C=US, CN=X" in the order of its parts. */
void x509_dn_json(struct span name, struct json *j, const char *key);

/*
 * The names that a certificate is for: the subject's common name where it can be a host's, then the
 * DNS names of its subjectAltName, in its order. Each call gives the next; begin with a zeroed
 * cursor. False at the end. The common name is left out where the DNS names hold it.
 */
struct x509_names {
	struct span rest;
	bool begun;
};

bool x509_next_name(const struct x509 *c, struct x509_names *cursor, struct span *name);

#endif /* X509_X509_H */
