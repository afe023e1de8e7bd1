/* SPDX-License-Identifier: BSD-3-Clause */
/* A try over UDP, and what a reply means. */
#include <errno.h>

#include "dns/internal.h"

#define OPT_BYTES 11
#define FLAG_RESPONSE 0x80 /* of a header's third byte */
#define FLAG_TRUNCATED 0x02

/* Draws of a port before a query waits: where nine of ten ports are in use, two of five wait. */
#define TUPLE_DRAWS 8

/* Lookups whose turn comes together: what they will touch is fetched while others are dealt with. */
#define BURST 32

/*
 * Its resolver and manners, where that is to be chosen: 0; -EAGAIN: none has a token; -ENOENT: there is nobody;
 * -ESTALE: who was to be asked again has been found lying.
 */
static int
choose_resolver(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	struct resolvers_address address;
	uint32_t number;
	int rc;

	if (l->flags & LOOKUP_AGAIN && lookup_is_of_liar(d, l))
		return -ESTALE;
	if (l->flags & (LOOKUP_NAMED | LOOKUP_TRIAL | LOOKUP_AGAIN))
		return 0;
	if (d->config.resolvers == NULL)
		return -ENOENT;
	rc = resolvers_pick(d->config.resolvers, chance_u64(&d->chance), l->resolver, now_ns, &number);
	if (rc != 0)
		return rc;
	address = resolvers_address(d->config.resolvers, number);
	l->resolver = number;
	l->server = address.address;
	l->port = address.port;
	l->flags &= (uint8_t)~LOOKUP_EDNS;
	if (resolvers_edns(d->config.resolvers, number))
		l->flags |= LOOKUP_EDNS;
	return 0;
}

/* The bytes of its query, which is made to say what they are. */
size_t
query_len(struct lookup *l)
{
	bool edns = l->flags & LOOKUP_EDNS;

	store_be16(l->query + 10, edns); /* ARCOUNT: the OPT record is there, or is left off */
	return DNS_HEADER_BYTES + l->question_len + (edns ? OPT_BYTES : 0u);
}

static void
tell(struct dns *d, const struct lookup *l, enum resolvers_outcome outcome, uint64_t now_ns)
{
	if (l->resolver != NONE)
		resolvers_told(d->config.resolvers, l->resolver, outcome, now_ns - l->query_ns, now_ns);
}

/* An address and port to ask from. */
static struct flow_tuple
draw_tuple(struct dns *d, struct lookup *l)
{
	struct flow_tuple tuple;

	l->link = 0;
	d->config.events.tuple(d->config.context, chance_u64(&d->chance), l->server, l->port, &tuple, &l->link);
	l->local = tuple.local;
	l->local_port = tuple.local_port;
	return tuple;
}

/* All that is chosen before a query, and a look ahead: as choose_resolver(), or -EACCES: it may not be sent. */
static int
choose(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	struct flow_tuple tuple;
	int rc = choose_resolver(d, l, now_ns);

	if (rc != 0)
		return rc;
	if (!d->config.events.allowed(d->config.context, l->server, l->port))
		return -EACCES;
	tuple = draw_tuple(d, l);
	udp_open_ahead(d->config.udp, &tuple);
	__builtin_prefetch(&d->asking[l->local_port], 1);
	return 0;
}

/* An endpoint from the address and port that were drawn, or from others where these are in use. */
static int
open_endpoint(struct dns *d, struct lookup *l)
{
	struct flow_tuple tuple = {l->local, l->server, l->local_port, l->port};
	int rc = udp_open(d->config.udp, &tuple, l->link, lookup_number(d, l), &l->endpoint);

	for (unsigned int i = 1; i < TUPLE_DRAWS && rc == -EEXIST; i++) {
		tuple = draw_tuple(d, l);
		rc = udp_open(d->config.udp, &tuple, l->link, lookup_number(d, l), &l->endpoint);
	}
	return rc;
}

/* May not be asked. A resolver of which that is so is as good as silent. */
static void
block(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	d->stats.blocked++;
	l->query_ns = now_ns;
	l->tries++;
	if (l->status == DNS_TIMEOUT)
		l->status = DNS_BLOCKED;
	tell(d, l, RESOLVERS_TIMEOUT, now_ns);
	if (l->flags & LOOKUP_NAMED)
		lookup_fail(d, l, now_ns);
	else
		lookup_retry(d, l, now_ns);
}

/* All ports to the server are in use, or nearly: wait until some query has ended. */
static void
crowd(struct dns *d, struct lookup *l)
{
	d->stats.crowded++;
	d->crowded = true;
	lookup_wait(d, l, l->flags & (LOOKUP_NAMED | LOOKUP_TRIAL | LOOKUP_AGAIN) ? WAITING_ROOM :
										    WAITING_RESOLVER);
}

