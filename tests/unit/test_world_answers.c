/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worlds.h"

#define PERCENT WORLDS_PERCENT

/* Every state as likely as any other; what is asked is answered at once. */
static const struct world_network quarters = {
	.range = {0, UINT32_MAX},
	.open = 25 * PERCENT,
	.closed = 25 * PERCENT,
	.unreachable = 25 * PERCENT,
	.echo = 50 * PERCENT,
};

static const struct world_description quarters_description = {
	.seed = 3,
	.networks = &quarters,
	.networks_count = 1,
};

/* ---- Answers ----------------------------------------------------------------------------- */

/* A target of this state. */
static uint32_t
find(const struct world *w, enum world_state wanted, uint16_t port, uint32_t from)
{
	while (world_state(w, from, port) != wanted)
		from++;
	return from;
}

static void
check_ends(const struct worlds_rig *rig, const struct worlds_segment *s)
{
	static const uint8_t world_mac[6] = WORLD_MAC;

	assert_memory_equal(rig->frame, worlds_scanner_mac, 6);
	assert_memory_equal(rig->frame + 6, world_mac, 6);
	if (s->tagged) {
		assert_int_equal(load_be16(rig->frame + 12), ETHER_TYPE_VLAN);
		assert_int_equal(load_be16(rig->frame + 14), WORLDS_TCI);
	}
	assert_true(rig->len >= WIRE_FRAME_MIN);
	assert_int_equal(load_be32(worlds_ip(rig->frame)->dst), WORLDS_SCANNER);
}

static void
test_synack_mirrors_the_syn(void **state)
{
	static const uint8_t mss[] = {2, 4, 5, 0xb4}, sack[] = {4, 2, 1, 1};
	static const uint8_t wscale[] = {3, 3, 8, 1};
	static const uint8_t timestamp[] = {8, 10, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 1, 1};
	struct worlds_rig rig;
	uint8_t frame[2048], options[40];

	(void)state;
	assert_int_equal(worlds_open(&rig, &quarters_description, 64), 0);
	for (unsigned int offer = 0; offer < 32; offer++) {
		struct worlds_segment s = {
			.dst = find(rig.world, WORLD_OPEN, 443, 0x05000000 + offer * 64),
			.src_port = 51000, .dst_port = 443, .seq = UINT32_MAX, .flags = TCP_SYN,
			.options = options, .tagged = (offer & 16) != 0,
		};
		struct wire_tcp_options given;
		const struct wire_tcp *tcp;
		uint8_t n = 0;

#define OFFER(bit, option)                                                                         \
	if (offer & (bit)) {                                                                       \
		memcpy(options + n, option, sizeof(option));                                       \
		n += (uint8_t)sizeof(option);                                                      \
	}
		OFFER(1, mss)
		OFFER(2, sack)
		OFFER(4, timestamp)
		OFFER(8, wscale)
#undef OFFER
		s.options_len = n;
		assert_int_equal(worlds_send(&rig, frame, worlds_segment(&s, frame)), 1);
		assert_true(worlds_next(&rig, NS_PER_SEC) > 0);
		check_ends(&rig, &s);
		assert_int_equal(load_be32(worlds_ip(rig.frame)->src), s.dst);
		tcp = worlds_tcp(rig.frame, rig.len);
		assert_non_null(tcp);
		assert_int_equal(load_be16(tcp->src_port), 443);
		assert_int_equal(load_be16(tcp->dst_port), 51000);
		assert_int_equal(tcp->flags, TCP_SYN | TCP_ACK);
		assert_int_equal(load_be32(tcp->ack), 0);
		wire_tcp_options_read((const uint8_t *)(tcp + 1),
				      (size_t)(tcp->data_offset >> 4) * 4 - sizeof(*tcp), &given);
		assert_true(given.has_mss && given.mss == 1460);
		assert_int_equal(given.has_sack_perm, (offer & 2) != 0);
		assert_int_equal(given.has_timestamp, (offer & 4) != 0);
		assert_int_equal(given.has_wscale, (offer & 8) != 0);
		if (given.has_timestamp)
			assert_int_equal(given.ts_echo, 0xdeadbeef);
		if (given.has_wscale)
			assert_int_equal(given.wscale, 7);
		assert_int_equal(worlds_next(&rig, 20 * NS_PER_SEC), 0);
		rig.now_ns = 0;
	}
	worlds_close(&rig);
}

