/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of the net_simnet driver: simnet_capture.c, simnet_ethdev.c, simnet_rxtx.c, simnet_stats.c. */
#ifndef SIMNET_H
#define SIMNET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include <ethdev_driver.h>

#include "world/world.h"

#define SIMNET_QUEUES_MAX 256

extern int simnet_logtype;
#define SIMNET_LOG(level, ...) rte_log(RTE_LOG_##level, simnet_logtype, "net_simnet: " __VA_ARGS__)

struct simnet_clock {
	bool virtual;
	uint64_t virtual_ns; /* atomic */
	uint64_t start_tsc;  /* 0 until the first start */
	uint64_t ns_per_tsc; /* times 2^32 */
};

struct simnet_counters {
	uint64_t packets;
	uint64_t bytes;
	uint64_t errors; /* TX: not heard; RX: polls without an mbuf */
};

/* Owned by the thread that polls it, but for the stage, which TX threads reach too. */
struct simnet_rx_queue {
	struct simnet *simnet;
	struct rte_mempool *pool;
	struct simnet_counters counters;
	uint16_t port;
	rte_spinlock_t lock __rte_cache_aligned; /* of what follows */
	uint64_t idle_until_ns; /* atomic; changed under the lock */
	struct world_stage *stage;
	struct simnet_tls *tls; /* the stage's; NULL in a world without certificates */
} __rte_cache_aligned;

/* Owned by the thread that sends on it. */
struct simnet_tx_queue {
	struct simnet *simnet;
	struct world_intake *intake;
	struct simnet_counters counters;
	bool fast_free;
} __rte_cache_aligned;

/* A time of the port's clock. */
struct simnet_span {
	uint64_t first_ns;
	uint64_t length_ns; /* 0: never */
};

/* A port. Immutable while it is started, but for what says otherwise. */
struct simnet {
	struct rte_eth_dev_data *data;
	struct world *world;
	struct simnet_clock clock;
	struct rte_ether_addr mac;
	char *report_path; /* NULL: none */
	FILE *capture;     /* of what is sent; NULL: none */
	char *answers;     /* the port where answers come in; NULL: this one */
	struct simnet *hearer; /* that port, from the start on; itself as a rule */
	uint32_t events;
	uint32_t connections;
	uint16_t queues_max;
	struct simnet_span down; /* the link is */
	struct simnet_span deaf; /* the wire is cut somewhere else: nobody hears, nothing comes */
	/* What released queues had counted. */
	struct world_counters counters;
	struct world_tally tallies[]; /* as an intake's */
};

static inline uint64_t
simnet_now_ns(const struct simnet_clock *clock)
{
	uint64_t tsc;

	if (clock->virtual)
		return __atomic_load_n(&clock->virtual_ns, __ATOMIC_RELAXED);
	tsc = rte_rdtsc() - clock->start_tsc;
	return (uint64_t)(((unsigned __int128)tsc * clock->ns_per_tsc) >> 32);
}

static inline bool
simnet_span_has(const struct simnet_span *span, uint64_t now_ns)
{
	return now_ns - span->first_ns < span->length_ns;
}

/* Whether what is sent now, or is to come in, gets lost. */
static inline bool
simnet_is_cut(const struct simnet *s, uint64_t now_ns)
{
	return simnet_span_has(&s->down, now_ns) || simnet_span_has(&s->deaf, now_ns);
}

/* simnet_rxtx.c */
uint16_t simnet_rx_burst(void *queue, struct rte_mbuf **mbufs, uint16_t n);
uint16_t simnet_tx_burst(void *queue, struct rte_mbuf **mbufs, uint16_t n);

/* simnet_stats.c */
int simnet_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
int simnet_stats_reset(struct rte_eth_dev *dev);
int simnet_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n);
int simnet_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names,
			    unsigned int n);

/* Keep what a queue counted, which is about to be released. */
void simnet_retire_rx(struct simnet *simnet, const struct simnet_rx_queue *q);
void simnet_retire_tx(struct simnet *simnet, const struct simnet_tx_queue *q);

/* Write the report, if there is to be one; what goes wrong is logged. */
void simnet_report(const struct simnet *simnet);

/* simnet_capture.c: NULL, told, when the file cannot be written. */
FILE *simnet_capture_open(const char *path);
void simnet_capture(FILE *f, struct rte_mbuf *const *mbufs, unsigned int n, uint64_t now_ns);
void simnet_capture_close(FILE *f);

#endif /* SIMNET_H */
