/* SPDX-License-Identifier: BSD-3-Clause */
#include "x509/extension.h"

#include <stdio.h>
#include <string.h>

#include "hello/hello.h"
#include "x509/oids.h"

#define USAGES_MAX 64

bool
extension_next(struct span *list, struct extension *out)
{
	struct span sequence, oid, critical;

	if (!der_take(list, DER_SEQUENCE, &sequence) || !der_take(&sequence, DER_OID, &oid))
		return false;
	der_oid_text(oid, out->oid);
	out->critical = der_take(&sequence, DER_BOOLEAN, &critical) && critical.len == 1 &&
			critical.at[0] != 0;
	return der_take(&sequence, DER_OCTET_STRING, &out->value);
}

bool
extension_find(const struct x509 *c, const char *oid, struct span *value)
{
	struct span list = c->extensions;
	struct extension e;

	while (extension_next(&list, &e)) {
		if (strcmp(e.oid, oid) == 0) {
			*value = e.value;
			return true;
		}
	}
	return false;
}

/* zcrypto's names of the bits, the first is the highest of the first byte. */
static bool
key_usage_json(struct span value, struct json *j)
{
	static const char *const names[] = {
		"digital_signature", "content_commitment", "key_encipherment",
		"data_encipherment", "key_agreement", "certificate_sign",
		"crl_sign", "encipher_only", "decipher_only",
	};
	struct span string, bits;
	uint32_t number = 0;

	if (!der_take(&value, DER_BIT_STRING, &string) || !der_bits(string, &bits))
		return false;
	json_open_object(j, "key_usage");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && i / 8 < bits.len; i++) {
		if (!(bits.at[i / 8] & 0x80 >> i % 8))
			continue;
		json_bool(j, names[i], true);
		number |= UINT32_C(1) << i;
	}
	json_number(j, "value", number);
	json_close_object(j);
	return true;
}

static bool
basic_constraints_json(struct span value, struct json *j)
{
	struct span sequence, flag, integer;
	bool is_ca;
	int64_t length;

	if (!der_take(&value, DER_SEQUENCE, &sequence))
		return false;
	is_ca = der_take(&sequence, DER_BOOLEAN, &flag) && flag.len == 1 && flag.at[0] != 0;
	json_open_object(j, "basic_constraints");
	json_bool(j, "is_ca", is_ca);
	if (der_take(&sequence, DER_INTEGER, &integer) && der_small(integer, &length))
		json_signed(j, "max_path_len", length);
	json_close_object(j);
	return true;
}

static void
ip_json(struct span bytes, struct json *j)
{
	const uint8_t *p = bytes.at;
	char text[48];
	size_t at = 0;

	if (bytes.len == 4) {
		json_format(j, NULL, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
		return;
	}
	if (bytes.len != 16) {
		json_hex(j, NULL, bytes);
		return;
	}
	for (size_t i = 0; i < 16; i += 2)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%x", i > 0 ? ":" : "",
				       (unsigned int)p[i] << 8 | p[i + 1]);
	json_string(j, NULL, text);
}

static void
other_name_json(struct span value, struct json *j)
{
	char oid[DER_OID_TEXT];
	struct span id;

	if (!der_take(&value, DER_OID, &id))
		return;
	der_oid_text(id, oid);
	json_open_object(j, NULL);
	json_string(j, "id", oid);
	json_base64(j, "value", value);
	json_close_object(j);
}

static void
general_name_json(const struct der *name, struct json *j)
{
	struct span rdns = name->value, inner;
	char oid[DER_OID_TEXT];

	switch (name->tag & 0x1f) {
	case 0:
		other_name_json(name->value, j);
		break;
	case 4:
		json_open_object(j, NULL);
		if (der_take(&rdns, DER_SEQUENCE, &inner))
			name_json(inner, j, "name", "dn");
		json_close_object(j);
		break;
	case 7:
		ip_json(name->value, j);
		break;
	case 8:
		der_oid_text(name->value, oid);
		json_string(j, NULL, oid);
		break;
	default:
		json_text(j, NULL, name->value);
	}
}

