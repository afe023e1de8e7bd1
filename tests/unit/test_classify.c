/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "classify_rig.h"

static const uint8_t windows_options[] = {2, 4, 0x05, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2};
static const uint8_t linux_options[] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4,
					5, 6, 7, 8, 1, 3, 3, 7};

static int
setup(void **state)
{
	(void)state;
	return classify_rig_setup(&probe_tcp_synscan, 443);
}

/* The three replies, as a good network brings them. */
static size_t
synack(uint8_t *frame)
{
	const struct frames_tcp t = {.flags = TCP_SYN | TCP_ACK, .seq = 0xdeadbeef,
				     .ack = flow.seq + 1, .window = 64240,
				     .options = windows_options,
				     .options_len = sizeof(windows_options)};

	return frames_reply(&flow, &t, frame);
}

static size_t
rst(uint8_t *frame)
{
	const struct frames_tcp t = {.flags = TCP_RST | TCP_ACK, .ack = flow.seq + 1};

	return frames_reply(&flow, &t, frame);
}

static size_t
unreachable(uint8_t *frame)
{
	return icmp_error(ICMP_UNREACHABLE, 13, 28, frame);
}

static size_t
echo_request(uint8_t *frame)
{
	return frames_icmp(ROUTER, flow.own_address, ICMP_ECHO_REQUEST, 0, "0123456789ab", 12,
			   frame);
}

static size_t
arp_request(uint8_t *frame)
{
	memset(frame, 0, 60);
	store_be16(frame + 12, ETHER_TYPE_ARP);
	return 42;
}

static const struct {
	size_t (*build)(uint8_t *frame);
	enum classify_kind kind;
} good[] = {
	{synack, CLASSIFY_SYNACK}, {rst, CLASSIFY_RST}, {unreachable, CLASSIFY_ICMP},
	{echo_request, CLASSIFY_ECHO_REQUEST}, {arp_request, CLASSIFY_ARP},
};
#define GOOD (sizeof(good) / sizeof(good[0]))

static void
synack_is_filled(void **state)
{
	const struct frames_tcp t = {.flags = TCP_SYN | TCP_ACK, .seq = 0xdeadbeef,
				     .ack = flow.seq + 1, .window = 64240,
				     .options = linux_options, .options_len = 20};
	uint8_t frame[2048];
	struct reply r;

	(void)state;
	memset(&r, 0xaa, sizeof(r));
	assert_int_equal(classify_frame(&config, frame, frames_reply(&flow, &t, frame), &r),
			 CLASSIFY_SYNACK);
	assert_int_equal(r.kind, CLASSIFY_SYNACK);
	assert_int_equal(r.address, TARGET);
	assert_int_equal(r.port, 443);
	assert_int_equal(r.own_address, flow.own_address);
	assert_int_equal(r.own_port, flow.own_port);
	assert_int_equal(r.seq, 0xdeadbeef);
	assert_int_equal(r.ack, flow.seq + 1);
	assert_int_equal(r.window, 64240);
	assert_int_equal(r.ip_id, 4711);
	assert_int_equal(r.ttl, 53);
	assert_int_equal(r.use, COOKIE_PROBE);
	assert_int_equal(r.bucket, probe_bucket(flow.cookie));
	assert_true(r.has_mss && r.has_wscale && r.has_sack_perm && r.has_timestamp);
	assert_int_equal(r.mss, 1460);
	assert_int_equal(r.wscale, 7);
	assert_int_equal(r.ts_value, 0x01020304);
	assert_int_equal(r.ts_echo, 0x05060708);
	assert_int_equal(r.icmp_responder, 0);
	assert_int_equal(r.received_ns, 0);
	assert_int_equal(r.iface, 0);
}

