/* SPDX-License-Identifier: BSD-3-Clause */
#include "targets/rows.h"

#include <errno.h>
#include <string.h>

#include "names/hostname.h"
#include "record/json_line.h"
#include "targets/span.h"

#define FIELDS_MAX 128
#define PLAIN_FIELDS_MAX 4

struct fields {
	struct span field[FIELDS_MAX];
	size_t count;
};

void
rows_init(struct rows *r, const char *file, struct diag *diag)
{
	*r = (struct rows){.diag = diag, .place = {.file = file}};
}

/* The place of something within the line. */
static struct diag_place
place_in(const struct rows *r, const char *line, const char *at)
{
	return (struct diag_place){r->place.file, r->place.line, (unsigned int)(at - line) + 1};
}

/* The field at the front of rest, which is advanced beyond its comma; its quotes are left off (RFC 4180). */
static bool
next_field(struct span *rest, struct span *field)
{
	const char *end, *at = rest->text, *comma;

	if (at == NULL)
		return false;
	end = at + rest->len;
	if (rest->len > 0 && *at == '"') {
		const char *quote = memchr(at + 1, '"', rest->len - 1);

		while (quote != NULL && quote + 1 < end && quote[1] == '"')
			quote = memchr(quote + 2, '"', (size_t)(end - quote - 2));
		at = quote != NULL ? quote : at;
	}
	comma = memchr(at, ',', (size_t)(end - at));
	*field = (struct span){rest->text, (size_t)((comma != NULL ? comma : end) - rest->text)};
	*rest = comma != NULL ? (struct span){comma + 1, (size_t)(end - comma - 1)} : (struct span){NULL, 0};
	*field = span_trim(*field);
	if (field->len >= 2 && field->text[0] == '"' && field->text[field->len - 1] == '"')
		*field = (struct span){field->text + 1, field->len - 2};
	return true;
}

static void
split(struct span line, struct fields *f)
{
	struct span rest = line;

	f->count = 0;
	while (f->count < FIELDS_MAX && next_field(&rest, &f->field[f->count]))
		f->count++;
}

static bool
is_digits(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.text[i] < '0' || s.text[i] > '9')
			return false;
	return s.len > 0;
}

static bool
is_word(struct span s, const char *word)
{
	return strlen(word) == s.len && memcmp(word, s.text, s.len) == 0;
}

/* With what a header begins, and no address. */
static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || c == '"';
}

static int
read_address(struct rows *r, const char *line, struct span s, struct row *out)
{
	return list_read_entry(s.text, s.len, place_in(r, line, s.text), &out->entry, r->diag);
}

static int
read_port(struct rows *r, const char *line, struct span s, struct row *out)
{
	struct diag_place place = place_in(r, line, s.text);
	uint16_t port = span_port(s);

	if (s.len == 0)
		return 0;
	if (port == 0)
		diag_add(r->diag, place, "'%s' is not a port; write 1 to 65535", span_show(s).text);
	else if (out->entry.range.first != out->entry.range.last)
		diag_add(r->diag, place, "only a single address takes a port here; leave '%s' out",
			 span_show(s).text);
	else if (out->entry.port != 0 && out->entry.port != port)
		diag_add(r->diag, place, "'%s' is a second port for one address; leave one of them out",
			 span_show(s).text);
	else
		out->entry.port = port;
	return out->entry.port == port && port != 0 ? 0 : -EINVAL;
}

static int
read_name(struct rows *r, const char *line, struct span s, struct row *out)
{
	struct diag_place place = place_in(r, line, s.text);
	const char *fault;

	if (s.len == 0)
		return 0;
	fault = hostname_fault(s.text, s.len);
	if (fault != NULL)
		diag_add(r->diag, place, "'%s' %s", span_show(s).text, fault);
	else if (out->entry.range.first != out->entry.range.last)
		diag_add(r->diag, place, "only a single address takes a name; leave '%s' out",
			 span_show(s).text);
	else
		*out = (struct row){out->entry, out->is_record, s.text, s.len, false};
	return out->name != NULL ? 0 : -EINVAL;
}

