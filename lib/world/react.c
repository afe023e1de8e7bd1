/* SPDX-License-Identifier: BSD-3-Clause */
/* What a world makes of the frames it reacts to. */
#include <string.h>

#include "wire/wire.h"
#include "world/resolver.h"
#include "world/server.h"

/* Forgeries have numbers, and their times follow from them; this stage says each `count`th. Those
 * of the time before a probe was heard are not made. */
static void
forgery_start(struct world_stage *s, uint64_t now_ns)
{
	uint64_t pps = s->world->description.forged_pps, count = s->config.count;

	s->forged = (uint64_t)((unsigned __int128)now_ns * pps / NS_PER_SEC);
	s->forged += (count + s->config.index - s->forged % count) % count;
	s->forged_ns = stage_forged_ns(s, s->forged);
}

/* A probe to forge answers from. */
static void
probe_heard(struct world_stage *s, uint64_t now_ns, const struct world_event *e)
{
	if (s->world->description.forged_pps == 0)
		return;
	s->heard = *e;
	if (s->forged_ns == TIME_NEVER)
		forgery_start(s, now_ns);
}

static void
syn_react(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r)
{
	static const enum world_answer_kind kinds[] = {
		[WORLD_OPEN] = ANSWER_SYNACK,
		[WORLD_CLOSED] = ANSWER_RESET,
		[WORLD_UNREACHABLE] = ANSWER_UNREACHABLE,
	};
	struct world_event *e = stage_answer_take(s, r, kinds[r->state]);

	if (e == NULL)
		return;
	probe_heard(s, now_ns, e);
	/* A SYN said again while its SYN-ACK is repeated is answered, but once. */
	if (r->state == WORLD_OPEN && s->world->terrain[r->network].synack_retries > 0 &&
	    stage_flow_find(s, r->flow, r->packet) == NULL)
		stage_flow_add(s, r->flow, e);
	stage_launch(s, e, r->flow, now_ns + stage_latency_ns(s, e, r->flow));
}

static void
echo_react(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r)
{
	struct world_event *e;

	if (r->len > EVENT_HEAD_MAX) {
		s->counters.echo_too_long++;
		return;
	}
	e = stage_answer_take(s, r, ANSWER_ECHO);
	if (e == NULL)
		return;
	probe_heard(s, now_ns, e);
	stage_launch(s, e, r->flow, now_ns + stage_latency_ns(s, e, r->flow));
}

static void
arp_react(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r)
{
	struct world_event *e = stage_answer_take(s, r, ANSWER_ARP);

	if (e != NULL)
		events_schedule(s->events, e, now_ns);
}

/* Whether an ACK or RST fits the SYN-ACK it is held against, as a host would have it. */
static bool
answer_fits(const struct world_event *e, const struct world_reaction *r)
{
	const struct wire_tcp *syn = (const struct wire_tcp *)(e->head + (e->head[0] & 0xf) * 4);
	const struct wire_tcp *tcp =
		(const struct wire_tcp *)(r->packet + (r->packet[0] & 0xf) * 4);
	struct world_client client;

	if (load_be32(tcp->seq) != load_be32(syn->seq) + 1)
		return false;
	return (tcp->flags & TCP_RST) != 0 ||
	       world_answer_isn_read(r->flow, load_be32(syn->seq), load_be32(tcp->ack) - 1,
				     &client);
}

/* Ends the repeats, and is the beginning of a connection where hosts speak. The one that has left its
 * host by the time that this arrives still comes. */
static void
answer_react(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r)
{
	struct world_event *e = stage_flow_find(s, r->flow, r->packet);

	if (e == NULL || !answer_fits(e, r)) {
		if (!server_hear(s, now_ns, r, false))
			s->counters.strays++;
		return;
	}
	s->counters.answered++;
	server_hear(s, now_ns, r, true);
	stage_flow_remove(s, r->flow, e);
	if (e->due_ns - stage_reorder_ns(s, e, r->flow) >= now_ns + stage_latency_ns(s, e, r->flow))
		events_cancel(s->events, e);
}

void
world_stage_react(struct world_stage *s, uint64_t now_ns, const struct world_reaction *r)
{
	switch ((enum world_reaction_kind)r->kind) {
	case WORLD_REACT_SYN:
		syn_react(s, now_ns, r);
		break;
	case WORLD_REACT_ANSWER:
		answer_react(s, now_ns, r);
		break;
	case WORLD_REACT_ECHO:
		echo_react(s, now_ns, r);
		break;
	case WORLD_REACT_ARP:
		arp_react(s, now_ns, r);
		break;
	case WORLD_REACT_DNS:
		resolver_react(s, now_ns, r);
		break;
	}
}
