/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists of resolvers, a line at a time, and what a resolver may say to a canary. The first byte says
 * which. A line that names an address says the same when it is written out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "resolvers/resolvers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

static void
read_line(const char *line, size_t len)
{
	struct resolvers_address a, b;
	char text[64], address[IPV4_TEXT_SIZE];

	if (resolvers_read_line(line, len, &a) != 1)
		return;
	REQUIRE(a.port > 0);
	ipv4_format(a.address, address);
	snprintf(text, sizeof(text), "nameserver %s:%u", address, a.port);
	REQUIRE(resolvers_read_line(text, strlen(text), &b) == 1);
	REQUIRE(a.address == b.address && a.port == b.port);
}

static void
read_lines(const uint8_t *data, size_t size)
{
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end != NULL ? (size_t)(end - data) : size;
		char *line = malloc(len + 1); /* its own, so that a byte too far is seen */

		memcpy(line, data, len);
		read_line(line, len);
		free(line);
		len += end != NULL;
		data += len;
		size -= len;
	}
}

static void
judge(const uint8_t *data, size_t size)
{
	const struct resolvers_address one = {1, 53};
	const struct resolvers_config c = {.list = &one, .count = 1, .rate_pps = 1, .timeout_ns = 1,
					   .canaries = resolvers_public_canaries, .canary_count = 2};
	struct resolvers *r = resolvers_new(&c, 0);
	struct resolvers_question q;
	unsigned int asked = 0;

	for (; resolvers_wants(r, asked, 0, &q); asked++) {
		resolvers_judge(r, q.resolver, q.number, span_of(data, size), 0);
		REQUIRE(asked < 8);
	}
	REQUIRE(resolvers_in_state(r, RESOLVERS_UNPROVEN) == 0);
	resolvers_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		judge(data + 1, size - 1);
	else
		read_lines(data + 1, size - 1);
	return 0;
}
