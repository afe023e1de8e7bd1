/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Members of one line of NDJSON, for reading records back: a pull parser that looks for the members asked
 * for at the top of the object and passes over all else. It allocates nothing and makes no tree, since a
 * record may hold a hundred kilobytes of certificates of which a reader wants the address.
 *
 * Bytes are foreign: any input is read in one pass. The grammar is RFC 8259's at the top; of what is
 * nested, brackets and strings are matched and nothing else is held against it. No more than 64 levels.
 *
 * Pure; any thread.
 */
#ifndef RECORD_JSON_LINE_H
#define RECORD_JSON_LINE_H

#include <stddef.h>

enum json_type { JSON_ABSENT, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_NESTED };

struct json_member {
	const char *name; /* asked for */
	enum json_type type;
	const char *text; /* the value as it stands in the line; a string's without its quotes, escapes as written */
	size_t len;
};

/*
 * Read a line's object. members[].name are given; type, text and len are set; of a name that stands
 * there twice, the first counts. 0; -EINVAL with *at where in the line the fault is.
 */
int json_line_read(const char *line, size_t len, struct json_member *members, size_t count,
		   size_t *at);

#endif /* RECORD_JSON_LINE_H */
