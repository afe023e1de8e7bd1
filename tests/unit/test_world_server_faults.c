/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that speak, on a bad way and at their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench.h"

static void
test_bad_manners_change_nothing(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_BANNER, long_text)};

	(void)state;
	b.service.overlap = b.service.junk = true;
	b.service.segment = 333;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, 10 * NS_PER_SEC);
	assert_stream(b.client, long_text, LONG_TEXT);
	assert_true(b.client->resets >= LONG_TEXT / 333);
	assert_false(b.client->reset);
	bench_close(&b);
}

/* Loss each way, order, copies, small segments: a stream there and back comes whole. */
static void
test_echo_survives_every_fault(void **state)
{
	static const struct {
		unsigned int loss, duplicate, reorder;
		uint16_t server_segment, client_segment, mss;
	} faults[] = {
		{0, 0, 0, 0, 0, 1460},     {1, 0, 0, 0, 0, 1460},    {5, 5, 5, 0, 0, 1460},
		{20, 0, 0, 0, 0, 536},     {0, 0, 50, 0, 0, 1460},   {0, 50, 0, 0, 0, 1460},
		{20, 20, 20, 100, 70, 88}, {0, 0, 10, 1, 40, 1460},  {10, 0, 50, 200, 200, 0},
	};

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(faults) / sizeof(faults[0]); i++) {
		size_t f = i / 3;
		struct bench b = {.service = service(WORLD_SERVICE_ECHO, NULL)};
		uint32_t len = faults[f].server_segment == 1 ? 500 : LONG_TEXT;

		b.service.segment = faults[f].server_segment;
		b.network.loss_out = b.network.loss_back = faults[f].loss * WORLDS_PERCENT;
		b.network.duplicate = faults[f].duplicate * WORLDS_PERCENT;
		b.network.reorder = faults[f].reorder * WORLDS_PERCENT;
		b.network.synack_retries = i % 2 == 0 ? 3 : 0;
		bench_open(&b, i);
		b.client->mss = faults[f].mss;
		b.client->segment = faults[f].client_segment;
		client_start(b.client, 0);
		client_write(b.client, 0, long_text, len);
		for (int turn = 0; turn < 60 && b.client->in_len < len; turn++)
			run_for(&b, NS_PER_SEC);
		assert_stream(b.client, long_text, len);
		client_close(b.client, b.rig.now_ns);
		run_for(&b, 60 * NS_PER_SEC);
		assert_true(b.client->fin_heard && b.client->fin_acked);
		assert_int_equal(connections_left(&b), 0);
		assert_int_equal(world_stage_counters(b.rig.stage)->segments_refused, 0);
		bench_close(&b);
	}
}

/* Each frame of a whole conversation lost in turn. */
static void
test_any_one_frame_may_be_lost(void **state)
{
	unsigned int frames = 10;

	(void)state;
	for (unsigned int drop = 0; drop <= frames; drop++) {
		struct bench b = {.service = service(WORLD_SERVICE_ECHO, NULL), .drop = drop};

		b.service.segment = 700;
		b.network.synack_retries = 3;
		bench_open(&b, 1);
		client_start(b.client, 0);
		client_write(b.client, 0, long_text, LONG_TEXT);
		run(&b, 5 * NS_PER_SEC);
		client_close(b.client, b.rig.now_ns);
		run_for(&b, 10 * NS_PER_SEC);
		assert_stream(b.client, long_text, LONG_TEXT);
		assert_true(b.client->fin_heard && b.client->fin_acked);
		assert_int_equal(connections_left(&b), 0);
		if (drop == 0)
			frames = b.came;
		bench_close(&b);
	}
	assert_in_range(frames, 8, 20);
}

/* Three ACKs that say the same are enough: no timer of 220 ms is waited for. */
static void
test_gaps_are_filled_at_once(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_BANNER, long_text), .drop = 3};

	(void)state;
	b.service.segment = 500;
	b.network.synack_retries = 3;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, 100 * NS_PER_MS);
	assert_stream(b.client, long_text, LONG_TEXT);
	assert_int_equal(world_stage_counters(b.rig.stage)->segments_resent, 1);
	bench_close(&b);
}

