/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/events.h"

#include <stdlib.h>

#include "base/time.h"

/* Half a millisecond a slot, 4.3 seconds a turn: the repeats at 1 and 3 s need no second turn. */
#define SLOT_SHIFT 19
#define SLOTS 8192
#define WORD_BITS 64

struct heap_entry {
	uint64_t due_ns;
	uint32_t order;
	uint32_t index;
};

struct events {
	struct world_event *pool; /* pool[0] stands for none */
	struct heap_entry *heap;
	uint32_t heap_count;
	uint32_t capacity;
	uint32_t touched; /* events up to this index have been in use */
	uint32_t free;
	uint32_t order;
	uint32_t in_wheel;
	uint64_t cursor; /* slots of time before this one are in the heap */
	uint64_t occupied[SLOTS / WORD_BITS];
	uint32_t slots[SLOTS];
};

_Static_assert(sizeof(struct world_event) == 128, "two cache lines");

struct events *
events_create(uint32_t capacity)
{
	struct events *s;

	if (capacity == 0 || capacity > UINT32_C(1) << 31)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->capacity = capacity;
	s->pool = aligned_alloc(sizeof(*s->pool), ((size_t)capacity + 1) * sizeof(*s->pool));
	s->heap = malloc((size_t)capacity * sizeof(*s->heap));
	if (s->pool == NULL || s->heap == NULL) {
		events_free(s);
		return NULL;
	}
	return s;
}

void
events_free(struct events *s)
{
	if (s == NULL)
		return;
	free(s->pool);
	free(s->heap);
	free(s);
}

struct world_event *
events_at(struct events *s, uint32_t index)
{
	return &s->pool[index];
}

struct world_event *
events_take(struct events *s)
{
	uint32_t index = s->free;

	if (index != 0)
		s->free = s->pool[index].next;
	else if (s->touched < s->capacity)
		index = ++s->touched;
	else
		return NULL;
	s->pool[index] = (struct world_event){.index = index};
	return &s->pool[index];
}

void
events_give(struct events *s, struct world_event *e)
{
	e->next = s->free;
	s->free = e->index;
}

/* Insertion order wraps after 2^32: compared by difference, as no two live so far apart. */
static bool
earlier(const struct heap_entry *a, const struct heap_entry *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return (int32_t)(a->order - b->order) < 0;
}

