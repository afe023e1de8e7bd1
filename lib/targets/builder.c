/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "base/sort.h"
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

static int
add_excluded(void *context, struct ipv4_range range)
{
	struct targets_builder *b = context;

	return range_set_add(&b->exclude, range);
}

/* Make b->exclude all that is excluded, and normalise it and b->include. */
static int
settle(struct targets_builder *b)
{
	int ret;

	range_set_normalise(&b->exclude_default);
	range_set_normalise(&b->allow);
	ret = range_set_subtract(&b->exclude_default, &b->allow, add_excluded, b);
	range_set_normalise(&b->exclude);
	range_set_normalise(&b->include);
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
count_run(void *context, struct ipv4_range range)
{
	struct targets *t = context;

	(void)range;
	t->runs++;
	return 0;
}

static int
add_run(void *context, struct ipv4_range range)
{
	struct targets *t = context;
	struct table_run *run = &t->run[t->runs++];

	run->offset = range.first - (uint32_t)t->addresses;
	t->addresses += ipv4_range_count(range);
	run->last_rank = (uint32_t)(t->addresses - 1);
	return 0;
}

/* Counted first, and then written where they stay: the sets and the table are never held in a third copy. */
static int
fill_runs(struct targets *t, struct targets_builder *b)
{
	range_set_subtract(&b->include, &b->exclude, count_run, t);
	t->run = table_array(t, t->runs + TABLE_WINDOW, sizeof(*t->run));
	if (t->run == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < TABLE_WINDOW; i++)
		t->run[t->runs + i].last_rank = UINT32_MAX;
	t->runs = 0;
	range_set_subtract(&b->include, &b->exclude, add_run, t);
	range_set_free(&b->include);
	t->product = t->addresses * t->ports;
	return 0;
}

static int
fill_buckets(struct targets *t)
{
	uint64_t last = t->addresses - 1, most = t->runs / TABLE_RUNS_PER_BUCKET;
	size_t buckets, run = 0;

	if (t->addresses == 0)
		return 0;
	most = most > TABLE_BUCKETS_LEAST ? most : TABLE_BUCKETS_LEAST;
	while (last >> t->shift >= most)
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

/*
 * The pairs that are neither excluded nor in the product, in the array that they were added to; t holds
 * no pairs yet.
 */
static int
fill_pairs(struct targets *t, struct targets_builder *b)
{
	uint64_t *pair = b->pair != NULL ? b->pair : calloc(1, sizeof(*pair)), *fitting;
	size_t kept = 0;

	if (pair == NULL)
		return -ENOMEM;
	t->pair = pair;
	b->pair = NULL;
	sort_u64(pair, b->pairs);
	for (size_t i = 0; i < b->pairs; i++) {
		uint32_t address = (uint32_t)(pair[i] >> 16);
		uint64_t index;

		if (kept > 0 && pair[kept - 1] == pair[i])
			continue;
		if (!range_set_has(&b->exclude, address) &&
		    targets_rank(t, address, (uint16_t)pair[i], &index) != 0)
			pair[kept++] = pair[i];
	}
	fitting = reallocarray(pair, kept + 1, sizeof(*pair));
	t->pair = fitting != NULL ? fitting : pair;
	t->pairs = kept;
	t->bytes += (kept + 1) * sizeof(*pair);
	return 0;
}

static int
fill_table(struct targets *t, struct targets_builder *b)
{
	int ret;

	t->bytes = sizeof(*t);
	ret = fill_ports(t, b);
	if (ret == 0)
		ret = fill_runs(t, b);
	if (ret == 0)
		ret = fill_buckets(t);
	if (ret == 0)
		ret = fill_pairs(t, b);
	return ret;
}

int
targets_build(struct targets_builder *b, struct targets **out)
{
	struct targets *t = calloc(1, sizeof(*t));
	int ret = t == NULL ? -ENOMEM : settle(b);

	if (ret == 0)
		ret = fill_table(t, b);
	if (ret != 0) {
		targets_free(t);
		return ret;
	}
	*out = t;
	return 0;
}
