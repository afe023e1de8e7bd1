/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Target lists as text: ZMap's format, and address:port.
 *
 * One entry a line: an address, a CIDR, "first-last", or address:port. '#' starts a comment, white
 * space around an entry is nothing, CRLF is a line's end, empty lines and a UTF-8 byte order mark at
 * the start are skipped; rows.h has what else lists in files may hold. Host bits after a prefix are an error that names the network meant. Bytes are foreign: any input of any length is
 * read in one pass, without allocation.
 *
 * Any thread; no state.
 */
#ifndef TARGETS_LIST_H
#define TARGETS_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/ipv4.h"

struct list_entry {
	struct ipv4_range range;
	uint16_t port;    /* 0: none was given */
	const char *text; /* the entry as written, not terminated; points into the input */
	size_t len;
	struct diag_place place;
};

/* Called for each entry; a non-zero return (a negative errno) ends the reading with it. */
typedef int list_entry_fn(void *context, const struct list_entry *entry);

/*
 * Read a list of len bytes. file names it in diagnostics (borrowed). Lines that do not parse are
 * added to diag, each with its line, column and mend, and reading goes on.
 * 0, or what the callback returned.
 */
int list_read(const char *file, const char *text, size_t len, list_entry_fn *entry, void *context,
	      struct diag *diag);

/* Read one entry, such as a YAML scalar. 0, or -EINVAL with the reason added to diag at place. */
int list_read_entry(const char *text, size_t len, struct diag_place place, struct list_entry *out,
		    struct diag *diag);

#endif /* TARGETS_LIST_H */
