/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bounded store of blocks that hold a segment's bytes each: what servers have still to say, what
 * they heard too early, what is on its way. Memory is touched only as far as it was needed at once.
 * For the files of lib/world alone; not thread-safe.
 */
#ifndef WORLD_BLOCKS_H
#define WORLD_BLOCKS_H

#include <stdint.h>

#define BLOCK_DATA 1536

/* Blocks are named by their indices, from 1: 0 is none. */
struct block {
	uint32_t next; /* its user's, and in the list of the free */
	uint32_t seq;  /* its user's: of the first byte */
	uint32_t end; /* of the data */
	uint8_t data[BLOCK_DATA];
};

struct blocks {
	struct block *pool;
	uint32_t capacity;
	uint32_t touched;
	uint32_t free;
	uint32_t used;
};

/* 0 or -ENOMEM. */
int blocks_init(struct blocks *b, uint32_t capacity);
void blocks_fini(struct blocks *b);

/* One that is free, empty; 0 when there is none. */
uint32_t blocks_take(struct blocks *b);

/* The same for what may be kept long: only while more than half are free. What is on its way, and
 * gives its block back by itself, so always finds some. */
uint32_t blocks_take_to_keep(struct blocks *b);
void blocks_give(struct blocks *b, uint32_t index);

static inline struct block *
blocks_at(const struct blocks *b, uint32_t index)
{
	return &b->pool[index];
}

#endif /* WORLD_BLOCKS_H */
