/* SPDX-License-Identifier: BSD-3-Clause */
#include "events.h"

#include <stdarg.h>
#include <stdio.h>

void
events_add(struct events *e, uint64_t at_ns, const char *kind, const char *format, ...)
{
	struct event *event;
	va_list list;

	if (e->count == EVENTS_MAX) {
		e->dropped++;
		return;
	}
	event = &e->items[e->count++];
	event->at_ns = at_ns;
	event->kind = kind;
	va_start(list, format);
	vsnprintf(event->text, sizeof(event->text), format, list);
	va_end(list);
}
