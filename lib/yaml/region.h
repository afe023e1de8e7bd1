/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A region: memory of many pieces that is freed at once.
 *
 * For what is built piece by piece out of a document, kept together, and dropped together. Each
 * piece is an allocation of its own, so that sanitizers see its bounds.
 *
 * Not thread-safe. Zero-initialise a region to make it empty.
 */
#ifndef YAML_REGION_H
#define YAML_REGION_H

#include <stddef.h>

struct region_piece;

struct region {
	struct region_piece *pieces;
};

/* count * size zeroed bytes, aligned for any type; NULL without memory or on overflow. */
void *region_alloc(struct region *r, size_t count, size_t size);

/* A terminated copy of len bytes; NULL without memory. */
char *region_copy(struct region *r, const char *text, size_t len);

/*
 * Make room for one more element in an array of count elements that grew by this function alone
 * (NULL when count is 0). Returns the array, moved or not; NULL without memory, the old one valid.
 */
void *region_grow(struct region *r, void *array, size_t count, size_t size);

/* Free everything and make the region empty. */
void region_free(struct region *r);

#endif /* YAML_REGION_H */
