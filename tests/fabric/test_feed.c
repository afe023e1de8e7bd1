/* SPDX-License-Identifier: BSD-3-Clause */
/* Feeds: names to workers and batches back, whoever is slow, and nothing lost or changed on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ring.h>

#include "base/hash.h"
#include "fabric/feed.h"
#include "with_eal.h"

#define WORKERS_MAX 3

static struct feed *
open_feed(unsigned int workers)
{
	static unsigned int made;
	char name[16];
	struct feed *f;

	snprintf(name, sizeof(name), "feed%u", made++);
	f = feed_new(name, workers);
	assert_non_null(f);
	return f;
}

/* A name that follows from a number: any bytes, any length that there can be, and a bit more. */
static struct feed_name
name_of(uint64_t number, char bytes[FEED_TEXT_MAX + 64])
{
	uint64_t h = hash_mix64(number + 7);
	struct feed_name n = {
		.number = number,
		.address = (uint32_t)h,
		.lookup = (uint8_t)(h >> 32) % 16,
		.origin = (uint8_t)(h >> 40) % 4,
		.wildcard = h >> 48 & 1,
		.text = bytes,
	};

	/* Mostly as names are; some empty, some longer than fits. */
	n.len = (uint16_t)(h % 16 == 0 ? h >> 20 & 0x3ff : h % 64 == 1 ? FEED_TEXT_MAX + (h >> 9) % 64 : h >> 20 & 63);
	for (uint16_t i = 0; i < n.len; i++)
		bytes[i] = (char)hash_mix64(h ^ i);
	return n;
}

static void
assert_is(const struct feed_name *found, uint64_t number)
{
	char bytes[FEED_TEXT_MAX + 64];
	struct feed_name n = name_of(number, bytes);

	assert_int_equal(found->number, number);
	assert_int_equal(found->address, n.address);
	assert_int_equal(found->lookup, n.lookup);
	assert_int_equal(found->origin, n.origin);
	assert_int_equal(found->wildcard, n.wildcard);
	/* What is longer than any name is cut, and still no name. */
	assert_int_equal(found->len, n.len < FEED_TEXT_MAX ? n.len : FEED_TEXT_MAX);
	assert_memory_equal(found->text, n.text, found->len);
}

struct worker {
	struct feed_batch *batch;
	uint64_t last; /* number + 1 of the name before */
};

/* Read up to so many names; how many there were. */
static unsigned int
work(const struct feed *f, unsigned int worker, struct worker *w, unsigned int most, uint8_t *seen)
{
	const struct feed_lane *lane = feed_lane(f, worker);
	struct feed_name name;
	unsigned int count = 0;

	while (count < most) {
		if (w->batch == NULL)
			w->batch = feed_take(lane);
		if (w->batch == NULL)
			break;
		if (!feed_next(w->batch, &name)) {
			assert_int_equal(feed_unread(w->batch), 0);
			feed_give_back(lane, w->batch);
			w->batch = NULL;
			continue;
		}
		assert_is(&name, name.number);
		/* A worker has its names in their order. */
		assert_true(name.number >= w->last);
		w->last = name.number + 1;
		assert_int_equal(seen[name.number]++, 0);
		count++;
	}
	return count;
}

static void
test_each_name_once(void **state)
{
	enum { NAMES = 20000 };
	static uint8_t seen[NAMES];

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		unsigned int workers = 1 + seed % WORKERS_MAX;
		struct feed *f = open_feed(workers);
		struct worker at[WORKERS_MAX] = {{NULL, 0}};
		uint64_t fed = 0, read = 0, draw = 0;

		memset(seen, 0, sizeof(seen));
		while (read < NAMES) {
			uint64_t h = hash_mix64(seed * 1000003 + draw++);
			unsigned int w = (unsigned int)(h >> 8) % workers;
			char bytes[FEED_TEXT_MAX + 64];

			switch (h % 4) {
			case 0: /* a burst; whoever finds no room comes again with the same */
				for (uint64_t end = fed + h % 997; fed < end && fed < NAMES; fed++) {
					struct feed_name n = name_of(fed, bytes);

					if (!feed_put(f, &n))
						break;
				}
				break;
			case 1:
				feed_flush(f);
				break;
			default:
				read += work(f, w, &at[w], (unsigned int)(h >> 20) % 300, seen);
			}
		}
		for (uint64_t i = 0; i < NAMES; i++)
			assert_int_equal(seen[i], 1);
		for (unsigned int w = 0; w < workers; w++)
			if (at[w].batch != NULL)
				feed_give_back(feed_lane(f, w), at[w].batch);
		assert_int_equal(feed_left(f), 0);
		feed_free(f);
	}
}

