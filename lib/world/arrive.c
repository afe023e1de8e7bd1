/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes of an event when its time is there: faults on the way back, repeats, forgeries. */
#include <string.h>

#include "wire/wire.h"
#include "world/server.h"

/* A copy follows within two milliseconds. */
#define DUPLICATE_MAX_NS (2 * NS_PER_MS)

/* One forgery in so many is an ICMP error. */
#define FORGED_ERRORS 8

/* One byte of the packet becomes another. Not of the Ethernet header, nor of the padding: a frame
 * that is harmed there is dropped by the NIC, or not harmed. */
static void
corrupt(const struct world_event *e, uint64_t flow, uint8_t *frame, uint16_t packet)
{
	uint64_t place = world_draw(flow, DRAW_CORRUPT_PLACE, stage_identity(e));
	size_t offset = sizeof(struct wire_ether) + (e->tagged ? 4 : 0);

	frame[offset + world_scale(place, packet)] ^= (uint8_t)(1 + place % 255);
}

static void
duplicate(struct world_stage *s, const struct world_event *e, uint64_t flow, uint64_t arrival_ns)
{
	uint64_t delay = world_draw(flow, DRAW_DUPLICATE_DELAY, stage_identity(e));
	struct world_event *copy = events_take(s->events);
	uint32_t index;

	if (copy == NULL) {
		s->counters.events_refused++;
		return;
	}
	index = copy->index;
	*copy = *e;
	copy->index = index;
	copy->copy = true;
	copy->repeats = false;
	if (answer_has_block(copy->kind) && !server_copy(s, copy)) {
		events_give(s->events, copy);
		return;
	}
	stage_launch(s, copy, flow, arrival_ns + world_scale(delay, DUPLICATE_MAX_NS));
}

static void
count_out(struct world_counters *c, const struct world_event *e)
{
	c->frames_out++;
	switch ((enum world_answer_kind)e->kind) {
	case ANSWER_ARP:
		c->arp_replies++;
		break;
	case ANSWER_ECHO:
		c->echo_replies++;
		break;
	case ANSWER_SYNACK:
		c->synacks++;
		break;
	case ANSWER_RESET:
		c->resets++;
		break;
	case ANSWER_UNREACHABLE:
		c->unreachables++;
		break;
	case ANSWER_SEGMENT:
		c->segments++;
		break;
	case ANSWER_DATAGRAM:
		c->datagrams++;
		break;
	case EVENT_TIMER:
		break;
	}
}

/* What arrives of one event that is due: its frame's length, or 0 when it was lost. */
static unsigned int
arrive(struct world_stage *s, const struct world_event *e, uint64_t flow, uint64_t arrival_ns,
       uint8_t *frame)
{
	const struct world_terrain *t = &s->world->terrain[e->network];
	unsigned int len;
	uint16_t packet;

	if (!e->copy && stage_happens(e, flow, DRAW_LOSS_BACK, t->loss_back)) {
		s->counters.lost_back++;
		return 0;
	}
	len = answer_has_block(e->kind) ? server_frame(s, e, flow, frame, &packet)
					: world_answer_build(s->world, e, flow, frame, &packet);
	count_out(&s->counters, e);
	s->counters.reordered += arrival_ns != e->due_ns;
	if (stage_happens(e, flow, DRAW_CORRUPT, t->corrupt)) {
		s->counters.corrupted++;
		corrupt(e, flow, frame, packet);
	}
	if (!e->copy && stage_happens(e, flow, DRAW_DUPLICATE, t->duplicate)) {
		s->counters.duplicated++;
		duplicate(s, e, flow, arrival_ns);
	}
	return len;
}

/* Repeats come 1, 3, 7, ... seconds after the first: each gap twice the one before. */
static void
repeat(struct world_stage *s, struct world_event *e, uint64_t flow, uint64_t arrival_ns)
{
	if (e->repeat >= s->world->terrain[e->network].synack_retries) {
		stage_flow_remove(s, flow, e);
		events_give(s->events, e);
		return;
	}
	stage_launch(s, e, flow, arrival_ns + (NS_PER_SEC << e->repeat++));
}

static void
timer(struct world_stage *s, struct world_event *e)
{
	struct world_event due = *e;

	events_give(s->events, e);
	server_timer(s, due.due_ns, &due);
}

static unsigned int
deliver(struct world_stage *s, struct world_event *e, uint8_t *frame)
{
	uint64_t flow, arrival_ns;
	unsigned int len;

	if (e->kind == EVENT_TIMER) {
		timer(s, e);
		return 0;
	}
	flow = world_answer_flow(s->world, e);
	arrival_ns = e->due_ns - stage_reorder_ns(s, e, flow);
	len = arrive(s, e, flow, arrival_ns, frame);
	if (answer_has_block(e->kind))
		server_release(s, e);
	s->counters.repeats += e->repeat > 0 && !e->copy;
	if (e->repeats)
		repeat(s, e, flow, arrival_ns);
	else
		events_give(s->events, e);
	return len;
}

/*
 * An answer to a probe that was never sent: the last one heard, to another address, with another
 * number, and so a wrong cookie. Where a SYN has its sequence number, a ping has id and number.
 */
static unsigned int
forge(struct world_stage *s, uint8_t *frame)
{
	uint64_t made_up = hash_mix64(world_flow_hash(s->world->seed, 0, 0, 0, 0) ^ s->forged);
	struct world_event e = s->heard;
	struct wire_ipv4 *ip = (struct wire_ipv4 *)e.head;
	struct wire_tcp *tcp = (struct wire_tcp *)(e.head + (e.head[0] & 0xf) * 4);
	bool is_ping = ip->protocol == IP_PROTO_ICMP;
	uint16_t packet;

	store_be32(ip->dst, (uint32_t)(made_up >> 32));
	store_be32(tcp->seq, (uint32_t)made_up);
	e.kind = hash_mix64(made_up) % FORGED_ERRORS == 0 ? ANSWER_UNREACHABLE :
		 is_ping ? ANSWER_ECHO : ANSWER_SYNACK;
	s->forged += s->config.count;
	s->forged_ns = stage_forged_ns(s, s->forged);
	s->counters.frames_out++;
	s->counters.forged++;
	return world_answer_build(s->world, &e, world_answer_flow(s->world, &e), frame, &packet);
}

unsigned int
world_stage_out(struct world_stage *s, uint64_t now_ns, uint8_t frame[WORLD_FRAME_MAX])
{
	for (;;) {
		uint64_t until_ns = s->forged_ns < now_ns ? s->forged_ns : now_ns;
		struct world_event *e = events_pop(s->events, until_ns);
		unsigned int len;

		if (e != NULL) {
			len = deliver(s, e, frame);
			if (len > 0)
				return len;
		} else if (s->forged_ns <= now_ns) {
			return forge(s, frame);
		} else {
			return 0;
		}
	}
}
