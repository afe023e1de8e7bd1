/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Politeness: a cap on what a destination network gets, whatever the list and the order.
 *
 * In any window of one second no /24 and no /16 gets more probes than its cap. The order of a scan
 * spreads its probes, so a cap is rarely met; it is where a list is short. Each network has a GCRA (see
 * pace/pace.h) in a table of fixed size, at the place that a keyed hash gives it: networks that meet there
 * share one cap, which keeps the promise. A target over the cap is not dropped: it waits here, in the line
 * of the network that holds it, and comes out when its turn has come. Lines wait in a heap, by when their
 * first is due.
 *
 * A struct polite is one prober's alone: the caps are divided among probers rather than kept in common,
 * since a line of counters that all of them write would be the one that all of them wait for. Where a scan
 * has fewer chunks of positions than probers, it is slower than the cap by that.
 *
 * The promise is of when probes leave: polite_sent() says that those allowed have left by now, and what
 * is allowed after reckons with that.
 *
 * Pure: time is an argument, and never goes back.
 */
#ifndef POLITE_POLITE_H
#define POLITE_POLITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/ipv4.h"
#include "polite/refusals.h"

/* Targets that may wait, and targets that may be allowed until polite_sent(). */
#define POLITE_WAITING_MAX 4096
#define POLITE_BURST 32

/* The most that a cap may be. */
#define POLITE_CAP_MAX 100000000

struct polite;

struct polite_config {
	uint32_t per_24; /* probes/s, the part of this prober; 0: no cap */
	uint32_t per_16;
	uint64_t key;    /* of the hash; nobody's to guess */
	const struct ipv4_range *exempt; /* no cap holds there; borrowed */
	size_t exempt_count;
	struct refusals *refusals; /* shared; NULL: nobody is slowed or left out */
};

/* Of a cap, the part of prober i of n; at least 1 for a cap of n or more. */
static inline uint32_t
polite_part(uint64_t cap, unsigned int i, unsigned int n)
{
	return (uint32_t)(cap / n + (i < cap % n));
}

/* NULL without memory. */
struct polite *polite_new(const struct polite_config *config);
void polite_free(struct polite *p);

struct polite_target {
	uint32_t address;
	uint16_t port;
	uint64_t cookie; /* the caller's */
};

enum polite_verdict {
	POLITE_GO,   /* it is allowed, and counted */
	POLITE_WAIT, /* it is kept here; or, from polite_next(), nobody's turn has come */
	POLITE_SKIP, /* its network is left out; counted in the refusals */
};

/* Ask for a target. Not with POLITE_WAITING_MAX waiting or POLITE_BURST allowed. */
enum polite_verdict polite_ask(struct polite *p, uint64_t now_ns, const struct polite_target *t);

/* One whose turn has come: GO or SKIP and *t, or WAIT. Not with POLITE_BURST allowed. */
enum polite_verdict polite_next(struct polite *p, uint64_t now_ns, struct polite_target *t);

/* How many wait, and when polite_next() is next worth asking; TIME_NEVER when none waits. */
unsigned int polite_waiting(const struct polite *p);
uint64_t polite_next_ns(const struct polite *p);

/* All that was allowed has left by now_ns. */
void polite_sent(struct polite *p, uint64_t now_ns);

/* Forget those who wait; how many they were. */
unsigned int polite_forget(struct polite *p);

#endif /* POLITE_POLITE_H */
