/* SPDX-License-Identifier: BSD-3-Clause */
#include "record/record.h"

#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/near.h"

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

/* Whether somebody may have meant the field: a slip, or more or less of the word. */
static bool
is_like(const char *word, const char *field, unsigned int distance)
{
	size_t len = strlen(word), least = len < strlen(field) ? len : strlen(field);

	return near_is_likely(word, distance) || (least > 1 && memcmp(word, field, least) == 0);
}

const char *
record_field_near(const char *name, size_t len)
{
	const char *nearest = NULL;
	unsigned int best = NEAR_WORD_MAX + 1;
	char word[NEAR_WORD_MAX + 2];

	/* One too long for near_distance() is like nothing, also when cut. */
	snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word)), name);
	for (size_t i = 0; i < record_field_count(); i++) {
		const struct record_field *f = record_field_at(i);
		unsigned int distance = near_distance(word, f->name);

		if (distance < best && is_like(word, f->name, distance)) {
			best = distance;
			nearest = f->name;
		}
	}
	return nearest;
}

void
record_field_advice(const char *name, size_t len, char buf[RECORD_ADVICE_SIZE])
{
	const char *near = record_field_near(name, len);
	size_t at;

	if (near != NULL) {
		snprintf(buf, RECORD_ADVICE_SIZE, "did you mean '%s'?", near);
		return;
	}
	at = (size_t)snprintf(buf, RECORD_ADVICE_SIZE, "the fields are");
	for (size_t i = 0; i < record_field_count() && at < RECORD_ADVICE_SIZE; i++)
		at += (size_t)snprintf(buf + at, RECORD_ADVICE_SIZE - at, "%s %s", i > 0 ? "," : "",
				       record_field_at(i)->name);
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
put_json_value(char *p, const struct record_value *v)
{
	if (v->type == RECORD_INT)
		return decimal_put(p, v->number);
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
	return decimal_put(p, v->number);
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
