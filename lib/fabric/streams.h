/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams: the connections of a worker to resolvers, for answers that no datagram holds.
 *
 * They are named by the handles that lib/dns gives them, live from streams_open() to streams_close() or
 * their end, and are reset when they are done with: resolvers know how to lose a client.
 *
 * The inside of the lookups. One thread.
 */
#ifndef FABRIC_STREAMS_H
#define FABRIC_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/dns.h"
#include "fabric/lookups.h"
#include "tcp/tcp.h"

struct streams;

/* At once; what more answers there are wait. */
#define STREAMS_MAX 256

/* Ethernet's. */
#define STREAMS_MTU 1500
#define STREAMS_FRAME_MAX (STREAMS_MTU + sizeof(((struct wire_link *)NULL)->header))

/* What of the config is said of frames holds for streams; links are borrowed. NULL without memory. */
struct streams *streams_new(const struct lookups_config *config, const struct wire_link *links,
			    uint64_t now_ns);
void streams_free(struct streams *s);

/* Whose connections they are. Before the first. */
void streams_serve(struct streams *s, struct dns *dns);

/* A number for a tuple. */
uint64_t streams_random(struct streams *s);

/* 0 or a negative errno. */
int streams_open(struct streams *s, uint32_t handle, const struct flow_tuple *tuple, uint8_t link,
		 uint64_t now_ns);
void streams_close(struct streams *s, uint32_t handle);

/* A packet from its IPv4 header on, TCP or an ICMP error; whether it is of a stream. */
bool streams_packet(struct streams *s, const uint8_t *packet, size_t len, uint64_t now_ns);

/* Timers; how many were due, and when the next will be. */
unsigned int streams_poll(struct streams *s, uint64_t now_ns);
uint64_t streams_next_ns(const struct streams *s, uint64_t now_ns);

/* The next frame: false, there is none. */
bool streams_output(struct streams *s, uint64_t now_ns, uint8_t frame[STREAMS_FRAME_MAX],
		    struct tcp_frame *out);

#endif /* FABRIC_STREAMS_H */
