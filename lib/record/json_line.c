/* SPDX-License-Identifier: BSD-3-Clause */
#include "record/json_line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX 64

struct cursor {
	const char *at;
	const char *end;
};

static void
skip_blank(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' || *c->at == '\n'))
		c->at++;
}

static bool
take(struct cursor *c, char mark)
{
	if (c->at == c->end || *c->at != mark)
		return false;
	c->at++;
	return true;
}

/* Whether a quote is escaped: an odd number of backslashes stand before it. */
static bool
is_escaped(const char *start, const char *quote)
{
	const char *p = quote;

	while (p > start && p[-1] == '\\')
		p--;
	return (quote - p) & 1;
}

/* Read over a string; what is between its quotes goes to *m. */
static bool
read_string(struct cursor *c, struct json_member *m)
{
	const char *start = c->at + 1;

	if (!take(c, '"'))
		return false;
	for (;;) {
		const char *quote = memchr(c->at, '"', (size_t)(c->end - c->at));

		if (quote == NULL) {
			c->at = start;
			return false;
		}
		c->at = quote + 1;
		if (is_escaped(start, quote))
			continue;
		*m = (struct json_member){m->name, JSON_STRING, start, (size_t)(quote - start)};
		return true;
	}
}

/* Read over an object or array. Which brackets are open stands in the bits of `open`. */
static bool
skip_nested(struct cursor *c)
{
	struct json_member none = {0};
	uint64_t open = 0;
	unsigned int depth = 0;

	do {
		char mark;

		if (c->at == c->end)
			return false;
		mark = *c->at;
		if (mark == '"') {
			if (!read_string(c, &none))
				return false;
			continue;
		}
		if (mark == '{' || mark == '[') {
			if (depth++ == DEPTH_MAX)
				return false;
			open = open << 1 | (mark == '{');
		} else if (mark == '}' || mark == ']') {
			if ((open & 1) != (mark == '}'))
				return false;
			open >>= 1;
			depth--;
		}
		c->at++;
	} while (depth > 0);
	return true;
}

static bool
take_word(struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
		return false;
	c->at += len;
	return true;
}

static bool
is_digit(const struct cursor *c)
{
	return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static bool
skip_digits(struct cursor *c)
{
	const char *start = c->at;

	while (is_digit(c))
		c->at++;
	return c->at > start;
}

static bool
skip_number(struct cursor *c)
{
	take(c, '-');
	if (take(c, '0') ? is_digit(c) : !skip_digits(c))
		return false;
	if (take(c, '.') && !skip_digits(c))
		return false;
	if (take(c, 'e') || take(c, 'E')) {
		if (!take(c, '+'))
			take(c, '-');
		return skip_digits(c);
	}
	return true;
}

static bool
read_value(struct cursor *c, struct json_member *m)
{
	const char *start = c->at;
	enum json_type type = JSON_NUMBER;
	bool ok;

	if (start == c->end)
		return false;
	switch (*start) {
	case '"':
		return read_string(c, m);
	case '{':
	case '[':
		type = JSON_NESTED;
		ok = skip_nested(c);
		break;
	case 't':
		type = JSON_TRUE;
		ok = take_word(c, "true");
		break;
	case 'f':
		type = JSON_FALSE;
		ok = take_word(c, "false");
		break;
	case 'n':
		type = JSON_NULL;
		ok = take_word(c, "null");
		break;
	default:
		ok = skip_number(c);
	}
	*m = (struct json_member){m->name, type, start, (size_t)(c->at - start)};
	return ok;
}

static struct json_member *
find(struct json_member *members, size_t count, const struct json_member *name)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].type == JSON_ABSENT && strlen(members[i].name) == name->len &&
		    memcmp(members[i].name, name->text, name->len) == 0)
			return &members[i];
	return NULL;
}

/* "name": value */
static bool
read_member(struct cursor *c, struct json_member *members, size_t count)
{
	struct json_member name = {0}, other = {0}, *m;

	skip_blank(c);
	if (!read_string(c, &name))
		return false;
	skip_blank(c);
	if (!take(c, ':'))
		return false;
	skip_blank(c);
	m = find(members, count, &name);
	if (!read_value(c, m != NULL ? m : &other))
		return false;
	skip_blank(c);
	return true;
}

static bool
read_object(struct cursor *c, struct json_member *members, size_t count)
{
	skip_blank(c);
	if (!take(c, '{'))
		return false;
	skip_blank(c);
	if (!take(c, '}')) {
		do {
			if (!read_member(c, members, count))
				return false;
		} while (take(c, ','));
		if (!take(c, '}'))
			return false;
	}
	skip_blank(c);
	return c->at == c->end;
}

int
json_line_read(const char *line, size_t len, struct json_member *members, size_t count, size_t *at)
{
	struct cursor c = {line, line + len};

	for (size_t i = 0; i < count; i++)
		members[i].type = JSON_ABSENT;
	if (read_object(&c, members, count))
		return 0;
	*at = (size_t)(c.at - line);
	return -EINVAL;
}
