/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
diag_add(struct diag *d, struct diag_place place, const char *format, ...)
{
	struct diag_entry *grown;
	va_list args;
	char *text = NULL;
	int n;

	if (d->count >= DIAG_MAX) {
		d->dropped++;
		return;
	}
	grown = realloc(d->entries, (d->count + 1) * sizeof(*grown));
	if (grown == NULL) {
		d->dropped++;
		return;
	}
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	grown[d->count].place = place;
	grown[d->count].text = n < 0 ? NULL : text;
	d->entries = grown;
	d->count++;
}

int
diag_is_empty(const struct diag *d)
{
	return d->count == 0 && d->dropped == 0;
}

static int
compare_places(const struct diag_place *a, const struct diag_place *b)
{
	int c = strcmp(a->file != NULL ? a->file : "", b->file != NULL ? b->file : "");

	if (c != 0)
		return c;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return 0;
}

/* Insertion sort: lists are short and it keeps the order of equals. */
void
diag_sort(struct diag *d)
{
	for (size_t i = 1; i < d->count; i++) {
		struct diag_entry e = d->entries[i];
		size_t j = i;

		while (j > 0 && compare_places(&d->entries[j - 1].place, &e.place) > 0) {
			d->entries[j] = d->entries[j - 1];
			j--;
		}
		d->entries[j] = e;
	}
}

int
diag_format(const struct diag *d, size_t i, char *buf, size_t size)
{
	const struct diag_entry *e = &d->entries[i];
	const char *text = e->text != NULL ? e->text : "(out of memory)";
	const char *file = e->place.file != NULL ? e->place.file : "";
	const char *colon = e->place.file != NULL ? ":" : "";

	if (e->place.line == 0)
		return snprintf(buf, size, "%s%s%s%s", file, colon, *colon ? " " : "", text);
	if (e->place.column == 0)
		return snprintf(buf, size, "%s%s%u: %s", file, colon, e->place.line, text);
	return snprintf(buf, size, "%s%s%u:%u: %s", file, colon, e->place.line, e->place.column,
			text);
}

void
diag_reset(struct diag *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->entries[i].text);
	free(d->entries);
	*d = (struct diag)DIAG_EMPTY;
}
