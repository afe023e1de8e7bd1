/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The watermark: how far in time a stage has dealt with what arrived.
 *
 * A receiver's says that everything that had arrived by then is on the workers' rings; a worker's, that
 * the records of it are on the way to the writer. A stage reads the marks before it looks at its rings and
 * publishes the least of them once it has found the rings empty: what a mark speaks of was on the rings
 * before the mark was. It never falls. One lcore writes a mark, any thread reads it.
 */
#ifndef FABRIC_WATERMARK_H
#define FABRIC_WATERMARK_H

#include <stdatomic.h>
#include <stdint.h>

/* A line each, so that a stage that publishes disturbs no other. */
struct watermark {
	_Alignas(64) _Atomic uint64_t seen_ns;
};

static inline void
watermark_raise(struct watermark *w, uint64_t seen_ns)
{
	if (seen_ns > atomic_load_explicit(&w->seen_ns, memory_order_relaxed))
		atomic_store_explicit(&w->seen_ns, seen_ns, memory_order_release);
}

/* The least of count marks; 0 of none. */
static inline uint64_t
watermark_least(const struct watermark *w, unsigned int count)
{
	uint64_t least = count > 0 ? UINT64_MAX : 0;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t seen_ns = atomic_load_explicit(&w[i].seen_ns, memory_order_acquire);

		least = seen_ns < least ? seen_ns : least;
	}
	return least;
}

#endif /* FABRIC_WATERMARK_H */
