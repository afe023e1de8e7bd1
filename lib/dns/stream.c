/* SPDX-License-Identifier: BSD-3-Clause */
/* A try over TCP, after a truncated answer (RFC 7766): one question on a connection of its own. */
#include <errno.h>
#include <stdlib.h>

#include "dns/internal.h"

#define PREFIX 2 /* the message's length before it */

int
stream_init(struct dns *d)
{
	d->streams_free = NONE;
	if (d->config.streams == 0)
		return 0;
	d->streams = malloc((size_t)d->config.streams * sizeof(*d->streams));
	return d->streams != NULL ? 0 : -ENOMEM;
}

static uint32_t
take(struct dns *d)
{
	uint32_t number = d->streams_free;

	if (number != NONE)
		d->streams_free = d->streams[number].next;
	else if (d->streams_touched < d->config.streams)
		number = d->streams_touched++;
	else
		return NONE;
	d->streams[number].sent = 0;
	d->streams[number].truncated_len = 0;
	d->streams[number].have = 0;
	return number;
}

void
stream_give(struct dns *d, uint32_t number)
{
	d->streams[number].next = d->streams_free;
	d->streams_free = number;
}

/* It came to nothing. The truncated answer stands, where nothing more is tried. */
static void
give_up(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	uint32_t number = l->stream;
	const struct stream *s = &d->streams[number];

	l->status = DNS_TRUNCATED;
	if (lookup_is_of_liar(d, l))
		lookup_ask_another(d, l, now_ns);
	else if (lookup_may_retry(d, l, now_ns))
		lookup_retry(d, l, now_ns);
	else
		lookup_finish(d, l, DNS_TRUNCATED, GRAB_COMPLETE, span_of(s->truncated, s->truncated_len),
			      false, now_ns);
	stream_give(d, number);
}

/* One that has a stream connects, if it may: false, it has to wait. */
static bool
connect_now(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	uint64_t due_ns = now_ns + d->config.tcp_timeout_ns;
	int rc = d->config.events.tcp_open(d->config.context, lookup_number(d, l), l->server, l->port);

	if (rc == -EAGAIN)
		return false;
	if (l->state == LOOKUP_WAITS)
		lookup_unwait(d, l);
	if (rc != 0) {
		d->stats.tcp_failed++;
		give_up(d, l, now_ns);
		return true;
	}
	l->state = LOOKUP_TCP;
	l->query_ns = now_ns;
	store_be16(l->query, (uint16_t)chance_u64(&d->chance));
	if (l->resolver != NONE)
		resolvers_charge(d->config.resolvers, l->resolver, now_ns);
	d->stats.queries_tcp++;
	l->packets = (uint8_t)(l->packets + (l->packets < UINT8_MAX));
	lookup_time(d, l, due_ns < l->deadline_ns ? due_ns : l->deadline_ns);
	return true;
}

/* In its turn: those that wait are first. */
static void
begin(struct dns *d, struct lookup *l, uint32_t number, uint64_t now_ns)
{
	l->stream = number;
	if (d->waiting[WAITING_LEAVE].head != NONE || !connect_now(d, l, now_ns))
		lookup_wait(d, l, WAITING_LEAVE);
}

void
stream_leave(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	lookup_unwait(d, l);
	give_up(d, l, now_ns);
}

bool
dns_waits_for_tcp(const struct dns *d)
{
	return d->waiting[WAITING_LEAVE].head != NONE;
}

/* The first of those that wait to connect; false: none does, or it has to wait on. */
static bool
connect_first(struct dns *d, uint64_t now_ns)
{
	uint32_t first = d->waiting[WAITING_LEAVE].head;
	struct lookup *l;

	if (first == NONE)
		return false;
	l = &d->lookup[first];
	if (!lookup_is_of_liar(d, l))
		return connect_now(d, l, now_ns);
	stream_leave(d, l, now_ns);
	return true;
}

void
stream_follow(struct dns *d, struct lookup *l, struct span truncated, uint64_t now_ns)
{
	struct stream *s;
	uint32_t number;

	l->status = DNS_TRUNCATED;
	if (d->config.events.tcp_open == NULL || d->config.streams == 0) {
		lookup_finish(d, l, DNS_TRUNCATED, GRAB_COMPLETE, truncated, false, now_ns);
		return;
	}
	number = take(d);
	if (number == NONE) {
		lookup_wait(d, l, WAITING_STREAM);
		return;
	}
	s = &d->streams[number];
	if (truncated.len <= sizeof(s->truncated)) {
		memcpy(s->truncated, truncated.at, truncated.len);
		s->truncated_len = (uint16_t)truncated.len;
	}
	begin(d, l, number, now_ns);
}

