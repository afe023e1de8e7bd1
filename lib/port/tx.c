/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/tx.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/time.h"
#include "wire/wire.h"

/* An urgent frame's kind travels in a field that TX drivers leave alone. */
#define FRAME_KIND(m) ((m)->hash.usr)

/* The longest frame that asdic makes. */
#define FRAME_MAX 1514

void
tx_rate_init(struct tx_rate *r, uint64_t frames_pps, uint64_t bits_per_s)
{
	memset(r, 0, sizeof(*r));
	pace_init(&r->frames, frames_pps, PACE_BURST);
	r->has_bits = bits_per_s != 0;
	pace_init(&r->bits, bits_per_s, PACE_BURST * wire_bits(FRAME_MAX));
}

/* has_bits only says whether lengths need to be looked at: without a bandwidth all of them are granted. */
void
tx_rate_change(struct tx_rate *r, const struct clock *clock, uint64_t frames_pps,
	       uint64_t bits_per_s)
{
	uint64_t now_ns;

	pace_suspend(&r->frames);
	pace_suspend(&r->bits);
	now_ns = clock_now_ns(clock);
	atomic_store_explicit(&r->has_bits, bits_per_s != 0, memory_order_relaxed);
	pace_resume(&r->bits, bits_per_s, PACE_BURST * wire_bits(FRAME_MAX), now_ns);
	pace_resume(&r->frames, frames_pps, PACE_BURST, now_ns);
}

void
tx_init(struct tx *tx, const struct port *p, uint16_t queue, struct rte_mempool *pool,
	const struct gate *gate, struct tx_rate *rate, const struct clock *clock,
	struct ledger *ledger)
{
	memset(tx, 0, sizeof(*tx));
	tx->clock = clock;
	tx->port_id = p->id;
	tx->queue = queue;
	tx->pool = pool;
	tx->gate = gate;
	tx->rate = rate;
	tx->ledger = ledger;
}

void
tx_limit(struct tx *tx, struct pace *own)
{
	tx->own = own;
}

