/* SPDX-License-Identifier: BSD-3-Clause */
/* Epochs: over when their cooldown has been listened through, never before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "schedule/epochs.h"

#define COOLDOWN_NS (8 * NS_PER_SEC)

static void
test_over_after_the_cooldown(void **state)
{
	struct epochs e;

	(void)state;
	epochs_init(&e, 100, 10000, COOLDOWN_NS);
	epochs_seen(&e, 1000 * NS_PER_SEC);
	assert_int_equal(e.floor, 100);
	epochs_note(&e, 10 * NS_PER_SEC, 5000);
	epochs_note(&e, 11 * NS_PER_SEC, 6000);
	epochs_seen(&e, 18 * NS_PER_SEC - 1);
	assert_int_equal(e.floor, 100);
	epochs_seen(&e, 18 * NS_PER_SEC);
	assert_int_equal(e.floor, 5000);
	/* The last is noted however soon it comes. */
	epochs_note(&e, 11 * NS_PER_SEC + 1, 10000);
	epochs_seen(&e, 19 * NS_PER_SEC);
	assert_int_equal(e.floor, 6000);
	epochs_seen(&e, 19 * NS_PER_SEC + 1);
	assert_int_equal(e.floor, 10000);
}

/* Any course of a scan: the floor is one that stood a cooldown before, and lags little behind it. */
static void
test_never_early(void **state)
{
	static uint64_t floor_at[20000];
	const uint64_t step_ns = 100 * NS_PER_MS;

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		uint64_t cooldown_ns = hash_mix64(seed) % (100 * NS_PER_SEC), floor = 0;
		uint64_t back = cooldown_ns / step_ns, lag;
		struct epochs e;

		epochs_init(&e, 0, UINT64_MAX, cooldown_ns);
		lag = (e.period_ns / step_ns + 2);
		for (uint64_t i = 0; i < 20000; i++) {
			floor += hash_mix64(seed ^ i << 8) % 3 * 4096;
			floor_at[i] = floor;
			epochs_note(&e, i * step_ns, floor);
			epochs_seen(&e, i * step_ns);
			assert_true(e.floor <= (i >= back ? floor_at[i - back] : 0));
			if (i > back + lag + 1)
				assert_true(e.floor >= floor_at[i - back - lag - 1]);
		}
	}
}

/* A writer that is far behind makes epochs longer, and none too early. */
static void
test_full(void **state)
{
	struct epochs e;

	(void)state;
	epochs_init(&e, 0, UINT64_MAX, NS_PER_SEC);
	for (uint64_t i = 1; i <= 3 * EPOCHS_MAX; i++)
		epochs_note(&e, i * NS_PER_SEC, i);
	epochs_seen(&e, (EPOCHS_MAX + 5) * NS_PER_SEC);
	assert_int_equal(e.floor, EPOCHS_MAX - 1);
	epochs_seen(&e, (3 * EPOCHS_MAX + 1) * NS_PER_SEC);
	assert_int_equal(e.floor, 3 * EPOCHS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over_after_the_cooldown),
		cmocka_unit_test(test_never_early),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
