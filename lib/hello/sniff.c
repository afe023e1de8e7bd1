/* SPDX-License-Identifier: BSD-3-Clause */
#include "hello/sniff.h"

#include "base/bytes.h"

/* A record's head, as far as it is there: type, version, length (RFC 8446, section 5.1). */
static enum sniff_verdict
judge(const uint8_t *first, unsigned int seen)
{
	if (seen >= 1 && (first[0] < 20 || first[0] > 24))
		return SNIFF_OTHER;
	if ((seen >= 2 && first[1] != 3) || (seen >= 3 && first[2] > 4))
		return SNIFF_OTHER;
	if (seen < 5)
		return SNIFF_UNSURE;
	/* Longer than any record: "\x16\x03\x01" and then text. */
	return load_be16(first + 3) > 16384 + 2048 ? SNIFF_OTHER : SNIFF_TLS;
}

static void
keep(struct sniff *s, struct span bytes, struct grab *grab)
{
	size_t room = SNIFF_KEPT_MAX - s->kept;
	size_t len = bytes.len < room ? bytes.len : room;

	grab_append(grab, span_of(bytes.at, len));
	s->kept += (uint16_t)len;
}

enum sniff_verdict
sniff_input(struct sniff *s, struct span bytes, struct grab *grab, uint64_t now_ns)
{
	while (s->verdict == SNIFF_UNSURE && bytes.len > 0) {
		span_u8(&bytes, &s->first[s->seen++]);
		s->verdict = (uint8_t)judge(s->first, s->seen);
		if (s->verdict == SNIFF_OTHER) {
			grab_open(grab, GRAB_CHUNK_RAW, now_ns);
			keep(s, span_of(s->first, s->seen), grab);
		}
	}
	if (s->verdict == SNIFF_OTHER) {
		keep(s, bytes, grab);
		if (s->kept >= SNIFF_ENOUGH_BYTES)
			s->verdict = SNIFF_ENOUGH;
	}
	return (enum sniff_verdict)s->verdict;
}
