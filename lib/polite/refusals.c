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

static bool
is_out(const _Atomic uint8_t *cell)
{
	return (atomic_load_explicit(cell, memory_order_relaxed) & ~REFUSALS_HAS_24) ==
	       REFUSALS_OUT;
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
refusals_next(const struct refusals *r, uint32_t *at, struct refusals_network *network)
{
	for (uint32_t i; (i = *at) < NETWORKS_16 + NETWORKS_24;) {
		bool is_16 = i < NETWORKS_16;

		(*at)++;
		if (is_16 && is_out(&r->level_16[i])) {
			fill(network, i, 16, &r->cell_16[i]);
			return 0;
		}
		if (!is_16 && is_out(&r->level_24[i - NETWORKS_16])) {
			fill(network, i - NETWORKS_16, 24, &r->cell_24[i - NETWORKS_16]);
			return 0;
		}
	}
	return -ENOENT;
}
