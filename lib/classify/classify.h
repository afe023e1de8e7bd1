/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a received frame is, and whether it may be believed.
 *
 * Every frame gets exactly one kind. The first kinds are replies: their tuple and number answer to
 * a cookie of ours. All others are counted and never believed. No byte is read outside
 * (frame, len); nothing is allocated.
 *
 * What must hold of a reply, in the order checked; the first that does not gives the kind:
 *   where probes are sent in a VLAN, it came in that one (else NOT_OURS); elsewhere a tag is of no
 *     account
 *   an IPv4 header that fits, with at most one VLAN tag before it (else TRUNCATED, NOT_OURS)
 *   its checksum holds (BAD_CHECKSUM)
 *   it is no fragment (FRAGMENT), and addressed to one of our addresses (NOT_OURS)
 *   a transport header that fits (TRUNCATED) and whose checksum holds (BAD_CHECKSUM)
 *   it is a SYN-ACK, a RST, an ICMP error or, where the module pings, an echo reply (TCP_OTHER,
 *     ECHO_REQUEST, OTHER)
 *   it answers what the module sends: no SYN-ACK is believed when nothing but pings was sent
 *     (BAD_COOKIE)
 *   own address and port are what the key makes of the sender, and the number fits (BAD_COOKIE):
 *     SYN-ACK  ack = cookie + 1
 *     RST      with ACK, as a closed port answers a SYN (RFC 9293, 3.10.7.1): ack = cookie + 1;
 *              without ACK, as some middleboxes reset what we seem to have begun: seq = cookie + 1
 *     echo     the id stands for our port; sequence number and data are the cookie's. Data behind
 *              the cookie is of no account
 *     ICMP     the quoted IP header and first eight bytes are our probe's: addresses, protocol,
 *              ports (or type, code and id) and sequence number. TTL, TOS, IP ID and checksum of a quote are the path's to
 *              rewrite, and prove nothing
 * Bytes behind the IPv4 packet are Ethernet padding, and of no account.
 *
 * ICMP errors are destination unreachable, source quench, time exceeded and parameter problem, from
 * whoever sent them: routers and firewalls speak for the target. Source quench is obsolete (RFC
 * 6633) and steers nothing here, but whoever quotes our probe has seen it. A redirect is no error.
 *
 * Pure; any lcore, no state.
 */
#ifndef CLASSIFY_CLASSIFY_H
#define CLASSIFY_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/probe.h"

enum classify_kind {
	/* Replies: validated. */
	CLASSIFY_SYNACK,
	CLASSIFY_RST,
	CLASSIFY_ICMP,
	CLASSIFY_ECHOREPLY,
	CLASSIFY_REPLIES, /* how many kinds of reply there are */
	/* Served by neigh/neigh.h. */
	CLASSIFY_ARP = CLASSIFY_REPLIES,
	CLASSIFY_ECHO_REQUEST,
	/* Counted, never believed. */
	CLASSIFY_BAD_CHECKSUM,
	CLASSIFY_BAD_COOKIE, /* well-formed TCP, ICMP error or echo reply that answers to no cookie */
	CLASSIFY_TRUNCATED,  /* ends before its headers say, or the headers contradict each other */
	CLASSIFY_FRAGMENT,
	CLASSIFY_TCP_OTHER,  /* TCP to us with other flags, such as late data or a FIN */
	CLASSIFY_OTHER,      /* to us, of another protocol or ICMP type */
	CLASSIFY_NOT_OURS,   /* not IPv4 or ARP, to another address, or in another VLAN */
	CLASSIFY_KINDS
};

/* A kind as it stands in records and ledgers: "synack", "rst", "icmp", "echoreply", "arp", ... */
const char *classify_kind_name(enum classify_kind kind);

/* Whether a reply of this kind is what the scan looks for. */
static inline bool
classify_is_success(uint8_t kind)
{
	return kind == CLASSIFY_SYNACK || kind == CLASSIFY_ECHOREPLY;
}

/*
 * A validated reply, as a value that travels on rings. Host order throughout.
 */
struct reply {
	uint64_t received_ns;   /* set by the receiver: since the run's start */
	uint32_t address;       /* the target's: of an ICMP error, from its quote */
	uint32_t own_address;
	uint16_t port;          /* the target's; 0: it has none, as for a ping */
	uint16_t own_port;      /* or the id of a ping */
	uint32_t seq;
	uint32_t ack;
	uint32_t icmp_responder; /* who sent the ICMP error */
	uint32_t ts_value;
	uint32_t ts_echo;
	uint16_t window;
	uint16_t ip_id;
	uint16_t mss;
	uint8_t kind;           /* enum classify_kind below CLASSIFY_REPLIES */
	uint8_t use;            /* enum cookie_plan */
	uint8_t bucket;         /* the target's, whatever the plan */
	uint8_t ttl;
	uint8_t wscale;         /* the shift */
	uint8_t has_mss : 1, has_wscale : 1, has_sack_perm : 1, has_timestamp : 1, has_nothing : 4;
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t iface;          /* set by the receiver: index of the job's interface */
	uint8_t attempt;        /* that an ICMP error speaks of, as its quote's IP ID has it; else 0 */
	uint8_t pad[8];         /* all bytes have names, so that equal replies are equal bytes */
};

_Static_assert(sizeof(struct reply) == 64, "one cache line on the rings");

/*
 * Our addresses, for a quick "is this to us": sorted, host order. Borrowed. Replies to probes of any
 * interface may come in by each.
 */
struct classify_config {
	const struct probe *probe; /* of the interface that frames come in by */
	const uint32_t *addresses; /* sorted; of all interfaces */
	uint32_t address_count;
};

/*
 * Classify a frame. *reply is filled when the kind is below CLASSIFY_REPLIES, and untouched
 * otherwise; received_ns and iface are then 0, for the receiver to set. Of an ICMP error, seq is
 * what the quote holds and the other TCP fields are 0; ttl and ip_id are those of the error itself.
 * Of an echo reply, seq is its own and the other TCP fields are 0.
 */
enum classify_kind classify_frame(const struct classify_config *c, const uint8_t *frame, size_t len,
				  struct reply *reply);

#define CLASSIFY_BURST 64

/*
 * Classify up to CLASSIFY_BURST frames: the kind of each, as classify_frame() says, and the replies
 * among them one after the other, in the order of their frames. reply has room for n. Returns how
 * many there are. The cookies of a burst are made side by side.
 */
unsigned int classify_burst(const struct classify_config *c, unsigned int n,
			    const uint8_t *const *frame, const uint16_t *len, uint8_t *kind,
			    struct reply *reply);

#endif /* CLASSIFY_CLASSIFY_H */
