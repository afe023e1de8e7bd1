/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Once: what has been seen, a set of texts, kept as keyed hashes of eight bytes.
 *
 * Two texts that hash alike are one to it: among n texts about n^2 / 2^65 pairs do, so among a billion
 * one in forty does once; and without the key nobody can make them (SipHash, base/hash.h). The set is a
 * table with open addressing, at most three quarters full: 11 to 22 bytes a text.
 *
 * Pure. One thread.
 */
#ifndef ONCE_ONCE_H
#define ONCE_ONCE_H

#include <stddef.h>
#include <stdint.h>

struct once {
	uint64_t *slots; /* 0: free */
	size_t size;     /* a power of two */
	size_t count;
};

/* 0 or -ENOMEM. */
int once_init(struct once *s);
void once_fini(struct once *s);

/* The hash of a text, never 0. */
uint64_t once_hash(const uint64_t key[2], const void *text, size_t len);

/* Add a hash: 1 when it is new; 0: it was there; -ENOMEM. */
int once_add(struct once *s, uint64_t hash);

#endif /* ONCE_ONCE_H */
