/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that speak, heard by a client of a few lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/hash.h"
#include "clients.h"

#define HOST 0x0a000001
#define EVENTS 4096
#define CONNECTIONS 64
#define LONG_TEXT 5000

static char long_text[LONG_TEXT + 1];

/* A world of one network, one service, all ports open. */
struct bench {
	struct worlds_rig rig;
	struct world_network network;
	struct world_service service;
	struct world_offer offer;
	struct client *client;
};

static void
bench_send(void *context, const uint8_t *frame, size_t len)
{
	worlds_send(context, frame, len);
}

static struct client *
client_make(struct worlds_rig *rig, uint32_t dst, uint16_t src_port)
{
	struct client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->send = bench_send;
	c->context = rig;
	c->dst = dst;
	c->src_port = src_port;
	c->dst_port = 80;
	c->iss = UINT32_MAX - 100; /* wraps soon */
	c->mss = 1460;
	c->window = 65535;
	c->resend_ns = TIME_NEVER;
	return c;
}

static void
bench_open(struct bench *b, uint64_t seed)
{
	struct world_description d = {.seed = seed, .networks = &b->network, .networks_count = 1,
				      .services = &b->service, .services_count = 1};

	b->offer = (struct world_offer){0, WORLD_SHARE_ONE};
	b->network.range = (struct ipv4_range){0, UINT32_MAX};
	b->network.open = WORLD_SHARE_ONE;
	b->network.latency_min_ns = b->network.latency_max_ns = 20 * NS_PER_MS;
	b->network.offers = (struct world_offers){&b->offer, 1};
	assert_int_equal(worlds_open_servers(&b->rig, &d, EVENTS, CONNECTIONS), 0);
	b->client = client_make(&b->rig, HOST, 40000);
}

static void
bench_close(struct bench *b)
{
	free(b->client);
	worlds_close(&b->rig);
}

/* Let time pass; frames to the client, the client's own times too. */
static void
run(struct bench *b, uint64_t until_ns)
{
	struct worlds_rig *rig = &b->rig;

	while (rig->now_ns < until_ns) {
		uint64_t next_ns = b->client->resend_ns < until_ns ? b->client->resend_ns : until_ns;

		if (worlds_next(rig, next_ns) > 0)
			client_hear(b->client, rig->now_ns, rig->frame, rig->len);
		client_tick(b->client, rig->now_ns);
	}
}

static void
run_for(struct bench *b, uint64_t ns)
{
	run(b, b->rig.now_ns + ns);
}

/* A service with all that is 0 by default, but its kind and its text. */
static struct world_service
service(enum world_service_kind kind, const char *text)
{
	struct world_service s = WORLD_SERVICE_PLAIN;

	s.kind = (uint8_t)kind;
	s.text = text;
	s.text_len = text != NULL ? strlen(text) : 0;
	return s;
}

static uint64_t
connections_left(const struct bench *b)
{
	const struct world_counters *c = world_stage_counters(b->rig.stage);

	return c->connections - c->connections_over;
}

static void
assert_stream(const struct client *c, const char *text, size_t len)
{
	assert_int_equal(c->in_len, len);
	assert_memory_equal(c->in, text, len);
}

static void
test_none_acknowledges_and_never_speaks(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_NONE, NULL)};

	(void)state;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run_for(&b, NS_PER_SEC);
	assert_true(b.client->open);
	assert_int_equal(connections_left(&b), 1);
	client_write(b.client, b.rig.now_ns, long_text, LONG_TEXT);
	run_for(&b, 10 * NS_PER_SEC);
	assert_int_equal(b.client->acked, LONG_TEXT);
	assert_int_equal(b.client->in_len, 0);
	client_close(b.client, b.rig.now_ns);
	run_for(&b, NS_PER_SEC);
	assert_true(b.client->fin_acked && b.client->fin_heard);
	run_for(&b, 10 * NS_PER_SEC);
	assert_int_equal(connections_left(&b), 0);
	assert_int_equal(world_stage_counters(b.rig.stage)->segments_resent, 0);
	bench_close(&b);
}

