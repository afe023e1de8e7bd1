/* SPDX-License-Identifier: BSD-3-Clause */
#include "ledger/ledger.h"

#ifdef LEDGER_MUTANTS
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#endif

#define TERMS(...) ((const uint8_t[]){__VA_ARGS__, LEDGER_TERMS})
#define ENDED(cause) (LEDGER_ENDED + GRAB_##cause)
#define BY_OUTCOME(first)                                                                          \
	(first) + LEDGER_OUTCOME_ANSWERED, (first) + LEDGER_OUTCOME_TIMEOUT,                       \
		(first) + LEDGER_OUTCOME_UNREACHABLE, (first) + LEDGER_OUTCOME_EXCLUDED,           \
		(first) + LEDGER_OUTCOME_STOPPED, (first) + LEDGER_OUTCOME_NO_MEMORY
#define FRAME_EQUATION(name, frame)                                                                \
	{                                                                                          \
		name, TERMS(LEDGER_INTENDED + (frame)), TERMS(LEDGER_SENT + (frame),               \
			LEDGER_GATED + (frame), LEDGER_REFUSED + (frame)),                         \
		LEDGER_TERMS                                                                       \
	}
#define OPENED                                                                                     \
	LEDGER_OPENED + LEDGER_OPEN_LOOK, LEDGER_OPENED + LEDGER_OPEN_NAME, LEDGER_OPENED + LEDGER_OPEN_AGAIN
#define OPEN_EQUATION(name, what)                                                                  \
	{                                                                                          \
		name, TERMS(LEDGER_OPEN_WANTED + (what)),                                          \
		TERMS(LEDGER_OPENED + (what), LEDGER_GIVEN_UP + (what)), LEDGER_TERMS              \
	}

