/* SPDX-License-Identifier: BSD-3-Clause */
/* The way out: the gate, drivers that take fewer, relays, and what is given up. */
#include <errno.h>

#include "rig.h"

#include "base/time.h"

#define HOST(i) (0x14000000u + (i)) /* 20.0.0.0 and on */
#define MS NS_PER_MS

/* An IPv4 frame to an address; 60 bytes. */
static size_t
frame_to(uint32_t address, uint8_t *frame)
{
	size_t at = frames_ether(frame, 0);

	frames_ipv4(frame + at, frames_sources[0], address, IP_PROTO_TCP, 26, NULL, 0);
	memset(frame + at + sizeof(struct wire_ipv4), 0, 26);
	return at + sizeof(struct wire_ipv4) + 26;
}

static bool
send_urgent(struct tx *tx, enum ledger_frame kind, uint32_t address)
{
	uint8_t frame[128];

	return tx_urgent(tx, kind, frame, (uint16_t)frame_to(address, frame));
}

/* Queue n probes to HOST(first) and on. */
static void
make_probes(struct rig *g, struct tx *tx, unsigned int first, uint16_t n)
{
	uint8_t frame[128];

	assert_int_equal(tx_probes_waiting(tx), 0);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = rig_mbuf(g, frame, frame_to(HOST(first + i), frame));

		m->hash.usr = LEDGER_PROBE;
		tx_probes_slots(tx)[i] = m;
	}
	ledger_add(&g->ledger, LEDGER_TARGET, n);
	tx_probes_ready(tx, n);
}

/* The next frame that has left goes to that address. */
static void
assert_next_goes_to(struct rig *g, uint32_t address)
{
	void *m = NULL;

	assert_int_equal(rte_ring_dequeue(g->sent, &m), 0);
	assert_int_equal(rig_destination(m), address);
	rte_pktmbuf_free(m);
}

static void
deny(struct rig *g, const char *text)
{
	assert_int_equal(gate_deny(g->gate, text, strlen(text)), 0);
}

static void
test_gate_stops_what_is_denied(void **state)
{
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 64);
	rig_tx(&g, &tx);
	deny(&g, "20.0.0.8/29");
	deny(&g, "20.0.0.31");
	make_probes(&g, &tx, 0, 32);
	for (unsigned int i = 6; i < 10; i++)
		assert_true(send_urgent(&tx, LEDGER_RESET, HOST(i)));
	assert_true(send_urgent(&tx, LEDGER_ECHO, HOST(15)));
	assert_int_equal(tx_flush(&tx), 37);

	assert_next_goes_to(&g, HOST(6));
	assert_next_goes_to(&g, HOST(7));
	for (unsigned int i = 0; i < 32; i++)
		if ((i < 8 || i > 15) && i != 31)
			assert_next_goes_to(&g, HOST(i));
	assert_true(rte_ring_empty(g.sent));
	assert_true(tx_is_empty(&tx));
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_GATED + LEDGER_PROBE), 9);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_SENT + LEDGER_PROBE), 23);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_GATED + LEDGER_RESET), 2);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_SENT + LEDGER_RESET), 2);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_GATED + LEDGER_ECHO), 1);
	rig_close(&g);
}

/* To HOST(i), from and to which ports is told; as long as others. */
static bool
send_to_port(struct tx *tx, enum ledger_frame kind, unsigned int i, uint8_t protocol, uint16_t port)
{
	uint8_t frame[128];
	size_t len = frame_to(HOST(i), frame), at = len - 26;

	((struct wire_ipv4 *)(frame + at - sizeof(struct wire_ipv4)))->protocol = protocol;
	store_be16(frame + at, 40000);
	store_be16(frame + at + 2, port);
	return tx_urgent(tx, kind, frame, (uint16_t)len);
}

