/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/near.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void
test_near(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned int distance;
	} cases[] = {
		{"", "", 0}, {"rate", "rate", 0}, {"rate", "", 4}, {"rate", "rat", 1},
		{"rate", "grate", 1}, {"rate", "rote", 1}, {"rate", "rtae", 1},
		{"bandwith", "bandwidth", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3},
	};
	char word[NEAR_WORD_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(near_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(near_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
	memset(word, 'x', sizeof(word));
	word[NEAR_WORD_MAX] = '\0';
	assert_int_equal(near_distance(word, ""), NEAR_WORD_MAX);
	assert_int_equal(near_distance(word, word), 0);
	word[NEAR_WORD_MAX] = 'x';
	word[NEAR_WORD_MAX + 1] = '\0';
	assert_int_equal(near_distance(word, word), NEAR_WORD_MAX + 1);
	assert_true(near_is_likely("ab", 1));
	assert_false(near_is_likely("abcde", 2));
	assert_true(near_is_likely("abcdef", 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
