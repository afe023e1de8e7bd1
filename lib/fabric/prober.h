/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The prober role: position -> index -> target -> probe, into the TX queue of the target's interface.
 *
 * What comes next, in which pass, is the schedule's to say (schedule/schedule.h). A later attempt leaves
 * out who has answered by then, and so does what is had once more since it may have reached nobody; a
 * coverage probe goes to those who are drawn, from another port. Each
 * prober takes a burst of positions for each of its interfaces and deals them out; the rate is held in their TX
 * queues. It takes the next while a TX queue is free and no interface has too many waiting: so an interface
 * that is held holds the others before long, for its targets are part of the order. It pauses while any
 * lcore behind it signals pressure: the rate of probes is never bought with lost replies.
 *
 * With a struct polite it asks for each target whether its networks may have a probe now. Those that may
 * not wait; a chunk is over when all its targets have had theirs, so while nobody else is left the prober
 * waits for them, and says so.
 *
 * A struct prober belongs to one lcore; struct prober_source and struct pressure are shared.
 */
#ifndef FABRIC_PROBER_H
#define FABRIC_PROBER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fabric/fabric.h"
#include "fabric/outlet.h"
#include "perm/perm.h"
#include "polite/polite.h"
#include "schedule/answered.h"
#include "schedule/coverage.h"
#include "schedule/schedule.h"
#include "targets/targets.h"

/* Positions permuted at once: four bursts' worth, since the permutation's lanes are only then all in use. */
#define PROBER_AHEAD (4 * PORT_BURST)

/* A flag that one lcore raises and probers read; a line each, so that raising disturbs nobody else. */
struct pressure {
	_Alignas(64) _Atomic bool raised;
};

/* What positions mean, and what is to be done with them; immutable but for the schedule's counter. */
struct prober_source {
	const struct perm *perm;
	const struct targets *targets;
	unsigned int attempts;            /* passes that are attempts; one more is of coverage probes */
	uint64_t coverage_bound;          /* draws below it get one; 0: there is no such pass */
	struct answered *const *answered; /* one a worker */
	unsigned int answered_count;
	struct schedule_source schedule;
};

struct prober_config {
	struct prober_source *source;
	const struct outlet *outlets; /* one an interface; borrowed */
	unsigned int outlet_count;
	struct polite *polite; /* NULL: no caps; the prober's alone */
	struct ledger *ledger;
	const struct pressure *pressures;
	unsigned int pressure_count;
	uint32_t chunks; /* that may await a later pass; of no account with one pass */
};

/*
 * Targets of one interface that have no frames yet: [head, count). Room for some bursts, since the order
 * gives now one interface more, now another.
 */
#define PROBER_BATCH (8 * PORT_BURST)

struct prober_batch {
	unsigned int head;
	unsigned int count;
	uint32_t address[PROBER_BATCH];
	uint16_t port[PROBER_BATCH];
	uint64_t cookie[PROBER_BATCH];
};

struct prober {
	struct prober_config config;
	struct prober_batch batch[PROBE_IFACES_MAX]; /* by interface */
	enum cookie_plan use; /* of what is in the batches, and which attempt */
	uint8_t attempt;
	struct schedule schedule;
	struct schedule_work work; /* [first, end): claimed, not yet taken */
	bool has_work;
	uint64_t index[PROBER_AHEAD]; /* of index_count positions from index_first on */
	uint64_t index_first;
	unsigned int index_count;
	_Atomic bool exhausted; /* nothing left to claim and nothing waiting; read by control */
	_Atomic bool held;      /* by pressure; read by control */
	_Atomic bool polite;    /* by politeness; read by control */
	_Atomic uint64_t tried;  /* targets that their first probe has been made for; read by control */
	_Atomic uint64_t pauses; /* how often it came to be held; read by control */
};

extern const struct role_ops prober_role;

/* 0 or -ENOMEM; prober_free() frees what it took. */
int prober_init(struct prober *p, const struct prober_config *config);
void prober_free(struct prober *p);

/* After the lcores have stopped: count what has no probe yet. */
void prober_fini(struct prober *p);

/* Put the probe's template into every mbuf of a pool that nobody uses yet. 0 or -ENOMEM. */
int prober_fill_pool(struct rte_mempool *pool, const struct probe *probe);

#endif /* FABRIC_PROBER_H */
