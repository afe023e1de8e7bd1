/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/truth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world/market.h"

static struct world_bounds
bounds_of(uint64_t open, uint64_t closed, uint64_t unreachable)
{
	return (struct world_bounds){
		.open = world_bound(open),
		.closed = world_bound(open + closed),
		.unreachable = world_bound(open + closed + unreachable),
	};
}

static struct world_name_bounds
name_bounds_of(const struct world_names *n)
{
	return (struct world_name_bounds){
		.servfail = world_bound(n->servfail),
		.exists = world_bound(n->servfail + n->exists),
		.alias = world_bound(n->alias),
		.types = world_bound(n->types),
		.big = world_bound(n->big),
		.truncated = world_bound(n->truncated),
	};
}

static bool
shares_fit(uint64_t open, uint64_t closed, uint64_t unreachable)
{
	return open <= WORLD_SHARE_ONE && closed <= WORLD_SHARE_ONE - open &&
	       unreachable <= WORLD_SHARE_ONE - open - closed;
}

static int
compare_ports(const void *a, const void *b)
{
	const struct world_port *p = a, *q = b;

	return (p->port > q->port) - (p->port < q->port);
}

static bool
ports_fit(const struct world_network *n)
{
	for (size_t i = 0; i < n->ports_count; i++) {
		if (!shares_fit(n->ports[i].open, n->ports[i].closed, n->unreachable))
			return false;
		if (i > 0 && n->ports[i].port == n->ports[i - 1].port)
			return false;
	}
	return true;
}

/* Its ports are sorted by now. */
static bool
network_fits(const struct world_network *n)
{
	const uint64_t chances[] = {n->echo, n->loss_out, n->loss_back, n->duplicate, n->reorder,
				    n->corrupt};

	for (size_t i = 0; i < sizeof(chances) / sizeof(chances[0]); i++) {
		if (chances[i] > WORLD_SHARE_ONE)
			return false;
	}
	return n->range.first <= n->range.last && n->latency_min_ns <= n->latency_max_ns &&
	       n->latency_max_ns <= WORLD_LATENCY_MAX_NS &&
	       n->synack_retries <= WORLD_SYNACK_RETRIES_MAX &&
	       shares_fit(n->open, n->closed, n->unreachable) && ports_fit(n);
}

static void
terrain_compile(struct world_terrain *t, const struct world_network *n, struct world_rule *rules)
{
	for (size_t i = 0; i < n->ports_count; i++) {
		const struct world_port *p = &n->ports[i];

		rules[i].port = p->port;
		rules[i].bounds = bounds_of(p->open, p->closed, n->unreachable);
	}
	*t = (struct world_terrain){
		.fallback = bounds_of(n->open, n->closed, n->unreachable),
		.rules = rules,
		.rules_count = n->ports_count,
		.echo = world_bound(n->echo),
		.loss_out = world_bound(n->loss_out),
		.loss_back = world_bound(n->loss_back),
		.duplicate = world_bound(n->duplicate),
		.reorder = world_bound(n->reorder),
		.corrupt = world_bound(n->corrupt),
		.latency_min_ns = n->latency_min_ns,
		.latency_max_ns = n->latency_max_ns,
		.synack_retries = n->synack_retries,
	};
}

/* Copy networks and ports, so that nothing is borrowed, then check and compile them one by one. */
static int
networks_compile(struct world *w, const struct world_description *d)
{
	size_t at = 0;

	for (size_t i = 0; i < d->networks_count; i++) {
		struct world_network *n = &w->networks[i];

		*n = d->networks[i];
		for (size_t j = 0; j < n->ports_count; j++)
			w->ports[at + j] = n->ports[j];
		n->ports = w->ports + at;
		qsort(w->ports + at, n->ports_count, sizeof(*w->ports), compare_ports);
		if (!network_fits(n))
			return -EINVAL;
		terrain_compile(&w->terrain[i], n, w->rules + at);
		at += n->ports_count;
	}
	return 0;
}

static int
compare_addresses(const void *a, const void *b)
{
	uint32_t p = *(const uint32_t *)a, q = *(const uint32_t *)b;

	return (p > q) - (p < q);
}

/* Every address where one network may give way to another; 0 first. Returns how many. */
static uint32_t
borders_collect(const struct world_description *d, uint32_t *borders)
{
	uint32_t count = 0, kept = 0;

	borders[count++] = 0;
	for (size_t i = 0; i < d->networks_count; i++) {
		borders[count++] = d->networks[i].range.first;
		if (d->networks[i].range.last != UINT32_MAX)
			borders[count++] = d->networks[i].range.last + 1;
	}
	qsort(borders, count, sizeof(*borders), compare_addresses);
	for (uint32_t i = 0; i < count; i++) {
		if (i == 0 || borders[i] != borders[kept - 1])
			borders[kept++] = borders[i];
	}
	return kept;
}

static uint16_t
first_containing(const struct world_description *d, uint32_t address)
{
	size_t i = 0;

	while (i < d->networks_count && (address < d->networks[i].range.first ||
					 address > d->networks[i].range.last))
		i++;
	return (uint16_t)i;
}

