/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments: what receivers hand to workers for the connections of grabs and the questions to resolvers.
 *
 * A reply travels as a value. What belongs to a connection or a question that may exist, a segment, a
 * datagram or an ICMP error that quotes one, travels as the frame that it came in: the bucket in our
 * port names its worker, as it does for replies. The worker reads it and frees it in the same poll. What finds its ring
 * full is counted and dropped where its peer sends it again, which TCP does. Nobody says an answer of DNS again: it
 * waits in its receiver's hands, for as long as that allows (fabric/receiver.h).
 *
 * An ICMP error may be both, the reply to a probe and news of its connection: then it travels both
 * ways. So may a SYN-ACK or a RST, but these say all that matters as replies.
 */
#ifndef FABRIC_SEGMENTS_H
#define FABRIC_SEGMENTS_H

#include <stdbool.h>

#include "classify/classify.h"
#include "fabric/grabber.h"
#include "fabric/lookups.h"
#include "ledger/ledger.h"
#include "probe/probe.h"

struct rte_mbuf;
struct rte_ring;

/* The receiver's end. */
struct segments_out {
	const struct probe_sources *sources;
	struct rte_ring *const *rings; /* one a worker; NULL: the job has neither grabs nor lookups */
	unsigned int workers;
	struct ledger *ledger;
};

/* A ring for the frames of one receiver to one worker, or NULL. */
struct rte_ring *segments_ring_new(unsigned int receiver, unsigned int worker);

enum segments_fate {
	SEGMENTS_LEFT,   /* of no connection or question, or cut off: the caller's, to be freed */
	SEGMENTS_PASSED, /* no longer the caller's */
	SEGMENTS_WAITS,  /* the caller's, to be passed again, or cut off */
};

/* Hand over a frame that was classified, its checksums verified, if it may be of a connection or question. */
enum segments_fate segments_pass(const struct segments_out *out, enum classify_kind kind, struct rte_mbuf *m);

/* One that waits; true: it is no longer the caller's. */
bool segments_pass_again(const struct segments_out *out, struct rte_mbuf *m);

/* Count one that waits no more; it is the caller's, to be freed. */
void segments_cut_off(const struct segments_out *out);

/* Who of a worker may know what comes; NULL: there is none. */
struct segments_in {
	struct grabber *grabber;
	struct lookups *lookups;
	struct ledger *ledger;
};

/* The worker's end: take what is there, a burst at most. How many. */
unsigned int segments_take(const struct segments_in *in, struct rte_ring *ring, uint64_t now_ns);

/* Whether a worker is behind with what it was handed: connections wait for it, not for their peers. */
bool segments_are_behind(struct rte_ring *ring);

/* Frames that may be on the rings to so many workers: what their pool is to have beside what queues hold. */
unsigned int segments_frames(unsigned int workers);

/* After the lcores have stopped: free and count what is still on a ring. */
void segments_fini(struct rte_ring *ring, struct ledger *ledger);

#endif /* FABRIC_SEGMENTS_H */
