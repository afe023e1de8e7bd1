/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is it TLS at all? Looks at the first five bytes of a stream; where they are no record's head, the
 * first bytes are kept as data: an SSH or HTTP server says more by them than any error does.
 *
 * Pure; a struct sniff belongs to one thread.
 */
#ifndef HELLO_SNIFF_H
#define HELLO_SNIFF_H

#include <stdint.h>

#include "base/span.h"
#include "grab/grab.h"

enum sniff_verdict {
	SNIFF_UNSURE, /* up to now it may be */
	SNIFF_TLS,
	SNIFF_OTHER,  /* it is not; bytes are kept */
	SNIFF_ENOUGH, /* it is not, and enough was kept */
};

/* Kept of what is no TLS: all of the segment that brings them to SNIFF_ENOUGH_BYTES. */
#define SNIFF_ENOUGH_BYTES 16
#define SNIFF_KEPT_MAX 1024

struct sniff {
	uint8_t first[5];
	uint8_t seen;
	uint8_t verdict; /* enum sniff_verdict */
	uint16_t kept;
};

/* Zero is how it begins. Look at bytes, the next of the stream; kept ones go into the grab. */
enum sniff_verdict sniff_input(struct sniff *s, struct span bytes, struct grab *grab,
			       uint64_t now_ns);

#endif /* HELLO_SNIFF_H */
