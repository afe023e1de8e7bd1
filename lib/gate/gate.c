/* SPDX-License-Identifier: BSD-3-Clause */
#include "gate/gate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/hash.h"

#define NET_ADDRESSES 256
#define TABLE_FIRST_SIZE 64

/* So many /24s denied in part set few enough bits of the /21s for them to be of no account. */
#define FEW_PARTS 1024

/* Which addresses of a /24, a bit each. Once in a table, it stays and only its bits change. */
struct gate_block {
	uint32_t net; /* the /24, address >> 8 */
	_Atomic uint64_t denied[NET_ADDRESSES / 64];
};

/*
 * A hash table of blocks with open addressing, at most half full, into which readers look while a
 * block is added: a slot is written once. When it is full, a larger one takes its place and the old
 * one waits for gate_free(), as a reader may still be in it.
 */
struct gate_table {
	struct gate_table *older;
	size_t size; /* a power of two */
	size_t count;
	struct gate_block *_Atomic slot[];
};

/* What a text names. */
struct span {
	uint32_t first;
	uint32_t last;
};

/* A place in a text. */
struct cursor {
	const char *at;
	const char *end;
};

/* Read over a character, if it is the next. */
static int
read_mark(struct cursor *c, char mark)
{
	if (c->at == c->end || *c->at != mark)
		return 0;
	c->at++;
	return 1;
}

/* Read a decimal number up to max, without leading zeros. */
static int
read_number(struct cursor *c, uint32_t max, uint32_t *number)
{
	const char *start = c->at;
	uint32_t n = 0;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && n <= max)
		n = n * 10 + (uint32_t)(*c->at++ - '0');
	*number = n;
	return c->at > start && n <= max && (*start != '0' || c->at == start + 1);
}

static int
read_address(struct cursor *c, uint32_t *address)
{
	uint32_t octet[4];

	for (int i = 0; i < 4; i++) {
		if (i > 0 && !read_mark(c, '.'))
			return 0;
		if (!read_number(c, 255, &octet[i]))
			return 0;
	}
	*address = octet[0] << 24 | octet[1] << 16 | octet[2] << 8 | octet[3];
	return 1;
}

static int
read_span(const char *text, size_t len, struct span *s)
{
	struct cursor c = {text, text + len};
	uint32_t prefix;
	uint64_t size;

	if (!read_address(&c, &s->first))
		return 0;
	s->last = s->first;
	if (read_mark(&c, '/')) {
		if (!read_number(&c, 32, &prefix))
			return 0;
		size = UINT64_C(1) << (32 - prefix);
		s->first -= (uint32_t)(s->first % size);
		s->last = (uint32_t)(s->first + size - 1);
	} else if (read_mark(&c, '-')) {
		if (!read_address(&c, &s->last) || s->last < s->first)
			return 0;
	}
	return c.at == c.end;
}

static struct gate_table *
table_new(struct gate *g, size_t size, struct gate_table *older)
{
	size_t bytes = sizeof(struct gate_table) + size * sizeof(struct gate_block *);
	struct gate_table *t = calloc(1, bytes);

	if (t == NULL)
		return NULL;
	g->bytes += bytes;
	t->older = older;
	t->size = size;
	return t;
}

/* The slot of a /24: the one that holds its block, or the empty one where it belongs. */
static struct gate_block *_Atomic *
table_slot(struct gate_table *t, uint32_t net, struct gate_block **block)
{
	size_t mask = t->size - 1;
	size_t i = (size_t)hash_mix64(net) & mask;

	for (;; i = (i + 1) & mask) {
		*block = atomic_load_explicit(&t->slot[i], memory_order_acquire);
		if (*block == NULL || (*block)->net == net)
			return &t->slot[i];
	}
}

static void
table_put(struct gate_table *t, struct gate_block *block)
{
	struct gate_block *none;

	atomic_store_explicit(table_slot(t, block->net, &none), block, memory_order_release);
	t->count++;
}

/* Make room for one more block. 0 or -ENOMEM. */
static int
table_reserve(struct gate *g)
{
	struct gate_table *old = g->table, *t;

	if (old->count < old->size / 2)
		return 0;
	t = table_new(g, old->size * 2, old);
	if (t == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < old->size; i++) {
		if (old->slot[i] != NULL)
			table_put(t, old->slot[i]);
	}
	atomic_store_explicit(&g->table, t, memory_order_release);
	return 0;
}

struct gate *
gate_new(void)
{
	struct gate *g = calloc(1, sizeof(*g));
	struct gate_table *t;

	if (g == NULL)
		return NULL;
	g->bytes = sizeof(*g);
	t = table_new(g, TABLE_FIRST_SIZE, NULL);
	if (t == NULL) {
		free(g);
		return NULL;
	}
	g->table = t;
	return g;
}

