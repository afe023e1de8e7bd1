/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON: writing it into a buffer of a fixed size.
 *
 * A struct json appends to a buffer that its owner gave it. Values go under a key inside an object
 * (key is a plain word, written as it is), under NULL inside an array or at the top. When the buffer
 * is full nothing more is written and json_finish() says so; there is no need to look at it earlier.
 *
 * Text is UTF-8. A byte that is no part of a valid sequence (RFC 3629) is written as \u00XX of its
 * value, so the output is valid JSON and valid UTF-8 whatever the input. Control characters and DEL
 * are escaped.
 *
 * Pure; a struct json belongs to one thread.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct json {
	char *buf;
	size_t size;
	size_t len;
	bool overflow;
	bool comma; /* one is due before the next value */
};

void json_begin(struct json *j, char *buf, size_t size);

void json_open_object(struct json *j, const char *key);
void json_close_object(struct json *j);
void json_open_array(struct json *j, const char *key);
void json_close_array(struct json *j);

void json_number(struct json *j, const char *key, uint64_t value);
void json_signed(struct json *j, const char *key, int64_t value);
void json_seconds(struct json *j, const char *key, uint64_t us); /* 1500000: 1.500000 */
void json_time(struct json *j, const char *key, int64_t seconds); /* since 1970, UTC: RFC 3339, as "2026-11-22T13:02:11Z"; of the years 0 to 9999 */
void json_bool(struct json *j, const char *key, bool value);

/* A terminated text. */
void json_string(struct json *j, const char *key, const char *text);

void json_text(struct json *j, const char *key, struct span text);
void json_hex(struct json *j, const char *key, struct span bytes);    /* lower case */
void json_base64(struct json *j, const char *key, struct span bytes); /* RFC 4648, padded */

/* printf into a string value of at most 255 bytes. */
void json_format(struct json *j, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * A string value in pieces: open, any number of pieces (escaped as text is), close. A sequence of
 * UTF-8 must not be split between pieces.
 */
void json_open_string(struct json *j, const char *key);
void json_piece(struct json *j, struct span text);
void json_close_string(struct json *j);

/* A line feed, which ends a record. The length, or 0 when something did not fit. */
size_t json_finish(struct json *j);

/* Whether every byte is part of a valid UTF-8 sequence. */
bool json_is_utf8(struct span text);

#endif /* JSON_JSON_H */
