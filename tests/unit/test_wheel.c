/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "wheel/wheel.h"

#define ITEMS 200

struct item {
	uint64_t before;
	struct wheel_timer timer;
	uint32_t due; /* as the model has it; UINT32_MAX: not set */
};

struct fixture {
	struct wheel wheel;
	struct item items[ITEMS];
	uint64_t now_ns;
};

static struct fixture f;

static void
open_at(uint64_t now_ns)
{
	memset(&f, 0, sizeof(f));
	for (unsigned int i = 0; i < ITEMS; i++)
		f.items[i].due = UINT32_MAX;
	f.now_ns = now_ns;
	wheel_init(&f.wheel, &f.items[0].timer, sizeof(f.items[0]), now_ns);
}

/* All that is due comes, and nothing else; what comes is no longer set. */
static void
advance(uint64_t now_ns)
{
	uint32_t now = (uint32_t)(now_ns >> WHEEL_TICK_SHIFT), number;

	f.now_ns = now_ns;
	while ((number = wheel_pop(&f.wheel, now_ns)) != WHEEL_NONE) {
		assert_true(number < ITEMS && f.items[number].due != UINT32_MAX);
		assert_true((int32_t)(f.items[number].due - now) <= 0);
		assert_false(wheel_is_set(&f.items[number].timer));
		f.items[number].due = UINT32_MAX;
	}
	for (unsigned int i = 0; i < ITEMS; i++) {
		assert_int_equal(wheel_is_set(&f.items[i].timer), f.items[i].due != UINT32_MAX);
		if (f.items[i].due != UINT32_MAX)
			assert_true((int32_t)(f.items[i].due - now) > 0);
	}
}

static void
set(uint32_t number, uint32_t tick)
{
	f.items[number].due = tick;
	wheel_set(&f.wheel, number, tick);
}

static void
clear(uint32_t number)
{
	f.items[number].due = UINT32_MAX;
	wheel_clear(&f.wheel, number);
}

/* What has been comes with the next tick; one that is set anew counts once; next is never late. */
static void
test_a_few(void **state)
{
	const uint64_t next = ((101 * NS_PER_SEC >> WHEEL_TICK_SHIFT) + 1) << WHEEL_TICK_SHIFT;

	(void)state;
	open_at(100 * NS_PER_SEC);
	assert_true(wheel_next_ns(&f.wheel) == TIME_NEVER);
	advance(101 * NS_PER_SEC);
	set(0, 5);
	set(1, wheel_tick_up(103 * NS_PER_SEC));
	set(1, wheel_tick_up(102 * NS_PER_SEC));
	clear(2);
	assert_true(wheel_next_ns(&f.wheel) == next);
	advance(next);
	assert_int_equal(f.items[0].due, UINT32_MAX);
	assert_true(wheel_next_ns(&f.wheel) <= 102 * NS_PER_SEC + (1 << WHEEL_TICK_SHIFT));
	advance(102 * NS_PER_SEC + (1 << WHEEL_TICK_SHIFT));
	assert_true(wheel_next_ns(&f.wheel) == TIME_NEVER);
}

/* Against a model: any mix of setting, clearing and time, near, a turn away, many turns, over the wrap. */
static void
test_any(void **state)
{
	static const uint64_t spans[] = {1, 100, WHEEL_SLOTS - 1, WHEEL_SLOTS, 3 * WHEEL_SLOTS, 1 << 24};

	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		open_at((UINT64_C(0xffffffff) << WHEEL_TICK_SHIFT) - seed * NS_PER_SEC);
		for (uint64_t step = 0; step < 2000; step++) {
			uint64_t draw = hash_mix64(seed << 32 | step), span = spans[(draw >> 16) % 6];
			uint32_t number = (uint32_t)(draw >> 32) % ITEMS;
			uint32_t now = (uint32_t)(f.now_ns >> WHEEL_TICK_SHIFT);

			if (draw % 8 < 4)
				/* What has been is due with the next tick. */
				set(number, now + 1 + (uint32_t)(hash_mix64(draw) % span));
			else if (draw % 8 < 6)
				clear(number);
			else
				advance(f.now_ns + (hash_mix64(draw) % span << WHEEL_TICK_SHIFT));
		}
	}
}

/* Whatever an expiry sets or clears, in its own list too, disturbs nothing. */
static void
test_changes_while_a_list_is_taken(void **state)
{
	uint32_t number, tick = wheel_tick_up(NS_PER_SEC);
	unsigned int came = 0;

	(void)state;
	open_at(0);
	for (uint32_t i = 0; i < ITEMS; i++)
		wheel_set(&f.wheel, i, tick);
	while ((number = wheel_pop(&f.wheel, 2 * NS_PER_SEC)) != WHEEL_NONE) {
		came++;
		if (number % 3 == 0 && number > 0)
			wheel_clear(&f.wheel, number - 1);
		if (number % 5 == 0 && number + 1 < ITEMS)
			wheel_set(&f.wheel, number + 1, tick + 3 * WHEEL_SLOTS);
	}
	for (uint32_t i = 0; i < ITEMS; i++)
		came += wheel_is_set(&f.items[i].timer);
	assert_true(came > ITEMS / 2 && came <= ITEMS + ITEMS / 5);
	assert_int_equal(f.wheel.set == 0, wheel_next_ns(&f.wheel) == TIME_NEVER);
	while (wheel_pop(&f.wheel, 200 * NS_PER_SEC) != WHEEL_NONE)
		;
	assert_int_equal(f.wheel.set, 0);
	for (size_t i = 0; i <= WHEEL_SLOTS; i++)
		assert_int_equal(f.wheel.slot[i], 0);
	for (size_t i = 0; i < WHEEL_SLOTS / 64; i++)
		assert_true(f.wheel.occupied[i] == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_few),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_changes_while_a_list_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
