/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Servers: the hosts' side of TCP connections (RFC 9293), for the files of lib/world alone.
 *
 * A connection exists from the segment that completes its handshake; until then a host keeps
 * nothing, its SYN-ACK's sequence number being a function of the SYN's that says the client's MSS
 * and window scale (as SYN cookies are, RFC 4987, 3.6; see world/answer.h).
 *
 * A host acts at the time at which it is told; the whole latency of its network lies on the way
 * back. What is on its way is an event with a copy of its bytes, so it arrives whatever becomes of
 * the connection.
 *
 * server.c holds connections and hears, server_say.c says and keeps time, speak.c is what services
 * say; resolver.c is what those of DNS do.
 */
#ifndef WORLD_SERVER_H
#define WORLD_SERVER_H

#include "world/blocks.h"
#include "world/stage.h"

#define SERVER_QUEUE_MAX 16384 /* bytes: queued and not yet acknowledged */
#define SERVER_EARLY_MAX 16    /* segments kept that came before their turn */
#define SERVER_WINDOW 65535    /* bytes taken beyond the next, where the service says nothing */
#define SERVER_CWND_FIRST 10   /* segments (RFC 6928) */
#define SERVER_CWND_MAX 64
#define SERVER_DUP_ACKS 3 /* RFC 5681, 3.2: the first segment is taken for lost */
#define SERVER_TRIES 7 /* of a segment, each gap twice the one before */
#define SERVER_RTO_MIN_NS (200 * NS_PER_MS) /* above the latency */
#define SERVER_FILL_NS (10 * NS_PER_MS) /* until blocks are looked for again */
#define SERVER_IDLE_NS (60 * NS_PER_SEC)
#define SERVER_LINGER_NS (4 * NS_PER_SEC) /* for the one who closed first */

/* Sequence numbers wrap: compared by difference. The queue holds all from snd_una to snd_end, and
 * what the block of snd_una held before. */
struct server {
	uint64_t flow;
	uint64_t heard_ns;  /* the last segment */
	uint64_t resend_ns; /* TIME_NEVER: nothing waits for an acknowledgement, or for a window */
	uint64_t speak_ns;  /* when the service speaks of itself */
	uint64_t fill_ns;   /* when to look for blocks again */
	const struct world_service *service;
	void *session; /* of TLS or DNS */
	uint64_t said; /* bytes queued in all */
	uint32_t index;
	uint32_t next;  /* in its bucket, or of the free */
	uint32_t timer; /* event index; 0: none */
	uint32_t client, host;
	uint16_t client_port, host_port;
	uint32_t rcv_nxt;
	uint32_t snd_first; /* of its first byte: tells it from another of the same ports */
	uint32_t snd_una, snd_nxt, snd_max;
	uint32_t snd_end; /* behind the last byte queued: where a FIN goes */
	uint32_t snd_wnd; /* bytes */
	uint32_t cwnd;
	uint32_t queue_first, queue_last; /* blocks to be said */
	uint32_t early;                   /* blocks heard before their turn, by sequence */
	uint32_t ts_recent;
	uint16_t early_count;
	uint16_t mss;     /* most bytes in a segment */
	uint16_t packets; /* said so far */
	uint16_t network;
	uint16_t tci;
	uint16_t blank; /* speak.c: line feeds in a row */
	uint8_t mac[WIRE_MAC_SIZE];
	uint8_t client_wscale;
	uint8_t tries;
	uint8_t dup_acks;
	bool tagged : 1;
	bool wscaled : 1; /* both sides scale */
	bool has_ts : 1;
	bool cued : 1;      /* the service may speak */
	bool heard_data : 1;
	bool due : 1;       /* a tarpit's byte */
	bool closing : 1;   /* a FIN is to stand at snd_end */
	bool fin_heard : 1;
	bool fin_acked : 1;
	bool closed_first : 1;
};

struct servers {
	struct server *pool; /* pool[0] stands for none */
	uint32_t *buckets;
	uint32_t mask;
	uint32_t capacity;
	uint32_t touched;
	uint32_t free;
	uint32_t open;
	struct blocks blocks;
	const struct world_tls *tls;
};

/* A segment from the client. */
struct server_segment {
	const uint8_t *data;
	uint16_t len;
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	struct wire_tcp_options options;
};

static inline bool
seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* ---- server.c ---- */

/* NULL without memory. */
struct servers *servers_create(uint32_t connections, const struct world_tls *tls);
void servers_free(struct servers *sv);

/*
 * Hear an ACK or RST; awaited: it fits a SYN-ACK that was still to be repeated. Whether it is of a
 * connection.
 */
bool server_hear(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r, bool awaited);

/* Forget a connection; what is on its way still comes. */
void server_end(struct world_stage *s, struct server *c);

/* ---- server_say.c ---- */

/* Say what there is to say, an ACK at the least if that is due, and set the timer. May end the
 * connection. */
void server_say(struct world_stage *s, uint64_t now_ns, struct server *c, bool ack_due);

/* Say the first segment that is not acknowledged once more. */
void server_resend_first(struct world_stage *s, uint64_t now_ns, struct server *c);

/* Say a reset, and end it. */
void server_reset(struct world_stage *s, uint64_t now_ns, struct server *c);

/* The time of an EVENT_TIMER, which is given back, has come. */
void server_timer(struct world_stage *s, uint64_t now_ns, const struct world_event *e);

/* The frame of an answer that has a block; and giving its block back. A copy gets a block of its own: false
 * when there is none. */
unsigned int server_frame(struct world_stage *s, const struct world_event *e, uint64_t flow,
			  uint8_t *frame, uint16_t *packet);
void server_release(struct world_stage *s, const struct world_event *e);
bool server_copy(struct world_stage *s, struct world_event *copy);

/* Bytes that a service takes beyond the next one. */
uint32_t server_window(const struct server *c);

/* ---- speak.c ---- */

/* A connection is made. */
void speak_open(struct server *c, uint64_t now_ns);
/* Bytes in order; how many of them are taken: fewer only when an echo has too much to say. */
size_t speak_hear(struct world_stage *s, struct server *c, const uint8_t *data, size_t len);
/* Whether it may have something to say. */
bool speak_ready(const struct server *c);
/* If it is ready: up to room bytes of what is next to be said; how many. */
size_t speak_say(struct world_stage *s, struct server *c, uint8_t *data, size_t room);
/* Whether all has been said that ever will; and whether there is more to say though the client has
 * closed. */
bool speak_over(const struct world_stage *s, const struct server *c);
bool speak_busy(const struct server *c);
/* The time that it wanted has come. */
void speak_time(struct server *c, uint64_t now_ns);
void speak_close(struct world_stage *s, struct server *c);

/* server_say.c: append what an echo heard; how much there was room for. */
size_t server_queue(struct world_stage *s, struct server *c, const uint8_t *data, size_t len);

#endif /* WORLD_SERVER_H */