/* GeneralNames (RFC 5280, section 4.2.1.6): a list for each kind that is there. */
static bool
general_names_json(struct span value, struct json *j, const char *key)
{
	static const char *const keys[] = {
		"other_names", "email_addresses", "dns_names", NULL, "directory_names",
		NULL, "uniform_resource_identifiers", "ip_addresses", "registered_ids",
	};
	struct span names, rest;
	struct der name;

	if (!der_take(&value, DER_SEQUENCE, &names))
		return false;
	json_open_object(j, key);
	for (unsigned int kind = 0; kind < sizeof(keys) / sizeof(keys[0]); kind++) {
		bool open = false;

		for (rest = names; keys[kind] != NULL && der_next(&rest, &name);) {
			if ((name.tag & 0xc0) != 0x80 || (name.tag & 0x1f) != kind)
				continue;
			if (!open)
				json_open_array(j, keys[kind]);
			open = true;
			general_name_json(&name, j);
		}
		if (open)
			json_close_array(j);
	}
	json_close_object(j);
	return true;
}

static bool
alt_name_json(struct span value, struct json *j)
{
	return general_names_json(value, j, "subject_alt_name");
}

static bool
issuer_alt_name_json(struct span value, struct json *j)
{
	return general_names_json(value, j, "issuer_alt_name");
}

static bool
extended_usage_json(struct span value, struct json *j)
{
	const struct oid_name *unknown[USAGES_MAX];
	struct span list, rest, oid;
	char text[DER_OID_TEXT];
	size_t strange = 0;

	if (!der_take(&value, DER_SEQUENCE, &list))
		return false;
	json_open_object(j, "extended_key_usage");
	rest = list;
	for (size_t i = 0; i < USAGES_MAX && der_take(&rest, DER_OID, &oid); i++) {
		der_oid_text(oid, text);
		unknown[i] = oid_usage(text);
		for (size_t k = 0; k < i && unknown[i] != NULL; k++)
			if (unknown[k] == unknown[i])
				unknown[i] = NULL; /* written already */
		if (unknown[i] != NULL)
			json_bool(j, unknown[i]->key, true);
		strange += oid_usage(text) == NULL;
	}
	if (strange > 0)
		json_open_array(j, "unknown");
	for (size_t i = 0; strange > 0 && i < USAGES_MAX && der_take(&list, DER_OID, &oid); i++) {
		der_oid_text(oid, text);
		if (oid_usage(text) == NULL)
			json_string(j, NULL, text);
	}
	if (strange > 0)
		json_close_array(j);
	json_close_object(j);
	return true;
}

static bool
authority_key_json(struct span value, struct json *j)
{
	struct span sequence, id;

	if (!der_take(&value, DER_SEQUENCE, &sequence))
		return false;
	if (der_take(&sequence, DER_CONTEXT(0), &id))
		json_hex(j, "authority_key_id", id);
	return true;
}

static bool
subject_key_json(struct span value, struct json *j)
{
	struct span id;

	if (!der_take(&value, DER_OCTET_STRING, &id))
		return false;
	json_hex(j, "subject_key_id", id);
	return true;
}

/* URLs of the fullName of each point. */
static bool
crl_points_json(struct span value, struct json *j)
{
	struct span points, point, name, full;
	struct der d;

	if (!der_take(&value, DER_SEQUENCE, &points))
		return false;
	json_open_array(j, "crl_distribution_points");
	while (der_take(&points, DER_SEQUENCE, &point)) {
		if (!der_take(&point, DER_CONTEXT_CONSTRUCTED(0), &name) ||
		    !der_take(&name, DER_CONTEXT_CONSTRUCTED(0), &full))
			continue;
		while (der_next(&full, &d))
			if (d.tag == DER_CONTEXT(6))
				json_text(j, NULL, d.value);
	}
	json_close_array(j);
	return true;
}

static void
access_urls_json(struct span list, const char *method, struct json *j, const char *key)
{
	struct span access, oid;
	char text[DER_OID_TEXT];
	struct der url;
	bool open = false;

	while (der_take(&list, DER_SEQUENCE, &access)) {
		if (!der_take(&access, DER_OID, &oid) || !der_next(&access, &url) ||
		    url.tag != DER_CONTEXT(6))
			continue;
		der_oid_text(oid, text);
		if (strcmp(text, method) != 0)
			continue;
		if (!open)
			json_open_array(j, key);
		open = true;
		json_text(j, NULL, url.value);
	}
	if (open)
		json_close_array(j);
}

static bool
authority_access_json(struct span value, struct json *j)
{
	struct span list;

	if (!der_take(&value, DER_SEQUENCE, &list))
		return false;
	json_open_object(j, "authority_info_access");
	access_urls_json(list, "1.3.6.1.5.5.7.48.1", j, "ocsp_urls");
	access_urls_json(list, "1.3.6.1.5.5.7.48.2", j, "issuer_urls");
	json_close_object(j);
	return true;
}

