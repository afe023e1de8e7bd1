/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated Internet: what answers, how, and what goes wrong on the way.
 *
 * A world is pure: frames and the time go in, frames that are due come out. It keeps no memory per
 * host: what a host is, is computed, and only what is on its way, or will be said again until
 * answered, is held. Faults are hashes of (seed, flow, packet), never a stream of random numbers,
 * so a world replays whatever the order in which threads bring their frames.
 *
 * Three parts, by who may touch them:
 *
 *   struct world         the description, compiled; immutable; shared by all threads
 *   struct world_intake  hears what a scanner sends: checks, counts, and passes on the few frames
 *                        that the world reacts to. One for each thread that sends (a TX queue)
 *   struct world_stage   what is on its way back. One at a time may use it: drivers/net/simnet
 *                        keeps one for each RX queue under a lock, which silent targets never take
 *
 *       frames -> world_intake_burst() -> reactions -> world_stage_react()
 *                                                      world_stage_out() -> frames
 *
 * The world is the gateway of its link, and all that lies behind it: it answers ARP for any address
 * with one MAC, and answers in the VLAN it was spoken to in.
 */
#ifndef WORLD_WORLD_H
#define WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipv4.h"
#include "world/service.h"

/* ---- Description ------------------------------------------------------------------------- */

/*
 * A share of the whole, exact: a number of 10^-18ths. Shares come from decimal text and are added
 * as such, so that any other program finds the same truth; binary fractions would not do.
 */
#define WORLD_SHARE_ONE UINT64_C(1000000000000000000)

/* Bounds of a description. */
#define WORLD_NETWORKS_MAX 4096
#define WORLD_SYNACK_RETRIES_MAX 8 /* repeats at 2^r - 1 seconds: the eighth after four minutes */
#define WORLD_LATENCY_MAX_NS UINT64_C(60000000000)
#define WORLD_FORGED_RATE_MAX 100000000

/* The shares of one port. */
struct world_port {
	uint16_t port;
	uint64_t open;
	uint64_t closed;
	struct world_offers offers; /* what speaks there; none: as the network has it */
};

/* All of it optional but the range: what is 0 does not happen. Rates of faults are shares. */
struct world_network {
	struct ipv4_range range;
	const struct world_port *ports; /* no port twice, any order */
	size_t ports_count;
	uint64_t open; /* of ports that are not listed */
	uint64_t closed;
	uint64_t unreachable; /* of every port; with open and closed at most WORLD_SHARE_ONE */
	uint64_t echo;
	uint64_t latency_min_ns; /* there and back, at most WORLD_LATENCY_MAX_NS */
	uint64_t latency_max_ns;
	uint64_t loss_out; /* of packets to the network */
	uint64_t loss_back;
	uint64_t duplicate; /* these three on the way back */
	uint64_t reorder;
	uint64_t corrupt;
	unsigned int synack_retries;
	struct world_offers offers; /* none: a service that never speaks */
};

/* What there is to be looked up; shares. */
struct world_names {
	uint64_t servfail; /* of all names: nobody can tell */
	uint64_t exists;   /* of all names; with servfail at most WORLD_SHARE_ONE */
	uint64_t alias;    /* of those that exist */
	uint64_t types;    /* of the types of a name that exists: it has records of them */
	uint64_t big;      /* of names: their TXT fits no datagram */
	uint64_t truncated; /* of names: their answers over UDP are cut */
	struct ipv4_range addresses; /* where A records point */
};

/* What is not said: all names exist, and have all types; addresses are of any kind. */
#define WORLD_NAMES_PLAIN                                                                          \
	{                                                                                          \
		.exists = WORLD_SHARE_ONE, .types = WORLD_SHARE_ONE, .addresses = {0, UINT32_MAX}  \
	}

/* One server of a zone; names are in wire form. A zone has as many as there are of these. */
struct world_zone_server {
	uint8_t zone[255];
	uint8_t name[255];
	uint32_t address;
	bool glue; /* the zone above gives its address */
};

#define WORLD_ZONE_SERVERS_MAX 4096

struct world_description {
	uint64_t seed;
	const struct world_network *networks; /* the first that contains an address rules */
	size_t networks_count;
	const struct world_service *services;
	size_t services_count;
	struct world_certificates certificates;
	struct world_names names;
	const struct world_zone_server *zone_servers;
	size_t zone_servers_count;
	uint64_t forged_pps; /* SYN-ACKs (of pings, replies) with wrong cookies, some ICMP errors with wrong quotes */
};

struct world;

/*
 * Compile a description; nothing of it is kept by reference. 0, -EINVAL when it is out of bounds
 * (lib/worldfile says in words what is wrong with a file), -ENOMEM.
 */
int world_create(const struct world_description *description, struct world **out);
void world_free(struct world *w);

/* The description as compiled; borrowed. */
const struct world_description *world_describe(const struct world *w);

