/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "health/health.h"

/* A scan in the making: a look a second. */
struct scan {
	struct health h;
	struct health_look look;
	struct health_news news;
	uint64_t rate;     /* targets a second */
	double share;      /* that answers, a second later */
	bool at_once;      /* or before the look */
	uint64_t answers;  /* to come with the next look */
	uint64_t random;
};

static void
begin(struct scan *s, unsigned int ports, uint64_t rate, double share)
{
	memset(s, 0, sizeof(*s));
	health_init(&s->h, ports, 0);
	s->rate = rate;
	s->share = share;
}

/* A number with a mean, as chance makes it. */
static uint64_t
by_chance(struct scan *s, double mean)
{
	uint64_t n = 0;

	if (mean > 200) { /* a normal distribution, by the sum of uniform ones */
		double sum = -6;

		for (int i = 0; i < 12; i++)
			sum += (double)(hash_mix64(s->random++) >> 11) * 0x1p-53;
		return (uint64_t)(mean + sum * sqrt(mean));
	}
	for (double p = exp(-mean), product = 1; ; n++) {
		product *= ((double)(hash_mix64(s->random++) >> 11) + 0.5) * 0x1p-53;
		if (product < p)
			return n;
	}
}

/* A second passes; whether there is news. */
static bool
step(struct scan *s)
{
	bool held = s->h.trouble != HEALTH_FINE;

	s->look.now_ns += NS_PER_SEC;
	s->look.hits += s->answers;
	s->answers = 0;
	if (!held) {
		s->look.tried += s->rate;
		s->look.position += s->rate;
		s->answers = by_chance(s, (double)s->rate * s->share);
	}
	if (s->at_once) {
		s->look.hits += s->answers;
		s->answers = 0;
	}
	for (unsigned int i = 0; i < s->h.ports; i++)
		s->look.ports[i].received += s->answers;
	health_look(&s->h, &s->look, &s->news);
	assert_int_equal(s->h.next_ns, s->look.now_ns + NS_PER_SEC);
	return s->news.is_news;
}

static void
steps(struct scan *s, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_false(step(s));
}

/* How many seconds until there is news, which is to be of this kind. */
static unsigned int
until(struct scan *s, enum health_trouble trouble, unsigned int most)
{
	for (unsigned int i = 1; i <= most; i++) {
		if (!step(s))
			continue;
		assert_int_equal(s->news.trouble, trouble);
		assert_int_equal(s->h.trouble, trouble);
		return i;
	}
	fail_msg("no news in %u s", most);
	return 0;
}

static void
test_link(void **state)
{
	struct scan s;

	(void)state;
	begin(&s, 2, 1000, 0.01);
	steps(&s, 10);
	s.look.ports[1].is_down = true;
	assert_int_equal(until(&s, HEALTH_LINK, 1), 1);
	assert_int_equal(s.news.port, 1);
	assert_int_equal(s.news.since_ns, 10 * NS_PER_SEC);
	/* What was probed two seconds before that may have its answers lost. */
	assert_int_equal(s.news.position, 8000);
	steps(&s, 20);
	s.look.ports[1].is_down = false;
	assert_int_equal(until(&s, HEALTH_FINE, 1), 1);
	assert_int_equal(s.news.mended, HEALTH_LINK);
	steps(&s, 60);
}

/* The graver comes first, and one trouble may follow another without a pause. */
static void
test_order(void **state)
{
	struct scan s;

	(void)state;
	begin(&s, 1, 1000, 0.01);
	steps(&s, 3);
	s.look.ports[0].is_down = s.look.ports[0].is_gone = true;
	s.look.canaries_silent = 5;
	until(&s, HEALTH_DEVICE, 1);
	s.look.ports[0].is_gone = false;
	until(&s, HEALTH_LINK, 1);
	s.look.ports[0].is_down = false;
	until(&s, HEALTH_CANARIES, 1);
	assert_int_equal(s.news.mended, HEALTH_LINK);
	s.look.canaries_silent = 0;
	until(&s, HEALTH_FINE, 1);
}

/* Requests without an answer are one thing; without anything at all coming in, another. */
static void
test_gateway(void **state)
{
	struct scan s;

	(void)state;
	begin(&s, 1, 1000, 0.05);
	steps(&s, 30);
	s.look.ports[0].unanswered = 7;
	steps(&s, 30);
	s.look.ports[0].unanswered = 0;
	steps(&s, 1);
	s.share = 0;
	s.look.ports[0].unanswered = 1;
	steps(&s, 1);
	s.look.ports[0].unanswered = 2;
	steps(&s, 1);
	s.look.ports[0].unanswered = 3;
	until(&s, HEALTH_GATEWAY, 1);
	/* Something came in between the looks at 60 and 61 s. */
	assert_int_equal(s.news.since_ns, 60 * NS_PER_SEC);
	assert_int_equal(s.news.position, 58000);
	s.look.ports[0].unanswered = 9;
	steps(&s, 100);
	s.look.ports[0].unanswered = 0;
	s.share = 0.05;
	until(&s, HEALTH_FINE, 1);
}

