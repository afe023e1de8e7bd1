/* SPDX-License-Identifier: BSD-3-Clause */
/* What lib/tcp says to single segments, times and errors, rule by rule. */
#include <errno.h>
#include <stdio.h>

#include "base/hash.h"
#include "tcp_talk.h"

#define FIRST (RIG_IRS + 1)

static void
test_ack_and_first_data_are_one_segment(void **state)
{
	struct rig *r = adopted(PROBE_WINDOWS, "hello");

	(void)state;
	assert_int_equal(r->opens, 1);
	assert_true(rig_next(r, &o));
	assert_int_equal(o.flags, TCP_ACK | TCP_PSH);
	assert_int_equal(o.seq, ACKED);
	assert_int_equal(o.ack, FIRST);
	assert_int_equal(o.len, 5);
	assert_memory_equal(o.data, "hello", 5);
	assert_int_equal(o.options_len, 0);
	assert_true(o.dont_fragment);
	assert_int_equal(o.window, 64240 >> 8);
	assert_false(rig_next(r, &o));
	finish(r);
}

static void
test_an_ack_alone_where_nothing_is_said(void **state)
{
	struct rig *r = adopted(PROBE_MSS, NULL);

	(void)state;
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.flags, TCP_ACK);
	assert_int_equal(o.len, 0);
	assert_int_equal(o.window, 65535); /* what its SYN promised */
	/* Said again after 1 and 3 s to a peer that is silent, and no more. */
	rig_wait(r, 1010 * NS_PER_MS);
	assert_int_equal(rig_flush(r, &o), 1);
	rig_wait(r, 2010 * NS_PER_MS);
	assert_int_equal(rig_flush(r, &o), 1);
	rig_wait(r, 60 * NS_PER_SEC);
	assert_int_equal(rig_flush(r, &o), 0);
	assert_int_equal(tcp_stage(r->conn), TCP_STAGE_WAIT);
	finish(r);
}

/* What tells a service from what only accepts; a part of what was said is enough. */
static void
test_what_the_peer_has_acknowledged(void **state)
{
	struct rig *r = adopted(PROBE_WINDOWS, "hello");

	(void)state;
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(rig_in(r, TCP_ACK, 0, 0, 500, NULL, 0), 0);
	assert_false(tcp_is_acked(r->conn));
	assert_int_equal(tcp_peer_window(r->conn), 500);
	assert_int_equal(rig_in(r, TCP_ACK, 0, 2, 0, NULL, 0), 0);
	assert_true(tcp_is_acked(r->conn));
	assert_int_equal(tcp_peer_window(r->conn), 0);
	finish(r);
}

static void
test_one_adoption_a_tuple(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "x");
	struct tcp_begin begin = rig_begin(RIG_LOCAL_PORT, 200 * NS_PER_SEC);
	struct tcp_synack again = rig_synack(65535), other = rig_synack(65535);
	struct tcp_conn *c;

	(void)state;
	assert_int_equal(tcp_adopt(r->tcp, &begin, &again, r->now_ns, &c), -EEXIST);
	assert_false(rig_next(r, &o));
	/* The same SYN-ACK, each time: our ACK was lost. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tcp_synack(r->tcp, &begin.tuple, &again, r->now_ns), 0);
		assert_int_equal(rig_flush(r, &o), 1);
		assert_int_equal(o.seq, ACKED + 1);
		assert_int_equal(o.ack, FIRST);
	}
	/* Another one: a challenge ACK, one a second. */
	other.seq += 100;
	for (int i = 0; i < 3; i++)
		assert_int_equal(tcp_synack(r->tcp, &begin.tuple, &other, r->now_ns), 0);
	assert_int_equal(rig_flush(r, &o), 1);
	begin.tuple.local_port++;
	assert_int_equal(tcp_synack(r->tcp, &begin.tuple, &again, r->now_ns), -ENOENT);
	finish(r);
}

/* An ACK for every second segment; a lone one's waits 40 ms. */
static void
test_delayed_acks(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "x");

	(void)state;
	rig_in(r, TCP_ACK, 0, 1, 65535, "abc", 3);
	assert_false(rig_next(r, &o));
	rig_in(r, TCP_ACK, 3, 1, 65535, "def", 3);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.ack, FIRST + 6);
	rig_in(r, TCP_ACK, 6, 1, 65535, "ghi", 3);
	rig_wait(r, 39 * NS_PER_MS);
	assert_false(rig_next(r, &o));
	rig_wait(r, 3 * NS_PER_MS);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.ack, FIRST + 9);
	/* Data of ours takes it along. */
	rig_in(r, TCP_ACK, 9, 1, 65535, "jkl", 3);
	tcp_send(r->tcp, r->conn, "y", 1);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.ack, FIRST + 12);
	rig_wait(r, 100 * NS_PER_MS);
	assert_false(rig_next(r, &o));
	assert_memory_equal(r->stream, "abcdefghijkl", 12);
	finish(r);
}

