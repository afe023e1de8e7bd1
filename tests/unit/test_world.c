/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "base/hash.h"
#include "worlds.h"

/* The same source once more, compiled for the baseline alone. */
#ifndef ASDIC_NO_MULTIVERSION
#define ASDIC_NO_MULTIVERSION
#endif
#define syns_read portable_syns_read
#include "world/syns.c"
#undef syns_read
void syns_read(const struct world *w, const struct world_frame *frames, unsigned int n,
	       struct syns *s);

#define PERCENT WORLDS_PERCENT

static uint32_t
random32(uint64_t *state)
{
	return (uint32_t)(hash_mix64((*state)++) >> 32);
}

/* ---- Truth ------------------------------------------------------------------------------- */

/* Computed by tests/truth.py of the world below. */
static const struct {
	uint32_t address;
	uint16_t port;
	enum world_state state;
} truths[] = {
	{0x0a000001, 80, WORLD_OPEN},    {0x0a000002, 80, WORLD_OPEN},
	{0x0a000003, 80, WORLD_OPEN},    {0x0a000709, 443, WORLD_CLOSED},
	{0x0a00ff09, 22, WORLD_SILENT},  {0x0a00ff0a, 22, WORLD_CLOSED},
	{0x0a010203, 80, WORLD_CLOSED},  {0xc633644d, 1, WORLD_OPEN},
	{0xc0000201, 80, WORLD_SILENT},  {0x0a00014d, 22, WORLD_SILENT},
};

static const struct world_port truth_ports[] = {
	/* 33.3333333333333333% */
	{.port = 443, .open = 0, .closed = 995 * PERCENT / 10},
	{.port = 80, .open = UINT64_C(333333333333333333), .closed = 4 * PERCENT},
};

static const struct world_network truth_networks[] = {
	{.range = {0xc6336400, 0xc63364ff}, .open = WORLD_SHARE_ONE},
	{
		.range = {0x0a000000, 0x0a00ff09},
		.ports = truth_ports,
		.ports_count = 2,
		.open = PERCENT / 50,
		.closed = 3 * PERCENT,
		.unreachable = PERCENT / 2,
		.echo = 10 * PERCENT,
	},
	{.range = {0x0a000000, 0x0affffff}, .closed = 50 * PERCENT},
};

static const struct world_description truth_description = {
	.seed = 7,
	.networks = truth_networks,
	.networks_count = 3,
};

static void
test_truth_is_the_formula(void **state)
{
	struct world *w;
	uint64_t count[WORLD_STATES] = {0}, digest = 0;
	static const uint32_t echoing[] = {0x20, 0x22, 0x2b, 0x34, 0x36, 0x3b};
	unsigned int at = 0;

	(void)state;
	assert_int_equal(world_create(&truth_description, &w), 0);
	for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++)
		assert_int_equal(world_state(w, truths[i].address, truths[i].port),
				 truths[i].state);
	for (uint32_t a = 0x0a000000; a <= 0x0a01ffff; a++) {
		count[world_state(w, a, 80)]++;
		digest += world_digest_term(a, 80);
	}
	assert_int_equal(count[WORLD_OPEN], 21638);
	assert_int_equal(count[WORLD_CLOSED], 35110);
	assert_int_equal(count[WORLD_UNREACHABLE], 323);
	assert_int_equal(count[WORLD_SILENT], 74001);
	assert_true(digest == UINT64_C(0x9c4777a8336b8e7));
	assert_true(world_digest_term(0x0a000001, 443) == UINT64_C(0x2c82676d021f7c89));
	for (uint32_t a = 0; a < 0x40; a++) {
		bool listed = at < 6 && echoing[at] == a;

		assert_int_equal(world_echoes(w, 0x0a000000 + a), listed);
		at += listed;
	}
	world_free(w);
}

/* The inverse of hash_mix64(): a seed can so be made for any hash. */
static uint64_t
unshift(uint64_t z, unsigned int shift)
{
	uint64_t x = z;

	for (int i = 0; i < 64; i++)
		x = z ^ x >> shift;
	return x;
}

