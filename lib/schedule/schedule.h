/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schedule: which positions a prober makes probes for next, and in which pass.
 *
 * Positions are claimed in chunks from one shared counter, so that probers meet on a cache line once in
 * SCHEDULE_CHUNK probes. A chunk that was probed once is probed again by the prober that claimed it: pass
 * k begins delay_ns[k] after pass k - 1 of the chunk has left, while new chunks go on in between. The
 * prober keeps the chunks that await a pass in a queue of its own, bounded: while it is full, new chunks
 * wait. Whatever is due longest goes first; so with one prober and a clock that replays, the order does.
 *
 * Loss comes in bursts, so a second look is worth most when it is late (Wan et al., "On the Origin of
 * Scanning", IMC 2020).
 *
 * Positions whose probes may have reached nobody, since the network was gone, are had once more: control
 * names a run of chunks (schedule_again()), which probers take in turn with new ones, whoever comes first. Control
 * knows what the floor means meanwhile; for the schedule they are over.
 *
 * The floor: every position below it has had all its passes, by whichever prober. Each publishes a
 * lower bound of its own, which it lowers to the shared counter before it claims: so the least of them is
 * always true, though nobody asks for all at one instant, and it never falls.
 *
 * A struct schedule belongs to one lcore; a struct schedule_source is shared, and schedule_floor() is any
 * thread's. Pure: time is an argument.
 */
#ifndef SCHEDULE_SCHEDULE_H
#define SCHEDULE_SCHEDULE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_CHUNK 4096

/* Attempts of one target, and a coverage probe after them. */
#define SCHEDULE_PASSES_MAX 256

/* The pass of positions that are had once more. */
#define SCHEDULE_AGAIN SCHEDULE_PASSES_MAX

/* Where the positions come from: [next, end), and what is done with each. */
struct schedule_source {
	uint64_t first;
	uint64_t end;
	unsigned int passes;                    /* 1 to SCHEDULE_PASSES_MAX */
	uint64_t delay_ns[SCHEDULE_PASSES_MAX]; /* before pass k, after pass k - 1; [0] is of no account */
	_Alignas(64) _Atomic uint64_t next;     /* the next position that nobody has claimed */
	/*
	 * Chunks to be had once more, numbered from first on: how many, in the low bits, and above these the
	 * first. One word, so that whoever takes a chunk and whoever names others never mix.
	 */
	_Alignas(64) _Atomic uint64_t again;
	_Atomic uint64_t again_done; /* chunks */
	uint64_t again_asked;        /* control's own: chunks that will be, as long as nobody says otherwise */
};

/* At most so many positions are had once more at a time: a million million. */
#define SCHEDULE_AGAIN_BITS 28
#define SCHEDULE_AGAIN_MAX ((UINT64_C(1) << SCHEDULE_AGAIN_BITS) - 1)

/* Passes over positions [first, end): attempts at delay_ns, then one at last_ns if has_last is set. */
void schedule_source_init(struct schedule_source *s, uint64_t first, uint64_t end,
			  unsigned int attempts, uint64_t delay_ns, bool has_last, uint64_t last_ns);

/*
 * Control: have positions [first, end) once more, in whole chunks, and no other that are still to be had once
 * more: with end of first, none. What probers hold of these they finish. Of more than SCHEDULE_AGAIN_MAX
 * chunks, the last so many. The position at which it begins.
 */
uint64_t schedule_again(struct schedule_source *s, uint64_t first, uint64_t end);

/* Control: whether all that was to be had once more has been, and has left. */
bool schedule_again_is_done(const struct schedule_source *s);

/* A chunk that awaits its next pass. */
struct schedule_chunk {
	uint64_t first;
	uint64_t left_ns; /* when its last pass had left */
};

struct schedule_work {
	uint64_t first; /* positions [first, end) */
	uint64_t end;
	unsigned int pass;
};

enum schedule_verdict {
	SCHEDULE_WORK, /* *work is yours, until schedule_finish() */
	SCHEDULE_WAIT, /* until schedule_next_ns() */
	SCHEDULE_DONE, /* nothing is left to claim, and nothing of ours awaits a pass */
};

struct schedule {
	struct schedule_source *source;
	struct schedule_chunk *queue; /* a ring; NULL where there is one pass */
	uint32_t room;                /* a power of two */
	uint64_t head;                /* the oldest chunk that is not done */
	uint64_t next[SCHEDULE_PASSES_MAX]; /* by pass: the next chunk it is to do; [0]: the queue's end */
	struct schedule_work work;
	_Alignas(64) _Atomic uint64_t floor;
};

/*
 * Make a prober's schedule, with room for at least `chunks` that await a pass (none with one pass).
 * 0 or -ENOMEM. The source is borrowed.
 */
int schedule_init(struct schedule *s, struct schedule_source *source, uint32_t chunks);
void schedule_fini(struct schedule *s);

/* What to do next, at now_ns. After SCHEDULE_WORK, schedule_finish() comes before the next call. */
enum schedule_verdict schedule_claim(struct schedule *s, uint64_t now_ns, struct schedule_work *work);

/* The last probe of what was claimed has left. */
void schedule_finish(struct schedule *s, uint64_t now_ns);

/* When a pass is next due; TIME_NEVER when none awaits. */
uint64_t schedule_next_ns(const struct schedule *s);

/* This prober's part of the floor. Any thread. */
static inline uint64_t
schedule_floor(const struct schedule *s)
{
	return atomic_load_explicit(&s->floor, memory_order_acquire);
}

#endif /* SCHEDULE_SCHEDULE_H */
