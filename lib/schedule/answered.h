/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has answered, by position: what a second attempt leaves out.
 *
 * A window of bits over the positions that are being probed: blocks of positions, each in the slot that
 * its number names. A block that comes to a slot takes it from an older one. Each worker has a struct
 * answered of its own and is the only one to write it; probers read all workers'. So no cache line is
 * written by two lcores.
 *
 * A slot's tag says whose bits it holds; a reader that finds another tag, before or after it has read,
 * takes nothing from it (as with a seqlock: Lameter, "Effective synchronization on Linux/NUMA systems",
 * 2005). What gets lost costs a probe that was not needed, never one that was.
 */
#ifndef SCHEDULE_ANSWERED_H
#define SCHEDULE_ANSWERED_H

#include <stdatomic.h>
#include <stdint.h>

struct answered;

/* Room for `blocks` blocks of ANSWERED_BLOCK positions, rounded up to a power of two; NULL without memory. */
#define ANSWERED_BLOCK 4096
struct answered *answered_new(uint32_t blocks);
void answered_free(struct answered *a);

/* Owner: the target at this position has answered. */
void answered_mark(struct answered *a, uint64_t position);

/* Any lcore: a bit for each of the 64 positions from position / 64 * 64 on. */
uint64_t answered_word(const struct answered *a, uint64_t position);

#endif /* SCHEDULE_ANSWERED_H */
