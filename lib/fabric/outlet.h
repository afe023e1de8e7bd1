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

#endif /* FABRIC_OUTLET_H */
