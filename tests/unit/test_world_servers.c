/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that speak, heard by a client of a few lines: what each service says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench.h"
#include "world/answer.h"

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
test_sequence_numbers_say_the_client(void **state)
{
	static const uint32_t syns[] = {0, 1, 0x80000000, UINT32_MAX};
	struct world_client said, read;
	unsigned int others = 0;

	(void)state;
	for (uint32_t mss = 0; mss <= UINT16_MAX; mss += mss < 2000 ? 1 : 997) {
		uint16_t kept = mss < 48 ? 48 : mss > 1460 ? 1460 : (uint16_t)mss;

		for (uint8_t scale = 0; scale <= 15; scale++) {
			struct wire_tcp_options offered = {
				.has_mss = 1, .mss = (uint16_t)mss,
				.has_wscale = scale < 15, .wscale = scale < 15 ? scale : 0};
			uint64_t flow = hash_mix64(mss * 16 + scale);
			uint32_t syn = syns[(mss + scale) % 4], isn;

			said = world_client_of(&offered);
			isn = world_answer_isn(flow, syn, said);
			assert_true(world_answer_isn_read(flow, syn, isn, &read));
			assert_int_equal(read.mss, kept);
			assert_int_equal(read.wscale, scale);
			others += world_answer_isn_read(flow, syn + 1, isn, &read);
			others += world_answer_isn_read(flow + 1, syn, isn, &read);
			others += world_answer_isn_read(flow, syn, isn ^ 1, &read);
			others += world_answer_isn_read(flow, syn, isn ^ 1 << 12, &read);
			others += world_answer_isn_read(flow, syn, isn ^ 1u << 31, &read);
		}
	}
	assert_in_range(others, 0, 10); /* of 164,640: one in 131,072 */
	said = world_client_of(&(struct wire_tcp_options){0});
	assert_int_equal(said.mss, 536);
	assert_int_equal(said.wscale, 15);
	/* No host says a number of an MSS that it does not keep. */
	for (uint32_t i = 0; i < 1000000; i++) {
		if (world_answer_isn_read(7, 8, (uint32_t)hash_mix64(i), &read))
			assert_in_range(read.mss, 48, 1460);
	}
}

/* A conversation, hashed with its times; *in is what the first flight brought. */
static uint64_t
conversation(uint16_t mss, uint8_t scale, uint16_t retries, uint32_t *in, unsigned int *longest)
{
	struct bench b = {.service = service(WORLD_SERVICE_ENDLESS, long_text)};
	uint64_t hash = 0;

	b.network.synack_retries = retries;
	bench_open(&b, 1);
	b.client->mss = mss;
	b.client->wscale = scale;
	b.client->window = 255;
	client_start(b.client, 0);
	for (uint64_t ns = 0; ns < 300 * NS_PER_MS;) {
		unsigned int before = b.came;

		ns += NS_PER_MS;
		run(&b, ns);
		for (; before < b.came; before++)
			hash = hash_mix64(hash + ns);
		hash = hash_mix64(hash ^ (b.client->in_len + ((uint64_t)b.client->irs << 32)));
		if (ns == 50 * NS_PER_MS)
			*in = b.client->in_len;
	}
	*longest = b.client->longest;
	bench_close(&b);
	return hash;
}

static void
test_hosts_know_the_client_from_its_ack(void **state)
{
	static const uint16_t sizes[] = {88, 100, 536, 537, 1000, 1459, 1460};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint8_t scale = 0; scale <= 15; scale++) {
			uint32_t window = scale < 15 ? 255u << scale : 255;
			uint32_t flight = 10u * sizes[i], in[2];
			unsigned int longest[2];
			uint64_t kept = conversation(sizes[i], scale, 3, &in[0], &longest[0]);

			assert_int_equal(conversation(sizes[i], scale, 0, &in[1], &longest[1]),
					 kept);
			assert_int_equal(in[1], flight < window ? flight : window);
			assert_int_equal(longest[1], sizes[i] < window ? sizes[i] : window);
		}
	}
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

/* Who closes first stays for a while: the other's FIN may have to be acknowledged again. */
static void
test_who_closes_first_lingers(void **state)
{
	static const enum world_close closes[] = {WORLD_CLOSE_FIN, WORLD_CLOSE_KEEP};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bench b = {.service = service(WORLD_SERVICE_BANNER, "bye")};
		unsigned int acks;

		b.service.close = (uint8_t)closes[i];
		bench_open(&b, 1);
		client_start(b.client, 0);
		run(&b, NS_PER_SEC);
		client_close(b.client, b.rig.now_ns);
		run_for(&b, NS_PER_SEC);
		assert_true(b.client->fin_acked && b.client->fin_heard);
		assert_int_equal(connections_left(&b), i == 0);
		acks = b.client->acks;
		client_say(b.client, TCP_ACK | TCP_FIN, b.client->iss + 1, NULL, 0);
		run_for(&b, NS_PER_SEC);
		assert_int_equal(b.client->acks, acks + (i == 0));
		run_for(&b, 10 * NS_PER_SEC);
		assert_int_equal(connections_left(&b), 0);
		bench_close(&b);
	}
}

/* Its FIN crosses the client's: it acknowledges what came before that, an ACK behind it the rest. */
static void
test_fins_cross(void **state)
{
	struct bench b = {.service = service(WORLD_SERVICE_NONE, NULL)};
	uint32_t acks[2] = {0};
	unsigned int n = 0;

	(void)state;
	b.service.close = WORLD_CLOSE_SIMULTANEOUS;
	bench_open(&b, 1);
	client_start(b.client, 0);
	run(&b, NS_PER_SEC);
	client_close(b.client, b.rig.now_ns);
	while (n < 2 && worlds_next(&b.rig, 2 * NS_PER_SEC) > 0) {
		const struct wire_tcp *tcp = worlds_tcp(b.rig.frame, b.rig.len);

		assert_int_equal((tcp->flags & TCP_FIN) != 0, n == 0);
		acks[n++] = load_be32(tcp->ack) - b.client->iss;
	}
	assert_int_equal(acks[0], 1);
	assert_int_equal(acks[1], 2);
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
		cmocka_unit_test(test_sequence_numbers_say_the_client),
		cmocka_unit_test(test_hosts_know_the_client_from_its_ack),
		cmocka_unit_test(test_tarpits_drip),
		cmocka_unit_test(test_silence_after_so_many_bytes),
		cmocka_unit_test(test_malformed_is_said_once_asked),
		cmocka_unit_test(test_who_closes_first_lingers),
		cmocka_unit_test(test_fins_cross),
		cmocka_unit_test(test_shares_of_services_are_as_documented),
	};

	bench_write_text();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
