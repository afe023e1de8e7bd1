/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small network of nodes, on a virtual clock: each takes a packet and hands it on, changed, later,
 * twice or not at all. Chains of them make a path with just the faults that a test asks for, each from
 * the seed and the number of the packet.
 */
#ifndef TESTS_TCP_SIM_H
#define TESTS_TCP_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"

struct sim_node;

struct sim_packet {
	struct sim_packet *next;
	struct sim_node *to;
	uint64_t at_ns;
	size_t len;
	uint8_t bytes[];
};

struct sim {
	uint64_t now_ns;
	uint64_t seed;
	struct sim_packet *first; /* on their way, by time */
};

struct sim_node {
	/* Owns the packet. */
	void (*take)(struct sim *, struct sim_node *, struct sim_packet *);
	struct sim_node *next;
	void *context;
	uint64_t seen;       /* packets so far */
	uint32_t share;      /* of packets that it strikes, in thousandths */
	uint64_t delay_ns;
	uint64_t jitter_ns;  /* added where it strikes: reorders */
	int64_t position;    /* of the packet that it drops; -1: none */
};

static inline struct sim_packet *
sim_packet_new(const void *bytes, size_t len)
{
	struct sim_packet *p = malloc(sizeof(*p) + len);

	if (p == NULL)
		abort();
	*p = (struct sim_packet){.len = len};
	memcpy(p->bytes, bytes, len);
	return p;
}

static inline void
sim_pass(struct sim *s, struct sim_node *n, struct sim_packet *p)
{
	n->next->take(s, n->next, p);
}

/* In order of time, and of coming among equals. */
static inline void
sim_schedule(struct sim *s, struct sim_node *to, struct sim_packet *p, uint64_t at_ns)
{
	struct sim_packet **link = &s->first;

	while (*link != NULL && (*link)->at_ns <= at_ns)
		link = &(*link)->next;
	p->to = to;
	p->at_ns = at_ns;
	p->next = *link;
	*link = p;
}

/* Whether the node strikes its next packet. */
static inline bool
sim_strikes(const struct sim *s, const struct sim_node *n, uint64_t salt)
{
	uint64_t u = hash_mix64(hash_mix64(s->seed + salt) + n->seen);

	return u % 1000 < n->share;
}

static inline void
sim_lose(struct sim *s, struct sim_node *n, struct sim_packet *p)
{
	bool lost = sim_strikes(s, n, 1 + (uint64_t)n->delay_ns);

	n->seen++;
	if (lost)
		free(p);
	else
		sim_pass(s, n, p);
}

static inline void
sim_drop_position(struct sim *s, struct sim_node *n, struct sim_packet *p)
{
	if ((int64_t)n->seen++ == n->position)
		free(p);
	else
		sim_pass(s, n, p);
}

static inline void
sim_duplicate(struct sim *s, struct sim_node *n, struct sim_packet *p)
{
	bool twice = sim_strikes(s, n, 2);

	n->seen++;
	if (twice)
		sim_pass(s, n, sim_packet_new(p->bytes, p->len));
	sim_pass(s, n, p);
}

/* Delays all, and some by more: those come out of order. */
static inline void
sim_delay(struct sim *s, struct sim_node *n, struct sim_packet *p)
{
	uint64_t delay_ns = n->delay_ns;

	if (sim_strikes(s, n, 3))
		delay_ns += hash_mix64(s->seed ^ n->seen << 20) % (n->jitter_ns + 1);
	n->seen++;
	sim_schedule(s, n->next, p, s->now_ns + delay_ns);
}

static inline uint64_t
sim_next_ns(const struct sim *s)
{
	return s->first != NULL ? s->first->at_ns : TIME_NEVER;
}

/* Hand over what is due now. */
static inline void
sim_run(struct sim *s)
{
	while (s->first != NULL && s->first->at_ns <= s->now_ns) {
		struct sim_packet *p = s->first;

		s->first = p->next;
		p->to->take(s, p->to, p);
	}
}

static inline void
sim_drain(struct sim *s)
{
	while (s->first != NULL) {
		struct sim_packet *p = s->first;

		s->first = p->next;
		free(p);
	}
}

#endif /* TESTS_TCP_SIM_H */
