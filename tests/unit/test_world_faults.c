/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "worlds.h"

#define PERCENT WORLDS_PERCENT
#define FIRST 0x08000000 /* targets count up from here */

/* Everything open; the fault to try is put in. */
static const struct world_network calm = {
	.range = {0, UINT32_MAX},
	.open = WORLD_SHARE_ONE,
	.latency_min_ns = 100 * NS_PER_MS,
	.latency_max_ns = 100 * NS_PER_MS,
};

/* Whether a count is within five standard deviations of a binomial's mean. */
static bool
likely(uint64_t count, uint64_t trials, double p)
{
	double mean = (double)trials * p, off = (double)count - mean;

	return off * off <= 25 * mean * (1 - p);
}

/* What came of one SYN to a target. */
struct outcome {
	unsigned int frames;  /* of valid checksums */
	unsigned int invalid;
	uint64_t first_ns;
};

static struct world_counters
scan(const struct world_network *n, uint64_t seed, uint32_t targets, struct outcome *outcomes)
{
	struct world_description d = {.seed = seed, .networks = n, .networks_count = 1};
	struct world_counters counters;
	struct worlds_rig rig;
	uint8_t frame[2048];

	assert_int_equal(worlds_open(&rig, &d, 2 * targets), 0);
	for (uint32_t i = 0; i < targets; i++) {
		outcomes[i] = (struct outcome){0};
		worlds_send(&rig, frame, worlds_syn(FIRST + i, 80, frame));
	}
	while (worlds_next(&rig, 1000 * NS_PER_SEC) > 0) {
		uint32_t i = load_be32(worlds_ip(rig.frame)->src) - FIRST;

		/* A corrupted address may be any. */
		if (worlds_tcp(rig.frame, rig.len) == NULL) {
			outcomes[i < targets ? i : 0].invalid++;
			continue;
		}
		assert_true(i < targets);
		if (outcomes[i].frames++ == 0)
			outcomes[i].first_ns = rig.now_ns;
	}
	counters = rig.intake->counters;
	world_counters_add(&counters, world_stage_counters(rig.stage));
	worlds_close(&rig);
	assert_int_equal(counters.events_refused, 0);
	return counters;
}

enum { TARGETS = 20000 };
static struct outcome outcomes[TARGETS], others[TARGETS];

static unsigned int
answered(const struct outcome *o)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < TARGETS; i++)
		n += o[i].frames > 0;
	return n;
}

static void
test_no_faults_are_none(void **state)
{
	struct world_counters c = scan(&calm, 1, TARGETS, outcomes);

	(void)state;
	assert_int_equal(c.frames_out, TARGETS);
	assert_int_equal(answered(outcomes), TARGETS);
	assert_int_equal(c.lost_out + c.lost_back + c.duplicated + c.reordered + c.corrupted, 0);
	assert_int_equal(c.forged, 0);
	for (unsigned int i = 0; i < TARGETS; i++)
		assert_int_equal(outcomes[i].first_ns, 100 * NS_PER_MS);
}

static void
test_all_faults_are_all(void **state)
{
	struct world_network n = calm;
	struct world_counters c;

	(void)state;
	n.loss_out = WORLD_SHARE_ONE;
	c = scan(&n, 1, TARGETS, outcomes);
	assert_int_equal(c.lost_out, TARGETS);
	assert_int_equal(c.frames_out, 0);
	n = calm;
	n.loss_back = WORLD_SHARE_ONE;
	n.synack_retries = 2;
	c = scan(&n, 1, TARGETS, outcomes);
	assert_int_equal(c.lost_back, 3 * TARGETS);
	assert_int_equal(c.repeats, 2 * TARGETS);
	assert_int_equal(c.frames_out, 0);
	n = calm;
	n.duplicate = n.reorder = n.corrupt = WORLD_SHARE_ONE;
	c = scan(&n, 1, TARGETS, outcomes);
	assert_int_equal(c.frames_out, 2 * TARGETS);
	assert_int_equal(c.duplicated, TARGETS);
	assert_int_equal(c.reordered, 2 * TARGETS);
	assert_int_equal(c.corrupted, 2 * TARGETS);
	assert_int_equal(answered(outcomes), 0);
	/* Each repeat is doubled too; copies are not repeats. */
	n = calm;
	n.duplicate = WORLD_SHARE_ONE;
	n.synack_retries = 2;
	c = scan(&n, 1, TARGETS, outcomes);
	assert_int_equal(c.frames_out, 6 * TARGETS);
	assert_int_equal(c.repeats, 2 * TARGETS);
}