static void
test_reset_acknowledges_all(void **state)
{
	struct worlds_segment s = {
		.src_port = 51000, .dst_port = 80, .seq = 1000, .flags = TCP_SYN, .data_len = 99,
	};
	const struct wire_tcp *tcp;
	struct worlds_rig rig;
	uint8_t frame[2048];

	(void)state;
	assert_int_equal(worlds_open(&rig, &quarters_description, 64), 0);
	s.dst = find(rig.world, WORLD_CLOSED, 80, 0x05000000);
	assert_int_equal(worlds_send(&rig, frame, worlds_segment(&s, frame)), 1);
	assert_true(worlds_next(&rig, NS_PER_SEC) > 0);
	check_ends(&rig, &s);
	assert_int_equal(load_be32(worlds_ip(rig.frame)->src), s.dst);
	tcp = worlds_tcp(rig.frame, rig.len);
	assert_non_null(tcp);
	assert_int_equal(tcp->flags, TCP_RST | TCP_ACK);
	assert_int_equal(load_be32(tcp->seq), 0);
	assert_int_equal(load_be32(tcp->ack), 1100);
	assert_int_equal(load_be16(tcp->src_port), 80);
	assert_int_equal(load_be16(tcp->dst_port), 51000);
	assert_int_equal(worlds_next(&rig, 20 * NS_PER_SEC), 0);
	worlds_close(&rig);
}

static void
test_unreachable_quotes_the_syn(void **state)
{
	static const uint8_t options[] = {2, 4, 5, 0xb4, 1, 3, 3, 8};
	unsigned int codes[256] = {0}, quotes[64] = {0};
	struct worlds_rig rig;
	uint8_t frame[2048];
	uint32_t from = 0x05000000;

	(void)state;
	assert_int_equal(worlds_open(&rig, &quarters_description, 64), 0);
	for (unsigned int i = 0; i < 200; i++) {
		struct worlds_segment s = {
			.dst = find(rig.world, WORLD_UNREACHABLE, 80, from),
			.src_port = 51000,
			.dst_port = 80,
			.seq = i,
			.flags = TCP_SYN,
			.options = options,
			.options_len = sizeof(options),
			.ip_id = (uint16_t)i,
		};
		const struct wire_ipv4 *quoted;
		const struct wire_icmp *icmp;
		size_t len;

		from = s.dst + 1;
		assert_int_equal(worlds_send(&rig, frame, worlds_segment(&s, frame)), 1);
		assert_true(worlds_next(&rig, NS_PER_SEC) > 0);
		check_ends(&rig, &s);
		icmp = worlds_icmp(rig.frame, rig.len, &len);
		assert_non_null(icmp);
		assert_int_equal(icmp->type, ICMP_UNREACHABLE);
		codes[icmp->code]++;
		quotes[len - 8 - 20]++;
		/* From a router beside it, never from itself. */
		assert_int_not_equal(load_be32(worlds_ip(rig.frame)->src), s.dst);
		assert_int_equal(load_be32(worlds_ip(rig.frame)->src) >> 8, s.dst >> 8);
		/* The quote is what was sent, but for TTL and so the checksum. */
		quoted = (const struct wire_ipv4 *)(icmp + 1);
		assert_true(wire_ipv4_checksum_ok(quoted, 20));
		assert_true(quoted->ttl < 64);
		assert_memory_equal(quoted, frame + 14, 8);
		assert_memory_equal(quoted->src, frame + 14 + 12, len - 8 - 12);
	}
	assert_int_equal(codes[1] + codes[13], 200);
	assert_true(codes[1] > 50 && codes[13] > 50);
	assert_int_equal(quotes[8] + quotes[20] + quotes[28], 200);
	assert_true(quotes[8] > 20 && quotes[20] > 20 && quotes[28] > 20);
	assert_int_equal(world_stage_counters(rig.stage)->unreachables, 200);
	/* Where the host has the address that its router would have. */
	for (from = 0x05000001; world_state(rig.world, from, 80) != WORLD_UNREACHABLE; from += 256)
		;
	worlds_send(&rig, frame, worlds_syn(from, 80, frame));
	assert_true(worlds_next(&rig, NS_PER_SEC) > 0);
	assert_int_not_equal(load_be32(worlds_ip(rig.frame)->src), from);
	worlds_close(&rig);
}

