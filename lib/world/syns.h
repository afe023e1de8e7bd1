/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SYNs of a burst, side by side: nearly all that a world hears of a scan.
 *
 * syns_read() picks the frames that are SYNs beyond doubt: untagged Ethernet, an IPv4 header without
 * options, no fragment, lengths that fit one another, both checksums good. Whatever else a frame is,
 * if only by a little, it is left to the intake, which judges it alone; so a fault here can cost
 * time, and never truth: tests hold the two against each other.
 *
 * For the files of lib/world alone. Pure; the same results from every instruction set.
 */
#ifndef WORLD_SYNS_H
#define WORLD_SYNS_H

#include "world/truth.h"

#define SYNS_MAX 64

struct syns {
	uint64_t plain; /* bit i: frame i is such a SYN, and what follows is true of it */
	uint32_t address[SYNS_MAX]; /* its target */
	uint16_t port[SYNS_MAX];
	uint64_t hash[SYNS_MAX];   /* world_hash() of the target */
	uint64_t digest[SYNS_MAX]; /* world_digest() of it */
	uint64_t ip_sum[SYNS_MAX]; /* scratch: native sums; 0 does not hold */
	uint64_t tcp_sum[SYNS_MAX];
};

/* Look at up to SYNS_MAX frames. */
void syns_read(const struct world *w, const struct world_frame *frames, unsigned int n,
	       struct syns *s);

#endif /* WORLD_SYNS_H */
