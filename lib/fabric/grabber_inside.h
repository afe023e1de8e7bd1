/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the grabber: grabber_make.c makes one, grabber_open.c opens connections for what waits, grabber.c
 * does all else. No other module includes this.
 */
#ifndef FABRIC_GRABBER_INSIDE_H
#define FABRIC_GRABBER_INSIDE_H

#include "fabric/grabber.h"
#include "fabric/session.h"
#include "tcp/tcp.h"

/* Blocks that a grab must find when it begins: an ordinary chain. More it takes as it can. */
#define BLOCKS_TO_BEGIN 8

/* Ethernet's. */
#define MTU 1500
#define FRAME_MAX (MTU + sizeof(((struct wire_link *)NULL)->header))

struct grabber {
	struct grabber_config config;
	struct tcp *tcp;
	struct tls *tls;
	struct tls_profile *profiles[GRABBER_TASKS_MAX]; /* of the tasks of GRAB_TLS */
	struct wire_link links[PROBE_IFACES_MAX];
	struct grab_pool *grabs;
	struct session_pool sessions;
	uint32_t tls_live;
	uint64_t now_ns;      /* of the call that is under way */
	bool has_tls;         /* some task is of GRAB_TLS */
	bool is_over;         /* nothing is opened any more */
	bool may_retry;       /* nobody waits to be adopted */
	unsigned int allowed; /* by politeness, and perhaps not out of the door yet */
};

/* The events of TCP; grabber.c. */
extern const struct tcp_events grabber_events;

/* grabber.c: what is missing for one more of a module to talk, if anything. */
enum grabber_answer grabber_credit(struct grabber *g, enum grab_module module);

/* grabber.c: an empty grab of a target, for which there is credit; NULL when there was none after all. */
struct grab *grabber_new_grab(struct grabber *g, uint32_t address, uint16_t port);

/* grabber.c: the terms of a session's connection, from now on. */
struct tcp_begin grabber_begin_of(const struct grabber *g, uint32_t number);

/* grabber.c: the next name that a session's host is to be asked for; NULL: none is left, or there never was one. */
const char *grabber_next_name(const struct grabber *g, struct session *s);

/* grabber.c: the first of them, but for those that an earlier run has dealt with. */
void grabber_begin_names(const struct grabber *g, struct session *s);

/* grabber.c: the session's name into its grab. */
void grabber_note_name(struct grabber *g, struct session *s);

/* grabber.c: a session whose grab has ended. */
void grabber_finish(struct grabber *g, uint32_t number);

/* grabber_open.c: a session that talked is to have another connection; whether that may be. */
bool grabber_want(struct grabber *g, uint32_t number, enum session_line line);

/* grabber_open.c: open what waits, as far as it can; how many. */
unsigned int grabber_open_waiting(struct grabber *g);

/* grabber_open.c: when that is next worth trying. */
uint64_t grabber_open_next_ns(const struct grabber *g);

/* grabber_open.c: those that follow after another connection wait for one. */
uint32_t grabber_followers(const struct grabber *g);

#endif /* FABRIC_GRABBER_INSIDE_H */
