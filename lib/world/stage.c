/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/server.h"

#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"

struct world_stage *
world_stage_create(const struct world *w, const struct world_stage_config *config)
{
	struct world_stage *s = calloc(1, sizeof(*s));
	uint32_t buckets = 1;

	if (s == NULL)
		return NULL;
	while (buckets < config->events && buckets < UINT32_C(1) << 30)
		buckets <<= 1;
	s->world = w;
	s->config = *config;
	s->flows_mask = buckets - 1;
	s->forged_ns = TIME_NEVER;
	s->flows = calloc(buckets, sizeof(*s->flows));
	s->events = events_create(config->events);
	if (config->connections > 0)
		s->servers = servers_create(config->connections, config->tls);
	if (s->flows == NULL || s->events == NULL ||
	    (config->connections > 0 && s->servers == NULL)) {
		world_stage_free(s);
		return NULL;
	}
	return s;
}

void
world_stage_free(struct world_stage *s)
{
	if (s == NULL)
		return;
	servers_free(s->servers);
	events_free(s->events);
	free(s->flows);
	free(s);
}

unsigned int
world_stage_of(const struct world_reaction *r, unsigned int count)
{
	return (unsigned int)(((r->flow >> 32) * count) >> 32);
}

const struct world_counters *
world_stage_counters(const struct world_stage *s)
{
	return &s->counters;
}

/* Addresses and ports, as they stand in a packet. */
static bool
same_flow(const uint8_t *a, const uint8_t *b)
{
	const size_t at = offsetof(struct wire_ipv4, src);
	const uint8_t *ports_a = a + (a[0] & 0xf) * 4, *ports_b = b + (b[0] & 0xf) * 4;

	return memcmp(a + at, b + at, 8) == 0 && memcmp(ports_a, ports_b, 4) == 0;
}

struct world_event *
stage_flow_find(struct world_stage *s, uint64_t flow, const uint8_t *packet)
{
	uint32_t i = s->flows[flow & s->flows_mask];

	while (i != 0 && !same_flow(events_at(s->events, i)->head, packet))
		i = events_at(s->events, i)->flow_next;
	return i != 0 ? events_at(s->events, i) : NULL;
}

void
stage_flow_add(struct world_stage *s, uint64_t flow, struct world_event *e)
{
	uint32_t *bucket = &s->flows[flow & s->flows_mask];

	e->repeats = true;
	e->flow_next = *bucket;
	*bucket = e->index;
}

void
stage_flow_remove(struct world_stage *s, uint64_t flow, struct world_event *e)
{
	uint32_t *link = &s->flows[flow & s->flows_mask];

	while (*link != e->index)
		link = &events_at(s->events, *link)->flow_next;
	*link = e->flow_next;
	e->repeats = false;
}

struct world_event *
stage_answer_take(struct world_stage *s, const struct world_reaction *r, enum world_answer_kind kind)
{
	struct world_event *e = events_take(s->events);

	if (e == NULL) {
		s->counters.events_refused++;
		return NULL;
	}
	e->kind = (uint8_t)kind;
	e->network = r->network;
	e->tci = r->tci;
	e->tagged = r->tagged;
	memcpy(e->mac, r->mac, sizeof(e->mac));
	e->head_len = r->len < EVENT_HEAD_MAX ? (uint8_t)r->len : EVENT_HEAD_MAX;
	memcpy(e->head, r->packet, e->head_len);
	return e;
}

uint64_t
world_stage_next_ns(struct world_stage *s)
{
	uint64_t next_ns = events_next_ns(s->events);

	return next_ns < s->forged_ns ? next_ns : s->forged_ns;
}

uint64_t
world_stage_idle_until_ns(const struct world_stage *s)
{
	uint64_t idle_ns = events_idle_until_ns(s->events);

	return idle_ns < s->forged_ns ? idle_ns : s->forged_ns;
}
