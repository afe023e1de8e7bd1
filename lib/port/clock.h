/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The run's clock: nanoseconds since its start, from the TSC or, in simulation, from a counter that
 * jumps to the next event when nobody has anything to do.
 *
 * Any thread may read it. Only the thread that runs fabric_step() moves a virtual clock.
 */
#ifndef PORT_CLOCK_H
#define PORT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_cycles.h>

struct clock {
	bool is_virtual;
	uint64_t virtual_ns;
	uint64_t start_tsc;
	uint64_t ns_per_tsc; /* fixed point, 32 fractional bits */
};

static inline void
clock_init(struct clock *c, bool is_virtual)
{
	c->is_virtual = is_virtual;
	c->virtual_ns = 0;
	c->start_tsc = rte_rdtsc();
	c->ns_per_tsc = (uint64_t)(((__uint128_t)1000000000 << 32) / rte_get_tsc_hz());
}

static inline uint64_t
clock_now_ns(const struct clock *c)
{
	if (c->is_virtual)
		return c->virtual_ns;
	return (uint64_t)(((__uint128_t)(rte_rdtsc() - c->start_tsc) * c->ns_per_tsc) >> 32);
}

#endif /* PORT_CLOCK_H */
