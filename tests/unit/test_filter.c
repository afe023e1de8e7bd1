/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "record/filter.h"

static const struct record_clock wall = {.start_wall_ns = UINT64_C(1795352531123456789)};

/* saddr 192.0.2.10, sport 443, dport 40112, ttl 53; a SYN-ACK with MSS 1460. */
static const struct record_scan synack = {
	.reply = {.kind = CLASSIFY_SYNACK, .address = 0xc000020a, .own_address = 0xc6336408,
		  .ttl = 53, .port = 443, .own_port = 40112, .has_mss = 1, .mss = 1460},
};

static struct filter *
compile(const char *text)
{
	struct diag diag = DIAG_EMPTY;
	struct filter *f;
	int err = filter_compile(text, strlen(text), (struct diag_place){0}, &diag, &f);

	if (err != 0 && diag.count > 0)
		print_message("%s: %s\n", text, diag.entries[0].text);
	assert_int_equal(err, 0);
	assert_non_null(f);
	assert_true(diag_is_empty(&diag));
	return f;
}

static bool
passes(const char *text, const struct record_scan *r)
{
	struct filter *f = compile(text);
	bool pass = filter_pass(f, r, &wall);

	filter_free(f);
	return pass;
}

static const struct {
	const char *text;
	bool pass;
} truths[] = {
	{"", true},
	{" \t\n ", true},
	{"success = 1 && repeat = 0", true},
	{"success=1&&repeat=0", true},
	{"success = true && repeat = false", true},
	{"success = 0", false},
	{"success != 1", false},
	{"success > 0", true},
	{"repeat = 1", false},
	{"sport = 443", true},
	{"sport != 443", false},
	{"sport < 443", false},
	{"sport < 444", true},
	{"sport <= 443", true},
	{"sport <= 442", false},
	{"sport > 443", false},
	{"sport > 442", true},
	{"sport >= 443", true},
	{"sport >= 444", false},
	{"sport = 18446744073709551615", false},
	{"timestamp_us = 123456", true},
	{"classification = synack", true},
	{"classification = \"synack\"", true},
	{"classification = \"rst\"", false},
	{"classification != rst", true},
	{"classification != synack", false},
	{"classification = \"syn\"", false},
	{"classification = \"\"", false},
	{"saddr = 192.0.2.10", true},
	{"saddr = \"192.0.2.1\"", false},
	{"timestamp_str = 2026-11-22T13:02:11.123", false},
	{"timestamp_str = \"2026-11-22T13:02:11.123+0000\"", true},
	{"classification = true", false},
	/* Of an absent field nothing holds, not even that it differs. */
	{"tcpopt_mss = 1460", true},
	{"tcpopt_wscale = 0", false},
	{"tcpopt_wscale != 0", false},
	{"tcpopt_wscale >= 0", false},
	{"icmp_responder = 1.1.1.1", false},
	{"icmp_responder != 1.1.1.1", false},
	/* && binds tighter; brackets bind tightest; both go from left to right. */
	{"success = 1 || repeat = 1 && sport = 1", true},
	{"(success = 1 || repeat = 1) && sport = 1", false},
	{"sport = 1 && repeat = 1 || success = 1", true},
	{"sport = 1 && (repeat = 1 || success = 1)", false},
	{"sport = 1 || sport = 2 || sport = 443", true},
	{"sport > 100 || (ttl < 64 && success = true)", true},
	{"sport > 500 || (ttl < 64 && success = true)", true},
	{"sport > 500 || (ttl < 53 && success = true)", false},
	{"((((sport = 443))))", true},
	{"(success = 1) && ((repeat = 1) || (ttl = 53 && dport = 40112))", true},
};

static void
filters_say_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
		if (passes(truths[i].text, &synack) != truths[i].pass)
			fail_msg("%s is %d", truths[i].text, !truths[i].pass);
	}
}

