/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DER: one value after the other (X.690). The inside of lib/x509.
 */
#ifndef X509_DER_H
#define X509_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define DER_BOOLEAN 0x01
#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_OID 0x06
#define DER_UTF8_STRING 0x0c
#define DER_SEQUENCE 0x30
#define DER_SET 0x31
#define DER_PRINTABLE_STRING 0x13
#define DER_TELETEX_STRING 0x14
#define DER_IA5_STRING 0x16
#define DER_UTC_TIME 0x17
#define DER_GENERALIZED_TIME 0x18
#define DER_UNIVERSAL_STRING 0x1c
#define DER_BMP_STRING 0x1e
#define DER_CONTEXT(n) (0x80 | (n))             /* implicit, primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

struct der {
	uint8_t tag;
	struct span value;
	struct span whole; /* with tag and length */
};

/* The next value; false at the end, or where it cannot be read. */
bool der_next(struct span *s, struct der *out);

/* The next value if it has that tag; otherwise false, and the span stays. */
bool der_take(struct span *s, uint8_t tag, struct span *value);

/* The bits of a BIT STRING's value, whole bytes. */
bool der_bits(struct span value, struct span *bits);

/* UTCTime and GeneralizedTime as seconds since 1970; false where it is no time. */
bool der_time(const struct der *d, int64_t *seconds);

/* An OID as "1.2.840.113549"; cut where it is too long, "" where it is none. */
#define DER_OID_TEXT 128
void der_oid_text(struct span oid, char text[DER_OID_TEXT]);

/* An INTEGER of up to 1,024 bits as decimal digits with its sign; false where it is longer. */
#define DER_DECIMAL_TEXT 320
bool der_decimal(struct span integer, char text[DER_DECIMAL_TEXT]);

/* An INTEGER that fits; false otherwise. */
bool der_small(struct span integer, int64_t *value);

/* An INTEGER without its leading zeros, and the number of its bits. */
struct span der_magnitude(struct span integer);
size_t der_bit_count(struct span magnitude);

#endif /* X509_DER_H */
