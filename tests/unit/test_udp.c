/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "udp/udp.h"

static const struct wire_link link_of_tests = {.len = 14, .header = {[12] = 8}};
static const struct flow_tuple tuple = {0x0a000001, 0x0a000002, 5000, 53};

struct heard {
	uint32_t endpoint;
	uint64_t user;
	uint8_t bytes[2000];
	size_t len;
	unsigned int data, icmp;
	uint64_t ahead[300];
	unsigned int aheads;
};

static void
on_data(void *context, uint32_t endpoint, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct heard *h = context;

	h->endpoint = endpoint;
	h->user = user;
	h->len = len;
	memcpy(h->bytes, bytes, len);
	h->data++;
}

static void
on_icmp(void *context, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code)
{
	(void)endpoint;
	(void)user;
	(void)type;
	(void)code;
	((struct heard *)context)->icmp++;
}

static void
on_ahead(void *context, uint64_t user, unsigned int round)
{
	struct heard *h = context;

	h->ahead[h->aheads++] = user * UDP_AHEAD_ROUNDS + round;
}

static struct udp_config
config_of(struct heard *h)
{
	return (struct udp_config){.endpoints = 3, .queue = 4, .data_max = 1232, .ttl = 64, .links = 1,
				   .link = &link_of_tests, .key = {1, 2}, .events = {on_data, on_icmp, on_ahead},
				   .context = h};
}

/* A reply: the frame that went out, turned round. */
static size_t
turn_round(const uint8_t *frame, size_t len, uint8_t *packet)
{
	memcpy(packet, frame + 14, len - 14);
	memcpy(packet + 12, frame + 14 + 16, 4);
	memcpy(packet + 16, frame + 14 + 12, 4);
	memcpy(packet + 20, frame + 14 + 22, 2);
	memcpy(packet + 22, frame + 14 + 20, 2);
	return len - 14;
}

static void
test_there_and_back(void **state)
{
	struct heard h = {0};
	struct udp_config config = config_of(&h);
	struct udp *u = udp_new(&config);
	uint8_t frame[UDP_FRAME_MAX], packet[UDP_FRAME_MAX], data[1233];
	struct udp_frame out;
	uint32_t e;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	assert_int_equal(udp_open(u, &tuple, 0, 99, &e), 0);
	assert_int_equal(udp_open(u, &tuple, 0, 99, &e), -EEXIST);
	for (size_t len = 0; len <= 1232; len += 77) {
		assert_int_equal(udp_send(u, e, data, len), 0);
		assert_true(udp_output(u, frame, &out));
		assert_int_equal(out.len, 42 + len);
		assert_int_equal(out.remote, tuple.remote);
		assert_true(wire_ipv4_checksum_ok((struct wire_ipv4 *)(frame + 14), 20));
		n = turn_round(frame, out.len, packet);
		assert_int_equal(udp_input(u, packet, n), 0);
		assert_int_equal(h.len, len);
		assert_int_equal(h.user, 99);
		assert_int_equal(h.endpoint, e);
		assert_memory_equal(h.bytes, data, len);
	}
	assert_int_equal(udp_send(u, e, data, 1233), -EMSGSIZE);
	assert_false(udp_output(u, frame, &out));
	/* Without a checksum it is taken; with a wrong one not, nor from another port, address or to another. */
	packet[26] ^= 1;
	assert_int_equal(udp_input(u, packet, n), -EBADMSG);
	packet[26] = packet[27] = 0;
	assert_int_equal(udp_input(u, packet, n), 0);
	static const size_t places[] = {15, 19, 21, 23};
	for (size_t i = 0; i < 4; i++) {
		packet[places[i]] ^= 1;
		assert_int_equal(udp_input(u, packet, n), -ENOENT);
		packet[places[i]] ^= 1;
	}
	store_be16(packet + 24, 7);
	assert_int_equal(udp_input(u, packet, n), -EINVAL);
	store_be16(packet + 24, (uint16_t)(n - 19));
	assert_int_equal(udp_input(u, packet, n), -EINVAL);
	store_be16(packet + 24, 8); /* shorter than its packet: the rest is nobody's */
	assert_int_equal(udp_input(u, packet, n), 0);
	assert_int_equal(h.len, 0);
	udp_close(u, e);
	assert_int_equal(udp_input(u, packet, n), -ENOENT);
	udp_free(u);
}

