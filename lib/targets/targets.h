/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The target table: every (address, port) of a scan as an index from 0 to N-1, and back.
 *
 * A target is computed, never stored. The table is a sorted set of disjoint address ranges
 * (included minus excluded) times a sorted set of ports; index = rank of address * ports + rank of
 * port. Address:port pairs listed outside the product follow it, sorted by address and port.
 * The table therefore costs memory per range and per listed pair, not per target.
 *
 * Select (index -> target) is what the prober does millions of times a second: one table look-up on
 * the high bits of the address rank, then a search among the few ranges that share them.
 *
 * A builder and a table under construction belong to one thread. A finished table is immutable: any
 * number of threads may read it.
 */
#ifndef TARGETS_TARGETS_H
#define TARGETS_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#include "base/ipv4.h"

struct targets;
struct targets_builder;

/* N is never larger: all addresses times all ports, which the permutation can name. */
#define TARGETS_MAX (UINT64_C(1) << 48)

/* A new, empty builder, or NULL without memory. */
struct targets_builder *targets_builder_new(void);
void targets_builder_free(struct targets_builder *b);

/*
 * Add to the sets, in any order and with any overlap. Exclusion wins over inclusion whatever the
 * order of the calls, for pairs too; a pair that the product holds is no target of its own. Where
 * addresses alone are the targets, their one port is 0.
 * 0 or -ENOMEM.
 */
int targets_include(struct targets_builder *b, struct ipv4_range range);
int targets_exclude(struct targets_builder *b, struct ipv4_range range);
int targets_port(struct targets_builder *b, uint16_t first, uint16_t last);
int targets_pair(struct targets_builder *b, uint32_t address, uint16_t port);

/*
 * Take back part of what is excluded by targets_exclude_default() (and of nothing else): the job's
 * allow_reserved. targets = included - (default - allowed) - excluded.
 */
int targets_exclude_default(struct targets_builder *b, struct ipv4_range range);
int targets_allow(struct targets_builder *b, struct ipv4_range range);

/*
 * Make what the builder holds into a table. That uses the builder up, and all that is left to do with it
 * is to free it: with millions of ranges nothing is held twice. While building, an included range takes
 * 16 bytes and a pair 8; at most twice that as lists grow.
 * 0 and *out, or -ENOMEM. A table of no targets is no error.
 */
int targets_build(struct targets_builder *b, struct targets **out);
void targets_free(struct targets *t);

/* N, the number of targets; and its parts. */
uint64_t targets_count(const struct targets *t);
uint64_t targets_address_count(const struct targets *t);
uint32_t targets_port_count(const struct targets *t);
uint64_t targets_pair_count(const struct targets *t);
size_t targets_range_count(const struct targets *t);

/* Range i of the included addresses, in ascending order, i < targets_range_count(). */
struct ipv4_range targets_range(const struct targets *t, size_t i);

/* Bytes that the table holds. */
size_t targets_bytes(const struct targets *t);

/*
 * Select: the targets of n indices, each below targets_count(), in any order.
 * address[] and port[] (host order) have room for n.
 */
void targets_select(const struct targets *t, const uint64_t *index, unsigned int n,
		    uint32_t *address, uint16_t *port);

/* Rank: the index of a target. 0, or -ENOENT when it is none. */
int targets_rank(const struct targets *t, uint32_t address, uint16_t port, uint64_t *index);

/* Indices [first, end). */
struct targets_indices {
	uint64_t first;
	uint64_t end;
};

/* The targets whose addresses are in a range: those of the product, and pairs. Either may be empty. */
void targets_within(const struct targets *t, struct ipv4_range range, struct targets_indices within[2]);

#endif /* TARGETS_TARGETS_H */
