/* SPDX-License-Identifier: BSD-3-Clause */
/* What control sees of an engine's health, and how it holds it. */
#include "engine_state.h"
#include "onlink.h"

void
engine_hold(struct engine *e, const char *cause)
{
	e->hold_cause = cause;
	atomic_store_explicit(&e->hold->raised, cause != NULL, memory_order_relaxed);
}

const char *
engine_hold_cause(const struct engine *e)
{
	return e->hold_cause;
}

/* Drivers that lean on a kernel's interface do not tell how it is: the kernel does. */
static void
look_at_port(const struct engine *e, unsigned int i, struct health_port *look)
{
	const struct engine_port *p = &e->ports[i];
	enum onlink_state kernel = onlink_state(p->port.name);
	struct port_counters c;

	port_counters(&p->port, &c);
	look->is_gone = port_is_gone(&p->port) || kernel == ONLINK_GONE;
	look->is_down = !port_link_is_up(&p->port) || kernel == ONLINK_DOWN;
	look->unanswered = neigh_unanswered(&p->neigh);
	look->received = c.rx_frames;
}

uint64_t
engine_position_end(const struct engine *e)
{
	uint64_t next = atomic_load_explicit(&e->source.schedule.next, memory_order_relaxed);

	return next < e->source.schedule.end ? next : e->source.schedule.end;
}

void
engine_look(const struct engine *e, struct health_look *look)
{
	uint64_t end = engine_position_end(e), first = e->config.inputs->span.first;
	uint64_t chunks = (uint64_t)e->layout.probers * SCHEDULE_CHUNK;

	for (unsigned int i = 0; i < e->port_count; i++)
		look_at_port(e, i, &look->ports[i]);
	look->canaries_silent = canary_silent(&e->canary);
	/* Each prober may be at the beginning of its chunk. */
	look->position = end - first > chunks ? end - chunks : first;
}
