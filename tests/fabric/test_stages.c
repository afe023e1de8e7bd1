/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages of a run, and which lcore has which roles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/time.h"
#include "fabric/fabric.h"
#include "fabric/layout.h"
#include "port/port.h"

struct fake {
	unsigned int polls;
	unsigned int drains;
	unsigned int drains_needed;
	uint64_t next_ns;
};

static unsigned int
fake_poll(void *context, uint64_t now_ns)
{
	struct fake *f = context;

	(void)now_ns;
	f->polls++;
	return 1;
}

static bool
fake_drain(void *context, uint64_t now_ns)
{
	struct fake *f = context;

	(void)now_ns;
	return ++f->drains >= f->drains_needed;
}

static uint64_t
fake_next_ns(const void *context, uint64_t now_ns)
{
	(void)now_ns;
	return ((const struct fake *)context)->next_ns;
}

#define FAKE_ROLE(at) {"fake", at, fake_poll, fake_drain, fake_next_ns}

static void
test_stages(void **state)
{
	static const struct role_ops roles[] = {FAKE_ROLE(FABRIC_DRAIN_PROBERS),
						FAKE_ROLE(FABRIC_DRAIN_RECEIVERS)};
	struct fake fakes[3] = {{.drains_needed = 1, .next_ns = 50}, {.drains_needed = 3, .next_ns = 40},
				{.drains_needed = 2, .next_ns = TIME_NEVER}};
	struct clock clock = {.is_virtual = true};
	struct fabric *f = fabric_new(2, &clock);

	(void)state;
	assert_int_equal(fabric_add(f, 0, &roles[0], &fakes[0]), 0);
	assert_int_equal(fabric_add(f, 1, &roles[0], &fakes[1]), 0);
	assert_int_equal(fabric_add(f, 0, &roles[1], &fakes[2]), 0);
	assert_int_equal(fabric_next_ns(f), 40);
	assert_int_equal(fabric_step(f), 3);
	fabric_enter(f, FABRIC_DRAIN_PROBERS);
	assert_false(fabric_is_drained(f));
	for (unsigned int i = 1; i <= 5; i++) {
		assert_int_equal(fabric_step(f), 1);
		assert_int_equal(fabric_is_drained(f), i >= 3);
	}
	assert_int_equal(fakes[0].polls, 1);
	assert_int_equal(fakes[0].drains, 1);
	assert_int_equal(fakes[1].drains, 3);
	assert_int_equal(fakes[2].polls, 6);
	fabric_enter(f, FABRIC_DRAIN_RECEIVERS);
	assert_false(fabric_is_drained(f));
	assert_int_equal(fabric_step(f), 0);
	assert_false(fabric_is_drained(f));
	fabric_step(f);
	assert_true(fabric_is_drained(f));
	assert_int_equal(fakes[2].drains, 2);
	fabric_enter(f, FABRIC_DRAIN_WORKERS);
	assert_true(fabric_is_drained(f)); /* there are none */
	fabric_stop(f);
	fabric_free(f);
}

static void
test_roles_of_a_lcore_are_bounded(void **state)
{
	static const struct role_ops role = FAKE_ROLE(FABRIC_DRAIN_PROBERS);
	struct clock clock = {.is_virtual = true};
	struct fabric *f = fabric_new(1, &clock);
	struct fake fake = {0};

	(void)state;
	for (unsigned int i = 0; i < FABRIC_ROLES_MAX; i++)
		assert_int_equal(fabric_add(f, 0, &role, &fake), 0);
	assert_int_equal(fabric_add(f, 0, &role, &fake), -ENOSPC);
	fabric_free(f);
}

/* For any machine: every role somewhere, every lcore of use, no more probers and receivers than queues. */
static void
test_layouts(void **state)
{
	(void)state;
	for (unsigned int lcores = 1; lcores <= LAYOUT_LCORES_MAX; lcores++) {
		for (unsigned int queues = 1; queues <= PORT_QUEUES_MAX; queues++) {
			unsigned int roles[LAYOUT_LCORES_MAX] = {0};
			struct layout y;

			layout_make(&y, lcores, queues, 2 * queues);
			assert_int_equal(y.lcores, lcores);
			assert_in_range(y.probers, 1, queues);
			assert_in_range(y.receivers, 1, 2 * queues);
			assert_true(y.workers >= 1);
			for (unsigned int i = 0; i < y.probers; i++)
				roles[y.prober[i]]++;
			for (unsigned int i = 0; i < y.receivers; i++)
				roles[y.receiver[i]]++;
			for (unsigned int i = 0; i < y.workers; i++)
				roles[y.worker[i]]++;
			for (unsigned int i = 0; i < lcores; i++)
				assert_in_range(roles[i], 1, lcores > 2 ? 1 : 3);
			/* Probers have queues of their own. */
			for (unsigned int i = 0; i < y.probers; i++)
				assert_true(y.prober[i] < queues);
			/* Two lcores do the same, if they can. */
			if (lcores == 2)
				assert_int_equal(y.probers + y.receivers + y.workers,
						 queues > 1 ? 6 : 3);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_roles_of_a_lcore_are_bounded),
		cmocka_unit_test(test_layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
