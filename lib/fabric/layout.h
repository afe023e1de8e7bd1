/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which role runs on which lcore, for any number of lcores.
 *
 * One lcore runs them all. Two each run them all where ports have queues for both, so that neither
 * waits for the other whatever share of the work the replies are; where they have not, the probes are on
 * one and the replies on the other. From three on receivers and workers part, and from four on lcores
 * are dealt out in proportion: a quarter (at least one) to probers, a quarter to receivers, the rest to
 * workers, which have the most to do per packet. Or the job says which CPU does what.
 *
 * Pure.
 */
#ifndef FABRIC_LAYOUT_H
#define FABRIC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define LAYOUT_LCORES_MAX 64

/* Lists of lcore indices by role. Every role has one at least; probers have the first lcores. */
struct layout {
	unsigned int lcores;
	unsigned int prober[LAYOUT_LCORES_MAX];
	unsigned int receiver[LAYOUT_LCORES_MAX];
	unsigned int worker[LAYOUT_LCORES_MAX];
	unsigned int probers;
	unsigned int receivers;
	unsigned int workers;
};

/*
 * Lay out lcores (1 to LAYOUT_LCORES_MAX). A prober has a TX queue of its own on every port, so there are
 * no more than the port with the fewest has (probers_max, at least 1); RX queues are dealt out to
 * receivers, so there are no more than queues of all ports together (rx_queues).
 */
void layout_make(struct layout *l, unsigned int lcores, unsigned int probers_max,
		 unsigned int rx_queues);

/* CPUs of a role, none twice. */
struct layout_cpus {
	const uint16_t *cpu;
	size_t count;
};

/*
 * Lay out as the job says, a lcore for each CPU: its number is cpus[lcore]. No role's list is empty.
 * 0, or -E2BIG for more than LAYOUT_LCORES_MAX CPUs.
 */
int layout_pin(struct layout *l, struct layout_cpus probers, struct layout_cpus receivers,
	       struct layout_cpus workers, uint16_t cpus[LAYOUT_LCORES_MAX]);

#endif /* FABRIC_LAYOUT_H */
