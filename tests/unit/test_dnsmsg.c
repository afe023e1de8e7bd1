/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "dnsmsg/dnsmsg.h"

/* "\3www\7Example\3com\0" and so on: the text of a name, in wire form. */
static const uint8_t *
name(const char *text)
{
	static uint8_t wire[4][DNS_NAME_MAX];
	static unsigned int next;
	uint8_t *to = wire[next++ % 4];

	assert_true(dns_name_from_text(text, strlen(text), to) > 0);
	return to;
}

static void
test_text(void **state)
{
	static const struct {
		const char *text, *again; /* again NULL: no name; "": as it was */
		size_t size;
	} cases[] = {
		{".", "", 1},
		{"com", "", 5},
		{"com.", "com", 5},
		{"www.Example.com", "", 17},
		{"a\\.b.c", "", 7},
		{"a\\\\b", "", 5},
		{"\\000\\255.x", "", 6},
		{"\\065\\b", "Ab", 4},
		{"sp ace", "sp\\032ace", 8},
		{"", NULL, 0},
		{"..", NULL, 0},
		{".com", NULL, 0},
		{"a..b", NULL, 0},
		{"a\\", NULL, 0},
		{"a\\25", NULL, 0},
		{"a\\256", NULL, 0},
		{"a\\1x2", NULL, 0},
	};
	uint8_t wire[DNS_NAME_MAX];
	char text[DNS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *again = cases[i].again;
		size_t length, size = dns_name_from_text(cases[i].text, strlen(cases[i].text), wire);

		assert_int_equal(size, cases[i].size);
		if (again == NULL)
			continue;
		length = dns_name_to_text(wire, text);
		assert_int_equal(length, strlen(text));
		assert_string_equal(text, again[0] == '\0' ? cases[i].text : again);
		assert_int_equal(dns_name_size(wire), size);
	}
}

/* The longest label and name, and one byte more. */
static void
test_bounds(void **state)
{
	char text[300];
	uint8_t wire[DNS_NAME_MAX];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(dns_name_from_text(text, 63, wire), 65);
	assert_int_equal(dns_name_from_text(text, 64, wire), 0);
	text[63] = text[127] = text[191] = '.';
	assert_int_equal(dns_name_from_text(text, 253, wire), 255);
	text[253] = '.';
	assert_int_equal(dns_name_from_text(text, 254, wire), 255);
	text[253] = 'a';
	assert_int_equal(dns_name_from_text(text, 254, wire), 0);
	text[252] = '.';
	assert_int_equal(dns_name_from_text(text, 254, wire), 0);
}

/* Any name comes back from its text; the longest text fits. */
static void
test_text_of_any_name(void **state)
{
	uint8_t wire[DNS_NAME_MAX], again[DNS_NAME_MAX];
	char text[DNS_TEXT_SIZE];

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		size_t at = 0;

		for (unsigned int l = 0; l < 1 + seed % 5; l++) {
			unsigned int n = 1 + (unsigned int)(hash_mix64(seed * 8 + l) % 50);

			wire[at++] = (uint8_t)n;
			for (; n > 0; n--, at++)
				wire[at] = seed % 3 == 0 ? 0xff : (uint8_t)hash_mix64(seed << 16 ^ at);
		}
		wire[at++] = 0;
		assert_int_equal(dns_name_from_text(text, dns_name_to_text(wire, text), again), at);
		assert_memory_equal(wire, again, at);
		assert_true(dns_name_equal(wire, again));
		dns_name_fold(again);
		assert_true(dns_name_equal(wire, again));
	}
}

static void
test_relations(void **state)
{
	uint8_t reverse[DNS_NAME_MAX];

	(void)state;
	assert_true(dns_name_equal(name("WWW.example.COM"), name("www.EXAMPLE.com.")));
	assert_false(dns_name_equal(name("www.example.com"), name("wwx.example.com")));
	assert_true(dns_name_is_within(name("a.b.Example"), name("b.example")));
	assert_true(dns_name_is_within(name("b.example"), name("b.example")));
	assert_true(dns_name_is_within(name("b.example"), name(".")));
	assert_false(dns_name_is_within(name("example"), name("b.example")));
	assert_false(dns_name_is_within(name("ab.example"), name("b.example")));
	assert_true(dns_name_equal(dns_name_parent(name("a.b")), name("b")));
	assert_int_equal(dns_name_parent(name("."))[0], 0);
	assert_int_equal(dns_name_labels(name("a.b.c")), 3);
	for (uint32_t i = 0; i < 5; i++) {
		static const uint32_t address[] = {0, 0x01020304, 0xc0a80a63, 0xffffffff, 0x7f640a09};
		static const char *const text[] = {
			"0.0.0.0.in-addr.arpa",         "4.3.2.1.in-addr.arpa",
			"99.10.168.192.in-addr.arpa",   "255.255.255.255.in-addr.arpa",
			"9.10.100.127.in-addr.arpa",
		};

		assert_int_equal(dns_name_reverse(address[i], reverse), dns_name_size(name(text[i])));
		assert_true(dns_name_equal(reverse, name(text[i])));
	}
}

