/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which role runs on which lcore, for any number of lcores.
 *
 * One lcore runs them all. Two: the probes on one, the replies on the other. From three on receivers and
 * workers part, and from four on lcores are dealt out in proportion: a quarter (at least one) to
 * probers, a quarter to receivers, the rest to workers, which have the most to do per packet.
 *
 * Pure.
 */
#ifndef FABRIC_LAYOUT_H
#define FABRIC_LAYOUT_H

#define LAYOUT_LCORES_MAX 64

/* Lists of lcore indices by role. Every role has one at least. */
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
 * Lay out lcores (1 to LAYOUT_LCORES_MAX) over a port that has `queues` queue pairs: there are at most
 * as many probers and as many receivers as queues.
 */
void layout_make(struct layout *l, unsigned int lcores, unsigned int queues);

#endif /* FABRIC_LAYOUT_H */
