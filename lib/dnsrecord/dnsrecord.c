/* SPDX-License-Identifier: BSD-3-Clause */
/* A lookup as a record. */
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/ipv4.h"
#include "base/time.h"
#include "dnsrecord/dnsrecord.h"
#include "rdata.h"

/*
 * Records of twelve bytes whose names are 255 bytes that do not print, by a pointer each, fill a grab
 * with what becomes so much text.
 */
#define LINE_SIZE (24 << 20)

struct dnsrecord {
	uint64_t start_wall_ns;
	char *line;
	uint8_t *copy; /* a grab's chunks, flat */
};

struct dnsrecord *
dnsrecord_new(uint64_t start_wall_ns)
{
	struct dnsrecord *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->start_wall_ns = start_wall_ns;
	r->line = malloc(LINE_SIZE);
	r->copy = malloc(GRAB_CAPTURE_MAX);
	if (r->line != NULL && r->copy != NULL)
		return r;
	dnsrecord_free(r);
	return NULL;
}

void
dnsrecord_free(struct dnsrecord *r)
{
	if (r == NULL)
		return;
	free(r->line);
	free(r->copy);
	free(r);
}

static void
flags_json(const struct dns_header *h, unsigned int error_code, struct json *j)
{
	json_open_object(j, "flags");
	json_bool(j, "response", h->is_response);
	json_number(j, "opcode", h->opcode);
	json_bool(j, "authoritative", h->authoritative);
	json_bool(j, "truncated", h->truncated);
	json_bool(j, "recursion_desired", h->recursion_desired);
	json_bool(j, "recursion_available", h->recursion_available);
	json_bool(j, "authenticated", h->authenticated);
	json_bool(j, "checking_disabled", h->checking_disabled);
	json_number(j, "error_code", error_code);
	json_close_object(j);
}

/*
 * The sections that have something in them; true when all of the message could be read. The upper bits of the code stand
 * in OPT (RFC 6891, 6.1.3): in the first, where there are several.
 */
static bool
sections_json(struct span message, struct dns_reader *reader, unsigned int *error_code, struct json *j)
{
	static const char *const names[] = {"", "answers", "authorities", "additionals"};
	unsigned int open = 0;
	bool has_opt = false;
	struct dns_rr rr;
	int rc;

	while ((rc = dns_reader_next(reader, &rr)) == 1) {
		if (rr.section != open) {
			if (open != 0)
				json_close_array(j);
			open = rr.section;
			json_open_array(j, names[open]);
		}
		if (rr.type == DNS_OPT && !has_opt) {
			*error_code |= (rr.ttl >> 24) << 4;
			has_opt = true;
		}
		rdata_json(message, &rr, j);
	}
	if (open != 0)
		json_close_array(j);
	return rc == 0;
}

static void
message_json(struct span message, struct json *j)
{
	struct dns_reader reader;
	bool whole = dns_reader_init(&reader, message) == 0;

	if (whole) {
		struct dns_header header = reader.header;
		unsigned int error_code = header.rcode;

		whole = sections_json(message, &reader, &error_code, j);
		flags_json(&header, error_code, j);
	}
	if (!whole) {
		json_bool(j, "parse_error", true);
		json_base64(j, "raw", message);
	}
}

static void
resolver_json(const struct grab_dns_result *result, struct json *j)
{
	char text[IPV4_TEXT_SIZE + sizeof(":65535")], *end;

	if (result->resolver == 0)
		return;
	end = text + ipv4_format(result->resolver, text);
	*end++ = ':';
	end = decimal_put(end, result->resolver_port);
	json_string(j, "protocol", result->is_tcp ? "tcp" : "udp");
	json_text(j, "resolver", span_of(text, (size_t)(end - text)));
}

static void
result_json(const struct dnsrecord *r, const struct grab *g, struct span chunk, bool with_data, struct json *j)
{
	struct grab_dns_result result;
	struct span head;
	char type[DNS_TYPE_TEXT];

	if (!span_take(&chunk, sizeof(result), &head))
		return;
	memcpy(&result, head.at, sizeof(result));
	json_open_object(j, dns_type_name(result.type, type));
	if (result.resolver != 0) {
		json_open_object(j, "data");
		if (chunk.len > 0 && with_data)
			message_json(chunk, j);
		resolver_json(&result, j);
		json_close_object(j);
	}
	json_seconds(j, "duration", result.duration_us);
	json_number(j, "tries", result.tries);
	json_string(j, "status", dns_status_name(result.status));
	json_time(j, "timestamp",
		  (int64_t)((r->start_wall_ns + g->started_ns + result.started_us * NS_PER_US) / NS_PER_SEC));
	json_string(j, "stage", grab_stage_name((enum grab_stage)result.stage));
	json_string(j, "cause", grab_cause_name((enum grab_cause)result.cause));
	json_close_object(j);
}

/* zdns's keys: `name` as it was given, `altered_name` as it was asked for where that is another. */
static void
names_json(struct span chunk, struct json *j)
{
	struct span message = chunk;
	uint8_t wire[DNS_NAME_MAX];
	char text[DNS_TEXT_SIZE];
	size_t at = 0, len = 0;

	if (dns_name_read(message, &at, wire) > 0)
		len = dns_name_to_text(wire, text);
	if (at < chunk.len)
		json_text(j, "name", span_of(chunk.at + at, chunk.len - at));
	/* What is no name goes by the root's: it was not asked for. */
	if (len > 0 && (at == chunk.len || wire[0] != 0))
		json_text(j, at < chunk.len ? "altered_name" : "name", span_of(text, len));
}

static void
origin_json(const struct grab *g, struct json *j)
{
	char ip[IPV4_TEXT_SIZE];

	json_string(j, "origin", grab_origin_name((enum grab_origin)g->origin));
	if (g->address != 0)
		json_text(j, "ip", span_of(ip, ipv4_format(g->address, ip)));
	if (g->wildcard)
		json_bool(j, "wildcard", true);
}

static size_t
format(struct dnsrecord *r, const struct grab *g, bool with_data)
{
	struct span rest = span_of(r->copy, grab_copy(g, r->copy)), chunk;
	struct grab_chunk_head head;
	bool in_results = false;
	struct json j;

	json_begin(&j, r->line, LINE_SIZE);
	json_open_object(&j, NULL);
	json_string(&j, "record", "dns");
	while (grab_next(&rest, &head, &chunk)) {
		if (head.type == GRAB_CHUNK_DNS_NAME)
			names_json(chunk, &j);
		if (head.type != GRAB_CHUNK_DNS_RESULT)
			continue;
		if (!in_results)
			json_open_object(&j, "results");
		in_results = true;
		result_json(r, g, chunk, with_data, &j);
	}
	if (in_results)
		json_close_object(&j);
	if (g->cut || !with_data)
		json_bool(&j, "truncated", true);
	origin_json(g, &j);
	json_string(&j, "stage", grab_stage_name((enum grab_stage)g->stage));
	json_string(&j, "cause", grab_cause_name((enum grab_cause)g->cause));
	json_close_object(&j);
	return json_finish(&j);
}

const char *
dnsrecord_line(struct dnsrecord *r, const struct grab *grab, size_t *len)
{
	*len = format(r, grab, true);
	/* Larger than anything that can be captured makes: told rather than lost. */
	if (*len == 0)
		*len = format(r, grab, false);
	return r->line;
}
