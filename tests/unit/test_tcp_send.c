/* SPDX-License-Identifier: BSD-3-Clause */
/* When lib/tcp sends, how much, and when again. */
#include <errno.h>
#include <stdio.h>

#include "tcp_talk.h"

static char long_text[16385];

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

/* After a timeout one, and one more for each ACK. */
static void
test_one_segment_after_a_timeout(void **state)
{
	struct rig *r = talking(PROBE_WINDOWS, long_text);

	(void)state;
	rig_wait(r, 1010 * NS_PER_MS);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.seq, ACKED);
	rig_in(r, TCP_ACK, 0, 1460, 65535, NULL, 0);
	assert_int_equal(rig_flush(r, &o), 2);
	rig_in(r, TCP_ACK, 0, 2920, 65535, NULL, 0);
	assert_int_equal(rig_flush(r, &o), 2);
	assert_int_equal(o.seq, ACKED + 4 * 1460);
	finish(r);
}

/* Windows behind the SYN-ACK's are scaled; and no crumbs are sent while something is on its way. */
static void
test_scaled_windows_and_no_crumbs(void **state)
{
	struct tcp_synack synack = rig_synack(2000);
	struct rig *r;

	(void)state;
	synack.options.wscale = 3;
	r = rig_adopted(PROBE_WINDOWS, long_text, &synack);
	assert_int_equal(rig_flush(r, &o), 1);
	assert_int_equal(o.len, 1460);
	rig_in(r, TCP_ACK, 0, 1460, 1000, NULL, 0); /* 8,000 */
	assert_int_equal(rig_flush(r, &o), 5);
	assert_int_equal(o.seq + o.len, ACKED + 6 * 1460);
	finish(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_of_resending),
		cmocka_unit_test(test_timeout_follows_a_slow_path),
		cmocka_unit_test(test_third_duplicate_ack_resends),
		cmocka_unit_test(test_path_mtu),
		cmocka_unit_test(test_ten_segments_in_flight),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_one_segment_after_a_timeout),
		cmocka_unit_test(test_scaled_windows_and_no_crumbs),
	};

	memset(long_text, 'x', sizeof(long_text) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
