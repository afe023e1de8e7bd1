/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walks down the tree. A walk looks for one name of one type: for a lookup, or for a walk that needs the address
 * of a server. It stands at a zone, asks one of its servers at a time, and either comes down to another zone,
 * goes on with an alias, or ends.
 *
 * walk.c has their pool, whom they wait for and where they stand, step.c what they do next, end.c how they end.
 */
#ifndef ITERATE_WALK_H
#define ITERATE_WALK_H

#include "internal.h"

#define WAIT_BUCKETS 4096
#define SEEK_TTL_S 3600 /* of addresses of servers that were sought, where less is not said */

struct walk {
	uint64_t user;
	uint64_t started_ns;
	uint64_t waited_for; /* the key of a zone that another was waited for: not twice for one; 0: none */
	uint64_t leads;      /* the key of the zone that it asks for, for others too; 0: none */
	uint32_t next;       /* in a list: free, ready, or waiting in a bucket */
	uint32_t parent;     /* 0: a lookup's own */
	uint32_t waiting;    /* bucket's list: first of those that wait for this one's */
	uint32_t server;     /* that was asked last */
	uint16_t asks;       /* of a lookup's own walk: all that were made for it */
	uint16_t type;
	uint16_t useless;    /* servers of this zone that are not to be asked again, bits */
	uint8_t depth;
	uint8_t referrals;
	uint8_t tries;
	uint8_t tried;       /* turns of servers of this zone */
	uint8_t first;       /* the number of the server that is asked first */
	uint8_t ns_count, ns_next;
	uint8_t status;      /* the best that lame servers said: DNS_STATUSES for nothing yet */
	bool timed_out;      /* some server said nothing */
	bool cut_off;        /* some said that it has more to say, and did not */
	bool blocked;        /* some may not be asked */
	bool is_ready;
	bool is_waiting;
	bool is_seeking; /* a server of its zone */
	bool is_admitted; /* may ask the server whose turn it is, which was waited for */
	uint32_t place;  /* of manners: of the server that is asked, or waited for */
	struct servers servers;
	struct aliases aliases;
	uint8_t zone[DNS_NAME_MAX];
	uint8_t name[DNS_NAME_MAX];  /* that it looks for now */
	uint8_t asked[DNS_NAME_MAX]; /* that it was begun for */
	uint8_t ns[NS_NAMES_MAX][DNS_NAME_MAX];
};

struct iterate {
	struct iterate_config config;
	struct servers roots;
	struct cache *cache;
	struct manners *manners; /* NULL: no bounds */
	struct walk *walks; /* walks[0] stands for none */
	uint32_t capacity;
	uint32_t touched;
	uint32_t free;
	uint32_t lookups;
	uint32_t ready, ready_last; /* to be gone on with */
	uint32_t leaders[WAIT_BUCKETS]; /* walks by the key that they lead for: one a bucket */
	uint64_t drawn;
	bool stopped; /* nothing is asked any more */
	uint8_t *joined;
	struct iterate_stats stats;
};

/* ---- walk.c ---- */

static inline uint32_t
walk_number(const struct iterate *it, const struct walk *w)
{
	return (uint32_t)(w - it->walks);
}

/* NULL: there is none left. */
struct walk *walk_take(struct iterate *it);
void walk_give(struct iterate *it, struct walk *w);

/* To be gone on with by iterate_poll(), in turn. */
void walk_make_ready(struct iterate *it, struct walk *w);

/* Wait for another walk that asks for the same, if there is one; else be the one that others wait for: false. */
bool walk_waits_for_leader(struct iterate *it, struct walk *w);

/* Whoever has waited for a walk looks again for where to begin; or those at a depth or below. */
void walk_release(struct iterate *it, struct walk *w);
void walk_release_from(struct iterate *it, struct walk *w, unsigned int depth);

void walk_stand_at(struct iterate *it, struct walk *w, const uint8_t *zone, const struct servers *servers);

/* At the lowest zone above the name of which the cache knows servers. */
void walk_stand_at_best(struct iterate *it, struct walk *w, uint64_t now_ns);

/* Those in line at a place who may ask now. */
void walk_admit(struct iterate *it, uint32_t place, uint64_t now_ns);

/* The question to its server has ended, or was not asked after all. */
void walk_give_back(struct iterate *it, struct walk *w, enum manners_end end, unsigned int extra, uint64_t now_ns);

/* ---- step.c ---- */

/* The next thing that a walk can do. It may be over then. */
void walk_go_on(struct iterate *it, struct walk *w, uint64_t now_ns);

/* ---- end.c: the walk is given back ---- */

void walk_end(struct iterate *it, struct walk *w, const struct dns_answer *a, uint64_t now_ns);
void walk_fail(struct iterate *it, struct walk *w, uint64_t now_ns);
void walk_exceed(struct iterate *it, struct walk *w, uint64_t now_ns); /* a bound */

/* A walk for a server's addresses: its parent goes on, with those that were found. */
void walk_seek_done(struct iterate *it, struct walk *w, const struct servers *found, uint32_t ttl_s, uint64_t now_ns);

/* What the root has said of a name may be true of all in its top-level domain: note it; and end by it, true. */
void walk_note_denied(struct iterate *it, const struct walk *w, const struct dns_answer *a, uint64_t now_ns);
bool walk_is_denied(struct iterate *it, struct walk *w, uint64_t now_ns);

#endif /* ITERATE_WALK_H */