static void
icmp_is_filled_from_its_quote(void **state)
{
	uint8_t frame[2048];
	struct reply r;

	(void)state;
	memset(&r, 0xaa, sizeof(r));
	assert_int_equal(classify_frame(&config, frame, unreachable(frame), &r), CLASSIFY_ICMP);
	assert_int_equal(r.kind, CLASSIFY_ICMP);
	assert_int_equal(r.address, TARGET);
	assert_int_equal(r.port, 443);
	assert_int_equal(r.own_address, flow.own_address);
	assert_int_equal(r.own_port, flow.own_port);
	assert_int_equal(r.icmp_responder, ROUTER);
	assert_int_equal(r.icmp_type, 3);
	assert_int_equal(r.icmp_code, 13);
	assert_int_equal(r.seq, flow.seq);
	assert_int_equal(r.ip_id, 4711);
	assert_int_equal(r.ttl, 53);
	assert_int_equal(r.bucket, probe_bucket(flow.cookie));
	assert_false(r.has_mss || r.has_wscale || r.has_sack_perm || r.has_timestamp);
}

/* Each use of the port plan has cookies and ports of its own, and says so. */
static void
every_use_answers_for_itself(void **state)
{
	uint8_t frame[2048];
	struct reply r;

	(void)state;
	for (int use = 0; use < 4; use++) {
		struct frames_flow f = frames_flow(&probe, TARGET, 80, (enum cookie_plan)use);
		const struct frames_tcp t = {.flags = TCP_SYN | TCP_ACK, .ack = f.seq + 1};

		assert_int_equal(classify_frame(&config, frame, frames_reply(&f, &t, frame), &r),
				 CLASSIFY_SYNACK);
		assert_int_equal(r.use, use);
	}
}

static void
flags_decide(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++) {
		struct frames_tcp t = {.flags = (uint8_t)flags, .seq = 7, .ack = flow.seq + 1};
		unsigned int meant = flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
		enum classify_kind expected = CLASSIFY_TCP_OTHER;

		if (meant == (TCP_SYN | TCP_ACK))
			expected = CLASSIFY_SYNACK;
		else if (meant == (TCP_RST | TCP_ACK))
			expected = CLASSIFY_RST;
		else if (meant == TCP_RST)
			expected = CLASSIFY_BAD_COOKIE; /* seq is not our number */
		assert_int_equal(classify(frame, frames_reply(&flow, &t, frame)), expected);
	}
}

static const struct {
	uint8_t flags;
	int64_t seq; /* less the cookie; or NONE for 0 */
	int64_t ack;
	enum classify_kind kind;
} numbers[] = {
#define NONE INT64_MAX
	{TCP_SYN | TCP_ACK, 5, 1, CLASSIFY_SYNACK},
	{TCP_SYN | TCP_ACK, 1, 0, CLASSIFY_BAD_COOKIE},
	{TCP_SYN | TCP_ACK, 1, 2, CLASSIFY_BAD_COOKIE},
	{TCP_SYN | TCP_ACK, 1, NONE, CLASSIFY_BAD_COOKIE},
	{TCP_RST | TCP_ACK, NONE, 1, CLASSIFY_RST},
	{TCP_RST | TCP_ACK, 1, 0, CLASSIFY_BAD_COOKIE},
	{TCP_RST | TCP_ACK, 1, 2, CLASSIFY_BAD_COOKIE},
	{TCP_RST, 1, NONE, CLASSIFY_RST},
	{TCP_RST, NONE, NONE, CLASSIFY_BAD_COOKIE},
	{TCP_RST, 0, NONE, CLASSIFY_BAD_COOKIE},
	{TCP_RST, 0, 1, CLASSIFY_BAD_COOKIE},
};

static void
numbers_decide(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct frames_tcp t = {
			.flags = numbers[i].flags,
			.seq = numbers[i].seq == NONE ? 0 : flow.seq + (uint32_t)numbers[i].seq,
			.ack = numbers[i].ack == NONE ? 0 : flow.seq + (uint32_t)numbers[i].ack,
		};

		assert_int_equal(classify(frame, frames_reply(&flow, &t, frame)), numbers[i].kind);
	}
}

/* Under the test key this target's sequence number is 2^32 - 1, and 0 answers to it. */
static void
the_number_wraps(void **state)
{
	struct frames_flow f = frames_flow(&probe, 0x563a7caf, 443, COOKIE_PROBE);
	const struct frames_tcp t = {.flags = TCP_SYN | TCP_ACK, .ack = 0};
	uint8_t frame[2048];

	(void)state;
	assert_int_equal(f.seq, UINT32_MAX);
	assert_int_equal(classify(frame, frames_reply(&f, &t, frame)), CLASSIFY_SYNACK);
}

