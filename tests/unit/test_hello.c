/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "hello/client.h"
#include "hello/hello.h"
#include "hello/names.h"

#define OF(array) span_of(array, sizeof(array))

/* A ServerHello of TLS 1.3 with an extension that nobody knows. */
static const uint8_t server_hello[] = {
	0x03, 0x03,
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
	2, 0xaa, 0xbb,
	0x13, 0x02,
	0x00,
	0x00, 0x12,
	0x00, 0x2b, 0x00, 0x02, 0x03, 0x04,
	0x00, 0x33, 0x00, 0x04, 0x00, 0x1d, 0x00, 0x00,
	0x7a, 0x7a, 0x00, 0x00,
};

static void
test_server_hello(void **state)
{
	struct hello_server h;
	struct span rest, data = {0};
	uint16_t type = 0;

	(void)state;
	assert_true(hello_server(OF(server_hello), &h));
	assert_int_equal(h.version, 0x0303);
	assert_int_equal(h.chosen, 0x0304);
	assert_int_equal(h.suite, 0x1302);
	assert_int_equal(h.session_id.len, 2);
	assert_int_equal(h.random.at[31], 32);
	assert_true(h.has_group && h.group == 29 && !h.is_retry);
	rest = h.extensions;
	assert_true(hello_extension(&rest, &type, &data) && type == 43);
	assert_true(hello_extension(&rest, &type, &data) && type == 51);
	assert_true(hello_extension(&rest, &type, &data) && type == 0x7a7a && data.len == 0);
	assert_false(hello_extension(&rest, &type, &data));
	/* SSL 3 and TLS 1.0 may have no extensions at all. */
	assert_true(hello_server(span_of(server_hello, 40), &h));
	assert_int_equal(h.extensions.len, 0);
	/* Cut anywhere else it does not parse; what was before is there. */
	for (size_t len = 0; len < sizeof(server_hello); len++) {
		if (len == 40)
			continue;
		assert_false(hello_server(span_of(server_hello, len), &h));
		assert_int_equal(h.random.len, len >= 34 ? 32 : 0);
	}
}

static void
test_lists(void **state)
{
	static const uint8_t tls12[] = {0, 0, 9, 0, 0, 2, 'a', 'b', 0, 0, 1, 'c'};
	static const uint8_t tls13[] = {0, 0, 0, 9, 0, 0, 2, 'a', 'b', 0, 2, 7, 8};
	static const uint8_t cut[] = {0, 0, 7, 0, 0, 2, 'a', 'b', 0, 0};
	static const uint8_t status[] = {1, 0, 0, 3, 'x', 'y', 'z'};
	static const uint8_t alpn[] = {0, 3, 2, 'h', '2'};
	static const uint8_t ticket12[] = {0, 0, 1, 44, 0, 1, 9}, ticket13[] = {0, 0, 1, 44, 1, 2, 3, 4, 1, 5, 0, 1, 9};
	struct span entries = {0}, der = {0}, extensions = {0}, out = {0};
	struct hello_ticket t;

	(void)state;
	assert_true(hello_certificates(OF(tls12), false, &entries));
	assert_true(hello_certificate(&entries, false, &der, &extensions) && der.len == 2);
	assert_true(hello_certificate(&entries, false, &der, &extensions) && der.at[0] == 'c');
	assert_false(hello_certificate(&entries, false, &der, &extensions));
	assert_int_equal(entries.len, 0);
	assert_true(hello_certificates(OF(tls13), true, &entries));
	assert_true(hello_certificate(&entries, true, &der, &extensions));
	assert_int_equal(extensions.len, 2);
	assert_true(hello_certificates(OF(cut), false, &entries));
	assert_true(hello_certificate(&entries, false, &der, &extensions));
	assert_false(hello_certificate(&entries, false, &der, &extensions));
	assert_int_equal(entries.len, 2);
	assert_true(hello_ocsp(OF(status), &out) && out.len == 3);
	assert_true(hello_alpn(OF(alpn), &out) && out.len == 2);
	assert_true(hello_ticket(OF(ticket12), false, &t) && t.lifetime_s == 300 && t.ticket.len == 1);
	assert_true(hello_ticket(OF(ticket13), true, &t) && t.lifetime_s == 300 && t.ticket.len == 1);
}

static void
test_exchanges(void **state)
{
	static const uint8_t ecdhe[] = {3, 0, 23, 2, 4, 5, 4, 3, 0, 1, 9};
	static const uint8_t anon[] = {0, 1, 23, 0, 1, 5, 0, 1, 7};
	static const uint8_t export[] = {0, 2, 0xc0, 1, 0, 1, 3, 0, 1, 9};
	struct hello_exchange x;

	(void)state;
	assert_true(hello_exchange(OF(ecdhe), 0x0303, 0xc02f, &x));
	assert_int_equal(x.kind, HELLO_KIND_ECDHE);
	assert_int_equal(x.group, 23);
	assert_true(x.has_scheme && x.scheme == 0x0403 && x.signature.len == 1);
	assert_true(hello_exchange(OF(anon), 0x0301, 0x0034, &x));
	assert_int_equal(x.kind, HELLO_KIND_DHE);
	assert_true(x.prime.at[0] == 23 && !x.has_scheme && x.signature.len == 0);
	assert_true(hello_exchange(OF(export), 0x0300, 0x0003, &x));
	assert_int_equal(x.kind, HELLO_KIND_RSA);
	assert_int_equal(x.prime.len, 2);
	/* Nothing is told of what has other parameters, as those with keys shared before. */
	assert_false(hello_exchange(OF(ecdhe), 0x0303, 0xc035, &x));
	assert_false(hello_exchange(OF(ecdhe), 0x0303, 0xeeee, &x));
}

