/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/world.h"

#define NAME(name) #name,
const char *const world_counter_names[WORLD_COUNTERS] = {
	WORLD_INTAKE_COUNTERS(NAME) WORLD_STAGE_COUNTERS(NAME)
};

/* Fields of one type and nothing else: an array, but with names. */
void
world_counters_add(struct world_counters *sum, const struct world_counters *term)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)term;

	for (size_t i = 0; i < WORLD_COUNTERS; i++)
		to[i] += from[i];
}

void
world_tally_add(struct world_tally *sum, const struct world_tally *term)
{
	for (unsigned int i = 0; i < WORLD_STATES; i++)
		sum->syn[i] += term->syn[i];
	sum->syn_digest += term->syn_digest;
	sum->dns += term->dns;
}

uint64_t
world_tally_syn(const struct world_tally *tally)
{
	uint64_t syn = 0;

	for (unsigned int i = 0; i < WORLD_STATES; i++)
		syn += tally->syn[i];
	return syn;
}