/* "198.51.100.0/24", or "first-last" for a range that is no prefix. Returns its length. */
#define WORLD_NETWORK_NAME_SIZE (2 * IPV4_TEXT_SIZE)
unsigned int world_network_name(const struct world_network *n,
				char buf[WORLD_NETWORK_NAME_SIZE]);

/* ---- Truth ------------------------------------------------------------------------------- */

/* In the order in which the shares are laid out over the hash. */
enum world_state { WORLD_OPEN, WORLD_CLOSED, WORLD_UNREACHABLE, WORLD_SILENT };
#define WORLD_STATES 4

/*
 * The truth. With key = address * 65536 + port:
 *
 *     u = mix64(seed XOR key) / 2^64
 *
 * below `open` it is open, then `closed`, then `unreachable`, else silent. "Below" is exact: with
 * an integer hash h and a decimal share s, h / 2^64 < s if and only if h < ceil(s * 2^64).
 */
enum world_state world_state(const struct world *w, uint32_t address, uint16_t port);

/* Whether an address answers ping: u of port 0 is below `echo`. */
bool world_echoes(const struct world *w, uint32_t address);

/* The index of the network that rules an address; networks_count for none. */
unsigned int world_network_of(const struct world *w, uint32_t address);

/*
 * What speaks behind an open port, never NULL. With h = mix64(mix64(seed XOR key) XOR "service"),
 * the letters read as one big-endian number (0x73657276696365), the shares of the port's offers, or
 * else of its network's, are laid out over h / 2^64 in their order; behind them is plain "none".
 */
const struct world_service *world_service_at(const struct world *w, uint32_t address,
					     uint16_t port);

/*
 * The certificate of an address, whatever the port: mix64(mix64(seed XOR address * 65536) XOR
 * "cert") modulo their count, "cert" being 0x63657274. 0 where the world names none.
 */
uint32_t world_certificate_at(const struct world *w, uint32_t address);

/*
 * One term of a SYN digest: the digest of a set of probes is the sum of their terms modulo 2^64,
 * whatever their order. A count and a digest that equal the expected set's show that each target
 * was probed once and no other was, and cost no memory (a bijection of the key, then summed: sets
 * that were not made to collide do so with a chance of 2^-64).
 */
uint64_t world_digest_term(uint32_t address, uint16_t port);

/* ---- Counters ---------------------------------------------------------------------------- */

/*
 * All that a world counts, once: X(name). An intake counts those of the first list and a stage
 * those of the second; a sum over all intakes and stages is a world's. Each frame heard is exactly
 * one of SYN (in the tallies), answers, echo, arp, dns, other, malformed and bad_checksum.
 */
#define WORLD_INTAKE_COUNTERS(X)                                                                   \
	X(frames)       /* heard */                                                                \
	X(answers)      /* ACKs and RSTs of TCP, without SYN */                                    \
	X(echo)         /* ICMP echo requests */                                                   \
	X(arp)          /* ARP requests */                                                         \
	X(dns)          /* datagrams to ports that answer DNS */                                   \
	X(other)        /* what the world has no ear for: other UDP, fragments, ARP replies, ... */      \
	X(malformed)    /* lengths that do not fit one another */                                  \
	X(bad_checksum) /* IPv4, TCP or ICMP; ignored, as hosts do */                              \
	X(lost_out)     /* lost on the way there, of those the world would have reacted to */
#define WORLD_STAGE_COUNTERS(X)                                                                    \
	X(frames_out)      /* handed out; the sum of the next eight */                             \
	X(synacks)         /* repeats and copies included, as in all of these */                   \
	X(resets)                                                                                  \
	X(unreachables)                                                                            \
	X(echo_replies)                                                                            \
	X(arp_replies)                                                                             \
	X(forged)                                                                                  \
	X(segments)        /* of connections: data, ACKs, FINs, resets */                          \
	X(datagrams)       /* of DNS, forged ones too */                                           \
	X(repeats)         /* SYN-ACKs said again, lost ones too */                                \
	X(answered)        /* SYN-ACKs whose ACK or RST came */                                    \
	X(strays)          /* ACKs and RSTs of no connection, and of no SYN-ACK to repeat */  \
	X(connections)     /* made */                                                              \
	X(connections_refused) /* not made: there is no room, and the client will say it again */  \
	X(connections_over)                                                                        \
	X(segments_heard)  /* of connections */                                                    \
	X(oversize)        /* heard, longer than the MSS that the host announced: dropped */       \
	X(segments_resent)                                                                         \
	X(segments_refused) /* not said: no room; resent later */                                  \
	X(lost_back)                                                                               \
	X(duplicated)                                                                              \
	X(reordered)                                                                               \
	X(corrupted)                                                                               \
	X(dns_forged)      /* answers made by somebody else, lost ones too */                      \
	X(echo_too_long)   /* echo requests not answered: more data than is kept */                \
	X(events_refused)  /* what was not said because the stage was full: 0, or take a larger */

