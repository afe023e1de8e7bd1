/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/sort.h"

#define DIGIT_BITS 8
#define DIGITS (1 << DIGIT_BITS)
#define FEW 32 /* so few that comparing them is quicker */

static void
insert_each(uint64_t *numbers, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t number = numbers[i];
		size_t at = i;

		for (; at > 0 && numbers[at - 1] > number; at--)
			numbers[at] = numbers[at - 1];
		numbers[at] = number;
	}
}

static inline unsigned int
digit_of(uint64_t number, unsigned int shift)
{
	return (unsigned int)(number >> shift) & (DIGITS - 1);
}

/* Put each number where its digit belongs: next[d] to end[d] is what of digit d is not yet in place. */
static void
deal(uint64_t *numbers, unsigned int shift, size_t next[DIGITS], const size_t end[DIGITS])
{
	for (unsigned int d = 0; d < DIGITS; d++) {
		while (next[d] < end[d]) {
			uint64_t number = numbers[next[d]];
			unsigned int to;

			while ((to = digit_of(number, shift)) != d) {
				uint64_t there = numbers[next[to]];

				numbers[next[to]++] = number;
				number = there;
			}
			numbers[next[d]++] = number;
		}
	}
}

static void
sort_from(uint64_t *numbers, size_t n, unsigned int shift)
{
	size_t end[DIGITS] = {0}, next[DIGITS], at = 0;

	if (n <= FEW) {
		insert_each(numbers, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		end[digit_of(numbers[i], shift)]++;
	for (unsigned int d = 0; d < DIGITS; d++) {
		next[d] = at;
		at += end[d];
		end[d] = at;
	}
	deal(numbers, shift, next, end);
	for (unsigned int d = 0; shift > 0 && d < DIGITS; d++) {
		size_t first = d == 0 ? 0 : end[d - 1];

		sort_from(numbers + first, end[d] - first, shift - DIGIT_BITS);
	}
}

void
sort_u64(uint64_t *numbers, size_t n)
{
	uint64_t all = 0;
	unsigned int shift = 0;

	for (size_t i = 0; i < n; i++)
		all |= numbers[i];
	while (shift < 64 - DIGIT_BITS && all >> (shift + DIGIT_BITS) != 0)
		shift += DIGIT_BITS;
	sort_from(numbers, n, shift);
}
