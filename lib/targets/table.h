/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The target table's layout: builder.c makes it, targets.c reads it. Inside of lib/targets.
 */
#ifndef TARGETS_TABLE_H
#define TARGETS_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A run of consecutive addresses, by the ranks it holds: address = rank + offset. A run starts at
 * the rank after the one before ends. The last rank, not the count, so that 2^32 addresses fit.
 */
struct table_run {
	uint32_t last_rank;
	uint32_t offset;
};

/* Select looks at as many runs from a bucket's first on without a search that branches. */
#define TABLE_WINDOW 8

struct targets {
	/* What select reads, one cache line. */
	uint64_t product;      /* addresses * ports; indices from here on are pairs */
	struct table_run *run; /* ascending; and a window's worth that no rank is beyond */
	uint32_t *bucket;      /* by rank >> shift: the run that holds its first rank; and an end */
	uint16_t *port;        /* ascending */
	uint64_t *pair;        /* address << 16 | port, ascending */
	uint64_t reciprocal;   /* ceil(2^64 / ports) */
	uint32_t ports;
	uint32_t shift;

	uint64_t addresses;
	size_t runs;
	size_t pairs;
	size_t bytes;
};

/*
 * Two to four runs end in a bucket, so that few ranks lie beyond a window, and the table is hardly larger
 * than its runs: one of 100,000 stays in a core's own cache. Of few runs there may be more buckets.
 */
#define TABLE_RUNS_PER_BUCKET 2
#define TABLE_BUCKETS_LEAST 256

/* For qsort() and bsearch() over pairs. */
static inline int
table_compare_pairs(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static inline uint64_t
table_pair(uint32_t address, uint16_t port)
{
	return (uint64_t)address << 16 | port;
}

#endif /* TARGETS_TABLE_H */
