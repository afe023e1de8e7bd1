/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The quest and the lister: which names are looked up, each once, whatever stands in certificates and lists, however
 * full the feeds are, and whenever a run is stopped and another goes on.
 */
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

#include "base/hash.h"
#include "lister.h"
#include "quest.h"
#include "with_eal.h"

#define TEXT_SIZE (FEED_TEXT_MAX + 1)

/* A quest and its feed to one worker, who is the test. */
struct desk {
	struct job job;
	struct feed *feed;
	struct feed_batch *batch;
	struct pressure pressure;
	struct ledger ledger;
	struct quest *quest;
};

static void
desk_open(struct desk *d, const char *journal, const struct checkpoint *past)
{
	static unsigned int made;
	char name[16];
	struct quest_config config = {
		.job = &d->job, .pressure = &d->pressure, .ledger = &d->ledger, .key = {3, 4}, .journal = journal,
		.past = past,
	};

	memset(d, 0, sizeof(*d));
	d->job.order.shard = d->job.order.shards = 1;
	d->job.dns.lookups[0].names = JOB_NAMES_CERTIFICATES;
	d->job.dns.lookups[1].names = JOB_NAMES_RESPONDERS;
	d->job.dns.lookup_count = 2;
	snprintf(name, sizeof(name), "quest%u", made++);
	d->feed = feed_new(name, 1);
	assert_non_null(d->feed);
	config.feed = d->feed;
	assert_int_equal(quest_new(&config, &d->quest), 0);
}

static void
desk_close(struct desk *d)
{
	if (d->batch != NULL)
		feed_give_back(feed_lane(d->feed, 0), d->batch);
	quest_free(d->quest);
	feed_free(d->feed);
}

/* The next name that comes to the worker; false: none does. The text is valid until the next. */
static bool
next(struct desk *d, struct feed_name *name)
{
	const struct feed_lane *lane = feed_lane(d->feed, 0);

	for (;;) {
		if (d->batch == NULL)
			d->batch = feed_take(lane);
		if (d->batch == NULL)
			return false;
		if (feed_next(d->batch, name))
			return true;
		feed_give_back(lane, d->batch);
		d->batch = NULL;
	}
}

static void
over(struct desk *d, const struct feed_name *name, enum grab_cause cause, bool is_kept)
{
	const struct grab g = {.number = name->number, .origin = name->origin, .cause = (uint8_t)cause};

	quest_over(d->quest, &g, is_kept);
}

static void
show(struct desk *d, const char *name, size_t len)
{
	quest_certificate(d->quest, span_of(name, len), 0x01020304);
}

/* ---- What is a name ---------------------------------------------------------------------- */

