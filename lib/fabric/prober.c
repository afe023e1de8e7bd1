/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/prober.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "base/time.h"
#include "cookie/cookie.h"

void
prober_init(struct prober *p, const struct prober_config *config)
{
	memset(p, 0, sizeof(*p));
	p->config = *config;
}

static uint16_t
template_len(const struct probe *probe)
{
	return probe->frame_len < WIRE_FRAME_MIN ? WIRE_FRAME_MIN : probe->frame_len;
}

int
prober_fill_pool(struct rte_mempool *pool, const struct probe *probe)
{
	unsigned int n = rte_mempool_avail_count(pool);
	struct rte_mbuf **all = calloc(n, sizeof(*all));

	if (all == NULL)
		return -ENOMEM;
	if (rte_pktmbuf_alloc_bulk(pool, all, n) != 0) {
		free(all);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < n; i++) {
		memcpy(rte_pktmbuf_mtod(all[i], uint8_t *), probe->template, template_len(probe));
		all[i]->hash.usr = LEDGER_PROBE;
	}
	rte_pktmbuf_free_bulk(all, n);
	free(all);
	return 0;
}

/* Have positions to make probes for; false when there are none left. */
static bool
claim(struct prober *p)
{
	struct prober_source *s = p->config.source;
	uint64_t first;

	if (p->position < p->chunk_end)
		return true;
	if (atomic_load_explicit(&s->next, memory_order_relaxed) >= s->end)
		return false;
	first = atomic_fetch_add_explicit(&s->next, PROBER_CHUNK, memory_order_relaxed);
	if (first >= s->end)
		return false;
	p->position = first;
	p->chunk_end = s->end - first < PROBER_CHUNK ? s->end : first + PROBER_CHUNK;
	return true;
}

static bool
is_pressed(const struct prober *p)
{
	for (unsigned int i = 0; i < p->config.pressure_count; i++)
		if (atomic_load_explicit(&p->config.pressures[i].raised, memory_order_relaxed))
			return true;
	return false;
}

/* Make the frames of n consecutive positions in mbufs that hold the template. */
static void
make_probes(const struct prober *p, struct rte_mbuf **mbufs, unsigned int n)
{
	const struct probe *probe = p->config.probe;
	uint64_t index[PORT_BURST], cookie[PORT_BURST];
	uint32_t address[PORT_BURST];
	uint16_t port[PORT_BURST], len = template_len(probe);
	uint8_t *frame[PORT_BURST];

	perm_forward_run(p->config.source->perm, p->position, n, index);
	targets_select(p->config.source->targets, index, n, address, port);
	cookie_make_burst(&probe->config.key, COOKIE_PROBE, n, address, port, cookie);
	for (unsigned int i = 0; i < n; i++) {
		frame[i] = rte_pktmbuf_mtod(mbufs[i], uint8_t *);
		mbufs[i]->data_len = len;
		mbufs[i]->pkt_len = len;
	}
	probe->module->fill(probe, COOKIE_PROBE, 0, n, frame, address, port, cookie);
}

static void
set_flag(_Atomic bool *flag, bool value)
{
	if (atomic_load_explicit(flag, memory_order_relaxed) != value)
		atomic_store_explicit(flag, value, memory_order_relaxed);
}

static unsigned int
prober_poll(void *context, uint64_t now_ns)
{
	struct prober *p = context;
	struct rte_mbuf **slots = tx_probes_slots(p->config.tx);
	unsigned int n;

	(void)now_ns;
	if (tx_probes_waiting(p->config.tx) > 0)
		return 0;
	if (!claim(p)) {
		bool is_news = !atomic_load_explicit(&p->exhausted, memory_order_relaxed);

		/* News to control count as work, lest a virtual clock jump before control has looked. */
		set_flag(&p->exhausted, true);
		return is_news;
	}
	set_flag(&p->held, is_pressed(p));
	if (atomic_load_explicit(&p->held, memory_order_relaxed))
		return 0;
	n = p->chunk_end - p->position < PORT_BURST ? (unsigned int)(p->chunk_end - p->position)
						    : PORT_BURST;
	/* No mbuf: the driver still holds them all. They come back as it sends. */
	if (rte_pktmbuf_alloc_bulk(p->config.pool, slots, n) != 0)
		return 0;
	make_probes(p, slots, n);
	p->position += n;
	tx_probes_ready(p->config.tx, (uint16_t)n);
	return n;
}

/* Stop: what was made and not sent is given up, what was claimed and not made never was intended. */
static bool
prober_drain(void *context, uint64_t now_ns)
{
	struct prober *p = context;

	(void)now_ns;
	tx_give_up_probes(p->config.tx);
	return true;
}

static uint64_t
prober_next_ns(const void *context, uint64_t now_ns)
{
	const struct prober *p = context;

	/* Waiting probes are the sender's matter; pressure is looked at again each nap. */
	if (atomic_load_explicit(&p->exhausted, memory_order_relaxed) ||
	    tx_probes_waiting(p->config.tx) > 0)
		return TIME_NEVER;
	return atomic_load_explicit(&p->held, memory_order_relaxed) ? TIME_NEVER : now_ns;
}

const struct role_ops prober_role = {
	.name = "prober",
	.stage = FABRIC_DRAIN_PROBERS,
	.poll = prober_poll,
	.drain = prober_drain,
	.next_ns = prober_next_ns,
};
