/* SPDX-License-Identifier: BSD-3-Clause */
/* The schedule: every position in every pass exactly once, when it is due, by any number of probers. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "perm/perm.h"
#include "schedule/answered.h"
#include "schedule/coverage.h"
#include "schedule/schedule.h"

#define DELAY_NS (5 * NS_PER_SEC)
#define LAST_NS (7 * NS_PER_SEC)

/* What became of positions [first, end): how many passes each has had, and when the last was. */
struct log {
	uint64_t first;
	uint64_t end;
	uint16_t *passes;
	uint64_t *when_ns;
};

static void
open_log(struct log *l, uint64_t first, uint64_t end)
{
	*l = (struct log){first, end, calloc(end - first + 1, 2), calloc(end - first + 1, 8)};
	assert_non_null(l->passes);
	assert_non_null(l->when_ns);
}

static void
close_log(struct log *l)
{
	free(l->passes);
	free(l->when_ns);
}

/* One piece of work: each of its positions has had exactly the passes before, long enough ago. */
static void
do_work(struct log *l, const struct schedule_source *source, const struct schedule_work *w, uint64_t now_ns)
{
	assert_true(w->first >= l->first && w->end <= l->end && w->first < w->end);
	assert_true(w->end - w->first <= SCHEDULE_CHUNK);
	for (uint64_t p = w->first; p < w->end; p++) {
		uint64_t at = p - l->first;

		assert_int_equal(l->passes[at], w->pass);
		if (w->pass > 0)
			assert_true(now_ns >= l->when_ns[at] + source->delay_ns[w->pass]);
		l->passes[at]++;
		l->when_ns[at] = now_ns;
	}
}

/* The floor that control would see. */
static uint64_t
least_floor(const struct schedule *s, unsigned int count)
{
	uint64_t floor = UINT64_MAX;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t one = schedule_floor(&s[i]);

		floor = one < floor ? one : floor;
	}
	return floor;
}

static void
check_floor(const struct log *l, const struct schedule *s, unsigned int count, unsigned int passes)
{
	uint64_t floor = least_floor(s, count);

	for (uint64_t p = l->first; p < floor && p < l->end; p++)
		assert_int_equal(l->passes[p - l->first], passes);
}

#define PROBERS_MAX 5

/* Probers in turns that a seed decides on one clock. A chunk takes a tenth of a second. */
static void
run(uint64_t first, uint64_t end, unsigned int attempts, bool has_last, unsigned int probers, uint32_t room,
    uint64_t seed)
{
	static struct schedule_source source;
	static struct schedule s[PROBERS_MAX];
	struct schedule_work work[PROBERS_MAX];
	bool busy[PROBERS_MAX] = {false}, is_done[PROBERS_MAX] = {false};
	uint64_t now_ns = 0, checked = 0;
	unsigned int done = 0, passes = attempts + has_last;
	struct log l;

	open_log(&l, first, end);
	schedule_source_init(&source, first, end, attempts, DELAY_NS, has_last, LAST_NS);
	for (unsigned int i = 0; i < probers; i++)
		assert_int_equal(schedule_init(&s[i], &source, room), 0);
	for (uint64_t step = 0; done < probers; step++) {
		unsigned int i = (unsigned int)(hash_mix64(seed ^ step) % probers);
		enum schedule_verdict verdict;

		if (busy[i])
			schedule_finish(&s[i], now_ns);
		verdict = schedule_claim(&s[i], now_ns, &work[i]);
		busy[i] = verdict == SCHEDULE_WORK;
		if (busy[i])
			do_work(&l, &source, &work[i], now_ns);
		done += verdict == SCHEDULE_DONE && !is_done[i];
		is_done[i] = verdict == SCHEDULE_DONE;
		if (verdict == SCHEDULE_WAIT)
			assert_true(schedule_next_ns(&s[i]) != TIME_NEVER);
		now_ns += NS_PER_SEC / 10;
		if (step % 16 == 0 && now_ns > checked) {
			check_floor(&l, s, probers, passes);
			checked = now_ns;
		}
		assert_true(step < 100000);
	}
	assert_int_equal(least_floor(s, probers), end);
	check_floor(&l, s, probers, passes);
	for (unsigned int i = 0; i < probers; i++)
		schedule_fini(&s[i]);
	close_log(&l);
}

