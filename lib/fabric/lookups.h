/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lookups: the half of a worker that asks DNS.
 *
 * It takes names from its lanes of the feeds, asks for each what the job asks (dns/dns.h), and hands what
 * came of it to the writer as a struct grab: a record a name, with a result for each type. It owns what
 * it asks by: UDP endpoints (udp/udp.h) on the ports of COOKIE_DNS in the worker's buckets, and for
 * answers that do not fit a datagram connections (tcp/tcp.h) on those of COOKIE_OPEN. So answers
 * come back to this worker by arithmetic alone, as replies to probes do.
 *
 * Three promises hold for what it sends: the gate's, whose only holes are the resolvers'; the rate of
 * all frames, at the way out; and the rate of queries, which all workers share.
 *
 * Behind. The worker tells how far in time it has dealt with what came. No question is given up before
 * what came within its time has been read, so a lcore that was kept off its CPU asks nothing twice for it; and while it is
 * behind, hardly a name is begun, so what is under way is what the machine has time for, however high the rate.
 *
 * Credits. A name is taken only when a place, room for all its questions, blocks for what they bring and
 * a place on the ring to the writer are there; so a writer that is behind slows the asking down, and a
 * list of any length takes no more memory than what is asked at once.
 *
 * Ledger: names taken = lookups, by the worst of their questions = lookup records made; questions = what
 * became of them; tries = why they were over.
 *
 * A struct lookups belongs to its worker's lcore, a struct lookups_plan is shared and immutable.
 */
#ifndef FABRIC_LOOKUPS_H
#define FABRIC_LOOKUPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/dns.h"
#include "dnsmsg/dnsmsg.h"
#include "fabric/accused.h"
#include "fabric/fabric.h"
#include "fabric/feed.h"
#include "fabric/outlet.h"
#include "gate/gate.h"
#include "iterate/iterate.h"
#include "ledger/ledger.h"
#include "pace/pace.h"

struct rte_ring;
struct lookups;

/* Types that are asked for of one name. */
#define LOOKUPS_TYPES_MAX 16

/* One of the job's lookups. */
struct lookups_task {
	uint16_t type[LOOKUPS_TYPES_MAX];
	unsigned int type_count; /* 1 or more */
};

#define LOOKUPS_TASKS_MAX 16
#define LOOKUPS_FEEDS 2

struct lookups_plan {
	struct lookups_task tasks[LOOKUPS_TASKS_MAX];
	unsigned int task_count;
	const struct resolvers_address *resolvers; /* borrowed; of direct mode the root's servers */
	size_t resolver_count;
	bool direct;                               /* iterative, from the root down (iterate/iterate.h) */
	bool internet;                             /* and the root is the Internet's */
	const struct ipv4_range *beside;           /* whom frames to the router do not reach; borrowed */
	size_t beside_count;
	const struct resolvers_canary *canaries;
	size_t canary_count;
	uint32_t server_rate; /* of direct mode: questions/s to one server, of all workers together; 0: no bound */
	uint32_t server_in_flight; /* and at a time */
	uint64_t canary_every_ns;
	uint64_t rate_pps;   /* of queries, of all workers together: what resolvers' shares add up to */
	uint64_t timeout_ns; /* of a try */
	uint8_t tries;
};

struct lookups_config {
	const struct lookups_plan *plan;
	const struct outlet *outlets; /* by interface; borrowed */
	unsigned int outlet_count;
	const struct gate *gate;
	struct feed_lane lanes[LOOKUPS_FEEDS]; /* of no rings: there is no such feed */
	struct rte_ring *grabs;    /* to the writer: pointers to struct grab; one producer, one consumer */
	struct pace *rate;         /* of queries; shared by all workers */
	const struct accused *accused; /* resolvers that some worker has found lying; NULL of direct mode */
	struct ledger *ledger;
	const _Atomic bool *stop;  /* set by control: take no more names */
	unsigned int worker;       /* of so many: whose buckets these are */
	unsigned int workers;
	uint32_t names;            /* at once */
	uint8_t key[32];           /* secret and random, unless a seed is replayed */
};

/* So many names at once as keep the rate busy, each worker's part of them; within what memory allows. */
uint32_t lookups_names(const struct lookups_plan *plan, unsigned int workers);

/* Bytes that a struct lookups of this size takes; touched as far as they are used. */
size_t lookups_memory_bytes(const struct lookups_config *config);

/* NULL without memory. */
struct lookups *lookups_new(const struct lookups_config *config, uint64_t now_ns);

/* All grabs that it handed over must have been freed. NULL is fine. */
void lookups_free(struct lookups *l);

/* A ring for the grabs of so many names, from one worker to the writer, or NULL. */
struct rte_ring *lookups_ring_new(unsigned int worker, uint32_t names);

/* The role, on the worker's lcore. */
extern const struct role_ops lookups_role;

/* A burst of packets is about to come: fetch what they are about, of all of them together. */
void lookups_ahead(const struct lookups *l, const struct span *packets, size_t count);

/* A packet from its IPv4 header on, UDP, TCP or an ICMP error; whether it is of a question here. */
bool lookups_packet(struct lookups *l, const uint8_t *packet, size_t len, uint64_t now_ns);

/* All that came before a time has been given to lookups_packet(). */
void lookups_heard(struct lookups *l, uint64_t until_ns);

/* Any thread: names that are being looked up; what they came to, by enum dns_status. */
uint32_t lookups_live(const struct lookups *l);
uint64_t lookups_answers(const struct lookups *l, enum dns_status status);

/* After the lcores have stopped: end what still lives, as stopped, without a frame more. */
void lookups_fini(struct lookups *l, uint64_t now_ns);

/* Then, or by the owner: what was asked, and of whom. */
const struct dns_stats *lookups_stats(const struct lookups *l);
/* NULL in direct mode, of which the other is. Any thread, for what any may ask of resolvers. */
const struct resolvers *lookups_resolvers(const struct lookups *l);
const struct iterate_stats *lookups_walks(const struct lookups *l);

#endif /* FABRIC_LOOKUPS_H */
