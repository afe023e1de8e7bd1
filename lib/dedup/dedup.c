/* SPDX-License-Identifier: BSD-3-Clause */
#include "dedup/dedup.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/multiversion.h"

/* A line of slots is a cache line; keys start at the line that their hash names. */
#define LINE_SLOTS 8
#define LINE_BYTES (sizeof(uint64_t) * LINE_SLOTS)
#define SEGMENT_LINES 512
#define SEGMENT_SLOTS (SEGMENT_LINES * LINE_SLOTS)

/* Hashed at a time when a segment splits. */
#define HASH_LANES 64

/* A segment splits at 7/8: probes stay at a line or two, and an empty slot ends every search. */
#define SEGMENT_FULL (SEGMENT_SLOTS / 8 * 7)

/*
 * Directory entries for each segment that there may be, at least. Hashes spread so evenly that
 * depths of segments differ by two or three; a segment that would need more is emptied as at the
 * bound.
 */
#define DIRECTORY_SPARE 4

/* A slot is a key, and 0 is an empty one. */
struct segment {
	uint64_t slot[SEGMENT_SLOTS];
};

struct segment_state {
	uint16_t count;
	uint8_t depth; /* how many high bits of their places all its keys share */
};

struct dedup {
	void *memory; /* of the segments, before they are aligned to lines */
	struct segment *segment;
	struct segment_state *state;
	uint32_t *directory; /* by the high `depth` bits of the place: a segment */
	uint32_t segments;
	uint32_t segments_max;
	uint8_t depth;
	uint8_t depth_max;
	uint64_t hash_key;
	uint64_t count;
	uint64_t forgotten;
	struct segment scratch; /* a segment's keys, while it splits */
};

/* Size a directory for segments: its depth. */
static uint8_t
directory_depth(uint64_t segments)
{
	uint8_t depth = 0;

	while ((UINT64_C(1) << depth) < segments * DIRECTORY_SPARE)
		depth++;
	return depth;
}

static size_t
bytes_for(uint64_t segments, uint8_t depth)
{
	return sizeof(struct dedup) +
	       segments * (sizeof(struct segment) + sizeof(struct segment_state)) +
	       (sizeof(uint32_t) << depth);
}

/* Take the memory for as many segments as max_bytes allows. */
static int
allocate(struct dedup *d, size_t max_bytes)
{
	uint64_t n = max_bytes / sizeof(struct segment);

	while (bytes_for(n, directory_depth(n)) > max_bytes)
		n--;
	d->segments_max = (uint32_t)n;
	d->depth_max = directory_depth(n);
	/* Zeroed, and so not touched: a segment that is new needs no clearing. */
	d->memory = calloc(1, n * sizeof(*d->segment) + LINE_BYTES);
	d->segment = (struct segment *)(((uintptr_t)d->memory + LINE_BYTES - 1) / LINE_BYTES *
					LINE_BYTES);
	d->state = calloc(n, sizeof(*d->state));
	d->directory = calloc(UINT64_C(1) << d->depth_max, sizeof(*d->directory));
	return d->memory != NULL && d->state != NULL && d->directory != NULL;
}

static void
clear_segment(struct dedup *d, uint32_t segment)
{
	memset(&d->segment[segment], 0, sizeof(d->segment[segment]));
	d->state[segment].count = 0;
}

struct dedup *
dedup_new(size_t max_bytes, uint64_t hash_key)
{
	struct dedup *d;

	if (max_bytes < DEDUP_BYTES_MIN)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	if (!allocate(d, max_bytes)) {
		dedup_free(d);
		return NULL;
	}
	d->hash_key = hash_key;
	d->segments = 1;
	return d;
}

void
dedup_free(struct dedup *d)
{
	if (d == NULL)
		return;
	free(d->memory);
	free(d->state);
	free(d->directory);
	free(d);
}

static inline uint64_t
hash_of(const struct dedup *d, uint64_t key)
{
	return hash_mix64(key ^ d->hash_key);
}

/*
 * A hash's place on the spiral: x in [0, 1) to nearly log2(1 + x), as x + 11/32 x (1 - x), in whose end keys lie
 * twice as dense as in the beginning. 32 bits, at the top.
 */
static inline uint64_t
spiral_place(uint64_t hash)
{
	uint64_t x = hash >> 32, rest = (UINT64_C(1) << 32) - x;

	return (x + ((x * rest >> 32) * 11 >> 5)) << 32;
}

/* The high bits of a place; none is a number of bits too. */
static inline uint64_t
high_bits(uint64_t hash, unsigned int bits)
{
	return spiral_place(hash) >> 1 >> (63 - bits);
}

/* The slot that holds a key, or the empty one where it belongs. */
static uint64_t *
find_slot(struct segment *s, uint64_t hash, uint64_t key)
{
	size_t line = hash % SEGMENT_LINES;

	for (;; line = (line + 1) % SEGMENT_LINES) {
		uint64_t *slot = &s->slot[line * LINE_SLOTS];

		for (size_t i = 0; i < LINE_SLOTS; i++) {
			if (slot[i] == key || slot[i] == 0)
				return &slot[i];
		}
	}
}

static void
double_directory(struct dedup *d)
{
	for (size_t i = (size_t)1 << d->depth; i-- > 0;) {
		d->directory[2 * i + 1] = d->directory[i];
		d->directory[2 * i] = d->directory[i];
	}
	d->depth++;
}

/* Point the upper half of the directory entries of a segment to its new sibling. */
static void
share_directory(struct dedup *d, uint64_t hash, unsigned int depth, uint32_t sibling)
{
	uint64_t first = (high_bits(hash, depth - 1) << 1 | 1) << (d->depth - depth);
	uint64_t n = UINT64_C(1) << (d->depth - depth);

	for (uint64_t i = first; i < first + n; i++)
		d->directory[i] = sibling;
}

