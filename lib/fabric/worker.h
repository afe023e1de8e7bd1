/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker role: what becomes of a reply.
 *
 * It takes replies from the rings of all receivers, tells first ones from repeats, makes a record of each
 * for the writer, and answers a SYN-ACK that no grab adopts with a RST, so that its host need not
 * say it again. Errors by which a network says that it wants no probes are told to the probers. It takes
 * a reply only with credit: room for its record and for its RST. Without credit replies wait in their rings, and pressure holds the probers.
 *
 * A struct worker belongs to one lcore; it alone knows the targets of its buckets.
 */
#ifndef FABRIC_WORKER_H
#define FABRIC_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "fabric/fabric.h"
#include "fabric/outlet.h"
#include "fabric/news.h"
#include "fabric/prober.h"
#include "fabric/watermark.h"
#include "polite/refusals.h"
#include "ledger/ledger.h"
#include "record/record.h"

struct rte_ring;

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
};

struct worker {
	struct worker_config config;
	unsigned int next_ring; /* to be fair to receivers */
};

extern const struct role_ops worker_role;

void worker_init(struct worker *w, const struct worker_config *config);

/* After the lcores have stopped: count what is still on its rings. */
void worker_fini(struct worker *w);

/* A ring for records from one worker to the writer, or NULL. */
struct rte_ring *worker_record_ring_new(unsigned int worker);

#endif /* FABRIC_WORKER_H */
