/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/prober.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "base/time.h"
#include "cookie/cookie.h"

int
prober_init(struct prober *p, const struct prober_config *config)
{
	memset(p, 0, sizeof(*p));
	p->config = *config;
	return schedule_init(&p->schedule, &config->source->schedule, config->chunks);
}

void
prober_free(struct prober *p)
{
	schedule_fini(&p->schedule);
}

static uint16_t
template_len(const struct probe *probe)
{
	return probe->frame_len < WIRE_FRAME_MIN ? WIRE_FRAME_MIN : probe->frame_len;
}

int
prober_fill_pool(struct rte_mempool *pool, const struct probe *probe)
{
	unsigned int n = rte_mempool_avail_count(pool);
	struct rte_mbuf **all = calloc(n, sizeof(*all));

	if (all == NULL)
		return -ENOMEM;
	if (rte_pktmbuf_alloc_bulk(pool, all, n) != 0) {
		free(all);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < n; i++)
		memcpy(rte_pktmbuf_mtod(all[i], uint8_t *), probe->template, template_len(probe));
	rte_pktmbuf_free_bulk(all, n);
	free(all);
	return 0;
}

/* Whether all of what was claimed has been taken. */
static bool
has_done_work(const struct prober *p)
{
	return p->has_work && p->work.first == p->work.end;
}

static void
set_flag(_Atomic bool *flag, bool value)
{
	if (atomic_load_explicit(flag, memory_order_relaxed) != value)
		atomic_store_explicit(flag, value, memory_order_relaxed);
}

/* What the chunk that was claimed is to have. Once more is the last attempt again, to the bit. */
static void
begin_pass(struct prober *p)
{
	unsigned int attempts = p->config.source->attempts;

	p->use = COOKIE_PROBE;
	p->attempt = 0;
	if (p->work.pass == SCHEDULE_AGAIN)
		p->attempt = (uint8_t)(attempts - 1);
	else if (p->work.pass < attempts)
		p->attempt = (uint8_t)p->work.pass;
	else
		p->use = COOKIE_COVERAGE;
	set_flag(&p->exhausted, false);
}

/* Have positions to make probes for. What was claimed before has been sent, if it is done. */
static enum schedule_verdict
claim(struct prober *p, uint64_t now_ns)
{
	enum schedule_verdict verdict;

	if (p->has_work && !has_done_work(p))
		return SCHEDULE_WORK;
	if (p->has_work)
		schedule_finish(&p->schedule, now_ns);
	verdict = schedule_claim(&p->schedule, now_ns, &p->work);
	p->has_work = verdict == SCHEDULE_WORK;
	if (p->has_work)
		begin_pass(p);
	return verdict;
}

static bool
is_pressed(const struct prober *p)
{
	for (unsigned int i = 0; i < p->config.pressure_count; i++)
		if (atomic_load_explicit(&p->config.pressures[i].raised, memory_order_relaxed))
			return true;
	return false;
}

/* A count that this lcore alone makes, and control reads. */
static void
count_up(_Atomic uint64_t *count, uint64_t n)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Whether to pause; each time that it comes to that is counted. */
static bool
is_held(struct prober *p)
{
	bool was = atomic_load_explicit(&p->held, memory_order_relaxed), is = is_pressed(p);

	set_flag(&p->held, is);
	if (is && !was)
		count_up(&p->pauses, 1);
	return is;
}

/* The indices of n positions from first on; what comes after, up to end, is likely to be asked for next. */
static const uint64_t *
find_indices(struct prober *p, uint64_t first, unsigned int n, uint64_t end)
{
	uint64_t at = first - p->index_first;

	if (at >= p->index_count || p->index_count - at < n) {
		p->index_first = first;
		p->index_count = end - first < PROBER_AHEAD ? (unsigned int)(end - first) : PROBER_AHEAD;
		perm_forward_run(p->config.source->perm, first, p->index_count, p->index);
		at = 0;
	}
	return p->index + at;
}