static uint64_t
inverse(uint64_t odd)
{
	uint64_t x = odd;

	for (int i = 0; i < 6; i++)
		x *= 2 - odd * x;
	return x;
}

static uint64_t
unmix64(uint64_t h)
{
	h = unshift(h, 31) * inverse(UINT64_C(0x94d049bb133111eb));
	h = unshift(h, 27) * inverse(UINT64_C(0xbf58476d1ce4e5b9));
	return unshift(h, 30) - UINT64_C(0x9e3779b97f4a7c15);
}

/* What a port is whose hash is exactly this. */
static enum world_state
state_at(uint64_t hash, uint64_t open, uint64_t closed, uint64_t unreachable)
{
	struct world_network n = {
		.range = {0, UINT32_MAX},
		.open = open,
		.closed = closed,
		.unreachable = unreachable,
	};
	uint64_t key = UINT64_C(0xc0000207) << 16 | 443;
	struct world_description d = {.networks = &n, .networks_count = 1};
	enum world_state state;
	struct world *w;

	d.seed = unmix64(hash) ^ key;
	assert_true(hash_mix64(d.seed ^ key) == hash);
	assert_int_equal(world_create(&d, &w), 0);
	state = world_state(w, 0xc0000207, 443);
	world_free(w);
	return state;
}

static void
test_bounds_are_exact(void **state)
{
	const uint64_t third = UINT64_C(333333333333333333); /* its bound: 0x5555555555555550 */
	const uint64_t half = WORLD_SHARE_ONE / 2, almost = WORLD_SHARE_ONE - 1;

	(void)state;
	assert_int_equal(state_at(UINT64_C(0x555555555555554f), third, 0, 0), WORLD_OPEN);
	assert_int_equal(state_at(UINT64_C(0x5555555555555550), third, 0, 0), WORLD_SILENT);
	assert_int_equal(state_at(UINT64_C(0x5555555555555550), third, third, 0), WORLD_CLOSED);
	assert_int_equal(state_at(UINT64_C(0x7fffffffffffffff), half, half, 0), WORLD_OPEN);
	assert_int_equal(state_at(UINT64_C(0x8000000000000000), half, half, 0), WORLD_CLOSED);
	assert_int_equal(state_at(UINT64_MAX, half, half, 0), WORLD_CLOSED);
	assert_int_equal(state_at(UINT64_MAX, WORLD_SHARE_ONE, 0, 0), WORLD_OPEN);
	assert_int_equal(state_at(UINT64_MAX, 0, 0, WORLD_SHARE_ONE), WORLD_UNREACHABLE);
	assert_int_equal(state_at(0, WORLD_SHARE_ONE, 0, 0), WORLD_OPEN);
	assert_int_equal(state_at(0, 0, 0, 0), WORLD_SILENT);
	/* A share of 10^-18 has the hashes 0 to 18; all but it ends at 2^64 - 18, exclusive. */
	assert_int_equal(state_at(18, 1, 0, 0), WORLD_OPEN);
	assert_int_equal(state_at(19, 1, 0, 0), WORLD_SILENT);
	assert_int_equal(state_at(UINT64_MAX - 18, almost, 0, 0), WORLD_OPEN);
	assert_int_equal(state_at(UINT64_MAX - 17, almost, 0, 0), WORLD_SILENT);
	assert_int_equal(state_at(UINT64_MAX, almost, 0, 0), WORLD_SILENT);
}

static unsigned int
first_that_contains(const struct world_network *networks, unsigned int count, uint32_t address)
{
	unsigned int i = 0;

	while (i < count && (address < networks[i].range.first || address > networks[i].range.last))
		i++;
	return i;
}

