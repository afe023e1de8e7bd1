/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets of addresses as sorted, disjoint ranges. Inside of lib/targets.
 *
 * A set is filled in any order, then normalised; all but adding and copying want normalised sets.
 * A set belongs to one thread; it owns its array.
 */
#ifndef TARGETS_RANGE_SET_H
#define TARGETS_RANGE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/ipv4.h"

struct range_set {
	struct ipv4_range *range;
	size_t count;
	size_t room;
};

#define RANGE_SET_EMPTY {0}

/* Add a range; 0 or -ENOMEM. */
int range_set_add(struct range_set *s, struct ipv4_range range);

/* Add all of another set; 0 or -ENOMEM. */
int range_set_add_all(struct range_set *s, const struct range_set *other);

/* Sort, and merge what overlaps or touches. */
void range_set_normalise(struct range_set *s);

/* Append to out what is in a and not in b, in ascending order. 0 or -ENOMEM. */
int range_set_subtract(const struct range_set *a, const struct range_set *b, struct range_set *out);

/* Whether an address is in the set. */
int range_set_has(const struct range_set *s, uint32_t address);

void range_set_free(struct range_set *s);

#endif /* TARGETS_RANGE_SET_H */
