/* SPDX-License-Identifier: BSD-3-Clause */
/* Distinguished names: RFC 4514's escapes, in the order of the certificate, as zgrab2 writes them. */
#include <string.h>

#include "x509/extension.h"
#include "x509/oids.h"

bool
name_next(struct span *rdns, struct span *rdn, char oid[DER_OID_TEXT], struct der *value)
{
	struct span attribute, id;

	if (rdn->len == 0 && !der_take(rdns, DER_SET, rdn))
		return false;
	if (!der_take(rdn, DER_SEQUENCE, &attribute) || !der_take(&attribute, DER_OID, &id) ||
	    !der_next(&attribute, value))
		return false;
	der_oid_text(id, oid);
	return true;
}

/* A character of UCS as UTF-8; those that are none become U+FFFD. */
static size_t
encode_utf8(uint32_t c, uint8_t out[4])
{
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

static bool
needs_escape(uint8_t c, bool first, bool last)
{
	if (c == ' ')
		return first || last;
	return (c != '\0' && strchr(",+\"\\<>;", c) != NULL) || (c == '#' && first);
}

static void
put_unit(struct json *j, struct span unit, bool escape, bool first, bool last)
{
	static const uint8_t backslash = '\\';

	if (escape && unit.len == 1 && needs_escape(unit.at[0], first, last))
		json_piece(j, span_of(&backslash, 1));
	json_piece(j, unit);
}

/* BMPString and UniversalString: two and four bytes a character. */
static void
put_wide(struct span value, unsigned int width, struct json *j, bool escape)
{
	uint8_t utf8[4];
	uint32_t c;
	bool first = true;

	while (span_number(&value, width, &c)) {
		put_unit(j, span_of(utf8, encode_utf8(c, utf8)), escape, first, value.len < width);
		first = false;
	}
}

/* Bytes between those that are escaped go in one piece: a UTF-8 sequence is not split. */
static void
put_narrow(struct span value, struct json *j, bool escape)
{
	struct span rest = value;

	while (rest.len > 0) {
		size_t len = 0;

		while (len < rest.len &&
		       !(escape && needs_escape(rest.at[len], rest.at + len == value.at,
						len + 1 == rest.len)))
			len++;
		json_piece(j, span_of(rest.at, len));
		rest = span_of(rest.at + len, rest.len - len);
		if (rest.len > 0) {
			put_unit(j, span_of(rest.at, 1), true, rest.at == value.at, rest.len == 1);
			rest = span_of(rest.at + 1, rest.len - 1);
		}
	}
}

void
name_put_value(const struct der *value, struct json *j, bool escape)
{
	if (value->tag == DER_BMP_STRING)
		put_wide(value->value, 2, j, escape);
	else if (value->tag == DER_UNIVERSAL_STRING)
		put_wide(value->value, 4, j, escape);
	else
		put_narrow(value->value, j, escape);
}

static void
put_words(struct json *j, const char *text)
{
	json_piece(j, span_of(text, strlen(text)));
}

static void
dn_json(struct span rdns, struct json *j, const char *key)
{
	char oid[DER_OID_TEXT];
	struct span rdn = {0};
	struct der value;
	bool first = true;

	json_open_string(j, key);
	while (name_next(&rdns, &rdn, oid, &value)) {
		const struct oid_name *name = oid_attribute(oid);

		put_words(j, first ? "" : ", ");
		put_words(j, name != NULL ? name->name : oid);
		put_words(j, "=");
		name_put_value(&value, j, true);
		first = false;
	}
	json_close_string(j);
}

void
x509_dn_json(struct span name, struct json *j, const char *key)
{
	struct span rdns = {0};

	der_take(&name, DER_SEQUENCE, &rdns);
	dn_json(rdns, j, key);
}

/* The values of one attribute, if it is there. */
static void
attribute_json(struct span rdns, const char *wanted, struct json *j, const char *key)
{
	char oid[DER_OID_TEXT];
	struct span rdn = {0};
	struct der value;
	bool open = false;

	while (name_next(&rdns, &rdn, oid, &value)) {
		if (strcmp(oid, wanted) != 0)
			continue;
		if (!open)
			json_open_array(j, key);
		open = true;
		json_open_string(j, NULL);
		name_put_value(&value, j, false);
		json_close_string(j);
	}
	if (open)
		json_close_array(j);
}

/* Whether this attribute stood before: each key is written once, with all its values. */
static bool
is_first(struct span rdns, const char *wanted, size_t before)
{
	char oid[DER_OID_TEXT];
	struct span rdn = {0};
	struct der value;

	for (size_t i = 0; i < before && name_next(&rdns, &rdn, oid, &value); i++)
		if (strcmp(oid, wanted) == 0)
			return false;
	return true;
}

/* Attributes that are looked at for the object: names of thousands are hostile. */
#define ATTRIBUTES_MAX 64

void
name_json(struct span rdns, struct json *j, const char *key, const char *key_dn)
{
	struct span rest = rdns, rdn = {0};
	char oid[DER_OID_TEXT];
	struct der value;

	dn_json(rdns, j, key_dn);
	json_open_object(j, key);
	for (size_t i = 0; i < ATTRIBUTES_MAX && name_next(&rest, &rdn, oid, &value); i++) {
		const struct oid_name *name = oid_attribute(oid);

		if (name != NULL && name->key != NULL && is_first(rdns, oid, i))
			attribute_json(rdns, oid, j, name->key);
	}
	json_close_object(j);
}