static const struct ledger_equation equations[] = {
	{
		"targets + probed again = probes intended + spared + skipped + put back",
		TERMS(LEDGER_TARGET, LEDGER_AGAIN),
		TERMS(LEDGER_INTENDED + LEDGER_PROBE, LEDGER_SPARED, LEDGER_SKIPPED, LEDGER_PUT_BACK),
		LEDGER_TERMS,
	},
	FRAME_EQUATION("probes intended = sent + gated + refused", LEDGER_PROBE),
	FRAME_EQUATION("resets intended = sent + gated + refused", LEDGER_RESET),
	FRAME_EQUATION("ARP intended = sent + gated + refused", LEDGER_ARP),
	FRAME_EQUATION("echo replies intended = sent + gated + refused", LEDGER_ECHO),
	FRAME_EQUATION("canaries intended = sent + gated + refused", LEDGER_CANARY),
	FRAME_EQUATION("segments intended = sent + gated + refused", LEDGER_SEGMENT),
	FRAME_EQUATION("queries intended = sent + gated + refused", LEDGER_QUERY),
	{
		"received = the sum of its kinds",
		TERMS(LEDGER_RECEIVED),
		TERMS(LEDGER_KIND + CLASSIFY_SYNACK, LEDGER_KIND + CLASSIFY_RST,
		      LEDGER_KIND + CLASSIFY_ICMP, LEDGER_KIND + CLASSIFY_ECHOREPLY,
		      LEDGER_KIND + CLASSIFY_ARP, LEDGER_KIND + CLASSIFY_ECHO_REQUEST, LEDGER_KIND + CLASSIFY_BAD_CHECKSUM,
		      LEDGER_KIND + CLASSIFY_BAD_COOKIE, LEDGER_KIND + CLASSIFY_TRUNCATED,
		      LEDGER_KIND + CLASSIFY_FRAGMENT, LEDGER_KIND + CLASSIFY_TCP_OTHER,
		      LEDGER_KIND + CLASSIFY_OTHER, LEDGER_KIND + CLASSIFY_NOT_OURS),
		LEDGER_TERMS,
	},
	{
		"replies = passed to workers + canaries' + stranded",
		TERMS(LEDGER_KIND + CLASSIFY_SYNACK, LEDGER_KIND + CLASSIFY_RST,
		      LEDGER_KIND + CLASSIFY_ICMP, LEDGER_KIND + CLASSIFY_ECHOREPLY),
		TERMS(LEDGER_PASSED, LEDGER_CANARY_REPLIES, LEDGER_STRANDED),
		LEDGER_TERMS,
	},
	{
		"passed = taken by workers + left in rings",
		TERMS(LEDGER_PASSED),
		TERMS(LEDGER_TAKEN, LEDGER_LEFT_IN_RING),
		LEDGER_TERMS,
	},
	{
		"taken = first SYN-ACKs + first echo replies + other firsts + repeats",
		TERMS(LEDGER_TAKEN),
		TERMS(LEDGER_FIRST_SYNACK, LEDGER_FIRST_ECHOREPLY, LEDGER_FIRST_OTHER,
		      LEDGER_REPEAT),
		LEDGER_TERMS,
	},
	{
		"responders + owed by an earlier run = adopted + declined + left alone",
		TERMS(LEDGER_FIRST_SYNACK, LEDGER_FIRST_AGAIN),
		TERMS(LEDGER_ADOPTED, LEDGER_DECLINED + LEDGER_WANT_CONNECTION,
		      LEDGER_DECLINED + LEDGER_WANT_MEMORY, LEDGER_DECLINED + LEDGER_WANT_RECORD,
		      LEDGER_DECLINED + LEDGER_WANT_TIME, LEDGER_LEFT_ALONE),
		LEDGER_TERMS,
	},
	{
		"declined = to be tried again + for good",
		TERMS(LEDGER_DECLINED + LEDGER_WANT_CONNECTION, LEDGER_DECLINED + LEDGER_WANT_MEMORY,
		      LEDGER_DECLINED + LEDGER_WANT_RECORD, LEDGER_DECLINED + LEDGER_WANT_TIME),
		TERMS(LEDGER_OPEN_WANTED + LEDGER_OPEN_AGAIN, LEDGER_TURNED_AWAY),
		LEDGER_TERMS,
	},
	{
		"adopted + opened = grabs by how they ended",
		TERMS(LEDGER_ADOPTED, OPENED),
		TERMS(ENDED(COMPLETE), ENDED(TIMEOUT), ENDED(CLOSED), ENDED(RESET), ENDED(REFUSED),
		      ENDED(UNREACHABLE), ENDED(ALERT), ENDED(VERSION), ENDED(NOT_TLS),
		      ENDED(BAD_RECORD), ENDED(BAD_MESSAGE), ENDED(TOO_LARGE), ENDED(EXCLUDED),
		      ENDED(STOPPED), ENDED(NO_MEMORY), ENDED(INTERNAL)),
		LEDGER_TERMS,
	},
	{
		"adopted + opened = grab records made",
		TERMS(LEDGER_ADOPTED, OPENED),
		TERMS(LEDGER_GRAB_RECORD),
		LEDGER_TERMS,
	},
	OPEN_EQUATION("other looks wanted = opened + given up", LEDGER_OPEN_LOOK),
	OPEN_EQUATION("further names wanted = opened + given up", LEDGER_OPEN_NAME),
	OPEN_EQUATION("to be tried again = opened + given up", LEDGER_OPEN_AGAIN),
	{
		"segments met = passed to workers + cut off",
		TERMS(LEDGER_SEGMENT_MET),
		TERMS(LEDGER_SEGMENT_PASSED, LEDGER_SEGMENT_CUT_OFF),
		LEDGER_TERMS,
	},
	{
		"segments passed = of connections + of none + left in rings",
		TERMS(LEDGER_SEGMENT_PASSED),
		TERMS(LEDGER_SEGMENT_TAKEN, LEDGER_SEGMENT_STRAY, LEDGER_SEGMENT_LEFT),
		LEDGER_TERMS,
	},
	{
		"taken = records made",
		TERMS(LEDGER_TAKEN),
		TERMS(LEDGER_RECORD),
		LEDGER_TERMS,
	},
	{
		"names fed = taken by workers + left",
		TERMS(LEDGER_NAME + GRAB_ORIGIN_LIST, LEDGER_NAME + GRAB_ORIGIN_CERTIFICATE,
		      LEDGER_NAME + GRAB_ORIGIN_RESPONDER, LEDGER_NAME + GRAB_ORIGIN_TARGET),
		TERMS(LEDGER_NAME_TAKEN, LEDGER_NAME_LEFT),
		LEDGER_TERMS,
	},
	{
		"names taken = lookups by how they ended",
		TERMS(LEDGER_NAME_TAKEN),
		TERMS(BY_OUTCOME(LEDGER_LOOKUP)),
		LEDGER_TERMS,
	},
	{
		"names taken = lookup records made",
		TERMS(LEDGER_NAME_TAKEN),
		TERMS(LEDGER_LOOKUP_RECORD),
		LEDGER_TERMS,
	},
	{
		"questions = answered + ended otherwise",
		TERMS(LEDGER_QUESTION),
		TERMS(BY_OUTCOME(LEDGER_ASKED)),
		LEDGER_TERMS,
	},
	{
		"tries of questions = answers + why else they were over",
		TERMS(LEDGER_TRY),
		TERMS(LEDGER_TRY_ENDED + LEDGER_TRY_ANSWERED, LEDGER_TRY_ENDED + LEDGER_TRY_RETRIED,
		      LEDGER_TRY_ENDED + LEDGER_TRY_TRUNCATED, LEDGER_TRY_ENDED + LEDGER_TRY_NO_EDNS,
		      LEDGER_TRY_ENDED + LEDGER_TRY_LOST, LEDGER_TRY_ENDED + LEDGER_TRY_SPOILED,
		      LEDGER_TRY_ENDED + LEDGER_TRY_BROKEN, LEDGER_TRY_ENDED + LEDGER_TRY_STOPPED),
		LEDGER_TERMS,
	},
	{
		"records x outputs = written + filtered + beyond the limit + refused by disk + unwritten",
		TERMS(LEDGER_RECORD, LEDGER_GRAB_RECORD, LEDGER_CERTIFICATE_RECORD, LEDGER_LOOKUP_RECORD,
		      LEDGER_TARGET_RECORD),
		TERMS(LEDGER_WRITTEN, LEDGER_FILTERED, LEDGER_BEYOND_LIMIT, LEDGER_DISK_REFUSED,
		      LEDGER_UNWRITTEN),
		LEDGER_OUTPUT,
	},
};

