/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <openssl/evp.h>

#include "grabrecord/internal.h"
#include "hello/names.h"

void
number_json(struct json *j, const char *key, unsigned int digits, uint32_t value, const char *name)
{
	json_open_object(j, key);
	json_format(j, "hex", "0x%0*X", (int)digits, value);
	json_string(j, "name", name);
	json_number(j, "value", value);
	json_close_object(j);
}

static void
version_json(struct json *j, const char *key, uint16_t version)
{
	json_open_object(j, key);
	json_string(j, "name", hello_version_name(version));
	json_number(j, "value", version);
	json_close_object(j);
}

static void
identifiers_json(struct json *j, const char *key, struct span extensions)
{
	struct span data;
	uint16_t type;

	if (extensions.len == 0)
		return;
	json_open_array(j, key);
	while (hello_extension(&extensions, &type, &data))
		json_number(j, NULL, type);
	json_close_array(j);
}

/* The first entry of a Certificate message of TLS 1.3 has what a ServerHello had before. */
static struct span
leaf_extensions(const struct view *v)
{
	struct span entries, der, extensions = {0};

	if (v->tls13 && hello_certificates(v->certificate, true, &entries))
		hello_certificate(&entries, true, &der, &extensions);
	return extensions;
}

static void
sct_json(struct json *j, struct span entry)
{
	struct hello_sct sct;

	json_open_object(j, NULL);
	if (hello_sct(entry, &sct)) {
		json_open_object(j, "parsed");
		json_number(j, "version", sct.version);
		json_base64(j, "log_id", sct.log_id);
		json_number(j, "timestamp", sct.timestamp_ms / 1000);
		json_base64(j, "signature", sct.signature);
		json_close_object(j);
	}
	json_base64(j, "raw", entry);
	json_close_object(j);
}

static void
scts_json(struct json *j, struct span extensions)
{
	struct span data, entries, entry;

	if (!hello_find_extension(extensions, HELLO_EXT_SCT, &data) || !hello_scts(data, &entries))
		return;
	json_open_array(j, "scts");
	while (span_vec16(&entries, &entry))
		sct_json(j, entry);
	json_close_array(j);
}

static void
alpn_json(struct json *j, struct span extensions)
{
	struct span data, protocol;

	if (hello_find_extension(extensions, HELLO_EXT_ALPN, &data) && hello_alpn(data, &protocol))
		json_text(j, "alpn_protocol", protocol);
}

static void
server_hello_json(const struct view *v, struct json *j)
{
	const struct hello_server *h = &v->hello;
	struct span leaf = leaf_extensions(v), data;

	json_open_object(j, "server_hello");
	version_json(j, "version", h->version);
	json_base64(j, "random", h->random);
	json_base64(j, "session_id", h->session_id);
	number_json(j, "cipher_suite", 4, h->suite, hello_suite_name(h->suite));
	number_json(j, "compression_method", 2, h->compression, hello_compression_name(h->compression));
	json_bool(j, "ocsp_stapling",
		  hello_find_extension(h->extensions, HELLO_EXT_STATUS_REQUEST, &data) ||
			  hello_find_extension(leaf, HELLO_EXT_STATUS_REQUEST, &data));
	json_bool(j, "ticket", hello_find_extension(h->extensions, HELLO_EXT_SESSION_TICKET, &data));
	json_bool(j, "secure_renegotiation",
		  hello_find_extension(h->extensions, HELLO_EXT_RENEGOTIATION_INFO, &data));
	json_bool(j, "heartbeat", hello_find_extension(h->extensions, HELLO_EXT_HEARTBEAT, &data));
	json_bool(j, "extended_master_secret",
		  hello_find_extension(h->extensions, HELLO_EXT_EXTENDED_MASTER_SECRET, &data));
	scts_json(j, v->tls13 ? leaf : h->extensions);
	alpn_json(j, v->tls13 ? v->encrypted : h->extensions);
	if (hello_find_extension(h->extensions, HELLO_EXT_SUPPORTED_VERSIONS, &data)) {
		json_open_object(j, "supported_versions");
		version_json(j, "selected_version", h->chosen);
		json_close_object(j);
	}
	if (h->has_group)
		number_json(j, "key_share", 4, h->group, hello_group_name(h->group));
	identifiers_json(j, "extension_identifiers", h->extensions);
	identifiers_json(j, "encrypted_extension_identifiers", v->encrypted);
	json_close_object(j);
}

