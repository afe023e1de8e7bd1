/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes back to a scan that pings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "classify_rig.h"

static int
setup(void **state)
{
	(void)state;
	return classify_rig_setup(&probe_icmp_echoscan, 0);
}

/* A segment of the pinged host that acknowledges what it knows of the cookie. */
static size_t
segment(uint8_t flags, uint8_t *frame)
{
	const struct frames_tcp t = {.flags = flags, .seq = 7, .ack = flow.seq + 1};

	return frames_reply(&flow, &t, frame);
}

static void
echo_reply_is_filled(void **state)
{
	uint8_t frame[2048];
	struct reply r;

	(void)state;
	memset(&r, 0xaa, sizeof(r));
	assert_int_equal(classify_frame(&config, frame, frames_echo_reply(&flow, frame), &r),
			 CLASSIFY_ECHOREPLY);
	assert_int_equal(r.kind, CLASSIFY_ECHOREPLY);
	assert_int_equal(r.address, TARGET);
	assert_int_equal(r.port, 0);
	assert_int_equal(r.own_address, flow.own_address);
	assert_int_equal(r.own_port, flow.own_port);
	assert_int_equal(r.seq, flow.cookie & 0xffff);
	assert_int_equal(r.ip_id, 4711);
	assert_int_equal(r.ttl, 53);
	assert_int_equal(r.use, COOKIE_PROBE);
	assert_int_equal(r.bucket, probe_bucket(flow.cookie));
	assert_int_equal(r.icmp_type, 0);
	assert_int_equal(r.icmp_code, 0);
	assert_int_equal(r.ack | r.window | r.icmp_responder | r.has_mss | r.iface, 0);
	assert_int_equal(r.received_ns, 0);
}

/* A byte of the message changed, its checksum made to hold: id, sequence number and cookie decide. */
static void
every_byte_of_an_echo_counts(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (size_t at = 38; at < 50; at++) {
		for (unsigned int flip = 1; flip < 256; flip++) {
			size_t len = frames_echo_reply(&flow, frame);

			frame[at] ^= (uint8_t)flip;
			assert_int_equal(classify(frame, len), CLASSIFY_BAD_CHECKSUM);
			store_be16(frame + 36, 0);
			store_be16(frame + 36, wire_checksum_fold(wire_sum(frame + 34, 16, 0)));
			assert_int_equal(classify(frame, len), CLASSIFY_BAD_COOKIE);
		}
	}
}

/* One ping's reply said by another, or to another of our addresses. */
static void
echo_replies_come_from_the_target(void **state)
{
	uint8_t frame[2048];
	struct frames_flow f;
	unsigned int believed = 0;

	(void)state;
	for (uint32_t i = 1; i < 1000; i++) {
		f = flow;
		f.address ^= i;
		assert_int_equal(classify(frame, frames_echo_reply(&f, frame)),
				 CLASSIFY_BAD_COOKIE);
	}
	for (int i = 0; i < 4; i++) {
		f = flow;
		f.own_address = frames_sources[i];
		believed += classify(frame, frames_echo_reply(&f, frame)) == CLASSIFY_ECHOREPLY;
	}
	assert_int_equal(believed, 1);
}

static void
every_use_of_an_echo_answers_for_itself(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (int use = 0; use < 4; use++) {
		struct reply r;

		flow = frames_flow(&probe, TARGET, 0, (enum cookie_plan)use);
		assert_int_equal(classify_frame(&config, frame, frames_echo_reply(&flow, frame), &r),
				 CLASSIFY_ECHOREPLY);
		assert_int_equal(r.use, use);
	}
}

/* The cookie must be there; what stands behind it is of no account. */
static void
echo_data_is_bounded(void **state)
{
	uint8_t frame[2048], body[64] = {0};

	(void)state;
	for (size_t n = 0; n < sizeof(body); n++) {
		size_t len;

		frames_echo_reply(&flow, frame);
		memcpy(body, frame + 42, 8);
		len = frames_icmp(TARGET, flow.own_address, ICMP_ECHO_REPLY, 0, body, n, frame);
		store_be16(frame + 38, flow.own_port);
		store_be16(frame + 40, (uint16_t)flow.cookie);
		store_be16(frame + 36, 0);
		store_be16(frame + 36, wire_checksum_fold(wire_sum(frame + 34, len - 34, 0)));
		assert_int_equal(classify(frame, len),
				 n < 8 ? CLASSIFY_BAD_COOKIE : CLASSIFY_ECHOREPLY);
		for (size_t cut = 34; cut < len; cut++)
			assert_int_equal(classify(frame, cut), CLASSIFY_TRUNCATED);
	}
}

static void
errors_quote_a_ping(void **state)
{
	uint8_t frame[2048], body[PROBE_FRAME_MAX];
	struct reply r;
	size_t len;

	(void)state;
	len = icmp_error(ICMP_UNREACHABLE, 13, 28, frame);
	assert_int_equal(classify_frame(&config, frame, len, &r), CLASSIFY_ICMP);
	assert_int_equal(r.address, TARGET);
	assert_int_equal(r.port, 0);
	assert_int_equal(r.own_port, flow.own_port);
	assert_int_equal(r.seq, flow.cookie & 0xffff);
	assert_int_equal(r.icmp_responder, ROUTER);
	assert_int_equal(r.icmp_code, 13);
	for (size_t quoted = 0; quoted <= 36; quoted++)
		assert_int_equal(classify(frame, icmp_error(11, 0, quoted, frame)),
				 quoted < 28 ? CLASSIFY_TRUNCATED : CLASSIFY_ICMP);
	/* Protocol, address, type, code, id, sequence number. */
	for (size_t at = 9; at < 28; at++) {
		bool counts = at == 9 || (at >= 12 && at != 22 && at != 23);

		len = frames_probe(&probe, &flow, body);
		body[at] ^= 2;
		len = frames_icmp(ROUTER, flow.own_address, 3, 1, body, len, frame);
		assert_int_equal(classify(frame, len), counts ? CLASSIFY_BAD_COOKIE : CLASSIFY_ICMP);
	}
}

/* Whoever was pinged knows the cookie of port 0, and may say a SYN-ACK that fits it. */
static void
no_synack_answers_a_ping(void **state)
{
	uint8_t frame[2048], body[PROBE_FRAME_MAX];
	struct probe syn;
	struct probe_config c = frames_config(PROBE_WINDOWS);
	size_t len;

	(void)state;
	assert_int_equal(classify(frame, segment(TCP_SYN | TCP_ACK, frame)), CLASSIFY_BAD_COOKIE);
	assert_int_equal(classify(frame, segment(TCP_RST | TCP_ACK, frame)), CLASSIFY_BAD_COOKIE);
	assert_int_equal(probe_init(&syn, &probe_tcp_synscan, &c), 0);
	len = frames_probe(&syn, &flow, body);
	len = frames_icmp(ROUTER, flow.own_address, 3, 1, body, len, frame);
	assert_int_equal(classify(frame, len), CLASSIFY_BAD_COOKIE);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(echo_reply_is_filled),
		TEST(every_byte_of_an_echo_counts),
		TEST(echo_replies_come_from_the_target),
		TEST(every_use_of_an_echo_answers_for_itself),
		TEST(echo_data_is_bounded),
		TEST(errors_quote_a_ping),
		TEST(no_synack_answers_a_ping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