static const char *const term_names[LEDGER_TERMS] = {
	[LEDGER_TARGET] = "targets",
	[LEDGER_AGAIN] = "probed again",
	[LEDGER_SPARED] = "spared",
	[LEDGER_SKIPPED] = "skipped",
	[LEDGER_PUT_BACK] = "put back",
	[LEDGER_INTENDED + LEDGER_PROBE] = "probes intended",
	[LEDGER_INTENDED + LEDGER_RESET] = "resets intended",
	[LEDGER_INTENDED + LEDGER_ARP] = "ARP intended",
	[LEDGER_INTENDED + LEDGER_CANARY] = "canaries intended",
	[LEDGER_SENT + LEDGER_CANARY] = "canaries sent",
	[LEDGER_GATED + LEDGER_CANARY] = "canaries gated",
	[LEDGER_REFUSED + LEDGER_CANARY] = "canaries refused",
	[LEDGER_CANARY_REPLIES] = "canary replies",
	[LEDGER_INTENDED + LEDGER_ECHO] = "echo replies intended",
	[LEDGER_INTENDED + LEDGER_SEGMENT] = "segments intended",
	[LEDGER_INTENDED + LEDGER_QUERY] = "queries intended",
	[LEDGER_SENT + LEDGER_QUERY] = "queries sent",
	[LEDGER_GATED + LEDGER_QUERY] = "queries gated",
	[LEDGER_REFUSED + LEDGER_QUERY] = "queries refused",
	[LEDGER_SENT + LEDGER_PROBE] = "probes sent",
	[LEDGER_SENT + LEDGER_RESET] = "resets sent",
	[LEDGER_SENT + LEDGER_ARP] = "ARP sent",
	[LEDGER_SENT + LEDGER_ECHO] = "echo replies sent",
	[LEDGER_SENT + LEDGER_SEGMENT] = "segments sent",
	[LEDGER_GATED + LEDGER_PROBE] = "probes gated",
	[LEDGER_GATED + LEDGER_RESET] = "resets gated",
	[LEDGER_GATED + LEDGER_ARP] = "ARP gated",
	[LEDGER_GATED + LEDGER_ECHO] = "echo replies gated",
	[LEDGER_GATED + LEDGER_SEGMENT] = "segments gated",
	[LEDGER_REFUSED + LEDGER_PROBE] = "probes refused",
	[LEDGER_REFUSED + LEDGER_RESET] = "resets refused",
	[LEDGER_REFUSED + LEDGER_ARP] = "ARP refused",
	[LEDGER_REFUSED + LEDGER_ECHO] = "echo replies refused",
	[LEDGER_REFUSED + LEDGER_SEGMENT] = "segments refused",
	[LEDGER_RECEIVED] = "received",
	[LEDGER_KIND + CLASSIFY_SYNACK] = "SYN-ACK",
	[LEDGER_KIND + CLASSIFY_RST] = "RST",
	[LEDGER_KIND + CLASSIFY_ICMP] = "ICMP error",
	[LEDGER_KIND + CLASSIFY_ECHOREPLY] = "echo reply",
	[LEDGER_KIND + CLASSIFY_ARP] = "ARP",
	[LEDGER_KIND + CLASSIFY_ECHO_REQUEST] = "echo request",
	[LEDGER_KIND + CLASSIFY_BAD_CHECKSUM] = "bad checksum",
	[LEDGER_KIND + CLASSIFY_BAD_COOKIE] = "wrong cookie",
	[LEDGER_KIND + CLASSIFY_TRUNCATED] = "truncated",
	[LEDGER_KIND + CLASSIFY_FRAGMENT] = "fragment",
	[LEDGER_KIND + CLASSIFY_TCP_OTHER] = "other TCP",
	[LEDGER_KIND + CLASSIFY_OTHER] = "other protocol",
	[LEDGER_KIND + CLASSIFY_NOT_OURS] = "not ours",
	[LEDGER_PASSED] = "passed to workers",
	[LEDGER_STRANDED] = "stranded at the receiver",
	[LEDGER_TAKEN] = "taken by workers",
	[LEDGER_LEFT_IN_RING] = "left in rings",
	[LEDGER_FIRST_SYNACK] = "responders",
	[LEDGER_FIRST_ECHOREPLY] = "hosts that echo",
	[LEDGER_FIRST_OTHER] = "other first replies",
	[LEDGER_REPEAT] = "repeats",
	[LEDGER_FIRST_AGAIN] = "owed by an earlier run",
	[LEDGER_ADOPTED] = "adopted",
	[LEDGER_DECLINED + LEDGER_WANT_CONNECTION] = "declined for want of a connection",
	[LEDGER_DECLINED + LEDGER_WANT_MEMORY] = "declined for want of memory",
	[LEDGER_DECLINED + LEDGER_WANT_RECORD] = "declined for want of a record",
	[LEDGER_DECLINED + LEDGER_WANT_TIME] = "declined at the end",
	[LEDGER_TURNED_AWAY] = "declined for good",
	[LEDGER_LEFT_ALONE] = "left alone",
	[LEDGER_RECORD] = "records made",
	[LEDGER_SEGMENT_MET] = "segments met",
	[LEDGER_SEGMENT_PASSED] = "segments passed to workers",
	[LEDGER_SEGMENT_CUT_OFF] = "segments that found no room",
	[LEDGER_SEGMENT_TAKEN] = "segments of connections",
	[LEDGER_SEGMENT_STRAY] = "segments of none",
	[LEDGER_SEGMENT_LEFT] = "segments left in rings",
	[LEDGER_OPEN_WANTED + LEDGER_OPEN_LOOK] = "other looks wanted",
	[LEDGER_OPENED + LEDGER_OPEN_LOOK] = "other looks opened",
	[LEDGER_GIVEN_UP + LEDGER_OPEN_LOOK] = "other looks given up",
	[LEDGER_OPEN_WANTED + LEDGER_OPEN_NAME] = "further names wanted",
	[LEDGER_OPENED + LEDGER_OPEN_NAME] = "further names opened",
	[LEDGER_GIVEN_UP + LEDGER_OPEN_NAME] = "further names given up",
	[LEDGER_OPEN_WANTED + LEDGER_OPEN_AGAIN] = "to be tried again",
	[LEDGER_OPENED + LEDGER_OPEN_AGAIN] = "tried again",
	[LEDGER_GIVEN_UP + LEDGER_OPEN_AGAIN] = "never tried again",
	[LEDGER_ENDED + GRAB_COMPLETE] = "grabs complete",
	[LEDGER_ENDED + GRAB_TIMEOUT] = "grabs timed out",
	[LEDGER_ENDED + GRAB_CLOSED] = "grabs closed",
	[LEDGER_ENDED + GRAB_RESET] = "grabs reset",
	[LEDGER_ENDED + GRAB_REFUSED] = "grabs refused",
	[LEDGER_ENDED + GRAB_UNREACHABLE] = "grabs unreachable",
	[LEDGER_ENDED + GRAB_ALERT] = "grabs ended by an alert",
	[LEDGER_ENDED + GRAB_VERSION] = "grabs of another version",
	[LEDGER_ENDED + GRAB_NOT_TLS] = "grabs of another protocol",
	[LEDGER_ENDED + GRAB_BAD_RECORD] = "grabs of a bad record",
	[LEDGER_ENDED + GRAB_BAD_MESSAGE] = "grabs of a bad message",
	[LEDGER_ENDED + GRAB_TOO_LARGE] = "grabs too large",
	[LEDGER_ENDED + GRAB_EXCLUDED] = "grabs excluded",
	[LEDGER_ENDED + GRAB_STOPPED] = "grabs stopped",
	[LEDGER_ENDED + GRAB_NO_MEMORY] = "grabs without memory",
	[LEDGER_ENDED + GRAB_INTERNAL] = "grabs failed within",
	[LEDGER_GRAB_RECORD] = "grab records made",
	[LEDGER_CERTIFICATE_RECORD] = "certificates told",
	[LEDGER_NAME + GRAB_ORIGIN_LIST] = "names of lists",
	[LEDGER_NAME + GRAB_ORIGIN_CERTIFICATE] = "names of certificates",
	[LEDGER_NAME + GRAB_ORIGIN_RESPONDER] = "names of responders",
	[LEDGER_NAME + GRAB_ORIGIN_TARGET] = "names of targets",
	[LEDGER_NAME_TAKEN] = "names taken",
	[LEDGER_NAME_LEFT] = "names left",
	[LEDGER_LOOKUP + LEDGER_OUTCOME_ANSWERED] = "lookups answered",
	[LEDGER_LOOKUP + LEDGER_OUTCOME_TIMEOUT] = "lookups timed out",
	[LEDGER_LOOKUP + LEDGER_OUTCOME_UNREACHABLE] = "lookups without a resolver",
	[LEDGER_LOOKUP + LEDGER_OUTCOME_EXCLUDED] = "lookups excluded",
	[LEDGER_LOOKUP + LEDGER_OUTCOME_STOPPED] = "lookups stopped",
	[LEDGER_LOOKUP + LEDGER_OUTCOME_NO_MEMORY] = "lookups without memory",
	[LEDGER_LOOKUP_RECORD] = "lookup records made",
	[LEDGER_TARGET_RECORD] = "target records made",
	[LEDGER_QUESTION] = "questions",
	[LEDGER_ASKED + LEDGER_OUTCOME_ANSWERED] = "questions answered",
	[LEDGER_ASKED + LEDGER_OUTCOME_TIMEOUT] = "questions timed out",
	[LEDGER_ASKED + LEDGER_OUTCOME_UNREACHABLE] = "questions without a resolver",
	[LEDGER_ASKED + LEDGER_OUTCOME_EXCLUDED] = "questions excluded",
	[LEDGER_ASKED + LEDGER_OUTCOME_STOPPED] = "questions stopped",
	[LEDGER_ASKED + LEDGER_OUTCOME_NO_MEMORY] = "questions without memory",
	[LEDGER_TRY] = "tries",
	[LEDGER_TRY_ENDED + LEDGER_TRY_ANSWERED] = "tries answered",
	[LEDGER_TRY_ENDED + LEDGER_TRY_RETRIED] = "tries answered and made again",
	[LEDGER_TRY_ENDED + LEDGER_TRY_TRUNCATED] = "tries truncated",
	[LEDGER_TRY_ENDED + LEDGER_TRY_NO_EDNS] = "tries refused for EDNS",
	[LEDGER_TRY_ENDED + LEDGER_TRY_LOST] = "tries lost",
	[LEDGER_TRY_ENDED + LEDGER_TRY_SPOILED] = "tries spoiled by forgeries",
	[LEDGER_TRY_ENDED + LEDGER_TRY_BROKEN] = "tries broken",
	[LEDGER_TRY_ENDED + LEDGER_TRY_STOPPED] = "tries stopped",
	[LEDGER_OUTPUT] = "outputs",
	[LEDGER_WRITTEN] = "written",
	[LEDGER_FILTERED] = "filtered",
	[LEDGER_BEYOND_LIMIT] = "beyond the limit",
	[LEDGER_DISK_REFUSED] = "refused by disk",
	[LEDGER_UNWRITTEN] = "unwritten",
};

