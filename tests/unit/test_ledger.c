/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ledger/ledger.h"

/* A run in which every term occurs, as the data path would count it. */
static void
fill_balanced(struct ledger *l)
{
	memset(l, 0, sizeof(*l));
	ledger_add(l, LEDGER_TARGET, 10 + LEDGER_PROBE + 3 + 2 + 3 - 4);
	ledger_add(l, LEDGER_AGAIN, 4);
	ledger_add(l, LEDGER_SKIPPED, 3);
	ledger_add(l, LEDGER_PUT_BACK, 2);
	for (unsigned int f = 0; f < LEDGER_FRAMES; f++) {
		ledger_add(l, LEDGER_INTENDED + f, 10 + f);
		ledger_add(l, LEDGER_SENT + f, 7 + f);
		ledger_add(l, LEDGER_GATED + f, 2);
		ledger_add(l, LEDGER_REFUSED + f, 1);
	}
	ledger_add(l, LEDGER_SPARED, 3);
	for (unsigned int k = 0; k < CLASSIFY_KINDS; k++)
		ledger_add(l, LEDGER_KIND + k, k + 4);
	ledger_add(l, LEDGER_RECEIVED, CLASSIFY_KINDS * (CLASSIFY_KINDS - 1) / 2 + 4 * CLASSIFY_KINDS);
	ledger_add(l, LEDGER_PASSED, 20);
	ledger_add(l, LEDGER_CANARY_REPLIES, 1);
	ledger_add(l, LEDGER_STRANDED, 1);
	ledger_add(l, LEDGER_TAKEN, 19);
	ledger_add(l, LEDGER_LEFT_IN_RING, 1);
	ledger_add(l, LEDGER_FIRST_SYNACK, 6);
	ledger_add(l, LEDGER_FIRST_ECHOREPLY, 7);
	ledger_add(l, LEDGER_FIRST_OTHER, 4);
	ledger_add(l, LEDGER_REPEAT, 2);
	for (unsigned int want = 0; want < LEDGER_WANTS; want++)
		ledger_add(l, LEDGER_DECLINED + want, 1);
	ledger_add(l, LEDGER_FIRST_AGAIN, 2);
	ledger_add(l, LEDGER_ADOPTED, 3);
	ledger_add(l, LEDGER_LEFT_ALONE, 1);
	ledger_add(l, LEDGER_RECORD, 19);
	ledger_add(l, LEDGER_SEGMENT_MET, 11);
	ledger_add(l, LEDGER_SEGMENT_CUT_OFF, 2);
	ledger_add(l, LEDGER_SEGMENT_PASSED, 9);
	ledger_add(l, LEDGER_SEGMENT_TAKEN, 5);
	ledger_add(l, LEDGER_SEGMENT_STRAY, 3);
	ledger_add(l, LEDGER_SEGMENT_LEFT, 1);
	ledger_add(l, LEDGER_OPEN_WANTED + LEDGER_OPEN_LOOK, 9);
	ledger_add(l, LEDGER_GIVEN_UP + LEDGER_OPEN_LOOK, 2);
	ledger_add(l, LEDGER_OPENED + LEDGER_OPEN_LOOK, 7);
	ledger_add(l, LEDGER_OPEN_WANTED + LEDGER_OPEN_NAME, 8);
	ledger_add(l, LEDGER_OPENED + LEDGER_OPEN_NAME, 5);
	ledger_add(l, LEDGER_GIVEN_UP + LEDGER_OPEN_NAME, 3);
	ledger_add(l, LEDGER_OPEN_WANTED + LEDGER_OPEN_AGAIN, 3);
	ledger_add(l, LEDGER_OPENED + LEDGER_OPEN_AGAIN, 1);
	ledger_add(l, LEDGER_GIVEN_UP + LEDGER_OPEN_AGAIN, 2);
	ledger_add(l, LEDGER_TURNED_AWAY, 1);
	for (unsigned int cause = 0; cause < GRAB_CAUSES; cause++)
		ledger_add(l, LEDGER_ENDED + cause, 1);
	ledger_add(l, LEDGER_GRAB_RECORD, 16);
	ledger_add(l, LEDGER_CERTIFICATE_RECORD, 2);
	for (unsigned int origin = 0; origin < GRAB_ORIGINS; origin++)
		ledger_add(l, LEDGER_NAME + origin, 2);
	ledger_add(l, LEDGER_NAME_LEFT, 2);
	ledger_add(l, LEDGER_NAME_TAKEN, 6);
	for (unsigned int outcome = 0; outcome < LEDGER_OUTCOMES; outcome++) {
		ledger_add(l, LEDGER_LOOKUP + outcome, 1);
		ledger_add(l, LEDGER_ASKED + outcome, 2);
	}
	ledger_add(l, LEDGER_LOOKUP_RECORD, 6);
	ledger_add(l, LEDGER_TARGET_RECORD, 1);
	ledger_add(l, LEDGER_QUESTION, 12);
	ledger_add(l, LEDGER_TRY, 8);
	for (unsigned int end = 0; end < LEDGER_TRIES; end++)
		ledger_add(l, LEDGER_TRY_ENDED + end, 1);
	ledger_add(l, LEDGER_OUTPUT, 2);
	ledger_add(l, LEDGER_WRITTEN, 76);
	ledger_add(l, LEDGER_FILTERED, 6);
	ledger_add(l, LEDGER_BEYOND_LIMIT, 3);
	ledger_add(l, LEDGER_DISK_REFUSED, 1);
	ledger_add(l, LEDGER_UNWRITTEN, 2);
}

static void
test_a_full_run_balances(void **state)
{
	struct ledger l;
	const struct ledger_equation *broken = NULL;

	(void)state;
	fill_balanced(&l);
	assert_true(ledger_balances(&l, &broken));
	assert_null(broken);
	assert_int_equal(ledger_hits(&l), 13);
}

/* Each single term, one too many or one too few, must be noticed. */
static void
test_every_term_matters(void **state)
{
	(void)state;
	for (unsigned int term = 0; term < LEDGER_TERMS; term++) {
		struct ledger l;
		const struct ledger_equation *broken = NULL;

		fill_balanced(&l);
		assert_true(l.count[term] > 0);
		l.count[term]++;
		assert_false(ledger_balances(&l, &broken));
		assert_non_null(broken);
		l.count[term] -= 2;
		assert_false(ledger_balances(&l, NULL));
	}
}

static void
test_sum_adds_threads(void **state)
{
	struct ledger a, b, total;

	(void)state;
	fill_balanced(&a);
	fill_balanced(&b);
	b.count[LEDGER_OUTPUT] = 0; /* of the writer's ledger alone */
	memset(&total, 0, sizeof(total));
	ledger_sum(&total, &a);
	ledger_sum(&total, &b);
	assert_true(ledger_balances(&total, NULL));
	assert_int_equal(total.count[LEDGER_TAKEN], 38);
}

static void
test_every_term_has_a_name(void **state)
{
	(void)state;
	for (unsigned int term = 0; term < LEDGER_TERMS; term++) {
		assert_non_null(ledger_term_name(term));
		for (unsigned int other = 0; other < term; other++)
			assert_string_not_equal(ledger_term_name(term), ledger_term_name(other));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_run_balances),
		cmocka_unit_test(test_every_term_matters),
		cmocka_unit_test(test_sum_adds_threads),
		cmocka_unit_test(test_every_term_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
