/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/receiver.h"

#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/time.h"

/* Replies that a worker may be behind: half a second of 1% hits at dual 10GbE. */
#define RING_SIZE 16384

/* Full bursts of replies in a row that show a queue filling up: a quarter of its descriptors. */
#define BEHIND_BURSTS 16

/*
 * How long answers may wait for a worker whose lcore is kept off its CPU. Waiting is paid for with as long a time
 * without, by the reckoning of pacing (GCRA): so much at once, and less than half of the time in the long run.
 */
#define HOLD_NS (2 * NS_PER_SEC)

/* More frames than any RX queue holds, a kernel's socket behind it included. */
#define QUEUE_FRAMES (1 << 18)

/* How long what came before the cooldown was over may still be read: no flood keeps a scan from ending. */
#define DRAIN_NS (5 * NS_PER_SEC)

void
receiver_init(struct receiver *r, const struct receiver_config *config)
{
	memset(r, 0, sizeof(*r));
	r->config = *config;
}

/* Answers are held no longer. */
static void
give_up_held(struct receiver *r)
{
	for (unsigned int i = 0; i < r->held_count; i++) {
		segments_cut_off(&r->config.segments);
		rte_pktmbuf_free(r->held[i]);
	}
	r->held_count = 0;
}

void
receiver_fini(struct receiver *r)
{
	ledger_add(r->config.ledger, LEDGER_STRANDED, r->waiting_count);
	r->waiting_count = 0;
	give_up_held(r);
}

struct rte_ring *
receiver_ring_new(unsigned int receiver, unsigned int worker)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "replies-%u-%u", receiver, worker);
	return rte_ring_create_elem(name, sizeof(struct reply), RING_SIZE, SOCKET_ID_ANY,
				    RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/*
 * Pass replies on, in runs for one worker. Those that found its ring full are moved to the front, in
 * order; how many.
 */
static unsigned int
pass(struct receiver *r, struct reply *reply, unsigned int n)
{
	unsigned int workers = r->config.workers, left = 0, run;

	for (unsigned int i = 0; i < n; i += run) {
		unsigned int worker = receiver_worker_of(reply[i].bucket, workers), passed;

		for (run = 1; i + run < n; run++)
			if (receiver_worker_of(reply[i + run].bucket, workers) != worker)
				break;
		passed = rte_ring_sp_enqueue_burst_elem(r->config.rings[worker], &reply[i],
							sizeof(*reply), run, NULL);
		ledger_add(r->config.ledger, LEDGER_PASSED, passed);
		if (unlikely(passed < run)) {
			memmove(&reply[left], &reply[i + passed],
				(run - passed) * sizeof(*reply));
			left += run - passed;
		}
	}
	return left;
}

/* Answer to what is asked of us: ARP and ping. */
static void
serve(struct receiver *r, enum classify_kind kind, const uint8_t *frame, size_t len)
{
	uint8_t answer[NEIGH_FRAME_MAX];
	uint16_t n;

	if (kind == CLASSIFY_ARP) {
		n = neigh_arp(r->config.neigh, frame, len, answer);
		if (n > 0)
			tx_urgent(r->config.tx, LEDGER_ARP, answer, n);
		return;
	}
	n = neigh_echo(r->config.neigh, frame, len, answer);
	if (n > 0)
		tx_urgent(r->config.tx, LEDGER_ECHO, answer, n);
}

/* Count frames by their kinds, and answer those that ask. */
static void
count_and_serve(struct receiver *r, uint16_t n, const uint8_t *const *frame, const uint16_t *len,
		const uint8_t *kind)
{
	uint16_t count[CLASSIFY_KINDS] = {0};

	for (uint16_t i = 0; i < n; i++)
		count[kind[i]]++;
	for (unsigned int k = 0; k < CLASSIFY_KINDS; k++)
		ledger_add(r->config.ledger, LEDGER_KIND + k, count[k]);
	if (likely(count[CLASSIFY_ARP] + count[CLASSIFY_ECHO_REQUEST] == 0))
		return;
	for (uint16_t i = 0; i < n; i++)
		if (kind[i] == CLASSIFY_ARP || kind[i] == CLASSIFY_ECHO_REQUEST)
			serve(r, kind[i], frame[i], len[i]);
}

/* Nobody needs the connection. */
static void
reset_canary(struct receiver *r, const struct reply *reply)
{
	uint8_t frame[PROBE_FRAME_MAX];
	uint16_t n = probe_build_rst(r->config.classify.probe, reply->address, reply->port,
				     reply->own_address, reply->own_port, reply->ack,
				     (uint16_t)(reply->seq ^ reply->seq >> 16), frame);

	tx_urgent(r->config.tx, LEDGER_RESET, frame, n);
}

/* Canaries' replies end here, with what they opened; the others move up: how many. */
static unsigned int
take_canaries(struct receiver *r, struct reply *reply, unsigned int n)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (reply[i].use != COOKIE_CANARY) {
			reply[left++] = reply[i];
			continue;
		}
		canary_note(r->config.canary, &reply[i]);
		ledger_add(r->config.ledger, LEDGER_CANARY_REPLIES, 1);
		if (reply[i].kind == CLASSIFY_SYNACK)
			reset_canary(r, &reply[i]);
	}
	return left;
}

