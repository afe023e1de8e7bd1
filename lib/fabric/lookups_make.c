/* SPDX-License-Identifier: BSD-3-Clause */
/* Making a struct lookups: how much of everything, and what it asks by. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ring.h>

#include "base/time.h"
#include "fabric/lookups_inside.h"

/* Names at once: what a worker begins with, and what it never goes beyond. */
#define NAMES_MIN 16
#define NAMES_MAX 32768

/* Questions of one name that are asked for at once, on average. */
#define QUESTIONS_PER_NAME 2

/* Datagrams that wait to leave; fewer where that would take more than a part of a try's time, which runs meanwhile. */
#define QUEUE_MAX 256
#define QUEUE_SHARE 8

/* Resolvers' rates are a part less than that of queries: so what waits for the pacer gets less again. */
#define SLACK_SHARE 32

/* Of an answer over TCP, however short the time for one over UDP. */
#define STREAM_TIMEOUT_MIN_NS (4 * NS_PER_SEC)

/* Servers of zones that are known at once. */
#define CACHE (UINT32_C(1) << 16)

uint32_t
lookups_names(const struct lookups_plan *plan, unsigned int workers)
{
	/* What is asked for within the time that a name without an answer takes. */
	uint64_t span_ns = plan->timeout_ns * (plan->tries + 1u);
	double most = (double)plan->rate_pps * (double)span_ns / (double)NS_PER_SEC / workers;

	return most < NAMES_MIN ? NAMES_MIN : most > NAMES_MAX ? NAMES_MAX : (uint32_t)most;
}