/* The hashes of many keys. */
MULTIVERSION static void
hash_lanes(uint64_t hash_key, size_t n, const uint64_t *key, uint64_t *hash)
{
	for (size_t i = 0; i < n; i++)
		hash[i] = hash_mix64(key[i] ^ hash_key);
}

/* The two halves of a segment that splits: how many slots of each line are taken says where the next key
 * goes, without a look at the slots. */
struct halves {
	uint64_t *slot[2];
	uint16_t count[2];
	uint8_t taken[2][SEGMENT_LINES];
};

static inline void
halves_put(struct halves *h, unsigned int half, uint64_t hash, uint64_t key)
{
	size_t line = hash % SEGMENT_LINES;

	while (h->taken[half][line] == LINE_SLOTS)
		line = (line + 1) % SEGMENT_LINES;
	h->slot[half][line * LINE_SLOTS + h->taken[half][line]++] = key;
	h->count[half]++;
}

/* Deal the scratch's keys to a segment and its sibling, both empty, by the last of `depth` bits of their places. */
static void
deal_keys(struct dedup *d, uint32_t segment, uint32_t sibling, unsigned int depth)
{
	struct halves h = {.slot = {d->segment[segment].slot, d->segment[sibling].slot}};
	uint64_t hash[HASH_LANES];

	for (size_t first = 0; first < SEGMENT_SLOTS; first += HASH_LANES) {
		const uint64_t *key = &d->scratch.slot[first];

		hash_lanes(d->hash_key, HASH_LANES, key, hash);
		for (size_t i = 0; i < HASH_LANES; i++)
			if (key[i] != 0)
				halves_put(&h, high_bits(hash[i], depth) & 1, hash[i], key[i]);
	}
	d->state[segment].count = h.count[0];
	d->state[sibling].count = h.count[1];
}

/* Split a segment, one of whose keys has this hash, by the next bit of their places. */
static void
split_segment(struct dedup *d, uint32_t segment, uint64_t hash)
{
	uint32_t sibling = d->segments++;
	unsigned int depth = ++d->state[segment].depth;

	if (depth > d->depth)
		double_directory(d);
	share_directory(d, hash, depth, sibling);
	d->state[sibling].depth = (uint8_t)depth;
	d->scratch = d->segment[segment];
	clear_segment(d, segment);
	deal_keys(d, segment, sibling, depth);
}

static void
forget_segment(struct dedup *d, uint32_t segment)
{
	d->forgotten += d->state[segment].count;
	d->count -= d->state[segment].count;
	clear_segment(d, segment);
}

static void
make_room(struct dedup *d, uint32_t segment, uint64_t hash)
{
	if (d->segments < d->segments_max && d->state[segment].depth < d->depth_max)
		split_segment(d, segment, hash);
	else
		forget_segment(d, segment);
}

static bool
add_key(struct dedup *d, uint64_t key, uint64_t hash)
{
	uint32_t segment;
	uint64_t *slot;

	for (;;) {
		segment = d->directory[high_bits(hash, d->depth)];
		slot = find_slot(&d->segment[segment], hash, key);
		if (*slot == key)
			return false;
		if (d->state[segment].count < SEGMENT_FULL)
			break;
		make_room(d, segment, hash);
	}
	*slot = key;
	d->state[segment].count++;
	d->count++;
	return true;
}

bool
dedup_has(struct dedup *d, uint32_t address, uint16_t port, uint8_t kind)
{
	uint64_t key = dedup_key(address, port, kind), hash = hash_of(d, key);
	uint32_t segment = d->directory[high_bits(hash, d->depth)];

	return *find_slot(&d->segment[segment], hash, key) == key;
}

int
dedup_add(struct dedup *d, uint32_t address, uint16_t port, uint8_t kind)
{
	uint64_t key = dedup_key(address, port, kind);

	return add_key(d, key, hash_of(d, key));
}

void
dedup_add_burst(struct dedup *d, unsigned int n, const uint64_t *key, bool *is_new)
{
	uint64_t hash[DEDUP_BURST];

	hash_lanes(d->hash_key, n, key, hash);
	for (unsigned int i = 0; i < n; i++)
		__builtin_prefetch(&d->directory[high_bits(hash[i], d->depth)]);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t segment = d->directory[high_bits(hash[i], d->depth)];

		__builtin_prefetch(&d->state[segment], 1);
		__builtin_prefetch(
			&d->segment[segment].slot[hash[i] % SEGMENT_LINES * LINE_SLOTS], 1);
	}
	/* Segments may split on the way: where each key belongs is looked up again. */
	for (unsigned int i = 0; i < n; i++)
		is_new[i] = add_key(d, key[i], hash[i]);
}

unsigned int
dedup_walk(const struct dedup *d, uint64_t *at, uint64_t key[DEDUP_BURST])
{
	const uint64_t *slot = &d->segment[*at / SEGMENT_SLOTS].slot[*at % SEGMENT_SLOTS];
	unsigned int n = 0;

	_Static_assert(SEGMENT_SLOTS % DEDUP_BURST == 0, "a look is into one segment");
	for (unsigned int i = 0; i < DEDUP_BURST; i++)
		if (slot[i] != 0)
			key[n++] = slot[i];
	*at += DEDUP_BURST;
	if (*at == (uint64_t)d->segments * SEGMENT_SLOTS)
		*at = DEDUP_END;
	return n;
}

uint64_t
dedup_count(const struct dedup *d)
{
	return d->count;
}

uint64_t
dedup_forgotten(const struct dedup *d)
{
	return d->forgotten;
}

size_t
dedup_bytes(const struct dedup *d)
{
	return bytes_for(d->segments, d->depth);
}
