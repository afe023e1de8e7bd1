/* SPDX-License-Identifier: BSD-3-Clause */
#include "source.h"

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

/* Frames that are fetched ahead of their copying: they lie in memory, once each. */
#define AHEAD 64

/* What a NIC does. */
static void
copy(struct source *s, struct rte_mbuf **m, unsigned int n)
{
	const struct replies_frame *f = &s->replies->frame[s->filled];
	const struct replies_frame *ahead = &s->replies->frame[RTE_MIN(s->filled + AHEAD, s->replies->count - n)];
	uint64_t start_tsc = rte_rdtsc();

	for (unsigned int i = 0; i < n; i++) {
		rte_prefetch0(&ahead[i]);
		rte_prefetch0(&ahead[i].data[REPLIES_FRAME_MAX - 1]);
		memcpy(rte_pktmbuf_mtod(m[i], uint8_t *), f[i].data, REPLIES_FRAME_MAX);
	}
	s->copy_tsc += rte_rdtsc() - start_tsc;
}

/* Fill descriptors that are free, a burst at most. */
static void
fill(struct source *s, unsigned int n)
{
	struct rte_mbuf *m[PORT_BURST];
	uint64_t left = s->replies->count - s->filled;

	n = n < left ? n : (unsigned int)left;
	if (n == 0 || rte_pktmbuf_alloc_bulk(s->pool, m, n) != 0)
		return;
	copy(s, m, n);
	for (unsigned int i = 0; i < n; i++) {
		const struct replies_frame *f = &s->replies->frame[s->filled];

		m[i]->data_len = f->len;
		m[i]->pkt_len = f->len;
		s->descriptor[s->filled++ % SOURCE_DESCRIPTORS] = m[i];
	}
}

static uint16_t
give(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n, uint16_t most, void *context)
{
	struct source *s = context;

	(void)port;
	(void)queue;
	(void)n;
	if (s->start_tsc == 0)
		s->start_tsc = rte_rdtsc();
	n = most < s->filled - s->given ? most : (uint16_t)(s->filled - s->given);
	for (uint16_t i = 0; i < n; i++)
		mbufs[i] = s->descriptor[s->given++ % SOURCE_DESCRIPTORS];
	if (s->filled < s->replies->count)
		fill(s, n > 0 ? n : PORT_BURST);
	else if (n == 0 && atomic_load_explicit(&s->end_tsc, memory_order_relaxed) == 0)
		atomic_store_explicit(&s->end_tsc, rte_rdtsc(), memory_order_release);
	return n;
}

int
source_attach(struct source *s, const struct port *p, const struct replies *r)
{
	memset(s, 0, sizeof(*s));
	s->replies = r;
	s->pool = p->rx_pool;
	return rte_eth_add_rx_callback(p->id, 0, give, s) != NULL ? 0 : -ENOTSUP;
}

void
source_begin(struct source *s)
{
	s->filled = s->given = 0;
	s->start_tsc = 0;
	atomic_store_explicit(&s->end_tsc, 0, memory_order_relaxed);
	while (s->filled < SOURCE_DESCRIPTORS && s->filled < s->replies->count)
		fill(s, PORT_BURST);
	s->copy_tsc = 0;
}

void
source_end(struct source *s)
{
	for (; s->given < s->filled; s->given++)
		rte_pktmbuf_free(s->descriptor[s->given % SOURCE_DESCRIPTORS]);
}
