/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

static int
read_stream(FILE *f, char **text, size_t *len)
{
	size_t size = 65536, at = 0;
	char *buf = malloc(size);

	while (buf != NULL) {
		char *grown;

		at += fread(buf + at, 1, size - at - 1, f);
		if (at < size - 1)
			break;
		grown = realloc(buf, size * 2);
		if (grown == NULL) {
			free(buf);
			return -ENOMEM;
		}
		buf = grown;
		size *= 2;
	}
	if (buf == NULL)
		return -ENOMEM;
	if (ferror(f)) {
		free(buf);
		return errno != 0 ? -errno : -EIO;
	}
	buf[at] = '\0';
	*text = buf;
	*len = at;
	return 0;
}

int
text_read_file(const char *path, char **text, size_t *len)
{
	FILE *f;
	int rc;

	if (strcmp(path, "-") == 0)
		return read_stream(stdin, text, len);
	f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	errno = 0;
	rc = read_stream(f, text, len);
	fclose(f);
	return rc;
}

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

const char *
text_count(char buf[TEXT_SIZE], double value)
{
	static const char units[] = " KMGT";
	unsigned int unit = 0;

	/* 999.5 would print as "1000": go on to the next unit before it. */
	while (value >= 999.5 && unit < sizeof(units) - 2) {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(buf, TEXT_SIZE, "%.*f", value < 10 && value != (double)(long)value, value);
	else
		snprintf(buf, TEXT_SIZE, "%.*f%c", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value,
			 units[unit]);
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