static void
test_names_of_certificates(void **state)
{
	static char longest[3 + 253 + 2], label[70];
	const struct {
		const char *shown, *asked; /* NULL: not at all */
		size_t len;                /* 0: as long as the text */
		bool wildcard;
	} cases[] = {
		{"www.example.com", "www.example.com", 0, false},
		{"WWW.Example.COM.", NULL, 0, false}, /* the same again */
		{"Mail.Example.com.", "mail.example.com", 0, false},
		{"*.example.org", "example.org", 0, true},
		{"example.org", NULL, 0, false},
		{"example.net", "example.net", 0, false},
		{"*.Example.NET", NULL, 0, false}, /* was seen without */
		{"_dmarc.x-y.example", "_dmarc.x-y.example", 0, false},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", 0, false},
		{"b\xc3\xbc" "cher.example", NULL, 0, false}, /* a certificate's names are A-labels (RFC 5280, 7.2) */
		{"localhost", NULL, 0, false}, {"*.com", NULL, 0, false}, {"", NULL, 0, false},
		{"*", NULL, 0, false}, {"*.", NULL, 0, false}, {".", NULL, 0, false}, {"..", NULL, 0, false},
		{"*.*.example.com", NULL, 0, false}, {"f*.example.com", NULL, 0, false},
		{"a..example.com", NULL, 0, false}, {"-a.example.com", NULL, 0, false},
		{"192.0.2.1", NULL, 0, false}, {"*.192.0.2.1", NULL, 0, false}, {"2001:db8::1", NULL, 0, false},
		{"two words.example", NULL, 0, false}, {"https://example.com", NULL, 0, false},
		{"mail@example.com", NULL, 0, false}, {"a\0b.example", NULL, 11, false},
		{"\xff\xfe.example", NULL, 0, false}, {"a\nb.example", NULL, 0, false},
		{"a\\.b.example", NULL, 0, false},
		{longest + 2, longest + 2, 253, false},
		{longest + 1, NULL, 254, false},
		{label, NULL, 0, false},
	};
	struct desk d;
	struct feed_name n;

	(void)state;
	/* 3 times 63 bytes and a dot, and 61. */
	for (size_t i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = i >= 2 && (i - 2) % 64 == 63 ? '.' : 'a';
	memset(label, 'b', 64);
	memcpy(label + 64, ".org", 5);
	desk_open(&d, NULL, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = cases[i].len > 0 ? cases[i].len : strlen(cases[i].shown);

		show(&d, cases[i].shown, len);
		assert_int_equal(quest_poll(d.quest), cases[i].asked != NULL);
		if (!next(&d, &n)) {
			assert_null(cases[i].asked);
			continue;
		}
		assert_non_null(cases[i].asked);
		if (cases[i].len == 0)
			assert_int_equal(n.len, strlen(cases[i].asked));
		assert_memory_equal(n.text, cases[i].asked, n.len);
		assert_int_equal(n.wildcard, cases[i].wildcard);
		assert_int_equal(n.address, 0x01020304);
		assert_int_equal(n.origin, GRAB_ORIGIN_CERTIFICATE);
		assert_int_equal(n.lookup, 0);
		over(&d, &n, GRAB_COMPLETE, true);
	}
	desk_close(&d);
	/* As long as can be, with what is no part of it on either side. */
	memcpy(longest, "*.", 2);
	longest[255] = '.';
	desk_open(&d, NULL, NULL);
	show(&d, longest, 256);
	assert_int_equal(quest_poll(d.quest), 1);
	assert_true(next(&d, &n));
	assert_int_equal(n.len, 253);
	assert_true(n.wildcard);
	desk_close(&d);
}

static void
test_responders(void **state)
{
	struct desk d;
	struct feed_name n;

	(void)state;
	desk_open(&d, NULL, NULL);
	for (unsigned int i = 0; i < 3; i++)
		quest_responder(d.quest, 0xc0000201);
	show(&d, "192.0.2.1", 9); /* no name, and not the responder's either */
	assert_int_equal(quest_poll(d.quest), 1);
	assert_true(next(&d, &n));
	assert_int_equal(n.len, 9);
	assert_memory_equal(n.text, "192.0.2.1", 9);
	assert_int_equal(n.lookup, 1);
	assert_int_equal(n.origin, GRAB_ORIGIN_RESPONDER);
	assert_int_equal(n.address, 0xc0000201);
	assert_int_equal(d.ledger.count[LEDGER_NAME + GRAB_ORIGIN_RESPONDER], 1);
	assert_int_equal(quest_found_count(d.quest), 1);
	assert_int_equal(quest_over_count(d.quest), 0);
	over(&d, &n, GRAB_TIMEOUT, true);
	assert_int_equal(quest_over_count(d.quest), 1);
	desk_close(&d);
}

/* A job that looks for one kind leaves the other alone. */
static void
test_not_asked_for(void **state)
{
	struct desk d;
	const struct quest_config config = {.job = &d.job, .pressure = &d.pressure, .ledger = &d.ledger};
	struct quest *q;

	(void)state;
	desk_open(&d, NULL, NULL);
	d.job.dns.lookups[0].names = d.job.dns.lookups[1].names = JOB_NAMES_FILE;
	assert_int_equal(quest_new(&config, &q), 0);
	quest_responder(q, 1);
	quest_certificate(q, span_of("a.example", 9), 1);
	assert_int_equal(quest_found_count(q), 0);
	assert_int_equal(quest_poll(q), 0);
	quest_free(q);
	quest_free(NULL);
	desk_close(&d);
}

/* ---- When the feed is full --------------------------------------------------------------- */

static size_t
text_of(uint64_t i, char text[64])
{
	return (size_t)snprintf(text, 64, "n%llu.example", (unsigned long long)i);
}

/* All are held, in their order, and past a bound whoever finds them is slowed down until they have gone. */
static void
test_backpressure(void **state)
{
	enum { NAMES = 3 * QUEST_WAITING_MAX };
	struct desk d;
	struct feed_name n;
	char text[64];
	uint64_t read = 0, fed = 0;
	bool was_raised = false;

	(void)state;
	desk_open(&d, NULL, NULL);
	for (uint64_t i = 0; i < NAMES; i++) {
		show(&d, text, text_of(i, text));
		if (i % 1000 == 0)
			fed += quest_poll(d.quest);
		was_raised |= d.pressure.raised;
		assert_true(was_raised || i < QUEST_WAITING_MAX + 20000);
	}
	fed += quest_poll(d.quest);
	assert_true(d.pressure.raised);
	assert_int_equal(d.ledger.count[LEDGER_NAME + GRAB_ORIGIN_CERTIFICATE], fed);
	assert_true(fed > 0 && fed < 20000);
	while (next(&d, &n)) {
		size_t len = text_of(read, text);

		assert_int_equal(n.number, read);
		assert_int_equal(n.len, len);
		assert_memory_equal(n.text, text, len);
		over(&d, &n, GRAB_COMPLETE, true);
		read++;
		if (read % 100 == 0)
			fed += quest_poll(d.quest);
		assert_int_equal(d.pressure.raised, quest_found_count(d.quest) - fed > QUEST_WAITING_MAX);
	}
	assert_int_equal(read, NAMES);
	assert_int_equal(fed, NAMES);
	assert_false(d.pressure.raised);
	desk_close(&d);
}

/* ---- Stopped, killed, gone on with ------------------------------------------------------- */

/* A checkpoint's words outlive the quest that said them. */
static void
keep(struct checkpoint *c, struct quest *q)
{
	struct checkpoint_name *found;
	struct checkpoint_gap *gaps;
	struct checkpoint_segment *names;

	memset(c, 0, sizeof(*c));
	assert_int_equal(quest_save(q, c), 0);
	quest_saved(q);
	found = calloc(c->found_count + 1, sizeof(*found));
	gaps = calloc(c->gap_count + 1, sizeof(*gaps));
	names = calloc(c->names_count + 1, sizeof(*names));
	assert_true(found != NULL && gaps != NULL && names != NULL);
	for (size_t i = 0; i < c->found_count; i++) {
		found[i] = c->found[i];
		found[i].text = strdup(found[i].text);
	}
	if (c->gap_count > 0)
		memcpy(gaps, c->gaps, c->gap_count * sizeof(*gaps));
	if (c->names_count > 0)
		memcpy(names, c->names, c->names_count * sizeof(*names));
	c->found = found;
	c->gaps = gaps;
	c->names = names;
}

static void
forget(struct checkpoint *c)
{
	for (size_t i = 0; i < c->found_count; i++)
		free((void *)(uintptr_t)c->found[i].text);
	free(c->found);
	free(c->gaps);
	free(c->names);
}

static void
test_stop(void **state)
{
	struct checkpoint c;
	struct desk d;
	struct feed_name n;
	char text[64];

	(void)state;
	desk_open(&d, NULL, NULL);
	for (uint64_t i = 0; i < 10; i++)
		show(&d, text, text_of(i, text));
	assert_int_equal(quest_poll(d.quest), 10);
	for (uint64_t i = 10; i < 15; i++)
		show(&d, text, text_of(i, text));
	quest_stop(d.quest);
	show(&d, "late.example", 12);
	quest_responder(d.quest, 7);
	assert_int_equal(quest_poll(d.quest), 0);
	assert_int_equal(quest_found_count(d.quest), 15);
	/* 0 to 2 are written; 3 was stopped; the record of 4 found no disk; 5 to 9 never came back. */
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(next(&d, &n));
		over(&d, &n, i == 3 ? GRAB_STOPPED : GRAB_COMPLETE, i != 4);
	}
	keep(&c, d.quest);
	assert_int_equal(c.found_count, 12);
	for (unsigned int i = 0; i < 12; i++) {
		text_of(i + 3, text);
		assert_string_equal(c.found[i].text, text);
		assert_int_equal(c.found[i].address, 0x01020304);
	}
	forget(&c);
	desk_close(&d);
}

