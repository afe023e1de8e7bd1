/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Banners: send a text or nothing, keep what the peer says first.
 *
 * Bytes in, bytes out, as lib/tls: who holds the connection gives what TCP received and sends what
 * banner_output() has. A banner is complete when the peer closes after it said something, when
 * max_bytes are there, or when the peer, having spoken, is silent for quiet_ns: the deadline that
 * banner_deadline_ns() tells, at which the caller calls banner_expire(). A peer that never speaks
 * ends by the caller's own deadline, as banner_abort(GRAB_TIMEOUT), or by closing.
 *
 * The struct is the caller's, 48 bytes; no call allocates. Pure; one thread.
 */
#ifndef BANNER_BANNER_H
#define BANNER_BANNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "grab/grab.h"

struct banner_spec {
	struct span send;      /* borrowed; may be empty */
	bool read_first;       /* send only when the peer has said something */
	uint32_t max_bytes;    /* at most GRAB_CAPTURE_MAX / 2 are kept */
	uint64_t quiet_ns;     /* silence after which what came is all */
};

struct banner {
	const struct banner_spec *spec; /* borrowed */
	struct grab *grab;              /* borrowed; the caller's until it is done */
	uint32_t sent;                  /* bytes of spec->send given away */
	uint32_t kept;
	uint64_t deadline_ns;
	bool ended;
};

/* The grab has been made by the caller, for GRAB_BANNER. */
void banner_begin(struct banner *b, const struct banner_spec *spec, struct grab *grab);

/* Bytes of the peer, in order. Whether more is wanted; false: it has ended, as the grab says. */
bool banner_input(struct banner *b, struct span bytes, uint64_t now_ns);

/* Move bytes to send into buf; how many. */
size_t banner_output(struct banner *b, uint8_t *buf, size_t size, uint64_t now_ns);

/* When to call banner_expire(); TIME_NEVER while the peer has not spoken. */
uint64_t banner_deadline_ns(const struct banner *b);
void banner_expire(struct banner *b, uint64_t now_ns);

/* The peer's FIN. */
void banner_eof(struct banner *b, uint64_t now_ns);

/* Anything else that ends it. */
void banner_abort(struct banner *b, enum grab_cause cause, uint64_t now_ns);

#endif /* BANNER_BANNER_H */