static void
test_canaries(void **state)
{
	struct scan s;

	(void)state;
	begin(&s, 1, 1000, 0);
	s.look.has_canaries = true;
	steps(&s, 20);
	/* The round that was asked at 17 s has been answered, the one at 19 s is not. */
	s.look.canaries_good_ns = 17 * NS_PER_SEC;
	for (s.look.canaries_silent = 1; s.look.canaries_silent < 3; s.look.canaries_silent++)
		steps(&s, 2);
	until(&s, HEALTH_CANARIES, 1);
	assert_int_equal(s.news.since_ns, 17 * NS_PER_SEC);
	assert_int_equal(s.news.position, 15000);
	s.look.canaries_silent = 40;
	steps(&s, 40);
	s.look.canaries_silent = 0;
	until(&s, HEALTH_FINE, 1);
	assert_int_equal(s.news.mended, HEALTH_CANARIES);
}

/* A silent network is seen as soon as chance would not do it: at 10,000/s and 1% in seconds. */
static void
test_hit_rate(void **state)
{
	static const struct {
		uint64_t rate;
		double share;
		unsigned int least, most;
	} rows[] = {
		{10000, 0.01, 2, 4},
		{1000000, 0.0005, 2, 4},
		{1000, 0.02, 2, 5},
		{1000, 0.003, 8, 20},
		{100, 0.5, 2, 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scan s;
		unsigned int seconds;

		begin(&s, 1, rows[i].rate, rows[i].share);
		s.random = i << 32;
		steps(&s, 120);
		s.share = 0;
		seconds = until(&s, HEALTH_HITRATE, 40);
		assert_in_range(seconds, rows[i].least, rows[i].most);
		assert_true(s.news.since_ns <= 121 * NS_PER_SEC);
		assert_true(s.news.position <= 121 * rows[i].rate);
		assert_true(s.news.position >= (121 - 2 * seconds - 6) * rows[i].rate);
		s.share = rows[i].share;
		assert_int_equal(until(&s, HEALTH_FINE, 100), 10);
		steps(&s, 300);
		assert_int_equal(s.h.trials, 0);
	}
}

/* Chance alone holds no scan: many hours at rates and shares of all kinds, with changes of the pace. */
static void
test_chance_is_no_trouble(void **state)
{
	static const uint64_t rate[] = {10, 100, 3000, 100000, 10000000};
	static const double share[] = {0, 0.000003, 0.0001, 0.002, 0.03, 0.9};

	(void)state;
	for (size_t i = 0; i < 5 * 6; i++) {
		struct scan s;

		begin(&s, 1, rate[i % 5], share[i / 5]);
		s.random = i << 40;
		for (int hour = 0; hour < 3; hour++) {
			steps(&s, 3600);
			s.rate = rate[(i + (size_t)hour) % 5];
			health_forget(&s.h);
		}
	}
}

/* Half of it is no collapse; nor is what nobody sends an absence of answers. */
static void
test_less_is_no_trouble(void **state)
{
	struct scan s;

	(void)state;
	begin(&s, 1, 10000, 0.01);
	steps(&s, 100);
	s.share = 0.004;
	steps(&s, 300);
	s.rate = 0;
	steps(&s, 1000);
	s.rate = 10000;
	steps(&s, 300);
}

/* Whoever sends slower and slower, or starts and stops, as on a machine that has other work, hears less. */
static void
test_slower_is_no_trouble(void **state)
{
	static const uint64_t rates[] = {5000000, 300000, 200000, 4000000, 10000, 10000, 10000, 8000000, 0, 0};
	struct scan s;

	(void)state;
	for (int at_once = 0; at_once < 2; at_once++) {
		begin(&s, 1, 8000000, 0.01);
		s.at_once = at_once == 1;
		steps(&s, 10);
		for (unsigned int i = 0; i < 1000; i++) {
			s.rate = rates[i % 10];
			steps(&s, 1);
		}
	}
}

/* Trials come after 10, 20, 40 s, ...; five minutes at most. */
static void
test_trials(void **state)
{
	static const unsigned int waits[] = {10, 20, 40, 80, 160, 300, 300};
	struct scan s;

	(void)state;
	begin(&s, 1, 10000, 0.01);
	steps(&s, 100);
	s.share = 0;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		assert_in_range(until(&s, HEALTH_HITRATE, 10), 2, 6);
		assert_int_equal(until(&s, HEALTH_FINE, 400), waits[i]);
		assert_int_equal(s.news.mended, HEALTH_HITRATE);
	}
	s.share = 0.01;
	steps(&s, 20);
	s.share = 0;
	until(&s, HEALTH_HITRATE, 10);
	assert_int_equal(until(&s, HEALTH_FINE, 400), 10);
}