/* A name of a list, done or not: a number. */
static void
listed(struct desk *d, uint64_t number)
{
	const struct feed_name n = {.number = number, .origin = GRAB_ORIGIN_LIST};

	over(d, &n, GRAB_COMPLETE, true);
}

enum { SHOWN = 600, LISTED = 500 };

/* Records in the outputs, of each name that was found and of each that a list has; and how many of them were shown. */
struct outputs {
	uint8_t found[SHOWN];
	uint8_t listed[LISTED];
	uint64_t shown;
};

/* A run, and what a kill would leave of it. */
struct run {
	struct desk desk;
	struct outputs now;
	struct outputs kept; /* as the checkpoint has them */
	struct checkpoint checkpoint;
	bool has_checkpoint;
};

/* Hosts show names that are new, or that others have shown. */
static void
run_shows(struct run *r, uint64_t h)
{
	char text[64];

	for (uint64_t i = 0; i < h % 50; i++) {
		uint64_t shown = r->now.shown, which = shown > 0 ? hash_mix64(h - i) % shown : 0;

		if (hash_mix64(h + i) % 3 == 0 && shown < SHOWN)
			which = r->now.shown++;
		if (which < r->now.shown)
			show(&r->desk, text, text_of(which, text));
	}
	quest_poll(r->desk.quest);
}