/* RFC 3596's own example. */
static void
test_reverse_of_ipv6(void **state)
{
	static const uint8_t address[16] = {0x43, 0x21, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0x56, 0x78, 0x9a, 0xbc};
	static const char text[] =
		"c.b.a.9.8.7.6.5.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa";
	uint8_t reverse[DNS_NAME_MAX];

	(void)state;
	assert_int_equal(dns_name_reverse6(address, reverse), dns_name_size(name(text)));
	assert_true(dns_name_equal(reverse, name(text)));
}

static void
test_types(void **state)
{
	char buf[DNS_TYPE_TEXT];
	uint16_t type;

	(void)state;
	for (unsigned int t = 0; t <= UINT16_MAX; t++) {
		const char *text = dns_type_name((uint16_t)t, buf);

		assert_true(dns_type_parse(text, strlen(text), &type));
		assert_int_equal(type, t);
	}
	assert_true(dns_type_parse("https", 5, &type) && type == DNS_HTTPS);
	assert_false(dns_type_parse("TYPE65536", 9, &type));
	assert_false(dns_type_parse("TYPE", 4, &type));
	assert_false(dns_type_parse("TYPE1x", 6, &type));
	assert_false(dns_type_parse("", 0, &type));
	for (unsigned int s = 0; s < DNS_STATUSES; s++)
		assert_non_null(dns_status_name(s));
}