static void
test_first_network_rules(void **state)
{
	struct world_network networks[200] = {{.range = {0}}};
	uint64_t random = 1;

	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		unsigned int count = 1 + random32(&random) % 200;
		struct world_description d = {.networks = networks, .networks_count = count};
		struct world *w;

		for (unsigned int i = 0; i < count; i++) {
			/* Sizes from one address to a quarter of all, many of them side by side. */
			uint32_t size = random32(&random) >> (2 + random32(&random) % 30);
			uint32_t first = random32(&random) >> (random32(&random) % 24);

			networks[i].range.first = first;
			networks[i].range.last = first + size < first ? UINT32_MAX : first + size;
		}
		assert_int_equal(world_create(&d, &w), 0);
		for (unsigned int i = 0; i < 3 * count; i++) {
			const struct ipv4_range *r = &networks[i / 3].range;
			uint32_t middle = r->first + (r->last - r->first) / 2;
			uint32_t probes[] = {r->first - 1, r->first, middle,
					     r->last, r->last + 1, random32(&random)};

			for (unsigned int j = 0; j < 6; j++)
				assert_int_equal(world_network_of(w, probes[j]),
						 first_that_contains(networks, count, probes[j]));
		}
		world_free(w);
	}
}

static void
test_every_port_has_its_rule(void **state)
{
	static struct world_port ports[300];
	struct world_network n = {.range = {0, UINT32_MAX}, .ports = ports, .ports_count = 300};
	struct world_description d = {.networks = &n, .networks_count = 1};
	struct world *w;

	(void)state;
	/* Out of order; each open or closed for sure. */
	for (uint32_t i = 0; i < 300; i++) {
		ports[i].port = (uint16_t)(i * 7919);
		ports[i].open = i % 2 == 0 ? WORLD_SHARE_ONE : 0;
		ports[i].closed = i % 2 == 0 ? 0 : WORLD_SHARE_ONE;
	}
	assert_int_equal(world_create(&d, &w), 0);
	for (uint32_t port = 0; port <= UINT16_MAX; port++) {
		enum world_state expected = WORLD_SILENT;

		for (uint32_t i = 0; i < 300; i++) {
			if (ports[i].port == port)
				expected = i % 2 == 0 ? WORLD_OPEN : WORLD_CLOSED;
		}
		assert_int_equal(world_state(w, 0xc0000201, (uint16_t)port), expected);
	}
	world_free(w);
}

static void
test_bad_descriptions_are_refused(void **state)
{
	const struct world_port twice[] = {{.port = 80}, {.port = 443}, {.port = 80}};
	const struct world_port full[] = {{.port = 80, .open = WORLD_SHARE_ONE}};
	const struct world_network good = {.range = {0, UINT32_MAX}, .open = WORLD_SHARE_ONE};
	struct world_network bad[] = {
		good, good, good, good, good, good, good, good, good, good, good, good,
	};
	struct world_description d = {.networks_count = 1};
	struct world *w;

	(void)state;
	bad[0].range = (struct ipv4_range){2, 1};
	bad[1].closed = 1;
	bad[2].unreachable = 1;
	bad[3].open = UINT64_MAX;
	bad[4].echo = WORLD_SHARE_ONE + 1;
	bad[5].corrupt = WORLD_SHARE_ONE + 1;
	bad[6].latency_min_ns = 1;
	bad[7].latency_max_ns = WORLD_LATENCY_MAX_NS + 1;
	bad[8].synack_retries = WORLD_SYNACK_RETRIES_MAX + 1;
	bad[9].ports = twice;
	bad[9].ports_count = 3;
	bad[10].ports = full;
	bad[10].ports_count = 1;
	bad[10].open = 0;
	bad[10].unreachable = 1;
	bad[11].loss_back = UINT64_MAX;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		d.networks = &bad[i];
		assert_int_equal(world_create(&d, &w), -EINVAL);
		assert_null(w);
	}
	d.networks = &good;
	assert_int_equal(world_create(&d, &w), 0);
	world_free(w);
	d.forged_pps = WORLD_FORGED_RATE_MAX + 1;
	assert_int_equal(world_create(&d, &w), -EINVAL);
	d = (struct world_description){.networks_count = WORLD_NETWORKS_MAX + 1};
	assert_int_equal(world_create(&d, &w), -EINVAL);
	/* No network at all: silence. */
	d.networks_count = 0;
	assert_int_equal(world_create(&d, &w), 0);
	assert_int_equal(world_state(w, 0x01020304, 80), WORLD_SILENT);
	assert_false(world_echoes(w, 0x01020304));
	world_free(w);
}

