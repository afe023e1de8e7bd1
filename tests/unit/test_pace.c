/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "pace/pace.h"

/* Rates that do not divide a second, and those at the ends. */
static const uint64_t rates[] = {
	1, 2, 3, 7, 9, 10, 11, 99, 319, 320, 321, 10000, 499979, 1000000, 14880952, 30000000,
};

#define RATES (sizeof(rates) / sizeof(rates[0]))

/* What was granted and sent, in order of time. */
struct event {
	uint64_t at_ns;
	uint32_t units;
};

static uint64_t random_state;

static uint64_t
random_below(uint64_t n)
{
	random_state++;
	return hash_mix64(random_state) % n;
}

/*
 * The promise, over every window that begins and ends with an event: the units in it are at most
 * w * rate / 1e9 + burst. Exact, in units of 1e-9: with the running sum of units * 1e9 - rate *
 * time, no later value may exceed an earlier one, before its event, by more than burst * 1e9.
 */
static void
assert_promise(const struct event *event, size_t count, uint64_t rate, uint64_t burst)
{
	__int128 units = 0, least = 0;

	for (size_t i = 0; i < count; i++) {
		__int128 line = (__int128)rate * event[i].at_ns;

		if (i == 0 || units - line < least)
			least = units - line;
		units += (__int128)event[i].units * NS_PER_SEC;
		if (units - line - least > (__int128)burst * NS_PER_SEC)
			fail_msg("rate %lu: event %zu at %lu ns breaks the promise", rate, i,
				 event[i].at_ns);
	}
}

/* The burst that the header gives a rate of frames. */
static uint64_t
frames_burst(uint64_t rate)
{
	uint64_t tenth = rate / 10;

	return tenth < 1 ? 1 : tenth > PACE_BURST ? PACE_BURST : tenth;
}

/* From rest: a burst at once, then not a unit before its time. */
static void
test_table(void **state)
{
	static const struct {
		uint64_t rate, burst;
		uint64_t first_ns; /* when a worker gets one more after the burst */
	} rows[] = {
		{1, 1, 1000000000}, {9, 1, 111111112}, {10, 1, 100000000}, {19, 1, 52631579},
		{20, 2, 50000000},  {100, 10, 10000000}, {320, 32, 3125000},
		{10000, 32, 100000}, {30000000, 32, 34},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t start = i * 12345;
		struct pace p;

		pace_init(&p, rows[i].rate, PACE_BURST);
		assert_int_equal(pace_next_ns(&p, PACE_PROBE, start), start);
		assert_int_equal(pace_take(&p, PACE_PROBE, start, 100), rows[i].burst);
		assert_int_equal(pace_take(&p, PACE_WORKER, start, 100), 0);
		assert_int_equal(pace_next_ns(&p, PACE_WORKER, start), start + rows[i].first_ns);
		assert_int_equal(pace_take(&p, PACE_WORKER, start + rows[i].first_ns - 1, 100), 0);
		assert_int_equal(pace_take(&p, PACE_WORKER, start + rows[i].first_ns, 100), 1);
	}
}

static void
test_unlimited(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 0, PACE_BURST);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(pace_take(&p, PACE_PROBE, 0, 1000000), 1000000);
	pace_refund(&p, 0, 0, 1000000);
	assert_int_equal(pace_next_ns(&p, PACE_PROBE, 77), 77);
	assert_int_equal(pace_take(&p, PACE_WORKER, UINT64_MAX, UINT32_MAX), UINT32_MAX);
}

static void
test_asking_for_nothing(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 1000, PACE_BURST);
	assert_int_equal(pace_take(&p, PACE_PROBE, 5, 0), 0);
	assert_int_equal(pace_take(&p, PACE_WORKER, 5, 32), 32);
}

/* A grant that is held, as a caller holds it between asking and the driver's answer. */
struct held {
	size_t event;
	uint64_t taken_ns;
	uint32_t units;
};

#define HELD 4
#define EVENTS 4000

/*
 * Askers of both classes at random times with random wants, who then give back some, at once, later
 * or much later; what they keep must hold the promise. Gaps range from no time to several bursts.
 */
