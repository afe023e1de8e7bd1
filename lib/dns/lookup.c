/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookups: how they begin, wait and end. */
#include <errno.h>

#include "dns/internal.h"

/* Whether len bytes are a whole name in wire form, and nothing else. */
static bool
is_name(const uint8_t *name, size_t len)
{
	size_t at = 0;

	if (name == NULL || len == 0 || len > DNS_NAME_MAX)
		return false;
	while (at < len && name[at] != 0 && name[at] <= DNS_LABEL_MAX)
		at += 1u + name[at];
	return at + 1 == len && name[at] == 0;
}

/* The query of c-ares' that a place had last hears its end, where it has not. */
static bool
is_out_of_channel(struct dns *d, struct lookup *l)
{
	if (l->in_channel)
		channels_end(d->channels, lookup_number(d, l), l->channel_id);
	d->stats.unheard += l->in_channel;
	return !l->in_channel;
}

static struct lookup *
take(struct dns *d)
{
	struct lookup *l;

	while (d->free_count > 0) {
		l = &d->lookup[d->free[--d->free_count]];
		if (is_out_of_channel(d, l))
			return l;
	}
	if (d->touched == d->capacity)
		return NULL;
	l = &d->lookup[d->touched++];
	l->in_channel = false;
	l->timer = (struct wheel_timer){0};
	return l;
}

/*
 * What is over in c-ares' eyes as well is so when the place is taken again: its memory is taken up again
 * by the next query at once, while it is in the caches.
 */
static void
give(struct dns *d, struct lookup *l)
{
	l->state = LOOKUP_FREE;
	d->free[d->free_count++] = lookup_number(d, l);
	__builtin_prefetch(&l->deadline_ns, 1);
}

static uint64_t
deadline_of(const struct dns_ask *ask, uint64_t now_ns)
{
	uint64_t most = now_ns + DNS_DEADLINE_MAX_NS;

	return ask->deadline_ns != 0 && ask->deadline_ns < most ? ask->deadline_ns : most;
}

/* All but what is written before it is read, and the timer, which goes on. */
static void
begin(const struct dns *d, struct lookup *l, const struct dns_ask *ask, uint64_t now_ns)
{
	const struct dns_query q = {.name = ask->name, .type = ask->type, .edns_bytes = DNS_EDNS_SIZE,
				    .recurse = ask->recurse};

	memset(l, 0, offsetof(struct lookup, query));
	l->started_ns = TIME_NEVER;
	l->due_ns = TIME_NEVER;
	l->deadline_ns = deadline_of(ask, now_ns);
	l->timeout_ns = ask->timeout_ns != 0 ? ask->timeout_ns : d->config.timeout_ns;
	l->server = ask->server;
	l->port = ask->port;
	l->resolver = NONE;
	l->flags = LOOKUP_EDNS | (ask->server != 0 ? LOOKUP_NAMED : 0);
	l->tries_max = ask->tries != 0 ? ask->tries : d->config.tries;
	l->status = DNS_TIMEOUT;
	l->question_len = (uint16_t)(ask->name_len + 4);
	dns_query_write(&q, l->query);
}

int
lookup_new(struct dns *d, const struct dns_ask *ask, uint64_t now_ns, struct lookup **out)
{
	struct lookup *l;

	if (!is_name(ask->name, ask->name_len) || ask->tries > DNS_TRIES_MAX)
		return -EINVAL;
	l = take(d);
	if (l == NULL)
		return -EAGAIN;
	begin(d, l, ask, now_ns);
	if (channels_send(d->channels, lookup_number(d, l), &l->in_channel, &l->channel_id) != 0) {
		give(d, l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void
lookup_wait(struct dns *d, struct lookup *l, enum waiting where)
{
	struct list *list = &d->waiting[where];

	l->state = LOOKUP_WAITS;
	l->waiting = (uint8_t)where;
	l->next = NONE;
	l->prev = list->tail;
	if (list->tail != NONE)
		d->lookup[list->tail].next = lookup_number(d, l);
	else
		list->head = lookup_number(d, l);
	list->tail = lookup_number(d, l);
	lookup_time(d, l, l->deadline_ns);
}

void
lookup_unwait(struct dns *d, struct lookup *l)
{
	struct list *list = &d->waiting[l->waiting];

	if (l->prev != NONE)
		d->lookup[l->prev].next = l->next;
	else
		list->head = l->next;
	if (l->next != NONE)
		d->lookup[l->next].prev = l->prev;
	else
		list->tail = l->prev;
	lookup_untime(l);
}

/* The resolvers' own question has come back, or has not. */
static void
finish_trial(struct dns *d, uint32_t resolver, uint32_t trial, struct span message, uint64_t now_ns)
{
	d->trials--;
	d->stats.trials_ended++;
	resolvers_judge(d->config.resolvers, resolver, trial, message, now_ns);
}

void
lookup_finish(struct dns *d, struct lookup *l, enum dns_status status, enum grab_cause cause,
	      struct span message, bool is_tcp, uint64_t now_ns)
{
	const struct dns_answer answer = {
		.message = message,
		.started_ns = l->started_ns != TIME_NEVER ? l->started_ns : now_ns,
		.ended_ns = now_ns,
		.server = l->server,
		.port = l->port,
		.status = (uint8_t)status,
		.cause = (uint8_t)cause,
		.tries = l->tries,
		.packets = l->packets,
		.is_tcp = is_tcp,
	};
	bool is_trial = l->flags & LOOKUP_TRIAL;
	uint32_t resolver = l->resolver, trial = is_trial ? l->trial : 0;
	uint64_t user = l->user;

	give(d, l);
	if (is_trial) {
		finish_trial(d, resolver, trial, message, now_ns);
		return;
	}
	d->live--;
	d->stats.answered[status]++;
	if (message.len > 0 && resolver != NONE)
		resolvers_believed(d->config.resolvers, resolver);
	d->config.events.answer(d->config.context, user, &answer);
}

void
lookup_fail(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	enum grab_cause cause = GRAB_COMPLETE;

	if (l->status == DNS_TIMEOUT)
		cause = GRAB_TIMEOUT;
	else if (l->status == DNS_BLOCKED)
		cause = GRAB_EXCLUDED;
	else if (l->status == DNS_NO_RESOLVER)
		cause = GRAB_UNREACHABLE;
	else if (l->status == DNS_STOPPED)
		cause = GRAB_STOPPED;
	lookup_finish(d, l, l->status, cause, span_of(NULL, 0), false, now_ns);
}

bool
lookup_may_retry(const struct dns *d, const struct lookup *l, uint64_t now_ns)
{
	return l->tries < l->tries_max && now_ns < l->deadline_ns && !d->stopped;
}

void
lookup_retry(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	if (lookup_may_retry(d, l, now_ns))
		lookup_wait(d, l, l->flags & LOOKUP_NAMED ? WAITING_ROOM : WAITING_RESOLVER);
	else
		lookup_fail(d, l, now_ns);
}

bool
lookup_is_of_liar(const struct dns *d, const struct lookup *l)
{
	return l->resolver != NONE && !(l->flags & LOOKUP_TRIAL) &&
	       resolvers_state(d->config.resolvers, l->resolver) == RESOLVERS_LIES;
}

void
lookup_ask_another(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	l->flags &= (uint8_t)~LOOKUP_AGAIN;
	if (l->tries_max < UINT8_MAX)
		l->tries_max++;
	lookup_retry(d, l, now_ns);
}