static void
wrong_numbers_are_never_believed(void **state)
{
	uint8_t frame[2048];
	size_t len = synack(frame);
	struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + 14);
	struct wire_tcp *tcp = (struct wire_tcp *)(frame + 34);

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		uint32_t ack = (uint32_t)hash_mix64(i);

		store_be32(tcp->ack, ack);
		wire_tcp_checksum_set(ip, tcp, (uint16_t)(len - 34));
		assert_int_equal(classify(frame, len) == CLASSIFY_SYNACK, ack == flow.seq + 1);
	}
	store_be32(tcp->ack, flow.seq + 1);
	wire_tcp_checksum_set(ip, tcp, (uint16_t)(len - 34));
	assert_int_equal(classify(frame, len), CLASSIFY_SYNACK);
}

/* A right number from another address or port, or to another of ours, is a wrong one. */
static void
wrong_tuples_are_never_believed(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (uint64_t i = 1; i < 100000; i++) {
		struct frames_flow f = flow;
		const struct frames_tcp t = {.flags = TCP_RST | TCP_ACK, .ack = flow.seq + 1};
		enum classify_kind kind;

		if (i % 4 == 0)
			f.address = (uint32_t)hash_mix64(i);
		else if (i % 4 == 1)
			f.port = (uint16_t)hash_mix64(i);
		else if (i % 4 == 2)
			f.own_port = (uint16_t)hash_mix64(i);
		else
			f.own_address = frames_sources[hash_mix64(i) % 4];
		kind = classify(frame, frames_reply(&f, &t, frame));
		if (memcmp(&f, &flow, sizeof(f)) == 0)
			assert_int_equal(kind, CLASSIFY_RST);
		else
			assert_int_equal(kind, CLASSIFY_BAD_COOKIE);
	}
}

/* Cut anywhere, alone in its memory: never more than is there, and never a reply. */
static void
cut_anywhere_is_truncated(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		size_t len = good[i].build(frame);

		assert_int_equal(classify(frame, len), good[i].kind);
		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *alone = malloc(cut > 0 ? cut : 1);

			assert_non_null(alone);
			memcpy(alone, frame, cut);
			assert_int_equal(classify(alone, cut), CLASSIFY_TRUNCATED);
			free(alone);
		}
	}
}

/* The same, with headers that tell of the cut: their checksums then hold, and what is cut shows. */
static void
shortened_is_truncated_or_a_bad_checksum(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		size_t len = good[i].build(frame);
		struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + 14);

		for (size_t total = 0; total < len - 14; total++) {
			enum classify_kind kind;
			uint8_t *alone = malloc(14 + total);

			assert_non_null(alone);
			store_be16(ip->total_length, (uint16_t)total);
			wire_ipv4_checksum_set(ip, sizeof(*ip));
			memcpy(alone, frame, 14 + total);
			kind = classify(alone, 14 + total);
			assert_true(kind == CLASSIFY_TRUNCATED || kind == CLASSIFY_BAD_CHECKSUM);
			free(alone);
		}
	}
}

static void
padding_is_of_no_account(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (size_t i = 0; i < GOOD; i++) {
		size_t len = good[i].build(frame);

		memset(frame + len, 0x5a, 64);
		assert_int_equal(classify(frame, len + 64), good[i].kind);
	}
}

