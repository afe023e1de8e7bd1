/* SPDX-License-Identifier: BSD-3-Clause */
#include "events.h"

#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 5, 0)))
add(struct events *e, uint64_t at_ns, const char *kind, struct event_doubt doubt,
    const char *format, va_list list)
{
	struct event *event;

	if (e->count == EVENTS_MAX) {
		e->dropped++;
		return;
	}
	event = &e->items[e->count++];
	event->at_ns = at_ns;
	event->kind = kind;
	event->doubt = doubt;
	vsnprintf(event->text, sizeof(event->text), format, list);
}

void
events_add(struct events *e, uint64_t at_ns, const char *kind, const char *format, ...)
{
	const struct event_doubt none = {0};
	va_list list;

	va_start(list, format);
	add(e, at_ns, kind, none, format, list);
	va_end(list);
}

void
events_add_doubt(struct events *e, uint64_t at_ns, const char *kind, struct event_doubt doubt,
		 const char *format, ...)
{
	va_list list;

	va_start(list, format);
	add(e, at_ns, kind, doubt, format, list);
	va_end(list);
}
