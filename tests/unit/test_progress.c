/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "schedule/progress.h"

/* The same by a flag for each number. */
#define NUMBERS 4096

struct model {
	bool done[NUMBERS];
	uint64_t end;
};

static void
check(const struct progress *p, const struct model *m, uint64_t base)
{
	uint64_t n = 0, first, end;

	while (n < NUMBERS && m->done[n])
		n++;
	assert_int_equal(p->first, base + n);
	assert_int_equal(p->end, base + (m->end > n ? m->end : n));
	for (uint64_t i = 0; i < NUMBERS; i++)
		assert_int_equal(progress_has(p, base + i), m->done[i]);
	for (end = 0; progress_gap(p, end, &first, &end);) {
		for (; n < first - base; n++)
			assert_true(m->done[n]);
		for (; n < end - base; n++)
			assert_false(m->done[n]);
	}
	for (; n < m->end; n++)
		assert_true(m->done[n]);
}

/* In any order, and from any beginning, what is done is done and nothing else. */
static void
test_any_order(void **state)
{
	static const uint64_t bases[] = {0, 1, 63, UINT64_C(1) << 40};

	(void)state;
	for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
		struct model m = {0};
		struct progress p;
		uint64_t random = b + 1;

		progress_init(&p, bases[b]);
		for (unsigned int round = 0; round < 3 * NUMBERS; round++) {
			/* Near the front for the most part, as names end. */
			uint64_t ahead = hash_mix64(random += 77) % (round % 64 == 0 ? NUMBERS : 200);
			uint64_t n = p.first - bases[b] + ahead;

			if (n >= NUMBERS)
				continue;
			assert_int_equal(progress_done(&p, bases[b] + n), 0);
			m.done[n] = true;
			m.end = n >= m.end ? n + 1 : m.end;
			if (round % 256 == 0)
				check(&p, &m, bases[b]);
		}
		check(&p, &m, bases[b]);
		progress_fini(&p);
	}
}

/* What is behind costs nothing: the window is as wide as the slowest is behind. */
static void
test_bounded(void **state)
{
	struct progress p;
	uint64_t first, end;

	(void)state;
	progress_init(&p, 0);
	assert_false(progress_gap(&p, 0, &first, &end));
	for (uint64_t n = 0; n < 1000000; n++) {
		assert_int_equal(progress_done(&p, n + 100), 0);
		if (n >= 100)
			assert_int_equal(progress_done(&p, n - 100), 0);
		else
			assert_int_equal(progress_done(&p, n), 0);
	}
	assert_true(p.capacity <= 1024);
	assert_int_equal(p.first, 1000100);
	assert_int_equal(progress_done(&p, 5), 0);
	assert_int_equal(p.first, 1000100);
	progress_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