static void
retry_json(const struct hello_server *h, struct json *j)
{
	json_open_object(j, "hello_retry_request");
	version_json(j, "selected_version", h->chosen);
	number_json(j, "cipher_suite", 4, h->suite, hello_suite_name(h->suite));
	if (h->has_group)
		number_json(j, "key_share", 4, h->group, hello_group_name(h->group));
	identifiers_json(j, "extension_identifiers", h->extensions);
	json_close_object(j);
}

static void
parameter_json(struct json *j, const char *key, struct span number)
{
	while (number.len > 0 && number.at[0] == 0)
		span_take(&number, 1, &(struct span){0});
	json_open_object(j, key);
	json_base64(j, "value", number);
	json_number(j, "length", number.len == 0 ? 0
						  : number.len * 8 -
							    (size_t)(__builtin_clz(number.at[0]) - 24));
	json_close_object(j);
}

static void
exchange_json(const struct view *v, struct json *j)
{
	struct hello_exchange x;

	if (v->exchange.len == 0)
		return;
	json_open_object(j, "server_key_exchange");
	if (!hello_exchange(v->exchange, v->hello.chosen, v->hello.suite, &x))
		json_string(j, "parse_error", "its parameters cannot be read");
	if (x.kind == HELLO_KIND_ECDHE && x.group != 0) {
		json_open_object(j, "ecdh_params");
		json_open_object(j, "curve_id");
		json_string(j, "name", hello_group_name(x.group));
		json_number(j, "id", x.group);
		json_close_object(j);
		json_close_object(j);
	} else if (x.kind == HELLO_KIND_DHE || x.kind == HELLO_KIND_RSA) {
		json_open_object(j, x.kind == HELLO_KIND_DHE ? "dh_params" : "rsa_params");
		parameter_json(j, x.kind == HELLO_KIND_DHE ? "prime" : "modulus", x.prime);
		parameter_json(j, x.kind == HELLO_KIND_DHE ? "generator" : "exponent", x.generator);
		if (x.kind == HELLO_KIND_DHE)
			parameter_json(j, "server_public", x.public_key);
		json_close_object(j);
	}
	if (x.has_scheme)
		number_json(j, "signature_scheme", 4, x.scheme, hello_scheme_name(x.scheme));
	json_close_object(j);
}

static void
request_json(const struct view *v, struct json *j)
{
	struct hello_request q;
	struct span name;
	uint16_t scheme;
	uint8_t type;

	if (v->request.len == 0)
		return;
	json_open_object(j, "certificate_request");
	if (!hello_request(v->request, v->hello.chosen, &q))
		json_string(j, "parse_error", "it cannot be read to its end");
	if (q.types.len > 0)
		json_open_array(j, "certificate_types");
	for (struct span rest = q.types; span_u8(&rest, &type);)
		json_string(j, NULL, hello_client_certificate_name(type));
	if (q.types.len > 0)
		json_close_array(j);
	json_open_array(j, "signature_schemes");
	while (span_u16(&q.schemes, &scheme))
		json_string(j, NULL, hello_scheme_name(scheme));
	json_close_array(j);
	json_open_array(j, "certificate_authorities");
	while (span_vec16(&q.authorities, &name))
		x509_dn_json(name, j, NULL);
	json_close_array(j);
	json_close_object(j);
}

static void
ticket_json(const struct view *v, struct json *j)
{
	struct hello_ticket t;

	if (v->ticket.len == 0 || !hello_ticket(v->ticket, v->tls13, &t))
		return;
	json_open_object(j, "session_ticket");
	json_number(j, "length", t.ticket.len);
	json_number(j, "lifetime_hint", t.lifetime_s);
	json_close_object(j);
}

