/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "frames.h"
#include "neigh/neigh.h"

#define GATEWAY 0xc6336401 /* 198.51.100.1 */
#define OURS 0xc6336408
#define STRANGER 0xc63364c8
#define MS NS_PER_MS

static struct neigh neigh;

static int
setup(void **state)
{
	struct neigh_config c = {
		.addresses = frames_sources,
		.address_count = 4,
		.gateway = GATEWAY,
	};

	(void)state;
	memcpy(c.mac, frames_own_mac, 6);
	neigh_init(&neigh, &c, 1000 * MS);
	return 0;
}

/* An ARP frame to us; changed by tests where it stands. */
struct arp_frame {
	struct wire_ether ether;
	struct wire_arp arp;
};

static struct arp_frame
arp_frame(uint16_t operation, uint32_t sender_ip, uint32_t target_ip)
{
	struct arp_frame f = {0};

	memcpy(f.ether.dst, frames_own_mac, 6);
	memcpy(f.ether.src, frames_gateway_mac, 6);
	store_be16(f.ether.type, ETHER_TYPE_ARP);
	store_be16(f.arp.hardware, 1);
	store_be16(f.arp.protocol, ETHER_TYPE_IPV4);
	f.arp.hardware_size = 6;
	f.arp.protocol_size = 4;
	store_be16(f.arp.operation, operation);
	memcpy(f.arp.sender_mac, frames_gateway_mac, 6);
	store_be32(f.arp.sender_ip, sender_ip);
	memcpy(f.arp.target_mac, frames_own_mac, 6);
	store_be32(f.arp.target_ip, target_ip);
	return f;
}

static uint16_t
take(const struct arp_frame *f, uint8_t *answer)
{
	return neigh_arp(&neigh, (const uint8_t *)f, sizeof(*f), answer);
}

static bool
resolved(void)
{
	uint8_t mac[6];

	return neigh_gateway_mac(&neigh, mac);
}

static void
request_is_as_rfc826_has_it(void **state)
{
	static const uint8_t expected[60] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x0a, 0x08, 0x06,
		0, 1, 0x08, 0, 6, 4, 0, 1,
		0x02, 0, 0, 0, 0, 0x0a, 198, 51, 100, 8, 0, 0, 0, 0, 0, 0, 198, 51, 100, 1};
	uint8_t frame[NEIGH_FRAME_MAX];

	(void)state;
	memset(frame, 0xaa, sizeof(frame));
	assert_int_equal(neigh_request(&neigh, 1000 * MS, frame), 60);
	assert_memory_equal(frame, expected, sizeof(expected));
}

static void
request_is_sent_in_its_vlan(void **state)
{
	uint8_t plain[NEIGH_FRAME_MAX], tagged[NEIGH_FRAME_MAX];
	struct neigh_config config = neigh.config;

	(void)state;
	assert_int_equal(neigh_request(&neigh, 1000 * MS, plain), 60);
	config.vlan = FRAMES_VLAN;
	neigh_init(&neigh, &config, 1000 * MS);
	assert_int_equal(neigh_request(&neigh, 1000 * MS, tagged), 60);
	assert_memory_equal(tagged, plain, 12);
	assert_memory_equal(tagged + 12, "\x81\x00\x00\x64", 4);
	assert_memory_equal(tagged + 16, plain + 12, 60 - 16);
}

static void
requests_keep_their_times(void **state)
{
	static const uint64_t due_ms[] = {1000, 1250, 1500, 1750, 2000, 3000, 4000, 5000, 6000};
	uint8_t frame[NEIGH_FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(due_ms) / sizeof(due_ms[0]); i++) {
		assert_int_equal(neigh_next_ns(&neigh), due_ms[i] * MS);
		assert_int_equal(neigh_request(&neigh, due_ms[i] * MS - 1, frame), 0);
		assert_int_equal(neigh_request(&neigh, due_ms[i] * MS, frame), 60);
		assert_int_equal(neigh_request(&neigh, due_ms[i] * MS, frame), 0);
	}
	/* After a pause the next one is due from then on, not all that were missed. */
	assert_int_equal(neigh_request(&neigh, 60000 * MS, frame), 60);
	assert_int_equal(neigh_next_ns(&neigh), 61000 * MS);
}

static void
reply_resolves_and_ends_requests_for_a_while(void **state)
{
	struct arp_frame f = arp_frame(ARP_REPLY, GATEWAY, OURS);
	uint8_t frame[NEIGH_FRAME_MAX], mac[6];

	(void)state;
	assert_false(resolved());
	assert_int_equal(take(&f, frame), 0);
	assert_true(neigh_gateway_mac(&neigh, mac));
	assert_memory_equal(mac, frames_gateway_mac, 6);
	assert_int_equal(neigh_request(&neigh, 9000 * MS, frame), 0);
	assert_int_equal(neigh_next_ns(&neigh), 13000 * MS);
	assert_int_equal(neigh_request(&neigh, 12999 * MS, frame), 0);
	assert_int_equal(neigh_unanswered(&neigh), 0);
}