int
tx_init_relay(struct tx *tx, struct tx *owner, struct rte_mempool *pool, struct ledger *ledger)
{
	char name[RTE_RING_NAMESIZE];

	memset(tx, 0, sizeof(*tx));
	tx->pool = pool;
	tx->ledger = ledger;
	if (owner->relays == TX_RELAYS_MAX)
		return -ENOSPC;
	snprintf(name, sizeof(name), "relay-%u-%u-%u", owner->port_id, owner->queue, owner->relays);
	tx->relay_to = rte_ring_create(name, 4 * TX_FIFO_SIZE, SOCKET_ID_ANY,
				       RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (tx->relay_to == NULL)
		return -ENOMEM;
	owner->relay_from[owner->relays++] = tx->relay_to;
	return 0;
}

static uint16_t
fifo_count(const struct tx_fifo *f)
{
	return (uint16_t)(f->tail - f->head);
}

uint16_t
tx_room(const struct tx *tx)
{
	if (tx->relay_to != NULL)
		return (uint16_t)rte_ring_free_count(tx->relay_to);
	return (uint16_t)(TX_FIFO_SIZE - fifo_count(&tx->urgent));
}

/* Make the free slots one run at the end. */
static void
fifo_compact(struct tx_fifo *f)
{
	uint16_t n = fifo_count(f);

	if (f->head == 0)
		return;
	memmove(f->frame, f->frame + f->head, n * sizeof(f->frame[0]));
	f->head = 0;
	f->tail = n;
}

/* Queue a frame where there is known to be room. */
static void
queue_urgent(struct tx *tx, struct rte_mbuf *m)
{
	if (tx->relay_to != NULL) {
		rte_ring_sp_enqueue(tx->relay_to, m);
		return;
	}
	if (tx->urgent.tail == TX_FIFO_SIZE)
		fifo_compact(&tx->urgent);
	tx->urgent.frame[tx->urgent.tail++] = m;
}

bool
tx_urgent(struct tx *tx, enum ledger_frame kind, const uint8_t *frame, uint16_t len)
{
	struct rte_mbuf *m = tx_room(tx) > 0 ? rte_pktmbuf_alloc(tx->pool) : NULL;

	ledger_add(tx->ledger, LEDGER_INTENDED + kind, 1);
	if (m == NULL || len > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		ledger_add(tx->ledger, LEDGER_REFUSED + kind, 1);
		return false;
	}
	memcpy(rte_pktmbuf_append(m, len), frame, len);
	FRAME_KIND(m) = kind;
	queue_urgent(tx, m);
	return true;
}

void
tx_probes_ready(struct tx *tx, uint16_t n)
{
	tx->probes.head = 0;
	tx->probes.tail = n;
	ledger_add(tx->ledger, LEDGER_INTENDED + LEDGER_PROBE, n);
}

/* Whether a packet to an address that is denied is a question to a resolver: the gate has holes for those. */
static bool
is_question(const struct gate *gate, const struct rte_mbuf *m, uint16_t offset)
{
	const uint8_t *packet = rte_pktmbuf_mtod_offset(m, const uint8_t *, offset);
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;

	/* Ours have no options: the ports stand right behind the header. */
	return (ip->protocol == IP_PROTO_UDP || ip->protocol == IP_PROTO_TCP) &&
	       m->data_len >= offset + sizeof(*ip) + 4 &&
	       gate_lets_ask(gate, load_be32(ip->dst), load_be16(packet + sizeof(*ip) + 2));
}

/* Whether a frame may leave. What is neither ARP nor IPv4 is nothing that asdic makes. */
static bool
frame_may_leave(const struct gate *gate, const struct rte_mbuf *m, bool is_urgent)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct wire_ipv4 *ip;
	struct wire_network net;

	if (wire_network_find(frame, m->data_len, &net) != 0)
		return false;
	if (net.ether_type == ETHER_TYPE_ARP)
		return true;
	if (net.ether_type != ETHER_TYPE_IPV4 || m->data_len < net.offset + sizeof(*ip))
		return false;
	ip = (const struct wire_ipv4 *)(frame + net.offset);
	if (likely(!gate_denies(gate, load_be32(ip->dst))))
		return true;
	return is_urgent && (FRAME_KIND(m) == LEDGER_QUERY || FRAME_KIND(m) == LEDGER_SEGMENT) &&
	       is_question(gate, m, net.offset);
}

/* Take the frames that the gate stops out of the first n; how many remain. */
static uint16_t
gate_frames(struct tx *tx, struct tx_fifo *f, uint16_t n)
{
	struct rte_mbuf **frame = f->frame + f->head;
	bool is_urgent = f == &tx->urgent;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++)
		kept += frame_may_leave(tx->gate, frame[i], is_urgent);
	if (likely(kept == n))
		return n;
	kept = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (frame_may_leave(tx->gate, frame[i], is_urgent)) {
			frame[kept++] = frame[i];
			continue;
		}
		ledger_add(tx->ledger, LEDGER_GATED + FRAME_KIND(frame[i]), 1);
		rte_pktmbuf_free(frame[i]);
	}
	memmove(frame + kept, frame + n, (f->tail - f->head - n) * sizeof(frame[0]));
	f->tail = (uint16_t)(f->tail - (n - kept));
	return kept;
}

/* What n frames cost of the bandwidth. */
static uint32_t
cost_bits(struct rte_mbuf *const *frame, uint16_t n)
{
	uint64_t bits = 0;

	for (uint16_t i = 0; i < n; i++)
		bits += wire_bits(frame[i]->pkt_len);
	return (uint32_t)bits;
}

