/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/near.h"

#include <string.h>

static unsigned int
least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Row i of the table of distances between prefixes, from the two rows before it. */
static void
fill_row(const char *a, const char *b, size_t i, size_t width, const unsigned int *before2,
	 const unsigned int *before, unsigned int *row)
{
	row[0] = (unsigned int)i;
	for (size_t j = 1; j <= width; j++) {
		unsigned int cost = a[i - 1] != b[j - 1];

		row[j] = least(before[j - 1] + cost, least(before[j], row[j - 1]) + 1);
		if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
			row[j] = least(row[j], before2[j - 2] + 1);
	}
}

unsigned int
near_distance(const char *a, const char *b)
{
	unsigned int rows[3][NEAR_WORD_MAX + 1];
	size_t height = strnlen(a, NEAR_WORD_MAX + 1), width = strnlen(b, NEAR_WORD_MAX + 1);

	if (height > NEAR_WORD_MAX || width > NEAR_WORD_MAX)
		return NEAR_WORD_MAX + 1;
	for (size_t j = 0; j <= width; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= height; i++)
		fill_row(a, b, i, width, rows[(i + 1) % 3], rows[(i - 1) % 3], rows[i % 3]);
	return rows[height % 3][width];
}

bool
near_is_likely(const char *typed, unsigned int distance)
{
	size_t allowed = strlen(typed) / 3;

	return distance <= (allowed > 0 ? allowed : 1);
}