/* What comes before its turn is kept: when the gap is filled, all of it is acknowledged. */
static void
test_early_data_is_kept(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_ECHO, NULL)};
	struct client *c;

	(void)state;
	bench_open(&b, 1);
	c = b.client;
	client_start(c, 0);
	run(&b, NS_PER_SEC);
	memcpy(c->out, "0123456789", 10);
	c->out_len = 10;
	client_say(c, TCP_ACK, c->iss + 1 + 6, c->out + 6, 4);
	client_say(c, TCP_ACK, c->iss + 1 + 2, c->out + 2, 5);
	client_say(c, TCP_ACK, c->iss + 1 + 2, (const uint8_t *)"xxxxx", 5);
	run_for(&b, NS_PER_SEC);
	assert_int_equal(c->acked, 0);
	client_say(c, TCP_ACK, c->iss + 1, c->out, 2);
	run_for(&b, NS_PER_SEC);
	assert_int_equal(c->acked, 10);
	assert_stream(c, "0123456789", 10);
	bench_close(&b);
}

/* RFC 5961: a reset that is not exactly next is none. */
static void
test_only_the_next_reset_counts(void **state)
{
	static const struct {
		uint32_t off;
		bool ends;
	} resets[] = {{1, false}, {UINT32_MAX, false}, {60000, false}, {0, true}};
	struct bench b = {.service = service(WORLD_SERVICE_NONE, NULL)};

	(void)state;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, NS_PER_SEC);
	for (size_t i = 0; i < sizeof(resets) / sizeof(resets[0]); i++) {
		client_say(b.client, TCP_RST, b.client->iss + 1 + resets[i].off, NULL, 0);
		assert_int_equal(connections_left(&b), !resets[i].ends);
	}
	bench_close(&b);
}

/* Many more than there are blocks for, one after the other, cut off in the middle. */
static void
test_what_ends_gives_all_back(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_ENDLESS, long_text)};

	(void)state;
	bench_open(&b, 1);
	for (uint16_t i = 0; i < 200; i++) {
		free(b.client);
		b.client = client_make(&b.rig, HOST, (uint16_t)(30000 + i));
		client_start(b.client, b.rig.now_ns);
		/* The last finds enough left for windows that have grown. */
		run_for(&b, i < 199 ? 50 * NS_PER_MS : NS_PER_SEC);
		assert_true(b.client->in_len > 0);
		client_say(b.client, TCP_ACK, b.client->iss + 9, (const uint8_t *)"early", 5);
		client_abort(b.client);
		run_for(&b, 30 * NS_PER_MS);
	}
	assert_int_equal(connections_left(&b), 0);
	assert_int_equal(world_stage_counters(b.rig.stage)->connections, 200);
	assert_int_equal(world_stage_counters(b.rig.stage)->segments_refused, 0);
	bench_close(&b);
}

/* Each wants eight blocks at least, and there are two and a half for each: they take turns. */
static void
test_few_blocks_serve_many(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_BANNER, long_text)};
	struct client *clients[CONNECTIONS];
	unsigned int whole = 0;

	(void)state;
	b.service.cue = WORLD_CUE_DATA;
	b.network.synack_retries = 3;
	bench_open(&b, 1);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		clients[i] = client_make(&b.rig, HOST + i, (uint16_t)(50000 + i));
		client_start(clients[i], 0);
		client_write(clients[i], 0, "x", 1);
	}
	for (uint64_t until_ns = 0; until_ns < 60 * NS_PER_SEC; until_ns += 100 * NS_PER_MS) {
		while (worlds_next(&b.rig, until_ns) > 0) {
			for (uint32_t i = 0; i < CONNECTIONS; i++)
				client_hear(clients[i], b.rig.now_ns, b.rig.frame, b.rig.len);
		}
		for (uint32_t i = 0; i < CONNECTIONS; i++)
			client_tick(clients[i], b.rig.now_ns);
	}
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		whole += clients[i]->in_len == LONG_TEXT;
		free(clients[i]);
	}
	assert_int_equal(whole, CONNECTIONS);
	bench_close(&b);
}

static uint64_t
replay_digest(uint64_t seed)
{
	struct bench b = {.service = service(WORLD_SERVICE_BANNER, long_text)};
	uint64_t digest = 0;

	b.network.loss_back = b.network.reorder = b.network.duplicate = 20 * WORLDS_PERCENT;
	bench_open(&b, seed);
	client_start(b.client, 0);
	while (worlds_next(&b.rig, 60 * NS_PER_SEC) > 0) {
		for (unsigned int i = 0; i < b.rig.len; i++)
			digest = hash_mix64(digest ^ b.rig.frame[i] ^ b.rig.now_ns);
		client_hear(b.client, b.rig.now_ns, b.rig.frame, b.rig.len);
		client_tick(b.client, b.rig.now_ns);
	}
	bench_close(&b);
	return digest;
}

