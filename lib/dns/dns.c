/* SPDX-License-Identifier: BSD-3-Clause */
#include "dns/dns.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "dns/internal.h"

static bool
config_is_good(const struct dns_config *c)
{
	return c->in_flight > 0 && c->in_flight <= DNS_ASKS_MAX && c->streams <= DNS_ASKS_MAX &&
	       c->timeout_ns > 0 && c->tcp_timeout_ns > 0 && c->tries > 0 && c->tries <= DNS_TRIES_MAX &&
	       c->udp != NULL && c->events.answer != NULL && c->events.tuple != NULL &&
	       c->events.allowed != NULL && (c->events.tcp_open == NULL) == (c->events.tcp_close == NULL);
}

size_t
dns_memory_bytes(const struct dns_config *c)
{
	size_t past = 1024;

	while (past < (size_t)2 * c->in_flight)
		past *= 2;
	return sizeof(struct dns) +
	       ((size_t)c->in_flight + DNS_TRIALS_MAX) * (sizeof(struct lookup) + sizeof(uint32_t)) +
	       c->streams * sizeof(struct stream) + 2 * past * sizeof(uint64_t) + PORTS * sizeof(uint32_t);
}

struct dns *
dns_new(const struct dns_config *config)
{
	struct dns *d;

	if (!config_is_good(config))
		return NULL;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	d->config = *config;
	d->heard_ns = TIME_NEVER;
	OPENSSL_cleanse(d->config.key, sizeof(d->config.key));
	d->capacity = config->in_flight + (config->resolvers != NULL ? DNS_TRIALS_MAX : 0);
	for (unsigned int i = 0; i < WAITINGS; i++)
		d->waiting[i] = (struct list){NONE, NONE};
	d->lookup = aligned_alloc(LINE_BYTES, d->capacity * sizeof(*d->lookup));
	d->free = malloc(d->capacity * sizeof(*d->free));
	if (d->lookup == NULL || d->free == NULL || chance_init(&d->chance, config->key) != 0 || past_init(d) != 0 ||
	    stream_init(d) != 0) {
		dns_free(d);
		return NULL;
	}
	wheel_init(&d->wheel, &d->lookup->timer, sizeof(*d->lookup), 0);
	d->channels = channels_new(d->capacity);
	if (d->channels == NULL) {
		dns_free(d);
		return NULL;
	}
	return d;
}

void
dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	channels_free(d->channels);
	chance_fini(&d->chance);
	free(d->lookup);
	free(d->free);
	free(d->streams);
	free(d->past[0]);
	free(d->past[1]);
	free(d->asking);
	free(d);
}

int
dns_ask(struct dns *d, const struct dns_ask *ask, uint64_t user, uint64_t now_ns)
{
	struct lookup *l;
	int rc;

	if (d->stopped)
		return -ECANCELED;
	if (d->live == d->config.in_flight)
		return -EAGAIN;
	rc = lookup_new(d, ask, now_ns, &l);
	if (rc != 0)
		return rc;
	l->user = user;
	d->live++;
	d->stats.asked++;
	lookup_wait(d, l, l->flags & LOOKUP_NAMED ? WAITING_ROOM : WAITING_RESOLVER);
	return 0;
}

/* Ask what the resolvers want asked: one try, of whom they want it asked. */
static bool
begin_trial(struct dns *d, uint64_t now_ns)
{
	struct resolvers_question q;
	struct resolvers_address to;
	struct dns_ask ask = {.name = q.name, .tries = 1, .recurse = true};
	struct lookup *l;

	if (d->config.resolvers == NULL || d->stopped || d->trials == DNS_TRIALS_MAX)
		return false;
	if (!resolvers_wants(d->config.resolvers, chance_u64(&d->chance), now_ns, &q))
		return false;
	to = resolvers_address(d->config.resolvers, q.resolver);
	ask.name_len = q.name_len;
	ask.type = q.type;
	ask.server = to.address;
	ask.port = to.port;
	d->stats.trials++;
	if (lookup_new(d, &ask, now_ns, &l) != 0) {
		d->stats.trials_ended++;
		resolvers_judge(d->config.resolvers, q.resolver, q.number, span_of(NULL, 0), now_ns);
		return false;
	}
	d->trials++;
	l->flags |= LOOKUP_TRIAL;
	l->resolver = q.resolver;
	l->trial = q.number;
	if (!resolvers_edns(d->config.resolvers, q.resolver))
		l->flags &= (uint8_t)~LOOKUP_EDNS;
	lookup_wait(d, l, WAITING_ROOM);
	return true;
}