static void
run_random_askers(uint64_t rate, uint64_t burst, int may_refund, struct event *event)
{
	uint64_t interval_ns = NS_PER_SEC / rate, now_ns = random_below(1000);
	struct held held[HELD] = {0};
	struct pace p;

	pace_init(&p, rate, PACE_BURST);
	for (size_t i = 0; i < EVENTS; i++) {
		enum pace_class c = random_below(2) ? PACE_PROBE : PACE_WORKER;
		uint32_t want = (uint32_t)random_below(2 * PACE_BURST), refund;
		struct held *h = &held[random_below(HELD)];

		if (random_below(3) > 0)
			now_ns += random_below(2 + interval_ns * random_below(burst));
		if (may_refund && h->units > 0) {
			refund = (uint32_t)random_below(h->units + 1);
			pace_refund(&p, h->taken_ns, now_ns, refund);
			event[h->event].units -= refund;
		}
		event[i].at_ns = now_ns;
		event[i].units = pace_take(&p, c, now_ns, want);
		assert_true(event[i].units <= want && event[i].units <= burst);
		*h = (struct held){i, now_ns, event[i].units};
	}
}

static void
test_promise_holds_in_every_window(void **state)
{
	static struct event event[EVENTS];

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		random_state = seed << 32;
		for (size_t i = 0; i < RATES; i++) {
			run_random_askers(rates[i], frames_burst(rates[i]), seed % 2, event);
			assert_promise(event, EVENTS, rates[i], frames_burst(rates[i]));
		}
	}
}

/*
 * The case that makes refunds hard: what one asker gives back late has been paid off by time, and
 * another has already been granted it. (Worked out in pace.c.)
 */
static void
test_late_refund_gives_nothing(void **state)
{
	const uint64_t us = NS_PER_US;
	struct pace p;

	(void)state;
	pace_init(&p, 1000000, PACE_BURST);
	assert_int_equal(pace_take(&p, PACE_WORKER, 0, 32), 32);
	assert_int_equal(pace_take(&p, PACE_WORKER, 31 * us, 32), 31);
	pace_refund(&p, 0, 31 * us, 32);
	assert_int_equal(pace_take(&p, PACE_WORKER, 31 * us, 32), 1);
	pace_refund(&p, 0, 100 * us, 32);
	assert_int_equal(pace_take(&p, PACE_WORKER, 100 * us, 64), 32);
}

/* But for the rounding to the side of the promise: a thousandth of a nanosecond each time. */
static void
test_prompt_refund_gives_all(void **state)
{
	struct pace p;

	(void)state;
	for (size_t i = 0; i < RATES; i++) {
		uint32_t burst = (uint32_t)frames_burst(rates[i]);

		pace_init(&p, rates[i], PACE_BURST);
		for (uint32_t again = 0; again < 100; again++) {
			assert_int_equal(pace_take(&p, PACE_WORKER, 500 + again, 32), burst);
			pace_refund(&p, 500 + again, 500 + again, burst);
		}
		assert_int_equal(pace_take(&p, PACE_WORKER, 600, burst), burst);
		assert_int_equal(pace_take(&p, PACE_WORKER, 600, 1), 0);
	}
}

/*
 * An asker that sends late, by up to several bursts, and settles before it asks again: the promise
 * holds for the times at which it sent. And where it sends at once, settling costs nothing.
 */
static void
test_settled_sends_hold_the_promise(void **state)
{
	static struct event event[EVENTS];

	(void)state;
	for (size_t i = 0; i < RATES; i++) {
		uint64_t burst = frames_burst(rates[i]), now_ns = 0;
		uint64_t burst_ns = burst * NS_PER_SEC / rates[i];
		struct pace p;

		pace_init(&p, rates[i], PACE_BURST);
		for (size_t e = 0; e < EVENTS; e++) {
			now_ns = pace_next_ns(&p, PACE_WORKER, now_ns);
			now_ns += random_below(2) * random_below(burst_ns);
			event[e].units = pace_take(&p, PACE_WORKER, now_ns, PACE_BURST);
			now_ns += random_below(2) * random_below(3 * burst_ns);
			event[e].at_ns = now_ns;
			pace_settle(&p, now_ns, event[e].units);
		}
		assert_promise(event, EVENTS, rates[i], burst);
	}
}

