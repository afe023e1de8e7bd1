/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Draws: whatever happens by chance in a world is a hash of (seed, flow, packet, what is drawn).
 * So it depends neither on the order in which threads bring their frames nor on what else is sent.
 *
 * A packet is told from others of its flow and direction by an identity of up to 56 bits. On the
 * way out that is flags, IP ID and sequence number, since scanners send a SYN again with another
 * IP ID; on the way back it is the kind of answer, its repeat and copy, and the IP ID of what it
 * answers.
 */
#ifndef WORLD_FAULTS_H
#define WORLD_FAULTS_H

#include "base/hash.h"

enum world_draw {
	DRAW_LOSS_OUT = 1,
	DRAW_LOSS_BACK,
	DRAW_DUPLICATE,
	DRAW_DUPLICATE_DELAY,
	DRAW_REORDER,
	DRAW_REORDER_DELAY,
	DRAW_CORRUPT,
	DRAW_CORRUPT_PLACE,
	DRAW_LATENCY,
	DRAW_ISN,
	DRAW_TIMESTAMP,
	DRAW_IP_ID,
	DRAW_HOPS,
	DRAW_SYSTEM,
	DRAW_UNREACHABLE_CODE,
	DRAW_QUOTE,
};

/* A flow as the scanner sends it. For ICMP echo, id and sequence stand for the ports. */
static inline uint64_t
world_flow_hash(uint64_t seed, uint32_t src, uint32_t dst, uint16_t src_port, uint16_t dst_port)
{
	uint64_t addresses = hash_mix64(seed ^ ((uint64_t)src << 32 | dst));

	return hash_mix64(addresses ^ ((uint64_t)src_port << 16 | dst_port));
}

/* A draw of one packet of a flow, or of the flow where packet is 0. Below 2^64 - 1, for bounds. */
static inline uint64_t
world_draw(uint64_t flow, enum world_draw what, uint64_t packet)
{
	uint64_t h = hash_mix64(flow ^ ((uint64_t)what << 56 | packet));

	return h - (h == UINT64_MAX);
}

/* A draw made uniform in [0, n). */
static inline uint64_t
world_scale(uint64_t draw, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)draw * n) >> 64);
}

#endif /* WORLD_FAULTS_H */