/* What is on its way is bounded; one batch that comes back is room again. */
static void
test_bounded(void **state)
{
	(void)state;
	for (unsigned int workers = 1; workers <= WORKERS_MAX; workers++) {
		struct feed *f = open_feed(workers);
		char text[100] = {0};
		struct feed_name n = {.len = sizeof(text), .text = text};
		struct feed_batch *b;
		uint64_t fed = 0, more = 0, read = 0;

		for (; feed_put(f, &n); fed++)
			n.number++;
		assert_false(feed_put(f, &n));
		feed_flush(f);
		assert_false(feed_put(f, &n));
		assert_int_equal(feed_left(f), fed); /* takes them back */
		assert_true(fed > 1000 * workers && fed < 10000 * workers);
		for (; feed_put(f, &n); more++)
			;
		assert_int_equal(more, fed);
		feed_flush(f);
		b = feed_take(feed_lane(f, workers - 1));
		assert_non_null(b);
		assert_false(feed_put(f, &n));
		while (feed_next(b, &n))
			read++;
		feed_give_back(feed_lane(f, workers - 1), b);
		for (more = 0; feed_put(f, &n); more++)
			;
		assert_int_equal(more, read);
		feed_flush(f);
		feed_free(f);
	}
}

/* A worker that takes nothing holds up its own lane alone. */
static void
test_who_does_not_take(void **state)
{
	struct feed *f = open_feed(2);
	static uint8_t seen[1 << 16];
	struct worker quick = {NULL, 0};
	struct feed_name n = {.len = 200};
	char bytes[FEED_TEXT_MAX + 64];
	uint64_t fed = 0, read = 0;

	(void)state;
	while (fed < sizeof(seen)) {
		n = name_of(fed, bytes);
		if (feed_put(f, &n))
			fed++;
		else
			read += work(f, 1, &quick, 100, seen);
	}
	feed_flush(f);
	read += work(f, 1, &quick, UINT32_MAX, seen);
	/* The other has what a lane holds, no more. */
	assert_int_equal(read + feed_left(f), fed);
	assert_true(read > fed / 2);
	if (quick.batch != NULL)
		feed_give_back(feed_lane(f, 1), quick.batch);
	feed_free(f);
}

/* A run that ends in the middle knows what nobody has taken, and what a worker has and has not read. */
static void
test_left(void **state)
{
	struct feed *f = open_feed(1);
	char bytes[FEED_TEXT_MAX + 64];
	struct feed_batch *b;
	struct feed_name n;
	uint32_t unread;

	(void)state;
	for (uint64_t i = 0; i < 500; i++) {
		n = name_of(i, bytes);
		assert_true(feed_put(f, &n));
	}
	feed_flush(f);
	for (uint64_t i = 500; i < 540; i++) { /* not handed over */
		n = name_of(i, bytes);
		assert_true(feed_put(f, &n));
	}
	b = feed_take(feed_lane(f, 0));
	for (unsigned int i = 0; i < 10; i++)
		assert_true(feed_next(b, &n));
	unread = feed_unread(b);
	assert_true(unread > 0);
	feed_give_back(feed_lane(f, 0), b);
	assert_int_equal(10 + unread + feed_left(f), 540);
	assert_int_equal(feed_left(NULL), 0);
	feed_free(f);
	feed_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_name_once),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_who_does_not_take),
		cmocka_unit_test(test_left),
	};

	return cmocka_run_group_tests(tests, with_eal, without_eal);
}