static void
policy_json(struct span policy, struct json *j)
{
	char text[DER_OID_TEXT];
	struct span oid, qualifiers, qualifier, cps, id;
	bool open = false;

	if (!der_take(&policy, DER_OID, &oid))
		return;
	der_oid_text(oid, text);
	json_open_object(j, NULL);
	json_string(j, "id", text);
	if (der_take(&policy, DER_SEQUENCE, &qualifiers)) {
		while (der_take(&qualifiers, DER_SEQUENCE, &qualifier)) {
			if (!der_take(&qualifier, DER_OID, &id) ||
			    !der_take(&qualifier, DER_IA5_STRING, &cps))
				continue;
			if (!open)
				json_open_array(j, "cps");
			open = true;
			json_text(j, NULL, cps);
		}
	}
	if (open)
		json_close_array(j);
	json_close_object(j);
}

static bool
policies_json(struct span value, struct json *j)
{
	struct span list, policy;

	if (!der_take(&value, DER_SEQUENCE, &list))
		return false;
	json_open_array(j, "certificate_policies");
	while (der_take(&list, DER_SEQUENCE, &policy))
		policy_json(policy, j);
	json_close_array(j);
	return true;
}

static bool
scts_json(struct span value, struct json *j)
{
	struct span list, entries, entry;
	struct hello_sct sct;

	if (!der_take(&value, DER_OCTET_STRING, &list) || !hello_scts(list, &entries))
		return false;
	json_open_array(j, "signed_certificate_timestamps");
	while (span_vec16(&entries, &entry)) {
		if (!hello_sct(entry, &sct))
			continue;
		json_open_object(j, NULL);
		json_number(j, "version", sct.version);
		json_base64(j, "log_id", sct.log_id);
		json_number(j, "timestamp", sct.timestamp_ms / 1000);
		json_base64(j, "signature", sct.signature);
		json_close_object(j);
	}
	json_close_array(j);
	return true;
}

static bool
poison_json(struct span value, struct json *j)
{
	(void)value;
	json_bool(j, "ct_poison", true);
	return true;
}

typedef bool extension_writer(struct span value, struct json *j);

/* The writer of an extension; NULL of one that nobody knows. */
static extension_writer *
find_writer(const char *oid)
{
	static const struct {
		const char *oid;
		extension_writer *write;
	} writers[] = {
		{"2.5.29.14", subject_key_json},
		{"2.5.29.15", key_usage_json},
		{OID_SUBJECT_ALT_NAME, alt_name_json},
		{"2.5.29.18", issuer_alt_name_json},
		{"2.5.29.19", basic_constraints_json},
		{"2.5.29.31", crl_points_json},
		{"2.5.29.32", policies_json},
		{"2.5.29.35", authority_key_json},
		{"2.5.29.37", extended_usage_json},
		{"1.3.6.1.5.5.7.1.1", authority_access_json},
		{"1.3.6.1.4.1.11129.2.4.2", scts_json},
		{"1.3.6.1.4.1.11129.2.4.3", poison_json},
	};

	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		if (strcmp(writers[i].oid, oid) == 0)
			return writers[i].write;
	return NULL;
}

/* A second extension of an OID is an oddity, told among those that are not known. */
static bool
is_first(struct span list, size_t before, const char *oid)
{
	struct extension e;

	for (size_t i = 0; i < before && extension_next(&list, &e); i++)
		if (strcmp(e.oid, oid) == 0)
			return false;
	return true;
}

/* More extensions than this are hostile; the raw certificate has them. */
#define EXTENSIONS_MAX 64

void
extension_json(const struct x509 *c, struct json *j)
{
	struct span list = c->extensions;
	uint64_t unknown = 0;
	struct extension e;

	if (list.len == 0)
		return;
	json_open_object(j, "extensions");
	for (size_t i = 0; i < EXTENSIONS_MAX && extension_next(&list, &e); i++) {
		extension_writer *write = find_writer(e.oid);

		if (write == NULL || !is_first(c->extensions, i, e.oid) || !write(e.value, j))
			unknown |= UINT64_C(1) << i;
	}
	json_close_object(j);
	if (unknown == 0)
		return;
	list = c->extensions;
	json_open_array(j, "unknown_extensions");
	for (size_t i = 0; i < EXTENSIONS_MAX && extension_next(&list, &e); i++) {
		if (!(unknown & UINT64_C(1) << i))
			continue;
		json_open_object(j, NULL);
		json_string(j, "id", e.oid);
		json_bool(j, "critical", e.critical);
		json_base64(j, "value", e.value);
		json_close_object(j);
	}
	json_close_array(j);
}
