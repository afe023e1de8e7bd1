/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ledger: what became of every frame, every reply and every record.
 *
 * Each term is incremented where its event happens, by the thread to which it happens, in a struct
 * ledger of that thread's own; none is got by subtraction. At the end the threads' ledgers are added
 * up and must satisfy the equations of ledger_equation(): what went in is what came out. An
 * unbalanced ledger is a bug, and the scan that has one fails.
 *
 *   targets taken up, and taken up once more since their probes may have reached nobody
 *                               = probes intended + spared + left out for politeness + put back
 *   for each kind of frame sent:  intended = sent + gated + refused
 *   received                    = the sum of its kinds
 *   replies of each kind        = passed to a worker + canaries' + given up with its ring
 *   passed to workers           = taken by workers
 *   taken                       = SYN-ACKs + echo replies + RSTs and ICMP errors, first or repeated
 *   responders (first SYN-ACKs) and those that an earlier run owes a grab
 *                               = adopted + declined, by cause + left alone
 *   declined                    = to be tried again + for good
 *   of each cause to open one:    wanted = opened + given up
 *   adopted + opened            = grabs, by how they ended = grab records made
 *   segments met                = passed to workers + cut off
 *   segments passed to workers  = of a connection + of none + given up with their ring
 *   taken                       = records made
 *   names fed, by origin        = names taken by workers + left
 *   names taken                 = lookups, by how they ended = lookup records made
 *   questions asked             = answered + ended otherwise, by cause
 *   tries of questions          = answers, and why else each was over
 *   all records made x outputs  = written + filtered + beyond the limit + refused by disk + unwritten
 *
 * Every output is offered every record and makes of it what its own filter says, so what became of
 * records is counted for each output: a record that two outputs take is written twice.
 *
 * Port counters are no part of it: drivers count as they please. They stand beside it in the report.
 *
 * ledger_add() is the owner's alone; any thread may read with ledger_sum(), and what it reads is a
 * whole number of each term though not of one instant.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classify/classify.h"
#include "grab/grab.h"

/* Kinds of frame that are sent; each has the four terms intended, sent, gated and refused. */
enum ledger_frame {
	LEDGER_PROBE,
	LEDGER_RESET,   /* of a connection that nobody has */
	LEDGER_ARP,
	LEDGER_ECHO,
	LEDGER_CANARY,
	LEDGER_SEGMENT, /* of a grab's connection, or of a resolver's */
	LEDGER_QUERY,   /* a datagram to a resolver */
	LEDGER_FRAMES
};

/* What a responder was declined for. */
enum ledger_want {
	LEDGER_WANT_CONNECTION,
	LEDGER_WANT_MEMORY,
	LEDGER_WANT_RECORD,
	LEDGER_WANT_TIME, /* it came when the scan ended */
	LEDGER_WANTS
};

/* What a connection is opened for, beside those that are adopted; each has the terms wanted, opened and given up. */
enum ledger_open {
	LEDGER_OPEN_LOOK,  /* older kinds of TLS, at a host that refused */
	LEDGER_OPEN_NAME,  /* another name of a host's */
	LEDGER_OPEN_AGAIN, /* a responder that was declined */
	LEDGER_OPENS
};

/* What became of a question to resolvers, and of a lookup: the worst of its questions. */
enum ledger_outcome {
	LEDGER_OUTCOME_ANSWERED,
	LEDGER_OUTCOME_TIMEOUT,
	LEDGER_OUTCOME_UNREACHABLE, /* no resolver is to be believed */
	LEDGER_OUTCOME_EXCLUDED,
	LEDGER_OUTCOME_STOPPED,
	LEDGER_OUTCOME_NO_MEMORY,
	LEDGER_OUTCOMES
};

/* What ended a try of a question. */
enum ledger_try {
	LEDGER_TRY_ANSWERED,
	LEDGER_TRY_RETRIED,   /* it was answered, and another resolver asked */
	LEDGER_TRY_TRUNCATED, /* it was answered in part, and TCP followed */
	LEDGER_TRY_NO_EDNS,   /* its resolver knows no EDNS */
	LEDGER_TRY_LOST,
	LEDGER_TRY_SPOILED,   /* by forgeries */
	LEDGER_TRY_BROKEN,    /* its connection */
	LEDGER_TRY_STOPPED,
	LEDGER_TRIES
};

