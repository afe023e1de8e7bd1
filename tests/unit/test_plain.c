/* SPDX-License-Identifier: BSD-3-Clause */
/* SSL 2 and what is said in the clear: scripted servers, in every split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hello/hello.h"
#include "hello/plain.h"

#define HEX(...) ((const uint8_t[]){__VA_ARGS__})
#define OF(array) span_of(array, sizeof(array))

/* SSL 3: ServerHello (RC4, no extensions), Certificate of two bytes, export key, ServerHelloDone, over
 * three records that do not end where messages do. */
static const uint8_t ssl3[] = {
	0x16, 3, 0, 0, 20,
	2, 0, 0, 38, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	0x16, 3, 0, 0, 30,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0, 0, 3, 0,
	11, 0, 0, 8, 0, 0, 5, 0,
	0x16, 3, 0, 0, 22,
	0, 2, 'd', 'e',
	12, 0, 0, 10, 0, 2, 0xc0, 1, 0, 1, 3, 0, 1, 9,
	14, 0, 0, 0,
};

static const uint8_t ssl2[] = {
	0x80, 17, 4, 0, 1, 0, 2, 0, 2, 0, 3, 0, 1, 'd', 'e', 1, 0, 0x80, 'i',
};
static const uint8_t ssl2_padded[] = {
	0x00, 19, 2, 4, 0, 1, 0, 2, 0, 2, 0, 3, 0, 1, 'd', 'e', 1, 0, 0x80, 'i', 'p', 'p',
};
static const uint8_t ssl2_error[] = {0x80, 3, 0, 0, 1};

static uint8_t copy[GRAB_CAPTURE_MAX];

struct result {
	enum grab_cause cause;
	enum grab_stage stage;
	size_t chunks;
	size_t bytes; /* of all chunks */
	uint8_t last_type, last_byte;
};

/* Feed a script in pieces; FIN at its end. */
static struct result
run(struct span script, size_t piece, uint16_t min, uint16_t max, enum plain_depth depth)
{
	struct grab_pool *pool = grab_pool_new(128);
	struct grab *g = grab_new(pool, GRAB_TLS, 0);
	struct grab_chunk_head head;
	struct result result = {0};
	struct span rest, bytes;
	struct plain p;

	plain_begin(&p, g, min, max, depth);
	while (script.len > 0) {
		span_take(&script, piece < script.len ? piece : script.len, &bytes);
		if (!plain_input(&p, bytes, 5))
			break;
	}
	grab_end(g, GRAB_CLOSED, 9);
	rest = span_of(copy, grab_copy(g, copy));
	while (grab_next(&rest, &head, &bytes)) {
		result.chunks++;
		result.bytes += bytes.len;
		result.last_type = head.type;
		result.last_byte = bytes.len > 0 ? bytes.at[bytes.len - 1] : 0;
	}
	result.cause = (enum grab_cause)g->cause;
	result.stage = (enum grab_stage)g->stage;
	grab_free(g);
	assert_int_equal(grab_pool_room(pool), 128);
	grab_pool_free(pool);
	return result;
}

static void
check(struct span script, uint16_t min, uint16_t max, enum plain_depth depth, enum grab_cause cause,
      enum grab_stage stage, size_t chunks, size_t bytes)
{
	for (size_t piece = 1; piece <= script.len; piece++) {
		struct result r = run(script, piece, min, max, depth);

		assert_int_equal(r.cause, cause);
		assert_int_equal(r.stage, stage);
		assert_int_equal(r.chunks, chunks);
		assert_int_equal(r.bytes, bytes);
	}
}

static void
test_ssl3(void **state)
{
	(void)state;
	check(OF(ssl3), 0x0300, 0x0300, PLAIN_ALL, GRAB_COMPLETE, GRAB_CERTIFICATE, 3, 42 + 12 + 14);
	check(OF(ssl3), 0x0300, 0x0303, PLAIN_CERTIFICATE, GRAB_COMPLETE, GRAB_CERTIFICATE, 2, 42 + 12);
	check(OF(ssl3), 0x0300, 0x0303, PLAIN_SERVER_HELLO, GRAB_COMPLETE, GRAB_SERVER_HELLO, 1, 42);
	/* It was not offered. */
	check(OF(ssl3), 0x0301, 0x0303, PLAIN_ALL, GRAB_VERSION, GRAB_SERVER_HELLO, 1, 42);
}

