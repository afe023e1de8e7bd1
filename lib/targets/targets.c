/* SPDX-License-Identifier: BSD-3-Clause */
#include "targets/targets.h"

#include <errno.h>
#include <stdlib.h>

#include "targets/table.h"

__extension__ typedef unsigned __int128 uint128;

void
targets_free(struct targets *t)
{
	if (t == NULL)
		return;
	free(t->run);
	free(t->bucket);
	free(t->port);
	free(t->pair);
	free(t);
}

uint64_t
targets_count(const struct targets *t)
{
	return t->product + t->pairs;
}

uint64_t
targets_address_count(const struct targets *t)
{
	return t->addresses;
}

uint32_t
targets_port_count(const struct targets *t)
{
	return t->ports;
}

uint64_t
targets_pair_count(const struct targets *t)
{
	return t->pairs;
}

size_t
targets_range_count(const struct targets *t)
{
	return t->runs;
}

size_t
targets_bytes(const struct targets *t)
{
	return t->bytes;
}

static uint32_t
first_rank(const struct targets *t, size_t run)
{
	return run == 0 ? 0 : t->run[run - 1].last_rank + 1;
}

struct ipv4_range
targets_range(const struct targets *t, size_t i)
{
	return (struct ipv4_range){
		.first = first_rank(t, i) + t->run[i].offset,
		.last = t->run[i].last_rank + t->run[i].offset,
	};
}

/* The run that holds a rank, among those from low to high. */
static uint32_t
search_rank(const struct targets *t, uint32_t rank, uint32_t low, uint32_t high)
{
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (t->run[middle].last_rank < rank)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Division by the number of ports, d, as a multiplication (Granlund, Montgomery: "Division by
 * invariant integers using multiplication", PLDI 1994): with m = ceil(2^64 / d), m * d exceeds 2^64
 * by less than d <= 2^16, so that for n < 2^48 the error n * (m * d - 2^64) / 2^64 stays below one
 * and the quotient is exact. m of d = 1 does not fit 64 bits: one port is a case of its own.
 */
static inline uint32_t
address_rank(const struct targets *t, uint64_t index)
{
	if (t->ports == 1)
		return (uint32_t)index;
	return (uint32_t)(((uint128)index * t->reciprocal) >> 64);
}

/*
 * The address of a rank: a search in a window from the run that holds its bucket's first rank on, without
 * branches. The one branch is rarely taken, and however exclusions cluster, because ranks come shuffled.
 */
static inline uint32_t
address_at(const struct targets *t, uint32_t rank)
{
	const uint32_t *bucket = &t->bucket[rank >> t->shift];
	const struct table_run *run = &t->run[*bucket];

	run += 4 * (rank > run[3].last_rank);
	run += 2 * (rank > run[1].last_rank);
	run += rank > run[0].last_rank;
	if (__builtin_expect(rank > run[0].last_rank, 0))
		run = &t->run[search_rank(t, rank, bucket[0] + TABLE_WINDOW, bucket[1])];
	return rank + run->offset;
}

/* Indices below the product; all others are taken for 0. */
static void
select_product(const struct targets *t, const uint64_t *index, unsigned int n, uint32_t *address,
	       uint16_t *port)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t in = index[i] < t->product ? index[i] : 0;
		uint32_t rank = address_rank(t, in);

		address[i] = address_at(t, rank);
		port[i] = t->port[in - (uint64_t)rank * t->ports];
	}
}

/* The indices beyond the product. */
static void
select_pairs(const struct targets *t, const uint64_t *index, unsigned int n, uint32_t *address,
	     uint16_t *port)
{
	for (unsigned int i = 0; i < n; i++) {
		if (index[i] >= t->product) {
			uint64_t pair = t->pair[index[i] - t->product];

			address[i] = (uint32_t)(pair >> 16);
			port[i] = (uint16_t)pair;
		}
	}
}

void
targets_select(const struct targets *t, const uint64_t *index, unsigned int n, uint32_t *address,
	       uint16_t *port)
{
	if (t->product > 0)
		select_product(t, index, n, address, port);
	if (t->pairs > 0)
		select_pairs(t, index, n, address, port);
}

/* The first run that ends at an address or later; the count of all where none does. */
static size_t
find_run_of(const struct targets *t, uint32_t address)
{
	size_t low = 0, high = t->runs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (targets_range(t, middle).last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The rank of an address; 0 or -ENOENT. */
static int
find_address(const struct targets *t, uint32_t address, uint32_t *rank)
{
	size_t run = find_run_of(t, address);

	if (run == t->runs || address < targets_range(t, run).first)
		return -ENOENT;
	*rank = address - t->run[run].offset;
	return 0;
}

/* How many addresses are below this one. */
static uint64_t
addresses_below(const struct targets *t, uint32_t address)
{
	size_t run = find_run_of(t, address);
	uint32_t first;

	if (run == t->runs)
		return t->addresses;
	first = targets_range(t, run).first;
	return (address > first ? address : first) - t->run[run].offset;
}

/* How many pairs are below this one, which need not be. */
static uint64_t
pairs_below(const struct targets *t, uint64_t pair)
{
	size_t low = 0, high = t->pairs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->pair[middle] < pair)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
compare_ports(const void *a, const void *b)
{
	const uint16_t *x = a, *y = b;

	return *x - *y;
}

int
targets_rank(const struct targets *t, uint32_t address, uint16_t port, uint64_t *index)
{
	uint64_t key = table_pair(address, port);
	const uint16_t *found_port = bsearch(&port, t->port, t->ports, sizeof(port), compare_ports);
	const uint64_t *found_pair;
	uint32_t rank;

	if (found_port != NULL && find_address(t, address, &rank) == 0) {
		*index = (uint64_t)rank * t->ports + (uint64_t)(found_port - t->port);
		return 0;
	}
	found_pair = bsearch(&key, t->pair, t->pairs, sizeof(key), table_compare_pairs);
	if (found_pair == NULL)
		return -ENOENT;
	*index = t->product + (uint64_t)(found_pair - t->pair);
	return 0;
}

void
targets_within(const struct targets *t, struct ipv4_range range, struct targets_indices within[2])
{
	uint64_t addresses_end = range.last == UINT32_MAX ? t->addresses : addresses_below(t, range.last + 1);

	within[0] = (struct targets_indices){addresses_below(t, range.first) * t->ports, addresses_end * t->ports};
	within[1] = (struct targets_indices){
		t->product + pairs_below(t, (uint64_t)range.first << 16),
		t->product + pairs_below(t, ((uint64_t)range.last + 1) << 16),
	};
}