/* One that waited to connect; or one that waited for a stream, if there is both. */
bool
stream_begin_waiting(struct dns *d, uint64_t now_ns)
{
	uint32_t first, number;

	if (connect_first(d, now_ns))
		return true;
	first = d->waiting[WAITING_STREAM].head;
	if (first == NONE)
		return false;
	if (lookup_is_of_liar(d, &d->lookup[first])) {
		lookup_unwait(d, &d->lookup[first]);
		lookup_ask_another(d, &d->lookup[first], now_ns);
		return true;
	}
	number = take(d);
	if (number == NONE)
		return false;
	lookup_unwait(d, &d->lookup[first]);
	begin(d, &d->lookup[first], number, now_ns);
	return true;
}

/* The connection is over. */
static void
over(struct dns *d, struct lookup *l, enum dns_try_end end)
{
	lookup_untime(l);
	d->stats.ended[end]++;
}

/* The connection is done with; the stream's bytes are still there. */
void
stream_end(struct dns *d, struct lookup *l, enum dns_try_end end)
{
	over(d, l, end);
	d->config.events.tcp_close(d->config.context, lookup_number(d, l));
}

void
stream_lost(struct dns *d, struct lookup *l, enum dns_try_end end, uint64_t now_ns)
{
	stream_end(d, l, end);
	give_up(d, l, now_ns);
}

/* The lookup of a connection; NULL: it is over. */
static struct lookup *
of_handle(struct dns *d, uint32_t handle)
{
	struct lookup *l = &d->lookup[handle];

	return handle < d->touched && l->state == LOOKUP_TCP ? l : NULL;
}

size_t
dns_tcp_output(struct dns *d, uint32_t handle, uint8_t *buf, size_t size)
{
	struct lookup *l = of_handle(d, handle);
	uint8_t bytes[PREFIX + DNS_QUERY_MAX];
	struct stream *s;
	size_t len;

	if (l == NULL)
		return 0;
	s = &d->streams[l->stream];
	len = query_len(l);
	store_be16(bytes, (uint16_t)len);
	memcpy(bytes + PREFIX, l->query, len);
	len = PREFIX + len - s->sent;
	if (len > size)
		len = size;
	memcpy(buf, bytes + s->sent, len);
	s->sent = (uint16_t)(s->sent + len);
	return len;
}

/* How long the message says it is; more than there is room for while that is not known. */
static size_t
wanted(const struct stream *s)
{
	return s->have < PREFIX ? PREFIX : PREFIX + (size_t)load_be16(s->bytes);
}

/* Take what belongs to the message; what comes behind it is nobody's. */
static void
append(struct stream *s, struct span *bytes)
{
	size_t len = wanted(s) - s->have;

	if (len > bytes->len)
		len = bytes->len;
	memcpy(s->bytes + s->have, bytes->at, len);
	s->have += (uint32_t)len;
	bytes->at += len;
	bytes->len -= len;
}

void
dns_tcp_received(struct dns *d, uint32_t handle, struct span bytes, uint64_t now_ns)
{
	struct lookup *l = of_handle(d, handle);
	enum query_fit fit;
	struct span message;
	struct stream *s;

	if (l == NULL)
		return;
	s = &d->streams[l->stream];
	while (bytes.len > 0 && s->have < wanted(s))
		append(s, &bytes);
	if (s->have < PREFIX || s->have < wanted(s))
		return;
	message = span_of(s->bytes + PREFIX, s->have - PREFIX);
	fit = query_fit(l, message);
	d->stats.other_case += fit == QUERY_OTHER_CASE;
	if (fit != QUERY_FITS)
		stream_lost(d, l, DNS_TRY_BROKEN, now_ns);
	else
		query_settle(d, l, message, true, now_ns);
}

void
dns_tcp_ended(struct dns *d, uint32_t handle, uint64_t now_ns)
{
	struct lookup *l = of_handle(d, handle);

	if (l == NULL)
		return;
	over(d, l, DNS_TRY_BROKEN);
	give_up(d, l, now_ns);
}
