/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/news.h"

#include "cookie/cookie.h"

/* In the set beside kinds of reply: that a target answered an attempt, or the second look, by that kind. */
#define FOUND_KEY 0x40
#define SEEN_KEY 0x80

/* That a grab of it has begun, or was written by an earlier run. */
#define GRAB_KEY 0x20

/* The target's position; false for one that is none of ours. */
static bool
find_position(const struct news *news, uint32_t address, uint16_t port, uint64_t *position)
{
	uint64_t index;

	if (targets_rank(news->source->targets, address, port, &index) != 0)
		return false;
	*position = perm_inverse(news->source->perm, index);
	return true;
}

/* What a success says of coverage, if its target is drawn. */
static uint8_t
coverage_news(struct news *news, const struct reply *r)
{
	bool second = r->use == COOKIE_COVERAGE;
	uint8_t own = r->kind | (second ? SEEN_KEY : FOUND_KEY);
	uint8_t other = r->kind | (second ? FOUND_KEY : SEEN_KEY);
	uint64_t draw = cookie_make(news->key, r->address, r->port, COOKIE_SAMPLE);

	if (!coverage_is_drawn(draw, news->source->coverage_bound) ||
	    !dedup_add(news->dedup, r->address, r->port, own))
		return 0;
	return (second ? RECORD_SEEN : RECORD_FOUND) |
	       (dedup_has(news->dedup, r->address, r->port, other) ? RECORD_BOTH : 0);
}

/* Where its target stands, and what follows from that. False when there is no news to be had from it. */
static bool
place(struct news *news, struct record_scan *record)
{
	const struct reply *r = &record->reply;

	if (!find_position(news, r->address, r->port, &record->position))
		return true;
	if (record->position < news->floor)
		return false;
	if (news->marks)
		answered_mark(news->answered, record->position);
	return true;
}

static void
find_one(struct news *news, struct record_scan *record, bool is_new)
{
	const struct reply *r = &record->reply;
	bool has_places = news->marks || news->floor > 0;
	bool samples = news->source->coverage_bound > 0 && classify_is_success(r->kind);

	record->news = is_new ? RECORD_FIRST : 0;
	if (has_places && (is_new || samples) && !place(news, record))
		record->news = 0;
	else if (samples)
		record->news |= coverage_news(news, r);
	record->repeat = !(record->news & RECORD_FIRST);
	record->probe_num = r->use == COOKIE_COVERAGE ? (uint8_t)news->source->attempts : r->attempt;
}

void
news_find(struct news *news, struct record_scan *record, unsigned int n)
{
	uint64_t key[DEDUP_BURST];
	bool is_new[DEDUP_BURST];

	if (n == 0)
		return;
	for (unsigned int i = 0; i < n; i++)
		key[i] = dedup_key(record[i].reply.address, record[i].reply.port, record[i].reply.kind);
	dedup_add_burst(news->dedup, n, key, is_new);
	for (unsigned int i = 0; i < n; i++)
		find_one(news, &record[i], is_new[i]);
}

bool
news_owes_grab(struct news *news, const struct record_scan *record)
{
	const struct reply *r = &record->reply;
	uint64_t position;

	/* Late, of an epoch that is over. */
	if (news->floor > 0 && find_position(news, r->address, r->port, &position) &&
	    position < news->floor)
		return false;
	return dedup_add(news->dedup, r->address, r->port, r->kind | GRAB_KEY);
}

void
news_mark_some(struct news *news, uint64_t *at, uint64_t first, uint64_t end)
{
	uint64_t key[DEDUP_BURST], position;
	unsigned int n = dedup_walk(news->dedup, at, key);

	for (unsigned int i = 0; i < n; i++)
		if (find_position(news, dedup_key_address(key[i]), dedup_key_port(key[i]), &position) &&
		    position >= first && position < end)
			answered_mark(news->answered, position);
}

void
news_recall(struct news *news, uint32_t address, uint16_t port, uint8_t kind, uint8_t what)
{
	uint64_t position;

	if (what & RECORD_FIRST)
		dedup_add(news->dedup, address, port, kind);
	if (what & RECORD_FOUND)
		dedup_add(news->dedup, address, port, kind | FOUND_KEY);
	if (what & RECORD_SEEN)
		dedup_add(news->dedup, address, port, kind | SEEN_KEY);
	if (what & RECORD_GRABBED)
		dedup_add(news->dedup, address, port, kind | GRAB_KEY);
	if (news->marks && find_position(news, address, port, &position))
		answered_mark(news->answered, position);
}
