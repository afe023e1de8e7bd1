/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <stdio.h>
#include <string.h>

#include "lines/lines.h"
#include "schedule/coverage.h"
#include "text.h"

/* Where there are no targets, complete is that every name was looked up. */
static const char *const reasons[] = {
	[CONTROL_COMPLETE] = "every target probed",
	[CONTROL_RUNTIME] = "stopped by limits.runtime",
	[CONTROL_RESULTS] = "stopped by limits.results",
	[CONTROL_OUTPUT] = "stopped, since the output failed",
	[CONTROL_STOPPED] = "stopped by the operator",
	[CONTROL_ABORTED] = "left at once by the operator",
};

/* One line of the ledger: a title, then its terms, those that are zero left out but for the first. */
static void
print_terms(const struct ledger *l, const char *title, const uint8_t *terms)
{
	const char *separator = "";

	fprintf(stderr, "  %-11s", title);
	for (const uint8_t *t = terms; *t != LEDGER_TERMS; t++) {
		if (t != terms && l->count[*t] == 0)
			continue;
		fprintf(stderr, "%s%s %llu", separator, ledger_term_name(*t),
			(unsigned long long)l->count[*t]);
		separator = ", ";
	}
	fprintf(stderr, "\n");
}

static void
print_lookups(const struct ledger *l)
{
	static const uint8_t names[] = {
		LEDGER_NAME_TAKEN, LEDGER_NAME + GRAB_ORIGIN_LIST, LEDGER_NAME + GRAB_ORIGIN_CERTIFICATE,
		LEDGER_NAME + GRAB_ORIGIN_RESPONDER, LEDGER_NAME + GRAB_ORIGIN_TARGET, LEDGER_NAME_LEFT,
		LEDGER_TERMS};
	static const uint8_t lookups[] = {
		LEDGER_LOOKUP + LEDGER_OUTCOME_ANSWERED, LEDGER_LOOKUP + LEDGER_OUTCOME_TIMEOUT,
		LEDGER_LOOKUP + LEDGER_OUTCOME_UNREACHABLE, LEDGER_LOOKUP + LEDGER_OUTCOME_EXCLUDED,
		LEDGER_LOOKUP + LEDGER_OUTCOME_STOPPED, LEDGER_LOOKUP + LEDGER_OUTCOME_NO_MEMORY,
		LEDGER_QUESTION, LEDGER_ASKED + LEDGER_OUTCOME_TIMEOUT,
		LEDGER_ASKED + LEDGER_OUTCOME_UNREACHABLE, LEDGER_ASKED + LEDGER_OUTCOME_EXCLUDED,
		LEDGER_ASKED + LEDGER_OUTCOME_STOPPED, LEDGER_ASKED + LEDGER_OUTCOME_NO_MEMORY,
		LEDGER_TERMS};
	static const uint8_t tries[] = {
		LEDGER_TRY, LEDGER_TRY_ENDED + LEDGER_TRY_ANSWERED, LEDGER_TRY_ENDED + LEDGER_TRY_RETRIED,
		LEDGER_TRY_ENDED + LEDGER_TRY_TRUNCATED, LEDGER_TRY_ENDED + LEDGER_TRY_NO_EDNS,
		LEDGER_TRY_ENDED + LEDGER_TRY_LOST, LEDGER_TRY_ENDED + LEDGER_TRY_SPOILED,
		LEDGER_TRY_ENDED + LEDGER_TRY_BROKEN, LEDGER_TRY_ENDED + LEDGER_TRY_STOPPED, LEDGER_TERMS};

	print_terms(l, "names:", names);
	print_terms(l, "lookups:", lookups);
	print_terms(l, "tries:", tries);
}

