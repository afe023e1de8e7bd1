/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "gate/gate.h"

static int
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* One line without its line feed. */
static int
deny_line(struct gate *g, const char *line, size_t len)
{
	const char *comment = memchr(line, '#', len);

	if (comment != NULL)
		len = (size_t)(comment - line);
	while (len > 0 && is_space(line[len - 1]))
		len--;
	while (len > 0 && is_space(*line)) {
		line++;
		len--;
	}
	return len > 0 ? gate_deny(g, line, len) : 0;
}

int
gate_deny_list(struct gate *g, const char *text, size_t len)
{
	static const char mark[] = {'\xef', '\xbb', '\xbf'}; /* UTF-8's byte order mark */

	if (len >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0) {
		text += sizeof(mark);
		len -= sizeof(mark);
	}
	while (len > 0) {
		const char *feed = memchr(text, '\n', len);
		size_t line = feed != NULL ? (size_t)(feed - text) : len;
		size_t step = feed != NULL ? line + 1 : line;

		if (deny_line(g, text, line) == -ENOMEM)
			return -ENOMEM;
		text += step;
		len -= step;
	}
	return 0;
}
