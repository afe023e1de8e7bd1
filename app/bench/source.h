/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A NIC that has replies to give, in memory: an RX callback on a port that gives none of its own.
 *
 * Like a NIC it keeps a ring of descriptors ahead of the driver: frames are copied into mbufs of the
 * port's pool when a descriptor is filled, and reach the receiver a ring later, out of the nearest cache.
 * The mbufs, and what stands in them of a frame, are a driver's work and so the receiver's lcore's; the
 * copying is a NIC's, and the time that it takes is kept apart.
 */
#ifndef BENCH_SOURCE_H
#define BENCH_SOURCE_H

#include <stdatomic.h>

#include "port/port.h"
#include "replies.h"

#define SOURCE_DESCRIPTORS 2048

struct source {
	const struct replies *replies;
	struct rte_mempool *pool;
	uint64_t filled; /* frames that have been put into descriptors */
	uint64_t given;
	uint64_t copy_tsc;         /* that the copying took */
	uint64_t start_tsc;        /* of the first poll */
	_Atomic uint64_t end_tsc;  /* of the poll that found nothing more, 0 before: all is received */
	struct rte_mbuf *descriptor[SOURCE_DESCRIPTORS];
};

/* Attach to the port's first queue, or begin again: while nobody polls it. 0 or -ENOTSUP. */
int source_attach(struct source *s, const struct port *p, const struct replies *r);
void source_begin(struct source *s);

/* Give back what the descriptors hold; while nobody polls. */
void source_end(struct source *s);

#endif /* BENCH_SOURCE_H */
