/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker role: what becomes of a reply.
 *
 * It takes replies from the rings of all receivers, tells first ones from repeats, makes a record of each
 * for the writer. A SYN-ACK that the job has a grab for is adopted (fabric/grabber.h); any other is
 * answered with a RST, so that its host need not say it again. Errors by which a network says that it
 * wants no probes are told to the probers. It takes a reply only with credit: room for its record and
 * for its RST, and what a grab needs. Without credit replies wait, and pressure holds the probers; a
 * responder that has waited for 10 s is declined and counted by what it lacked, and reset; the grabber may
 * try it again.
 *
 * A struct worker belongs to one lcore; it alone knows the targets of its buckets.
 */
#ifndef FABRIC_WORKER_H
#define FABRIC_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fabric/fabric.h"
#include "fabric/grabber.h"
#include "fabric/outlet.h"
#include "fabric/news.h"
#include "fabric/prober.h"
#include "fabric/watermark.h"
#include "polite/refusals.h"
#include "ledger/ledger.h"
#include "record/record.h"

struct rte_ring;

/*
 * Positions [first, end) are to be had once more: who of them has answered is to be marked, so that they are
 * left out. Control writes first and end, and then another number.
 */
struct worker_marking {
	_Atomic uint64_t first;
	_Atomic uint64_t end;
	_Atomic unsigned int number; /* 0: none yet */
};

struct worker_config {
	struct rte_ring *const *rings; /* one a receiver's lcore */
	unsigned int receivers;
	struct rte_ring *records;      /* to the writer; one producer, one consumer */
	const struct outlet *outlets;  /* one an interface; borrowed */
	unsigned int outlet_count;
	struct news news;              /* the worker's own */
	struct refusals *refusals;     /* to tell probers of; NULL: nobody asks */
	struct pressure *pressure;
	struct ledger *ledger;
	/* Set by control when the last probe has been sent; TIME_NEVER before. */
	const _Atomic uint64_t *cooldown_since_ns;
	const struct watermark *receiver_marks; /* of all receivers */
	unsigned int receiver_mark_count;
	struct watermark *watermark;
	const struct worker_marking *marking; /* shared; NULL: never */
	/* Grabs and lookups; NULL where the job has none. */
	struct grabber *grabber;
	const struct grabber_plan *plan;
	struct lookups *lookups;          /* a role of its own, but for what comes in */
	struct rte_ring *const *segments; /* one a receiver's lcore; NULL: the job has neither */
	/* Set by control: who answers from then on is not adopted any more; TIME_NEVER before. */
	const _Atomic uint64_t *adopt_until_ns;
	/* The same of connections that are opened; may be NULL: never. */
	const _Atomic uint64_t *open_until_ns;
};

struct worker {
	struct worker_config config;
	unsigned int next_ring; /* to be fair to receivers */
	/* Off a ring and not dealt with: from held_first up to held_count. */
	struct record_scan held[PORT_BURST];
	bool held_owes_grab[PORT_BURST];
	unsigned int held_first;
	unsigned int held_count;
	_Atomic uint32_t live; /* grabs under way; read by control */
	unsigned int marking;  /* that has begun, and how far it is in the set */
	uint64_t marking_at;
	_Atomic unsigned int marked; /* the last that is done; read by control */
};

/* The last marking that is done; any thread. */
static inline unsigned int
worker_marked(const struct worker *w)
{
	return atomic_load_explicit(&w->marked, memory_order_acquire);
}

/* Grabs under way; any thread. */
static inline uint32_t
worker_live(const struct worker *w)
{
	return atomic_load_explicit(&w->live, memory_order_relaxed);
}

extern const struct role_ops worker_role;

void worker_init(struct worker *w, const struct worker_config *config);

/* After the lcores have stopped: count what is still on its rings, end the grabs under way. */
void worker_fini(struct worker *w, uint64_t now_ns);

/* A ring for records from one worker to the writer, or NULL. */
struct rte_ring *worker_record_ring_new(unsigned int worker);

#endif /* FABRIC_WORKER_H */
