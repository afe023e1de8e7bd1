/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "tcp/stack.h"

int
pool_init(struct tcp_pool *p, uint32_t capacity)
{
	*p = (struct tcp_pool){
		.block = aligned_alloc(64, ((size_t)capacity + 1) * sizeof(struct tcp_block)),
		.capacity = capacity,
	};
	return p->block != NULL ? 0 : -ENOMEM;
}

void
pool_fini(struct tcp_pool *p)
{
	free(p->block);
	p->block = NULL;
}

uint32_t
pool_take(struct tcp_pool *p)
{
	uint32_t number = p->free;

	if (number != 0)
		p->free = p->block[number].next;
	else if (p->touched < p->capacity)
		number = ++p->touched;
	else
		return 0;
	p->block[number].next = 0;
	p->block[number].begin = 0;
	p->block[number].end = 0;
	p->used++;
	return number;
}

void
pool_give(struct tcp_pool *p, uint32_t number)
{
	p->block[number].next = p->free;
	p->free = number;
	p->used--;
}

void
pool_give_list(struct tcp_pool *p, uint32_t head)
{
	while (head != 0) {
		uint32_t next = p->block[head].next;

		pool_give(p, head);
		head = next;
	}
}