/* As a resolver's library of old writes it, byte by byte. */
static void
test_query(void **state)
{
	static const uint8_t expected[] = {
		0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1,
		3, 'w', 'w', 'w', 2, 'x', 'y', 0, 0, 28, 0, 1,
		0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0,
	};
	struct dns_query q = {.id = 0xabcd, .name = name("www.xy"), .type = DNS_AAAA, .edns_bytes = 1232, .recurse = true};
	uint8_t buf[DNS_QUERY_MAX];

	(void)state;
	assert_int_equal(dns_query_write(&q, buf), sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
	q.edns_bytes = 0;
	assert_int_equal(dns_query_write(&q, buf), sizeof(expected) - 11);
	assert_int_equal(buf[11], 0);
}

/* A CNAME whose target is compressed, an address below it, an authority, and OPT. */
static const uint8_t answer[] = {
	0x12, 0x34, 0x85, 0x80, 0, 1, 0, 2, 0, 1, 0, 1,
	3, 'w', 'w', 'w', 1, 'x', 0, 0, 1, 0, 1,                        /* 12: www.x A */
	0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 'y', 0xc0, 16,      /* 23: CNAME y.x; its data at 35 */
	0xc0, 35, 0, 1, 0, 1, 0, 0, 0, 61, 0, 4, 192, 0, 2, 1,          /* y.x A */
	0xc0, 16, 0, 2, 0, 1, 0, 0, 0, 62, 0, 2, 0xc0, 35,              /* x NS y.x */
	0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0,
};

static void
test_read(void **state)
{
	struct span message = span_of(answer, sizeof(answer));
	uint8_t wire[DNS_NAME_MAX];
	struct dns_question q;
	struct dns_reader r;
	struct dns_rr rr;
	size_t at;

	(void)state;
	assert_int_equal(dns_reader_init(&r, message), 0);
	assert_true(r.header.is_response && r.header.authoritative && r.header.recursion_available);
	assert_false(r.header.truncated);
	assert_int_equal(r.header.id, 0x1234);
	assert_int_equal(dns_reader_question(&r, &q), 1);
	assert_true(dns_name_equal(q.name, name("www.x")) && q.type == DNS_A && q.class == 1);
	assert_int_equal(dns_reader_question(&r, &q), 0);
	assert_int_equal(dns_reader_next(&r, &rr), 1);
	at = rr.at;
	assert_true(rr.section == DNS_ANSWERS && rr.type == DNS_CNAME && rr.ttl == 60);
	assert_int_equal(dns_name_read(message, &at, wire), 5);
	assert_true(dns_name_equal(wire, name("y.x")) && at == rr.at + rr.len);
	assert_int_equal(dns_reader_next(&r, &rr), 1);
	assert_true(rr.type == DNS_A && rr.len == 4 && dns_name_equal(rr.name, name("y.x")));
	assert_int_equal(dns_reader_next(&r, &rr), 1);
	assert_true(rr.section == DNS_AUTHORITIES && rr.type == DNS_NS);
	assert_int_equal(dns_reader_next(&r, &rr), 1);
	assert_true(rr.section == DNS_ADDITIONALS && rr.type == DNS_OPT && rr.class == 1232);
	assert_int_equal(dns_reader_next(&r, &rr), 0);
	assert_int_equal(dns_reader_next(&r, &rr), 0);
}

/* Cut anywhere it is broken, once, and then at its end; nothing outside is read (the copy is exact). */
static void
test_read_cut(void **state)
{
	struct dns_reader r;
	struct dns_rr rr;

	(void)state;
	for (size_t len = 0; len < sizeof(answer); len++) {
		uint8_t *copy = malloc(len + 1);
		int rc = 1;

		memcpy(copy, answer, len);
		if (dns_reader_init(&r, span_of(copy, len)) == 0) {
			while (rc == 1)
				rc = dns_reader_next(&r, &rr);
			assert_int_equal(rc, -EBADMSG);
			assert_int_equal(dns_reader_next(&r, &rr), 0);
		} else {
			assert_true(len < DNS_HEADER_BYTES);
		}
		free(copy);
	}
}

static void
test_names_that_are_none(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t len;
	} cases[] = {
		{{0xc0, 0}, 2},                /* to itself */
		{{1, 'a', 0xc0, 0}, 4},        /* round and round */
		{{0xc0, 2, 0xc0, 0}, 4},       /* forward */
		{{0xc0}, 1},                   /* half a pointer */
		{{3, 'a', 'b'}, 3},            /* cut */
		{{1, 'a'}, 2},                 /* without a root */
		{{0x40, 'a', 0}, 3},           /* of a kind that is none (RFC 6891, 5) */
		{{0x80, 'a', 0}, 3},
	};
	uint8_t wire[DNS_NAME_MAX], chain[2 * DNS_NAME_MAX];
	size_t at, start = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		at = 0;
		assert_int_equal(dns_name_read(span_of(cases[i].bytes, cases[i].len), &at, wire), 0);
	}
	/* Parts that each lead to the one before: a name until it is too long. */
	chain[start++] = 0;
	at = 0;
	for (unsigned int i = 0; i < 128; i++) {
		size_t here = start;

		chain[start++] = 1;
		chain[start++] = 'a';
		store_be16(chain + start, (uint16_t)(0xc000 | at));
		start += 2;
		at = here;
		here = at;
		assert_int_equal(dns_name_read(span_of(chain, start), &here, wire),
				 i < 127 ? 2 * (i + 1) + 1 : 0);
		if (start + 4 > sizeof(chain))
			break;
	}
}

/* What is written reads back; what does not fit is left out whole. */
static void
test_write(void **state)
{
	static const uint8_t address[] = {192, 0, 2, 7};
	struct dns_header header = {.id = 7, .is_response = true, .rcode = DNS_NXDOMAIN, .authoritative = true, .opcode = 2};
	uint8_t buf[200];

	(void)state;
	for (size_t size = DNS_HEADER_BYTES; size <= sizeof(buf); size++) {
		struct dns_writer w;
		struct dns_reader r;
		struct dns_rr rr;
		int records = 0;

		dns_writer_begin(&w, buf, size, &header);
		dns_writer_question(&w, name("www.x"), DNS_A, DNS_CLASS_IN);
		dns_writer_record(&w, DNS_ANSWERS, name("www.x"), DNS_A, 5, address, 4);
		dns_writer_record(&w, DNS_ADDITIONALS, name("x"), DNS_A, 6, address, 4);
		dns_writer_opt(&w, 1232);
		assert_int_equal(w.overflow, w.len < 12 + 11 + 16 + 17 + 11);
		assert_int_equal(dns_reader_init(&r, span_of(buf, w.len)), 0);
		assert_true(r.header.rcode == DNS_NXDOMAIN && r.header.opcode == 2 && r.header.id == 7);
		for (int rc; (rc = dns_reader_next(&r, &rr)) != 0; records++)
			assert_int_equal(rc, 1);
		assert_int_equal(records, r.header.count[1] + r.header.count[3]);
		assert_int_equal(r.offset, w.len);
		if (!w.overflow)
			assert_int_equal(records, 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_text_of_any_name),
		cmocka_unit_test(test_relations),
		cmocka_unit_test(test_reverse_of_ipv6),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_cut),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
