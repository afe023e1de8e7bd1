/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timers of lookups, one each: a hashed timing wheel as tcp/wheel.c is one (Varghese and Lauck,
 * SOSP 1987, scheme 6), whose ticks are of 2^20 ns. c-ares' own timers are not used: it looks at them
 * only when it hears something, and by the clock of the kernel.
 */
#include "dns/internal.h"

void
dns_wheel_init(struct dns *d)
{
	for (size_t i = 0; i <= WHEEL_SLOTS; i++)
		d->slot[i] = NONE;
}

static uint32_t *
head_of(struct dns *d, const struct lookup *l)
{
	if (d->slot[WHEEL_SLOTS] == lookup_number(d, l))
		return &d->slot[WHEEL_SLOTS];
	return &d->slot[l->timer_tick % WHEEL_SLOTS];
}

void
dns_wheel_clear(struct dns *d, struct lookup *l)
{
	uint32_t *head = head_of(d, l);
	size_t number = (size_t)(head - d->slot);

	if (!(l->flags & LOOKUP_TIMED))
		return;
	if (l->timer_prev != NONE)
		d->lookup[l->timer_prev].timer_next = l->timer_next;
	else
		*head = l->timer_next;
	if (l->timer_next != NONE)
		d->lookup[l->timer_next].timer_prev = l->timer_prev;
	if (*head == NONE && number < WHEEL_SLOTS)
		d->occupied[number / 64] &= ~(UINT64_C(1) << (number % 64));
	l->flags &= (uint8_t)~LOOKUP_TIMED;
	d->in_wheel--;
}

/* The first tick that is not before a time; ticks wrap after 52 days. */
static uint32_t
tick_up(uint64_t ns)
{
	return (uint32_t)((ns + (UINT64_C(1) << TICK_SHIFT) - 1) >> TICK_SHIFT);
}

static void
set_tick(struct dns *d, struct lookup *l, uint32_t tick)
{
	uint32_t number;

	/* A tick that has been is the next one that comes. */
	if ((int32_t)(tick - (uint32_t)d->cursor) < 0)
		tick = (uint32_t)d->cursor;
	number = tick % WHEEL_SLOTS;
	l->timer_tick = tick;
	l->timer_prev = NONE;
	l->timer_next = d->slot[number];
	if (l->timer_next != NONE)
		d->lookup[l->timer_next].timer_prev = lookup_number(d, l);
	d->slot[number] = lookup_number(d, l);
	d->occupied[number / 64] |= UINT64_C(1) << (number % 64);
	l->flags |= LOOKUP_TIMED;
	d->in_wheel++;
}

void
dns_wheel_set(struct dns *d, struct lookup *l, uint64_t at_ns)
{
	dns_wheel_clear(d, l);
	set_tick(d, l, tick_up(at_ns));
}

/* Ticks from the cursor to the first whose list is not empty; WHEEL_SLOTS when all are. */
static uint32_t
next_occupied(const struct dns *d)
{
	uint32_t at = (uint32_t)(d->cursor % WHEEL_SLOTS), word = at / 64;
	uint64_t bits = d->occupied[word] & ~UINT64_C(0) << (at % 64);

	for (unsigned int i = 0; i <= WHEEL_SLOTS / 64; i++) {
		if (bits != 0)
			return (word * 64 + (uint32_t)__builtin_ctzll(bits) - at) % WHEEL_SLOTS;
		word = (word + 1) % (WHEEL_SLOTS / 64);
		bits = d->occupied[word];
	}
	return WHEEL_SLOTS;
}

/* Move the next list that has come aside, to slot[WHEEL_SLOTS]; false when none has. */
static bool
turn(struct dns *d, uint64_t now)
{
	uint32_t number;

	if (d->cursor > now)
		return false;
	if (d->in_wheel == 0 || d->cursor + next_occupied(d) > now) {
		d->cursor = now + 1;
		return false;
	}
	d->cursor += next_occupied(d);
	number = (uint32_t)(d->cursor % WHEEL_SLOTS);
	d->slot[WHEEL_SLOTS] = d->slot[number];
	d->slot[number] = NONE;
	d->occupied[number / 64] &= ~(UINT64_C(1) << (number % 64));
	d->cursor++;
	return true;
}

struct lookup *
dns_wheel_pop(struct dns *d, uint64_t now_ns)
{
	uint64_t now = now_ns >> TICK_SHIFT;

	do {
		while (d->slot[WHEEL_SLOTS] != NONE) {
			struct lookup *l = &d->lookup[d->slot[WHEEL_SLOTS]];

			dns_wheel_clear(d, l);
			if ((int32_t)(l->timer_tick - (uint32_t)now) <= 0)
				return l;
			set_tick(d, l, l->timer_tick);
		}
	} while (turn(d, now));
	return NULL;
}

uint64_t
dns_wheel_next_ns(const struct dns *d)
{
	if (d->in_wheel == 0)
		return TIME_NEVER;
	return (d->cursor + next_occupied(d)) << TICK_SHIFT;
}