static void
test_silent_says_nothing(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_SILENT, NULL)};

	(void)state;
	bench_open(&b, 1);
	client_start(b.client, 0);
	client_write(b.client, 0, "hello", 5);
	run_for(&b, 10 * NS_PER_SEC);
	assert_true(b.client->open);
	assert_int_equal(b.client->segments, 1);
	assert_int_equal(b.client->acked, 0);
	assert_int_equal(world_stage_counters(b.rig.stage)->connections, 0);
	bench_close(&b);
}

static void
test_the_idle_are_reset(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_NONE, NULL)};

	(void)state;
	b.service.idle_ns = 5 * NS_PER_SEC;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, 4 * NS_PER_SEC);
	assert_false(b.client->reset);
	run(&b, 6 * NS_PER_SEC);
	assert_true(b.client->reset);
	assert_int_equal(connections_left(&b), 0);
	bench_close(&b);
}

static void
test_banners_wait_for_their_cue(void **state)
{
	static const struct {
		enum world_cue cue;
		const char *early, *late;
	} cues[] = {
		{WORLD_CUE_DATA, "", "x"},
		{WORLD_CUE_LINE, "EHLO me", "\r\n"},
		{WORLD_CUE_BLANK, "GET / HTTP/1.0\r\nHost: a\r\n", "\r\n"},
		{WORLD_CUE_BLANK, "GET /\nA\n", "\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cues) / sizeof(cues[0]); i++) {
		struct bench b = {.service = service(WORLD_SERVICE_BANNER, "here I am\r\n")};

		b.service.cue = (uint8_t)cues[i].cue;
		bench_open(&b, i);
		client_start(b.client, 0);
		client_write(b.client, 0, cues[i].early, strlen(cues[i].early));
		run(&b, 2 * NS_PER_SEC);
		assert_int_equal(b.client->in_len, 0);
		client_write(b.client, b.rig.now_ns, cues[i].late, strlen(cues[i].late));
		run_for(&b, NS_PER_SEC);
		assert_stream(b.client, "here I am\r\n", 11);
		bench_close(&b);
	}
}

static void
test_each_way_to_close(void **state)
{
	static const struct {
		enum world_close close;
		bool client_closes, fin, reset;
	} ways[] = {
		{WORLD_CLOSE_KEEP, false, false, false},
		{WORLD_CLOSE_KEEP, true, true, false},
		{WORLD_CLOSE_FIN, false, true, false},
		{WORLD_CLOSE_FIN, true, true, false},
		{WORLD_CLOSE_DATA, true, true, false},
		{WORLD_CLOSE_RESET, false, false, true},
		{WORLD_CLOSE_SIMULTANEOUS, true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct bench b = {.service = service(WORLD_SERVICE_BANNER, long_text)};

		b.service.close = (uint8_t)ways[i].close;
		bench_open(&b, i);
		client_start(b.client, 0);
		run(&b, 2 * NS_PER_SEC);
		assert_int_equal(b.client->reset, ways[i].reset);
		assert_stream(b.client, long_text, LONG_TEXT);
		if (ways[i].client_closes)
			client_close(b.client, b.rig.now_ns);
		run_for(&b, NS_PER_SEC);
		assert_int_equal(b.client->fin_heard, ways[i].fin);
		assert_int_equal(b.client->fin_acked, ways[i].client_closes);
		run_for(&b, 100 * NS_PER_SEC);
		assert_int_equal(connections_left(&b), 0);
		bench_close(&b);
	}
}

static void
test_fin_stands_on_the_last_data(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_BANNER, "bye")};

	(void)state;
	b.service.close = WORLD_CLOSE_DATA;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, NS_PER_SEC);
	assert_int_equal(b.client->segments, 2); /* the SYN-ACK, and one more */
	assert_true(b.client->fin_heard);
	bench_close(&b);
}

