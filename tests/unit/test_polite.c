/* SPDX-License-Identifier: BSD-3-Clause */
/* Caps on networks: the promise in any window of a second, nothing lost, no more lost time than need be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "polite/polite.h"

struct sent {
	uint64_t at_ns;
	uint32_t address;
};

/* A prober over a list of targets: asks, sends late, and notes what left when. */
struct run {
	struct polite *polite;
	uint64_t now_ns;
	uint64_t random;
	uint64_t late_ns; /* how late it may send, at most */
	struct sent *sent;
	unsigned int count;
	unsigned int skipped;
};

static uint64_t
draw(struct run *r, uint64_t below)
{
	return below == 0 ? 0 : hash_mix64(r->random++) % below;
}

/* One burst: those whose turn has come, then new ones from the list at *at. */
static unsigned int
burst(struct run *r, const uint32_t *list, unsigned int *at, unsigned int end)
{
	struct polite_target t, out[POLITE_BURST];
	unsigned int n = 0;
	enum polite_verdict v;

	while (n < POLITE_BURST && (v = polite_next(r->polite, r->now_ns, &t)) != POLITE_WAIT) {
		if (v == POLITE_GO)
			out[n++] = t;
		r->skipped += v == POLITE_SKIP;
	}
	while (n < POLITE_BURST && *at < end && polite_waiting(r->polite) < POLITE_WAITING_MAX) {
		t = (struct polite_target){list[*at], (uint16_t)*at, *at};
		(*at)++;
		v = polite_ask(r->polite, r->now_ns, &t);
		if (v == POLITE_GO)
			out[n++] = t;
		r->skipped += v == POLITE_SKIP;
	}
	for (unsigned int i = 0; i < n; i++) {
		r->now_ns += draw(r, r->late_ns / POLITE_BURST);
		r->sent[r->count++] = (struct sent){r->now_ns, out[i].address};
	}
	r->now_ns += draw(r, r->late_ns / POLITE_BURST);
	polite_sent(r->polite, r->now_ns);
	return n;
}

/* All of a list, by when that has been sent. */
static void
run_list(struct run *r, const uint32_t *list, unsigned int end, uint64_t step_ns)
{
	unsigned int at = 0;

	while (at < end || polite_waiting(r->polite) > 0) {
		uint64_t next = polite_next_ns(r->polite);

		if (burst(r, list, &at, end) == 0 && next > r->now_ns && next != TIME_NEVER)
			r->now_ns = next;
		else
			r->now_ns += step_ns;
	}
}

/* The most that any network of a shift got in a window of a second, both ends counted. */
static unsigned int
worst(const struct run *r, unsigned int shift)
{
	unsigned int most = 0;

	for (unsigned int i = 0, n = 0; i < r->count; i++) {
		n = 0;
		for (unsigned int k = i; k < r->count &&
					 r->sent[k].at_ns <= r->sent[i].at_ns + NS_PER_SEC; k++)
			n += r->sent[k].address >> shift == r->sent[i].address >> shift;
		most = n > most ? n : most;
	}
	return most;
}

static struct run
start(const struct polite_config *config, uint64_t seed, uint64_t late_ns, unsigned int most)
{
	struct run r = {.polite = polite_new(config), .random = seed, .late_ns = late_ns};

	r.sent = calloc(most, sizeof(*r.sent));
	assert_non_null(r.polite);
	assert_non_null(r.sent);
	return r;
}

static void
end(struct run *r)
{
	polite_free(r->polite);
	free(r->sent);
}

#define LIST 3000

/* Short lists, any caps, any lateness; every target once. */
static void
test_no_window_has_more_than_the_cap(void **state)
{
	static const struct {
		uint32_t per_24, per_16, spread; /* bits of the address that vary */
		uint64_t late_ns, step_ns;
	} cases[] = {
		{100, 0, 8, 0, 1000},
		{100, 300, 10, 0, 1000},
		{0, 250, 12, 0, 50000},
		{100, 300, 10, 40 * NS_PER_MS, 1000},
		{64, 100, 17, 300 * NS_PER_MS, NS_PER_MS},
		{1, 7, 9, 10 * NS_PER_MS, 1000},
		{1000, 20000, 10, 3 * NS_PER_MS, 3 * NS_PER_MS},
		{33, 1000, 12, 2 * NS_PER_SEC, 1000},
	};
	static uint32_t list[LIST];

	(void)state;
	for (unsigned int c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		const struct polite_config config = {
			.per_24 = cases[c].per_24, .per_16 = cases[c].per_16, .key = c};
		unsigned int most = cases[c].per_24 == 1 ? 60 : LIST;
		struct run r = start(&config, 77 * c, cases[c].late_ns, LIST);
		uint64_t sum = 0;

		for (unsigned int i = 0; i < most; i++) {
			list[i] = 0x14000000 + (uint32_t)draw(&r, UINT64_C(1) << cases[c].spread);
			sum += hash_mix64(list[i]);
		}
		run_list(&r, list, most, cases[c].step_ns);
		assert_int_equal(r.count, most);
		for (unsigned int i = 0; i < r.count; i++)
			sum -= hash_mix64(r.sent[i].address);
		assert_true(sum == 0);
		if (cases[c].per_24 != 0)
			assert_in_range(worst(&r, 8), 1, cases[c].per_24);
		if (cases[c].per_16 != 0)
			assert_in_range(worst(&r, 16), 1, cases[c].per_16);
		end(&r);
	}
}