static void
test_bounds(void **state)
{
	struct heard h = {0};
	struct udp_config config = config_of(&h);
	struct udp *u = udp_new(&config);
	uint8_t frame[UDP_FRAME_MAX];
	struct udp_frame out;
	uint32_t e[4];

	(void)state;
	for (uint16_t i = 0; i < 4; i++) {
		struct flow_tuple t = tuple;

		t.local_port = (uint16_t)(t.local_port + i);
		assert_int_equal(udp_open(u, &t, 0, i, &e[i]), i < 3 ? 0 : -ENOBUFS);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(udp_send(u, e[i % 3], "query", 5), 0);
	assert_int_equal(udp_room(u), 0);
	assert_int_equal(udp_send(u, e[0], "query", 5), -EAGAIN);
	/* What waits leaves, though its endpoint is gone and its number another's. */
	udp_close(u, e[0]);
	struct flow_tuple other = {9, 9, 9, 9};
	assert_int_equal(udp_open(u, &other, 0, 5, &e[3]), 0);
	assert_int_equal(e[3], e[0]);
	for (int i = 0; i < 4; i++) {
		assert_true(udp_output(u, frame, &out));
		assert_int_equal(load_be16(frame + 34), tuple.local_port + i % 3);
	}
	assert_false(udp_output(u, frame, &out));
	assert_int_equal(udp_stats(u)->queued, 4);
	assert_int_equal(udp_stats(u)->sent, 4);
	assert_int_equal(udp_stats(u)->refused, 1);
	assert_int_equal(udp_stats(u)->opened, 4);
	assert_int_equal(udp_stats(u)->closed, 1);
	udp_free(u);
	config.queue = 0;
	assert_null(udp_new(&config));
	udp_free(NULL);
}

static void
test_errors(void **state)
{
	struct heard h = {0};
	struct udp_config config = config_of(&h);
	struct udp *u = udp_new(&config);
	uint8_t frame[UDP_FRAME_MAX], packet[56] = {0};
	struct udp_frame out;
	uint32_t e;

	(void)state;
	assert_int_equal(udp_open(u, &tuple, 0, 1, &e), 0);
	assert_int_equal(udp_send(u, e, "query", 5), 0);
	assert_true(udp_output(u, frame, &out));
	wire_ipv4_build((struct wire_ipv4 *)packet, 5, tuple.local, IP_PROTO_ICMP, 56, 0, 9);
	packet[20] = ICMP_UNREACHABLE;
	packet[21] = 3;
	memcpy(packet + 28, frame + 14, 28);
	assert_int_equal(udp_icmp(u, packet, 56), 0);
	assert_int_equal(h.icmp, 1);
	packet[49] ^= 1;
	assert_int_equal(udp_icmp(u, packet, 56), -ENOENT);
	assert_int_equal(udp_icmp(u, packet, 55), -EINVAL);
	udp_free(u);
}

/* Of a burst of any length, strangers and rubbish in it, those hear of it whose packets come, in each round. */
static void
test_ahead(void **state)
{
	struct heard h = {0};
	struct udp_config config = config_of(&h);
	struct udp *u = udp_new(&config);
	uint8_t frame[UDP_FRAME_MAX], packet[3][64];
	struct span burst[70];
	struct udp_frame out;
	uint32_t e[2];

	(void)state;
	for (uint16_t i = 0; i < 2; i++) {
		struct flow_tuple t = tuple;

		t.local_port = (uint16_t)(t.local_port + i);
		assert_int_equal(udp_open(u, &t, 0, i + 1u, &e[i]), 0);
		assert_int_equal(udp_send(u, e[i], "question", 8), 0);
		assert_true(udp_output(u, frame, &out));
		assert_int_equal(turn_round(frame, out.len, packet[i]), 36);
	}
	memcpy(packet[2], packet[0], 36);
	packet[2][23] ^= 64; /* a port that nobody has */
	for (size_t i = 0; i < 70; i++)
		burst[i] = i % 4 == 3 ? span_of(packet[0], i % 28) : span_of(packet[i % 4], 36);
	for (size_t n = 0; n <= 70; n++) {
		unsigned int known = (unsigned int)(n / 4 * 2 + (n % 4 < 2 ? n % 4 : 2)), last = 0;

		h.aheads = 0;
		udp_ahead(u, burst, n);
		assert_int_equal(h.aheads, UDP_AHEAD_ROUNDS * known);
		for (unsigned int i = 0; i < h.aheads; i++)
			last += h.ahead[i] % UDP_AHEAD_ROUNDS == UDP_AHEAD_ROUNDS - 1;
		assert_int_equal(last, known);
		assert_int_equal(h.data, 0);
	}
	assert_int_equal(h.ahead[0], 1 * UDP_AHEAD_ROUNDS);
	assert_int_equal(h.ahead[1], 2 * UDP_AHEAD_ROUNDS);
	config.events.ahead = NULL;
	udp_free(u);
	u = udp_new(&config);
	h.aheads = 0;
	assert_int_equal(udp_open(u, &tuple, 0, 1, &e[0]), 0);
	udp_ahead(u, burst, 70);
	assert_int_equal(h.aheads, 0);
	udp_free(u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
