/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The names that lists give to targets, for the TLS handshake's SNI: (address, port) -> one or more
 * names; a name without a port is of every port of its address.
 *
 * A name costs 16 bytes, its own length and one more; while a list is read, at most twice that, as arrays
 * grow. A look-up is a binary search. Names are kept in lower case, without a dot at the end.
 *
 * Filled by one thread, then settled once; from then on immutable, and any number of threads may read.
 */
#ifndef NAMES_NAMES_H
#define NAMES_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;

/* No names, or NULL without memory. */
struct names *names_new(void);
void names_free(struct names *n);

/*
 * Add the name of an address and port; port 0 is any. hostname_fault() has nothing against it.
 * 0; -ENOMEM; -EFBIG beyond 2^32 - 1 names.
 */
int names_add(struct names *n, uint32_t address, uint16_t port, const char *name, size_t len);

/* Sort, and drop what was added twice. Before the first look-up. */
void names_settle(struct names *n);

/* How many there are, and the bytes that they hold. n may be NULL: none. */
size_t names_count(const struct names *n);
size_t names_bytes(const struct names *n);

/* Where a walk over a target's names stands; zeroed, it begins. */
struct names_walk {
	uint32_t next; /* 0: its group has not begun */
	bool is_any;   /* the names of any port */
};

/*
 * The next name of a target: those of its port, then those of any port, each group ascending and no name twice. It is
 * terminated and n's. NULL at the end. n may be NULL: none.
 */
const char *names_next(const struct names *n, uint32_t address, uint16_t port, struct names_walk *walk);

#endif /* NAMES_NAMES_H */
