/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints and journals: what was written comes back, and what a kill left half-way does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/journal.h"

#define DIGEST "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb"

static char dir[64];
static char path[128];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/asdic-test-checkpoint-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/out.checkpoint", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* nothing else is left */
}

static struct checkpoint_setting settings[] = {{"probe.module", "tcp_synscan"}, {"output.1.filter", ""}};
static struct checkpoint_count counts[] = {{"probes sent", 7}, {"SYN-ACK", UINT64_MAX}};
static struct checkpoint_output outputs[] = {{"results with spaces.csv", 3, 90}, {"-", 0, 0}};
static struct checkpoint_file files[] = {{"a-1.csv", 1, 10, DIGEST, 0}, {"a-2.csv", 2, 20, DIGEST, 0}};
static struct checkpoint_segment segments[] = {{3, 8, 4096}, {4, 0, 8192}};
static struct checkpoint_segment name_segments[] = {{1, 64, UINT64_MAX}};
static struct checkpoint_refused refused[] = {{0xc0000000, 16, 2048, 0}, {0xc0000200, 24, 64, 12}};
static struct checkpoint_gap gaps[] = {{69990, 69997}, {69999, 70000}};
static struct checkpoint_name found[] = {{0, 1, 1, true, "example.org"}, {0xc0000201, 2, 2, false, "192.0.2.1"}};

static const struct checkpoint whole = {
	.scan_id = "00112233445566778899aabbccddeeff",
	.start_wall_ns = 1795456337000000001,
	.elapsed_ns = 12345,
	.runs = 2,
	.seed = UINT64_MAX,
	.key = {0x0011223344556677, 0xff},
	.floor = 1228800,
	.results = 99,
	.coverage_found = 5,
	.coverage_seen = 6,
	.settings = settings,
	.setting_count = 2,
	.counts = counts,
	.count_count = 2,
	.outputs = outputs,
	.output_count = 2,
	.files = files,
	.file_count = 2,
	.segments = segments,
	.segment_count = 2,
	.refused = refused,
	.refused_count = 2,
	.names = name_segments,
	.names_count = 1,
	.listed = 70001,
	.gaps = gaps,
	.gap_count = 2,
	.found = found,
	.found_count = 2,
};

static void
check_whole(const struct checkpoint *c)
{
	assert_false(c->complete);
	assert_string_equal(c->scan_id, whole.scan_id);
	assert_int_equal(c->start_wall_ns, whole.start_wall_ns);
	assert_int_equal(c->elapsed_ns, whole.elapsed_ns);
	assert_int_equal(c->runs, 2);
	assert_int_equal(c->seed, whole.seed);
	assert_memory_equal(c->key, whole.key, sizeof(c->key));
	assert_int_equal(c->floor, whole.floor);
	assert_int_equal(c->results, 99);
	assert_int_equal(c->coverage_found, 5);
	assert_int_equal(c->coverage_seen, 6);
	assert_string_equal(checkpoint_setting(c, "probe.module"), "tcp_synscan");
	assert_string_equal(checkpoint_setting(c, "output.1.filter"), "");
	assert_null(checkpoint_setting(c, "nothing"));
	assert_int_equal(c->count_count, 2);
	assert_string_equal(c->counts[0].name, "probes sent");
	assert_int_equal(c->counts[1].count, UINT64_MAX);
	assert_int_equal(c->output_count, 2);
	assert_string_equal(c->outputs[0].name, "results with spaces.csv");
	assert_int_equal(c->outputs[0].bytes, 90);
	assert_int_equal(c->file_count, 2);
	assert_string_equal(c->files[1].name, "a-2.csv");
	assert_string_equal(c->files[1].sha256, DIGEST);
	assert_int_equal(c->files[1].output, 0);
	assert_int_equal(c->refused_count, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(c->refused[i].address, refused[i].address);
		assert_int_equal(c->refused[i].prefix_len, refused[i].prefix_len);
		assert_int_equal(c->refused[i].refused, refused[i].refused);
		assert_int_equal(c->refused[i].skipped, refused[i].skipped);
	}
	assert_int_equal(c->segment_count, 2);
	assert_memory_equal(c->segments, segments, sizeof(segments));
	assert_int_equal(c->names_count, 1);
	assert_memory_equal(c->names, name_segments, sizeof(name_segments));
	assert_int_equal(c->listed, 70001);
	assert_int_equal(c->gap_count, 2);
	assert_memory_equal(c->gaps, gaps, sizeof(gaps));
	assert_int_equal(c->found_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(c->found[i].address, found[i].address);
		assert_int_equal(c->found[i].lookup, found[i].lookup);
		assert_int_equal(c->found[i].origin, found[i].origin);
		assert_int_equal(c->found[i].wildcard, found[i].wildcard);
		assert_string_equal(c->found[i].text, found[i].text);
	}
}