static void
test_requests(void **state)
{
	static const uint8_t tls12[] = {2, 1, 64, 0, 2, 4, 1, 0, 4, 0, 2, 0x30, 0};
	static const uint8_t tls10[] = {1, 1, 0, 0};
	static const uint8_t tls13[] = {0, 0, 8, 0, 13, 0, 4, 0, 2, 8, 4};
	struct hello_request q;

	(void)state;
	assert_true(hello_request(OF(tls12), 0x0303, &q));
	assert_true(q.types.len == 2 && q.schemes.len == 2 && q.authorities.len == 4);
	assert_true(hello_request(OF(tls10), 0x0301, &q));
	assert_true(q.types.len == 1 && q.schemes.len == 0 && q.authorities.len == 0);
	assert_true(hello_request(OF(tls13), 0x0304, &q));
	assert_true(q.types.len == 0 && q.schemes.len == 2);
}

static void
test_ssl2(void **state)
{
	static const uint8_t hello[] = {4, 1, 1, 0, 2, 0, 2, 0, 3, 0, 1, 'd', 'e', 1, 0, 0x80, 'i'};
	struct hello_ssl2 h;

	(void)state;
	assert_true(hello_ssl2(OF(hello), &h));
	assert_true(h.session_hit && h.certificate_type == 1 && h.version == 2);
	assert_int_equal(h.certificate.len, 2);
	assert_int_equal(h.ciphers.len, 3);
	assert_int_equal(h.connection_id.len, 1);
	for (size_t len = 0; len < sizeof(hello); len++)
		assert_false(hello_ssl2(span_of(hello, len), &h));
}

/* The hellos: their lengths are right all the way down. */
static void
check_client(uint16_t version, const char *sni, const char *alpn)
{
	uint8_t random[HELLO_RANDOM_BYTES] = {7}, buf[HELLO_CLIENT_MAX], type = 0;
	struct hello_client spec = {.version = version, .sni = span_of(sni, strlen(sni)),
				    .alpn = span_of(alpn, strlen(alpn)), .random = random};
	size_t len = hello_client_tls(&spec, buf);
	struct span s = span_of(buf, len), body = {0}, out = {0}, list = {0};
	uint16_t number = 0;

	assert_true(len > 0);
	assert_true(span_u8(&s, &type) && type == 22 && span_u16(&s, &number));
	assert_int_equal(number, version == 0x0300 ? 0x0300 : 0x0301);
	assert_true(span_vec16(&s, &body) && s.len == 0);
	assert_true(span_u8(&body, &type) && type == 1 && span_vec24(&body, &s) && body.len == 0);
	assert_true(span_u16(&s, &number) && number == version && span_take(&s, 32, &out));
	assert_memory_equal(out.at, random, 32);
	assert_true(span_vec8(&s, &out) && span_vec16(&s, &out) && out.len % 2 == 0);
	while (span_u16(&out, &number))
		assert_true(number == 0xff || strcmp(hello_suite_name(number), "unknown") != 0);
	assert_true(span_vec8(&s, &out) && out.len == 1);
	if (version == 0x0300) {
		assert_int_equal(s.len, 0);
		return;
	}
	assert_true(span_vec16(&s, &list) && s.len == 0);
	assert_int_equal(hello_find_extension(list, 0, &out), sni[0] != '\0');
	if (sni[0] != '\0')
		assert_memory_equal(out.at + 5, sni, strlen(sni));
	assert_int_equal(hello_find_extension(list, 16, &out), alpn[0] != '\0');
	while (hello_extension(&list, &number, &out))
		;
	assert_int_equal(list.len, 0);
}

static void
test_client(void **state)
{
	uint8_t random[HELLO_RANDOM_BYTES] = {0}, buf[HELLO_CLIENT_MAX];
	char longest[513];
	struct hello_client spec = {.version = 0x0303, .random = random};

	(void)state;
	memset(longest, 'a', sizeof(longest));
	for (uint16_t version = 0x0300; version <= 0x0303; version++) {
		check_client(version, "", "");
		check_client(version, "www.example.com", "\x02h2");
		longest[255] = '\0';
		check_client(version, longest, "\x02h2");
		longest[255] = 'a';
		longest[512] = '\0';
		check_client(version, "a.example", longest);
	}
	spec.sni = span_of(longest, 256);
	assert_int_equal(hello_client_tls(&spec, buf), 0);
	assert_int_equal(hello_client_ssl2(random, buf), 2 + 9 + 24 + 16);
	assert_int_equal(load_be16(buf), 0x8000 | (9 + 24 + 16));
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(hello_suite_name(0x0000), "TLS_NULL_WITH_NULL_NULL");
	assert_string_equal(hello_suite_name(0x1301), "TLS_AES_128_GCM_SHA256");
	assert_string_equal(hello_suite_name(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
	assert_string_equal(hello_suite_name(0xd005), "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256");
	assert_string_equal(hello_suite_name(0xffff), "unknown");
	assert_string_equal(hello_version_name(0x0304), "TLSv1.3");
	assert_string_equal(hello_group_name(29), "x25519");
	assert_string_equal(hello_alert_name(40), "handshake_failure");
	assert_string_equal(hello_ssl2_cipher_name(0x0700c0), "SSL_CK_DES_192_EDE3_CBC_WITH_MD5");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_hello), cmocka_unit_test(test_lists),
		cmocka_unit_test(test_exchanges),    cmocka_unit_test(test_requests),
		cmocka_unit_test(test_ssl2),         cmocka_unit_test(test_client),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