static void
test_network_names(void **state)
{
	static const struct {
		struct ipv4_range range;
		const char *name;
	} names[] = {
		{{0, UINT32_MAX}, "0.0.0.0/0"},
		{{0xc6336400, 0xc63364ff}, "198.51.100.0/24"},
		{{0xffffffff, 0xffffffff}, "255.255.255.255/32"},
		{{0xc6336401, 0xc6336402}, "198.51.100.1-198.51.100.2"},
		{{0xc6336400, 0xc6336402}, "198.51.100.0-198.51.100.2"},
	};
	char name[WORLD_NETWORK_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct world_network n = {.range = names[i].range};

		assert_int_equal(world_network_name(&n, name), strlen(names[i].name));
		assert_string_equal(name, names[i].name);
	}
}

/* ---- Intake ------------------------------------------------------------------------------ */

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

static uint64_t
heard(const struct world_intake *in, unsigned int tallies)
{
	const struct world_counters *c = &in->counters;
	uint64_t sum = c->answers + c->echo + c->arp + c->dns + c->other + c->malformed + c->bad_checksum;

	for (unsigned int i = 0; i < tallies; i++)
		sum += world_tally_syn(&in->tallies[i]);
	return sum;
}

static void
test_syns_are_tallied(void **state)
{
	uint64_t expected[4][WORLD_STATES] = {{0}}, digests[4] = {0};
	struct world_reaction reactions[64];
	struct world_frame frames[64];
	static uint8_t buffers[64][2048];
	struct worlds_rig rig;

	(void)state;
	assert_int_equal(worlds_open(&rig, &truth_description, 16), 0);
	for (uint32_t round = 0; round < 200; round++) {
		unsigned int reacting = 0, count;

		for (uint32_t i = 0; i < 64; i++) {
			/* In each of the networks, and in none. */
			static const uint32_t bases[] = {0xc6336400, 0x0a000000, 0x0a010000,
							 0xc0000000};
			uint32_t dst = bases[i % 4] + (round * 64 + i) % 256;
			uint16_t port = (uint16_t)(round % 3 == 0 ? 80 : 440 + round);
			unsigned int network = world_network_of(rig.world, dst);
			enum world_state s = world_state(rig.world, dst, port);

			expected[network][s]++;
			digests[network] += world_digest_term(dst, port);
			reacting += s != WORLD_SILENT;
			frames[i].data = buffers[i];
			frames[i].len = (uint32_t)worlds_syn(dst, port, buffers[i]);
		}
		count = world_intake_burst(rig.intake, frames, 64, reactions);
		assert_int_equal(count, reacting);
		for (unsigned int i = 0; i < count; i++) {
			assert_int_equal(reactions[i].kind, WORLD_REACT_SYN);
			assert_int_not_equal(reactions[i].state, WORLD_SILENT);
		}
	}
	for (unsigned int n = 0; n < 4; n++) {
		const struct world_tally *t = &rig.intake->tallies[n];

		assert_true(world_tally_syn(t) > 0);
		assert_memory_equal(t->syn, expected[n], sizeof(expected[n]));
		assert_true(t->syn_digest == digests[n]);
	}
	assert_int_equal(rig.intake->counters.frames, 200 * 64);
	assert_int_equal(heard(rig.intake, 4), 200 * 64);
	worlds_close(&rig);
}

