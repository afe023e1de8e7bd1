/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "targets/targets.h"

/* A small piece of the address space that a brute-force model can cover. */
#define SPACE 400
#define PORTS 12

/* What the table should hold, an element an address (and port). */
struct model {
	uint32_t base;
	uint8_t included[SPACE];
	uint8_t excluded[SPACE];
	uint8_t by_default[SPACE];
	uint8_t allowed[SPACE];
	uint8_t port[PORTS];
	uint8_t pair[SPACE][PORTS];
};

static uint64_t random_state;

static uint32_t
random_below(uint32_t n)
{
	random_state++;
	return (uint32_t)(hash_mix64(random_state) % n);
}

static void
mark(uint8_t *set, const struct model *m, struct ipv4_range r)
{
	memset(set + (r.first - m->base), 1, r.last - r.first + 1);
}

static struct ipv4_range
random_range(const struct model *m, uint32_t longest)
{
	uint32_t first = random_below(SPACE), last = first + random_below(longest);

	last = last < SPACE ? last : SPACE - 1;
	return (struct ipv4_range){m->base + first, m->base + last};
}

/* Fill builder and model alike with random sets; the calls' order is random too. */
static void
fill(struct targets_builder *b, struct model *m, uint32_t calls, uint32_t longest)
{
	for (uint32_t i = 0; i < calls; i++) {
		struct ipv4_range r = random_range(m, longest);
		uint16_t port = (uint16_t)random_below(PORTS), last;

		switch (random_below(6)) {
		case 0:
			assert_int_equal(targets_include(b, r), 0);
			mark(m->included, m, r);
			break;
		case 1:
			assert_int_equal(targets_exclude(b, r), 0);
			mark(m->excluded, m, r);
			break;
		case 2:
			assert_int_equal(targets_exclude_default(b, r), 0);
			mark(m->by_default, m, r);
			break;
		case 3:
			assert_int_equal(targets_allow(b, r), 0);
			mark(m->allowed, m, r);
			break;
		case 4:
			last = (uint16_t)(port + random_below(PORTS - port) / 2);
			assert_int_equal(targets_port(b, port, last), 0);
			memset(m->port + port, 1, (size_t)(last - port) + 1);
			break;
		default:
			assert_int_equal(targets_pair(b, r.first, port), 0);
			m->pair[r.first - m->base][port] = 1;
		}
	}
}

static int
model_admits(const struct model *m, uint32_t i)
{
	return !m->excluded[i] && (!m->by_default[i] || m->allowed[i]);
}

static int
model_in_product(const struct model *m, uint32_t i, uint32_t port)
{
	return m->included[i] && model_admits(m, i) && m->port[port];
}

/* One target that the model has next: it must be the table's next index, both ways. */
static void
expect_target(const struct targets *t, uint64_t *index, uint32_t address, uint16_t port)
{
	uint32_t selected;
	uint16_t selected_port;
	uint64_t rank;

	targets_select(t, index, 1, &selected, &selected_port);
	assert_int_equal(selected, address);
	assert_int_equal(selected_port, port);
	assert_int_equal(targets_rank(t, address, port, &rank), 0);
	assert_int_equal(rank, *index);
	(*index)++;
}

/* The product in order, then the pairs outside of it; all else is no target. */
static void
check_against_model(const struct targets *t, const struct model *m)
{
	uint64_t index = 0, product, rank;

	for (uint32_t i = 0; i < SPACE; i++) {
		for (uint16_t port = 0; port < PORTS; port++) {
			if (model_in_product(m, i, port))
				expect_target(t, &index, m->base + i, port);
		}
	}
	product = index;
	assert_int_equal(product, targets_address_count(t) * targets_port_count(t));
	for (uint32_t i = 0; i < SPACE; i++) {
		for (uint16_t port = 0; port < PORTS; port++) {
			if (model_in_product(m, i, port))
				continue;
			if (m->pair[i][port] && model_admits(m, i))
				expect_target(t, &index, m->base + i, port);
			else
				assert_int_equal(targets_rank(t, m->base + i, port, &rank),
						 -ENOENT);
		}
	}
	assert_int_equal(index, targets_count(t));
	assert_int_equal(index - product, targets_pair_count(t));
}

