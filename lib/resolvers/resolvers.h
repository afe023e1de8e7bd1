/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resolvers: which of them is asked next, how fast, and which are not to be believed.
 *
 * Rate. The rate is divided evenly among the resolvers in use, a token bucket each. What a resolver
 * did is judged RESOLVERS_WINDOW_NS at a time, of RESOLVERS_WINDOW_COUNT outcomes or more: where a
 * quarter of them or more were timeouts, SERVFAIL or REFUSED its own part is halved, down to a
 * sixty-fourth of its share; else it grows by a sixteenth of the share (additive increase,
 * multiplicative decrease: Chiu and Jain 1989). What one does not take is not given to the others.
 *
 * Choice. The better of two that are drawn by chance ("the power of two choices", Mitzenmacher 2001):
 * better is the smaller smoothed latency, failures counting as a long one.
 *
 * Health. One that has left RESOLVERS_SILENT questions in a row unanswered is set aside, and tried
 * again by a question of ours after 1 s, then 2 s, up to 60 s. If all are aside, all are asked all
 * the same: slowly, since halved. One that answers again meets the canaries first.
 *
 * Lies. Canaries are questions with a known answer: names with all addresses that they may have, and
 * names that do not exist. Each resolver gets each at the start, before anything else, and again
 * every canary_every_ns. One that answers a canary wrongly (an address that the name has not, no
 * address, no such name, an address of a name that is not) is asked no more, for good: who lies now
 * and then is no better than who always does. One that says nothing, or that it cannot tell, has not
 * lied. If all lie, nobody is asked. What one has answered since it last began a round of canaries
 * that it passed is in doubt when it is found out.
 *
 * EDNS. A resolver that says FORMERR without an OPT record knows no EDNS (RFC 6891, section 7) and
 * is asked without from then on.
 *
 * Pure: no clock, no system call, no randomness but what is given; memory is taken at the start. A
 * struct resolvers belongs to one thread, but for what says that any may call it. Numbers of resolvers
 * go from 0 in the order of the list.
 */
#ifndef RESOLVERS_RESOLVERS_H
#define RESOLVERS_RESOLVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define RESOLVERS_MAX 65536
#define RESOLVERS_CANARIES_MAX 16
#define RESOLVERS_CANARY_ADDRESSES 8
#define RESOLVERS_SILENT 8
#define RESOLVERS_WINDOW_NS UINT64_C(100000000)
#define RESOLVERS_WINDOW_COUNT 16

struct resolvers;

struct resolvers_address {
	uint32_t address; /* host order */
	uint16_t port;
};

enum resolvers_canary_kind {
	RESOLVERS_KNOWN,  /* it has addresses, of those that are given */
	RESOLVERS_ABSENT, /* there is no such name */
	RESOLVERS_BELOW,  /* nor one of a label drawn by chance before it, anew each time */
};

/* What every honest resolver says of a name. */
struct resolvers_canary {
	const char *name; /* as people write it */
	enum resolvers_canary_kind kind;
	unsigned int address_count;
	uint32_t address[RESOLVERS_CANARY_ADDRESSES];
};

/* Of the public DNS: a.root-servers.net, and names below com, org and net. */
extern const struct resolvers_canary resolvers_public_canaries[];
extern const size_t resolvers_public_canary_count;

struct resolvers_config {
	const struct resolvers_address *list; /* copied; each once */
	size_t count;                         /* 1 to RESOLVERS_MAX */
	uint64_t rate_pps;        /* of all of them together; at least 1 */
	uint64_t timeout_ns;      /* what a question without an answer costs in latency */
	const struct resolvers_canary *canaries; /* copied; may be none */
	size_t canary_count;
	uint64_t canary_every_ns; /* 0: at the start alone */
};

/* NULL without memory, or for a config outside the bounds above. */
struct resolvers *resolvers_new(const struct resolvers_config *config, uint64_t now_ns);
void resolvers_free(struct resolvers *r);

size_t resolvers_count(const struct resolvers *r);
struct resolvers_address resolvers_address(const struct resolvers *r, uint32_t number);

/* Another rate for all of them together. */
void resolvers_set_rate(struct resolvers *r, uint64_t rate_pps);

#define RESOLVERS_NONE UINT32_MAX

/*
 * One to ask now, whose token it takes; not `not_this` where there is another. 0; -EAGAIN: none has a
 * token, see resolvers_pick_ns(); -ENOENT: all of them lie.
 */
int resolvers_pick(struct resolvers *r, uint64_t random, uint32_t not_this, uint64_t now_ns,
		   uint32_t *number);

