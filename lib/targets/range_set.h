/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets of addresses as sorted, disjoint ranges. Inside of lib/targets.
 *
 * A set is filled in any order, then normalised; all but adding wants normalised sets. A range is eight
 * bytes: one number, its first address above its last, so that numbers sort as ranges do.
 * A set belongs to one thread; it owns its array.
 */
#ifndef TARGETS_RANGE_SET_H
#define TARGETS_RANGE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/ipv4.h"

struct range_set {
	uint64_t *range;
	size_t count;
	size_t room;
};

#define RANGE_SET_EMPTY {0}

static inline struct ipv4_range
range_set_at(const struct range_set *s, size_t i)
{
	return (struct ipv4_range){(uint32_t)(s->range[i] >> 32), (uint32_t)s->range[i]};
}

/* Add a range; 0 or -ENOMEM. What continues the range added before costs nothing. */
int range_set_add(struct range_set *s, struct ipv4_range range);

/* Sort, and merge what overlaps or touches. */
void range_set_normalise(struct range_set *s);

/*
 * Hand what is in a and not in b to a callback, in ascending order, until it returns other than 0, which
 * is then returned; else 0.
 */
typedef int range_set_fn(void *context, struct ipv4_range range);
int range_set_subtract(const struct range_set *a, const struct range_set *b, range_set_fn *take,
		       void *context);

/* Whether an address is in the set. */
int range_set_has(const struct range_set *s, uint32_t address);

void range_set_free(struct range_set *s);

#endif /* TARGETS_RANGE_SET_H */
