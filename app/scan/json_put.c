/* SPDX-License-Identifier: BSD-3-Clause */
#include "json_put.h"

#include <time.h>

#include "base/time.h"

void
json_put_text(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(f, "\\u%04x", (unsigned int)*text);
		else
			fputc(*text, f);
	}
	fputc('"', f);
}

void
json_member_text(FILE *f, const char *name, const char *text)
{
	fprintf(f, ",\n  \"%s\": ", name);
	json_put_text(f, text);
}

void
json_member_number(FILE *f, const char *name, uint64_t number)
{
	fprintf(f, ",\n  \"%s\": %llu", name, (unsigned long long)number);
}

void
json_member_seconds(FILE *f, const char *name, uint64_t ns)
{
	fprintf(f, ",\n  \"%s\": %.9g", name, (double)ns / 1e9);
}

void
json_put_time(FILE *f, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SEC);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+0000", &tm);
	json_put_text(f, text);
}

void
json_member_time(FILE *f, const char *name, uint64_t wall_ns)
{
	fprintf(f, ",\n  \"%s\": ", name);
	json_put_time(f, wall_ns);
}
