/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What befell a scan while it ran, for its manifest: when, of what kind, and what, in words.
 *
 * Bounded: beyond EVENTS_MAX, events are counted and not kept. No event names an address that opted out.
 *
 * Control thread.
 */
#ifndef SCAN_EVENTS_H
#define SCAN_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTS_MAX 1000
#define EVENT_TEXT_SIZE 160

/* Positions [first, end) of the scan's order whose probes or answers may have been lost. */
struct event_doubt {
	bool is_some;
	uint64_t first;
	uint64_t end;
};

struct event {
	uint64_t at_ns;   /* since the run's start */
	const char *kind; /* "rate", "exclude", "hold", "resume", ...: static */
	struct event_doubt doubt;
	char text[EVENT_TEXT_SIZE];
};

struct events {
	struct event items[EVENTS_MAX];
	size_t count;
	uint64_t dropped;
};

/* Note an event, printf-like. */
void events_add(struct events *e, uint64_t at_ns, const char *kind, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void events_add_doubt(struct events *e, uint64_t at_ns, const char *kind, struct event_doubt doubt,
		      const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif /* SCAN_EVENTS_H */
