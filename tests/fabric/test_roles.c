/* SPDX-License-Identifier: BSD-3-Clause */
/* Roles on a port of rings: what they pass on, what they hold, what they count when a run breaks off. */

#include "rig.h"

#include <rte_ring_elem.h>

#include "base/time.h"
#include "fabric/fabric.h"
#include "fabric/prober.h"
#include "fabric/receiver.h"
#include "fabric/worker.h"

#define HOST(i) (0x14000000u + (i)) /* 20.0.0.0 and on */
#define PORT 443
#define MS NS_PER_MS

/* ---- A receiver and a worker, one after the other ---------------------------------------- */

#define WORKERS_MAX 3

struct line {
	struct rig rig;
	struct probe probe;
	struct neigh neigh;
	struct tx tx;
	struct outlet outlet;
	struct receiver receiver;
	struct worker worker; /* of the first ring */
	struct rte_ring *rings[WORKERS_MAX];
	struct rte_ring *records;
	struct dedup *dedup;
	struct pressure pressures[2];
	struct watermark marks[2]; /* the receiver's, the worker's */
	struct prober_source source;
	_Atomic uint64_t cooldown_since_ns;
};

static struct rte_ring *
value_ring(const char *prefix, unsigned int size, unsigned int places)
{
	static unsigned int made;
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(name, sizeof(name), "%s-%u", prefix, made++);
	ring = rte_ring_create_elem(name, size, places, SOCKET_ID_ANY,
				    RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	assert_non_null(ring);
	return ring;
}

static void
open_worker(struct line *l, unsigned int records)
{
	struct worker_config config = {
		.rings = l->rings,
		.receivers = 1,
		.outlets = &l->outlet,
		.outlet_count = 1,
		.pressure = &l->pressures[1],
		.ledger = &l->rig.ledger,
		.cooldown_since_ns = &l->cooldown_since_ns,
		.news = {.source = &l->source, .key = &l->probe.config.key},
		.receiver_marks = &l->marks[0],
		.receiver_mark_count = 1,
		.watermark = &l->marks[1],
	};

	l->outlet = (struct outlet){&l->probe, &l->tx, NULL};
	l->records = value_ring("records", sizeof(struct record_scan), records);
	l->dedup = dedup_new(1 << 20, 1);
	assert_non_null(l->dedup);
	config.records = l->records;
	config.news.dedup = l->dedup;
	worker_init(&l->worker, &config);
}

/* Rings of so many places. */
static void
open_line(struct line *l, unsigned int workers, unsigned int replies, unsigned int records)
{
	const struct probe_config probe = frames_config(PROBE_WINDOWS);
	struct neigh_config neigh = {.addresses = frames_sources, .address_count = 4};
	struct receiver_config receiver = {
		.port = &l->rig.port,
		.classify = {&l->probe, frames_sources, 4},
		.neigh = &l->neigh,
		.tx = &l->tx,
		.rings = l->rings,
		.workers = workers,
		.pressure = &l->pressures[0],
		.watermark = &l->marks[0],
		.ledger = &l->rig.ledger,
	};

	memset(l, 0, sizeof(*l));
	rig_open(&l->rig, 512);
	rig_tx(&l->rig, &l->tx);
	assert_int_equal(probe_init(&l->probe, &probe_tcp_synscan, &probe), 0);
	memcpy(neigh.mac, frames_own_mac, WIRE_MAC_SIZE);
	neigh_init(&l->neigh, &neigh, 0);
	neigh_set_gateway_mac(&l->neigh, frames_gateway_mac);
	for (unsigned int i = 0; i < workers; i++)
		l->rings[i] = value_ring("replies", sizeof(struct reply), replies);
	receiver_init(&l->receiver, &receiver);
	atomic_init(&l->cooldown_since_ns, TIME_NEVER);
	open_worker(l, records);
}

/* The test is the writer. */
static unsigned int
write_records(struct line *l)
{
	struct record_scan record;
	unsigned int n = 0;

	for (; rte_ring_sc_dequeue_elem(l->records, &record, sizeof(record)) == 0; n++)
		ledger_add(&l->rig.ledger, LEDGER_WRITTEN, 1);
	return n;
}

/* As a second ctrl-C ends it. */
static void
close_line(struct line *l)
{
	receiver_fini(&l->receiver);
	worker_fini(&l->worker);
	ledger_add(&l->rig.ledger, LEDGER_OUTPUT, 1);
	ledger_add(&l->rig.ledger, LEDGER_UNWRITTEN, rte_ring_count(l->records));
	tx_give_up(&l->tx);
	for (void *m; rte_ring_dequeue(l->rig.arriving, &m) == 0;)
		rte_pktmbuf_free(m);
	rig_close(&l->rig);
	for (unsigned int i = 0; i < l->receiver.config.workers; i++)
		rte_ring_free(l->rings[i]);
	rte_ring_free(l->records);
	dedup_free(l->dedup);
}

static size_t
segment(const struct line *l, unsigned int host, uint8_t flags, uint8_t *frame)
{
	const struct frames_flow f = frames_flow(&l->probe, HOST(host), PORT, COOKIE_PROBE);
	const struct frames_tcp t = {.flags = flags, .seq = 7, .ack = f.seq + 1, .window = 1000};

	return frames_reply(&f, &t, frame);
}

static void
synack_arrives(struct line *l, unsigned int host)
{
	uint8_t frame[2048];

	rig_arrive(&l->rig, frame, segment(l, host, TCP_SYN | TCP_ACK, frame));
}

static unsigned int
poll_receiver(struct line *l)
{
	return receiver_role.poll(&l->receiver, l->rig.clock.virtual_ns);
}

static unsigned int
poll_worker(struct line *l)
{
	return worker_role.poll(&l->worker, l->rig.clock.virtual_ns);
}

static uint64_t
count(const struct line *l, unsigned int term)
{
	return COUNT_OF(&l->rig.ledger, term);
}

/* ---- The receiver ------------------------------------------------------------------------ */

/* A frame of each kind that there is. Returns its length. */
static size_t
frame_of_kind(const struct line *l, enum classify_kind kind, uint8_t *frame)
{
	const struct frames_flow flow = frames_flow(&l->probe, HOST(kind), PORT, COOKIE_PROBE);
	const uint32_t own = frames_sources[1];
	uint8_t quote[128] = {0};
	size_t len;

	switch (kind) {
	case CLASSIFY_SYNACK:
		return segment(l, kind, TCP_SYN | TCP_ACK, frame);
	case CLASSIFY_RST:
		return segment(l, kind, TCP_RST | TCP_ACK, frame);
	case CLASSIFY_ICMP:
		memset(quote, 0, 4);
		len = 4 + frames_probe(&l->probe, &flow, quote + 4);
		return frames_icmp(HOST(9), flow.own_address, 3, 1, quote + 4, len - 4, frame);
	case CLASSIFY_ARP:
		memset(frame, 0, 60);
		memset(frame, 0xff, 6);
		memcpy(frame + 6, frames_gateway_mac, 6);
		memcpy(frame + 12, "\x08\x06\0\1\x08\0\6\4\0\1", 10);
		memcpy(frame + 22, frames_gateway_mac, 6);
		store_be32(frame + 28, 0xc6336401);
		store_be32(frame + 38, own);
		return 60;
	case CLASSIFY_ECHO_REQUEST:
		return frames_icmp(HOST(9), own, 8, 0, "ping", 4, frame);
	case CLASSIFY_BAD_CHECKSUM:
		len = segment(l, kind, TCP_SYN | TCP_ACK, frame);
		frame[len - 3] ^= 1;
		return len;
	case CLASSIFY_BAD_COOKIE:
		len = segment(l, kind, TCP_SYN | TCP_ACK, frame);
		frame[14 + 20 + 8] ^= 1; /* of the acknowledgment, and made good again */
		wire_tcp_checksum_set((struct wire_ipv4 *)(frame + 14), frame + 34, (uint16_t)(len - 34));
		return len;
	case CLASSIFY_TRUNCATED:
		return segment(l, kind, TCP_SYN | TCP_ACK, frame) - 4;
	case CLASSIFY_FRAGMENT:
		len = segment(l, kind, TCP_SYN | TCP_ACK, frame);
		store_be16(frame + 14 + 6, 0x2000);
		wire_ipv4_checksum_set((struct wire_ipv4 *)(frame + 14), 20);
		return len;
	case CLASSIFY_TCP_OTHER:
		return segment(l, kind, TCP_FIN | TCP_ACK, frame);
	case CLASSIFY_OTHER:
		return frames_icmp(HOST(9), own, 0, 0, "pong", 4, frame);
	default:
		return frames_icmp(HOST(9), 0x14141414, 8, 0, "ping", 4, frame);
	}
}

/* Every kind but the echo reply, which is none where SYNs are sent. */
static void
test_each_kind_is_counted_and_answered(void **state)
{
	uint8_t frame[2048];
	struct line l;

	(void)state;
	open_line(&l, 1, 64, 64);
	for (unsigned int kind = 0; kind < CLASSIFY_KINDS; kind++)
		if (kind != CLASSIFY_ECHOREPLY)
			rig_arrive(&l.rig, frame, frame_of_kind(&l, kind, frame));
	assert_int_equal(poll_receiver(&l), CLASSIFY_KINDS - 1);
	assert_int_equal(count(&l, LEDGER_RECEIVED), CLASSIFY_KINDS - 1);
	for (unsigned int kind = 0; kind < CLASSIFY_KINDS; kind++)
		if (count(&l, LEDGER_KIND + kind) != (kind != CLASSIFY_ECHOREPLY))
			fail_msg("kind %u (%s): %llu", kind, classify_kind_name(kind),
				 (unsigned long long)count(&l, LEDGER_KIND + kind));
	assert_int_equal(count(&l, LEDGER_PASSED), CLASSIFY_REPLIES - 1);
	assert_int_equal(poll_worker(&l), CLASSIFY_REPLIES - 1);
	while (tx_flush(&l.tx) > 0)
		;
	assert_int_equal(count(&l, LEDGER_SENT + LEDGER_ARP), 1);
	assert_int_equal(count(&l, LEDGER_SENT + LEDGER_ECHO), 1);
	assert_int_equal(count(&l, LEDGER_SENT + LEDGER_RESET), 1);
	assert_int_equal(count(&l, LEDGER_FIRST_OTHER), 2);
	assert_int_equal(write_records(&l), 3);
	close_line(&l);
}

/* There is no connection to reset. */
static void
test_an_echo_reply_is_a_hit_and_unanswered(void **state)
{
	const struct probe_config config = frames_config(PROBE_WINDOWS);
	struct frames_flow flow;
	uint8_t frame[2048];
	struct line l;

	(void)state;
	open_line(&l, 1, 64, 64);
	assert_int_equal(probe_init(&l.probe, &probe_icmp_echoscan, &config), 0);
	flow = frames_flow(&l.probe, HOST(1), 0, COOKIE_PROBE);
	for (unsigned int i = 0; i < 2; i++)
		rig_arrive(&l.rig, frame, frames_echo_reply(&flow, frame));
	assert_int_equal(poll_receiver(&l), 2);
	assert_int_equal(poll_worker(&l), 2);
	assert_int_equal(tx_flush(&l.tx), 0);
	assert_int_equal(count(&l, LEDGER_KIND + CLASSIFY_ECHOREPLY), 2);
	assert_int_equal(count(&l, LEDGER_FIRST_ECHOREPLY), 1);
	assert_int_equal(count(&l, LEDGER_REPEAT), 1);
	assert_int_equal(count(&l, LEDGER_LEFT_ALONE), 0);
	assert_int_equal(write_records(&l), 2);
	close_line(&l);
}

/* A target's replies all go to one worker, and every worker has some. */
static void
test_buckets_choose_the_worker(void **state)
{
	unsigned int seen[WORKERS_MAX] = {0};
	struct reply reply;
	struct line l;

	(void)state;
	open_line(&l, WORKERS_MAX, 256, 64);
	for (unsigned int i = 0; i < 200; i++)
		synack_arrives(&l, i);
	while (poll_receiver(&l) > 0)
		;
	for (unsigned int w = 0; w < WORKERS_MAX; w++) {
		while (rte_ring_sc_dequeue_elem(l.rings[w], &reply, sizeof(reply)) == 0) {
			assert_int_equal(receiver_worker_of(reply.bucket, WORKERS_MAX), w);
			ledger_add(&l.rig.ledger, LEDGER_LEFT_IN_RING, 1);
			seen[w]++;
		}
		assert_in_range(seen[w], 30, 110);
	}
	assert_int_equal(seen[0] + seen[1] + seen[2], 200);
	for (unsigned int b = 0; b < PROBE_BUCKETS; b++)
		for (unsigned int n = 1; n < 64; n++)
			assert_true(receiver_worker_of((uint8_t)b, n) < n);
	close_line(&l);
}

/* Take n replies off the worker's ring; they must be those of hosts first and on. */
static void
take_replies(struct line *l, unsigned int first, unsigned int n)
{
	struct reply reply;

	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(rte_ring_sc_dequeue_elem(l->rings[0], &reply, sizeof(reply)), 0);
		assert_int_equal(reply.address, HOST(first + i));
		ledger_add(&l->rig.ledger, LEDGER_LEFT_IN_RING, 1);
	}
}

