/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "targets/range_set.h"
#include "targets/table.h"
#include "targets/targets.h"

#define ALL_PORTS 65536

struct targets_builder {
	struct range_set include;
	struct range_set exclude;
	struct range_set exclude_default;
	struct range_set allow;
	uint64_t *pair;
	size_t pairs;
	size_t pair_room;
	uint8_t port[ALL_PORTS]; /* whether it is in the set */
};

struct targets_builder *
targets_builder_new(void)
{
	return calloc(1, sizeof(struct targets_builder));
}

void
targets_builder_free(struct targets_builder *b)
{
	if (b == NULL)
		return;
	range_set_free(&b->include);
	range_set_free(&b->exclude);
	range_set_free(&b->exclude_default);
	range_set_free(&b->allow);
	free(b->pair);
	free(b);
}

int
targets_include(struct targets_builder *b, struct ipv4_range range)
{
	return range_set_add(&b->include, range);
}

int
targets_exclude(struct targets_builder *b, struct ipv4_range range)
{
	return range_set_add(&b->exclude, range);
}

int
targets_exclude_default(struct targets_builder *b, struct ipv4_range range)
{
	return range_set_add(&b->exclude_default, range);
}

int
targets_allow(struct targets_builder *b, struct ipv4_range range)
{
	return range_set_add(&b->allow, range);
}

int
targets_port(struct targets_builder *b, uint16_t first, uint16_t last)
{
	for (uint32_t port = first; port <= last; port++)
		b->port[port] = 1;
	return 0;
}

int
targets_pair(struct targets_builder *b, uint32_t address, uint16_t port)
{
	uint64_t *grown;
	size_t room;

	if (b->pairs == b->pair_room) {
		room = b->pair_room == 0 ? 16 : b->pair_room * 2;
		grown = reallocarray(b->pair, room, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		b->pair = grown;
		b->pair_room = room;
	}
	b->pair[b->pairs++] = table_pair(address, port);
	return 0;
}

/* out = a - b, both as they were added. */
static int
difference(const struct range_set *a, const struct range_set *b, struct range_set *out)
{
	struct range_set x = RANGE_SET_EMPTY, y = RANGE_SET_EMPTY;
	int ret;

	ret = range_set_add_all(&x, a);
	if (ret == 0)
		ret = range_set_add_all(&y, b);
	range_set_normalise(&x);
	range_set_normalise(&y);
	if (ret == 0)
		ret = range_set_subtract(&x, &y, out);
	range_set_free(&x);
	range_set_free(&y);
	return ret;
}

/* All that is excluded, normalised. */
static int
excluded_set(const struct targets_builder *b, struct range_set *out)
{
	int ret = difference(&b->exclude_default, &b->allow, out);

	if (ret == 0)
		ret = range_set_add_all(out, &b->exclude);
	range_set_normalise(out);
	return ret;
}

/* An array of n zeros, and one more: so none is NULL, and the buckets have their end. */
static void *
table_array(struct targets *t, size_t n, size_t size)
{
	t->bytes += (n + 1) * size;
	return calloc(n + 1, size);
}

static int
fill_ports(struct targets *t, const struct targets_builder *b)
{
	for (uint32_t port = 0; port < ALL_PORTS; port++)
		t->ports += b->port[port];
	t->port = table_array(t, t->ports, sizeof(*t->port));
	if (t->port == NULL)
		return -ENOMEM;
	for (uint32_t port = 0, at = 0; port < ALL_PORTS; port++) {
		if (b->port[port])
			t->port[at++] = (uint16_t)port;
	}
	if (t->ports > 1)
		t->reciprocal = UINT64_MAX / t->ports + 1;
	return 0;
}

static int
fill_runs(struct targets *t, const struct range_set *included)
{
	t->runs = included->count;
	t->run = table_array(t, t->runs, sizeof(*t->run));
	if (t->run == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->runs; i++) {
		t->run[i].offset = included->range[i].first - (uint32_t)t->addresses;
		t->addresses += ipv4_range_count(included->range[i]);
		t->run[i].last_rank = (uint32_t)(t->addresses - 1);
	}
	t->product = t->addresses * t->ports;
	return 0;
}

static int
fill_buckets(struct targets *t)
{
	uint64_t last = t->addresses - 1;
	size_t buckets, run = 0;

	if (t->addresses == 0)
		return 0;
	while (last >> t->shift >= t->runs * TABLE_BUCKETS_PER_RUN)
		t->shift++;
	buckets = (last >> t->shift) + 1;
	t->bucket = table_array(t, buckets, sizeof(*t->bucket));
	if (t->bucket == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < buckets; i++) {
		while (t->run[run].last_rank < (uint64_t)i << t->shift)
			run++;
		t->bucket[i] = (uint32_t)run;
	}
	t->bucket[buckets] = (uint32_t)t->runs - 1;
	return 0;
}

/* The pairs that are neither excluded nor in the product; t holds no pairs yet. */
static int
fill_pairs(struct targets *t, const struct targets_builder *b, const struct range_set *excluded)
{
	uint64_t *pair = table_array(t, b->pairs, sizeof(*pair));
	size_t kept = 0;

	t->pair = pair;
	if (pair == NULL)
		return -ENOMEM;
	if (b->pairs == 0)
		return 0;
	memcpy(pair, b->pair, b->pairs * sizeof(*pair));
	qsort(pair, b->pairs, sizeof(*pair), table_compare_pairs);
	for (size_t i = 0; i < b->pairs; i++) {
		uint32_t address = (uint32_t)(pair[i] >> 16);
		uint64_t index;

		if (kept > 0 && pair[kept - 1] == pair[i])
			continue;
		if (!range_set_has(excluded, address) &&
		    targets_rank(t, address, (uint16_t)pair[i], &index) != 0)
			pair[kept++] = pair[i];
	}
	t->pairs = kept;
	return 0;
}

static int
fill_table(struct targets *t, const struct targets_builder *b, const struct range_set *included,
	   const struct range_set *excluded)
{
	int ret;

	t->bytes = sizeof(*t);
	ret = fill_ports(t, b);
	if (ret == 0)
		ret = fill_runs(t, included);
	if (ret == 0)
		ret = fill_buckets(t);
	if (ret == 0)
		ret = fill_pairs(t, b, excluded);
	return ret;
}

int
targets_build(const struct targets_builder *b, struct targets **out)
{
	struct range_set included = RANGE_SET_EMPTY, excluded = RANGE_SET_EMPTY;
	struct targets *t = calloc(1, sizeof(*t));
	int ret = t == NULL ? -ENOMEM : 0;

	if (ret == 0)
		ret = excluded_set(b, &excluded);
	if (ret == 0)
		ret = difference(&b->include, &excluded, &included);
	if (ret == 0)
		ret = fill_table(t, b, &included, &excluded);
	range_set_free(&included);
	range_set_free(&excluded);
	if (ret != 0) {
		targets_free(t);
		return ret;
	}
	*out = t;
	return 0;
}
