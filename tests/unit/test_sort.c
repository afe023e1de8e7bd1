/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/sort.h"

#define MOST 20000

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The same as qsort() makes of n numbers of so many bits, in an order that a seed gives. */
static void
check(size_t n, unsigned int bits, uint64_t seed)
{
	uint64_t *numbers = malloc((n + 1) * sizeof(*numbers)), *sorted = malloc((n + 1) * sizeof(*sorted));

	assert_true(numbers != NULL && sorted != NULL);
	for (size_t i = 0; i <= n; i++)
		sorted[i] = numbers[i] = hash_mix64(seed + i) >> (64 - bits);
	qsort(sorted, n, sizeof(*sorted), compare);
	sort_u64(numbers, n);
	assert_memory_equal(numbers, sorted, (n + 1) * sizeof(*numbers)); /* and none beyond */
	free(numbers);
	free(sorted);
}

static void
test_any_count_and_width(void **state)
{
	static const unsigned int bits[] = {1, 7, 8, 9, 16, 33, 48, 63, 64};

	(void)state;
	for (size_t n = 0; n < 100; n++)
		check(n, 64, n);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		check(MOST, bits[i], i);
}

/* Orders that are hard on other ways of sorting. */
static void
test_ordered_already(void **state)
{
	static uint64_t numbers[MOST];

	(void)state;
	for (int order = 0; order < 3; order++) {
		for (uint64_t i = 0; i < MOST; i++)
			numbers[i] = order == 0 ? i << 40 : order == 1 ? (MOST - 1 - i) << 40 : 7;
		sort_u64(numbers, MOST);
		for (uint64_t i = 0; i < MOST; i++)
			assert_int_equal(numbers[i], order == 2 ? 7 : i << 40);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_count_and_width),
		cmocka_unit_test(test_ordered_already),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
