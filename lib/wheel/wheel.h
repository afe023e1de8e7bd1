/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hashed timing wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987,
 * scheme 6): a list for each tick of a turn, set and cleared in O(1). What is later than a turn waits in
 * its slot and is passed over until its turn comes.
 *
 * The things that are timed stand in an array, are known by their numbers in it, and hold a struct
 * wheel_timer each, at one place. Ticks are of 2^20 ns and wrap after 52 days: they are compared by
 * difference.
 *
 * When a tick has come its list moves aside, to slot[WHEEL_SLOTS], and is taken apart from there: so
 * whatever an expiry sets or clears, also in the same list, disturbs nothing.
 *
 * Pure; no call allocates. A wheel belongs to one thread.
 */
#ifndef WHEEL_WHEEL_H
#define WHEEL_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_TICK_SHIFT 20
#define WHEEL_SLOTS 16384 /* 17 s a turn: the usual deadline needs no second */
#define WHEEL_NONE UINT32_MAX

/* Zeroed it is not set. Its owner may read the tick of one that is. */
struct wheel_timer {
	uint32_t next; /* in its list, 1 + its number; 0: the last */
	uint32_t prev; /* 1 + its number, its own for the first; 0: not set */
	uint32_t tick;
};

/* Zeroed, but for what wheel_init() gives it. */
struct wheel {
	char *timers;  /* of number 0 */
	size_t stride; /* from one to the next */
	uint64_t cursor; /* ticks before this have been */
	uint32_t set;  /* timers that are */
	uint64_t occupied[WHEEL_SLOTS / 64];
	uint32_t slot[WHEEL_SLOTS + 1]; /* and at the end a list of what is being looked at */
};

/* The timer of number 0, where that of number 1 stands from there, and the time. The wheel is zeroed. */
void wheel_init(struct wheel *w, struct wheel_timer *first, size_t stride, uint64_t now_ns);

static inline bool
wheel_is_set(const struct wheel_timer *timer)
{
	return timer->prev != 0;
}

/* The first tick that is not before a time. */
static inline uint32_t
wheel_tick_up(uint64_t ns)
{
	return (uint32_t)((ns + (UINT64_C(1) << WHEEL_TICK_SHIFT) - 1) >> WHEEL_TICK_SHIFT);
}

/* Set a timer, also one that is set. A tick that has been is the next one that comes. */
void wheel_set(struct wheel *w, uint32_t number, uint32_t tick);

/* Nothing, where it is not set. */
void wheel_clear(struct wheel *w, uint32_t number);

/* The number of one that is due, cleared; WHEEL_NONE: none is. */
uint32_t wheel_pop(struct wheel *w, uint64_t now_ns);

/* When wheel_pop() is next worth calling, sometimes early; TIME_NEVER when nothing is set. */
uint64_t wheel_next_ns(const struct wheel *w);

#endif /* WHEEL_WHEEL_H */
