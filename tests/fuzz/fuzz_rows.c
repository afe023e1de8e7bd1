/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of lists: each line gives a target, nothing, or one fault that a terminal can show; a name is a
 * host name of one address; and what JSON members are found lie within the line.
 */
#include <stdlib.h>
#include <string.h>

#include "names/hostname.h"
#include "names/names.h"
#include "record/json_line.h"
#include "targets/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(truth)                                                                             \
	do {                                                                                       \
		if (!(truth))                                                                      \
			abort();                                                                   \
	} while (0)

static void
check_row(const char *line, size_t len, const struct row *row, struct names *names)
{
	struct names_walk walk = {0};
	const char *found;

	REQUIRE(row->entry.range.first <= row->entry.range.last);
	REQUIRE(row->entry.port == 0 || row->entry.range.first == row->entry.range.last);
	if (row->name == NULL)
		return;
	REQUIRE(row->name >= line && row->name + row->name_len <= line + len);
	REQUIRE(hostname_fault(row->name, row->name_len) == NULL);
	REQUIRE(row->entry.range.first == row->entry.range.last);
	REQUIRE(names_add(names, row->entry.range.first, row->entry.port, row->name, row->name_len) == 0);
	names_settle(names);
	found = names_next(names, row->entry.range.first, row->entry.port, &walk);
	REQUIRE(found != NULL && strncasecmp(found, row->name, strlen(found)) == 0);
	REQUIRE(names_next(names, row->entry.range.first, row->entry.port, &walk) == NULL);
}

static void
check_fault(const struct diag *diag, size_t len)
{
	const struct diag_entry *e = &diag->entries[0];

	REQUIRE(e->place.line > 0 && e->place.column >= 1 && e->place.column <= len + 1);
	REQUIRE(e->text != NULL && strlen(e->text) < 250);
	for (const char *c = e->text; *c != '\0'; c++)
		REQUIRE(*c >= ' ' && *c <= '~');
}

static void
check_line(struct rows *rows, const char *line, size_t len)
{
	struct names *names = names_new();
	struct row row;
	int rc = rows_read(rows, line, len, &row);

	REQUIRE(names != NULL && rows->diag->count + (size_t)(rc != 0) <= 1);
	if (rc != 0)
		check_row(line, len, &row, names);
	if (rows->diag->count > 0)
		check_fault(rows->diag, len);
	diag_reset(rows->diag);
	names_free(names);
}

static void
check_json(const char *line, size_t len)
{
	struct json_member m[] = {{.name = "ip"}, {.name = "data"}, {.name = ""}};
	size_t at = 0;

	if (json_line_read(line, len, m, 3, &at) != 0)
		REQUIRE(at <= len);
	for (size_t i = 0; i < 3; i++)
		if (m[i].type != JSON_ABSENT)
			REQUIRE(m[i].text >= line && m[i].text + m[i].len <= line + len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = DIAG_EMPTY;
	struct rows rows;

	rows_init(&rows, "list", &diag);
	while (size > 0) {
		const uint8_t *feed = memchr(data, '\n', size);
		size_t len = feed != NULL ? (size_t)(feed - data) : size, step = len + (feed != NULL);
		char *line = malloc(len + 1); /* its own, so that a byte beyond is seen */

		REQUIRE(line != NULL);
		memcpy(line, data, len);
		line = len > 0 ? realloc(line, len) : line;
		check_line(&rows, line, len);
		check_json(line, len);
		free(line);
		data += step;
		size -= step;
	}
	return 0;
}
