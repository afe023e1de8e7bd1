/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * News: what a worker's replies bring that was not known. The first reply of a kind from a target; that a
 * target of coverage's sample has answered an attempt, or the second look; and where in the order a target
 * stands, if anybody needs that: for a later attempt to leave it out, or since the scan goes on after a
 * kill.
 *
 * A struct news is its worker's, as its set is.
 */
#ifndef FABRIC_NEWS_H
#define FABRIC_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "classify/classify.h"
#include "dedup/dedup.h"
#include "fabric/prober.h"
#include "record/record.h"

/* All borrowed. */
struct news {
	struct dedup *dedup;
	const struct prober_source *source; /* what positions mean, and who is looked at again */
	const struct cookie_key *key;
	struct answered *answered; /* for later attempts, and for those that are had once more */
	bool marks; /* there are later attempts: who answers is marked there at once */
	/*
	 * Of a scan that goes on: positions below are of epochs that are over, so whoever answers late from
	 * there has been recorded, or came too late. 0: it is the first run.
	 */
	uint64_t floor;
};

/* Fill in n records, of replies that have been copied there; n is DEDUP_BURST at most. */
void news_find(struct news *news, struct record_scan *record, unsigned int n);

/*
 * Whether a SYN-ACK of which news_find() has told is owed a grab: neither this run has begun one, nor an
 * earlier one written its record. Asked once of each; from then on it has begun.
 */
bool news_owes_grab(struct news *news, const struct record_scan *record);

/*
 * Mark who of positions [first, end) has answered, as far as the set tells: of some that it holds. Give 0 in
 * *at first, and call until it is DEDUP_END.
 */
void news_mark_some(struct news *news, uint64_t *at, uint64_t first, uint64_t end);

/* An earlier run has recorded this: a reply of that kind, with that news (enum record_news). */
void news_recall(struct news *news, uint32_t address, uint16_t port, uint8_t kind, uint8_t what);

#endif /* FABRIC_NEWS_H */
