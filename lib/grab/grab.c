/* SPDX-License-Identifier: BSD-3-Clause */
#include "grab/grab.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

/* A grab is the chain of its blocks; the first begins with the struct grab itself. */
struct grab_block {
	struct grab_block *next;
	union {
		struct grab grab;
		uint8_t bytes[GRAB_BLOCK_BYTES - sizeof(void *)];
	};
};

_Static_assert(sizeof(struct grab_block) == GRAB_BLOCK_BYTES, "no padding");

struct grab_pool {
	struct grab_block *free; /* the owner's */
	size_t free_count;
	size_t fresh;            /* blocks from here on have never been used: memory that costs nothing yet */
	struct grab_block *memory;
	size_t blocks;
	_Alignas(64) _Atomic(struct grab_block *) returned; /* pushed by any thread */
};

struct grab_pool *
grab_pool_new(size_t blocks)
{
	struct grab_pool *pool = aligned_alloc(64, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	memset(pool, 0, sizeof(*pool));
	pool->memory = blocks <= SIZE_MAX / GRAB_BLOCK_BYTES ?
			       aligned_alloc(64, blocks * GRAB_BLOCK_BYTES) : NULL;
	if (pool->memory == NULL) {
		free(pool);
		return NULL;
	}
	pool->blocks = pool->free_count = blocks;
	return pool;
}

void
grab_pool_free(struct grab_pool *pool)
{
	if (pool == NULL)
		return;
	free(pool->memory);
	free(pool);
}

static void
take_returned(struct grab_pool *pool)
{
	struct grab_block *b, *next;

	if (atomic_load_explicit(&pool->returned, memory_order_relaxed) == NULL)
		return;
	b = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
	for (; b != NULL; b = next) {
		next = b->next;
		b->next = pool->free;
		pool->free = b;
		pool->free_count++;
	}
}

size_t
grab_pool_room(struct grab_pool *pool)
{
	take_returned(pool);
	return pool->free_count;
}

static struct grab_block *
take_block(struct grab_pool *pool)
{
	struct grab_block *b;

	if (pool->free == NULL)
		take_returned(pool);
	b = pool->free;
	if (b != NULL)
		pool->free = b->next;
	else if (pool->fresh < pool->blocks)
		b = &pool->memory[pool->fresh++];
	else
		return NULL;
	pool->free_count--;
	b->next = NULL;
	return b;
}

static struct grab_block *
first_block(const struct grab *g)
{
	return (struct grab_block *)((uintptr_t)g - offsetof(struct grab_block, grab));
}

struct grab *
grab_new(struct grab_pool *pool, enum grab_module module, uint64_t now_ns)
{
	struct grab_block *b = take_block(pool);

	if (b == NULL)
		return NULL;
	b->grab = (struct grab){
		.pool = pool, .last = b, .started_ns = now_ns, .module = module, .blocks = 1,
	};
	return &b->grab;
}

void
grab_free(struct grab *g)
{
	struct grab_block *first, *last, *top;
	struct grab_pool *pool;

	if (g == NULL)
		return;
	pool = g->pool;
	first = first_block(g);
	for (last = first; last->next != NULL;)
		last = last->next;
	top = atomic_load_explicit(&pool->returned, memory_order_relaxed);
	do {
		last->next = top;
	} while (!atomic_compare_exchange_weak_explicit(&pool->returned, &top, first,
							memory_order_release, memory_order_relaxed));
}

static uint32_t
since_start_us(const struct grab *g, uint64_t now_ns)
{
	uint64_t us = now_ns > g->started_ns ? (now_ns - g->started_ns) / NS_PER_US : 0;

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void
grab_reach(struct grab *g, enum grab_stage stage, uint64_t now_ns)
{
	if (stage <= g->stage)
		return;
	g->stage = (uint8_t)stage;
	g->stage_us[stage] = since_start_us(g, now_ns);
	if (g->stage_us[stage] == 0)
		g->stage_us[stage] = 1; /* 0 is never */
}

void
grab_end(struct grab *g, enum grab_cause cause, uint64_t now_ns)
{
	if (grab_has_ended(g))
		return;
	g->cause = (uint8_t)cause;
	/* A grab may end in the nanosecond in which it began. */
	g->ended_ns = now_ns > 0 ? now_ns : 1;
}

bool
grab_has_ended(const struct grab *g)
{
	return g->ended_ns != 0;
}

/* Bytes of chunks that the first block holds, and each other one. */
#define FIRST_BYTES (GRAB_BLOCK_BYTES - sizeof(void *) - sizeof(struct grab))
#define BLOCK_BYTES (GRAB_BLOCK_BYTES - sizeof(void *))

/* Where byte `at` of the chunks stands, and how many follow it in its block. */
static uint8_t *
locate(const struct grab *g, size_t at, size_t *room)
{
	struct grab_block *b = first_block(g);
	size_t size = FIRST_BYTES, skip = sizeof(struct grab);

	while (at >= size && b->next != NULL) {
		at -= size;
		b = b->next;
		size = BLOCK_BYTES;
		skip = 0;
	}
	*room = size - at;
	return b->bytes + skip + at;
}

/* Bytes that still fit into the blocks that the grab has. */
static size_t
held_room(const struct grab *g)
{
	return FIRST_BYTES + (g->blocks - 1) * BLOCK_BYTES - g->captured;
}

static bool
grow(struct grab *g)
{
	struct grab_block *b = take_block(g->pool);

	if (b == NULL)
		return false;
	g->last->next = b;
	g->last = b;
	g->blocks++;
	return true;
}

/* Where the next byte goes: captured counts up to it, and blocks fill in order. */
static uint8_t *
append_at(struct grab *g, size_t *room)
{
	*room = held_room(g);
	if (*room == 0) {
		if (!grow(g))
			return NULL;
		*room = held_room(g);
	}
	return (uint8_t *)g->last + GRAB_BLOCK_BYTES - *room;
}

/* How many of len bytes could be kept. */
static size_t
append(struct grab *g, const uint8_t *bytes, size_t len)
{
	size_t done = 0;

	if (len > GRAB_CAPTURE_MAX - g->captured)
		len = GRAB_CAPTURE_MAX - g->captured;
	while (done < len) {
		size_t room, n;
		uint8_t *at = append_at(g, &room);

		if (at == NULL)
			break;
		n = len - done < room ? len - done : room;
		memcpy(at, bytes + done, n);
		g->captured += (uint32_t)n;
		done += n;
	}
	return done;
}

/* Copy between the chunks and flat memory. */
static void
copy_out(const struct grab *g, size_t at, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		size_t room, n;
		const uint8_t *from = locate(g, at + done, &room);

		n = len - done < room ? len - done : room;
		memcpy((uint8_t *)to + done, from, n);
		done += n;
	}
}

static void
copy_in(struct grab *g, size_t at, const void *from, size_t len)
{
	for (size_t done = 0; done < len;) {
		size_t room, n;
		uint8_t *to = locate(g, at + done, &room);

		n = len - done < room ? len - done : room;
		memcpy(to, (const uint8_t *)from + done, n);
		done += n;
	}
}

/* No chunk is open: what is appended is lost, and said to be. */
#define NO_CHUNK UINT32_MAX

void
grab_open(struct grab *g, enum grab_chunk_type type, uint64_t now_ns)
{
	struct grab_chunk_head head = {.type = (uint8_t)type, .at_us = since_start_us(g, now_ns)};
	uint32_t at = g->captured;

	/* A head is whole or not there. */
	if (sizeof(head) > GRAB_CAPTURE_MAX - g->captured ||
	    (held_room(g) < sizeof(head) && !grow(g))) {
		g->head_at = NO_CHUNK;
		g->cut = true;
		return;
	}
	g->captured += (uint32_t)sizeof(head);
	copy_in(g, at, &head, sizeof(head));
	g->head_at = at;
}

void
grab_append(struct grab *g, struct span bytes)
{
	struct grab_chunk_head head;
	size_t kept;

	if (g->head_at == NO_CHUNK || bytes.len == 0)
		return;
	kept = append(g, bytes.at, bytes.len);
	copy_out(g, g->head_at, &head, sizeof(head));
	head.len += (uint32_t)kept;
	copy_in(g, g->head_at, &head, sizeof(head));
	if (kept < bytes.len)
		grab_mark_cut(g);
}

void
grab_mark_cut(struct grab *g)
{
	struct grab_chunk_head head;

	g->cut = true;
	if (g->head_at == NO_CHUNK)
		return;
	copy_out(g, g->head_at, &head, sizeof(head));
	head.cut = 1;
	copy_in(g, g->head_at, &head, sizeof(head));
	/* A hole in it would be worse than an end. */
	g->head_at = NO_CHUNK;
}

void
grab_add(struct grab *g, enum grab_chunk_type type, struct span bytes, uint64_t now_ns)
{
	grab_open(g, type, now_ns);
	grab_append(g, bytes);
}

size_t
grab_copy(const struct grab *g, uint8_t *buf)
{
	copy_out(g, 0, buf, g->captured);
	return g->captured;
}

bool
grab_next(struct span *copy, struct grab_chunk_head *head, struct span *bytes)
{
	struct span at;

	if (!span_take(copy, sizeof(*head), &at))
		return false;
	memcpy(head, at.at, sizeof(*head));
	return span_take(copy, head->len, bytes);
}
