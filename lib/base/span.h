/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Spans: bounded reading of foreign bytes.
 *
 * A span is a place in somebody else's memory and what is left there to read. Every span_ function
 * takes from its front and moves it on, or returns false and leaves the span as it was: what is not
 * there is never read. Numbers are big-endian, as on the wire. span_vec8() and its kin take a length
 * and that many bytes (the vectors of RFC 8446, section 3.4).
 *
 * Any thread may call anything here; nothing has state.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t *at;
	size_t len;
};

static inline struct span
span_of(const void *at, size_t len)
{
	return (struct span){.at = at, .len = len};
}

static inline bool
span_take(struct span *s, size_t len, struct span *out)
{
	if (len > s->len)
		return false;
	*out = span_of(s->at, len);
	if (len > 0)
		s->at += len;
	s->len -= len;
	return true;
}

/* A number of n bytes, n up to 4. */
static inline bool
span_number(struct span *s, unsigned int n, uint32_t *out)
{
	struct span bytes;
	uint32_t value = 0;

	if (!span_take(s, n, &bytes))
		return false;
	for (unsigned int i = 0; i < n; i++)
		value = value << 8 | bytes.at[i];
	*out = value;
	return true;
}

static inline bool
span_u8(struct span *s, uint8_t *out)
{
	uint32_t value;

	if (!span_number(s, 1, &value))
		return false;
	*out = (uint8_t)value;
	return true;
}

static inline bool
span_u16(struct span *s, uint16_t *out)
{
	uint32_t value;

	if (!span_number(s, 2, &value))
		return false;
	*out = (uint16_t)value;
	return true;
}

/* A vector with a length of n bytes before it. */
static inline bool
span_vec(struct span *s, unsigned int n, struct span *out)
{
	struct span rest = *s;
	uint32_t len;

	if (!span_number(&rest, n, &len) || !span_take(&rest, len, out))
		return false;
	*s = rest;
	return true;
}

static inline bool
span_vec8(struct span *s, struct span *out)
{
	return span_vec(s, 1, out);
}

static inline bool
span_vec16(struct span *s, struct span *out)
{
	return span_vec(s, 2, out);
}

static inline bool
span_vec24(struct span *s, struct span *out)
{
	return span_vec(s, 3, out);
}

#endif /* BASE_SPAN_H */
