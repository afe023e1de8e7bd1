/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of lib/resolvers: no other module includes this. */
#ifndef RESOLVERS_INTERNAL_H
#define RESOLVERS_INTERNAL_H

#include <stdatomic.h>

#include "base/time.h"
#include "dnsmsg/dnsmsg.h"
#include "resolvers/resolvers.h"

/* A resolver's part of its share, in fixed point. */
#define PART_WHOLE 65536
#define PART_LEAST (PART_WHOLE / 64)
#define PART_STEP (PART_WHOLE / 16)

/* Number of the question whether one that was set aside answers again. */
#define TRIAL RESOLVERS_CANARIES_MAX

struct canary {
	uint8_t name[DNS_NAME_MAX];
	uint8_t name_len;
	uint8_t kind; /* enum resolvers_canary_kind */
	uint8_t address_count;
	uint32_t address[RESOLVERS_CANARY_ADDRESSES];
};

/* What a pick looks at is in the first cache line. */
struct resolver {
	struct resolvers_address address;
	uint8_t state;         /* enum resolvers_state */
	uint8_t silent;        /* questions in a row without an answer */
	bool edns;
	bool trial_is_out;
	uint32_t part;         /* of its share of the rate */
	uint32_t place;        /* in order[] */
	uint64_t tat_ns;       /* the bucket: when it is full again (GCRA) */
	uint64_t latency_ns;
	/* The window that is being judged. */
	uint64_t window_ns;
	uint32_t window_count;
	uint32_t window_bad;
	uint64_t asked;
	uint64_t outcomes[RESOLVERS_OUTCOMES];
	/* Whether one that is silent answers again. */
	uint64_t retry_ns;
	uint64_t retry_wait_ns;
	/* A round of canaries: sets of them. */
	uint64_t round_ns;     /* the next one */
	uint16_t to_ask;
	uint16_t out;
	uint16_t right;
	uint8_t again[RESOLVERS_CANARIES_MAX]; /* how often it was asked again */
	uint64_t lies;
	/* Answers that were believed: all; when the round began; when the last that it passed did. */
	uint64_t believed;
	uint64_t believed_at_round;
	uint64_t vouched;
	uint64_t in_doubt;
	struct resolvers_lie lie;
} __attribute__((aligned(64)));

struct resolvers {
	struct resolver *resolver;
	uint32_t *order;       /* those that are good first */
	uint32_t count;
	_Atomic uint8_t *standing;  /* states once more, for other threads */
	_Atomic uint32_t in_state[RESOLVERS_STATES];
	uint64_t rate_pps;
	uint64_t timeout_ns;
	uint64_t interval_ns;  /* between two tokens of a whole part */
	uint64_t ready_ns;     /* after a pick that found none: when to pick again */
	uint64_t wants_ns;     /* no question of ours is due before */
	uint32_t cursor;       /* where to look for one next */
	struct canary canary[RESOLVERS_CANARIES_MAX];
	unsigned int canary_count;
	uint64_t canary_every_ns;
};

/* resolvers.c */
void resolver_set_state(struct resolvers *r, struct resolver *x, enum resolvers_state state);
void resolver_take_token(struct resolvers *r, struct resolver *x, uint64_t now_ns);

/* trust.c */
int trust_init(struct resolvers *r, const struct resolvers_config *config);
void trust_back(struct resolvers *r, struct resolver *x, uint64_t now_ns);
void trust_silent(struct resolvers *r, struct resolver *x, uint64_t now_ns);

#endif /* RESOLVERS_INTERNAL_H */
