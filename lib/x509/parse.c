/* SPDX-License-Identifier: BSD-3-Clause */
#include "x509/x509.h"

#include <string.h>

#include "x509/der.h"

static bool
fail(struct x509 *c, const char *error)
{
	c->error = error;
	return false;
}

/* AlgorithmIdentifier: an OID and whatever its parameters are. */
static bool
take_algorithm(struct span *s, struct span *oid, struct span *parameters)
{
	struct span sequence;

	if (!der_take(s, DER_SEQUENCE, &sequence) || !der_take(&sequence, DER_OID, oid))
		return false;
	*parameters = sequence;
	return true;
}

static bool
take_version(struct span *tbs, struct x509 *c)
{
	struct span explicit_version, integer;
	int64_t version;

	c->version = 1;
	if (!der_take(tbs, DER_CONTEXT_CONSTRUCTED(0), &explicit_version))
		return true;
	if (!der_take(&explicit_version, DER_INTEGER, &integer) || !der_small(integer, &version) ||
	    version < 0 || version == INT64_MAX)
		return fail(c, "the version is no number");
	c->version = version + 1;
	return true;
}

static bool
take_validity(struct span *tbs, struct x509 *c)
{
	struct span validity;
	struct der before, after;

	if (!der_take(tbs, DER_SEQUENCE, &validity) || !der_next(&validity, &before) ||
	    !der_next(&validity, &after))
		return fail(c, "the validity cannot be read");
	c->has_validity = der_time(&before, &c->not_before_s) && der_time(&after, &c->not_after_s);
	/* The rest can be read all the same. */
	if (!c->has_validity)
		c->error = "a time of the validity is none";
	return true;
}

static bool
take_key(struct span *tbs, struct x509 *c)
{
	struct der spki;
	struct span value, bits;

	if (!der_next(tbs, &spki) || spki.tag != DER_SEQUENCE)
		return fail(c, "the public key cannot be read");
	c->spki = spki.whole;
	value = spki.value;
	if (!take_algorithm(&value, &c->key_algorithm, &c->key_parameters) ||
	    !der_take(&value, DER_BIT_STRING, &bits) || !der_bits(bits, &c->key))
		return fail(c, "the public key's info cannot be read");
	return true;
}

/* Unique ids pass; the extensions are the last. */
static bool
take_extensions(struct span *tbs, struct x509 *c)
{
	struct der d;

	while (tbs->len > 0) {
		if (!der_next(tbs, &d))
			return fail(c, "what follows the public key cannot be read");
		if (d.tag == DER_CONTEXT_CONSTRUCTED(3) &&
		    !der_take(&d.value, DER_SEQUENCE, &c->extensions))
			return fail(c, "the extensions cannot be read");
	}
	return true;
}

static bool
parse_tbs(struct span tbs, struct x509 *c)
{
	struct span oid, parameters;

	if (!take_version(&tbs, c))
		return false;
	if (!der_take(&tbs, DER_INTEGER, &c->serial))
		return fail(c, "the serial number cannot be read");
	if (!take_algorithm(&tbs, &oid, &parameters))
		return fail(c, "the signature algorithm cannot be read");
	if (!der_take(&tbs, DER_SEQUENCE, &c->issuer))
		return fail(c, "the issuer cannot be read");
	if (!take_validity(&tbs, c))
		return false;
	if (!der_take(&tbs, DER_SEQUENCE, &c->subject))
		return fail(c, "the subject cannot be read");
	return take_key(&tbs, c) && take_extensions(&tbs, c);
}

bool
x509_parse(struct span der, struct x509 *c)
{
	struct span certificate, bits;
	struct der tbs;

	*c = (struct x509){0};
	if (!der_take(&der, DER_SEQUENCE, &certificate))
		return fail(c, "it is no DER sequence, or is cut");
	if (!der_next(&certificate, &tbs) || tbs.tag != DER_SEQUENCE)
		return fail(c, "its signed part cannot be read");
	c->tbs = tbs.whole;
	if (!parse_tbs(tbs.value, c))
		return false;
	if (!take_algorithm(&certificate, &c->algorithm, &c->parameters))
		return fail(c, "the signature's algorithm cannot be read");
	if (!der_take(&certificate, DER_BIT_STRING, &bits) || !der_bits(bits, &c->signature))
		return fail(c, "the signature cannot be read");
	if (der.len > 0 && c->error == NULL)
		c->error = "bytes follow the certificate";
	return c->error == NULL;
}
