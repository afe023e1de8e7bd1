/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rate, as a promise: one GCRA that all ports and lcores share.
 *
 * The generic cell rate algorithm (ITU-T I.371, virtual scheduling) keeps one number, `tat`: the
 * time at which the traffic accepted so far is paid off at the rate. Units are granted as long as
 * tat stays within a tolerance, the burst, ahead of now. In any window of w nanoseconds at most
 *
 *     w * rate / 1e9 + burst
 *
 * units are granted and not given back, whoever asked: the bound is exact and tested. Times are
 * those that callers pass. Who was granted units at one time and sent them later (the driver was
 * slow, the thread was preempted) says so by pace_settle(), and the bound holds for the times of
 * sending.
 *
 * Two classes share it. PACE_WORKER is granted a unit as soon as one fits. PACE_PROBE has to wait
 * until half the burst is paid off, and may then take all that fits: so probes leave in batches
 * worth a call of the driver, and where both ask, probes starve before workers do. (A burst of one
 * unit has no halves: at such rates the classes are equal.)
 *
 * Units are frames; a bandwidth is a second struct pace that counts bits on the wire: take from
 * both, give back what the other did not grant. Times are nanoseconds since the run's start. Any
 * lcore may call anything but pace_init() at any time: a compare-and-swap a burst, on the one cache
 * line that lcores share.
 *
 * The rate may be changed while lcores ask (pace_suspend(), then pace_resume(), by one thread). The
 * promise holds across it: a window that spans the change has at most what the greater rate promises,
 * one that begins after it what the new one does.
 */
#ifndef PACE_PACE_H
#define PACE_PACE_H

#include <stdatomic.h>
#include <stdint.h>

/* The burst in frames: the most granted at once, and the constant in the promise. */
#define PACE_BURST 32

enum pace_class { PACE_PROBE, PACE_WORKER };

/*
 * Fixed point. An interval has 32 bits below the nanosecond, so that 100 Gbit/s is exact to one
 * part in 10^7; tat has 10, and so lasts 208 days: a run must end before. All rounding is to the
 * side of the promise.
 */
#define PACE_TAT_BITS 10
#define PACE_INTERVAL_BITS 32

struct pace {
	_Alignas(64) _Atomic uint64_t tat;       /* 2^-PACE_TAT_BITS ns since the run's start */
	/* Written while suspended alone. */
	_Alignas(64) _Atomic uint64_t interval;  /* of a unit, 2^-PACE_INTERVAL_BITS ns; 0: unlimited */
	_Atomic uint64_t tolerance;              /* of the burst, as tat */
	_Atomic uint64_t ahead[PACE_WORKER + 1]; /* how far ahead tat may be for a class */
	_Atomic uint64_t since_ns;               /* of the last change */
};

/*
 * Promise `rate` units a second in bursts of at most `burst` units, which is PACE_BURST times the
 * cost of a frame (frames: PACE_BURST; bits: PACE_BURST times the largest frame's), at most 2^24.
 * A rate of 0 is unlimited.
 *
 * Where the rate gives less than a burst in 100 ms, the burst shrinks to that, though not below the
 * cost of a frame: at 10 frames a second and less, frames leave one by one.
 */
void pace_init(struct pace *p, uint64_t rate, uint64_t burst);

/*
 * Change the rate: pace_suspend(), read the clock, pace_resume() with what pace_init() takes and that
 * time. In between nothing is granted (an unlimited rate is for as long as it stands). What
 * has been granted counts as a whole burst, so the first unit at the new rate comes after the longer of the
 * two bursts' times: 100 ms at most, but at rates below 10. Both belong to one thread, which should not dawdle in between.
 */
void pace_suspend(struct pace *p);
void pace_resume(struct pace *p, uint64_t rate, uint64_t burst, uint64_t now_ns);

/* Ask for up to want units of class c at now_ns: how many are granted, 0 to want. */
uint32_t pace_take(struct pace *p, enum pace_class c, uint64_t now_ns, uint32_t want);

/*
 * Give back units that pace_take() granted at taken_ns and that were not sent, at now_ns. What the
 * rate has paid off since taken_ns stays spent: another may have been granted units in its place,
 * and giving it back as well would break the promise. So give back soon. What was taken before a change
 * of the rate stays spent.
 */
void pace_refund(struct pace *p, uint64_t taken_ns, uint64_t now_ns, uint32_t units);

/*
 * Units that were granted some time ago have been sent only now, at sent_ns: whatever is granted
 * from now on reckons with that. A caller that settles each grant before it takes the next keeps
 * the promise for the times at which it sent; it costs no throughput while it sends in time.
 */
void pace_settle(struct pace *p, uint64_t sent_ns, uint32_t units);

/* When the next unit of class c may be granted, unless others take it; at most now_ns for now. */
uint64_t pace_next_ns(const struct pace *p, enum pace_class c, uint64_t now_ns);

#endif /* PACE_PACE_H */
