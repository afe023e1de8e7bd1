/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which replies have been seen: an exact set of (target, kind), in memory per reply, not target.
 *
 * The kind is part of the key, so that an early RST never hides a later SYN-ACK. An extendible hash
 * table (Fagin et al., TODS 1979): a directory on high bits of the hash names segments of fixed
 * size, a full segment splits in two; so an insertion moves at most one segment's keys and there is
 * never a pause to rehash everything. Of evenly spread keys all segments would fill and split together, and
 * a key take 9 bytes before and 18 after. So the directory goes by the place of a hash on a spiral (Martin,
 * "Spiral storage", 1979), where keys lie twice as dense at the end as at the beginning: at any time some
 * segments have just split and others are about to. A key takes 13 to 14 bytes however many there are, from
 * 100,000 on, and the work of splitting is spread as evenly.
 *
 * The set is bounded: at max_bytes a full segment is emptied instead of split and the keys it held
 * are counted as forgotten, so that repeats may then be told as first again; never the reverse: a
 * key not seen before is always new.
 *
 * All memory is taken at the start, in a piece that the kernel backs with pages only as it fills:
 * adding never allocates. One thread: a worker owns its set; buckets make sets of workers disjoint.
 */
#ifndef DEDUP_DEDUP_H
#define DEDUP_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dedup;

/* The least that max_bytes may be: room for a segment or two. */
#define DEDUP_BYTES_MIN (128 << 10)

/*
 * hash_key randomises the table's hash (against chosen targets). NULL without memory or when
 * max_bytes is below DEDUP_BYTES_MIN.
 */
struct dedup *dedup_new(size_t max_bytes, uint64_t hash_key);
void dedup_free(struct dedup *d);

/* A key: 56 bits of (address, port, kind), and one that is always set. */
#define DEDUP_KEY_PRESENT (UINT64_C(1) << 63)

static inline uint64_t
dedup_key(uint32_t address, uint16_t port, uint8_t kind)
{
	return DEDUP_KEY_PRESENT | (uint64_t)address << 24 | (uint64_t)port << 8 | kind;
}

#define DEDUP_BURST 64

/*
 * Add up to DEDUP_BURST keys, in their order: is_new[i] says whether key i is new, or was there. A key is
 * a cache miss or two on a table larger than the caches; those of a burst are fetched together.
 */
void dedup_add_burst(struct dedup *d, unsigned int n, const uint64_t *key, bool *is_new);

/* Add one: 1 when it is new, 0 when it was there. */
int dedup_add(struct dedup *d, uint32_t address, uint16_t port, uint8_t kind);

/* Whether it is there. */
bool dedup_has(struct dedup *d, uint32_t address, uint16_t port, uint8_t kind);

/*
 * A look at DEDUP_BURST places: give 0 in *at first, and call until *at is DEDUP_END. How many keys stood
 * there, in key[]. What is added meanwhile may be told or not, and what is told may be told again.
 */
#define DEDUP_END UINT64_MAX
unsigned int dedup_walk(const struct dedup *d, uint64_t *at, uint64_t key[DEDUP_BURST]);

/* Of a key: whose it is. */
static inline uint32_t
dedup_key_address(uint64_t key)
{
	return (uint32_t)(key >> 24);
}

static inline uint16_t
dedup_key_port(uint64_t key)
{
	return (uint16_t)(key >> 8);
}

/* Keys held, keys forgotten at the bound, bytes held (at most max_bytes). */
uint64_t dedup_count(const struct dedup *d);
uint64_t dedup_forgotten(const struct dedup *d);
size_t dedup_bytes(const struct dedup *d);

#endif /* DEDUP_DEDUP_H */