/* The targets of any range are those that the model has there. */
static void
check_within(const struct targets *t, const struct model *m)
{
	struct ipv4_range range = random_range(m, SPACE);
	struct targets_indices within[2];
	uint64_t count = 0;

	targets_within(t, range, within);
	for (unsigned int part = 0; part < 2; part++) {
		assert_true(within[part].first <= within[part].end);
		count += within[part].end - within[part].first;
		for (uint64_t index = within[part].first; index < within[part].end; index++) {
			uint32_t address;
			uint16_t port;

			targets_select(t, &index, 1, &address, &port);
			assert_in_range(address, range.first, range.last);
		}
	}
	for (uint32_t i = range.first - m->base; i <= range.last - m->base; i++)
		for (uint16_t port = 0; port < PORTS; port++)
			count -= model_in_product(m, i, port) || (m->pair[i][port] && model_admits(m, i));
	assert_int_equal(count, 0);
}

/* Ranges ascend, do not touch, and hold what the address count says. */
static void
check_ranges(const struct targets *t)
{
	uint64_t addresses = 0;

	for (size_t i = 0; i < targets_range_count(t); i++) {
		struct ipv4_range r = targets_range(t, i);

		assert_true(r.first <= r.last);
		if (i > 0)
			assert_true(r.first - 1 > targets_range(t, i - 1).last);
		addresses += ipv4_range_count(r);
	}
	assert_int_equal(addresses, targets_address_count(t));
}

static struct targets *
build(struct targets_builder *b)
{
	struct targets *t = NULL;

	assert_int_equal(targets_build(b, &t), 0);
	targets_builder_free(b);
	return t;
}

static struct targets_builder *
new_builder(void)
{
	struct targets_builder *b = targets_builder_new();

	assert_non_null(b);
	return b;
}

/* At both ends of the address space, where ranges touch 0 and 2^32 - 1. */
static void
test_random_sets_match_a_model(void **state)
{
	static const uint32_t bases[] = {0, 0xc0000200, UINT32_MAX - SPACE + 1};
	static struct model m;

	(void)state;
	for (uint32_t round = 0; round < 150; round++) {
		struct targets_builder *b = new_builder();
		struct targets *t;

		random_state = (uint64_t)round << 32;
		memset(&m, 0, sizeof(m));
		m.base = bases[round % 3];
		fill(b, &m, round, round % 2 ? 60 : 4);
		t = build(b);
		check_against_model(t, &m);
		check_within(t, &m);
		check_ranges(t);
		targets_free(t);
	}
}

/* Any number of indices in any order at once, products and pairs mixed. */
static void
test_select_takes_any_indices(void **state)
{
	struct targets_builder *b = new_builder();
	uint64_t index[200];
	uint32_t address[201];
	uint16_t port[201];
	struct targets *t;

	(void)state;
	for (uint32_t i = 0; i < 50; i++) {
		targets_include(b, (struct ipv4_range){i * 1000, i * 1000 + i});
		targets_pair(b, i * 1000 + 999, (uint16_t)i);
	}
	targets_port(b, 80, 82);
	t = build(b);
	for (unsigned int n = 0; n <= 200; n++) {
		for (unsigned int i = 0; i < n; i++)
			index[i] = random_below((uint32_t)targets_count(t));
		address[n] = 77;
		port[n] = 77;
		targets_select(t, index, n, address, port);
		for (unsigned int i = 0; i < n; i++) {
			uint64_t rank;

			assert_int_equal(targets_rank(t, address[i], port[i], &rank), 0);
			assert_int_equal(rank, index[i]);
		}
		assert_int_equal(address[n], 77);
		assert_int_equal(port[n], 77);
	}
	targets_free(t);
}