static void
test_losses_are_as_likely_as_said(void **state)
{
	struct world_network n = calm;
	struct world_counters c;
	unsigned int both = 0;

	(void)state;
	n.loss_out = 3 * PERCENT;
	n.loss_back = 7 * PERCENT;
	c = scan(&n, 1, TARGETS, outcomes);
	assert_true(likely(c.lost_out, TARGETS, 0.03));
	/* Independent of the way out: of those that got there. */
	assert_true(likely(c.lost_back, TARGETS - c.lost_out, 0.07));
	assert_int_equal(c.frames_out, TARGETS - c.lost_out - c.lost_back);
	assert_int_equal(answered(outcomes), c.frames_out);
	/* Another seed loses others. */
	scan(&n, 2, TARGETS, others);
	for (unsigned int i = 0; i < TARGETS; i++)
		both += outcomes[i].frames == 0 && others[i].frames == 0;
	assert_true(likely(both, TARGETS, 0.0979 * 0.0979));
}

/* What a scan of one probe finds: the SYN arrives, and the SYN-ACK or any of its repeats does. */
static void
test_recall_with_repeats(void **state)
{
	struct world_network n = calm;
	double p = 0.2;

	(void)state;
	n.loss_out = 20 * PERCENT;
	n.loss_back = 20 * PERCENT;
	n.synack_retries = 3;
	scan(&n, 3, TARGETS, outcomes);
	assert_true(likely(answered(outcomes), TARGETS, (1 - p) * (1 - p * p * p * p)));
	n.synack_retries = 0;
	scan(&n, 3, TARGETS, outcomes);
	assert_true(likely(answered(outcomes), TARGETS, (1 - p) * (1 - p)));
}

/* The second attempt is the same SYN but for its IP ID, and has luck of its own. */
static void
test_attempts_are_lost_apart(void **state)
{
	struct world_network n = calm;
	struct world_description d = {.seed = 4, .networks = &n, .networks_count = 1};
	struct worlds_rig rig;
	unsigned int reached[2] = {0}, both = 0;
	uint8_t frame[2048];

	(void)state;
	n.loss_out = 30 * PERCENT;
	assert_int_equal(worlds_open(&rig, &d, 2 * TARGETS), 0);
	for (uint32_t i = 0; i < TARGETS; i++) {
		struct worlds_segment s = {
			.dst = FIRST + i,
			.src_port = 40000,
			.dst_port = 80,
			.seq = i,
			.flags = TCP_SYN,
		};
		unsigned int got[2];

		for (uint16_t attempt = 0; attempt < 2; attempt++) {
			s.ip_id = attempt;
			got[attempt] = worlds_send(&rig, frame, worlds_segment(&s, frame));
			reached[attempt] += got[attempt];
		}
		both += got[0] & got[1];
	}
	assert_true(likely(reached[0], TARGETS, 0.7));
	assert_true(likely(reached[1], TARGETS, 0.7));
	assert_true(likely(both, TARGETS, 0.49));
	worlds_close(&rig);
}

