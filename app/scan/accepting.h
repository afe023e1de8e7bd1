/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Networks that acknowledge everything: who accepted there is no host.
 *
 * A /24 is one when of the targets that this run probed there, and asked by a grab, at least ACCEPTING_TARGETS
 * and ACCEPTING_PERCENT accepted, and none ever said a word (acceptors/acceptors.h). Neighbours are told as one
 * network. Which targets of a /24 were probed is computed, not remembered: theirs are positions of the order.
 *
 * Control thread.
 */
#ifndef SCAN_ACCEPTING_H
#define SCAN_ACCEPTING_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "acceptors/acceptors.h"
#include "inputs.h"

#define ACCEPTING_TARGETS 16
#define ACCEPTING_PERCENT 90

/* The most networks that are listed; that there are more is said. */
#define ACCEPTING_LISTED_MAX 10000

struct accepting_network {
	uint32_t address;
	uint8_t prefix_len; /* 24 or shorter */
	uint64_t probed;    /* targets */
	uint64_t accepted;
};

struct accepting {
	struct accepting_network *networks; /* ascending */
	size_t listed;
	uint64_t count;      /* listed, and those that found no place */
	uint64_t responders; /* in all of them */
};

/* What a run has probed and asked. */
struct accepting_scope {
	const struct inputs *inputs;
	struct perm_span probed;     /* positions */
	const uint8_t *task_of_port; /* not 0 where a grab asks */
};

/* Judge what was noted; a may be NULL: nothing was. 0 or -ENOMEM. Free in either case. */
int accepting_find(struct accepting *found, const struct acceptors *a, const struct accepting_scope *scope);
void accepting_free(struct accepting *found);

/* A line for people, if there are any; and members of the manifest. */
void accepting_print(FILE *f, const struct accepting *found);
void accepting_put(FILE *f, const struct accepting *found);

#endif /* SCAN_ACCEPTING_H */
