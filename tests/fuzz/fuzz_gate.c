/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate: its own parser takes just what base/ipv4's takes, host bits aside, and means the same
 * ranges by it; and whatever is denied and allowed, the gate's answer at every edge is what the
 * last line about an address said. The input is lines; one that begins with '+' allows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "gate/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

#define CHANGES_MAX 32

struct change {
	struct ipv4_range range;
	int allow;
};

struct history {
	struct change change[CHANGES_MAX];
	size_t count;
};

/* What the last change that names an address did to it. */
static int
is_denied(const struct history *h, uint32_t address)
{
	for (size_t i = h->count; i-- > 0;) {
		const struct change *c = &h->change[i];

		if (c->range.first <= address && address <= c->range.last)
			return !c->allow;
	}
	return 0;
}

static void
apply_line(struct gate *g, struct history *h, const char *text, size_t len)
{
	int allow = len > 0 && text[0] == '+';
	struct ipv4_range range;
	int parsed, ret;

	text += allow;
	len -= (size_t)allow;
	parsed = ipv4_parse_range(text, len, &range);
	ret = allow ? gate_allow(g, text, len) : gate_deny(g, text, len);
	REQUIRE(ret == (parsed == 0 || parsed == -EDOM ? 0 : -EINVAL));
	if (ret == 0)
		h->change[h->count++] = (struct change){range, allow};
}

static void
check_edges(const struct gate *g, const struct history *h)
{
	for (size_t i = 0; i < h->count; i++) {
		struct ipv4_range r = h->change[i].range;

		for (uint32_t d = 0; d < 3; d++) {
			REQUIRE(gate_denies(g, r.first - 1 + d) == is_denied(h, r.first - 1 + d));
			REQUIRE(gate_denies(g, r.last - 1 + d) == is_denied(h, r.last - 1 + d));
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gate *g = gate_new();
	struct history h = {0};

	REQUIRE(g != NULL);
	while (size > 0 && h.count < CHANGES_MAX) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end != NULL ? (size_t)(end - data) : size;

		apply_line(g, &h, (const char *)data, len);
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
	check_edges(g, &h);
	gate_free(g);
	return 0;
}
