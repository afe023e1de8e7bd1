/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data of resource records, by zdns's keys.
 *
 * A type's layout is a row of fields, so one walk serves all: first to see that the data is whole, then
 * to write it.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/ipv4.h"
#include "rdata.h"

/* What a field of a record's data is. */
enum field_kind {
	END,
	U8,
	U16,
	U32,
	NAME,
	ADDRESS4,
	ADDRESS6,
	STRING,  /* a length of one byte and its bytes */
	STRINGS, /* all that follow, with line feeds between */
	REST_TEXT,
	REST_HEX,
	REST_BASE64,
	TYPE,    /* of a record, by name */
	TIME,    /* of a signature: seconds, as YYYYMMDDHHmmSS (RFC 4034, 3.2) */
	PARAMS,  /* svcb.c */
};

#define FIELDS_MAX 9

struct field {
	enum field_kind kind;
	const char *key;
};

/* In the order of the wire. */
static const struct layout {
	uint16_t type;
	struct field fields[FIELDS_MAX + 1];
} layouts[] = {
	{DNS_A, {{ADDRESS4, "answer"}}},
	{DNS_AAAA, {{ADDRESS6, "answer"}}},
	{DNS_NS, {{NAME, "answer"}}},
	{DNS_CNAME, {{NAME, "answer"}}},
	{DNS_DNAME, {{NAME, "answer"}}},
	{DNS_PTR, {{NAME, "answer"}}},
	{DNS_TXT, {{STRINGS, "answer"}}},
	{99, {{STRINGS, "answer"}}},
	{DNS_MX, {{U16, "preference"}, {NAME, "answer"}}},
	{DNS_SOA, {{NAME, "ns"}, {NAME, "mbox"}, {U32, "serial"}, {U32, "refresh"}, {U32, "retry"},
		   {U32, "expire"}, {U32, "min_ttl"}}},
	{DNS_SRV, {{U16, "priority"}, {U16, "weight"}, {U16, "port"}, {NAME, "target"}}},
	{DNS_CAA, {{U8, "flag"}, {STRING, "tag"}, {REST_TEXT, "value"}}},
	{DNS_NAPTR, {{U16, "order"}, {U16, "preference"}, {STRING, "flags"}, {STRING, "service"},
		     {STRING, "regexp"}, {NAME, "replacement"}}},
	{DNS_SVCB, {{U16, "priority"}, {NAME, "target"}, {PARAMS, "svcparams"}}},
	{DNS_HTTPS, {{U16, "priority"}, {NAME, "target"}, {PARAMS, "svcparams"}}},
	{DNS_DS, {{U16, "key_tag"}, {U8, "algorithm"}, {U8, "digest_type"}, {REST_HEX, "digest"}}},
	{59, {{U16, "key_tag"}, {U8, "algorithm"}, {U8, "digest_type"}, {REST_HEX, "digest"}}},
	{DNS_DNSKEY, {{U16, "flags"}, {U8, "protocol"}, {U8, "algorithm"}, {REST_BASE64, "public_key"}}},
	{60, {{U16, "flags"}, {U8, "protocol"}, {U8, "algorithm"}, {REST_BASE64, "public_key"}}},
	{DNS_RRSIG, {{TYPE, "type_covered"}, {U8, "algorithm"}, {U8, "labels"}, {U32, "original_ttl"},
		     {TIME, "expiration"}, {TIME, "inception"}, {U16, "keytag"}, {NAME, "signer_name"},
		     {REST_BASE64, "signature"}}},
	{DNS_TLSA, {{U8, "cert_usage"}, {U8, "selector"}, {U8, "matching_type"}, {REST_HEX, "certificate"}}},
	{44, {{U8, "algorithm"}, {U8, "type"}, {REST_HEX, "fingerprint"}}},
};

static const struct layout *
layout_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].type == type)
			return &layouts[i];
	return NULL;
}

static struct span
take(struct span *rest, size_t len)
{
	struct span out = {0};

	span_take(rest, len, &out);
	return out;
}

/* Bytes of a field with a fixed size; 0: it has none. */
static size_t
fixed_size(enum field_kind kind)
{
	switch (kind) {
	case U8:
		return 1;
	case U16:
	case TYPE:
		return 2;
	case U32:
	case TIME:
	case ADDRESS4:
		return 4;
	case ADDRESS6:
		return 16;
	default:
		return 0;
	}
}

/* A name within the data: its text may lie anywhere before, but what stands here may not leave the data. */
static bool
take_name(struct span message, struct span *rest, uint8_t wire[DNS_NAME_MAX])
{
	size_t at = (size_t)(rest->at - message.at), from = at;

	if (dns_name_read(message, &at, wire) == 0 || at - from > rest->len)
		return false;
	take(rest, at - from);
	return true;
}

static bool
strings_are_whole(struct span rest)
{
	struct span one;

	while (rest.len > 0)
		if (!span_vec8(&rest, &one))
			return false;
	return true;
}

/* Pass over a field; false: it is not there. */
static bool
pass_field(enum field_kind kind, struct span message, struct span *rest)
{
	uint8_t wire[DNS_NAME_MAX];
	struct span value;

	switch (kind) {
	case NAME:
		return take_name(message, rest, wire);
	case STRING:
		return span_vec8(rest, &value);
	case STRINGS:
	case PARAMS:
		if (!(kind == STRINGS ? strings_are_whole(*rest) : svcb_is_whole(*rest)))
			return false;
		*rest = span_of(NULL, 0);
		return true;
	case REST_TEXT:
	case REST_HEX:
	case REST_BASE64:
		*rest = span_of(NULL, 0);
		return true;
	default:
		return span_take(rest, fixed_size(kind), &value);
	}
}