static void
test_echo_comes_back(void **state)
{
	unsigned int answered = 0;
	struct worlds_rig rig;
	uint8_t frame[2048];

	(void)state;
	assert_int_equal(worlds_open(&rig, &quarters_description, 64), 0);
	for (uint32_t dst = 0x05000000; dst < 0x05000100; dst++) {
		uint16_t data = (uint16_t)(dst % 57);
		const struct wire_icmp *icmp;
		size_t len = worlds_echo(dst, data, frame), message;

		assert_int_equal(worlds_send(&rig, frame, len), world_echoes(rig.world, dst));
		if (!world_echoes(rig.world, dst))
			continue;
		answered++;
		assert_true(worlds_next(&rig, NS_PER_SEC) > 0);
		icmp = worlds_icmp(rig.frame, rig.len, &message);
		assert_non_null(icmp);
		assert_int_equal(icmp->type, ICMP_ECHO_REPLY);
		assert_int_equal(message, 8 + data);
		assert_memory_equal(icmp->rest, frame + 14 + 20 + 4, 4u + data);
		assert_int_equal(load_be32(worlds_ip(rig.frame)->src), dst);
	}
	assert_true(answered > 80 && answered < 176);
	assert_int_equal(rig.intake->counters.echo, 256);
	/* More data than is kept: not answered, and said so. */
	for (uint32_t dst = 0x05000000; dst < 0x05000100; dst++)
		worlds_send(&rig, frame, worlds_echo(dst, 57, frame));
	assert_int_equal(world_stage_counters(rig.stage)->echo_too_long, answered);
	assert_int_equal(worlds_next(&rig, 20 * NS_PER_SEC), 0);
	worlds_close(&rig);
}

static void
test_arp_is_answered_for_any(void **state)
{
	static const uint8_t world_mac[6] = WORLD_MAC;
	static const uint32_t asked[] = {0xc6336401, 0x01020304, 0xffffffff};
	const struct wire_arp *arp;
	struct worlds_rig rig;
	uint8_t frame[2048];

	(void)state;
	assert_int_equal(worlds_open(&rig, &quarters_description, 64), 0);
	for (unsigned int i = 0; i < 3; i++) {
		size_t len = worlds_arp(ARP_REQUEST, WORLDS_SCANNER, asked[i], frame);

		assert_int_equal(worlds_send(&rig, frame, len), 1);
		assert_int_equal(worlds_next(&rig, NS_PER_SEC), WIRE_FRAME_MIN);
		assert_int_equal(load_be16(rig.frame + 12), ETHER_TYPE_ARP);
		assert_memory_equal(rig.frame, worlds_scanner_mac, 6);
		arp = (const struct wire_arp *)(rig.frame + 14);
		assert_int_equal(load_be16(arp->operation), ARP_REPLY);
		assert_memory_equal(arp->sender_mac, world_mac, 6);
		assert_int_equal(load_be32(arp->sender_ip), asked[i]);
		assert_memory_equal(arp->target_mac, worlds_scanner_mac, 6);
		assert_int_equal(load_be32(arp->target_ip), WORLDS_SCANNER);
	}
	/* Who asks for its own address wants to know whether another has it (RFC 5227). */
	assert_int_equal(worlds_send(&rig, frame, worlds_arp(ARP_REQUEST, 5, 5, frame)), 0);
	assert_int_equal(rig.intake->counters.arp, 4);
	worlds_close(&rig);
}