static void
test_exact_counts(void **state)
{
	static const uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 10 * 4096, 30 * 4096 + 17};

	(void)state;
	for (unsigned int attempts = 1; attempts <= 4; attempts++)
		for (unsigned int last = 0; last < 2; last++)
			for (unsigned int probers = 1; probers <= PROBERS_MAX; probers += 2)
				for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
					run(1000, 1000 + sizes[i], attempts, last, probers, 8, i);
}

/* r attempts of n shards: r probes for each position, never (r + 1)^2, and no position of two shards. */
static void
test_shards(void **state)
{
	const uint64_t n = 50000;

	(void)state;
	for (uint32_t shards = 1; shards <= 7; shards += 2) {
		uint64_t next = 0;

		for (uint32_t i = 1; i <= shards; i++) {
			struct perm_span span;

			assert_int_equal(perm_shard(n, i, shards, &span), 0);
			assert_int_equal(span.first, next);
			run(span.first, span.end, 3, false, 2, 4, shards);
			next = span.end;
		}
		assert_int_equal(next, n);
	}
}

/* A full queue holds new chunks up and loses none. */
static void
test_bounded(void **state)
{
	(void)state;
	run(0, 64 * 4096, 2, true, 1, 2, 1);
	run(0, 64 * 4096, 3, true, 3, 2, 2);
	run(0, 3 * 4096, 255, true, 1, 2, 3);
}

/* New chunks go on while others wait for their turn. */
static void
test_interleaved(void **state)
{
	struct schedule_source source;
	struct schedule s;
	struct schedule_work w;

	(void)state;
	schedule_source_init(&source, 0, 100 * 4096, 2, DELAY_NS, false, 0);
	assert_int_equal(schedule_init(&s, &source, 64), 0);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(schedule_claim(&s, i, &w), SCHEDULE_WORK);
		assert_int_equal(w.pass, 0);
		assert_int_equal(w.first, i * 4096);
		schedule_finish(&s, i * NS_PER_SEC);
	}
	assert_int_equal(schedule_next_ns(&s), DELAY_NS);
	assert_int_equal(schedule_claim(&s, DELAY_NS, &w), SCHEDULE_WORK);
	assert_int_equal(w.pass, 1);
	assert_int_equal(w.first, 0);
	schedule_finish(&s, DELAY_NS);
	assert_int_equal(schedule_floor(&s), 4096);
	assert_int_equal(schedule_claim(&s, DELAY_NS, &w), SCHEDULE_WORK);
	assert_int_equal(w.pass, 0);
	assert_int_equal(w.first, 5 * 4096);
	schedule_fini(&s);
}

