/* SPDX-License-Identifier: BSD-3-Clause */
#include "names/hostname.h"

#include <stdbool.h>
#include <string.h>

#define LABEL_MAX 63

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *
label_fault(const char *label, size_t len)
{
	if (len == 0)
		return "has an empty label; write one dot between labels";
	if (len > LABEL_MAX)
		return "has a label longer than 63 bytes";
	if (label[0] == '-' || label[len - 1] == '-')
		return "has a label that begins or ends with '-'";
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)label[i] >= 0x80)
			return "is no host name; write an IDN as its A-label (xn--...)";
		if (!is_letter(label[i]) && !is_digit(label[i]) && label[i] != '-' && label[i] != '_')
			return "is no host name; write letters, digits, '-', '_' and dots";
	}
	return NULL;
}

static bool
is_number(const char *label, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(label[i]))
			return false;
	return true;
}

const char *
hostname_fault(const char *text, size_t len)
{
	const char *fault = NULL, *label = text, *end;

	if (len > 1 && text[len - 1] == '.')
		len--;
	if (len == 0)
		return "is empty";
	if (len > HOSTNAME_MAX)
		return "is longer than a host name's 253 bytes";
	for (end = text + len; fault == NULL; label++) {
		const char *dot = memchr(label, '.', (size_t)(end - label));
		size_t label_len = (size_t)((dot != NULL ? dot : end) - label);

		fault = label_fault(label, label_len);
		if (fault == NULL && dot == NULL)
			/* RFC 1123: what ends in a number is an address, or a mistake. */
			return is_number(label, label_len) ? "ends in a number, as no host name does"
							   : NULL;
		label += label_len;
	}
	return fault;
}
