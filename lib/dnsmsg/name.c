/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of DNS, in wire form and in text. */
#include <string.h>

#include "dnsmsg/dnsmsg.h"

/* The two top bits of a length say what it is (RFC 1035, 4.1.4). */
#define POINTER 0xc0

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A byte of a label from *text on, escaped or not: how many characters it took, 0 for a broken escape. */
static size_t
read_byte(const char *text, size_t len, uint8_t *byte)
{
	unsigned int value;

	*byte = (uint8_t)text[0];
	if (text[0] != '\\')
		return 1;
	if (len < 2)
		return 0;
	if (!is_digit(text[1])) {
		*byte = (uint8_t)text[1];
		return 2;
	}
	if (len < 4 || !is_digit(text[2]) || !is_digit(text[3]))
		return 0;
	value = (unsigned int)(text[1] - '0') * 100 + (unsigned int)(text[2] - '0') * 10 +
		(unsigned int)(text[3] - '0');
	*byte = (uint8_t)value;
	return value <= UINT8_MAX ? 4 : 0;
}

/* A label from *text up to its dot or the end: its bytes behind wire's first, that says how many. */
static size_t
read_label(const char **text, const char *end, uint8_t *wire, size_t room)
{
	size_t n = 0;

	while (*text < end && **text != '.') {
		uint8_t byte;
		size_t used = read_byte(*text, (size_t)(end - *text), &byte);

		if (used == 0 || n == DNS_LABEL_MAX || n + 1 >= room)
			return 0;
		wire[++n] = byte;
		*text += used;
	}
	wire[0] = (uint8_t)n;
	return n;
}

size_t
dns_name_from_text(const char *text, size_t len, uint8_t wire[DNS_NAME_MAX])
{
	const char *end = text + len;
	size_t at = 0;

	if (len == 1 && text[0] == '.') {
		wire[0] = 0;
		return 1;
	}
	while (text < end) {
		/* The root's byte needs room, too. */
		size_t n = read_label(&text, end, wire + at, DNS_NAME_MAX - 1 - at);

		if (n == 0)
			return 0;
		at += 1 + n;
		if (text < end)
			text++;
	}
	if (at == 0)
		return 0;
	wire[at] = 0;
	return at + 1;
}

static char *
write_byte(char *text, uint8_t byte)
{
	if (byte == '.' || byte == '\\') {
		*text++ = '\\';
		*text++ = (char)byte;
	} else if (byte > ' ' && byte < 0x7f) {
		*text++ = (char)byte;
	} else {
		*text++ = '\\';
		*text++ = (char)('0' + byte / 100);
		*text++ = (char)('0' + byte / 10 % 10);
		*text++ = (char)('0' + byte % 10);
	}
	return text;
}

size_t
dns_name_to_text(const uint8_t *wire, char text[DNS_TEXT_SIZE])
{
	char *to = text;

	if (wire[0] == 0)
		*to++ = '.';
	for (; wire[0] != 0; wire += 1 + wire[0]) {
		if (to != text)
			*to++ = '.';
		for (unsigned int i = 1; i <= wire[0]; i++)
			to = write_byte(to, wire[i]);
	}
	*to = '\0';
	return (size_t)(to - text);
}

size_t
dns_name_size(const uint8_t *wire)
{
	size_t at = 0;

	while (wire[at] != 0)
		at += 1 + wire[at];
	return at + 1;
}

unsigned int
dns_name_labels(const uint8_t *wire)
{
	unsigned int n = 0;

	for (; wire[0] != 0; wire += 1 + wire[0])
		n++;
	return n;
}

/*
 * `before` is where the part that is being read began: a pointer leads to before it, so that parts
 * come nearer to the message's start each time.
 */
size_t
dns_name_read(struct span message, size_t *offset, uint8_t wire[DNS_NAME_MAX])
{
	size_t from = *offset, before = from, size = 0;
	bool jumped = false;

	for (;;) {
		unsigned int n;

		if (from >= message.len)
			return 0;
		n = message.at[from];
		if ((n & POINTER) == POINTER) {
			size_t to;

			if (from + 2 > message.len)
				return 0;
			to = load_be16(message.at + from) & 0x3fff;
			if (!jumped)
				*offset = from + 2;
			if (to >= before)
				return 0;
			jumped = true;
			from = before = to;
			continue;
		}
		if ((n & POINTER) != 0 || from + 1 + n > message.len || size + 1 + n > DNS_NAME_MAX)
			return 0;
		memcpy(wire + size, message.at + from, 1 + n);
		size += 1 + n;
		from += 1 + n;
		if (n == 0)
			break;
	}
	if (!jumped)
		*offset = from;
	return size;
}

/* Lengths are below 'A', so that a name may be taken as bytes. */
void
dns_name_fold(uint8_t *wire)
{
	size_t size = dns_name_size(wire);

	for (size_t i = 0; i < size; i++)
		wire[i] = lower(wire[i]);
}

bool
dns_name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t size = dns_name_size(a);

	if (size != dns_name_size(b))
		return false;
	for (size_t i = 0; i < size; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

const uint8_t *
dns_name_parent(const uint8_t *wire)
{
	return wire[0] == 0 ? wire : wire + 1 + wire[0];
}

bool
dns_name_is_within(const uint8_t *name, const uint8_t *zone)
{
	unsigned int labels = dns_name_labels(name), above = dns_name_labels(zone);

	for (; labels > above; labels--)
		name = dns_name_parent(name);
	return labels == above && dns_name_equal(name, zone);
}

size_t
dns_name_reverse(uint32_t address, uint8_t wire[DNS_NAME_MAX])
{
	static const uint8_t arpa[] = "\7in-addr\4arpa";
	uint8_t *to = wire;

	for (unsigned int i = 0; i < 4; i++, address >>= 8) {
		unsigned int byte = address & 0xff;
		uint8_t *length = to++;

		if (byte >= 100)
			*to++ = (uint8_t)('0' + byte / 100);
		if (byte >= 10)
			*to++ = (uint8_t)('0' + byte / 10 % 10);
		*to++ = (uint8_t)('0' + byte % 10);
		*length = (uint8_t)(to - length - 1);
	}
	memcpy(to, arpa, sizeof(arpa));
	return (size_t)(to - wire) + sizeof(arpa);
}

size_t
dns_name_reverse6(const uint8_t address[16], uint8_t wire[DNS_NAME_MAX])
{
	static const char digits[] = "0123456789abcdef";
	static const uint8_t arpa[] = "\3ip6\4arpa";
	uint8_t *to = wire;

	for (unsigned int i = 16; i-- > 0;) {
		*to++ = 1;
		*to++ = (uint8_t)digits[address[i] & 0xf];
		*to++ = 1;
		*to++ = (uint8_t)digits[address[i] >> 4];
	}
	memcpy(to, arpa, sizeof(arpa));
	return (size_t)(to - wire) + sizeof(arpa);
}
