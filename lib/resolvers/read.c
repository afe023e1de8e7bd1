/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/ipv4.h"
#include "dnsmsg/dnsmsg.h"
#include "resolvers/resolvers.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word of a line, which moves on behind it; of no letters at the end or a comment. */
static size_t
next_word(const char **line, size_t *len, const char **word)
{
	size_t n = 0;

	while (*len > 0 && is_space(**line)) {
		(*line)++;
		(*len)--;
	}
	*word = *line;
	while (n < *len && !is_space((*line)[n]) && (*line)[n] != '#' && (*line)[n] != ';')
		n++;
	*line += n;
	*len -= n;
	return n;
}

static int
read_port(const char *text, size_t len, uint16_t *port)
{
	uint32_t value = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = value * 10 + (uint32_t)(text[i] - '0');
	}
	if (value == 0 || value > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

static int
read_address(const char *word, size_t len, struct resolvers_address *out)
{
	const char *colon = memchr(word, ':', len);
	size_t address_len = colon != NULL ? (size_t)(colon - word) : len;

	out->port = DNS_PORT;
	if (colon != NULL && read_port(colon + 1, len - address_len - 1, &out->port) != 0)
		return -EINVAL;
	return ipv4_parse(word, address_len, &out->address);
}

/* IPv6 as far as it must be told from a mistake: hex digits and two colons or more, then a zone. */
static bool
is_ipv6(const char *word, size_t len)
{
	unsigned int colons = 0;

	for (size_t i = 0; i < len; i++) {
		if (word[i] == '%' && colons >= 2)
			return true;
		if (word[i] == ':')
			colons++;
		else if (memchr("0123456789abcdefABCDEF.", word[i], 23) == NULL)
			return false;
	}
	return colons >= 2;
}

static bool
word_is(const char *word, size_t len, const char *other)
{
	return len == strlen(other) && memcmp(word, other, len) == 0;
}

/* Words of resolv.conf(5) that name no resolver, whatever follows them. */
static bool
is_other_keyword(const char *word, size_t len)
{
	static const char *const keywords[] = {"domain", "search", "sortlist", "options", "lookup", "family"};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (word_is(word, len, keywords[i]))
			return true;
	return false;
}

int
resolvers_read_line(const char *line, size_t len, struct resolvers_address *out)
{
	const char *word, *rest;
	size_t n;

	if (len == 0)
		return 0;
	n = next_word(&line, &len, &word);
	if (n == 0 || is_other_keyword(word, n))
		return 0;
	if (word_is(word, n, "nameserver"))
		n = next_word(&line, &len, &word);
	if (is_ipv6(word, n))
		return 0;
	if (read_address(word, n, out) != 0 || next_word(&line, &len, &rest) != 0)
		return -EINVAL;
	return 1;
}
