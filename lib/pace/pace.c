/* SPDX-License-Identifier: BSD-3-Clause */
#include "pace/pace.h"

#include <stdbool.h>

#include "base/time.h"

__extension__ typedef unsigned __int128 uint128;

/* Fraction bits that an interval has more than tat. */
#define EXTRA_BITS (PACE_INTERVAL_BITS - PACE_TAT_BITS)
#define EXTRA_MASK ((UINT64_C(1) << EXTRA_BITS) - 1)

/* A tat for which no time comes: nothing is granted. */
#define SUSPENDED (UINT64_MAX / 2)

static uint64_t
term(const _Atomic uint64_t *t)
{
	return atomic_load_explicit(t, memory_order_relaxed);
}

static void
set_term(_Atomic uint64_t *t, uint64_t value)
{
	atomic_store_explicit(t, value, memory_order_relaxed);
}

/* What units cost, as tat: rounded up when they are charged, down when they are given back. */
static uint64_t
cost(uint64_t interval, uint64_t units)
{
	return (uint64_t)(((uint128)units * interval + EXTRA_MASK) >> EXTRA_BITS);
}

static uint64_t
worth(uint64_t interval, uint64_t units)
{
	return (uint64_t)(((uint128)units * interval) >> EXTRA_BITS);
}

/* The burst that a rate is given: see pace_init(). */
static uint64_t
effective_burst(uint64_t rate, uint64_t burst)
{
	uint64_t frame = (burst + PACE_BURST - 1) / PACE_BURST;
	uint64_t tenth = rate / 10;

	if (tenth > burst)
		return burst;
	return tenth > frame ? tenth : frame;
}

static void
set_terms(struct pace *p, uint64_t rate, uint64_t burst)
{
	uint64_t interval = 0, tolerance;

	if (rate != 0)
		interval = ((NS_PER_SEC << PACE_INTERVAL_BITS) - 1) / rate + 1;
	burst = effective_burst(rate, burst);
	tolerance = cost(interval, burst);
	set_term(&p->interval, interval);
	set_term(&p->tolerance, tolerance);
	set_term(&p->ahead[PACE_PROBE], tolerance - cost(interval, burst / 2 + 1));
	set_term(&p->ahead[PACE_WORKER], tolerance - cost(interval, 1));
}

void
pace_init(struct pace *p, uint64_t rate, uint64_t burst)
{
	*p = (struct pace){0};
	if (rate != 0)
		set_terms(p, rate, burst);
}

/*
 * Whoever has read tat before this finds another when he compares and swaps, whatever terms he has
 * read meanwhile; whoever reads it afterwards is granted nothing.
 */
void
pace_suspend(struct pace *p)
{
	atomic_exchange_explicit(&p->tat, SUSPENDED, memory_order_acq_rel);
	atomic_thread_fence(memory_order_seq_cst);
}

/*
 * Why this keeps the promise. At now at most the old burst is unpaid: a window from s before now to now
 * holds (now - s) * old rate + old burst at most. From now to e the new terms grant at most (e - now) *
 * new rate + new burst - (tat - now) * new rate; so where tat is ahead by the longer of the bursts'
 * times, that is (e - now) * new rate at most, and the sum is within the greater rate's promise.
 * tat is beyond every value that it had before, so nobody's old one compares equal.
 */
void
pace_resume(struct pace *p, uint64_t rate, uint64_t burst, uint64_t now_ns)
{
	uint64_t before = term(&p->tolerance), after;

	set_terms(p, rate, burst);
	set_term(&p->since_ns, now_ns);
	after = term(&p->tolerance);
	atomic_store_explicit(&p->tat,
			      (now_ns << PACE_TAT_BITS) + (after > before ? after : before) + 1,
			      memory_order_release);
}

/* How many of want units fit into room, and in *charge what they cost. */
static uint32_t
fitting(uint64_t interval, uint64_t room, uint32_t want, uint64_t *charge)
{
	*charge = cost(interval, want);
	if (*charge <= room)
		return want;
	want = (uint32_t)(((uint128)room << EXTRA_BITS) / interval);
	*charge = cost(interval, want);
	return want;
}

/* Make tat what it is to be, unless somebody was there first; then *tat is what he made it. */
static bool
swap(struct pace *p, uint64_t *tat, uint64_t to)
{
	return atomic_compare_exchange_weak_explicit(&p->tat, tat, to, memory_order_release,
						     memory_order_acquire);
}

/*
 * tat guards nothing but the terms, which change only while it is suspended: terms that are read after
 * tat belong to it if tat is still the same when it is swapped. The compare-and-swap alone makes the
 * promise. A caller whose clock reading is behind another's is granted less, never more.
 */
uint32_t
pace_take(struct pace *p, enum pace_class c, uint64_t now_ns, uint32_t want)
{
	uint64_t tat = atomic_load_explicit(&p->tat, memory_order_acquire);
	uint64_t now = now_ns << PACE_TAT_BITS;
	uint64_t from, charge, interval;
	uint32_t granted;

	do {
		interval = term(&p->interval);
		if (interval == 0)
			return want;
		if (tat > now + term(&p->ahead[c]))
			return 0;
		from = tat > now ? tat : now;
		granted = fitting(interval, now + term(&p->tolerance) - from, want, &charge);
	} while (!swap(p, &tat, from + charge));
	return granted;
}

/*
 * Why this keeps the promise. For every time s let W(s) be the units granted at s or later and not
 * given back; the promise follows from tat >= s + W(s) * interval, which each grant preserves. A
 * refund of D units taken at t must preserve it too: for s <= t, W(s) falls by D, all is well; for
 * t < s <= now, W(s) does not fall, but tat >= t + W(t) * interval >= t + (W(s) + D) * interval
 * leaves room for lowering tat by D * interval - (s - t), which is least at s = now.
 */
void
pace_refund(struct pace *p, uint64_t taken_ns, uint64_t now_ns, uint32_t units)
{
	uint64_t tat = atomic_load_explicit(&p->tat, memory_order_acquire);
	uint64_t paid = (now_ns - taken_ns) << PACE_TAT_BITS;
	uint64_t value;

	do {
		value = worth(term(&p->interval), units);
		if (paid >= value || tat == SUSPENDED ||
		    (taken_ns <= term(&p->since_ns) && term(&p->since_ns) != 0))
			return;
	} while (!swap(p, &tat, tat - (value - paid)));
}

void
pace_settle(struct pace *p, uint64_t sent_ns, uint32_t units)
{
	uint64_t tat = atomic_load_explicit(&p->tat, memory_order_acquire);
	uint64_t interval, least;

	do {
		interval = term(&p->interval);
		least = (sent_ns << PACE_TAT_BITS) + cost(interval, units);
		if (interval == 0 || tat >= least)
			return;
	} while (!swap(p, &tat, least));
}

uint64_t
pace_next_ns(const struct pace *p, enum pace_class c, uint64_t now_ns)
{
	uint64_t tat = atomic_load_explicit(&p->tat, memory_order_acquire);
	uint64_t round_up = (UINT64_C(1) << PACE_TAT_BITS) - 1, ahead = term(&p->ahead[c]);

	if (term(&p->interval) == 0 || tat <= ahead)
		return now_ns;
	return (tat - ahead + round_up) >> PACE_TAT_BITS;
}
