/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How alike two words are: for the "did you mean" of a misspelt name.
 *
 * Pure; any thread.
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include <stdbool.h>

/* Words longer than this are like nothing. */
#define NEAR_WORD_MAX 40

/*
 * The number of insertions, deletions, substitutions and swaps of neighbours that turn one word
 * into the other (optimal string alignment, a restricted Damerau-Levenshtein distance); or
 * NEAR_WORD_MAX + 1 for a word that is too long.
 */
unsigned int near_distance(const char *a, const char *b);

/* Whether a word at this distance from what was typed is a likely slip: one in three characters. */
bool near_is_likely(const char *typed, unsigned int distance);

#endif /* BASE_NEAR_H */