static bool
is_whole(const struct layout *l, struct span message, struct span data)
{
	for (const struct field *f = l->fields; f->kind != END; f++)
		if (!pass_field(f->kind, message, &data))
			return false;
	return data.len == 0;
}

static void
name_json(const uint8_t *wire, const char *key, struct json *j)
{
	char text[DNS_TEXT_SIZE];

	json_text(j, key, span_of(text, dns_name_to_text(wire, text)));
}

static void
address4_json(struct span address, const char *key, struct json *j)
{
	char text[IPV4_TEXT_SIZE];

	json_text(j, key, span_of(text, ipv4_format(load_be32(address.at), text)));
}

static void
address6_json(struct span address, const char *key, struct json *j)
{
	char text[INET6_ADDRSTRLEN];

	json_string(j, key, inet_ntop(AF_INET6, address.at, text, sizeof(text)));
}

static void
strings_json(struct span rest, const char *key, struct json *j)
{
	const char *between = "";
	struct span one;

	json_open_string(j, key);
	while (rest.len > 0 && span_vec8(&rest, &one)) {
		json_piece(j, span_of(between, strlen(between)));
		json_piece(j, one);
		between = "\n";
	}
	json_close_string(j);
}

static void
time_json(uint32_t seconds, const char *key, struct json *j)
{
	time_t when = seconds;
	struct tm tm;
	char text[16];

	gmtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y%m%d%H%M%S", &tm);
	json_string(j, key, text);
}

static void
number_json(const struct field *f, uint32_t value, struct json *j)
{
	char buf[DNS_TYPE_TEXT];

	if (f->kind == TYPE)
		json_string(j, f->key, dns_type_name((uint16_t)value, buf));
	else if (f->kind == TIME)
		time_json(value, f->key, j);
	else
		json_number(j, f->key, value);
}

/* Write a field of data that is whole. */
static void
field_json(const struct field *f, struct span message, struct span *rest, struct json *j)
{
	uint8_t wire[DNS_NAME_MAX];
	struct span value = {0};
	uint32_t number = 0;

	switch (f->kind) {
	case NAME:
		if (take_name(message, rest, wire))
			name_json(wire, f->key, j);
		return;
	case ADDRESS4:
		address4_json(take(rest, 4), f->key, j);
		return;
	case ADDRESS6:
		address6_json(take(rest, 16), f->key, j);
		return;
	case STRING:
		span_vec8(rest, &value);
		json_text(j, f->key, value);
		return;
	case STRINGS:
		strings_json(*rest, f->key, j);
		return;
	case PARAMS:
		svcb_json(*rest, j);
		return;
	case REST_TEXT:
		json_text(j, f->key, *rest);
		return;
	case REST_HEX:
		json_hex(j, f->key, *rest);
		return;
	case REST_BASE64:
		json_base64(j, f->key, *rest);
		return;
	default:
		span_number(rest, (unsigned int)fixed_size(f->kind), &number);
		number_json(f, number, j);
	}
}

/* "\# 3 010203": RFC 3597, section 5. */
static void
generic_json(struct span data, struct json *j)
{
	static const char digits[] = "0123456789abcdef";
	char head[16];

	json_open_string(j, "answer");
	json_piece(j, span_of(head, (size_t)snprintf(head, sizeof(head), "\\# %zu ", data.len)));
	for (size_t i = 0; i < data.len; i++) {
		char hex[2] = {digits[data.at[i] >> 4], digits[data.at[i] & 15]};

		json_piece(j, span_of(hex, 2));
	}
	json_close_string(j);
}

static void
class_json(uint16_t class, struct json *j)
{
	if (class == DNS_CLASS_IN)
		json_string(j, "class", "IN");
	else
		json_format(j, "class", "CLASS%u", class);
}

/* OPT is no record: its class and TTL are fields of their own (RFC 6891, 6.1.2). */
static void
opt_json(const struct dns_rr *rr, struct json *j)
{
	json_open_object(j, NULL);
	json_string(j, "type", "EDNS0");
	json_number(j, "version", rr->ttl >> 16 & 0xff);
	json_string(j, "flags", (rr->ttl & 0x8000) != 0 ? "do" : "");
	json_number(j, "udpsize", rr->class);
	json_close_object(j);
}

void
rdata_json(struct span message, const struct dns_rr *rr, struct json *j)
{
	const struct layout *l = layout_of(rr->type);
	struct span rest = span_of(message.at + rr->at, rr->len), data = rest;
	char buf[DNS_TYPE_TEXT];

	if (rr->type == DNS_OPT) {
		opt_json(rr, j);
		return;
	}
	json_open_object(j, NULL);
	json_number(j, "ttl", rr->ttl);
	json_string(j, "type", dns_type_name(rr->type, buf));
	class_json(rr->class, j);
	name_json(rr->name, "name", j);
	if (l == NULL || !is_whole(l, message, data)) {
		generic_json(data, j);
		if (l != NULL)
			json_bool(j, "parse_error", true);
	} else {
		for (const struct field *f = l->fields; f->kind != END; f++)
			field_json(f, message, &rest, j);
	}
	json_close_object(j);
}