static void
test_settling_at_once_is_free(void **state)
{
	struct pace p, unsettled;

	(void)state;
	for (size_t i = 0; i < RATES; i++) {
		pace_init(&p, rates[i], PACE_BURST);
		pace_init(&unsettled, rates[i], PACE_BURST);
		for (uint64_t now_ns = 0, e = 0; e < 1000; e++) {
			uint32_t want = (uint32_t)random_below(PACE_BURST), granted;

			now_ns += random_below(40 * NS_PER_SEC / rates[i]);
			granted = pace_take(&p, PACE_WORKER, now_ns, want);
			pace_settle(&p, now_ns, granted);
			assert_int_equal(pace_take(&unsettled, PACE_WORKER, now_ns, want), granted);
			assert_int_equal(pace_next_ns(&p, PACE_WORKER, 0),
					 pace_next_ns(&unsettled, PACE_WORKER, 0));
		}
	}
	pace_init(&p, 0, PACE_BURST);
	pace_settle(&p, 1000, 32);
	assert_int_equal(pace_next_ns(&p, PACE_WORKER, 5), 5);
}

/* An asker that never rests gets the whole rate, whichever its class, for a very long time. */
static void
test_rate_is_reached(void **state)
{
	(void)state;
	for (size_t i = 0; i < RATES; i++) {
		for (int c = PACE_PROBE; c <= PACE_WORKER; c++) {
			uint64_t now_ns = 777, granted = 0, span_ns, expected;
			struct pace p;

			pace_init(&p, rates[i], PACE_BURST);
			pace_take(&p, (enum pace_class)c, now_ns, PACE_BURST);
			for (int asks = 0; asks < 20000; asks++) {
				now_ns = pace_next_ns(&p, (enum pace_class)c, now_ns);
				granted += pace_take(&p, (enum pace_class)c, now_ns, PACE_BURST);
			}
			span_ns = now_ns - 777;
			expected = (uint64_t)((unsigned __int128)span_ns * rates[i] / NS_PER_SEC);
			assert_in_range(granted, expected - expected / 10000 - PACE_BURST,
					expected + PACE_BURST);
		}
	}
}

/* The time named is the first at which a unit is granted. */
static void
test_next_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < RATES; i++) {
		struct pace p, copy;
		uint64_t now_ns = 0;

		pace_init(&p, rates[i], PACE_BURST);
		for (int asks = 0; asks < 1000; asks++) {
			enum pace_class c = random_below(2) ? PACE_PROBE : PACE_WORKER;
			uint64_t next_ns = pace_next_ns(&p, c, now_ns);

			copy = p;
			assert_true(next_ns <= now_ns || pace_take(&copy, c, next_ns - 1, 1) == 0);
			now_ns = next_ns > now_ns ? next_ns : now_ns;
			copy = p;
			assert_int_equal(pace_take(&copy, c, now_ns, 1), 1);
			pace_take(&p, c, now_ns, (uint32_t)random_below(PACE_BURST));
		}
	}
}

/* Workers that want all get all, and probes nothing, though these ask first each time. */
static void
test_probes_starve_before_workers(void **state)
{
	(void)state;
	for (size_t i = 0; i < RATES; i++) {
		uint64_t step_ns = NS_PER_SEC / rates[i], probes = 0, workers = 0, now_ns = 0;
		struct pace p;

		if (frames_burst(rates[i]) < 2)
			continue; /* a burst of one has no halves */
		pace_init(&p, rates[i], PACE_BURST);
		pace_take(&p, PACE_WORKER, now_ns, PACE_BURST);
		for (int asks = 0; asks < 10000; asks++) {
			now_ns += random_below(step_ns + 1);
			probes += pace_take(&p, PACE_PROBE, now_ns, PACE_BURST);
			workers += pace_take(&p, PACE_WORKER, now_ns, PACE_BURST);
		}
		assert_int_equal(probes, 0);
		assert_true(workers > 4000);
	}
}

