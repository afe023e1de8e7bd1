/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for connections, from a receiver to a worker: what is handed over, and what is left at the end. */
#include "rig.h"

#include "base/time.h"
#include "fabric/receiver.h"
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
		enum segments_fate fate = segments_pass(&out, CLASSIFY_TCP_OTHER, m);

		assert_int_equal(fate, i < 5 ? SEGMENTS_PASSED : SEGMENTS_LEFT);
		if (fate == SEGMENTS_LEFT)
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
	assert_int_equal(segments_pass(&out, CLASSIFY_SYNACK, m), SEGMENTS_LEFT);
	assert_int_equal(segments_pass(&out, CLASSIFY_RST, m), SEGMENTS_LEFT);
	assert_int_equal(segments_pass(&out, CLASSIFY_BAD_CHECKSUM, m), SEGMENTS_LEFT);
	assert_int_equal(g.ledger.count[LEDGER_SEGMENT_MET], 0);
	rte_pktmbuf_free(m);
	rig_close(&g);
	rte_ring_free(ring);
}

/* ---- A receiver that answers of DNS come to --------------------------------------------- */

#define MS NS_PER_MS

struct desk {
	struct rig rig;
	struct probe probe;
	struct neigh neigh;
	struct tx tx;
	struct pressure pressure;
	struct watermark mark;
	struct rte_ring *segments;
	struct receiver receiver;
};

static void
open_desk(struct desk *d, unsigned int places)
{
	const struct probe_config probe = frames_config(PROBE_WINDOWS);
	const struct neigh_config neigh = {.addresses = frames_sources, .address_count = 4};
	const struct receiver_config config = {
		.port = &d->rig.port,
		.classify = {&d->probe, frames_sources, 4},
		.neigh = &d->neigh,
		.tx = &d->tx,
		.segments = {probe.sources, &d->segments, 1, &d->rig.ledger},
		.pressure = &d->pressure,
		.watermark = &d->mark,
		.ledger = &d->rig.ledger,
	};

	memset(d, 0, sizeof(*d));
	rig_open(&d->rig, 64);
	rig_tx(&d->rig, &d->tx);
	assert_int_equal(probe_init(&d->probe, &probe_tcp_synscan, &probe), 0);
	neigh_init(&d->neigh, &neigh, 0);
	neigh_set_gateway_mac(&d->neigh, frames_gateway_mac);
	d->segments = rig_ring("segments", places);
	receiver_init(&d->receiver, &config);
}

static void
close_desk(struct desk *d)
{
	receiver_fini(&d->receiver);
	segments_fini(d->segments, &d->rig.ledger);
	tx_give_up(&d->tx);
	for (void *m; rte_ring_dequeue(d->rig.arriving, &m) == 0;)
		rte_pktmbuf_free(m);
	rig_close(&d->rig);
	rte_ring_free(d->segments);
}

/* Answers of a server's to ports that we ask from. */
static void
answers_arrive(struct desk *d, unsigned int n)
{
	const struct probe_pool *pool = &d->probe.config.sources->pool[0];
	uint8_t frame[256] = {0};
	size_t at = frames_ether(frame, 0);
	struct wire_ipv4 *ip = frames_ipv4(frame + at, HOST(0), frames_sources[0], IP_PROTO_UDP, 40, NULL, 0);
	struct wire_udp *udp = (struct wire_udp *)(ip + 1);

	store_be16(udp->src_port, 53);
	store_be16(udp->length, 40);
	for (unsigned int i = 0; i < n; i++) {
		store_be16(udp->dst_port, (uint16_t)(pool->plan.ports[COOKIE_DNS].base + i));
		rig_arrive(&d->rig, frame, at + sizeof(*ip) + 40);
	}
}

static unsigned int
poll_desk(struct desk *d, uint64_t now_ns)
{
	d->rig.clock.virtual_ns = now_ns;
	return receiver_role.poll(&d->receiver, now_ns);
}

/* As a worker takes them. */
static void
take_answers(struct desk *d, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		void *m = NULL;

		assert_int_equal(rte_ring_dequeue(d->segments, &m), 0);
		ledger_add(&d->rig.ledger, LEDGER_SEGMENT_TAKEN, 1);
		rte_pktmbuf_free(m);
	}
}

/* A worker that lags: no answer is lost, nothing more is read, and nothing later is told as seen. */
static void
test_answers_wait(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, 8);
	answers_arrive(&d, 40);
	assert_int_equal(poll_desk(&d, 1 * MS), 32);
	assert_int_equal(poll_desk(&d, 2 * MS), 0);
	assert_int_equal(rte_ring_count(d.rig.arriving), 8);
	assert_int_equal(d.mark.seen_ns, 0);
	assert_false(d.pressure.raised);
	assert_false(receiver_role.drain(&d.receiver, 3 * MS));
	for (unsigned int i = 0; i < 5; i++) {
		take_answers(&d, 8);
		poll_desk(&d, (900 + i) * MS);
	}
	assert_int_equal(d.rig.ledger.count[LEDGER_SEGMENT_CUT_OFF], 0);
	assert_int_equal(d.mark.seen_ns, 904 * MS);
	assert_true(receiver_role.drain(&d.receiver, NS_PER_SEC));
	close_desk(&d);
}

/* Polls, a millisecond each, in which nothing was read, though there is always more. */
static unsigned int
idle_polls(struct desk *d, unsigned int from_ms, unsigned int to_ms)
{
	unsigned int idle = 0;

	for (unsigned int ms = from_ms; ms < to_ms; ms++) {
		if (rte_ring_empty(d->rig.arriving))
			answers_arrive(d, 32);
		idle += poll_desk(d, ms * MS) == 0;
	}
	return idle;
}

/* For a worker that takes nothing they wait two seconds, then the others' go on; and so again, when it has been well. */
static void
test_answers_do_not_wait_for_ever(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, 8);
	assert_in_range(idle_polls(&d, 0, 5000), 1999, 2001);
	for (unsigned int ms = 5000; ms < 10000; ms++) {
		take_answers(&d, rte_ring_count(d.segments));
		poll_desk(&d, ms * MS);
	}
	assert_in_range(idle_polls(&d, 10000, 13000), 1999, 2001);
	close_desk(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_wait),
		cmocka_unit_test(test_answers_do_not_wait_for_ever),
		cmocka_unit_test(test_all_are_counted),
		cmocka_unit_test(test_replies_are_not_passed),
	};

	return cmocka_run_group_tests(tests, with_eal, without_eal);
}
