/* SPDX-License-Identifier: BSD-3-Clause */
#include "yaml/value.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"

/* mantissa / 10^scale. */
struct decimal {
	uint64_t mantissa;
	unsigned int scale;
};

struct unit {
	const char *name;
	uint64_t factor;
};

#define DECIMAL_DIGITS_MAX 19 /* what 64 bits always hold */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Read digits onto d, at most the limit in all. Returns how many, or -ERANGE. */
static int
read_digits(const char *text, size_t len, unsigned int limit, struct decimal *d)
{
	unsigned int n = 0;

	for (; n < len && is_digit(text[n]); n++) {
		if (n == limit)
			return -ERANGE;
		d->mantissa = d->mantissa * 10 + (uint64_t)(text[n] - '0');
	}
	return (int)n;
}

/* Read "12" or "12.34" from the front of text. Returns the characters read or a negative errno. */
static int
read_decimal(const char *text, size_t len, unsigned int limit, struct decimal *d)
{
	int whole, fraction;

	*d = (struct decimal){0};
	whole = read_digits(text, len, limit, d);
	if (whole < 0)
		return whole;
	/* "010" is 8 to some programs and 10 to others. */
	if (whole == 0 || (whole > 1 && text[0] == '0'))
		return -EINVAL;
	if ((size_t)whole == len || text[whole] != '.')
		return whole;
	fraction = read_digits(text + whole + 1, len - (size_t)whole - 1,
			       limit - (unsigned int)whole, d);
	if (fraction < 0)
		return fraction;
	d->scale = (unsigned int)fraction;
	return fraction == 0 ? -EINVAL : whole + 1 + fraction;
}

static const struct unit *
find_unit(const struct unit *units, size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(units[i].name) == len && memcmp(units[i].name, name, len) == 0)
			return &units[i];
	return NULL;
}

/* A decimal and one of the units, which must come out whole. */
static int
parse_with_unit(const char *text, size_t len, const struct unit *units, size_t count,
		uint64_t *value)
{
	const struct unit *unit;
	struct decimal d;
	unsigned __int128 v, power = 1;
	int n = read_decimal(text, len, DECIMAL_DIGITS_MAX, &d);

	if (n < 0)
		return n;
	unit = find_unit(units, count, text + n, len - (size_t)n);
	if (unit == NULL)
		return -EINVAL;
	for (unsigned int i = 0; i < d.scale; i++)
		power *= 10;
	v = (unsigned __int128)d.mantissa * unit->factor;
	if (v % power != 0)
		return -EINVAL;
	v /= power;
	if (v > UINT64_MAX)
		return -ERANGE;
	*value = (uint64_t)v;
	return 0;
}

int
value_unsigned(const char *text, size_t len, uint64_t *value)
{
	uint64_t v = 0;

	if (len == 0 || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!is_digit(text[i]))
			return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
			return -ERANGE;
	*value = v;
	return 0;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

int
value_count(const char *text, size_t len, uint64_t *value)
{
	static const struct unit units[] = {
		{"", 1}, {"k", 1000}, {"K", 1000}, {"M", 1000000}, {"G", 1000000000},
	};

	return parse_with_unit(text, len, units, COUNT_OF(units), value);
}

int
value_size(const char *text, size_t len, uint64_t *bytes)
{
	static const struct unit units[] = {
		{"", 1}, {"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30},
	};

	return parse_with_unit(text, len, units, COUNT_OF(units), bytes);
}

int
value_percent(const char *text, size_t len, double *fraction)
{
	struct decimal d;
	double power = 1.0, value;
	int n = read_decimal(text, len, 15, &d);

	if (n < 0)
		return n;
	if (!((size_t)n + 1 == len && text[n] == '%') && !(len == 1 && text[0] == '0'))
		return -EINVAL;
	/* Both are exact in binary64 (15 digits, a power of ten up to 10^14), so that one
	 * division rounds as a conversion of the text would. */
	for (unsigned int i = 0; i < d.scale; i++)
		power *= 10.0;
	value = (double)d.mantissa / power / 100.0;
	if (value > 1.0)
		return -ERANGE;
	*fraction = value;
	return 0;
}

int
value_duration(const char *text, size_t len, uint64_t *ns)
{
	static const struct unit units[] = {
		{"us", NS_PER_US},     {"ms", NS_PER_MS},       {"s", NS_PER_SEC},
		{"m", 60 * NS_PER_SEC}, {"h", 3600 * NS_PER_SEC}, {"d", 86400 * NS_PER_SEC},
	};

	if (len == 1 && text[0] == '0') {
		*ns = 0;
		return 0;
	}
	return parse_with_unit(text, len, units, COUNT_OF(units), ns);
}

int
value_bool(const char *text, size_t len, bool *value)
{
	static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		for (int v = 0; v <= 1; v++) {
			const char *word = words[i][v];

			if (strlen(word) != len || strncasecmp(word, text, len) != 0)
				continue;
			*value = v != 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int
parse_port(const char *text, size_t len, uint16_t *port)
{
	uint64_t v;
	int rc = value_unsigned(text, len, &v);

	if (rc != 0)
		return rc;
	if (v == 0 || v > UINT16_MAX)
		return -ERANGE;
	*port = (uint16_t)v;
	return 0;
}

int
value_ports(const char *text, size_t len, uint16_t *first, uint16_t *last)
{
	const char *dash = len > 0 ? memchr(text, '-', len) : NULL;
	size_t head = dash != NULL ? (size_t)(dash - text) : len;
	uint16_t from, to;
	int rc = parse_port(text, head, &from);

	if (rc != 0)
		return rc;
	to = from;
	if (dash != NULL)
		rc = parse_port(dash + 1, len - head - 1, &to);
	if (rc != 0)
		return rc;
	if (to < from)
		return -ERANGE;
	*first = from;
	*last = to;
	return 0;
}
