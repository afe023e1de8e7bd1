/* SPDX-License-Identifier: BSD-3-Clause */
#include "json/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"

static const char hex_digits[] = "0123456789abcdef";

void
json_begin(struct json *j, char *buf, size_t size)
{
	*j = (struct json){.buf = buf, .size = size};
}

/* Room for len bytes, or NULL. Once something was left out everything is. */
static char *
room(struct json *j, size_t len)
{
	char *at = j->buf + j->len;

	if (j->overflow || len > j->size - j->len) {
		j->overflow = true;
		return NULL;
	}
	j->len += len;
	return at;
}

static void
put(struct json *j, const void *bytes, size_t len)
{
	char *at = room(j, len);

	if (at != NULL)
		memcpy(at, bytes, len);
}

static void
put_char(struct json *j, char c)
{
	put(j, &c, 1);
}

/* Whatever is due before a value, and room for so many bytes of it; NULL: there is none. */
static char *
put_key(struct json *j, const char *key, size_t value_len)
{
	size_t comma = j->comma, len = key != NULL ? strlen(key) : 0, marks = key != NULL ? 3 : 0;
	char *at = room(j, comma + len + marks + value_len);

	j->comma = true;
	if (at == NULL)
		return NULL;
	if (comma)
		*at++ = ',';
	if (key == NULL)
		return at;
	*at++ = '"';
	memcpy(at, key, len);
	at += len;
	*at++ = '"';
	*at++ = ':';
	return at;
}

/* The same, and the value's first byte. */
static void
put_first(struct json *j, const char *key, char first)
{
	char *at = put_key(j, key, 1);

	if (at != NULL)
		*at = first;
}

static void
open_group(struct json *j, const char *key, char bracket)
{
	put_first(j, key, bracket);
	j->comma = false;
}

static void
close_group(struct json *j, char bracket)
{
	put_char(j, bracket);
	j->comma = true;
}

void
json_open_object(struct json *j, const char *key)
{
	open_group(j, key, '{');
}

void
json_close_object(struct json *j)
{
	close_group(j, '}');
}

void
json_open_array(struct json *j, const char *key)
{
	open_group(j, key, '[');
}

void
json_close_array(struct json *j)
{
	close_group(j, ']');
}

static void
put_number(struct json *j, uint64_t value)
{
	char digits[DECIMAL_MAX];

	put(j, digits, (size_t)(decimal_put(digits, value) - digits));
}

void
json_number(struct json *j, const char *key, uint64_t value)
{
	put_key(j, key, 0);
	put_number(j, value);
}

void
json_seconds(struct json *j, const char *key, uint64_t us)
{
	char *at;

	put_key(j, key, 0);
	put_number(j, us / 1000000);
	at = room(j, 7);
	if (at == NULL)
		return;
	*at++ = '.';
	decimal_put_padded(at, 6, us % 1000000);
}