static void
send_query(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	uint64_t due_ns = now_ns + l->timeout_ns;

	if (open_endpoint(d, l) != 0) {
		crowd(d, l);
		return;
	}
	store_be16(l->query, (uint16_t)chance_u64(&d->chance));
	udp_send(d->config.udp, l->endpoint, l->query, query_len(l));
	l->past_key = past_key_of(d, l);
	d->asking[l->local_port]++;
	d->stats.queries_udp++;
	l->packets = (uint8_t)(l->packets + (l->packets < UINT8_MAX));
	l->state = LOOKUP_ASKED;
	l->forged = 0;
	l->query_ns = now_ns;
	if (l->started_ns == TIME_NEVER)
		l->started_ns = now_ns;
	if (!(l->flags & LOOKUP_AGAIN))
		l->tries++;
	else if (l->resolver != NONE)
		resolvers_charge(d->config.resolvers, l->resolver, now_ns);
	l->flags &= (uint8_t)~LOOKUP_AGAIN;
	lookup_time(d, l, due_ns < l->deadline_ns ? due_ns : l->deadline_ns);
}

/* What cannot be sent; the user hears of it, and may do anything but free all this. */
static void
refuse(struct dns *d, struct lookup *l, int why, uint64_t now_ns)
{
	if (l->state != LOOKUP_TURN)
		return; /* it was stopped meanwhile */
	if (why == -EACCES) {
		block(d, l, now_ns);
	} else if (why == -ESTALE) {
		lookup_ask_another(d, l, now_ns);
	} else {
		l->status = DNS_NO_RESOLVER;
		lookup_fail(d, l, now_ns);
	}
}

/* Those that have waited longest, as far as there is room and a resolver. How many had their turn. */
unsigned int
query_send_waiting(struct dns *d, enum waiting where, uint64_t now_ns)
{
	uint32_t room = udp_room(d->config.udp), first;
	struct lookup *burst[BURST];
	int rc[BURST];
	unsigned int n = 0;

	for (; n < BURST && n < room && (first = d->waiting[where].head) != NONE && !d->crowded; n++) {
		burst[n] = &d->lookup[first];
		rc[n] = choose(d, burst[n], now_ns);
		if (rc[n] == -EAGAIN)
			break;
		lookup_unwait(d, burst[n]);
		burst[n]->state = LOOKUP_TURN;
	}
	for (unsigned int i = 0; i < n; i++)
		if (rc[i] == 0)
			send_query(d, burst[i], now_ns);
	for (unsigned int i = 0; i < n; i++)
		if (rc[i] != 0)
			refuse(d, burst[i], rc[i], now_ns);
	return n;
}

void
query_end(struct dns *d, struct lookup *l, enum dns_try_end end)
{
	bool answered = end != DNS_TRY_LOST && end != DNS_TRY_SPOILED && end != DNS_TRY_STOPPED;

	udp_close(d->config.udp, l->endpoint);
	lookup_untime(l);
	past_note(d, l, answered);
	d->asking[l->local_port]--;
	d->stats.ended[end]++;
	d->crowded = false;
}

void
query_lost(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	query_end(d, l, DNS_TRY_LOST);
	tell(d, l, RESOLVERS_TIMEOUT, now_ns);
	lookup_retry(d, l, now_ns);
}

/*
 * A format error by a header alone, without the question: so say servers from before EDNS that they did not read
 * the query. It is worth an attempt without OPT, and nothing else.
 */
static bool
is_bare_formerr(const struct lookup *l, struct span message)
{
	static const uint8_t no_records[8];

	return l->flags & LOOKUP_EDNS && (message.at[2] & FLAG_TRUNCATED) == 0 &&
	       (message.at[3] & 15) == DNS_FORMERR && memcmp(message.at + 4, no_records, sizeof(no_records)) == 0;
}

static bool
is_same_but_for_case(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i] && ((a[i] ^ b[i]) != 0x20 || (a[i] | 0x20) < 'a' || (a[i] | 0x20) > 'z'))
			return false;
	return true;
}

static enum query_fit
question_fit(const struct lookup *l, struct span message)
{
	const uint8_t *said = message.at + DNS_HEADER_BYTES, *asked = l->query + DNS_HEADER_BYTES;
	size_t name_len = l->question_len - 4u;

	if (load_be16(message.at + 4) != 1 || message.len < DNS_HEADER_BYTES + (size_t)l->question_len)
		return QUERY_OTHER_QUESTION;
	if (memcmp(said, asked, l->question_len) == 0)
		return QUERY_FITS;
	if (memcmp(said + name_len, asked + name_len, 4) == 0 && is_same_but_for_case(said, asked, name_len))
		return QUERY_OTHER_CASE;
	return QUERY_OTHER_QUESTION;
}

enum query_fit
query_fit(const struct lookup *l, struct span message)
{
	if (message.len < DNS_HEADER_BYTES || !(message.at[2] & FLAG_RESPONSE))
		return QUERY_MALFORMED;
	if (memcmp(message.at, l->query, 2) != 0)
		return QUERY_OTHER_ID;
	if (is_bare_formerr(l, message))
		return QUERY_FITS;
	return question_fit(l, message);
}