/* Of the frames of replies every bit is checked, but for the Ethernet addresses. */
static void
no_flipped_bit_passes(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t len = good[i].build(frame);

		for (size_t bit = 0; bit < len * 8; bit++) {
			enum classify_kind kind;

			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			kind = classify(frame, len);
			if (bit < 12 * 8)
				assert_int_equal(kind, good[i].kind);
			else
				assert_true(kind >= CLASSIFY_REPLIES);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void
a_vlan_tag_is_tolerated(void **state)
{
	const struct frames_tcp t = {.flags = TCP_SYN | TCP_ACK, .ack = flow.seq + 1, .tagged = 1};
	uint8_t frame[2048];
	size_t len = frames_reply(&flow, &t, frame);

	(void)state;
	assert_int_equal(classify(frame, len), CLASSIFY_SYNACK);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(classify(frame, cut), CLASSIFY_TRUNCATED);
}

/* Where probes are sent in a VLAN, whatever is not in it is not ours, ARP included. */
static void
a_vlan_is_kept_to(void **state)
{
	const struct frames_tcp t = {.flags = TCP_SYN | TCP_ACK, .ack = flow.seq + 1, .tagged = 1};
	struct probe_config c = frames_config(PROBE_WINDOWS);
	uint8_t frame[2048];
	size_t len;

	(void)state;
	c.vlan = FRAMES_VLAN;
	assert_int_equal(probe_init(&probe, &probe_tcp_synscan, &c), 0);
	len = frames_reply(&flow, &t, frame);
	for (uint32_t tci = 0; tci <= 0xffff; tci++) {
		bool ours = (tci & 0xfff) == FRAMES_VLAN; /* whatever the priority */

		store_be16(frame + 14, (uint16_t)tci);
		assert_int_equal(classify(frame, len), ours ? CLASSIFY_SYNACK : CLASSIFY_NOT_OURS);
		store_be16(frame + 16, ETHER_TYPE_ARP);
		assert_int_equal(classify(frame, len), ours ? CLASSIFY_ARP : CLASSIFY_NOT_OURS);
		store_be16(frame + 16, ETHER_TYPE_IPV4);
	}
	for (size_t i = 0; i < GOOD; i++) {
		len = good[i].build(frame);
		assert_int_equal(classify(frame, len), CLASSIFY_NOT_OURS);
	}
}

static void
ip_options_are_skipped(void **state)
{
	static const uint8_t record_route[40] = {7, 39, 4};
	const struct frames_tcp t = {.flags = TCP_SYN | TCP_ACK, .ack = flow.seq + 1,
				     .options = linux_options, .options_len = 20,
				     .ip_options = record_route, .ip_options_len = 40,
				     .data_len = 33};
	uint8_t frame[2048];
	struct reply r;

	(void)state;
	assert_int_equal(classify_frame(&config, frame, frames_reply(&flow, &t, frame), &r),
			 CLASSIFY_SYNACK);
	assert_int_equal(r.mss, 1460);
}

/* Frames that one change makes something else; header checksums are set again after it. */
static const struct {
	unsigned int at; /* in the frame of a SYN-ACK */
	uint8_t value;
	enum classify_kind kind;
} changes[] = {
	{14, 0x65, CLASSIFY_TRUNCATED},      /* version 6 */
	{14, 0x44, CLASSIFY_TRUNCATED},      /* a header shorter than a header */
	{20, 0x20, CLASSIFY_FRAGMENT},       /* more fragments */
	{21, 0x01, CLASSIFY_FRAGMENT},       /* an offset */
	{20, 0x1f, CLASSIFY_FRAGMENT},
	{20, 0x40, CLASSIFY_SYNACK},         /* do not fragment */
	{20, 0x80, CLASSIFY_SYNACK},         /* the reserved bit */
	{22, 1, CLASSIFY_SYNACK},            /* TTL */
	{15, 0xff, CLASSIFY_SYNACK},         /* TOS */
	{23, IP_PROTO_UDP, CLASSIFY_OTHER},
	{33, 99, CLASSIFY_NOT_OURS},         /* destination address */
	{12, 0x86, CLASSIFY_NOT_OURS},       /* Ethernet type */
};

static void
headers_decide(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t len = synack(frame);

		frame[changes[i].at] = changes[i].value;
		wire_ipv4_checksum_set((struct wire_ipv4 *)(frame + 14), 20);
		assert_int_equal(classify(frame, len), changes[i].kind);
	}
}

static void
tcp_header_lengths_are_bounded(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (unsigned int words = 0; words < 16; words++) {
		size_t len = synack(frame);
		struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + 14);
		struct wire_tcp *tcp = (struct wire_tcp *)(frame + 34);

		tcp->data_offset = (uint8_t)(words << 4);
		wire_tcp_checksum_set(ip, tcp, (uint16_t)(len - 34));
		assert_int_equal(classify(frame, len), words >= 5 && words <= 8 ?
				 CLASSIFY_SYNACK : CLASSIFY_TRUNCATED);
	}
}