enum ledger_term {
	/* Targets that a prober has taken up, in each pass, and what became of those that got no probe. */
	LEDGER_TARGET,
	LEDGER_AGAIN,    /* once more, since the network was gone */
	LEDGER_SPARED,   /* a later attempt, of one who had answered */
	LEDGER_SKIPPED,  /* their network had said that it wants none */
	LEDGER_PUT_BACK, /* no probe was made when the sending ended */
	/* Sending: LEDGER_INTENDED + enum ledger_frame, and so on. */
	LEDGER_INTENDED,
	LEDGER_SENT = LEDGER_INTENDED + LEDGER_FRAMES,    /* accepted by tx_burst */
	LEDGER_GATED = LEDGER_SENT + LEDGER_FRAMES,       /* stopped by the gate */
	LEDGER_REFUSED = LEDGER_GATED + LEDGER_FRAMES,    /* given up: the driver never took it */
	/* Receiving. */
	LEDGER_RECEIVED = LEDGER_REFUSED + LEDGER_FRAMES, /* returned by rx_burst */
	LEDGER_KIND,                                      /* + enum classify_kind */
	/* Replies on their way to workers. */
	LEDGER_PASSED = LEDGER_KIND + CLASSIFY_KINDS,
	LEDGER_CANARY_REPLIES,
	LEDGER_STRANDED, /* still held by a receiver when a second ctrl-C ended the run */
	LEDGER_TAKEN,
	LEDGER_LEFT_IN_RING, /* still on a ring when a second ctrl-C ended the run */
	/* What the workers made of them. */
	LEDGER_FIRST_SYNACK,
	LEDGER_FIRST_ECHOREPLY, /* no connection: nothing to adopt, decline or reset */
	LEDGER_FIRST_OTHER,
	LEDGER_REPEAT,
	LEDGER_FIRST_AGAIN, /* SYN-ACKs that an earlier run had recorded, and owed a grab */
	LEDGER_ADOPTED,
	LEDGER_DECLINED, /* + enum ledger_want: there was none before its time was over */
	LEDGER_TURNED_AWAY = LEDGER_DECLINED + LEDGER_WANTS, /* declined, and not to be tried again */
	LEDGER_LEFT_ALONE, /* no grab asked for it: answered with a RST */
	LEDGER_RECORD,
	/* What else receivers hand to workers: segments and ICMP errors of connections, as frames. */
	LEDGER_SEGMENT_MET,
	LEDGER_SEGMENT_PASSED,
	LEDGER_SEGMENT_CUT_OFF, /* its ring was full: the peer sends it again */
	LEDGER_SEGMENT_TAKEN,   /* of a connection */
	LEDGER_SEGMENT_STRAY,   /* of none */
	LEDGER_SEGMENT_LEFT,    /* still on a ring when a second ctrl-C ended the run */
	/* Grabs. */
	LEDGER_OPEN_WANTED,                                 /* + enum ledger_open */
	LEDGER_OPENED = LEDGER_OPEN_WANTED + LEDGER_OPENS,  /* likewise */
	LEDGER_GIVEN_UP = LEDGER_OPENED + LEDGER_OPENS,     /* likewise: the scan was stopped, or may not send there */
	LEDGER_ENDED = LEDGER_GIVEN_UP + LEDGER_OPENS,      /* + enum grab_cause */
	LEDGER_GRAB_RECORD = LEDGER_ENDED + GRAB_CAUSES,
	LEDGER_CERTIFICATE_RECORD, /* made by the writer, for what grab records refer to */
	/* Lookups. */
	LEDGER_NAME,                                /* + enum grab_origin: given to feeds */
	LEDGER_NAME_TAKEN = LEDGER_NAME + GRAB_ORIGINS,
	LEDGER_NAME_LEFT,                           /* in a feed when the asking ended */
	LEDGER_LOOKUP,                              /* + enum ledger_outcome */
	LEDGER_LOOKUP_RECORD = LEDGER_LOOKUP + LEDGER_OUTCOMES,
	LEDGER_TARGET_RECORD, /* of the lookup of a target's name, before the scan */
	LEDGER_QUESTION,                            /* of a name and a type */
	LEDGER_ASKED,                               /* + enum ledger_outcome: what became of it */
	LEDGER_TRY = LEDGER_ASKED + LEDGER_OUTCOMES, /* a datagram or connection to a resolver */
	LEDGER_TRY_ENDED,                           /* + enum ledger_try */
	/* What the writer made of the records, for each of its outputs. */
	LEDGER_OUTPUT = LEDGER_TRY_ENDED + LEDGER_TRIES, /* outputs: noted once, and a factor rather than a sum */
	LEDGER_WRITTEN,
	LEDGER_FILTERED,
	LEDGER_BEYOND_LIMIT,
	LEDGER_DISK_REFUSED,
	LEDGER_UNWRITTEN, /* still on a ring when a second ctrl-C ended the run */
	LEDGER_TERMS
};

