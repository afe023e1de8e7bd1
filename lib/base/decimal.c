/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/decimal.h"

#include <string.h>

#define ERA_DAYS 146097
#define DAY_SECONDS 86400

/* Of the year 0, so that no day is negative. */
#define FIRST_SECOND INT64_C(-62167219200)

char *
decimal_put(char *at, uint64_t number)
{
	char digits[DECIMAL_MAX];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	memcpy(at, digits + first, sizeof(digits) - first);
	return at + sizeof(digits) - first;
}

/*
 * A day's date in the Gregorian calendar, of days since 1970: counted from March on, so that a leap day ends a
 * year, in eras of 400 years, which are alike, from the one before the year 0 on (civil_from_days() of Howard
 * Hinnant's "chrono-Compatible Low-Level Date Algorithms").
 */
static char *
put_date(char *at, int64_t days)
{
	uint32_t since = (uint32_t)(days + 719468 + ERA_DAYS), era = since / ERA_DAYS, of_era = since % ERA_DAYS;
	uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint32_t from_march = (5 * of_year + 2) / 153, month = from_march < 10 ? from_march + 3 : from_march - 9;

	at = decimal_put_padded(at, 4, year + 400 * era - 400 + (month <= 2));
	*at++ = '-';
	at = decimal_put_padded(at, 2, month);
	*at++ = '-';
	return decimal_put_padded(at, 2, of_year - (153 * from_march + 2) / 5 + 1);
}

char *
decimal_put_time(char *at, int64_t seconds)
{
	int64_t days = (seconds - FIRST_SECOND) / DAY_SECONDS + FIRST_SECOND / DAY_SECONDS;
	uint32_t of_day = (uint32_t)(seconds - days * DAY_SECONDS);

	at = put_date(at, days);
	*at++ = 'T';
	at = decimal_put_padded(at, 2, of_day / 3600);
	*at++ = ':';
	at = decimal_put_padded(at, 2, of_day / 60 % 60);
	*at++ = ':';
	return decimal_put_padded(at, 2, of_day % 60);
}