/* A bit for each of n positions from first on: whether its target has answered. */
static uint64_t
who_answered(const struct prober_source *s, uint64_t first, unsigned int n)
{
	unsigned int shift = (unsigned int)(first % 64);
	uint64_t bits = 0;

	for (unsigned int i = 0; i < s->answered_count; i++) {
		bits |= answered_word(s->answered[i], first) >> shift;
		if (shift + n > 64)
			bits |= answered_word(s->answered[i], first + n - 1) << (64 - shift);
	}
	return bits;
}

/* A bit for each of n targets: whether it is looked at again. */
static uint64_t
who_is_drawn(const struct prober *p, unsigned int n, const uint32_t *address, const uint16_t *port)
{
	uint64_t draw[PORT_BURST], bits = 0;

	cookie_make_burst(&p->config.outlets[0].probe->config.key, COOKIE_SAMPLE, n, address, port, draw);
	for (unsigned int i = 0; i < n; i++)
		bits |= (uint64_t)coverage_is_drawn(draw[i], p->config.source->coverage_bound) << i;
	return bits;
}

/* What a target that is taken up counts as. */
static enum ledger_term
taken_as(const struct prober *p)
{
	return p->work.pass == SCHEDULE_AGAIN ? LEDGER_AGAIN : LEDGER_TARGET;
}

/* A bit for each of n targets: whether this pass probes it. */
static uint64_t
who_is_due(struct prober *p, uint64_t first, unsigned int n, const uint32_t *address, const uint16_t *port)
{
	uint64_t all = (UINT64_C(1) << n) - 1, answered;
	unsigned int spared;

	if (p->use == COOKIE_COVERAGE)
		return who_is_drawn(p, n, address, port);
	if (p->work.pass == 0)
		return all;
	answered = who_answered(p->config.source, first, n) & all;
	spared = (unsigned int)__builtin_popcountll(answered);
	ledger_add(p->config.ledger, taken_as(p), spared);
	ledger_add(p->config.ledger, LEDGER_SPARED, spared);
	return all & ~answered;
}

/* Add to b the targets of the next positions that are due, until it has `most`. */
static void
gather(struct prober *p, unsigned int most, struct prober_batch *b)
{
	uint64_t due, first = p->work.first, left = p->work.end - first;
	const uint64_t *index;
	unsigned int n = most - b->count;
	uint32_t *address = b->address + b->count;
	uint16_t *port = b->port + b->count;

	n = left < n ? (unsigned int)left : n;
	index = find_indices(p, first, n, p->work.end);
	targets_select(p->config.source->targets, index, n, address, port);
	p->work.first += n;
	due = who_is_due(p, first, n, address, port);
	if (due == (UINT64_C(1) << n) - 1) {
		b->count += n;
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		b->address[b->count] = address[i];
		b->port[b->count] = port[i];
		b->count += due >> i & 1;
	}
}

/* The next targets of the chunk, `most` (a burst at most) or all that are left. */
static void
take_positions(struct prober *p, unsigned int most, struct prober_batch *b)
{
	const struct probe *any = p->config.outlets[0].probe;

	b->head = b->count = 0;
	while (b->count < most && p->work.first < p->work.end)
		gather(p, most, b);
	gate_prefetch(p->config.outlets[0].tx->gate, b->count, b->address);
	cookie_make_burst(&any->config.key, p->use, b->count, b->address, b->port, b->cookie);
	ledger_add(p->config.ledger, taken_as(p), b->count);
}

static unsigned int
batch_left(const struct prober_batch *b)
{
	return b->count - b->head;
}

/* Make room for a burst behind what is left. */
static void
batch_compact(struct prober_batch *b)
{
	unsigned int left = batch_left(b);

	memmove(b->address, b->address + b->head, left * sizeof(b->address[0]));
	memmove(b->port, b->port + b->head, left * sizeof(b->port[0]));
	memmove(b->cookie, b->cookie + b->head, left * sizeof(b->cookie[0]));
	b->head = 0;
	b->count = left;
}

