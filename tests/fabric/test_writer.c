/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer: what becomes of records, and that each is counted once whatever the disk does. */
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

#include <rte_ring_elem.h>

#include "writer.h"
#include "with_eal.h"

struct desk {
	struct rte_ring *rings[2];
	struct rte_ring *grabs; /* of one worker */
	struct grab_pool *pool;
	struct record_fields fields;
	struct filter *filter;
	struct filter *no_filter;
	struct output *outputs[2];
	struct writer *writer;
	struct ledger ledger;
	char path[32];
	char second_path[32];
};

static struct output *
open_output(const char *path)
{
	const struct output_config config = {.path = path, .force = true};
	struct output *o;

	assert_int_equal(output_open(&config, 0, &o), 0);
	return o;
}

/* A file of its own when path is NULL; a second output takes repeats too. */
static void
open_kept_desk(struct desk *d, const char *path, uint64_t limit, unsigned int outputs, struct keeper *keeper)
{
	struct writer_sink sinks[2] = {{.kinds = JOB_RECORD_SCAN}, {.kinds = JOB_RECORD_SCAN}};
	struct writer_config config = {
		.rings = d->rings,
		.ring_count = 2,
		.grabs = {.rings = &d->grabs, .ring_count = 1},
		.results_limit = limit,
		.ledger = &d->ledger,
		.keeper = keeper,
	};

	memset(d, 0, sizeof(*d));
	d->grabs = rte_ring_create("grabs", 64, SOCKET_ID_ANY, 0);
	d->pool = grab_pool_new(64);
	assert_true(d->grabs != NULL && d->pool != NULL);
	strcpy(d->path, "/tmp/asdic-writer-XXXXXX");
	close(mkstemp(d->path));
	strcpy(d->second_path, "/tmp/asdic-writer-XXXXXX");
	close(mkstemp(d->second_path));
	record_fields_all(&d->fields);
	assert_int_equal(filter_compile("repeat = 0", 10, (struct diag_place){0}, NULL, &d->filter), 0);
	sinks[0].output = open_output(path != NULL ? path : d->path);
	sinks[1].output = open_output(d->second_path);
	for (unsigned int i = 0; i < 2; i++) {
		d->rings[i] = rte_ring_create_elem(i == 0 ? "one" : "two", sizeof(struct record_scan),
						   16384, SOCKET_ID_ANY, 0);
		assert_non_null(d->rings[i]);
	}
	assert_int_equal(filter_compile("", 0, (struct diag_place){0}, NULL, &d->no_filter), 0);
	for (unsigned int i = 0; i < 2; i++) {
		sinks[i].fields = &d->fields;
		sinks[i].format = JOB_FORMAT_NDJSON;
		sinks[i].filter = i == 0 ? d->filter : d->no_filter;
		d->outputs[i] = sinks[i].output;
	}
	config.sinks = sinks;
	config.sink_count = outputs;
	d->writer = writer_new(&config);
	assert_non_null(d->writer);
}

static void
open_desk(struct desk *d, const char *path, uint64_t limit, unsigned int outputs)
{
	open_kept_desk(d, path, limit, outputs, NULL);
}

/* n records of first SYN-ACKs, or of repeated ones. */
static void
make_records(struct desk *d, unsigned int ring, unsigned int n, bool repeat)
{
	struct record_scan record = {.reply = {.kind = CLASSIFY_SYNACK}, .repeat = repeat};

	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(rte_ring_enqueue_elem(d->rings[ring], &record, sizeof(record)), 0);
		ledger_add(&d->ledger, LEDGER_RECORD, 1);
		ledger_add(&d->ledger, LEDGER_TAKEN, 1);
		ledger_add(&d->ledger, LEDGER_REPEAT, 1);
		ledger_add(&d->ledger, LEDGER_PASSED, 1);
		ledger_add(&d->ledger, LEDGER_RECEIVED, 1);
		ledger_add(&d->ledger, LEDGER_KIND + CLASSIFY_SYNACK, 1);
	}
}

static unsigned int
count_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned int lines = 0;
	int last = '\n', c;

	assert_non_null(f);
	while ((c = getc(f)) != EOF) {
		lines += c == '\n';
		last = c;
	}
	assert_int_equal(last, '\n');
	fclose(f);
	return lines;
}