/* A worker that lags: nothing is dropped, nothing more is read, and the probers are told. */
static void
test_a_full_ring_holds_the_receiver(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, 1, 8, 64);
	for (unsigned int i = 0; i < 40; i++)
		synack_arrives(&l, i);
	assert_int_equal(poll_receiver(&l), 32);
	assert_int_equal(count(&l, LEDGER_PASSED), 8);
	assert_true(l.pressures[0].raised);
	assert_int_equal(poll_receiver(&l), 0);
	assert_int_equal(rte_ring_count(l.rig.arriving), 8);
	take_replies(&l, 0, 3);
	assert_int_equal(poll_receiver(&l), 0);
	assert_int_equal(count(&l, LEDGER_PASSED), 11);
	assert_false(receiver_role.drain(&l.receiver, 0));
	assert_int_equal(rte_ring_count(l.rig.arriving), 8);
	for (unsigned int first = 3; first < 40; first += 8) {
		take_replies(&l, first, first < 35 ? 8 : 5);
		poll_receiver(&l);
	}
	assert_false(l.pressures[0].raised);
	assert_int_equal(count(&l, LEDGER_PASSED), 40);
	assert_true(receiver_role.drain(&l.receiver, 0));
	close_line(&l);
}

static void
test_what_a_receiver_holds_at_the_end_is_counted(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, 1, 8, 64);
	for (unsigned int i = 0; i < 20; i++)
		synack_arrives(&l, i);
	poll_receiver(&l);
	close_line(&l);
	assert_int_equal(count(&l, LEDGER_STRANDED), 12);
	assert_int_equal(count(&l, LEDGER_LEFT_IN_RING), 8);
}

