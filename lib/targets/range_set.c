/* SPDX-License-Identifier: BSD-3-Clause */
#include "targets/range_set.h"

#include <errno.h>
#include <stdlib.h>

#include "base/sort.h"

static uint64_t
pack(struct ipv4_range range)
{
	return (uint64_t)range.first << 32 | range.last;
}

/* Whether a range overlaps or touches one before it, which ends at last. */
static int
joins(uint32_t last, struct ipv4_range next)
{
	return last == UINT32_MAX || next.first <= last + 1;
}

int
range_set_add(struct range_set *s, struct ipv4_range range)
{
	struct ipv4_range before = s->count > 0 ? range_set_at(s, s->count - 1) : range;
	uint64_t *grown;
	size_t room;

	if (s->count > 0 && range.first >= before.first && joins(before.last, range)) {
		if (range.last > before.last)
			s->range[s->count - 1] = pack((struct ipv4_range){before.first, range.last});
		return 0;
	}
	if (s->count == s->room) {
		room = s->room == 0 ? 16 : s->room * 2;
		grown = reallocarray(s->range, room, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		s->range = grown;
		s->room = room;
	}
	s->range[s->count++] = pack(range);
	return 0;
}

void
range_set_normalise(struct range_set *s)
{
	size_t kept = 0;

	if (s->count < 2)
		return;
	sort_u64(s->range, s->count);
	for (size_t i = 1; i < s->count; i++) {
		struct ipv4_range before = range_set_at(s, kept), range = range_set_at(s, i);

		if (!joins(before.last, range))
			s->range[++kept] = s->range[i];
		else if (before.last < range.last)
			s->range[kept] = pack((struct ipv4_range){before.first, range.last});
	}
	s->count = kept + 1;
}

/*
 * What of one range is not in b, whose ranges before *at end before the range starts; *at moves on
 * to the first of b that may matter to a later range.
 */
static int
subtract_range(struct ipv4_range left, const struct range_set *b, size_t *at, range_set_fn *take,
	       void *context)
{
	int ret;

	while (*at < b->count && range_set_at(b, *at).last < left.first)
		(*at)++;
	for (; *at < b->count && range_set_at(b, *at).first <= left.last; (*at)++) {
		struct ipv4_range cut = range_set_at(b, *at);
		struct ipv4_range before = {left.first, cut.first - 1};

		ret = cut.first > left.first ? take(context, before) : 0;
		if (ret != 0 || cut.last >= left.last)
			return ret;
		left.first = cut.last + 1;
	}
	return take(context, left);
}

int
range_set_subtract(const struct range_set *a, const struct range_set *b, range_set_fn *take,
		   void *context)
{
	size_t at = 0;
	int ret = 0;

	for (size_t i = 0; i < a->count && ret == 0; i++)
		ret = subtract_range(range_set_at(a, i), b, &at, take, context);
	return ret;
}

int
range_set_has(const struct range_set *s, uint32_t address)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (range_set_at(s, middle).last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->count && range_set_at(s, low).first <= address;
}

void
range_set_free(struct range_set *s)
{
	free(s->range);
	*s = (struct range_set)RANGE_SET_EMPTY;
}
