/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "names/hostname.h"
#include "names/named.h"
#include "names/names.h"

#define L63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-123456789"

static void
test_hostnames(void **state)
{
	static const char *const good[] = {
		"a", "www.example.com", "www.example.com.", "WWW.Example.COM", "xn--bcher-kva.example",
		"_dmarc.example.com", "a_b.example", "1.2.3.4.example", "9a", L63 ".example",
		L63 "." L63 "." L63 "." "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-1234567",
	};
	static const struct {
		const char *name;
		const char *fault;
	} bad[] = {
		{"", "is empty"},
		{".", "has an empty label; write one dot between labels"},
		{"a..b", "has an empty label; write one dot between labels"},
		{".a", "has an empty label; write one dot between labels"},
		{"a.b..", "has an empty label; write one dot between labels"},
		{L63 "x", "has a label longer than 63 bytes"},
		{"-a.example", "has a label that begins or ends with '-'"},
		{"a-.example", "has a label that begins or ends with '-'"},
		{"*.example.com", "is no host name; write letters, digits, '-', '_' and dots"},
		{"a b", "is no host name; write letters, digits, '-', '_' and dots"},
		{"b\xc3\xbc" "cher.example", "is no host name; write an IDN as its A-label (xn--...)"},
		{"192.0.2.1", "ends in a number, as no host name does"},
		{"443", "ends in a number, as no host name does"},
		{L63 "." L63 "." L63 "." "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-12345678",
		 "is longer than a host name's 253 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(hostname_fault(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_string_equal(hostname_fault(bad[i].name, strlen(bad[i].name)), bad[i].fault);
	/* A NUL is a byte like any other, and nothing beyond the length is read. */
	assert_non_null(hostname_fault("a\0b", 3));
	assert_null(hostname_fault("a-", 1));
}

static void
add(struct names *n, uint32_t address, uint16_t port, const char *name)
{
	assert_int_equal(names_add(n, address, port, name, strlen(name)), 0);
}

/* All names of a target, each with a blank behind it; of this many at most. */
static const char *
names_of(const struct names *n, uint32_t address, uint16_t port)
{
	static char text[256];
	struct names_walk walk = {0};
	const char *name;

	text[0] = '\0';
	while ((name = names_next(n, address, port, &walk)) != NULL)
		strcat(strcat(text, name), " ");
	assert_null(names_next(n, address, port, &walk));
	return text;
}

static void
test_walk(void **state)
{
	struct names *n = names_new();

	(void)state;
	assert_non_null(n);
	add(n, 7, 443, "b.example");
	add(n, 7, 0, "any.example");
	add(n, 7, 0, "b.example");
	add(n, 9, 443, "last.example");
	add(n, 7, 443, "A.Example.");
	add(n, 7, 443, "b.example");
	add(n, 7, 8443, "other.example");
	add(n, 6, 0, "a.example");
	add(n, 6, 443, "a.example");
	names_settle(n);
	assert_int_equal(names_count(n), 8);

	/* Those of the port first; what it has is not repeated among those of any. */
	assert_string_equal(names_of(n, 7, 443), "a.example b.example any.example ");
	assert_string_equal(names_of(n, 7, 80), "any.example b.example ");
	assert_string_equal(names_of(n, 7, 8443), "other.example any.example b.example ");
	assert_string_equal(names_of(n, 7, 0), "any.example b.example ");
	assert_string_equal(names_of(n, 6, 443), "a.example ");
	assert_string_equal(names_of(n, 9, 443), "last.example ");
	assert_string_equal(names_of(n, 9, 80), "");
	assert_string_equal(names_of(n, 8, 443), "");
	assert_string_equal(names_of(n, 10, 443), "");
	assert_string_equal(names_of(n, 0, 1), "");
	names_free(n);
}

static void
test_none(void **state)
{
	struct names *n = names_new();

	(void)state;
	assert_string_equal(names_of(NULL, 1, 1), "");
	assert_int_equal(names_count(NULL) + names_bytes(NULL), 0);
	names_settle(n);
	assert_string_equal(names_of(n, 1, 1), "");
	names_free(n);
	names_free(NULL);
}

#define MANY 50000

static void
test_named(void **state)
{
	struct named *n = named_new();

	(void)state;
	assert_int_equal(named_count(NULL, 1, 1), 0);
	assert_int_equal(named_count(n, 1, 1), 0);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(named_add(n, i % 1000, (uint16_t)(1 + i % 7)), 0);
	for (uint32_t i = 0; i < 7000; i++)
		assert_int_equal(named_count(n, i % 1000, (uint16_t)(1 + i % 7)), MANY / 7000 + (i < MANY % 7000));
	assert_int_equal(named_count(n, 1000, 1), 0);
	assert_int_equal(named_count(n, 0, 8), 0);
	named_free(n);
	named_free(NULL);
}

/* Every name that was added is found at its target, among as many as were added there. */
static void
test_many(void **state)
{
	struct names *n = names_new();
	static uint32_t at[64];
	char text[32];
	size_t found = 0, bytes = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t address = (uint32_t)hash_mix64(i) & 63;

		at[address]++;
		bytes += (size_t)snprintf(text, sizeof(text), "host%u.example", i) + 1;
		add(n, address, 443, text);
	}
	names_settle(n);
	assert_int_equal(names_count(n), MANY);
	assert_in_range(names_bytes(n), bytes + 16 * MANY, bytes + 16 * MANY + 256);
	for (uint32_t address = 0; address < 64; address++) {
		struct names_walk walk = {0};
		const char *name, *before = "";
		size_t count = 0;

		for (; (name = names_next(n, address, 443, &walk)) != NULL; count++) {
			unsigned int number = (unsigned int)strtoul(name + 4, NULL, 10);

			assert_int_equal(hash_mix64(number) & 63, address);
			assert_true(strcmp(before, name) < 0);
			before = name;
		}
		assert_int_equal(count, at[address]);
		found += count;
	}
	assert_int_equal(found, MANY);
	names_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostnames),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