/* Full bursts of replies show that the NIC is filling up; of anything else they show nothing. */
static void
test_a_queue_that_fills_up_presses(void **state)
{
	uint8_t frame[2048];
	struct line l;

	(void)state;
	open_line(&l, 1, 2048, 64);
	for (unsigned int round = 1; round <= 20; round++) {
		for (unsigned int i = 0; i < 32; i++)
			synack_arrives(&l, i);
		poll_receiver(&l);
		assert_int_equal(l.pressures[0].raised, round >= 16);
	}
	synack_arrives(&l, 0);
	assert_int_equal(poll_receiver(&l), 1);
	assert_false(l.pressures[0].raised);
	for (unsigned int round = 0; round < 40; round++) {
		for (unsigned int i = 0; i < 32; i++)
			rig_arrive(&l.rig, frame, frame_of_kind(&l, CLASSIFY_BAD_COOKIE, frame));
		assert_int_equal(poll_receiver(&l), 32);
	}
	assert_false(l.pressures[0].raised);
	close_line(&l);
}

/* The cooldown is over: what has come is read all the same, and a flood does not keep the run alive. */
static void
test_a_drain_reads_what_has_arrived(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, 1, 1024, 64);
	for (unsigned int i = 0; i < 70; i++)
		synack_arrives(&l, i);
	for (unsigned int i = 0; i < 3; i++)
		assert_false(receiver_role.drain(&l.receiver, 1));
	assert_true(receiver_role.drain(&l.receiver, 1));
	assert_int_equal(count(&l, LEDGER_PASSED), 70);
	close_line(&l);
}

