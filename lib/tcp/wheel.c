/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hashed timing wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987,
 * scheme 6): a list for each tick of a turn, set and cleared in O(1). What is later than a turn
 * waits in its slot and is passed over until its turn comes.
 *
 * When a tick has come its list moves aside, to slot[WHEEL_SLOTS], and is taken apart from there: so
 * whatever an expiry sets or clears, also in the same list, disturbs nothing.
 */
#include "tcp/stack.h"

static uint32_t *
head_of(struct tcp *t, const struct tcp_conn *c)
{
	if (t->slot[WHEEL_SLOTS] == conn_number(t, c))
		return &t->slot[WHEEL_SLOTS];
	return &t->slot[c->wheel_tick % WHEEL_SLOTS];
}

static void
link_before(struct tcp *t, uint32_t *head, struct tcp_conn *c)
{
	c->wheel_prev = 0;
	c->wheel_next = *head;
	if (*head != 0)
		t->conn[*head].wheel_prev = conn_number(t, c);
	*head = conn_number(t, c);
}

void
wheel_clear(struct tcp *t, struct tcp_conn *c)
{
	uint32_t *head = head_of(t, c);
	size_t number = (size_t)(head - t->slot);

	if (!(c->flags & CONN_IN_WHEEL))
		return;
	if (c->wheel_prev != 0)
		t->conn[c->wheel_prev].wheel_next = c->wheel_next;
	else
		*head = c->wheel_next;
	if (c->wheel_next != 0)
		t->conn[c->wheel_next].wheel_prev = c->wheel_prev;
	if (*head == 0 && number < WHEEL_SLOTS)
		t->occupied[number / 64] &= ~(UINT64_C(1) << (number % 64));
	c->flags &= ~(uint32_t)CONN_IN_WHEEL;
	t->in_wheel--;
}

void
wheel_set(struct tcp *t, struct tcp_conn *c, uint32_t tick)
{
	size_t number;

	wheel_clear(t, c);
	/* A tick that has been is the next one that comes. */
	if (seq_before(tick, (uint32_t)t->cursor))
		tick = (uint32_t)t->cursor;
	number = tick % WHEEL_SLOTS;
	c->wheel_tick = tick;
	link_before(t, &t->slot[number], c);
	t->occupied[number / 64] |= UINT64_C(1) << (number % 64);
	c->flags |= CONN_IN_WHEEL;
	t->in_wheel++;
}

/* Ticks from the cursor to the first whose list is not empty; WHEEL_SLOTS when all are. */
static uint32_t
next_occupied(const struct tcp *t)
{
	uint32_t at = (uint32_t)(t->cursor % WHEEL_SLOTS), word = at / 64;
	uint64_t bits = t->occupied[word] & ~UINT64_C(0) << (at % 64);

	for (unsigned int i = 0; i <= WHEEL_SLOTS / 64; i++) {
		if (bits != 0)
			return (word * 64 + (uint32_t)__builtin_ctzll(bits) - at) % WHEEL_SLOTS;
		word = (word + 1) % (WHEEL_SLOTS / 64);
		bits = t->occupied[word];
	}
	return WHEEL_SLOTS;
}

/* Move the next list that has come aside; false when none has. */
static bool
turn(struct tcp *t)
{
	uint64_t now = t->now_ns >> TICK_SHIFT;
	uint32_t number;

	if (t->cursor > now)
		return false;
	if (t->in_wheel == 0 || t->cursor + next_occupied(t) > now) {
		t->cursor = now + 1;
		return false;
	}
	t->cursor += next_occupied(t);
	number = (uint32_t)(t->cursor % WHEEL_SLOTS);
	t->slot[WHEEL_SLOTS] = t->slot[number];
	t->slot[number] = 0;
	t->occupied[number / 64] &= ~(UINT64_C(1) << (number % 64));
	t->cursor++;
	return true;
}

struct tcp_conn *
wheel_pop(struct tcp *t)
{
	do {
		while (t->slot[WHEEL_SLOTS] != 0) {
			struct tcp_conn *c = &t->conn[t->slot[WHEEL_SLOTS]];

			wheel_clear(t, c);
			if (!seq_after(c->wheel_tick, t->now))
				return c;
			wheel_set(t, c, c->wheel_tick);
		}
	} while (turn(t));
	return NULL;
}

uint64_t
tcp_next_ns(const struct tcp *t)
{
	if (t->in_wheel == 0)
		return TIME_NEVER;
	return (t->cursor + next_occupied(t)) << TICK_SHIFT;
}
