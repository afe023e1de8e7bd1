/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#include "lines/lines.h"

static char path[] = "/tmp/asdic-lines-XXXXXX";

static void
put_file(const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* A frame of zstd behind what the buffer has. */
static size_t
put_frame(char *buf, size_t at, size_t size, const char *text, size_t len)
{
	size_t n = ZSTD_compress(buf + at, size - at, text, len, 1);

	assert_false(ZSTD_isError(n));
	return at + n;
}

/* The lines of the file are those of the text, however it is stored; both ways of reading agree. */
static void
check_lines(const char *text, size_t len)
{
	struct lines *l;
	const char *line;
	char *all;
	size_t n, at = 0;

	assert_int_equal(lines_open(path, &l), 0);
	while (at < len) {
		const char *feed = memchr(text + at, '\n', len - at);
		size_t expected = feed != NULL ? (size_t)(feed - text) - at : len - at;

		assert_int_equal(lines_next(l, &line, &n), 1);
		assert_int_equal(n, expected);
		assert_memory_equal(line, text + at, n);
		at += n + 1;
	}
	assert_int_equal(lines_next(l, &line, &n), 0);
	assert_int_equal(lines_next(l, &line, &n), 0);
	lines_close(l);
	assert_int_equal(lines_read_all(path, len, &all, &n), 0);
	assert_int_equal(n, len);
	assert_memory_equal(all, text, len);
	assert_int_equal(all[len], '\0');
	free(all);
	if (len > 0)
		assert_int_equal(lines_read_all(path, len - 1, &all, &n), -EFBIG);
}

static void
test_plain(void **state)
{
	static const char *const texts[] = {"", "\n", "a", "a\n", "ab\n\ncd", "abcd", "\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put_file(texts[i], strlen(texts[i]));
		check_lines(texts[i], strlen(texts[i]));
	}
}

/* Longer than every buffer, with lines of every length up to 2,000, and one of a megabyte. */
static char *
make_long(size_t *len)
{
	char *text = malloc(4u << 20);
	size_t at = 0;

	assert_non_null(text);
	for (unsigned int n = 0; n < 2000; n++) {
		memset(text + at, 'a' + (int)(n % 26), n);
		at += n;
		text[at++] = '\n';
	}
	memset(text + at, 'x', 1u << 20);
	at += 1u << 20;
	*len = at;
	return text;
}

static void
test_long(void **state)
{
	size_t len, n;
	char *text = make_long(&len), *packed = malloc(ZSTD_compressBound(len) + 4096);

	(void)state;
	assert_non_null(packed);
	put_file(text, len);
	check_lines(text, len);
	/* In three frames, cut within lines, and one of nothing. */
	n = put_frame(packed, 0, ZSTD_compressBound(len) + 4096, text, 1000);
	n = put_frame(packed, n, ZSTD_compressBound(len) + 4096, "", 0);
	n = put_frame(packed, n, ZSTD_compressBound(len) + 4096, text + 1000, len - 1000);
	put_file(packed, n);
	check_lines(text, len);
	free(packed);
	free(text);
}

/* Read to the end; what ended it. */
static int
read_through(void)
{
	struct lines *l;
	const char *line;
	size_t n;
	int rc = lines_open(path, &l);

	if (rc != 0)
		return rc;
	while ((rc = lines_next(l, &line, &n)) > 0)
		;
	lines_close(l);
	return rc;
}

static void
test_damaged(void **state)
{
	size_t len, n;
	char *text = make_long(&len), *packed = malloc(ZSTD_compressBound(len)), *all;

	(void)state;
	assert_non_null(packed);
	n = put_frame(packed, 0, ZSTD_compressBound(len), text, len);
	for (size_t cut = 4; cut < n; cut += n / 20 + 1) {
		put_file(packed, cut);
		assert_int_equal(read_through(), -EBADMSG);
		assert_int_equal(lines_read_all(path, LINES_WHOLE_MAX, &all, &len), -EBADMSG);
	}
	packed[n / 2] ^= 0x55;
	packed[4] ^= 0x40; /* the frame's header, too */
	put_file(packed, n);
	assert_int_equal(read_through(), -EBADMSG);
	free(packed);
	free(text);
}

static void
test_refused(void **state)
{
	size_t size = LINES_MAX + 1;
	char *endless = calloc(1, size);
	struct lines *l;

	(void)state;
	assert_non_null(endless);
	put_file(endless, size);
	assert_int_equal(read_through(), -EMSGSIZE);
	free(endless);
	assert_int_equal(lines_open("/nonexistent/list", &l), -ENOENT);
	assert_int_equal(lines_open("/tmp", &l), -EISDIR);
	assert_string_equal(lines_error(-EISDIR), "Is a directory");
}

static int
make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
