/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP endpoints for a worker lcore (RFC 768): datagrams in, datagrams out, no kernel socket.
 *
 * An endpoint is one tuple: it hears only from the address and port that it sends to, at the address
 * and port that it sends from. What is to leave waits in one bounded queue until the caller has room
 * for a frame; an endpoint may be closed meanwhile, its datagrams leave all the same. An endpoint
 * costs UDP_ENDPOINT_BYTES and a slot or two of the flow table (flow/flow.h), so that one may be
 * opened for each query, from a port of its own.
 *
 * Pure: no clock, no system call; memory is taken at the start. A struct udp belongs to one thread.
 * Events may call anything here but udp_input(), udp_icmp() and udp_free().
 */
#ifndef UDP_UDP_H
#define UDP_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "flow/flow.h"
#include "wire/wire.h"

struct udp;

#define UDP_ENDPOINT_BYTES 32

/* The most data that a datagram of ours holds: of an Ethernet frame. */
#define UDP_DATA_MAX 1472

struct udp_events {
	/* A datagram for an endpoint, valid during the call. */
	void (*data)(void *context, uint32_t endpoint, uint64_t user, const uint8_t *bytes, size_t len);
	/* An ICMP error quotes a datagram of its tuple. Proves little: anyone can guess a tuple. */
	void (*icmp)(void *context, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code);
	/* A datagram for that user is likely to come next: what it needs may be fetched ahead. Told of each
	 * of a burst in UDP_AHEAD_ROUNDS rounds: in one what was fetched in that before is there. Or NULL. */
	void (*ahead)(void *context, uint64_t user, unsigned int round);
};

#define UDP_AHEAD_ROUNDS 3

struct udp_config {
	uint32_t endpoints;  /* 1 to 2^24 */
	uint32_t queue;      /* datagrams that wait to leave at most; 1 to 2^20 */
	uint16_t data_max;   /* of a datagram that is sent; 1 to UDP_DATA_MAX */
	uint8_t ttl;
	uint8_t links;
	const struct wire_link *link; /* by an endpoint's interface; borrowed */
	uint64_t key[2];     /* secret and random: of the table's hash */
	struct udp_events events;
	void *context;
};

/* Bytes that udp_new() would take; touched only as far as they are used. */
size_t udp_memory_bytes(const struct udp_config *config);

/* NULL without memory, or for a config outside the bounds above. */
struct udp *udp_new(const struct udp_config *config);
void udp_free(struct udp *u);

/* An endpoint, from 1 on, in *endpoint. 0; -EEXIST: the tuple has one; -ENOBUFS: no more of them. */
int udp_open(struct udp *u, const struct flow_tuple *tuple, uint8_t link, uint64_t user,
	     uint32_t *endpoint);
void udp_close(struct udp *u, uint32_t endpoint);

/* udp_open() of a tuple is likely to come soon: fetch what it will look at. */
void udp_open_ahead(const struct udp *u, const struct flow_tuple *tuple);

/* Queue a copy of a datagram. 0; -EMSGSIZE: longer than data_max; -EAGAIN: the queue is full. */
int udp_send(struct udp *u, uint32_t endpoint, const void *bytes, size_t len);

/*
 * A packet from its IPv4 header on. IPv4's checksum was verified by whoever received it, UDP's is
 * verified here; without one (RFC 768: zero) a datagram is taken. 0; -ENOENT: for no endpoint here;
 * -EBADMSG: the checksum is wrong; -EINVAL: no whole UDP datagram.
 */
int udp_input(struct udp *u, const uint8_t *packet, size_t len);

/*
 * A burst of packets is about to be given to udp_input(), one by one: fetch what it will look at, of all
 * of them together. Changes nothing, and any packets will do.
 */
void udp_ahead(const struct udp *u, const struct span *packets, size_t count);

/* An ICMP error. 0, -ENOENT, -EINVAL. */
int udp_icmp(struct udp *u, const uint8_t *packet, size_t len);

struct udp_frame {
	uint32_t remote;
	uint16_t len;
	uint8_t link;
};

/* Room that a frame needs at most. */
#define UDP_FRAME_MAX (sizeof(((struct wire_link *)0)->header) + 28 + UDP_DATA_MAX)

/* Build the frame of the datagram that has waited longest, without padding; false: none waits. */
bool udp_output(struct udp *u, uint8_t *frame, struct udp_frame *out);

/* Datagrams that can still be queued. */
uint32_t udp_room(const struct udp *u);

struct udp_stats {
	uint64_t opened;
	uint64_t closed;       /* opened = closed + open */
	uint64_t queued;
	uint64_t sent;         /* queued = sent + waiting */
	uint64_t refused;      /* by a full queue */
	uint64_t received;     /* given to events */
	uint64_t bad_checksum;
	uint64_t icmp;
};

const struct udp_stats *udp_stats(const struct udp *u);

#endif /* UDP_UDP_H */