/* Positions that are had once more: each chunk once, before new ones, and done when the last has left. */
static void
test_again(void **state)
{
	struct schedule_source source;
	struct schedule s[2];
	struct schedule_work w;
	uint64_t seen = 0;

	(void)state;
	schedule_source_init(&source, 100, 100 + 20 * 4096 + 5, 1, 0, false, 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(schedule_init(&s[i], &source, 0), 0);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(schedule_claim(&s[0], 0, &w), SCHEDULE_WORK);
	assert_true(schedule_again_is_done(&source));
	/* From within chunk 2 to within chunk 5: in turn with new ones. */
	assert_int_equal(schedule_again(&source, 100 + 2 * 4096 + 1, 100 + 5 * 4096 + 1), 100 + 2 * 4096);
	for (unsigned int i = 0; i < 8; i++) {
		bool is_again = i % 4 < 2;

		assert_int_equal(schedule_claim(&s[i % 2], 0, &w), SCHEDULE_WORK);
		assert_int_equal(w.pass == SCHEDULE_AGAIN, is_again);
		assert_int_equal((w.first - 100) % 4096, 0);
		assert_int_equal(w.end - w.first, 4096);
		if (is_again)
			seen |= UINT64_C(1) << (w.first - 100) / 4096;
		assert_int_equal(schedule_again_is_done(&source), i >= 6);
		if (i % 2 == 1) {
			schedule_finish(&s[0], 0);
			schedule_finish(&s[1], 0);
		}
	}
	assert_int_equal(seen, 0x3c);
	/* Told to have none: but one that is held is to be finished. */
	schedule_again(&source, 100, 100 + 8 * 4096);
	assert_int_equal(schedule_claim(&s[1], 0, &w), SCHEDULE_WORK);
	assert_int_equal(w.first, 100);
	schedule_again(&source, 100, 100);
	assert_false(schedule_again_is_done(&source));
	schedule_finish(&s[1], 0);
	assert_true(schedule_again_is_done(&source));
	/* At the very end too, where the last chunk is short and all else is done. */
	while (schedule_claim(&s[1], 0, &w) == SCHEDULE_WORK)
		schedule_finish(&s[1], 0);
	schedule_again(&source, 100 + 19 * 4096, source.end);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(schedule_claim(&s[1], 0, &w), SCHEDULE_WORK);
		assert_int_equal(w.first, 100 + (19 + i) * 4096);
		schedule_finish(&s[1], 0);
	}
	assert_int_equal(w.end, source.end);
	assert_int_equal(schedule_claim(&s[1], 0, &w), SCHEDULE_DONE);
	assert_true(schedule_again_is_done(&source));
}

struct crew {
	struct schedule s[4];
	_Atomic uint8_t *passes;
	_Atomic bool go_on;
	unsigned int number;
};

struct hand {
	struct crew *crew;
	unsigned int number;
};

static void *
prober_thread(void *context)
{
	struct hand *h = context;
	struct schedule *s = &h->crew->s[h->number];
	struct schedule_work w;
	enum schedule_verdict v;
	uint64_t now_ns = 0;

	while ((v = schedule_claim(s, now_ns, &w)) != SCHEDULE_DONE) {
		now_ns += NS_PER_MS;
		if (v != SCHEDULE_WORK)
			continue;
		for (uint64_t p = w.first; p < w.end; p++)
			atomic_fetch_add_explicit(&h->crew->passes[p], 1, memory_order_relaxed);
		schedule_finish(s, now_ns);
	}
	return NULL;
}

/* The floor is true at all times, though threads move on while it is read. */
static void
test_floor_beside_threads(void **state)
{
	static struct schedule_source source;
	static struct crew crew;
	struct hand hands[4];
	pthread_t threads[4];
	const uint64_t n = 600 * SCHEDULE_CHUNK;
	uint64_t floor = 0;

	(void)state;
	crew.passes = calloc(n, 1);
	assert_non_null(crew.passes);
	schedule_source_init(&source, 0, n, 2, 3 * NS_PER_MS, false, 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(schedule_init(&crew.s[i], &source, 16), 0);
	for (unsigned int i = 0; i < 4; i++) {
		hands[i] = (struct hand){&crew, i};
		assert_int_equal(pthread_create(&threads[i], NULL, prober_thread, &hands[i]), 0);
	}
	while (floor < n) {
		uint64_t now = least_floor(crew.s, 4);

		assert_true(now >= floor);
		for (; floor < now; floor++)
			assert_int_equal(atomic_load(&crew.passes[floor]), 2);
	}
	for (unsigned int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		schedule_fini(&crew.s[i]);
	}
	free((void *)crew.passes);
}

/* A prober that goes on when all is done: more may be asked for. */
static void *
tireless_thread(void *context)
{
	struct hand *h = context;
	struct schedule *s = &h->crew->s[h->number];
	struct schedule_work w;

	while (atomic_load(&h->crew->go_on)) {
		if (schedule_claim(s, 0, &w) != SCHEDULE_WORK)
			continue;
		if (w.pass == SCHEDULE_AGAIN)
			atomic_fetch_add(&h->crew->passes[w.first / SCHEDULE_CHUNK], 1);
		schedule_finish(s, 0);
	}
	return NULL;
}

/* Whatever is asked for once more, by whoever is quickest: each chunk as often as it was asked for. */
static void
test_again_beside_threads(void **state)
{
	enum { CHUNKS = 64, ROUNDS = 300 };
	static struct schedule_source source;
	static struct crew crew;
	struct hand hands[4];
	pthread_t threads[4];
	unsigned int asked[CHUNKS] = {0};

	(void)state;
	crew.passes = calloc(CHUNKS, sizeof(crew.passes[0]));
	assert_non_null(crew.passes);
	atomic_store(&crew.go_on, true);
	schedule_source_init(&source, 0, CHUNKS * SCHEDULE_CHUNK, 1, 0, false, 0);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(schedule_init(&crew.s[i], &source, 0), 0);
		hands[i] = (struct hand){&crew, i};
		assert_int_equal(pthread_create(&threads[i], NULL, tireless_thread, &hands[i]), 0);
	}
	for (uint64_t round = 0; round < ROUNDS; round++) {
		uint64_t first = hash_mix64(round) % CHUNKS, last = first + hash_mix64(~round) % (CHUNKS - first);

		schedule_again(&source, first * SCHEDULE_CHUNK, last * SCHEDULE_CHUNK + 1);
		while (!schedule_again_is_done(&source))
			sched_yield();
		for (uint64_t i = 0; i < CHUNKS; i++) {
			asked[i] += i >= first && i <= last;
			assert_int_equal(atomic_load(&crew.passes[i]), asked[i] % 256);
		}
	}
	atomic_store(&crew.go_on, false);
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	free((void *)crew.passes);
}