/*
 * Give frames back to their pool. As a driver leaves them they are whole and nobody else's, and all of that
 * is said in the mbuf's first cache line, which is at hand: a look at the second would be a miss each.
 */
static void
free_frames(struct rte_mbuf **burst, uint16_t n)
{
	struct rte_mempool *pool = n > 0 ? burst[0]->pool : NULL;
	bool is_plain = true;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = burst[i];

		is_plain &= (m->pool == pool) & (m->nb_segs == 1) & (rte_mbuf_refcnt_read(m) == 1) &
			    RTE_MBUF_DIRECT(m);
	}
	if (likely(is_plain && n > 0))
		rte_mempool_put_bulk(pool, (void **)burst, n);
	else
		rte_pktmbuf_free_bulk(burst, n);
}

/* What may be of a connection or question goes to its worker, some of it later; how many are left. */
static uint16_t
pass_segments(struct receiver *r, struct rte_mbuf **burst, uint16_t n, const uint8_t *kind)
{
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		switch (segments_pass(&r->config.segments, kind[i], burst[i])) {
		case SEGMENTS_LEFT:
			burst[left++] = burst[i];
			break;
		case SEGMENTS_WAITS:
			r->held[r->held_count++] = burst[i];
			break;
		case SEGMENTS_PASSED:
			break;
		}
	}
	return left;
}

/* Answers that wait are passed, or given up when they have waited long enough. */
static void
pass_held(struct receiver *r, uint64_t now_ns)
{
	unsigned int left = 0;

	if (likely(r->held_count == 0))
		return;
	for (unsigned int i = 0; i < r->held_count; i++)
		if (!segments_pass_again(&r->config.segments, r->held[i]))
			r->held[left++] = r->held[i];
	r->hold_paid_ns = r->hold_paid_ns > r->held_ns ? r->hold_paid_ns : r->held_ns;
	r->hold_paid_ns += 2 * (now_ns - r->held_ns);
	r->held_ns = now_ns;
	r->held_count = left;
	if (r->hold_paid_ns > now_ns + HOLD_NS)
		give_up_held(r);
}

/* None are held when a burst comes. */
static void
part_with(struct receiver *r, struct rte_mbuf **burst, uint16_t n, const uint8_t *kind, uint64_t now_ns)
{
	uint16_t left = n;

	if (r->config.segments.rings != NULL)
		left = pass_segments(r, burst, n, kind);
	r->held_ns = now_ns;
	pass_held(r, now_ns);
	free_frames(burst, left);
}

/* For those who measure the hit rate; this lcore alone writes. */
static void
count_answers(struct receiver *r, unsigned int n)
{
	uint64_t answers = atomic_load_explicit(&r->answers, memory_order_relaxed);

	for (unsigned int i = 0; i < n; i++)
		answers += r->waiting[i].kind == CLASSIFY_SYNACK || r->waiting[i].kind == CLASSIFY_ECHOREPLY;
	atomic_store_explicit(&r->answers, answers, memory_order_relaxed);
}

/* The replies among n frames go to their workers, or wait; how many they are. Frees the frames. */
static unsigned int
receive_frames(struct receiver *r, struct rte_mbuf **burst, uint16_t n, uint64_t now_ns)
{
	const uint8_t *frame[PORT_BURST];
	uint8_t kind[PORT_BURST];
	uint16_t len[PORT_BURST];
	unsigned int replies;

	/* Drivers may split long frames; what is asked of a header stands in the first segment. */
	for (uint16_t i = 0; i < n; i++) {
		frame[i] = rte_pktmbuf_mtod(burst[i], const uint8_t *);
		len[i] = burst[i]->data_len;
		rte_prefetch0(frame[i]);
		rte_prefetch0(frame[i] + len[i] - 1);
	}
	/* None waits: the places of those that do are free. */
	replies = classify_burst(&r->config.classify, n, frame, len, kind, r->waiting);
	count_and_serve(r, n, frame, len, kind);
	for (unsigned int i = 0; i < replies; i++) {
		r->waiting[i].received_ns = now_ns;
		r->waiting[i].iface = r->config.iface;
	}
	if (r->config.canary != NULL)
		replies = take_canaries(r, r->waiting, replies);
	count_answers(r, replies);
	r->waiting_count = pass(r, r->waiting, replies);
	part_with(r, burst, n, kind, now_ns);
	return replies;
}