struct world_counters {
#define WORLD_COUNTER_FIELD(name) uint64_t name;
	WORLD_INTAKE_COUNTERS(WORLD_COUNTER_FIELD)
	WORLD_STAGE_COUNTERS(WORLD_COUNTER_FIELD)
#undef WORLD_COUNTER_FIELD
};
#define WORLD_COUNTERS (sizeof(struct world_counters) / sizeof(uint64_t))

/* SYNs of one network by the state of their target, and their digest; queries to its DNS. Losses come after. */
struct world_tally {
	uint64_t syn[WORLD_STATES];
	uint64_t syn_digest;
	uint64_t dns;
};

/* The names of the counters, in the order of struct world_counters. */
extern const char *const world_counter_names[WORLD_COUNTERS];

void world_counters_add(struct world_counters *sum, const struct world_counters *term);
void world_tally_add(struct world_tally *sum, const struct world_tally *term);
uint64_t world_tally_syn(const struct world_tally *tally); /* of all states */

/* ---- Intake ------------------------------------------------------------------------------ */

/* A frame as it would be on the wire, without FCS; borrowed. */
struct world_frame {
	const uint8_t *data;
	uint32_t len;
};

enum world_reaction_kind {
	WORLD_REACT_SYN,    /* by the state of the target, never a silent one */
	WORLD_REACT_ANSWER, /* an ACK or RST, perhaps of a SYN-ACK of ours */
	WORLD_REACT_ECHO,
	WORLD_REACT_ARP,
	WORLD_REACT_DNS,
};

/* A frame that the world reacts to. Borrows the frame. */
struct world_reaction {
	const uint8_t *packet; /* its network layer */
	uint16_t len;          /* of the packet, as its own header says */
	uint16_t network;      /* index, as world_network_of() */
	uint8_t kind;          /* enum world_reaction_kind */
	uint8_t state;         /* enum world_state of a SYN's target */
	uint16_t tci;          /* of the frame's VLAN tag */
	bool tagged;
	uint8_t mac[6]; /* of its sender */
	uint64_t flow;  /* hash of the flow: what world_stage_of() goes by */
};

/* Counters are its owner's to read; other threads may, and find each at most a burst old. */
struct world_intake {
	const struct world *world;
	struct world_counters counters;
	struct world_tally tallies[]; /* by network, and one more for addresses of no network */
};

/* NULL without memory. The world must outlive it. Freed by free(). */
struct world_intake *world_intake_create(const struct world *w);

/*
 * Hear n frames. Writes those that the world reacts to into reactions, which has room for n, in
 * order, and returns how many. Takes no lock and keeps nothing but counters: a silent target costs
 * two checksums, the truth and a digest term.
 */
unsigned int world_intake_burst(struct world_intake *intake, const struct world_frame *frames,
				unsigned int n, struct world_reaction *reactions);

/* ---- Stage ------------------------------------------------------------------------------- */

/* The longest frame that a world says, and the MAC it says it from. */
#define WORLD_FRAME_MAX 1518 /* with a VLAN tag */
#define WORLD_MAC {0x02, 0x00, 0x00, 0x00, 0x00, 0x01}

struct world_stage;

struct world_stage_config {
	uint32_t events;    /* most that can be on their way at once, of 128 bytes each */
	unsigned int index; /* of `count` stages: who says which of the forged frames */
	unsigned int count;
	uint32_t connections; /* most that can be open at once, 200 bytes each and two blocks of
			       * 1.5 KB, touched as far as used; 0: no host speaks, an ACK is all
			       * that there is to hear */
	const struct world_tls *tls; /* borrowed; NULL: hosts of TLS never speak */
};

/* NULL without memory, or without events. The world must outlive it. */
struct world_stage *world_stage_create(const struct world *w,
				       const struct world_stage_config *config);
void world_stage_free(struct world_stage *stage);

/* Which of `count` stages a reaction belongs to: all of one flow to one. */
unsigned int world_stage_of(const struct world_reaction *reaction, unsigned int count);

/*
 * Let the world react at now_ns. Times are the caller's, from 0; they should not run backwards, and
 * no harm is done if by a little they do.
 */
void world_stage_react(struct world_stage *stage, uint64_t now_ns,
		       const struct world_reaction *reaction);

/*
 * Write the next frame that is due by now_ns and return its length, 0 when none is. In the order of
 * their times, and of their making where times are the same.
 */
unsigned int world_stage_out(struct world_stage *stage, uint64_t now_ns,
			     uint8_t frame[WORLD_FRAME_MAX]);

/*
 * When something next happens: exact, for a virtual clock. TIME_NEVER when nothing will. Frames may
 * be lost on their way, so a world_stage_out() at that time can still give none.
 */
uint64_t world_stage_next_ns(struct world_stage *stage);

/* No frame is due before this: cheap, for a poll that wants to look before it takes a lock. */
uint64_t world_stage_idle_until_ns(const struct world_stage *stage);

/* Its counters; of the kinds that intakes count all are 0. */
const struct world_counters *world_stage_counters(const struct world_stage *stage);

#endif /* WORLD_WORLD_H */
