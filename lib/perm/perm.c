/* SPDX-License-Identifier: BSD-3-Clause */
#include "perm/perm.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/multiversion.h"

/*
 * Positions computed side by side. One lane's rounds are a long chain of dependent instructions, so
 * it takes many lanes to fill a core; the smaller block serves callers that ask for a burst.
 */
#define LANES 128
#define LANES_SMALL 32

#define INLINE static inline __attribute__((always_inline))

/*
 * The keyed hash of a half, reduced to [0, size). The mixer is the core of lowbias32 (Wellons,
 * 2018, public domain), whose top 24 bits depend on all of its input.
 *
 * The reduction multiplies in float because no instruction set up to AVX-512 has a 32-bit
 * multiply-high. It is exact where it must be: both factors have at most 24 significant bits, so
 * there is one rounding, the same on every machine (IEEE 754, nothing to contract into an FMA). And
 * (2^24 - 1) * size / 2^24 lies further below size than half the spacing of floats there, so it
 * never rounds up to size.
 */
INLINE uint32_t
round_hash(uint32_t half, uint32_t key, float scale)
{
	uint32_t x = half + key;

	x *= UINT32_C(0x7feb352d);
	x ^= x >> 15;
	x *= UINT32_C(0x846ca68b);
	return (uint32_t)(int32_t)((float)(int32_t)(x >> 8) * scale);
}

/* x + y and x - y modulo m, for x and y below m, without a branch: one of the two wraps to huge. */
INLINE uint32_t
add_modulo(uint32_t x, uint32_t y, uint32_t m)
{
	uint32_t sum = x + y;
	uint32_t wrapped = sum - m;

	return sum < wrapped ? sum : wrapped;
}

INLINE uint32_t
subtract_modulo(uint32_t x, uint32_t y, uint32_t m)
{
	uint32_t difference = x - y;
	uint32_t wrapped = difference + m;

	return difference < wrapped ? difference : wrapped;
}

static uint32_t
sqrt_ceil(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 24; bit != 0; bit >>= 1) {
		if ((root + bit) * (root + bit) < n)
			root += bit;
	}
	return (uint32_t)(root + 1);
}

int
perm_init(struct perm *p, uint64_t n, uint64_t seed)
{
	if (n == 0 || n > PERM_MAX)
		return -ERANGE;
	p->n = n;
	p->a = sqrt_ceil(n);
	p->b = (uint32_t)((n + p->a - 1) / p->a);
	p->a_scale = (float)p->a * 0x1p-24f;
	p->b_scale = (float)p->b * 0x1p-24f;
	for (int k = 0; k < PERM_ROUNDS; k++) {
		seed = hash_mix64(seed);
		p->key[k] = (uint32_t)(seed >> 32);
	}
	return 0;
}

/* Once through the network, on all of [0, a * b). */
static uint64_t
pass_forward(const struct perm *p, uint64_t x)
{
	uint32_t left = (uint32_t)(x / p->b);
	uint32_t right = (uint32_t)(x % p->b);

	for (int k = 0; k < PERM_ROUNDS; k += 2) {
		left = add_modulo(left, round_hash(right, p->key[k], p->a_scale), p->a);
		right = add_modulo(right, round_hash(left, p->key[k + 1], p->b_scale), p->b);
	}
	return (uint64_t)left * p->b + right;
}

static uint64_t
pass_inverse(const struct perm *p, uint64_t x)
{
	uint32_t left = (uint32_t)(x / p->b);
	uint32_t right = (uint32_t)(x % p->b);

	for (int k = PERM_ROUNDS - 2; k >= 0; k -= 2) {
		right = subtract_modulo(right, round_hash(left, p->key[k + 1], p->b_scale), p->b);
		left = subtract_modulo(left, round_hash(right, p->key[k], p->a_scale), p->a);
	}
	return (uint64_t)left * p->b + right;
}

uint64_t
perm_forward(const struct perm *p, uint64_t position)
{
	do {
		position = pass_forward(p, position);
	} while (position >= p->n);
	return position;
}

