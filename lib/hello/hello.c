/* SPDX-License-Identifier: BSD-3-Clause */
#include "hello/hello.h"

#include <string.h>

#include "hello/names.h"

/* RFC 8446, section 4.1.3: the random of a HelloRetryRequest. */
static const uint8_t retry_random[32] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

bool
hello_extension(struct span *extensions, uint16_t *type, struct span *data)
{
	struct span rest = *extensions;

	if (!span_u16(&rest, type) || !span_vec16(&rest, data))
		return false;
	*extensions = rest;
	return true;
}

bool
hello_find_extension(struct span extensions, uint16_t type, struct span *data)
{
	uint16_t found;

	while (hello_extension(&extensions, &found, data))
		if (found == type)
			return true;
	return false;
}

bool
hello_server(struct span body, struct hello_server *out)
{
	struct span data;

	*out = (struct hello_server){0};
	if (!span_u16(&body, &out->version) || !span_take(&body, 32, &out->random) ||
	    !span_vec8(&body, &out->session_id) || !span_u16(&body, &out->suite) ||
	    !span_u8(&body, &out->compression))
		return false;
	out->chosen = out->version;
	out->is_retry = memcmp(out->random.at, retry_random, sizeof(retry_random)) == 0;
	if (body.len == 0)
		return true;
	if (!span_vec16(&body, &out->extensions))
		return false;
	if (hello_find_extension(out->extensions, HELLO_EXT_SUPPORTED_VERSIONS, &data))
		span_u16(&data, &out->chosen);
	if (hello_find_extension(out->extensions, HELLO_EXT_KEY_SHARE, &data))
		out->has_group = span_u16(&data, &out->group);
	return body.len == 0;
}

bool
hello_alpn(struct span data, struct span *protocol)
{
	struct span list;

	return span_vec16(&data, &list) && span_vec8(&list, protocol);
}

bool
hello_encrypted_extensions(struct span body, struct span *extensions)
{
	return span_vec16(&body, extensions) && body.len == 0;
}

bool
hello_certificates(struct span body, bool tls13, struct span *entries)
{
	struct span context;

	return (!tls13 || span_vec8(&body, &context)) && span_vec24(&body, entries) &&
	       body.len == 0;
}

bool
hello_certificate(struct span *entries, bool tls13, struct span *der, struct span *extensions)
{
	struct span rest = *entries;

	*extensions = span_of(NULL, 0);
	if (!span_vec24(&rest, der) || (tls13 && !span_vec16(&rest, extensions)))
		return false;
	*entries = rest;
	return true;
}

bool
hello_ocsp(struct span body, struct span *response)
{
	uint8_t type;

	return span_u8(&body, &type) && type == 1 && span_vec24(&body, response);
}

bool
hello_scts(struct span data, struct span *entries)
{
	return span_vec16(&data, entries);
}

bool
hello_sct(struct span entry, struct hello_sct *out)
{
	uint32_t high, low;
	struct span extensions;

	*out = (struct hello_sct){0};
	if (!span_u8(&entry, &out->version) || out->version != 0 ||
	    !span_take(&entry, 32, &out->log_id) || !span_number(&entry, 4, &high) ||
	    !span_number(&entry, 4, &low) || !span_vec16(&entry, &extensions))
		return false;
	out->timestamp_ms = (uint64_t)high << 32 | low;
	out->signature = entry;
	return true;
}

static bool
request_of_tls13(struct span body, struct hello_request *out)
{
	struct span context, extensions, data;

	if (!span_vec8(&body, &context) || !span_vec16(&body, &extensions))
		return false;
	if (hello_find_extension(extensions, HELLO_EXT_SIGNATURE_ALGORITHMS, &data))
		span_vec16(&data, &out->schemes);
	if (hello_find_extension(extensions, HELLO_EXT_CERTIFICATE_AUTHORITIES, &data))
		span_vec16(&data, &out->authorities);
	return true;
}

bool
hello_request(struct span body, uint16_t version, struct hello_request *out)
{
	*out = (struct hello_request){0};
	if (version >= HELLO_TLS13)
		return request_of_tls13(body, out);
	return span_vec8(&body, &out->types) &&
	       (version < 0x0303 || span_vec16(&body, &out->schemes)) &&
	       span_vec16(&body, &out->authorities);
}

bool
hello_ticket(struct span body, bool tls13, struct hello_ticket *out)
{
	uint32_t age_add;
	struct span nonce;

	*out = (struct hello_ticket){0};
	if (!span_number(&body, 4, &out->lifetime_s))
		return false;
	if (tls13 && (!span_number(&body, 4, &age_add) || !span_vec8(&body, &nonce)))
		return false;
	return span_vec16(&body, &out->ticket);
}

/* The name of a suite says how its key is exchanged: "TLS_ECDHE_RSA_WITH_...". */
static enum hello_kind
exchange_kind(uint16_t suite)
{
	const char *name = hello_suite_name(suite) + 4;

	if (strstr(name, "PSK_") != NULL || strstr(name, "SRP_") != NULL)
		return HELLO_KIND_OTHER;
	if (strncmp(name, "ECDHE_", 6) == 0 || strncmp(name, "ECDH_anon_", 10) == 0)
		return HELLO_KIND_ECDHE;
	if (strncmp(name, "DHE_", 4) == 0 || strncmp(name, "DH_anon_", 8) == 0)
		return HELLO_KIND_DHE;
	if (strncmp(name, "RSA_EXPORT", 10) == 0)
		return HELLO_KIND_RSA;
	return HELLO_KIND_OTHER;
}

/* The parameters; false also where they cannot be told. */
static bool
exchange_parameters(struct span *body, struct hello_exchange *out)
{
	uint8_t curve_type;

	switch (out->kind) {
	case HELLO_KIND_ECDHE:
		return span_u8(body, &curve_type) && curve_type == 3 &&
		       span_u16(body, &out->group) && span_vec8(body, &out->public_key);
	case HELLO_KIND_DHE:
		return span_vec16(body, &out->prime) && span_vec16(body, &out->generator) &&
		       span_vec16(body, &out->public_key);
	case HELLO_KIND_RSA:
		return span_vec16(body, &out->prime) && span_vec16(body, &out->generator);
	default:
		return false;
	}
}

bool
hello_exchange(struct span body, uint16_t version, uint16_t suite, struct hello_exchange *out)
{
	*out = (struct hello_exchange){.kind = exchange_kind(suite)};
	if (!exchange_parameters(&body, out))
		return false;
	if (body.len == 0)
		return true; /* anonymous */
	out->has_scheme = version >= 0x0303;
	return (!out->has_scheme || span_u16(&body, &out->scheme)) &&
	       span_vec16(&body, &out->signature);
}

bool
hello_ssl2(struct span message, struct hello_ssl2 *out)
{
	uint8_t type, hit;
	uint16_t certificate, ciphers, connection_id;

	*out = (struct hello_ssl2){0};
	if (!span_u8(&message, &type) || type != HELLO_SSL2_SERVER_HELLO ||
	    !span_u8(&message, &hit) || !span_u8(&message, &out->certificate_type) ||
	    !span_u16(&message, &out->version) || !span_u16(&message, &certificate) ||
	    !span_u16(&message, &ciphers) || !span_u16(&message, &connection_id))
		return false;
	out->session_hit = hit != 0;
	return span_take(&message, certificate, &out->certificate) &&
	       span_take(&message, ciphers, &out->ciphers) &&
	       span_take(&message, connection_id, &out->connection_id);
}
