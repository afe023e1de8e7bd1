/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers and times as digits, for texts that are made millions of times. Any thread; each returns where the
 * text ends, which has no NUL.
 */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdint.h>

/* Of any number, the most digits. */
#define DECIMAL_MAX 20

/* "2026-11-22T13:02:11" */
#define DECIMAL_TIME 19

char *decimal_put(char *at, uint64_t number);

/* Of so many digits, zeros before it. */
static inline char *
decimal_put_padded(char *at, unsigned int digits, uint64_t number)
{
	for (unsigned int i = digits; i > 0; i--) {
		at[i - 1] = (char)('0' + number % 10);
		number /= 10;
	}
	return at + digits;
}

/* UTC of seconds since 1970, none before the year 0 or after 9999, as DECIMAL_TIME bytes. */
char *decimal_put_time(char *at, int64_t seconds);

#endif /* BASE_DECIMAL_H */
