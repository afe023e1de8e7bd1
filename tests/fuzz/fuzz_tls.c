/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server of any bytes, spoken to by OpenSSL: a session ends, or wants more, within its bounds, and its grab is
 * whole. The first byte is the depth and what is offered, the second the split.
 */
#include <stdlib.h>
#include <string.h>

#include "tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

#define BLOCKS 200

static uint8_t copy[GRAB_CAPTURE_MAX];

static void
hold(const struct grab *g)
{
	struct span rest = span_of(copy, grab_copy(g, copy)), part;
	struct grab_chunk_head head;

	while (grab_next(&rest, &head, &part))
		REQUIRE(head.type < GRAB_CHUNKS);
	REQUIRE(rest.len == 0);
	REQUIRE(grab_has_ended(g) && g->cause < GRAB_CAUSES && g->cause != GRAB_INTERNAL);
}

static void
run(struct tls_profile *profile, struct grab *g, struct span bytes, size_t piece)
{
	struct tls_session *s = tls_session_new(profile, "www.example.com", g, 0);
	enum tls_state state = TLS_WANTS_MORE;
	uint8_t out[4096];
	uint64_t now_ns = 0;
	struct span part;

	REQUIRE(s != NULL);
	while (bytes.len > 0 && state == TLS_WANTS_MORE) {
		while (tls_output(s, out, sizeof(out), now_ns) > 0)
			;
		span_take(&bytes, piece < bytes.len ? piece : bytes.len, &part);
		state = tls_input(s, part, ++now_ns);
	}
	while (tls_output(s, out, sizeof(out), now_ns) > 0)
		;
	if (state == TLS_WANTS_MORE)
		tls_eof(s, now_ns);
	hold(g);
	tls_next_look(profile, g);
	tls_session_free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tls_config config = {.replay_seed = 1};
	static struct tls_profile *profiles[3][2];
	static struct grab_pool *pool;
	static struct tls *tls;
	struct grab *g;

	if (tls == NULL) {
		tls = tls_new(&config);
		pool = grab_pool_new(BLOCKS);
		REQUIRE(tls != NULL && pool != NULL);
		for (int i = 0; i < 6; i++) {
			struct tls_spec spec = {.versions = i % 2 ? TLS_MODERN & ~(unsigned int)TLS_1_3 : TLS_MODERN,
						.depth = (enum tls_depth)(i / 2)};

			REQUIRE(tls_profile_new(tls, &spec, &profiles[i / 2][i % 2]) == 0);
		}
	}
	if (size < 2)
		return 0;
	g = grab_new(pool, GRAB_TLS, 0);
	REQUIRE(g != NULL);
	run(profiles[data[0] % 3][data[0] / 3 % 2], g, span_of(data + 2, size - 2), 1 + data[1] * 8u);
	grab_free(g);
	REQUIRE(grab_pool_room(pool) == BLOCKS);
	return 0;
}