static void
test_duplicates_are_copies(void **state)
{
	struct world_network n = calm;
	struct world_counters c;
	unsigned int twice = 0;

	(void)state;
	n.duplicate = 5 * PERCENT;
	c = scan(&n, 1, TARGETS, outcomes);
	assert_true(likely(c.duplicated, TARGETS, 0.05));
	assert_int_equal(c.frames_out, TARGETS + c.duplicated);
	for (unsigned int i = 0; i < TARGETS; i++) {
		assert_in_range(outcomes[i].frames, 1, 2);
		twice += outcomes[i].frames == 2;
	}
	assert_int_equal(twice, c.duplicated);
	/* The same bytes, within two milliseconds. */
	n.duplicate = WORLD_SHARE_ONE;
	for (uint32_t i = 0; i < 100; i++) {
		struct world_description d = {.seed = i, .networks = &n, .networks_count = 1};
		struct worlds_rig rig;
		uint8_t frame[2048], first[WORLD_FRAME_MAX];

		assert_int_equal(worlds_open(&rig, &d, 4), 0);
		worlds_send(&rig, frame, worlds_syn(FIRST + i, 80, frame));
		assert_true(worlds_next(&rig, NS_PER_SEC) > 0);
		memcpy(first, rig.frame, rig.len);
		assert_true(worlds_next(&rig, NS_PER_SEC) > 0);
		assert_memory_equal(first, rig.frame, rig.len);
		assert_in_range(rig.now_ns, 100 * NS_PER_MS, 102 * NS_PER_MS);
		assert_int_equal(worlds_next(&rig, 100 * NS_PER_SEC), 0);
		worlds_close(&rig);
	}
}

/* What is lost is lost whole; what is doubled is harmed, or not, each for itself. */
static void
test_copies_have_their_own_luck(void **state)
{
	struct world_network n = calm;
	struct world_counters c;
	unsigned int harmed[3] = {0};

	(void)state;
	n.duplicate = WORLD_SHARE_ONE;
	n.loss_back = 30 * PERCENT;
	c = scan(&n, 5, TARGETS, outcomes);
	assert_true(likely(c.lost_back, TARGETS, 0.3));
	assert_int_equal(c.frames_out, 2 * (TARGETS - c.lost_back));
	n.loss_back = 0;
	n.corrupt = 40 * PERCENT;
	scan(&n, 5, TARGETS, outcomes);
	for (unsigned int i = 0; i < TARGETS; i++)
		harmed[2 - outcomes[i].frames]++;
	assert_true(likely(harmed[0], TARGETS, 0.36));
	assert_true(likely(harmed[1], TARGETS, 0.48));
	assert_true(likely(harmed[2], TARGETS, 0.16));
}

static void
test_reordered_come_later(void **state)
{
	struct world_network n = calm;
	struct world_counters c;
	unsigned int late = 0;

	(void)state;
	n.reorder = 5 * PERCENT;
	c = scan(&n, 1, TARGETS, outcomes);
	assert_true(likely(c.reordered, TARGETS, 0.05));
	assert_int_equal(answered(outcomes), TARGETS);
	for (unsigned int i = 0; i < TARGETS; i++) {
		if (outcomes[i].first_ns == 100 * NS_PER_MS)
			continue;
		late++;
		assert_in_range(outcomes[i].first_ns, 101 * NS_PER_MS, 150 * NS_PER_MS);
	}
	assert_int_equal(late, c.reordered);
}

/* A repeat counts its gap from the first's own time, however late a reordered one came. */
static void
test_reordered_repeats_keep_their_gaps(void **state)
{
	struct world_network n = calm;
	struct world_description d = {.networks = &n, .networks_count = 1};
	static const uint64_t seconds[] = {0, 1, 3, 7};

	(void)state;
	n.reorder = WORLD_SHARE_ONE;
	n.synack_retries = 3;
	for (d.seed = 0; d.seed < 50; d.seed++) {
		struct worlds_rig rig;
		uint8_t frame[2048];

		assert_int_equal(worlds_open(&rig, &d, 4), 0);
		worlds_send(&rig, frame, worlds_syn(FIRST, 80, frame));
		for (unsigned int i = 0; i < 4; i++) {
			assert_true(worlds_next(&rig, 10 * NS_PER_SEC) > 0);
			assert_in_range(rig.now_ns, seconds[i] * NS_PER_SEC + 101 * NS_PER_MS,
					seconds[i] * NS_PER_SEC + 150 * NS_PER_MS);
		}
		assert_int_equal(worlds_next(&rig, 100 * NS_PER_SEC), 0);
		worlds_close(&rig);
	}
}