static size_t
read_text(char *text, size_t room)
{
	FILE *f = fopen(path, "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, room, f);
	fclose(f);
	return len;
}

static void
comes_back(void **state)
{
	struct checkpoint *c;
	unsigned int line;
	struct stat st;

	(void)state;
	assert_int_equal(checkpoint_read(path, &c, &line), -ENOENT);
	assert_int_equal(checkpoint_write(path, &whole), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(checkpoint_read(path, &c, &line), 0);
	check_whole(c);
	checkpoint_free(c);
	/* Over the one before. */
	assert_int_equal(checkpoint_write(path, &whole), 0);
	assert_int_equal(checkpoint_read(path, &c, &line), 0);
	check_whole(c);
	checkpoint_free(c);
}

/* A scan that is done needs no key any more. */
static void
complete_ones_hold_no_key(void **state)
{
	struct checkpoint done = whole, *c;
	char text[4096] = "";
	unsigned int line;

	(void)state;
	done.complete = true;
	assert_int_equal(checkpoint_write(path, &done), 0);
	read_text(text, sizeof(text) - 1);
	assert_null(strstr(text, "key"));
	assert_null(strstr(text, "0011223344556677 "));
	assert_int_equal(checkpoint_read(path, &c, &line), 0);
	assert_true(c->complete);
	assert_string_equal(c->scan_id, whole.scan_id);
	checkpoint_free(c);
}

static void
parts_are_refused(void **state)
{
	struct checkpoint *c;
	char text[4096];
	unsigned int line;
	size_t len;

	(void)state;
	assert_int_equal(checkpoint_write(path, &whole), 0);
	len = read_text(text, sizeof(text));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(checkpoint_parse(text, cut, &c, &line), -EINVAL);
	text[len] = 'x';
	assert_int_equal(checkpoint_parse(text, len + 1, &c, &line), -EINVAL);
}

static void
faults_are_told_by_line(void **state)
{
	static const struct {
		const char *text;
		int rc;
		unsigned int line;
	} rows[] = {
		{"asdic checkpoint 1\nend\n", 0, 2},
		{"asdic checkpoint 2\nend\n", -ENOTSUP, 1},
		{"asdic checkpoint 10\nend\n", -ENOTSUP, 1},
		{"asdic checkpoint \nend\n", -EINVAL, 1},
		{"end\n", -EINVAL, 1},
		{"asdic checkpoint 1\nfloor -1\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\nfloor 18446744073709551616\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\nfloor 1 2\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\nfloor\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\nflor 1\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\nfloor 1\n\nend\n", -EINVAL, 3},
		{"asdic checkpoint 1\nkey 1\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\nscan_id 12\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\nstate half\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\nfile 1 1 " DIGEST " a\nend\n", -EINVAL, 2},
		{"asdic checkpoint 1\noutput 1 1 a\nfile 1 1 " DIGEST " a\nend\n", 0, 4},
		{"asdic checkpoint 1\noutput 1 1 \nend\n", -EINVAL, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct checkpoint *c;
		unsigned int line;

		assert_int_equal(checkpoint_parse(rows[i].text, strlen(rows[i].text), &c, &line), rows[i].rc);
		assert_int_equal(line, rows[i].line);
		checkpoint_free(c);
	}
}

/* What a journal is to hold: keys first to first + count - 1 by their address. */
struct seen {
	uint32_t first;
	uint32_t count;
};

static void
see(void *context, const struct journal_key *key)
{
	struct seen *s = context;

	assert_int_equal(key->address, s->first + s->count);
	assert_int_equal(key->port, (uint16_t)(key->address * 3));
	assert_int_equal(key->kind, key->address % 5);
	assert_int_equal(key->marks, key->address % 7);
	s->count++;
}

static void
add_keys(struct journal *j, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct journal_key key = {i, (uint16_t)(i * 3), (uint8_t)(i % 5), (uint8_t)(i % 7)};

		journal_add(j, &key);
	}
}

static struct journal *
go_on(const struct checkpoint_segment *names, size_t count, struct seen *seen)
{
	struct journal *j = journal_new(path);

	assert_non_null(j);
	assert_int_equal(journal_resume(j, names, count, see, seen), 0);
	return j;
}

#define MANY 150000 /* keys: more than a segment */

static void
keys_after_the_checkpoint_are_forgotten(void **state)
{
	struct journal *j = journal_new(path);
	struct checkpoint_segment named[8], *now;
	struct seen seen = {0};
	size_t count;

	(void)state;
	add_keys(j, 0, 100);
	assert_int_equal(journal_sync(j, 4096, 0), 0);
	now = journal_segments(j, &count);
	assert_int_equal(count, 1);
	named[0] = now[0];
	add_keys(j, 100, 2 * MANY); /* and the kill */
	assert_int_equal(journal_sync(j, 8192, 0), 0);
	add_keys(j, 100, 5);
	assert_int_equal(journal_sync(j, 8192, 0), 0);
	journal_free(j);
	j = go_on(named, 1, &seen);
	assert_int_equal(seen.count, 100);
	/* It goes on in a segment of its own; both come back. */
	add_keys(j, 100, 50);
	assert_int_equal(journal_sync(j, 8192, 0), 0);
	now = journal_segments(j, &count);
	assert_int_equal(count, 2);
	memcpy(named, now, count * sizeof(*now));
	journal_free(j);
	seen.count = 0;
	j = go_on(named, 2, &seen);
	assert_int_equal(seen.count, 150);
	journal_remove(j);
	journal_free(j);
}

/* Old segments go, but not before a checkpoint without them is on the disk. */
static void
old_segments_go(void **state)
{
	struct journal *j = journal_new(path);
	struct checkpoint_segment named[8], *now;
	struct seen seen = {0};
	size_t count, before;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		add_keys(j, i * MANY, MANY);
		assert_int_equal(journal_sync(j, (i + 1) * 4096, 0), 0);
	}
	now = journal_segments(j, &before);
	assert_int_equal(before, 4);
	memcpy(named, now, before * sizeof(*now));
	assert_int_equal(journal_sync(j, 5 * 4096, 2 * 4096), 0);
	journal_segments(j, &count);
	assert_int_equal(count, 2);
	journal_free(j); /* killed before the checkpoint was renamed: the one before still holds */
	j = go_on(named, 4, &seen);
	assert_int_equal(seen.count, 4 * MANY);
	assert_int_equal(journal_sync(j, 5 * 4096, 2 * 4096), 0);
	memcpy(named, journal_segments(j, &count), 2 * sizeof(*named));
	journal_free(j); /* killed after it was renamed, and before the sweep */
	seen = (struct seen){.first = 2 * MANY};
	j = go_on(named, 2, &seen);
	assert_int_equal(seen.count, 2 * MANY);
	assert_int_equal(journal_sync(j, 5 * 4096, 4 * 4096), 0);
	journal_segments(j, &count);
	assert_int_equal(count, 0);
	journal_sweep(j);
	journal_free(j); /* teardown sees that no file is left */
}

static void
lost_segments_are_told(void **state)
{
	struct journal *j = journal_new(path);
	struct checkpoint_segment named;
	struct seen seen = {0};
	size_t count;

	(void)state;
	add_keys(j, 0, 100);
	assert_int_equal(journal_sync(j, 4096, 0), 0);
	named = *journal_segments(j, &count);
	named.bytes += 8;
	journal_free(j);
	j = journal_new(path);
	assert_int_equal(journal_resume(j, &named, 1, see, &seen), -ENODATA);
	named.number = 77;
	assert_int_equal(journal_resume(j, &named, 1, see, &seen), -ENOENT);
	journal_free(j);
	named = (struct checkpoint_segment){1, 800, 4096};
	seen.count = 0;
	j = go_on(&named, 1, &seen);
	journal_remove(j);
	journal_free(j);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(comes_back),
		TEST(complete_ones_hold_no_key),
		TEST(parts_are_refused),
		TEST(faults_are_told_by_line),
		TEST(keys_after_the_checkpoint_are_forgotten),
		TEST(old_segments_go),
		TEST(lost_segments_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