/* It is asked itself first; then, unanswered, everybody each second, until it speaks again. */
static void
gateway_is_asked_again(void **state)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct arp_frame f = arp_frame(ARP_REPLY, GATEWAY, OURS);
	uint8_t frame[NEIGH_FRAME_MAX];

	(void)state;
	take(&f, frame);
	assert_int_equal(neigh_request(&neigh, 1000 * MS, frame), 0);
	for (uint64_t round_ms = 5000; round_ms < 100000; round_ms += 20000) {
		assert_int_equal(neigh_next_ns(&neigh), round_ms * MS);
		assert_int_equal(neigh_request(&neigh, round_ms * MS, frame), 60);
		assert_memory_equal(frame, frames_gateway_mac, 6);
		for (unsigned int i = 1; i <= 5; i++) {
			assert_int_equal(neigh_request(&neigh, (round_ms + i * 1000) * MS, frame), 60);
			assert_int_equal(neigh_unanswered(&neigh), i);
			assert_memory_equal(frame, all, 6);
		}
		/* Another's answer, and one from another address, are none. */
		f.arp.sender_mac[5] ^= 1;
		take(&f, frame);
		f.arp.sender_mac[5] ^= 1;
		store_be32(f.arp.sender_ip, GATEWAY + 1);
		take(&f, frame);
		store_be32(f.arp.sender_ip, GATEWAY);
		assert_int_equal(neigh_unanswered(&neigh), 5);
		take(&f, frame);
		assert_int_equal(neigh_unanswered(&neigh), 0);
		assert_int_equal(neigh_request(&neigh, (round_ms + 16000) * MS, frame), 0);
	}
}

static void
first_answer_stands(void **state)
{
	struct arp_frame f = arp_frame(ARP_REPLY, GATEWAY, OURS);
	uint8_t frame[NEIGH_FRAME_MAX], mac[6];

	(void)state;
	take(&f, frame);
	f.arp.sender_mac[5] = 0x66;
	take(&f, frame);
	store_be16(f.arp.operation, ARP_REQUEST);
	assert_int_equal(take(&f, frame), 60);
	assert_true(neigh_gateway_mac(&neigh, mac));
	assert_memory_equal(mac, frames_gateway_mac, 6);
	setup(NULL);
	assert_false(resolved());
}

static void
gateways_own_request_resolves(void **state)
{
	struct arp_frame f = arp_frame(ARP_REQUEST, GATEWAY, OURS);
	uint8_t frame[NEIGH_FRAME_MAX];

	(void)state;
	assert_int_equal(take(&f, frame), 60);
	assert_true(resolved());
}

static void
given_mac_needs_no_request(void **state)
{
	static const uint8_t given[6] = {0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54};
	uint8_t frame[NEIGH_FRAME_MAX], mac[6];

	(void)state;
	neigh_set_gateway_mac(&neigh, given);
	assert_int_equal(neigh_request(&neigh, 2000 * MS, frame), 0);
	assert_true(neigh_next_ns(&neigh) == TIME_NEVER);
	assert_true(neigh_gateway_mac(&neigh, mac));
	assert_memory_equal(mac, given, 6);
}

static void
without_gateway_nothing_is_asked(void **state)
{
	struct neigh_config c = neigh.config;
	uint8_t frame[NEIGH_FRAME_MAX];

	(void)state;
	c.gateway = 0;
	neigh_init(&neigh, &c, 0);
	assert_true(neigh_next_ns(&neigh) == TIME_NEVER);
	assert_int_equal(neigh_request(&neigh, 0, frame), 0);
	assert_false(resolved());
}