/* Its timer has gone off. Where it is due, something was to happen by now, and has not. */
static void
expire(struct dns *d, struct lookup *l, uint64_t heard_ns, uint64_t now_ns)
{
	if (l->due_ns > heard_ns) {
		if (l->due_ns != TIME_NEVER)
			lookup_time(d, l, l->due_ns);
		return;
	}
	switch (l->state) {
	case LOOKUP_ASKED:
		query_lost(d, l, now_ns);
		break;
	case LOOKUP_TCP:
		stream_lost(d, l, DNS_TRY_LOST, now_ns);
		break;
	case LOOKUP_WAITS:
		if (l->waiting == WAITING_LEAVE) {
			stream_leave(d, l, now_ns);
			break;
		}
		lookup_unwait(d, l);
		lookup_fail(d, l, now_ns);
		break;
	default:
		break;
	}
}

void
dns_heard(struct dns *d, uint64_t until_ns)
{
	d->heard_ns = until_ns;
}

unsigned int
dns_poll(struct dns *d, uint64_t now_ns)
{
	uint64_t heard_ns = d->heard_ns < now_ns ? d->heard_ns : now_ns;
	unsigned int done = 0, sent;
	uint32_t number;

	while ((number = wheel_pop(&d->wheel, heard_ns)) != WHEEL_NONE) {
		expire(d, &d->lookup[number], heard_ns, now_ns);
		done++;
	}
	while (stream_begin_waiting(d, now_ns))
		done++;
	while (begin_trial(d, now_ns))
		done++;
	while ((sent = query_send_waiting(d, WAITING_ROOM, now_ns)) > 0 ||
	       (sent = query_send_waiting(d, WAITING_RESOLVER, now_ns)) > 0)
		done += sent;
	return done;
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
dns_next_ns(const struct dns *d)
{
	const struct resolvers *r = d->config.resolvers;
	uint64_t next_ns = d->live + d->trials > 0 ? wheel_next_ns(&d->wheel) : TIME_NEVER;

	if (r == NULL || d->stopped)
		return next_ns;
	if (d->trials < DNS_TRIALS_MAX)
		next_ns = sooner(next_ns, resolvers_wants_ns(r));
	if (d->waiting[WAITING_RESOLVER].head != NONE && !d->crowded && udp_room(d->config.udp) > 0)
		next_ns = sooner(next_ns, resolvers_pick_ns(r));
	return next_ns;
}

/* Its query is told no more of. */
static void
stop(struct dns *d, struct lookup *l, uint64_t now_ns)
{
	uint32_t stream = NONE;

	switch (l->state) {
	case LOOKUP_ASKED:
		query_end(d, l, DNS_TRY_STOPPED);
		break;
	case LOOKUP_TCP:
		stream = l->stream;
		stream_end(d, l, DNS_TRY_STOPPED);
		break;
	case LOOKUP_WAITS:
		if (l->waiting == WAITING_LEAVE)
			stream = l->stream;
		lookup_unwait(d, l);
		break;
	case LOOKUP_TURN:
		break;
	default:
		return;
	}
	l->status = DNS_STOPPED;
	lookup_fail(d, l, now_ns);
	if (stream != NONE)
		stream_give(d, stream);
}

void
dns_stop(struct dns *d, uint64_t now_ns)
{
	d->stopped = true;
	for (uint32_t i = 0; i < d->touched; i++)
		stop(d, &d->lookup[i], now_ns);
}

void
dns_stop_waiting(struct dns *d, uint64_t now_ns)
{
	for (uint32_t i = 0; i < d->touched; i++) {
		struct lookup *l = &d->lookup[i];

		if (l->state == LOOKUP_WAITS && l->waiting == WAITING_RESOLVER && l->tries == 0)
			stop(d, l, now_ns);
	}
}

uint32_t
dns_live(const struct dns *d)
{
	return d->live;
}

uint32_t
dns_room(const struct dns *d)
{
	return d->stopped ? 0 : d->config.in_flight - d->live;
}

const struct dns_stats *
dns_stats(const struct dns *d)
{
	return &d->stats;
}

const char *
dns_library_version(void)
{
	return channels_version();
}
