/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "live/live.h"
#include "yaml/value.h"

struct word {
	const char *text;
	size_t len;
};

/* Cut the next word off; empty when there is none. One space parts two. */
static struct word
next_word(const char **at, size_t *left)
{
	const char *space = memchr(*at, ' ', *left);
	struct word w = {*at, space != NULL ? (size_t)(space - *at) : *left};
	size_t step = space != NULL ? w.len + 1 : w.len;

	*at += step;
	*left -= step;
	return w;
}

static bool
is(struct word w, const char *text)
{
	return w.len == strlen(text) && memcmp(w.text, text, w.len) == 0;
}

/* A number, or "-" for none. */
static int
read_number(struct word w, bool *has, uint64_t *number)
{
	*has = !is(w, "-");
	return *has ? value_unsigned(w.text, w.len, number) : 0;
}

int
live_request_read(const char *line, size_t len, struct live_request *out)
{
	struct word verb = next_word(&line, &len), entry;

	*out = (struct live_request){.verb = LIVE_STATUS};
	if (is(verb, "rate")) {
		out->verb = LIVE_RATE;
		if (read_number(next_word(&line, &len), &out->has_rate, &out->rate_pps) != 0 ||
		    read_number(next_word(&line, &len), &out->has_bandwidth, &out->bandwidth_bps) != 0)
			return -EINVAL;
	} else if (is(verb, "exclude")) {
		entry = next_word(&line, &len);
		out->verb = LIVE_EXCLUDE;
		out->entry = entry.text;
		out->entry_len = entry.len;
		if (entry.len == 0)
			return -EINVAL;
	} else if (is(verb, "settle")) {
		out->verb = LIVE_SETTLE;
	} else if (!is(verb, "status")) {
		return -EINVAL;
	}
	return len == 0 ? 0 : -EINVAL;
}
