/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <time.h>

#include "x509/extension.h"
#include "x509/oids.h"

static void
algorithm_json(struct span oid, const struct oid_name *(*find)(const char *), const char *none,
	       struct json *j, const char *key)
{
	char text[DER_OID_TEXT];
	const struct oid_name *name;

	der_oid_text(oid, text);
	name = find(text);
	json_open_object(j, key);
	json_string(j, "name", name != NULL ? name->name : none);
	json_string(j, "oid", text);
	json_close_object(j);
}

static void
serial_json(const struct x509 *c, struct json *j)
{
	char text[DER_DECIMAL_TEXT];

	if (c->serial.len == 0)
		return;
	if (der_decimal(c->serial, text))
		json_string(j, "serial_number", text);
	else
		json_hex(j, "serial_number_hex", c->serial);
}

static void
time_json(int64_t seconds, struct json *j, const char *key)
{
	/* der_time() gives years 0 to 9999, give or take a zone. */
	const time_t when = (time_t)seconds;
	struct tm tm = {0};

	gmtime_r(&when, &tm);
	json_format(j, key, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void
validity_json(const struct x509 *c, struct json *j)
{
	if (!c->has_validity)
		return;
	json_open_object(j, "validity");
	time_json(c->not_before_s, j, "start");
	time_json(c->not_after_s, j, "end");
	json_signed(j, "length", c->not_after_s - c->not_before_s);
	json_close_object(j);
}

static void
rsa_json(struct span key, struct json *j)
{
	struct span sequence, modulus, exponent;
	char text[DER_DECIMAL_TEXT];
	int64_t small;

	if (!der_take(&key, DER_SEQUENCE, &sequence) ||
	    !der_take(&sequence, DER_INTEGER, &modulus) ||
	    !der_take(&sequence, DER_INTEGER, &exponent))
		return;
	modulus = der_magnitude(modulus);
	json_open_object(j, "rsa_public_key");
	if (der_small(exponent, &small))
		json_signed(j, "exponent", small);
	else if (der_decimal(exponent, text))
		json_string(j, "exponent", text);
	json_base64(j, "modulus", modulus);
	json_number(j, "length", der_bit_count(modulus));
	json_close_object(j);
}

/* The point is 4, x, y; a compressed one has no y to tell. */
static void
ec_json(const struct x509 *c, struct json *j)
{
	const struct oid_curve *curve = NULL;
	struct span parameters = c->key_parameters, oid;
	char text[DER_OID_TEXT];

	json_open_object(j, "ecdsa_public_key");
	if (der_take(&parameters, DER_OID, &oid)) {
		der_oid_text(oid, text);
		curve = oid_curve(text);
		json_string(j, "curve", curve != NULL ? curve->name : text);
	} else {
		json_string(j, "curve", "explicit");
	}
	if (curve != NULL)
		json_number(j, "length", curve->bits);
	json_base64(j, "pub", c->key);
	if (c->key.len % 2 == 1 && c->key.len > 1 && c->key.at[0] == 4) {
		json_base64(j, "x", span_of(c->key.at + 1, c->key.len / 2));
		json_base64(j, "y", span_of(c->key.at + 1 + c->key.len / 2, c->key.len / 2));
	}
	json_close_object(j);
}

static void
dsa_json(const struct x509 *c, struct json *j)
{
	static const char *const keys[] = {"p", "q", "g"};
	struct span parameters = c->key_parameters, sequence, integer, key = c->key;

	json_open_object(j, "dsa_public_key");
	if (der_take(&parameters, DER_SEQUENCE, &sequence))
		for (size_t i = 0; i < 3 && der_take(&sequence, DER_INTEGER, &integer); i++)
			json_base64(j, keys[i], der_magnitude(integer));
	if (der_take(&key, DER_INTEGER, &integer))
		json_base64(j, "y", der_magnitude(integer));
	json_close_object(j);
}

static void
key_json(const struct x509 *c, const struct x509_digests *digests, struct json *j)
{
	char text[DER_OID_TEXT];
	const struct oid_name *name;

	if (c->spki.len == 0)
		return;
	der_oid_text(c->key_algorithm, text);
	name = oid_key(text);
	json_open_object(j, "subject_key_info");
	algorithm_json(c->key_algorithm, oid_key, "unknown_algorithm", j, "key_algorithm");
	if (name != NULL && strncmp(name->name, "RSA", 3) == 0)
		rsa_json(c->key, j);
	else if (name != NULL && strcmp(name->name, "ECDSA") == 0)
		ec_json(c, j);
	else if (name != NULL && strcmp(name->name, "DSA") == 0)
		dsa_json(c, j);
	else
		json_base64(j, "public_key", c->key);
	json_hex(j, "fingerprint_sha256", span_of(digests->spki_sha256, X509_SHA256_BYTES));
	json_close_object(j);
}

/* A common name that can be a host's: letters, digits, '-', '_', '*' and at least one dot. */
static bool
is_host_name(struct span name)
{
	bool dot = false;

	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.at[i], lower = c | 0x20;

		if (c == '.')
			dot = true;
		else if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
			 c != '_' && c != '*')
			return false;
	}
	return dot && name.len <= 253;
}

