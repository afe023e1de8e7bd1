/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "grab/grab.h"

static uint8_t copy[GRAB_CAPTURE_MAX], data[GRAB_CAPTURE_MAX + 100];

/* Chunks of seeded sizes, in seeded pieces, come out as they went in. */
static void
test_chunks(void **state)
{
	struct grab_pool *pool = grab_pool_new(200);
	uint64_t seed = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)hash_mix64(i);
	for (int round = 0; round < 200; round++) {
		struct grab *g = grab_new(pool, GRAB_TLS, 1000);
		struct span rest, bytes;
		struct grab_chunk_head head;
		size_t sizes[8];

		for (size_t i = 0; i < 8; i++) {
			sizes[i] = (seed = hash_mix64(seed)) % (round % 2 ? 9000 : 60);
			grab_open(g, (enum grab_chunk_type)(i % GRAB_CHUNKS), 1000 + i * NS_PER_US);
			for (size_t at = 0; at < sizes[i];) {
				size_t n = 1 + (seed = hash_mix64(seed)) % 3000;

				n = n < sizes[i] - at ? n : sizes[i] - at;
				grab_append(g, span_of(data + i * 100 + at, n));
				at += n;
			}
		}
		rest = span_of(copy, grab_copy(g, copy));
		for (size_t i = 0; i < 8; i++) {
			assert_true(grab_next(&rest, &head, &bytes));
			assert_int_equal(head.type, i % GRAB_CHUNKS);
			assert_int_equal(head.at_us, i);
			assert_int_equal(head.cut, 0);
			assert_int_equal(bytes.len, sizes[i]);
			assert_memory_equal(bytes.at, data + i * 100, bytes.len);
		}
		assert_false(grab_next(&rest, &head, &bytes));
		assert_false(g->cut);
		grab_free(g);
	}
	assert_int_equal(grab_pool_room(pool), 200);
	grab_pool_free(pool);
}

/* Past the cap, and without blocks, chunks are cut and said to be; heads stay whole. */
static void
test_cut(void **state)
{
	static const size_t blocks[] = {1, 2, 3, 200};

	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct grab_pool *pool = grab_pool_new(blocks[i]);
		struct grab *g = grab_new(pool, GRAB_TLS, 0);
		struct span rest, bytes;
		struct grab_chunk_head head;
		size_t chunks = 0;

		grab_add(g, GRAB_CHUNK_RAW, span_of(data, 100), 0);
		grab_add(g, GRAB_CHUNK_HANDSHAKE, span_of(data, sizeof(data)), 0);
		for (int k = 0; k < 500; k++)
			grab_add(g, GRAB_CHUNK_ALERT_SENT, span_of(data, 7), 0);
		assert_true(g->cut);
		assert_true(g->captured <= GRAB_CAPTURE_MAX);
		assert_int_equal(g->blocks <= blocks[i], 1);
		rest = span_of(copy, grab_copy(g, copy));
		assert_int_equal(rest.len, g->captured);
		for (; grab_next(&rest, &head, &bytes); chunks++) {
			assert_memory_equal(bytes.at, data, bytes.len);
			if (chunks == 1)
				assert_int_equal(head.cut, 1);
		}
		assert_int_equal(rest.len, 0);
		assert_true(chunks >= 2);
		assert_null(blocks[i] == 1 ? grab_new(pool, GRAB_TLS, 0) : NULL);
		grab_free(g);
		assert_int_equal(grab_pool_room(pool), blocks[i]);
		grab_pool_free(pool);
	}
}

static void
test_course(void **state)
{
	struct grab_pool *pool = grab_pool_new(1);
	struct grab *g = grab_new(pool, GRAB_TLS, 5000);

	(void)state;
	assert_false(grab_has_ended(g));
	grab_reach(g, GRAB_SERVER_HELLO, 5000 + 3 * NS_PER_US);
	grab_reach(g, GRAB_HELLO_SENT, 5000 + 4 * NS_PER_US);
	assert_int_equal(g->stage, GRAB_SERVER_HELLO);
	assert_int_equal(g->stage_us[GRAB_SERVER_HELLO], 3);
	assert_int_equal(g->stage_us[GRAB_HELLO_SENT], 0);
	grab_end(g, GRAB_ALERT, 9000);
	grab_end(g, GRAB_CLOSED, 9999);
	assert_int_equal(g->cause, GRAB_ALERT);
	assert_int_equal(g->ended_ns, 9000);
	for (int i = 0; i < GRAB_STAGES; i++)
		assert_non_null(grab_stage_name((enum grab_stage)i));
	for (int i = 0; i < GRAB_ORIGINS; i++)
		assert_non_null(grab_origin_name((enum grab_origin)i));
	for (int i = 0; i < GRAB_CAUSES; i++) {
		g->cause = (uint8_t)i;
		assert_non_null(grab_cause_name((enum grab_cause)i));
		assert_int_equal(strcmp(grab_status_name(g), "success") == 0, i == GRAB_COMPLETE);
	}
	for (int i = 0; i < GRAB_SERVICES; i++)
		assert_int_equal(grab_service_name((enum grab_service)i) == NULL, i == GRAB_UNTOLD);
	grab_free(g);
	grab_pool_free(pool);
}

/* Grabs that another thread gives back while the owner takes. */
#define GRABS 20000
#define RING 64

static struct grab *_Atomic ring[RING];

static void *
give_back(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < GRABS; i++) {
		struct grab *g;

		while ((g = ring[i % RING]) == NULL)
			sched_yield();
		ring[i % RING] = NULL;
		if (g->port != (uint16_t)i)
			abort();
		grab_free(g);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct grab_pool *pool = grab_pool_new(100);
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, give_back, NULL), 0);
	for (size_t i = 0; i < GRABS; i++) {
		struct grab *g;

		while ((g = grab_new(pool, GRAB_TLS, 0)) == NULL)
			sched_yield();
		g->port = (uint16_t)i;
		grab_add(g, GRAB_CHUNK_RAW, span_of(data, i % 5000), 0);
		while (ring[i % RING] != NULL)
			sched_yield();
		ring[i % RING] = g;
	}
	pthread_join(thread, NULL);
	assert_int_equal(grab_pool_room(pool), 100);
	grab_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_course),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
