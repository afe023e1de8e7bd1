/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "flow/flow.h"

#define OWNERS 3000

struct owner {
	struct flow_tuple tuple;
	int in;
};

static const uint64_t key[2] = {3, 4};

static struct flow_tuple
tuple_number(uint32_t i)
{
	return (struct flow_tuple){10, 20 + i / 7, (uint16_t)(i * 3), (uint16_t)(i % 7)};
}

/* Added and removed at random, up to full and down to empty: always what a plain array says. */
static void
test_table_is_exact(void **state)
{
	struct owner *owners = calloc(OWNERS + 1, sizeof(*owners));
	struct flow_table t;
	uint32_t count = 0;

	(void)state;
	assert_non_null(owners);
	assert_int_equal(flow_table_init(&t, OWNERS, owners, sizeof(*owners), key), 0);
	for (uint32_t i = 1; i <= OWNERS; i++)
		owners[i].tuple = tuple_number(i);
	for (uint32_t n = 0; n < 200000; n++) {
		uint64_t u = hash_mix64(n);
		uint32_t i = 1 + (uint32_t)(u % OWNERS);
		/* Filling up at first and emptying at last. */
		int add = (u >> 32) % 200000 > n;

		assert_int_equal(flow_table_find(&t, &owners[i].tuple), owners[i].in ? i : 0);
		if (add) {
			assert_int_equal(flow_table_add(&t, i), owners[i].in ? -EEXIST : 0);
			count += !owners[i].in;
			owners[i].in = 1;
		} else if (owners[i].in) {
			flow_table_remove(&t, i);
			count--;
			owners[i].in = 0;
		}
		assert_int_equal(t.count, count);
	}
	for (uint32_t i = 1; i <= OWNERS; i++)
		assert_int_equal(flow_table_find(&t, &owners[i].tuple), owners[i].in ? i : 0);
	flow_table_fini(&t);
	free(owners);
}

static void
test_table_is_bounded(void **state)
{
	struct owner owners[4] = {{{0}, 0}, {{1, 1, 1, 1}, 0}, {{1, 1, 1, 2}, 0}, {{1, 1, 2, 1}, 0}};
	struct flow_table t;

	(void)state;
	assert_int_equal(flow_table_init(&t, 0, owners, sizeof(owners[0]), key), -EINVAL);
	assert_int_equal(flow_table_init(&t, 2, owners, sizeof(owners[0]), key), 0);
	assert_int_equal(flow_table_add(&t, 1), 0);
	assert_int_equal(flow_table_add(&t, 2), 0);
	assert_int_equal(flow_table_add(&t, 3), -ENOSPC);
	flow_table_remove(&t, 1);
	assert_int_equal(flow_table_add(&t, 3), 0);
	assert_int_equal(flow_table_find(&t, &owners[1].tuple), 0);
	flow_table_fini(&t);
}

/* An ordinary packet, and each way in which one may be less. */
static size_t
packet_build(uint8_t *packet, uint8_t protocol, uint16_t payload)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;

	memset(packet, 0, 1500);
	wire_ipv4_build(ip, 0x0a000001, 0x0a000002, protocol, (uint16_t)(20 + payload), 0, 9);
	store_be16(ip + 1, 443);
	store_be16((uint8_t *)(ip + 1) + 2, 40000);
	store_be32((uint8_t *)(ip + 1) + 4, 0x01020304);
	return 20u + payload;
}

static void
test_packets(void **state)
{
	uint8_t packet[1500];
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct flow_packet p;
	size_t len = packet_build(packet, IP_PROTO_TCP, 30);

	(void)state;
	assert_int_equal(flow_packet_read(packet, len, IP_PROTO_TCP, &p), 0);
	assert_int_equal(p.tuple.local, 0x0a000002);
	assert_int_equal(p.tuple.remote, 0x0a000001);
	assert_int_equal(p.tuple.local_port, 40000);
	assert_int_equal(p.tuple.remote_port, 443);
	assert_int_equal(p.len, 30);
	assert_ptr_equal(p.transport, packet + 20);
	assert_int_equal(flow_packet_read(packet, len + 40, IP_PROTO_TCP, &p), 0); /* padding */
	assert_int_equal(p.len, 30);
	assert_int_equal(flow_packet_read(packet, len, IP_PROTO_UDP, &p), -EINVAL);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(flow_packet_read(packet, n, IP_PROTO_TCP, &p), -EINVAL);
	ip->version_ihl = 0x44;
	assert_int_equal(flow_packet_read(packet, len, IP_PROTO_TCP, &p), -EINVAL);
	ip->version_ihl = 0x65;
	assert_int_equal(flow_packet_read(packet, len, IP_PROTO_TCP, &p), -EINVAL);
	ip->version_ihl = 0x4f; /* options past its end */
	assert_int_equal(flow_packet_read(packet, len, IP_PROTO_TCP, &p), -EINVAL);
	ip->version_ihl = 0x46;
	assert_int_equal(flow_packet_read(packet, len, IP_PROTO_TCP, &p), 0);
	assert_int_equal(p.len, 26);
	ip->version_ihl = 0x45;
	store_be16(ip->fragment, 0x2000);
	assert_int_equal(flow_packet_read(packet, len, IP_PROTO_TCP, &p), -EINVAL);
	len = packet_build(packet, IP_PROTO_TCP, 7);
	assert_int_equal(flow_packet_read(packet, len, IP_PROTO_TCP, &p), -EINVAL);
}

