/* SPDX-License-Identifier: BSD-3-Clause */
#include "lister.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lines/lines.h"

/* Names of one round. */
#define BURST 4096

struct lister {
	struct lister_config config;
	size_t list;         /* of the job's lookups: the one being read */
	struct lines *lines; /* of it; NULL: not open */
	uint64_t seen;       /* names of all shards */
	uint64_t number;     /* of the next of this shard */
	struct feed_name waiting; /* found no room; text NULL: none does */
	pthread_t thread;
	bool has_thread;
	_Atomic bool stop;
	_Atomic uint64_t fed;
	_Atomic bool done;
	_Atomic int error;
	_Atomic size_t error_list;
};

struct lister *
lister_new(const struct lister_config *config)
{
	struct lister *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->config = *config;
	return l;
}

static void
close_list(struct lister *l, int rc)
{
	lines_close(l->lines);
	l->lines = NULL;
	if (rc < 0 && atomic_load_explicit(&l->error, memory_order_relaxed) == 0) {
		atomic_store_explicit(&l->error_list, l->list, memory_order_relaxed);
		atomic_store_explicit(&l->error, rc, memory_order_release);
	}
	l->list++;
}

/* The list that is read, or the next; false when there is none any more. */
static bool
open_list(struct lister *l)
{
	const struct job_dns *dns = &l->config.job->dns;

	while (l->lines == NULL && l->list < dns->lookup_count) {
		int rc;

		if (dns->lookups[l->list].names != JOB_NAMES_FILE) {
			l->list++;
			continue;
		}
		rc = lines_open(dns->lookups[l->list].file.text, &l->lines);
		if (rc != 0)
			close_list(l, rc);
	}
	return l->lines != NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* What of a line is a name; a length of 0: it has none. */
static struct span
name_in(const char *line, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (len >= 3 && memcmp(line, mark, 3) == 0) {
		line += 3;
		len -= 3;
	}
	while (len > 0 && is_blank(line[0])) {
		line++;
		len--;
	}
	for (size_t i = 0; i < len; i++)
		if (line[i] == '#' && (i == 0 || is_blank(line[i - 1])))
			len = i;
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	return span_of(line, len);
}

/* The next name of this shard that is to be looked up. 1; 0: no list has one any more. */
static int
next_name(struct lister *l, struct feed_name *out)
{
	const struct job_order *order = &l->config.job->order;

	while (open_list(l)) {
		const char *line;
		struct span name;
		size_t len;
		int rc = lines_next(l->lines, &line, &len);

		if (rc <= 0) {
			close_list(l, rc);
			continue;
		}
		name = name_in(line, len);
		if (name.len == 0 || l->seen++ % order->shards != order->shard - 1 ||
		    quest_is_done(l->config.quest, l->number++))
			continue;
		*out = (struct feed_name){
			.number = l->number - 1,
			.lookup = (uint8_t)l->list,
			.origin = l->config.origin,
			.len = (uint16_t)(name.len < FEED_TEXT_MAX ? name.len : FEED_TEXT_MAX),
			.text = (const char *)name.at,
		};
		return 1;
	}
	return 0;
}

/* The line stays the reader's until the next is read: a name that finds no room can wait where it is. */
unsigned int
lister_poll(struct lister *l)
{
	unsigned int fed = 0;

	while (fed < BURST && !atomic_load_explicit(&l->stop, memory_order_relaxed)) {
		/* Whoever types names in sees them looked up one by one. */
		if (l->lines != NULL && !lines_is_ready(l->lines))
			feed_flush(l->config.feed);
		if (l->waiting.text == NULL && next_name(l, &l->waiting) == 0) {
			feed_flush(l->config.feed);
			atomic_store_explicit(&l->done, true, memory_order_release);
			return fed;
		}
		if (!feed_put(l->config.feed, &l->waiting))
			break;
		ledger_add(l->config.ledger, LEDGER_NAME + l->waiting.origin, 1);
		atomic_fetch_add_explicit(&l->fed, 1, memory_order_relaxed);
		l->waiting.text = NULL;
		fed++;
	}
	feed_flush(l->config.feed);
	return fed;
}

static void *
lister_main(void *context)
{
	static const struct timespec nap = {0, 200 * 1000};
	struct lister *l = context;

	/* A pipe that gives nothing must not keep a run from ending. */
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	while (!lister_is_done(l) && !atomic_load_explicit(&l->stop, memory_order_relaxed))
		if (lister_poll(l) == 0)
			nanosleep(&nap, NULL);
	return NULL;
}

int
lister_start(struct lister *l)
{
	int rc = pthread_create(&l->thread, NULL, lister_main, l);

	l->has_thread = rc == 0;
	return -rc;
}

void
lister_stop(struct lister *l)
{
	atomic_store_explicit(&l->stop, true, memory_order_relaxed);
	if (!l->has_thread)
		return;
	l->has_thread = false;
	pthread_cancel(l->thread);
	pthread_join(l->thread, NULL);
}

void
lister_free(struct lister *l)
{
	if (l == NULL)
		return;
	lister_stop(l);
	lines_close(l->lines);
	free(l);
}

uint64_t
lister_fed(const struct lister *l)
{
	return atomic_load_explicit(&l->fed, memory_order_relaxed);
}

bool
lister_is_done(const struct lister *l)
{
	return atomic_load_explicit(&l->done, memory_order_acquire);
}

int
lister_error(const struct lister *l, const char **file)
{
	int rc = atomic_load_explicit(&l->error, memory_order_acquire);

	if (rc != 0)
		*file = l->config.job->dns.lookups[atomic_load_explicit(&l->error_list, memory_order_relaxed)].file.text;
	return rc;
}
