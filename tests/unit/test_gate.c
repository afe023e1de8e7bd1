/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "gate/gate.h"

/* A piece of the address space that a model covers exactly: 1,024 /24s. */
#define MODEL_SIZE (1 << 18)

static struct gate *
new_gate(void)
{
	struct gate *g = gate_new();

	assert_non_null(g);
	return g;
}

/* Change the gate by a copy of the text that ends where it does, for a sanitizer to watch. */
static int
change(struct gate *g, const char *text, int (*verb)(struct gate *, const char *, size_t))
{
	size_t len = strlen(text);
	char *copy = malloc(len + 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	ret = verb(g, copy + 1, len);
	free(copy);
	return ret;
}

static int
deny(struct gate *g, const char *text)
{
	return change(g, text, gate_deny);
}

static void
format(char *text, size_t size, uint32_t first, uint32_t last)
{
	snprintf(text, size, "%u.%u.%u.%u-%u.%u.%u.%u", first >> 24, first >> 16 & 255,
		 first >> 8 & 255, first & 255, last >> 24, last >> 16 & 255, last >> 8 & 255,
		 last & 255);
}

/* Each text denies from first to last: those are denied, their neighbours are not. */
static void
test_texts(void **state)
{
	static const struct {
		const char *text;
		uint32_t first, last;
	} rows[] = {
		{"192.0.2.1", 0xc0000201, 0xc0000201},
		{"192.0.2.0/24", 0xc0000200, 0xc00002ff},
		{"192.0.2.77/24", 0xc0000200, 0xc00002ff},
		{"192.0.2.77/25", 0xc0000200, 0xc000027f},
		{"192.0.2.129/25", 0xc0000280, 0xc00002ff},
		{"10.0.0.0/8", 0x0a000000, 0x0affffff},
		{"10.255.3.4/23", 0x0aff0200, 0x0aff03ff},
		{"10.0.0.255-10.0.1.0", 0x0a0000ff, 0x0a000100},
		{"10.0.0.1-10.0.3.254", 0x0a000001, 0x0a0003fe},
		{"10.0.0.0-10.0.0.255", 0x0a000000, 0x0a0000ff},
		{"0.0.0.0/0", 0, UINT32_MAX},
		{"255.255.255.255/0", 0, UINT32_MAX},
		{"0.0.0.0/32", 0, 0},
		{"255.255.255.255", UINT32_MAX, UINT32_MAX},
		{"0.0.0.0-255.255.255.255", 0, UINT32_MAX},
		{"0.0.0.1-255.255.255.254", 1, UINT32_MAX - 1},
		{"127.255.255.255-128.0.0.0", 0x7fffffff, 0x80000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t first = rows[i].first, last = rows[i].last;
		struct gate *g = new_gate();

		assert_int_equal(deny(g, rows[i].text), 0);
		assert_int_equal(gate_denied_count(g), (uint64_t)last - first + 1);
		assert_true(gate_denies(g, first) && gate_denies(g, last));
		assert_true(gate_denies(g, first + (last - first) / 2));
		assert_true(first == 0 || !gate_denies(g, first - 1));
		assert_true(last == UINT32_MAX || !gate_denies(g, last + 1));
		gate_free(g);
	}
}

/* A hole is of one address and port, and of nobody else. */
static void
test_holes(void **state)
{
	struct gate *g = new_gate();

	(void)state;
	assert_int_equal(deny(g, "192.0.2.0/24"), 0);
	assert_false(gate_lets_ask(g, 0xc0000235, 53));
	assert_int_equal(gate_open(g, 0xc0000235, 53), 0);
	assert_int_equal(gate_open(g, 0xc0000235, 53), 0);
	assert_true(gate_lets_ask(g, 0xc0000235, 53));
	assert_false(gate_lets_ask(g, 0xc0000235, 54));
	assert_false(gate_lets_ask(g, 0xc0000236, 53));
	assert_true(gate_lets_ask(g, 0xc0000335, 53));
	assert_true(gate_denies(g, 0xc0000235));
	for (unsigned int i = 1; i < GATE_HOLES_MAX; i++)
		assert_int_equal(gate_open(g, 0xc0000235, (uint16_t)(1000 + i)), 0);
	assert_int_equal(gate_open(g, 0xc0000235, 2000), -ENOSPC);
	gate_free(g);
}

static void
test_what_does_not_parse_changes_nothing(void **state)
{
	static const char *const texts[] = {
		"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/8/8",
		"1.2.3.4-", "1.2.3.4-1.2.3.3", "1.2.3.4-1.2.3.5-1.2.3.6", " 1.2.3.4", "1.2.3.4 ",
		"1.2.3.4/ 8", "01.2.3.4", "1.2.3.4/08", "1.2.3.4:80", "a.b.c.d", "1..2.3",
		"-1.2.3.4", "1.2.3.4294967297", "1.2.3.99999999999999999999",
		"1.2.3.4/4294967304", "1.2.3.4#",
	};
	struct gate *g = new_gate();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(deny(g, texts[i]), -EINVAL);
		assert_int_equal(change(g, texts[i], gate_allow), -EINVAL);
	}
	assert_int_equal(gate_denied_count(g), 0);
	assert_int_equal(gate_deny(g, "1.2.3.45", 7), 0);
	assert_true(gate_denies(g, 0x01020304));
	assert_int_equal(gate_denied_count(g), 1);
	gate_free(g);
}

/* A list denies its entries, and passes over what is none: its other reader finds that fault. */
static void
test_list(void **state)
{
	static const char text[] = "# opt-outs\n\n10.0.0.0/30\r\n\t192.0.2.7 # one\nnonsense\n"
				   "192.0.2.9:80\n 198.51.100.1-198.51.100.4";
	struct gate *g = new_gate();
	char *copy = malloc(sizeof(text));

	(void)state;
	assert_non_null(copy);
	memcpy(copy + 1, text, sizeof(text) - 1);
	assert_int_equal(gate_deny_list(g, copy + 1, sizeof(text) - 1), 0);
	assert_int_equal(gate_denied_count(g), 4 + 1 + 4);
	assert_true(gate_denies(g, 0x0a000003) && gate_denies(g, 0xc0000207));
	assert_true(gate_denies(g, 0xc6336404));
	assert_int_equal(gate_deny_list(g, copy + 1, 0), 0);
	free(copy);
	gate_free(g);
}

/* Random denials and allowances of all sizes, overlapping at will, against a byte an address. */
static void
test_random_changes_match_a_model(void **state)
{
	static const uint32_t bases[] = {0, 0x7ffe0000, UINT32_MAX - MODEL_SIZE + 1};
	uint8_t *model = malloc(MODEL_SIZE);
	uint64_t random = 0;

	(void)state;
	assert_non_null(model);
	for (uint32_t round = 0; round < 12; round++) {
		uint32_t base = bases[round % 3];
		struct gate *g = new_gate();
		uint64_t count = 0;

		memset(model, 0, MODEL_SIZE);
		for (uint32_t i = 0; i < 20 * round; i++) {
			uint32_t first = (uint32_t)(hash_mix64(random++) % MODEL_SIZE);
			uint32_t most = UINT32_C(1) << hash_mix64(random++) % 16;
			uint32_t last = first + (uint32_t)(hash_mix64(random++) % most);
			int allow = hash_mix64(random++) % 3 == 0;
			char text[64];

			last = last < MODEL_SIZE ? last : MODEL_SIZE - 1;
			format(text, sizeof(text), base + first, base + last);
			assert_int_equal(change(g, text, allow ? gate_allow : gate_deny), 0);
			memset(model + first, !allow, last - first + 1);
		}
		for (uint32_t i = 0; i < MODEL_SIZE; i++) {
			count += model[i];
			if (gate_denies(g, base + i) != model[i])
				fail_msg("round %u address %08x", round, base + i);
		}
		assert_int_equal(gate_denied_count(g), count);
		gate_free(g);
	}
	free(model);
}

/* Many scattered addresses: the table of blocks grows, and memory stays in proportion. */
static void
test_many_single_addresses(void **state)
{
	struct gate *g = new_gate();
	size_t empty = g->bytes;
	const uint64_t n = 50000;
	uint64_t others = 0;

	(void)state;
	for (uint64_t i = 0; i < n; i++) {
		uint32_t address = (uint32_t)(hash_mix64(i) >> 32);
		char text[64];

		format(text, sizeof(text), address, address);
		assert_int_equal(gate_deny(g, text, strlen(text)), 0);
	}
	for (uint64_t i = 0; i < n; i++) {
		assert_true(gate_denies(g, (uint32_t)(hash_mix64(i) >> 32)));
		others += (uint64_t)gate_denies(g, (uint32_t)(hash_mix64(i) >> 32) ^ 1);
	}
	assert_true(others < 10);
	assert_in_range(gate_denied_count(g), n - 10, n);
	assert_in_range(g->bytes - empty, n * 40, n * 100);
	gate_free(g);
}

/* Whole networks cost no memory beyond what an empty gate has. */
static void
test_whole_networks_are_compact(void **state)
{
	struct gate *g = new_gate();
	size_t empty = g->bytes;

	(void)state;
	assert_int_equal(deny(g, "0.0.0.0/1"), 0);
	assert_int_equal(deny(g, "200.0.0.0-200.1.255.255"), 0);
	assert_int_equal(deny(g, "10.0.0.7"), 0);
	assert_int_equal(g->bytes, empty);
	assert_int_equal(gate_denied_count(g), (UINT64_C(1) << 31) + (1 << 17));
	gate_free(g);
}

/* What a reader beside a writer needs: how far the writer is, and when all is over. */
struct live {
	struct gate *gate;
	_Atomic uint32_t denied; /* addresses 0 to denied - 1 (by live_address()) are denied */
	_Atomic int over;
};

#define LIVE_DENIALS 20000

/* Scattered even addresses: their odd neighbours are never denied. */
static uint32_t
live_address(uint32_t i)
{
	return (uint32_t)hash_mix64(i) & ~UINT32_C(1);
}

/* Returns how many times the gate was wrong. */
static void *
read_beside(void *context)
{
	struct live *live = context;
	uintptr_t wrong = 0;

	for (uint32_t i = 0; !atomic_load(&live->over); i++) {
		uint32_t denied = atomic_load(&live->denied);
		uint32_t address = live_address(denied == 0 ? 0 : i % denied);

		if (denied > 0)
			wrong += !gate_denies(live->gate, address);
		wrong += (uintptr_t)gate_denies(live->gate, address | 1);
		if (denied > 0)
			wrong += !gate_denies(live->gate, live_address(denied - 1));
	}
	return (void *)wrong;
}

static void
test_denials_beside_readers(void **state)
{
	struct live live = {.gate = new_gate()};
	pthread_t reader;
	void *wrong;

	(void)state;
	assert_int_equal(pthread_create(&reader, NULL, read_beside, &live), 0);
	for (uint32_t i = 0; i < LIVE_DENIALS; i++) {
		uint32_t address = live_address(i);
		char text[64];

		format(text, sizeof(text), address, address);
		if (gate_deny(live.gate, text, strlen(text)) != 0)
			break;
		atomic_store(&live.denied, i + 1);
	}
	atomic_store(&live.over, 1);
	assert_int_equal(pthread_join(reader, &wrong), 0);
	assert_null(wrong);
	assert_int_equal(live.denied, LIVE_DENIALS);
	gate_free(live.gate);
}

/* Spans are exact at either end, joined across /24s, and end with the address space. */
static void
test_spans(void **state)
{
	static const char *const denied[] = {"1.2.3.250-1.2.5.3", "1.2.5.4", "9.0.0.0/8", "255.255.255.255"};
	static const uint64_t expected[][2] = {
		{0x010203fa, 0x01020505}, {0x09000000, 0x0a000000}, {0xffffffff, UINT64_C(1) << 32}};
	struct gate *g = gate_new();
	uint64_t first, end = 0;

	(void)state;
	assert_non_null(g);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		assert_int_equal(gate_deny(g, denied[i], strlen(denied[i])), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(gate_next_span(g, end, &first, &end), 0);
		assert_int_equal(first, expected[i][0]);
		assert_int_equal(end, expected[i][1]);
	}
	assert_int_equal(gate_next_span(g, end, &first, &end), -ENOENT);
	gate_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_what_does_not_parse_changes_nothing),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_random_changes_match_a_model),
		cmocka_unit_test(test_many_single_addresses),
		cmocka_unit_test(test_whole_networks_are_compact),
		cmocka_unit_test(test_denials_beside_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