void
json_signed(struct json *j, const char *key, int64_t value)
{
	if (value < 0)
		put_first(j, key, '-');
	else
		put_key(j, key, 0);
	put_number(j, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

/* RFC 3339 has years of four digits: what is beyond them is told as the last or first second there is. */
void
json_time(struct json *j, const char *key, int64_t seconds)
{
	static const int64_t first = -62167219200, last = 253402300799;
	int64_t at = seconds < first ? first : seconds > last ? last : seconds;
	char text[DECIMAL_TIME + 1], *end = decimal_put_time(text, at);

	*end++ = 'Z';
	json_text(j, key, span_of(text, (size_t)(end - text)));
}

void
json_bool(struct json *j, const char *key, bool value)
{
	size_t len = value ? 4 : 5;
	char *at = put_key(j, key, len);

	if (at != NULL)
		memcpy(at, value ? "true" : "false", len);
}

/* The length of the valid sequence at the front of text, 0 if there is none. RFC 3629, section 4. */
static size_t
sequence_length(struct span text)
{
	const uint8_t *p = text.at;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > text.len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

bool
json_is_utf8(struct span text)
{
	while (text.len > 0) {
		size_t len = sequence_length(text);

		if (len == 0)
			return false;
		text = span_of(text.at + len, text.len - len);
	}
	return true;
}

static void
put_escaped(struct json *j, uint8_t byte)
{
	static const char letters[] = {'b', 't', 'n', '\0', 'f', 'r'}; /* of 8 to 13 */
	char *at;

	if (byte == '"' || byte == '\\') {
		put_char(j, '\\');
		put_char(j, (char)byte);
	} else if (byte >= 8 && byte <= 13 && letters[byte - 8] != '\0') {
		put_char(j, '\\');
		put_char(j, letters[byte - 8]);
	} else {
		at = room(j, 6);
		if (at == NULL)
			return;
		memcpy(at, "\\u00", 4);
		at[4] = hex_digits[byte >> 4];
		at[5] = hex_digits[byte & 15];
	}
}

static bool
is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether some byte is zero ("Hacker's Delight", 6-1): one that is above 0x80 may say so falsely. */
static uint64_t
zero_in(uint64_t word)
{
	return (word - EACH(1)) & ~word & EACH(0x80);
}

/* Of eight bytes, whether all are plain. False of some that are, never true of some that are not. */
static bool
are_plain(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return ((word | (word - EACH(0x20)) | (word + EACH(1))) & EACH(0x80)) == 0 &&
	       (zero_in(word ^ EACH('"')) | zero_in(word ^ EACH('\\'))) == 0;
}

/* Bytes at the front that are written as they are. */
static size_t
plain_length(struct span text)
{
	size_t len = 0;

	while (text.len - len >= 8 && are_plain(text.at + len))
		len += 8;
	while (len < text.len && is_plain(text.at[len]))
		len++;
	return len;
}

void
json_piece(struct json *j, struct span text)
{
	while (text.len > 0 && !j->overflow) {
		size_t len = plain_length(text);

		if (len == 0 && text.at[0] >= 0x80)
			len = sequence_length(text);
		if (len > 0) {
			put(j, text.at, len);
		} else {
			put_escaped(j, text.at[0]);
			len = 1;
		}
		text = span_of(text.at + len, text.len - len);
	}
}

void
json_open_string(struct json *j, const char *key)
{
	put_first(j, key, '"');
}

void
json_close_string(struct json *j)
{
	put_char(j, '"');
}

void
json_text(struct json *j, const char *key, struct span text)
{
	char *at;

	if (plain_length(text) < text.len) {
		json_open_string(j, key);
		json_piece(j, text);
		json_close_string(j);
		return;
	}
	at = put_key(j, key, text.len + 2);
	if (at == NULL)
		return;
	*at++ = '"';
	if (text.len > 0)
		memcpy(at, text.at, text.len);
	at[text.len] = '"';
}

void
json_string(struct json *j, const char *key, const char *text)
{
	json_text(j, key, span_of(text, strlen(text)));
}

void
json_format(struct json *j, const char *key, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_string(j, key, text);
}

void
json_hex(struct json *j, const char *key, struct span bytes)
{
	char *at;

	json_open_string(j, key);
	at = room(j, 2 * bytes.len);
	for (size_t i = 0; at != NULL && i < bytes.len; i++) {
		*at++ = hex_digits[bytes.at[i] >> 4];
		*at++ = hex_digits[bytes.at[i] & 15];
	}
	json_close_string(j);
}

void
json_base64(struct json *j, const char *key, struct span bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at;

	json_open_string(j, key);
	at = room(j, (bytes.len + 2) / 3 * 4);
	for (size_t i = 0; at != NULL && i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t group = (uint32_t)bytes.at[i] << 16;

		if (left > 1)
			group |= (uint32_t)bytes.at[i + 1] << 8;
		if (left > 2)
			group |= bytes.at[i + 2];
		*at++ = digits[group >> 18];
		*at++ = digits[group >> 12 & 63];
		*at++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*at++ = left > 2 ? digits[group & 63] : '=';
	}
	json_close_string(j);
}

size_t
json_finish(struct json *j)
{
	put_char(j, '\n');
	j->comma = false;
	return j->overflow ? 0 : j->len;
}
