/* SPDX-License-Identifier: BSD-3-Clause */
/* Probers on a port of rings: what they send, what holds them, and how they end. */
#include "rig.h"

#include "base/time.h"
#include "fabric/prober.h"

#define HOST(i) (0x14000000u + (i)) /* 20.0.0.0 and on */
#define PORT 443

#define PROBERS 2

struct probing {
	struct rig rig;
	struct probe probe;
	struct perm perm;
	struct targets *targets;
	struct prober_source source;
	struct tx tx[PROBERS];
	struct outlet outlet[PROBERS];
	struct prober prober[PROBERS];
	struct pressure pressures[2];
	struct answered *answered;
	uint8_t *seen; /* how often each target was probed */
};

#define DELAY_NS (5 * NS_PER_SEC)

/* `hosts` targets, probed so often; a driver that takes so many at a time. */
static void
open_passes(struct probing *p, unsigned int hosts, unsigned int places, unsigned int attempts,
	    double coverage)
{
	const struct probe_config config = frames_config(PROBE_WINDOWS);
	struct targets_builder *b = targets_builder_new();

	memset(p, 0, sizeof(*p));
	rig_open(&p->rig, places);
	assert_int_equal(probe_init(&p->probe, &probe_tcp_synscan, &config), 0);
	assert_int_equal(prober_fill_pool(p->rig.pool, &p->probe), 0);
	assert_int_equal(targets_include(b, (struct ipv4_range){HOST(0), HOST(hosts - 1)}), 0);
	assert_int_equal(targets_port(b, PORT, PORT), 0);
	assert_int_equal(targets_build(b, &p->targets), 0);
	targets_builder_free(b);
	assert_int_equal(perm_init(&p->perm, hosts, 5), 0);
	p->source = (struct prober_source){
		.perm = &p->perm, .targets = p->targets, .attempts = attempts, .answered = &p->answered};
	p->source.answered_count = attempts > 1;
	schedule_source_init(&p->source.schedule, 0, hosts, attempts, DELAY_NS, coverage > 0, DELAY_NS);
	p->source.coverage_bound = coverage_bound(coverage);
	p->answered = answered_new(8);
	p->seen = calloc(hosts, 1);
	for (unsigned int i = 0; i < PROBERS; i++) {
		const struct prober_config prober = {
			.source = &p->source,
			.outlets = &p->outlet[i],
			.ledger = &p->rig.ledger,
			.outlet_count = 1,
			.pressures = p->pressures,
			.pressure_count = 2,
			.chunks = 8,
		};

		rig_tx(&p->rig, &p->tx[i]);
		p->outlet[i] = (struct outlet){&p->probe, &p->tx[i], p->rig.pool, true};
		assert_int_equal(prober_init(&p->prober[i], &prober), 0);
	}
}

static void
open_probing(struct probing *p, unsigned int hosts, unsigned int places)
{
	open_passes(p, hosts, places, 1, 0);
}

static void
close_probing(struct probing *p)
{
	for (unsigned int i = 0; i < PROBERS; i++)
		prober_fini(&p->prober[i]);
	rig_close(&p->rig);
	for (unsigned int i = 0; i < PROBERS; i++)
		prober_free(&p->prober[i]);
	answered_free(p->answered);
	targets_free(p->targets);
	free(p->seen);
}

/* Note what has left; how many. */
static unsigned int
note_sent(struct probing *p)
{
	unsigned int n = 0;
	void *m;

	for (; rte_ring_dequeue(p->rig.sent, &m) == 0; n++) {
		p->seen[rig_destination(m) - HOST(0)]++;
		rte_pktmbuf_free(m);
	}
	return n;
}

static void
poll_prober(struct probing *p, unsigned int i)
{
	prober_role.poll(&p->prober[i], p->rig.clock.virtual_ns);
	tx_flush(&p->tx[i]);
}

static void
test_every_target_once_by_all_probers(void **state)
{
	/* More than a chunk, and no multiple of bursts; a driver that takes a few at a time. */
	const unsigned int hosts = 3 * SCHEDULE_CHUNK + 77;
	unsigned int sent = 0, rounds = 0;
	struct probing p;

	(void)state;
	open_probing(&p, hosts, 13);
	while (!(p.prober[0].exhausted && p.prober[1].exhausted) && rounds++ < hosts) {
		poll_prober(&p, rounds % 3 == 0);
		sent += note_sent(&p);
		poll_prober(&p, 1);
		sent += note_sent(&p);
	}
	assert_int_equal(sent, hosts);
	for (unsigned int i = 0; i < hosts; i++)
		assert_int_equal(p.seen[i], 1);
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_SENT + LEDGER_PROBE), hosts);
	close_probing(&p);
}