static void
test_corruption_shows(void **state)
{
	struct world_network n = calm;
	struct world_counters c;
	unsigned int invalid = 0;

	(void)state;
	n.corrupt = 5 * PERCENT;
	c = scan(&n, 1, TARGETS, outcomes);
	assert_true(likely(c.corrupted, TARGETS, 0.05));
	for (unsigned int i = 0; i < TARGETS; i++)
		invalid += outcomes[i].invalid;
	assert_int_equal(invalid, c.corrupted);
	assert_int_equal(answered(outcomes), TARGETS - c.corrupted);
}

/* Exactly one byte of the packet is another, and every byte has its turn. */
static void
test_corruption_is_of_one_byte(void **state)
{
	struct world_network clean = calm, harmed = calm;
	struct world_description d[2] = {{.networks = &clean, .networks_count = 1},
					 {.networks = &harmed, .networks_count = 1}};
	unsigned int harms[WIRE_FRAME_MIN] = {0};

	(void)state;
	harmed.corrupt = WORLD_SHARE_ONE;
	for (uint32_t i = 0; i < 2000; i++) {
		struct worlds_rig rigs[2];
		uint8_t frame[2048];
		unsigned int differing = 0;

		for (unsigned int j = 0; j < 2; j++) {
			assert_int_equal(worlds_open(&rigs[j], &d[j], 2), 0);
			worlds_send(&rigs[j], frame, worlds_syn(FIRST + i, 80, frame));
			assert_int_equal(worlds_next(&rigs[j], NS_PER_SEC), WIRE_FRAME_MIN);
		}
		for (unsigned int at = 0; at < WIRE_FRAME_MIN; at++) {
			if (rigs[0].frame[at] == rigs[1].frame[at])
				continue;
			differing++;
			harms[at]++;
		}
		assert_int_equal(differing, 1);
		worlds_close(&rigs[0]);
		worlds_close(&rigs[1]);
	}
	/* A SYN-ACK of 44 bytes of packet. */
	for (unsigned int at = 0; at < WIRE_FRAME_MIN; at++)
		assert_int_equal(harms[at] > 0, at >= 14 && at < 14 + 44);
}

/* ---- Replay ------------------------------------------------------------------------------ */

static const struct world_network rough = {
	.range = {0, UINT32_MAX},
	.open = 40 * PERCENT,
	.closed = 30 * PERCENT,
	.unreachable = 20 * PERCENT,
	.latency_min_ns = NS_PER_MS,
	.latency_max_ns = 80 * NS_PER_MS,
	.loss_out = 5 * PERCENT,
	.loss_back = 5 * PERCENT,
	.duplicate = 5 * PERCENT,
	.reorder = 5 * PERCENT,
	.corrupt = 5 * PERCENT,
	.synack_retries = 3,
};

/* A digest of frames and their times: of their order too, or of the set they are. */
struct digests {
	uint64_t sequence;
	uint64_t set;
	uint64_t frames;
};

static void
digest_bytes(struct digests *digests, const struct worlds_rig *rig, uint64_t time_ns)
{
	uint64_t h = hash_mix64(time_ns);

	for (unsigned int i = 0; i < rig->len; i++)
		h = hash_mix64(h ^ rig->frame[i]);
	digests->sequence = hash_mix64(digests->sequence ^ h);
	digests->set += h;
	digests->frames++;
}

/* A scan through `count` stages, as a port with so many queues has them; each tenth SYN-ACK is
 * answered by a RST. Sends go backwards if asked to: order must not matter to what happens. */