static void
staple_json(const struct view *v, struct json *j)
{
	struct span data = v->status, response;

	if (data.len == 0 && !hello_find_extension(leaf_extensions(v), HELLO_EXT_STATUS_REQUEST, &data))
		return;
	if (hello_ocsp(data, &response))
		json_base64(j, "ocsp_response", response);
}

/* SSL 2's SERVER-HELLO has neither suites nor extensions, so it is an object of its own. */
static void
ssl2_json(const struct view *v, struct json *j)
{
	struct hello_ssl2 h;
	uint32_t kind;

	if (v->ssl2.len == 0)
		return;
	json_open_object(j, "ssl2_server_hello");
	if (!hello_ssl2(v->ssl2, &h))
		json_string(j, "parse_error", "it cannot be read to its end");
	version_json(j, "version", h.version);
	json_bool(j, "session_id_hit", h.session_hit);
	json_number(j, "certificate_type", h.certificate_type);
	json_open_array(j, "ciphers");
	while (span_number(&h.ciphers, 3, &kind))
		number_json(j, NULL, 6, kind, hello_ssl2_cipher_name(kind));
	json_close_array(j);
	json_base64(j, "connection_id", h.connection_id);
	json_close_object(j);
}

/* JA3S: the MD5 of "version,suite,extension-extension-...", decimal, version as in the field. */
static void
ja3s_json(const struct view *v, struct json *j)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct span extensions = v->hello.extensions, data;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len;
	uint16_t type;
	char text[24];
	bool first = true;

	if (md == NULL || !EVP_DigestInit_ex(md, EVP_md5(), NULL)) {
		EVP_MD_CTX_free(md);
		return;
	}
	EVP_DigestUpdate(md, text, (size_t)snprintf(text, sizeof(text), "%u,%u,", v->hello.version,
						    v->hello.suite));
	while (hello_extension(&extensions, &type, &data)) {
		EVP_DigestUpdate(md, text, (size_t)snprintf(text, sizeof(text), first ? "%u" : "-%u",
							    type));
		first = false;
	}
	EVP_DigestFinal_ex(md, digest, &digest_len);
	EVP_MD_CTX_free(md);
	json_hex(j, "ja3s", span_of(digest, digest_len));
}

static void
alerts_json(const struct view *v, struct json *j)
{
	if (v->alert_count == 0)
		return;
	json_open_array(j, "alerts");
	for (unsigned int i = 0; i < v->alert_count; i++) {
		const uint8_t *alert = v->alerts[i];

		json_open_object(j, NULL);
		json_string(j, "direction", alert[0] ? "sent" : "received");
		json_string(j, "level", alert[1] == 1 ? "warning" : alert[1] == 2 ? "fatal" : "unknown");
		json_string(j, "name", hello_alert_name(alert[2]));
		json_number(j, "value", alert[2]);
		json_close_object(j);
	}
	json_close_array(j);
}

/* zcrypto's `alert`: the number of the one that ended it. */
static void
last_alert_json(const struct view *v, struct json *j)
{
	for (unsigned int i = v->alert_count; i-- > 0;) {
		if (v->alerts[i][0] == 0 && v->grab->cause == GRAB_ALERT) {
			json_number(j, "alert", v->alerts[i][2]);
			return;
		}
	}
}

void
handshake_json(struct grabrecord *r, const struct view *v, struct json *j)
{
	json_open_object(j, "handshake_log");
	if (v->has_retry)
		retry_json(&v->retry, j);
	if (v->has_hello)
		server_hello_json(v, j);
	ssl2_json(v, j);
	certificates_json(r, v, j);
	staple_json(v, j);
	exchange_json(v, j);
	request_json(v, j);
	ticket_json(v, j);
	last_alert_json(v, j);
	json_close_object(j);
	if (v->has_hello)
		ja3s_json(v, j);
	json_bool(j, "handshake_completed_successfully", v->grab->stage == GRAB_HANDSHAKE);
	alerts_json(v, j);
}