static void
test_nothing_is_no_error(void **state)
{
	struct targets_builder *b = new_builder();
	uint64_t index;
	struct targets *t;

	(void)state;
	targets_include(b, (struct ipv4_range){5, 9});
	targets_exclude(b, (struct ipv4_range){0, 100});
	targets_port(b, 80, 80);
	targets_pair(b, 7, 80);
	t = build(b);
	assert_int_equal(targets_count(t), 0);
	assert_int_equal(targets_rank(t, 7, 80, &index), -ENOENT);
	targets_select(t, &index, 0, NULL, NULL);
	targets_free(t);
}

/* Addresses without a port are no targets; pairs need neither. */
static void
test_pairs_alone(void **state)
{
	struct targets_builder *b = new_builder();
	const uint64_t index[2] = {1, 0};
	uint32_t address[2];
	uint16_t port[2];
	struct targets *t;

	(void)state;
	targets_include(b, (struct ipv4_range){0, UINT32_MAX});
	targets_pair(b, UINT32_MAX, 65535);
	targets_pair(b, 7, 443);
	targets_pair(b, 7, 443);
	t = build(b);
	assert_int_equal(targets_count(t), 2);
	assert_int_equal(targets_pair_count(t), 2);
	targets_select(t, index, 2, address, port);
	assert_int_equal(address[0], UINT32_MAX);
	assert_int_equal(port[0], 65535);
	assert_int_equal(address[1], 7);
	assert_int_equal(port[1], 443);
	targets_free(t);
}

/* All there is: 2^48 targets, whose last index is the largest that anything here must divide. */
static void
test_whole_space(void **state)
{
	struct targets_builder *b = new_builder();
	struct targets *t;

	(void)state;
	targets_include(b, (struct ipv4_range){0, UINT32_MAX});
	targets_port(b, 0, 65535);
	t = build(b);
	assert_int_equal(targets_count(t), TARGETS_MAX);
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t index = i < 100 ? TARGETS_MAX - 1 - i : hash_mix64(i) % TARGETS_MAX, rank;
		uint32_t address;
		uint16_t port;

		targets_select(t, &index, 1, &address, &port);
		assert_int_equal(address, index >> 16);
		assert_int_equal(port, index & 0xffff);
		assert_int_equal(targets_rank(t, address, port, &rank), 0);
		assert_int_equal(rank, index);
	}
	targets_free(t);
}

/* The division by the port count, against the CPU's, where quotients step and at the far end. */
static void
check_division(uint32_t ports)
{
	struct targets_builder *b = new_builder();
	uint64_t index[192];
	uint32_t address[192];
	uint16_t port[192];
	struct targets *t;

	targets_include(b, (struct ipv4_range){0, UINT32_MAX});
	targets_port(b, 0, (uint16_t)(ports - 1));
	t = build(b);
	for (uint32_t i = 0; i < 192; i += 3) {
		uint64_t quotient = i < 24 ? UINT32_MAX - i : hash_mix64(i + ports) >> 32;

		index[i] = quotient * ports;
		index[i + 1] = index[i] + ports - 1;
		index[i + 2] = index[i] + ports / 2;
	}
	targets_select(t, index, 192, address, port);
	for (uint32_t i = 0; i < 192; i++) {
		assert_int_equal(address[i], index[i] / ports);
		assert_int_equal(port[i], index[i] % ports);
	}
	targets_free(t);
}

static void
test_division_by_ports_is_exact(void **state)
{
	(void)state;
	for (uint32_t ports = 1; ports <= 300; ports++)
		check_division(ports);
	for (uint32_t bit = 9; bit <= 16; bit++) {
		check_division((UINT32_C(1) << bit) - 1);
		check_division(UINT32_C(1) << bit);
		if (bit < 16)
			check_division((UINT32_C(1) << bit) + 1);
	}
	for (uint32_t i = 0; i < 200; i++)
		check_division(1 + random_below(65536));
}

