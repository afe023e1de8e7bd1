/* SPDX-License-Identifier: BSD-3-Clause */
/* What an engine has for grabs: a grabber on each worker, and the rings to and from it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_ring.h>

#include "base/time.h"
#include "engine_state.h"

static int
make_grabber(struct engine *e, unsigned int w, const struct grabs_size *size)
{
	struct engine_lcore *l = &e->lcores[e->layout.worker[w]];
	struct worker_config *worker = &l->worker.config;
	struct grabber_config config = {
		.plan = &e->config.grabs->plan,
		.outlets = l->outlets,
		.outlet_count = e->port_count,
		.gate = e->config.inputs->gate,
		.ledger = &l->ledger,
		.polite = l->open_polite,
		.named = e->named,
		.never_opens = !engine_may_open(e),
		.sessions = size->sessions,
		.tls_sessions = size->tls_sessions,
	};

	if (e->config.virtual_clock) {
		memcpy(config.key, &e->config.inputs->key, sizeof(config.key));
		config.replay_seed = config.key[0] | 1;
	} else if (getentropy(config.key, sizeof(config.key)) != 0) {
		return -EIO;
	}
	e->grabs.rings[w] = grabber_ring_new(w, size->sessions);
	config.grabs = e->grabs.rings[w];
	if (config.grabs == NULL)
		return -ENOMEM;
	worker->grabber = e->grabs.grabbers[w] = grabber_new(&config, engine_now_ns(e));
	worker->plan = config.plan;
	worker->adopt_until_ns = &e->adopt_until_ns;
	worker->open_until_ns = &e->open_until_ns;
	return worker->grabber == NULL ? -ENOMEM : 0;
}

int
engine_make_grabs(struct engine *e)
{
	struct grabs_size size;
	int rc = 0;

	if (e->config.grabs == NULL)
		return 0;
	size = grabs_size(e->config.job, e->layout.workers, grabs_memory_bytes());
	for (unsigned int w = 0; w < e->layout.workers && rc == 0; w++)
		rc = make_grabber(e, w, &size);
	return rc;
}

bool
engine_has_grabs(const struct engine *e)
{
	return e->config.grabs != NULL;
}

uint32_t
engine_live_grabs(const struct engine *e)
{
	uint32_t live = 0;

	for (unsigned int w = 0; w < e->layout.workers; w++)
		live += worker_live(&e->lcores[e->layout.worker[w]].worker);
	return live;
}

void
engine_end_adoption(struct engine *e, uint64_t now_ns)
{
	atomic_store_explicit(&e->adopt_until_ns, now_ns, memory_order_relaxed);
}

void
engine_end_opening(struct engine *e, uint64_t now_ns)
{
	atomic_store_explicit(&e->open_until_ns, now_ns, memory_order_relaxed);
}

void
engine_free_grabs(struct engine *e)
{
	for (unsigned int w = 0; w < LCORES_MAX; w++) {
		grabber_free(e->grabs.grabbers[w]);
		rte_ring_free(e->grabs.rings[w]);
	}
}
