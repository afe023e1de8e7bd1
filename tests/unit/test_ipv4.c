/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/ipv4.h"

/* Parse a copy that ends where the text does, so that a sanitizer sees any byte read beyond. */
static int
parse_range(const char *text, struct ipv4_range *range)
{
	size_t len = strlen(text);
	char *copy = malloc(len + 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	ret = ipv4_parse_range(copy + 1, len, range);
	free(copy);
	return ret;
}

static void
test_parse_address(void **state)
{
	static const struct {
		const char *text;
		int ret;
		uint32_t address;
	} rows[] = {
		{"0.0.0.0", 0, 0},
		{"255.255.255.255", 0, UINT32_MAX},
		{"192.0.2.1", 0, 0xc0000201},
		{"1.20.100.9", 0, 0x01146409},
		{"", -EINVAL, 0},
		{".", -EINVAL, 0},
		{"1", -EINVAL, 0},
		{"1.2.3", -EINVAL, 0},
		{"1.2.3.", -EINVAL, 0},
		{"1.2.3.4.", -EINVAL, 0},
		{"1.2.3.4.5", -EINVAL, 0},
		{".1.2.3.4", -EINVAL, 0},
		{"1..2.3", -EINVAL, 0},
		{"1.2.3.256", -EINVAL, 0},
		{"1.2.3.1000", -EINVAL, 0},
		{"1.2.3.4294967297", -EINVAL, 0},
		{"01.2.3.4", -EINVAL, 0},
		{"1.2.3.00", -EINVAL, 0},
		{" 1.2.3.4", -EINVAL, 0},
		{"1.2.3.4 ", -EINVAL, 0},
		{"1.2.3.-4", -EINVAL, 0},
		{"1.2.3.+4", -EINVAL, 0},
		{"0x1.2.3.4", -EINVAL, 0},
		{"1.2.3.a", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t address = 0;

		assert_int_equal(ipv4_parse(rows[i].text, strlen(rows[i].text), &address),
				 rows[i].ret);
		assert_int_equal(address, rows[i].address);
	}
}

/* The length rules, not a terminator. */
static void
test_parse_stops_at_length(void **state)
{
	uint32_t address;

	(void)state;
	assert_int_equal(ipv4_parse("10.0.0.123", 8, &address), 0);
	assert_int_equal(address, 0x0a000001);
	assert_int_equal(ipv4_parse("10.0.0.1", 7, &address), -EINVAL);
}

static void
test_parse_range(void **state)
{
	static const struct {
		const char *text;
		int ret;
		struct ipv4_range range;
	} rows[] = {
		{"192.0.2.7", 0, {0xc0000207, 0xc0000207}},
		{"10.0.0.0/8", 0, {0x0a000000, 0x0affffff}},
		{"0.0.0.0/0", 0, {0, UINT32_MAX}},
		{"128.0.0.0/1", 0, {0x80000000, UINT32_MAX}},
		{"192.0.2.6/31", 0, {0xc0000206, 0xc0000207}},
		{"255.255.255.255/32", 0, {UINT32_MAX, UINT32_MAX}},
		{"0.0.0.0-255.255.255.255", 0, {0, UINT32_MAX}},
		{"192.0.2.9-192.0.2.20", 0, {0xc0000209, 0xc0000214}},
		{"192.0.2.9-192.0.2.9", 0, {0xc0000209, 0xc0000209}},
		{"10.0.0.1/8", -EDOM, {0x0a000000, 0x0affffff}},
		{"255.255.255.255/0", -EDOM, {0, UINT32_MAX}},
		{"192.0.2.7/31", -EDOM, {0xc0000206, 0xc0000207}},
		{"10.0.0.0/33", -ERANGE, {0, 0}},
		{"10.0.0.0/999", -ERANGE, {0, 0}},
		{"192.0.2.9-192.0.2.8", -ERANGE, {0xc0000209, 0xc0000208}},
		{"10.0.0.0/", -EINVAL, {0, 0}},
		{"10.0.0.0/08", -EINVAL, {0, 0}},
		{"10.0.0.0/8/8", -EINVAL, {0, 0}},
		{"10.0.0.0/8 ", -EINVAL, {0, 0}},
		{"10.0.0.0/-1", -EINVAL, {0, 0}},
		{"10.0.0/8", -EINVAL, {0, 0}},
		{"/8", -EINVAL, {0, 0}},
		{"-", -EINVAL, {0, 0}},
		{"", -EINVAL, {0, 0}},
		{"10.0.0.0-", -EINVAL, {0x0a000000, 0}},
		{"10.0.0.0-10.0.0.1-10.0.0.2", -EINVAL, {0x0a000000, 0}},
		{"10.0.0.0 - 10.0.0.1", -EINVAL, {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipv4_range range = {0, 0};

		assert_int_equal(parse_range(rows[i].text, &range), rows[i].ret);
		if (rows[i].ret == -EINVAL)
			continue;
		assert_int_equal(range.first, rows[i].range.first);
		assert_int_equal(range.last, rows[i].range.last);
	}
}

static void
test_format_is_parse_reversed(void **state)
{
	char text[IPV4_TEXT_SIZE];

	(void)state;
	assert_int_equal(ipv4_format(0, text), 7);
	assert_string_equal(text, "0.0.0.0");
	assert_int_equal(ipv4_format(UINT32_MAX, text), 15);
	assert_string_equal(text, "255.255.255.255");
	assert_int_equal(ipv4_format(0x0a63c809, text), 11);
	assert_string_equal(text, "10.99.200.9");
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t address = (uint32_t)hash_mix64(i), back;
		unsigned int len = ipv4_format(address, text);

		assert_int_equal(len, strlen(text));
		assert_int_equal(ipv4_parse(text, len, &back), 0);
		assert_int_equal(back, address);
	}
}

static void
test_range_count(void **state)
{
	(void)state;
	assert_int_equal(ipv4_range_count((struct ipv4_range){7, 7}), 1);
	assert_int_equal(ipv4_range_count((struct ipv4_range){0, UINT32_MAX}),
			 UINT64_C(1) << 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_address),
		cmocka_unit_test(test_parse_stops_at_length),
		cmocka_unit_test(test_parse_range),
		cmocka_unit_test(test_format_is_parse_reversed),
		cmocka_unit_test(test_range_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
