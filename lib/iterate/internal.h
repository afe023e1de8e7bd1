/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of lib/iterate: no other module includes this. */
#ifndef ITERATE_INTERNAL_H
#define ITERATE_INTERNAL_H

#include "iterate/iterate.h"

/* ---- cache.c ---- */

/* What an entry is of. */
enum cache_kind {
	CACHE_ZONE,
	CACHE_HOST,
	CACHE_NONE, /* there is no such top-level domain, as the server says whose address stands there */
};

struct servers {
	uint32_t address[ITERATE_SERVERS_MAX];
	uint8_t count;
};

/* One more address, unless it is none (0 would ask a resolver), or there is no room. */
static inline void
servers_add(struct servers *s, uint32_t address)
{
	if (address != 0 && s->count < ITERATE_SERVERS_MAX)
		s->address[s->count++] = address;
}

struct cache;

struct cache *cache_new(uint32_t entries, const uint64_t key[2]);
void cache_free(struct cache *c);
size_t cache_bytes(uint32_t entries);

/* A keyed hash of a name, case aside. Never 0. */
uint64_t cache_key(const struct cache *c, enum cache_kind kind, const uint8_t *name);

bool cache_find(const struct cache *c, uint64_t key, uint64_t now_ns, struct servers *out);
void cache_put(struct cache *c, uint64_t key, const struct servers *servers, uint32_t ttl_s,
	       uint64_t now_ns);

/* ---- manners.c ---- */

struct manners;

struct manners_config {
	uint32_t places;    /* a power of two */
	uint32_t waiters;   /* who may wait: numbers from 1 to this */
	double rate;        /* questions/s of one server; 0: no bound */
	uint32_t in_flight; /* of one server; 0: no bound */
	uint64_t key;       /* of the hash: nobody's to guess */
};

#define MANNERS_NONE UINT32_MAX

/* NULL without memory. */
struct manners *manners_new(const struct manners_config *config);
void manners_free(struct manners *m);
size_t manners_bytes(uint32_t places, uint32_t waiters);

uint32_t manners_place(const struct manners *m, uint32_t server);

/* Ask now? Not before those in line. What is taken is to be given back when the question has ended. */
bool manners_take(struct manners *m, uint32_t place, uint64_t now_ns);

/* Stand in line; and how many do. */
void manners_wait(struct manners *m, uint32_t place, uint32_t who);
uint32_t manners_waiting(const struct manners *m, uint32_t place);

/* The first in line, who has taken and is to ask now; 0: nobody. */
uint32_t manners_admit(struct manners *m, uint32_t place, uint64_t now_ns);

/* A place where somebody may be admitted, by time; MANNERS_NONE: there is none now. And when to look again. */
uint32_t manners_due(struct manners *m, uint64_t now_ns);
uint64_t manners_next_ns(const struct manners *m);

/* What a question came to; MANNERS_UNSAID: nothing that says anything of the server. */
enum manners_end { MANNERS_GOOD, MANNERS_BAD, MANNERS_UNSAID };

/* A question has ended, that took so many more packets than one. Then admit who may ask instead. */
void manners_give(struct manners *m, uint32_t place, enum manners_end end, unsigned int extra, uint64_t now_ns);

/* Somebody in line, who leaves it with nothing taken; 0: nobody is. From the first call on nobody may wait. */
uint32_t manners_dismiss(struct manners *m);

/* ---- referral.c ---- */

#define NS_NAMES_MAX 3 /* of a zone's servers that are looked up, where no address came with them */

/* What a message is to a walk that asked `zone` for (name, type). */
enum said {
	SAID_ANSWER,   /* the end: records, or that there are none, or no such name */
	SAID_ALIAS,    /* the name is another's, which is to be looked for elsewhere */
	SAID_REFERRAL, /* to a zone below */
	SAID_LAME,     /* nothing that counts */
};

struct asked {
	const uint8_t *zone;
	const uint8_t *name;
	uint16_t type;
};

struct referral {
	uint8_t zone[DNS_NAME_MAX];
	struct servers servers;
	uint8_t ns[NS_NAMES_MAX][DNS_NAME_MAX]; /* without an address that counts */
	uint8_t ns_count;
	uint32_t ttl_s;
	uint32_t glue_refused;
};

/*
 * Read a message. SAID_ALIAS: the name to look for is in alias; SAID_REFERRAL: the referral is in *r.
 */
enum said referral_read(const struct asked *a, struct span message, struct referral *r,
			uint8_t alias[DNS_NAME_MAX]);

/* How long, in seconds, what a message denies may be taken for denied (RFC 2308, 5); 0: it does not say. */
uint32_t referral_denied_s(struct span message);

/* ---- aliases.c ---- */

/* Aliases that were followed from message to message: their records, as they are to be told. */
struct aliases {
	uint8_t *records; /* whole, names uncompressed */
	uint16_t len;
	uint8_t count; /* of records */
};

/* Keep the aliases of a message's answers, from name on. False without memory. */
bool aliases_keep(struct aliases *a, struct span message);
void aliases_free(struct aliases *a);

/* Room for what aliases_join() writes. */
#define ALIASES_JOINED_MAX (DNS_MESSAGE_MAX + 4096)

/* A message as if whoever said it had said the aliases, too. The length; 0: it cannot be read, or is too
 * long. */
size_t aliases_join(const struct aliases *a, const uint8_t *name, uint16_t type, struct span message,
		    uint8_t *out, size_t size);

#endif /* ITERATE_INTERNAL_H */
