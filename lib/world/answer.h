/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frames that a world says: each built when it is due, from the head of the packet it answers.
 * What a host is like (its distance, TTL, window, sequence numbers) is drawn from hashes of it.
 */
#ifndef WORLD_ANSWER_H
#define WORLD_ANSWER_H

#include "wire/wire.h"
#include "world/events.h"
#include "world/truth.h"

enum world_answer_kind {
	ANSWER_ARP,
	ANSWER_ECHO,
	ANSWER_SYNACK,
	ANSWER_RESET,
	ANSWER_UNREACHABLE,
	ANSWER_SEGMENT, /* of a connection: see struct answer_segment */
	ANSWER_DATAGRAM, /* of DNS: as a segment, but its head's protocol is UDP and all behind the ports is 0 */
	EVENT_TIMER,    /* no answer: a connection's time has come */
};

/*
 * The head of an ANSWER_SEGMENT: headers in the client's direction, as if it answered them, so that
 * flow and identity are found as of any answer; but sequence and acknowledgement numbers, flags and
 * window as the host is to say them. The IP ID is the number of the packet in its connection.
 */
struct answer_segment {
	struct wire_ipv4 ip;
	struct wire_tcp tcp;
	uint8_t block[4]; /* index of the data's block, big-endian; 0: no data */
	uint8_t ts_value[4];
	uint8_t ts_echo[4];
	uint8_t has_ts;
};

_Static_assert(sizeof(struct answer_segment) <= EVENT_HEAD_MAX, "fits a head");

/* The flow of the packet that an event answers; 0 for ARP. */
uint64_t world_answer_flow(const struct world *w, const struct world_event *e);

/*
 * What a host needs to know of a SYN once it has answered it. It stands in the initial sequence
 * number of the SYN-ACK, as in SYN cookies (RFC 4987, 3.6; Linux keeps an index of the MSS there,
 * and the window scale in the timestamp), so that no host keeps a SYN, and whoever acknowledges the
 * number brings it back. From the top: 17 bits of a hash of (flow, SYN, what is below), 11 bits of
 * MSS, 4 bits of window scale.
 */
struct world_client {
	uint16_t mss;   /* WORLD_MSS_MIN to WORLD_MSS */
	uint8_t wscale; /* the shift, or WORLD_UNSCALED: it offered none */
};

#define WORLD_MSS_MIN 48
#define WORLD_MSS_UNSAID 536 /* RFC 9293, 3.7.1 */
#define WORLD_UNSCALED 15

/* Of the options of a SYN: its MSS brought into bounds. */
struct world_client world_client_of(const struct wire_tcp_options *offered);

/* The initial sequence number of the host's side of a flow. */
uint32_t world_answer_isn(uint64_t flow, uint32_t syn_seq, struct world_client client);

/* Whether a host would have answered the SYN by that number; if so, with the client that it says.
 * One invented number in 131,072 passes. */
bool world_answer_isn_read(uint64_t flow, uint32_t syn_seq, uint32_t isn,
			   struct world_client *client);

/* The window that a host has by its kind, without scaling, and the shift of scaled ones. */
uint16_t world_answer_window(const struct world *w, uint32_t host);
#define WORLD_WSCALE 7
#define WORLD_MSS 1460

/* Write the frame of any answer but a segment, padded to the least that Ethernet carries. Returns its
 * length; *packet is the number of bytes of its IPv4 packet, 0 for ARP, which ends before the
 * padding. */
unsigned int world_answer_build(const struct world *w, const struct world_event *e, uint64_t flow,
				uint8_t frame[WORLD_FRAME_MAX], uint16_t *packet);

/* Whether an answer's bytes stand in a block. */
static inline bool
answer_has_block(uint8_t kind)
{
	return kind == ANSWER_SEGMENT || kind == ANSWER_DATAGRAM;
}

/* The same for one that has a block, with its data. */
unsigned int world_segment_build(const struct world *w, const struct world_event *e, uint64_t flow,
				 const uint8_t *data, size_t len, uint8_t frame[WORLD_FRAME_MAX],
				 uint16_t *packet);

#endif /* WORLD_ANSWER_H */
