/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "walk.h"

#define PLACES_MAX (UINT32_C(1) << 16) /* of servers that are asked with manners */

static bool
has_manners(const struct iterate_config *c)
{
	return c->server_rate > 0 || c->server_in_flight > 0;
}

/* Twice as many as walks ask servers at a time, or more. */
static uint32_t
places_of(const struct iterate_config *c)
{
	uint32_t places = 64;

	while (places < 4 * c->walks && places < PLACES_MAX)
		places *= 2;
	return places;
}

size_t
iterate_memory_bytes(const struct iterate_config *c)
{
	return sizeof(struct iterate) + (2 * (size_t)c->walks + 1) * sizeof(struct walk) +
	       cache_bytes(c->cache) + ALIASES_JOINED_MAX +
	       (has_manners(c) ? manners_bytes(places_of(c), 2 * c->walks) : 0);
}

static bool
config_is_good(const struct iterate_config *c)
{
	return c->walks > 0 && c->walks <= ITERATE_WALKS_MAX && c->cache >= 4 &&
	       (c->cache & (c->cache - 1)) == 0 && c->root_count > 0;
}

static struct manners *
make_manners(const struct iterate_config *c)
{
	const struct manners_config manners = {
		.places = places_of(c),
		.waiters = 2 * c->walks,
		.rate = c->server_rate,
		.in_flight = c->server_in_flight,
		.key = c->key[1],
	};

	return manners_new(&manners);
}

struct iterate *
iterate_new(const struct iterate_config *config)
{
	struct iterate *it;

	if (!config_is_good(config))
		return NULL;
	it = calloc(1, sizeof(*it));
	if (it == NULL)
		return NULL;
	it->config = *config;
	it->capacity = 2 * config->walks;
	it->cache = cache_new(config->cache, config->key);
	it->walks = calloc((size_t)it->capacity + 1, sizeof(*it->walks));
	it->joined = malloc(ALIASES_JOINED_MAX);
	if (has_manners(config))
		it->manners = make_manners(config);
	if (it->cache == NULL || it->walks == NULL || it->joined == NULL ||
	    (it->manners == NULL && has_manners(config))) {
		iterate_free(it);
		return NULL;
	}
	for (size_t i = 0; i < config->root_count; i++)
		servers_add(&it->roots, config->roots[i]);
	return it;
}

void
iterate_free(struct iterate *it)
{
	if (it == NULL)
		return;
	for (uint32_t i = 1; it->walks != NULL && i <= it->touched; i++)
		aliases_free(&it->walks[i].aliases);
	cache_free(it->cache);
	manners_free(it->manners);
	free(it->walks);
	free(it->joined);
	free(it);
}

int
iterate_begin(struct iterate *it, const uint8_t *name, uint16_t type, uint64_t user, uint64_t now_ns)
{
	struct walk *w;

	if (it->lookups == it->config.walks)
		return -EAGAIN;
	w = walk_take(it);
	if (w == NULL)
		return -EAGAIN;
	it->lookups++;
	it->stats.begun++;
	w->user = user;
	w->type = type;
	w->started_ns = now_ns;
	memcpy(w->name, name, dns_name_size(name));
	memcpy(w->asked, name, dns_name_size(name));
	walk_stand_at_best(it, w, now_ns);
	walk_make_ready(it, w);
	return 0;
}

/* Whom it waited for may have brought it nearer, or to its end: true. */
static bool
has_waited(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	struct servers found;

	w->is_waiting = false;
	if (w->parent != 0 &&
	    cache_find(it->cache, cache_key(it->cache, CACHE_HOST, w->asked), now_ns, &found)) {
		walk_seek_done(it, w, &found, SEEK_TTL_S, now_ns);
		return true;
	}
	walk_stand_at_best(it, w, now_ns);
	return false;
}

unsigned int
iterate_poll(struct iterate *it, uint64_t now_ns)
{
	unsigned int done = 0;
	uint32_t place;

	while (it->manners != NULL && (place = manners_due(it->manners, now_ns)) != MANNERS_NONE)
		walk_admit(it, place, now_ns);
	while (it->ready != 0) {
		struct walk *w = &it->walks[it->ready];

		it->ready = w->next;
		if (it->ready == 0)
			it->ready_last = 0;
		w->is_ready = false;
		done++;
		if (w->is_waiting && has_waited(it, w, now_ns))
			continue;
		walk_go_on(it, w, now_ns);
	}
	return done;
}

uint64_t
iterate_next_ns(const struct iterate *it)
{
	if (it->ready != 0)
		return 0;
	return it->manners != NULL ? manners_next_ns(it->manners) : TIME_NEVER;
}

void
iterate_stop(struct iterate *it)
{
	uint32_t number;

	it->stopped = true;
	while (it->manners != NULL && (number = manners_dismiss(it->manners)) != 0)
		walk_make_ready(it, &it->walks[number]);
}

uint32_t
iterate_room(const struct iterate *it)
{
	return it->config.walks - it->lookups;
}

uint32_t
iterate_live(const struct iterate *it)
{
	return it->lookups;
}

const struct iterate_stats *
iterate_stats(const struct iterate *it)
{
	return &it->stats;
}
