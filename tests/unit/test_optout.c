/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "optout/optout.h"

static char folder[] = "/tmp/asdic-optout-XXXXXX";
static char path[256];

static int
make_folder(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	snprintf(path, sizeof(path), "%s/a/b/optout.conf", mkdtemp(folder));
	return 0;
}

static int
remove_folder(void **state)
{
	char command[400];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s' '%s.lock'", folder, folder);
	return system(command);
}

static size_t
add(uint32_t first, uint32_t last, const char *reason)
{
	struct ipv4_range r = {first, last};
	size_t added;

	assert_int_equal(optout_add(path, &r, 1, "2026-11-26", reason, &added), 0);
	return added;
}

static void
assert_holds(const char *expected)
{
	char text[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	assert_string_equal(text, expected);
}

static void
put(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
test_entries(void **state)
{
	static const struct {
		struct ipv4_range range;
		const char *text;
	} rows[] = {
		{{0xc0000201, 0xc0000201}, "192.0.2.1"},
		{{0xc0000200, 0xc00002ff}, "192.0.2.0/24"},
		{{0xc0000200, 0xc0000201}, "192.0.2.0/31"},
		{{0xc0000201, 0xc0000202}, "192.0.2.1-192.0.2.2"},
		{{0xc0000201, 0xc0000204}, "192.0.2.1-192.0.2.4"},
		{{0xc0000200, 0xc0000202}, "192.0.2.0-192.0.2.2"},
		{{0, UINT32_MAX}, "0.0.0.0/0"},
		{{1, UINT32_MAX}, "0.0.0.1-255.255.255.255"},
		{{0x80000000, UINT32_MAX}, "128.0.0.0/1"},
	};
	char text[OPTOUT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		optout_format(rows[i].range, text);
		assert_string_equal(text, rows[i].text);
	}
}

/* What is there stays; what a line holds already is not added again. */
static void
test_a_list_grows(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(add(0xc0000200, 0xc00002ff, "T-1"), 1);
	assert_int_equal(add(0xc0000210, 0xc0000210, "T-2"), 0);
	assert_int_equal(add(0xc0000200, 0xc00003ff, "T-3"), 1);
	assert_holds("192.0.2.0/24 # 2026-11-26 T-1\n192.0.2.0/23 # 2026-11-26 T-3\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
test_twice_at_once(void **state)
{
	const struct ipv4_range r[] = {{10, 20}, {10, 20}, {11, 12}, {9, 20}};
	size_t added;

	(void)state;
	assert_int_equal(optout_add(path, r, 4, "2026-11-26", "x", &added), 0);
	assert_int_equal(added, 2);
	assert_holds("0.0.0.10-0.0.0.20 # 2026-11-26 x\n0.0.0.9-0.0.0.20 # 2026-11-26 x\n");
}

/* A hand may have left it without a last line's end, with comments, with faults, with a mode. */
static void
test_a_list_by_hand(void **state)
{
	struct stat st;

	(void)state;
	add(1, 1, "x");
	put("# mine\n\n10.0.0.0/8\nnonsense\n10.1.1.1:80\n172.16.0.0");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(add(0x0a010101, 0x0a010101, "y"), 0);
	assert_int_equal(add(0xac100001, 0xac100001, "y"), 1);
	assert_holds("# mine\n\n10.0.0.0/8\nnonsense\n10.1.1.1:80\n172.16.0.0\n"
		     "172.16.0.1 # 2026-11-26 y\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

/* A link stays one. What a crash has left aside is no obstacle. */
static void
test_links_and_leftovers(void **state)
{
	char real[300], aside[300];
	struct stat st;

	(void)state;
	add(1, 1, "x");
	snprintf(real, sizeof(real), "%s/real.conf", folder);
	snprintf(aside, sizeof(aside), "%s/real.conf.new", folder);
	assert_int_equal(rename(path, real), 0);
	assert_int_equal(symlink(real, path), 0);
	fclose(fopen(aside, "we"));
	assert_int_equal(add(2, 2, "x"), 1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_holds("0.0.0.1 # 2026-11-26 x\n0.0.0.2 # 2026-11-26 x\n");
	assert_int_equal(access(aside, F_OK), -1);
}

static void
test_what_cannot_be_written(void **state)
{
	struct ipv4_range r = {1, 1};
	size_t added;

	(void)state;
	assert_int_equal(optout_add("/proc/none/optout.conf", &r, 1, "2026-11-26", "x", &added), -ENOENT);
	assert_int_equal(optout_add("/dev/null", &r, 1, "2026-11-26", "x", &added), -EINVAL);
	add(1, 1, "x");
	assert_int_equal(optout_add(folder, &r, 1, "2026-11-26", "x", &added), -EINVAL);
}

/* Many at once: nothing is lost, nothing is torn. */
static void
test_writers_take_turns(void **state)
{
	enum { WRITERS = 4, EACH = 10 };
	size_t lines = 0;
	char line[100];
	FILE *f;

	(void)state;
	for (uint32_t w = 0; w < WRITERS; w++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		for (uint32_t i = 0; pid == 0 && i < EACH; i++) {
			struct ipv4_range r = {w * 1000 + i * 2, w * 1000 + i * 2};
			size_t added;

			if (optout_add(path, &r, 1, "2026-11-26", "x", &added) != 0 || added != 1)
				_exit(1);
		}
		if (pid == 0)
			_exit(0);
	}
	for (int w = 0; w < WRITERS; w++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		assert_non_null(strstr(line, " # 2026-11-26 x\n"));
		lines++;
	}
	fclose(f);
	assert_int_equal(lines, WRITERS * EACH);
}

static void
test_where_they_are(void **state)
{
	struct optout_files files;

	(void)state;
	setenv(OPTOUT_VARIABLE, "/x/y", 1);
	optout_find(&files);
	assert_int_equal(files.count, 1);
	assert_string_equal(files.path[0], "/x/y");
	setenv(OPTOUT_VARIABLE, "", 1);
	setenv("XDG_STATE_HOME", "/state", 1);
	optout_find(&files);
	assert_string_equal(files.path[0], OPTOUT_SYSTEM);
	if (geteuid() == 0) {
		assert_int_equal(files.count, 1);
		return;
	}
	assert_int_equal(files.count, 2);
	assert_string_equal(files.path[1], "/state/asdic/optout.conf");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/home/x", 1);
	optout_find(&files);
	assert_string_equal(files.path[1], "/home/x/.local/state/asdic/optout.conf");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		TEST(test_a_list_grows),
		TEST(test_twice_at_once),
		TEST(test_a_list_by_hand),
		TEST(test_links_and_leftovers),
		TEST(test_what_cannot_be_written),
		TEST(test_writers_take_turns),
		cmocka_unit_test(test_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
