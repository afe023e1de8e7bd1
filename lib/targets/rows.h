/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of target lists, in all their forms, one line at a time:
 *
 *   192.0.2.0/24                     an entry as list.h has it
 *   192.0.2.1:443,www.example.com    with a name for SNI
 *   192.0.2.1,443                    with a port, as --dry-run prints
 *   192.0.2.1,www.example.com,tag,443   as zgrab2 takes it
 *   www.example.com                  a host by its name, whose addresses are somebody else's to find; also with
 *                                    a port: www.example.com:443 or www.example.com,443
 *   saddr,sport,success,...          a header, and after it rows of its columns: CSV of asdic and ZMap
 *   {"record":"scan","saddr":...     records of asdic, ZMap and zgrab2 as NDJSON
 *
 * Of records and of CSV with such columns, what was no success or is a repeat is passed over, as are the
 * records of DNS. '#' starts a comment, but not within rows of CSV or JSON. A UTF-8 byte order mark before
 * the first line is nothing.
 *
 * Bytes are foreign; nothing is allocated. A reader belongs to one thread.
 */
#ifndef TARGETS_ROWS_H
#define TARGETS_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "targets/list.h"

enum rows_column { ROWS_ADDRESS, ROWS_PORT, ROWS_NAME, ROWS_SUCCESS, ROWS_REPEAT, ROWS_COLUMNS };

struct rows {
	struct diag *diag;
	struct diag_place place; /* of the line read last */
	bool has_header;
	unsigned int column[ROWS_COLUMNS]; /* by a header: which column it is, from 1; 0: none */
};

struct row {
	struct list_entry entry;
	bool is_record;   /* a record or CSV with a header gave it, and its port need not be meant */
	const char *name; /* a host name of a single address; NULL: none. Within the line, not terminated */
	size_t name_len;
	bool is_host;     /* the name is all there is: entry has a place, a port or none, and no address */
};

/* Begin a list. file names it in diagnostics, and is borrowed. */
void rows_init(struct rows *r, const char *file, struct diag *diag);

/*
 * Read the next line, without its line feed. 1 and *out; 0 for a line that names no target, or that is at
 * fault: then diag has the reason with its line and column.
 */
int rows_read(struct rows *r, const char *line, size_t len, struct row *out);

#endif /* TARGETS_ROWS_H */
