/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server in the clear: whatever it says, in whatever split, a grab stays whole and within its bounds,
 * and ends the same. The first byte is the version and depth, the second the split.
 */
#include <stdlib.h>
#include <string.h>

#include "hello/plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

static uint8_t copy[GRAB_CAPTURE_MAX];

/* The causes in one word. */
static unsigned int
run(struct grab_pool *pool, struct span bytes, size_t piece, uint8_t how)
{
	static const uint16_t lowest[] = {0x0002, 0x0300, 0x0300, 0x0301};
	static const uint16_t highest[] = {0x0002, 0x0300, 0x0303, 0x0303};
	struct grab *g = grab_new(pool, GRAB_TLS, 0);
	struct span part, rest;
	struct grab_chunk_head head;
	unsigned int outcome;
	struct plain p;

	plain_begin(&p, g, lowest[how & 3], highest[how & 3], (enum plain_depth)((how >> 2) % 3));
	while (bytes.len > 0) {
		span_take(&bytes, piece < bytes.len ? piece : bytes.len, &part);
		if (!plain_input(&p, part, 1))
			break;
	}
	grab_end(g, GRAB_CLOSED, 2);
	rest = span_of(copy, grab_copy(g, copy));
	while (grab_next(&rest, &head, &part))
		REQUIRE(head.type < GRAB_CHUNKS);
	REQUIRE(rest.len == 0);
	outcome = g->cause | (unsigned int)g->stage << 8;
	grab_free(g);
	return outcome;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct grab_pool *pool;

	if (size < 2)
		return 0;
	pool = grab_pool_new(100);
	REQUIRE(run(pool, span_of(data + 2, size - 2), size, data[0]) ==
		run(pool, span_of(data + 2, size - 2), 1 + data[1] % 64, data[0]));
	REQUIRE(grab_pool_room(pool) == 100);
	grab_pool_free(pool);
	return 0;
}
