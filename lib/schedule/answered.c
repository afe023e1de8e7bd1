/* SPDX-License-Identifier: BSD-3-Clause */
#include "schedule/answered.h"

#include <stdlib.h>

#define WORDS (ANSWERED_BLOCK / 64)

/* A tag is a block's number plus one: 0 is nobody's. */
#define NOBODY 0

struct block {
	_Atomic uint64_t word[WORDS];
};

struct answered {
	uint32_t mask;
	_Atomic uint64_t *tag;
	struct block *block;
};

struct answered *
answered_new(uint32_t blocks)
{
	struct answered *a = calloc(1, sizeof(*a));
	uint32_t room = 1;

	if (a == NULL)
		return NULL;
	while (room < blocks)
		room *= 2;
	a->mask = room - 1;
	a->tag = calloc(room, sizeof(*a->tag));
	a->block = calloc(room, sizeof(*a->block));
	if (a->tag == NULL || a->block == NULL) {
		answered_free(a);
		return NULL;
	}
	return a;
}

void
answered_free(struct answered *a)
{
	if (a == NULL)
		return;
	free(a->tag);
	free(a->block);
	free(a);
}

/* Give a slot to another block. Readers see nobody's tag before any of its bits change. */
static void
take_slot(_Atomic uint64_t *tag, struct block *block, uint64_t owner)
{
	atomic_store_explicit(tag, NOBODY, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (unsigned int i = 0; i < WORDS; i++)
		atomic_store_explicit(&block->word[i], 0, memory_order_relaxed);
	atomic_store_explicit(tag, owner, memory_order_release);
}

void
answered_mark(struct answered *a, uint64_t position)
{
	uint64_t owner = position / ANSWERED_BLOCK + 1, slot = (owner - 1) & a->mask, tag;
	struct block *block = &a->block[slot];
	_Atomic uint64_t *word = &block->word[position % ANSWERED_BLOCK / 64];

	tag = atomic_load_explicit(&a->tag[slot], memory_order_relaxed);
	if (tag > owner)
		return; /* of a block that is long done */
	if (tag != owner)
		take_slot(&a->tag[slot], block, owner);
	/* One writer: a plain or, stored whole. */
	atomic_store_explicit(word,
			      atomic_load_explicit(word, memory_order_relaxed) |
				      UINT64_C(1) << position % 64,
			      memory_order_relaxed);
}

uint64_t
answered_word(const struct answered *a, uint64_t position)
{
	uint64_t owner = position / ANSWERED_BLOCK + 1, slot = (owner - 1) & a->mask, bits;

	if (atomic_load_explicit(&a->tag[slot], memory_order_acquire) != owner)
		return 0;
	bits = atomic_load_explicit(&a->block[slot].word[position % ANSWERED_BLOCK / 64],
				    memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&a->tag[slot], memory_order_relaxed) == owner ? bits : 0;
}
