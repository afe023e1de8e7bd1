/* SPDX-License-Identifier: BSD-3-Clause */
/* Several interfaces: which of them a target goes out by, from which of its addresses, and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "frames.h"

#define IN(first, last) {0xc6336400u + (first), 0xc6336400u + (last)} /* 198.51.100.first-last */

static struct probe_pool_config
pool(const struct ipv4_range *ranges, size_t count, uint64_t weight)
{
	return (struct probe_pool_config){ranges, count, 32768, 61000, weight};
}

/* With one interface a cookie's top bits times the count, as it has always been. */
static void
test_one_interface_is_as_ever(void **state)
{
	static struct probe_sources s;

	(void)state;
	for (uint32_t count = 1; count <= PROBE_SOURCES_MAX; count += count < 70 ? 1 : 61) {
		const struct ipv4_range range = {0x0a000000, 0x0a000000 + count - 1};
		const struct probe_pool_config one = pool(&range, 1, 7);

		assert_int_equal(probe_sources_init(&s, &one, 1), 0);
		assert_int_equal(s.address_count, count);
		for (uint64_t share = 0; share < PROBE_SHARES; share++) {
			uint64_t cookie = share << 52 | 0xfffffffffffff;

			assert_int_equal(probe_iface_of(&s, cookie), 0);
			assert_int_equal(probe_pool_address(&s.pool[0], cookie),
					 range.first + (share * count >> 12));
		}
	}
}

/* The shares of an interface, counted, and that each of its addresses has some of them. */
static unsigned int
count_shares(const struct probe_sources *s, unsigned int iface)
{
	uint8_t used[PROBE_SOURCES_MAX] = {0};
	const struct probe_pool *p = &s->pool[iface];
	unsigned int shares = 0;

	for (uint64_t share = 0; share < PROBE_SHARES; share++) {
		uint32_t address;

		if (probe_iface_of(s, share << 52) != iface)
			continue;
		shares++;
		address = probe_pool_address(p, share << 52);
		for (uint32_t i = 0; i < p->address_count; i++)
			used[i] |= p->addresses[i] == address;
	}
	assert_int_equal(shares, p->shares);
	for (uint32_t i = 0; i < p->address_count && p->address_count <= shares; i++)
		assert_true(used[i]);
	return shares;
}

static void
test_weights_divide_the_targets(void **state)
{
	static const struct ipv4_range ranges[3] = {IN(0, 6), IN(16, 16), IN(32, 95)};
	static const struct {
		uint64_t weight[3];
		unsigned int shares[3];
	} cases[] = {
		{{1, 1, 1}, {1365, 1366, 1365}},
		{{250000, 500000, 250000}, {1024, 2048, 1024}},
		{{1, 1000000000, 1}, {1, 4094, 1}},
		{{1000000000, 1, 1}, {4094, 1, 1}},
		{{3, 5, 8}, {768, 1280, 2048}},
	};
	static struct probe_sources s;

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct probe_pool_config pools[3];

		for (unsigned int i = 0; i < 3; i++)
			pools[i] = pool(&ranges[i], 1, cases[c].weight[i]);
		assert_int_equal(probe_sources_init(&s, pools, 3), 0);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(count_shares(&s, i), cases[c].shares[i]);
	}
}

/* Pools that lie between one another, given in any order. */
static void
test_each_address_has_its_owner(void **state)
{
	static const struct ipv4_range first[] = {IN(20, 21), IN(1, 2), IN(2, 3)};
	static const struct ipv4_range second[] = {IN(10, 10), IN(30, 30), IN(0, 0)};
	const struct probe_pool_config pools[] = {pool(first, 3, 1), pool(second, 3, 1)};
	static const int owners[32] = {[0] = 2, [1] = 1, [2] = 1, [3] = 1, [10] = 2,
				       [20] = 1, [21] = 1, [30] = 2};
	static struct probe_sources s;

	(void)state;
	assert_int_equal(probe_sources_init(&s, pools, 2), 0);
	assert_int_equal(s.address_count, 8);
	for (uint32_t i = 0; i < 32; i++) {
		unsigned int iface = 99;
		int rc = probe_sources_find(&s, 0xc6336400u + i, &iface);

		assert_int_equal(rc, owners[i] == 0 ? -ENOENT : 0);
		if (owners[i] != 0)
			assert_int_equal(iface, owners[i] - 1);
	}
	for (uint32_t i = 1; i < s.address_count; i++)
		assert_true(s.addresses[i - 1] < s.addresses[i]);
}

