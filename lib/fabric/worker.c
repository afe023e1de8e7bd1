/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/worker.h"

#include <stdio.h>
#include <string.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/time.h"

/* Records that the writer may be behind: a disk that pauses for some tenths of a second. */
#define RECORD_RING_SIZE 65536

void
worker_init(struct worker *w, const struct worker_config *config)
{
	memset(w, 0, sizeof(*w));
	w->config = *config;
}

struct rte_ring *
worker_record_ring_new(unsigned int worker)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "records-%u", worker);
	return rte_ring_create_elem(name, sizeof(struct record_scan), RECORD_RING_SIZE,
				    SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* How many replies can be taken now: a record and perhaps a RST each, by whichever interface. */
static unsigned int
credit(const struct worker *w)
{
	unsigned int n = rte_ring_free_count(w->config.records);

	for (unsigned int i = 0; i < w->config.outlet_count; i++) {
		unsigned int resets = tx_room(w->config.outlets[i].tx);

		n = n < resets ? n : resets;
	}
	return n < PORT_BURST ? n : PORT_BURST;
}

/* The interface that a flow left by: its reply may have come in by another. */
static const struct outlet *
outlet_of(const struct worker *w, const struct reply *r)
{
	unsigned int iface = 0;

	if (w->config.outlet_count > 1)
		(void)probe_sources_find(w->config.outlets[0].probe->config.sources, r->own_address,
					 &iface);
	return &w->config.outlets[iface];
}

/* Nobody adopts it: reset the connection that its SYN-ACK opened. */
static void
reset(struct worker *w, const struct reply *r)
{
	const struct outlet *o = outlet_of(w, r);
	uint8_t frame[PROBE_FRAME_MAX];
	uint16_t n = probe_build_rst(o->probe, r->address, r->port, r->own_address, r->own_port,
				     r->ack, (uint16_t)(r->seq ^ r->seq >> 16), frame);

	tx_urgent(o->tx, LEDGER_RESET, frame, n);
}

/* First ones by what they are, and repeats. */
static void
count(struct worker *w, const struct record_scan *record, unsigned int n)
{
	unsigned int first[CLASSIFY_REPLIES] = {0}, firsts = 0;

	for (unsigned int i = 0; i < n; i++)
		first[record[i].reply.kind] += !record[i].repeat;
	for (unsigned int k = 0; k < CLASSIFY_REPLIES; k++)
		firsts += first[k];
	ledger_add(w->config.ledger, LEDGER_FIRST_SYNACK, first[CLASSIFY_SYNACK]);
	ledger_add(w->config.ledger, LEDGER_LEFT_ALONE, first[CLASSIFY_SYNACK]);
	ledger_add(w->config.ledger, LEDGER_FIRST_ECHOREPLY, first[CLASSIFY_ECHOREPLY]);
	ledger_add(w->config.ledger, LEDGER_FIRST_OTHER,
		   first[CLASSIFY_RST] + first[CLASSIFY_ICMP]);
	ledger_add(w->config.ledger, LEDGER_REPEAT, n - firsts);
}

/* First errors that say so: a target counts once. */
static void
note_refusals(struct worker *w, const struct record_scan *record, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct reply *r = &record[i].reply;

		if (!record[i].repeat && r->kind == CLASSIFY_ICMP &&
		    refusals_says(r->icmp_type, r->icmp_code))
			refusals_note(w->config.refusals, r->address, r->received_ns);
	}
}

static void
make_records(struct worker *w, const struct reply *reply, unsigned int n, struct record_scan *record)
{
	uint64_t cooldown = atomic_load_explicit(w->config.cooldown_since_ns, memory_order_relaxed);

	for (unsigned int i = 0; i < n; i++)
		record[i] = (struct record_scan){
			.reply = reply[i],
			.cooldown = reply[i].received_ns >= cooldown,
		};
	news_find(&w->config.news, record, n);
}

static unsigned int
take_from(struct worker *w, struct rte_ring *ring, unsigned int most)
{
	struct reply reply[PORT_BURST];
	struct record_scan record[PORT_BURST];
	unsigned int n = rte_ring_sc_dequeue_burst_elem(ring, reply, sizeof(reply[0]), most, NULL);

	if (n == 0)
		return 0;
	ledger_add(w->config.ledger, LEDGER_TAKEN, n);
	make_records(w, reply, n, record);
	count(w, record, n);
	if (w->config.refusals != NULL)
		note_refusals(w, record, n);
	for (unsigned int i = 0; i < n; i++)
		if (reply[i].kind == CLASSIFY_SYNACK)
			reset(w, &reply[i]);
	/* Room was there when the credit was taken, and only this lcore produces. */
	rte_ring_sp_enqueue_bulk_elem(w->config.records, record, sizeof(record[0]), n, NULL);
	ledger_add(w->config.ledger, LEDGER_RECORD, n);
	return n;
}

static void
update_pressure(struct worker *w)
{
	_Atomic bool *raised = &w->config.pressure->raised;
	bool pressed = rte_ring_count(w->config.records) > RECORD_RING_SIZE / 2;

	if (atomic_load_explicit(raised, memory_order_relaxed) != pressed)
		atomic_store_explicit(raised, pressed, memory_order_relaxed);
}

static bool
has_empty_rings(const struct worker *w)
{
	for (unsigned int i = 0; i < w->config.receivers; i++)
		if (!rte_ring_empty(w->config.rings[i]))
			return false;
	return true;
}

static unsigned int
worker_poll(void *context, uint64_t now_ns)
{
	struct worker *w = context;
	uint64_t seen_ns = watermark_least(w->config.receiver_marks, w->config.receiver_mark_count);
	unsigned int work = 0;

	(void)now_ns;
	for (unsigned int i = 0; i < w->config.receivers; i++) {
		unsigned int most = credit(w);

		if (most == 0)
			break;
		work += take_from(w, w->config.rings[w->next_ring], most);
		w->next_ring = (w->next_ring + 1) % w->config.receivers;
	}
	update_pressure(w);
	if (has_empty_rings(w))
		watermark_raise(w->config.watermark, seen_ns);
	return work;
}

static bool
worker_drain(void *context, uint64_t now_ns)
{
	struct worker *w = context;

	worker_poll(context, now_ns);
	return has_empty_rings(w);
}

static uint64_t
worker_next_ns(const void *context, uint64_t now_ns)
{
	(void)context;
	(void)now_ns;
	return TIME_NEVER;
}

void
worker_fini(struct worker *w)
{
	for (unsigned int i = 0; i < w->config.receivers; i++)
		ledger_add(w->config.ledger, LEDGER_LEFT_IN_RING,
			   rte_ring_count(w->config.rings[i]));
}

const struct role_ops worker_role = {
	.name = "worker",
	.stage = FABRIC_DRAIN_WORKERS,
	.poll = worker_poll,
	.drain = worker_drain,
	.next_ns = worker_next_ns,
};
