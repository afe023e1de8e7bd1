/* SPDX-License-Identifier: BSD-3-Clause */
#include "quest.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipv4.h"
#include "checkpoint/journal.h"
#include "names/hostname.h"
#include "once/once.h"

#define NO_LOOKUP UINT8_MAX

/* A name that was found, from then until its record is written. */
struct found {
	char *text;
	uint32_t address;
	uint8_t lookup;
	uint8_t origin;
	bool wildcard;
	bool is_done;
};

struct quest {
	struct quest_config config;
	uint8_t certificates; /* which lookup is of them; NO_LOOKUP: none */
	uint8_t responders;
	struct progress listed;
	struct once once;
	struct journal *journal; /* of the hashes; NULL: nothing is kept */
	struct found *found;     /* a ring: numbers [first, end), fed up to `fed` */
	size_t size;             /* a power of two */
	uint64_t first, fed, end;
	/* What checkpoints point to. */
	struct checkpoint_gap *gaps;
	struct checkpoint_name *names;
	_Atomic bool stop;
	_Atomic uint64_t found_count;
	_Atomic uint64_t over_count;
};

static struct found *
at(const struct quest *q, uint64_t number)
{
	return &q->found[number & (q->size - 1)];
}

static int
make_room(struct quest *q)
{
	size_t size = q->size > 0 ? 2 * q->size : 64;
	struct found *grown;

	if (q->end - q->first < q->size)
		return 0;
	grown = calloc(size, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	for (uint64_t n = q->first; n < q->end; n++)
		grown[n & (size - 1)] = *at(q, n);
	free(q->found);
	q->found = grown;
	q->size = size;
	return 0;
}

/* Have a name looked up. Without memory it is not, as one of which nobody has heard. */
static void
add(struct quest *q, const struct found *name, const char *text, size_t len)
{
	struct found *f;

	if (make_room(q) != 0)
		return;
	f = at(q, q->end);
	*f = *name;
	f->text = strndup(text, len);
	if (f->text == NULL)
		return;
	q->end++;
	atomic_fetch_add_explicit(&q->found_count, 1, memory_order_relaxed);
}

/* The hash of a name in its journal's form, and back. */
static struct journal_key
key_of(uint64_t hash)
{
	struct journal_key key = {(uint32_t)hash, (uint16_t)(hash >> 32), (uint8_t)(hash >> 48),
				  (uint8_t)(hash >> 56)};

	return key;
}

static uint64_t
hash_of(const struct journal_key *key)
{
	return key->address | (uint64_t)key->port << 32 | (uint64_t)key->kind << 48 |
	       (uint64_t)key->marks << 56;
}

/* Whether a name is new; from now on it is not. Without memory all are, and may be asked for again. */
static bool
is_new(struct quest *q, const char *text, size_t len)
{
	uint64_t hash = once_hash(q->config.key, text, len);
	struct journal_key key = key_of(hash);

	if (once_add(&q->once, hash) == 0)
		return false;
	if (q->journal != NULL)
		journal_add(q->journal, &key);
	return true;
}

/* Lower case, without a dot at the end: as two that are one name are the same bytes. 0: it is too long for one. */
static size_t
fold(struct span name, char text[HOSTNAME_MAX])
{
	size_t len = name.len;

	if (len > 0 && name.at[len - 1] == '.')
		len--;
	if (len > HOSTNAME_MAX)
		return 0;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = name.at[i];

		text[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	return len;
}

/* Names of the DNS have a dot; what has the form of an address is one. */
static bool
is_of_dns(const char *text, size_t len)
{
	uint32_t address;

	return memchr(text, '.', len) != NULL && hostname_fault(text, len) == NULL &&
	       ipv4_parse(text, len, &address) != 0;
}

void
quest_certificate(struct quest *q, struct span name, uint32_t address)
{
	struct found f = {.address = address, .lookup = q->certificates, .origin = GRAB_ORIGIN_CERTIFICATE};
	char text[HOSTNAME_MAX];
	size_t len;

	if (q->certificates == NO_LOOKUP || atomic_load_explicit(&q->stop, memory_order_relaxed))
		return;
	if (name.len > 2 && name.at[0] == '*' && name.at[1] == '.') {
		name = span_of(name.at + 2, name.len - 2);
		f.wildcard = true;
	}
	len = fold(name, text);
	if (is_of_dns(text, len) && is_new(q, text, len))
		add(q, &f, text, len);
}

void
quest_responder(struct quest *q, uint32_t address)
{
	struct found f = {.address = address, .lookup = q->responders, .origin = GRAB_ORIGIN_RESPONDER};
	char text[IPV4_TEXT_SIZE];
	size_t len;

	if (q->responders == NO_LOOKUP || atomic_load_explicit(&q->stop, memory_order_relaxed))
		return;
	len = ipv4_format(address, text);
	if (is_new(q, text, len))
		add(q, &f, text, len);
}

static void
update_pressure(struct quest *q)
{
	bool pressed = q->end - q->fed > QUEST_WAITING_MAX;

	if (atomic_load_explicit(&q->config.pressure->raised, memory_order_relaxed) != pressed)
		atomic_store_explicit(&q->config.pressure->raised, pressed, memory_order_relaxed);
}

unsigned int
quest_poll(struct quest *q)
{
	unsigned int moved = 0;

	if (q->config.feed == NULL)
		return 0;
	for (; q->fed < q->end && !atomic_load_explicit(&q->stop, memory_order_relaxed); q->fed++) {
		const struct found *f = at(q, q->fed);
		struct feed_name name = {
			.number = q->fed,
			.address = f->address,
			.lookup = f->lookup,
			.origin = f->origin,
			.wildcard = f->wildcard,
			.len = (uint16_t)strlen(f->text),
			.text = f->text,
		};

		if (!feed_put(q->config.feed, &name))
			break;
		ledger_add(q->config.ledger, LEDGER_NAME + f->origin, 1);
		moved++;
	}
	feed_flush(q->config.feed);
	update_pressure(q);
	return moved;
}

/* Names are forgotten in the order in which they were found. */
static void
forget(struct quest *q, uint64_t number)
{
	at(q, number)->is_done = true;
	for (; q->first < q->fed && at(q, q->first)->is_done; q->first++) {
		free(at(q, q->first)->text);
		at(q, q->first)->text = NULL;
	}
}

void
quest_over(struct quest *q, const struct grab *g, bool is_kept)
{
	atomic_fetch_add_explicit(&q->over_count, 1, memory_order_relaxed);
	/* One whose record is not in the outputs is for a later run to look up. */
	if (!is_kept || g->cause == GRAB_STOPPED)
		return;
	if (g->origin == GRAB_ORIGIN_LIST || g->origin == GRAB_ORIGIN_TARGET)
		(void)progress_done(&q->listed, g->number); /* without memory it is looked up again */
	else
		forget(q, g->number);
}

static int
tell_gaps(struct quest *q, struct checkpoint *c)
{
	uint64_t first, end = 0;

	c->listed = q->listed.end;
	c->gap_count = 0;
	while (progress_gap(&q->listed, end, &first, &end)) {
		if ((c->gap_count & (c->gap_count - 1)) == 0) {
			struct checkpoint_gap *grown =
				reallocarray(q->gaps, c->gap_count > 0 ? 2 * c->gap_count : 1, sizeof(*grown));

			if (grown == NULL)
				return -ENOMEM;
			q->gaps = grown;
		}
		q->gaps[c->gap_count++] = (struct checkpoint_gap){first, end};
	}
	c->gaps = q->gaps;
	return 0;
}

static int
tell_found(struct quest *q, struct checkpoint *c)
{
	struct checkpoint_name *grown = reallocarray(q->names, q->end - q->first + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	q->names = c->found = grown;
	c->found_count = 0;
	for (uint64_t n = q->first; n < q->end; n++) {
		const struct found *f = at(q, n);

		if (!f->is_done)
			c->found[c->found_count++] = (struct checkpoint_name){
				f->address, f->lookup, f->origin, f->wildcard, f->text};
	}
	return 0;
}

int
quest_save(struct quest *q, struct checkpoint *c)
{
	int rc = tell_gaps(q, c);

	if (rc == 0)
		rc = tell_found(q, c);
	if (rc != 0 || q->journal == NULL)
		return rc;
	/* Hashes are never done with: no floor passes them. */
	rc = journal_sync(q->journal, UINT64_MAX, 0);
	c->names = journal_segments(q->journal, &c->names_count);
	return rc;
}

void
quest_saved(struct quest *q)
{
	if (q->journal != NULL)
		journal_sweep(q->journal);
}

void
quest_remove(struct quest *q)
{
	if (q->journal != NULL)
		journal_remove(q->journal);
}

void
quest_stop(struct quest *q)
{
	atomic_store_explicit(&q->stop, true, memory_order_relaxed);
}

uint64_t
quest_found_count(const struct quest *q)
{
	return atomic_load_explicit(&q->found_count, memory_order_relaxed);
}

uint64_t
quest_over_count(const struct quest *q)
{
	return atomic_load_explicit(&q->over_count, memory_order_relaxed);
}

bool
quest_is_done(const struct quest *q, uint64_t number)
{
	return progress_has(&q->listed, number);
}

static void
recall_hash(void *context, const struct journal_key *key)
{
	struct quest *q = context;

	(void)once_add(&q->once, hash_of(key));
}

/* What an earlier run had not done is to be done, and what it had is known. */
static int
recall(struct quest *q, const struct checkpoint *past)
{
	uint64_t first = past->gap_count > 0 ? past->gaps[0].first : past->listed;
	int rc = 0;

	progress_init(&q->listed, first);
	for (size_t i = 0; i < past->gap_count && rc == 0; i++) {
		uint64_t end = i + 1 < past->gap_count ? past->gaps[i + 1].first : past->listed;

		for (uint64_t n = past->gaps[i].end; n < end && rc == 0; n++)
			rc = progress_done(&q->listed, n);
	}
	for (size_t i = 0; i < past->found_count && rc == 0; i++) {
		const struct checkpoint_name *n = &past->found[i];
		struct found f = {.address = n->address, .lookup = n->lookup, .origin = n->origin,
				  .wildcard = n->wildcard};

		if (n->lookup >= q->config.job->dns.lookup_count || n->origin >= GRAB_ORIGINS)
			return -EINVAL;
		add(q, &f, n->text, strlen(n->text));
	}
	return rc;
}

static int
open_journal(struct quest *q)
{
	const struct checkpoint *past = q->config.past;

	q->journal = journal_new(q->config.journal);
	if (q->journal == NULL)
		return -ENOMEM;
	if (past == NULL)
		return 0;
	return journal_resume(q->journal, past->names, past->names_count, recall_hash, q);
}

static uint8_t
lookup_of(const struct job_dns *dns, enum job_names names)
{
	for (size_t i = 0; i < dns->lookup_count; i++)
		if (dns->lookups[i].names == names)
			return (uint8_t)i;
	return NO_LOOKUP;
}

int
quest_new(const struct quest_config *config, struct quest **out)
{
	struct quest *q = calloc(1, sizeof(*q));
	int rc;

	*out = NULL;
	if (q == NULL)
		return -ENOMEM;
	q->config = *config;
	q->certificates = lookup_of(&config->job->dns, JOB_NAMES_CERTIFICATES);
	q->responders = lookup_of(&config->job->dns, JOB_NAMES_RESPONDERS);
	progress_init(&q->listed, 0);
	rc = once_init(&q->once);
	if (rc == 0 && config->past != NULL)
		rc = recall(q, config->past);
	if (rc == 0 && config->journal != NULL)
		rc = open_journal(q);
	if (rc == 0)
		*out = q;
	else
		quest_free(q);
	return rc;
}

void
quest_free(struct quest *q)
{
	if (q == NULL)
		return;
	for (uint64_t n = q->first; n < q->end; n++)
		free(at(q, n)->text);
	free(q->found);
	free(q->gaps);
	free(q->names);
	journal_free(q->journal);
	once_fini(&q->once);
	progress_fini(&q->listed);
	free(q);
}
