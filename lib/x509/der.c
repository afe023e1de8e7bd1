/* SPDX-License-Identifier: BSD-3-Clause */
#include "x509/der.h"

#include <stdio.h>
#include <string.h>

bool
der_next(struct span *s, struct der *out)
{
	struct span rest = *s;
	uint8_t first;
	uint32_t len;

	if (!span_u8(&rest, &out->tag) || !span_u8(&rest, &first))
		return false;
	len = first;
	/* 0x80 is indefinite; more than four bytes is more than there can be. */
	if (first > 0x84 || first == 0x80 || (out->tag & 0x1f) == 0x1f)
		return false;
	if (first > 0x80 && !span_number(&rest, first & 0x7f, &len))
		return false;
	if (!span_take(&rest, len, &out->value))
		return false;
	out->whole = span_of(s->at, s->len - rest.len);
	*s = rest;
	return true;
}

bool
der_take(struct span *s, uint8_t tag, struct span *value)
{
	struct span rest = *s;
	struct der d;

	if (!der_next(&rest, &d) || d.tag != tag)
		return false;
	*value = d.value;
	*s = rest;
	return true;
}

bool
der_bits(struct span value, struct span *bits)
{
	uint8_t unused;

	if (!span_u8(&value, &unused) || unused > 7)
		return false;
	*bits = value;
	return true;
}

static bool
two_digits(struct span *s, int *out)
{
	struct span d;

	if (!span_take(s, 2, &d) || d.at[0] < '0' || d.at[0] > '9' || d.at[1] < '0' || d.at[1] > '9')
		return false;
	*out = (d.at[0] - '0') * 10 + d.at[1] - '0';
	return true;
}

/* Days since 1970 of a date in the Gregorian calendar; from March, so that leap days come last. */
static int64_t
days_since_1970(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "Z", or "+hhmm" as old certificates have it. */
static bool
zone(struct span s, int64_t *seconds)
{
	uint8_t sign;
	int hours, minutes;

	if (!span_u8(&s, &sign))
		return false;
	if (sign == 'Z')
		return s.len == 0;
	if ((sign != '+' && sign != '-') || !two_digits(&s, &hours) || !two_digits(&s, &minutes) ||
	    s.len != 0)
		return false;
	*seconds -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return true;
}

bool
der_time(const struct der *d, int64_t *seconds)
{
	struct span s = d->value;
	int century = 0, year, month, day, hour, minute, second = 0;

	if (d->tag == DER_GENERALIZED_TIME ? !two_digits(&s, &century) : d->tag != DER_UTC_TIME)
		return false;
	if (!two_digits(&s, &year) || !two_digits(&s, &month) || !two_digits(&s, &day) ||
	    !two_digits(&s, &hour) || !two_digits(&s, &minute))
		return false;
	if (s.len > 0 && s.at[0] >= '0' && s.at[0] <= '9' && !two_digits(&s, &second))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return false;
	if (d->tag == DER_UTC_TIME)
		century = year < 50 ? 20 : 19; /* RFC 5280, section 4.1.2.5.1 */
	*seconds = days_since_1970(century * 100 + year, month, day) * 86400 + hour * 3600 +
		   minute * 60 + second;
	return zone(s, seconds);
}

/* One number of an OID, base 128; false where it does not end or is too large. */
static bool
oid_number(struct span *oid, uint64_t *number)
{
	uint8_t byte;

	*number = 0;
	do {
		if (!span_u8(oid, &byte) || *number >> 56 != 0)
			return false;
		*number = *number << 7 | (byte & 0x7f);
	} while (byte & 0x80);
	return true;
}

void
der_oid_text(struct span oid, char text[DER_OID_TEXT])
{
	uint64_t number;
	size_t at;

	text[0] = '\0';
	if (!oid_number(&oid, &number))
		return;
	at = (size_t)snprintf(text, DER_OID_TEXT, "%u.%llu", number < 80 ? (unsigned int)number / 40 : 2,
			      (unsigned long long)(number < 80 ? number % 40 : number - 80));
	while (at < DER_OID_TEXT && oid_number(&oid, &number))
		at += (size_t)snprintf(text + at, DER_OID_TEXT - at, ".%llu",
				       (unsigned long long)number);
}

#define DECIMAL_BYTES 128
#define GROUP 1000000000U /* digits are made nine at a time */

bool
der_decimal(struct span integer, char text[DER_DECIMAL_TEXT])
{
	uint32_t words[DECIMAL_BYTES / 4] = {0}, groups[DECIMAL_BYTES / 3];
	bool negative = integer.len > 0 && (integer.at[0] & 0x80);
	size_t at, count = 0;
	uint64_t carry = negative;

	if (integer.len == 0 || integer.len > DECIMAL_BYTES)
		return false;
	for (size_t i = 0; i < integer.len; i++) {
		size_t place = integer.len - 1 - i; /* counted from the lowest byte */

		words[place / 4] |= (uint32_t)integer.at[i] << place % 4 * 8;
	}
	if (negative) {
		for (size_t i = integer.len; i < DECIMAL_BYTES; i++)
			words[i / 4] |= UINT32_C(0xff) << i % 4 * 8;
		for (size_t i = 0; i < DECIMAL_BYTES / 4; i++) {
			carry += (uint32_t)~words[i];
			words[i] = (uint32_t)carry;
			carry >>= 32;
		}
	}
	for (size_t top = DECIMAL_BYTES / 4; top > 0;) {
		uint64_t rest = 0;

		for (size_t i = top; i-- > 0;) {
			rest = rest << 32 | words[i];
			words[i] = (uint32_t)(rest / GROUP);
			rest %= GROUP;
		}
		groups[count++] = (uint32_t)rest;
		while (top > 0 && words[top - 1] == 0)
			top--;
	}
	at = (size_t)snprintf(text, DER_DECIMAL_TEXT, "%s%u", negative ? "-" : "", groups[--count]);
	while (count > 0)
		at += (size_t)snprintf(text + at, DER_DECIMAL_TEXT - at, "%09u", groups[--count]);
	return true;
}

bool
der_small(struct span integer, int64_t *value)
{
	uint64_t bits;

	if (integer.len == 0 || integer.len > 8)
		return false;
	bits = integer.at[0] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < integer.len; i++)
		bits = bits << 8 | integer.at[i];
	*value = (int64_t)bits;
	return true;
}

struct span
der_magnitude(struct span integer)
{
	while (integer.len > 0 && integer.at[0] == 0)
		integer = span_of(integer.at + 1, integer.len - 1);
	return integer;
}

size_t
der_bit_count(struct span magnitude)
{
	if (magnitude.len == 0)
		return 0;
	return magnitude.len * 8 - (size_t)(__builtin_clz(magnitude.at[0]) - 24);
}