static void
close_desk(struct desk *d)
{
	const struct ledger_equation *broken = NULL;

	if (!ledger_balances(&d->ledger, &broken))
		fail_msg("%s: %llu is not %llu", broken->name,
			 (unsigned long long)ledger_left(&d->ledger, broken),
			 (unsigned long long)ledger_right(&d->ledger, broken));
	writer_free(d->writer);
	rte_ring_free(d->rings[0]);
	rte_ring_free(d->rings[1]);
	rte_ring_free(d->grabs);
	assert_int_equal(grab_pool_room(d->pool), 64);
	grab_pool_free(d->pool);
	filter_free(d->filter);
	filter_free(d->no_filter);
	for (unsigned int i = 0; i < 2; i++) {
		output_finish(d->outputs[i]);
		output_free(d->outputs[i]);
	}
	unlink(d->path);
	unlink(d->second_path);
}

#define COUNT(d, term) ((d).ledger.count[term])

static void
test_all_rings_are_written(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, NULL, 0, 1);
	make_records(&d, 0, 1000, false);
	make_records(&d, 1, 300, false);
	make_records(&d, 1, 50, true);
	assert_int_equal(writer_finish(d.writer, false), 0);
	assert_int_equal(COUNT(d, LEDGER_WRITTEN), 1300);
	assert_int_equal(COUNT(d, LEDGER_FILTERED), 50);
	assert_int_equal(count_lines(d.path), 1300);
	close_desk(&d);
}

static void
test_a_thread_writes_the_same(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, NULL, 0, 1);
	assert_int_equal(writer_start(d.writer), 0);
	for (unsigned int i = 0; i < 100; i++)
		make_records(&d, i % 2, 100, false);
	assert_int_equal(writer_finish(d.writer, false), 0);
	assert_int_equal(COUNT(d, LEDGER_WRITTEN), 10000);
	assert_int_equal(count_lines(d.path), 10000);
	close_desk(&d);
}

static void
test_the_limit_is_exact(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, NULL, 100, 1);
	make_records(&d, 0, 99, false);
	while (writer_poll(d.writer) > 0)
		;
	assert_false(writer_has_enough(d.writer));
	make_records(&d, 0, 99, false);
	assert_int_equal(writer_finish(d.writer, false), 0);
	assert_true(writer_has_enough(d.writer));
	assert_int_equal(COUNT(d, LEDGER_WRITTEN), 100);
	assert_int_equal(COUNT(d, LEDGER_BEYOND_LIMIT), 98);
	assert_int_equal(count_lines(d.path), 100);
	close_desk(&d);
}

/* Left at once: what is on the rings is counted as unwritten, what was taken off them is written. */
static void
test_what_is_left_is_counted(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, NULL, 0, 1);
	make_records(&d, 0, 1000, false);
	writer_poll(d.writer);
	assert_int_equal(writer_finish(d.writer, true), 0);
	assert_in_range(COUNT(d, LEDGER_WRITTEN), 1, 999);
	assert_int_equal(COUNT(d, LEDGER_WRITTEN) + COUNT(d, LEDGER_UNWRITTEN), 1000);
	assert_int_equal(count_lines(d.path), COUNT(d, LEDGER_WRITTEN));
	close_desk(&d);
}

/* A disk that is full when the writer hands lines over: those that it held count as refused too. */
static void
test_a_full_disk(void **state)
{
	for (unsigned int records = 1; records <= 10000; records *= 100) {
		struct desk d;

		(void)state;
		open_desk(&d, "/dev/full", 0, 1);
		make_records(&d, 0, records, false);
		assert_int_equal(writer_finish(d.writer, false), -ENOSPC);
		assert_int_equal(COUNT(d, LEDGER_WRITTEN), 0);
		assert_int_equal(COUNT(d, LEDGER_DISK_REFUSED), records);
		close_desk(&d);
	}
}

/* Each output makes of a record what its own filter says; a result is one however many took it. */
static void
test_two_outputs(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, NULL, 100, 2);
	make_records(&d, 0, 80, false);
	make_records(&d, 1, 30, true);
	while (writer_poll(d.writer) > 0)
		;
	assert_int_equal(writer_results(d.writer), 80);
	make_records(&d, 0, 50, false);
	assert_int_equal(writer_finish(d.writer, false), 0);
	assert_int_equal(writer_results(d.writer), 100);
	assert_int_equal(COUNT(d, LEDGER_OUTPUT), 2);
	assert_int_equal(COUNT(d, LEDGER_WRITTEN), 100 + 130);
	assert_int_equal(COUNT(d, LEDGER_FILTERED), 30);
	assert_int_equal(COUNT(d, LEDGER_BEYOND_LIMIT), 2 * 30);
	assert_int_equal(count_lines(d.path), 100);
	assert_int_equal(count_lines(d.second_path), 130);
	close_desk(&d);
}