/* Of n frames, as many as the bandwidth allows, and paid for. */
static uint16_t
take_bits(struct tx *tx, enum pace_class class, uint64_t now_ns, struct rte_mbuf **frame, uint16_t n)
{
	struct pace *pace = &tx->rate->bits;
	uint32_t granted = pace_take(pace, class, now_ns, cost_bits(frame, n));

	while (n > 0 && cost_bits(frame, n) > granted)
		n--;
	pace_refund(pace, now_ns, now_ns, granted - cost_bits(frame, n));
	return n;
}

/* Of n frames, as many as the promise of all ports allows now, and paid for. */
static uint16_t
take_of_all(struct tx *tx, enum pace_class class, uint64_t now_ns, struct rte_mbuf **frame,
	    uint16_t n, bool has_bits)
{
	uint16_t granted = (uint16_t)pace_take(&tx->rate->frames, class, now_ns, n), fit;

	if (!has_bits || granted == 0)
		return granted;
	fit = take_bits(tx, class, now_ns, frame, granted);
	pace_refund(&tx->rate->frames, now_ns, now_ns, granted - fit);
	return fit;
}

/* Of n frames, as many as this port may send now. */
static uint16_t
take(struct tx *tx, enum pace_class class, uint64_t now_ns, struct rte_mbuf **frame, uint16_t n,
     bool has_bits)
{
	uint16_t granted, fit;

	if (tx->own == NULL)
		return take_of_all(tx, class, now_ns, frame, n, has_bits);
	granted = (uint16_t)pace_take(tx->own, class, now_ns, n);
	fit = granted == 0 ? 0 : take_of_all(tx, class, now_ns, frame, granted, has_bits);
	pace_refund(tx->own, now_ns, now_ns, granted - fit);
	return fit;
}

/* Of what was paid for at taken_ns, the driver took `sent` frames of so many bits, at sent_ns. */
static void
settle(struct tx *tx, uint64_t taken_ns, uint64_t sent_ns, uint16_t paid, uint16_t sent,
       uint32_t bits, uint32_t unsent_bits)
{
	if (sent < paid) {
		pace_refund(&tx->rate->frames, taken_ns, sent_ns, paid - sent);
		pace_refund(&tx->rate->bits, taken_ns, sent_ns, unsent_bits);
		if (tx->own != NULL)
			pace_refund(tx->own, taken_ns, sent_ns, paid - sent);
	}
	pace_settle(&tx->rate->frames, sent_ns, sent);
	pace_settle(&tx->rate->bits, sent_ns, bits);
	if (tx->own != NULL)
		pace_settle(tx->own, sent_ns, sent);
}

/*
 * One burst from the head of a queue: how many frames the driver took. The clock is read right before
 * and after, since the promise is of when the driver took them, not of when this round began.
 */
static uint16_t
send_burst(struct tx *tx, struct tx_fifo *f, enum pace_class class, uint16_t n)
{
	struct rte_mbuf **frame = f->frame + f->head;
	uint64_t taken_ns = clock_now_ns(tx->clock), sent_ns;
	uint32_t bits, unsent_bits;
	bool has_bits = atomic_load_explicit(&tx->rate->has_bits, memory_order_relaxed);
	uint16_t paid, sent;

	paid = take(tx, class, taken_ns, frame, n, has_bits);
	if (paid == 0)
		return 0;
	/* The driver frees what it takes: look at lengths before. */
	bits = has_bits ? cost_bits(frame, paid) : 0;
	sent = rte_eth_tx_burst(tx->port_id, tx->queue, frame, paid);
	sent_ns = clock_now_ns(tx->clock);
	unsent_bits = has_bits ? cost_bits(frame + sent, paid - sent) : 0;
	settle(tx, taken_ns, sent_ns, paid, sent, bits - unsent_bits, unsent_bits);
	return sent;
}