/* Some are looked up; some are still under way when the run ends. */
static void
run_looks_up(struct run *r, uint64_t h)
{
	struct feed_name n;

	for (uint64_t i = 0; i < (h >> 10) % 40 && next(&r->desk, &n); i++) {
		uint64_t which = strtoull(n.text + 1, NULL, 10);

		if (hash_mix64(h ^ i) % 8 == 0)
			continue;
		assert_int_equal(r->now.found[which]++, 0);
		over(&r->desk, &n, GRAB_COMPLETE, true);
	}
}

static void
run_lists(struct run *r, uint64_t h)
{
	for (uint64_t i = 0; i < (h >> 20) % 40; i++) {
		uint64_t number = hash_mix64(h * 3 + i) % LISTED;

		if (quest_is_done(r->desk.quest, number) || r->now.listed[number] != 0)
			continue;
		r->now.listed[number]++;
		listed(&r->desk, number);
	}
}

static void
run_saves(struct run *r)
{
	if (r->has_checkpoint)
		forget(&r->checkpoint);
	keep(&r->checkpoint, r->desk.quest);
	r->has_checkpoint = true;
	r->kept = r->now;
}

/* What came after the checkpoint is cut off the outputs. */
static void
run_is_killed(struct run *r, const char *journal)
{
	desk_close(&r->desk);
	desk_open(&r->desk, journal, &r->checkpoint);
	r->now = r->kept;
	for (uint64_t i = 0; i < LISTED; i++)
		assert_int_equal(quest_is_done(r->desk.quest, i), r->now.listed[i]);
}

static bool
run_has_all(const struct run *r)
{
	unsigned int done = 0;

	for (unsigned int i = 0; i < SHOWN; i++)
		done += r->now.found[i];
	for (unsigned int i = 0; i < LISTED; i++)
		done += r->now.listed[i];
	return done >= SHOWN + LISTED;
}

static void
run_to_the_end(struct run *r, const char *journal, uint64_t seed)
{
	uint64_t draw = seed * 100003;

	desk_open(&r->desk, journal, NULL);
	while (!run_has_all(r)) {
		uint64_t h = hash_mix64(draw++);

		run_shows(r, h);
		run_looks_up(r, h);
		run_lists(r, h);
		if ((h >> 30) % 4 == 0)
			run_saves(r);
		if ((h >> 40) % 8 == 0 && r->has_checkpoint)
			run_is_killed(r, journal);
		assert_true(draw < seed * 100003 + 20000);
	}
	if (r->has_checkpoint)
		forget(&r->checkpoint);
	quest_remove(r->desk.quest);
	desk_close(&r->desk);
}