static void
heap_push(struct events *s, struct heap_entry entry)
{
	uint32_t at = s->heap_count++;

	while (at > 0 && earlier(&entry, &s->heap[(at - 1) / 2])) {
		s->heap[at] = s->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	s->heap[at] = entry;
}

static struct heap_entry
heap_pop(struct events *s)
{
	struct heap_entry first = s->heap[0], last = s->heap[--s->heap_count];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < s->heap_count) {
		if (child + 1 < s->heap_count && earlier(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!earlier(&s->heap[child], &last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return first;
}

static uint32_t *
slot_of(struct events *s, uint64_t due_ns)
{
	return &s->slots[(due_ns >> SLOT_SHIFT) % SLOTS];
}

static void
wheel_push(struct events *s, struct world_event *e)
{
	uint32_t *slot = slot_of(s, e->due_ns);
	size_t number = (size_t)(slot - s->slots);

	e->prev = 0;
	e->next = *slot;
	if (*slot != 0)
		s->pool[*slot].prev = e->index;
	*slot = e->index;
	s->occupied[number / WORD_BITS] |= UINT64_C(1) << (number % WORD_BITS);
	s->in_wheel++;
}

static void
wheel_remove(struct events *s, struct world_event *e)
{
	uint32_t *slot = slot_of(s, e->due_ns);
	size_t number = (size_t)(slot - s->slots);

	if (e->prev != 0)
		s->pool[e->prev].next = e->next;
	else
		*slot = e->next;
	if (e->next != 0)
		s->pool[e->next].prev = e->prev;
	if (*slot == 0)
		s->occupied[number / WORD_BITS] &= ~(UINT64_C(1) << (number % WORD_BITS));
	s->in_wheel--;
}

static void
heap_take(struct events *s, struct world_event *e)
{
	e->in_heap = true;
	heap_push(s, (struct heap_entry){e->due_ns, e->order, e->index});
}

void
events_schedule(struct events *s, struct world_event *e, uint64_t due_ns)
{
	e->due_ns = due_ns;
	e->order = s->order++;
	if (due_ns >> SLOT_SHIFT < s->cursor)
		heap_take(s, e);
	else
		wheel_push(s, e);
}

void
events_cancel(struct events *s, struct world_event *e)
{
	if (e->in_heap) {
		e->cancelled = true;
		return;
	}
	wheel_remove(s, e);
	events_give(s, e);
}

/* Move to the heap what is due in the cursor's slot, on this turn, and step past it. */
static void
slot_promote(struct events *s)
{
	size_t number = s->cursor++ % SLOTS;
	uint32_t index = s->slots[number];

	s->slots[number] = 0;
	s->occupied[number / WORD_BITS] &= ~(UINT64_C(1) << (number % WORD_BITS));
	while (index != 0) {
		struct world_event *e = &s->pool[index];

		index = e->next;
		__builtin_prefetch(&s->pool[index]);
		s->in_wheel--;
		if (e->due_ns >> SLOT_SHIFT >= s->cursor)
			wheel_push(s, e);
		else
			heap_take(s, e);
	}
}

/* The first slot of time at or after this one, and within a turn, whose list is not empty. There is
 * one: something is in the wheel. */
static uint64_t
slot_occupied(const struct events *s, uint64_t slot)
{
	size_t at = slot % SLOTS, word = at / WORD_BITS;
	uint64_t bits = s->occupied[word] & ~UINT64_C(0) << (at % WORD_BITS);

	while (bits == 0) {
		word = (word + 1) % (SLOTS / WORD_BITS);
		bits = s->occupied[word];
	}
	return slot + (word * WORD_BITS + (size_t)__builtin_ctzll(bits) - at) % SLOTS;
}

/*
 * Bring the cursor past the slot of now_ns, if it is not yet there. Never past a slot with events:
 * those go to the heap.
 */
static void
wheel_advance(struct events *s, uint64_t now_ns)
{
	uint64_t now = now_ns >> SLOT_SHIFT, next;

	while (s->cursor <= now) {
		next = s->in_wheel > 0 ? slot_occupied(s, s->cursor) : now + 1;
		if (next > now) {
			s->cursor = now + 1;
			return;
		}
		s->cursor = next;
		slot_promote(s);
	}
}

/* Give back cancelled events at the heap's top. */
static void
heap_tidy(struct events *s)
{
	while (s->heap_count > 0 && s->pool[s->heap[0].index].cancelled)
		events_give(s, &s->pool[heap_pop(s).index]);
}

struct world_event *
events_pop(struct events *s, uint64_t now_ns)
{
	struct world_event *e;

	wheel_advance(s, now_ns);
	heap_tidy(s);
	if (s->heap_count == 0 || s->heap[0].due_ns > now_ns)
		return NULL;
	e = &s->pool[heap_pop(s).index];
	e->in_heap = false;
	if (s->heap_count > 0)
		__builtin_prefetch(&s->pool[s->heap[0].index]);
	return e;
}

/* The earliest of a slot's list. */
static uint64_t
slot_earliest_ns(const struct events *s, uint64_t slot)
{
	uint64_t due_ns = TIME_NEVER;

	for (uint32_t i = s->slots[slot % SLOTS]; i != 0; i = s->pool[i].next) {
		if (s->pool[i].due_ns < due_ns)
			due_ns = s->pool[i].due_ns;
	}
	return due_ns;
}

/* The cursor stays: were it moved ahead of the time, what comes in between would all be heap's. */
uint64_t
events_next_ns(struct events *s)
{
	uint64_t next_ns = TIME_NEVER, slot;

	heap_tidy(s);
	if (s->heap_count > 0)
		return s->heap[0].due_ns;
	if (s->in_wheel == 0)
		return TIME_NEVER;
	/* Slots in the order of their times, until the earliest found is of a slot already seen:
	 * what others hold is of later slots or turns. */
	slot = slot_occupied(s, s->cursor);
	while (slot < s->cursor + SLOTS && next_ns >> SLOT_SHIFT >= slot) {
		uint64_t due_ns = slot_earliest_ns(s, slot);

		if (due_ns < next_ns)
			next_ns = due_ns;
		slot = slot_occupied(s, slot + 1);
	}
	return next_ns;
}

uint64_t
events_idle_until_ns(const struct events *s)
{
	if (s->heap_count > 0)
		return s->heap[0].due_ns;
	return s->in_wheel > 0 ? s->cursor << SLOT_SHIFT : TIME_NEVER;
}
