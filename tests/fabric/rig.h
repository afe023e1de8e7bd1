/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port whose wire is two rings in the test's hands, with all that a struct tx needs beside it, on
 * a virtual clock.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "../unit/frames.h"
#include "port/tx.h"
#include "with_eal.h"

#define RIG_POOL_SIZE 511

struct rig {
	struct rte_ring *sent;     /* what the driver has taken */
	struct rte_ring *arriving; /* what it will give */
	struct port port;
	struct rte_mempool *pool; /* for urgent frames, probes and what arrives */
	struct gate *gate;
	struct tx_rate rate;
	struct clock clock;
	struct ledger ledger;
	char name[16];
};

static inline struct rte_ring *
rig_ring(const char *prefix, unsigned int places)
{
	static unsigned int made;
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(name, sizeof(name), "%s-%u", prefix, made++);
	ring = rte_ring_create(name, places, SOCKET_ID_ANY,
			       RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	assert_non_null(ring);
	return ring;
}

/* A driver that takes at most `places` frames before the test takes them from it. */
static inline void
rig_open(struct rig *g, unsigned int places)
{
	static unsigned int made;
	const struct port_config config = {.name = g->name, .queues = 1};
	const char *what = "";
	int id;

	memset(g, 0, sizeof(*g));
	snprintf(g->name, sizeof(g->name), "rig%u", made++);
	g->sent = rig_ring("sent", places);
	g->arriving = rig_ring("arriving", 1024);
	id = rte_eth_from_rings(g->name, &g->arriving, 1, &g->sent, 1, 0);
	assert_true(id >= 0);
	assert_int_equal(port_open(&g->port, (uint16_t)id, &config, &what), 0);
	g->pool = rte_pktmbuf_pool_create(g->name, RIG_POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  SOCKET_ID_ANY);
	assert_non_null(g->pool);
	g->gate = gate_new();
	assert_non_null(g->gate);
	tx_rate_init(&g->rate, 0, 0);
	g->clock.is_virtual = true;
}

/* The frames that have left, freed; how many. */
static inline unsigned int
rig_discard_sent(struct rig *g)
{
	unsigned int n = 0;
	void *m;

	for (; rte_ring_dequeue(g->sent, &m) == 0; n++)
		rte_pktmbuf_free(m);
	return n;
}

/* Close it. Every mbuf must have come back, and the books must be right. */
static inline void
rig_close(struct rig *g)
{
	const struct ledger_equation *broken = NULL;

	rig_discard_sent(g);
	if (!ledger_balances(&g->ledger, &broken))
		fail_msg("%s: %llu is not %llu", broken->name,
			 (unsigned long long)ledger_left(&g->ledger, broken),
			 (unsigned long long)ledger_right(&g->ledger, broken));
	assert_int_equal(rte_mempool_avail_count(g->pool), RIG_POOL_SIZE);
	port_close(&g->port);
	rte_ring_free(g->sent);
	rte_ring_free(g->arriving);
	rte_mempool_free(g->pool);
	gate_free(g->gate);
}

static inline void
rig_tx(struct rig *g, struct tx *tx)
{
	tx_init(tx, &g->port, 0, g->pool, g->gate, &g->rate, &g->clock, &g->ledger);
}

static inline struct rte_mbuf *
rig_mbuf(struct rig *g, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(g->pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	return m;
}

/* Let a frame arrive. */
static inline void
rig_arrive(struct rig *g, const uint8_t *frame, size_t len)
{
	assert_int_equal(rte_ring_enqueue(g->arriving, rig_mbuf(g, frame, len)), 0);
}

/* Where a sent IPv4 frame goes. */
static inline uint32_t
rig_destination(const struct rte_mbuf *m)
{
	return load_be32(rte_pktmbuf_mtod_offset(m, const uint8_t *, 14 + 16));
}

#define COUNT_OF(ledger, term) ((ledger)->count[(unsigned int)(term)])

#endif /* TESTS_RIG_H */