static void
print_grabs(const struct ledger *l)
{
	static const uint8_t segments[] = {
		LEDGER_SEGMENT_MET, LEDGER_SEGMENT_PASSED, LEDGER_SEGMENT_TAKEN, LEDGER_SEGMENT_STRAY,
		LEDGER_SEGMENT_CUT_OFF, LEDGER_SEGMENT_LEFT, LEDGER_TERMS};
	static const uint8_t grabs[] = {
		LEDGER_ENDED + GRAB_COMPLETE, LEDGER_ENDED + GRAB_TIMEOUT, LEDGER_ENDED + GRAB_CLOSED,
		LEDGER_ENDED + GRAB_RESET, LEDGER_ENDED + GRAB_REFUSED,
		LEDGER_ENDED + GRAB_UNREACHABLE, LEDGER_ENDED + GRAB_ALERT,
		LEDGER_ENDED + GRAB_VERSION, LEDGER_ENDED + GRAB_NOT_TLS,
		LEDGER_ENDED + GRAB_BAD_RECORD, LEDGER_ENDED + GRAB_BAD_MESSAGE,
		LEDGER_ENDED + GRAB_TOO_LARGE, LEDGER_ENDED + GRAB_EXCLUDED,
		LEDGER_ENDED + GRAB_STOPPED, LEDGER_ENDED + GRAB_NO_MEMORY,
		LEDGER_ENDED + GRAB_INTERNAL, LEDGER_OPEN_WANTED + LEDGER_OPEN_LOOK,
		LEDGER_OPENED + LEDGER_OPEN_LOOK, LEDGER_GIVEN_UP + LEDGER_OPEN_LOOK,
		LEDGER_OPEN_WANTED + LEDGER_OPEN_NAME, LEDGER_OPENED + LEDGER_OPEN_NAME,
		LEDGER_GIVEN_UP + LEDGER_OPEN_NAME,
		LEDGER_OPENED + LEDGER_OPEN_AGAIN, LEDGER_GIVEN_UP + LEDGER_OPEN_AGAIN, LEDGER_TERMS};

	if (l->count[LEDGER_SEGMENT_MET] > 0 || l->count[LEDGER_ADOPTED] > 0)
		print_terms(l, "segments:", segments);
	if (l->count[LEDGER_ADOPTED] > 0)
		print_terms(l, "grabs:", grabs);
}

static void
print_ledger(const struct ledger *l)
{
	static const uint8_t targets[] = {LEDGER_TARGET, LEDGER_AGAIN, LEDGER_SKIPPED,
					  LEDGER_PUT_BACK, LEDGER_TERMS};
	static const uint8_t sent[] = {
		LEDGER_INTENDED + LEDGER_PROBE, LEDGER_SPARED, LEDGER_SENT + LEDGER_PROBE,
		LEDGER_GATED + LEDGER_PROBE, LEDGER_REFUSED + LEDGER_PROBE,
		LEDGER_SENT + LEDGER_RESET, LEDGER_GATED + LEDGER_RESET,
		LEDGER_REFUSED + LEDGER_RESET, LEDGER_SENT + LEDGER_ARP, LEDGER_GATED + LEDGER_ARP,
		LEDGER_REFUSED + LEDGER_ARP, LEDGER_SENT + LEDGER_ECHO, LEDGER_GATED + LEDGER_ECHO,
		LEDGER_REFUSED + LEDGER_ECHO, LEDGER_SENT + LEDGER_CANARY,
		LEDGER_GATED + LEDGER_CANARY, LEDGER_REFUSED + LEDGER_CANARY,
		LEDGER_SENT + LEDGER_SEGMENT, LEDGER_GATED + LEDGER_SEGMENT,
		LEDGER_REFUSED + LEDGER_SEGMENT, LEDGER_SENT + LEDGER_QUERY, LEDGER_GATED + LEDGER_QUERY,
		LEDGER_REFUSED + LEDGER_QUERY, LEDGER_TERMS};
	static const uint8_t received[] = {
		LEDGER_RECEIVED, LEDGER_KIND + CLASSIFY_SYNACK, LEDGER_KIND + CLASSIFY_RST,
		LEDGER_KIND + CLASSIFY_ICMP, LEDGER_KIND + CLASSIFY_ECHOREPLY,
		LEDGER_KIND + CLASSIFY_ARP, LEDGER_KIND + CLASSIFY_ECHO_REQUEST, LEDGER_KIND + CLASSIFY_BAD_CHECKSUM,
		LEDGER_KIND + CLASSIFY_BAD_COOKIE, LEDGER_KIND + CLASSIFY_TRUNCATED,
		LEDGER_KIND + CLASSIFY_FRAGMENT, LEDGER_KIND + CLASSIFY_TCP_OTHER,
		LEDGER_KIND + CLASSIFY_OTHER, LEDGER_KIND + CLASSIFY_NOT_OURS, LEDGER_TERMS};
	static const uint8_t replies[] = {
		LEDGER_TAKEN, LEDGER_FIRST_SYNACK, LEDGER_FIRST_ECHOREPLY, LEDGER_FIRST_OTHER,
		LEDGER_REPEAT, LEDGER_FIRST_AGAIN, LEDGER_ADOPTED, LEDGER_DECLINED + LEDGER_WANT_CONNECTION,
		LEDGER_DECLINED + LEDGER_WANT_MEMORY, LEDGER_DECLINED + LEDGER_WANT_RECORD,
		LEDGER_DECLINED + LEDGER_WANT_TIME, LEDGER_OPEN_WANTED + LEDGER_OPEN_AGAIN,
		LEDGER_TURNED_AWAY, LEDGER_LEFT_ALONE, LEDGER_CANARY_REPLIES,
		LEDGER_STRANDED,
		LEDGER_LEFT_IN_RING, LEDGER_TERMS};
	static const uint8_t records[] = {
		LEDGER_RECORD, LEDGER_GRAB_RECORD, LEDGER_LOOKUP_RECORD, LEDGER_TARGET_RECORD,
		LEDGER_CERTIFICATE_RECORD,
		LEDGER_OUTPUT, LEDGER_WRITTEN, LEDGER_FILTERED, LEDGER_BEYOND_LIMIT, LEDGER_DISK_REFUSED, LEDGER_UNWRITTEN, LEDGER_TERMS};

	if (l->count[LEDGER_TARGET] > 0 || l->count[LEDGER_NAME_TAKEN] == 0)
		print_terms(l, "targets:", targets);
	print_terms(l, "sent:", sent);
	print_terms(l, "received:", received);
	print_terms(l, "replies:", replies);
	print_grabs(l);
	if (l->count[LEDGER_NAME_TAKEN] + l->count[LEDGER_NAME_LEFT] > 0)
		print_lookups(l);
	print_terms(l, "records:", records);
}