/* Workers wait for an interval at most; probes get what they leave, by more than half a burst. */
static void
test_probes_leave_in_batches(void **state)
{
	const uint64_t rate = 1000000;
	uint64_t probes = 0, batches = 0, wanted = 0, workers = 0;
	struct pace p;

	(void)state;
	pace_init(&p, rate, PACE_BURST);
	for (uint64_t now_ns = 0; now_ns < 100 * NS_PER_MS; now_ns += 500) {
		uint32_t granted = pace_take(&p, PACE_PROBE, now_ns, PACE_BURST);

		probes += granted;
		batches += granted > 0;
		wanted += now_ns % 4000 == 0;
		workers += pace_take(&p, PACE_WORKER, now_ns, (uint32_t)(wanted - workers));
		assert_true(wanted - workers <= 1);
	}
	assert_int_equal(wanted, 25000);
	assert_in_range(probes, 74900, 75000 + PACE_BURST);
	assert_true(probes > batches * 16);
}

/* A bandwidth in bits: the burst is of the largest frames, and a slow one still lets one out. */
static void
test_bandwidth(void **state)
{
	static const uint64_t bit_rates[] = {1000, 64000, 400000000, 10000000000, 100000000000};
	const uint32_t frame = (1514 + 24) * 8;

	(void)state;
	for (size_t i = 0; i < sizeof(bit_rates) / sizeof(bit_rates[0]); i++) {
		uint64_t rate = bit_rates[i], granted = 0, now_ns = 0, tenth = rate / 10;
		uint64_t burst = tenth < frame ? frame : tenth;
		struct pace p;

		burst = burst > PACE_BURST * frame ? PACE_BURST * frame : burst;
		pace_init(&p, rate, PACE_BURST * (uint64_t)frame);
		assert_int_equal(pace_take(&p, PACE_WORKER, 0, UINT32_MAX), burst);
		for (int asks = 0; asks < 10000; asks++) {
			now_ns = pace_next_ns(&p, PACE_PROBE, now_ns);
			granted += pace_take(&p, PACE_PROBE, now_ns, frame * PACE_BURST);
		}
		assert_in_range(granted, (double)now_ns * (double)rate / 1e9 * 0.99999 - 1,
				(double)now_ns * (double)rate / 1e9 + 1);
	}
}

/* After 200 days without a pause nothing has drifted or overflowed. */
static void
test_two_hundred_days(void **state)
{
	static struct event event[EVENTS];
	const uint64_t start_ns = 200 * 86400 * NS_PER_SEC;

	(void)state;
	for (size_t i = 0; i < RATES; i++) {
		uint64_t now_ns = start_ns, burst = frames_burst(rates[i]);
		struct pace p;

		pace_init(&p, rates[i], PACE_BURST);
		pace_take(&p, PACE_PROBE, 0, PACE_BURST);
		for (size_t e = 0; e < EVENTS; e++) {
			event[e].at_ns = now_ns;
			event[e].units = pace_take(&p, PACE_PROBE, now_ns, PACE_BURST);
			assert_true(event[e].units > 0);
			now_ns = pace_next_ns(&p, PACE_PROBE, now_ns);
		}
		assert_promise(event, EVENTS, rates[i], burst);
	}
}

/* Askers as above, from event `from` to `end`; one of a change is given back as if it had been sent. */
static uint64_t
ask_at_random(struct pace *p, uint64_t now_ns, uint64_t interval_ns, struct held *held,
	      struct event *event, size_t from, size_t end)
{
	for (size_t i = from; i < end; i++) {
		enum pace_class c = random_below(2) ? PACE_PROBE : PACE_WORKER;
		struct held *h = &held[random_below(HELD)];
		uint32_t refund = (uint32_t)random_below(h->units + 1);

		if (random_below(3) > 0)
			now_ns += random_below(2 + interval_ns * random_below(PACE_BURST));
		pace_refund(p, h->taken_ns, now_ns, refund);
		event[h->event].units -= refund;
		event[i].at_ns = now_ns;
		event[i].units = pace_take(p, c, now_ns, (uint32_t)random_below(2 * PACE_BURST));
		*h = (struct held){i, now_ns, event[i].units};
	}
	return now_ns;
}

