/* SPDX-License-Identifier: BSD-3-Clause */
#include "targets/range_set.h"

#include <errno.h>
#include <stdlib.h>

int
range_set_add(struct range_set *s, struct ipv4_range range)
{
	struct ipv4_range *grown;
	size_t room;

	if (s->count == s->room) {
		room = s->room == 0 ? 16 : s->room * 2;
		grown = reallocarray(s->range, room, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		s->range = grown;
		s->room = room;
	}
	s->range[s->count++] = range;
	return 0;
}

int
range_set_add_all(struct range_set *s, const struct range_set *other)
{
	int ret = 0;

	for (size_t i = 0; i < other->count && ret == 0; i++)
		ret = range_set_add(s, other->range[i]);
	return ret;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct ipv4_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Whether a range overlaps or touches an earlier one that ends at last. */
static int
joins(uint32_t last, const struct ipv4_range *next)
{
	return last == UINT32_MAX || next->first <= last + 1;
}

void
range_set_normalise(struct range_set *s)
{
	size_t kept = 0;

	if (s->count < 2)
		return;
	qsort(s->range, s->count, sizeof(*s->range), compare_ranges);
	for (size_t i = 1; i < s->count; i++) {
		struct ipv4_range *end = &s->range[kept];

		if (!joins(end->last, &s->range[i]))
			s->range[++kept] = s->range[i];
		else if (end->last < s->range[i].last)
			end->last = s->range[i].last;
	}
	s->count = kept + 1;
}

/*
 * What of one range is not in b, whose ranges before *at end before the range starts; *at moves on
 * to the first of b that may matter to a later range.
 */
static int
subtract_range(struct ipv4_range left, const struct range_set *b, size_t *at, struct range_set *out)
{
	int ret;

	while (*at < b->count && b->range[*at].last < left.first)
		(*at)++;
	for (; *at < b->count && b->range[*at].first <= left.last; (*at)++) {
		const struct ipv4_range *cut = &b->range[*at];
		struct ipv4_range before = {left.first, cut->first - 1};

		ret = cut->first > left.first ? range_set_add(out, before) : 0;
		if (ret != 0 || cut->last >= left.last)
			return ret;
		left.first = cut->last + 1;
	}
	return range_set_add(out, left);
}

int
range_set_subtract(const struct range_set *a, const struct range_set *b, struct range_set *out)
{
	size_t at = 0;
	int ret = 0;

	for (size_t i = 0; i < a->count && ret == 0; i++)
		ret = subtract_range(a->range[i], b, &at, out);
	return ret;
}

int
range_set_has(const struct range_set *s, uint32_t address)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->range[middle].last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->count && s->range[low].first <= address;
}

void
range_set_free(struct range_set *s)
{
	free(s->range);
	*s = (struct range_set)RANGE_SET_EMPTY;
}
