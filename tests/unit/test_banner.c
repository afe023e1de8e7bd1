/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "banner/banner.h"
#include "base/time.h"

#define TEXT(literal) span_of(literal, sizeof(literal) - 1)
#define QUIET (100 * NS_PER_MS)

static uint8_t copy[GRAB_CAPTURE_MAX];

struct fixture {
	struct grab_pool *pool;
	struct grab *g;
	struct banner b;
	struct banner_spec spec;
};

static void
begin(struct fixture *f, struct span send, bool read_first, uint32_t max)
{
	f->pool = grab_pool_new(100);
	f->g = grab_new(f->pool, GRAB_BANNER, 0);
	f->spec = (struct banner_spec){
		.send = send, .read_first = read_first, .max_bytes = max, .quiet_ns = QUIET};
	banner_begin(&f->b, &f->spec, f->g);
}

static void
finish(struct fixture *f, enum grab_cause cause, enum grab_stage stage, const char *text, bool cut)
{
	struct span rest = span_of(copy, grab_copy(f->g, copy)), bytes = {0};
	struct grab_chunk_head head = {0};

	assert_true(grab_has_ended(f->g));
	assert_int_equal(f->g->cause, cause);
	assert_int_equal(f->g->stage, stage);
	assert_int_equal(grab_next(&rest, &head, &bytes), text != NULL);
	if (text != NULL) {
		assert_int_equal(bytes.len, strlen(text));
		assert_memory_equal(bytes.at, text, bytes.len);
		assert_int_equal(head.cut, cut);
	}
	grab_free(f->g);
	grab_pool_free(f->pool);
}

static void
test_listens(void **state)
{
	struct fixture f;
	uint8_t buf[16];

	(void)state;
	begin(&f, TEXT(""), false, 100);
	assert_int_equal(banner_output(&f.b, buf, sizeof(buf), 1), 0);
	assert_int_equal(banner_deadline_ns(&f.b), TIME_NEVER);
	assert_true(banner_input(&f.b, TEXT("SSH-2.0-"), 10));
	assert_int_equal(banner_deadline_ns(&f.b), 10 + QUIET);
	assert_true(banner_input(&f.b, TEXT("x\r\n"), 20));
	banner_expire(&f.b, 19 + QUIET);
	assert_false(grab_has_ended(f.g));
	banner_expire(&f.b, 20 + QUIET);
	finish(&f, GRAB_COMPLETE, GRAB_DATA, "SSH-2.0-x\r\n", false);
}

static void
test_asks(void **state)
{
	struct fixture f;
	uint8_t buf[16];

	(void)state;
	begin(&f, TEXT("GET / HTTP/1.0\r\n\r\n"), false, 100);
	assert_int_equal(banner_output(&f.b, buf, 16, 1), 16);
	assert_int_equal(banner_output(&f.b, buf, 16, 1), 2);
	assert_int_equal(banner_output(&f.b, buf, 16, 1), 0);
	assert_int_equal(f.g->stage, GRAB_SENT);
	assert_true(banner_input(&f.b, TEXT("HTTP/1.1 200"), 5));
	banner_eof(&f.b, 6);
	finish(&f, GRAB_COMPLETE, GRAB_DATA, "HTTP/1.1 200", false);
}

/* A greeting, then an answer: silence is measured from each. */
static void
test_reads_first(void **state)
{
	struct fixture f;
	uint8_t buf[16];

	(void)state;
	begin(&f, TEXT("EHLO x\r\n"), true, 100);
	assert_int_equal(banner_output(&f.b, buf, 16, 1), 0);
	assert_true(banner_input(&f.b, TEXT("220 hi\r\n"), 5));
	assert_int_equal(banner_deadline_ns(&f.b), TIME_NEVER);
	assert_int_equal(banner_output(&f.b, buf, 16, 6), 8);
	assert_int_equal(banner_deadline_ns(&f.b), TIME_NEVER);
	assert_true(banner_input(&f.b, TEXT("250 ok\r\n"), 7));
	banner_expire(&f.b, 7 + QUIET);
	finish(&f, GRAB_COMPLETE, GRAB_DATA, "220 hi\r\n250 ok\r\n", false);
}

static void
test_bounds(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, TEXT(""), false, 4);
	assert_true(banner_input(&f.b, TEXT("abc"), 1));
	assert_false(banner_input(&f.b, TEXT("defg"), 2));
	assert_false(banner_input(&f.b, TEXT("h"), 3));
	finish(&f, GRAB_COMPLETE, GRAB_DATA, "abcd", true);

	begin(&f, TEXT(""), false, 4);
	assert_false(banner_input(&f.b, TEXT("abcd"), 1));
	finish(&f, GRAB_COMPLETE, GRAB_DATA, "abcd", false);
}

static void
test_silence(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, TEXT(""), false, 4);
	banner_eof(&f.b, 9);
	finish(&f, GRAB_CLOSED, GRAB_CONNECT, NULL, false);
	begin(&f, TEXT(""), false, 4);
	banner_abort(&f.b, GRAB_TIMEOUT, 9);
	banner_abort(&f.b, GRAB_RESET, 10);
	finish(&f, GRAB_TIMEOUT, GRAB_CONNECT, NULL, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listens),
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_reads_first),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