/* It is asked once more, with a token or without: what it is asked later pays for it. */
void resolvers_charge(struct resolvers *r, uint32_t number, uint64_t now_ns);

/* Whether it is asked with EDNS. */
bool resolvers_edns(const struct resolvers *r, uint32_t number);

/* What came of a question. */
enum resolvers_outcome {
	RESOLVERS_ANSWERED, /* whatever it said but the following */
	RESOLVERS_SERVFAIL,
	RESOLVERS_REFUSED,
	RESOLVERS_NO_EDNS,  /* FORMERR without OPT */
	RESOLVERS_TIMEOUT,
	RESOLVERS_OUTCOMES
};

void resolvers_told(struct resolvers *r, uint32_t number, enum resolvers_outcome outcome,
		    uint64_t took_ns, uint64_t now_ns);

/* A question that the resolvers themselves want to be asked: a canary, or whether one that was set
 * aside answers again. */
struct resolvers_question {
	uint32_t resolver;
	uint32_t number; /* of the question, for resolvers_judge() */
	uint16_t type;
	uint8_t name_len;
	uint8_t name[255]; /* wire form */
};

/*
 * The next question that is due. True: ask it, and tell its end by resolvers_told() and
 * resolvers_judge(), in this order.
 */
bool resolvers_wants(struct resolvers *r, uint64_t random, uint64_t now_ns,
		     struct resolvers_question *question);

/* The answer as it came; of no bytes, when none did. */
void resolvers_judge(struct resolvers *r, uint32_t resolver, uint32_t number, struct span message,
		     uint64_t now_ns);

/*
 * When resolvers_wants() is next worth calling, and resolvers_pick() after it had none: sometimes early;
 * TIME_NEVER if not before something else has happened.
 */
uint64_t resolvers_wants_ns(const struct resolvers *r);
uint64_t resolvers_pick_ns(const struct resolvers *r);

enum resolvers_state {
	RESOLVERS_UNPROVEN, /* its canaries are not all back */
	RESOLVERS_GOOD,
	RESOLVERS_ASIDE,    /* does not answer */
	RESOLVERS_LIES,     /* and is asked no more */
	RESOLVERS_STATES
};

/* The words: "unproven", "good", "silent", "lies". */
const char *resolvers_state_name(enum resolvers_state state);

/* An answer of the resolver's was given to who had asked: should it turn out to lie, it is in doubt. */
void resolvers_believed(struct resolvers *r, uint32_t number);

/* Somebody else has found it lying: it is asked no more here either. */
void resolvers_accuse(struct resolvers *r, uint32_t number, uint64_t now_ns);

/* What a resolver was found out by. */
enum resolvers_lie_kind {
	RESOLVERS_SAID_ADDRESS,   /* that the name has not */
	RESOLVERS_SAID_NO_NAME,   /* of one that exists */
	RESOLVERS_SAID_NO_ADDRESS,
	RESOLVERS_ACCUSED,        /* by resolvers_accuse() */
};

struct resolvers_lie {
	uint64_t at_ns;
	enum resolvers_lie_kind kind;
	uint32_t canary;  /* in the config's order; not of one that was accused */
	uint32_t address; /* that it said */
};

/*
 * Any thread: how a resolver stands; how many stand so; and of one that lies by what it was found out,
 * which never changes then.
 */
enum resolvers_state resolvers_state(const struct resolvers *r, uint32_t number);
size_t resolvers_in_state(const struct resolvers *r, enum resolvers_state state);
struct resolvers_lie resolvers_lie(const struct resolvers *r, uint32_t number);

/* Of one resolver, by its owner. */
struct resolvers_report {
	struct resolvers_address address;
	enum resolvers_state state;
	bool edns;
	uint64_t asked;                      /* picked, charged, and canaries */
	uint64_t outcomes[RESOLVERS_OUTCOMES];
	uint64_t lies;                       /* canaries answered wrongly */
	uint64_t in_doubt;                   /* answers that were believed before it was found out */
	uint64_t latency_ns;                 /* smoothed */
	uint64_t rate_pps;                   /* that it gets now */
};

void resolvers_report(const struct resolvers *r, uint32_t number, struct resolvers_report *out);

/*
 * Read lists of resolvers, a line at a time: `a.b.c.d`, `a.b.c.d:port`, or resolv.conf's
 * `nameserver a.b.c.d` (resolv.conf(5); its other keywords say nothing here). Comments begin with # or
 * ;. 1: an address; 0: none in this line, or one of IPv6, which is not asked; -EINVAL: none of that.
 */
int resolvers_read_line(const char *line, size_t len, struct resolvers_address *out);

#endif /* RESOLVERS_RESOLVERS_H */