static void
batch_add(struct prober_batch *b, uint32_t address, uint16_t port, uint64_t cookie)
{
	b->address[b->count] = address;
	b->port[b->count] = port;
	b->cookie[b->count++] = cookie;
}

/* Each target to the interface that its cookie names. */
static void
deal(struct prober *p, const struct prober_batch *all)
{
	const struct probe_sources *sources = p->config.outlets[0].probe->config.sources;

	for (unsigned int i = 0; i < p->config.outlet_count; i++)
		if (p->batch[i].count > PROBER_BATCH - PORT_BURST)
			batch_compact(&p->batch[i]);
	for (unsigned int i = 0; i < all->count; i++) {
		struct prober_batch *b = &p->batch[probe_iface_of(sources, all->cookie[i])];

		batch_add(b, all->address[i], all->port[i], all->cookie[i]);
	}
}

/* Whether each interface has room for a burst. */
static bool
has_room(const struct prober *p)
{
	for (unsigned int i = 0; i < p->config.outlet_count; i++)
		if (batch_left(&p->batch[i]) > PROBER_BATCH - PORT_BURST)
			return false;
	return true;
}

/*
 * Take the next targets, and deal them out: for each interface about a burst, since half a burst costs its
 * TX queue as much as a whole one.
 */
static void
take_targets(struct prober *p)
{
	struct prober_batch all; /* but for its first burst unused */

	if (p->config.outlet_count == 1) {
		take_positions(p, PORT_BURST, &p->batch[0]);
		return;
	}
	for (unsigned int i = 0; i < p->config.outlet_count && !has_done_work(p) && has_room(p); i++) {
		take_positions(p, PORT_BURST, &all);
		deal(p, &all);
	}
}

/* What is decided of a target: into the batch, out of the scan, or nothing yet. */
static unsigned int
decide(struct prober *p, enum polite_verdict verdict, const struct polite_target *t,
       struct prober_batch *b)
{
	if (verdict == POLITE_GO)
		batch_add(b, t->address, t->port, t->cookie);
	if (verdict == POLITE_SKIP)
		ledger_add(p->config.ledger, LEDGER_SKIPPED, 1);
	return verdict != POLITE_WAIT;
}

/* Those who have waited, then new ones: the same, as far as their networks may have probes now. */
static unsigned int
take_politely(struct prober *p, uint64_t now_ns)
{
	struct polite *polite = p->config.polite;
	struct prober_batch all, new;
	struct polite_target t;
	unsigned int work = 0, n;

	all.head = all.count = 0;
	while (all.count < PORT_BURST &&
	       decide(p, polite_next(polite, now_ns, &t), &t, &all) != 0)
		work++;
	n = has_done_work(p) ? 0 : 1; /* a pass over none but those who have answered is work too */
	take_positions(p, PORT_BURST - all.count, &new);
	for (unsigned int i = 0; i < new.count; i++) {
		t = (struct polite_target){new.address[i], new.port[i], new.cookie[i]};
		decide(p, polite_ask(polite, now_ns, &t), &t, &all);
	}
	deal(p, &all);
	return work + n;
}

/* In mbufs that hold anything. */
static void
write_templates(const struct probe *probe, unsigned int n, uint8_t *const *frame)
{
	for (unsigned int i = 0; i < n; i++)
		memcpy(frame[i], probe->template, sizeof(probe->template));
}

/*
 * What of an mbuf says what its frame is: data_off to hash.usr, in its first cache line. The rest stands
 * as it was put back: one segment, and offloads that no flag asks for.
 */
#define HEAD_AT offsetof(struct rte_mbuf, data_off)
#define HEAD_SIZE (offsetof(struct rte_mbuf, hash.usr) + sizeof(uint32_t) - HEAD_AT)

