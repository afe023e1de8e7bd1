/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Networks that want no probes: those whose filters say so.
 *
 * A router or firewall that stops a probe may answer that this is administratively prohibited (ICMP
 * destination unreachable, codes 9, 10 and 13: RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1). Where a network's
 * targets are answered so many times, its probes are slowed, to a half and then a quarter of its cap, and
 * then it is left out for the rest of the scan. Counted is each target once, by the /24 and the /16 of its
 * address:
 *
 *              a half   a quarter   left out
 *     a /24      16         32         64
 *     a /16    1024       2048       4096
 *
 * That is a quarter of a /24's addresses, or a quarter of a /16's /24s all that far.
 *
 * Workers note, probers ask, control reads; all at any time, without a lock: every cell is one relaxed
 * atomic, and a prober that reads an older one probes a little longer. Most scans meet few such networks:
 * until the first, probers read one flag; then one byte of a /16; only where that has a /24 with a level,
 * that /24's too. Cells lie in sparse arrays (some 270 MB of addresses, of which pages that are written
 * take memory).
 */
#ifndef POLITE_REFUSALS_H
#define POLITE_REFUSALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define REFUSALS_SLOW_24 16
#define REFUSALS_SLOW_16 1024

/* How far a network is: halvings of its cap, then left out. */
enum refusals_level { REFUSALS_NONE, REFUSALS_HALF, REFUSALS_QUARTER, REFUSALS_OUT };

/* Of a /16: some /24 of it has a level. */
#define REFUSALS_HAS_24 0x80

struct refusals_cell {
	_Atomic uint32_t refused; /* targets answered so */
	_Atomic uint32_t skipped; /* targets left out since */
	_Atomic uint64_t out_ns;  /* when it came to be left out */
};

struct refusals {
	bool has_24; /* which of the two are kept */
	bool has_16;
	_Alignas(64) _Atomic bool any;
	_Atomic uint8_t *level_24; /* by network */
	_Atomic uint8_t *level_16;
	struct refusals_cell *cell_24;
	struct refusals_cell *cell_16;
};

/* NULL without memory. */
struct refusals *refusals_new(bool has_24, bool has_16);
void refusals_free(struct refusals *r);

/* Whether an ICMP error says so. */
static inline bool
refusals_says(uint8_t icmp_type, uint8_t icmp_code)
{
	return icmp_type == 3 && (icmp_code == 9 || icmp_code == 10 || icmp_code == 13);
}

/* A target was answered so, at now_ns. */
void refusals_note(struct refusals *r, uint32_t address, uint64_t now_ns);

/* How far the networks of an address are. */
static inline void
refusals_levels(const struct refusals *r, uint32_t address, enum refusals_level *of_24,
		enum refusals_level *of_16)
{
	uint8_t level;

	*of_24 = *of_16 = REFUSALS_NONE;
	if (!atomic_load_explicit(&r->any, memory_order_relaxed))
		return;
	level = atomic_load_explicit(&r->level_16[address >> 16], memory_order_relaxed);
	*of_16 = (enum refusals_level)(level & ~REFUSALS_HAS_24);
	if (level & REFUSALS_HAS_24)
		*of_24 = (enum refusals_level)atomic_load_explicit(&r->level_24[address >> 8],
								   memory_order_relaxed);
}

/* A target was left out, since one of its networks is. */
void refusals_skip(struct refusals *r, uint32_t address);

/* A network that is slowed or left out. */
struct refusals_network {
	uint32_t address;
	uint8_t prefix_len; /* 16 or 24 */
	uint32_t refused;
	uint32_t skipped;
	uint64_t out_ns; /* 0: not yet, or in an earlier run */
};

/*
 * Walk those that are that far at least, ascending, /16s before /24s: give 0 in *at first. 0 and *network, or
 * -ENOENT at the end. It reads as much as 64 KB and what there is to tell.
 */
int refusals_next(const struct refusals *r, enum refusals_level least, uint32_t *at,
		  struct refusals_network *network);

/* Before anybody notes or asks: an earlier run had come so far with this network. */
void refusals_recall(struct refusals *r, const struct refusals_network *network);

#endif /* POLITE_REFUSALS_H */