static void
test_resets_at_each_stage(void **state)
{
	static const struct {
		enum world_reset reset;
		bool by_connect;
		uint32_t bytes; /* that came before it */
	} stages[] = {
		{WORLD_RESET_ACK, true, 0},
		{WORLD_RESET_DATA, false, 0},
		{WORLD_RESET_RESPONSE, false, 1000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		struct bench b = {.service = service(WORLD_SERVICE_BANNER, long_text)};

		b.service.reset = (uint8_t)stages[i].reset;
		b.service.cue = WORLD_CUE_DATA;
		b.service.segment = 1000;
		b.network.synack_retries = 3; /* the SYN is at hand, and with it its MSS */
		bench_open(&b, i);
		client_start(b.client, 0);
		run(&b, NS_PER_SEC);
		assert_int_equal(b.client->reset, stages[i].by_connect);
		if (!stages[i].by_connect)
			client_write(b.client, b.rig.now_ns, "hello", 5);
		run_for(&b, NS_PER_SEC);
		assert_true(b.client->reset);
		assert_int_equal(b.client->in_len, stages[i].bytes);
		assert_int_equal(b.client->acked, stages[i].bytes > 0 ? 5 : 0);
		assert_int_equal(connections_left(&b), 0);
		bench_close(&b);
	}
}

static void
test_windows_and_mss_are_as_announced(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_NONE, NULL)};

	(void)state;
	b.service.mss = 88;
	b.service.window = 200;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, NS_PER_SEC);
	assert_int_equal(b.client->peer_mss, 88);
	assert_int_equal(b.client->peer_window, 200);
	/* Beyond the window nothing is taken: 88 + 88 + 24 of each flight. */
	client_write(b.client, b.rig.now_ns, long_text, 500);
	assert_int_equal(world_stage_counters(b.rig.stage)->oversize, 0);
	run_for(&b, 100 * NS_PER_MS);
	assert_int_equal(b.client->acked, 500); /* each is taken at once, and the window stands */
	b.client->peer_mss = 0;
	client_write(b.client, b.rig.now_ns, long_text, 300);
	run_for(&b, 100 * NS_PER_MS);
	assert_int_equal(world_stage_counters(b.rig.stage)->oversize, 1);
	assert_int_equal(b.client->acked, 500);
	bench_close(&b);
}

static void
test_zero_window_takes_nothing(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_NONE, NULL)};

	(void)state;
	b.service.window = 0;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, NS_PER_SEC);
	assert_int_equal(b.client->peer_window, 0);
	client_write(b.client, b.rig.now_ns, "x", 1);
	run_for(&b, 5 * NS_PER_SEC);
	assert_true(b.client->acks > 0); /* each try is answered */
	assert_int_equal(b.client->acked, 0);
	bench_close(&b);
}

static void
test_the_clients_window_and_mss_are_kept(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_ENDLESS, "0123456789")};

	(void)state;
	b.network.synack_retries = 3;
	bench_open(&b, 1);
	b.client->mss = 100;
	b.client->window = 0;
	client_start(b.client, 0);
	run(&b, 3 * NS_PER_SEC);
	/* One byte at a time asks whether the window has opened. */
	assert_in_range(b.client->in_len, 1, 20);
	assert_int_equal(b.client->longest, 1);
	b.client->window = 150;
	client_ack(b.client);
	run_for(&b, NS_PER_SEC);
	assert_int_equal(b.client->longest, 100);
	assert_true(b.client->in_len > 1000);
	for (uint32_t i = 0; i < b.client->in_len; i++)
		assert_int_equal(b.client->in[i], '0' + i % 10);
	client_abort(b.client);
	assert_int_equal(connections_left(&b), 0);
	bench_close(&b);
}

static void
test_tarpits_drip(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_TARPIT, "abc")};

	(void)state;
	b.service.every_ns = 2 * NS_PER_SEC;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, 11 * NS_PER_SEC);
	assert_stream(b.client, "abcab", 5);
	bench_close(&b);
}

static void
test_silence_after_so_many_bytes(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_BANNER, long_text)};

	(void)state;
	b.service.silent_after = 1234;
	b.service.close = WORLD_CLOSE_FIN;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, 10 * NS_PER_SEC);
	assert_stream(b.client, long_text, 1234);
	assert_false(b.client->fin_heard);
	bench_close(&b);
}

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