struct ledger {
	_Alignas(64) uint64_t count[LEDGER_TERMS];
};

#ifdef LEDGER_MUTANTS
/*
 * Test builds: n, or 0 where ASDIC_LEDGER_SKIP ("file.c:line") says that this place is to be left
 * out. Places that count anything are noted in the file that ASDIC_LEDGER_TRACE names.
 */
uint64_t ledger_mutant(_Atomic int *verdict, const char *file, int line, uint64_t n);
#define ledger_mutate(n)                                                                           \
	({                                                                                         \
		static _Atomic int verdict_;                                                       \
		ledger_mutant(&verdict_, __FILE__, __LINE__, (n));                                 \
	})
#else
#define ledger_mutate(n) (n)
#endif

/* Owner only: count n events of a term. */
#define ledger_add(ledger, term, n)                                                                \
	ledger_add_plain((ledger), (unsigned int)(term), ledger_mutate(n))

static inline void
ledger_add_plain(struct ledger *l, unsigned int term, uint64_t n)
{
	/* One writer: a plain sum, stored whole so that readers never see half of it. */
	__atomic_store_n(&l->count[term], l->count[term] + n, __ATOMIC_RELAXED);
}

/* Any thread: add what l holds to total. */
void ledger_sum(struct ledger *total, const struct ledger *l);

/* Targets that gave what the scan looks for: first SYN-ACKs or first echo replies. */
static inline uint64_t
ledger_hits(const struct ledger *l)
{
	return l->count[LEDGER_FIRST_SYNACK] + l->count[LEDGER_FIRST_ECHOREPLY];
}

/*
 * How far a scan is, of so many probes that it may come to: those that it spares who has answered count as
 * made, and those that are made once more do not count again.
 */
static inline uint64_t
ledger_done(const struct ledger *l, uint64_t probes)
{
	return l->count[LEDGER_TARGET] < probes ? l->count[LEDGER_TARGET] : probes;
}

/* One equation: the sum of left, times a term, equals the sum of right. Lists end with LEDGER_TERMS. */
struct ledger_equation {
	const char *name;
	const uint8_t *left;
	const uint8_t *right;
	uint8_t times; /* LEDGER_TERMS: once */
};

size_t ledger_equation_count(void);
const struct ledger_equation *ledger_equation_at(size_t i);

/* The two sides of an equation. */
uint64_t ledger_left(const struct ledger *l, const struct ledger_equation *equation);
uint64_t ledger_right(const struct ledger *l, const struct ledger_equation *equation);

/* Whether every equation holds; of those that do not, the first is *broken (may be NULL). */
bool ledger_balances(const struct ledger *l, const struct ledger_equation **broken);

/* A term's name as it is reported: "probes sent", "received", "bad checksum", ... */
const char *ledger_term_name(unsigned int term);

#endif /* LEDGER_LEDGER_H */
