/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frames that a world says: each built when it is due, from the head of the packet it answers.
 * What a host is like (its distance, TTL, window, sequence numbers) is drawn from hashes of it.
 */
#ifndef WORLD_ANSWER_H
#define WORLD_ANSWER_H

#include "world/events.h"
#include "world/truth.h"

enum world_answer_kind {
	ANSWER_ARP,
	ANSWER_ECHO,
	ANSWER_SYNACK,
	ANSWER_RESET,
	ANSWER_UNREACHABLE,
};

/* The flow of the packet that an event answers; 0 for ARP. */
uint64_t world_answer_flow(const struct world *w, const struct world_event *e);

/* The initial sequence number of the host's side of a flow. */
uint32_t world_answer_isn(uint64_t flow);

/* Write the frame, padded to the least that Ethernet carries. Returns its length; *packet is the
 * number of bytes of its IPv4 packet, 0 for ARP, which ends before the padding. */
unsigned int world_answer_build(const struct world *w, const struct world_event *e, uint64_t flow,
				uint8_t frame[WORLD_FRAME_MAX], uint16_t *packet);

#endif /* WORLD_ANSWER_H */