static void
segments_compile(struct world *w)
{
	uint32_t borders = borders_collect(&w->description, w->segment_first);
	uint32_t at = 0;

	w->segments = 0;
	for (uint32_t i = 0; i < borders; i++) {
		uint16_t network = first_containing(&w->description, w->segment_first[i]);

		if (w->segments > 0 && w->segment_network[w->segments - 1] == network)
			continue;
		w->segment_first[w->segments] = w->segment_first[i];
		w->segment_network[w->segments++] = network;
	}
	for (uint32_t top = 0; top < WORLD_TOPS; top++) {
		uint32_t first = top << (32 - WORLD_TOP_BITS);

		while (at + 1 < w->segments && w->segment_first[at + 1] <= first)
			at++;
		w->top[top] = (uint16_t)at;
	}
	w->top[WORLD_TOPS] = (uint16_t)(w->segments - 1);
}

static int
world_compile(struct world *w, const struct world_description *d)
{
	int rc = networks_compile(w, d);

	if (rc != 0)
		return rc;
	w->seed = d->seed;
	w->description = *d;
	w->description.networks = w->networks;
	if (d->zone_servers_count > 0)
		memcpy(w->zone_servers, d->zone_servers, d->zone_servers_count * sizeof(*w->zone_servers));
	w->description.zone_servers = w->zone_servers;
	w->names = name_bounds_of(&d->names);
	segments_compile(w);
	return market_compile(w, d);
}

static bool
names_fit(const struct world_names *n)
{
	return n->servfail <= WORLD_SHARE_ONE && n->exists <= WORLD_SHARE_ONE - n->servfail &&
	       n->alias <= WORLD_SHARE_ONE && n->types <= WORLD_SHARE_ONE &&
	       n->big <= WORLD_SHARE_ONE && n->truncated <= WORLD_SHARE_ONE &&
	       n->addresses.first <= n->addresses.last;
}

int
world_create(const struct world_description *d, struct world **out)
{
	struct world *w;
	size_t ports = 0, n = d->networks_count;
	int rc = -ENOMEM;

	*out = NULL;
	if (n > WORLD_NETWORKS_MAX || d->forged_pps > WORLD_FORGED_RATE_MAX || !names_fit(&d->names) ||
	    d->zone_servers_count > WORLD_ZONE_SERVERS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (d->networks[i].ports_count > UINT16_MAX + 1)
			return -EINVAL;
		ports += d->networks[i].ports_count;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	w->terrain = calloc(n + 1, sizeof(*w->terrain));
	w->networks = calloc(n + 1, sizeof(*w->networks));
	w->ports = calloc(ports + 1, sizeof(*w->ports));
	w->rules = calloc(ports + 1, sizeof(*w->rules));
	w->zone_servers = calloc(d->zone_servers_count + 1, sizeof(*w->zone_servers));
	w->segment_first = calloc(2 * n + 1, sizeof(*w->segment_first));
	w->segment_network = calloc(2 * n + 1, sizeof(*w->segment_network));
	if (w->zone_servers != NULL && w->terrain != NULL && w->networks != NULL && w->ports != NULL && w->rules != NULL &&
	    w->segment_first != NULL && w->segment_network != NULL)
		rc = world_compile(w, d);
	if (rc != 0) {
		world_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

void
world_free(struct world *w)
{
	if (w == NULL)
		return;
	market_free(w->market);
	free(w->terrain);
	free(w->networks);
	free(w->ports);
	free(w->rules);
	free(w->zone_servers);
	free(w->segment_first);
	free(w->segment_network);
	free(w);
}

const struct world_description *
world_describe(const struct world *w)
{
	return &w->description;
}

unsigned int
world_network_name(const struct world_network *n, char buf[WORLD_NETWORK_NAME_SIZE])
{
	uint64_t count = ipv4_range_count(n->range);
	char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	ipv4_format(n->range.first, first);
	ipv4_format(n->range.last, last);
	if ((count & (count - 1)) == 0 && n->range.first % count == 0)
		return (unsigned int)snprintf(buf, WORLD_NETWORK_NAME_SIZE, "%s/%d", first,
					      32 - __builtin_ctzll(count));
	return (unsigned int)snprintf(buf, WORLD_NETWORK_NAME_SIZE, "%s-%s", first, last);
}

enum world_state
world_state(const struct world *w, uint32_t address, uint16_t port)
{
	return world_state_of(w, &w->terrain[world_terrain_find(w, address)], address, port);
}

bool
world_echoes(const struct world *w, uint32_t address)
{
	const struct world_terrain *t = &w->terrain[world_terrain_find(w, address)];

	return world_chance(world_hash(w->seed ^ world_key(address, 0)), t->echo);
}

unsigned int
world_network_of(const struct world *w, uint32_t address)
{
	return world_terrain_find(w, address);
}

uint64_t
world_digest_term(uint32_t address, uint16_t port)
{
	return world_digest(address, port);
}
