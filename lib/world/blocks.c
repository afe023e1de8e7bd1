/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/blocks.h"

#include <errno.h>
#include <stdlib.h>

int
blocks_init(struct blocks *b, uint32_t capacity)
{
	*b = (struct blocks){.capacity = capacity};
	b->pool = malloc(((size_t)capacity + 1) * sizeof(*b->pool));
	return b->pool != NULL ? 0 : -ENOMEM;
}

void
blocks_fini(struct blocks *b)
{
	free(b->pool);
	b->pool = NULL;
}

uint32_t
blocks_take(struct blocks *b)
{
	uint32_t index = b->free;

	if (index != 0)
		b->free = b->pool[index].next;
	else if (b->touched < b->capacity)
		index = ++b->touched;
	else
		return 0;
	b->used++;
	b->pool[index].next = 0;
	b->pool[index].end = 0;
	return index;
}

uint32_t
blocks_take_to_keep(struct blocks *b)
{
	return b->used < b->capacity / 2 ? blocks_take(b) : 0;
}

void
blocks_give(struct blocks *b, uint32_t index)
{
	b->pool[index].next = b->free;
	b->free = index;
	b->used--;
}