/* Each gap is told at once, with what there is behind it, the newest first. */
static void
test_gaps_and_sack(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "x");

	(void)state;
	rig_in(r, TCP_ACK, 10, 1, 65535, "aaaaa", 5);
	rig_in(r, TCP_ACK, 20, 1, 65535, "bbbbb", 5);
	assert_int_equal(rig_flush(r, &o), 2);
	assert_int_equal(o.ack, FIRST);
	assert_int_equal(o.options_len, 20);
	assert_int_equal(o.option[2], 5);
	assert_int_equal(o.option[3], 18);
	assert_int_equal(load_be32(o.option + 4), FIRST + 20);
	assert_int_equal(load_be32(o.option + 8), FIRST + 25);
	assert_int_equal(load_be32(o.option + 12), FIRST + 10);
	assert_int_equal(load_be32(o.option + 16), FIRST + 15);
	for (uint32_t i = 0; i < 8; i++)
		rig_in(r, TCP_ACK, 40 + i * 10, 1, 65535, "c", 1);
	assert_int_equal(rig_flush(r, &o), 8);
	assert_int_equal(o.options_len, 36);
	assert_int_equal(load_be32(o.option + 4), FIRST + 110);
	/* What fills a gap is acknowledged at once. */
	rig_in(r, TCP_ACK, 0, 1, 65535, "0123456789", 10);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.ack, FIRST + 15);
	assert_memory_equal(r->stream, "0123456789aaaaa", 15);
	finish(r);
}

/* Random pieces that overlap and differ, against a model in which the first copy of a byte stands. */
static void
test_first_copy_wins(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rig *r = talking(PROBE_WINDOWS, "x");
		uint8_t model[1600], known[1600] = {0};
		uint64_t next = seed;
		size_t end = 0;

		for (uint8_t piece = 1; piece < 60; piece++) {
			uint8_t bytes[700];
			uint32_t offset, len;

			next = hash_mix64(next);
			offset = (uint32_t)(next % 1000);
			len = (uint32_t)(1 + (next >> 16) % (seed % 3 ? 40 : 600));
			memset(bytes, piece, len);
			for (uint32_t i = 0; i < len; i++) {
				if (!known[offset + i]) {
					model[offset + i] = piece;
					known[offset + i] = 1;
				}
			}
			rig_in(r, TCP_ACK, offset, 1, 65535, bytes, len);
			while (end < sizeof(known) && known[end])
				end++;
			assert_int_equal(r->received, end);
		}
		assert_memory_equal(r->stream, model, end);
		finish(r);
	}
}

/* Floods of what comes early: bounded for a connection, bounded for the stack; then all is well. */
static void
test_floods_are_bounded(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "x");
	static uint8_t bytes[1460];
	uint32_t sum = 0;

	(void)state;
	for (uint32_t i = 0; i < 4000; i++)
		rig_in(r, TCP_ACK, 2 + i * 16, 1, 65535, "f", 1);
	assert_in_range(tcp_use(r->tcp).recv_blocks, 100, 260);
	assert_true(tcp_stats(r->tcp)->refused > 1000);
	rig_flush(r, &o);
	/* Outside the window nothing is kept. */
	sum = tcp_use(r->tcp).recv_blocks;
	for (uint32_t i = 0; i < 100; i++)
		rig_in(r, TCP_ACK, 64240 + i * 1000, 1, 65535, bytes, 1460);
	assert_int_equal(tcp_use(r->tcp).recv_blocks, sum);
	for (uint32_t i = 0; i < 60000; i += 1000)
		rig_in(r, TCP_ACK, i, 1, 65535, bytes, 1000);
	assert_int_equal(r->received, 60000);
	finish(r);
}

/* What reaches past our window ends at its edge. */
static void
test_data_is_cut_at_our_window(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "x");
	static uint8_t bytes[1000];

	(void)state;
	rig_in(r, TCP_ACK, 64230, 1, 65535, bytes, 20); /* the SYN's window: 64240 */
	for (uint32_t at = 0; at < 64230; at += 1000)
		rig_in(r, TCP_ACK, at, 1, 65535, bytes, at < 64000 ? 1000 : 230);
	assert_int_equal(r->received, 64240);
	finish(r);
}

