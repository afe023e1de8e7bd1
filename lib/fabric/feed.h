/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeds: names on their way to the workers that look them up.
 *
 * A feed is one thread's: the reader of lists has one, the writer, which finds names in records, has
 * another. It packs names into batches and hands each to a worker by pointer; the worker gives the
 * batch back when it has taken its names. There are FEED_BATCHES of them for each worker and no more, so
 * what is on its way is bounded, and a feed without an empty batch says so and lets its names wait.
 *
 * Names of a feed have numbers, from 0 on, by which whoever gets their records knows them again.
 */
#ifndef FABRIC_FEED_H
#define FABRIC_FEED_H

#include <stdbool.h>
#include <stdint.h>

struct rte_ring;
struct feed;
struct feed_batch;

/* Of each worker: some thousand names ahead of it. */
#define FEED_BATCHES 16

/* The longest text of a name: every byte as \DDD. What is longer is no name. */
#define FEED_TEXT_MAX 1020

struct feed_name {
	uint64_t number;
	uint32_t address; /* the responder's whose name it is; else 0 */
	uint8_t lookup;   /* which of the job's */
	uint8_t origin;   /* enum grab_origin */
	bool wildcard;    /* a "*." stood before it */
	uint16_t len;
	const char *text; /* as it was given; not terminated */
};

/* The way to one worker, and back. */
struct feed_lane {
	struct rte_ring *full;  /* from the feed; one producer, one consumer */
	struct rte_ring *empty; /* from the worker */
};

/* A feed to so many workers, of a name of its own; NULL without memory. */
struct feed *feed_new(const char *name, unsigned int workers);

/* When no lcore runs any more. NULL is fine. */
void feed_free(struct feed *f);

const struct feed_lane *feed_lane(const struct feed *f, unsigned int worker);

/* The owner: pack a name, copied. False: no batch is empty, try again later. */
bool feed_put(struct feed *f, const struct feed_name *name);

/* The owner: hand over what is packed. */
void feed_flush(struct feed *f);

/* When no lcore runs any more: names that no worker has taken out of the lanes; none of NULL. */
uint64_t feed_left(struct feed *f);

/* The worker's end. A batch that was taken is read name by name (valid until it is given back). */
struct feed_batch *feed_take(const struct feed_lane *lane);
bool feed_next(struct feed_batch *b, struct feed_name *name);
void feed_give_back(const struct feed_lane *lane, struct feed_batch *b);

/* Names of a batch that were not read. */
uint32_t feed_unread(const struct feed_batch *b);

#endif /* FABRIC_FEED_H */
