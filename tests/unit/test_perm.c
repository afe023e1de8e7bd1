/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "perm/perm.h"

/* The same source once more, compiled for the baseline alone. */
#ifndef ASDIC_NO_MULTIVERSION
#define ASDIC_NO_MULTIVERSION
#endif
#define perm_init portable_init
#define perm_forward portable_forward
#define perm_inverse portable_inverse
#define perm_forward_run portable_forward_run
#define perm_shard portable_shard
int portable_init(struct perm *p, uint64_t n, uint64_t seed);
uint64_t portable_forward(const struct perm *p, uint64_t position);
uint64_t portable_inverse(const struct perm *p, uint64_t index);
void portable_forward_run(const struct perm *p, uint64_t first, unsigned int count,
			  uint64_t *index);
int portable_shard(uint64_t limit, uint32_t i, uint32_t n, struct perm_span *span);
#include "perm/perm.c"
#undef perm_init
#undef perm_forward
#undef perm_inverse
#undef perm_forward_run
#undef perm_shard

#define RUN_MAX 300

/*
 * The permutation as its header describes it, written once more in the plainest way, with any
 * number of rounds: an oracle for the module, and, with few rounds, a shuffle known to be bad.
 */
static uint32_t
oracle_hash(uint64_t half, uint64_t key, uint64_t size)
{
	uint32_t x = (uint32_t)(half + key);

	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	return (uint32_t)((float)(x / 256) * ((float)size / 16777216.0f));
}

struct oracle {
	uint64_t n, a, b, seed;
	int rounds;
};

static struct oracle
oracle(uint64_t n, uint64_t seed, int rounds)
{
	uint64_t a = 1;

	while (a * a < n)
		a++;
	return (struct oracle){n, a, (n + a - 1) / a, seed, rounds};
}

static uint64_t
oracle_forward(const struct oracle *o, uint64_t x)
{
	do {
		uint64_t left = x / o->b, right = x % o->b, key = o->seed;

		for (int k = 0; k < o->rounds; k++) {
			uint64_t *half = k % 2 == 0 ? &left : &right;
			uint64_t other = left + right - *half, size = k % 2 == 0 ? o->a : o->b;

			key = hash_mix64(key);
			*half += oracle_hash(other, key >> 32, size);
			*half %= size;
		}
		x = left * o->b + right;
	} while (x >= o->n);
	return x;
}

/* Each index below n comes once, and inverse takes it back to its position. */
static void
check_bijection(uint64_t n, uint64_t seed)
{
	uint8_t *seen = calloc(n, 1);
	struct perm p;

	assert_non_null(seen);
	assert_int_equal(perm_init(&p, n, seed), 0);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t index = perm_forward(&p, i);

		if (index >= n || seen[index]++ || perm_inverse(&p, index) != i)
			fail_msg("n %lu seed %lu position %lu index %lu", n, seed, i, index);
	}
	free(seen);
}

static void
test_bijection_of_every_small_size(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 1200; n++) {
		check_bijection(n, 0);
		check_bijection(n, hash_mix64(n));
	}
}

/* Where the halves' sizes step: around powers of two, squares, and products of neighbours. */
static void
test_bijection_at_boundaries(void **state)
{
	(void)state;
	for (uint64_t bit = 11; bit <= 16; bit++) {
		for (uint64_t d = 0; d < 3; d++)
			check_bijection((UINT64_C(1) << bit) - 1 + d, bit);
	}
	for (uint64_t root = 35; root <= 300; root += 53) {
		for (uint64_t d = 0; d < 3; d++) {
			check_bijection(root * root - 1 + d, root);
			check_bijection(root * (root + 1) - 1 + d, root);
		}
	}
}

/* Sizes too large to enumerate: positions at both ends, and some between. */
static void
check_inverse(uint64_t n, uint64_t seed)
{
	struct perm p;

	assert_int_equal(perm_init(&p, n, seed), 0);
	assert_true((uint64_t)p.a * p.b >= n && (uint64_t)p.a * p.b - n < p.a);
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t position = i < 50 ? i : i < 100 ? n - 1 - (i - 50) : hash_mix64(i + n) % n;
		uint64_t index = perm_forward(&p, position);

		assert_true(index < n);
		assert_int_equal(perm_inverse(&p, index), position);
		assert_int_equal(perm_forward(&p, perm_inverse(&p, position)), position);
	}
}

