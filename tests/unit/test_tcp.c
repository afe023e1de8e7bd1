/* SPDX-License-Identifier: BSD-3-Clause */
/* What lib/tcp says to single segments, times and errors, rule by rule. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "tcp_rig.h"

#define ACKED (RIG_ISN + 1)
#define FIRST (RIG_IRS + 1)

static struct rig_out o;

static struct rig *
adopted(enum probe_profile profile, const char *say)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct tcp_synack synack = rig_synack(65535);
	struct tcp_config config;

	assert_non_null(r);
	r->say = say;
	config = rig_config(r, profile);
	rig_adopt(r, &config, &synack);
	return r;
}

/* As adopted, and its first words are on their way. */
static struct rig *
talking(enum probe_profile profile, const char *say)
{
	struct rig *r = adopted(profile, say);

	rig_flush(r, &o);
	return r;
}

static void
finish(struct rig *r)
{
	struct tcp_use use;

	if (r->conn != NULL && r->closes == 0)
		tcp_abort(r->tcp, r->conn);
	rig_flush(r, &o);
	use = tcp_use(r->tcp);
	assert_int_equal(use.connections, 0);
	assert_int_equal(use.send_blocks, 0);
	assert_int_equal(use.recv_blocks, 0);
	tcp_free(r->tcp);
	free(r);
}

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

/* Sent at 0, 1, 3 and 7 s, given up at 15. */
static void
test_times_of_resending(void **state)
{
	static const uint32_t at_ms[] = {1000, 3000, 7000};
	struct rig *r = talking(PROBE_WINDOWS, "request");
	uint64_t begun_ns = r->now_ns;
	unsigned int n = 0;

	(void)state;
	while (r->closes == 0) {
		rig_wait(r, NS_PER_MS);
		while (rig_next(r, &o)) {
			uint64_t ms = (r->now_ns - begun_ns) / NS_PER_MS;

			if (o.flags & TCP_RST)
				continue;
			assert_true(n < 3);
			assert_in_range(ms, at_ms[n], at_ms[n] + 12);
			assert_memory_equal(o.data, "request", 7);
			n++;
		}
	}
	assert_int_equal(n, 3);
	assert_in_range((r->now_ns - begun_ns) / NS_PER_MS, 15000, 15020);
	assert_int_equal(r->cause, TCP_TIMED_OUT);
	assert_int_equal(r->stage, TCP_STAGE_SEND);
	finish(r);
}

/* On a path of two seconds: the first is sent again once, then the timeout has learnt, by Karn's rule
 * only from what was sent once. */
static void
test_timeout_follows_a_slow_path(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, "one");

	(void)state;
	rig_wait(r, 2000 * NS_PER_MS);
	assert_int_equal(rig_flush(r, &o), 1);
	rig_in(r, TCP_ACK, 0, 3, 65535, NULL, 0);
	tcp_send(r->tcp, r->conn, "two", 3);
	assert_int_equal(rig_flush(r, &o), 1);
	rig_wait(r, 900 * NS_PER_MS);
	rig_in(r, TCP_ACK, 0, 6, 65535, NULL, 0); /* 0.9 s: 0.9 + 4 * 0.45 */
	tcp_send(r->tcp, r->conn, "three", 5);
	assert_int_equal(rig_flush(r, &o), 1);
	rig_wait(r, 2600 * NS_PER_MS);
	assert_int_equal(rig_flush(r, &o), 0);
	rig_wait(r, 200 * NS_PER_MS);
	assert_int_equal(rig_flush(r, &o), 1);
	finish(r);
}

static void
test_third_duplicate_ack_resends(void **state)
{
	char text[7301];
	struct rig *r;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[7300] = 0;
	r = talking(PROBE_WINDOWS, text);
	for (int i = 0; i < 2; i++)
		rig_in(r, TCP_ACK, 0, 0, 65535, NULL, 0);
	assert_false(rig_next(r, &o));
	rig_in(r, TCP_ACK, 0, 0, 65535, NULL, 0);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.seq, ACKED);
	assert_int_equal(o.len, 1460);
	for (int i = 0; i < 50; i++)
		rig_in(r, TCP_ACK, 0, 0, 65535, NULL, 0);
	assert_false(rig_next(r, &o));
	assert_int_equal(tcp_stats(r->tcp)->resent, 1);
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
		for (int n = 0; n < 5; n++)
			rig_in(r, TCP_RST, cases[i].offset, 0, 0, NULL, 0);
		assert_int_equal(r->closes, cases[i].reset);
		if (cases[i].reset)
			assert_int_equal(r->cause, TCP_RESET);
		assert_int_equal(rig_flush(r, &o), cases[i].challenge);
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