struct rte_ring *
lookups_ring_new(unsigned int worker, uint32_t names)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "lookups-%u", worker);
	return rte_ring_create(name, rte_align32pow2(2 * names + 2), SOCKET_ID_ANY,
			       RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static uint32_t
questions(const struct lookups_config *c)
{
	uint32_t n = c->names * QUESTIONS_PER_NAME + LOOKUPS_TYPES_MAX;

	return n < DNS_ASKS_MAX ? n : DNS_ASKS_MAX;
}

/* Datagrams behind which another may wait. */
static uint32_t
queue(const struct lookups_config *c)
{
	double most = (double)c->plan->rate_pps / c->workers * (double)c->plan->timeout_ns / (double)NS_PER_SEC /
		      QUEUE_SHARE;

	return most < 1 ? 1 : most > QUEUE_MAX ? QUEUE_MAX : (uint32_t)most;
}

static struct udp_config
udp_config_of(const struct lookups_config *c)
{
	struct udp_config udp = {
		/* Beside what is asked for names, what resolvers are asked for their own sake. */
		.endpoints = questions(c) + DNS_TRIALS_MAX,
		.queue = queue(c),
		.data_max = DNS_QUERY_MAX,
		.ttl = c->outlets[0].probe->config.ttl,
		.links = (uint8_t)c->outlet_count,
		.events = lookups_udp_events,
	};

	memcpy(udp.key, c->key, sizeof(udp.key));
	return udp;
}

/* A SYN that is lost is sent again after a second, and once more after three. */
static uint64_t
stream_timeout_ns(const struct lookups_plan *plan)
{
	uint64_t twice_ns = 2 * plan->timeout_ns;

	return twice_ns > STREAM_TIMEOUT_MIN_NS ? twice_ns : STREAM_TIMEOUT_MIN_NS;
}

static struct dns_config
dns_config_of(const struct lookups_config *c)
{
	struct dns_config dns = {
		.in_flight = questions(c),
		.streams = STREAMS_MAX,
		.timeout_ns = c->plan->timeout_ns,
		.tcp_timeout_ns = stream_timeout_ns(c->plan),
		.tries = c->plan->tries,
		.events = c->plan->direct ? lookups_server_events : lookups_resolver_events,
	};

	memcpy(dns.key, c->key, sizeof(dns.key));
	return dns;
}

static size_t
grab_blocks(const struct lookups_config *c)
{
	return (size_t)c->names * BLOCKS_PER_NAME + BLOCKS_TO_BEGIN;
}

/*
 * Of what one server may get each worker has its part. Who cannot have one of rate asks as seldom as is fair, so that
 * only in a second in which all of them happen to ask there are more.
 */
static double
part_of_rate(const struct lookups_config *c)
{
	uint32_t rate = c->plan->server_rate;

	if (rate < c->workers)
		return (double)rate / c->workers;
	return rate / c->workers + (c->worker < rate % c->workers);
}

static uint32_t
part_in_flight(const struct lookups_config *c)
{
	uint32_t part = c->plan->server_in_flight / c->workers;

	return part == 0 && c->plan->server_in_flight != 0 ? 1 : part;
}

static struct iterate_config
walks_config_of(const struct lookups_config *c)
{
	return (struct iterate_config){
		.walks = questions(c),
		.cache = CACHE,
		.port = DNS_PORT,
		.root_has_tlds = c->plan->internet,
		.tries = c->plan->tries,
		.server_rate = part_of_rate(c),
		.server_in_flight = part_in_flight(c),
		.events = lookups_walk_events,
	};
}

size_t
lookups_memory_bytes(const struct lookups_config *config)
{
	struct udp_config udp = udp_config_of(config);
	struct dns_config dns = dns_config_of(config);
	struct iterate_config walks = walks_config_of(config);
	size_t direct = config->plan->direct ? iterate_memory_bytes(&walks) : 0;

	return sizeof(struct lookups) + direct + udp_memory_bytes(&udp) + dns_memory_bytes(&dns) +
	       ((size_t)config->names + 1) * sizeof(struct slot) + grab_blocks(config) * GRAB_BLOCK_BYTES;
}

static void
make_links(struct lookups *l)
{
	for (unsigned int i = 0; i < l->config.outlet_count; i++) {
		const struct probe_config *c = &l->config.outlets[i].probe->config;

		wire_link_build(c->gateway_mac, c->source_mac, c->vlan, &l->links[i]);
	}
}

/* Each worker has its part of the rate, of every resolver. */
static struct resolvers *
make_resolvers(const struct lookups_config *c, uint64_t now_ns)
{
	const struct lookups_plan *plan = c->plan;
	uint64_t part = (plan->rate_pps - plan->rate_pps / SLACK_SHARE) / c->workers;
	struct resolvers_config config = {
		.list = plan->resolvers,
		.count = plan->resolver_count,
		.rate_pps = part > 0 ? part : 1,
		.timeout_ns = plan->timeout_ns,
		.canaries = plan->canaries,
		.canary_count = plan->canary_count,
		.canary_every_ns = plan->canary_every_ns,
	};

	return resolvers_new(&config, now_ns);
}

static struct iterate *
make_walks(struct lookups *l)
{
	const struct lookups_plan *plan = l->config.plan;
	uint32_t roots[ITERATE_SERVERS_MAX];
	struct iterate_config config = walks_config_of(&l->config);

	config.roots = roots;
	config.context = l;
	for (size_t i = 0; i < plan->resolver_count && i < ITERATE_SERVERS_MAX; i++)
		roots[config.root_count++] = plan->resolvers[i].address;
	memcpy(config.key, l->config.key, sizeof(config.key));
	return iterate_new(&config);
}

static bool
make_dns(struct lookups *l, uint64_t now_ns)
{
	struct udp_config udp = udp_config_of(&l->config);
	struct dns_config dns = dns_config_of(&l->config);

	udp.link = l->links;
	udp.context = dns.context = l;
	l->udp = udp_new(&udp);
	if (l->config.plan->direct)
		l->walks = make_walks(l);
	else
		l->resolvers = make_resolvers(&l->config, now_ns);
	l->streams = streams_new(&l->config, l->links, now_ns);
	if (l->udp == NULL || (l->resolvers == NULL && l->walks == NULL) || l->streams == NULL)
		return false;
	dns.udp = l->udp;
	dns.resolvers = l->resolvers;
	l->dns = dns_new(&dns);
	streams_serve(l->streams, l->dns);
	return l->dns != NULL;
}

struct lookups *
lookups_new(const struct lookups_config *config, uint64_t now_ns)
{
	struct lookups *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->config = *config;
	l->queue = queue(config);
	make_links(l);
	l->grabs = grab_pool_new(grab_blocks(config));
	l->slots = calloc((size_t)config->names + 1, sizeof(*l->slots));
	if (l->grabs != NULL && l->slots != NULL && make_dns(l, now_ns))
		return l;
	lookups_free(l);
	return NULL;
}

void
lookups_free(struct lookups *l)
{
	if (l == NULL)
		return;
	dns_free(l->dns);
	streams_free(l->streams);
	iterate_free(l->walks);
	resolvers_free(l->resolvers);
	udp_free(l->udp);
	grab_pool_free(l->grabs);
	free(l->slots);
	free(l);
}
