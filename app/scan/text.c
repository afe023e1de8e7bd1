/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include <stdio.h>

#include "base/time.h"

void
text_print_faults(struct diag *diag)
{
	size_t total = diag->count + diag->dropped;

	diag_sort(diag);
	for (size_t i = 0; i < diag->count; i++) {
		char line[1024];

		diag_format(diag, i, line, sizeof(line));
		fprintf(stderr, "%s\n", line);
	}
	if (diag->dropped > 0)
		fprintf(stderr, "and %zu more\n", diag->dropped);
	fprintf(stderr, "asdic: %zu fault%s\n", total, total == 1 ? "" : "s");
}

void
text_refuse_flag(const char *command, int value, const char *written)
{
	if (value == ':')
		fprintf(stderr, "asdic: %s: %s needs an argument\n", command, written);
	else
		fprintf(stderr, "asdic: %s: unknown flag '%s'; see 'asdic %s --help'\n", command, written, command);
}

static const char units[] = " KMGT";

/* The index of the unit in which a value has at most three digits before the point. */
static unsigned int
unit_of(double value)
{
	unsigned int unit = 0;

	/* 999.5 would print as "1000": go on to the next unit before it. */
	for (; value >= 999.5 && unit < sizeof(units) - 2; unit++)
		value /= 1000;
	return unit;
}

static double
in_unit(double value, unsigned int unit)
{
	while (unit-- > 0)
		value /= 1000;
	return value;
}

/* Digits behind the point, so that three matter; none of a whole number of ones. */
static int
decimals(double value, unsigned int unit)
{
	if (unit == 0 && value == (double)(long)value)
		return 0;
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

const char *
text_count(char buf[TEXT_SIZE], double value)
{
	unsigned int unit = unit_of(value);
	double scaled = in_unit(value, unit);

	if (unit == 0)
		snprintf(buf, TEXT_SIZE, "%.*f", decimals(value, 0), value);
	else
		snprintf(buf, TEXT_SIZE, "%.*f%c", decimals(scaled, unit), scaled, units[unit]);
	return buf;
}

const char *
text_rate(char buf[TEXT_SIZE], double pps, double limit_pps)
{
	unsigned int unit = unit_of(limit_pps > 0 ? limit_pps : pps);
	double scaled = in_unit(pps, unit), limit = in_unit(limit_pps, unit);
	const char *prefix = unit == 0 ? "" : (const char[]){units[unit], '\0'};

	if (limit_pps > 0)
		snprintf(buf, TEXT_SIZE, "%.*f %sp/s (of %.*f)", decimals(scaled, unit), scaled, prefix,
			 decimals(limit, unit), limit);
	else
		snprintf(buf, TEXT_SIZE, "%.*f %sp/s", decimals(scaled, unit), scaled, prefix);
	return buf;
}

const char *
text_elapsed(char buf[TEXT_SIZE], uint64_t ns)
{
	uint64_t s = ns / NS_PER_SEC;

	if (s >= 3600)
		snprintf(buf, TEXT_SIZE, "%u:%02u:%02u", (unsigned int)(s / 3600),
			 (unsigned int)(s / 60 % 60), (unsigned int)(s % 60));
	else
		snprintf(buf, TEXT_SIZE, "%u:%02u", (unsigned int)(s / 60), (unsigned int)(s % 60));
	return buf;
}

const char *
text_duration(char buf[TEXT_SIZE], double seconds)
{
	double s = seconds < 0 ? 0 : seconds + 0.5;

	if (s >= 100 * 86400.0)
		snprintf(buf, TEXT_SIZE, "%.0f days", s / 86400);
	else if (s >= 86400)
		snprintf(buf, TEXT_SIZE, "%ud%02uh", (unsigned int)(s / 86400),
			 (unsigned int)(s / 3600) % 24);
	else if (s >= 3600)
		snprintf(buf, TEXT_SIZE, "%uh%02um", (unsigned int)(s / 3600),
			 (unsigned int)(s / 60) % 60);
	else if (s >= 60)
		snprintf(buf, TEXT_SIZE, "%um%02us", (unsigned int)(s / 60), (unsigned int)s % 60);
	else
		snprintf(buf, TEXT_SIZE, "%us", (unsigned int)s);
	return buf;
}
