/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cookie/cookie.h"

/* The same source once more, compiled for the baseline alone. */
#ifndef ASDIC_NO_MULTIVERSION
#define ASDIC_NO_MULTIVERSION
#endif
#define cookie_make_burst portable_make_burst
#define cookie_make_each portable_make_each
void portable_make_burst(const struct cookie_key *key, enum cookie_plan plan, unsigned int n,
			 const uint32_t *address, const uint16_t *port, uint64_t *cookie);
void portable_make_each(const struct cookie_key *key, unsigned int n, const uint32_t *address,
			const uint16_t *port, const uint8_t *plan, uint64_t *cookie);
#include "cookie/cookie.c"
#undef cookie_make_burst
#undef cookie_make_each

#define BURST_MAX 200

static const struct cookie_key test_key = COOKIE_TEST_KEY;

/* Address, port and plan chosen to be the bytes 00 to 06 of SipHash's reference vector. */
static void
test_message_is_address_port_plan(void **state)
{
	(void)state;
	assert_int_equal(cookie_make(&test_key, 0x03020100, 0x0504, (enum cookie_plan)0x06),
			 UINT64_C(0xab0200f58b01d137));
}

static void
test_every_input_bit_matters(void **state)
{
	const uint32_t address = 0xc0000201;
	const uint16_t port = 443;
	uint64_t cookie = cookie_make(&test_key, address, port, COOKIE_PROBE);

	(void)state;
	for (int bit = 0; bit < 32; bit++)
		assert_int_not_equal(
			cookie_make(&test_key, address ^ UINT32_C(1) << bit, port, COOKIE_PROBE),
			cookie);
	for (int bit = 0; bit < 16; bit++)
		assert_int_not_equal(
			cookie_make(&test_key, address, (uint16_t)(port ^ 1 << bit), COOKIE_PROBE),
			cookie);
	for (int plan = COOKIE_COVERAGE; plan <= COOKIE_DNS; plan++)
		assert_int_not_equal(cookie_make(&test_key, address, port, (enum cookie_plan)plan),
				     cookie);
	for (int bit = 0; bit < 64; bit++) {
		struct cookie_key k0 = test_key, k1 = test_key;

		k0.k0 ^= UINT64_C(1) << bit;
		k1.k1 ^= UINT64_C(1) << bit;
		assert_int_not_equal(cookie_make(&k0, address, port, COOKIE_PROBE), cookie);
		assert_int_not_equal(cookie_make(&k1, address, port, COOKIE_PROBE), cookie);
	}
}

/* Arrays of exactly n, so that a sanitizer sees lanes that go beyond. */
static void
check_burst(unsigned int n, enum cookie_plan plan)
{
	const struct cookie_key key = {hash_mix64(n), hash_mix64(n + BURST_MAX)};
	uint32_t *address = malloc((n + 1) * sizeof(*address));
	uint16_t *port = malloc((n + 1) * sizeof(*port));
	uint64_t *cookie = malloc((n + 1) * sizeof(*cookie));
	uint64_t *portable = malloc((n + 1) * sizeof(*portable));

	assert_true(address != NULL && port != NULL && cookie != NULL && portable != NULL);
	for (unsigned int i = 0; i < n; i++) {
		address[i] = (uint32_t)hash_mix64(i * 3);
		port[i] = (uint16_t)hash_mix64(i * 3 + 1);
	}
	cookie[n] = portable[n] = 0x5a5a;
	cookie_make_burst(&key, plan, n, address, port, cookie);
	portable_make_burst(&key, plan, n, address, port, portable);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(cookie[i], cookie_make(&key, address[i], port[i], plan));
		assert_int_equal(portable[i], cookie[i]);
	}
	assert_int_equal(cookie[n], 0x5a5a);
	assert_int_equal(portable[n], 0x5a5a);
	free(address);
	free(port);
	free(cookie);
	free(portable);
}

static void
test_burst_is_single_cookies(void **state)
{
	(void)state;
	for (unsigned int n = 0; n <= BURST_MAX; n++)
		check_burst(n, (enum cookie_plan)(n % 4));
}

/* The plans of a burst may differ. */
static void
test_each_has_its_own_plan(void **state)
{
	uint64_t cookie[BURST_MAX + 1], portable[BURST_MAX + 1];
	uint32_t address[BURST_MAX];
	uint16_t port[BURST_MAX];
	uint8_t plan[BURST_MAX];

	(void)state;
	for (unsigned int i = 0; i < BURST_MAX; i++) {
		address[i] = (uint32_t)hash_mix64(i * 5);
		port[i] = (uint16_t)hash_mix64(i * 5 + 1);
		plan[i] = (uint8_t)(hash_mix64(i * 5 + 2) % 4);
	}
	for (unsigned int n = 0; n <= BURST_MAX; n++) {
		cookie[n] = portable[n] = 0x5a5a;
		cookie_make_each(&test_key, n, address, port, plan, cookie);
		portable_make_each(&test_key, n, address, port, plan, portable);
		assert_memory_equal(cookie, portable, (n + 1) * sizeof(cookie[0]));
		assert_int_equal(cookie[n], 0x5a5a);
	}
	for (unsigned int i = 0; i < BURST_MAX; i++)
		assert_true(cookie[i] == cookie_make(&test_key, address[i], port[i],
						     (enum cookie_plan)plan[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_is_address_port_plan),
		cmocka_unit_test(test_every_input_bit_matters),
		cmocka_unit_test(test_burst_is_single_cookies),
		cmocka_unit_test(test_each_has_its_own_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