static const struct {
	const char *text;
	const char *fault; /* with place "f:7:20" as the text's start */
} faults[] = {
	{"sucess = 1", "f:7:20: unknown field 'sucess'; did you mean 'success'?"},
	{"port = 1", "f:7:20: unknown field 'port'; did you mean 'sport'?"},
	{"success == 1", "f:7:28: == is no operator here: write ="},
	{"success = 2", "f:7:30: success is true or false: write 1 or 0, not \"2\""},
	{"success = yes", "f:7:30: success is true or false: write 1 or 0, not \"yes\""},
	{"sport = http", "f:7:28: sport holds a number: write one, not \"http\""},
	{"sport = \"443\"", "f:7:28: sport holds a number: write one, not \"443\""},
	{"sport = true", "f:7:28: sport holds a number: write one, not \"true\""},
	{"sport = -1", "f:7:28: sport holds a number: write one, not \"-1\""},
	{"saddr = 1", "f:7:28: saddr holds text, not a number: write \"1\" in double quotes"},
	{"classification < rst",
	 "f:7:37: classification holds text, which has no order: use = or !="},
	{"sport = 18446744073709551616",
	 "f:7:28: 18446744073709551616 is too large: numbers end at 18446744073709551615"},
	{"sport = 18446744073709551620",
	 "f:7:28: 18446744073709551620 is too large: numbers end at 18446744073709551615"},
	{"success", "f:7:27: the filter ends too early: one of = != < <= > >= is missing"},
	{"success 1", "f:7:28: one of = != < <= > >= is wanted here, not \"1\""},
	{"success =", "f:7:29: the filter ends too early: a value is missing"},
	{"success = )", "f:7:30: a value is wanted here, not \")\""},
	{"success = 1 &&", "f:7:34: the filter ends too early: a field's name or ( is missing"},
	{"success = 1 & repeat = 0", "f:7:32: a single & means nothing here: write &&"},
	{"success = 1 | repeat = 0", "f:7:32: a single | means nothing here: write ||"},
	{"success = 1 and repeat = 0", "f:7:32: && or || is wanted here, not \"and\""},
	{"success = 1 repeat = 0", "f:7:32: && or || is wanted here, not \"repeat\""},
	{"&& success = 1", "f:7:20: a field's name or ( is wanted here, not \"&&\""},
	{"= 1", "f:7:20: a field's name or ( is wanted here, not \"=\""},
	{"1 = success", "f:7:20: a field's name or ( is wanted here, not \"1\""},
	{"(success = 1", "f:7:32: the filter ends too early: &&, || or ) is missing"},
	{"success = 1)", "f:7:31: && or || is wanted here, not \")\""},
	{"()", "f:7:21: a field's name or ( is wanted here, not \")\""},
	{"!success", "f:7:20: ! has no place here: filters are made of terms such as success = 1, "
		     "joined by && and ||"},
	{"classification = \"rst",
	 "f:7:37: this string has no end: close it with \" on the same line"},
	{"classification = \"r\nst\"",
	 "f:7:37: this string has no end: close it with \" on the same line"},
	{"success = 1 \x1b[0m",
	 "f:7:32: byte 0x1b has no place here: remove it, or put it in double quotes if it is "
	 "text"},
	{"success = \xc2\xb9",
	 "f:7:30: byte 0xc2 has no place here: remove it, or put it in double quotes if it is "
	 "text"},
	/* What is quoted of a text is cut. */
	{"ttl = aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee",
	 "f:7:26: ttl holds a number: write one, not \"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd\""},
};

static void
faults_name_place_and_mend(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct diag_place place = {.file = "f", .line = 7, .column = 20};
		struct diag diag = DIAG_EMPTY;
		struct filter *f = (struct filter *)&diag;
		char text[512];

		assert_int_equal(filter_compile(faults[i].text, strlen(faults[i].text), place,
						&diag, &f), -EINVAL);
		assert_null(f);
		assert_int_equal(diag.count, 1);
		diag_format(&diag, 0, text, sizeof(text));
		assert_string_equal(text, faults[i].fault);
		diag_reset(&diag);
	}
}

/* Faults of meaning do not hide one another. */
static void
all_faults_are_told(void **state)
{
	static const char text[] = "sucess = 1 && sport = http || (repeat = 5 && saddr < 7)";
	struct diag diag = DIAG_EMPTY;
	struct filter *f;

	(void)state;
	assert_int_equal(filter_compile(text, strlen(text), (struct diag_place){0}, &diag, &f),
			 -EINVAL);
	assert_int_equal(diag.count, 5);
	diag_reset(&diag);
}

