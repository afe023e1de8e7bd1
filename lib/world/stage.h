/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stage from the inside, for the files of lib/world alone: react.c puts events on their way,
 * arrive.c makes frames of them, stage.c holds the table of flows.
 */
#ifndef WORLD_STAGE_H
#define WORLD_STAGE_H

#include "base/bytes.h"
#include "base/time.h"
#include "wire/wire.h"
#include "world/answer.h"
#include "world/faults.h"

/* A packet that others overtake comes so much later than its flow's latency says. */
#define REORDER_MIN_NS (1 * NS_PER_MS)
#define REORDER_MAX_NS (50 * NS_PER_MS)

struct servers;

struct world_stage {
	const struct world *world;
	struct servers *servers; /* NULL: none speak */
	struct events *events;
	uint32_t *flows; /* buckets of SYN-ACKs that will be said again: event indices, chained */
	uint32_t flows_mask;
	uint64_t forged;    /* the number of the next forgery */
	uint64_t forged_ns; /* and its time: TIME_NEVER until a probe was heard to forge from */
	struct world_event heard; /* the last SYN or ping */
	struct world_stage_config config;
	struct world_counters counters;
};

/* The SYN-ACK of a packet's flow, if it will be said again, else NULL; flow is the hash. */
struct world_event *stage_flow_find(struct world_stage *s, uint64_t flow, const uint8_t *packet);
void stage_flow_add(struct world_stage *s, uint64_t flow, struct world_event *e);
void stage_flow_remove(struct world_stage *s, uint64_t flow, struct world_event *e);

/* An event that answers a reaction, with as much of its packet as a head holds; NULL, counted, when the stage is
 * full. */
struct world_event *stage_answer_take(struct world_stage *s, const struct world_reaction *r,
				      enum world_answer_kind kind);

/* The time of a forgery. They have numbers, so that stages can share them out. */
static inline uint64_t
stage_forged_ns(const struct world_stage *s, uint64_t number)
{
	return (uint64_t)((unsigned __int128)(number + 1) * NS_PER_SEC /
			  s->world->description.forged_pps);
}

/* What tells an answer from others of its flow. */
static inline uint64_t
stage_identity(const struct world_event *e)
{
	uint16_t id = load_be16(((const struct wire_ipv4 *)e->head)->id);

	return (uint64_t)e->kind << 40 | (uint64_t)e->repeat << 32 | (uint64_t)e->copy << 24 | id;
}

static inline bool
stage_happens(const struct world_event *e, uint64_t flow, enum world_draw what, uint64_t bound)
{
	return bound != 0 && world_chance(world_draw(flow, what, stage_identity(e)), bound);
}

static inline uint64_t
stage_network_latency_ns(const struct world_stage *s, uint16_t network, uint64_t flow)
{
	const struct world_terrain *t = &s->world->terrain[network];

	return t->latency_min_ns + world_scale(world_draw(flow, DRAW_LATENCY, 0),
					       t->latency_max_ns - t->latency_min_ns + 1);
}

static inline uint64_t
stage_latency_ns(const struct world_stage *s, const struct world_event *e, uint64_t flow)
{
	return stage_network_latency_ns(s, e->network, flow);
}

/* How much later than its flow's latency says a packet comes: others overtake it. */
static inline uint64_t
stage_reorder_ns(const struct world_stage *s, const struct world_event *e, uint64_t flow)
{
	if (!stage_happens(e, flow, DRAW_REORDER, s->world->terrain[e->network].reorder))
		return 0;
	return REORDER_MIN_NS + world_scale(world_draw(flow, DRAW_REORDER_DELAY, stage_identity(e)),
					    REORDER_MAX_NS - REORDER_MIN_NS + 1);
}

/* Let an event arrive at a time, or later if others overtake it. */
static inline void
stage_launch(struct world_stage *s, struct world_event *e, uint64_t flow, uint64_t arrival_ns)
{
	events_schedule(s->events, e, arrival_ns + stage_reorder_ns(s, e, flow));
}

#endif /* WORLD_STAGE_H */
