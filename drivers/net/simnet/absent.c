/* SPDX-License-Identifier: BSD-3-Clause */
/* net_simnet in a build without DPDK's driver headers: no port is ever of this driver. */
#include "rte_pmd_simnet.h"

#include <errno.h>

int
rte_pmd_simnet_clock_set(uint16_t port_id, uint64_t now_ns)
{
	(void)port_id;
	(void)now_ns;
	return -ENODEV;
}

int
rte_pmd_simnet_next_ns(uint16_t port_id, uint64_t *next_ns)
{
	(void)port_id;
	(void)next_ns;
	return -ENODEV;
}
