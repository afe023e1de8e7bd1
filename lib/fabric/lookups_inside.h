/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of lookups, for lookups.c and lookups_make.c alone. */
#ifndef FABRIC_LOOKUPS_INSIDE_H
#define FABRIC_LOOKUPS_INSIDE_H

#include "fabric/lookups.h"
#include "fabric/streams.h"
#include "grab/grab.h"

/* Blocks that a name must find when it begins: an answer for each of some types. More it takes as it can. */
#define BLOCKS_TO_BEGIN 16
#define BLOCKS_PER_NAME 2

struct slot {
	struct grab *grab;
	uint32_t next_free;
	uint16_t pending; /* questions without an answer */
};

struct lookups {
	struct lookups_config config;
	struct udp *udp;
	struct resolvers *resolvers;
	struct dns *dns;
	struct iterate *walks; /* of direct mode */
	struct streams *streams;
	struct wire_link links[PROBE_IFACES_MAX];
	struct grab_pool *grabs;
	struct slot *slots; /* slots[0] stands for none */
	uint32_t touched;
	uint32_t free;
	struct feed_batch *batch[LOOKUPS_FEEDS]; /* being read */
	unsigned int next_feed;
	bool is_stopped; /* no more names are taken, and none waits to be asked */
	uint32_t queue; /* datagrams that may wait */
	uint32_t accusations; /* that were heard */
	struct dns_stats counted; /* what of dns's counts is in the ledger */
	uint64_t now_ns;          /* of the call that is under way */
	uint64_t heard_ns;        /* all that came before has been dealt with */
	_Atomic uint32_t live;
	_Atomic uint64_t answers[DNS_STATUSES];
};

/* What udp, walks, and dns tell: of dns, where resolvers are asked and where walks ask servers. */
extern const struct udp_events lookups_udp_events;
extern const struct iterate_events lookups_walk_events;
extern const struct dns_events lookups_resolver_events;
extern const struct dns_events lookups_server_events;

#endif /* FABRIC_LOOKUPS_INSIDE_H */
