/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ipv4.h"

#include <errno.h>
#include <string.h>

/* Parse a decimal of 0..max without leading zeros; the number of characters read, 0 if none. */
static size_t
parse_decimal(const char *text, size_t len, unsigned int max, unsigned int *value)
{
	unsigned int v = 0;
	size_t i = 0;

	while (i < len && i < 3 && text[i] >= '0' && text[i] <= '9')
		v = v * 10 + (unsigned int)(text[i++] - '0');
	if (i == 0 || v > max || (i > 1 && text[0] == '0'))
		return 0;
	*value = v;
	return i;
}

int
ipv4_parse(const char *text, size_t len, uint32_t *address)
{
	uint32_t a = 0;
	size_t at = 0;

	for (int octet = 0; octet < 4; octet++) {
		unsigned int v;
		size_t n;

		if (octet > 0 && (at >= len || text[at++] != '.'))
			return -EINVAL;
		n = parse_decimal(text + at, len - at, 255, &v);
		if (n == 0)
			return -EINVAL;
		at += n;
		a = a << 8 | v;
	}
	if (at != len)
		return -EINVAL;
	*address = a;
	return 0;
}

static int
parse_cidr(const char *text, size_t len, size_t slash, struct ipv4_range *range)
{
	unsigned int prefix;
	uint32_t address, host_bits;
	size_t rest = len - slash - 1;

	if (ipv4_parse(text, slash, &address) != 0)
		return -EINVAL;
	if (rest == 0 || parse_decimal(text + slash + 1, rest, 999, &prefix) != rest)
		return -EINVAL;
	if (prefix > 32)
		return -ERANGE;
	host_bits = prefix == 0 ? UINT32_MAX : (UINT32_C(1) << (32 - prefix)) - 1;
	range->first = address & ~host_bits;
	range->last = address | host_bits;
	return address & host_bits ? -EDOM : 0;
}

int
ipv4_parse_range(const char *text, size_t len, struct ipv4_range *range)
{
	const char *mark = memchr(text, '/', len);

	if (mark != NULL)
		return parse_cidr(text, len, (size_t)(mark - text), range);
	mark = memchr(text, '-', len);
	if (mark == NULL) {
		if (ipv4_parse(text, len, &range->first) != 0)
			return -EINVAL;
		range->last = range->first;
		return 0;
	}
	if (ipv4_parse(text, (size_t)(mark - text), &range->first) != 0 ||
	    ipv4_parse(mark + 1, len - (size_t)(mark + 1 - text), &range->last) != 0)
		return -EINVAL;
	return range->first <= range->last ? 0 : -ERANGE;
}

static unsigned int
format_octet(unsigned int v, char *buf)
{
	unsigned int n = 0;

	if (v >= 100)
		buf[n++] = (char)('0' + v / 100);
	if (v >= 10)
		buf[n++] = (char)('0' + v / 10 % 10);
	buf[n++] = (char)('0' + v % 10);
	return n;
}

unsigned int
ipv4_format(uint32_t address, char buf[IPV4_TEXT_SIZE])
{
	unsigned int n = 0;

	for (int shift = 24; shift >= 0; shift -= 8) {
		n += format_octet(address >> shift & 0xff, buf + n);
		buf[n++] = '.';
	}
	buf[--n] = '\0';
	return n;
}