static bool
is_letter_of_names(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A name and not an address with a slip in it: its last label begins with a letter, and has another byte. */
static bool
is_host(struct span s)
{
	const char *dot;

	if (s.len > 0 && s.text[s.len - 1] == '.')
		s.len--;
	dot = s.len > 0 ? memrchr(s.text, '.', s.len) : NULL;
	return dot != NULL && s.text + s.len - dot > 2 && is_letter_of_names(dot[1]) &&
	       hostname_fault(s.text, s.len) == NULL;
}

/* "name", "name:port" or "name,port". False when the line begins with something else. */
static bool
read_host(struct rows *r, struct span line, const char *start, struct row *out)
{
	const char *mark = memchr(line.text, ',', line.len);
	struct span name, port;

	if (mark == NULL)
		mark = memchr(line.text, ':', line.len);
	name = span_trim((struct span){line.text, mark != NULL ? (size_t)(mark - line.text) : line.len});
	if (!is_host(name))
		return false;
	*out = (struct row){.entry = {.text = name.text, .len = name.len, .place = place_in(r, start, name.text)},
			    .name = name.text, .name_len = name.len, .is_host = true};
	if (mark == NULL)
		return true;
	port = span_trim((struct span){mark + 1, line.len - (size_t)(mark + 1 - line.text)});
	out->entry.port = span_port(port);
	if (out->entry.port != 0)
		return true;
	diag_add(r->diag, place_in(r, start, port.text),
		 "'%s' is not a port, which is all that may follow a name; write 1 to 65535, or "
		 "address,name", span_show(port).text);
	out->is_host = false;
	return true;
}

/* "entry", "entry,name", "entry,port[,name]", or zgrab2's "entry,name,tag[,port]". */
static int
read_plain(struct rows *r, struct span line, const char *start, struct row *out)
{
	struct fields f;
	bool has_port;

	if (read_host(r, line, start, out))
		return out->is_host;
	if (memchr(line.text, ',', line.len) == NULL)
		return read_address(r, start, line, out) == 0;
	split(line, &f);
	if (f.count > PLAIN_FIELDS_MAX) {
		diag_add(r->diag, place_in(r, start, f.field[PLAIN_FIELDS_MAX].text),
			 "more than address,name,tag,port; begin with a line that names the columns, like "
			 "saddr,sport");
		return 0;
	}
	has_port = f.count >= 2 && is_digits(f.field[1]);
	if (read_address(r, start, f.field[0], out) != 0)
		return 0;
	if (has_port)
		return read_port(r, start, f.field[1], out) == 0 &&
		       (f.count < 3 || read_name(r, start, f.field[2], out) == 0);
	return read_name(r, start, f.field[1], out) == 0 &&
	       (f.count < 4 || read_port(r, start, f.field[3], out) == 0);
}

/*
 * Whether a line names columns, one of which is the address; those that are known are then noted. It may
 * come again, where several files were put together.
 */
static bool
read_header(struct rows *r, struct span line)
{
	static const struct {
		const char *name;
		enum rows_column column;
	} known[] = {
		{"saddr", ROWS_ADDRESS}, {"ip", ROWS_ADDRESS}, {"address", ROWS_ADDRESS},
		{"sport", ROWS_PORT}, {"port", ROWS_PORT},
		{"domain", ROWS_NAME}, {"name", ROWS_NAME}, {"hostname", ROWS_NAME},
		{"success", ROWS_SUCCESS}, {"repeat", ROWS_REPEAT},
	};
	unsigned int column[ROWS_COLUMNS] = {0};
	struct fields f;

	split(line, &f);
	for (size_t i = 0; i < f.count; i++)
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (column[known[k].column] == 0 && is_word(f.field[i], known[k].name))
				column[known[k].column] = (unsigned int)i + 1;
	if (column[ROWS_ADDRESS] == 0)
		return false;
	memcpy(r->column, column, sizeof(column));
	r->has_header = true;
	return true;
}

/* A column's field, or the empty end of the line where there is none. */
static struct span
field_of(const struct rows *r, const struct fields *f, enum rows_column column, struct span line)
{
	unsigned int number = r->column[column];

	if (number == 0 || number > f->count)
		return (struct span){line.text + line.len, 0};
	return f->field[number - 1];
}

static int
read_columns(struct rows *r, struct span line, const char *start, struct row *out)
{
	struct span success, repeat;
	struct fields f;

	split(line, &f);
	success = field_of(r, &f, ROWS_SUCCESS, line);
	repeat = field_of(r, &f, ROWS_REPEAT, line);
	if (is_word(success, "0") || is_word(success, "false") || is_word(repeat, "1") ||
	    is_word(repeat, "true"))
		return 0;
	out->is_record = true;
	return read_address(r, start, field_of(r, &f, ROWS_ADDRESS, line), out) == 0 &&
	       read_port(r, start, field_of(r, &f, ROWS_PORT, line), out) == 0 &&
	       read_name(r, start, field_of(r, &f, ROWS_NAME, line), out) == 0;
}

enum { M_RECORD, M_SADDR, M_SPORT, M_SUCCESS, M_REPEAT, M_IP, M_PORT, M_DOMAIN, M_COUNT };

static bool
is_kind(const struct json_member *record, const char *kind)
{
	return record->type == JSON_STRING && is_word((struct span){record->text, record->len}, kind);
}

/* Whether a record is of a kind that names a target, and names one that answered, for the first time. */
static bool
is_answer(const struct json_member *m)
{
	if (is_kind(&m[M_RECORD], "dns"))
		return false;
	return m[M_SUCCESS].type != JSON_FALSE && m[M_REPEAT].type != JSON_TRUE;
}

static struct span
value_of(const struct json_member *m, enum json_type type, struct span line)
{
	if (m->type != type)
		return (struct span){line.text + line.len, 0};
	return (struct span){m->text, m->len};
}

static int
read_record(struct rows *r, struct span line, const char *start, struct row *out)
{
	struct json_member m[M_COUNT] = {
		[M_RECORD] = {.name = "record"}, [M_SADDR] = {.name = "saddr"},
		[M_SPORT] = {.name = "sport"}, [M_SUCCESS] = {.name = "success"},
		[M_REPEAT] = {.name = "repeat"}, [M_IP] = {.name = "ip"},
		[M_PORT] = {.name = "port"}, [M_DOMAIN] = {.name = "domain"},
	};
	const struct json_member *address;
	size_t at;

	if (json_line_read(line.text, line.len, m, M_COUNT, &at) != 0) {
		diag_add(r->diag, place_in(r, start, line.text + at),
			 "this record is cut or is no JSON; take the line out");
		return 0;
	}
	if (!is_answer(m))
		return 0;
	address = m[M_SADDR].type == JSON_STRING ? &m[M_SADDR] : &m[M_IP];
	if (address->type != JSON_STRING) {
		diag_add(r->diag, place_in(r, start, line.text),
			 "this record has no address, as saddr or ip; take the line out");
		return 0;
	}
	out->is_record = true;
	return read_address(r, start, (struct span){address->text, address->len}, out) == 0 &&
	       read_port(r, start, value_of(&m[m[M_SPORT].type != JSON_ABSENT ? M_SPORT : M_PORT],
					    JSON_NUMBER, line), out) == 0 &&
	       read_name(r, start, value_of(&m[M_DOMAIN], JSON_STRING, line), out) == 0;
}

int
rows_read(struct rows *r, const char *line, size_t len, struct row *out)
{
	bool is_first = r->place.line++ == 0;
	struct span s = {line, len};

	*out = (struct row){0};
	if (is_first)
		s = span_without_mark(s);
	line = s.text;
	s = span_trim(s);
	if (s.len == 0 || s.text[0] == '#')
		return 0;
	if (s.text[0] == '{')
		return read_record(r, s, line, out);
	if (is_letter(s.text[0]) && read_header(r, s))
		return 0;
	if (r->has_header)
		return read_columns(r, s, line, out);
	return read_plain(r, span_without_comment(s), line, out);
}
