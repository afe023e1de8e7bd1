/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Iterative resolution: from the root down, by asking the servers of one zone after another (RFC 1034,
 * 5.3.3), with a cache of delegations.
 *
 * It asks through whoever it belongs to (dns/dns.h): one question to one server at a time for each
 * lookup, without recursion. What an answer is worth (RFC 2181, 5.4.1):
 *
 * - A referral counts if it leads down: its NS records stand at one name, below the zone that was
 *   asked and at or above the name that is looked for. Addresses beside it count if they are of its
 *   servers and lie within the zone that was asked; others are looked up from the root, three names
 *   of servers at most for each zone and three lookups deep.
 * - An answer counts if the server has authority (AA). A chain of aliases is followed through one
 *   message as long as it stays within the zone, beyond it by a new walk down, ITERATE_ALIASES_MAX in all.
 * - Whoever refuses, fails, says nothing, leads up or sideways, or has no authority is lame: the next
 *   server of the zone is asked.
 *
 * Bounds: ITERATE_ASKS_MAX questions for one lookup, those of its servers' names included, and
 * ITERATE_REFERRALS_MAX zones; so loops of delegations, of aliases and of servers' names end.
 *
 * Manners. One server gets no more than server_rate questions in any second, nor more than server_in_flight at a
 * time, and down to an eighth of the rate where it fails, refuses or is silent. Who finds a server busy takes
 * another of the zone that is not; where all are, it waits in the line of the shortest, and nothing is given up
 * for that. A question over TCP, or without EDNS after all, is another packet, and paid for afterwards.
 *
 * The cache holds addresses by zone and by server's name, keyed by a secret hash; what it says has come
 * from the zone above. Lookups that are about to ask a zone for the same delegation wait for the first.
 *
 * Of the root's zone it may be known that it has top-level domains alone (root_has_tlds): then a name that it denies is
 * of one that there is not, and the root is not asked for others of it while its SOA says so. What is told of those
 * is NXDOMAIN in a message of nothing else, from the server that said it, and no question asked.
 *
 * A struct iterate belongs to one thread. Events are called from any function here but
 * iterate_begin(), and may call iterate_begin().
 */
#ifndef ITERATE_ITERATE_H
#define ITERATE_ITERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/dns.h"
#include "dnsmsg/dnsmsg.h"

#define ITERATE_ASKS_MAX 64
#define ITERATE_REFERRALS_MAX 32 /* of one walk: a name in ip6.arpa may have a zone at each of its labels */
#define ITERATE_ALIASES_MAX 8
#define ITERATE_WALKS_MAX (UINT32_C(1) << 20)

struct iterate;

struct iterate_events {
	/* Ask a server; its end is told to iterate_told() with this user. 0, or a negative errno: then it is
	 * as a question that nobody answered. */
	int (*ask)(void *context, const struct dns_ask *ask, uint64_t user);
	/* Exactly once for a lookup that was begun. The message is what the last server said, behind the
	 * aliases that led to it. */
	void (*answer)(void *context, uint64_t user, const struct dns_answer *answer);
};

struct iterate_config {
	uint32_t walks;        /* lookups at once, 1 to ITERATE_WALKS_MAX; as many again may look for servers */
	uint32_t cache;        /* entries of 64 bytes, a power of two, 4 or more */
	const uint32_t *roots; /* addresses of the root's servers; copied, the first ITERATE_SERVERS_MAX */
	size_t root_count;     /* 1 or more */
	bool root_has_tlds;    /* and nothing else, as the Internet's */
	uint16_t port;         /* of all servers; 53 but in tests */
	uint8_t tries;         /* of a zone's only server; 0: 3 */
	double server_rate;    /* questions/s to one server, of this struct iterate; 0: no bound */
	uint32_t server_in_flight; /* to one server at a time; 0: no bound */
	uint64_t key[2];       /* secret and random, unless a run is to be replayed */
	struct iterate_events events;
	void *context;
};

/* Addresses that are kept of a zone's servers. */
#define ITERATE_SERVERS_MAX 12

/* The root's servers (IANA, root hints of 2024), for who has no others. */
extern const uint32_t iterate_roots[];
extern const size_t iterate_root_count;

/* NULL without memory, or for a config outside the bounds above. */
struct iterate *iterate_new(const struct iterate_config *config);
void iterate_free(struct iterate *it);
size_t iterate_memory_bytes(const struct iterate_config *config);

/* Look a name up, in wire form. 0; -EAGAIN: as many as configured are under way. */
int iterate_begin(struct iterate *it, const uint8_t *name, uint16_t type, uint64_t user,
		  uint64_t now_ns);

/* What came of a question that events.ask() took. */
void iterate_told(struct iterate *it, uint64_t user, const struct dns_answer *answer, uint64_t now_ns);

/*
 * Go on with those that have waited for one another, and with whom could not be asked. Call it after
 * iterate_begin() and iterate_told(), until it returns 0: how many it went on with.
 */
unsigned int iterate_poll(struct iterate *it, uint64_t now_ns);

/* When iterate_poll() is next worth calling, if nothing else is called. */
uint64_t iterate_next_ns(const struct iterate *it);

/* Nobody will be asked any more: who waits for a server ends as stopped with the next iterate_poll(). */
void iterate_stop(struct iterate *it);

/* Lookups under way, and how many more iterate_begin() takes. */
uint32_t iterate_live(const struct iterate *it);
uint32_t iterate_room(const struct iterate *it);

struct iterate_stats {
	uint64_t begun;
	uint64_t ended;
	uint64_t asks;
	uint64_t referrals;      /* followed */
	uint64_t cached;         /* walks that began below the root */
	uint64_t denied;         /* that ended by what the root had said of another */
	uint64_t waited;         /* for another's question */
	uint64_t lame;           /* servers that were passed over for what they said */
	uint64_t glue_refused;   /* addresses beside a referral that do not count */
	uint64_t servers_sought; /* names of servers looked up */
	uint64_t bounded;        /* lookups that ended by a bound */
	uint64_t paced;          /* questions that had to wait for a server */
};

const struct iterate_stats *iterate_stats(const struct iterate *it);

#endif /* ITERATE_ITERATE_H */
