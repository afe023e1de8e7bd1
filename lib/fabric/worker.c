/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/worker.h"

#include <stdio.h>
#include <string.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/time.h"
#include "fabric/segments.h"

/* Records that the writer may be behind: a disk that pauses for some tenths of a second. */
#define RECORD_RING_SIZE 65536

/*
 * How long a responder may wait for credit. Its host says the SYN-ACK again after 1, 3 and 7 s, and
 * keeps the connection for as long again: 15 s where it is said three times (RFC 6298, 5.7 and RFC
 * 9293, 3.8.3 leave it to hosts; Linux has five, others two).
 */
#define ADOPT_WITHIN_NS (10 * NS_PER_SEC)

/* For so long the NIC may have had more than a burst waiting before adoption does. */
#define BEHIND_NS (20 * NS_PER_MS)

void
worker_init(struct worker *w, const struct worker_config *config)
{
	memset(w, 0, sizeof(*w));
	w->config = *config;
	w->marking_at = DEDUP_END;
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
	unsigned int resets = outlets_room(w->config.outlets, w->config.outlet_count);

	n = n < resets ? n : resets;
	return n < PORT_BURST ? n : PORT_BURST;
}

/* Nobody adopts it: reset the connection that its SYN-ACK opened. */
static void
reset(struct worker *w, const struct reply *r)
{
	const struct outlet *all = w->config.outlets;
	const struct outlet *o = &all[outlet_of(all, w->config.outlet_count, r->own_address)];
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
	ledger_add(w->config.ledger, LEDGER_TAKEN, n);
	ledger_add(w->config.ledger, LEDGER_FIRST_SYNACK, first[CLASSIFY_SYNACK]);
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

/* Whether replies fill their rings, so that receivers may wait for this worker. */
static bool
has_many_replies(const struct worker *w)
{
	for (unsigned int i = 0; i < w->config.receivers; i++)
		if (rte_ring_count(w->config.rings[i]) > rte_ring_get_capacity(w->config.rings[i]) / 2)
			return true;
	return false;
}

/*
 * Whether those that have been adopted take all the time there is: another would wait for its turn, and
 * its deadline goes on. Their segments then wait on the rings; or in the NIC, where receivers share the
 * lcore and come to it no sooner than the worker does. So adoption has what time is left: it costs
 * a part of what it makes to do, which comes within a round trip, and no more than some round
 * trips' work is ever waiting, however slow the machine.
 */
static bool
is_behind(const struct worker *w, uint64_t now_ns)
{
	for (unsigned int i = 0; i < w->config.receivers; i++)
		if (segments_are_behind(w->config.segments[i]))
			return true;
	return !has_many_replies(w) &&
	       now_ns > BEHIND_NS + watermark_least(w->config.receiver_marks,
						    w->config.receiver_mark_count);
}

/* A SYN-ACK whose grab is owed: false when it must wait for what that needs. */
static bool
adopt(struct worker *w, const struct record_scan *record, uint64_t now_ns)
{
	static const enum ledger_want wants[] = {
		[GRABBER_NO_CONNECTION] = LEDGER_WANT_CONNECTION,
		[GRABBER_NO_MEMORY] = LEDGER_WANT_MEMORY,
		[GRABBER_NO_RECORD] = LEDGER_WANT_RECORD,
	};
	const struct reply *r = &record->reply;
	enum ledger_want want = LEDGER_WANT_TIME;

	if (now_ns < r->received_ns + ADOPT_WITHIN_NS && is_behind(w, now_ns))
		return false;
	/* Who came in time is adopted, also when it had to wait. */
	if (r->received_ns < atomic_load_explicit(w->config.adopt_until_ns, memory_order_relaxed)) {
		enum grabber_answer answer = grabber_adopt(w->config.grabber, r, now_ns);

		if (answer == GRABBER_ADOPTED) {
			ledger_add(w->config.ledger, LEDGER_ADOPTED, 1);
			return true;
		}
		if (now_ns < r->received_ns + ADOPT_WITHIN_NS)
			return false;
		want = wants[answer];
	}
	ledger_add(w->config.ledger, LEDGER_DECLINED + want, 1);
	if (!grabber_postpone(w->config.grabber, r))
		ledger_add(w->config.ledger, LEDGER_TURNED_AWAY, 1);
	reset(w, r);
	return true;
}

/* A SYN-ACK is adopted, taken by its connection, or reset; false when it must wait. */
static bool
serve(struct worker *w, const struct record_scan *record, bool owes_grab, uint64_t now_ns)
{
	const struct reply *r = &record->reply;
	bool is_wanted = w->config.grabber != NULL && grabber_wants(w->config.plan, r->port);

	if (r->kind == CLASSIFY_RST && is_wanted)
		grabber_reset(w->config.grabber, r, now_ns);
	if (r->kind != CLASSIFY_SYNACK)
		return true;
	if (owes_grab) {
		if (!adopt(w, record, now_ns))
			return false;
		if (record->repeat)
			ledger_add(w->config.ledger, LEDGER_FIRST_AGAIN, 1);
		return true;
	}
	if (!record->repeat)
		ledger_add(w->config.ledger, LEDGER_LEFT_ALONE, 1);
	if (!is_wanted || !grabber_repeat(w->config.grabber, r, now_ns))
		reset(w, r);
	return true;
}

/* Deal with what was fetched, in its order, as far as it goes: who waits for credit holds who is behind. */
static unsigned int
deal(struct worker *w, unsigned int most, uint64_t now_ns)
{
	const struct record_scan *record = &w->held[w->held_first];
	const bool *owes_grab = &w->held_owes_grab[w->held_first];
	unsigned int n = w->held_count - w->held_first, done = 0;

	n = n < most ? n : most;
	while (done < n && serve(w, &record[done], owes_grab[done], now_ns))
		done++;
	if (done == 0)
		return 0;
	count(w, record, done);
	if (w->config.refusals != NULL)
		note_refusals(w, record, done);
	/* Room was there when the credit was taken, and only this lcore produces. */
	rte_ring_sp_enqueue_bulk_elem(w->config.records, record, sizeof(record[0]), done, NULL);
	ledger_add(w->config.ledger, LEDGER_RECORD, done);
	w->held_first += done;
	return done;
}

/* Have up to most replies off a ring in hand, and find what is new of them. */
static void
fetch(struct worker *w, struct rte_ring *ring, unsigned int most)
{
	uint64_t cooldown = atomic_load_explicit(w->config.cooldown_since_ns, memory_order_relaxed);
	struct reply reply[PORT_BURST];
	unsigned int n = rte_ring_sc_dequeue_burst_elem(ring, reply, sizeof(reply[0]), most, NULL);

	w->held_first = 0;
	w->held_count = n;
	for (unsigned int i = 0; i < n; i++)
		w->held[i] = (struct record_scan){
			.reply = reply[i],
			.cooldown = reply[i].received_ns >= cooldown,
		};
	news_find(&w->config.news, w->held, n);
	for (unsigned int i = 0; i < n; i++)
		w->held_owes_grab[i] = w->config.grabber != NULL &&
				       reply[i].kind == CLASSIFY_SYNACK &&
				       grabber_wants(w->config.plan, reply[i].port) &&
				       news_owes_grab(&w->config.news, &w->held[i]);
}

/* Take replies from each receiver's ring in turn, while there is credit. */
static unsigned int
take_replies(struct worker *w, uint64_t now_ns)
{
	unsigned int work = 0;

	for (unsigned int i = 0; i < w->config.receivers; i++) {
		unsigned int most = credit(w);

		if (most == 0)
			break;
		if (w->held_first == w->held_count) {
			fetch(w, w->config.rings[w->next_ring], most);
			w->next_ring = (w->next_ring + 1) % w->config.receivers;
		}
		work += deal(w, most, now_ns);
	}
	return work;
}

/* What came in for connections and questions; all that had come by seen_ns, if the rings are empty then. */
static unsigned int
take_segments(struct worker *w, uint64_t seen_ns, uint64_t now_ns)
{
	const struct segments_in in = {w->config.grabber, w->config.lookups, w->config.ledger};
	unsigned int work = 0;
	bool is_all = true;

	for (unsigned int i = 0; i < w->config.receivers; i++) {
		work += segments_take(&in, w->config.segments[i], now_ns);
		is_all &= rte_ring_empty(w->config.segments[i]);
	}
	if (is_all && w->config.lookups != NULL)
		lookups_heard(w->config.lookups, seen_ns);
	return work;
}

/* Of connections: their timers, what they have to send. */
static unsigned int
tend_grabs(struct worker *w, uint64_t now_ns)
{
	const _Atomic uint64_t *open_until = w->config.open_until_ns;
	unsigned int work;

	if (open_until != NULL && now_ns >= atomic_load_explicit(open_until, memory_order_relaxed))
		grabber_end_opening(w->config.grabber, now_ns);
	grabber_let_retry(w->config.grabber,
			  w->held_first == w->held_count && !is_behind(w, now_ns));
	work = grabber_poll(w->config.grabber, now_ns);
	/* Who waits to be adopted counts as well: the run does not end before. */
	atomic_store_explicit(&w->live,
			      grabber_live(w->config.grabber) + w->held_count - w->held_first,
			      memory_order_relaxed);
	return work;
}

static void
update_pressure(struct worker *w)
{
	_Atomic bool *raised = &w->config.pressure->raised;
	bool pressed = w->held_first < w->held_count ||
		       (w->config.grabber != NULL && grabber_is_crowded(w->config.grabber)) ||
		       rte_ring_count(w->config.records) > RECORD_RING_SIZE / 2;

	if (atomic_load_explicit(raised, memory_order_relaxed) != pressed)
		atomic_store_explicit(raised, pressed, memory_order_relaxed);
}

/* Nothing waits: on its rings, or in hand. */
static bool
has_dealt_with_all(const struct worker *w)
{
	for (unsigned int i = 0; i < w->config.receivers; i++)
		if (!rte_ring_empty(w->config.rings[i]))
			return false;
	return w->held_first == w->held_count;
}

/* Everything that came before seen_ns has its records, but for grabs that are under way. */
static void
raise_watermark(struct worker *w, uint64_t seen_ns)
{
	uint64_t oldest = w->config.grabber != NULL ? grabber_oldest_ns(w->config.grabber) : TIME_NEVER;

	if (has_dealt_with_all(w))
		watermark_raise(w->config.watermark, seen_ns < oldest ? seen_ns : oldest);
}

/* Go on with what is to be marked: a look into the set at a time, between bursts. */
static unsigned int
mark(struct worker *w)
{
	const struct worker_marking *m = w->config.marking;
	unsigned int number;

	if (m == NULL)
		return 0;
	number = atomic_load_explicit(&m->number, memory_order_acquire);
	if (number != w->marking) {
		w->marking = number;
		w->marking_at = 0;
	}
	if (w->marking_at == DEDUP_END)
		return 0;
	news_mark_some(&w->config.news, &w->marking_at,
		       atomic_load_explicit(&m->first, memory_order_relaxed),
		       atomic_load_explicit(&m->end, memory_order_relaxed));
	if (w->marking_at == DEDUP_END)
		atomic_store_explicit(&w->marked, number, memory_order_release);
	return 1;
}

static unsigned int
worker_poll(void *context, uint64_t now_ns)
{
	struct worker *w = context;
	uint64_t seen_ns = watermark_least(w->config.receiver_marks, w->config.receiver_mark_count);
	unsigned int work = take_replies(w, now_ns) + mark(w);

	if (w->config.segments != NULL)
		work += take_segments(w, seen_ns, now_ns);
	if (w->config.grabber != NULL)
		work += tend_grabs(w, now_ns);
	update_pressure(w);
	raise_watermark(w, seen_ns);
	return work;
}

static bool
worker_drain(void *context, uint64_t now_ns)
{
	struct worker *w = context;

	worker_poll(context, now_ns);
	return has_dealt_with_all(w) && worker_live(w) == 0;
}

static uint64_t
worker_next_ns(const void *context, uint64_t now_ns)
{
	const struct worker *w = context;
	uint64_t next = TIME_NEVER;

	/* Who waits for credit is declined when its time is over. */
	if (w->held_first < w->held_count)
		next = w->held[w->held_first].reply.received_ns + ADOPT_WITHIN_NS;
	if (w->config.grabber != NULL) {
		uint64_t grabs = grabber_next_ns(w->config.grabber, now_ns);

		next = grabs < next ? grabs : next;
	}
	return next;
}

void
worker_fini(struct worker *w, uint64_t now_ns)
{
	ledger_add(w->config.ledger, LEDGER_LEFT_IN_RING, w->held_count - w->held_first);
	for (unsigned int i = 0; i < w->config.receivers; i++) {
		ledger_add(w->config.ledger, LEDGER_LEFT_IN_RING,
			   rte_ring_count(w->config.rings[i]));
		if (w->config.segments != NULL)
			segments_fini(w->config.segments[i], w->config.ledger);
	}
	if (w->config.grabber != NULL)
		grabber_fini(w->config.grabber, now_ns);
}

const struct role_ops worker_role = {
	.name = "worker",
	.stage = FABRIC_DRAIN_WORKERS,
	.poll = worker_poll,
	.drain = worker_drain,
	.next_ns = worker_next_ns,
};