/* Where some always answer, though few, that is how it is from then on. */
static void
test_a_new_level(void **state)
{
	struct scan s;

	(void)state;
	begin(&s, 1, 10000, 0.01);
	steps(&s, 100);
	s.share = 0.001;
	for (int i = 0; i < 3; i++) {
		until(&s, HEALTH_HITRATE, 10);
		until(&s, HEALTH_FINE, 400);
	}
	until(&s, HEALTH_FINE, 10);
	assert_true(s.news.is_level);
	steps(&s, 600);
	s.share = 0;
	until(&s, HEALTH_HITRATE, 20);
}

/* Seconds in which probers were held say nothing: not what was found late by then, nor that little was. */
static void
test_unlike_seconds(void **state)
{
	struct scan s;

	(void)state;
	begin(&s, 1, 10000, 0.01);
	steps(&s, 100);
	/* Targets go on, and their answers wait for workers. */
	s.share = 0;
	s.look.is_unlike = true;
	steps(&s, 60);
	s.look.is_unlike = false;
	s.share = 0.01;
	steps(&s, 300);
	s.share = 0;
	until(&s, HEALTH_HITRATE, 5);
}

/* Later attempts make no targets: they are not tried again. */
static void
test_what_is_not_tried_is_no_trouble(void **state)
{
	struct scan s;

	(void)state;
	begin(&s, 1, 10000, 0.05);
	steps(&s, 100);
	for (unsigned int i = 0; i < 200; i++) {
		s.look.position += 10000;
		s.rate = 0;
		steps(&s, 1);
	}
}

/*
 * What is in doubt is all that was probed since the trouble began, and no more than was sure before: whatever
 * the trouble, when it comes, and what one answer more or less makes of it.
 */
static void
test_doubt_begins_where_it_was_sure(void **state)
{
	unsigned int found[HEALTH_TROUBLES] = {0};

	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		uint64_t r = hash_mix64(seed), sure = 0, begun, asked = 0;
		unsigned int kind = 2 + (unsigned int)(r % 4), before = 1 + (unsigned int)(r >> 8) % 90;
		struct scan s;

		/* Where the hit rate would tell, too, it might be the first. */
		begin(&s, 1, 100 + r % 20000, kind == HEALTH_HITRATE ? (double)(r >> 16 & 0xff) / 500 : 0);
		s.random = seed << 32;
		s.look.has_canaries = kind == HEALTH_CANARIES;
		s.look.ports[0].is_asked = kind == HEALTH_GATEWAY;
		for (unsigned int i = 0; i < before; i++) {
			s.look.ports[0].received += kind == HEALTH_GATEWAY;
			if (i % 2 == 0) {
				s.look.canaries_good_ns = asked;
				asked = s.look.now_ns;
			}
			steps(&s, 1);
			assert_true(health_sure(&s.h) >= sure);
			sure = health_sure(&s.h);
			assert_true(sure <= s.look.position);
		}
		begun = s.look.position;
		s.share = 0;
		s.answers = 0;
		for (unsigned int i = 0; i < 60 && s.h.trouble == HEALTH_FINE; i++) {
			s.look.ports[0].is_down = kind == HEALTH_LINK;
			s.look.ports[0].unanswered = kind == HEALTH_GATEWAY ? i : 0;
			s.look.canaries_silent = kind == HEALTH_CANARIES ? i / 2 : 0;
			sure = health_sure(&s.h);
			step(&s);
		}
		found[s.h.trouble]++;
		if (s.h.trouble == HEALTH_FINE)
			continue; /* too few had answered to know */
		assert_true(s.news.position <= begun);
		assert_true(s.news.position >= sure);
	}
	assert_true(found[HEALTH_LINK] > 30 && found[HEALTH_GATEWAY] > 30);
	assert_true(found[HEALTH_CANARIES] > 30 && found[HEALTH_HITRATE] > 30);
}

/* The bound is one: of what Poisson's distribution says, and close to it. */
static void
test_surprise(void **state)
{
	static const double expected[] = {0.5, 3, 20, 21, 50, 200};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		double term = exp(-expected[i]), sum = term;

		for (uint64_t k = 0; (double)k < expected[i]; k++) {
			double bound = exp(-health_surprise(expected[i], k));

			assert_true(sum <= bound * (1 + 1e-9));
			assert_true(k == 0 || sum > bound / 50);
			term *= expected[i] / (double)(k + 1);
			sum += term;
		}
		assert_true(health_surprise(expected[i], (uint64_t)expected[i] + 1) == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_canaries),
		cmocka_unit_test(test_hit_rate),
		cmocka_unit_test(test_chance_is_no_trouble),
		cmocka_unit_test(test_less_is_no_trouble),
		cmocka_unit_test(test_slower_is_no_trouble),
		cmocka_unit_test(test_trials),
		cmocka_unit_test(test_a_new_level),
		cmocka_unit_test(test_unlike_seconds),
		cmocka_unit_test(test_what_is_not_tried_is_no_trouble),
		cmocka_unit_test(test_doubt_begins_where_it_was_sure),
		cmocka_unit_test(test_surprise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
