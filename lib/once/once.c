/* SPDX-License-Identifier: BSD-3-Clause */
#include "once/once.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define FIRST_SIZE 1024

/* Bytes of a text that one hash takes in. */
#define PIECE 15

int
once_init(struct once *s)
{
	*s = (struct once){.size = FIRST_SIZE};
	s->slots = calloc(s->size, sizeof(*s->slots));
	return s->slots != NULL ? 0 : -ENOMEM;
}

void
once_fini(struct once *s)
{
	free(s->slots);
	s->slots = NULL;
}

/* Piece by piece, the hash of what came before in the key. */
uint64_t
once_hash(const uint64_t key[2], const void *text, size_t len)
{
	const uint8_t *at = text;
	uint64_t hash = len;

	do {
		size_t n = len < PIECE ? len : PIECE;
		uint8_t block[16] = {0};
		uint64_t first, last;

		memcpy(block, at, n);
		block[PIECE] = (uint8_t)n;
		memcpy(&first, block, sizeof(first));
		memcpy(&last, block + sizeof(first), sizeof(last));
		hash = hash_sip128(key[0] ^ hash, key[1], first, last);
		at += n;
		len -= n;
	} while (len > 0);
	return hash != 0 ? hash : 1;
}

/* Where a hash is, or would be. */
static uint64_t *
find(const struct once *s, uint64_t hash)
{
	size_t i = (size_t)hash & (s->size - 1);

	while (s->slots[i] != 0 && s->slots[i] != hash)
		i = (i + 1) & (s->size - 1);
	return &s->slots[i];
}

static int
grow(struct once *s)
{
	struct once grown = {.size = 2 * s->size, .count = s->count};

	grown.slots = calloc(grown.size, sizeof(*grown.slots));
	if (grown.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->size; i++)
		if (s->slots[i] != 0)
			*find(&grown, s->slots[i]) = s->slots[i];
	free(s->slots);
	*s = grown;
	return 0;
}

int
once_add(struct once *s, uint64_t hash)
{
	uint64_t *slot = find(s, hash);

	if (*slot == hash)
		return 0;
	if (s->count >= s->size / 4 * 3) {
		if (grow(s) != 0)
			return -ENOMEM;
		slot = find(s, hash);
	}
	*slot = hash;
	s->count++;
	return 1;
}