/* A user that does not take all is left alone until it asks for more, and our window says so. */
static void
test_what_is_not_taken_waits(void **state)
{
	struct rig *r = talking(PROBE_MSS, "x");
	static uint8_t bytes[1400];

	(void)state;
	r->take_most = 3;
	rig_in(r, TCP_ACK, 0, 1, 65535, "0123456789", 10);
	rig_in(r, TCP_ACK, 10, 1, 65535, bytes, 1400);
	assert_int_equal(r->received, 3);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.ack, FIRST + 1410);
	assert_int_equal(o.window, 65535 - 1410); /* the edge stays */
	tcp_resume(r->tcp, r->conn);
	assert_int_equal(r->received, 6);
	assert_memory_equal(r->stream, "012345", 6);
	r->take_most = SIZE_MAX;
	tcp_resume(r->tcp, r->conn);
	assert_int_equal(r->received, 1410);
	finish(r);
}

static void
test_resets_by_rfc_5961(void **state)
{
	static const struct {
		uint32_t offset;
		bool reset, challenge;
	} cases[] = {
		{10, true, false},      /* exactly what is next */
		{11, false, true},      {10 + 64000, false, true},
		{9, false, false},      {0, false, false},
		{100000, false, false}, {0x80000000, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = talking(PROBE_WINDOWS, "x");

		rig_in(r, TCP_ACK, 0, 1, 65535, "0123456789", 10);
		rig_wait(r, 50 * NS_PER_MS);
		rig_flush(r, &o);
		for (int n = 0; n < 5; n++) {
			rig_in(r, TCP_RST, cases[i].offset, 0, 0, NULL, 0);
			assert_int_equal(rig_flush(r, &o), cases[i].challenge && n == 0);
		}
		assert_int_equal(r->closes, cases[i].reset);
		if (cases[i].reset)
			assert_int_equal(r->cause, TCP_RESET);
		rig_wait(r, 2 * NS_PER_SEC);
		rig_in(r, TCP_RST, cases[i].offset, 0, 0, NULL, 0);
		assert_int_equal(rig_flush(r, &o), cases[i].challenge);
		finish(r);
	}
}

/* Timestamps: ours go on from the SYN's, theirs are echoed; what is older than the last is dropped. */
static void
test_timestamps(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct tcp_config config = rig_config(r, PROBE_LINUX);
	struct tcp_synack synack = rig_synack(65535);
	uint8_t option[12] = {1, 1, 8, 10}, packet[200];
	size_t n;

	(void)state;
	synack.options.has_timestamp = 1;
	synack.options.ts_value = 0xfffffff0;
	synack.options.ts_echo = 777;
	r->say = "x";
	rig_adopt(r, &config, &synack);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.options.ts_value, 777);
	assert_int_equal(o.options.ts_echo, 0xfffffff0);
	assert_int_equal(tcp_mss(r->conn), 1448);
	store_be32(option + 4, 16); /* later: it wraps */
	n = rig_packet(packet, TCP_ACK, FIRST, ACKED + 1, 1000, option, 12, "new", 3);
	tcp_input(r->tcp, packet, n, r->now_ns);
	store_be32(option + 4, 0xffffffff);
	n = rig_packet(packet, TCP_ACK, FIRST + 3, ACKED + 1, 1000, option, 12, "old", 3);
	tcp_input(r->tcp, packet, n, r->now_ns);
	assert_int_equal(r->received, 3);
	assert_int_equal(tcp_stats(r->tcp)->old_timestamps, 1);
	rig_wait(r, 1000 * NS_PER_MS);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.options.ts_echo, 16);
	assert_in_range(o.options.ts_value, 777 + 900, 777 + 1000);
	finish(r);
}

