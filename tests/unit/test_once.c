/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "once/once.h"

static const uint64_t key[2] = {1, 2};

/* Each is new once, also while the table grows. */
static void
test_once(void **state)
{
	struct once s;
	char text[64];

	(void)state;
	assert_int_equal(once_init(&s), 0);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 100000; i++) {
			int n = snprintf(text, sizeof(text), "host-%u.example.org", i);

			assert_int_equal(once_add(&s, once_hash(key, text, (size_t)n)), round == 0);
		}
	}
	assert_int_equal(s.count, 100000);
	once_fini(&s);
}

/* Every byte counts, the length does, and so does the key. */
static void
test_hash(void **state)
{
	static const uint64_t other[2] = {1, 3};
	uint8_t text[70] = {0};

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		uint64_t hash = once_hash(key, text, len);

		assert_true(hash != 0);
		assert_true(hash != once_hash(other, text, len));
		assert_true(len == 0 || hash != once_hash(key, text, len - 1));
		for (size_t i = 0; i < len; i++) {
			text[i] ^= 1;
			assert_true(hash != once_hash(key, text, len));
			text[i] ^= 1;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
