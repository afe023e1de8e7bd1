/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Grabs: what a worker saw of a responder, or of a name that it looked up, on its way to the writer.
 *
 * A struct grab is made by a worker when it adopts a connection, filled by the module that talks
 * (tls, banner), and handed to the writer by pointer: one word on a ring. It holds facts, and chunks:
 * the raw bytes of what was seen, in the order in which it was seen, each with its time. Nothing is
 * parsed into it; lib/grabrecord does that on the writer's thread.
 *
 * A lookup travels the same way: one name, and a result for each type that was asked for.
 *
 * Memory is a pool of blocks of GRAB_BLOCK_BYTES. A grab takes one when it is made and more as
 * chunks come: an ordinary chain of three certificates takes four. What is captured is bounded by
 * GRAB_CAPTURE_MAX bytes, and by the pool: when it is empty, chunks are cut and `cut` says so, the
 * grab itself goes on. A pool belongs to one thread, its worker, but grab_free() may be called by
 * any: what others give back is pushed on a list by compare-and-swap, and the owner takes that
 * list as a whole (so nothing can be taken and pushed again in between) when its own is empty.
 *
 * Pure; no call but grab_pool_new() allocates.
 */
#ifndef GRAB_GRAB_H
#define GRAB_GRAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define GRAB_BLOCK_BYTES 2048
#define GRAB_CAPTURE_MAX (160 * 1024) /* bytes of chunks, their heads included */

enum grab_module { GRAB_TLS, GRAB_BANNER, GRAB_DNS };

/* The furthest that a grab came. */
enum grab_stage {
	GRAB_CONNECT,      /* no byte was sent */
	GRAB_HELLO_SENT,   /* tls: the ClientHello was given to TCP */
	GRAB_SERVER_HELLO, /* tls: a ServerHello came that is no retry request */
	GRAB_CERTIFICATE,  /* tls: a Certificate message came */
	GRAB_HANDSHAKE,    /* tls: both sides are finished */
	GRAB_SENT,         /* banner: the request was given to TCP */
	GRAB_DATA,         /* banner: a byte came */
	GRAB_QUERY,        /* dns: a query was sent */
	GRAB_ANSWER,       /* dns: an answer came */
	GRAB_STAGES,
};

/* What ended it. */
enum grab_cause {
	GRAB_COMPLETE,    /* as deep as was asked for */
	GRAB_TIMEOUT,     /* the deadline */
	GRAB_CLOSED,      /* the peer's FIN */
	GRAB_RESET,       /* the peer's RST */
	GRAB_REFUSED,     /* RST to an active open's SYN */
	GRAB_UNREACHABLE, /* an ICMP error */
	GRAB_ALERT,       /* tls: the peer's fatal alert */
	GRAB_VERSION,     /* tls: the peer chose a version that was not offered */
	GRAB_NOT_TLS,     /* tls: the first bytes are of another protocol */
	GRAB_BAD_RECORD,  /* tls: a record that is malformed or does not decrypt */
	GRAB_BAD_MESSAGE, /* tls: a message that is malformed, out of place or not acceptable */
	GRAB_TOO_LARGE,   /* tls: more bytes or certificates than the limits allow */
	GRAB_EXCLUDED,    /* the address was excluded meanwhile */
	GRAB_STOPPED,     /* the scan was stopped */
	GRAB_NO_MEMORY,
	GRAB_INTERNAL,    /* a fault of ours */
	GRAB_CAUSES,
};

/*
 * Whether a service is behind a port that accepted, as far as TCP can tell: LZR's question (Izhikevich,
 * Teixeira and Durumeric, "LZR: Identifying Unexpected Internet Services", USENIX Security 2021), for
 * what accepts is often a middlebox.
 */
enum grab_service {
	GRAB_UNTOLD,         /* nobody accepted, or the grab ended before it could be seen */
	GRAB_SPOKE,          /* a byte came */
	GRAB_SILENT,         /* it acknowledged what we said, and said nothing */
	GRAB_UNASKED,        /* it said nothing, and neither did we */
	GRAB_UNACKNOWLEDGED, /* it never acknowledged a byte of what we said */
	GRAB_RST,            /* it reset the connection without a word */
	GRAB_FIN,            /* it closed it without a word */
	GRAB_ZERO_WINDOW,    /* without a word, and its window was closed to the end */
	GRAB_SERVICES,
};

/* How a TLS server was spoken to: the first look, or one of those that old servers get. */
enum grab_look {
	GRAB_LOOK_FIRST,
	GRAB_LOOK_WEAK, /* a hand-made hello, SSL 3 to TLS 1.2 with every suite there ever was */
	GRAB_LOOK_SSL3, /* SSL 3 alone, without extensions */
	GRAB_LOOK_SSL2,
	GRAB_LOOKS,
};

/* Where a name that was looked up came from. */
enum grab_origin {
	GRAB_ORIGIN_LIST,
	GRAB_ORIGIN_CERTIFICATE,
	GRAB_ORIGIN_RESPONDER, /* the name of its address, for PTR */
	GRAB_ORIGIN_TARGET,    /* to be scanned */
	GRAB_ORIGINS,
};

enum grab_chunk_type {
	GRAB_CHUNK_HANDSHAKE,      /* a message of the peer with its four bytes of head */
	GRAB_CHUNK_ALERT_RECEIVED, /* level, description */
	GRAB_CHUNK_ALERT_SENT,
	GRAB_CHUNK_RAW,            /* the peer's first bytes where they are no TLS */
	GRAB_CHUNK_SSL2,           /* a message of SSLv2, its type first */
	GRAB_CHUNK_BANNER,
	GRAB_CHUNK_ERROR,          /* words of what went wrong, for people */
	GRAB_CHUNK_DOMAIN,         /* the name that was asked for */
	GRAB_CHUNK_DNS_NAME,       /* in wire form, uncompressed; then the text it was given as, if that differs */
	GRAB_CHUNK_DNS_RESULT,     /* struct grab_dns_result, then the message that came, with the id as asked */
	GRAB_CHUNKS,
};