static void
test_malformed_is_said_once_asked(void **state)
{
	static const uint8_t first[WORLD_MALFORMED_KINDS] = {22, 0x63, 22, 22, 21};

	(void)state;
	for (uint8_t what = 0; what < WORLD_MALFORMED_KINDS; what++) {
		struct bench b = {.service = service(WORLD_SERVICE_MALFORMED, NULL)};
		const uint8_t *in;
		uint32_t at = 0;

		b.service.malformed = what;
		b.service.cue = WORLD_CUE_DATA;
		bench_open(&b, what);
		in = b.client->in;
		client_start(b.client, 0);
		client_write(b.client, 0, "hello", 5);
		run(&b, NS_PER_SEC);
		assert_int_equal(in[0], first[what]);
		/* All but the first kind are whole records. */
		while (what > 0 && at + 5 <= b.client->in_len)
			at += 5 + load_be16(in + at + 3);
		assert_int_equal(at, what > 0 ? b.client->in_len : 0);
		bench_close(&b);
	}
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

static void
test_shares_of_services_are_as_documented(void **state)
{
	struct world_service services[3] = {WORLD_SERVICE_PLAIN, WORLD_SERVICE_PLAIN,
					    WORLD_SERVICE_PLAIN};
	const struct world_offer offers[] = {{2, 60 * WORLDS_PERCENT}, {0, 30 * WORLDS_PERCENT}};
	const struct world_offer ports_offers[] = {{1, WORLD_SHARE_ONE}};
	const struct world_port port = {.port = 22, .open = WORLD_SHARE_ONE,
					.offers = {ports_offers, 1}};
	const struct world_network n = {.range = {0, UINT32_MAX}, .open = WORLD_SHARE_ONE,
					.ports = &port, .ports_count = 1, .offers = {offers, 2}};
	struct world_description d = {.seed = 77, .networks = &n, .networks_count = 1,
				      .services = services, .services_count = 3,
				      .certificates = {"x", 7, 1, 1, 1, 1, 1}};
	unsigned int found[4] = {0};
	struct world *w;

	(void)state;
	services[0].name = "a";
	services[1].name = "b";
	services[2].name = "c";
	assert_int_equal(world_create(&d, &w), 0);
	for (uint32_t address = HOST; address < HOST + 10000; address++) {
		uint64_t h = hash_mix64(hash_mix64(77 ^ ((uint64_t)address << 16 | 443)) ^
					UINT64_C(0x73657276696365));
		const char *expected = (double)h / 0x1p64 < 0.6 ? "c"
				       : (double)h / 0x1p64 < 0.9 ? "a" : "none";
		uint64_t c = hash_mix64(hash_mix64(77 ^ (uint64_t)address << 16) ^ 0x63657274);

		assert_string_equal(world_service_at(w, address, 443)->name, expected);
		assert_string_equal(world_service_at(w, address, 22)->name, "b");
		assert_int_equal(world_certificate_at(w, address), c % 7);
		found[expected[0] == 'n' ? 3 : expected[0] - 'a']++;
	}
	assert_in_range(found[2], 5800, 6200);
	assert_in_range(found[3], 800, 1200);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_acknowledges_and_never_speaks),
		cmocka_unit_test(test_silent_says_nothing),
		cmocka_unit_test(test_the_idle_are_reset),
		cmocka_unit_test(test_banners_wait_for_their_cue),
		cmocka_unit_test(test_each_way_to_close),
		cmocka_unit_test(test_fin_stands_on_the_last_data),
		cmocka_unit_test(test_resets_at_each_stage),
		cmocka_unit_test(test_windows_and_mss_are_as_announced),
		cmocka_unit_test(test_zero_window_takes_nothing),
		cmocka_unit_test(test_the_clients_window_and_mss_are_kept),
		cmocka_unit_test(test_tarpits_drip),
		cmocka_unit_test(test_silence_after_so_many_bytes),
		cmocka_unit_test(test_bad_manners_change_nothing),
		cmocka_unit_test(test_malformed_is_said_once_asked),
		cmocka_unit_test(test_echo_survives_every_fault),
		cmocka_unit_test(test_a_seed_replays),
		cmocka_unit_test(test_only_an_answered_synack_connects),
		cmocka_unit_test(test_connections_are_bounded),
		cmocka_unit_test(test_shares_of_services_are_as_documented),
	};

	for (size_t i = 0; i < LONG_TEXT; i++)
		long_text[i] = (char)('!' + hash_mix64(i) % 90);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