void
ledger_sum(struct ledger *total, const struct ledger *l)
{
	for (unsigned int i = 0; i < LEDGER_TERMS; i++)
		total->count[i] += __atomic_load_n(&l->count[i], __ATOMIC_RELAXED);
}

size_t
ledger_equation_count(void)
{
	return sizeof(equations) / sizeof(equations[0]);
}

const struct ledger_equation *
ledger_equation_at(size_t i)
{
	return &equations[i];
}

static uint64_t
sum_of(const struct ledger *l, const uint8_t *terms)
{
	uint64_t sum = 0;

	for (; *terms != LEDGER_TERMS; terms++)
		sum += l->count[*terms];
	return sum;
}

uint64_t
ledger_left(const struct ledger *l, const struct ledger_equation *equation)
{
	uint64_t sum = sum_of(l, equation->left);

	return equation->times == LEDGER_TERMS ? sum : sum * l->count[equation->times];
}

uint64_t
ledger_right(const struct ledger *l, const struct ledger_equation *equation)
{
	return sum_of(l, equation->right);
}

bool
ledger_balances(const struct ledger *l, const struct ledger_equation **broken)
{
	for (size_t i = 0; i < ledger_equation_count(); i++) {
		if (ledger_left(l, &equations[i]) == ledger_right(l, &equations[i]))
			continue;
		if (broken != NULL)
			*broken = &equations[i];
		return false;
	}
	return true;
}

const char *
ledger_term_name(unsigned int term)
{
	return term_names[term];
}

#ifdef LEDGER_MUTANTS
enum verdict { UNKNOWN, COUNTS, SKIPPED };

static enum verdict
judge(const char *file, int line)
{
	const char *skip = getenv("ASDIC_LEDGER_SKIP"), *trace = getenv("ASDIC_LEDGER_TRACE");
	const char *base = strrchr(file, '/');
	FILE *f = trace != NULL ? fopen(trace, "ae") : NULL;
	char place[128];

	snprintf(place, sizeof(place), "%s:%d", base != NULL ? base + 1 : file, line);
	if (f != NULL) {
		fprintf(f, "%s\n", place);
		fclose(f);
	}
	return skip != NULL && strcmp(place, skip) == 0 ? SKIPPED : COUNTS;
}

uint64_t
ledger_mutant(_Atomic int *verdict, const char *file, int line, uint64_t n)
{
	if (n == 0)
		return 0;
	if (atomic_load_explicit(verdict, memory_order_relaxed) == UNKNOWN)
		atomic_store_explicit(verdict, judge(file, line), memory_order_relaxed);
	return atomic_load_explicit(verdict, memory_order_relaxed) == SKIPPED ? 0 : n;
}
#endif
