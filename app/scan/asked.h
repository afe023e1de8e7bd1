/* SPDX-License-Identifier: BSD-3-Clause */
/* How far the looking up of names is, for people and for programs that watch it. Control thread. */
#ifndef SCAN_ASKED_H
#define SCAN_ASKED_H

#include <stdint.h>

#include "engine.h"
#include "resolvers/resolvers.h"

struct asked {
	uint64_t names;    /* that have been looked up */
	uint32_t live;     /* under way */
	uint64_t queries;  /* sent, over UDP and TCP */
	uint64_t results;  /* of names: one for each type */
	uint64_t success;  /* of them, those that say what there is, or that there is no such name */
	uint64_t timeouts; /* and those that nobody answered */
	uint64_t servfail;
	uint64_t resolvers[RESOLVERS_STATES]; /* none in direct mode */
};

/* Of a running engine whose ledger this is; all 0 where no names are looked up. */
void asked_take(const struct engine *e, const struct ledger *l, struct asked *out);

/* 100 where there are no results yet. */
double asked_success_percent(const struct asked *a);

#endif /* SCAN_ASKED_H */
