/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of lib/dns: no other module includes this. */
#ifndef DNS_INTERNAL_H
#define DNS_INTERNAL_H

#include <stddef.h>

#include "base/time.h"
#include "dns/chance.h"
#include "dns/channels.h"
#include "dns/dns.h"
#include "dnsmsg/dnsmsg.h"
#include "grab/grab.h"
#include "wheel/wheel.h"

#define NONE UINT32_MAX
#define LINE_BYTES 64

/* Local ports are told apart by number alone, whatever the address. */
#define PORTS 65536

enum lookup_state {
	LOOKUP_FREE,
	LOOKUP_WAITS, /* in waiting[] */
	LOOKUP_TURN,  /* has waited, and is about to be sent or to fail */
	LOOKUP_ASKED, /* a query is out */
	LOOKUP_TCP,   /* has a stream, and a connection of the caller's */
};

enum {
	LOOKUP_NAMED = 1 << 0,   /* its server was named, not drawn */
	LOOKUP_TRIAL = 1 << 1,   /* a question of the resolvers' own */
	LOOKUP_EDNS = 1 << 2,
	LOOKUP_AGAIN = 1 << 3,   /* the next query goes to the same server, at no cost in tries */
};

/*
 * Seven cache lines. What a reply is judged by and ends is in the first and the second, of which its query
 * begins; what only begins and waits is behind it, so that of most lookups three are ever touched.
 */
struct lookup {
	uint64_t user;
	uint64_t started_ns;  /* the first query */
	uint64_t query_ns;    /* the last one */
	uint64_t due_ns;      /* something is to happen then; TIME_NEVER: nothing is */
	uint32_t endpoint;    /* of udp */
	uint32_t server;
	uint32_t resolver;    /* its number; NONE: none yet, or none at all */
	uint16_t port;
	uint16_t local_port;
	uint16_t channel_id;  /* that c-ares knows it by */
	uint16_t question_len;
	uint8_t state;        /* enum lookup_state */
	uint8_t flags;
	uint8_t tries;
	uint8_t tries_max;
	uint8_t packets;      /* queries, over UDP and TCP; what is beyond 255 is not counted */
	uint8_t forged;       /* datagrams that the try has met */
	uint8_t status;       /* enum dns_status, if nothing better comes */
	uint8_t waiting;      /* enum waiting */
	bool in_channel;      /* c-ares holds it, as it may when it is free */

	uint64_t past_key __attribute__((aligned(LINE_BYTES))); /* of the query that is out */
	uint8_t query[DNS_QUERY_MAX];

	uint64_t deadline_ns __attribute__((aligned(LINE_BYTES)));
	uint64_t timeout_ns;
	uint32_t local;
	uint32_t next;        /* in a list */
	uint32_t prev;
	uint32_t stream;
	uint32_t trial;       /* which, of the resolvers' */
	struct wheel_timer timer;
	uint8_t link;         /* the interface that its tuple is of */
};

_Static_assert(offsetof(struct lookup, past_key) == LINE_BYTES, "one cache line before it");
_Static_assert(sizeof(struct lookup) <= DNS_ASK_BYTES, "as the header says");

/* One for each connection: what came of a reply, and the truncated answer that it is to replace. */
struct stream {
	uint32_t next;            /* of the free */
	uint16_t sent;            /* bytes of the query, its length before it */
	uint16_t truncated_len;
	uint32_t have;
	uint8_t truncated[UDP_DATA_MAX];
	uint8_t bytes[2 + DNS_MESSAGE_MAX];
};

_Static_assert(sizeof(struct stream) <= DNS_STREAM_BYTES, "as the header says");

struct list {
	uint32_t head;
	uint32_t tail;
};

/* For a resolver's token; for room in udp's queue alone; for a stream; with a stream, for leave to connect. */
enum waiting { WAITING_RESOLVER, WAITING_ROOM, WAITING_STREAM, WAITING_LEAVE, WAITINGS };

