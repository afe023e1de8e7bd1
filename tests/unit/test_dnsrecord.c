/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookups as lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "dnsmsg/dnsmsg.h"
#include "dnsrecord/dnsrecord.h"
#include "json_check.h"

/* 2026-11-22T13:02:11Z */
#define START_S UINT64_C(1795352531)

struct fixture {
	struct grab_pool *pool;
	struct dnsrecord *r;
	struct grab *g;
	char *line; /* the last, terminated */
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pool = grab_pool_new(128);
	f->r = dnsrecord_new(START_S * NS_PER_SEC);
	f->g = grab_new(f->pool, GRAB_DNS, NS_PER_SEC);
	*state = f;
	return f->r == NULL || f->g == NULL;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	grab_free(f->g);
	dnsrecord_free(f->r);
	assert_int_equal(grab_pool_room(f->pool), 128);
	grab_pool_free(f->pool);
	free(f->line);
	free(f);
	return 0;
}

static void
add_name(struct fixture *f, const char *name, const char *given)
{
	uint8_t chunk[DNS_NAME_MAX + 300];
	size_t len = dns_name_from_text(name, strlen(name), chunk);

	assert_true(len > 0);
	memcpy(chunk + len, given, strlen(given));
	grab_add(f->g, GRAB_CHUNK_DNS_NAME, span_of(chunk, len + strlen(given)), NS_PER_SEC);
}

static void
add_result(struct fixture *f, const struct grab_dns_result *result, struct span message)
{
	grab_open(f->g, GRAB_CHUNK_DNS_RESULT, NS_PER_SEC);
	grab_append(f->g, span_of(result, sizeof(*result)));
	grab_append(f->g, message);
}

static const char *
line(struct fixture *f)
{
	const char *text;
	size_t len;

	grab_end(f->g, GRAB_COMPLETE, 2 * NS_PER_SEC);
	text = dnsrecord_line(f->r, f->g, &len);
	assert_true(json_is_line(text, len));
	free(f->line);
	f->line = strndup(text, len);
	return f->line;
}

static void
test_answer(void **state)
{
	static const uint8_t message[] = {
		0x12, 0x34, 0x85, 0x80, 0, 1, 0, 2, 0, 1, 0, 1,
		3, 'w', 'w', 'w', 1, 'x', 0, 0, 1, 0, 1,
		0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 'y', 0xc0, 16,
		0xc0, 35, 0, 1, 0, 1, 0, 0, 0, 61, 0, 4, 192, 0, 2, 80,
		0xc0, 16, 0, 2, 0, 1, 0, 0, 0, 62, 0, 2, 0xc0, 35,
		0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0,
	};
	const struct grab_dns_result result = {
		.resolver = 0xc6336435, .resolver_port = 53, .duration_us = 1012300, .started_us = 500000, .type = DNS_A,
		.status = DNS_NOERROR, .tries = 2, .stage = GRAB_ANSWER, .cause = GRAB_COMPLETE,
	};
	const struct grab_dns_result none = {
		.type = DNS_AAAA, .status = DNS_TIMEOUT, .tries = 3, .stage = GRAB_QUERY, .cause = GRAB_TIMEOUT,
	};
	struct fixture *f = *state;

	add_name(f, "www.x", "*.WWW.x");
	add_result(f, &result, span_of(message, sizeof(message)));
	add_result(f, &none, span_of(NULL, 0));
	f->g->origin = GRAB_ORIGIN_CERTIFICATE;
	f->g->wildcard = true;
	f->g->address = 0xc000020a;
	grab_reach(f->g, GRAB_ANSWER, 2 * NS_PER_SEC);
	assert_string_equal(line(f),
		"{\"record\":\"dns\",\"name\":\"*.WWW.x\",\"altered_name\":\"www.x\",\"results\":{"
		"\"A\":{\"data\":{\"answers\":["
		"{\"ttl\":60,\"type\":\"CNAME\",\"class\":\"IN\",\"name\":\"www.x\",\"answer\":\"y.x\"},"
		"{\"ttl\":61,\"type\":\"A\",\"class\":\"IN\",\"name\":\"y.x\",\"answer\":\"192.0.2.80\"}],"
		"\"authorities\":[{\"ttl\":62,\"type\":\"NS\",\"class\":\"IN\",\"name\":\"x\",\"answer\":\"y.x\"}],"
		"\"additionals\":[{\"type\":\"EDNS0\",\"version\":0,\"flags\":\"\",\"udpsize\":1232}],"
		"\"flags\":{\"response\":true,\"opcode\":0,\"authoritative\":true,\"truncated\":false,"
		"\"recursion_desired\":true,\"recursion_available\":true,\"authenticated\":false,"
		"\"checking_disabled\":false,\"error_code\":0},\"protocol\":\"udp\",\"resolver\":\"198.51.100.53:53\"},"
		"\"duration\":1.012300,\"tries\":2,\"status\":\"NOERROR\",\"timestamp\":\"2026-11-22T13:02:12Z\","
		"\"stage\":\"answer\",\"cause\":\"complete\"},"
		"\"AAAA\":{\"duration\":0.000000,\"tries\":3,\"status\":\"TIMEOUT\","
		"\"timestamp\":\"2026-11-22T13:02:12Z\",\"stage\":\"query\",\"cause\":\"timeout\"}},"
		"\"origin\":\"certificate\",\"ip\":\"192.0.2.10\",\"wildcard\":true,"
		"\"stage\":\"answer\",\"cause\":\"complete\"}\n");
}

