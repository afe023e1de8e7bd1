/* SPDX-License-Identifier: BSD-3-Clause */
#include "told.h"

#include <stdio.h>
#include <string.h>

#include "lines/lines.h"

/* How a row of a certificate begins; the digest follows, in hexadecimal. */
static const char head[] = "{\"record\":\"certificate\",\"fingerprint_sha256\":\"";

static void
recall_line(const char *text, size_t len, struct grabrecord *r)
{
	uint8_t digest[GRABRECORD_SHA256_BYTES];
	size_t skip = sizeof(head) - 1;

	if (len < skip + 2 * sizeof(digest) || memcmp(text, head, skip) != 0)
		return;
	for (size_t i = 0; i < sizeof(digest); i++) {
		char pair[] = {text[skip + 2 * i], text[skip + 2 * i + 1], '\0'};
		unsigned int byte;

		if (sscanf(pair, "%2x", &byte) != 1)
			return;
		digest[i] = (uint8_t)byte;
	}
	grabrecord_know(r, digest);
}

static void
recall_file(const char *path, struct grabrecord *r)
{
	struct lines *lines;
	const char *text;
	size_t len;

	if (path == NULL || strcmp(path, "-") == 0 || lines_open(path, &lines) != 0)
		return;
	while (lines_next(lines, &text, &len) > 0)
		recall_line(text, len, r);
	lines_close(lines);
}

void
told_recall(struct output *output, struct grabrecord *r)
{
	struct output_mark mark;

	if (output_sync(output, &mark) != 0)
		return;
	for (size_t i = 0; i < mark.file_count; i++)
		recall_file(mark.files[i].name, r);
	recall_file(mark.name, r);
}