/* The SYN that tcp_open() sends is the scan's own, byte for byte but for numbers. */
static void
test_active_open_looks_like_the_scan(void **state)
{
	(void)state;
	for (int profile = PROBE_WINDOWS; profile <= PROBE_MSS; profile++) {
		struct rig *r = calloc(1, sizeof(*r));
		struct tcp_config config = rig_config(r, (enum probe_profile)profile);
		struct tcp_begin begin = rig_begin(RIG_LOCAL_PORT, 200 * NS_PER_SEC);
		const struct probe_syn *syn = probe_syn_of((enum probe_profile)profile);

		r->now_ns = 100 * NS_PER_SEC;
		r->tcp = tcp_new(&config, r->now_ns);
		assert_int_equal(tcp_open(r->tcp, &begin, RIG_ISN, r->now_ns, &r->conn), 0);
		assert_true(rig_next(r, &o));
		assert_int_equal(o.flags, TCP_SYN);
		assert_int_equal(o.seq, RIG_ISN);
		assert_int_equal(o.ack, 0);
		assert_int_equal(o.window, syn->window);
		assert_int_equal(o.options_len, syn->options_len);
		if (profile == PROBE_LINUX) {
			assert_int_not_equal(o.options.ts_value, 0);
			memset(o.option + 8, 0, 4);
		}
		assert_memory_equal(o.option, syn->options, syn->options_len);
		assert_false(rig_next(r, &o));
		/* A RST counts if it acknowledges our SYN. */
		rig_in(r, TCP_RST, 0, 0, 0, NULL, 0);
		rig_in(r, TCP_RST | TCP_ACK, 0, 1, 0, NULL, 0);
		assert_int_equal(r->closes, 0);
		rig_in(r, TCP_RST | TCP_ACK, 0, 0, 0, NULL, 0);
		assert_int_equal(r->cause, TCP_REFUSED);
		finish(r);
	}
}

static void
test_isn_by_rfc_6528(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "x");
	struct flow_tuple a = {1, 2, 3, 4}, b = {1, 2, 3, 5};
	uint32_t isn = tcp_isn(r->tcp, &a, 0);

	(void)state;
	assert_int_equal(tcp_isn(r->tcp, &a, 4 * NS_PER_SEC), isn + 1000000);
	assert_int_not_equal(tcp_isn(r->tcp, &b, 0), isn);
	finish(r);
}

/* Each end of a connection by its user: what leaves, and what is heard afterwards. */
static void
test_ways_to_close(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "x");

	(void)state;
	tcp_close(r->tcp, r->conn, TCP_CLOSE_RST);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.flags, TCP_RST | TCP_ACK);
	assert_int_equal(o.seq, ACKED + 1);
	assert_int_equal(rig_in(r, TCP_ACK, 0, 1, 100, "y", 1), -ENOENT);
	r->conn = NULL;
	finish(r);

	r = talking(PROBE_WINDOWS, "x");
	tcp_abort(r->tcp, r->conn);
	assert_int_equal(rig_flush(r, &o), 0);
	r->conn = NULL;
	finish(r);

	/* FIN behind the data, the peer's FIN acknowledged, no state left. */
	r = talking(PROBE_WINDOWS, "x");
	tcp_send(r->tcp, r->conn, "yz", 2);
	tcp_close(r->tcp, r->conn, TCP_CLOSE_FIN);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.flags, TCP_FIN | TCP_ACK | TCP_PSH);
	assert_int_equal(o.len, 2);
	rig_in(r, TCP_ACK | TCP_FIN, 0, 4, 100, NULL, 0);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.flags, TCP_ACK);
	assert_int_equal(o.ack, FIRST + 1);
	r->conn = NULL;
	assert_int_equal(tcp_stats(r->tcp)->ended[TCP_CLOSED], 1);
	finish(r);

	/* Data after it: there is nobody to read it. */
	r = talking(PROBE_WINDOWS, "x");
	tcp_close(r->tcp, r->conn, TCP_CLOSE_FIN);
	rig_flush(r, &o);
	rig_in(r, TCP_ACK, 0, 2, 100, "late", 4);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.flags, TCP_RST | TCP_ACK);
	assert_int_equal(r->closes, 0);
	r->conn = NULL;
	finish(r);

	/* Within an event. */
	r = talking(PROBE_WINDOWS, "x");
	r->close_on_data = true;
	rig_in(r, TCP_ACK | TCP_FIN, 0, 1, 100, "data", 4);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.flags, TCP_RST | TCP_ACK);
	assert_int_equal(r->fins, 0);
	r->conn = NULL;
	finish(r);
}

/* A FIN that comes before its data; data behind it is none. */
static void
test_fin_ahead_and_data_behind_it(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "x");

	(void)state;
	rig_in(r, TCP_ACK, 8, 1, 100, "behind", 6);
	rig_in(r, TCP_ACK | TCP_FIN, 4, 1, 100, "efgh", 4);
	assert_int_equal(r->fins, 0);
	rig_in(r, TCP_ACK, 0, 1, 100, "abcd", 4);
	assert_int_equal(r->fins, 1);
	assert_int_equal(r->received, 8);
	assert_memory_equal(r->stream, "abcdefgh", 8);
	rig_flush(r, &o);
	assert_int_equal(o.ack, FIRST + 9);
	rig_in(r, TCP_ACK, 9, 1, 100, "more", 4);
	assert_int_equal(r->received, 8);
	assert_int_equal(tcp_use(r->tcp).recv_blocks, 0);
	finish(r);
}