static struct digests
replay(uint64_t seed, uint64_t forged_pps, unsigned int count, bool backwards)
{
	struct world_description d = {
		.seed = seed, .networks = &rough, .networks_count = 1, .forged_pps = forged_pps,
	};
	struct world_stage *stages[4];
	struct digests digests = {0};
	struct worlds_rig rig;
	uint8_t frame[2048];

	assert_int_equal(worlds_open(&rig, &d, 1), 0);
	for (unsigned int i = 0; i < count; i++) {
		struct world_stage_config config = {.events = 8192, .index = i, .count = count};

		stages[i] = world_stage_create(rig.world, &config);
		assert_non_null(stages[i]);
	}
	world_stage_free(rig.stage);
	for (uint32_t i = 0; i < 3000; i++) {
		struct world_frame f = {.data = frame};
		struct world_reaction r;

		f.len = (uint32_t)worlds_syn(FIRST + (backwards ? 2999 - i : i), 80, frame);
		if (world_intake_burst(rig.intake, &f, 1, &r) == 1)
			world_stage_react(stages[world_stage_of(&r, count)], 0, &r);
	}
	for (unsigned int i = 0; i < count; i++) {
		rig.stage = stages[i];
		rig.now_ns = 0;
		while (worlds_next(&rig, 8 * NS_PER_SEC) > 0)
			digest_bytes(&digests, &rig, rig.now_ns);
		assert_int_equal(world_stage_counters(stages[i])->events_refused, 0);
		world_stage_free(stages[i]);
	}
	rig.stage = NULL;
	worlds_close(&rig);
	return digests;
}

static void
test_a_seed_replays(void **state)
{
	struct digests first = replay(1, 0, 1, false), again = replay(1, 0, 1, false);
	struct digests other = replay(2, 0, 1, false);

	(void)state;
	assert_true(first.frames > 3000);
	assert_true(first.sequence == again.sequence);
	assert_true(first.sequence != other.sequence);
	assert_true(first.set != other.set);
}

static void
test_faults_depend_on_no_order(void **state)
{
	struct digests first = replay(1, 0, 1, false), backwards = replay(1, 0, 1, true);

	(void)state;
	assert_int_equal(first.frames, backwards.frames);
	assert_true(first.set == backwards.set);
	for (unsigned int count = 2; count <= 4; count++) {
		struct digests shared = replay(1, 0, count, false);

		assert_int_equal(first.frames, shared.frames);
		assert_true(first.set == shared.set);
	}
}

/* ---- Forgeries --------------------------------------------------------------------------- */

static void
test_forgeries_come_at_their_rate(void **state)
{
	struct world_network n = calm;
	struct world_description d = {
		.networks = &n, .networks_count = 1, .forged_pps = 1000,
	};
	unsigned int synacks = 0, errors = 0, right = 0;
	struct worlds_rig rig;
	uint8_t frame[2048];
	uint64_t last_ns = 0;
	size_t message;

	(void)state;
	n.loss_back = WORLD_SHARE_ONE;
	assert_int_equal(worlds_open(&rig, &d, 16), 0);
	/* Nobody to forge to. */
	assert_int_equal(worlds_next(&rig, 5 * NS_PER_SEC), 0);
	worlds_send(&rig, frame, worlds_syn(FIRST, 80, frame));
	while (worlds_next(&rig, 15 * NS_PER_SEC) > 0) {
		const struct wire_ipv4 *ip = worlds_ip(rig.frame);
		const struct wire_tcp *tcp = worlds_tcp(rig.frame, rig.len);
		const struct wire_icmp *icmp;

		assert_true(last_ns == 0 || rig.now_ns == last_ns + NS_PER_MS);
		last_ns = rig.now_ns;
		assert_int_equal(load_be32(ip->dst), WORLDS_SCANNER);
		if (tcp != NULL) {
			synacks++;
			assert_int_equal(tcp->flags, TCP_SYN | TCP_ACK);
			assert_int_equal(load_be16(tcp->src_port), 80);
			assert_int_equal(load_be16(tcp->dst_port), 40000 + FIRST % 1000);
			right += load_be32(tcp->ack) == FIRST * 2654435761u + 1;
			right += load_be32(ip->src) == FIRST;
			continue;
		}
		icmp = worlds_icmp(rig.frame, rig.len, &message);
		assert_non_null(icmp);
		assert_int_equal(icmp->type, ICMP_UNREACHABLE);
		right += memcmp(icmp + 1, frame + 14, 28) == 0;
		errors++;
	}
	assert_int_equal(synacks + errors, 10 * 1000);
	assert_true(likely(errors, 10000, 0.125));
	assert_int_equal(right, 0);
	assert_int_equal(world_stage_counters(rig.stage)->forged, 10000);
	assert_int_equal(world_stage_counters(rig.stage)->synacks, 0);
	worlds_close(&rig);
}

