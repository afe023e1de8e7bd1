/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open addressing with linear probing over the first 16 bytes of a digest: they are as good as random,
 * so they are their own hash. Two certificates that share them by chance are not to be expected;
 * somebody who makes two on purpose (2^64 work) hides one of their own.
 */
#include "grabrecord/seen.h"

#include <stdlib.h>
#include <string.h>

struct key {
	uint64_t low, high; /* 0, 0: empty */
};

struct seen {
	struct key *keys;
	size_t slots; /* a power of two */
	size_t count;
};

#define SLOTS_FIRST 4096

struct seen *
seen_new(void)
{
	struct seen *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->keys = calloc(SLOTS_FIRST, sizeof(*s->keys));
	if (s->keys == NULL) {
		free(s);
		return NULL;
	}
	s->slots = SLOTS_FIRST;
	return s;
}

void
seen_free(struct seen *s)
{
	if (s == NULL)
		return;
	free(s->keys);
	free(s);
}

/* The key's own slot, or the empty one where it belongs. */
static struct key *
find(struct key *keys, size_t slots, struct key wanted)
{
	size_t at = wanted.low & (slots - 1);

	while ((keys[at].low != 0 || keys[at].high != 0) &&
	       (keys[at].low != wanted.low || keys[at].high != wanted.high))
		at = (at + 1) & (slots - 1);
	return &keys[at];
}

static bool
grow(struct seen *s)
{
	size_t slots = s->slots * 2;
	struct key *keys = calloc(slots, sizeof(*keys));

	if (keys == NULL)
		return false;
	for (size_t i = 0; i < s->slots; i++)
		if (s->keys[i].low != 0 || s->keys[i].high != 0)
			*find(keys, slots, s->keys[i]) = s->keys[i];
	free(s->keys);
	s->keys = keys;
	s->slots = slots;
	return true;
}

bool
seen_add(struct seen *s, const uint8_t sha256[32])
{
	struct key key, *slot;

	memcpy(&key, sha256, sizeof(key));
	if (key.low == 0 && key.high == 0)
		key.low = 1;
	slot = find(s->keys, s->slots, key);
	if (slot->low == key.low && slot->high == key.high)
		return false;
	if (s->count >= s->slots / 3 * 2) {
		if (!grow(s))
			return true;
		slot = find(s->keys, s->slots, key);
	}
	*slot = key;
	s->count++;
	return true;
}
