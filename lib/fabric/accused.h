/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resolvers that some worker has found lying, so that all stop to ask them: a list that only grows, each
 * resolver once. Control's thread adds, workers read, each from where it was.
 */
#ifndef FABRIC_ACCUSED_H
#define FABRIC_ACCUSED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct accused {
	_Alignas(64) _Atomic uint32_t count;
	uint32_t *resolver; /* numbers; room for all there are */
};

static inline void
accused_add(struct accused *a, uint32_t resolver)
{
	uint32_t count = atomic_load_explicit(&a->count, memory_order_relaxed);

	a->resolver[count] = resolver;
	atomic_store_explicit(&a->count, count + 1, memory_order_release);
}

/* The next, and *at moves on; false: there is none yet. */
static inline bool
accused_next(const struct accused *a, uint32_t *at, uint32_t *resolver)
{
	if (*at == atomic_load_explicit(&a->count, memory_order_acquire))
		return false;
	*resolver = a->resolver[(*at)++];
	return true;
}

#endif /* FABRIC_ACCUSED_H */
