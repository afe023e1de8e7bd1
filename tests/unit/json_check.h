/* SPDX-License-Identifier: BSD-3-Clause */
/* Is it JSON (RFC 8259)? Written apart from lib/json. For unit tests and fuzz targets. */
#ifndef TESTS_UNIT_JSON_CHECK_H
#define TESTS_UNIT_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct json_check {
	const char *at, *end;
};

static inline bool
json_check_char(struct json_check *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static inline bool
json_check_string(struct json_check *c)
{
	if (!json_check_char(c, '"'))
		return false;
	while (c->at < c->end && *c->at != '"') {
		if ((unsigned char)*c->at < 0x20)
			return false;
		if (*c->at++ != '\\')
			continue;
		if (c->at == c->end)
			return false;
		if (*c->at == 'u') {
			for (int i = 1; i <= 4; i++)
				if (c->end - c->at <= i ||
				    strchr("0123456789abcdefABCDEF", c->at[i]) == NULL)
					return false;
			c->at += 4;
		} else if (strchr("\"\\/bfnrt", *c->at) == NULL) {
			return false;
		}
		c->at++;
	}
	return json_check_char(c, '"');
}

static inline size_t
json_check_digits(struct json_check *c)
{
	size_t digits = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
		digits++;
	return digits;
}

static inline bool json_check_value(struct json_check *c);

static inline bool
json_check_group(struct json_check *c, char close, bool keys)
{
	c->at++;
	if (json_check_char(c, close))
		return true;
	do {
		if (keys && (!json_check_string(c) || !json_check_char(c, ':')))
			return false;
		if (!json_check_value(c))
			return false;
	} while (json_check_char(c, ','));
	return json_check_char(c, close);
}

static inline bool
json_check_value(struct json_check *c)
{
	if (c->at == c->end)
		return false;
	if (*c->at == '{' || *c->at == '[')
		return json_check_group(c, *c->at == '{' ? '}' : ']', *c->at == '{');
	if (*c->at == '"')
		return json_check_string(c);
	if (c->end - c->at >= 4 && memcmp(c->at, "true", 4) == 0) {
		c->at += 4;
		return true;
	}
	if (c->end - c->at >= 5 && memcmp(c->at, "false", 5) == 0) {
		c->at += 5;
		return true;
	}
	json_check_char(c, '-');
	if (json_check_digits(c) == 0)
		return false;
	return !json_check_char(c, '.') || json_check_digits(c) > 0;
}

/* One value and a line feed, nothing before, between or after. */
static inline bool
json_is_line(const char *text, size_t len)
{
	struct json_check c = {.at = text, .end = text + len};

	return json_check_value(&c) && json_check_char(&c, '\n') && c.at == c.end;
}

#endif /* TESTS_UNIT_JSON_CHECK_H */
