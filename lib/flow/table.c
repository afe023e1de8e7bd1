/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "flow/flow.h"

#define CAPACITY_MAX (UINT32_C(1) << 30)

static uint32_t
slot_count(uint32_t capacity)
{
	uint32_t slots = 2;

	while (slots < capacity + capacity / 2 + 1)
		slots *= 2;
	return slots;
}

size_t
flow_table_bytes(uint32_t capacity)
{
	return slot_count(capacity) * sizeof(struct flow_slot);
}

int
flow_table_init(struct flow_table *t, uint32_t capacity, const void *owners, size_t stride,
		const uint64_t key[2])
{
	uint32_t slots;

	if (capacity == 0 || capacity > CAPACITY_MAX)
		return -EINVAL;
	slots = slot_count(capacity);
	*t = (struct flow_table){
		.slots = calloc(slots, sizeof(struct flow_slot)),
		.owners = owners,
		.stride = stride,
		.mask = slots - 1,
		.capacity = capacity,
		.key = {key[0], key[1]},
	};
	return t->slots != NULL ? 0 : -ENOMEM;
}

void
flow_table_fini(struct flow_table *t)
{
	free(t->slots);
	t->slots = NULL;
}

static uint32_t
tuple_hash(const struct flow_table *t, const struct flow_tuple *tuple)
{
	uint64_t addresses = (uint64_t)tuple->local << 32 | tuple->remote;
	uint64_t ports = (uint64_t)tuple->local_port << 16 | tuple->remote_port;

	return (uint32_t)hash_mix64(hash_mix64(addresses ^ t->key[0]) ^ ports ^ t->key[1]);
}

static const struct flow_tuple *
tuple_of(const struct flow_table *t, uint32_t owner)
{
	return (const struct flow_tuple *)(t->owners + owner * t->stride);
}

/* The slot that has the tuple, or the free one where it would go: there always is one. */
static uint32_t
slot_of(const struct flow_table *t, const struct flow_tuple *tuple, uint32_t hash)
{
	uint32_t at = hash & t->mask;

	while (t->slots[at].owner != 0) {
		if (t->slots[at].hash == hash &&
		    memcmp(tuple_of(t, t->slots[at].owner), tuple, sizeof(*tuple)) == 0)
			break;
		at = (at + 1) & t->mask;
	}
	return at;
}

uint32_t
flow_table_find(const struct flow_table *t, const struct flow_tuple *tuple)
{
	return t->slots[slot_of(t, tuple, tuple_hash(t, tuple))].owner;
}

uint32_t
flow_table_ahead(const struct flow_table *t, const struct flow_tuple *tuple)
{
	uint32_t hash = tuple_hash(t, tuple);

	__builtin_prefetch(&t->slots[hash & t->mask], 1);
	return hash;
}

uint32_t
flow_table_likely(const struct flow_table *t, uint32_t hash)
{
	uint32_t at = hash & t->mask;

	while (t->slots[at].owner != 0 && t->slots[at].hash != hash)
		at = (at + 1) & t->mask;
	return t->slots[at].owner;
}

int
flow_table_add(struct flow_table *t, uint32_t owner)
{
	const struct flow_tuple *tuple = tuple_of(t, owner);
	uint32_t hash = tuple_hash(t, tuple);
	struct flow_slot *slot = &t->slots[slot_of(t, tuple, hash)];

	if (slot->owner != 0)
		return -EEXIST;
	if (t->count == t->capacity)
		return -ENOSPC;
	*slot = (struct flow_slot){hash, owner};
	t->count++;
	return 0;
}

void
flow_table_remove(struct flow_table *t, uint32_t owner)
{
	const struct flow_tuple *tuple = tuple_of(t, owner);
	uint32_t hole = slot_of(t, tuple, tuple_hash(t, tuple));
	uint32_t at = hole;

	/* Each of the run whose home is not between the hole and itself moves into the hole. */
	while (t->slots[at = (at + 1) & t->mask].owner != 0) {
		uint32_t home = t->slots[at].hash & t->mask;

		if (((at - home) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->slots[hole] = t->slots[at];
		hole = at;
	}
	t->slots[hole] = (struct flow_slot){0};
	t->count--;
}