uint64_t
perm_inverse(const struct perm *p, uint64_t index)
{
	do {
		index = pass_inverse(p, index);
	} while (index >= p->n);
	return index;
}

/*
 * pass_forward() of n positions from first on, n <= b; returns whether any result is past N. Loops
 * over lanes stand inside the loop over rounds, so that consecutive instructions are independent.
 */
INLINE int
pass_lanes(const struct perm *p, uint64_t first, unsigned int n, uint64_t *index)
{
	uint32_t left[LANES] __attribute__((aligned(64)));
	uint32_t right[LANES] __attribute__((aligned(64)));
	uint32_t row = (uint32_t)(first / p->b), column = (uint32_t)(first % p->b);
	uint32_t a = p->a, b = p->b;
	float to_a = p->a_scale, to_b = p->b_scale;
	uint64_t last = p->n - 1, past = 0;

	for (unsigned int i = 0; i < n; i++) {
		left[i] = row + (column + i >= b);
		right[i] = add_modulo(column, i, b);
	}
#pragma GCC unroll 1
	for (int k = 0; k < PERM_ROUNDS; k += 2) {
		uint32_t left_key = p->key[k], right_key = p->key[k + 1];

		for (unsigned int i = 0; i < n; i++)
			left[i] = add_modulo(left[i], round_hash(right[i], left_key, to_a), a);
		for (unsigned int i = 0; i < n; i++)
			right[i] = add_modulo(right[i], round_hash(left[i], right_key, to_b), b);
	}
	for (unsigned int i = 0; i < n; i++) {
		index[i] = (uint64_t)left[i] * b + right[i];
		past |= last - index[i];
	}
	return past >> 63;
}

MULTIVERSION static int
pass_block(const struct perm *p, uint64_t first, uint64_t *index)
{
	return pass_lanes(p, first, LANES, index);
}

MULTIVERSION static int
pass_block_small(const struct perm *p, uint64_t first, uint64_t *index)
{
	return pass_lanes(p, first, LANES_SMALL, index);
}

/* The rest of the way for those few that are past N. */
static void
walk_cycles(const struct perm *p, unsigned int n, uint64_t *index)
{
	for (unsigned int i = 0; i < n; i++) {
		if (index[i] >= p->n)
			index[i] = perm_forward(p, index[i]);
	}
}

/* Fewer positions than a block has lanes: the lanes beyond are computed and dropped. */
static void
forward_tail(const struct perm *p, uint64_t first, unsigned int count, uint64_t *index)
{
	uint64_t buffer[LANES_SMALL];

	pass_block_small(p, first, buffer);
	memcpy(index, buffer, count * sizeof(*index));
	walk_cycles(p, count, index);
}

/* As many of count positions as a block takes; how many. */
static unsigned int
forward_block(const struct perm *p, uint64_t first, unsigned int count, uint64_t *index)
{
	unsigned int lanes = count >= LANES ? LANES : LANES_SMALL;
	int past;

	if (count < LANES_SMALL) {
		forward_tail(p, first, count, index);
		return count;
	}
	past = lanes == LANES ? pass_block(p, first, index) : pass_block_small(p, first, index);
	if (__builtin_expect(past, 0))
		walk_cycles(p, lanes, index);
	return lanes;
}

void
perm_forward_run(const struct perm *p, uint64_t first, unsigned int count, uint64_t *index)
{
	unsigned int done;

	/* A block may cross the end of one row of the square, not of two. */
	if (p->b < LANES) {
		for (unsigned int i = 0; i < count; i++)
			index[i] = perm_forward(p, first + i);
		return;
	}
	for (; count > 0; count -= done, first += done, index += done)
		done = forward_block(p, first, count, index);
}

int
perm_shard(uint64_t limit, uint32_t i, uint32_t n, struct perm_span *span)
{
	uint64_t size, longer;

	if (i < 1 || i > n)
		return -EINVAL;
	size = limit / n;
	longer = limit % n;
	span->first = size * (i - 1) + (i - 1 < longer ? i - 1 : longer);
	span->end = span->first + size + (i - 1 < longer);
	return 0;
}