/* One /24 alone gets nearly all of its cap. */
static void
test_a_cap_is_used(void **state)
{
	static const uint32_t caps[] = {1, 2, 10, 100, 1000};
	static uint32_t list[LIST];

	(void)state;
	for (unsigned int c = 0; c < 5; c++) {
		const struct polite_config config = {.per_24 = caps[c], .key = 9};
		unsigned int most = caps[c] * 3 < LIST ? caps[c] * 3 : LIST;
		struct run r = start(&config, c, 0, LIST);

		for (unsigned int i = 0; i < most; i++)
			list[i] = 0x14000000 + i % 256;
		run_list(&r, list, most, 1000);
		assert_int_equal(r.count, most);
		/* The first comes at once, and the last after most - 1 intervals of at least 1 s / cap. */
		assert_true(r.sent[most - 1].at_ns <=
			    (uint64_t)(1.04 * (most - 1) / caps[c] * 1e9 + 1e6));
		end(&r);
	}
}

/* Who is not at a cap is not held by those who are, but for the few who share a place in the table. */
static void
test_others_pass(void **state)
{
	const struct polite_config config = {.per_24 = 10, .per_16 = 1000, .key = 1};
	struct run r = start(&config, 1, 0, 4 * LIST);
	static uint32_t list[2000];
	unsigned int at = 0;

	(void)state;
	for (unsigned int i = 0; i < 2000; i++)
		list[i] = i % 2 == 0 ? 0x14000000 + i % 256 : 0x15000000 + (i << 16);
	while (at < 2000) {
		burst(&r, list, &at, 2000);
		r.now_ns += 1000;
	}
	assert_in_range(r.count, 980, 1011);
	assert_int_equal(r.count + polite_waiting(r.polite), 2000);
	assert_int_equal(polite_forget(r.polite), 2000 - r.count);
	assert_int_equal(polite_waiting(r.polite), 0);
	assert_true(polite_next_ns(r.polite) == TIME_NEVER);
	end(&r);
}

static void
test_exempt_addresses_have_no_cap(void **state)
{
	static const struct ipv4_range lab = {0x0a000000, 0x0affffff};
	const struct polite_config config = {
		.per_24 = 1, .per_16 = 1, .exempt = &lab, .exempt_count = 1};
	struct polite *p = polite_new(&config);
	struct polite_target t = {.address = 0x0a000001};

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(polite_ask(p, 0, &t), POLITE_GO);
	t.address = 0x0b000001;
	assert_int_equal(polite_ask(p, 0, &t), POLITE_GO);
	assert_int_equal(polite_ask(p, 0, &t), POLITE_WAIT);
	polite_free(p);
}

static void
test_parts_are_the_whole(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 64; n++) {
		for (uint64_t cap = n; cap < 3 * n + 70; cap++) {
			uint64_t sum = 0;

			for (unsigned int i = 0; i < n; i++) {
				assert_true(polite_part(cap, i, n) >= 1);
				sum += polite_part(cap, i, n);
			}
			assert_int_equal(sum, cap);
		}
	}
}

/* ---- Refusals ---------------------------------------------------------------------------- */

static void
check_levels(struct refusals *r, uint32_t address, enum refusals_level of_24,
	     enum refusals_level of_16)
{
	enum refusals_level a, b;

	refusals_levels(r, address, &a, &b);
	assert_int_equal(a, of_24);
	assert_int_equal(b, of_16);
}

/* What is told of one, and recalled by another, is the same; and goes on from there. */
static void
check_recall(const struct refusals *r)
{
	struct refusals *other = refusals_new(true, true);
	struct refusals_network n, same;
	uint32_t at = 0, at_other = 0, told = 0;

	while (refusals_next(r, REFUSALS_HALF, &at, &n) == 0)
		refusals_recall(other, &n);
	for (at = 0; refusals_next(r, REFUSALS_HALF, &at, &n) == 0; told++) {
		enum refusals_level of_24, of_16;

		assert_int_equal(refusals_next(other, REFUSALS_HALF, &at_other, &same), 0);
		assert_int_equal(same.address, n.address);
		assert_int_equal(same.prefix_len, n.prefix_len);
		assert_int_equal(same.refused, n.refused);
		assert_int_equal(same.skipped, n.skipped);
		assert_int_equal(same.out_ns, 0);
		refusals_levels(r, n.address, &of_24, &of_16);
		check_levels(other, n.address, of_24, of_16);
	}
	assert_true(told >= 2);
	assert_true(refusals_next(other, REFUSALS_HALF, &at_other, &same) != 0);
	/* The next refusal counts on. */
	n = (struct refusals_network){.address = 0x63000100, .prefix_len = 24, .refused = 63};
	refusals_recall(other, &n);
	check_levels(other, 0x63000105, REFUSALS_QUARTER, REFUSALS_NONE);
	refusals_note(other, 0x63000105, 77);
	check_levels(other, 0x63000105, REFUSALS_OUT, REFUSALS_NONE);
	/* Nothing is kept of /24s where there is no cap for them. */
	refusals_free(other);
	other = refusals_new(false, true);
	refusals_recall(other, &n);
	check_levels(other, 0x63000105, REFUSALS_NONE, REFUSALS_NONE);
	refusals_free(other);
}