static void
test_a_drain_ends_in_a_flood(void **state)
{
	uint64_t now_ns = 0;
	uint8_t frame[2048];
	struct line l;

	(void)state;
	open_line(&l, 1, 64, 64);
	do {
		for (unsigned int i = 0; i < 32; i++)
			rig_arrive(&l.rig, frame, frame_of_kind(&l, CLASSIFY_NOT_OURS, frame));
		now_ns += NS_PER_MS;
	} while (!receiver_role.drain(&l.receiver, now_ns) && now_ns < 60 * NS_PER_SEC);
	assert_in_range(now_ns, NS_PER_SEC, 10 * NS_PER_SEC);
	close_line(&l);
}

/* ---- The worker -------------------------------------------------------------------------- */

static void
test_a_worker_takes_no_more_than_it_can_record(void **state)
{
	struct line l;

	(void)state;
	open_line(&l, 1, 64, 8);
	for (unsigned int i = 0; i < 20; i++)
		synack_arrives(&l, i);
	poll_receiver(&l);
	assert_int_equal(poll_worker(&l), 8);
	assert_int_equal(poll_worker(&l), 0);
	assert_int_equal(rte_ring_count(l.rings[0]), 12);
	assert_false(worker_role.drain(&l.worker, 0));
	assert_int_equal(write_records(&l), 8);
	assert_int_equal(poll_worker(&l), 8);
	close_line(&l);
	assert_int_equal(count(&l, LEDGER_LEFT_IN_RING), 4);
	assert_int_equal(count(&l, LEDGER_UNWRITTEN), 8);
}