static void
test_inverse_at_large_sizes(void **state)
{
	(void)state;
	for (uint64_t bit = 18; bit <= 47; bit++) {
		for (uint64_t d = 0; d < 3; d++)
			check_inverse((UINT64_C(1) << bit) - 1 + d, bit);
	}
	for (uint64_t bit = 10; bit <= 23; bit++) {
		uint64_t root = (UINT64_C(1) << bit) + 1;

		check_inverse(root * root - 1, bit);
		check_inverse(root * root, bit);
		check_inverse(root * root + 1, bit);
		check_inverse(root * (root + 1), bit);
	}
	check_inverse(PERM_MAX - 1, 1);
	check_inverse(PERM_MAX, 1);
	check_inverse(UINT64_C(3702258432) * 5, 1);
	check_inverse(UINT64_C(3702258432) * 65535, 1);
}

static void
test_size_out_of_range(void **state)
{
	struct perm p;

	(void)state;
	assert_int_equal(perm_init(&p, 0, 1), -ERANGE);
	assert_int_equal(perm_init(&p, PERM_MAX + 1, 1), -ERANGE);
	assert_int_equal(perm_init(&p, PERM_MAX, 1), 0);
}

/* No hash reaches the size it is reduced to, for any size: see round_hash(). */
static void
test_reduction_stays_below_size(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= 1 << 24; size++) {
		float scale = (float)size * 0x1p-24f;

		if ((uint32_t)((float)0xffffff * scale) >= size)
			fail_msg("size %u", size);
	}
}

/* A scan may be resumed, or split, by another build on another machine: the order is for ever. */
static void
test_order_is_fixed(void **state)
{
	static const struct {
		uint64_t n, seed, position, index;
	} rows[] = {
		{UINT64_C(1) << 32, 42, 0, 2420796245},
		{UINT64_C(1) << 32, 42, 1, 3722898611},
		{UINT64_C(1) << 32, 42, 0xffffffff, 1439563925},
		{3702258432, 1, 0, 2918699560},
		{UINT64_C(3702258432) * 3, 1, 5, 1794673689},
		{1000003, 7, 1000002, 199117},
		{PERM_MAX, 7, PERM_MAX - 1, 167933474382588},
	};
	struct perm p;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(perm_init(&p, rows[i].n, rows[i].seed), 0);
		assert_int_equal(perm_forward(&p, rows[i].position), rows[i].index);
	}
}

static void
test_module_is_its_oracle(void **state)
{
	static const uint64_t sizes[] = {1, 2, 3, 7, 1000, 65537, 3702258432, PERM_MAX - 1};
	struct perm p;

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct oracle o = oracle(sizes[s], s, PERM_ROUNDS);

		perm_init(&p, sizes[s], s);
		for (uint64_t i = 0; i < 1000; i++) {
			uint64_t position = hash_mix64(i) % sizes[s];

			assert_int_equal(perm_forward(&p, position), oracle_forward(&o, position));
		}
	}
}

/* A run is its single positions, for whatever instruction set, and writes no further. */
static void
check_run(const struct perm *p, uint64_t first, unsigned int count)
{
	uint64_t index[RUN_MAX + 1], portable[RUN_MAX + 1];

	index[count] = portable[count] = 0x5a5a;
	perm_forward_run(p, first, count, index);
	portable_forward_run(p, first, count, portable);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(index[i], perm_forward(p, first + i));
		assert_int_equal(portable[i], index[i]);
	}
	assert_int_equal(index[count], 0x5a5a);
	assert_int_equal(portable[count], 0x5a5a);
}

static void
test_run_is_single_positions(void **state)
{
	static const uint64_t sizes[] = {
		1, 2, 40, 63 * 63, 63 * 64, 64 * 64, 64 * 65 + 1, 100 * 100 + 1, 65536, 1000003,
		3702258432, UINT64_C(3702258432) * 3, PERM_MAX - 16777215, PERM_MAX,
	};
	struct perm p;

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint64_t n = sizes[s];

		assert_int_equal(perm_init(&p, n, s), 0);
		for (unsigned int count = 0; count <= RUN_MAX && count <= n;
		     count += 1 + count / 8) {
			check_run(&p, 0, count);
			check_run(&p, n - count, count);
			check_run(&p, hash_mix64(count) % (n - count + 1), count);
		}
		/* Over the end of a row of the square. */
		for (uint64_t back = 0; p.b > RUN_MAX && back <= RUN_MAX; back += 7)
			check_run(&p, (uint64_t)p.b * 3 - back, RUN_MAX);
	}
}

