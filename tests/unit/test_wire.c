/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "wire/wire.h"

static void
fill_random(uint8_t *p, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)hash_mix64(seed * 65536 + i);
}

/* RFC 1071 as it is written: 16-bit words, one by one. */
static uint16_t
reference_checksum(const uint8_t *p, size_t len, uint64_t sum)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint64_t)p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void
sum_equals_reference_at_all_lengths(void **state)
{
	uint8_t data[300];

	(void)state;
	for (unsigned int len = 0; len <= 260; len++) {
		for (unsigned int at = 0; at < 9; at++) {
			fill_random(data, sizeof(data), len * 16 + at);
			assert_int_equal(wire_checksum_fold(wire_sum(data + at, len, len * 77)),
					 reference_checksum(data + at, len, len * 77));
		}
	}
}

static void
sum_equals_reference_at_extremes(void **state)
{
	static uint8_t data[65535];
	static const uint8_t fills[] = {0x00, 0xff, 0x80, 0x01};

	(void)state;
	for (size_t i = 0; i < sizeof(fills); i++) {
		memset(data, fills[i], sizeof(data));
		for (size_t len = 0; len <= sizeof(data); len = len * 2 + 1)
			assert_int_equal(wire_checksum_fold(wire_sum(data, len, 0)),
					 reference_checksum(data, len, 0));
	}
	/* Words that sum to a multiple of 65535 are not all zero: 0 and 0xffff are told apart. */
	memset(data, 0, 16);
	assert_int_equal(wire_checksum_fold(wire_sum(data, 16, 0)), 0xffff);
	store_be16(data, 0xfffe);
	store_be16(data + 4, 1);
	assert_int_equal(wire_checksum_fold(wire_sum(data, 16, 0)), 0);
}

static void
fold_equals_reference(void **state)
{
	static const uint64_t sums[] = {0, 1, 0xfffe, 0xffff, 0x10000, 0xffffffff, 0x100000000,
					UINT64_MAX, UINT64_MAX - 1, 0x1fffeffff,
					0xffff0000ffff0000};

	(void)state;
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		assert_int_equal(wire_checksum_fold(sums[i]), reference_checksum(NULL, 0, sums[i]));
	for (uint64_t i = 0; i < 100000; i++)
		assert_int_equal(wire_checksum_fold(hash_mix64(i)),
				 reference_checksum(NULL, 0, hash_mix64(i)));
}

static void
known_checksums(void **state)
{
	static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
			    0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

	(void)state;
	assert_int_equal(wire_checksum_fold(wire_sum(rfc1071, sizeof(rfc1071), 0)), 0x220d);
	assert_true(wire_ipv4_checksum_ok((struct wire_ipv4 *)header, 20));
	header[10] = 0;
	assert_false(wire_ipv4_checksum_ok((struct wire_ipv4 *)header, 20));
	wire_ipv4_checksum_set((struct wire_ipv4 *)header, 20);
	assert_int_equal(load_be16(header + 10), 0xb861);
}

static void
build_makes_a_header(void **state)
{
	static const uint8_t expected[] = {0x45, 0x00, 0x00, 0x28, 0x12,
					   0x34, 0x00, 0x00, 0x40, 0x06};
	struct wire_ipv4 ip;

	(void)state;
	memset(&ip, 0xaa, sizeof(ip));
	wire_ipv4_build(&ip, 0xc6336408, 0xc000020a, IP_PROTO_TCP, 40, 0x1234, 64);
	assert_memory_equal(&ip, expected, sizeof(expected));
	assert_int_equal(load_be32(ip.src), 0xc6336408);
	assert_int_equal(load_be32(ip.dst), 0xc000020a);
	assert_true(wire_ipv4_checksum_ok(&ip, sizeof(ip)));
}