/*
 * Runs that are killed at any moment, and what they found since the last checkpoint with them: together they look
 * each name up, and record it once.
 */
static void
test_killed_at_any_moment(void **state)
{
	char folder[] = "/tmp/asdic-quest-XXXXXX", journal[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(journal, sizeof(journal), "%s/names", folder);
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct run run = {.has_checkpoint = false};

		run_to_the_end(&run, journal, seed);
	}
	assert_int_equal(rmdir(folder), 0); /* and its files are gone */
}

/* ---- Lists ------------------------------------------------------------------------------- */

struct list {
	struct desk desk;
	struct lister *lister;
	char path[32];
};

static void
list_open(struct list *l, const char *text, size_t len, uint32_t shard, uint32_t shards)
{
	const struct lister_config config = {
		.job = &l->desk.job, .feed = NULL, .ledger = &l->desk.ledger, .origin = GRAB_ORIGIN_LIST,
	};
	struct lister_config own = config;
	int fd;

	desk_open(&l->desk, NULL, NULL);
	strcpy(l->path, "/tmp/asdic-list-XXXXXX");
	fd = mkstemp(l->path);
	assert_true(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
	l->desk.job.dns.lookups[1].names = JOB_NAMES_FILE;
	l->desk.job.dns.lookups[1].file.text = l->path;
	l->desk.job.order.shard = shard;
	l->desk.job.order.shards = shards;
	own.feed = l->desk.feed;
	own.quest = l->desk.quest;
	l->lister = lister_new(&own);
	assert_non_null(l->lister);
}

static void
list_close(struct list *l)
{
	lister_free(l->lister);
	unlink(l->path);
	desk_close(&l->desk);
}

static void
test_lines(void **state)
{
	static const char text[] =
		"\xef\xbb\xbf" "first.example\r\n"
		"\n"
		"# a comment\n"
		"  \t blanks.example \t \r\n"
		"with.example # and why\n"
		"no#comment.example\n"
		"b\xc3\xbc" "cher.example\n"
		"\\195\\188.example\n"
		"a b.example\n"
		"\0\xff.example\n"
		"192.0.2.1\n"
		"last.example";
	static const struct {
		const char *text;
		size_t len;
	} names[] = {
		{"first.example", 13}, {"blanks.example", 14}, {"with.example", 12}, {"no#comment.example", 18},
		{"b\xc3\xbc" "cher.example", 15}, {"\\195\\188.example", 16}, {"a b.example", 11},
		{"\0\xff.example", 10}, {"192.0.2.1", 9}, {"last.example", 12},
	};
	const char *file;

	(void)state;
	for (uint32_t shards = 1; shards <= 3; shards++) {
		for (uint32_t shard = 1; shard <= shards; shard++) {
			struct feed_name n;
			struct list l;
			uint64_t number = 0;

			list_open(&l, text, sizeof(text) - 1, shard, shards);
			assert_false(lister_is_done(l.lister));
			while (!lister_is_done(l.lister))
				lister_poll(l.lister);
			for (size_t i = shard - 1; i < sizeof(names) / sizeof(names[0]); i += shards) {
				assert_true(next(&l.desk, &n));
				assert_int_equal(n.len, names[i].len);
				assert_memory_equal(n.text, names[i].text, n.len);
				assert_int_equal(n.number, number++);
				assert_int_equal(n.lookup, 1);
				assert_int_equal(n.origin, GRAB_ORIGIN_LIST);
			}
			assert_false(next(&l.desk, &n));
			assert_int_equal(lister_fed(l.lister), number);
			assert_int_equal(l.desk.ledger.count[LEDGER_NAME + GRAB_ORIGIN_LIST], number);
			assert_int_equal(lister_error(l.lister, &file), 0);
			assert_int_equal(lister_poll(l.lister), 0);
			list_close(&l);
		}
	}
}

/* A line of any length has one record: it is cut to what is no name. */
static void
test_long_lines(void **state)
{
	static const size_t lens[] = {253, 254, 255, 1019, 1020, 1021, 4096, 70000};
	char *text = malloc(200000);
	size_t len = 0;
	struct feed_name n;
	struct list l;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		memset(text + len, 'a' + (int)i, lens[i]);
		len += lens[i];
		text[len++] = '\n';
	}
	list_open(&l, text, len, 1, 1);
	while (!lister_is_done(l.lister))
		lister_poll(l.lister);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_true(next(&l.desk, &n));
		assert_int_equal(n.len, lens[i] < FEED_TEXT_MAX ? lens[i] : FEED_TEXT_MAX);
		for (uint16_t k = 0; k < n.len; k++)
			assert_int_equal(n.text[k], 'a' + (int)i);
	}
	assert_false(next(&l.desk, &n));
	list_close(&l);
	free(text);
}

