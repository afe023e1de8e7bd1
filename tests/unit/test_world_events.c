/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "world/events.h"

#define CAPACITY 600

/* The store again, as a list that is searched from end to end. */
struct model {
	struct {
		uint64_t due_ns;
		uint64_t order;
		uint32_t index;
	} held[CAPACITY];
	unsigned int count;
	uint64_t order;
};

static unsigned int
model_first(const struct model *m)
{
	unsigned int first = 0;

	for (unsigned int i = 1; i < m->count; i++) {
		if (m->held[i].due_ns < m->held[first].due_ns ||
		    (m->held[i].due_ns == m->held[first].due_ns &&
		     m->held[i].order < m->held[first].order))
			first = i;
	}
	return first;
}

static void
model_remove(struct model *m, unsigned int i)
{
	m->held[i] = m->held[--m->count];
}

static void
model_add(struct model *m, uint32_t index, uint64_t due_ns)
{
	m->held[m->count].due_ns = due_ns;
	m->held[m->count].order = m->order++;
	m->held[m->count++].index = index;
}

static uint64_t
random64(uint64_t *state)
{
	return hash_mix64((*state)++);
}

/* Delays of all the kinds that the wheel tells apart: now, this slot, this turn, turns later. */
static uint64_t
random_delay(uint64_t *random)
{
	switch (random64(random) % 6) {
	case 0:
		return 0;
	case 1:
		return random64(random) % 1000;
	case 2:
		return random64(random) % (2 * NS_PER_MS);
	case 3:
		return random64(random) % (4 * NS_PER_SEC);
	case 4:
		return (random64(random) % 20) * NS_PER_SEC;
	default:
		return random64(random) % (300 * NS_PER_SEC);
	}
}

static void
check_next(struct events *s, const struct model *m)
{
	uint64_t next_ns = m->count > 0 ? m->held[model_first(m)].due_ns : TIME_NEVER;

	assert_true(events_idle_until_ns(s) <= next_ns);
	assert_true(events_next_ns(s) == next_ns);
}

static void
pop_until(struct events *s, struct model *m, uint64_t now_ns)
{
	struct world_event *e;

	while ((e = events_pop(s, now_ns)) != NULL) {
		unsigned int first = model_first(m);

		assert_true(m->count > 0);
		assert_true(e->due_ns <= now_ns);
		assert_int_equal(e->due_ns, m->held[first].due_ns);
		assert_int_equal(e->index, m->held[first].index);
		model_remove(m, first);
		events_give(s, e);
	}
	assert_true(m->count == 0 || m->held[model_first(m)].due_ns > now_ns);
}

static void
run(uint64_t seed, unsigned int steps)
{
	struct events *s = events_create(CAPACITY);
	static struct model m;
	uint64_t random = seed << 32, now_ns = 0;

	m = (struct model){.count = 0};
	assert_non_null(s);
	for (unsigned int step = 0; step < steps; step++) {
		unsigned int what = random64(&random) % 16;

		if (what < 10) {
			uint64_t due_ns = now_ns + random_delay(&random);
			struct world_event *e = events_take(s);

			/* Cancelled ones may wait in the heap for their time. */
			if (e == NULL)
				continue;
			assert_true(m.count < CAPACITY);
			events_schedule(s, e, due_ns);
			model_add(&m, e->index, due_ns);
		} else if (what < 12 && m.count > 0) {
			unsigned int i = random64(&random) % m.count;

			events_cancel(s, events_at(s, m.held[i].index));
			model_remove(&m, i);
		} else if (what < 15) {
			now_ns += random_delay(&random) / (what == 14 ? 1 : 1000);
			pop_until(s, &m, now_ns);
		} else {
			check_next(s, &m);
		}
	}
	pop_until(s, &m, now_ns + 400 * NS_PER_SEC);
	assert_int_equal(m.count, 0);
	check_next(s, &m);
	/* All of them are free again. */
	for (unsigned int i = 0; i < CAPACITY; i++)
		assert_non_null(events_take(s));
	assert_null(events_take(s));
	events_free(s);
}

static void
test_order_is_time_then_insertion(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		run(seed, 4000);
}

static void
test_ties_keep_their_order(void **state)
{
	struct events *s = events_create(CAPACITY);
	uint32_t indices[CAPACITY];

	(void)state;
	assert_non_null(s);
	for (unsigned int i = 0; i < CAPACITY; i++) {
		struct world_event *e = events_take(s);

		indices[i] = e->index;
		events_schedule(s, e, 5 * NS_PER_MS);
	}
	assert_null(events_pop(s, 5 * NS_PER_MS - 1));
	for (unsigned int i = 0; i < CAPACITY; i++)
		assert_int_equal(events_pop(s, 5 * NS_PER_MS)->index, indices[i]);
	events_free(s);
}

static void
test_capacity_is_kept(void **state)
{
	struct events *s = events_create(3);
	struct world_event *taken[3];

	(void)state;
	assert_null(events_create(0));
	assert_non_null(s);
	for (unsigned int i = 0; i < 3; i++) {
		taken[i] = events_take(s);
		assert_non_null(taken[i]);
		taken[i]->head[0] = 0xff;
	}
	assert_null(events_take(s));
	events_give(s, taken[1]);
	assert_ptr_equal(events_take(s), taken[1]);
	assert_int_equal(taken[1]->head[0], 0);
	assert_null(events_take(s));
	events_free(s);
}

/* A virtual clock may ask for what is next again and again, with nothing due for long. */
static void
test_asking_changes_nothing(void **state)
{
	struct events *s = events_create(4);
	struct world_event *far, *near;

	(void)state;
	assert_non_null(s);
	assert_true(events_next_ns(s) == TIME_NEVER);
	assert_true(events_idle_until_ns(s) == TIME_NEVER);
	far = events_take(s);
	events_schedule(s, far, 100 * NS_PER_SEC);
	assert_true(events_next_ns(s) == 100 * NS_PER_SEC);
	assert_true(events_next_ns(s) == 100 * NS_PER_SEC);
	near = events_take(s);
	events_schedule(s, near, NS_PER_SEC);
	assert_true(events_next_ns(s) == NS_PER_SEC);
	assert_ptr_equal(events_pop(s, 200 * NS_PER_SEC), near);
	assert_ptr_equal(events_pop(s, 200 * NS_PER_SEC), far);
	assert_null(events_pop(s, 200 * NS_PER_SEC));
	events_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_is_time_then_insertion),
		cmocka_unit_test(test_ties_keep_their_order),
		cmocka_unit_test(test_capacity_is_kept),
		cmocka_unit_test(test_asking_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
