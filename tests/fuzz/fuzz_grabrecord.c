/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records of grabs: chunks of any bytes become a line of JSON, never too long, in each form. The input
 * is chunks: a type, a length of two bytes, the bytes; a handshake message's head is made for it.
 */
#include <stdlib.h>
#include <string.h>

#include "grabrecord/grabrecord.h"
#include "../unit/json_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

static void
take_row(void *arg, const char *row, size_t len)
{
	(void)arg;
	REQUIRE(json_is_line(row, len));
}

static void
add_chunks(struct grab *g, struct span input)
{
	uint8_t type, head[4] = {0};
	struct span bytes;

	while (span_u8(&input, &type)) {
		if (!span_vec16(&input, &bytes)) {
			bytes = input;
			input = span_of(NULL, 0);
		}
		grab_open(g, (enum grab_chunk_type)(type % GRAB_CHUNKS), 1);
		head[0] = type / GRAB_CHUNKS;
		if (type % GRAB_CHUNKS == GRAB_CHUNK_HANDSHAKE)
			grab_append(g, span_of(head, 4));
		grab_append(g, bytes);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct grabrecord_grab grabs[] = {
		{"i", GRABRECORD_INLINE}, {"l", GRABRECORD_LEAF}, {"r", GRABRECORD_REFERENCE}};
	static const struct grabrecord_config config = {
		.grabs = grabs, .grab_count = 3, .certificates = take_row};
	static struct grabrecord *r;
	static struct grab_pool *pool;
	const char *line;
	struct grab *g;
	struct span name;
	size_t len;

	if (r == NULL) {
		r = grabrecord_new(&config);
		pool = grab_pool_new(100);
	}
	if (size < 2)
		return 0;
	g = grab_new(pool, data[0] % 8 == 0 ? GRAB_BANNER : GRAB_TLS, 0);
	g->index = data[0] % 3;
	g->look = data[1] % GRAB_LOOKS;
	add_chunks(g, span_of(data + 2, size - 2));
	grab_end(g, (enum grab_cause)(data[1] % GRAB_CAUSES), 5);
	line = grabrecord_line(r, g, &len);
	REQUIRE(json_is_line(line, len));
	REQUIRE(memmem(line, len, "\"result_omitted\":", 17) == NULL);
	while (grabrecord_next_name(r, &name))
		;
	grab_free(g);
	return 0;
}
