/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coverage: what share of those who would answer a scan found, from a second look at some of them.
 *
 * A share of the targets, drawn by a keyed hash, is probed once more, later and from another port, whether
 * it has answered or not. Of the n that answer the second look, m had answered the attempts before it; if
 * losing the one says nothing of losing the other, m / n estimates the share that the attempts find
 * (capture-recapture: Petersen 1896, Lincoln 1930; Chapman, "Some properties of the hypergeometric
 * distribution with applications to zoological sample censuses", 1951). That is why the second look is
 * late: losses come in bursts. The interval is Wilson's score interval ("Probable inference, the law of
 * succession, and statistical inference", JASA 1927), which holds also where nearly all are found.
 *
 * Pure; any thread.
 */
#ifndef SCHEDULE_COVERAGE_H
#define SCHEDULE_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/* A draw is below this with probability `share`, 0 to 1; 0 for none. */
uint64_t coverage_bound(double share);

/* Whether the target of this draw (COOKIE_SAMPLE's cookie) is looked at again. */
static inline bool
coverage_is_drawn(uint64_t draw, uint64_t bound)
{
	return draw < bound;
}

struct coverage_estimate {
	double share; /* m / n */
	double low;   /* of the 95% interval */
	double high;
};

/* m of n; with n of 0 nothing is known: 0 to 1. */
struct coverage_estimate coverage_estimate(uint64_t m, uint64_t n);

#endif /* SCHEDULE_COVERAGE_H */