static void
test_a_worker_takes_no_more_than_it_can_answer(void **state)
{
	uint8_t frame[64] = {0};
	struct line l;

	(void)state;
	open_line(&l, 1, 64, 64);
	for (unsigned int i = 0; i < 20; i++)
		synack_arrives(&l, i);
	poll_receiver(&l);
	while (tx_room(&l.tx) > 3)
		assert_true(tx_urgent(&l.tx, LEDGER_ECHO, frame, 60));
	assert_int_equal(poll_worker(&l), 3);
	assert_int_equal(poll_worker(&l), 0);
	assert_int_equal(count(&l, LEDGER_REFUSED + LEDGER_RESET), 0);
	while (tx_flush(&l.tx) > 0)
		;
	while (poll_worker(&l) > 0)
		tx_flush(&l.tx);
	assert_int_equal(write_records(&l), 20);
	assert_int_equal(count(&l, LEDGER_SENT + LEDGER_RESET), 20);
	close_line(&l);
}

static void
test_repeats_and_the_cooldown_are_marked(void **state)
{
	struct record_scan record;
	struct line l;

	(void)state;
	open_line(&l, 1, 64, 64);
	for (unsigned int i = 0; i < 4; i++) {
		l.rig.clock.virtual_ns = (i + 1) * MS;
		if (i == 2)
			atomic_store(&l.cooldown_since_ns, 3 * MS);
		synack_arrives(&l, i % 2);
		poll_receiver(&l);
		assert_int_equal(poll_worker(&l), 1);
		assert_int_equal(rte_ring_sc_dequeue_elem(l.records, &record, sizeof(record)), 0);
		ledger_add(&l.rig.ledger, LEDGER_WRITTEN, 1);
		assert_int_equal(record.repeat, i >= 2);
		assert_int_equal(record.cooldown, i >= 2);
		assert_int_equal(record.reply.address, HOST(i % 2));
		assert_int_equal(record.reply.received_ns, (i + 1) * MS);
	}
	close_line(&l);
	assert_int_equal(count(&l, LEDGER_REPEAT), 2);
	assert_int_equal(count(&l, LEDGER_FIRST_SYNACK), 2);
}