/* One field that is not as it must be, and the reply teaches nothing. */
static void
bad_replies_teach_nothing(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
		{14, 1},    /* hardware */
		{15, 6},
		{16, 0x86}, /* protocol */
		{18, 8},    /* sizes */
		{19, 16},
		{21, 3},    /* operation */
		{22, 0x01}, /* a group's MAC */
		{31, 2},    /* another sender address */
		{41, 7},    /* not to us */
		{12, 0x09}, /* Ethernet type */
	};
	uint8_t frame[NEIGH_FRAME_MAX];
	struct arp_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = arp_frame(ARP_REPLY, GATEWAY, OURS);
		((uint8_t *)&f)[bad[i].at] = bad[i].value;
		assert_int_equal(take(&f, frame), 0);
		assert_false(resolved());
	}
	f = arp_frame(ARP_REPLY, GATEWAY, OURS);
	memset(f.arp.sender_mac, 0, 6);
	take(&f, frame);
	memset(f.arp.sender_mac, 0xff, 6);
	take(&f, frame);
	memcpy(f.arp.sender_mac, frames_own_mac, 6);
	take(&f, frame);
	assert_false(resolved());
	/* A gratuitous reply is to nobody. */
	f = arp_frame(ARP_REPLY, GATEWAY, GATEWAY);
	take(&f, frame);
	assert_false(resolved());
	f = arp_frame(ARP_REPLY, GATEWAY, OURS);
	for (size_t len = 0; len < sizeof(f); len++)
		neigh_arp(&neigh, (const uint8_t *)&f, len, frame);
	assert_false(resolved());
}

static void
requests_for_us_are_answered(void **state)
{
	uint8_t frame[NEIGH_FRAME_MAX], zeros[18] = {0};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct arp_frame f = arp_frame(ARP_REQUEST, i == 3 ? 0 : STRANGER,
					       frames_sources[i]);
		struct arp_frame answer;

		memset(f.ether.dst, 0xff, 6);
		memset(f.arp.target_mac, 0, 6);
		memset(frame, 0xaa, sizeof(frame));
		assert_int_equal(take(&f, frame), 60);
		memcpy(&answer, frame, sizeof(answer));
		assert_memory_equal(answer.ether.dst, frames_gateway_mac, 6);
		assert_memory_equal(answer.ether.src, frames_own_mac, 6);
		assert_int_equal(load_be16(answer.ether.type), ETHER_TYPE_ARP);
		assert_memory_equal(&answer.arp, &f.arp, 6);
		assert_int_equal(load_be16(answer.arp.operation), ARP_REPLY);
		assert_memory_equal(answer.arp.sender_mac, frames_own_mac, 6);
		assert_int_equal(load_be32(answer.arp.sender_ip), frames_sources[i]);
		assert_memory_equal(answer.arp.target_mac, frames_gateway_mac, 6);
		assert_memory_equal(answer.arp.target_ip, f.arp.sender_ip, 4);
		assert_memory_equal(frame + sizeof(answer), zeros, 18);
	}
	assert_false(resolved());
}

static void
requests_for_others_are_not(void **state)
{
	static const uint32_t others[] = {0xc6336407, 0xc633640c, GATEWAY, 0, 0xffffffff};
	uint8_t frame[NEIGH_FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct arp_frame f = arp_frame(ARP_REQUEST, GATEWAY, others[i]);

		assert_int_equal(take(&f, frame), 0);
		assert_false(resolved());
	}
}

static void
answers_keep_the_tag(void **state)
{
	struct arp_frame f = arp_frame(ARP_REQUEST, STRANGER, OURS);
	uint8_t in[64] = {0}, frame[NEIGH_FRAME_MAX];

	(void)state;
	memcpy(in, &f, 12);
	store_be16(in + 12, ETHER_TYPE_VLAN);
	store_be16(in + 14, 100);
	store_be16(in + 16, ETHER_TYPE_ARP);
	memcpy(in + 18, &f.arp, sizeof(f.arp));
	assert_int_equal(neigh_arp(&neigh, in, sizeof(in), frame), 60);
	assert_memory_equal(frame + 12, in + 12, 6);
	assert_int_equal(load_be16(frame + 18 + 6), ARP_REPLY);
}

static size_t
ping(uint32_t src, uint32_t dst, size_t data_len, uint8_t *frame)
{
	uint8_t body[2000];

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)hash_mix64(i);
	return frames_icmp(src, dst, ICMP_ECHO_REQUEST, 0, body, data_len, frame);
}

static void
check_echo(const uint8_t *in, size_t len, const uint8_t *frame, uint16_t answer_len)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)(frame + 14);
	const struct wire_icmp *icmp = (const struct wire_icmp *)(ip + 1);

	assert_int_equal(answer_len, len < 60 ? 60 : len);
	for (size_t i = len; i < answer_len; i++)
		assert_int_equal(frame[i], 0);
	assert_memory_equal(frame, in + 6, 6);
	assert_memory_equal(frame + 6, frames_own_mac, 6);
	assert_true(wire_ipv4_checksum_ok(ip, sizeof(*ip)));
	assert_int_equal(load_be16(ip->total_length), len - 14);
	assert_memory_equal(ip->src, in + 30, 4);
	assert_memory_equal(ip->dst, in + 26, 4);
	assert_int_equal(ip->ttl, 64);
	assert_int_equal(icmp->type, ICMP_ECHO_REPLY);
	assert_int_equal(icmp->code, 0);
	assert_int_equal(wire_checksum_fold(wire_sum(icmp, len - 34, 0)), 0);
	assert_memory_equal(icmp + 1, in + 42, len - 42);
}