/* Exclusions as they hurt most: every other address of a /15, so 2^16 ranges in one bucket. */
static void
check_cluster(uint32_t cluster)
{
	const uint32_t size = 1 << 17;
	struct targets_builder *b = new_builder();
	struct targets *t;

	targets_include(b, (struct ipv4_range){0, UINT32_MAX});
	targets_port(b, 443, 443);
	for (uint32_t i = 0; i < size; i += 2)
		targets_exclude(b, (struct ipv4_range){cluster + i, cluster + i});
	t = build(b);
	assert_int_equal(targets_count(t), (UINT64_C(1) << 32) - size / 2);
	for (uint32_t i = 0; i < size / 2; i += 7) {
		uint64_t index = cluster + i, rank;
		uint32_t address;
		uint16_t port;

		targets_select(t, &index, 1, &address, &port);
		assert_int_equal(address, cluster + 2 * i + 1);
		assert_int_equal(targets_rank(t, address, 443, &rank), 0);
		assert_int_equal(rank, index);
		assert_int_equal(targets_rank(t, address - 1, 443, &rank), -ENOENT);
	}
	targets_free(t);
}

static void
test_clustered_exclusions(void **state)
{
	(void)state;
	check_cluster(0);
	check_cluster(0x0a000000);
	check_cluster(0xfffe0000);
}

/* A realistic table: 20,000 opt-outs of all sizes, seen from both sides. */
static void
test_many_exclusions(void **state)
{
	struct targets_builder *b = new_builder();
	uint64_t index, rank;
	struct targets *t;

	(void)state;
	targets_include(b, (struct ipv4_range){0x01000000, 0xdfffffff});
	targets_port(b, 443, 443);
	targets_port(b, 8443, 8443);
	for (uint64_t i = 0; i < 20000; i++) {
		uint32_t host_bits = (UINT32_C(1) << hash_mix64(i) % 13) - 1;
		uint32_t first = (uint32_t)(hash_mix64(i) >> 32) & ~host_bits;

		targets_exclude(b, (struct ipv4_range){first, first | host_bits});
	}
	t = build(b);
	check_ranges(t);
	for (uint64_t i = 0; i < 100000; i++) {
		uint32_t address;
		uint16_t port;

		index = i < 1000 ? targets_count(t) - 1 - i : hash_mix64(i) % targets_count(t);
		targets_select(t, &index, 1, &address, &port);
		assert_int_equal(targets_rank(t, address, port, &rank), 0);
		assert_int_equal(rank, index);
	}
	for (uint64_t i = 0; i < 20000; i++)
		assert_int_equal(targets_rank(t, (uint32_t)(hash_mix64(i) >> 32), 443, &rank),
				 -ENOENT);
	targets_free(t);
}

/* The table costs memory by range and pair, and says so. */
static void
test_bytes(void **state)
{
	struct targets_builder *b = new_builder();
	struct targets *t;

	(void)state;
	targets_include(b, (struct ipv4_range){0, UINT32_MAX});
	targets_port(b, 443, 443);
	t = build(b);
	assert_true(targets_bytes(t) < 2000);
	targets_free(t);
	b = new_builder();
	for (uint32_t i = 0; i < 1000; i++) {
		targets_include(b, (struct ipv4_range){i * 1000, i * 1000 + 5});
		targets_pair(b, i * 1000 + 6, 25);
	}
	t = build(b);
	assert_in_range(targets_bytes(t), 1000 * (8 + 1 + 8), 1000 * (8 + 2 + 8) + 1000);
	targets_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_sets_match_a_model),
		cmocka_unit_test(test_select_takes_any_indices),
		cmocka_unit_test(test_nothing_is_no_error),
		cmocka_unit_test(test_pairs_alone),
		cmocka_unit_test(test_whole_space),
		cmocka_unit_test(test_division_by_ports_is_exact),
		cmocka_unit_test(test_clustered_exclusions),
		cmocka_unit_test(test_many_exclusions),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
