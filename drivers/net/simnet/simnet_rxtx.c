/* SPDX-License-Identifier: BSD-3-Clause */
#include "simnet.h"

/* Frames heard at a time: their descriptors and reactions stay in the L1 cache. */
#define BATCH 64

/* A queue number that there is not. */
#define REACTED SIMNET_QUEUES_MAX

/* Reactions that belong to one queue's stage, in their order, its lock held and taken once. */
static void
react_on(struct simnet_rx_queue *q, uint64_t now_ns, const struct world_reaction *reactions,
	 uint16_t *queue, unsigned int count)
{
	const uint16_t number = queue[0];

	for (unsigned int i = 0; i < count; i++) {
		if (queue[i] != number)
			continue;
		world_stage_react(q->stage, now_ns, &reactions[i]);
		queue[i] = REACTED;
	}
	__atomic_store_n(&q->idle_until_ns, world_stage_idle_until_ns(q->stage), __ATOMIC_RELAXED);
	rte_spinlock_unlock(&q->lock);
}

static struct simnet_rx_queue *
queue_of(const struct rte_eth_dev_data *data, uint16_t number)
{
	return data->rx_queues[number];
}

/* Queues whose lock is free come first: by then that of another may be. */
static void
react(struct simnet *simnet, uint64_t now_ns, const struct world_reaction *reactions,
      unsigned int count)
{
	struct rte_eth_dev_data *data = simnet->hearer->data;
	bool is_tried[SIMNET_QUEUES_MAX] = {false};
	uint16_t queue[BATCH];

	for (unsigned int i = 0; i < count; i++)
		queue[i] = (uint16_t)world_stage_of(&reactions[i], data->nb_rx_queues);
	for (unsigned int i = 0; i < count; i++) {
		if (queue[i] == REACTED || is_tried[queue[i]])
			continue;
		is_tried[queue[i]] = true;
		if (rte_spinlock_trylock(&queue_of(data, queue[i])->lock))
			react_on(queue_of(data, queue[i]), now_ns, reactions + i, queue + i, count - i);
	}
	for (unsigned int i = 0; i < count; i++) {
		if (queue[i] == REACTED)
			continue;
		rte_spinlock_lock(&queue_of(data, queue[i])->lock);
		react_on(queue_of(data, queue[i]), now_ns, reactions + i, queue + i, count - i);
	}
}

/* Up to BATCH frames. */
static void
hear(struct simnet_tx_queue *q, struct rte_mbuf **mbufs, unsigned int n, uint64_t now_ns)
{
	struct world_reaction reactions[BATCH];
	struct world_frame frames[BATCH];
	unsigned int heard = 0, count;
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (unlikely(mbufs[i]->nb_segs != 1))
			continue;
		frames[heard].data = rte_pktmbuf_mtod(mbufs[i], const uint8_t *);
		frames[heard++].len = rte_pktmbuf_data_len(mbufs[i]);
		bytes += rte_pktmbuf_data_len(mbufs[i]);
	}
	q->counters.packets += heard;
	q->counters.bytes += bytes;
	q->counters.errors += n - heard;
	count = world_intake_burst(q->intake, frames, heard, reactions);
	if (count > 0 && q->simnet->hearer->data->nb_rx_queues > 0)
		react(q->simnet, now_ns, reactions, count);
}

/* Whether mbufs may go straight back into the first one's pool: the application says that all may, or they
 * are whole, nobody else's, and of one pool, as a prober's are. */
static bool
are_plain(const struct simnet_tx_queue *q, struct rte_mbuf *const *mbufs, unsigned int n)
{
	bool plain = true;

	if (q->fast_free)
		return true;
	for (unsigned int i = 0; i < n; i++)
		plain &= (mbufs[i]->pool == mbufs[0]->pool) & (mbufs[i]->nb_segs == 1) &
			 (rte_mbuf_refcnt_read(mbufs[i]) == 1) & RTE_MBUF_DIRECT(mbufs[i]);
	return plain;
}

/* The same of frames that go nowhere: the driver has taken them all the same. */
static void
lose(struct simnet_tx_queue *q, struct rte_mbuf **mbufs, unsigned int n)
{
	q->counters.packets += n;
	for (unsigned int i = 0; i < n; i++)
		q->counters.bytes += rte_pktmbuf_pkt_len(mbufs[i]);
}

static void
give_back(const struct simnet_tx_queue *q, struct rte_mbuf **mbufs, unsigned int n)
{
	if (are_plain(q, mbufs, n))
		rte_mempool_put_bulk(mbufs[0]->pool, (void **)mbufs, n);
	else
		rte_pktmbuf_free_bulk(mbufs, n);
}

uint16_t
simnet_tx_burst(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct simnet_tx_queue *q = queue;
	uint64_t now_ns = simnet_now_ns(&q->simnet->clock);
	bool is_cut = simnet_is_cut(q->simnet, now_ns);

	if (unlikely(q->simnet->capture != NULL))
		simnet_capture(q->simnet->capture, mbufs, n, now_ns);
	for (uint16_t done = 0; done < n;) {
		uint16_t batch = RTE_MIN(n - done, BATCH);

		if (unlikely(is_cut))
			lose(q, mbufs + done, batch);
		else
			hear(q, mbufs + done, batch, now_ns);
		give_back(q, mbufs + done, batch);
		done += batch;
	}
	return n;
}

/* Take what is due by now, under the lock. */
static uint16_t
take(struct simnet_rx_queue *q, uint64_t now_ns, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t count = 0;

	while (count < n && world_stage_idle_until_ns(q->stage) <= now_ns) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(q->pool);
		unsigned int len;

		if (unlikely(m == NULL)) {
			q->counters.errors++;
			break;
		}
		len = world_stage_out(q->stage, now_ns, rte_pktmbuf_mtod(m, uint8_t *));
		if (len == 0) {
			rte_pktmbuf_free(m);
			break;
		}
		m->data_len = (uint16_t)len;
		m->pkt_len = len;
		m->port = q->port;
		q->counters.bytes += len;
		mbufs[count++] = m;
	}
	q->counters.packets += count;
	return count;
}

/* What is due by now never arrives. */
static void
drop(struct simnet_rx_queue *q, uint64_t now_ns)
{
	uint8_t frame[WORLD_FRAME_MAX];

	while (world_stage_idle_until_ns(q->stage) <= now_ns &&
	       world_stage_out(q->stage, now_ns, frame) > 0)
		;
}

uint16_t
simnet_rx_burst(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct simnet_rx_queue *q = queue;
	uint64_t now_ns = simnet_now_ns(&q->simnet->clock);
	uint16_t count = 0;

	if (__atomic_load_n(&q->idle_until_ns, __ATOMIC_RELAXED) > now_ns)
		return 0;
	rte_spinlock_lock(&q->lock);
	if (unlikely(simnet_is_cut(q->simnet, now_ns)))
		drop(q, now_ns);
	else
		count = take(q, now_ns, mbufs, n);
	__atomic_store_n(&q->idle_until_ns, world_stage_idle_until_ns(q->stage), __ATOMIC_RELAXED);
	rte_spinlock_unlock(&q->lock);
	return count;
}