static void
icmp_types_decide(void **state)
{
	uint8_t frame[2048];

	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		enum classify_kind expected = CLASSIFY_OTHER;

		if (type == 3 || type == 4 || type == 11 || type == 12)
			expected = CLASSIFY_ICMP;
		else if (type == 8)
			expected = CLASSIFY_ECHO_REQUEST;
		assert_int_equal(classify(frame, icmp_error((uint8_t)type, 0, 28, frame)),
				 expected);
	}
}

static const struct {
	unsigned int at; /* in the quote */
	uint8_t flip;
	enum classify_kind kind;
} quotes[] = {
	/* What the path rewrites is of no account: TOS, length, IP ID, DF, TTL, checksum. */
	{1, 0x02, CLASSIFY_ICMP},
	{2, 0x02, CLASSIFY_ICMP},
	{4, 0x02, CLASSIFY_ICMP},
	{6, 0x40, CLASSIFY_ICMP},
	{8, 0x02, CLASSIFY_ICMP},
	{10, 0x02, CLASSIFY_ICMP},
	/* Version, header length, fragment, protocol, addresses, ports, sequence number. */
	{0, 0x20, CLASSIFY_TRUNCATED},
	{0, 0x01, CLASSIFY_TRUNCATED},
	{0, 0x02, CLASSIFY_BAD_COOKIE},
	{6, 0x20, CLASSIFY_BAD_COOKIE},
	{7, 0x01, CLASSIFY_BAD_COOKIE},
	{9, 0x02, CLASSIFY_BAD_COOKIE},
	{15, 0x02, CLASSIFY_BAD_COOKIE},
	{19, 0x02, CLASSIFY_BAD_COOKIE},
	{21, 0x02, CLASSIFY_BAD_COOKIE},
	{23, 0x02, CLASSIFY_BAD_COOKIE},
	{24, 0x02, CLASSIFY_BAD_COOKIE},
	{27, 0x02, CLASSIFY_BAD_COOKIE},
};

static void
quotes_must_be_our_probe(void **state)
{
	uint8_t frame[2048], body[PROBE_FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		size_t len = frames_probe(&probe, &flow, body);

		body[quotes[i].at] ^= quotes[i].flip;
		len = frames_icmp(ROUTER, flow.own_address, 3, 1, body, len, frame);
		assert_int_equal(classify(frame, len), quotes[i].kind);
	}
}

/* The quote may carry IP options, and must hold eight bytes behind them. */
static void
quotes_are_bounded(void **state)
{
	uint8_t frame[2048], probe_packet[PROBE_FRAME_MAX], body[PROBE_FRAME_MAX + 8] = {0};

	(void)state;
	for (size_t quoted = 0; quoted < 60; quoted++)
		assert_int_equal(classify(frame, icmp_error(11, 0, quoted, frame)),
				 quoted < 28 ? CLASSIFY_TRUNCATED : CLASSIFY_ICMP);
	frames_probe(&probe, &flow, probe_packet);
	memcpy(body, probe_packet, 20);
	memcpy(body + 28, probe_packet + 20, 20);
	body[0] = 0x47;
	for (size_t quoted = 20; quoted < 48; quoted++) {
		size_t len = frames_icmp(ROUTER, flow.own_address, 11, 0, body, quoted, frame);

		assert_int_equal(classify(frame, len),
				 quoted < 36 ? CLASSIFY_TRUNCATED : CLASSIFY_ICMP);
	}
}

/* An error sent to one of our addresses about a probe from another of them proves nothing. */
static void
quotes_must_come_home(void **state)
{
	uint8_t frame[2048], body[PROBE_FRAME_MAX];
	size_t quoted = frames_probe(&probe, &flow, body);

	(void)state;
	for (int i = 0; i < 4; i++) {
		size_t len = frames_icmp(ROUTER, frames_sources[i], 3, 3, body, quoted, frame);

		assert_int_equal(classify(frame, len), frames_sources[i] == flow.own_address ?
				 CLASSIFY_ICMP : CLASSIFY_BAD_COOKIE);
	}
}

