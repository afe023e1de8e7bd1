/* SPDX-License-Identifier: BSD-3-Clause */
#include "wheel/wheel.h"

#include "base/time.h"

static struct wheel_timer *
timer_of(const struct wheel *w, uint32_t number)
{
	return (struct wheel_timer *)(void *)(w->timers + (size_t)number * w->stride);
}

void
wheel_init(struct wheel *w, struct wheel_timer *first, size_t stride, uint64_t now_ns)
{
	w->timers = (char *)first;
	w->stride = stride;
	w->cursor = now_ns >> WHEEL_TICK_SHIFT;
}

/* The list that a first timer begins. */
static uint32_t *
head_of(struct wheel *w, uint32_t number)
{
	if (w->slot[WHEEL_SLOTS] == number + 1)
		return &w->slot[WHEEL_SLOTS];
	return &w->slot[timer_of(w, number)->tick % WHEEL_SLOTS];
}

/* Take the first of its list out. */
static void
unlink_first(struct wheel *w, uint32_t number)
{
	uint32_t *head = head_of(w, number), next = timer_of(w, number)->next;
	size_t slot = (size_t)(head - w->slot);

	*head = next;
	if (next != 0)
		timer_of(w, next - 1)->prev = next;
	else if (slot < WHEEL_SLOTS)
		w->occupied[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

void
wheel_clear(struct wheel *w, uint32_t number)
{
	struct wheel_timer *timer = timer_of(w, number);

	if (!wheel_is_set(timer))
		return;
	if (timer->prev == number + 1) {
		unlink_first(w, number);
	} else {
		timer_of(w, timer->prev - 1)->next = timer->next;
		if (timer->next != 0)
			timer_of(w, timer->next - 1)->prev = timer->prev;
	}
	timer->prev = 0;
	w->set--;
}

void
wheel_set(struct wheel *w, uint32_t number, uint32_t tick)
{
	struct wheel_timer *timer = timer_of(w, number);
	uint32_t slot;

	wheel_clear(w, number);
	if ((int32_t)(tick - (uint32_t)w->cursor) < 0)
		tick = (uint32_t)w->cursor;
	slot = tick % WHEEL_SLOTS;
	*timer = (struct wheel_timer){.next = w->slot[slot], .prev = number + 1, .tick = tick};
	if (timer->next != 0)
		timer_of(w, timer->next - 1)->prev = number + 1;
	w->slot[slot] = number + 1;
	w->occupied[slot / 64] |= UINT64_C(1) << (slot % 64);
	w->set++;
}

/* Ticks from the cursor to the first whose list is not empty; WHEEL_SLOTS when all are. */
static uint32_t
next_occupied(const struct wheel *w)
{
	uint32_t at = (uint32_t)(w->cursor % WHEEL_SLOTS), word = at / 64;
	uint64_t bits = w->occupied[word] & ~UINT64_C(0) << (at % 64);

	for (unsigned int i = 0; i <= WHEEL_SLOTS / 64; i++) {
		if (bits != 0)
			return (word * 64 + (uint32_t)__builtin_ctzll(bits) - at) % WHEEL_SLOTS;
		word = (word + 1) % (WHEEL_SLOTS / 64);
		bits = w->occupied[word];
	}
	return WHEEL_SLOTS;
}

/* The first tick from the cursor on whose list is not empty; UINT64_MAX: nothing is set. */
static uint64_t
next_tick(const struct wheel *w)
{
	return w->set > 0 ? w->cursor + next_occupied(w) : UINT64_MAX;
}

/* Move the next list that has come aside; false when none has. */
static bool
turn(struct wheel *w, uint64_t now)
{
	uint64_t tick;
	uint32_t slot;

	if (w->cursor > now)
		return false;
	tick = next_tick(w);
	if (tick > now) {
		w->cursor = now + 1;
		return false;
	}
	w->cursor = tick + 1;
	slot = (uint32_t)(tick % WHEEL_SLOTS);
	w->slot[WHEEL_SLOTS] = w->slot[slot];
	w->slot[slot] = 0;
	w->occupied[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	return true;
}

uint32_t
wheel_pop(struct wheel *w, uint64_t now_ns)
{
	uint64_t now = now_ns >> WHEEL_TICK_SHIFT;

	do {
		while (w->slot[WHEEL_SLOTS] != 0) {
			uint32_t number = w->slot[WHEEL_SLOTS] - 1;
			uint32_t tick = timer_of(w, number)->tick;

			wheel_clear(w, number);
			if ((int32_t)(tick - (uint32_t)now) <= 0)
				return number;
			wheel_set(w, number, tick);
		}
	} while (turn(w, now));
	return WHEEL_NONE;
}

uint64_t
wheel_next_ns(const struct wheel *w)
{
	uint64_t tick = next_tick(w);

	return tick != UINT64_MAX ? tick << WHEEL_TICK_SHIFT : TIME_NEVER;
}
