/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "grabrecord/internal.h"
#include "grabrecord/seen.h"

static void
digest(const EVP_MD *md, struct span bytes, uint8_t *out)
{
	static const uint8_t nothing[1];

	EVP_Digest(bytes.len > 0 ? bytes.at : nothing, bytes.len, out, NULL, md, NULL);
}

static void
digest_all(struct span der, const struct x509 *c, struct x509_digests *d)
{
	digest(EVP_sha1(), der, d->sha1);
	digest(EVP_sha256(), c->tbs, d->tbs_sha256);
	digest(EVP_sha256(), c->spki, d->spki_sha256);
}

/* The raw bytes and what they say. */
static void
full_json(struct span der, const uint8_t sha256[X509_SHA256_BYTES], struct json *j)
{
	struct x509_digests digests;
	struct x509 c;

	x509_parse(der, &c);
	digest_all(der, &c, &digests);
	memcpy(digests.sha256, sha256, X509_SHA256_BYTES);
	json_base64(j, "raw", der);
	x509_json(&c, &digests, j, "parsed");
}

/* A row of the certificates file, the first time that a certificate is referred to. */
static void
tell_certificate(struct grabrecord *r, struct span der, const uint8_t sha256[X509_SHA256_BYTES])
{
	struct json j;
	size_t len;

	if (r->config.certificates == NULL || !seen_add(r->seen, sha256))
		return;
	json_begin(&j, r->row, ROW_SIZE);
	json_open_object(&j, NULL);
	json_string(&j, "record", "certificate");
	json_hex(&j, "fingerprint_sha256", span_of(sha256, X509_SHA256_BYTES));
	full_json(der, sha256, &j);
	json_close_object(&j);
	len = json_finish(&j);
	if (len > 0)
		r->config.certificates(r->config.arg, r->row, len);
}

static void
certificate_json(struct grabrecord *r, const struct view *v, struct span der,
		 const uint8_t sha256[X509_SHA256_BYTES], bool is_leaf, struct json *j, const char *key)
{
	bool whole = v->form->form == GRABRECORD_INLINE ||
		     (v->form->form == GRABRECORD_LEAF && is_leaf);

	json_open_object(j, key);
	if (whole) {
		full_json(der, sha256, j);
	} else {
		json_hex(j, "fingerprint_sha256", span_of(sha256, X509_SHA256_BYTES));
		tell_certificate(r, der, sha256);
	}
	json_close_object(j);
}

/* RFC 6125, 6.4: a '*' stands for the leftmost label, whole. */
static bool
name_matches(struct span name, struct span domain)
{
	if (name.len > 2 && name.at[0] == '*' && name.at[1] == '.') {
		const uint8_t *dot = memchr(domain.at, '.', domain.len);

		if (dot == NULL || dot == domain.at)
			return false;
		domain = span_of(dot, (size_t)(domain.at + domain.len - dot));
		name = span_of(name.at + 1, name.len - 1);
	}
	return name.len == domain.len &&
	       strncasecmp((const char *)name.at, (const char *)domain.at, name.len) == 0;
}

static bool
matches_domain(const struct x509 *leaf, struct span domain)
{
	struct x509_names cursor = {0};
	struct span name;

	while (x509_next_name(leaf, &cursor, &name))
		if (name_matches(name, domain))
			return true;
	return false;
}

static void
validation_json(struct grabrecord *r, const struct view *v, const struct validate_certificate *chain,
		size_t count, struct json *j)
{
	const char *error;

	if (r->validator == NULL)
		return;
	error = validate(r->validator, chain, count, wall_seconds(r, v->grab->ended_ns));
	json_open_object(j, "validation");
	json_bool(j, "browser_trusted", error == NULL);
	if (error != NULL)
		json_string(j, "browser_error", error);
	if (v->domain.len > 0)
		json_bool(j, "matches_domain", matches_domain(&r->leaf, v->domain));
	json_close_object(j);
}

/* The entries of a message, or SSL 2's only one; how many there are, of which CERTIFICATES_MAX. */
static size_t
list_certificates(const struct view *v, struct validate_certificate *chain, bool *broken)
{
	struct span entries = {0}, der, extensions;
	size_t count = 0;

	*broken = false;
	if (v->ssl2.len > 0) {
		struct hello_ssl2 hello;

		*broken = !hello_ssl2(v->ssl2, &hello);
		chain[0].der = hello.certificate;
		return hello.certificate.len > 0;
	}
	*broken = !hello_certificates(v->certificate, v->tls13, &entries);
	while (hello_certificate(&entries, v->tls13, &der, &extensions))
		if (count++ < CERTIFICATES_MAX)
			chain[count - 1].der = der;
	*broken |= entries.len > 0;
	return count;
}

void
certificates_json(struct grabrecord *r, const struct view *v, struct json *j)
{
	struct validate_certificate chain[CERTIFICATES_MAX];
	uint8_t sha256[CERTIFICATES_MAX][X509_SHA256_BYTES];
	size_t all, count;
	bool broken;

	if (!v->has_certificate && v->ssl2.len == 0)
		return;
	all = list_certificates(v, chain, &broken);
	count = all < CERTIFICATES_MAX ? all : CERTIFICATES_MAX;
	for (size_t i = 0; i < count; i++) {
		digest(EVP_sha256(), chain[i].der, sha256[i]);
		chain[i].sha256 = sha256[i];
	}
	json_open_object(j, "server_certificates");
	if (count > 0) {
		x509_parse(chain[0].der, &r->leaf);
		certificate_json(r, v, chain[0].der, sha256[0], true, j, "certificate");
	}
	if (count > 1)
		json_open_array(j, "chain");
	for (size_t i = 1; i < count; i++)
		certificate_json(r, v, chain[i].der, sha256[i], false, j, NULL);
	if (count > 1)
		json_close_array(j);
	if (count > 0)
		validation_json(r, v, chain, count, j);
	if (all > count)
		json_number(j, "chain_omitted", all - count);
	if (broken)
		json_string(j, "parse_error", "the list of certificates cannot be read to its end");
	json_close_object(j);
}
