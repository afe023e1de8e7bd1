/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows: who speaks to whom, how a packet says so, and a table from that to whoever serves it.
 *
 * The ground that userspace TCP (tcp/tcp.h) and UDP (udp/udp.h) share: a tuple read from a packet, or
 * from the packet that an ICMP error quotes, and a bounded table to find its owner by.
 *
 * Addresses and ports are in host order; `local` is ours whatever the packet's direction.
 *
 * Pure. A struct flow_table belongs to one thread; the readers have no state.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

struct flow_tuple {
	uint32_t local;
	uint32_t remote;
	uint16_t local_port;
	uint16_t remote_port;
};

_Static_assert(sizeof(struct flow_tuple) == 12, "no padding");

/* A packet that came in: its transport header and data lie in the packet. */
struct flow_packet {
	struct flow_tuple tuple;
	const uint8_t *transport;
	uint16_t len; /* of the transport header and its data */
	uint8_t ttl;
};

/*
 * Read an IPv4 packet of `protocol`, TCP or UDP, of which len bytes are there; bytes behind its total
 * length are Ethernet padding. 0; -EINVAL when it is of another protocol, a fragment, contradicts
 * itself or is too short for the first eight bytes of a transport header. Checksums are the
 * receiver's to have verified (classify/classify.h does).
 */
int flow_packet_read(const uint8_t *packet, size_t len, uint8_t protocol, struct flow_packet *out);

/* What of an IPv4 header is the sender's to choose. */
struct flow_header {
	uint16_t payload_len;
	uint16_t id;
	uint8_t protocol;
	uint8_t ttl;
	bool may_fragment; /* without DF */
};

/*
 * Begin a frame to tuple's remote: the link's header, an IPv4 header with its checksum, and the
 * ports. Returns the IPv4 header, in frame; the transport header stands right behind it.
 */
struct wire_ipv4 *flow_frame_begin(const struct wire_link *link, const struct flow_tuple *tuple,
				   const struct flow_header *header, uint8_t *frame);

/* An ICMP error, and what it quotes of a packet that we sent. */
struct flow_quote {
	struct flow_tuple tuple;
	uint32_t seq;    /* the four bytes behind the ports: TCP's sequence number */
	uint32_t sender; /* of the error */
	uint16_t mtu;    /* of the next hop, where code 4 of an unreachable says it (RFC 1191); else 0 */
	uint8_t type;
	uint8_t code;
};

/*
 * Read an IPv4 packet that is an ICMP error about a packet of `protocol`. 0; -EINVAL when it is none,
 * or quotes less than eight bytes behind the IPv4 header, or a fragment other than the first.
 */
int flow_quote_read(const uint8_t *packet, size_t len, uint8_t protocol, struct flow_quote *out);

/*
 * The table: open addressing with linear probing over at least 3/2 as many slots as it may have
 * flows; what is removed leaves no tombstone, the run behind it shifts back (Knuth, TAOCP 3, 6.4,
 * algorithm R), so its speed does not depend on its history. The hash is keyed, against chosen tuples.
 *
 * It holds numbers, not tuples: owners stand in an array of the user's, whose element number n
 * begins with its struct flow_tuple. Numbers start from 1, since 0 stands for none.
 */
struct flow_slot {
	uint32_t hash;
	uint32_t owner;
};

struct flow_table {
	struct flow_slot *slots;
	const uint8_t *owners;
	size_t stride;
	uint32_t mask;
	uint32_t count;
	uint32_t capacity;
	uint64_t key[2];
};

/* Bytes of the slots of a table for `capacity` flows. */
size_t flow_table_bytes(uint32_t capacity);

/* owners is borrowed, its elements of `stride` bytes. capacity: 1 to 2^30. 0, -EINVAL, -ENOMEM. */
int flow_table_init(struct flow_table *t, uint32_t capacity, const void *owners, size_t stride,
		    const uint64_t key[2]);
void flow_table_fini(struct flow_table *t);

/* The owner of a tuple; 0: there is none. */
uint32_t flow_table_find(const struct flow_table *t, const struct flow_tuple *tuple);

/*
 * Of a burst: flow_table_ahead() of each tuple has its slot fetched and gives its hash, by which
 * flow_table_likely() then tells who flow_table_find() will compare with first; 0: nobody.
 */
uint32_t flow_table_ahead(const struct flow_table *t, const struct flow_tuple *tuple);
uint32_t flow_table_likely(const struct flow_table *t, uint32_t hash);

/* Add an owner, whose tuple is set. 0; -EEXIST when its tuple has one; -ENOSPC when the table is full. */
int flow_table_add(struct flow_table *t, uint32_t owner);

/* Take out one that was added, before its tuple changes. */
void flow_table_remove(struct flow_table *t, uint32_t owner);

#endif /* FLOW_FLOW_H */