/* ---- Times ------------------------------------------------------------------------------- */

static const struct world_network slow = {
	.range = {0, UINT32_MAX},
	.open = WORLD_SHARE_ONE,
	.latency_min_ns = 5 * NS_PER_MS,
	.latency_max_ns = 300 * NS_PER_MS,
	.synack_retries = 3,
};

static const struct world_description slow_description = {
	.seed = 5,
	.networks = &slow,
	.networks_count = 1,
};

static void
test_latency_is_uniform(void **state)
{
	enum { FLOWS = 4000, BINS = 5 };
	unsigned int bins[BINS] = {0};
	struct worlds_rig rig;
	uint64_t last_ns = 0;
	uint8_t frame[2048];

	(void)state;
	assert_int_equal(worlds_open(&rig, &slow_description, FLOWS), 0);
	for (uint32_t i = 0; i < FLOWS; i++)
		worlds_send(&rig, frame, worlds_syn(0x08000000 + i, 80, frame));
	for (uint32_t i = 0; i < FLOWS; i++) {
		assert_true(worlds_next(&rig, NS_PER_SEC) > 0);
		assert_in_range(rig.now_ns, slow.latency_min_ns, slow.latency_max_ns);
		assert_true(rig.now_ns >= last_ns);
		last_ns = rig.now_ns;
		bins[(rig.now_ns - slow.latency_min_ns) * BINS /
		     (slow.latency_max_ns - slow.latency_min_ns + 1)]++;
	}
	/* 800 expected in each; five standard deviations of a binomial are 127. */
	for (unsigned int i = 0; i < BINS; i++)
		assert_in_range(bins[i], 800 - 127, 800 + 127);
	worlds_close(&rig);
}

/* A flow with a SYN-ACK under way; when it comes. */
static uint64_t
start_flow(struct worlds_rig *rig, struct worlds_segment *s, struct wire_tcp *synack)
{
	uint8_t frame[2048];

	*s = (struct worlds_segment){
		.dst = 0x08080808, .src_port = 40000, .dst_port = 80, .seq = 7777, .flags = TCP_SYN,
		.ip_id = 1,
	};
	assert_int_equal(worlds_open(rig, &slow_description, 16), 0);
	assert_int_equal(worlds_send(rig, frame, worlds_segment(s, frame)), 1);
	assert_true(worlds_next(rig, NS_PER_SEC) > 0);
	*synack = *worlds_tcp(rig->frame, rig->len);
	return rig->now_ns;
}

static void
test_synack_repeats_until_the_end(void **state)
{
	static const uint64_t seconds[] = {1, 3, 7};
	struct worlds_segment s;
	struct wire_tcp synack;
	struct worlds_rig rig;
	uint64_t first_ns;

	(void)state;
	first_ns = start_flow(&rig, &s, &synack);
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(worlds_next(&rig, 100 * NS_PER_SEC) > 0);
		assert_int_equal(rig.now_ns, first_ns + seconds[i] * NS_PER_SEC);
		assert_memory_equal(worlds_tcp(rig.frame, rig.len), &synack, sizeof(synack));
	}
	assert_int_equal(worlds_next(&rig, 100 * NS_PER_SEC), 0);
	assert_int_equal(world_stage_counters(rig.stage)->repeats, 3);
	assert_int_equal(world_stage_counters(rig.stage)->synacks, 4);
	assert_int_equal(world_stage_counters(rig.stage)->answered, 0);
	assert_true(world_stage_next_ns(rig.stage) == TIME_NEVER);
	worlds_close(&rig);
}

