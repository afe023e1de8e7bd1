/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "dedup/dedup.h"

#define MB (1 << 20)

static struct dedup *
new_dedup(size_t max_bytes)
{
	struct dedup *d = dedup_new(max_bytes, 0x1234);

	assert_non_null(d);
	return d;
}

/* The ith of a sequence of distinct keys. */
static int
add_key(struct dedup *d, uint64_t i)
{
	uint64_t key = i * UINT64_C(0x9e3779b97f4a7c15); /* odd: a bijection, so is its low part */

	return dedup_add(d, (uint32_t)key, (uint16_t)(key >> 32), (uint8_t)(key >> 48));
}

static void
test_each_part_of_a_key_counts(void **state)
{
	static const struct {
		uint32_t address;
		uint16_t port;
		uint8_t kind;
	} keys[] = {
		{0, 0, 0},	{1, 0, 0},	   {0, 1, 0},
		{0, 0, 1},	{0, 0, 255},	   {0, 65535, 0},
		{UINT32_MAX, 0, 0}, {UINT32_MAX, 65535, 255}, {0x80000000, 0, 0},
		{0, 0x8000, 0}, {0, 0, 0x80},	   {256, 0, 0},
		{0, 256, 0},
	};
	const size_t n = sizeof(keys) / sizeof(keys[0]);
	struct dedup *d = new_dedup(MB);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(dedup_add(d, keys[i].address, keys[i].port, keys[i].kind), 1);
		assert_int_equal(dedup_count(d), i + 1);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(dedup_add(d, keys[i].address, keys[i].port, keys[i].kind), 0);
	assert_int_equal(dedup_count(d), n);
	assert_int_equal(dedup_forgotten(d), 0);
	dedup_free(d);
}

/* Through many splits: new keys are new, old ones old, and memory is what the header says. */
static void
test_exact_as_it_grows(void **state)
{
	const uint64_t n = 300000;
	struct dedup *d = new_dedup(16 * MB);

	(void)state;
	for (uint64_t i = 0; i < n; i++) {
		assert_int_equal(add_key(d, i), 1);
		assert_int_equal(add_key(d, hash_mix64(i) % (i + 1)), 0);
		if (i > 100000)
			assert_in_range(dedup_bytes(d), i * 12, i * 15);
	}
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(add_key(d, i), 0);
	assert_int_equal(dedup_count(d), n);
	assert_int_equal(dedup_forgotten(d), 0);
	dedup_free(d);
}

/* Bytes a key do not hang on how many there are: over octaves the most is barely more than the least. */
static void
test_bytes_are_constant(void **state)
{
	struct dedup *d = new_dedup(64 * MB);
	double least = 1e9, most = 0;

	(void)state;
	for (uint64_t i = 1; i <= 2000000; i++) {
		double bytes;

		add_key(d, i);
		if (i < 100000 || i % 10000 != 0)
			continue;
		bytes = (double)dedup_bytes(d) / (double)i;
		least = bytes < least ? bytes : least;
		most = bytes > most ? bytes : most;
	}
	assert_true(least > 12 && most < 15 && most < 1.15 * least);
	dedup_free(d);
}

/* Dense targets, as a scan of one network gives them, whatever the hash's key. */
static void
test_exact_on_neighbours(void **state)
{
	(void)state;
	for (uint64_t hash_key = 0; hash_key < 3; hash_key++) {
		struct dedup *d = dedup_new(4 * MB, hash_key);

		assert_non_null(d);
		for (int again = 0; again < 2; again++) {
			for (uint32_t i = 0; i < 1 << 16; i++)
				assert_int_equal(dedup_add(d, 0x0a000000 + i, 443, 0), !again);
		}
		dedup_free(d);
	}
}

/*
 * At the bound the oldest promise holds: a key never seen is new. Some repeats pass as new, no more
 * than were forgotten, and the memory stays below what was given.
 */
