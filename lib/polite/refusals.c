/* SPDX-License-Identifier: BSD-3-Clause */
#include "polite/refusals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NETWORKS_16 (UINT32_C(1) << 16)
#define NETWORKS_24 (UINT32_C(1) << 24)

struct refusals *
refusals_new(bool has_24, bool has_16)
{
	struct refusals *r = aligned_alloc(64, (sizeof(*r) + 63) / 64 * 64);

	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->has_24 = has_24;
	r->has_16 = has_16;
	/* From calloc(), which takes so much from the kernel in pages that are zero until written. */
	r->level_16 = calloc(NETWORKS_16, sizeof(r->level_16[0]));
	r->level_24 = calloc(NETWORKS_24, sizeof(r->level_24[0]));
	r->cell_16 = calloc(NETWORKS_16, sizeof(r->cell_16[0]));
	r->cell_24 = calloc(NETWORKS_24, sizeof(r->cell_24[0]));
	if (r->level_16 != NULL && r->level_24 != NULL && r->cell_16 != NULL && r->cell_24 != NULL)
		return r;
	refusals_free(r);
	return NULL;
}

void
refusals_free(struct refusals *r)
{
	if (r == NULL)
		return;
	free(r->level_16);
	free(r->level_24);
	free(r->cell_16);
	free(r->cell_24);
	free(r);
}

/* What so many refusals make of a network that is first slowed at `slow`. */
static enum refusals_level
level_of(uint32_t refused, uint32_t slow)
{
	if (refused < slow)
		return REFUSALS_NONE;
	if (refused < 2 * slow)
		return REFUSALS_HALF;
	return refused < 4 * slow ? REFUSALS_QUARTER : REFUSALS_OUT;
}

/* Two workers may come to a level at once; the higher one stays. */
static void
raise_level(_Atomic uint8_t *cell, enum refusals_level level)
{
	uint8_t old = atomic_load_explicit(cell, memory_order_relaxed), new;

	do {
		if ((old & ~REFUSALS_HAS_24) >= level)
			return;
		new = (uint8_t)((old & REFUSALS_HAS_24) | level);
	} while (!atomic_compare_exchange_weak_explicit(cell, &old, new, memory_order_relaxed,
							memory_order_relaxed));
}

/* One more; how far the network is by that. */
static enum refusals_level
count(struct refusals_cell *cell, uint32_t slow, uint64_t now_ns)
{
	uint32_t refused = atomic_fetch_add_explicit(&cell->refused, 1, memory_order_relaxed) + 1;

	if (refused == 4 * slow)
		atomic_store_explicit(&cell->out_ns, now_ns, memory_order_relaxed);
	return level_of(refused, slow);
}

void
refusals_note(struct refusals *r, uint32_t address, uint64_t now_ns)
{
	enum refusals_level of_24 = REFUSALS_NONE, of_16 = REFUSALS_NONE;

	if (r->has_24)
		of_24 = count(&r->cell_24[address >> 8], REFUSALS_SLOW_24, now_ns);
	if (r->has_16)
		of_16 = count(&r->cell_16[address >> 16], REFUSALS_SLOW_16, now_ns);
	if (of_24 == REFUSALS_NONE && of_16 == REFUSALS_NONE)
		return;
	raise_level(&r->level_24[address >> 8], of_24);
	raise_level(&r->level_16[address >> 16], of_16);
	if (of_24 != REFUSALS_NONE)
		atomic_fetch_or_explicit(&r->level_16[address >> 16], REFUSALS_HAS_24,
					 memory_order_relaxed);
	atomic_store_explicit(&r->any, true, memory_order_relaxed);
}

void
refusals_skip(struct refusals *r, uint32_t address)
{
	enum refusals_level of_24, of_16;
	struct refusals_cell *cell;

	refusals_levels(r, address, &of_24, &of_16);
	cell = of_16 == REFUSALS_OUT ? &r->cell_16[address >> 16] : &r->cell_24[address >> 8];
	atomic_fetch_add_explicit(&cell->skipped, 1, memory_order_relaxed);
}

static enum refusals_level
level_at(const _Atomic uint8_t *cell)
{
	return (enum refusals_level)(atomic_load_explicit(cell, memory_order_relaxed) &
				     ~REFUSALS_HAS_24);
}

/* Where there is nothing to tell of a /16's /24s, the first of the next one's. */
static uint32_t
skip_empty(const struct refusals *r, uint32_t network)
{
	while (network < NETWORKS_24 && network % 256 == 0 &&
	       !(atomic_load_explicit(&r->level_16[network / 256], memory_order_relaxed) & REFUSALS_HAS_24))
		network += 256;
	return network;
}

static void
fill(struct refusals_network *n, uint32_t network, uint8_t prefix_len,
     const struct refusals_cell *cell)
{
	n->address = network << (32 - prefix_len);
	n->prefix_len = prefix_len;
	n->refused = atomic_load_explicit(&cell->refused, memory_order_relaxed);
	n->out_ns = atomic_load_explicit(&cell->out_ns, memory_order_relaxed);
	n->skipped = atomic_load_explicit(&cell->skipped, memory_order_relaxed);
}

int
refusals_next(const struct refusals *r, enum refusals_level least, uint32_t *at,
	      struct refusals_network *network)
{
	uint32_t i;

	for (i = *at; i < NETWORKS_16; i++) {
		if (level_at(&r->level_16[i]) >= least) {
			*at = i + 1;
			fill(network, i, 16, &r->cell_16[i]);
			return 0;
		}
	}
	for (i -= NETWORKS_16; (i = skip_empty(r, i)) < NETWORKS_24; i++) {
		if (level_at(&r->level_24[i]) >= least) {
			*at = NETWORKS_16 + i + 1;
			fill(network, i, 24, &r->cell_24[i]);
			return 0;
		}
	}
	*at = NETWORKS_16 + NETWORKS_24;
	return -ENOENT;
}

void
refusals_recall(struct refusals *r, const struct refusals_network *n)
{
	bool is_16 = n->prefix_len == 16;
	uint32_t i = n->address >> (32 - n->prefix_len);
	struct refusals_cell *cell = is_16 ? &r->cell_16[i] : &r->cell_24[i];
	enum refusals_level level = level_of(n->refused, is_16 ? REFUSALS_SLOW_16 : REFUSALS_SLOW_24);

	if ((is_16 && !r->has_16) || (!is_16 && !r->has_24) || level == REFUSALS_NONE)
		return;
	atomic_store_explicit(&cell->refused, n->refused, memory_order_relaxed);
	atomic_store_explicit(&cell->skipped, n->skipped, memory_order_relaxed);
	raise_level(is_16 ? &r->level_16[i] : &r->level_24[i], level);
	if (!is_16)
		atomic_fetch_or_explicit(&r->level_16[i / 256], REFUSALS_HAS_24, memory_order_relaxed);
	atomic_store_explicit(&r->any, true, memory_order_relaxed);
}
