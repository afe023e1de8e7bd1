/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The grabber: the half of a worker that talks with responders.
 *
 * It adopts the connection that a validated SYN-ACK has opened (tcp/tcp.h), runs on it what the job
 * asks for its port (tls/tls.h, banner/banner.h), and hands what was seen to the writer as a struct
 * grab (grab/grab.h). The modules that it wires do not know one another.
 *
 * Credits. A responder is adopted only when all that it may come to need is there: a session, a
 * connection, TLS memory, blocks for what it says, a place on the ring to the writer. What is missing
 * is told (enum grabber_answer), the worker lets the responder wait and asks again: nothing that
 * was adopted ever lacks anything later.
 *
 * Opens. A host that refuses everything modern is looked at once more for each older kind of TLS that the
 * job names; one that has several names is asked for one after another, each by a handshake of its own;
 * a responder that was declined is tried again when there is room, if the job says so. Each by a
 * connection of its own (tcp_open()) from the ports of COOKIE_OPEN in the worker's
 * bucket, so that its answers come back here. Until there is credit, and the caps on its networks allow
 * a SYN, it waits; for who was adopted there is always a place to wait.
 *
 * Ledger: adopted + opened = the sum of how they ended = grab records made; for each cause to open one,
 * wanted = opened + given up.
 *
 * A struct grabber belongs to its worker's lcore. A struct grabber_plan is shared and immutable.
 */
#ifndef FABRIC_GRABBER_H
#define FABRIC_GRABBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "banner/banner.h"
#include "classify/classify.h"
#include "fabric/outlet.h"
#include "gate/gate.h"
#include "grab/grab.h"
#include "ledger/ledger.h"
#include "names/named.h"
#include "names/names.h"
#include "polite/polite.h"
#include "tls/tls.h"

struct rte_ring;
struct grabber;

/* One of the job's grabs. */
struct grabber_task {
	enum grab_module module;
	struct tls_spec tls;       /* of GRAB_TLS */
	const char *server_name;   /* to indicate to every host; NULL: the target's own, if it has one */
	bool indicate;             /* whether to indicate any */
	struct banner_spec banner; /* of GRAB_BANNER */
	uint64_t timeout_ns;       /* of a connection, whatever its progress */
	bool retry_declined;       /* who was declined is tried again */
};

/* Declined responders of a worker that may wait to be tried again. */
#define GRABBER_AGAIN_MAX 65536

/* Of hosts that were talked with, those that may wait for another connection, or talk: so many times the sessions. */
#define GRABBER_FOLLOWERS 2

/* The most grabs of one job. */
#define GRABBER_TASKS_MAX 64

/* What to do with whom. Everything is borrowed. */
struct grabber_plan {
	const struct grabber_task *tasks;
	unsigned int task_count;
	const uint8_t *task_of_port; /* [65536]: 1 + the task of a port; 0: nobody talks with it */
	const struct names *names; /* that targets were listed by; NULL: none */
};

struct grabber_config {
	const struct grabber_plan *plan;
	const struct outlet *outlets; /* by interface */
	unsigned int outlet_count;
	const struct gate *gate;
	struct rte_ring *grabs;     /* to the writer: pointers to struct grab; one producer, one consumer */
	struct ledger *ledger;
	struct polite *polite;      /* caps on what is opened, the grabber's own; NULL: none */
	bool never_opens;           /* nothing may be opened at all */
	const struct named *named;  /* names that an earlier run has dealt with; NULL: none */
	uint32_t sessions;          /* at once, of any module */
	uint32_t tls_sessions;      /* at once, of TLS: what memory allows (TLS_SESSION_BYTES each) */
	uint64_t key[2];            /* secret and random */
	uint64_t replay_seed;       /* of simulation, for tls_new(); 0: none */
};

/* Bytes that a grabber of this size takes; touched as far as they are used. */
size_t grabber_memory_bytes(const struct grabber_config *config);

/* NULL without memory. */
struct grabber *grabber_new(const struct grabber_config *config, uint64_t now_ns);

/* All grabs that it handed over must have been freed. NULL is fine. */
void grabber_free(struct grabber *g);

/* A ring for the grabs of so many sessions, from one worker to the writer, or NULL. */
struct rte_ring *grabber_ring_new(unsigned int worker, uint32_t sessions);

/* Whether the job has a grab for a port. */
static inline bool
grabber_wants(const struct grabber_plan *plan, uint16_t port)
{
	return plan->task_of_port[port] != 0;
}

enum grabber_answer {
	GRABBER_ADOPTED,
	GRABBER_NO_CONNECTION, /* nor session */
	GRABBER_NO_MEMORY,     /* of TLS, or for what it says */
	GRABBER_NO_RECORD,     /* the writer is behind */
};

/* Adopt a first SYN-ACK, of a port that grabber_wants(). */
enum grabber_answer grabber_adopt(struct grabber *g, const struct reply *r, uint64_t now_ns);

/*
 * A responder that is declined: put it on the list of those that are tried again. False: the job does not
 * want it, nothing is opened any more, or GRABBER_AGAIN_MAX wait. It is the worker's to reset in either case.
 */
bool grabber_postpone(struct grabber *g, const struct reply *r);

/* Whether those may have their turn, since nobody waits to be adopted. At first not. */
void grabber_let_retry(struct grabber *g, bool may_retry);

/* No connection is opened from now on; what waits for one is given up. */
void grabber_end_opening(struct grabber *g, uint64_t now_ns);

/* A repeated SYN-ACK: true when a connection took it, else it is the worker's to reset. */
bool grabber_repeat(struct grabber *g, const struct reply *r, uint64_t now_ns);

/* A RST that answers to its cookie: of a connection here, if there is one. */
void grabber_reset(struct grabber *g, const struct reply *r, uint64_t now_ns);

/* A packet from its IPv4 header on, TCP or an ICMP error; whether it is of a connection here. */
bool grabber_packet(struct grabber *g, const uint8_t *packet, size_t len, uint64_t now_ns);

/* Timers, and as many frames as there is room for. How much was done. */
unsigned int grabber_poll(struct grabber *g, uint64_t now_ns);

/* When grabber_poll() is next worth calling if nothing comes in. */
uint64_t grabber_next_ns(const struct grabber *g, uint64_t now_ns);

/* Whether half of what there is is taken, or all but 16,384: time to slow down, for more responders are on
 * their way. */
bool grabber_is_crowded(const struct grabber *g);

/* Sessions: those that talk, and those that wait. */
uint32_t grabber_live(const struct grabber *g);

/* When the SYN-ACK of the oldest of them came; TIME_NEVER without any. */
uint64_t grabber_oldest_ns(const struct grabber *g);

/* After the lcores have stopped: end what still lives, as stopped, without a frame more. */
void grabber_fini(struct grabber *g, uint64_t now_ns);

#endif /* FABRIC_GRABBER_H */
