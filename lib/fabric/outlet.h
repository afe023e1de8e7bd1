/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An outlet: an interface as one lcore sees it, what its frames look like and their way out.
 *
 * A lcore that makes frames has an outlet for each of the job's interfaces, in their order; which of them
 * a frame takes, its target says (probe/probe.h).
 */
#ifndef FABRIC_OUTLET_H
#define FABRIC_OUTLET_H

#include "port/tx.h"
#include "probe/probe.h"

struct rte_mempool;

struct outlet {
	const struct probe *probe;
	struct tx *tx;
	struct rte_mempool *pool; /* of probes; NULL where none are made */
	bool has_template;        /* every mbuf of it holds the template (prober_fill_pool()) */
};

/*
 * The number of the interface that an address of ours is of, by which what it has begun goes on: a reply may
 * come in by another. 0 where there is one alone.
 */
static inline unsigned int
outlet_of(const struct outlet *outlets, unsigned int count, uint32_t own_address)
{
	unsigned int iface = 0;

	if (count > 1)
		(void)probe_sources_find(outlets[0].probe->config.sources, own_address, &iface);
	return iface;
}

/* Frames that there is room for whatever way they leave by: the least of all outlets' rooms. */
static inline uint16_t
outlets_room(const struct outlet *outlets, unsigned int count)
{
	uint16_t least = UINT16_MAX;

	for (unsigned int i = 0; i < count; i++) {
		uint16_t one = tx_room(outlets[i].tx);

		least = one < least ? one : least;
	}
	return least;
}

#endif /* FABRIC_OUTLET_H */
