/* SPDX-License-Identifier: BSD-3-Clause */
#include "schedule/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

void
schedule_source_init(struct schedule_source *s, uint64_t first, uint64_t end, unsigned int attempts,
		     uint64_t delay_ns, bool has_last, uint64_t last_ns)
{
	s->first = first;
	s->end = end;
	s->passes = attempts + has_last;
	for (unsigned int k = 0; k < attempts; k++)
		s->delay_ns[k] = delay_ns;
	if (has_last)
		s->delay_ns[attempts] = last_ns;
	atomic_init(&s->next, first);
	atomic_init(&s->again, 0);
	atomic_init(&s->again_done, 0);
	s->again_asked = 0;
}

uint64_t
schedule_again(struct schedule_source *s, uint64_t first, uint64_t end)
{
	uint64_t chunk = (first - s->first) / SCHEDULE_CHUNK, old;
	uint64_t count = (end - s->first + SCHEDULE_CHUNK - 1) / SCHEDULE_CHUNK - chunk;

	if (first >= end)
		count = 0;
	if (count > SCHEDULE_AGAIN_MAX) {
		chunk += count - SCHEDULE_AGAIN_MAX;
		count = SCHEDULE_AGAIN_MAX;
	}
	old = atomic_exchange_explicit(&s->again, chunk << SCHEDULE_AGAIN_BITS | count,
				       memory_order_acq_rel);
	s->again_asked += count - (old & SCHEDULE_AGAIN_MAX);
	return s->first + chunk * SCHEDULE_CHUNK;
}

bool
schedule_again_is_done(const struct schedule_source *s)
{
	return atomic_load_explicit(&s->again_done, memory_order_acquire) == s->again_asked;
}

int
schedule_init(struct schedule *s, struct schedule_source *source, uint32_t chunks)
{
	memset(s, 0, sizeof(*s));
	s->source = source;
	atomic_init(&s->floor, atomic_load_explicit(&source->next, memory_order_relaxed));
	if (source->passes == 1)
		return 0;
	for (s->room = 2; s->room < chunks; s->room *= 2)
		;
	s->queue = calloc(s->room, sizeof(*s->queue));
	return s->queue != NULL ? 0 : -ENOMEM;
}

void
schedule_fini(struct schedule *s)
{
	free(s->queue);
	s->queue = NULL;
}

static struct schedule_chunk *
chunk_at(const struct schedule *s, uint64_t number)
{
	return &s->queue[number & (s->room - 1)];
}

static uint64_t
chunk_end(const struct schedule *s, uint64_t first)
{
	uint64_t end = s->source->end;

	return end - first < SCHEDULE_CHUNK ? end : first + SCHEDULE_CHUNK;
}

static void
publish(struct schedule *s, uint64_t floor)
{
	atomic_store_explicit(&s->floor, floor, memory_order_release);
}

/* When a pass is due for its next chunk; TIME_NEVER when that has not had the pass before. */
static uint64_t
due_ns(const struct schedule *s, unsigned int pass)
{
	if (s->next[pass] == s->next[pass - 1])
		return TIME_NEVER;
	return chunk_at(s, s->next[pass])->left_ns + s->source->delay_ns[pass];
}

/* The pass that is due first, 0 when none awaits. */
static unsigned int
first_due(const struct schedule *s, uint64_t *when)
{
	unsigned int found = 0;

	*when = TIME_NEVER;
	for (unsigned int pass = 1; pass < s->source->passes; pass++) {
		uint64_t due = due_ns(s, pass);

		if (due >= *when)
			continue;
		*when = due;
		found = pass;
	}
	return found;
}

/* Have a chunk that nobody had; false when there are none. */
static bool
claim_new(struct schedule *s)
{
	struct schedule_source *source = s->source;
	uint64_t first = atomic_load_explicit(&source->next, memory_order_relaxed);

	/* Before the claim, so that at no time the floor is above what we are about to take. */
	if (s->head == s->next[0])
		publish(s, first < source->end ? first : source->end);
	if (first >= source->end)
		return false;
	first = atomic_fetch_add_explicit(&source->next, SCHEDULE_CHUNK, memory_order_acq_rel);
	if (first >= source->end)
		return false;
	s->work = (struct schedule_work){first, chunk_end(s, first), 0};
	return true;
}

/* Have a chunk once more, if there is one to have so. */
static bool
claim_again(struct schedule *s)
{
	struct schedule_source *source = s->source;
	uint64_t all = atomic_load_explicit(&source->again, memory_order_relaxed), first;

	do {
		if ((all & SCHEDULE_AGAIN_MAX) == 0)
			return false;
		/* One fewer, and the next. */
	} while (!atomic_compare_exchange_weak_explicit(
		&source->again, &all, all + (UINT64_C(1) << SCHEDULE_AGAIN_BITS) - 1,
		memory_order_acq_rel, memory_order_relaxed));
	first = source->first + (all >> SCHEDULE_AGAIN_BITS) * SCHEDULE_CHUNK;
	s->work = (struct schedule_work){first, chunk_end(s, first), SCHEDULE_AGAIN};
	return true;
}

static bool
has_room(const struct schedule *s)
{
	return s->queue == NULL || s->next[0] - s->head < s->room;
}

/* What is to be had once more in turn with what is new, which shows meanwhile whether the network is there. */
static bool
claim_other(struct schedule *s)
{
	bool is_turn = s->work.pass != SCHEDULE_AGAIN;

	return (is_turn && claim_again(s)) || (has_room(s) && claim_new(s)) || (!is_turn && claim_again(s));
}

enum schedule_verdict
schedule_claim(struct schedule *s, uint64_t now_ns, struct schedule_work *work)
{
	uint64_t when = TIME_NEVER;
	unsigned int pass = s->queue != NULL ? first_due(s, &when) : 0;

	if (pass != 0 && when <= now_ns) {
		uint64_t first = chunk_at(s, s->next[pass])->first;

		s->work = (struct schedule_work){first, chunk_end(s, first), pass};
	} else if (!claim_other(s)) {
		return pass != 0 ? SCHEDULE_WAIT : SCHEDULE_DONE;
	}
	*work = s->work;
	return SCHEDULE_WORK;
}

void
schedule_finish(struct schedule *s, uint64_t now_ns)
{
	unsigned int pass = s->work.pass;

	if (pass == SCHEDULE_AGAIN) {
		atomic_fetch_add_explicit(&s->source->again_done, 1, memory_order_release);
		return;
	}
	if (s->queue == NULL)
		return; /* what is finished shows at the next claim */
	if (pass == 0)
		*chunk_at(s, s->next[0]) = (struct schedule_chunk){s->work.first, now_ns};
	else
		chunk_at(s, s->next[pass])->left_ns = now_ns;
	s->next[pass]++;
	if (pass + 1 < s->source->passes)
		return;
	s->head++;
	/* With nothing of ours left the bound stays where it is until the next claim. */
	if (s->head < s->next[0])
		publish(s, chunk_at(s, s->head)->first);
}

uint64_t
schedule_next_ns(const struct schedule *s)
{
	uint64_t when = TIME_NEVER;

	if (s->queue != NULL)
		first_due(s, &when);
	return when;
}
