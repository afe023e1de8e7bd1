/* SPDX-License-Identifier: BSD-3-Clause */
#include "targets/span.h"

#include <string.h>

struct span_shown
span_show(struct span s)
{
	struct span_shown out;
	size_t n = s.len < SPAN_SHOWN ? s.len : SPAN_SHOWN;

	for (size_t i = 0; i < n; i++)
		out.text[i] = s.text[i] >= ' ' && s.text[i] <= '~' ? s.text[i] : '?';
	strcpy(out.text + n, s.len > SPAN_SHOWN ? "..." : "");
	return out;
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

struct span
span_trim(struct span s)
{
	while (s.len > 0 && is_blank(s.text[0])) {
		s.text++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.text[s.len - 1]))
		s.len--;
	return s;
}

struct span
span_without_comment(struct span s)
{
	const char *comment = memchr(s.text, '#', s.len);

	if (comment != NULL)
		s.len = (size_t)(comment - s.text);
	return s;
}

struct span
span_without_mark(struct span s)
{
	if (s.len >= 3 && memcmp(s.text, "\xef\xbb\xbf", 3) == 0)
		return (struct span){s.text + 3, s.len - 3};
	return s;
}

uint16_t
span_port(struct span s)
{
	uint32_t port = 0;

	if (s.len == 0 || s.len > 5 || s.text[0] == '0')
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.text[i] < '0' || s.text[i] > '9')
			return 0;
		port = port * 10 + (uint32_t)(s.text[i] - '0');
	}
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}