/* Spans of all n shards follow one another, cover [0, limit), and differ by one at most. */
static void
check_shards(uint64_t limit, uint32_t n)
{
	uint64_t end = 0, least = limit / n;
	struct perm_span span;

	for (uint32_t i = 1; i <= n; i++) {
		assert_int_equal(perm_shard(limit, i, n, &span), 0);
		assert_int_equal(span.first, end);
		assert_true(span.end - span.first - least <= 1);
		end = span.end;
	}
	assert_int_equal(end, limit);
}

static void
test_shards_are_disjoint_and_complete(void **state)
{
	static const uint64_t limits[] = {0, 1, 2, 7, 1000, 3702258432, PERM_MAX - 1, PERM_MAX};
	static const uint32_t numbers[] = {1, 2, 3, 4, 7, 1000, 65537};
	struct perm_span span;

	(void)state;
	for (size_t l = 0; l < sizeof(limits) / sizeof(limits[0]); l++) {
		for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
			check_shards(limits[l], numbers[n]);
	}
	assert_int_equal(perm_shard(PERM_MAX, UINT32_MAX, UINT32_MAX, &span), 0);
	assert_int_equal(span.end, PERM_MAX);
	assert_int_equal(perm_shard(10, 0, 4, &span), -EINVAL);
	assert_int_equal(perm_shard(10, 5, 4, &span), -EINVAL);
	assert_int_equal(perm_shard(10, 1, 0, &span), -EINVAL);
}

/*
 * Statistics. Each is a deviation in standard deviations from what a uniform shuffle gives. The
 * seeds are fixed, so a pass stays a pass; a real flaw is off by tens.
 */
#define SIGMAS 4.5

/* Chi-squared of counts in bins against a uniform expectation, as sigmas. */
static double
chi_squared(const uint32_t *count, size_t bins, double total, double population)
{
	double expected = total / (double)bins, sum = 0;

	for (size_t i = 0; i < bins; i++)
		sum += (count[i] - expected) * (count[i] - expected) / expected;
	sum /= 1 - total / population; /* drawn without replacement */
	return (sum - (double)(bins - 1)) / sqrt(2 * (double)(bins - 1));
}

/* An index as an address of a /16 and of a /24, were N all of the address space. */
static uint64_t
prefix_of(uint64_t index, uint64_t n, unsigned int bits)
{
	return (uint64_t)((unsigned __int128)index * (UINT64_C(1) << bits) / n);
}

/* How evenly consecutive positions fall into the /16s. */
static double
spread_over_16s(const uint64_t *index, size_t count, uint64_t n)
{
	uint32_t *hits = calloc(1 << 16, sizeof(*hits));
	double z;

	for (size_t i = 0; i < count; i++)
		hits[prefix_of(index[i], n, 16)]++;
	z = chi_squared(hits, 1 << 16, (double)count, (double)n);
	free(hits);
	return z;
}

/* How many pairs of few consecutive positions meet in one /24: a birthday test. */
static double
pairs_in_24s(const uint64_t *index, size_t count, uint64_t n)
{
	uint8_t *hits = calloc(1 << 24, 1);
	double pairs = 0, expected, size = (double)n / (1 << 24);

	for (size_t i = 0; i < count; i++)
		pairs += hits[prefix_of(index[i], n, 24)]++;
	expected = (double)count * (double)(count - 1) / 2 * (size - 1) / ((double)n - 1);
	free(hits);
	return (pairs - expected) / sqrt(expected);
}

/* Whether a position's /8 says anything about that of the position lag later. */
static double
serial_correlation(const uint64_t *index, size_t count, uint64_t n, size_t lag)
{
	uint32_t *hits = calloc(1 << 16, sizeof(*hits));
	double z;

	for (size_t i = 0; i + lag < count; i++)
		hits[prefix_of(index[i], n, 8) << 8 | prefix_of(index[i + lag], n, 8)]++;
	z = chi_squared(hits, 1 << 16, (double)(count - lag), INFINITY);
	free(hits);
	return z;
}

