/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an engine is made of: shared by engine_ports.c, engine_make.c, engine_grabs.c and engine_lookups.c, which put it together, and
 * engine.c, which runs it. Nobody else looks inside.
 */
#ifndef SCAN_ENGINE_STATE_H
#define SCAN_ENGINE_STATE_H

#include <stdatomic.h>

#include "dedup/dedup.h"
#include "engine.h"
#include "fabric/accused.h"
#include "fabric/canary.h"
#include "fabric/prober.h"
#include "fabric/receiver.h"
#include "fabric/worker.h"
#include "lister.h"
#include "port/tx.h"
#include "quest.h"

#define LCORES_MAX LAYOUT_LCORES_MAX

#define PORTS_MAX JOB_INTERFACES_MAX
#define RX_QUEUES_MAX (PORTS_MAX * PORT_QUEUES_MAX)

/* One of the job's interfaces. */
struct engine_port {
	struct port port;
	bool is_open;
	struct neigh neigh;
	struct probe probe;
	struct pace pace; /* of interfaces.rate, where it has one */
};

/* What stands on one lcore; arrays are by interface. */
struct engine_lcore {
	struct ledger ledger;
	struct tx tx[PORTS_MAX];
	struct outlet outlets[PORTS_MAX];
	struct rte_mempool *probe_pools[PORTS_MAX]; /* a prober's; NULL where the port has one of its own */
	struct polite *polite;      /* the prober's */
	struct polite *open_polite; /* the grabber's */
	struct prober prober;
	struct worker worker;
	struct dedup *dedup;
	struct rte_ring *records;
};

/* Of grabs; arrays are by worker. */
struct engine_grabs {
	struct grabber *grabbers[LCORES_MAX];
	struct rte_ring *rings[LCORES_MAX];
};

/* Of lookups; arrays are by worker. */
struct engine_lookups {
	struct lookups *lookups[LCORES_MAX];
	struct rte_ring *rings[LCORES_MAX];
	struct feed *listed;       /* what the lister reads; NULL: the job has no lists */
	struct feed *found;        /* what the writer finds; NULL: the job looks for nothing */
	struct lister *lister;
	struct quest *quest;
	struct pressure *pressure; /* of the quest */
	struct pace rate;
	struct accused accused;    /* of those whom resolvers are asked; added to by control */
	struct ledger ledger;      /* the lister's */
	_Atomic bool stop;
};

/* Positions that are to be probed once more. */
struct engine_again {
	bool is_marking; /* workers mark who has answered; then probers are told */
	uint64_t first;
	uint64_t end;
};

struct engine {
	struct engine_config config;
	struct clock clock;
	struct engine_port ports[PORTS_MAX];
	unsigned int port_count;
	bool has_eal;
	struct layout layout;
	uint16_t cpus[LCORES_MAX]; /* of lcores, where the job names them */
	struct fabric *fabric;
	struct tx_rate rate;
	struct engine_rate promised; /* by rate */
	uint64_t rate_changes;
	struct canary canary;        /* of the first lcore, if there are any */
	struct pressure *hold;       /* raised by control */
	const char *hold_cause;
	struct prober_source source;
	struct refusals *refusals; /* where there are caps */
	struct rte_mempool *urgent_pool;
	struct engine_lcore lcores[LCORES_MAX];
	struct receiver receivers[RX_QUEUES_MAX]; /* one a RX queue, port by port */
	unsigned int receiver_count;
	struct pressure pressures[RX_QUEUES_MAX + LCORES_MAX + 2];
	unsigned int pressure_count;
	struct watermark receiver_marks[RX_QUEUES_MAX];
	struct watermark worker_marks[LCORES_MAX];
	struct answered *answered[LCORES_MAX]; /* by worker */
	struct worker_marking marking;
	struct engine_again again;
	uint64_t pauses; /* of probers, as far as the last look saw */
	_Atomic uint64_t sure; /* set by control, read by the keeper */
	_Atomic uint64_t sure_since_ns;
	struct rte_ring *rings[LCORES_MAX][LCORES_MAX]; /* [receiver's lcore][worker] */
	struct rte_ring *rings_by_worker[LCORES_MAX][LCORES_MAX];
	struct rte_ring *record_rings[LCORES_MAX];
	struct writer *writer;
	struct ledger writer_ledger;
	struct engine_grabs grabs;
	struct engine_lookups lookups;
	/* Of frames for connections and questions. */
	struct rte_ring *segments[LCORES_MAX][LCORES_MAX]; /* [receiver's lcore][worker] */
	struct rte_ring *segments_by_worker[LCORES_MAX][LCORES_MAX];
	_Atomic uint64_t cooldown_since_ns;
	_Atomic uint64_t adopt_until_ns;
	_Atomic uint64_t open_until_ns;
	struct named *named; /* names that earlier runs have dealt with; NULL: none */
};

/* Every position below it has had all its passes. Any thread. */
uint64_t engine_floor(const struct engine *e);

/* Whether anything but replies to probes is to come in. */
bool engine_has_flows(const struct engine *e);

/* Start DPDK, open the ports and lay the roles out. 0, or what engine_open() returns, told. */
int engine_open_ports(struct engine *e);

/*
 * Make the ports' probes of what is known now: before a gateway is resolved its template is of no use,
 * its cookies are. 0 or a negative errno.
 */
int engine_make_probes(struct engine *e);

/* Whether caps leave workers a part to open connections by. */
bool engine_may_open(const struct engine *e);

/* Make what grabs need, once gateways are known. 0 or a negative errno. */
int engine_make_grabs(struct engine *e);
void engine_free_grabs(struct engine *e);

/* Make what lookups need, and what a run before has left of them; the threads are started later. */
int engine_make_lookups(struct engine *e, const struct engine_outputs *outputs);
int engine_start_lookups(struct engine *e);
/* A round of what has no lcore, where there are no threads; how much was done. */
unsigned int engine_poll_lookups(struct engine *e);
/* After the lcores have stopped. */
void engine_end_lookups(struct engine *e);
void engine_free_lookups(struct engine *e);

/* Make the writer, onto its outputs. 0 or a negative errno. */
int engine_make_writer(struct engine *e, const struct engine_outputs *outputs);

#endif /* SCAN_ENGINE_STATE_H */
