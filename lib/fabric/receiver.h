/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receiver role: one RX queue, classified, replies passed to the workers that their buckets name.
 *
 * No state per target. A reply that does not fit its worker's ring waits in the receiver's hands,
 * which then takes nothing more from the NIC and raises pressure, until it fits: nothing is dropped.
 * So does a queue that gives nothing but full bursts of replies, before the NIC runs out of room. An answer of DNS
 * that does not fit waits as well, but without pressure, and no longer than two seconds where there is no end to it:
 * who floods us with what looks like one must not have all else wait.
 * ARP and pings are answered here, since the kernel no longer does.
 *
 * A struct receiver belongs to one lcore. Rings have one producer (its lcore) and one consumer (a worker).
 */
#ifndef FABRIC_RECEIVER_H
#define FABRIC_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "classify/classify.h"
#include "fabric/fabric.h"
#include "fabric/canary.h"
#include "fabric/prober.h"
#include "fabric/segments.h"
#include "fabric/watermark.h"
#include "ledger/ledger.h"
#include "neigh/neigh.h"
#include "port/port.h"
#include "port/tx.h"

struct rte_ring;

struct receiver_config {
	const struct port *port;
	uint16_t queue;
	uint8_t iface;                    /* index of the job's interface */
	struct classify_config classify;
	struct neigh *neigh;              /* the port's; only the receiver of queue 0 makes requests */
	struct tx *tx;                    /* for answers, on this port */
	struct rte_ring *const *rings;    /* one a worker; the lcore's, shared by its receivers */
	unsigned int workers;
	struct canary *canary;            /* NULL: there is none */
	struct segments_out segments;     /* of grabs' connections */
	struct pressure *pressure;
	struct watermark *watermark;
	struct ledger *ledger;
};

struct receiver {
	_Alignas(64) struct receiver_config config; /* no line of a neighbour's, which another lcore writes */
	struct reply waiting[PORT_BURST]; /* replies that found their ring full */
	unsigned int waiting_count;
	struct rte_mbuf *held[PORT_BURST]; /* answers that found theirs full */
	unsigned int held_count;
	uint64_t held_ns;      /* the last look at them */
	uint64_t hold_paid_ns; /* the time that holding has been paid for with */
	unsigned int full_bursts;  /* of replies, in a row until now */
	uint64_t mark_ns;           /* what had arrived by then has been read once frames_to_mark more are */
	uint32_t frames_to_mark;
	uint64_t drain_until_ns;    /* 0: not draining yet */
	_Atomic uint64_t answers;   /* of targets, not of canaries: SYN-ACKs and echo replies; others read it */
};

extern const struct role_ops receiver_role;

void receiver_init(struct receiver *r, const struct receiver_config *config);

/* After the lcores have stopped: count what is still held. */
void receiver_fini(struct receiver *r);

/* A ring for replies from the receivers of one lcore to one worker, or NULL. */
struct rte_ring *receiver_ring_new(unsigned int receiver, unsigned int worker);

/* Which of n workers has a bucket. */
static inline unsigned int
receiver_worker_of(uint8_t bucket, unsigned int workers)
{
	return bucket * workers / PROBE_BUCKETS;
}

#endif /* FABRIC_RECEIVER_H */