static void
pings_of_every_size_are_answered(void **state)
{
	uint8_t in[2048], frame[NEIGH_FRAME_MAX];

	(void)state;
	for (size_t data = 0; data <= 1514 - 42; data++) {
		size_t len = ping(STRANGER, OURS + data % 4, data, in);

		memset(frame, 0xaa, sizeof(frame));
		check_echo(in, len, frame, neigh_echo(&neigh, in, len, frame));
	}
	assert_int_equal(neigh_echo(&neigh, in, ping(STRANGER, OURS, 1514 - 41, in), frame), 0);
}

/* A reply whose words are all zero has checksum 0xffff, not 0. */
static void
all_zero_ping_is_answered(void **state)
{
	uint8_t in[2048], frame[NEIGH_FRAME_MAX];
	size_t len = frames_icmp(STRANGER, OURS, ICMP_ECHO_REQUEST, 0, "\0\0\0\0", 4, in);

	(void)state;
	check_echo(in, len, frame, neigh_echo(&neigh, in, len, frame));
	assert_int_equal(load_be16(frame + 36), 0xffff);
}

static void
ip_options_are_not_sent_back(void **state)
{
	static const uint8_t record_route[8] = {7, 7, 4};
	static const struct wire_icmp echo = {.type = ICMP_ECHO_REQUEST, .rest = {1, 2, 3, 4}};
	uint8_t in[2048], frame[NEIGH_FRAME_MAX];
	size_t at = frames_ether(in, 0);

	(void)state;
	frames_ipv4(in + at, STRANGER, OURS, IP_PROTO_ICMP, sizeof(echo), record_route, 8);
	memcpy(in + at + 28, &echo, sizeof(echo));
	assert_int_equal(neigh_echo(&neigh, in, at + 36, frame), 60);
	assert_int_equal(frame[14], 0x45);
	assert_int_equal(load_be16(frame + 16), 28);
	assert_memory_equal(frame + 38, echo.rest, 4);
}

static void
improper_pings_are_not_answered(void **state)
{
	static const uint32_t bad_sources[] = {0, 0xe0000001, 0xf0000001, 0xffffffff,
					       OURS, OURS + 1};
	uint8_t in[2048], frame[NEIGH_FRAME_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_sources) / sizeof(bad_sources[0]); i++) {
		len = ping(bad_sources[i], OURS, 32, in);
		assert_int_equal(neigh_echo(&neigh, in, len, frame), 0);
	}
	assert_int_equal(neigh_echo(&neigh, in, ping(STRANGER, STRANGER, 32, in), frame), 0);
	len = ping(STRANGER, OURS, 32, in);
	in[0] = 0x01; /* to a group */
	assert_int_equal(neigh_echo(&neigh, in, len, frame), 0);
	len = ping(STRANGER, OURS, 32, in);
	memset(in, 0xff, 6);
	assert_int_equal(neigh_echo(&neigh, in, len, frame), 0);
	len = ping(STRANGER, OURS, 32, in);
	in[6] |= 1; /* from a group */
	assert_int_equal(neigh_echo(&neigh, in, len, frame), 0);
}

/* Cut anywhere, alone in its memory: no answer, no byte too far. */
static void
cut_frames_are_not_answered(void **state)
{
	uint8_t in[2048], frame[NEIGH_FRAME_MAX];
	size_t len = ping(STRANGER, OURS, 32, in);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *alone = malloc(cut > 0 ? cut : 1);

		assert_non_null(alone);
		memcpy(alone, in, cut);
		assert_int_equal(neigh_echo(&neigh, alone, cut, frame), 0);
		free(alone);
	}
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_is_as_rfc826_has_it),
		TEST(request_is_sent_in_its_vlan),
		TEST(requests_keep_their_times),
		TEST(reply_resolves_and_ends_requests_for_a_while),
		TEST(gateway_is_asked_again),
		TEST(first_answer_stands),
		TEST(gateways_own_request_resolves),
		TEST(given_mac_needs_no_request),
		TEST(without_gateway_nothing_is_asked),
		TEST(bad_replies_teach_nothing),
		TEST(requests_for_us_are_answered),
		TEST(requests_for_others_are_not),
		TEST(answers_keep_the_tag),
		TEST(pings_of_every_size_are_answered),
		TEST(all_zero_ping_is_answered),
		TEST(ip_options_are_not_sent_back),
		TEST(improper_pings_are_not_answered),
		TEST(cut_frames_are_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
