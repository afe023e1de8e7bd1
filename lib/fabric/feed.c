/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ring.h>

#include "fabric/layout.h"

#define BATCH_BYTES (16 * 1024)

/* Before a name's text in a batch. */
struct head {
	uint64_t number;
	uint32_t address;
	uint16_t len;
	uint8_t lookup;
	uint8_t origin;
	uint8_t wildcard;
	uint8_t zero[7];
};

struct feed_batch {
	uint32_t used; /* bytes */
	uint32_t at;   /* of the next to be read */
	uint32_t count;
	uint32_t read;
	uint8_t bytes[BATCH_BYTES];
};

_Static_assert(sizeof(struct head) + FEED_TEXT_MAX <= BATCH_BYTES, "an empty batch has room for a name");

struct feed {
	struct feed_lane lanes[LAYOUT_LCORES_MAX];
	unsigned int workers;
	unsigned int next;       /* whose turn it is */
	unsigned int open_for;   /* whose batch is open */
	struct feed_batch *open; /* being packed; NULL: none */
	struct feed_batch *memory;
};

static int
make_lane(struct feed *f, const char *name, unsigned int worker)
{
	struct feed_lane *lane = &f->lanes[worker];
	char text[RTE_RING_NAMESIZE];

	/* One more than fits must not be needed: a ring of n holds n - 1. */
	snprintf(text, sizeof(text), "%s-full-%u", name, worker);
	lane->full = rte_ring_create(text, 2 * FEED_BATCHES, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(text, sizeof(text), "%s-empty-%u", name, worker);
	lane->empty = rte_ring_create(text, 2 * FEED_BATCHES, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (lane->full == NULL || lane->empty == NULL)
		return -1;
	for (unsigned int i = 0; i < FEED_BATCHES; i++)
		rte_ring_sp_enqueue(lane->empty, &f->memory[worker * FEED_BATCHES + i]);
	return 0;
}

struct feed *
feed_new(const char *name, unsigned int workers)
{
	struct feed *f = calloc(1, sizeof(*f));
	int rc = 0;

	if (f == NULL)
		return NULL;
	f->workers = workers;
	f->memory = calloc((size_t)workers * FEED_BATCHES, sizeof(*f->memory));
	if (f->memory == NULL)
		rc = -1;
	for (unsigned int w = 0; w < workers && rc == 0; w++)
		rc = make_lane(f, name, w);
	if (rc == 0)
		return f;
	feed_free(f);
	return NULL;
}

void
feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	for (unsigned int w = 0; w < f->workers; w++) {
		rte_ring_free(f->lanes[w].full);
		rte_ring_free(f->lanes[w].empty);
	}
	free(f->memory);
	free(f);
}

const struct feed_lane *
feed_lane(const struct feed *f, unsigned int worker)
{
	return &f->lanes[worker];
}

/* An empty batch of whoever's turn it is or, where that one has enough to do, of the next. */
static bool
open_batch(struct feed *f)
{
	void *batch;

	for (unsigned int i = 0; i < f->workers; i++) {
		unsigned int w = (f->next + i) % f->workers;

		if (rte_ring_sc_dequeue(f->lanes[w].empty, &batch) != 0)
			continue;
		f->open = batch;
		f->open->used = f->open->at = f->open->count = f->open->read = 0;
		f->open_for = w;
		f->next = (w + 1) % f->workers;
		return true;
	}
	return false;
}

void
feed_flush(struct feed *f)
{
	if (f->open == NULL)
		return;
	rte_ring_sp_enqueue(f->lanes[f->open_for].full, f->open);
	f->open = NULL;
}

bool
feed_put(struct feed *f, const struct feed_name *name)
{
	const struct head head = {
		.number = name->number,
		.address = name->address,
		.len = name->len < FEED_TEXT_MAX ? name->len : FEED_TEXT_MAX,
		.lookup = name->lookup,
		.origin = name->origin,
		.wildcard = name->wildcard,
	};
	struct feed_batch *b;

	if (f->open != NULL && BATCH_BYTES - f->open->used < sizeof(head) + head.len)
		feed_flush(f);
	if (f->open == NULL && !open_batch(f))
		return false;
	b = f->open;
	memcpy(b->bytes + b->used, &head, sizeof(head));
	memcpy(b->bytes + b->used + sizeof(head), name->text, head.len);
	b->used += (uint32_t)(sizeof(head) + head.len);
	b->count++;
	return true;
}

struct feed_batch *
feed_take(const struct feed_lane *lane)
{
	void *batch;

	return rte_ring_sc_dequeue(lane->full, &batch) == 0 ? batch : NULL;
}

bool
feed_next(struct feed_batch *b, struct feed_name *name)
{
	struct head head;

	if (b->read == b->count)
		return false;
	memcpy(&head, b->bytes + b->at, sizeof(head));
	*name = (struct feed_name){
		.number = head.number,
		.address = head.address,
		.lookup = head.lookup,
		.origin = head.origin,
		.wildcard = head.wildcard,
		.len = head.len,
		.text = (const char *)b->bytes + b->at + sizeof(head),
	};
	b->at += (uint32_t)(sizeof(head) + head.len);
	b->read++;
	return true;
}

void
feed_give_back(const struct feed_lane *lane, struct feed_batch *b)
{
	rte_ring_sp_enqueue(lane->empty, b);
}

uint32_t
feed_unread(const struct feed_batch *b)
{
	return b->count - b->read;
}

uint64_t
feed_left(struct feed *f)
{
	uint64_t left;

	if (f == NULL)
		return 0;
	left = f->open != NULL ? feed_unread(f->open) : 0;
	for (unsigned int w = 0; w < f->workers; w++) {
		struct feed_batch *b;

		while ((b = feed_take(&f->lanes[w])) != NULL) {
			left += feed_unread(b);
			feed_give_back(&f->lanes[w], b);
		}
	}
	return left;
}
