/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate: the last look at every frame before it leaves.
 *
 * A deny map over the whole IPv4 space, coarse to exact: a bit per /21 and one per /26 that say "look
 * closer", a bit per /24 that says "all of it", and an exact block of 256 bits for each /24 that is denied
 * in part. The bits of the /21s are so few that they stay in a core's own cache, those of the /26s so fine
 * that hardly any address that is not denied itself is looked for in a block.
 *
 * It is built from the raw texts of the exclusions by code of its own (it does not use lib/targets nor
 * base/ipv4), so that a fault in the one does not hide in the other: a frame that the gate stops is
 * a bug found, counted, and not sent.
 *
 * Building belongs to one thread. A gate may be read by any number of threads; gate_deny() after
 * the first reader only adds and may run beside readers: a reader that starts after it returns sees
 * the denial.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct gate_table;

/* Addresses to a bit of each map, as powers of two, and the maps' 64-bit words. */
#define GATE_WIDE_SHIFT 11
#define GATE_FINE_SHIFT 6
#define GATE_NET_SHIFT 8
#define GATE_WORDS(shift) (1 << (32 - 6 - (shift)))

/*
 * A hole: an address that is denied and that is spoken with on one port all the same, since the job names
 * it as a resolver.
 */
struct gate_hole {
	uint32_t address;
	uint16_t port;
};

#define GATE_HOLES_MAX 64

/* Layout is public for the inline look-up alone. 10 MB; only pages with a denial are written. */
struct gate {
	/* Some address of this /21, or of this /26, is denied, or was before it was allowed again. */
	_Atomic uint64_t wide[GATE_WORDS(GATE_WIDE_SHIFT)];
	_Atomic uint64_t fine[GATE_WORDS(GATE_FINE_SHIFT)];
	_Atomic uint64_t whole[GATE_WORDS(GATE_NET_SHIFT)]; /* all of this /24 is */
	struct gate_table *_Atomic table;                   /* the /24s that are denied in part */
	size_t bytes;                                       /* that the gate holds */
	struct gate_hole holes[GATE_HOLES_MAX];
	size_t hole_count;
};

/* A gate that denies nothing, or NULL without memory. */
struct gate *gate_new(void);
void gate_free(struct gate *g);

/*
 * Deny, or (before the gate is in use) allow again, what a text names: an address, a CIDR or
 * "first-last"; host bits after a prefix are ignored, so that it denies the whole network that the
 * line could mean. 0; -EINVAL when it does not parse, and nothing changed; -ENOMEM, and part of it
 * may be denied. A denial of any size takes a few milliseconds at most.
 */
int gate_deny(struct gate *g, const char *text, size_t len);
int gate_allow(struct gate *g, const char *text, size_t len);

/*
 * Deny every line of a list: an entry as gate_deny() takes it, '#' starts a comment, white space
 * around an entry is nothing, and so is a byte order mark before the first. Lines that do not parse are passed over: who gives the list has
 * another reader for faults. 0, or -ENOMEM.
 */
int gate_deny_list(struct gate *g, const char *text, size_t len);

/* Before the gate is in use: make a hole for a resolver. 0; -ENOSPC. Twice is as good as once. */
int gate_open(struct gate *g, uint32_t address, uint16_t port);

/* The closer look at an address whose /21 has a bit: internal to gate_denies(). */
int gate_denies_slow(const struct gate *g, uint32_t address);

/* Whether a map has the bit of an address: internal. */
static inline int
gate_has_bit(const _Atomic uint64_t *map, uint32_t address, unsigned int shift)
{
	uint32_t bit = address >> shift;

	return (int)(atomic_load_explicit(&map[bit >> 6], memory_order_acquire) >> (bit & 63) & 1);
}

/* Whether an address (host order) is denied. Safe and fast on any lcore. */
static inline int
gate_denies(const struct gate *g, uint32_t address)
{
	if (__builtin_expect(!gate_has_bit(g->wide, address, GATE_WIDE_SHIFT), 1))
		return 0;
	return gate_denies_slow(g, address);
}

/* Whether a frame of the resolvers' own kinds, UDP or TCP to (address, port), may leave. */
int gate_lets_ask(const struct gate *g, uint32_t address, uint16_t port);

/*
 * Begin to fetch what gate_denies() will look at of n addresses: worth it some hundred nanoseconds before,
 * where many networks are denied in part. Without them it does nothing.
 */
void gate_prefetch(const struct gate *g, unsigned int n, const uint32_t *address);

/*
 * The first span of denied addresses at or after from: *first up to, but not including, *end, as long
 * as it goes. 0; -ENOENT when nothing is denied from there on. For digests and reports.
 */
int gate_next_span(const struct gate *g, uint64_t from, uint64_t *first, uint64_t *end);

/* The number of addresses denied, 0 to 2^32; for reports and tests. */
uint64_t gate_denied_count(const struct gate *g);

#endif /* GATE_GATE_H */