static int
compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How often spacings between sorted indices repeat (Marsaglia's birthday spacings). */
static double
birthday_spacings(const uint64_t *from, uint64_t n)
{
	size_t count = (size_t)cbrt(4.0 * 64 * (double)n);
	uint64_t *index = malloc(count * sizeof(*index));
	double repeats = 0, expected = pow((double)count, 3) / (4 * (double)n);

	memcpy(index, from, count * sizeof(*index));
	qsort(index, count, sizeof(*index), compare_u64);
	for (size_t i = 0; i + 1 < count; i++)
		index[i] = index[i + 1] - index[i];
	qsort(index, count - 1, sizeof(*index), compare_u64);
	for (size_t i = 0; i + 2 < count; i++)
		repeats += index[i] == index[i + 1];
	free(index);
	return (repeats - expected) / sqrt(expected);
}

/*
 * Pairs of positions one row of the square apart whose left halves come out one apart as well:
 * where a round function happens to hide the difference from the rounds after it, it survives.
 */
static double
surviving_difference(const uint64_t *index, const uint64_t *row_later, size_t count, uint32_t a,
		     uint32_t b)
{
	double hits = 0, expected = (double)count / a;

	for (size_t i = 0; i < count; i++)
		hits += (row_later[i] / b + a - index[i] / b) % a == 1;
	return (hits - expected) / sqrt(expected);
}

static void
assert_uniform(const char *what, uint64_t n, double z)
{
	if (!(fabs(z) < SIGMAS))
		fail_msg("%s of %lu is %.1f sigmas from a uniform shuffle's", what, n, z);
}

static void
check_statistics(uint64_t n, uint64_t seed)
{
	const size_t count = 1 << 19;
	uint64_t *index = malloc(count * sizeof(*index)), *later = malloc(count * sizeof(*later));
	uint64_t first = hash_mix64(seed) % (n / 2);
	struct perm p;

	perm_init(&p, n, seed);
	perm_forward_run(&p, first, count, index);
	perm_forward_run(&p, first + p.b, count, later);
	assert_uniform("spread over /16s", n, spread_over_16s(index, count, n));
	assert_uniform("pairs in /24s", n, pairs_in_24s(index, 1 << 16, n));
	for (size_t lag = 1; lag < 4; lag++)
		assert_uniform("serial correlation", n, serial_correlation(index, count, n, lag));
	assert_uniform("birthday spacings", n, birthday_spacings(index, n));
	assert_uniform("surviving differences", n,
		       surviving_difference(index, later, count, p.a, p.b));
	free(index);
	free(later);
}

static void
test_order_is_like_a_uniform_shuffle(void **state)
{
	static const uint64_t sizes[] = {
		UINT64_C(1) << 32, 3702258432, UINT64_C(3702258432) * 3, 16777259, 50331653,
	};

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		check_statistics(sizes[s], 1);
		check_statistics(sizes[s], 2);
	}
}

/* The same statistics see that two and four rounds are too few: so passing them means something. */
static void
test_statistics_have_power(void **state)
{
	const uint64_t n = 1000003;
	const size_t count = 1 << 16;
	uint64_t *index = malloc(count * sizeof(*index)), *later = malloc(count * sizeof(*later));

	(void)state;
	for (int rounds = 2; rounds <= 8; rounds += 2) {
		struct oracle o = oracle(n, 5, rounds);
		double serial, surviving;

		for (size_t i = 0; i < count; i++) {
			index[i] = oracle_forward(&o, i);
			later[i] = oracle_forward(&o, i + o.b);
		}
		serial = serial_correlation(index, count, n, 1);
		surviving = surviving_difference(index, later, count, (uint32_t)o.a, (uint32_t)o.b);
		assert_int_equal(fabs(serial) > 10 * SIGMAS, rounds == 2);
		assert_int_equal(fabs(surviving) > SIGMAS, rounds <= 4);
	}
	free(index);
	free(later);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bijection_of_every_small_size),
		cmocka_unit_test(test_bijection_at_boundaries),
		cmocka_unit_test(test_inverse_at_large_sizes),
		cmocka_unit_test(test_size_out_of_range),
		cmocka_unit_test(test_reduction_stays_below_size),
		cmocka_unit_test(test_order_is_fixed),
		cmocka_unit_test(test_module_is_its_oracle),
		cmocka_unit_test(test_run_is_single_positions),
		cmocka_unit_test(test_shards_are_disjoint_and_complete),
		cmocka_unit_test(test_order_is_like_a_uniform_shuffle),
		cmocka_unit_test(test_statistics_have_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
