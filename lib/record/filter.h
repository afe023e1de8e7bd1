/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output filters: ZMap's language over the fields of a record.
 *
 *     expression := term { ("&&" | "||") term }     && binds tighter than ||
 *     term       := "(" expression ")" | field op value
 *     op         := "=" | "!=" | "<" | "<=" | ">" | ">="
 *     value      := number | true | false | string, bare or in double quotes
 *
 * As in ZMap: strings take = and != alone; booleans compare as 1 and 0. A comparison with a field
 * that the record does not have is false, != too. Bare strings are made of letters, digits and
 * _ . : -, and are no number; quoted ones hold anything but quotes and control characters.
 *
 * Compiled once, into a bounded array. The text is foreign: its length, its terms and its depth
 * are bounded. Unknown fields and unfit values are all reported; a fault of grammar ends the
 * reading.
 *
 * A compiled filter is immutable; any thread may evaluate it.
 */
#ifndef RECORD_FILTER_H
#define RECORD_FILTER_H

#include "base/diag.h"
#include "record/record.h"

struct filter;

/* Bounds of what is compiled; far above what anybody writes. */
#define FILTER_TEXT_MAX 4096
#define FILTER_TERMS_MAX 128
#define FILTER_DEPTH_MAX 16

/*
 * Compile; "" passes everything. place is where the text starts: faults are put at its columns.
 * 0 and *out; -EINVAL with each fault and its mend in diag; -ENOMEM.
 */
int filter_compile(const char *text, size_t len, struct diag_place place, struct diag *diag,
		   struct filter **out);
void filter_free(struct filter *f);

/* Whether a record passes. */
bool filter_pass(const struct filter *f, const struct record_scan *r,
		 const struct record_clock *clock);

#endif /* RECORD_FILTER_H */
