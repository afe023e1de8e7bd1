/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool of walks, whom they wait for, and where they stand. */
#include <string.h>

#include "base/hash.h"
#include "walk.h"

static const uint8_t root_name[] = {0};

struct walk *
walk_take(struct iterate *it)
{
	uint32_t number = it->free;

	if (number != 0)
		it->free = it->walks[number].next;
	else if (it->touched < it->capacity)
		number = ++it->touched;
	else
		return NULL;
	it->walks[number] = (struct walk){.status = DNS_STATUSES};
	return &it->walks[number];
}

void
walk_give(struct iterate *it, struct walk *w)
{
	aliases_free(&w->aliases);
	w->next = it->free;
	it->free = walk_number(it, w);
}

/* To be gone on with by iterate_poll(), in turn. */
void
walk_make_ready(struct iterate *it, struct walk *w)
{
	uint32_t number = walk_number(it, w);

	if (w->is_ready)
		return;
	w->is_ready = true;
	w->next = 0;
	if (it->ready_last != 0)
		it->walks[it->ready_last].next = number;
	else
		it->ready = number;
	it->ready_last = number;
}

/* ---- Waiting for one another ------------------------------------------------------------- */

/* What a walk is about to learn that others may want, too: who serves the zone that is expected next below where it
 * stands, one label more; or the address of the server that it seeks. 0: nothing. */
static uint64_t
expected_key(const struct iterate *it, const struct walk *w)
{
	unsigned int below = dns_name_labels(w->name) - dns_name_labels(w->zone);
	const uint8_t *child = w->name;

	if (below < 2)
		return w->parent != 0 ? cache_key(it->cache, CACHE_HOST, w->asked) : 0;
	for (; below > 1; below--)
		child = dns_name_parent(child);
	return cache_key(it->cache, CACHE_ZONE, child);
}

static uint32_t *
leader_of(struct iterate *it, uint64_t key)
{
	return &it->leaders[key % WAIT_BUCKETS];
}

/* Wait for another walk that asks for the same, if there is one; else be the one that others wait for. */
bool
walk_waits_for_leader(struct iterate *it, struct walk *w)
{
	uint64_t key = expected_key(it, w);
	uint32_t *leader = leader_of(it, key);

	if (key == 0 || w->waited_for == key)
		return false;
	if (*leader == 0) {
		*leader = walk_number(it, w);
		w->leads = key;
		return false;
	}
	if (it->walks[*leader].leads != key || *leader == walk_number(it, w))
		return false;
	if (it->walks[*leader].is_seeking && w->depth > 0)
		return false;
	w->waited_for = key;
	w->is_waiting = true;
	w->next = it->walks[*leader].waiting;
	it->walks[*leader].waiting = walk_number(it, w);
	it->stats.waited++;
	return true;
}

/* Whoever has waited, at this depth or below, looks again for where to begin. */
void
walk_release_from(struct iterate *it, struct walk *w, unsigned int depth)
{
	uint32_t *link = &w->waiting;

	while (*link != 0) {
		struct walk *waiter = &it->walks[*link];

		if (waiter->depth < depth) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		walk_make_ready(it, waiter);
	}
}

void
walk_release(struct iterate *it, struct walk *w)
{
	if (w->leads == 0)
		return;
	*leader_of(it, w->leads) = 0;
	w->leads = 0;
	walk_release_from(it, w, 0);
}

/* ---- Where a walk stands ----------------------------------------------------------------- */

void
walk_stand_at(struct iterate *it, struct walk *w, const uint8_t *zone, const struct servers *servers)
{
	memmove(w->zone, zone, dns_name_size(zone));
	w->servers = *servers;
	w->tried = 0;
	w->useless = 0;
	w->first = servers->count > 0 ? (uint8_t)(hash_mix64(it->config.key[0] ^ ++it->drawn) % servers->count) : 0;
	w->ns_count = w->ns_next = 0;
}

/* At the lowest zone above the name of which the cache knows servers. */
void
walk_stand_at_best(struct iterate *it, struct walk *w, uint64_t now_ns)
{
	struct servers found;

	for (const uint8_t *zone = w->name; zone[0] != 0; zone = dns_name_parent(zone)) {
		if (cache_find(it->cache, cache_key(it->cache, CACHE_ZONE, zone), now_ns, &found)) {
			it->stats.cached++;
			walk_stand_at(it, w, zone, &found);
			return;
		}
	}
	walk_stand_at(it, w, root_name, &it->roots);
}

/* ---- Manners ----------------------------------------------------------------------------- */

/* Those in line of a place that may ask now. */
void
walk_admit(struct iterate *it, uint32_t place, uint64_t now_ns)
{
	uint32_t number;

	while ((number = manners_admit(it->manners, place, now_ns)) != 0) {
		it->walks[number].is_admitted = true;
		walk_make_ready(it, &it->walks[number]);
	}
}

/* The question to its server has ended, or was not asked after all. */
void
walk_give_back(struct iterate *it, struct walk *w, enum manners_end end, unsigned int extra, uint64_t now_ns)
{
	if (it->manners == NULL)
		return;
	manners_give(it->manners, w->place, end, extra, now_ns);
	walk_admit(it, w->place, now_ns);
}