static void
test_sums_are_of_all_fields(void **state)
{
	struct world_counters sum = {0}, term;
	struct world_tally tally = {{1, 2, 3, 4}, UINT64_MAX, 5};
	uint64_t values[WORLD_COUNTERS];

	(void)state;
	for (size_t i = 0; i < WORLD_COUNTERS; i++)
		values[i] = i + 1;
	memcpy(&term, values, sizeof(term));
	world_counters_add(&sum, &term);
	world_counters_add(&sum, &term);
	memcpy(values, &sum, sizeof(values));
	for (size_t i = 0; i < WORLD_COUNTERS; i++)
		assert_int_equal(values[i], 2 * (i + 1));
	world_tally_add(&tally, &(struct world_tally){{10, 20, 30, 40}, 3, 6});
	assert_int_equal(world_tally_syn(&tally), 110);
	assert_int_equal(tally.syn[WORLD_SILENT], 44);
	assert_true(tally.syn_digest == 2);
	assert_int_equal(tally.dns, 11);
	assert_string_equal(world_counter_names[0], "frames");
	assert_string_equal(world_counter_names[WORLD_COUNTERS - 1], "events_refused");
}

static void
test_frames_are_of_one_kind(void **state)
{
	static const struct {
		uint8_t flags;
		size_t counter;
	} segments[] = {
		{TCP_ACK, offsetof(struct world_counters, answers)},
		{TCP_RST, offsetof(struct world_counters, answers)},
		{TCP_RST | TCP_ACK, offsetof(struct world_counters, answers)},
		{TCP_FIN | TCP_ACK, offsetof(struct world_counters, answers)},
		{TCP_SYN | TCP_ACK, offsetof(struct world_counters, other)},
		{TCP_SYN | TCP_RST, offsetof(struct world_counters, other)},
		{TCP_SYN | TCP_FIN, offsetof(struct world_counters, other)},
		{TCP_FIN, offsetof(struct world_counters, other)},
		{0, offsetof(struct world_counters, other)},
	};
	struct worlds_segment s = {.dst = 0x01020304, .src_port = 40000, .dst_port = 80};
	struct world_counters expected = {0};
	struct worlds_rig rig;
	uint8_t frame[2048];
	size_t len;

	(void)state;
	assert_int_equal(worlds_open(&rig, &quarters_description, 16), 0);
	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		s.flags = segments[i].flags;
		len = worlds_segment(&s, frame);
		worlds_send(&rig, frame, len);
		*(uint64_t *)((char *)&expected + segments[i].counter) += 1;
		expected.frames++;
		assert_memory_equal(&rig.intake->counters, &expected, sizeof(expected));
	}
	/* ECN's bits do not make a SYN something else (RFC 3168). */
	s.flags = TCP_SYN | 0xc0;
	len = worlds_segment(&s, frame);
	worlds_send(&rig, frame, len);
	assert_int_equal(world_tally_syn(&rig.intake->tallies[0]), 1);
	/* Each checksum that is wrong by a bit: of IPv4, of TCP, of ICMP. */
	expected = rig.intake->counters;
	frame[14 + 8] ^= 1;
	worlds_send(&rig, frame, len);
	frame[14 + 8] ^= 1;
	frame[14 + 20 + 4] ^= 1;
	worlds_send(&rig, frame, len);
	len = worlds_echo(0x01020304, 8, frame);
	frame[len - 1] ^= 1;
	worlds_send(&rig, frame, len);
	expected.frames += 3;
	expected.bad_checksum += 3;
	assert_memory_equal(&rig.intake->counters, &expected, sizeof(expected));
	/* A fragment, a packet of a protocol that nobody speaks, an ARP reply, an IPv6 frame. */
	s.flags = TCP_SYN;
	len = worlds_segment(&s, frame);
	frame[14 + 6] = 0x20;
	wire_ipv4_checksum_set((struct wire_ipv4 *)(frame + 14), 20);
	worlds_send(&rig, frame, len);
	len = worlds_segment(&s, frame);
	frame[14 + 9] = 47;
	wire_ipv4_checksum_set((struct wire_ipv4 *)(frame + 14), 20);
	worlds_send(&rig, frame, len);
	len = worlds_arp(ARP_REPLY, WORLDS_SCANNER, 0x01020304, frame);
	worlds_send(&rig, frame, len);
	store_be16(frame + 12, 0x86dd);
	worlds_send(&rig, frame, len);
	expected.frames += 4;
	expected.other += 4;
	assert_memory_equal(&rig.intake->counters, &expected, sizeof(expected));
	assert_int_equal(world_tally_syn(&rig.intake->tallies[0]), 1);
	worlds_close(&rig);
}

