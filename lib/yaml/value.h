/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values as people write them in jobs and worlds: "250k", "1.3%", "8s", "4k", "true".
 *
 * Each parser reads all len bytes of text (no terminator is needed, no white space is skipped) and
 * takes decimal digits alone: no sign, no hexadecimal, no exponent, no locale. A fraction may stand
 * before a unit as long as the value comes out whole: "1.5M" is 1,500,000, "1.2345k" is an error.
 *
 * All return 0 and the value, -EINVAL for text that is not of the form, or -ERANGE for a value too
 * large for its type. The value is untouched on error. Any thread; no state.
 */
#ifndef YAML_VALUE_H
#define YAML_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole number without a unit: "443". */
int value_unsigned(const char *text, size_t len, uint64_t *value);

/* A number of things, or a rate: "10000", "250k", "1.5M", "4G"; powers of 1000, k may be K. */
int value_count(const char *text, size_t len, uint64_t *value);

/* A size in bytes: "512", "4k", "1M", "2G"; powers of 1024, k may be K. */
int value_size(const char *text, size_t len, uint64_t *bytes);

/*
 * A share from 0% to 100%, as a fraction from 0.0 to 1.0: "1.3%" is 1.3 / 100.0 in binary64, what
 * any program gets that divides so. The sign is required (is 1 all, or one in a hundred?), except
 * that "0" says the same either way. Up to 15 digits.
 */
int value_percent(const char *text, size_t len, double *fraction);

/*
 * A duration: "500us", "5ms", "1.5s", "10m", "2h", "7d", in nanoseconds. The unit is required,
 * except for "0".
 */
int value_duration(const char *text, size_t len, uint64_t *ns);

/* true, false, yes, no, on, off; in capitals or not. */
int value_bool(const char *text, size_t len, bool *value);

/* One port or a range of them, 1 to 65535: "443", "9000-9010". */
int value_ports(const char *text, size_t len, uint16_t *first, uint16_t *last);

#endif /* YAML_VALUE_H */
