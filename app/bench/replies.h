/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replies to feed a receiver with: what a busy scan brings back, in a mixture that is always the
 * same, and an exact account of what a receiver must make of it.
 *
 *   in 100  50 SYN-ACKs with the options of Windows and Linux, 30 RSTs, 10 ICMP errors that quote
 *           8 or 28 bytes of the SYN, 2 SYN-ACKs said again, 3 forged SYN-ACKs, 1 of a wrong
 *           checksum, 2 TCP segments of no connection, 1 UDP packet, 1 IPv6 packet
 *
 * Every reply is of another target, in the order of the scan, but for what is said again.
 */
#ifndef BENCH_REPLIES_H
#define BENCH_REPLIES_H

#include "classify/classify.h"
#include "subject.h"

#define REPLIES_FRAME_MAX 92

struct replies_frame {
	uint16_t len;
	uint8_t kind; /* enum classify_kind it must be found to be */
	uint8_t data[REPLIES_FRAME_MAX + 1];
};

_Static_assert(sizeof(struct replies_frame) == 96, "no padding");

struct replies {
	struct replies_frame *frame;
	uint64_t count;
	uint64_t kinds[CLASSIFY_KINDS];
	uint64_t said_again;
};

/* Make count of them. 0 or -ENOMEM. */
int replies_make(struct replies *r, const struct subject *s, uint64_t count);
void replies_free(struct replies *r);

/* How many are replies that validate. */
uint64_t replies_valid(const struct replies *r);

#endif /* BENCH_REPLIES_H */
