/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: what a grabber keeps of each conversation, in a pool that is made at the start.
 *
 * A session talks, or waits until a connection may be opened for it, in a line of its kind. All of them are
 * a list in the order in which their SYN-ACKs came, so that the oldest is known. Those that talk and
 * of a banner wait for its silence stand in a queue: the time is the same for all of a job, so
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
#include "names/names.h"
#include "tcp/tcp.h"
#include "tls/tls.h"

/* What a connection is opened for. */
enum session_line {
	SESSION_LOOK,  /* another look at a host that refused */
	SESSION_NAME,  /* another name of a host */
	SESSION_AGAIN, /* the first, at a host that was declined */
	SESSION_LINES
};

struct session {
	struct tcp_conn *conn;    /* NULL: it has ended */
	struct grab *grab;        /* NULL: it does not talk */
	struct tls_session *tls;  /* made when the peer has window */
	struct banner banner;
	uint64_t since_ns; /* when its SYN-ACK came */
	struct flow_tuple tuple;
	const char *name;         /* to ask for; NULL: none */
	struct names_walk walk;   /* over the host's, up to it */
	uint32_t older, younger;  /* neighbours of all; older: also the next free one */
	uint32_t behind;          /* in the queue, or its line */
	uint64_t due_ns;          /* when its turn in the queue comes */
	bool is_queued;
	bool has_spoken;          /* the module has begun */
	bool waits;               /* for a connection to be opened */
	uint8_t line;             /* enum session_line; of the connection that is open, or waited for */
	uint8_t look;             /* enum grab_look, likewise */
	uint8_t opened;           /* connections that were opened for it */
	uint8_t link;
};

struct session_fifo {
	uint32_t head, tail;
};

struct session_pool {
	struct session *all; /* all[0] stands for none */
	uint32_t most;    /* that may talk */
	uint32_t touched; /* numbers up to this have been in use */
	uint32_t free;
	uint32_t live;      /* that talk */
	uint32_t waiting[SESSION_LINES]; /* that wait, by what for */
	uint32_t lingering; /* ended, but for their place in the queue */
	uint32_t oldest, youngest;
	struct session_fifo queue;
	struct session_fifo lines[SESSION_LINES]; /* of those that wait, unless they were taken out */
};

/*
 * For so many that talk and so many more that wait, which is the caller's to keep to. 0 or -ENOMEM; memory
 * is touched as far as it is used.
 */
int session_pool_init(struct session_pool *p, uint32_t most, uint32_t most_waiting);
void session_pool_fini(struct session_pool *p);

/* How many could begin to talk now. */
static inline uint32_t
session_room(const struct session_pool *p)
{
	return p->most - p->live - p->lingering;
}

/* How many wait, in all lines. */
static inline uint32_t
session_waiting(const struct session_pool *p)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < SESSION_LINES; i++)
		n += p->waiting[i];
	return n;
}

/* A session that talks, zeroed but for its place in the list; there must be room. */
uint32_t session_begin(struct session_pool *p, uint64_t since_ns);

/* A session that waits, at the end of a line, likewise. */
uint32_t session_begin_waiting(struct session_pool *p, uint64_t since_ns, enum session_line line);

/* End it; one that is queued leaves the queue when its turn comes. Not while it stands in a line. */
void session_end(struct session_pool *p, uint32_t number);

/* One that talks, and is in no queue, waits from now on: at the end of a line. */
void session_wait(struct session_pool *p, uint32_t number, enum session_line line);

/* The first of a line, which leaves it but goes on waiting; 0: nobody stands there. */
uint32_t session_leave_line(struct session_pool *p, enum session_line line);

/* One that waits, in no line, talks from now on; there must be room. */
void session_talk(struct session_pool *p, uint32_t number);

/* To the end of the queue, unless it is in it already. */
void session_queue(struct session_pool *p, uint32_t number, uint64_t due_ns);

/* When the head's turn comes; TIME_NEVER for an empty queue. */
uint64_t session_due_ns(const struct session_pool *p);

/* The head of a queue that is not empty leaves it: 0 when it has ended meanwhile. */
uint32_t session_unqueue(struct session_pool *p);

#endif /* FABRIC_SESSION_H */
