/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way out: every frame of a port leaves through a struct tx, and so past the gate, the pacer and
 * the ledger.
 *
 * Frames wait in two short queues: urgent ones (resets, ARP, echo replies) and probes.
 * tx_flush() sends what the rate allows, urgent first; what the driver does not take stays and goes
 * again. Right before each tx_burst every frame passes the gate, so a denial holds also for frames
 * that were already waiting.
 *
 * A lcore that has no TX queue of its own, since the driver has too few, gets a struct tx that hands
 * its urgent frames over a ring to one that has (tx_init_relay()).
 *
 * A struct tx belongs to one lcore. The counts stand in that lcore's ledger: intended where a
 * frame is queued, sent or refused where it leaves.
 */
#ifndef PORT_TX_H
#define PORT_TX_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/gate.h"
#include "ledger/ledger.h"
#include "pace/pace.h"
#include "port/clock.h"
#include "port/port.h"

struct rte_mbuf;
struct rte_ring;

/* What all lcores share: the promise, of frames and of bits on the wire. */
struct tx_rate {
	struct pace frames;
	struct pace bits;
	_Atomic bool has_bits; /* there is a bandwidth: lengths matter */
};

/* frames_pps and bits_per_s of 0 are unlimited. */
void tx_rate_init(struct tx_rate *r, uint64_t frames_pps, uint64_t bits_per_s);

/* Promise something else from now on, while lcores send. One thread. */
void tx_rate_change(struct tx_rate *r, const struct clock *clock, uint64_t frames_pps,
		    uint64_t bits_per_s);

#define TX_FIFO_SIZE 64
#define TX_RELAYS_MAX 64 /* as many as there can be lcores */

/* Frames in the order they were queued: frame[head] to frame[tail - 1]. */
struct tx_fifo {
	struct rte_mbuf *frame[TX_FIFO_SIZE];
	uint16_t head;
	uint16_t tail;
};

struct tx {
	uint16_t port_id;
	uint16_t queue;
	const struct gate *gate;
	struct tx_rate *rate;
	struct pace *own; /* the port's part of it; NULL: none */
	const struct clock *clock;
	struct ledger *ledger;
	struct tx_fifo urgent;
	struct tx_fifo probes;
	struct rte_mempool *pool;  /* of urgent frames; the port's, shared by its queues */
	struct rte_ring *relay_to; /* set in a relay: where its urgent frames go; the maker of the relay frees it */
	struct rte_ring *relay_from[TX_RELAYS_MAX];
	unsigned int relays;
};

/* The owner of TX queue `queue` of p. All pointers are borrowed. */
void tx_init(struct tx *tx, const struct port *p, uint16_t queue, struct rte_mempool *pool,
	     const struct gate *gate, struct tx_rate *rate, const struct clock *clock,
	     struct ledger *ledger);

/* Hold the port's frames to a rate of its own too, which all its TX queues share. Borrowed. */
void tx_limit(struct tx *tx, struct pace *own);

/* A relay that hands urgent frames to owner. 0, -ENOMEM, -ENOSPC. */
int tx_init_relay(struct tx *tx, struct tx *owner, struct rte_mempool *pool, struct ledger *ledger);

/* How many urgent frames can be queued now. */
uint16_t tx_room(const struct tx *tx);

/*
 * Queue an urgent frame (copied). True when it was taken; false, and counted as refused, when there was
 * no room or no mbuf.
 */
bool tx_urgent(struct tx *tx, enum ledger_frame kind, const uint8_t *frame, uint16_t len);

/* Urgent frames waiting here, or on the way to whoever sends them for us. */
unsigned int tx_urgent_waiting(const struct tx *tx);

/* Probes waiting. The prober makes more only when there are none. */
static inline uint16_t
tx_probes_waiting(const struct tx *tx)
{
	return (uint16_t)(tx->probes.tail - tx->probes.head);
}

/* Where up to PORT_BURST probes go; only when none are waiting. tx_probes_ready() then queues n. */
static inline struct rte_mbuf **
tx_probes_slots(struct tx *tx)
{
	return tx->probes.frame;
}

void tx_probes_ready(struct tx *tx, uint16_t n);

/* Send what the rate allows and the driver takes. Returns the frames sent or stopped by the gate. */
uint16_t tx_flush(struct tx *tx);

/* When tx_flush() is next worth calling: now_ns, later, or TIME_NEVER with nothing waiting. */
uint64_t tx_next_ns(const struct tx *tx, uint64_t now_ns);

/* Whether nothing waits, here or on the rings of relays. */
bool tx_is_empty(const struct tx *tx);

/* Give up what waits, counted as refused: probes only, or all. */
void tx_give_up_probes(struct tx *tx);
void tx_give_up(struct tx *tx);

#endif /* PORT_TX_H */