/* A router that asks for less gets it, but no less than the floor, and is heard once. */
static void
test_path_mtu(void **state)
{
	static const struct {
		uint16_t mtu, len;
		bool dont_fragment;
	} cases[] = {{1400, 1360, true}, {600, 560, true}, {552, 512, true}, {296, 512, false}, {0, 512, false}, {1500, 0, true}};
	char text[3001];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[3000] = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = talking(PROBE_WINDOWS, text);
		uint8_t packet[56] = {0};
		struct wire_icmp *icmp = (struct wire_icmp *)(packet + 20);

		wire_ipv4_build((struct wire_ipv4 *)packet, 9, RIG_LOCAL, IP_PROTO_ICMP, 56, 0, 9);
		icmp->type = ICMP_UNREACHABLE;
		icmp->code = 4;
		store_be16(icmp->rest + 2, cases[i].mtu);
		wire_ipv4_build((struct wire_ipv4 *)(packet + 28), RIG_LOCAL, RIG_REMOTE, IP_PROTO_TCP, 1500, 0, 9);
		store_be16(packet + 48, RIG_LOCAL_PORT);
		store_be16(packet + 50, RIG_REMOTE_PORT);
		store_be32(packet + 52, ACKED + 1460);
		assert_int_equal(tcp_icmp(r->tcp, packet, 56, r->now_ns), 0);
		assert_int_equal(rig_next(r, &o), cases[i].len != 0);
		if (cases[i].len != 0) {
			assert_int_equal(o.seq, ACKED);
			assert_int_equal(o.len, cases[i].len);
			assert_int_equal(o.dont_fragment, cases[i].dont_fragment);
		}
		rig_flush(r, &o);
		store_be16(icmp->rest + 2, 560);
		tcp_icmp(r->tcp, packet, 56, r->now_ns);
		assert_int_equal(rig_flush(r, &o) > 0, cases[i].mtu == 1500);
		store_be32(packet + 52, ACKED + 3000); /* not in flight */
		assert_int_equal(tcp_icmp(r->tcp, packet, 56, r->now_ns), -ENOENT);
		finish(r);
	}
}

/* Ten segments, then what ACKs allow. */
static void
test_ten_segments_in_flight(void **state)
{
	static char text[16385];
	struct rig *r;

	(void)state;
	memset(text, 'x', 16384);
	r = adopted(PROBE_WINDOWS, text);
	assert_int_equal(rig_flush(r, &o), 10);
	rig_in(r, TCP_ACK, 0, 2920, 65535, NULL, 0);
	assert_int_equal(rig_flush(r, &o), 2);
	assert_int_equal(o.seq + o.len, ACKED + 16384);
	finish(r);
}

/* A pool that is empty, a queue that is full: less is taken, and `room` says when there is more. */
static void
test_room(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct tcp_config config = rig_config(r, PROBE_WINDOWS);
	struct tcp_synack synack = rig_synack(65535);
	struct tcp_begin begin = rig_begin(RIG_LOCAL_PORT + 1, 200 * NS_PER_SEC);
	static uint8_t bytes[5000];
	struct tcp_conn *other;

	(void)state;
	config.send_blocks = 4;
	config.send_max = 3000;
	config.connections = 2;
	rig_adopt(r, &config, &synack);
	assert_int_equal(tcp_send(r->tcp, r->conn, bytes, sizeof(bytes)), 2000);
	assert_int_equal(tcp_adopt(r->tcp, &begin, &synack, r->now_ns, &other), 0);
	r->conn = other;
	assert_int_equal(tcp_room(r->tcp), 0);
	begin.tuple.local_port++;
	assert_int_equal(tcp_adopt(r->tcp, &begin, &synack, r->now_ns, &other), -ENOBUFS);
	assert_int_equal(tcp_send(r->tcp, r->conn, bytes, 10), 0);
	rig_flush(r, &o);
	rig_in(r, TCP_ACK, 0, 2000, 65535, NULL, 0);
	assert_int_equal(r->rooms, 1);
	rig_wait(r, 100 * NS_PER_MS); /* the other had nothing out that could be acknowledged */
	assert_int_equal(r->rooms, 2);
	assert_int_equal(tcp_send(r->tcp, r->conn, bytes, 10), 10);
	tcp_abort(r->tcp, r->conn);
	tcp_free(r->tcp);
	free(r);
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
		cmocka_unit_test(test_one_adoption_a_tuple),
		cmocka_unit_test(test_times_of_resending),
		cmocka_unit_test(test_timeout_follows_a_slow_path),
		cmocka_unit_test(test_third_duplicate_ack_resends),
		cmocka_unit_test(test_delayed_acks),
		cmocka_unit_test(test_gaps_and_sack),
		cmocka_unit_test(test_first_copy_wins),
		cmocka_unit_test(test_floods_are_bounded),
		cmocka_unit_test(test_resets_by_rfc_5961),
		cmocka_unit_test(test_timestamps),
		cmocka_unit_test(test_active_open_looks_like_the_scan),
		cmocka_unit_test(test_isn_by_rfc_6528),
		cmocka_unit_test(test_ways_to_close),
		cmocka_unit_test(test_fin_ahead_and_data_behind_it),
		cmocka_unit_test(test_path_mtu),
		cmocka_unit_test(test_ten_segments_in_flight),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_bytes_of_a_connection_are_bounded),
		cmocka_unit_test(test_a_million_connections),
		cmocka_unit_test(test_configs_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