/* The one that fails is named; the other has everything. */
static void
test_one_of_two_disks_is_full(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, "/dev/full", 0, 2);
	make_records(&d, 0, 1000, false);
	assert_int_equal(writer_finish(d.writer, false), -ENOSPC);
	assert_int_equal(writer_error_sink(d.writer), 0);
	assert_int_equal(COUNT(d, LEDGER_WRITTEN), 1000);
	assert_int_equal(COUNT(d, LEDGER_DISK_REFUSED), 1000);
	assert_int_equal(count_lines(d.second_path), 1000);
	close_desk(&d);
}

/* Left at once, a record on a ring is missing from both. */
static void
test_what_is_left_is_counted_for_both(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, NULL, 0, 2);
	make_records(&d, 0, 1000, false);
	assert_int_equal(writer_finish(d.writer, true), 0);
	assert_int_equal(COUNT(d, LEDGER_UNWRITTEN), 2000);
	close_desk(&d);
}

/* So is what was talked with a host. */
static void
test_grabs_that_are_left_are_counted_for_both(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, NULL, 0, 2);
	for (unsigned int i = 0; i < 10; i++) {
		struct grab *g = grab_new(d.pool, GRAB_BANNER, 0);

		assert_int_equal(rte_ring_enqueue(d.grabs, g), 0);
		ledger_add(&d.ledger, LEDGER_OPEN_WANTED + LEDGER_OPEN_LOOK, 1);
		ledger_add(&d.ledger, LEDGER_OPENED + LEDGER_OPEN_LOOK, 1);
		ledger_add(&d.ledger, LEDGER_ENDED + GRAB_STOPPED, 1);
		ledger_add(&d.ledger, LEDGER_GRAB_RECORD, 1);
	}
	assert_int_equal(writer_finish(d.writer, true), 0);
	assert_int_equal(COUNT(d, LEDGER_UNWRITTEN), 20);
	close_desk(&d);
}

static uint64_t
nothing(void *context)
{
	(void)context;
	return 0;
}

static uint64_t
sure_of_nothing(void *context, uint64_t *since_ns)
{
	(void)context;
	*since_ns = 0;
	return 0;
}

static void
count_nothing(void *context, struct ledger *total)
{
	(void)context;
	memset(total, 0, sizeof(*total));
}

static void
know_of_none(void *context, const struct journal_key *key)
{
	(void)context;
	(void)key;
}

/* Where a checkpoint is kept, a grab that the end cut short is not told of: the run that goes on has it again. */
static void
test_a_grab_cut_short_is_left_to_the_next_run(void **state)
{
	const struct keeper_view view = {.now_ns = nothing, .seen_ns = nothing, .floor = nothing,
					 .sure = sure_of_nothing, .claimed = nothing, .ledger = count_nothing};
	char folder[] = "/tmp/asdic-writer-XXXXXX", path[64];
	const struct checkpoint base = {0};
	struct keeper_paths paths;
	struct keeper *keeper;
	struct grab *g;
	struct desk d;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/checkpoint", folder);
	assert_int_equal(keeper_paths_make(&paths, path), 0);
	assert_int_equal(keeper_new(&paths, &base, 1, 1, know_of_none, NULL, &keeper), 0);
	keeper_start(keeper, &view, NULL);
	open_kept_desk(&d, NULL, 0, 2, keeper);
	g = grab_new(d.pool, GRAB_BANNER, 0);
	g->cause = GRAB_STOPPED;
	assert_int_equal(rte_ring_enqueue(d.grabs, g), 0);
	ledger_add(&d.ledger, LEDGER_OPEN_WANTED + LEDGER_OPEN_LOOK, 1);
	ledger_add(&d.ledger, LEDGER_OPENED + LEDGER_OPEN_LOOK, 1);
	ledger_add(&d.ledger, LEDGER_ENDED + GRAB_STOPPED, 1);
	ledger_add(&d.ledger, LEDGER_GRAB_RECORD, 1);
	assert_int_equal(writer_finish(d.writer, false), 0);
	assert_int_equal(COUNT(d, LEDGER_UNWRITTEN), 2);
	assert_int_equal(count_lines(d.path), 0);
	close_desk(&d);
	keeper_free(keeper);
	keeper_paths_free(&paths);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_rings_are_written),
		cmocka_unit_test(test_a_thread_writes_the_same),
		cmocka_unit_test(test_the_limit_is_exact),
		cmocka_unit_test(test_what_is_left_is_counted),
		cmocka_unit_test(test_a_full_disk),
		cmocka_unit_test(test_two_outputs),
		cmocka_unit_test(test_one_of_two_disks_is_full),
		cmocka_unit_test(test_what_is_left_is_counted_for_both),
		cmocka_unit_test(test_grabs_that_are_left_are_counted_for_both),
		cmocka_unit_test(test_a_grab_cut_short_is_left_to_the_next_run),
	};

	return cmocka_run_group_tests(tests, with_eal, without_eal);
}