/* Copies of exactly the length, so that a sanitizer sees a byte read too many. */
static unsigned int
send_exactly(struct worlds_rig *rig, const uint8_t *frame, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	unsigned int reacted;

	assert_non_null(copy);
	memcpy(copy, frame, len);
	reacted = worlds_send(rig, copy, len);
	free(copy);
	return reacted;
}

static void
test_short_frames_are_malformed(void **state)
{
	static const uint8_t options[] = {2, 4, 5, 0xb4, 1, 3, 3, 8, 4, 2, 1, 1};
	struct worlds_segment s = {
		.dst = 0xc6336401, .dst_port = 80, .flags = TCP_SYN, .options = options,
		.options_len = sizeof(options),
	};
	uint8_t frames[4][2048];
	size_t lens[4];
	struct worlds_rig rig;
	uint64_t malformed = 0;

	(void)state;
	assert_int_equal(worlds_open(&rig, &truth_description, 1024), 0);
	lens[0] = worlds_segment(&s, frames[0]);
	s.tagged = true;
	lens[1] = worlds_segment(&s, frames[1]);
	lens[2] = worlds_arp(ARP_REQUEST, WORLDS_SCANNER, 0xc6336401, frames[2]);
	lens[3] = worlds_echo(0x0a000020, 56, frames[3]);
	for (unsigned int kind = 0; kind < 4; kind++) {
		for (size_t len = 0; len < lens[kind]; len++) {
			assert_int_equal(send_exactly(&rig, frames[kind], len), 0);
			assert_int_equal(rig.intake->counters.malformed, ++malformed);
		}
		assert_int_equal(send_exactly(&rig, frames[kind], lens[kind]), 1);
	}
	worlds_close(&rig);
}

/* Whatever lengths say inside a frame, with its IPv4 checksum made good. */
static void
test_lying_lengths_are_malformed(void **state)
{
	struct worlds_segment s = {.dst = 0xc6336401, .dst_port = 80, .flags = TCP_SYN};
	struct worlds_rig rig;
	uint8_t frame[2048];
	size_t len;

	(void)state;
	assert_int_equal(worlds_open(&rig, &truth_description, 65536), 0);
	len = worlds_segment(&s, frame);
	for (unsigned int ihl = 0; ihl < 16; ihl++) {
		for (unsigned int total = 0; total < 80; total++) {
			struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + 14);
			struct world_counters before = rig.intake->counters;

			bool fits = ihl >= 5 && total >= ihl * 4 && total <= 40;

			ip->version_ihl = (uint8_t)(0x40 | ihl);
			store_be16(ip->total_length, (uint16_t)total);
			wire_ipv4_checksum_set(ip, fits ? ihl * 4 : 20);
			assert_int_equal(send_exactly(&rig, frame, len), ihl == 5 && total == 40);
			if (!fits || total - ihl * 4 < 20)
				before.malformed++;
			assert_int_equal(rig.intake->counters.malformed, before.malformed);
		}
	}
	/* An ICMP message short of its header. */
	for (uint16_t data = 0; data < 16; data++) {
		struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + 14);

		worlds_echo(0x0a000020, 8, frame);
		store_be16(ip->total_length, 20 + data);
		wire_ipv4_checksum_set(ip, 20);
		store_be16(frame + 14 + 20 + 2, 0);
		store_be16(frame + 14 + 20 + 2, wire_checksum_fold(wire_sum(ip + 1, data, 0)));
		assert_int_equal(send_exactly(&rig, frame, 34u + data), data >= 8);
	}
	/* A data offset short of the header, or past the segment's end. */
	for (unsigned int offset = 0; offset < 16; offset++) {
		len = worlds_segment(&s, frame);
		frame[14 + 20 + 12] = (uint8_t)(offset << 4);
		wire_tcp_checksum_set((struct wire_ipv4 *)(frame + 14), frame + 34, 20);
		assert_int_equal(send_exactly(&rig, frame, len), offset == 5);
	}
	worlds_close(&rig);
}

