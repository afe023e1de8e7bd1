/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an engine is made of: shared by engine_make.c, which puts it together, and engine.c, which
 * runs it. Nobody else looks inside.
 */
#ifndef SCAN_ENGINE_STATE_H
#define SCAN_ENGINE_STATE_H

#include <stdatomic.h>

#include "dedup/dedup.h"
#include "engine.h"
#include "fabric/prober.h"
#include "fabric/receiver.h"
#include "fabric/worker.h"
#include "port/tx.h"

#define LCORES_MAX LAYOUT_LCORES_MAX

/* What stands on one lcore. */
struct engine_lcore {
	struct ledger ledger;
	struct tx tx;
	struct prober prober;
	struct worker worker;
	struct rte_mempool *probe_pool;
	struct dedup *dedup;
	struct rte_ring *records;
};

struct engine {
	struct engine_config config;
	struct clock clock;
	struct port port;
	bool has_port;
	struct layout layout;
	struct fabric *fabric;
	struct tx_rate rate;
	struct engine_rate promised; /* by rate */
	struct probe probe;
	struct neigh neigh;
	struct prober_source source;
	struct rte_mempool *urgent_pool;
	struct engine_lcore lcores[LCORES_MAX];
	struct receiver receivers[PORT_QUEUES_MAX]; /* one a RX queue */
	struct pressure pressures[PORT_QUEUES_MAX + LCORES_MAX];
	unsigned int pressure_count;
	struct rte_ring *rings[PORT_QUEUES_MAX][LCORES_MAX]; /* [receiver][worker] */
	struct rte_ring *rings_by_worker[LCORES_MAX][PORT_QUEUES_MAX];
	struct rte_ring *record_rings[LCORES_MAX];
	struct writer *writer;
	struct ledger writer_ledger;
	_Atomic uint64_t cooldown_since_ns;
};

/*
 * Make the probe of what is known now: before the gateway is resolved its template is of no use, its
 * cookies are. 0 or a negative errno.
 */
int engine_make_probe(struct engine *e);

/* Make the writer, onto count sinks. 0 or a negative errno. */
int engine_make_writer(struct engine *e, const struct writer_sink *sinks, unsigned int count);

#endif /* SCAN_ENGINE_STATE_H */
