/* SPDX-License-Identifier: BSD-3-Clause */
#include "names/named.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

/* Open addressing, linear; half of the places stay free. A key is never 0, since no target has port 0. */
struct cell {
	uint64_t key;
	uint32_t count;
};

struct named {
	struct cell *cells;
	size_t places; /* a power of two */
	size_t used;
};

struct named *
named_new(void)
{
	return calloc(1, sizeof(struct named));
}

void
named_free(struct named *n)
{
	if (n == NULL)
		return;
	free(n->cells);
	free(n);
}

static uint64_t
key_of(uint32_t address, uint16_t port)
{
	return (uint64_t)address << 16 | port;
}

/* Where a key stands, or would. */
static struct cell *
find(const struct named *n, uint64_t key)
{
	size_t at = hash_mix64(key) & (n->places - 1);

	while (n->cells[at].key != 0 && n->cells[at].key != key)
		at = (at + 1) & (n->places - 1);
	return &n->cells[at];
}

static int
grow(struct named *n)
{
	struct named wider = {.places = n->places == 0 ? 64 : n->places * 2};

	wider.cells = calloc(wider.places, sizeof(*wider.cells));
	if (wider.cells == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n->places; i++)
		if (n->cells[i].key != 0)
			*find(&wider, n->cells[i].key) = n->cells[i];
	free(n->cells);
	n->cells = wider.cells;
	n->places = wider.places;
	return 0;
}

int
named_add(struct named *n, uint32_t address, uint16_t port)
{
	struct cell *cell;

	if (2 * n->used >= n->places && grow(n) != 0)
		return -ENOMEM;
	cell = find(n, key_of(address, port));
	n->used += cell->key == 0;
	cell->key = key_of(address, port);
	cell->count++;
	return 0;
}

uint32_t
named_count(const struct named *n, uint32_t address, uint16_t port)
{
	return n != NULL && n->places > 0 ? find(n, key_of(address, port))->count : 0;
}