static uint16_t
flush_urgent(struct tx *tx)
{
	uint16_t n = fifo_count(&tx->urgent), sent, kept;
	uint8_t kind[PORT_BURST];

	n = n < PORT_BURST ? n : PORT_BURST;
	kept = gate_frames(tx, &tx->urgent, n);
	for (uint16_t i = 0; i < kept; i++)
		kind[i] = (uint8_t)FRAME_KIND(tx->urgent.frame[tx->urgent.head + i]);
	sent = kept == 0 ? 0 : send_burst(tx, &tx->urgent, PACE_WORKER, kept);
	for (uint16_t i = 0; i < sent; i++)
		ledger_add(tx->ledger, LEDGER_SENT + kind[i], 1);
	tx->urgent.head = (uint16_t)(tx->urgent.head + sent);
	return (uint16_t)(n - kept + sent);
}

static uint16_t
flush_probes(struct tx *tx)
{
	uint16_t n = fifo_count(&tx->probes), sent, kept;

	kept = gate_frames(tx, &tx->probes, n);
	sent = kept == 0 ? 0 : send_burst(tx, &tx->probes, PACE_PROBE, kept);
	ledger_add(tx->ledger, LEDGER_SENT + LEDGER_PROBE, sent);
	tx->probes.head = (uint16_t)(tx->probes.head + sent);
	return (uint16_t)(n - kept + sent);
}

/* Fetch what relays handed over, as far as there is room. */
static void
fetch_relayed(struct tx *tx)
{
	for (unsigned int i = 0; i < tx->relays; i++) {
		void *m;

		while (fifo_count(&tx->urgent) < TX_FIFO_SIZE &&
		       rte_ring_sc_dequeue(tx->relay_from[i], &m) == 0)
			queue_urgent(tx, m);
	}
}

uint16_t
tx_flush(struct tx *tx)
{
	uint16_t done = 0;

	if (tx->relay_to != NULL)
		return 0;
	fetch_relayed(tx);
	if (fifo_count(&tx->urgent) > 0)
		done = flush_urgent(tx);
	if (fifo_count(&tx->probes) > 0)
		done = (uint16_t)(done + flush_probes(tx));
	return done;
}

uint64_t
tx_next_ns(const struct tx *tx, uint64_t now_ns)
{
	enum pace_class class = fifo_count(&tx->urgent) > 0 ? PACE_WORKER : PACE_PROBE;
	uint64_t next, bits, own;

	if (fifo_count(&tx->urgent) == 0 && fifo_count(&tx->probes) == 0)
		return TIME_NEVER;
	next = pace_next_ns(&tx->rate->frames, class, now_ns);
	bits = pace_next_ns(&tx->rate->bits, class, now_ns);
	own = tx->own != NULL ? pace_next_ns(tx->own, class, now_ns) : now_ns;
	next = next > bits ? next : bits;
	return next > own ? next : own;
}

bool
tx_is_empty(const struct tx *tx)
{
	for (unsigned int i = 0; i < tx->relays; i++)
		if (!rte_ring_empty(tx->relay_from[i]))
			return false;
	return fifo_count(&tx->urgent) == 0 && fifo_count(&tx->probes) == 0;
}

unsigned int
tx_urgent_waiting(const struct tx *tx)
{
	return fifo_count(&tx->urgent) + (tx->relay_to != NULL ? rte_ring_count(tx->relay_to) : 0);
}

static void
fifo_give_up(struct tx *tx, struct tx_fifo *f)
{
	for (; f->head < f->tail; f->head++) {
		struct rte_mbuf *m = f->frame[f->head];

		ledger_add(tx->ledger, LEDGER_REFUSED + FRAME_KIND(m), 1);
		rte_pktmbuf_free(m);
	}
	f->head = f->tail = 0;
}

void
tx_give_up_probes(struct tx *tx)
{
	fifo_give_up(tx, &tx->probes);
}

void
tx_give_up(struct tx *tx)
{
	do {
		fifo_give_up(tx, &tx->probes);
		fifo_give_up(tx, &tx->urgent);
		fetch_relayed(tx);
	} while (fifo_count(&tx->urgent) > 0);
}