void
gate_free(struct gate *g)
{
	struct gate_table *t, *older;

	if (g == NULL)
		return;
	t = g->table;
	for (size_t i = 0; i < t->size; i++)
		free(t->slot[i]);
	for (; t != NULL; t = older) {
		older = t->older;
		free(t);
	}
	free(g);
}

static int
has_bit(const _Atomic uint64_t *map, uint32_t bit)
{
	return gate_has_bit(map, bit, 0);
}

/* Bits first to last, those of them that are in a word. */
static uint64_t
word_mask(uint32_t word, uint32_t first, uint32_t last)
{
	uint64_t mask = UINT64_MAX;

	if (word == first >> 6)
		mask &= UINT64_MAX << (first & 63);
	if (word == last >> 6)
		mask &= UINT64_MAX >> (63 - (last & 63));
	return mask;
}

static void
set_bits(_Atomic uint64_t *map, uint32_t first, uint32_t last)
{
	for (uint32_t word = first >> 6; word <= last >> 6; word++) {
		uint64_t mask = word_mask(word, first, last);

		if (mask == UINT64_MAX)
			atomic_store_explicit(&map[word], mask, memory_order_release);
		else
			atomic_fetch_or_explicit(&map[word], mask, memory_order_release);
	}
}

static void
clear_bits(_Atomic uint64_t *map, uint32_t first, uint32_t last)
{
	for (uint32_t word = first >> 6; word <= last >> 6; word++)
		atomic_fetch_and_explicit(&map[word], ~word_mask(word, first, last),
					  memory_order_release);
}

/* The block of a /24, made if need be; NULL without memory. */
static struct gate_block *
block_get(struct gate *g, uint32_t net)
{
	struct gate_block *block;

	table_slot(g->table, net, &block);
	if (block != NULL)
		return block;
	if (table_reserve(g) != 0)
		return NULL;
	block = calloc(1, sizeof(*block));
	if (block == NULL)
		return NULL;
	g->bytes += sizeof(*block);
	block->net = net;
	table_put(g->table, block);
	return block;
}

/*
 * Say that some addresses want a closer look. Last, and the wide map last of all: who sees a bit must
 * find what it stands for.
 */
static void
touch(struct gate *g, uint32_t first, uint32_t last)
{
	set_bits(g->fine, first >> GATE_FINE_SHIFT, last >> GATE_FINE_SHIFT);
	set_bits(g->wide, first >> GATE_WIDE_SHIFT, last >> GATE_WIDE_SHIFT);
}

/* All of some /24s. */
static int
deny_whole(struct gate *g, uint32_t first, uint32_t last)
{
	set_bits(g->whole, first, last);
	touch(g, first * NET_ADDRESSES, last * NET_ADDRESSES + NET_ADDRESSES - 1);
	return 0;
}

static int
deny_part(struct gate *g, uint32_t net, uint32_t first, uint32_t last)
{
	struct gate_block *block;

	if (has_bit(g->whole, net))
		return 0;
	block = block_get(g, net);
	if (block == NULL)
		return -ENOMEM;
	set_bits(block->denied, first, last);
	touch(g, net * NET_ADDRESSES + first, net * NET_ADDRESSES + last);
	return 0;
}

/* The bits that want a closer look stay: it will find nothing. */
static int
allow_whole(struct gate *g, uint32_t first, uint32_t last)
{
	struct gate_table *t = g->table;

	clear_bits(g->whole, first, last);
	for (size_t i = 0; i < t->size; i++) {
		struct gate_block *block = t->slot[i];

		if (block != NULL && block->net >= first && block->net <= last)
			clear_bits(block->denied, 0, NET_ADDRESSES - 1);
	}
	return 0;
}

static int
allow_part(struct gate *g, uint32_t net, uint32_t first, uint32_t last)
{
	bool is_whole = has_bit(g->whole, net);
	struct gate_block *block;

	table_slot(g->table, net, &block);
	if (!is_whole && block == NULL)
		return 0;
	block = block_get(g, net);
	if (block == NULL)
		return -ENOMEM;
	if (is_whole) {
		set_bits(block->denied, 0, NET_ADDRESSES - 1);
		clear_bits(g->whole, net, net);
	}
	clear_bits(block->denied, first, last);
	return 0;
}

/* A way to change the gate: for whole /24s, and for addresses first to last, 0 to 255, of one. */
struct change {
	int (*whole)(struct gate *g, uint32_t first, uint32_t last);
	int (*part)(struct gate *g, uint32_t net, uint32_t first, uint32_t last);
};

static const struct change deny = {deny_whole, deny_part};
static const struct change allow = {allow_whole, allow_part};

