/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is on its way: a bounded store of events, given back in the order of (time, insertion).
 *
 * A timing wheel before a small heap. The wheel's slots are lists and take an event in O(1); when
 * the time of a slot comes, its events move to a binary heap, which alone pays for exact order. A
 * heap of everything would hold hundreds of thousands of events at scan speed and miss the cache at
 * each of its twenty levels; the heap of a half millisecond holds a few hundred and stays in L1. An
 * event later than one turn of the wheel waits in its slot and is passed over until its turn.
 *
 * Nothing is allocated after events_create(), and memory is touched only as far as it was needed at
 * once. Not thread-safe.
 */
#ifndef WORLD_EVENTS_H
#define WORLD_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

/* What is kept of the packet that caused an event: a SYN with all the options there can be (80), or
 * an echo request with the 56 bytes of data of an ordinary ping (84). */
#define EVENT_HEAD_MAX 84

/* Of 128 bytes: two cache lines. */
struct world_event {
	uint64_t due_ns;
	uint32_t order; /* of insertion */
	uint32_t index; /* of itself, from 1: 0 is no event */
	uint32_t next;  /* in its slot, or of the free */
	uint32_t prev;
	uint32_t flow_next; /* the stage's: next of the flows that share a bucket */
	uint16_t network;
	uint16_t tci;
	uint8_t mac[6];
	uint8_t kind; /* the stage's */
	uint8_t repeat;
	uint8_t head_len;
	bool copy : 1;   /* a duplicate of what was said before */
	bool repeats : 1; /* in the table of flows: will be said again until answered */
	bool tagged : 1;
	bool in_heap : 1;
	bool cancelled : 1;
	uint8_t head[EVENT_HEAD_MAX];
};

struct events;

/* NULL without memory. capacity from 1 to 2^31. */
struct events *events_create(uint32_t capacity);
void events_free(struct events *s);

/* Take an event that is free, zeroed but for its index; NULL when all are in use. */
struct world_event *events_take(struct events *s);

/* Give one back that is not scheduled. */
void events_give(struct events *s, struct world_event *e);

/* Put one that was taken, or popped, on its way. */
void events_schedule(struct events *s, struct world_event *e, uint64_t due_ns);

/* Take back, and give back, one that is scheduled. */
void events_cancel(struct events *s, struct world_event *e);

/* The earliest of those that are due by now_ns, no longer scheduled; NULL when there is none. */
struct world_event *events_pop(struct events *s, uint64_t now_ns);

/* When the earliest is due; TIME_NEVER when none is scheduled. */
uint64_t events_next_ns(struct events *s);

/* A time that none is due before: cheap, and at most a slot early. */
uint64_t events_idle_until_ns(const struct events *s);

struct world_event *events_at(struct events *s, uint32_t index);

#endif /* WORLD_EVENTS_H */