static void
change_rate(struct pace *p, uint64_t rate, uint64_t now_ns)
{
	pace_suspend(p);
	assert_int_equal(pace_take(p, PACE_WORKER, now_ns, 1), 0);
	pace_refund(p, 0, now_ns, 32);
	pace_settle(p, now_ns, 32);
	assert_int_equal(pace_take(p, PACE_PROBE, now_ns, 1), 0);
	pace_resume(p, rate, PACE_BURST, now_ns);
}

static uint64_t
burst_ns(uint64_t rate)
{
	return frames_burst(rate) * NS_PER_SEC / rate;
}

/*
 * From each rate to each other: either side of the change holds its own promise, and every window over
 * both holds that of the greater rate.
 */
static void
test_promise_holds_across_a_change(void **state)
{
	static struct event event[EVENTS];

	(void)state;
	for (size_t i = 0; i < RATES * RATES * 4; i++) {
		uint64_t rate[2] = {rates[i % RATES], rates[i / RATES % RATES]};
		uint64_t greater = rate[0] > rate[1] ? rate[0] : rate[1], now_ns;
		size_t change = EVENTS / 2 + i % 7;
		struct held held[HELD] = {0};
		struct pace p;

		random_state = i << 32;
		pace_init(&p, rate[0], PACE_BURST);
		now_ns = ask_at_random(&p, 1 + random_below(1000), NS_PER_SEC / rate[0], held, event, 0,
				       change - 1);
		/* The worst: a whole burst right before it, and all that is to be had right after. */
		now_ns += random_below(2) * 2 * burst_ns(rate[0]);
		event[change - 1] = (struct event){now_ns, pace_take(&p, PACE_WORKER, now_ns, 64)};
		change_rate(&p, rate[1], now_ns);
		event[change] = (struct event){now_ns, pace_take(&p, PACE_WORKER, now_ns, 64)};
		ask_at_random(&p, now_ns, NS_PER_SEC / rate[1], held, event, change + 1, EVENTS);
		assert_promise(event, change, rate[0], frames_burst(rate[0]));
		assert_promise(event + change, EVENTS - change, rate[1], frames_burst(rate[1]));
		assert_promise(event, EVENTS, greater, frames_burst(greater));
	}
}

/* The new rate is reached, soon: after the longer of the two bursts, 100 ms but at less than 10 a second. */
static void
test_a_changed_rate_is_reached(void **state)
{
	(void)state;
	for (size_t i = 0; i < RATES * RATES; i++) {
		uint64_t rate[2] = {rates[i % RATES], rates[i / RATES]}, now_ns = 5000, granted = 0, end_ns;
		uint64_t wait_ns = burst_ns(rate[0]);
		struct pace p;

		wait_ns = wait_ns < burst_ns(rate[1]) ? burst_ns(rate[1]) : wait_ns;
		pace_init(&p, rate[0], PACE_BURST);
		pace_take(&p, PACE_PROBE, now_ns, PACE_BURST);
		change_rate(&p, rate[1], now_ns);
		assert_true(pace_next_ns(&p, PACE_WORKER, now_ns) <= now_ns + wait_ns + 3);
		end_ns = now_ns + wait_ns + 1000 * NS_PER_SEC / rate[1];
		while ((now_ns = pace_next_ns(&p, PACE_WORKER, now_ns)) < end_ns)
			granted += pace_take(&p, PACE_WORKER, now_ns, 1);
		assert_in_range(granted, 999, 1001 + frames_burst(rate[1]));
	}
}