static void
print_port(const struct engine *e, unsigned int i)
{
	struct port_counters c;

	port_counters(engine_port(e, i), &c);
	fprintf(stderr,
		"  %-11s%s%sby its own count rx %llu tx %llu, missed %llu, no mbuf %llu, errors rx %llu tx %llu\n",
		"port:", engine_port_count(e) > 1 ? engine_port(e, i)->name : "",
		engine_port_count(e) > 1 ? ": " : "", (unsigned long long)c.rx_frames, (unsigned long long)c.tx_frames,
		(unsigned long long)c.rx_missed, (unsigned long long)c.rx_nombuf,
		(unsigned long long)c.rx_errors, (unsigned long long)c.tx_errors);
}

/* Who has said that he wants no probes, and got no more. */
static void
print_skipped(const struct engine *e, const struct ledger *l)
{
	const struct refusals *r = engine_refusals(e);
	struct refusals_network n;
	unsigned long count = 0;
	uint32_t at = 0;

	while (r != NULL && refusals_next(r, REFUSALS_OUT, &at, &n) == 0)
		count++;
	if (count > 0)
		fprintf(stderr, "asdic: %lu network%s answered that probes are administratively prohibited: "
			"left out from then on, %llu targets\n", count, count == 1 ? "" : "s",
			(unsigned long long)l->count[LEDGER_SKIPPED]);
}

/* How many of each status: what zdns says of a run. */
static void
print_answers(const struct engine *e)
{
	struct dns_stats s;
	const char *separator = "";

	if (!engine_has_lookups(e))
		return;
	fprintf(stderr, "answers:     ");
	for (unsigned int status = 0; status < DNS_STATUSES; status++) {
		unsigned long long count = engine_answers(e, (enum dns_status)status);

		if (count == 0)
			continue;
		fprintf(stderr, "%s%s %llu", separator, dns_status_name(status), count);
		separator = ", ";
	}
	engine_dns_stats(e, &s);
	fprintf(stderr, "%s; replies late %llu, repeated %llu, forged %llu, of other case %llu, malformed %llu\n",
		*separator == '\0' ? "none" : "", (unsigned long long)s.late, (unsigned long long)s.repeated,
		(unsigned long long)(s.forged_port + s.forged_resolver + s.forged_id + s.forged_question),
		(unsigned long long)s.other_case, (unsigned long long)s.malformed);
}