static void
test_answered(void **state)
{
	struct answered *a = answered_new(3);

	(void)state;
	assert_non_null(a);
	for (uint64_t p = 0; p < 3 * ANSWERED_BLOCK; p += 7)
		answered_mark(a, p);
	for (uint64_t p = 0; p < 4 * ANSWERED_BLOCK; p++) {
		bool expected = p < 3 * ANSWERED_BLOCK && p % 7 == 0;

		assert_int_equal(answered_word(a, p) >> p % 64 & 1, expected);
	}
	/* Four slots: block 4 takes block 0's, whose stragglers then change nothing. */
	answered_mark(a, 4 * ANSWERED_BLOCK + 1);
	answered_mark(a, 2);
	assert_int_equal(answered_word(a, 0), 0);
	assert_int_equal(answered_word(a, 4 * ANSWERED_BLOCK), 2);
	assert_int_equal(answered_word(a, 4 * ANSWERED_BLOCK + 64), 0);
	answered_free(a);
}

static void
assert_near(double a, double b)
{
	assert_true(a - b < 5e-4 && b - a < 5e-4);
}

/* Wilson's interval against values computed by statsmodels' proportion_confint(m, n, 0.05, "wilson"). */
static void
test_coverage(void **state)
{
	static const struct {
		uint64_t m, n;
		double low, high;
	} rows[] = {
		{0, 0, 0, 1}, {0, 10, 0, 0.27753}, {10, 10, 0.72247, 1}, {98, 100, 0.93004, 0.99450},
		{50, 100, 0.40383, 0.59617}, {1, 3, 0.06149, 0.79234}, {9000, 10000, 0.89396, 0.90573},
	};
	uint64_t bound = coverage_bound(0.25), drawn = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct coverage_estimate e = coverage_estimate(rows[i].m, rows[i].n);

		assert_near(e.low, rows[i].low);
		assert_near(e.high, rows[i].high);
		assert_true(e.low >= 0 && e.high <= 1 && e.low <= e.high);
	}
	for (uint64_t i = 0; i < 100000; i++)
		drawn += coverage_is_drawn(hash_mix64(i), bound);
	assert_in_range(drawn, 24500, 25500);
	assert_int_equal(coverage_bound(0), 0);
	assert_true(coverage_is_drawn(UINT64_MAX - 1, coverage_bound(1)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_counts),
		cmocka_unit_test(test_shards),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_again_beside_threads),
		cmocka_unit_test(test_floor_beside_threads),
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_coverage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