static void
test_bound_forgets_and_counts(void **state)
{
	static const size_t bounds[] = {DEDUP_BYTES_MIN, 200000, MB, 3 * MB};
	const uint64_t n = 400000;

	(void)state;
	for (size_t b = 0; b < sizeof(bounds) / sizeof(bounds[0]); b++) {
		struct dedup *d = new_dedup(bounds[b]);
		uint64_t as_new = 0;

		for (uint64_t i = 0; i < n; i++) {
			uint64_t back = hash_mix64(i) % (i < 1000 ? i + 1 : 1000);

			assert_int_equal(add_key(d, i), 1);
			as_new += 1 + (uint64_t)add_key(d, i - back);
			assert_true(dedup_bytes(d) <= bounds[b]);
		}
		assert_int_equal(dedup_count(d) + dedup_forgotten(d), as_new);
		assert_true(dedup_forgotten(d) > 0);
		assert_true(as_new - n <= dedup_forgotten(d));
		/* What it can hold it does hold: at least a key for each 20 bytes. */
		assert_true(dedup_count(d) * 20 > bounds[b] / 4);
		dedup_free(d);
	}
}

/* Bursts are their keys one by one: through splits, at the bound, and with repeats within a burst. */
static void
test_bursts_are_their_keys(void **state)
{
	static const size_t bounds[] = {200000, 16 * MB};

	(void)state;
	for (size_t b = 0; b < 2; b++) {
		struct dedup *alone = new_dedup(bounds[b]), *together = new_dedup(bounds[b]);
		uint64_t next = 0;

		for (uint64_t round = 0; round < 6000; round++) {
			unsigned int n = (unsigned int)(round % (DEDUP_BURST + 1));
			uint64_t keys[DEDUP_BURST];
			bool is_new[DEDUP_BURST];

			for (unsigned int i = 0; i < n; i++) {
				uint64_t r = hash_mix64(next + i * 77);
				uint64_t k = r % 4 == 0 ? r % (next + 1) : next++;

				keys[i] = dedup_key((uint32_t)hash_mix64(k), (uint16_t)(k >> 8), 1);
			}
			dedup_add_burst(together, n, keys, is_new);
			for (unsigned int i = 0; i < n; i++)
				assert_int_equal(is_new[i],
						 dedup_add(alone, (uint32_t)(keys[i] >> 24),
							   (uint16_t)(keys[i] >> 8), 1));
		}
		assert_int_equal(dedup_count(together), dedup_count(alone));
		assert_int_equal(dedup_forgotten(together), dedup_forgotten(alone));
		assert_true(b == 1 || dedup_forgotten(alone) > 0);
		dedup_free(alone);
		dedup_free(together);
	}
}

/* A walk tells every key that was there when it began, also of a set that grows meanwhile, and no other. */
static void
test_a_walk_tells_all(void **state)
{
	enum { KEYS = 30000 };
	struct dedup *d = new_dedup(16 * MB);
	uint8_t *told = calloc(2 * KEYS, 1);
	uint64_t at = 0, key[DEDUP_BURST];
	uint32_t added = 0;

	(void)state;
	while (added < KEYS)
		dedup_add(d, added++, 443, 1);
	while (at != DEDUP_END) {
		unsigned int n = dedup_walk(d, &at, key);

		for (unsigned int i = 0; i < n; i++) {
			assert_true(dedup_key_address(key[i]) < added);
			assert_int_equal(dedup_key_port(key[i]), 443);
			told[dedup_key_address(key[i])] = 1;
		}
		if (added < 2 * KEYS)
			for (unsigned int i = 0; i < 50; i++)
				dedup_add(d, added++, 443, 1);
	}
	for (unsigned int i = 0; i < KEYS; i++)
		assert_int_equal(told[i], 1);
	free(told);
	dedup_free(d);
}

static void
test_too_little_memory_is_refused(void **state)
{
	(void)state;
	assert_null(dedup_new(0, 1));
	assert_null(dedup_new(DEDUP_BYTES_MIN - 1, 1));
	dedup_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_part_of_a_key_counts),
		cmocka_unit_test(test_exact_as_it_grows),
		cmocka_unit_test(test_bytes_are_constant),
		cmocka_unit_test(test_exact_on_neighbours),
		cmocka_unit_test(test_bound_forgets_and_counts),
		cmocka_unit_test(test_bursts_are_their_keys),
		cmocka_unit_test(test_a_walk_tells_all),
		cmocka_unit_test(test_too_little_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