static int
compile_result(const char *text, size_t len, size_t *fault_count)
{
	struct diag diag = DIAG_EMPTY;
	struct filter *f;
	int err = filter_compile(text, len, (struct diag_place){0}, &diag, &f);

	*fault_count = diag.count;
	diag_reset(&diag);
	filter_free(f);
	return err;
}

static void
depth_is_bounded(void **state)
{
	char text[4 * FILTER_TEXT_MAX];
	size_t n;

	(void)state;
	for (size_t depth = FILTER_DEPTH_MAX; depth <= FILTER_DEPTH_MAX + 1; depth++) {
		memset(text, '(', depth);
		memcpy(text + depth, "ttl=1", 5);
		memset(text + depth + 5, ')', depth);
		assert_int_equal(compile_result(text, 2 * depth + 5, &n),
				 depth == FILTER_DEPTH_MAX ? 0 : -EINVAL);
		assert_int_equal(n, depth != FILTER_DEPTH_MAX);
	}
	memset(text, '(', FILTER_TEXT_MAX);
	assert_int_equal(compile_result(text, FILTER_TEXT_MAX, &n), -EINVAL);
	memset(text, ' ', sizeof(text));
	assert_int_equal(compile_result(text, FILTER_TEXT_MAX, &n), 0);
	assert_int_equal(compile_result(text, FILTER_TEXT_MAX + 1, &n), -EINVAL);
	assert_int_equal(n, 1);
}

static void
terms_are_bounded(void **state)
{
	char text[FILTER_TEXT_MAX] = "ttl=53";
	size_t len = 6, n;

	(void)state;
	for (int terms = 2; terms <= FILTER_TERMS_MAX; terms++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%sttl=53",
					terms % 2 ? "&&" : "||");
	assert_true(passes(text, &synack));
	memcpy(text + len, "||ttl=53", 9);
	assert_int_equal(compile_result(text, len + 8, &n), -EINVAL);
	assert_int_equal(n, 1);
}

/* A random expression, built together with its truth. */
struct built {
	char text[FILTER_TEXT_MAX];
	size_t len;
	uint64_t seed;
};

static void
put(struct built *b, const char *s)
{
	b->len += (size_t)snprintf(b->text + b->len, sizeof(b->text) - b->len, "%s", s);
}

static bool
build(struct built *b, int depth)
{
	uint64_t h = hash_mix64(b->seed++);
	bool truth = h >> 32 & 1;
	bool any = false, all = true;

	if (depth == 0 || h % 4 == 0) {
		put(b, truth ? "sport = 443" : "ttl > 53");
		return truth;
	}
	/* Two conjunctions of two, so that precedence and nesting both decide. */
	for (int i = 0; i < 4; i++) {
		put(b, i == 0 ? "(" : i == 2 ? "||" : "&&");
		all = (i == 2 ? true : all) & build(b, depth - 1);
		any |= i % 2 == 1 && all;
	}
	put(b, ")");
	return any;
}

static void
random_expressions_evaluate_as_built(void **state)
{
	unsigned int truths_seen = 0;

	(void)state;
	for (uint64_t i = 0; i < 3000; i++) {
		struct built b = {.seed = i << 20};
		bool truth = build(&b, 3);

		assert_int_equal(passes(b.text, &synack), truth);
		truths_seen += truth;
	}
	assert_in_range(truths_seen, 500, 2500);
}

/* The deepest nesting that leaves the most truths waiting: ttl=1 || ttl=53 && ( ... ). */
static void
the_stack_holds_the_deepest_filter(void **state)
{
	char text[FILTER_TEXT_MAX] = "";
	size_t len = 0;

	(void)state;
	for (int i = 0; i < FILTER_DEPTH_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "ttl=1||ttl=53&&(");
	len += (size_t)snprintf(text + len, sizeof(text) - len, "ttl=1||ttl=53&&sport=443");
	memset(text + len, ')', FILTER_DEPTH_MAX);
	assert_true(passes(text, &synack));
	memcpy(text + len - 3, "444", 3);
	assert_false(passes(text, &synack));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_say_what_they_say),
		cmocka_unit_test(faults_name_place_and_mend),
		cmocka_unit_test(all_faults_are_told),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(terms_are_bounded),
		cmocka_unit_test(random_expressions_evaluate_as_built),
		cmocka_unit_test(the_stack_holds_the_deepest_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
