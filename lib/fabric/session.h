/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: what a grabber keeps of each conversation, in a pool that is made at the start.
 *
 * Sessions that live are a list in the order in which their SYN-ACKs came, so that the oldest is known. Those
 * of a banner that wait for its silence stand in a queue: the time is the same for all of a job, so
 * the queue is ordered by itself. Who hears more in the meantime goes back to its end when its turn
 * comes, and so may wait for up to twice the time.
 *
 * The inside of the grabber. One thread; a session is named by its number, 1 and up, 0 for none.
 */
#ifndef FABRIC_SESSION_H
#define FABRIC_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "banner/banner.h"
#include "grab/grab.h"
#include "tcp/tcp.h"
#include "tls/tls.h"

struct session {
	struct tcp_conn *conn;    /* NULL: it has ended */
	struct grab *grab;
	struct tls_session *tls;  /* made when the peer has window */
	struct banner banner;
	uint64_t since_ns; /* when its SYN-ACK came */
	struct flow_tuple tuple;
	uint32_t older, younger;  /* neighbours among those that live; older: also the next free one */
	uint32_t behind;          /* in the queue */
	uint64_t due_ns;          /* when its turn in the queue comes */
	bool is_queued;
	bool has_spoken;          /* the module has begun */
	uint8_t link;
};

struct session_pool {
	struct session *all; /* all[0] stands for none */
	uint32_t capacity;
	uint32_t touched; /* numbers up to this have been in use */
	uint32_t free;
	uint32_t live;
	uint32_t lingering; /* ended, but for their place in the queue */
	uint32_t oldest, youngest;
	uint32_t head, tail; /* of the queue */
};

/* 0 or -ENOMEM; memory is touched as far as it is used. */
int session_pool_init(struct session_pool *p, uint32_t capacity);
void session_pool_fini(struct session_pool *p);

/* How many could begin now. */
static inline uint32_t
session_room(const struct session_pool *p)
{
	return p->capacity - p->live - p->lingering;
}

/* A session, zeroed but for its place in the list; there must be room. */
uint32_t session_begin(struct session_pool *p, uint64_t since_ns);

/* End it; one that is queued leaves the queue when its turn comes. */
void session_end(struct session_pool *p, uint32_t number);

/* To the end of the queue, unless it is in it already. */
void session_queue(struct session_pool *p, uint32_t number, uint64_t due_ns);

/* When the head's turn comes; TIME_NEVER for an empty queue. */
uint64_t session_due_ns(const struct session_pool *p);

/* The head of a queue that is not empty leaves it: 0 when it has ended meanwhile. */
uint32_t session_unqueue(struct session_pool *p);

#endif /* FABRIC_SESSION_H */