static void
test_stages_share_the_forgeries(void **state)
{
	(void)state;
	/* 8 s at 1,000/s, of which the first falls on 1 ms. */
	for (unsigned int count = 1; count <= 4; count++)
		assert_int_equal(replay(1, 1000, count, false).frames,
				 replay(1, 0, count, false).frames + 8000);
}

/* Stages that hear their first SYN at other times still say each number once. */
static void
test_forgeries_have_numbers(void **state)
{
	enum { STAGES = 3, MS = 50 };
	static const uint64_t heard_ms[STAGES] = {1, 3, 8}; /* all have begun by the tenth */
	struct world_description d = {.networks = &calm, .networks_count = 1, .forged_pps = 1000};
	unsigned int said[MS + 1] = {0};
	struct worlds_rig rig;
	uint8_t frame[2048];

	(void)state;
	assert_int_equal(worlds_open(&rig, &d, 16), 0);
	for (unsigned int i = 0; i < STAGES; i++) {
		struct world_stage_config config = {.events = 16, .index = i, .count = STAGES};

		world_stage_free(rig.stage);
		rig.stage = world_stage_create(rig.world, &config);
		assert_non_null(rig.stage);
		rig.now_ns = heard_ms[i] * NS_PER_MS + NS_PER_MS / 2;
		worlds_send(&rig, frame, worlds_syn(FIRST + i, 80, frame));
		while (worlds_next(&rig, MS * NS_PER_MS) > 0) {
			assert_int_equal(rig.now_ns % NS_PER_MS, 0);
			said[rig.now_ns / NS_PER_MS]++;
		}
	}
	for (unsigned int ms = 10; ms <= MS; ms++)
		assert_int_equal(said[ms], 1);
	worlds_close(&rig);
}

/* A poll that comes late gets what it missed in the order of its times. */
static void
test_late_polls_get_the_same(void **state)
{
	struct world_description d = {
		.seed = 6, .networks = &rough, .networks_count = 1, .forged_pps = 1000,
	};
	struct digests digests[2] = {{.frames = 0}};
	struct worlds_rig rig;
	uint8_t frame[2048];

	(void)state;
	for (unsigned int late = 0; late < 2; late++) {
		assert_int_equal(worlds_open(&rig, &d, 8192), 0);
		for (uint32_t i = 0; i < 1000; i++)
			worlds_send(&rig, frame, worlds_syn(FIRST + i, 80, frame));
		if (late)
			rig.now_ns = NS_PER_SEC;
		while (worlds_next(&rig, NS_PER_SEC) > 0) {
			rig.now_ns = late ? NS_PER_SEC : rig.now_ns;
			digest_bytes(&digests[late], &rig, 0);
		}
		worlds_close(&rig);
	}
	assert_true(digests[0].frames > 1500);
	assert_int_equal(digests[0].frames, digests[1].frames);
	assert_true(digests[0].sequence == digests[1].sequence);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_faults_are_none),
		cmocka_unit_test(test_all_faults_are_all),
		cmocka_unit_test(test_losses_are_as_likely_as_said),
		cmocka_unit_test(test_recall_with_repeats),
		cmocka_unit_test(test_attempts_are_lost_apart),
		cmocka_unit_test(test_duplicates_are_copies),
		cmocka_unit_test(test_copies_have_their_own_luck),
		cmocka_unit_test(test_reordered_come_later),
		cmocka_unit_test(test_reordered_repeats_keep_their_gaps),
		cmocka_unit_test(test_corruption_shows),
		cmocka_unit_test(test_corruption_is_of_one_byte),
		cmocka_unit_test(test_a_seed_replays),
		cmocka_unit_test(test_faults_depend_on_no_order),
		cmocka_unit_test(test_forgeries_come_at_their_rate),
		cmocka_unit_test(test_stages_share_the_forgeries),
		cmocka_unit_test(test_forgeries_have_numbers),
		cmocka_unit_test(test_late_polls_get_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
