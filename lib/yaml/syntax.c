/* SPDX-License-Identifier: BSD-3-Clause */
#include "yaml/syntax.h"

#include <string.h>

/* A point in the text: byte offset, and line and column as people count them. */
struct point {
	size_t offset;
	unsigned int line;
	unsigned int column;
};

struct mend {
	const char *problem; /* the beginning of libyaml's words */
	const char *text;
	bool opened; /* where it began helps: something was never closed */
};

/* libyaml names what its state machine missed; these name what people did. */
static const struct mend mends[] = {
	{"found a tab character", "a tab where YAML wants spaces; indent with spaces", false},
	{"found unexpected end of stream", "quotes that never close; add the closing quote", true},
	{"found unknown escape character",
	 "an unknown escape in double quotes; use single quotes or double the backslash", false},
	{"mapping values are not allowed",
	 "a ':' that does not fit here; check the indentation and that a space follows each "
	 "key's ':', or quote a value that holds ': '", false},
	{"could not find expected ':'", "a key without ':'; write 'key: value'", false},
	{"did not find expected ',' or ']'", "a list that never closes; add ',' or ']'", true},
	{"did not find expected ',' or '}'", "a mapping that never closes; add ',' or '}'", true},
	{"did not find expected key",
	 "not a key here; check the indentation and quote odd values", false},
	{"did not find expected '-' indicator",
	 "not an item of the list; begin it with '- ', in line with the others", false},
	{"found incompatible YAML document", "a %YAML line of another version; remove it", false},
	{"did not find expected <document start>", "text after the document's end; remove it",
	 false},
	{"block sequence entries are not allowed",
	 "a list item that does not fit here; begin the list on a line of its own", false},
	{"control characters are not allowed", "a control character; write plain UTF-8 text",
	 false},
	{"invalid", "not UTF-8; save the file as UTF-8 text", false},
	{"incomplete", "not UTF-8; save the file as UTF-8 text", false},
};

/* Step over one character, as libyaml counts them. */
static void
advance(struct point *p, const char *text, size_t len)
{
	bool crlf = text[p->offset] == '\r' && p->offset + 1 < len && text[p->offset + 1] == '\n';

	if (!crlf && (text[p->offset] == '\n' || text[p->offset] == '\r')) {
		p->line++;
		p->column = 1;
	} else {
		p->column++;
	}
	p->offset++;
	while (p->offset < len && (text[p->offset] & 0xc0) == 0x80)
		p->offset++;
}

static struct point
point_at_offset(const char *text, size_t len, size_t offset)
{
	struct point p = {.line = 1, .column = 1};

	while (p.offset < len && p.offset < offset)
		advance(&p, text, len);
	return p;
}

static struct point
point_at_mark(const char *text, size_t len, const yaml_mark_t *mark)
{
	struct point p = {.line = 1, .column = 1};

	for (size_t i = 0; i < mark->index && p.offset < len; i++)
		advance(&p, text, len);
	p.line = (unsigned int)mark->line + 1;
	p.column = (unsigned int)mark->column + 1;
	return p;
}

static const struct mend *
find_mend(const char *problem)
{
	for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++)
		if (strncmp(problem, mends[i].problem, strlen(mends[i].problem)) == 0)
			return &mends[i];
	return NULL;
}

/* A character that begins no value: tabs and the few signs that YAML keeps to itself. */
static void
tell_character(struct diag *diag, struct diag_place place, char c)
{
	if (c == '\t')
		diag_add(diag, place, "a tab where YAML wants spaces; indent with spaces");
	else
		diag_add(diag, place, "'%c' cannot begin a value; put the value in quotes", c);
}

void
syntax_tell(const yaml_parser_t *parser, const char *file, bool placeless, const char *text,
	    size_t len, struct diag *diag)
{
	const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
	struct diag_place place = {.file = file};
	struct point p;
	const struct mend *mend;

	if (parser->error == YAML_READER_ERROR)
		p = point_at_offset(text, len, parser->problem_offset);
	else
		p = point_at_mark(text, len, &parser->problem_mark);
	if (!placeless) {
		place.line = p.line;
		place.column = p.column;
	}
	mend = find_mend(problem);
	if (strcmp(problem, "found character that cannot start any token") == 0 && p.offset < len)
		tell_character(diag, place, text[p.offset]);
	else if (mend == NULL)
		diag_add(diag, place, "not YAML: %s", problem);
	else if (mend->opened && !placeless && parser->context_mark.line + 1 < p.line)
		diag_add(diag, place, "%s (begun at line %zu)", mend->text,
			 parser->context_mark.line + 1);
	else
		diag_add(diag, place, "%s", mend->text);
}
