/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The neighbourhood of a port: who the gateway is, and answers to who we are.
 *
 * The kernel no longer speaks for addresses that bypass it, so asdic resolves its gateway by ARP
 * (RFC 826), actively and again until answered, and answers ARP requests and pings for every one of
 * its source addresses. Once it has answered it is asked again every few seconds, itself alone (RFC
 * 1122, 2.3.2.1), and where it does not answer, everybody: so a gateway that is gone is noticed.
 *
 * The first good answer stands: what comes later, gratuitous or in conflict with it, changes
 * nothing, so nobody on the segment can draw the scan to himself once it runs. (A VRRP gateway
 * keeps its MAC when it moves.) An answer with another MAC is none. neigh_init() forgets it.
 *
 * Frames made here are padded to WIRE_FRAME_MIN, and go back behind the VLAN tag, if any, of the
 * frame they answer. Whether they may leave is the gate's to say: an echo reply to an excluded
 * address must not.
 *
 * Pure: frames in, frames out, time as an argument. A struct neigh belongs to one thread, the
 * receiver that owns queue 0 of its port; only neigh_gateway_mac() and neigh_unanswered() may be called by
 * others.
 */
#ifndef NEIGH_NEIGH_H
#define NEIGH_NEIGH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

/* A request each 250 ms up to the fifth, then one a second. */
#define NEIGH_RETRY_FAST_NS (UINT64_C(250) * 1000 * 1000)
#define NEIGH_RETRY_SLOW_NS (UINT64_C(1000) * 1000 * 1000)

/* How long after an answer the next request goes out, and how soon after that another. */
#define NEIGH_CONFIRM_NS (UINT64_C(4000) * 1000 * 1000)
#define NEIGH_CONFIRM_RETRY_NS (UINT64_C(1000) * 1000 * 1000)

/* Room that any frame made here needs. */
#define NEIGH_FRAME_MAX 1514

struct neigh_config {
	uint8_t mac[WIRE_MAC_SIZE];
	const uint32_t *addresses; /* sorted, host order; borrowed */
	uint32_t address_count;
	uint32_t gateway;          /* 0: none to resolve */
	uint16_t vlan;             /* that requests are sent in; 0: none */
};

struct neigh {
	struct neigh_config config;
	uint64_t next_request_ns;
	uint32_t requests;
	bool is_given;   /* by its MAC: never asked */
	bool is_waiting; /* a request to confirm has gone out, and no answer come in */
	/* Requests to confirm in a row that went unanswered: written by the owner, read by anyone. */
	_Atomic unsigned int unanswered;
	/* 0: unknown; else 1 << 48 | MAC: written by the owner, read by anyone. */
	_Atomic uint64_t gateway_mac;
};

void neigh_init(struct neigh *n, const struct neigh_config *config, uint64_t now_ns);

/* The gateway was given by its MAC: nothing to resolve, nor to confirm. */
void neigh_set_gateway_mac(struct neigh *n, const uint8_t mac[WIRE_MAC_SIZE]);

/* Whether the gateway's MAC is known, and the MAC. Any thread. */
bool neigh_gateway_mac(const struct neigh *n, uint8_t mac[WIRE_MAC_SIZE]);

/*
 * Requests in a row that the gateway, once known, has left unanswered for as long as an answer may take: 0
 * where all is well, or none are made. Any thread.
 */
unsigned int neigh_unanswered(const struct neigh *n);

/*
 * The ARP request that is due at now_ns, if one is: its length, 0 when none is. Its
 * sender address is the first of ours. frame has WIRE_FRAME_MIN bytes at least.
 */
uint16_t neigh_request(struct neigh *n, uint64_t now_ns, uint8_t *frame);

/* Whether there is a gateway to ask; never changes once its MAC is given or not. Any thread. */
bool neigh_asks(const struct neigh *n);

/* When neigh_request() is next to be called; TIME_NEVER where there is nobody to ask. */
uint64_t neigh_next_ns(const struct neigh *n);

/*
 * An ARP frame came in: learn the gateway from a reply to us (or from a request for one of our
 * addresses by the gateway itself), and answer a request for one of our addresses; also one with
 * sender address 0, a probe for conflicts (RFC 5227). The answer's length, 0 when there is none.
 * Frames that are not Ethernet-IPv4 ARP, and senders whose MAC is a group's, zero or our own, are
 * ignored. frame has NEIGH_FRAME_MAX bytes.
 */
uint16_t neigh_arp(struct neigh *n, const uint8_t *in, size_t len, uint8_t *frame);

/*
 * An echo request to one of our addresses, already classified as such: the answer, with its data
 * (RFC 1122, 3.2.2.6) and without IP options, back to the MAC it came from. The answer's length; 0
 * when it would not fit, or when the request came to a group's MAC or from an address that is no
 * single other host's. frame has NEIGH_FRAME_MAX bytes.
 */
uint16_t neigh_echo(const struct neigh *n, const uint8_t *in, size_t len, uint8_t *frame);

#endif /* NEIGH_NEIGH_H */