static void
test_any_bytes_are_counted_once(void **state)
{
	struct worlds_rig rig;
	uint64_t random = 1, sent = 0;
	uint8_t frame[2048];

	(void)state;
	assert_int_equal(worlds_open(&rig, &quarters_description, 65536), 0);
	for (unsigned int i = 0; i < 20000; i++) {
		size_t len;

		if (i % 4 == 0)
			len = worlds_echo(random32(&random), (uint16_t)(i % 100), frame);
		else if (i % 4 == 1)
			len = worlds_arp(ARP_REQUEST, WORLDS_SCANNER, random32(&random), frame);
		else
			len = worlds_syn(random32(&random), 80, frame);
		for (unsigned int flips = random32(&random) % 4; flips > 0; flips--)
			frame[random32(&random) % len] ^= (uint8_t)(1 << random32(&random) % 8);
		send_exactly(&rig, frame, len);
		assert_int_equal(rig.intake->counters.frames, ++sent);
		assert_int_equal(heard(rig.intake, 2), sent);
	}
	worlds_close(&rig);
}

/* The frame of a burst with a VLAN tag, which keeps it out of the lanes that plain SYNs go through. */
static size_t
tag(const uint8_t *frame, size_t len, uint8_t *out)
{
	if (len < 14) {
		memcpy(out, frame, len);
		return len;
	}
	memcpy(out, frame, 12);
	store_be16(out + 12, ETHER_TYPE_VLAN);
	store_be16(out + 14, WORLDS_TCI);
	memcpy(out + 16, frame + 12, len - 12);
	return len + 4;
}

/* SYNs of every length, some harmed in a bit or two with or without their checksums set again. */
static size_t
make_hostile_syn(uint64_t *random, uint8_t *frame)
{
	static const uint8_t options[40] = {2, 4, 5, 0xb4, 1, 3, 3, 8, 4, 2, 1, 1, 8, 10};
	struct worlds_segment s = {
		.dst = random32(random), .src_port = (uint16_t)random32(random), .dst_port = 80,
		.seq = random32(random), .flags = TCP_SYN, .options = options,
		.options_len = (uint8_t)(random32(random) % 11 * 4),
		.data_len = random32(random) % 4 == 0 ? (uint16_t)(random32(random) % 9) : 0,
	};
	size_t len = worlds_segment(&s, frame);
	struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + 14);

	for (unsigned int flips = random32(random) % 3; flips > 0; flips--)
		frame[14 + random32(random) % (len - 14)] ^= (uint8_t)(1 << random32(random) % 8);
	if (random32(random) % 2 == 0) {
		wire_ipv4_checksum_set(ip, 20);
		wire_tcp_checksum_set(ip, ip + 1, (uint16_t)(len - 34));
	}
	return random32(random) % 8 == 0 ? random32(random) % len : len;
}