/* Let time pass until both probers are done; a nap is until something is due. */
static unsigned int
run_probers(struct probing *p)
{
	unsigned int sent = 0;

	for (unsigned int rounds = 0; !(p->prober[0].exhausted && p->prober[1].exhausted); rounds++) {
		assert_true(rounds < 1000000);
		poll_prober(p, rounds % 2);
		sent += note_sent(p);
		if (rounds % 8 == 0)
			p->rig.clock.virtual_ns += NS_PER_MS;
	}
	return sent;
}

/* r attempts are r probes for whoever does not answer, one for whoever has by then; then coverage's. */
static void
test_attempts_and_coverage(void **state)
{
	const unsigned int hosts = 2 * SCHEDULE_CHUNK + 77;
	unsigned int sent, twice = 0;
	struct probing p;

	(void)state;
	open_passes(&p, hosts, 64, 3, 0);
	for (unsigned int i = 0; i < hosts; i += 3)
		answered_mark(p.answered, i); /* by position: all before their second attempt */
	sent = run_probers(&p);
	for (unsigned int i = 0; i < hosts; i++) {
		uint64_t position = perm_inverse(&p.perm, i);

		assert_int_equal(p.seen[i], position % 3 == 0 ? 1 : 3);
	}
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_TARGET), 3 * hosts);
	/* Tried is who had a first attempt. */
	assert_int_equal(p.prober[0].tried + p.prober[1].tried, hosts);
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_SPARED), 3 * hosts - sent);
	close_probing(&p);

	open_passes(&p, hosts, 64, 1, 0.25);
	sent = run_probers(&p);
	for (unsigned int i = 0; i < hosts; i++) {
		uint64_t draw = cookie_make(&p.probe.config.key, HOST(i), PORT, COOKIE_SAMPLE);
		bool drawn = coverage_is_drawn(draw, coverage_bound(0.25));

		assert_int_equal(p.seen[i], drawn ? 2 : 1);
		twice += drawn;
	}
	assert_in_range(twice, hosts / 5, hosts * 3 / 10);
	assert_int_equal(sent, hosts + twice);
	close_probing(&p);
}

/* The probe to the target that a frame goes to, made of the template. */
static void
assert_whole(const struct probing *p, const struct rte_mbuf *m)
{
	const struct probe *probe = &p->probe;
	uint32_t address = rig_destination(m);
	uint16_t port = PORT;
	uint64_t cookie = cookie_make(&probe->config.key, address, port, COOKIE_PROBE);
	uint8_t expected[PROBE_FRAME_MAX], *frame = expected;

	memcpy(expected, probe->template, sizeof(expected));
	probe->module->fill(probe, COOKIE_PROBE, 0, 1, &frame, &address, &port, &cookie);
	assert_int_equal(m->data_len, probe->frame_len);
	assert_memory_equal(rte_pktmbuf_mtod(m, const uint8_t *), expected, probe->frame_len);
}

/* A pool that is the RX queues', too: what a reply leaves in an mbuf is not sent. */
static void
test_whole_probes_in_mbufs_that_held_replies(void **state)
{
	struct probing p;
	void *m = NULL;

	(void)state;
	open_probing(&p, SCHEDULE_CHUNK, 64);
	p.outlet[0].has_template = false;
	for (unsigned int round = 0; round < 2 * RIG_POOL_SIZE / PORT_BURST; round++) {
		poll_prober(&p, 0);
		for (unsigned int i = 0; i < PORT_BURST; i++) {
			assert_int_equal(rte_ring_dequeue(p.rig.sent, &m), 0);
			assert_whole(&p, m);
			memset(rte_pktmbuf_mtod((struct rte_mbuf *)m, uint8_t *), 0xa5, PROBE_FRAME_MAX);
			rte_pktmbuf_free(m);
		}
	}
	close_probing(&p);
}

/* Positions that are had once more: but for who has answered, by the last attempt's frame, and counted apart. */
static void
test_once_more(void **state)
{
	const unsigned int hosts = 3 * SCHEDULE_CHUNK;
	unsigned int sent, answered = 0;
	struct probing p;

	(void)state;
	open_passes(&p, hosts, 64, 1, 0);
	p.source.answered_count = 1;
	assert_int_equal(run_probers(&p), hosts);
	for (unsigned int i = 0; i < 2 * SCHEDULE_CHUNK; i += 5, answered++)
		answered_mark(p.answered, i);
	schedule_again(&p.source.schedule, 10, SCHEDULE_CHUNK + 10);
	p.prober[0].exhausted = false; /* as it is until the first look */
	sent = run_probers(&p);
	assert_true(schedule_again_is_done(&p.source.schedule));
	assert_int_equal(sent, 2 * SCHEDULE_CHUNK - answered);
	for (unsigned int i = 0; i < hosts; i++) {
		uint64_t position = perm_inverse(&p.perm, i);

		assert_int_equal(p.seen[i], position < 2 * SCHEDULE_CHUNK && position % 5 != 0 ? 2 : 1);
	}
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_AGAIN), 2 * SCHEDULE_CHUNK);
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_TARGET), hosts);
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_SPARED), answered);
	assert_int_equal(p.prober[0].tried + p.prober[1].tried, hosts);
	close_probing(&p);
}

