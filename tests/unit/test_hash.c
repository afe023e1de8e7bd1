/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

/* The first outputs of splitmix64 from state 0, and the ends of the input's range. */
static void
test_mix64_is_splitmix64(void **state)
{
	const uint64_t gamma = UINT64_C(0x9e3779b97f4a7c15);

	(void)state;
	assert_int_equal(hash_mix64(0), UINT64_C(0xe220a8397b1dcdaf));
	assert_int_equal(hash_mix64(gamma), UINT64_C(0x6e789e6aa1b965f4));
	assert_int_equal(hash_mix64(2 * gamma), UINT64_C(0x06c45d188009454f));
	assert_int_equal(hash_mix64(UINT64_MAX), UINT64_C(0xe4d971771b652c20));
}

/* A message of len bytes 00 01 02 ... as hash_sip64() takes it. */
static uint64_t
counting_block(unsigned int len)
{
	uint64_t block = (uint64_t)len << 56;

	for (unsigned int i = 0; i < len; i++)
		block |= (uint64_t)i << (8 * i);
	return block;
}

/* The reference vectors of SipHash-2-4: key 00..0f, messages of 0 to 7 bytes 00 01 02 ... */
static void
test_sip64_is_siphash_2_4(void **state)
{
	static const uint64_t expected[8] = {
		UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd),
		UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x85676696d7fb7e2d),
		UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
		UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137),
	};

	(void)state;
	for (unsigned int len = 0; len < 8; len++)
		assert_int_equal(hash_sip64(UINT64_C(0x0706050403020100),
					    UINT64_C(0x0f0e0d0c0b0a0908), counting_block(len)),
				 expected[len]);
}

/* The same vectors, of 8, 12 and 15 bytes. */
static void
test_sip128_is_siphash_2_4(void **state)
{
	static const struct {
		unsigned int len;
		uint64_t expected;
	} vectors[] = {
		{8, UINT64_C(0x93f5f5799a932462)},
		{12, UINT64_C(0x751e8fbc860ee5fb)},
		{15, UINT64_C(0xa129ca6149be45e5)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint64_t last = (uint64_t)vectors[i].len << 56;

		for (unsigned int b = 8; b < vectors[i].len; b++)
			last |= (uint64_t)b << (8 * (b - 8));
		assert_int_equal(hash_sip128(UINT64_C(0x0706050403020100),
					     UINT64_C(0x0f0e0d0c0b0a0908),
					     UINT64_C(0x0706050403020100), last),
				 vectors[i].expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mix64_is_splitmix64),
		cmocka_unit_test(test_sip64_is_siphash_2_4),
		cmocka_unit_test(test_sip128_is_siphash_2_4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
