/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The canary role: a probe each few seconds to targets that are known to answer.
 *
 * It goes the way of all frames: made by the scan's own module, past gate, pacer and ledger, and its reply is
 * validated by a cookie. But the cookie is of a plan of its own (COOKIE_CANARY), so that a reply is told from a
 * target's: it is no target's, makes no record, and a canary that is a target besides is probed like any
 * other. Receivers take the replies out and note them here; what a SYN-ACK opened is reset at once.
 *
 * The role belongs to one lcore. canary_note() is for receivers, canary_silent() for anyone.
 */
#ifndef FABRIC_CANARY_H
#define FABRIC_CANARY_H

#include <stdatomic.h>
#include <stdint.h>

#include "classify/classify.h"
#include "fabric/fabric.h"
#include "fabric/outlet.h"
#include "gate/gate.h"

#define CANARIES_MAX 16

/* Time between two rounds, in which every one of them is asked. */
#define CANARY_PERIOD_NS (UINT64_C(2) * 1000 * 1000 * 1000)

struct canary_config {
	uint32_t address[CANARIES_MAX];
	uint16_t port[CANARIES_MAX]; /* 0 where the module has none */
	unsigned int count;
	const struct gate *gate;     /* one that comes to be excluded is no longer asked */
	const struct outlet *outlets;
};

struct canary {
	struct canary_config config;
	uint64_t next_ns;
	uint32_t asked; /* of the last round, a bit each */
	uint64_t asked_ns;
	_Alignas(64) _Atomic uint32_t answered; /* since then; set by receivers */
	_Atomic unsigned int silent;            /* rounds in a row in which none of those asked did */
	_Atomic uint64_t good_ns; /* when the last round was asked in which one did; 0: none yet */
};

extern const struct role_ops canary_role;

void canary_init(struct canary *c, const struct canary_config *config);

/* A reply with use COOKIE_CANARY has come in. An error that a router sends is no answer. */
void canary_note(struct canary *c, const struct reply *reply);

static inline unsigned int
canary_silent(const struct canary *c)
{
	return atomic_load_explicit(&c->silent, memory_order_relaxed);
}

static inline uint64_t
canary_good_ns(const struct canary *c)
{
	return atomic_load_explicit(&c->good_ns, memory_order_relaxed);
}

#endif /* FABRIC_CANARY_H */
