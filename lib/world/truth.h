/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A compiled world, for the files of lib/world alone: bounds on hashes in place of shares, and
 * disjoint segments of the address space in place of overlapping networks.
 */
#ifndef WORLD_TRUTH_H
#define WORLD_TRUTH_H

#include "base/hash.h"
#include "world/world.h"

/* Segments are found by the top bits of an address first: 16 KB, which stay in the L1 cache. */
#define WORLD_TOP_BITS 12
#define WORLD_TOPS (1U << WORLD_TOP_BITS)

/* Cumulative: open <= closed <= unreachable. */
struct world_bounds {
	uint64_t open;
	uint64_t closed;
	uint64_t unreachable;
};

/* Which services there are, and in what shares: a span of the world's offers. */
struct world_mix {
	uint32_t first;
	uint32_t count;
};

struct world_rule {
	struct world_bounds bounds;
	uint16_t port;
	struct world_mix mix;
};

/* A network; chances are bounds for world_chance(). */
struct world_terrain {
	struct world_bounds fallback; /* of ports without a rule */
	const struct world_rule *rules; /* by port, ascending */
	size_t rules_count;
	uint64_t echo;
	uint64_t loss_out;
	uint64_t loss_back;
	uint64_t duplicate;
	uint64_t reorder;
	uint64_t corrupt;
	uint64_t latency_min_ns;
	uint64_t latency_max_ns;
	unsigned int synack_retries;
	struct world_mix mix; /* of ports whose rule has none */
};

/* Of names: below which a hash of one is what it is (world_bound). */
struct world_name_bounds {
	uint64_t servfail;
	uint64_t exists; /* or SERVFAIL */
	uint64_t alias;
	uint64_t types;
	uint64_t big;
	uint64_t truncated;
};

struct world {
	uint64_t seed;
	struct world_terrain *terrain; /* by network; the last, of no network, is all 0 */
	uint32_t *segment_first;       /* ascending from 0 */
	uint16_t *segment_network;
	uint32_t segments;
	uint16_t top[WORLD_TOPS + 1]; /* the segment that holds the first address of each top */
	struct world_rule *rules;     /* of all networks */
	struct world_network *networks;
	struct world_port *ports;
	struct world_market *market;
	struct world_zone_server *zone_servers;
	struct world_name_bounds names;
	struct world_description description;
};

/* A bound of UINT64_MAX stands for always; so no hash may reach it. */
static inline uint64_t
world_hash(uint64_t value)
{
	uint64_t h = hash_mix64(value);

	return h - (h == UINT64_MAX);
}

static inline bool
world_chance(uint64_t hash, uint64_t bound)
{
	return hash < bound;
}

/* ceil(share * 2^64): below it is where a hash is below the share, exactly. The largest share short
 * of all is bounded by 2^64 - 18, so that UINT64_MAX is free to stand for always. */
static inline uint64_t
world_bound(uint64_t share)
{
	const unsigned __int128 one = WORLD_SHARE_ONE;

	if (share == WORLD_SHARE_ONE)
		return UINT64_MAX;
	return (uint64_t)((((unsigned __int128)share << 64) + one - 1) / one);
}

static inline uint64_t
world_key(uint32_t address, uint16_t port)
{
	return (uint64_t)address << 16 | port;
}

static inline unsigned int
world_terrain_find(const struct world *w, uint32_t address)
{
	uint32_t top = address >> (32 - WORLD_TOP_BITS);
	uint32_t low = w->top[top], high = w->top[top + 1];

	while (low < high) {
		uint32_t middle = (low + high + 1) / 2;

		if (w->segment_first[middle] <= address)
			low = middle;
		else
			high = middle - 1;
	}
	return w->segment_network[low];
}

static inline const struct world_bounds *
world_bounds_find(const struct world_terrain *t, uint16_t port)
{
	size_t low = 0, high = t->rules_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->rules[middle].port == port)
			return &t->rules[middle].bounds;
		if (t->rules[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return &t->fallback;
}

/* The sum counts the bounds that the hash is not below. */
static inline enum world_state
world_bounds_state(const struct world_bounds *b, uint64_t hash)
{
	return (enum world_state)((hash >= b->open) + (hash >= b->closed) +
				  (hash >= b->unreachable));
}

static inline enum world_state
world_state_of(const struct world *w, const struct world_terrain *t, uint32_t address,
	       uint16_t port)
{
	return world_bounds_state(world_bounds_find(t, port),
				  world_hash(w->seed ^ world_key(address, port)));
}

#define WORLD_DIGEST_KEY 0x5eed

static inline uint64_t
world_digest(uint32_t address, uint16_t port)
{
	return hash_mix64(WORLD_DIGEST_KEY ^ world_key(address, port));
}

#endif /* WORLD_TRUTH_H */
