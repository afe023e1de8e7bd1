/* SPDX-License-Identifier: BSD-3-Clause */
#include "pace/pace.h"

#include "base/time.h"

__extension__ typedef unsigned __int128 uint128;

/* Fraction bits that an interval has more than tat. */
#define EXTRA_BITS (PACE_INTERVAL_BITS - PACE_TAT_BITS)
#define EXTRA_MASK ((UINT64_C(1) << EXTRA_BITS) - 1)

/* What units cost, as tat: rounded up when they are charged, down when they are given back. */
static uint64_t
cost(const struct pace *p, uint64_t units)
{
	return (uint64_t)(((uint128)units * p->interval + EXTRA_MASK) >> EXTRA_BITS);
}

static uint64_t
worth(const struct pace *p, uint64_t units)
{
	return (uint64_t)(((uint128)units * p->interval) >> EXTRA_BITS);
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

void
pace_init(struct pace *p, uint64_t rate, uint64_t burst)
{
	*p = (struct pace){0};
	if (rate == 0)
		return;
	p->interval = ((NS_PER_SEC << PACE_INTERVAL_BITS) - 1) / rate + 1;
	burst = effective_burst(rate, burst);
	p->tolerance = cost(p, burst);
	p->ahead[PACE_PROBE] = p->tolerance - cost(p, burst / 2 + 1);
	p->ahead[PACE_WORKER] = p->tolerance - cost(p, 1);
}

/* How many of want units fit into room, and in *charge what they cost. */
static uint32_t
fitting(const struct pace *p, uint64_t room, uint32_t want, uint64_t *charge)
{
	*charge = cost(p, want);
	if (*charge <= room)
		return want;
	want = (uint32_t)(((uint128)room << EXTRA_BITS) / p->interval);
	*charge = cost(p, want);
	return want;
}

/*
 * tat guards no other data, so every access is relaxed: the compare-and-swap alone makes the
 * promise. A caller whose clock reading is behind another's is granted less, never more.
 */
uint32_t
pace_take(struct pace *p, enum pace_class c, uint64_t now_ns, uint32_t want)
{
	uint64_t tat = atomic_load_explicit(&p->tat, memory_order_relaxed);
	uint64_t now = now_ns << PACE_TAT_BITS;
	uint64_t from, charge;
	uint32_t granted;

	if (p->interval == 0)
		return want;
	do {
		if (tat > now + p->ahead[c])
			return 0;
		from = tat > now ? tat : now;
		granted = fitting(p, now + p->tolerance - from, want, &charge);
	} while (!atomic_compare_exchange_weak_explicit(&p->tat, &tat, from + charge,
							memory_order_relaxed,
							memory_order_relaxed));
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
	uint64_t value = worth(p, units);
	uint64_t paid = (now_ns - taken_ns) << PACE_TAT_BITS;

	if (paid < value)
		atomic_fetch_sub_explicit(&p->tat, value - paid, memory_order_relaxed);
}

void
pace_settle(struct pace *p, uint64_t sent_ns, uint32_t units)
{
	uint64_t tat = atomic_load_explicit(&p->tat, memory_order_relaxed);
	uint64_t least = (sent_ns << PACE_TAT_BITS) + cost(p, units);

	if (p->interval == 0)
		return;
	while (tat < least &&
	       !atomic_compare_exchange_weak_explicit(&p->tat, &tat, least, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

uint64_t
pace_next_ns(const struct pace *p, enum pace_class c, uint64_t now_ns)
{
	uint64_t tat = atomic_load_explicit(&p->tat, memory_order_relaxed);
	uint64_t round_up = (UINT64_C(1) << PACE_TAT_BITS) - 1;

	if (p->interval == 0 || tat <= p->ahead[c])
		return now_ns;
	return (tat - p->ahead[c] + round_up) >> PACE_TAT_BITS;
}
