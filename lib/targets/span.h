/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pieces of lists' text. Inside of lib/targets.
 */
#ifndef TARGETS_SPAN_H
#define TARGETS_SPAN_H

#include <stddef.h>
#include <stdint.h>

/* A piece of the input, not terminated. */
struct span {
	const char *text;
	size_t len;
};

/* How much of a bad entry a message shows. */
#define SPAN_SHOWN 40

/* A bad entry as a message may show it: cut, and free of what could upset a terminal. */
struct span_shown {
	char text[SPAN_SHOWN + sizeof("...")];
};

struct span_shown span_show(struct span s);

/* A span without the white space around it. */
struct span span_trim(struct span s);

/* A line up to its comment. */
struct span span_without_comment(struct span s);

/* A text without the byte order mark that some editors put before UTF-8. */
struct span span_without_mark(struct span s);

/* A port in decimal, 1 to 65535; 0 for anything else. */
uint16_t span_port(struct span s);

#endif /* TARGETS_SPAN_H */