/* A peer that sends more than it may on one connection. */
static void
test_bytes_of_a_connection_are_bounded(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct tcp_config config = rig_config(r, PROBE_WINDOWS);
	struct tcp_synack synack = rig_synack(65535);
	static uint8_t bytes[600];

	(void)state;
	config.receive_max = 1000;
	rig_adopt(r, &config, &synack);
	rig_flush(r, &o);
	rig_in(r, TCP_ACK, 0, 0, 65535, bytes, 600);
	rig_in(r, TCP_ACK, 600, 0, 65535, bytes, 400);
	assert_int_equal(r->closes, 0);
	rig_in(r, TCP_ACK, 1000, 0, 65535, bytes, 1);
	assert_int_equal(r->cause, TCP_OVERFLOW);
	assert_int_equal(r->received, 1000);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.flags, TCP_RST | TCP_ACK);
	finish(r);
}

/* A million plain connections: 128 bytes each and their place in the table; all timers come due. */
static void
test_a_million_connections(void **state)
{
	const uint32_t million = 1000000;
	struct rig *r = calloc(1, sizeof(*r));
	struct tcp_config config = rig_config(r, PROBE_WINDOWS);
	struct tcp_synack synack = rig_synack(65535);
	struct tcp_begin begin = rig_begin(1, 0);
	size_t least;
	uint32_t due = 0;

	(void)state;
	config.connections = 1;
	least = tcp_memory_bytes(&config);
	config.connections = million;
	assert_in_range(tcp_memory_bytes(&config) - least, million * UINT64_C(128), million * UINT64_C(152));
	r->take_most = SIZE_MAX;
	r->tcp = tcp_new(&config, 0);
	assert_non_null(r->tcp);
	for (uint32_t i = 0; i < million; i++) {
		begin.tuple.remote = i * 977;
		begin.deadline_ns = hash_mix64(i) % (40 * NS_PER_SEC);
		assert_int_equal(tcp_adopt(r->tcp, &begin, &synack, 0, &r->conn), 0);
	}
	assert_int_equal(tcp_use(r->tcp).connections, million);
	for (uint64_t ms = 0; ms <= 40010; ms += 10) {
		uint64_t now_ns = ms * NS_PER_MS;

		tcp_poll(r->tcp, now_ns);
		for (; due < r->closes; due++)
			assert_int_equal(r->cause, TCP_DEADLINE);
		if (ms % 4000 == 0)
			assert_in_range(r->closes, ms * 25 > 1000 ? ms * 25 - 1500 : 0, ms * 25 + 1500);
	}
	assert_int_equal(r->closes, million);
	r->now_ns = 41 * NS_PER_SEC;
	assert_int_equal(tcp_next_ns(r->tcp), TIME_NEVER);
	finish(r);
}

static void
test_configs_that_are_refused(void **state)
{
	struct rig r;
	struct tcp_config good = rig_config(&r, PROBE_WINDOWS), bad;

	(void)state;
	bad = good, bad.connections = 0;
	assert_null(tcp_new(&bad, 0));
	bad = good, bad.retries = 11;
	assert_null(tcp_new(&bad, 0));
	bad = good, bad.mtu = 500;
	assert_null(tcp_new(&bad, 0));
	bad = good, bad.events.room = NULL;
	assert_null(tcp_new(&bad, 0));
	bad = good, bad.syn_options_len = 41;
	assert_null(tcp_new(&bad, 0));
	tcp_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack_and_first_data_are_one_segment),
		cmocka_unit_test(test_an_ack_alone_where_nothing_is_said),
		cmocka_unit_test(test_what_the_peer_has_acknowledged),
		cmocka_unit_test(test_one_adoption_a_tuple),
		cmocka_unit_test(test_delayed_acks),
		cmocka_unit_test(test_gaps_and_sack),
		cmocka_unit_test(test_first_copy_wins),
		cmocka_unit_test(test_floods_are_bounded),
		cmocka_unit_test(test_data_is_cut_at_our_window),
		cmocka_unit_test(test_what_is_not_taken_waits),
		cmocka_unit_test(test_resets_by_rfc_5961),
		cmocka_unit_test(test_timestamps),
		cmocka_unit_test(test_active_open_looks_like_the_scan),
		cmocka_unit_test(test_isn_by_rfc_6528),
		cmocka_unit_test(test_ways_to_close),
		cmocka_unit_test(test_fin_ahead_and_data_behind_it),
		cmocka_unit_test(test_bytes_of_a_connection_are_bounded),
		cmocka_unit_test(test_a_million_connections),
		cmocka_unit_test(test_configs_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