static void
test_a_seed_replays(void **state)
{
	(void)state;
	assert_true(replay_digest(1) == replay_digest(1));
	assert_true(replay_digest(1) != replay_digest(2));
}

/* What completes no handshake makes no connection. */
static void
test_only_an_answered_synack_connects(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_NONE, NULL)};
	const struct world_counters *counters;

	(void)state;
	bench_open(&b, 1);
	counters = world_stage_counters(b.rig.stage);
	b.client->irs = 12345; /* made up: no SYN was sent */
	client_ack(b.client);
	assert_int_equal(counters->connections, 0);
	assert_int_equal(counters->strays, 1);
	client_start(b.client, 0);
	worlds_next(&b.rig, NS_PER_SEC);
	b.client->irs = load_be32(worlds_tcp(b.rig.frame, b.rig.len)->seq);
	/* Of another sequence than the SYN's, of another acknowledgement, a reset. */
	b.client->acked = 1;
	client_ack(b.client);
	b.client->acked = 0;
	b.client->irs++;
	client_ack(b.client);
	b.client->irs--;
	client_say(b.client, TCP_RST | TCP_ACK, b.client->iss + 1, NULL, 0);
	assert_int_equal(counters->connections, 0);
	assert_int_equal(counters->strays, 4);
	client_ack(b.client);
	assert_int_equal(counters->connections, 1);
	bench_close(&b);
}

/* From the same port, with another sequence number: the old connection is over. */
static void
test_a_client_may_begin_anew(void **state)
{
	(void)state;
	for (unsigned int retries = 0; retries < 4; retries += 3) {
		struct bench b = {.service = service(WORLD_SERVICE_BANNER, "hello")};

		b.network.synack_retries = retries;
		bench_open(&b, 1);
		for (uint32_t i = 0; i < 3; i++) {
			free(b.client);
			b.client = client_make(&b.rig, HOST, 40000);
			b.client->iss += i * 1000000007;
			client_start(b.client, b.rig.now_ns);
			run_for(&b, NS_PER_SEC);
			assert_stream(b.client, "hello", 5);
			assert_int_equal(connections_left(&b), 1);
		}
		assert_int_equal(world_stage_counters(b.rig.stage)->connections, 3);
		bench_close(&b);
	}
}

static void
test_connections_are_bounded(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_BANNER, "hello")};
	struct client *clients[CONNECTIONS + 1];

	(void)state;
	bench_open(&b, 1);
	for (uint32_t i = 0; i <= CONNECTIONS; i++) {
		clients[i] = client_make(&b.rig, HOST + i, (uint16_t)(50000 + i));
		client_start(clients[i], 0);
	}
	while (worlds_next(&b.rig, NS_PER_SEC) > 0) {
		for (uint32_t i = 0; i <= CONNECTIONS; i++)
			client_hear(clients[i], b.rig.now_ns, b.rig.frame, b.rig.len);
	}
	assert_int_equal(world_stage_counters(b.rig.stage)->connections, CONNECTIONS);
	assert_int_equal(world_stage_counters(b.rig.stage)->connections_refused, 1);
	assert_int_equal(clients[CONNECTIONS]->in_len, 0);
	client_abort(clients[0]);
	client_ack(clients[CONNECTIONS]);
	while (worlds_next(&b.rig, 2 * NS_PER_SEC) > 0)
		client_hear(clients[CONNECTIONS], b.rig.now_ns, b.rig.frame, b.rig.len);
	assert_stream(clients[CONNECTIONS], "hello", 5);
	for (uint32_t i = 0; i <= CONNECTIONS; i++)
		free(clients[i]);
	bench_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_manners_change_nothing),
		cmocka_unit_test(test_echo_survives_every_fault),
		cmocka_unit_test(test_any_one_frame_may_be_lost),
		cmocka_unit_test(test_gaps_are_filled_at_once),
		cmocka_unit_test(test_early_data_is_kept),
		cmocka_unit_test(test_only_the_next_reset_counts),
		cmocka_unit_test(test_what_ends_gives_all_back),
		cmocka_unit_test(test_few_blocks_serve_many),
		cmocka_unit_test(test_a_seed_replays),
		cmocka_unit_test(test_only_an_answered_synack_connects),
		cmocka_unit_test(test_a_client_may_begin_anew),
		cmocka_unit_test(test_connections_are_bounded),
	};

	bench_write_text();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
