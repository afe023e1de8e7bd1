/* SPDX-License-Identifier: BSD-3-Clause */
#include "tls/fold.h"

#include "hello/hello.h"
#include "x509/der.h"

/* Lengths of two bytes, as nearly all of such size have, and the only ones that are rewritten. */
#define HEAD_BYTES 4
#define SHORTEST 256
#define LONGEST 65535

/* Tag and length, and what follows is the value. */
static void
head_write(uint8_t *at, uint8_t tag, size_t len)
{
	at[0] = tag;
	at[1] = 0x82;
	at[2] = (uint8_t)(len >> 8);
	at[3] = (uint8_t)len;
}

/* Where in a certificate its signature begins; 0: it is none that can be made longer. */
static size_t
signature_at(struct span der)
{
	struct der certificate, part;
	struct span rest = der, fields;

	if (!der_next(&rest, &certificate) || rest.len != 0 || certificate.tag != DER_SEQUENCE ||
	    (size_t)(certificate.value.at - certificate.whole.at) != HEAD_BYTES)
		return 0;
	fields = certificate.value;
	for (unsigned int i = 0; i < 2; i++)
		if (!der_next(&fields, &part) || part.tag != DER_SEQUENCE)
			return 0;
	if (!der_next(&fields, &part) || part.tag != DER_BIT_STRING || fields.len != 0)
		return 0;
	return (size_t)(part.whole.at - der.at);
}

void
fold_chain(uint8_t *body, size_t len, bool tls13)
{
	struct span entries, der, extensions, leaf;
	size_t tail = tls13 ? 2 : 0, begin, from, now;

	if (!hello_certificates(span_of(body, len), tls13, &entries) ||
	    !hello_certificate(&entries, tls13, &leaf, &extensions) || entries.len == 0)
		return;
	while (entries.len > 0)
		if (!hello_certificate(&entries, tls13, &der, &extensions))
			return;
	begin = (size_t)(leaf.at - body);
	from = signature_at(leaf);
	now = len - begin - tail; /* bytes of the leaf, from here on */
	if (from == 0 || now - HEAD_BYTES > LONGEST || now - from - HEAD_BYTES < SHORTEST)
		return;
	body[begin - 3] = (uint8_t)(now >> 16);
	body[begin - 2] = (uint8_t)(now >> 8);
	body[begin - 1] = (uint8_t)now;
	head_write(body + begin, DER_SEQUENCE, now - HEAD_BYTES);
	head_write(body + begin + from, DER_BIT_STRING, now - from - HEAD_BYTES);
	body[begin + from + HEAD_BYTES] = 0; /* unused bits */
	if (tls13)
		body[len - 2] = body[len - 1] = 0;
}