/* The gate's holes are for questions to resolvers and for nothing else. */
static void
test_gate_lets_ask(void **state)
{
	static const struct {
		enum ledger_frame kind;
		unsigned int host;
		uint8_t protocol;
		uint16_t port;
		bool leaves;
	} rows[] = {
		{LEDGER_QUERY, 1, IP_PROTO_UDP, 53, true},    {LEDGER_SEGMENT, 1, IP_PROTO_TCP, 53, true},
		{LEDGER_QUERY, 1, IP_PROTO_UDP, 54, false},   {LEDGER_SEGMENT, 1, IP_PROTO_TCP, 443, false},
		{LEDGER_QUERY, 2, IP_PROTO_UDP, 53, false},   {LEDGER_RESET, 1, IP_PROTO_TCP, 53, false},
		{LEDGER_QUERY, 1, IP_PROTO_ICMP, 53, false},  {LEDGER_ECHO, 1, IP_PROTO_UDP, 53, false},
	};
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 64);
	rig_tx(&g, &tx);
	deny(&g, "20.0.0.0/24");
	assert_int_equal(gate_open(g.gate, HOST(1), 53), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(send_to_port(&tx, rows[i].kind, rows[i].host, rows[i].protocol, rows[i].port));
		assert_int_equal(tx_flush(&tx), 1);
		assert_int_equal(rig_discard_sent(&g), rows[i].leaves);
	}
	make_probes(&g, &tx, 1, 1);
	assert_int_equal(tx_flush(&tx), 1);
	assert_int_equal(rig_discard_sent(&g), 0);
	assert_true(ledger_balances(&g.ledger, NULL));
	rig_close(&g);
}

/* A denial holds for frames that were queued before it. */
static void
test_gate_stops_what_waits(void **state)
{
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 7);
	rig_tx(&g, &tx);
	make_probes(&g, &tx, 0, 32);
	assert_int_equal(tx_flush(&tx), 7);
	assert_int_equal(rig_discard_sent(&g), 7);
	deny(&g, "20.0.0.0/24");
	assert_int_equal(tx_flush(&tx), 25);
	assert_true(rte_ring_empty(g.sent));
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_GATED + LEDGER_PROBE), 25);
	rig_close(&g);
}

/* What is neither IPv4 nor ARP, or too short to say where it goes, does not leave. */
static void
test_gate_stops_what_it_cannot_read(void **state)
{
	uint8_t frame[128] = {0};
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 64);
	rig_tx(&g, &tx);
	frame_to(HOST(1), frame);
	store_be16(frame + 12, 0x86dd);
	assert_true(tx_urgent(&tx, LEDGER_RESET, frame, 60));
	frame_to(HOST(1), frame);
	assert_true(tx_urgent(&tx, LEDGER_RESET, frame, 33));
	assert_true(tx_urgent(&tx, LEDGER_RESET, frame, 9));
	store_be16(frame + 12, ETHER_TYPE_ARP);
	assert_true(tx_urgent(&tx, LEDGER_ARP, frame, 60));
	assert_int_equal(tx_flush(&tx), 4);
	assert_int_equal(rig_discard_sent(&g), 1);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_GATED + LEDGER_RESET), 3);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_SENT + LEDGER_ARP), 1);
	rig_close(&g);
}

/* A driver that takes seven at a time gets all of them, once each and in order. */
static void
test_what_the_driver_refuses_goes_again(void **state)
{
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 7);
	rig_tx(&g, &tx);
	make_probes(&g, &tx, 0, 32);
	for (unsigned int i = 0; i < 12; i++)
		assert_true(send_urgent(&tx, LEDGER_RESET, HOST(100 + i)));
	assert_int_equal(tx_flush(&tx), 7);
	assert_int_equal(tx_flush(&tx), 0);
	for (unsigned int i = 0; i < 12; i++) {
		assert_next_goes_to(&g, HOST(100 + i));
		tx_flush(&tx);
	}
	for (unsigned int i = 0; i < 32; i++) {
		assert_next_goes_to(&g, HOST(i));
		tx_flush(&tx);
	}
	assert_true(tx_is_empty(&tx));
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_SENT + LEDGER_PROBE), 32);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_SENT + LEDGER_RESET), 12);
	rig_close(&g);
}

/* Nor are they charged twice: a frame that the driver refused has not been paid for. */
static void
test_refused_frames_are_not_charged(void **state)
{
	uint64_t frames[2], bits[2];

	(void)state;
	for (unsigned int stubborn = 0; stubborn < 2; stubborn++) {
		struct rig g;
		struct tx tx;

		rig_open(&g, stubborn ? 3 : 64);
		rig_tx(&g, &tx);
		tx_rate_init(&g.rate, 1000, 200 * 1000);
		for (unsigned int i = 0; i < 20; i++)
			assert_true(send_urgent(&tx, LEDGER_RESET, HOST(i)));
		for (unsigned int i = 0; i < 10; i++) {
			tx_flush(&tx);
			rig_discard_sent(&g);
		}
		assert_int_equal(COUNT_OF(&g.ledger, LEDGER_SENT + LEDGER_RESET), 20);
		frames[stubborn] = atomic_load(&g.rate.frames.tat) >> PACE_TAT_BITS;
		bits[stubborn] = atomic_load(&g.rate.bits.tat) >> PACE_TAT_BITS;
		rig_close(&g);
	}
	/* 20 frames at 1,000 a second; 20 of 84 bytes on the wire at 200 kbit/s. */
	assert_in_range(frames[0], 20 * MS, 20 * MS + 1000);
	assert_in_range(frames[1], frames[0], frames[0] + 1000);
	assert_in_range(bits[0], 67200 * NS_PER_US, 67200 * NS_PER_US + 1000);
	assert_in_range(bits[1], bits[0], bits[0] + 1000);
}