static void
test_pressure_holds_probers(void **state)
{
	struct probing p;

	(void)state;
	open_probing(&p, 2 * SCHEDULE_CHUNK, 512);
	poll_prober(&p, 0);
	assert_int_equal(note_sent(&p), 32);
	for (unsigned int i = 0; i < 2; i++) {
		p.pressures[i].raised = true;
		poll_prober(&p, 0);
		poll_prober(&p, 1);
		assert_int_equal(note_sent(&p), 0);
		assert_true(p.prober[0].held && p.prober[1].held);
		assert_int_equal(prober_role.next_ns(&p.prober[0], 5), TIME_NEVER);
		p.pressures[i].raised = false;
	}
	assert_int_equal(prober_role.next_ns(&p.prober[0], 5), TIME_NEVER);
	/* Control gets to know of each pause, however short. */
	assert_int_equal(p.prober[0].pauses, 1);
	poll_prober(&p, 0);
	assert_false(p.prober[0].held);
	p.pressures[1].raised = true;
	poll_prober(&p, 0);
	p.pressures[1].raised = false;
	poll_prober(&p, 0);
	assert_int_equal(p.prober[0].pauses, 2);
	note_sent(&p);
	poll_prober(&p, 0);
	assert_int_equal(prober_role.next_ns(&p.prober[0], 5), 5);
	assert_int_equal(note_sent(&p), 32);
	close_probing(&p);
}

/* Nearly all mbufs are held by somebody else while a prober is polled. */
#define STARVED (RIG_POOL_SIZE - 10)

static void
open_starved(struct probing *p, struct rte_mbuf *all[STARVED])
{
	open_probing(p, 100, 512);
	assert_int_equal(rte_pktmbuf_alloc_bulk(p->rig.pool, all, STARVED), 0);
	for (unsigned int i = 0; i < 5; i++)
		poll_prober(p, 0);
}

/* The driver holds every mbuf: no position is lost meanwhile. */
static void
test_no_mbuf_is_waited_for(void **state)
{
	struct rte_mbuf *all[STARVED];
	struct probing p;

	(void)state;
	open_starved(&p, all);
	assert_int_equal(note_sent(&p), 0);
	rte_pktmbuf_free_bulk(all, STARVED);
	while (!p.prober[0].exhausted)
		poll_prober(&p, 0);
	assert_int_equal(note_sent(&p), 100);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(p.seen[i], 1);
	close_probing(&p);
}

/* Nor at the end: what was taken up and has no frame is put back. */
static void
test_what_has_no_mbuf_is_put_back(void **state)
{
	struct rte_mbuf *all[STARVED];
	struct probing p;

	(void)state;
	open_starved(&p, all);
	rte_pktmbuf_free_bulk(all, STARVED);
	assert_true(prober_role.drain(&p.prober[0], 0));
	assert_int_equal(note_sent(&p), 0);
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_PUT_BACK), 32);
	close_probing(&p);
}

/* Stopped: what was made and waits is counted as refused; what was not made never was intended. */
static void
test_a_prober_that_stops(void **state)
{
	struct probing p;

	(void)state;
	open_probing(&p, 1000, 7);
	poll_prober(&p, 0);
	assert_int_equal(note_sent(&p), 7);
	assert_true(prober_role.drain(&p.prober[0], 0));
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_INTENDED + LEDGER_PROBE), 32);
	assert_int_equal(COUNT_OF(&p.rig.ledger, LEDGER_REFUSED + LEDGER_PROBE), 25);
	close_probing(&p);
}

/* Exhausted is said once as work done, and not before the last probe has left. */
static void
test_exhausted_when_all_are_sent(void **state)
{
	struct probing p;

	(void)state;
	open_probing(&p, 20, 7);
	poll_prober(&p, 0);
	for (unsigned int left = 20; left > 0; left -= left < 7 ? left : 7) {
		assert_false(p.prober[0].exhausted);
		assert_int_equal(note_sent(&p), left < 7 ? left : 7);
		tx_flush(&p.tx[0]);
	}
	assert_int_equal(prober_role.poll(&p.prober[0], 0), 1);
	assert_true(p.prober[0].exhausted);
	assert_int_equal(prober_role.poll(&p.prober[0], 0), 0);
	close_probing(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_target_once_by_all_probers),
		cmocka_unit_test(test_attempts_and_coverage),
		cmocka_unit_test(test_whole_probes_in_mbufs_that_held_replies),
		cmocka_unit_test(test_once_more),
		cmocka_unit_test(test_pressure_holds_probers),
		cmocka_unit_test(test_no_mbuf_is_waited_for),
		cmocka_unit_test(test_what_has_no_mbuf_is_put_back),
		cmocka_unit_test(test_a_prober_that_stops),
		cmocka_unit_test(test_exhausted_when_all_are_sent),
	};

	return cmocka_run_group_tests(tests, with_eal, without_eal);
}
