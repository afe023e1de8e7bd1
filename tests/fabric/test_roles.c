/* SPDX-License-Identifier: BSD-3-Clause */
/* Roles on a port of rings: what they pass on, what they hold, what they count when a run breaks off. */
#include "rig.h"

#include <rte_ring_elem.h>

#include "base/time.h"
#include "fabric/canary.h"
#include "fabric/fabric.h"
#include "fabric/grabber.h"
#include "fabric/receiver.h"
#include "fabric/segments.h"
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
	/* Where there are grabs. */
	struct grabber *grabber;
	struct grabber_plan plan;
	struct rte_ring *grabs;
	struct rte_ring *segments[1];
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

	l->outlet = (struct outlet){&l->probe, &l->tx, NULL, false};
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

/* Nor is there one for what was talked. */
static void
drop_grabs(struct line *l)
{
	void *grab;

	while (l->grabs != NULL && rte_ring_dequeue(l->grabs, &grab) == 0) {
		ledger_add(&l->rig.ledger, LEDGER_UNWRITTEN, 1);
		grab_free(grab);
	}
}

/* As a second ctrl-C ends it. */
static void
close_line(struct line *l)
{
	receiver_fini(&l->receiver);
	worker_fini(&l->worker, 0);
	drop_grabs(l);
	ledger_add(&l->rig.ledger, LEDGER_OUTPUT, 1);
	ledger_add(&l->rig.ledger, LEDGER_UNWRITTEN, rte_ring_count(l->records));
	tx_give_up(&l->tx);
	for (void *m; rte_ring_dequeue(l->rig.arriving, &m) == 0;)
		rte_pktmbuf_free(m);
	rig_close(&l->rig);
	for (unsigned int i = 0; i < l->receiver.config.workers; i++)
		rte_ring_free(l->rings[i]);
	rte_ring_free(l->records);
	rte_ring_free(l->grabs);
	rte_ring_free(l->segments[0]);
	grabber_free(l->grabber);
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

/* The hit rate is of targets: a canary that answers, or that is closed one day, takes nothing from it. */
static void
test_answers_are_of_targets(void **state)
{
	const struct canary_config config = {.address = {HOST(1)}, .port = {PORT}, .count = 1};
	const uint8_t flags[] = {TCP_SYN | TCP_ACK, TCP_RST | TCP_ACK};
	struct canary canary;
	uint8_t frame[2048];
	struct line l;

	(void)state;
	open_line(&l, 1, 64, 64);
	canary_init(&canary, &config);
	l.receiver.config.canary = &canary;
	for (unsigned int i = 0; i < 2; i++) {
		const struct frames_flow f = frames_flow(&l.probe, HOST(1), PORT, COOKIE_CANARY);
		const struct frames_tcp t = {.flags = flags[i], .seq = 7, .ack = f.seq + 1, .window = 1000};

		rig_arrive(&l.rig, frame, frames_reply(&f, &t, frame));
		assert_int_equal(poll_receiver(&l), 1);
		assert_int_equal(count(&l, LEDGER_CANARY_REPLIES), i + 1);
		assert_int_equal(atomic_load(&l.receiver.answers), 0);
	}
	synack_arrives(&l, 2);
	rig_arrive(&l.rig, frame, segment(&l, 3, TCP_RST | TCP_ACK, frame));
	assert_int_equal(poll_receiver(&l), 2);
	assert_int_equal(atomic_load(&l.receiver.answers), 1);
	assert_int_equal(poll_worker(&l), 2);
	assert_int_equal(write_records(&l), 2);
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

/* ---- A worker that talks ----------------------------------------------------------------- */

/* How long a grab may talk: longer than responders wait for a place. */
#define TALK_NS (12 * NS_PER_SEC)
#define TALKED_NS (TALK_NS + 2 * NS_PER_MS) /* timers have ticks */

/* Who is found at PORT is asked for a banner, so many at once. */
static void
open_talking_line(struct line *l, uint32_t sessions)
{
	static const struct grabber_task task = {
		.module = GRAB_BANNER, .banner = {.max_bytes = 100}, .timeout_ns = TALK_NS, .retry_declined = true};
	static uint8_t task_of_port[65536] = {[PORT] = 1};
	static const _Atomic uint64_t adopt_until_ns = TIME_NEVER;
	struct grabber_config grabber = {.sessions = sessions, .key = {1, 2}};
	struct worker_config config;

	open_line(l, 1, 64, 64);
	l->plan = (struct grabber_plan){.tasks = &task, .task_count = 1, .task_of_port = task_of_port};
	l->grabs = grabber_ring_new(0, sessions);
	l->segments[0] = segments_ring_new(0, 0);
	grabber.plan = &l->plan;
	grabber.outlets = &l->outlet;
	grabber.outlet_count = 1;
	grabber.gate = l->rig.gate;
	grabber.grabs = l->grabs;
	grabber.ledger = &l->rig.ledger;
	l->grabber = grabber_new(&grabber, 0);
	assert_true(l->grabs != NULL && l->segments[0] != NULL && l->grabber != NULL);
	config = l->worker.config;
	config.grabber = l->grabber;
	config.plan = &l->plan;
	config.segments = l->segments;
	config.adopt_until_ns = &adopt_until_ns;
	worker_init(&l->worker, &config);
}

/* An earlier run has recorded the SYN-ACK, and was killed before the grab was. */
static void
test_what_an_earlier_run_owes_is_adopted(void **state)
{
	struct line l;

	(void)state;
	open_talking_line(&l, 8);
	news_recall(&l.worker.config.news, HOST(1), PORT, CLASSIFY_SYNACK, RECORD_FIRST);
	news_recall(&l.worker.config.news, HOST(2), PORT, CLASSIFY_SYNACK, RECORD_FIRST | RECORD_GRABBED);
	for (unsigned int i = 0; i < 3; i++)
		synack_arrives(&l, i);
	assert_int_equal(poll_receiver(&l), 3);
	poll_worker(&l);
	assert_int_equal(count(&l, LEDGER_ADOPTED), 2);
	assert_int_equal(count(&l, LEDGER_FIRST_AGAIN), 1);
	assert_int_equal(count(&l, LEDGER_REPEAT), 2);
	close_line(&l);
}

/* Who waits for a place when the run is broken off is left as one who waits in the ring. */
static void
test_who_waits_at_the_end_is_counted(void **state)
{
	struct line l;

	(void)state;
	open_talking_line(&l, 2);
	for (unsigned int i = 0; i < 5; i++)
		synack_arrives(&l, i);
	assert_int_equal(poll_receiver(&l), 5);
	poll_worker(&l);
	assert_int_equal(count(&l, LEDGER_ADOPTED), 2);
	assert_int_equal(count(&l, LEDGER_RECORD), 2);
	assert_true(l.pressures[1].raised);
	close_line(&l);
	assert_int_equal(count(&l, LEDGER_LEFT_IN_RING), 3);
}

static uint64_t
worker_mark(const struct line *l)
{
	return watermark_least(&l->marks[1], 1);
}

/* Time passes, and everybody does what there is to do. */
static void
let_pass(struct line *l, uint64_t ns)
{
	l->rig.clock.virtual_ns += ns;
	while (poll_receiver(l) + poll_worker(l) > 0)
		;
	poll_worker(l);
}

/* Who was declined keeps its epoch open, also while all that talk came later. */
static void
test_who_is_to_be_tried_again_is_waited_for(void **state)
{
	struct line l;
	uint64_t since_ns;

	(void)state;
	open_talking_line(&l, 2);
	since_ns = l.rig.clock.virtual_ns;
	for (unsigned int i = 0; i < 3; i++)
		synack_arrives(&l, i);
	let_pass(&l, 0);
	let_pass(&l, 10 * NS_PER_SEC);
	assert_int_equal(count(&l, LEDGER_ADOPTED), 2);
	assert_int_equal(count(&l, LEDGER_DECLINED + LEDGER_WANT_CONNECTION), 1);
	assert_int_equal(count(&l, LEDGER_OPEN_WANTED + LEDGER_OPEN_AGAIN), 1);
	/* The places that are free by now are for those who wait to be adopted. */
	for (unsigned int i = 3; i < 5; i++)
		synack_arrives(&l, i);
	let_pass(&l, TALKED_NS - 10 * NS_PER_SEC);
	assert_int_equal(count(&l, LEDGER_ADOPTED), 4);
	assert_int_equal(count(&l, LEDGER_OPENED + LEDGER_OPEN_AGAIN), 0);
	assert_int_equal(worker_live(&l.worker), 3);
	assert_true(worker_mark(&l) <= since_ns);
	let_pass(&l, TALKED_NS);
	assert_int_equal(count(&l, LEDGER_OPENED + LEDGER_OPEN_AGAIN), 1);
	assert_true(worker_mark(&l) <= since_ns);
	let_pass(&l, TALKED_NS);
	assert_int_equal(worker_live(&l.worker), 0);
	assert_int_equal(worker_mark(&l), l.rig.clock.virtual_ns);
	close_line(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_is_counted_and_answered),
		cmocka_unit_test(test_answers_are_of_targets),
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
		cmocka_unit_test(test_what_an_earlier_run_owes_is_adopted),
		cmocka_unit_test(test_who_waits_at_the_end_is_counted),
		cmocka_unit_test(test_who_is_to_be_tried_again_is_waited_for),
	};

	return cmocka_run_group_tests(tests, with_eal, without_eal);
}