static void
test_quotes(void **state)
{
	uint8_t packet[1500], sent[1500];
	struct wire_icmp *icmp = (struct wire_icmp *)(packet + 20);
	struct flow_quote q;
	size_t len;

	(void)state;
	packet_build(sent, IP_PROTO_TCP, 1000); /* 10.0.0.1:443 sent to 10.0.0.2:40000 */
	len = packet_build(packet, IP_PROTO_ICMP, 36);
	icmp->type = ICMP_UNREACHABLE;
	icmp->code = 4;
	store_be16(icmp->rest + 2, 1400);
	memcpy(icmp + 1, sent, 28);
	assert_int_equal(flow_quote_read(packet, len, IP_PROTO_TCP, &q), 0);
	assert_int_equal(q.tuple.local, 0x0a000001);
	assert_int_equal(q.tuple.remote, 0x0a000002);
	assert_int_equal(q.tuple.local_port, 443);
	assert_int_equal(q.tuple.remote_port, 40000);
	assert_int_equal(q.seq, 0x01020304);
	assert_int_equal(q.mtu, 1400);
	assert_int_equal(q.sender, 0x0a000001);
	icmp->code = 3;
	assert_int_equal(flow_quote_read(packet, len, IP_PROTO_TCP, &q), 0);
	assert_int_equal(q.mtu, 0);
	assert_int_equal(flow_quote_read(packet, len, IP_PROTO_UDP, &q), -EINVAL);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(flow_quote_read(packet, n, IP_PROTO_TCP, &q), -EINVAL);
	store_be16(packet + 28 + 6, 0x0001); /* not its first fragment */
	assert_int_equal(flow_quote_read(packet, len, IP_PROTO_TCP, &q), -EINVAL);
	store_be16(packet + 28 + 6, 0);
	icmp->type = ICMP_ECHO_REPLY;
	assert_int_equal(flow_quote_read(packet, len, IP_PROTO_TCP, &q), -EINVAL);
	icmp->type = ICMP_REDIRECT;
	assert_int_equal(flow_quote_read(packet, len, IP_PROTO_TCP, &q), -EINVAL);
	/* A quote that ends before its eight bytes. */
	icmp->type = ICMP_TIME_EXCEEDED;
	store_be16(packet + 2, 20 + 8 + 27);
	assert_int_equal(flow_quote_read(packet, len, IP_PROTO_TCP, &q), -EINVAL);
}

static void
test_frames(void **state)
{
	static const uint8_t a[6] = {2, 0, 0, 0, 0, 1}, b[6] = {2, 0, 0, 0, 0, 2};
	const struct flow_tuple tuple = {0x0a000001, 0x0a000002, 1000, 2000};
	struct flow_header h = {.payload_len = 8, .id = 7, .protocol = IP_PROTO_UDP, .ttl = 33};
	struct wire_network network;
	struct wire_link link;
	struct flow_packet p;
	struct wire_ipv4 *ip;
	uint8_t frame[64];

	(void)state;
	for (uint16_t vlan = 0; vlan < 10; vlan += 9) {
		wire_link_build(a, b, vlan, &link);
		ip = flow_frame_begin(&link, &tuple, &h, frame);
		assert_int_equal(wire_network_find(frame, sizeof(frame), &network), 0);
		assert_int_equal(network.ether_type, ETHER_TYPE_IPV4);
		assert_int_equal(network.vlan, vlan);
		assert_ptr_equal(ip, frame + network.offset);
		assert_memory_equal(frame, a, 6);
		assert_memory_equal(frame + 6, b, 6);
		assert_true(wire_ipv4_checksum_ok(ip, 20));
		assert_int_equal(flow_packet_read((uint8_t *)ip, 28, IP_PROTO_UDP, &p), 0);
		assert_int_equal(p.tuple.remote, tuple.local);
		assert_int_equal(p.tuple.remote_port, tuple.local_port);
		assert_int_equal(p.tuple.local_port, tuple.remote_port);
		assert_int_equal(p.ttl, 33);
		assert_int_equal(load_be16(ip->fragment), IPV4_DONT_FRAGMENT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_exact),
		cmocka_unit_test(test_table_is_bounded),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