/* An answer with one record of a type and its data; what of its line is the record's own. */
static void
expect_data(struct fixture *f, uint16_t type, const void *data, size_t len, const char *expected)
{
	static const uint8_t owner[] = {1, 'x', 0};
	const struct grab_dns_result result = {.resolver = 1, .type = type, .stage = GRAB_ANSWER};
	const struct dns_header header = {.is_response = true};
	uint8_t buf[1000];
	struct dns_writer w;
	char *found;

	dns_writer_begin(&w, buf, sizeof(buf), &header);
	dns_writer_question(&w, owner, type, DNS_CLASS_IN);
	dns_writer_record(&w, DNS_ANSWERS, owner, type, 7, data, (uint16_t)len);
	assert_false(w.overflow);
	grab_free(f->g);
	f->g = grab_new(f->pool, GRAB_DNS, NS_PER_SEC);
	add_result(f, &result, span_of(buf, w.len));
	line(f);
	found = strstr(f->line, "\"name\":\"x\",");
	assert_non_null(found);
	found += strlen("\"name\":\"x\",");
	assert_memory_equal(found, expected, strlen(expected));
	assert_memory_equal(found + strlen(expected), "}]", 2);
}

#define EXPECT(type, bytes, expected) expect_data(*state, type, bytes, sizeof(bytes) - 1, expected)

static void
test_types(void **state)
{
	EXPECT(DNS_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", "\"answer\":\"2001:db8::1\"");
	EXPECT(DNS_NS, "\2ns\xc0\x0c", "\"answer\":\"ns.x\"");
	EXPECT(DNS_MX, "\0\x0a\0", "\"preference\":10,\"answer\":\".\"");
	EXPECT(DNS_TXT, "\3a\"b\0\1\xff", "\"answer\":\"a\\\"b\\n\\n\\u00ff\"");
	EXPECT(DNS_SOA, "\1n\0\1m\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\xff\xff\xff\xff",
	       "\"ns\":\"n\",\"mbox\":\"m\",\"serial\":1,\"refresh\":2,\"retry\":3,\"expire\":4,"
	       "\"min_ttl\":4294967295");
	EXPECT(DNS_SRV, "\0\1\0\2\1\xbb\1t\0", "\"priority\":1,\"weight\":2,\"port\":443,\"target\":\"t\"");
	EXPECT(DNS_CAA, "\x80\5issueca.example", "\"flag\":128,\"tag\":\"issue\",\"value\":\"ca.example\"");
	EXPECT(DNS_NAPTR, "\0\1\0\2\1s\3sip\0\0",
	       "\"order\":1,\"preference\":2,\"flags\":\"s\",\"service\":\"sip\",\"regexp\":\"\",\"replacement\":\".\"");
	EXPECT(DNS_DS, "\0\1\x08\2\xab\xcd",
	       "\"key_tag\":1,\"algorithm\":8,\"digest_type\":2,\"digest\":\"abcd\"");
	EXPECT(DNS_RRSIG, "\0\1\x08\2\0\0\0\7\x6a\0\0\0\x69\0\0\0\0\5\0abc",
	       "\"type_covered\":\"A\",\"algorithm\":8,\"labels\":2,\"original_ttl\":7,"
	       "\"expiration\":\"20260510034816\",\"inception\":\"20251027232800\",\"keytag\":5,"
	       "\"signer_name\":\".\",\"signature\":\"YWJj\"");
	EXPECT(DNS_HTTPS, "\0\1\0\0\1\0\6\2h2\2h3\0\3\0\2\1\xbb\0\4\0\x08\1\2\3\4\5\6\7\x08\0\2\0\0\xff\0\0\1z",
	       "\"priority\":1,\"target\":\".\",\"svcparams\":{\"alpn\":[\"h2\",\"h3\"],\"port\":443,"
	       "\"ipv4hint\":[\"1.2.3.4\",\"5.6.7.8\"],\"no-default-alpn\":true,\"key65280\":\"eg==\"}");
	EXPECT(DNS_SVCB, "\0\0\1t\0", "\"priority\":0,\"target\":\"t\"");
	EXPECT(65280, "\1\2", "\"answer\":\"\\\\# 2 0102\"");
	EXPECT(65280, "", "\"answer\":\"\\\\# 0 \"");
}