/* How resolvers stand at the end, and what those that lied had answered before they were found out. */
static void
print_resolvers(const struct engine *e)
{
	uint64_t counts[RESOLVERS_STATES], in_doubt = 0;
	const char *separator = "";
	struct resolvers_report sum;

	if (engine_resolver_count(e) == 0)
		return;
	engine_resolver_states(e, counts);
	fprintf(stderr, "resolvers:   ");
	for (unsigned int state = 0; state < RESOLVERS_STATES; state++) {
		if (counts[state] == 0)
			continue;
		fprintf(stderr, "%s%s %llu", separator, resolvers_state_name(state), (unsigned long long)counts[state]);
		separator = ", ";
	}
	for (uint32_t i = 0; i < engine_resolver_count(e); i++) {
		engine_resolver_report(e, i, &sum);
		in_doubt += sum.in_doubt;
	}
	if (counts[RESOLVERS_LIES] > 0)
		fprintf(stderr, "; %llu answers in doubt", (unsigned long long)in_doubt);
	fprintf(stderr, "\n");
}

static void
print_list_error(const struct engine *e)
{
	const char *file;
	int rc = engine_list_error(e, &file);

	if (rc != 0)
		fprintf(stderr, "asdic: cannot read the names of '%s': %s\n",
			strcmp(file, "-") == 0 ? "standard input" : file, lines_error(rc));
}

static const char *
where_to(const struct sinks *sinks)
{
	if (sinks->count > 1)
		return "all outputs";
	return strcmp(sinks->names[0], "-") == 0 ? "standard output" : sinks->names[0];
}

static void
print_coverage(const struct engine *e, const struct job *job)
{
	struct keeper_totals t;
	struct coverage_estimate c;

	if (job->probe.coverage == 0)
		return;
	writer_totals(engine_writer(e), &t);
	c = coverage_estimate(t.coverage_found, t.coverage_seen);
	fprintf(stderr, "coverage:    %.2f%% of those who would answer were found (95%% interval %.2f%% to %.2f%%): "
		"%llu of the %llu that answered a second look\n", 100 * c.share, 100 * c.low, 100 * c.high,
		(unsigned long long)t.coverage_found, (unsigned long long)t.coverage_seen);
}

/* What was done, up to the records. */
static void
print_headline(const struct job *job, const struct control_result *result, const struct ledger *l)
{
	uint64_t sent = l->count[LEDGER_SENT + LEDGER_PROBE], hits = ledger_hits(l);
	bool is_complete = result->reason == CONTROL_COMPLETE;
	char elapsed[TEXT_SIZE];

	fprintf(stderr, "asdic: %s: %s in %s; ", job->name,
		is_complete && !job_has_targets(job) ? "every name looked up" : reasons[result->reason],
		text_elapsed(elapsed, result->duration_ns));
	if (job_has_targets(job))
		fprintf(stderr, "%llu probes, %llu responders (%.3f%%), ", (unsigned long long)sent,
			(unsigned long long)hits, sent == 0 ? 0.0 : 100.0 * (double)hits / (double)sent);
	if (job->dns.lookup_count > 0)
		fprintf(stderr, "%llu names, %llu queries, ", (unsigned long long)l->count[LEDGER_NAME_TAKEN],
			(unsigned long long)l->count[LEDGER_SENT + LEDGER_QUERY]);
}

bool
report_print(const struct engine *e, const struct job *job, const struct sinks *sinks,
	     const struct control_result *result)
{
	const struct ledger_equation *broken = NULL;
	struct ledger l;
	bool balanced;

	engine_ledger(e, &l);
	balanced = ledger_balances(&l, &broken);
	print_headline(job, result, &l);
	fprintf(stderr, "%llu records in %s\n", (unsigned long long)l.count[LEDGER_WRITTEN], where_to(sinks));
	print_skipped(e, &l);
	fprintf(stderr, "ledger, %s:\n", balanced ? "balanced" : "NOT BALANCED");
	print_ledger(&l);
	for (unsigned int i = 0; i < engine_port_count(e); i++)
		print_port(e, i);
	print_coverage(e, job);
	print_answers(e);
	print_resolvers(e);
	print_list_error(e);
	if (!balanced)
		fprintf(stderr,
			"asdic: the ledger does not balance: %s, but %llu is not %llu; this is a "
			"bug in asdic: please report it\n",
			broken->name, (unsigned long long)ledger_left(&l, broken),
			(unsigned long long)ledger_right(&l, broken));
	return balanced;
}
