/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"

static void
test_format(void **state)
{
	static const struct {
		struct diag_place place;
		const char *text;
	} rows[] = {
		{{"job.yaml", 3, 7}, "job.yaml:3:7: bad 42"},
		{{"job.yaml", 3, 0}, "job.yaml:3: bad 42"},
		{{"job.yaml", 0, 0}, "job.yaml: bad 42"},
		{{"job.yaml", 0, 7}, "job.yaml: bad 42"},
		{{NULL, 3, 7}, "3:7: bad 42"},
		{{NULL, 0, 0}, "bad 42"},
	};
	struct diag d = DIAG_EMPTY;
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		diag_add(&d, rows[i].place, "bad %d", 42);
		assert_int_equal(diag_format(&d, i, buf, sizeof(buf)), strlen(rows[i].text));
		assert_string_equal(buf, rows[i].text);
	}
	assert_int_equal(diag_format(&d, 0, buf, 4), strlen(rows[0].text));
	assert_string_equal(buf, "job");
	diag_reset(&d);
}

static void
test_sort_is_stable(void **state)
{
	static const struct diag_place places[] = {
		{"b", 1, 1}, {"a", 2, 1}, {"a", 1, 9}, {"a", 2, 1}, {NULL, 5, 5}, {"a", 1, 2},
	};
	static const int expected[] = {4, 5, 2, 1, 3, 0};
	struct diag d = DIAG_EMPTY;
	char text[2] = "0";

	(void)state;
	for (size_t i = 0; i < 6; i++)
		diag_add(&d, places[i], "%zu", i);
	diag_sort(&d);
	for (size_t i = 0; i < 6; i++) {
		text[0] = (char)('0' + expected[i]);
		assert_string_equal(d.entries[i].text, text);
	}
	diag_reset(&d);
}

/* Beyond what it holds, a list still counts. */
static void
test_overflow_is_counted(void **state)
{
	const struct diag_place place = {"f", 1, 1};
	struct diag d = DIAG_EMPTY;

	(void)state;
	assert_true(diag_is_empty(&d));
	for (int i = 0; i < DIAG_MAX + 5; i++)
		diag_add(&d, place, "fault");
	assert_int_equal(d.count, DIAG_MAX);
	assert_int_equal(d.dropped, 5);
	assert_false(diag_is_empty(&d));
	diag_reset(&d);
	assert_true(diag_is_empty(&d));
	diag_reset(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_sort_is_stable),
		cmocka_unit_test(test_overflow_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
