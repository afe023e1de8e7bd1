/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for connections, from a receiver to a worker: what is handed over, and what is left at the end. */
#include "rig.h"

#include "fabric/segments.h"

#define HOST(i) (0x14000000u + (i)) /* 20.0.0.0 and on */
#define PORT 443

static struct rte_mbuf *
segment(struct rig *g, const struct probe *probe, unsigned int host)
{
	const struct frames_flow f = frames_flow(probe, HOST(host), PORT, COOKIE_PROBE);
	const struct frames_tcp t = {.flags = TCP_ACK, .seq = 7, .ack = f.seq + 1, .window = 1000};
	uint8_t frame[2048];

	return rig_mbuf(g, frame, frames_reply(&f, &t, frame));
}

/* What finds its ring full is counted and stays the receiver's; what a worker never took, too. */
static void
test_all_are_counted(void **state)
{
	const struct probe_config config = frames_config(PROBE_WINDOWS);
	struct rte_ring *ring = rig_ring("segments", 5);
	struct probe probe;
	struct rig g;
	const struct segments_out out = {
		.sources = config.sources, .rings = &ring, .workers = 1, .ledger = &g.ledger};

	(void)state;
	rig_open(&g, 16);
	assert_int_equal(probe_init(&probe, &probe_tcp_synscan, &config), 0);
	for (unsigned int i = 0; i < 8; i++) {
		struct rte_mbuf *m = segment(&g, &probe, i);
		bool is_passed = segments_pass(&out, CLASSIFY_TCP_OTHER, m);

		assert_int_equal(is_passed, i < 5);
		if (!is_passed)
			rte_pktmbuf_free(m);
	}
	assert_int_equal(g.ledger.count[LEDGER_SEGMENT_MET], 8);
	assert_int_equal(g.ledger.count[LEDGER_SEGMENT_CUT_OFF], 3);
	segments_fini(ring, &g.ledger);
	assert_int_equal(g.ledger.count[LEDGER_SEGMENT_LEFT], 5);
	rig_close(&g);
	rte_ring_free(ring);
}

/* Replies that say all that matters go as replies alone. */
static void
test_replies_are_not_passed(void **state)
{
	const struct probe_config config = frames_config(PROBE_WINDOWS);
	struct rte_ring *ring = rig_ring("segments", 5);
	struct probe probe;
	struct rig g;
	const struct segments_out out = {
		.sources = config.sources, .rings = &ring, .workers = 1, .ledger = &g.ledger};
	struct rte_mbuf *m;

	(void)state;
	rig_open(&g, 16);
	assert_int_equal(probe_init(&probe, &probe_tcp_synscan, &config), 0);
	m = segment(&g, &probe, 0);
	assert_false(segments_pass(&out, CLASSIFY_SYNACK, m));
	assert_false(segments_pass(&out, CLASSIFY_RST, m));
	assert_false(segments_pass(&out, CLASSIFY_BAD_CHECKSUM, m));
	assert_int_equal(g.ledger.count[LEDGER_SEGMENT_MET], 0);
	rte_pktmbuf_free(m);
	rig_close(&g);
	rte_ring_free(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_are_counted),
		cmocka_unit_test(test_replies_are_not_passed),
	};

	return cmocka_run_group_tests(tests, rig_eal_start, rig_eal_stop);
}
