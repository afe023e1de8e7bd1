/* SPDX-License-Identifier: BSD-3-Clause */
#include "yaml/region.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct region_piece {
	struct region_piece *next;
	max_align_t bytes[];
};

void *
region_alloc(struct region *r, size_t count, size_t size)
{
	struct region_piece *piece;

	if (size != 0 && count > (SIZE_MAX - sizeof(*piece)) / size)
		return NULL;
	piece = calloc(1, sizeof(*piece) + count * size);
	if (piece == NULL)
		return NULL;
	piece->next = r->pieces;
	r->pieces = piece;
	return piece->bytes;
}

char *
region_copy(struct region *r, const char *text, size_t len)
{
	char *copy = len == SIZE_MAX ? NULL : region_alloc(r, len + 1, 1);

	if (copy != NULL && len > 0)
		memcpy(copy, text, len);
	return copy;
}

/* Room doubles at every power of two, so that n pushes copy less than 2n elements. */
void *
region_grow(struct region *r, void *array, size_t count, size_t size)
{
	void *grown;

	if (count != 0 && (count & (count - 1)) != 0)
		return array;
	grown = region_alloc(r, count == 0 ? 1 : 2 * count, size);
	if (grown != NULL && count > 0)
		memcpy(grown, array, count * size);
	return grown;
}

void
region_free(struct region *r)
{
	while (r->pieces != NULL) {
		struct region_piece *next = r->pieces->next;

		free(r->pieces);
		r->pieces = next;
	}
}
