/* SPDX-License-Identifier: BSD-3-Clause */
/* A message of any bytes, as an answer to a lookup: its record is a line of JSON. */
#include <stdlib.h>
#include <string.h>

#include "../unit/json_check.h"
#include "dnsrecord/dnsrecord.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct grab_pool *pool;
	static struct dnsrecord *r;
	struct grab_dns_result result = {.resolver = 1, .type = 1, .stage = GRAB_ANSWER};
	const char *line;
	struct grab *g;
	size_t len;

	if (pool == NULL) {
		pool = grab_pool_new(100);
		r = dnsrecord_new(0);
	}
	g = grab_new(pool, GRAB_DNS, 0);
	grab_add(g, GRAB_CHUNK_DNS_NAME, span_of(data, size), 0);
	grab_open(g, GRAB_CHUNK_DNS_RESULT, 0);
	grab_append(g, span_of(&result, sizeof(result)));
	grab_append(g, span_of(data, size));
	grab_end(g, GRAB_COMPLETE, 1);
	line = dnsrecord_line(r, g, &len);
	REQUIRE(json_is_line(line, len));
	grab_free(g);
	REQUIRE(grab_pool_room(pool) == 100);
	return 0;
}
