/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bringing up DPDK's environment for a run: devices, memory, lcores.
 *
 * The main lcore is the control thread and floats over all CPUs; data lcores 1..n are pinned, one
 * CPU each in turn, and share a CPU where there are more lcores than CPUs. Nothing is shared through
 * the file system, so several runs stand side by side.
 *
 * Once a process, from its first thread.
 */
#ifndef PORT_EAL_H
#define PORT_EAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most data lcores of a run. */
#define EAL_LCORES_MAX 64

struct eal_config {
	const char *const *devices; /* devargs or PCI addresses */
	size_t device_count;
	bool any_pci;               /* some device is a PCI one: probe the bus */
	unsigned int lcores;        /* data lcores, 1 to EAL_LCORES_MAX */
	const uint16_t *cpus;       /* one a data lcore; NULL: those that we may run on, in turn */
	unsigned int memory_mb;     /* what the run needs */
	uint64_t rate_pps;          /* the promise of the run, for what is sized by it; 0: unlimited */
	bool verbose;               /* let DPDK's own notices through */
};

/*
 * Start. Uses hugepages when enough are free, ordinary memory otherwise.
 * 0; -ENODEV when a device cannot be had; -ENOMEM when a PCI device needs hugepages and they are
 * missing; another negative errno.
 */
int eal_start(const struct eal_config *config);

/* Whether eal_start() found hugepages; for reports. */
bool eal_has_hugepages(void);

void eal_stop(void);

/* CPUs that this process may run on: how many, and whether this is one. */
unsigned int eal_cpu_count(void);
bool eal_may_use_cpu(unsigned int cpu);

#endif /* PORT_EAL_H */