/* A driver that takes nothing: the promise is kept when it begins to. */
static void
test_the_rate_holds_after_a_stall(void **state)
{
	unsigned int sent = 0;
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 40);
	rig_tx(&g, &tx);
	tx_rate_init(&g.rate, 10000, 0);
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(rte_ring_enqueue(g.sent, rig_mbuf(&g, (const uint8_t *)"", 1)), 0);
	make_probes(&g, &tx, 0, 32);
	for (; g.clock.virtual_ns < NS_PER_SEC; g.clock.virtual_ns += NS_PER_MS)
		assert_int_equal(tx_flush(&tx), 0);
	rig_discard_sent(&g);
	for (uint64_t end = NS_PER_SEC + 100 * NS_PER_MS; g.clock.virtual_ns < end;
	     g.clock.virtual_ns += 100 * NS_PER_US) {
		if (tx_probes_waiting(&tx) == 0)
			make_probes(&g, &tx, 0, 32);
		tx_flush(&tx);
		sent += rig_discard_sent(&g);
	}
	assert_in_range(sent, 1000 - PACE_BURST, 1000 + PACE_BURST);
	tx_give_up(&tx);
	rig_close(&g);
}

/* RSTs go before probes, whichever was there first. */
static void
test_urgent_frames_go_first(void **state)
{
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 256);
	rig_tx(&g, &tx);
	tx_rate_init(&g.rate, 1000, 0);
	make_probes(&g, &tx, 0, 32);
	for (unsigned int i = 0; i < 20; i++)
		assert_true(send_urgent(&tx, LEDGER_RESET, HOST(100 + i)));
	tx_flush(&tx);
	for (unsigned int i = 0; i < 20; i++)
		assert_next_goes_to(&g, HOST(100 + i));
	assert_int_equal(rig_discard_sent(&g), 0); /* not half of a burst is left for probes */
	g.clock.virtual_ns = NS_PER_SEC;
	assert_int_equal(tx_next_ns(&tx, NS_PER_SEC), NS_PER_SEC);
	tx_flush(&tx);
	assert_int_equal(rig_discard_sent(&g), 32);
	assert_int_equal(tx_next_ns(&tx, NS_PER_SEC), TIME_NEVER);
	rig_close(&g);
}

static void
test_no_room_and_no_mbuf_is_told(void **state)
{
	struct rte_mbuf *all[RIG_POOL_SIZE];
	uint8_t frame[RTE_MBUF_DEFAULT_BUF_SIZE + 1] = {0};
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 256);
	rig_tx(&g, &tx);
	for (unsigned int i = 0; i < TX_FIFO_SIZE; i++) {
		assert_int_equal(tx_room(&tx), TX_FIFO_SIZE - i);
		assert_true(send_urgent(&tx, LEDGER_ECHO, HOST(i)));
	}
	assert_int_equal(tx_room(&tx), 0);
	assert_false(send_urgent(&tx, LEDGER_ECHO, HOST(64)));
	while (tx_flush(&tx) > 0)
		;
	assert_int_equal(rig_discard_sent(&g), TX_FIFO_SIZE);
	assert_false(tx_urgent(&tx, LEDGER_ECHO, frame, sizeof(frame)));
	assert_int_equal(rte_pktmbuf_alloc_bulk(g.pool, all, RIG_POOL_SIZE), 0);
	assert_false(send_urgent(&tx, LEDGER_ECHO, HOST(65)));
	rte_pktmbuf_free_bulk(all, RIG_POOL_SIZE);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_INTENDED + LEDGER_ECHO), TX_FIFO_SIZE + 3);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_SENT + LEDGER_ECHO), TX_FIFO_SIZE);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_REFUSED + LEDGER_ECHO), 3);
	rig_close(&g);
}

