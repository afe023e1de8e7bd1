/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "worldfile/worldfile.h"

/* One percent is 10^16 units, so sixteen digits behind the point are whole units. */
#define FRACTION_DIGITS 16
#define WHOLE_DIGITS 3

static size_t
digits(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

int
worldfile_share(const char *text, size_t len, uint64_t *share)
{
	size_t whole = digits(text, len), fraction = 0;
	uint64_t value = 0;

	if (len == 1 && text[0] == '0') {
		*share = 0;
		return 0;
	}
	if (whole == 0)
		return -EINVAL;
	if (whole < len && text[whole] == '.') {
		fraction = digits(text + whole + 1, len - whole - 1);
		if (fraction == 0)
			return -EINVAL;
	}
	if (whole + (fraction > 0 ? fraction + 1 : 0) + 1 != len || text[len - 1] != '%')
		return -EINVAL;
	if (whole > WHOLE_DIGITS || fraction > FRACTION_DIGITS)
		return -ERANGE;
	for (size_t i = 0; i < whole; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	if (value > 100)
		return -ERANGE;
	for (size_t i = 0; i < FRACTION_DIGITS; i++)
		value = value * 10 + (i < fraction ? (uint64_t)(text[whole + 1 + i] - '0') : 0);
	if (value > WORLD_SHARE_ONE)
		return -ERANGE;
	*share = value;
	return 0;
}