/* Apply a change to a span: the /24s at its ends, where they are cut, then those between. */
static int
apply(struct gate *g, const struct change *change, struct span s)
{
	uint32_t first = s.first / NET_ADDRESSES, last = s.last / NET_ADDRESSES;
	uint32_t head = s.first % NET_ADDRESSES, tail = s.last % NET_ADDRESSES;
	int ret = 0;

	if (first == last && (head > 0 || tail < NET_ADDRESSES - 1))
		return change->part(g, first, head, tail);
	if (head > 0)
		ret = change->part(g, first++, head, NET_ADDRESSES - 1);
	if (ret == 0 && tail < NET_ADDRESSES - 1)
		ret = change->part(g, last--, 0, tail);
	if (ret == 0 && first <= last)
		ret = change->whole(g, first, last);
	return ret;
}

int
gate_deny(struct gate *g, const char *text, size_t len)
{
	struct span s;

	return read_span(text, len, &s) ? apply(g, &deny, s) : -EINVAL;
}

int
gate_allow(struct gate *g, const char *text, size_t len)
{
	struct span s;

	return read_span(text, len, &s) ? apply(g, &allow, s) : -EINVAL;
}

int
gate_denies_slow(const struct gate *g, uint32_t address)
{
	uint32_t net = address / NET_ADDRESSES;
	struct gate_block *block;

	if (!gate_has_bit(g->fine, address, GATE_FINE_SHIFT))
		return 0;
	if (has_bit(g->whole, net))
		return 1;
	table_slot(atomic_load_explicit(&g->table, memory_order_acquire), net, &block);
	return block != NULL && has_bit(block->denied, address % NET_ADDRESSES);
}

void
gate_prefetch(const struct gate *g, unsigned int n, const uint32_t *address)
{
	if (atomic_load_explicit(&g->table, memory_order_acquire)->size < FEW_PARTS)
		return;
	for (unsigned int i = 0; i < n; i++) {
		uint32_t a = address[i];
		const _Atomic uint64_t *wide = &g->wide[a >> GATE_WIDE_SHIFT >> 6];
		const _Atomic uint64_t *fine = &g->fine[a >> GATE_FINE_SHIFT >> 6];

		/* No branch, since none could be foretold. */
		__builtin_prefetch((const void *)(gate_has_bit(g->wide, a, GATE_WIDE_SHIFT) ? fine : wide));
	}
}

uint64_t
gate_denied_count(const struct gate *g)
{
	const struct gate_table *t = g->table;
	uint64_t count = 0;

	for (uint32_t word = 0; word < GATE_WORDS(GATE_NET_SHIFT); word++)
		count += NET_ADDRESSES * (uint64_t)__builtin_popcountll(g->whole[word]);
	for (size_t i = 0; i < t->size; i++) {
		const struct gate_block *block = t->slot[i];

		if (block == NULL || has_bit(g->whole, block->net))
			continue;
		for (int word = 0; word < NET_ADDRESSES / 64; word++)
			count += (uint64_t)__builtin_popcountll(block->denied[word]);
	}
	return count;
}

/* How many addresses there are from one to the end of those that share its bit. */
static uint64_t
rest_of(uint64_t address, unsigned int shift)
{
	uint64_t size = UINT64_C(1) << shift;

	return size - address % size;
}

/* Whether an address is denied; *step is how many from there on are alike. */
static int
look_ahead(const struct gate *g, uint64_t address, uint64_t *step)
{
	uint32_t a = (uint32_t)address;

	*step = rest_of(address, GATE_WIDE_SHIFT);
	if (!gate_has_bit(g->wide, a, GATE_WIDE_SHIFT))
		return 0;
	*step = rest_of(address, GATE_NET_SHIFT);
	if (gate_has_bit(g->whole, a, GATE_NET_SHIFT))
		return 1;
	*step = rest_of(address, GATE_FINE_SHIFT);
	if (!gate_has_bit(g->fine, a, GATE_FINE_SHIFT))
		return 0;
	*step = 1;
	return gate_denies_slow(g, a) != 0;
}

int
gate_next_span(const struct gate *g, uint64_t from, uint64_t *first, uint64_t *end)
{
	const uint64_t all = UINT64_C(1) << 32;
	uint64_t step = 0;

	while (from < all && !look_ahead(g, from, &step))
		from += step;
	if (from >= all)
		return -ENOENT;
	*first = from;
	while (from < all && look_ahead(g, from, &step))
		from += step;
	*end = from;
	return 0;
}

static bool
has_hole(const struct gate *g, uint32_t address, uint16_t port)
{
	for (size_t i = 0; i < g->hole_count; i++)
		if (g->holes[i].address == address && g->holes[i].port == port)
			return true;
	return false;
}

int
gate_open(struct gate *g, uint32_t address, uint16_t port)
{
	if (has_hole(g, address, port))
		return 0;
	if (g->hole_count == GATE_HOLES_MAX)
		return -ENOSPC;
	g->holes[g->hole_count++] = (struct gate_hole){address, port};
	return 0;
}

int
gate_lets_ask(const struct gate *g, uint32_t address, uint16_t port)
{
	return !gate_denies(g, address) || has_hole(g, address, port);
}