static void
test_a_limit_comes_and_goes(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 0, PACE_BURST);
	assert_int_equal(pace_take(&p, PACE_PROBE, 5, 1000), 1000);
	pace_suspend(&p);
	pace_resume(&p, 1000, PACE_BURST, 10);
	assert_int_equal(pace_take(&p, PACE_PROBE, 10, 1000), 0);
	assert_int_equal(pace_take(&p, PACE_PROBE, NS_PER_SEC, 1000), 32);
	pace_suspend(&p);
	pace_resume(&p, 0, PACE_BURST, NS_PER_SEC);
	assert_int_equal(pace_take(&p, PACE_PROBE, NS_PER_SEC, 1000), 1000);
	assert_int_equal(pace_next_ns(&p, PACE_PROBE, NS_PER_SEC), NS_PER_SEC);
}

/* Threads that share a pacer and a clock that each of them moves on. */
struct shared {
	struct pace pace;
	_Atomic uint64_t now_ns;
	uint64_t rate;
	uint64_t end_ns;
};

static void *
ask_until_end(void *context)
{
	struct shared *s = context;
	uintptr_t sent = 0;
	uint64_t now_ns;

	while ((now_ns = atomic_fetch_add(&s->now_ns, 50)) < s->end_ns) {
		uint32_t granted = pace_take(&s->pace, PACE_WORKER, now_ns, 7);

		if (granted > 3) {
			pace_refund(&s->pace, now_ns, now_ns, granted - 3);
			granted = 3;
		}
		sent += granted;
	}
	return (void *)sent;
}

/* No update is lost: together the threads get the rate, and no more than the promise. */
static void
test_threads_share_the_promise(void **state)
{
	struct shared s = {.rate = 1234567, .end_ns = 20 * NS_PER_MS};
	uint64_t expected = s.rate * s.end_ns / NS_PER_SEC, sent = 0;
	pthread_t thread[2];

	(void)state;
	pace_init(&s.pace, s.rate, PACE_BURST);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ask_until_end, &s), 0);
	for (int i = 0; i < 2; i++) {
		void *one;

		assert_int_equal(pthread_join(thread[i], &one), 0);
		sent += (uintptr_t)one;
	}
	assert_in_range(sent, expected - PACE_BURST, expected + 1 + PACE_BURST);
}

/* While they ask the rate is changed, over and over: together they never get more than the greater. */
static void
test_threads_share_changes(void **state)
{
	struct shared s = {.rate = 1234567, .end_ns = 50 * NS_PER_MS};
	uint64_t most = s.rate * s.end_ns / NS_PER_SEC, sent = 0, now_ns;
	pthread_t thread[2];

	(void)state;
	pace_init(&s.pace, s.rate, PACE_BURST);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ask_until_end, &s), 0);
	for (unsigned int i = 0; (now_ns = atomic_load(&s.now_ns)) < s.end_ns; i++) {
		pace_suspend(&s.pace);
		now_ns = atomic_load(&s.now_ns);
		pace_resume(&s.pace, s.rate / (1 + i % 3), PACE_BURST, now_ns);
	}
	for (int i = 0; i < 2; i++) {
		void *one;

		assert_int_equal(pthread_join(thread[i], &one), 0);
		sent += (uintptr_t)one;
	}
	assert_in_range(sent, 0, most + PACE_BURST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_unlimited),
		cmocka_unit_test(test_asking_for_nothing),
		cmocka_unit_test(test_promise_holds_in_every_window),
		cmocka_unit_test(test_late_refund_gives_nothing),
		cmocka_unit_test(test_prompt_refund_gives_all),
		cmocka_unit_test(test_settled_sends_hold_the_promise),
		cmocka_unit_test(test_settling_at_once_is_free),
		cmocka_unit_test(test_rate_is_reached),
		cmocka_unit_test(test_next_is_exact),
		cmocka_unit_test(test_probes_starve_before_workers),
		cmocka_unit_test(test_probes_leave_in_batches),
		cmocka_unit_test(test_bandwidth),
		cmocka_unit_test(test_two_hundred_days),
		cmocka_unit_test(test_promise_holds_across_a_change),
		cmocka_unit_test(test_a_changed_rate_is_reached),
		cmocka_unit_test(test_a_limit_comes_and_goes),
		cmocka_unit_test(test_threads_share_the_promise),
		cmocka_unit_test(test_threads_share_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