_Static_assert(HEAD_SIZE == 32, "one store or two");

/* Take n mbufs with frames of len bytes, whatever a driver did to them. 0, or -ENOENT without n. */
static int
take_mbufs(struct rte_mempool *pool, unsigned int n, uint16_t len, struct rte_mbuf **m)
{
	struct rte_mbuf whole;

	if (rte_mempool_get_bulk(pool, (void **)m, n) != 0)
		return -ENOENT;
	whole = *m[0];
	rte_pktmbuf_reset(&whole);
	whole.data_len = len;
	whole.pkt_len = len;
	whole.hash.usr = LEDGER_PROBE;
	for (unsigned int i = 0; i < n; i++)
		memcpy((uint8_t *)m[i] + HEAD_AT, (const uint8_t *)&whole + HEAD_AT, HEAD_SIZE);
	return 0;
}

/* Make a burst of frames, by patching the template; how many: without mbufs, none. */
static unsigned int
make_probes(struct prober *p, const struct outlet *o, struct prober_batch *b)
{
	struct rte_mbuf **slots = tx_probes_slots(o->tx);
	unsigned int n = RTE_MIN(batch_left(b), (unsigned int)PORT_BURST);
	uint8_t *frame[PORT_BURST];

	/* No mbuf: the driver still holds them all. They come back as it sends. */
	if (take_mbufs(o->pool, n, template_len(o->probe), slots) != 0)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		frame[i] = rte_pktmbuf_mtod(slots[i], uint8_t *);
	if (!o->has_template)
		write_templates(o->probe, n, frame);
	o->probe->module->fill(o->probe, p->use, p->attempt, n, frame, b->address + b->head,
			       b->port + b->head, b->cookie + b->head);
	b->head += n;
	if (b->head == b->count)
		b->head = b->count = 0;
	if (p->work.pass == 0)
		count_up(&p->tried, n);
	tx_probes_ready(o->tx, (uint16_t)n);
	return n;
}

/* What stands between a prober and its next burst of targets. */
enum prober_way {
	WAY_FREE,    /* nothing: all is sent */
	WAY_BUSY,    /* nothing, though not all is sent */
	WAY_BLOCKED, /* every TX queue is busy, or some interface has too many waiting */
};

static enum prober_way
way_of(const struct prober *p)
{
	/* One interface alone has nobody to wait for. */
	unsigned int most = p->config.outlet_count == 1 ? 0 : PROBER_BATCH - PORT_BURST;
	unsigned int left = 0, busy = 0;
	bool is_full = false;

	for (unsigned int i = 0; i < p->config.outlet_count; i++) {
		unsigned int n = batch_left(&p->batch[i]);

		left += n;
		is_full |= n > most;
		busy += tx_probes_waiting(p->config.outlets[i].tx) > 0;
	}
	if (is_full || busy == p->config.outlet_count)
		return WAY_BLOCKED;
	return left > 0 || busy > 0 ? WAY_BUSY : WAY_FREE;
}

/* Queue what has been taken, where there is a free TX queue; how much. */
static unsigned int
queue_batches(struct prober *p)
{
	unsigned int work = 0;

	for (unsigned int i = 0; i < p->config.outlet_count; i++) {
		const struct outlet *o = &p->config.outlets[i];

		if (batch_left(&p->batch[i]) > 0 && tx_probes_waiting(o->tx) == 0)
			work += make_probes(p, o, &p->batch[i]);
	}
	return work;
}

/* Targets of the chunk that wait for their networks. */
static unsigned int
polite_ones(const struct prober *p)
{
	return p->config.polite != NULL ? polite_waiting(p->config.polite) : 0;
}

