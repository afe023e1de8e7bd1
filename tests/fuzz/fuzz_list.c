/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Target lists: any bytes are read to their end; each line gives one entry or one fault that a
 * terminal can show; and an entry, read again alone or written out by its range, is the same entry.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "targets/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

struct seen {
	const char *text;
	size_t size;
	size_t entries;
	size_t stop_at;
};

static void
require_same(const char *text, size_t len, const struct list_entry *entry)
{
	const struct diag_place place = {0};
	struct diag diag = DIAG_EMPTY;
	struct list_entry again;

	REQUIRE(list_read_entry(text, len, place, &again, &diag) == 0);
	REQUIRE(diag_is_empty(&diag));
	REQUIRE(again.range.first == entry->range.first);
	REQUIRE(again.range.last == entry->range.last);
	REQUIRE(again.port == entry->port);
}

static int
check_entry(void *context, const struct list_entry *entry)
{
	char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE], text[64];
	struct seen *s = context;
	int len;

	REQUIRE(entry->text >= s->text && entry->len > 0);
	REQUIRE(entry->text + entry->len <= s->text + s->size);
	REQUIRE(entry->range.first <= entry->range.last);
	REQUIRE(entry->port == 0 || entry->range.first == entry->range.last);
	require_same(entry->text, entry->len, entry);

	ipv4_format(entry->range.first, first);
	ipv4_format(entry->range.last, last);
	len = entry->port != 0 ? snprintf(text, sizeof(text), "%s:%u", first, entry->port)
			       : snprintf(text, sizeof(text), "%s-%s", first, last);
	require_same(text, (size_t)len, entry);
	return ++s->entries == s->stop_at ? -ECANCELED : 0;
}

static void
check_faults(const struct diag *diag, size_t lines)
{
	unsigned int line = 0;

	for (size_t i = 0; i < diag->count; i++) {
		const struct diag_entry *e = &diag->entries[i];

		REQUIRE(e->place.line > line && e->place.line <= lines && e->place.column >= 1);
		line = e->place.line;
		REQUIRE(e->text != NULL && strlen(e->text) < 250);
		for (const char *c = e->text; *c != '\0'; c++)
			REQUIRE(*c >= ' ' && *c <= '~');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen all = {.text = (const char *)data, .size = size}, some = all;
	struct diag diag = DIAG_EMPTY, partial = DIAG_EMPTY;
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	REQUIRE(list_read("list", all.text, size, check_entry, &all, &diag) == 0);
	REQUIRE(all.entries + diag.count + diag.dropped <= lines);
	check_faults(&diag, lines);

	some.stop_at = (all.entries + 1) / 2;
	REQUIRE(list_read("list", all.text, size, check_entry, &some, &partial) ==
		(some.stop_at != 0 ? -ECANCELED : 0));
	REQUIRE(some.entries == some.stop_at);
	diag_reset(&diag);
	diag_reset(&partial);
	return 0;
}