static struct span
dns_names(const struct x509 *c)
{
	struct span value, names;

	if (extension_find(c, OID_SUBJECT_ALT_NAME, &value) && der_take(&value, DER_SEQUENCE, &names))
		return names;
	return span_of(NULL, 0);
}

static bool
next_dns_name(struct span *rest, struct span *name)
{
	struct der d;

	while (der_next(rest, &d)) {
		if (d.tag == DER_CONTEXT(2)) {
			*name = d.value;
			return true;
		}
	}
	return false;
}

static bool
is_common_name(const struct x509 *c, struct span *name)
{
	struct span rdns = c->subject, rdn = {0}, rest = dns_names(c), other;
	char oid[DER_OID_TEXT];
	struct der value;
	bool found = false;

	while (!found && name_next(&rdns, &rdn, oid, &value))
		found = strcmp(oid, "2.5.4.3") == 0;
	if (!found || value.tag == DER_BMP_STRING || value.tag == DER_UNIVERSAL_STRING ||
	    !is_host_name(value.value))
		return false;
	while (next_dns_name(&rest, &other))
		if (other.len == value.value.len && memcmp(other.at, value.value.at, other.len) == 0)
			return false;
	*name = value.value;
	return true;
}

bool
x509_next_name(const struct x509 *c, struct x509_names *cursor, struct span *name)
{
	if (!cursor->begun) {
		cursor->begun = true;
		cursor->rest = dns_names(c);
		if (is_common_name(c, name))
			return true;
	}
	return next_dns_name(&cursor->rest, name);
}

static void
names_json(const struct x509 *c, struct json *j)
{
	struct x509_names cursor = {0};
	struct span name;
	bool open = false;

	while (x509_next_name(c, &cursor, &name)) {
		if (!open)
			json_open_array(j, "names");
		open = true;
		json_text(j, NULL, name);
	}
	if (open)
		json_close_array(j);
}

static void
signature_json(const struct x509 *c, struct json *j)
{
	if (c->signature.len == 0)
		return;
	json_open_object(j, "signature");
	algorithm_json(c->algorithm, oid_signature, "unknown_algorithm", j, "signature_algorithm");
	json_base64(j, "value", c->signature);
	json_bool(j, "self_signed",
		  c->issuer.len == c->subject.len && c->issuer.len > 0 &&
			  memcmp(c->issuer.at, c->subject.at, c->issuer.len) == 0);
	json_close_object(j);
}

void
x509_json(const struct x509 *c, const struct x509_digests *digests, struct json *j, const char *key)
{
	json_open_object(j, key);
	if (c->version > 0)
		json_signed(j, "version", c->version);
	serial_json(c, j);
	if (c->algorithm.len > 0)
		algorithm_json(c->algorithm, oid_signature, "unknown_algorithm", j,
			       "signature_algorithm");
	if (c->issuer.at != NULL)
		name_json(c->issuer, j, "issuer", "issuer_dn");
	validity_json(c, j);
	if (c->subject.at != NULL)
		name_json(c->subject, j, "subject", "subject_dn");
	key_json(c, digests, j);
	extension_json(c, j);
	signature_json(c, j);
	json_hex(j, "fingerprint_sha1", span_of(digests->sha1, X509_SHA1_BYTES));
	json_hex(j, "fingerprint_sha256", span_of(digests->sha256, X509_SHA256_BYTES));
	if (c->tbs.len > 0)
		json_hex(j, "tbs_fingerprint", span_of(digests->tbs_sha256, X509_SHA256_BYTES));
	names_json(c, j);
	if (c->error != NULL)
		json_string(j, "parse_error", c->error);
	json_close_object(j);
}
