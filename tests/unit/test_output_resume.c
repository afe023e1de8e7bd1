/* SPDX-License-Identifier: BSD-3-Clause */
/* Sinks that go on from a mark: at whatever moment a kill came, each row stands in them once. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "output/output.h"

static char dir[64];
static char path[128];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/asdic-test-resume-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

/* Every file goes; hidden ones must be gone. */
static int
teardown(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int hidden = 0;

	(void)state;
	while ((e = readdir(d)) != NULL) {
		char file[512];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		hidden += e->d_name[0] == '.';
		snprintf(file, sizeof(file), "%s/%s", dir, e->d_name);
		unlink(file);
	}
	closedir(d);
	return hidden != 0 ? -1 : rmdir(dir);
}

/* A mark as a checkpoint keeps it: with memory of its own. */
struct kept {
	struct output_mark mark;
	struct output_file files[8];
};

static void
keep(struct output *o, struct kept *k)
{
	struct output_mark mark;

	assert_int_equal(output_sync(o, &mark), 0);
	assert_true(mark.file_count <= 8);
	*k = (struct kept){.mark = mark};
	k->mark.name = strdup(mark.name);
	k->mark.files = k->files;
	for (size_t i = 0; i < mark.file_count; i++) {
		k->files[i] = mark.files[i];
		k->files[i].name = strdup(mark.files[i].name);
	}
}

static void
drop(struct kept *k)
{
	for (size_t i = 0; i < k->mark.file_count; i++)
		free(k->files[i].name);
	free((char *)k->mark.name);
}

static struct output *
open_sink(const struct kept *past, bool compress, bool rotates)
{
	const struct output_config config = {
		.path = path, .compress = compress, .rotates = rotates, .head = "h\n", .head_len = 2,
		.past = past != NULL ? &past->mark : NULL};
	struct output *o;

	assert_int_equal(output_open(&config, 1000000000, &o), 0);
	return o;
}

static void
put_rows(struct output *o, unsigned int first, unsigned int count)
{
	char row[16];

	for (unsigned int i = first; i < first + count; i++)
		assert_int_equal(output_write(o, row, (size_t)snprintf(row, sizeof(row), "%u\n", i)), 0);
}

/* As a kill does: what is held is gone, and nothing is written any more. */
static void
kill_sink(struct output *o)
{
	output_free(o);
}

/* The text of a file, a frame after the other where it is compressed. */
static size_t
read_back(const char *name, bool compressed, char *text, size_t room)
{
	static char raw[1 << 16];
	FILE *f = fopen(name, "r");
	size_t len, at = 0, n = 0;

	assert_non_null(f);
	len = fread(raw, 1, sizeof(raw), f);
	fclose(f);
	if (!compressed) {
		memcpy(text, raw, len);
		return len;
	}
	while (at < len) {
		size_t frame = ZSTD_findFrameCompressedSize(raw + at, len - at);
		size_t got = ZSTD_decompress(text + n, room - n, raw + at, frame);

		assert_false(ZSTD_isError(frame) || ZSTD_isError(got));
		at += frame;
		n += got;
	}
	return n;
}

/* The rows of all files that a finished sink made: 0, 1, 2 ... */
static void
check_rows(struct output *o, bool compressed, unsigned int expected)
{
	unsigned int next = 0;
	size_t count;
	const struct output_file *files = output_files(o, &count);

	for (size_t i = 0; i < count; i++) {
		static char text[1 << 16];
		size_t len = read_back(files[i].name, compressed, text, sizeof(text) - 1);
		struct digest *d = digest_new();
		char sha256[DIGEST_TEXT_SIZE], *at = text;
		static char raw[1 << 16];
		unsigned int rows = 0;

		text[len] = '\0';
		assert_memory_equal(text, "h\n", 2);
		for (at = text + 2; *at != '\0'; at = strchr(at, '\n') + 1, rows++)
			assert_int_equal(atoi(at), next++);
		assert_int_equal(files[i].rows, rows);
		len = read_back(files[i].name, false, raw, sizeof(raw));
		assert_int_equal(files[i].bytes, len);
		digest_add(d, raw, len);
		digest_text(d, sha256);
		digest_free(d);
		assert_string_equal(files[i].sha256, sha256);
	}
	assert_int_equal(next, expected);
}