/* With a full feed a name waits, and none is lost or comes twice; what a run has done, another passes over. */
static void
test_lists_wait(void **state)
{
	enum { NAMES = 60000 };
	char *text = malloc(NAMES * 20), one[64];
	uint64_t read = 0, number = 0, stalls = 0;
	size_t len = 0;
	struct feed_name n;
	struct list l;

	(void)state;
	assert_non_null(text);
	for (uint64_t i = 0; i < NAMES; i++) {
		size_t n_len = text_of(i, one);

		memcpy(text + len, one, n_len);
		len += n_len;
		text[len++] = '\n';
	}
	list_open(&l, text, len, 1, 1);
	for (uint64_t i = 0; i < NAMES; i += 3)
		listed(&l.desk, i);
	while (!lister_is_done(l.lister) || number < NAMES) {
		stalls += lister_poll(l.lister) == 0;
		for (uint64_t k = hash_mix64(read + stalls) % 900; k > 0 && next(&l.desk, &n); k--) {
			number += number % 3 == 0;
			assert_int_equal(n.number, number);
			assert_int_equal(n.len, text_of(number, one));
			assert_memory_equal(n.text, one, n.len);
			number++;
			read++;
		}
		assert_true(stalls < 100000);
	}
	assert_true(stalls > 10);
	assert_int_equal(read, NAMES - NAMES / 3);
	assert_int_equal(lister_fed(l.lister), read);
	list_close(&l);
	free(text);
}

/* The thread of a lister that is stopped in the middle ends, though nobody takes what it feeds. */
static void
test_stopped_in_the_middle(void **state)
{
	char *text = malloc(1000000);
	struct list l;
	uint64_t left;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < 1000000; i += 10)
		memcpy(text + i, "a.example\n", 10);
	list_open(&l, text, 1000000, 1, 1);
	assert_int_equal(lister_start(l.lister), 0);
	while (lister_fed(l.lister) < 1000)
		usleep(1000);
	lister_stop(l.lister);
	lister_stop(l.lister);
	assert_false(lister_is_done(l.lister));
	left = feed_left(l.desk.feed);
	assert_int_equal(left, lister_fed(l.lister));
	assert_int_equal(left, l.desk.ledger.count[LEDGER_NAME + GRAB_ORIGIN_LIST]);
	list_close(&l);
	free(text);
}

static void
test_no_such_list(void **state)
{
	const char *file = NULL;
	struct feed_name n;
	struct list l;

	(void)state;
	list_open(&l, "a.example\n", 10, 1, 1);
	/* The other list is read all the same. */
	l.desk.job.dns.lookups[0].names = JOB_NAMES_FILE;
	l.desk.job.dns.lookups[0].file.text = (char *)(uintptr_t)"/nowhere/names";
	while (!lister_is_done(l.lister))
		lister_poll(l.lister);
	assert_int_equal(lister_error(l.lister, &file), -ENOENT);
	assert_string_equal(file, "/nowhere/names");
	assert_true(next(&l.desk, &n));
	assert_int_equal(lister_fed(l.lister), 1);
	list_close(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_certificates),
		cmocka_unit_test(test_responders),
		cmocka_unit_test(test_not_asked_for),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_killed_at_any_moment),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_lists_wait),
		cmocka_unit_test(test_stopped_in_the_middle),
		cmocka_unit_test(test_no_such_list),
	};

	return cmocka_run_group_tests(tests, with_eal, without_eal);
}
