/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fabric: roles on lcores, and how they end.
 *
 * A role is a private context with functions that a lcore calls in turn: poll() does a burst of work
 * and returns how much it did, and never waits. Several roles may share a lcore; one lcore runs them
 * all. A lcore on which no role found work naps until the earliest next_ns(), 50 us at most, so that a
 * shared CPU is not burnt.
 *
 * A run ends in stages, in the order of the pipeline: when the stage of a role is reached, the lcore
 * calls its drain() instead of poll() until it says that it holds nothing more. Control moves to
 * the next stage when every role of this one is drained; so nothing is lost on the way.
 *
 * fabric_add() and the life of the fabric belong to the control thread. With a virtual clock there
 * are no threads: control calls fabric_step().
 */
#ifndef FABRIC_FABRIC_H
#define FABRIC_FABRIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "port/clock.h"

/* Stages of a run's end. A role's stage is the one in which it drains. */
enum fabric_stage {
	FABRIC_RUNNING,
	FABRIC_DRAIN_PROBERS,
	FABRIC_DRAIN_RECEIVERS,
	FABRIC_DRAIN_WORKERS,
	FABRIC_DRAIN_SENDERS,
	FABRIC_STOPPED,
};

struct role_ops {
	const char *name;
	enum fabric_stage stage;
	unsigned int (*poll)(void *context, uint64_t now_ns);
	bool (*drain)(void *context, uint64_t now_ns);
	/* When poll() next has something to do, if nothing comes in until then; TIME_NEVER for never. */
	uint64_t (*next_ns)(const void *context, uint64_t now_ns);
};

/* Of one lcore: every RX queue and the way out of every port, a prober and a worker. */
#define FABRIC_ROLES_MAX 160
#define FABRIC_LCORES_MAX 64

struct fabric;

/* NULL without memory. The clock is borrowed. */
struct fabric *fabric_new(unsigned int lcores, struct clock *clock);
void fabric_free(struct fabric *f);

/* Put a role on data lcore i (0-based); polled in the order of adding. 0, or -ENOSPC. */
int fabric_add(struct fabric *f, unsigned int lcore, const struct role_ops *ops, void *context);

/* Start the lcores' threads. 0 or a negative errno. */
int fabric_launch(struct fabric *f);

/* Virtual clock: one round of every lcore's roles; the work they did. */
unsigned int fabric_step(struct fabric *f);

/* Earliest time at which some role has something to do. */
uint64_t fabric_next_ns(const struct fabric *f);

/*
 * Control: wait until every lcore has seen all that was written before this, and has ended whatever round it
 * was in: nothing that is decided upon by what stood there earlier is still to come. At once without lcores
 * that run. 0; -ETIMEDOUT when a lcore has not ended its round within timeout_ns.
 */
int fabric_settle(const struct fabric *f, uint64_t timeout_ns);

/* Control: enter a stage, and whether every role of it has drained. */
void fabric_enter(struct fabric *f, enum fabric_stage stage);
bool fabric_is_drained(const struct fabric *f);

/* Make all lcores leave at once, whatever they hold, and wait for them. Idempotent. */
void fabric_stop(struct fabric *f);

#endif /* FABRIC_FABRIC_H */