static void
cut_back(bool compress)
{
	struct output *o;
	struct kept k;

	snprintf(path, sizeof(path), "%s/a.csv%s", dir, compress ? ".zst" : "");
	o = open_sink(NULL, compress, false);
	put_rows(o, 0, 10);
	assert_int_equal(output_flush(o), 0);
	put_rows(o, 10, 10);
	keep(o, &k);
	put_rows(o, 900, 50); /* of no account: they come after the mark */
	assert_int_equal(output_flush(o), 0);
	put_rows(o, 950, 50);
	kill_sink(o);
	o = open_sink(&k, compress, false);
	put_rows(o, 20, 5);
	assert_int_equal(output_finish(o), 0);
	check_rows(o, compress, 25);
	output_free(o);
	drop(&k);
}

static void
plain_files_are_cut_back(void **state)
{
	(void)state;
	cut_back(false);
}

static void
compressed_files_are_cut_back(void **state)
{
	(void)state;
	cut_back(true);
}

/* Where the kill comes in the course of a turn to the next file. */
enum moment { BEFORE, ROTATED, MARKED, SETTLED, LATER, MOMENTS };

static void
turn(bool compress, enum moment moment)
{
	struct output *o;
	struct kept before, after, *last = &before;
	unsigned int next = 20;

	snprintf(path, sizeof(path), "%s/a.csv%s", dir, compress ? ".zst" : "");
	o = open_sink(NULL, compress, true);
	put_rows(o, 0, 20);
	keep(o, &before);
	put_rows(o, 20, 10);
	if (moment >= ROTATED)
		assert_int_equal(output_rotate(o, 1000003600), 0);
	keep(o, &after);
	if (moment >= MARKED) {
		last = &after;
		next = 30;
	}
	if (moment >= SETTLED)
		assert_int_equal(output_settle(o), 0);
	if (moment >= LATER) {
		put_rows(o, 900, 10);
		assert_int_equal(output_flush(o), 0);
	}
	kill_sink(o);
	if (moment == ROTATED) { /* the new file, empty, is nobody's */
		char stray[256];

		snprintf(stray, sizeof(stray), "%s/.%s.part", dir, strrchr(after.mark.name, '/') + 1);
		assert_int_equal(unlink(stray), 0);
	}
	o = open_sink(last, compress, true);
	put_rows(o, next, 5);
	assert_int_equal(output_rotate(o, 1000007200), 0);
	assert_int_equal(output_settle(o), 0);
	put_rows(o, next + 5, 5);
	assert_int_equal(output_finish(o), 0);
	check_rows(o, compress, next + 10);
	output_free(o);
	drop(&before);
	drop(&after);
}

static void
rows_of_files_go_on(void **state)
{
	(void)state;
	for (unsigned int compress = 0; compress < 2; compress++)
		for (enum moment m = BEFORE; m < MOMENTS; m++) {
			turn(compress, m);
			assert_int_equal(teardown(state), 0);
			assert_int_equal(setup(state), 0);
		}
}

static void
files_that_are_gone_or_short_are_told(void **state)
{
	struct output_config config = {.path = path};
	struct output *o;
	struct kept k;

	(void)state;
	snprintf(path, sizeof(path), "%s/a.csv", dir);
	o = open_sink(NULL, false, false);
	put_rows(o, 0, 10);
	keep(o, &k);
	kill_sink(o);
	config.past = &k.mark;
	assert_int_equal(truncate(path, 5), 0);
	assert_int_equal(output_open(&config, 0, &o), -ENODATA);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(output_open(&config, 0, &o), -ENOENT);
	drop(&k);
}

/* Nothing had come yet: the head is written once. */
static void
empty_files_go_on(void **state)
{
	struct output *o;
	struct kept k;

	(void)state;
	snprintf(path, sizeof(path), "%s/a.csv", dir);
	o = open_sink(NULL, false, false);
	keep(o, &k);
	kill_sink(o);
	o = open_sink(&k, false, false);
	put_rows(o, 0, 3);
	assert_int_equal(output_finish(o), 0);
	check_rows(o, false, 3);
	output_free(o);
	drop(&k);
}

/* What a stream has had cannot be taken back: it goes on, without another head. */
static void
streams_go_on(void **state)
{
	struct output_config config = {.path = "/dev/null", .head = "h\n", .head_len = 2};
	struct output *o;
	struct kept k;

	(void)state;
	assert_int_equal(output_open(&config, 0, &o), 0);
	put_rows(o, 0, 3);
	keep(o, &k);
	kill_sink(o);
	config.past = &k.mark;
	assert_int_equal(output_open(&config, 0, &o), 0);
	put_rows(o, 3, 3);
	assert_int_equal(output_finish(o), 0);
	assert_int_equal(output_bytes(o), 6);
	output_free(o);
	drop(&k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_files_are_cut_back),
		TEST(compressed_files_are_cut_back),
		TEST(rows_of_files_go_on),
		TEST(files_that_are_gone_or_short_are_told),
		TEST(empty_files_go_on),
		TEST(streams_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