/* Cut at each byte: what had come is there. */
static void
test_every_end(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(ssl3); len++) {
		struct result r = run(span_of(ssl3, len), 7, 0x0300, 0x0300, PLAIN_ALL);

		assert_int_equal(r.cause, GRAB_CLOSED);
		assert_int_equal(r.stage, len >= 69 ? GRAB_CERTIFICATE
					  : len >= 52 ? GRAB_SERVER_HELLO
						      : GRAB_CONNECT);
	}
	for (size_t len = 0; len < sizeof(ssl2); len++)
		assert_int_equal(run(span_of(ssl2, len), 3, 2, 2, PLAIN_ALL).cause, GRAB_CLOSED);
}

static void
test_ssl2(void **state)
{
	struct result r;

	(void)state;
	check(OF(ssl2), 2, 2, PLAIN_ALL, GRAB_COMPLETE, GRAB_CERTIFICATE, 1, 17);
	check(OF(ssl2_padded), 2, 2, PLAIN_ALL, GRAB_COMPLETE, GRAB_CERTIFICATE, 1, 17);
	check(OF(ssl2_error), 2, 2, PLAIN_ALL, GRAB_ALERT, GRAB_CONNECT, 1, 3);
	/* What servers without it say: an alert of TLS, or something else. */
	check(span_of(HEX(0x15, 3, 1, 0, 2, 2, 70), 7), 2, 2, PLAIN_ALL, GRAB_ALERT, GRAB_CONNECT, 1, 2);
	r = run(span_of(HEX(0x15, 3, 1, 0, 2, 2, 70), 7), 2, 2, 2, PLAIN_ALL);
	assert_int_equal(r.last_type, GRAB_CHUNK_ALERT_RECEIVED);
	assert_int_equal(r.last_byte, 70);
	r = run(span_of("HTTP/1.1 400 Bad Request\r\n", 26), 26, 2, 2, PLAIN_ALL);
	assert_int_equal(r.cause, GRAB_NOT_TLS);
	assert_int_equal(r.bytes, 26);
}

static void
test_other_answers(void **state)
{
	(void)state;
	check(span_of(HEX(0x15, 3, 1, 0, 2, 2, 40), 7), 0x0301, 0x0303, PLAIN_ALL, GRAB_ALERT, GRAB_CONNECT, 1, 2);
	/* A warning is no end: unrecognized_name comes before a ServerHello. */
	check(span_of(HEX(0x15, 3, 1, 0, 2, 1, 112), 7), 0x0301, 0x0303, PLAIN_ALL, GRAB_CLOSED, GRAB_CONNECT, 1, 2);
	/* A message out of place. */
	check(span_of(HEX(0x16, 3, 1, 0, 4, 14, 0, 0, 0), 9), 0x0301, 0x0303, PLAIN_ALL, GRAB_BAD_MESSAGE, GRAB_CONNECT, 0, 0);
}

static void
test_not_tls(void **state)
{
	static const char ssh[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof(ssh); piece++) {
		struct result r = run(span_of(ssh, sizeof(ssh) - 1), piece, 0x0300, 0x0303, PLAIN_ALL);

		assert_int_equal(r.cause, GRAB_NOT_TLS);
		assert_int_equal(r.last_type, GRAB_CHUNK_RAW);
		assert_true(r.bytes >= SNIFF_ENOUGH_BYTES && r.bytes < sizeof(ssh));
	}
}

static void
test_limits(void **state)
{
	static uint8_t script[PLAIN_BYTES_MAX + 20000];
	struct result r;

	(void)state;
	/* A message longer than any may be. */
	r = run(span_of(HEX(0x16, 3, 1, 0, 4, 11, 2, 0, 1), 9), 3, 0x0300, 0x0303, PLAIN_ALL);
	assert_int_equal(r.cause, GRAB_TOO_LARGE);
	/* Empty records without end. */
	for (size_t at = 0; at + 5 <= sizeof(script); at += 5)
		memcpy(script + at, HEX(0x16, 3, 1, 0, 0), 5);
	r = run(OF(script), 1460, 0x0300, 0x0303, PLAIN_ALL);
	assert_int_equal(r.cause, GRAB_TOO_LARGE);
	assert_int_equal(r.chunks, 0);
	/* A record longer than any may be, after a good one. */
	memcpy(script, HEX(0x16, 3, 1, 0, 0, 0x16, 3, 1, 0x48, 1), 10);
	assert_int_equal(run(OF(script), 5, 0x0300, 0x0303, PLAIN_ALL).cause, GRAB_BAD_RECORD);
	memcpy(script, HEX(0x17, 3, 1, 0, 1, 0), 6);
	assert_int_equal(run(OF(script), 5, 0x0300, 0x0303, PLAIN_ALL).cause, GRAB_BAD_MESSAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ssl3),          cmocka_unit_test(test_every_end),
		cmocka_unit_test(test_ssl2),          cmocka_unit_test(test_other_answers),
		cmocka_unit_test(test_not_tls),       cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
