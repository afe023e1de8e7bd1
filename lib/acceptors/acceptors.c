/* SPDX-License-Identifier: BSD-3-Clause */
#include "acceptors/acceptors.h"

#include <errno.h>
#include <stdlib.h>

#define NETWORKS (UINT32_C(1) << 24)

/* In a cell, beside the count: somebody has spoken. */
#define SPOKE 0x8000

struct acceptors {
	uint16_t cell[NETWORKS];
};

struct acceptors *
acceptors_new(void)
{
	return calloc(1, sizeof(struct acceptors));
}

void
acceptors_free(struct acceptors *a)
{
	free(a);
}

void
acceptors_note(struct acceptors *a, uint32_t address)
{
	uint16_t *cell = &a->cell[address >> 8];

	if ((*cell & ACCEPTORS_COUNT_MAX) != ACCEPTORS_COUNT_MAX)
		(*cell)++;
}

void
acceptors_note_speech(struct acceptors *a, uint32_t address)
{
	a->cell[address >> 8] |= SPOKE;
}

int
acceptors_next(const struct acceptors *a, uint32_t least, uint32_t *at, struct acceptors_network *network)
{
	for (; *at < NETWORKS; (*at)++) {
		uint16_t cell = a->cell[*at];

		if (cell == 0 || cell & SPOKE || cell < least)
			continue;
		*network = (struct acceptors_network){*at << 8, cell};
		(*at)++;
		return 0;
	}
	return -ENOENT;
}