static void
test_refusals_slow_and_end(void **state)
{
	struct refusals *r = refusals_new(true, true);
	struct refusals_network n;
	uint32_t at = 0;

	(void)state;
	for (unsigned int i = 1; i <= 100; i++) {
		refusals_note(r, 0x14000500 + i, i);
		check_levels(r, 0x140005ff,
			     i < 16 ? REFUSALS_NONE : i < 32 ? REFUSALS_HALF :
			     i < 64 ? REFUSALS_QUARTER : REFUSALS_OUT, REFUSALS_NONE);
		check_levels(r, 0x14000600, REFUSALS_NONE, REFUSALS_NONE);
	}
	for (unsigned int i = 101; i <= 5000; i++) {
		refusals_note(r, 0x14000000 + (i % 256) * 256, i);
		check_levels(r, 0x1400ffff,
			     (i + 1) / 256 >= 16 ? REFUSALS_HALF : REFUSALS_NONE,
			     i < 1024 ? REFUSALS_NONE : i < 2048 ? REFUSALS_HALF :
			     i < 4096 ? REFUSALS_QUARTER : REFUSALS_OUT);
	}
	check_levels(r, 0x14010000, REFUSALS_NONE, REFUSALS_NONE);
	refusals_skip(r, 0x14000501);
	assert_int_equal(refusals_next(r, REFUSALS_OUT, &at, &n), 0);
	assert_int_equal(n.address, 0x14000000);
	assert_int_equal(n.prefix_len, 16);
	assert_int_equal(n.refused, 5000);
	assert_int_equal(n.skipped, 1);
	assert_int_equal(n.out_ns, 4096);
	assert_int_equal(refusals_next(r, REFUSALS_OUT, &at, &n), 0);
	assert_int_equal(n.address, 0x14000500);
	assert_int_equal(n.prefix_len, 24);
	assert_int_equal(n.skipped, 0);
	assert_int_equal(n.out_ns, 64);
	assert_true(refusals_next(r, REFUSALS_OUT, &at, &n) != 0);
	check_recall(r);
	refusals_free(r);
}

static void
test_which_errors_refuse(void **state)
{
	unsigned int says = 0;

	(void)state;
	for (unsigned int type = 0; type < 256; type++)
		for (unsigned int code = 0; code < 256; code++)
			says += refusals_says((uint8_t)type, (uint8_t)code);
	assert_int_equal(says, 3);
	assert_true(refusals_says(3, 9) && refusals_says(3, 10) && refusals_says(3, 13));
}

/* A network that refuses is asked at half and a quarter of its cap, then no more; those that wait neither. */
static void
test_a_network_that_refuses(void **state)
{
	struct refusals *refusals = refusals_new(true, true);
	const struct polite_config config = {.per_24 = 100, .key = 3, .refusals = refusals};
	static uint32_t list[LIST];
	struct run r = start(&config, 5, 0, LIST);
	unsigned int levels[] = {0, 16, 32}, noted = 0;

	(void)state;
	for (unsigned int i = 0; i < LIST; i++)
		list[i] = 0x14000000 + i % 256;
	for (unsigned int l = 0; l < 3; l++) {
		unsigned int at = 0, before;

		for (; noted < levels[l]; noted++)
			refusals_note(refusals, 0x14000000 + noted, 0);
		polite_forget(r.polite);
		r.now_ns += 10 * NS_PER_SEC;
		before = r.count;
		for (uint64_t until = r.now_ns + NS_PER_SEC; r.now_ns < until; r.now_ns += NS_PER_MS)
			burst(&r, list, &at, 300);
		assert_in_range(r.count - before, (100 >> l) - (10 >> l) - 1, (100 >> l) + 1);
	}
	assert_true(polite_waiting(r.polite) > 100);
	for (; noted < 64; noted++)
		refusals_note(refusals, 0x14000000 + noted, 0);
	r.now_ns += NS_PER_SEC;
	noted = r.count;
	run_list(&r, list, 50, 1000);
	assert_int_equal(r.count, noted);
	assert_true(r.skipped > 150);
	end(&r);
	refusals_free(refusals);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_window_has_more_than_the_cap),
		cmocka_unit_test(test_a_cap_is_used),
		cmocka_unit_test(test_others_pass),
		cmocka_unit_test(test_exempt_addresses_have_no_cap),
		cmocka_unit_test(test_parts_are_the_whole),
		cmocka_unit_test(test_refusals_slow_and_end),
		cmocka_unit_test(test_which_errors_refuse),
		cmocka_unit_test(test_a_network_that_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