/*
 * Raise the watermark after a burst of n frames at now_ns: a queue that gave less than was asked for held
 * nothing else. One that is never empty is a queue all the same: what was in it once has come out when as
 * many frames as it holds have.
 */
static void
mark_seen(struct receiver *r, uint16_t n, uint64_t now_ns)
{
	if (r->waiting_count > 0 || r->held_count > 0)
		return;
	if (n < PORT_BURST) {
		watermark_raise(r->config.watermark, now_ns);
		r->frames_to_mark = 0;
	} else if (r->frames_to_mark > n) {
		r->frames_to_mark -= n;
	} else {
		if (r->frames_to_mark > 0)
			watermark_raise(r->config.watermark, r->mark_ns);
		r->mark_ns = now_ns;
		r->frames_to_mark = QUEUE_FRAMES;
	}
}

static uint16_t
receive_burst(struct receiver *r, uint64_t now_ns)
{
	struct rte_mbuf *burst[PORT_BURST];
	uint16_t n = rte_eth_rx_burst(r->config.port->id, r->config.queue, burst, PORT_BURST);
	unsigned int replies;

	if (n == 0) {
		r->full_bursts = 0;
		mark_seen(r, 0, now_ns);
		return 0;
	}
	ledger_add(r->config.ledger, LEDGER_RECEIVED, n);
	replies = receive_frames(r, burst, n, now_ns);
	/* Replies alone steer the probes: nobody can hold a scan by flooding it with something else. */
	r->full_bursts = n == PORT_BURST && replies > PORT_BURST / 2 ? r->full_bursts + 1 : 0;
	mark_seen(r, n, now_ns);
	return n;
}

/* True when nothing waits any more. */
static bool
pass_waiting(struct receiver *r, uint64_t now_ns)
{
	r->waiting_count = pass(r, r->waiting, r->waiting_count);
	pass_held(r, now_ns);
	return r->waiting_count == 0 && r->held_count == 0;
}

/* Signal when replies wait, here or in the NIC, or when some worker's ring is more than half full. */
static void
update_pressure(struct receiver *r)
{
	_Atomic bool *raised = &r->config.pressure->raised;
	bool pressed = r->waiting_count > 0 || r->full_bursts >= BEHIND_BURSTS;

	for (unsigned int i = 0; i < r->config.workers && !pressed; i++)
		pressed = rte_ring_count(r->config.rings[i]) > RING_SIZE / 2;
	if (atomic_load_explicit(raised, memory_order_relaxed) != pressed)
		atomic_store_explicit(raised, pressed, memory_order_relaxed);
}

static unsigned int
request_gateway(struct receiver *r, uint64_t now_ns)
{
	uint8_t frame[NEIGH_FRAME_MAX];
	uint16_t n = 0;

	if (r->config.queue == 0)
		n = neigh_request(r->config.neigh, now_ns, frame);
	if (n == 0)
		return 0;
	tx_urgent(r->config.tx, LEDGER_ARP, frame, n);
	return 1;
}

static unsigned int
receiver_poll(void *context, uint64_t now_ns)
{
	struct receiver *r = context;
	unsigned int work = request_gateway(r, now_ns);

	if (unlikely(r->waiting_count + r->held_count > 0) && !pass_waiting(r, now_ns))
		return work;
	work += receive_burst(r, now_ns);
	update_pressure(r);
	return work;
}

static bool
receiver_drain(void *context, uint64_t now_ns)
{
	struct receiver *r = context;

	if (!pass_waiting(r, now_ns))
		return false;
	/* Nor does what has arrived by now stay unread. */
	if (r->drain_until_ns == 0)
		r->drain_until_ns = now_ns + DRAIN_NS;
	if (now_ns < r->drain_until_ns && receive_burst(r, now_ns) > 0)
		return false;
	return r->waiting_count == 0 && r->held_count == 0;
}

static uint64_t
receiver_next_ns(const void *context, uint64_t now_ns)
{
	const struct receiver *r = context;

	(void)now_ns;
	return r->config.queue == 0 ? neigh_next_ns(r->config.neigh) : TIME_NEVER;
}

const struct role_ops receiver_role = {
	.name = "receiver",
	.stage = FABRIC_DRAIN_RECEIVERS,
	.poll = receiver_poll,
	.drain = receiver_drain,
	.next_ns = receiver_next_ns,
};
