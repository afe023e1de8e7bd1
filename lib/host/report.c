/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

void
host_add(struct host_report *r, enum host_level level, const char *subject, const char *mend,
	 const char *format, ...)
{
	struct host_finding f = {.level = level, .subject = subject}, *grown;
	va_list args;

	va_start(args, format);
	if (vasprintf(&f.text, format, args) < 0)
		f.text = NULL;
	va_end(args);
	f.mend = mend != NULL ? strdup(mend) : NULL;
	grown = reallocarray(r->items, r->count + 1, sizeof(*grown));
	if (grown != NULL)
		r->items = grown;
	if (grown == NULL || f.text == NULL || (mend != NULL && f.mend == NULL)) {
		r->lacks_memory = true;
		free(f.text);
		free(f.mend);
		return;
	}
	r->items[r->count++] = f;
}

size_t
host_count(const struct host_report *r, enum host_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->items[i].level == level;
	return n;
}

void
host_report_free(struct host_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->items[i].text);
		free(r->items[i].mend);
	}
	free(r->items);
	*r = (struct host_report)HOST_REPORT_EMPTY;
}