/* What does not hold what its type has is written as it is. */
static void
test_bad_data(void **state)
{
	static const struct {
		uint16_t type;
		size_t len;
		const char *bytes;
	} cases[] = {
		{DNS_A, 3, "\1\2\3"},        {DNS_A, 5, "\1\2\3\4\5"},  {DNS_NS, 2, "\1a"},
		{DNS_NS, 3, "\0\0\0"},       {DNS_NS, 0, ""},           {DNS_MX, 2, "\0\1"},
		{DNS_TXT, 2, "\5a"},         {DNS_SOA, 3, "\0\0\0"},    {DNS_CAA, 2, "\0\5"},
		{DNS_HTTPS, 5, "\0\1\0\0\1"}, {DNS_NS, 2, "\xc0\x1f"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[100], *to = expected;

		to += sprintf(to, "\"answer\":\"\\\\# %zu ", cases[i].len);
		for (size_t b = 0; b < cases[i].len; b++)
			to += sprintf(to, "%02x", (uint8_t)cases[i].bytes[b]);
		sprintf(to, "\",\"parse_error\":true");
		expect_data(*state, cases[i].type, cases[i].bytes, cases[i].len, expected);
	}
}

/* A message of any bytes makes a line. The same with whole messages that were harmed. */
static void
test_any_message(void **state)
{
	struct fixture *f = *state;
	const struct grab_dns_result result = {.resolver = 1, .type = DNS_A};

	for (uint64_t seed = 0; seed < 3000; seed++) {
		uint8_t buf[200];
		size_t len = hash_mix64(seed) % sizeof(buf);

		for (size_t i = 0; i < len; i++)
			buf[i] = (uint8_t)(hash_mix64(seed << 8 ^ i) & (i % 3 == 0 ? 0xff : 0x03));
		grab_free(f->g);
		f->g = grab_new(f->pool, GRAB_DNS, NS_PER_SEC);
		add_result(f, &result, span_of(buf, len));
		line(f);
	}
}

/* Records of names that do not print, a pointer each, as many as a grab holds: the longest line there is. */
static void
test_longest(void **state)
{
	struct fixture *f = *state;
	struct grab_dns_result result = {.resolver = 1, .type = DNS_A};
	static uint8_t message[DNS_MESSAGE_MAX];
	size_t len = DNS_HEADER_BYTES, at = DNS_HEADER_BYTES;

	for (unsigned int l = 0; l < 4; l++) {
		size_t n = l < 3 ? 63 : 61;

		message[at] = (uint8_t)n;
		memset(message + at + 1, '"', n);
		at += 1 + n;
	}
	at += 1 + 4;
	store_be16(message + 4, 1);
	for (len = at; len + 12 <= sizeof(message); len += 12) {
		store_be16(message + len, 0xc00c);
		store_be16(message + len + 2, 65280);
		store_be16(message + 6, (uint16_t)(load_be16(message + 6) + 1));
	}
	add_name(f, "x", "");
	for (; result.type < 4; result.type++)
		add_result(f, &result, span_of(message, len));
	line(f);
	assert_true(strlen(f->line) > 1000000);
	assert_non_null(strstr(f->line, "\"truncated\":true,\"origin\":\"list\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_types, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_any_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_longest, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
