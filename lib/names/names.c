/* SPDX-License-Identifier: BSD-3-Clause */
#include "names/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"

/*
 * order[] sorts as its addresses do, and its low half says which entry is meant; an entry is where its
 * name starts in text, and its port: two numbers of 8 bytes, sorted by the quick way for numbers.
 */
struct names {
	uint64_t *order; /* address << 32 | entry */
	uint64_t *entry; /* where in text << 16 | port */
	char *text;      /* names, each with its end */
	size_t count;
	size_t room;
	size_t entries; /* count, and those that were dropped */
	size_t text_len;
	size_t text_room;
};

struct names *
names_new(void)
{
	return calloc(1, sizeof(struct names));
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	free(n->order);
	free(n->entry);
	free(n->text);
	free(n);
}

static int
reserve_entry(struct names *n)
{
	size_t room = n->room == 0 ? 64 : n->room * 2;
	uint64_t *order, *entry;

	if (n->count < n->room)
		return 0;
	order = reallocarray(n->order, room, sizeof(*order));
	if (order == NULL)
		return -ENOMEM;
	n->order = order;
	entry = reallocarray(n->entry, room, sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	n->entry = entry;
	n->room = room;
	return 0;
}

static int
reserve_text(struct names *n, size_t len)
{
	size_t room = n->text_room * 2 > n->text_len + len ? n->text_room * 2 : n->text_len + len;
	char *text;

	if (n->text_room - n->text_len >= len)
		return 0;
	text = realloc(n->text, room);
	if (text == NULL)
		return -ENOMEM;
	n->text = text;
	n->text_room = room;
	return 0;
}

int
names_add(struct names *n, uint32_t address, uint16_t port, const char *name, size_t len)
{
	if (n->count == UINT32_MAX)
		return -EFBIG;
	if (reserve_entry(n) != 0 || reserve_text(n, len + 1) != 0)
		return -ENOMEM;
	if (len > 1 && name[len - 1] == '.')
		len--;
	n->order[n->count] = (uint64_t)address << 32 | n->count;
	n->entry[n->count++] = (uint64_t)n->text_len << 16 | port;
	for (size_t i = 0; i < len; i++)
		n->text[n->text_len++] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
	n->text[n->text_len++] = '\0';
	n->entries = n->count;
	return 0;
}

static uint32_t
address_at(const struct names *n, size_t i)
{
	return (uint32_t)(n->order[i] >> 32);
}

static uint64_t
entry_at(const struct names *n, size_t i)
{
	return n->entry[(uint32_t)n->order[i]];
}

static const char *
name_at(const struct names *n, size_t i)
{
	return n->text + (entry_at(n, i) >> 16);
}

/* Of one address: by port, then by name. */
static int
compare(const void *a, const void *b, void *context)
{
	const struct names *n = context;
	uint64_t x = n->entry[(uint32_t) * (const uint64_t *)a], y = n->entry[(uint32_t) * (const uint64_t *)b];

	if ((uint16_t)x != (uint16_t)y)
		return (uint16_t)x < (uint16_t)y ? -1 : 1;
	return strcmp(n->text + (x >> 16), n->text + (y >> 16));
}

static int
are_same(const struct names *n, size_t i, size_t k)
{
	return address_at(n, i) == address_at(n, k) && compare(&n->order[i], &n->order[k], (void *)n) == 0;
}

void
names_settle(struct names *n)
{
	size_t kept = 0;

	sort_u64(n->order, n->count);
	for (size_t i = 0, end; i < n->count; i = end) {
		for (end = i + 1; end < n->count && address_at(n, end) == address_at(n, i); end++)
			;
		if (end - i > 1)
			qsort_r(n->order + i, end - i, sizeof(*n->order), compare, n);
	}
	for (size_t i = 0; i < n->count; i++)
		if (kept == 0 || !are_same(n, kept - 1, i))
			n->order[kept++] = n->order[i];
	n->count = kept;
}

size_t
names_count(const struct names *n)
{
	return n != NULL ? n->count : 0;
}

size_t
names_bytes(const struct names *n)
{
	if (n == NULL)
		return 0;
	return sizeof(*n) + n->entries * (sizeof(*n->order) + sizeof(*n->entry)) + n->text_len;
}

/* The first that is of this address and port, and of this name, or later. */
static size_t
lower_bound(const struct names *n, uint32_t address, uint16_t port, const char *name)
{
	size_t low = 0, high = n->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint32_t found = address_at(n, middle);
		uint16_t found_port = (uint16_t)entry_at(n, middle);

		if (found < address || (found == address && found_port < port) ||
		    (found == address && found_port == port && strcmp(name_at(n, middle), name) < 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_of(const struct names *n, size_t i, uint32_t address, uint16_t port)
{
	return i < n->count && address_at(n, i) == address && (uint16_t)entry_at(n, i) == port;
}

static bool
has(const struct names *n, uint32_t address, uint16_t port, const char *name)
{
	size_t i = lower_bound(n, address, port, name);

	return is_of(n, i, address, port) && strcmp(name_at(n, i), name) == 0;
}

/* The next of the group that the walk is in. */
static const char *
next_of_group(const struct names *n, uint32_t address, uint16_t port, struct names_walk *walk)
{
	size_t i = walk->next != 0 ? walk->next : lower_bound(n, address, port, "");

	if (!is_of(n, i, address, port))
		return NULL;
	walk->next = (uint32_t)i + 1;
	return name_at(n, i);
}

const char *
names_next(const struct names *n, uint32_t address, uint16_t port, struct names_walk *walk)
{
	const char *name = NULL;

	if (n == NULL)
		return NULL;
	if (!walk->is_any && port != 0)
		name = next_of_group(n, address, port, walk);
	if (name != NULL)
		return name;
	if (!walk->is_any)
		*walk = (struct names_walk){.is_any = true};
	do {
		name = next_of_group(n, address, 0, walk);
	} while (name != NULL && port != 0 && has(n, address, port, name));
	return name;
}
