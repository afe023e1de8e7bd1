/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "json/json.h"
#include "json_check.h"

#define TEXT(literal) span_of(literal, sizeof(literal) - 1)

static void
write_all(struct json *j)
{
	json_open_object(j, NULL);
	json_string(j, "s", "a\"b\\c\n\t\x01\x7f/");
	json_number(j, "n", UINT64_MAX);
	json_signed(j, "i", INT64_MIN);
	json_bool(j, "t", true);
	json_bool(j, "f", false);
	json_open_array(j, "a");
	json_number(j, NULL, 0);
	json_open_object(j, NULL);
	json_close_object(j);
	json_open_array(j, NULL);
	json_close_array(j);
	json_close_array(j);
	json_hex(j, "h", TEXT("\x00\xfe\x10"));
	json_base64(j, "b", TEXT("ab"));
	json_format(j, "p", "%d-%s", 7, "x");
	json_open_string(j, "pieces");
	json_piece(j, TEXT("one"));
	json_piece(j, TEXT("\"two"));
	json_close_string(j);
	json_close_object(j);
}

static const char all[] =
	"{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001\\u007f/\",\"n\":18446744073709551615,"
	"\"i\":-9223372036854775808,\"t\":true,\"f\":false,\"a\":[0,{},[]],\"h\":\"00fe10\","
	"\"b\":\"YWI=\",\"p\":\"7-x\",\"pieces\":\"one\\\"two\"}\n";

static void
test_values(void **state)
{
	char buf[1024];
	struct json j;
	size_t len;

	(void)state;
	json_begin(&j, buf, sizeof(buf));
	write_all(&j);
	len = json_finish(&j);
	assert_int_equal(len, sizeof(all) - 1);
	assert_memory_equal(buf, all, len);
	assert_true(json_is_line(buf, len));
}

/* Whatever the room, it is kept to, and what does not fit is said. */
static void
test_every_size(void **state)
{
	char buf[sizeof(all) + 16];
	struct json j;

	(void)state;
	for (size_t size = 0; size < sizeof(all) + 8; size++) {
		memset(buf, '#', sizeof(buf));
		json_begin(&j, buf, size);
		write_all(&j);
		assert_int_equal(json_finish(&j), size >= sizeof(all) - 1 ? sizeof(all) - 1 : 0);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
	}
}

static void
check_time(int64_t seconds)
{
	char buf[64], expected[64];
	time_t when = (time_t)seconds;
	struct json j;
	struct tm tm;

	gmtime_r(&when, &tm);
	snprintf(expected, sizeof(expected), "\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	json_begin(&j, buf, sizeof(buf));
	json_time(&j, NULL, seconds);
	assert_int_equal(j.len, strlen(expected));
	assert_memory_equal(buf, expected, j.len);
}

static void
test_times(void **state)
{
	static const int64_t first = -62167219200, last = 253402300799;
	char buf[64];
	struct json j;

	(void)state;
	/* Each day that there is, at another second. */
	for (int64_t day = 0; first + day * 86400 < last; day++)
		check_time(first + day * 86400 + day % 86400);
	check_time(last);
	json_begin(&j, buf, sizeof(buf));
	json_time(&j, NULL, INT64_MIN);
	json_time(&j, NULL, INT64_MAX);
	assert_memory_equal(buf, "\"0000-01-01T00:00:00Z\",\"9999-12-31T23:59:59Z\"", j.len);
}

static void
test_seconds(void **state)
{
	char buf[64];
	struct json j;

	(void)state;
	json_begin(&j, buf, sizeof(buf));
	json_seconds(&j, NULL, 0);
	json_seconds(&j, NULL, 1500000);
	json_seconds(&j, "k", UINT64_MAX);
	assert_memory_equal(buf, "0.000000,1.500000,\"k\":18446744073709.551615", j.len);
}

/* Each byte at each place among others: plain ones are written as they are, and no other is. */
static void
test_plain(void **state)
{
	(void)state;
	for (unsigned int byte = 0; byte < 256; byte++) {
		for (size_t at = 0; at < 20; at++) {
			uint8_t text[20];
			char buf[64];
			struct json j;
			bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';

			memset(text, 'x', sizeof(text));
			text[at] = (uint8_t)byte;
			json_begin(&j, buf, sizeof(buf));
			json_text(&j, NULL, span_of(text, sizeof(text)));
			assert_int_equal(j.len == sizeof(text) + 2, plain);
			assert_true(!plain || memcmp(buf + 1, text, sizeof(text)) == 0);
			assert_int_equal(buf[1 + at] == '\\', !plain);
		}
	}
}

static void
test_base64(void **state)
{
	/* RFC 4648, section 10. */
	static const char *const rows[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
		{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
	};
	char buf[64], expected[64];
	struct json j;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_begin(&j, buf, sizeof(buf));
		json_base64(&j, NULL, span_of(rows[i][0], strlen(rows[i][0])));
		snprintf(expected, sizeof(expected), "\"%s\"", rows[i][1]);
		assert_int_equal(j.len, strlen(expected));
		assert_memory_equal(buf, expected, j.len);
	}
}

static void
test_utf8(void **state)
{
	static const struct {
		const char *in, *out;
		bool valid;
	} rows[] = {
		{"\xc3\xa9", "\xc3\xa9", true},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", true},
		{"\xe9", "\\u00e9", false},
		{"a\xc3", "a\\u00c3", false},
		{"\xc0\xaf", "\\u00c0\\u00af", false},                 /* overlong */
		{"\xe0\x80\x80", "\\u00e0\\u0080\\u0080", false},
		{"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080", false},      /* a surrogate */
		{"\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080", false},
		{"\xff" "b", "\\u00ffb", false},
	};
	char buf[64], expected[64];
	struct json j;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = span_of(rows[i].in, strlen(rows[i].in));

		assert_int_equal(json_is_utf8(in), rows[i].valid);
		json_begin(&j, buf, sizeof(buf));
		json_text(&j, NULL, in);
		snprintf(expected, sizeof(expected), "\"%s\"", rows[i].out);
		assert_int_equal(j.len, strlen(expected));
		assert_memory_equal(buf, expected, j.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