/* Before the bytes of a chunk. */
struct grab_chunk_head {
	uint32_t len;   /* of what is held */
	uint32_t at_us; /* since started_ns */
	uint8_t type;   /* enum grab_chunk_type */
	uint8_t cut;    /* the peer sent more than is held */
	uint16_t zero;
};

/* What became of one question of a lookup. Host order; copied by memcpy. */
struct grab_dns_result {
	uint32_t resolver;    /* that answered, or was asked last; 0: nobody was */
	uint32_t duration_us; /* from the first try to the end */
	uint32_t started_us;  /* since the grab's started_ns */
	uint16_t resolver_port;
	uint16_t type;        /* that was asked for */
	uint8_t status;       /* enum dns_status (dnsmsg/dnsmsg.h) */
	uint8_t tries;
	uint8_t is_tcp;
	uint8_t stage;        /* enum grab_stage: GRAB_QUERY, GRAB_ANSWER; GRAB_CONNECT: nothing was sent */
	uint8_t cause;        /* enum grab_cause */
	uint8_t zero[3];
};

_Static_assert(sizeof(struct grab_dns_result) == 24, "no padding");

struct grab_pool;
struct grab_block;

struct grab {
	struct grab_pool *pool;
	struct grab_block *last; /* where the next byte goes */
	uint64_t started_ns;     /* the run's clock: the connection is open, the first query asked for */
	uint64_t ended_ns;
	uint64_t number;         /* dns: of the name in its feed (fabric/feed.h) */
	uint32_t address;        /* the target's, host order; dns: the responder's that the name came from, or 0 */
	uint16_t port;
	uint16_t index;          /* which of the job's grabs, or of its lookups */
	uint8_t module;          /* enum grab_module */
	uint8_t look;            /* enum grab_look */
	uint8_t origin;          /* dns: enum grab_origin */
	bool wildcard;           /* dns: it stood in a certificate as "*." and this name */
	uint8_t stage;           /* enum grab_stage */
	uint8_t cause;           /* enum grab_cause; GRAB_COMPLETE until it ends */
	uint8_t service;         /* enum grab_service */
	bool is_first;           /* of its responder; not another look */
	bool ends_name;          /* of one of its responder's names, or of the lack of any: no other look is to follow */
	bool is_last;            /* of its responder: nothing is to follow */
	bool cut;                /* some chunk is cut */
	bool has_tcp;            /* the next four were set, from the SYN-ACK */
	uint8_t ttl;
	uint8_t wscale;
	uint16_t window;
	uint16_t mss;
	uint32_t stage_us[GRAB_STAGES]; /* when each was reached, since started_ns; 0: not */
	uint32_t received_bytes; /* of the peer's stream */
	uint32_t captured;       /* bytes of chunks, heads included */
	uint32_t head_at;        /* of the open chunk: where its head stands */
	uint32_t blocks;
};

/* It will soon be appended to: fetch what that touches of it. */
static inline void
grab_ahead(const struct grab *g)
{
	for (size_t at = 0; at < 384; at += 64)
		__builtin_prefetch((const uint8_t *)g + at, 1);
}

/* A pool of so many blocks, or NULL. */
struct grab_pool *grab_pool_new(size_t blocks);

/* All its grabs must have been freed. NULL is fine. */
void grab_pool_free(struct grab_pool *pool);

/* The owner: blocks that can be had now. A grab needs one to begin with. */
size_t grab_pool_room(struct grab_pool *pool);

/* The owner: an empty grab, or NULL when no block is free. */
struct grab *grab_new(struct grab_pool *pool, enum grab_module module, uint64_t now_ns);

/* Any thread, once, when nobody uses it any more. NULL is fine. */
void grab_free(struct grab *g);

/* Note a stage that was reached; going back is not. */
void grab_reach(struct grab *g, enum grab_stage stage, uint64_t now_ns);

/* Note how it ended; the first word counts. */
void grab_end(struct grab *g, enum grab_cause cause, uint64_t now_ns);
bool grab_has_ended(const struct grab *g);

/* Add a chunk; what does not fit is cut. */
void grab_add(struct grab *g, enum grab_chunk_type type, struct span bytes, uint64_t now_ns);

/* A chunk in pieces: open one (which ends the one before) and append to it. */
void grab_open(struct grab *g, enum grab_chunk_type type, uint64_t now_ns);
void grab_append(struct grab *g, struct span bytes);

/* The open chunk stays incomplete. */
void grab_mark_cut(struct grab *g);

/*
 * Copy all chunks into buf, of GRAB_CAPTURE_MAX bytes, for grab_next(). The number of bytes.
 */
size_t grab_copy(const struct grab *g, uint8_t *buf);

/* The next chunk of a copy: its head and its bytes, and the span moves on. False at the end. */
bool grab_next(struct span *copy, struct grab_chunk_head *head, struct span *bytes);

/* The words of records: "server_hello", "timeout". */
const char *grab_stage_name(enum grab_stage stage);
const char *grab_cause_name(enum grab_cause cause);
const char *grab_look_name(enum grab_look look);
const char *grab_origin_name(enum grab_origin origin);
const char *grab_service_name(enum grab_service service); /* NULL for GRAB_UNTOLD */

/* zgrab2's word for how a grab ended: "success", "io-timeout", "handshake-error". */
const char *grab_status_name(const struct grab *g);

#endif /* GRAB_GRAB_H */
