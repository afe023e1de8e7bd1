/* SPDX-License-Identifier: BSD-3-Clause */
/* Group set-up and tear-down: DPDK, without hugepages, devices or files. */
#ifndef TESTS_WITH_EAL_H
#define TESTS_WITH_EAL_H

#include "port/eal.h"

static inline int
with_eal(void **state)
{
	const struct eal_config config = {.lcores = 1, .memory_mb = 128};

	(void)state;
	return eal_start(&config);
}

static inline int
without_eal(void **state)
{
	(void)state;
	eal_stop();
	return 0;
}

#endif /* TESTS_WITH_EAL_H */
