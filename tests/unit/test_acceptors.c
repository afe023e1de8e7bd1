/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acceptors/acceptors.h"

static void
accept_times(struct acceptors *a, uint32_t address, unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		acceptors_note(a, address + i % 256);
}

static void
test_mute_networks(void **state)
{
	struct acceptors *a = acceptors_new();
	struct acceptors_network n;
	uint32_t at = 0;

	(void)state;
	assert_non_null(a);
	assert_int_equal(acceptors_next(a, 1, &at, &n), -ENOENT);
	accept_times(a, 0xc6336400, 254); /* 198.51.100.0/24 */
	accept_times(a, 0xc6336500, 254);
	acceptors_note_speech(a, 0xc63365ff); /* one is enough */
	accept_times(a, 0xc6336600, 15);
	accept_times(a, 0xffffff00, 16);
	accept_times(a, 0, 70000);
	acceptors_note_speech(a, 0x01000000); /* before anybody accepted */
	accept_times(a, 0x01000000, 100);

	at = 0;
	assert_int_equal(acceptors_next(a, 16, &at, &n), 0);
	assert_int_equal(n.address, 0);
	assert_int_equal(n.accepted, ACCEPTORS_COUNT_MAX);
	assert_int_equal(acceptors_next(a, 16, &at, &n), 0);
	assert_int_equal(n.address, 0xc6336400);
	assert_int_equal(n.accepted, 254);
	assert_int_equal(acceptors_next(a, 16, &at, &n), 0);
	assert_int_equal(n.address, 0xffffff00);
	assert_int_equal(n.accepted, 16);
	assert_int_equal(acceptors_next(a, 16, &at, &n), -ENOENT);
	assert_int_equal(acceptors_next(a, 16, &at, &n), -ENOENT);
	acceptors_free(a);
	acceptors_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mute_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