/* Nothing is left to claim; all that was is queued, and sent once the way is free. */
static unsigned int
note_end(struct prober *p, enum prober_way way)
{
	bool is_news = way == WAY_FREE && !atomic_load_explicit(&p->exhausted, memory_order_relaxed);

	/* News to control count as work, lest a virtual clock jump before control has looked. */
	if (is_news)
		set_flag(&p->exhausted, true);
	return is_news;
}

/* Whether targets may be taken: with caps, only when all that was allowed has left. */
static bool
may_take(struct prober *p, enum prober_way way, uint64_t now_ns)
{
	if (p->config.polite == NULL)
		return way != WAY_BLOCKED;
	if (way != WAY_FREE)
		return false;
	polite_sent(p->config.polite, now_ns);
	return true;
}

static unsigned int
prober_poll(void *context, uint64_t now_ns)
{
	struct prober *p = context;
	unsigned int work = queue_batches(p), taken = 1;
	enum prober_way way = way_of(p);
	enum schedule_verdict verdict = SCHEDULE_WORK;

	/* A pass is over once the last of it has been sent; batches are of one pass. */
	if (!may_take(p, way, now_ns) || (has_done_work(p) && way != WAY_FREE))
		return work;
	if (polite_ones(p) == 0)
		verdict = claim(p, now_ns);
	if (verdict == SCHEDULE_DONE)
		return work + note_end(p, way);
	if (verdict == SCHEDULE_WAIT)
		return work;
	if (is_held(p))
		return work;
	if (p->config.polite != NULL)
		taken = take_politely(p, now_ns);
	else
		take_targets(p);
	set_flag(&p->polite, taken == 0);
	return work + taken + queue_batches(p);
}

/* What has no probe yet: it never was intended. */
static void
put_back(struct prober *p)
{
	for (unsigned int i = 0; i < p->config.outlet_count; i++) {
		ledger_add(p->config.ledger, LEDGER_PUT_BACK, batch_left(&p->batch[i]));
		p->batch[i].head = p->batch[i].count = 0;
	}
	if (p->config.polite != NULL)
		ledger_add(p->config.ledger, LEDGER_PUT_BACK, polite_forget(p->config.polite));
}

/* Stop: what was made and not sent is given up. */
static bool
prober_drain(void *context, uint64_t now_ns)
{
	struct prober *p = context;

	(void)now_ns;
	for (unsigned int i = 0; i < p->config.outlet_count; i++)
		tx_give_up_probes(p->config.outlets[i].tx);
	put_back(p);
	set_flag(&p->polite, false);
	return true;
}

void
prober_fini(struct prober *p)
{
	put_back(p);
}

/* Whether all it could do waits for a TX queue, which is the sender's matter. */
static bool
is_blocked(const struct prober *p)
{
	enum prober_way way = way_of(p);

	for (unsigned int i = 0; i < p->config.outlet_count; i++)
		if (batch_left(&p->batch[i]) > 0 &&
		    tx_probes_waiting(p->config.outlets[i].tx) == 0)
			return false;
	return way == WAY_BLOCKED ||
	       (way == WAY_BUSY && (p->config.polite != NULL || has_done_work(p)));
}

static uint64_t
prober_next_ns(const void *context, uint64_t now_ns)
{
	const struct prober *p = context;

	/* Pressure is looked at again each nap. */
	if (atomic_load_explicit(&p->exhausted, memory_order_relaxed) || is_blocked(p))
		return TIME_NEVER;
	if (atomic_load_explicit(&p->held, memory_order_relaxed))
		return TIME_NEVER;
	/* At the end of a chunk, those who wait are all there is to do. */
	if (polite_ones(p) > 0 && has_done_work(p))
		return polite_next_ns(p->config.polite);
	return p->has_work ? now_ns : schedule_next_ns(&p->schedule);
}

const struct role_ops prober_role = {
	.name = "prober",
	.stage = FABRIC_DRAIN_PROBERS,
	.poll = prober_poll,
	.drain = prober_drain,
	.next_ns = prober_next_ns,
};
