/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Diagnostics: what is wrong with an input, where, and the mend.
 *
 * A parser does not stop at the first fault: it adds each to a list and goes on, so that a person
 * mends a job in one go. The list owns its texts. Adding never fails in a way that the caller must
 * handle: without memory the fault is counted all the same.
 *
 * Not thread-safe; a list belongs to the thread that parses.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stddef.h>

/* A place in an input. line and column count from 1; 0 stands for "none". file is borrowed and
 * must outlive the list; NULL for "none". */
struct diag_place {
	const char *file;
	unsigned int line;
	unsigned int column;
};

struct diag_entry {
	struct diag_place place;
	char *text; /* "what, and the mend"; owned by the list; NULL where memory ran out */
};

struct diag {
	struct diag_entry *entries;
	size_t count;   /* entries held */
	size_t dropped; /* faults counted but not held: more than DIAG_MAX, or no memory */
};

/* A list longer than this helps nobody: what is beyond is counted. */
#define DIAG_MAX 100

#define DIAG_EMPTY {0}

/* Add a fault, printf-like. */
void diag_add(struct diag *d, struct diag_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether the list is free of faults. */
int diag_is_empty(const struct diag *d);

/* Sort by file, line and column; stable, so faults of one place keep their order. */
void diag_sort(struct diag *d);

/*
 * Write entry i as "file:line:column: text" (parts that are none are left out) into buf, always
 * terminated. Returns what snprintf would.
 */
int diag_format(const struct diag *d, size_t i, char *buf, size_t size);

/* Free what the list holds and make it empty. */
void diag_reset(struct diag *d);

#endif /* BASE_DIAG_H */