struct dns {
	struct dns_config config;
	struct channels *channels;
	struct chance chance;
	struct lookup *lookup;
	uint32_t capacity;      /* of lookup[], trials included */
	uint32_t touched;
	uint32_t *free;         /* places that were given back: a stack */
	uint32_t free_count;
	uint32_t live;          /* asks */
	uint32_t trials;
	bool stopped;
	bool crowded;           /* no tuple was free for a query, and none has ended since */
	struct list waiting[WAITINGS];
	struct stream *streams;
	uint32_t streams_free;
	uint32_t streams_touched;
	/* Tries that are over, by a keyed hash: given up, and answered. What finds no place pushes
	 * another out. */
	uint64_t *past[2];
	uint64_t past_mask;
	uint64_t past_key;
	uint32_t *asking;       /* queries that are out, by local port */
	/* Of lookups, one each, which only ever goes off early: it is set when its lookup is due sooner, and
	 * otherwise finds that it is not yet, if at all. So a lookup that is answered in time moves none.
	 * c-ares' own timers are not used: it looks at them only when it hears something, and by the
	 * clock of the kernel. */
	struct wheel wheel;
	uint64_t heard_ns;      /* what came before is known */
	struct dns_stats stats;
};

static inline uint32_t
lookup_number(const struct dns *d, const struct lookup *l)
{
	return (uint32_t)(l - d->lookup);
}

/* Its time has come then, whatever was said before. */
static inline void
lookup_time(struct dns *d, struct lookup *l, uint64_t at_ns)
{
	uint32_t tick = wheel_tick_up(at_ns);

	l->due_ns = at_ns;
	if (!wheel_is_set(&l->timer) || (int32_t)(tick - l->timer.tick) < 0)
		wheel_set(&d->wheel, lookup_number(d, l), tick);
}

static inline void
lookup_untime(struct lookup *l)
{
	l->due_ns = TIME_NEVER;
}

/* lookup.c: how they begin, wait and end. */
int lookup_new(struct dns *d, const struct dns_ask *ask, uint64_t now_ns, struct lookup **out);
void lookup_wait(struct dns *d, struct lookup *l, enum waiting where);
void lookup_unwait(struct dns *d, struct lookup *l);
void lookup_finish(struct dns *d, struct lookup *l, enum dns_status status, enum grab_cause cause,
		   struct span message, bool is_tcp, uint64_t now_ns);
void lookup_fail(struct dns *d, struct lookup *l, uint64_t now_ns);
bool lookup_may_retry(const struct dns *d, const struct lookup *l, uint64_t now_ns);
void lookup_retry(struct dns *d, struct lookup *l, uint64_t now_ns);
/* Whether it is a question of a resolver that lies; and to have it asked of another, whatever its tries. */
bool lookup_is_of_liar(const struct dns *d, const struct lookup *l);
void lookup_ask_another(struct dns *d, struct lookup *l, uint64_t now_ns);

/* query.c: a try over UDP, and what a reply means. */
unsigned int query_send_waiting(struct dns *d, enum waiting where, uint64_t now_ns);
void query_end(struct dns *d, struct lookup *l, enum dns_try_end end);
void query_lost(struct dns *d, struct lookup *l, uint64_t now_ns);
size_t query_len(struct lookup *l);
void query_settle(struct dns *d, struct lookup *l, struct span message, bool is_tcp, uint64_t now_ns);

/* What a message that says it is the reply to a lookup's query has wrong first. */
enum query_fit { QUERY_FITS, QUERY_MALFORMED, QUERY_OTHER_ID, QUERY_OTHER_QUESTION, QUERY_OTHER_CASE };
enum query_fit query_fit(const struct lookup *l, struct span message);

/* stream.c: a try over TCP. */
int stream_init(struct dns *d);
void stream_follow(struct dns *d, struct lookup *l, struct span truncated, uint64_t now_ns);
bool stream_begin_waiting(struct dns *d, uint64_t now_ns);
void stream_leave(struct dns *d, struct lookup *l, uint64_t now_ns); /* one that waits to connect waits no more */
void stream_end(struct dns *d, struct lookup *l, enum dns_try_end end);
void stream_lost(struct dns *d, struct lookup *l, enum dns_try_end end, uint64_t now_ns);
void stream_give(struct dns *d, uint32_t number);

/* past.c: tries that are over, and what comes for them. */
int past_init(struct dns *d);
uint64_t past_key_of(const struct dns *d, const struct lookup *l);
void past_ahead(const struct dns *d, const struct lookup *l); /* fetches where past_note() will note it */
void past_note(struct dns *d, const struct lookup *l, bool answered);
/* Whether a message fits one of them; it is counted then. */
bool past_knows(struct dns *d, const struct flow_tuple *tuple, struct span message);

#endif /* DNS_INTERNAL_H */
