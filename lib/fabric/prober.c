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

/* The targets of n consecutive positions. */
static void
find_targets(const struct prober *p, unsigned int n, struct prober_batch *b)
{
	const struct probe *any = p->config.outlets[0].probe;
	uint64_t index[PORT_BURST];

	perm_forward_run(p->config.source->perm, p->position, n, index);
	targets_select(p->config.source->targets, index, n, b->address, b->port);
	cookie_make_burst(&any->config.key, COOKIE_PROBE, n, b->address, b->port, b->cookie);
	b->count = n;
}

/* Each target to the interface that its cookie names. */
static void
deal(struct prober *p, const struct prober_batch *all)
{
	const struct probe_sources *sources = p->config.outlets[0].probe->config.sources;

	for (unsigned int i = 0; i < all->count; i++) {
		struct prober_batch *b = &p->batch[probe_iface_of(sources, all->cookie[i])];

		b->address[b->count] = all->address[i];
		b->port[b->count] = all->port[i];
		b->cookie[b->count++] = all->cookie[i];
	}
}

/* Take the next positions of the chunk; how many. */
static unsigned int
take_positions(struct prober *p)
{
	uint64_t left = p->chunk_end - p->position;
	unsigned int n = left < PORT_BURST ? (unsigned int)left : PORT_BURST;
	struct prober_batch all;

	if (p->config.outlet_count == 1) {
		find_targets(p, n, &p->batch[0]);
	} else {
		find_targets(p, n, &all);
		deal(p, &all);
	}
	p->position += n;
	return n;
}

/* Make a batch's frames, in mbufs that hold the template; how many: all or, without mbufs, none. */
static unsigned int
make_probes(const struct outlet *o, struct prober_batch *b)
{
	struct rte_mbuf **slots = tx_probes_slots(o->tx);
	unsigned int n = b->count;
	uint16_t len = template_len(o->probe);
	uint8_t *frame[PORT_BURST];

	/* No mbuf: the driver still holds them all. They come back as it sends. */
	if (rte_pktmbuf_alloc_bulk(o->pool, slots, n) != 0)
		return 0;
	for (unsigned int i = 0; i < n; i++) {
		frame[i] = rte_pktmbuf_mtod(slots[i], uint8_t *);
		slots[i]->data_len = len;
		slots[i]->pkt_len = len;
	}
	o->probe->module->fill(o->probe, COOKIE_PROBE, 0, n, frame, b->address, b->port, b->cookie);
	b->count = 0;
	tx_probes_ready(o->tx, (uint16_t)n);
	return n;
}

/* What stands between a prober and its next burst. */
enum prober_way { WAY_FREE, WAY_BUSY, WAY_BLOCKED };

/*
 * Queue what has been taken, where there is a free queue. FREE: all is sent; BUSY: all is queued, and
 * some interface could have more; BLOCKED: there is no use in taking more.
 */
static enum prober_way
queue_batches(struct prober *p, unsigned int *work)
{
	unsigned int left = 0, busy = 0;

	for (unsigned int i = 0; i < p->config.outlet_count; i++) {
		const struct outlet *o = &p->config.outlets[i];

		if (p->batch[i].count > 0 && tx_probes_waiting(o->tx) == 0)
			*work += make_probes(o, &p->batch[i]);
		left += p->batch[i].count;
		busy += tx_probes_waiting(o->tx) > 0;
	}
	if (left > 0 || busy == p->config.outlet_count)
		return WAY_BLOCKED;
	return busy > 0 ? WAY_BUSY : WAY_FREE;
}

static void
set_flag(_Atomic bool *flag, bool value)
{
	if (atomic_load_explicit(flag, memory_order_relaxed) != value)
		atomic_store_explicit(flag, value, memory_order_relaxed);
}

/* Nothing is left to claim; all that was is queued, and sent once the way is free. */
static unsigned int
note_end(struct prober *p, enum prober_way way)
{
	bool is_news = way == WAY_FREE && !atomic_load_explicit(&p->exhausted, memory_order_relaxed);

	/* News to control count as work, lest a virtual clock jump before control has looked. */
	if (is_news)
		set_flag(&p->exhausted, true);
	return is_news;
}

static unsigned int
prober_poll(void *context, uint64_t now_ns)
{
	struct prober *p = context;
	unsigned int work = 0;
	enum prober_way way = queue_batches(p, &work);

	(void)now_ns;
	if (way == WAY_BLOCKED)
		return work;
	if (!claim(p))
		return work + note_end(p, way);
	set_flag(&p->held, is_pressed(p));
	if (atomic_load_explicit(&p->held, memory_order_relaxed))
		return work;
	work += take_positions(p);
	queue_batches(p, &work);
	return work;
}

/* Stop: what was made and not sent is given up, what was claimed and not made never was intended. */
static bool
prober_drain(void *context, uint64_t now_ns)
{
	struct prober *p = context;

	(void)now_ns;
	for (unsigned int i = 0; i < p->config.outlet_count; i++) {
		tx_give_up_probes(p->config.outlets[i].tx);
		p->batch[i].count = 0;
	}
	return true;
}

static bool
may_claim(const struct prober *p)
{
	const struct prober_source *s = p->config.source;

	return p->position < p->chunk_end ||
	       atomic_load_explicit(&s->next, memory_order_relaxed) < s->end;
}

/* Whether all it could do waits for a TX queue, which is the sender's matter. */
static bool
is_blocked(const struct prober *p)
{
	bool is_left = false;
	unsigned int busy = 0;

	for (unsigned int i = 0; i < p->config.outlet_count; i++) {
		bool waits = tx_probes_waiting(p->config.outlets[i].tx) > 0;

		if (p->batch[i].count > 0 && !waits)
			return false;
		is_left |= p->batch[i].count > 0;
		busy += waits;
	}
	return is_left || busy == p->config.outlet_count || (busy > 0 && !may_claim(p));
}

static uint64_t
prober_next_ns(const void *context, uint64_t now_ns)
{
	const struct prober *p = context;

	/* Pressure is looked at again each nap. */
	if (atomic_load_explicit(&p->exhausted, memory_order_relaxed) || is_blocked(p))
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
