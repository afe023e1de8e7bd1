/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sorting numbers in place: lists of addresses have millions of entries, and a copy of them is what
 * their memory is short of.
 */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Sort n numbers ascending. Most significant digits first ("American flag sort": P. McIlroy, K. Bostic,
 * M. D. McIlroy, "Engineering Radix Sort", 1993): in place, linear in n, whatever the order they come in.
 */
void sort_u64(uint64_t *numbers, size_t n);

#endif /* BASE_SORT_H */