static void
test_what_cannot_be_divided(void **state)
{
	static const struct ipv4_range most = {1, PROBE_SOURCES_MAX}, one = IN(7, 7), none = {5, 5};
	struct probe_pool_config pools[PROBE_IFACES_MAX + 1];
	static struct probe_sources s;

	(void)state;
	for (unsigned int i = 0; i <= PROBE_IFACES_MAX; i++)
		pools[i] = pool(&one, 1, 1);
	assert_int_equal(probe_sources_init(&s, pools, 0), -EINVAL);
	assert_int_equal(probe_sources_init(&s, pools, PROBE_IFACES_MAX + 1), -EINVAL);
	assert_int_equal(probe_sources_init(&s, pools, 2), -EEXIST);
	pools[1] = pool(&most, 1, 1);
	assert_int_equal(probe_sources_init(&s, pools, 2), -E2BIG);
	assert_int_equal(probe_sources_init(&s, pools + 1, 1), 0);
	pools[1] = pool(&none, 0, 1);
	assert_int_equal(probe_sources_init(&s, pools, 2), -EINVAL);
	pools[1] = pool(&none, 1, 0);
	assert_int_equal(probe_sources_init(&s, pools, 2), -EINVAL);
	pools[1] = pool(&none, 1, 1);
	pools[1].port_last = 32768 + 1022;
	assert_int_equal(probe_sources_init(&s, pools, 2), -ERANGE);
}

#define TARGET 0x14000001u

/* Two interfaces with ports of their own: a reply is believed on either, to the one it was asked by. */
static void
check_replies(uint16_t second_port_first)
{
	static const struct ipv4_range first = IN(8, 11), second = IN(1, 5);
	struct probe_pool_config pools[] = {pool(&first, 1, 1), pool(&second, 1, 3)};
	static struct probe_sources s;
	struct probe_config config = frames_config(PROBE_WINDOWS);
	struct classify_config classify[2];
	struct probe probe[2];
	unsigned int by[2] = {0};

	pools[1].port_first = second_port_first;
	assert_int_equal(probe_sources_init(&s, pools, 2), 0);
	config.sources = &s;
	for (unsigned int i = 0; i < 2; i++) {
		config.iface = i;
		assert_int_equal(probe_init(&probe[i], &probe_tcp_synscan, &config), 0);
		classify[i] = (struct classify_config){&probe[i], s.addresses, s.address_count};
	}
	for (uint32_t host = 0; host < 2000; host++) {
		struct frames_flow f = frames_flow(&probe[0], TARGET + host, 443, COOKIE_PROBE);
		struct frames_tcp t = {.flags = TCP_SYN | TCP_ACK, .ack = f.seq + 1};
		uint8_t frame[2048], packet[PROBE_FRAME_MAX];
		unsigned int own = probe_iface_of(&s, f.cookie);
		struct reply reply;
		size_t len = frames_reply(&f, &t, frame);

		by[own]++;
		/* What the interface sends is what the reply is to. */
		frames_probe(&probe[own], &f, packet);
		assert_int_equal(load_be32(packet + 12), f.own_address);
		assert_int_equal(load_be16(packet + 20), f.own_port);
		for (unsigned int i = 0; i < 2; i++) {
			assert_int_equal(classify_frame(&classify[i], frame, len, &reply),
					 CLASSIFY_SYNACK);
			assert_int_equal(reply.own_address, f.own_address);
		}
		/* The same to an address of the other interface is nobody's. */
		f.own_address = s.pool[!own].addresses[0];
		len = frames_reply(&f, &t, frame);
		assert_int_equal(classify_frame(&classify[0], frame, len, &reply),
				 CLASSIFY_BAD_COOKIE);
	}
	assert_in_range(by[0], 400, 600);
}

static void
test_replies_are_believed_on_every_interface(void **state)
{
	(void)state;
	check_replies(32768);
	check_replies(10000);
	check_replies(50000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_interface_is_as_ever),
		cmocka_unit_test(test_weights_divide_the_targets),
		cmocka_unit_test(test_each_address_has_its_owner),
		cmocka_unit_test(test_what_cannot_be_divided),
		cmocka_unit_test(test_replies_are_believed_on_every_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