static bool
has_opt(struct span message)
{
	struct dns_reader reader;
	struct dns_rr rr;

	if (dns_reader_init(&reader, message) != 0)
		return false;
	while (dns_reader_next(&reader, &rr) == 1)
		if (rr.section == DNS_ADDITIONALS && rr.type == DNS_OPT)
			return true;
	return false;
}

static enum resolvers_outcome
outcome_of(enum dns_try_end end, unsigned int rcode)
{
	if (end == DNS_TRY_NO_EDNS)
		return RESOLVERS_NO_EDNS;
	if (rcode == DNS_SERVFAIL)
		return RESOLVERS_SERVFAIL;
	return rcode == DNS_REFUSED ? RESOLVERS_REFUSED : RESOLVERS_ANSWERED;
}

static enum dns_try_end
end_of(const struct dns *d, const struct lookup *l, struct span message, bool is_tcp, uint64_t now_ns)
{
	unsigned int rcode = message.at[3] & 15;

	if (!is_tcp && message.at[2] & FLAG_TRUNCATED)
		return DNS_TRY_TRUNCATED;
	if (rcode == DNS_FORMERR && l->flags & LOOKUP_EDNS && !has_opt(message))
		return DNS_TRY_NO_EDNS;
	if ((rcode == DNS_SERVFAIL || rcode == DNS_REFUSED) && !(l->flags & LOOKUP_NAMED) &&
	    lookup_may_retry(d, l, now_ns))
		return DNS_TRY_RETRIED;
	return DNS_TRY_ANSWERED;
}

/* A reply that fits. */
void
query_settle(struct dns *d, struct lookup *l, struct span message, bool is_tcp, uint64_t now_ns)
{
	bool of_liar = lookup_is_of_liar(d, l);
	enum dns_try_end end = of_liar ? DNS_TRY_RETRIED : end_of(d, l, message, is_tcp, now_ns);
	unsigned int rcode = message.at[3] & 15;
	uint32_t stream = is_tcp ? l->stream : NONE;

	tell(d, l, outcome_of(end, rcode), now_ns);
	if (is_tcp)
		stream_end(d, l, end);
	else
		query_end(d, l, end);
	if (of_liar) {
		d->stats.distrusted++;
		lookup_ask_another(d, l, now_ns);
	} else if (end == DNS_TRY_TRUNCATED) {
		stream_follow(d, l, message, now_ns);
	} else if (end == DNS_TRY_NO_EDNS) {
		l->flags &= (uint8_t)~LOOKUP_EDNS;
		l->flags |= LOOKUP_AGAIN;
		lookup_wait(d, l, WAITING_ROOM);
	} else if (end == DNS_TRY_RETRIED) {
		l->status = (uint8_t)rcode;
		lookup_retry(d, l, now_ns);
	} else {
		lookup_finish(d, l, rcode, GRAB_COMPLETE, message, is_tcp, now_ns);
	}
	if (is_tcp)
		stream_give(d, stream);
}

/*
 * What came does not fit: counted, and the try is given up when there is too much of it. Unless it is a
 * late reply to another lookup, that asked the same server from the same port.
 */
static void
forged(struct dns *d, struct lookup *l, struct span message, uint64_t *count, uint64_t now_ns)
{
	const struct flow_tuple tuple = {l->local, l->server, l->local_port, l->port};

	if (past_knows(d, &tuple, message))
		return;
	(*count)++;
	if (++l->forged < DNS_FORGED_MAX)
		return;
	query_end(d, l, DNS_TRY_SPOILED);
	lookup_retry(d, l, now_ns);
}

uint64_t
dns_ahead(const struct dns *d, uint64_t user, unsigned int round)
{
	const struct lookup *l = &d->lookup[user];

	if (round == 0) {
		__builtin_prefetch(l, 1);
		__builtin_prefetch(&l->past_key);
		return 0;
	}
	if (round == 1)
		past_ahead(d, l);
	return l->user;
}

void
dns_datagram(struct dns *d, uint32_t endpoint, uint64_t user, struct span bytes, uint64_t now_ns)
{
	struct lookup *l = &d->lookup[user];

	if (l->state != LOOKUP_ASKED || l->endpoint != endpoint)
		return;
	switch (query_fit(l, bytes)) {
	case QUERY_FITS:
		query_settle(d, l, bytes, false, now_ns);
		break;
	case QUERY_MALFORMED:
		forged(d, l, bytes, &d->stats.malformed, now_ns);
		break;
	case QUERY_OTHER_ID:
		forged(d, l, bytes, &d->stats.forged_id, now_ns);
		break;
	case QUERY_OTHER_QUESTION:
		forged(d, l, bytes, &d->stats.forged_question, now_ns);
		break;
	case QUERY_OTHER_CASE:
		forged(d, l, bytes, &d->stats.other_case, now_ns);
		break;
	}
}

/* RFC 5452, 9.1: whoever sees or guesses the tuple can make one. */
void
dns_icmp(struct dns *d, uint32_t endpoint, uint64_t user, uint8_t type, uint8_t code)
{
	(void)endpoint;
	(void)user;
	(void)type;
	(void)code;
	d->stats.icmp++;
}