/* The queue's two ends meet: as many frames go through it as one likes, in order. */
static void
test_urgent_queue_is_endless(void **state)
{
	unsigned int made = 0, seen = 0;
	struct rig g;
	struct tx tx;

	(void)state;
	rig_open(&g, 5);
	rig_tx(&g, &tx);
	while (seen < 1000) {
		for (unsigned int i = 0; i < 7 && tx_room(&tx) > 0; i++)
			assert_true(send_urgent(&tx, LEDGER_RESET, HOST(made++)));
		for (tx_flush(&tx); !rte_ring_empty(g.sent); seen++)
			assert_next_goes_to(&g, HOST(seen));
	}
	tx_give_up(&tx);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_REFUSED + LEDGER_RESET), made - seen);
	rig_close(&g);
}

static void
test_relays(void **state)
{
	struct tx owner, relay[2];
	unsigned int made = 0;
	struct rig g;

	(void)state;
	rig_open(&g, 1000);
	rig_tx(&g, &owner);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(tx_init_relay(&relay[i], &owner, g.pool, &g.ledger), 0);
	deny(&g, "20.0.0.3");
	assert_true(tx_is_empty(&owner));
	for (; tx_room(&relay[0]) > 0; made++)
		assert_true(send_urgent(&relay[0], LEDGER_RESET, HOST(made)));
	assert_false(send_urgent(&relay[0], LEDGER_RESET, HOST(made)));
	assert_true(send_urgent(&relay[1], LEDGER_RESET, HOST(made)));
	assert_false(tx_is_empty(&owner));
	assert_int_equal(tx_flush(&relay[0]), 0);
	while (!tx_is_empty(&owner))
		assert_true(tx_flush(&owner) > 0);
	assert_int_equal(rig_discard_sent(&g), made);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_GATED + LEDGER_RESET), 1);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_REFUSED + LEDGER_RESET), 1);
	rte_ring_free(relay[0].relay_to);
	rte_ring_free(relay[1].relay_to);
	rig_close(&g);
}

static void
test_relays_are_bounded(void **state)
{
	struct tx owner, relay[TX_RELAYS_MAX + 1];
	struct rig g;

	(void)state;
	rig_open(&g, 64);
	rig_tx(&g, &owner);
	for (unsigned int i = 0; i < TX_RELAYS_MAX; i++)
		assert_int_equal(tx_init_relay(&relay[i], &owner, g.pool, &g.ledger), 0);
	assert_int_equal(tx_init_relay(&relay[TX_RELAYS_MAX], &owner, g.pool, &g.ledger), -ENOSPC);
	for (unsigned int i = 0; i < TX_RELAYS_MAX; i++)
		rte_ring_free(relay[i].relay_to);
	rig_close(&g);
}

/* Whatever is given up is counted by its kind, that of relays too, and freed. */
static void
test_giving_up(void **state)
{
	struct tx owner, relay;
	struct rig g;

	(void)state;
	rig_open(&g, 64);
	rig_tx(&g, &owner);
	assert_int_equal(tx_init_relay(&relay, &owner, g.pool, &g.ledger), 0);
	make_probes(&g, &owner, 0, 20);
	assert_true(send_urgent(&owner, LEDGER_ECHO, HOST(1)));
	for (unsigned int i = 0; i < 100; i++)
		assert_true(send_urgent(&relay, LEDGER_RESET, HOST(i)));
	tx_give_up_probes(&owner);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_REFUSED + LEDGER_PROBE), 20);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_REFUSED + LEDGER_ECHO), 0);
	tx_give_up(&owner);
	assert_true(tx_is_empty(&owner));
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_REFUSED + LEDGER_ECHO), 1);
	assert_int_equal(COUNT_OF(&g.ledger, LEDGER_REFUSED + LEDGER_RESET), 100);
	rte_ring_free(relay.relay_to);
	rig_close(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_stops_what_is_denied),
		cmocka_unit_test(test_gate_lets_ask),
		cmocka_unit_test(test_gate_stops_what_waits),
		cmocka_unit_test(test_gate_stops_what_it_cannot_read),
		cmocka_unit_test(test_what_the_driver_refuses_goes_again),
		cmocka_unit_test(test_refused_frames_are_not_charged),
		cmocka_unit_test(test_the_rate_holds_after_a_stall),
		cmocka_unit_test(test_urgent_frames_go_first),
		cmocka_unit_test(test_no_room_and_no_mbuf_is_told),
		cmocka_unit_test(test_urgent_queue_is_endless),
		cmocka_unit_test(test_relays),
		cmocka_unit_test(test_relays_are_bounded),
		cmocka_unit_test(test_giving_up),
	};

	return cmocka_run_group_tests(tests, with_eal, without_eal);
}