/* A segment and its pseudo-header: every bit of either is covered. */
static void
tcp_checksum_covers_every_bit(void **state)
{
	struct wire_ipv4 ip;
	uint8_t segment[33];

	(void)state;
	wire_ipv4_build(&ip, 0xc6336408, 0xc000020a, IP_PROTO_TCP, 20 + sizeof(segment), 1, 64);
	fill_random(segment, sizeof(segment), 1);
	wire_tcp_checksum_set(&ip, segment, sizeof(segment));
	assert_true(wire_tcp_checksum_ok(&ip, segment, sizeof(segment)));
	for (unsigned int bit = 0; bit < 8 * sizeof(segment); bit++) {
		segment[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(wire_tcp_checksum_ok(&ip, segment, sizeof(segment)));
		segment[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (unsigned int bit = 0; bit < 32; bit++) {
		ip.src[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(wire_tcp_checksum_ok(&ip, segment, sizeof(segment)));
		ip.src[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_false(wire_tcp_checksum_ok(&ip, segment, sizeof(segment) - 2));
}

static void
pseudo_sum_is_rfc9293s(void **state)
{
	static const uint8_t pseudo[12] = {198, 51, 100, 8, 192, 0, 2, 10, 0, 17, 0, 99};
	struct wire_ipv4 ip;

	(void)state;
	wire_ipv4_build(&ip, 0xc6336408, 0xc000020a, IP_PROTO_UDP, 40, 0, 64);
	assert_int_equal(wire_checksum_fold(wire_pseudo_sum(&ip, IP_PROTO_UDP, 99)),
			 reference_checksum(pseudo, sizeof(pseudo), 0));
}

static void
network_is_found_behind_one_tag(void **state)
{
	uint8_t frame[64] = {0};
	struct wire_network net;

	(void)state;
	store_be16(frame + 12, ETHER_TYPE_ARP);
	assert_int_equal(wire_network_find(frame, 13, &net), -EINVAL);
	assert_int_equal(wire_network_find(frame, 14, &net), 0);
	assert_int_equal(net.ether_type, ETHER_TYPE_ARP);
	assert_int_equal(net.offset, 14);
	assert_int_equal(net.vlan, 0);
	store_be16(frame + 12, ETHER_TYPE_VLAN);
	store_be16(frame + 14, 0x6ffe); /* priority 3 */
	store_be16(frame + 16, ETHER_TYPE_IPV4);
	assert_int_equal(wire_network_find(frame, 17, &net), -EINVAL);
	assert_int_equal(wire_network_find(frame, 18, &net), 0);
	assert_int_equal(net.ether_type, ETHER_TYPE_IPV4);
	assert_int_equal(net.offset, 18);
	assert_int_equal(net.vlan, 4094);
	store_be16(frame + 16, ETHER_TYPE_VLAN);
	assert_int_equal(wire_network_find(frame, 64, &net), 0);
	assert_int_equal(net.ether_type, ETHER_TYPE_VLAN);
}

struct options_case {
	uint8_t len;
	uint8_t bytes[24];
	struct wire_tcp_options expected;
};

static const struct options_case options_cases[] = {
	{0, {0}, {0}},
	{4, {2, 4, 0x05, 0xb4}, {.has_mss = 1, .mss = 1460}},
	{12, {2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2},
	 {.has_mss = 1, .mss = 1460, .has_wscale = 1, .wscale = 8, .has_sack_perm = 1}},
	{20, {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7},
	 {.has_mss = 1, .mss = 1460, .has_sack_perm = 1, .has_timestamp = 1, .ts_value = 0x01020304,
	  .ts_echo = 0x05060708, .has_wscale = 1, .wscale = 7}},
	/* The end of the list ends it. */
	{8, {0, 2, 4, 0x05, 0xb4, 0, 0, 0}, {0}},
	/* Unknown kinds are passed over. */
	{8, {254, 4, 0, 0, 2, 4, 1, 0}, {.has_mss = 1, .mss = 256}},
	/* A length of 0 or 1, one past the end, or none at all: stop, keeping what was had. */
	{8, {2, 4, 1, 0, 254, 0, 4, 2}, {.has_mss = 1, .mss = 256}},
	{8, {2, 4, 1, 0, 254, 1, 4, 2}, {.has_mss = 1, .mss = 256}},
	{8, {4, 2, 1, 1, 2, 5, 5, 0xb4}, {.has_sack_perm = 1}},
	{3, {1, 1, 3}, {0}},
	{3, {2, 4, 5}, {0}},
	/* A known kind of a wrong length says nothing, and what follows still counts. */
	{8, {2, 3, 5, 3, 3, 6, 1, 1}, {.has_wscale = 1, .wscale = 6}},
	{6, {4, 3, 0, 3, 3, 2}, {.has_wscale = 1, .wscale = 2}},
	{4, {3, 4, 7, 7}, {0}},
	{8, {4, 3, 0, 1, 2, 3, 5, 1}, {0}},
	{11, {8, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0}},
	{9, {8, 9, 1, 2, 3, 4, 5, 6, 7}, {0}},
	/* RFC 7323: above 14 is 14. The last of a kind stands. */
	{3, {3, 3, 15}, {.has_wscale = 1, .wscale = 14}},
	{3, {3, 3, 255}, {.has_wscale = 1, .wscale = 14}},
	{8, {2, 4, 1, 0, 2, 4, 2, 0}, {.has_mss = 1, .mss = 512}},
};

static void
options_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(options_cases) / sizeof(options_cases[0]); i++) {
		const struct options_case *c = &options_cases[i];
		struct wire_tcp_options o;

		memset(&o, 0xaa, sizeof(o));
		wire_tcp_options_read(c->bytes, c->len, &o);
		assert_int_equal(o.has_mss, c->expected.has_mss);
		assert_int_equal(o.has_wscale, c->expected.has_wscale);
		assert_int_equal(o.has_sack_perm, c->expected.has_sack_perm);
		assert_int_equal(o.has_timestamp, c->expected.has_timestamp);
		assert_int_equal(o.mss, c->expected.mss);
		assert_int_equal(o.wscale, c->expected.wscale);
		assert_int_equal(o.ts_value, c->expected.ts_value);
		assert_int_equal(o.ts_echo, c->expected.ts_echo);
	}
}

/* Exact allocations, so that the sanitizer sees a byte too far. */
static void
options_never_read_past_their_end(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		size_t len = hash_mix64(i) % 41;
		uint8_t *p = malloc(len > 0 ? len : 1);
		struct wire_tcp_options o;

		assert_non_null(p);
		for (size_t j = 0; j < len; j++)
			p[j] = (uint8_t)(hash_mix64(i * 64 + j) % 12);
		wire_tcp_options_read(p, len, &o);
		free(p);
	}
}

static void
bits_on_the_wire(void **state)
{
	(void)state;
	assert_int_equal(wire_bits(14), 84 * 8);
	assert_int_equal(wire_bits(60), 84 * 8);
	assert_int_equal(wire_bits(66), 90 * 8);
	assert_int_equal(wire_bits(1514), 1538 * 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sum_equals_reference_at_all_lengths),
		cmocka_unit_test(sum_equals_reference_at_extremes),
		cmocka_unit_test(fold_equals_reference),
		cmocka_unit_test(known_checksums),
		cmocka_unit_test(build_makes_a_header),
		cmocka_unit_test(tcp_checksum_covers_every_bit),
		cmocka_unit_test(pseudo_sum_is_rfc9293s),
		cmocka_unit_test(network_is_found_behind_one_tag),
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(options_never_read_past_their_end),
		cmocka_unit_test(bits_on_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