/* Nor does an echo reply answer a SYN. */
static void
no_echo_answers_a_syn(void **state)
{
	uint8_t frame[2048];

	(void)state;
	flow = frames_flow(&probe, TARGET, 0, COOKIE_PROBE);
	assert_int_equal(classify(frame, frames_echo_reply(&flow, frame)), CLASSIFY_OTHER);
}

static void
arp_and_strangers(void **state)
{
	uint8_t frame[64] = {0};

	(void)state;
	store_be16(frame + 12, 0x86dd);
	assert_int_equal(classify(frame, 60), CLASSIFY_NOT_OURS);
	store_be16(frame + 12, ETHER_TYPE_VLAN);
	store_be16(frame + 16, ETHER_TYPE_VLAN);
	assert_int_equal(classify(frame, 60), CLASSIFY_NOT_OURS);
	store_be16(frame + 16, ETHER_TYPE_ARP);
	assert_int_equal(classify(frame, 46), CLASSIFY_ARP);
	assert_int_equal(classify(frame, 45), CLASSIFY_TRUNCATED);
}

static void
own_addresses_are_looked_up_exactly(void **state)
{
	static uint32_t many[1000];
	uint8_t frame[2048];
	struct classify_config c = config;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		many[i] = 0x0a000000 + i * 2;
	c.addresses = many;
	for (c.address_count = 1; c.address_count <= 1000; c.address_count += 111) {
		for (uint32_t i = 0; i < 2 * c.address_count + 2; i++) {
			size_t len = frames_icmp(ROUTER, 0x09ffffff + i, 0, 0, "", 0, frame);
			struct reply r;
			bool ours = i % 2 == 1 && i < 2 * c.address_count;

			assert_int_equal(classify_frame(&c, frame, len, &r),
					 ours ? CLASSIFY_OTHER : CLASSIFY_NOT_OURS);
		}
	}
	c.address_count = 0;
	assert_int_equal(classify_frame(&c, frame, synack(frame), NULL), CLASSIFY_NOT_OURS);
}

static void
kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(classify_kind_name(CLASSIFY_SYNACK), "synack");
	assert_string_equal(classify_kind_name(CLASSIFY_RST), "rst");
	assert_string_equal(classify_kind_name(CLASSIFY_ICMP), "icmp");
	assert_string_equal(classify_kind_name(CLASSIFY_ECHOREPLY), "echoreply");
	for (int i = 0; i < CLASSIFY_KINDS; i++) {
		assert_non_null(classify_kind_name((enum classify_kind)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(classify_kind_name((enum classify_kind)i),
						classify_kind_name((enum classify_kind)j));
	}
	assert_string_equal(classify_kind_name(CLASSIFY_KINDS), "unknown");
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(synack_is_filled),
		TEST(icmp_is_filled_from_its_quote),
		TEST(every_use_answers_for_itself),
		TEST(flags_decide),
		TEST(numbers_decide),
		TEST(the_number_wraps),
		TEST(wrong_numbers_are_never_believed),
		TEST(wrong_tuples_are_never_believed),
		TEST(cut_anywhere_is_truncated),
		TEST(shortened_is_truncated_or_a_bad_checksum),
		TEST(padding_is_of_no_account),
		TEST(no_flipped_bit_passes),
		TEST(a_vlan_tag_is_tolerated),
		TEST(a_vlan_is_kept_to),
		TEST(ip_options_are_skipped),
		TEST(headers_decide),
		TEST(tcp_header_lengths_are_bounded),
		TEST(icmp_types_decide),
		TEST(quotes_must_be_our_probe),
		TEST(quotes_are_bounded),
		TEST(quotes_must_come_home),
		TEST(no_echo_answers_a_syn),
		TEST(arp_and_strangers),
		TEST(own_addresses_are_looked_up_exactly),
		TEST(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
