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
	look->is_asked = neigh_asks(&p->neigh);
	look->unanswered = neigh_unanswered(&p->neigh);
	look->received = c.rx_frames;
}

uint64_t
engine_first(const struct engine *e)
{
	return e->source.schedule.first;
}

uint64_t
engine_position_end(const struct engine *e)
{
	uint64_t next = atomic_load_explicit(&e->source.schedule.next, memory_order_relaxed);

	return next < e->source.schedule.end ? next : e->source.schedule.end;
}

/* Whether any prober is paused, or was since the last time that was asked. */
static bool
has_paused(struct engine *e)
{
	uint64_t pauses = 0;

	for (unsigned int i = 0; i < e->layout.probers; i++)
		pauses += atomic_load_explicit(&e->lcores[e->layout.prober[i]].prober.pauses,
					       memory_order_relaxed);
	if (pauses == e->pauses)
		return engine_is_held(e);
	e->pauses = pauses;
	return true;
}

void
engine_look(struct engine *e, struct health_look *look)
{
	for (unsigned int i = 0; i < e->port_count; i++)
		look_at_port(e, i, &look->ports[i]);
	look->has_canaries = e->canary.config.count > 0;
	look->canaries_silent = canary_silent(&e->canary);
	look->canaries_good_ns = canary_good_ns(&e->canary);
	look->is_unlike = has_paused(e);
	look->position = engine_floor(e);
	for (unsigned int i = 0; i < e->layout.probers; i++)
		look->tried += atomic_load_explicit(&e->lcores[e->layout.prober[i]].prober.tried,
						    memory_order_relaxed);
	for (unsigned int i = 0; i < e->receiver_count; i++)
		look->hits += atomic_load_explicit(&e->receivers[i].answers, memory_order_relaxed);
}

/* ---- Once more ---- */

static bool
is_marked(const struct engine *e)
{
	unsigned int number = atomic_load_explicit(&e->marking.number, memory_order_relaxed);

	for (unsigned int i = 0; i < e->layout.workers; i++)
		if (worker_marked(&e->lcores[e->layout.worker[i]].worker) != number)
			return false;
	return true;
}

uint64_t
engine_probe_again(struct engine *e, uint64_t first)
{
	unsigned int number = atomic_load_explicit(&e->marking.number, memory_order_relaxed);

	e->again = (struct engine_again){.is_marking = true, .first = first, .end = engine_position_end(e)};
	atomic_store_explicit(&e->marking.first, first, memory_order_relaxed);
	atomic_store_explicit(&e->marking.end, e->again.end, memory_order_relaxed);
	atomic_store_explicit(&e->marking.number, number + 1, memory_order_release);
	return e->again.end;
}

void
engine_stop_again(struct engine *e)
{
	e->again.is_marking = false;
	schedule_again(&e->source.schedule, e->source.schedule.first, e->source.schedule.first);
}

bool
engine_tend_again(struct engine *e)
{
	if (e->again.is_marking && is_marked(e)) {
		e->again.is_marking = false;
		schedule_again(&e->source.schedule, e->again.first, e->again.end);
	}
	return !engine_probes_again(e);
}

bool
engine_probes_again(const struct engine *e)
{
	return e->again.is_marking || !schedule_again_is_done(&e->source.schedule);
}

void
engine_set_sure(struct engine *e, uint64_t position, uint64_t since_ns)
{
	atomic_store_explicit(&e->sure_since_ns, since_ns, memory_order_relaxed);
	atomic_store_explicit(&e->sure, position, memory_order_release);
}