static void
test_answers_end_the_repeats(void **state)
{
	/* What is said, off by what, and whether it is an answer. */
	static const struct {
		uint8_t flags;
		uint32_t seq_off, ack_off;
		bool fits;
	} answers[] = {
		{TCP_ACK, 0, 0, true},       {TCP_RST, 0, 0, true},
		{TCP_RST | TCP_ACK, 0, 0, true}, {TCP_RST, 0, 99, true},
		{TCP_ACK | TCP_PSH, 0, 0, true}, {TCP_ACK, 1, 0, false},
		{TCP_ACK, 0, 1, false},      {TCP_RST, 1, 0, false},
		{TCP_ACK, UINT32_MAX, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct worlds_segment s;
		struct wire_tcp synack;
		struct worlds_rig rig;
		uint8_t frame[2048];

		start_flow(&rig, &s, &synack);
		s.flags = answers[i].flags;
		s.seq = load_be32(synack.ack) + answers[i].seq_off;
		s.ack = load_be32(synack.seq) + 1 + answers[i].ack_off;
		assert_int_equal(worlds_send(&rig, frame, worlds_segment(&s, frame)), 1);
		assert_int_equal(worlds_next(&rig, 100 * NS_PER_SEC) == 0, answers[i].fits);
		assert_int_equal(world_stage_counters(rig.stage)->answered, answers[i].fits);
		assert_int_equal(world_stage_counters(rig.stage)->strays, !answers[i].fits);
		worlds_close(&rig);
	}
}

static void
test_answers_of_other_flows_are_strays(void **state)
{
	struct worlds_segment s, other;
	struct wire_tcp synack;
	struct worlds_rig rig;
	uint8_t frame[2048];

	(void)state;
	start_flow(&rig, &s, &synack);
	s.flags = TCP_RST;
	s.seq = load_be32(synack.ack);
	other = s;
	other.src_port++;
	worlds_send(&rig, frame, worlds_segment(&other, frame));
	other = s;
	other.dst_port++;
	worlds_send(&rig, frame, worlds_segment(&other, frame));
	other = s;
	other.dst++;
	worlds_send(&rig, frame, worlds_segment(&other, frame));
	assert_int_equal(world_stage_counters(rig.stage)->strays, 3);
	worlds_send(&rig, frame, worlds_segment(&s, frame));
	assert_int_equal(world_stage_counters(rig.stage)->answered, 1);
	/* Said once more, there is nothing left to end. */
	worlds_send(&rig, frame, worlds_segment(&s, frame));
	assert_int_equal(world_stage_counters(rig.stage)->strays, 4);
	worlds_close(&rig);
}

/* A repeat that left its host before the RST arrived still comes, and is the last. */
static void
test_repeats_under_way_arrive(void **state)
{
	struct worlds_segment s;
	struct wire_tcp synack;
	struct worlds_rig rig;
	uint8_t frame[2048];
	uint64_t first_ns = start_flow(&rig, &s, &synack);

	(void)state;
	s.flags = TCP_RST;
	s.seq = load_be32(synack.ack);
	/* The flow's latency is first_ns, as the SYN left at 0. */
	rig.now_ns = first_ns + NS_PER_SEC - first_ns + 1;
	worlds_send(&rig, frame, worlds_segment(&s, frame));
	assert_true(worlds_next(&rig, 100 * NS_PER_SEC) > 0);
	assert_int_equal(rig.now_ns, first_ns + NS_PER_SEC);
	assert_int_equal(worlds_next(&rig, 100 * NS_PER_SEC), 0);
	worlds_close(&rig);
	first_ns = start_flow(&rig, &s, &synack);
	s.flags = TCP_RST;
	s.seq = load_be32(synack.ack);
	rig.now_ns = first_ns + NS_PER_SEC - first_ns;
	worlds_send(&rig, frame, worlds_segment(&s, frame));
	assert_int_equal(worlds_next(&rig, 100 * NS_PER_SEC), 0);
	worlds_close(&rig);
}

/* An attempt is the same SYN with another IP ID: one more SYN-ACK, not one more series. */
static void
test_syn_said_again(void **state)
{
	struct worlds_segment s;
	struct wire_tcp synack;
	struct worlds_rig rig;
	uint8_t frame[2048];
	unsigned int more = 0;

	(void)state;
	start_flow(&rig, &s, &synack);
	s.ip_id = 2;
	worlds_send(&rig, frame, worlds_segment(&s, frame));
	while (worlds_next(&rig, 100 * NS_PER_SEC) > 0) {
		assert_memory_equal(worlds_tcp(rig.frame, rig.len), &synack, sizeof(synack));
		more++;
	}
	assert_int_equal(more, 4);
	assert_int_equal(world_stage_counters(rig.stage)->repeats, 3);
	worlds_close(&rig);
}

static void
test_full_stages_say_so(void **state)
{
	struct worlds_rig rig;
	uint8_t frame[2048];
	unsigned int came = 0;

	(void)state;
	assert_int_equal(worlds_open(&rig, &slow_description, 10), 0);
	for (uint32_t i = 0; i < 25; i++)
		worlds_send(&rig, frame, worlds_syn(0x08000000 + i, 80, frame));
	assert_int_equal(world_stage_counters(rig.stage)->events_refused, 15);
	while (worlds_next(&rig, 100 * NS_PER_SEC) > 0)
		came++;
	assert_int_equal(came, 40);
	/* And go on when there is room again. */
	worlds_send(&rig, frame, worlds_syn(0x09000000, 80, frame));
	assert_true(worlds_next(&rig, 101 * NS_PER_SEC) > 0);
	assert_int_equal(world_stage_counters(rig.stage)->events_refused, 15);
	worlds_close(&rig);
}

static void
test_nothing_comes_before_its_time(void **state)
{
	struct worlds_rig rig;
	uint8_t frame[2048];
	uint64_t came = 0;

	(void)state;
	assert_int_equal(worlds_open(&rig, &slow_description, 1000), 0);
	assert_true(world_stage_idle_until_ns(rig.stage) == TIME_NEVER);
	for (uint32_t i = 0; i < 300; i++) {
		rig.now_ns = i * 100 * NS_PER_US;
		worlds_send(&rig, frame, worlds_syn(0x08000000 + i, 80, frame));
	}
	while (world_stage_next_ns(rig.stage) != TIME_NEVER) {
		uint64_t next_ns = world_stage_next_ns(rig.stage);

		assert_true(world_stage_idle_until_ns(rig.stage) <= next_ns);
		if (next_ns > rig.now_ns) {
			assert_int_equal(world_stage_out(rig.stage, next_ns - 1, frame), 0);
			assert_int_equal(world_stage_next_ns(rig.stage), next_ns);
		}
		rig.now_ns = next_ns;
		assert_true(world_stage_out(rig.stage, next_ns, frame) > 0);
		came++;
	}
	assert_int_equal(came, 300 * 4);
	worlds_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest answers[] = {
		cmocka_unit_test(test_synack_mirrors_the_syn),
		cmocka_unit_test(test_reset_acknowledges_all),
		cmocka_unit_test(test_unreachable_quotes_the_syn),
		cmocka_unit_test(test_echo_comes_back),
		cmocka_unit_test(test_arp_is_answered_for_any),
	};
	const struct CMUnitTest times[] = {
		cmocka_unit_test(test_latency_is_uniform),
		cmocka_unit_test(test_synack_repeats_until_the_end),
		cmocka_unit_test(test_answers_end_the_repeats),
		cmocka_unit_test(test_answers_of_other_flows_are_strays),
		cmocka_unit_test(test_repeats_under_way_arrive),
		cmocka_unit_test(test_syn_said_again),
		cmocka_unit_test(test_full_stages_say_so),
		cmocka_unit_test(test_nothing_comes_before_its_time),
	};

	return cmocka_run_group_tests_name("answers", answers, NULL, NULL) +
	       cmocka_run_group_tests_name("times", times, NULL, NULL);
}
