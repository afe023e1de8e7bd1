/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts are classified as their frames are one by one: whatever is in them, in any mixture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "frames.h"

#define ROUTER 0xcb007101

/* Padded to as long as they may be. */
static const uint8_t options[40] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7};

/* A source of numbers, one state a test. */
static uint32_t
random32(uint64_t *random)
{
	return (uint32_t)(hash_mix64((*random)++) >> 32);
}

/* With options of any length, and in one of eight data behind them. */
static size_t
make_tcp(const struct frames_flow *f, uint64_t *random, uint8_t *frame)
{
	static const uint8_t flags[] = {TCP_SYN | TCP_ACK, TCP_RST | TCP_ACK, TCP_RST, TCP_ACK};
	struct frames_tcp t = {.flags = flags[random32(random) % 4], .seq = random32(random),
			       .ack = f->seq + 1, .window = 1024, .options = options,
			       .options_len = random32(random) % 11 * 4,
			       .tagged = random32(random) % 2 == 0};
	size_t link, len;

	if (t.flags == TCP_RST)
		t.seq = f->seq + 1;
	len = frames_reply(f, &t, frame);
	if (random32(random) % 8 == 0) {
		link = sizeof(struct wire_ether) + (t.tagged ? sizeof(struct wire_vlan) : 0);
		((struct wire_tcp *)(frame + link + sizeof(struct wire_ipv4)))->data_offset = 5 << 4;
		wire_tcp_checksum_set((struct wire_ipv4 *)(frame + link),
				      frame + link + sizeof(struct wire_ipv4),
				      (uint16_t)(sizeof(struct wire_tcp) + t.options_len));
	}
	return len;
}

static size_t
make_error(const struct probe *p, const struct frames_flow *f, uint64_t *random, uint8_t *frame)
{
	uint8_t body[PROBE_FRAME_MAX] = {0};

	frames_probe(p, f, body);
	return frames_icmp(ROUTER, f->own_address, ICMP_UNREACHABLE, 1, body,
			   28 + random32(random) % 13, frame);
}

/* Turn over a bit of what stands before the transport header, and make the checksum good again. */
static void
change_header(uint64_t *random, uint8_t *frame)
{
	size_t link = sizeof(struct wire_ether) +
		      (load_be16(frame + 12) == ETHER_TYPE_VLAN ? sizeof(struct wire_vlan) : 0);

	frame[12 + random32(random) % (link + 8)] ^= (uint8_t)(1U << random32(random) % 8);
	wire_ipv4_checksum_set((struct wire_ipv4 *)(frame + link), sizeof(struct wire_ipv4));
}

/* A frame of some kind; one in two with a fault: a bit turned over, cut short, or forged. */
static size_t
make_frame(const struct probe *p, uint64_t *random, uint8_t *frame)
{
	struct frames_flow f = frames_flow(p, random32(random), (uint16_t)random32(random),
					   (enum cookie_plan)(random32(random) % 4));
	uint32_t kind = random32(random) % 8, fault = random32(random) % 12;
	size_t len;

	if (p->module == &probe_icmp_echoscan)
		f = frames_flow(p, f.address, 0, f.use);
	if (fault == 0)
		f.seq ^= 1U << random32(random) % 32;
	if (fault == 1)
		f.own_port ^= (uint16_t)(1U << random32(random) % 16);
	if (fault == 4)
		f.own_address ^= 1U << random32(random) % 32;
	if (kind < 4)
		len = make_tcp(&f, random, frame);
	else if (kind < 6)
		len = make_error(p, &f, random, frame);
	else
		len = frames_echo_reply(&f, frame);
	if (fault == 2)
		frame[random32(random) % len] ^= (uint8_t)(1U << random32(random) % 8);
	if (fault == 5)
		change_header(random, frame);
	return fault == 3 ? random32(random) % len : len;
}

static void
check_module(const struct probe_module *module, uint16_t vlan)
{
	struct probe_config c = frames_config(PROBE_WINDOWS);
	static uint8_t buffers[CLASSIFY_BURST][2048];
	struct probe p;
	struct classify_config config = {&p, frames_sources, 4};
	unsigned int seen[CLASSIFY_KINDS] = {0};
	uint64_t random = 17;

	c.vlan = vlan;
	assert_int_equal(probe_init(&p, module, &c), 0);
	for (unsigned int round = 0; round < 4000; round++) {
		struct reply replies[CLASSIFY_BURST + 1], alone = {0};
		unsigned int n = round % (CLASSIFY_BURST + 1), at = 0, count;
		const uint8_t *frame[CLASSIFY_BURST];
		uint16_t len[CLASSIFY_BURST];
		uint8_t kind[CLASSIFY_BURST];

		memset(replies, 0x5a, sizeof(replies));
		for (unsigned int i = 0; i < n; i++) {
			frame[i] = buffers[i];
			len[i] = (uint16_t)make_frame(&p, &random, buffers[i]);
		}
		count = classify_burst(&config, n, frame, len, kind, replies);
		for (unsigned int i = 0; i < n; i++) {
			assert_int_equal(kind[i], classify_frame(&config, frame[i], len[i], &alone));
			seen[kind[i]]++;
			if (kind[i] < CLASSIFY_REPLIES)
				assert_memory_equal(&replies[at++], &alone, sizeof(alone));
		}
		assert_int_equal(count, at);
		assert_int_equal(replies[count].kind, 0x5a);
	}
	/* Each branch was taken; in a VLAN by half of the segments alone. */
	if (vlan != 0) {
		assert_true(seen[CLASSIFY_SYNACK] > 1000 && seen[CLASSIFY_NOT_OURS] > 1000);
		return;
	}
	assert_true(seen[CLASSIFY_ICMP] > 1000 && seen[CLASSIFY_BAD_COOKIE] > 1000);
	assert_true(seen[CLASSIFY_BAD_CHECKSUM] > 100 && seen[CLASSIFY_TRUNCATED] > 100);
	if (module == &probe_tcp_synscan)
		assert_true(seen[CLASSIFY_SYNACK] > 1000 && seen[CLASSIFY_RST] > 1000);
	else
		assert_true(seen[CLASSIFY_ECHOREPLY] > 1000);
}

static void
a_burst_is_its_frames(void **state)
{
	(void)state;
	check_module(&probe_tcp_synscan, 0);
	check_module(&probe_tcp_synscan, FRAMES_VLAN);
}

static void
so_is_one_of_pings(void **state)
{
	(void)state;
	check_module(&probe_icmp_echoscan, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_its_frames),
		cmocka_unit_test(so_is_one_of_pings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