/* ---- Probers ----------------------------------------------------------------------------- */

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
		p->outlet[i] = (struct outlet){&p->probe, &p->tx[i], p->rig.pool};
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
	poll_prober(&p, 0);
	assert_false(p.prober[0].held);
	assert_int_equal(prober_role.next_ns(&p.prober[0], 5), 5);
	assert_int_equal(note_sent(&p), 32);
	close_probing(&p);
}

/* The driver holds every mbuf: no position is lost meanwhile. */
static void
test_no_mbuf_is_waited_for(void **state)
{
	struct rte_mbuf *all[RIG_POOL_SIZE - 10];
	struct probing p;

	(void)state;
	open_probing(&p, 100, 512);
	assert_int_equal(rte_pktmbuf_alloc_bulk(p.rig.pool, all, RIG_POOL_SIZE - 10), 0);
	for (unsigned int i = 0; i < 5; i++)
		poll_prober(&p, 0);
	assert_int_equal(note_sent(&p), 0);
	rte_pktmbuf_free_bulk(all, RIG_POOL_SIZE - 10);
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
	struct rte_mbuf *all[RIG_POOL_SIZE - 10];
	struct probing p;

	(void)state;
	open_probing(&p, 100, 512);
	assert_int_equal(rte_pktmbuf_alloc_bulk(p.rig.pool, all, RIG_POOL_SIZE - 10), 0);
	for (unsigned int i = 0; i < 5; i++)
		poll_prober(&p, 0);
	rte_pktmbuf_free_bulk(all, RIG_POOL_SIZE - 10);
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
		cmocka_unit_test(test_each_kind_is_counted_and_answered),
		cmocka_unit_test(test_an_echo_reply_is_a_hit_and_unanswered),
		cmocka_unit_test(test_buckets_choose_the_worker),
		cmocka_unit_test(test_a_full_ring_holds_the_receiver),
		cmocka_unit_test(test_what_a_receiver_holds_at_the_end_is_counted),
		cmocka_unit_test(test_a_queue_that_fills_up_presses),
		cmocka_unit_test(test_a_drain_reads_what_has_arrived),
		cmocka_unit_test(test_a_drain_ends_in_a_flood),
		cmocka_unit_test(test_a_worker_takes_no_more_than_it_can_record),
		cmocka_unit_test(test_a_worker_takes_no_more_than_it_can_answer),
		cmocka_unit_test(test_repeats_and_the_cooldown_are_marked),
		cmocka_unit_test(test_every_target_once_by_all_probers),
		cmocka_unit_test(test_attempts_and_coverage),
		cmocka_unit_test(test_pressure_holds_probers),
		cmocka_unit_test(test_no_mbuf_is_waited_for),
		cmocka_unit_test(test_what_has_no_mbuf_is_put_back),
		cmocka_unit_test(test_a_prober_that_stops),
		cmocka_unit_test(test_exhausted_when_all_are_sent),
	};

	return cmocka_run_group_tests(tests, rig_eal_start, rig_eal_stop);
}
