/* SPDX-License-Identifier: BSD-3-Clause */
#include "record/record.h"

/* No field's name is longer. */
#define NAME_MAX_LEN 24

const struct record_field *
record_field_find(const char *name, size_t len)
{
	for (size_t i = 0; i < record_field_count(); i++) {
		const struct record_field *f = record_field_at(i);

		if (f->name_len == len && memcmp(f->name, name, len) == 0)
			return f;
	}
	return NULL;
}

/* Characters to be put in, taken out or replaced (Levenshtein), one row of the table at a time. */
static size_t
edit_distance(const char *a, size_t a_len, const struct record_field *b)
{
	size_t row[NAME_MAX_LEN + 1];

	for (size_t j = 0; j <= b->name_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b->name_len; j++) {
			size_t best = diagonal + (a[i - 1] != b->name[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b->name_len];
}

const char *
record_field_near(const char *name, size_t len)
{
	const char *nearest = NULL;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < record_field_count(); i++) {
		const struct record_field *f = record_field_at(i);
		size_t distance = edit_distance(name, len, f);

		if (distance < best) {
			best = distance;
			nearest = f->name;
		}
	}
	return nearest;
}

void
record_fields_all(struct record_fields *f)
{
	f->count = record_field_count();
	for (size_t i = 0; i < f->count; i++)
		f->field[i] = record_field_at(i);
}

static char *
put_bytes(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

static char *
put_number(char *p, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return put_bytes(p, digits + at, sizeof(digits) - at);
}

static char *
put_json_value(char *p, const struct record_value *v)
{
	if (v->type == RECORD_INT)
		return put_number(p, v->number);
	if (v->type == RECORD_BOOL)
		return v->number ? put_bytes(p, "true", 4) : put_bytes(p, "false", 5);
	*p++ = '"';
	p = put_bytes(p, v->text, v->text_len);
	*p++ = '"';
	return p;
}

size_t
record_ndjson(const struct record_fields *f, const struct record_scan *r,
	      const struct record_clock *clock, char *buf)
{
	struct record_value v;
	char *p = buf;
	char before = '{';

	for (size_t i = 0; i < f->count; i++) {
		f->field[i]->get(r, clock, &v);
		if (v.type == RECORD_ABSENT)
			continue;
		*p++ = before;
		before = ',';
		*p++ = '"';
		p = put_bytes(p, f->field[i]->name, f->field[i]->name_len);
		*p++ = '"';
		*p++ = ':';
		p = put_json_value(p, &v);
	}
	if (before == '{')
		*p++ = '{';
	*p++ = '}';
	*p++ = '\n';
	return (size_t)(p - buf);
}

static char *
put_csv_value(char *p, const struct record_value *v)
{
	if (v->type == RECORD_ABSENT)
		return p;
	if (v->type == RECORD_STRING)
		return put_bytes(p, v->text, v->text_len);
	return put_number(p, v->number);
}

size_t
record_csv(const struct record_fields *f, const struct record_scan *r,
	   const struct record_clock *clock, char *buf)
{
	struct record_value v;
	char *p = buf;

	for (size_t i = 0; i < f->count; i++) {
		if (i > 0)
			*p++ = ',';
		f->field[i]->get(r, clock, &v);
		p = put_csv_value(p, &v);
	}
	*p++ = '\n';
	return (size_t)(p - buf);
}

size_t
record_csv_header(const struct record_fields *f, char *buf)
{
	char *p = buf;

	for (size_t i = 0; i < f->count; i++) {
		if (i > 0)
			*p++ = ',';
		p = put_bytes(p, f->field[i]->name, f->field[i]->name_len);
	}
	*p++ = '\n';
	return (size_t)(p - buf);
}