/* Whatever is in a burst, it is heard as if every frame had come alone, and by the general way. */
static void
test_bursts_are_heard_as_frames_alone(void **state)
{
	static uint8_t buffers[2][100][2048];
	struct world_frame frames[2][100];
	struct world_reaction reactions[2][100];
	struct worlds_rig rigs[2];
	uint64_t random = 9;

	(void)state;
	for (unsigned int k = 0; k < 2; k++)
		assert_int_equal(worlds_open(&rigs[k], &truth_description, 16), 0);
	for (unsigned int round = 0; round < 2000; round++) {
		unsigned int n = round % 101, counts[2] = {0};

		for (unsigned int i = 0; i < n; i++) {
			size_t len = make_hostile_syn(&random, buffers[0][i]);

			frames[0][i] = (struct world_frame){buffers[0][i], (uint32_t)len};
			len = tag(buffers[0][i], len, buffers[1][i]);
			frames[1][i] = (struct world_frame){buffers[1][i], (uint32_t)len};
			counts[1] += world_intake_burst(rigs[1].intake, &frames[1][i], 1,
							&reactions[1][counts[1]]);
		}
		counts[0] = world_intake_burst(rigs[0].intake, frames[0], n, reactions[0]);
		assert_int_equal(counts[0], counts[1]);
		for (unsigned int i = 0; i < counts[0]; i++) {
			struct world_reaction *a = &reactions[0][i], *b = &reactions[1][i];

			assert_int_equal(a->kind, b->kind);
			assert_int_equal(a->len, b->len);
			assert_memory_equal(a->packet, b->packet, a->len);
			assert_memory_equal(a->mac, b->mac, sizeof(a->mac));
			assert_int_equal(a->network, b->network);
			if (a->kind == WORLD_REACT_SYN)
				assert_int_equal(a->state, b->state);
			assert_true(a->flow == b->flow);
			assert_false(a->tagged);
			assert_int_equal(a->tci, 0);
		}
	}
	assert_memory_equal(&rigs[0].intake->counters, &rigs[1].intake->counters,
			    sizeof(rigs[0].intake->counters));
	for (unsigned int network = 0; network < 4; network++)
		assert_memory_equal(&rigs[0].intake->tallies[network],
				    &rigs[1].intake->tallies[network],
				    sizeof(rigs[0].intake->tallies[0]));
	assert_true(world_tally_syn(&rigs[0].intake->tallies[3]) > 1000);
	assert_true(rigs[0].intake->counters.bad_checksum > 1000);
	assert_true(rigs[0].intake->counters.malformed > 1000);
	for (unsigned int k = 0; k < 2; k++)
		worlds_close(&rigs[k]);
}

/* The lanes of a burst are the same from every instruction set. */
static void
test_lanes_are_the_same_everywhere(void **state)
{
	static uint8_t buffers[SYNS_MAX][2048];
	struct world_frame frames[SYNS_MAX];
	struct syns here, portable;
	struct worlds_rig rig;
	uint64_t random = 10;

	(void)state;
	assert_int_equal(worlds_open(&rig, &truth_description, 16), 0);
	for (unsigned int round = 0; round < 1000; round++) {
		unsigned int n = 1 + round % SYNS_MAX;

		for (unsigned int i = 0; i < n; i++) {
			frames[i].data = buffers[i];
			frames[i].len = (uint32_t)make_hostile_syn(&random, buffers[i]);
		}
		syns_read(rig.world, frames, n, &here);
		portable_syns_read(rig.world, frames, n, &portable);
		assert_true(here.plain == portable.plain);
		assert_memory_equal(here.hash, portable.hash, n * sizeof(here.hash[0]));
		assert_memory_equal(here.digest, portable.digest, n * sizeof(here.digest[0]));
	}
	worlds_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest truth[] = {
		cmocka_unit_test(test_truth_is_the_formula),
		cmocka_unit_test(test_bounds_are_exact),
		cmocka_unit_test(test_first_network_rules),
		cmocka_unit_test(test_every_port_has_its_rule),
		cmocka_unit_test(test_bad_descriptions_are_refused),
		cmocka_unit_test(test_network_names),
	};
	const struct CMUnitTest intake[] = {
		cmocka_unit_test(test_syns_are_tallied),
		cmocka_unit_test(test_sums_are_of_all_fields),
		cmocka_unit_test(test_frames_are_of_one_kind),
		cmocka_unit_test(test_short_frames_are_malformed),
		cmocka_unit_test(test_lying_lengths_are_malformed),
		cmocka_unit_test(test_any_bytes_are_counted_once),
		cmocka_unit_test(test_bursts_are_heard_as_frames_alone),
		cmocka_unit_test(test_lanes_are_the_same_everywhere),
	};

	return cmocka_run_group_tests_name("truth", truth, NULL, NULL) +
	       cmocka_run_group_tests_name("intake", intake, NULL, NULL);
}
