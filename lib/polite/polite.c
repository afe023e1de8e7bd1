/* SPDX-License-Identifier: BSD-3-Clause */
#include "polite/polite.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"

#define SLOTS_24 (UINT32_C(1) << 16)
#define SLOTS_16 (UINT32_C(1) << 14)
#define SLOTS (SLOTS_24 + SLOTS_16)

/* Of a cap, this much may come at once, so that a list's probes leave in bursts. */
#define BURST_PART 32

/* A network, or several that share a cap; and the line of those who wait for it. */
struct slot {
	uint64_t tat_ns;
	uint32_t batch; /* in which it was last settled */
	uint16_t head;  /* of its line, 1-based; 0: nobody waits */
	uint16_t tail;
};

struct waiting {
	struct polite_target target;
	uint16_t next;
};

/* A slot with a line, by when its first is due. */
struct due {
	uint64_t at_ns;
	uint32_t slot;
};

/* In any window of a second no more than the cap: see cap_init(). */
struct cap {
	uint64_t interval_ns;  /* 0: no cap */
	uint64_t tolerance_ns;
};

struct polite {
	struct polite_config config;
	struct cap of_24;
	struct cap of_16;
	uint32_t batch;
	uint64_t asked_ns; /* when the first since polite_sent() was allowed */
	uint32_t granted[2 * POLITE_BURST];
	unsigned int grants;
	struct slot slots[SLOTS]; /* of /24s, then of /16s */
	struct waiting waiting[POLITE_WAITING_MAX + 1];
	uint16_t free; /* the first of those that are free */
	struct due heap[POLITE_WAITING_MAX];
	unsigned int heap_count;
	unsigned int count;
};

/*
 * A GCRA of interval T and burst B allows at most floor(1 s / T) + B in a closed window of a second: so
 * that this is the cap, T is a little more than 1 s / (cap - B + 1).
 */
static void
cap_init(struct cap *c, uint32_t cap)
{
	uint64_t burst = 1 + cap / BURST_PART;

	if (cap == 0)
		return;
	c->interval_ns = NS_PER_SEC / (cap - burst + 1) + 1;
	c->tolerance_ns = (burst - 1) * c->interval_ns;
}

struct polite *
polite_new(const struct polite_config *config)
{
	struct polite *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->config = *config;
	p->batch = 1;
	cap_init(&p->of_24, config->per_24);
	cap_init(&p->of_16, config->per_16);
	polite_forget(p);
	return p;
}

void
polite_free(struct polite *p)
{
	free(p);
}

/* ---- The heap of lines ------------------------------------------------------------------- */

static void
heap_up(struct polite *p, unsigned int i)
{
	struct due d = p->heap[i];

	for (; i > 0 && d.at_ns < p->heap[(i - 1) / 2].at_ns; i = (i - 1) / 2)
		p->heap[i] = p->heap[(i - 1) / 2];
	p->heap[i] = d;
}

static void
heap_down(struct polite *p)
{
	struct due d = p->heap[0];
	unsigned int i = 0, child;

	while ((child = 2 * i + 1) < p->heap_count) {
		if (child + 1 < p->heap_count &&
		    p->heap[child + 1].at_ns < p->heap[child].at_ns)
			child++;
		if (d.at_ns <= p->heap[child].at_ns)
			break;
		p->heap[i] = p->heap[child];
		i = child;
	}
	p->heap[i] = d;
}

/* The first line's slot is due later, or has no line any more. */
static void
heap_rekey(struct polite *p, uint64_t at_ns)
{
	p->heap[0].at_ns = at_ns;
	heap_down(p);
}

static void
heap_pop(struct polite *p)
{
	p->heap[0] = p->heap[--p->heap_count];
	if (p->heap_count > 0)
		heap_down(p);
}

/* ---- Lines ------------------------------------------------------------------------------- */

static const struct cap *
cap_of(const struct polite *p, uint32_t slot)
{
	return slot < SLOTS_24 ? &p->of_24 : &p->of_16;
}

static bool
is_due(const struct polite *p, uint32_t slot, uint64_t now_ns)
{
	return p->slots[slot].tat_ns <= now_ns + cap_of(p, slot)->tolerance_ns;
}

static uint64_t
due_ns(const struct polite *p, uint32_t slot)
{
	uint64_t tat = p->slots[slot].tat_ns, tolerance = cap_of(p, slot)->tolerance_ns;

	return tat > tolerance ? tat - tolerance : 0;
}

static void
line_append(struct polite *p, uint32_t slot, uint16_t id)
{
	struct slot *s = &p->slots[slot];

	p->waiting[id].next = 0;
	if (s->head != 0) {
		p->waiting[s->tail].next = id;
		s->tail = id;
		return;
	}
	s->head = s->tail = id;
	p->heap[p->heap_count] = (struct due){due_ns(p, slot), slot};
	heap_up(p, p->heap_count++);
}

/* The first of the line that is first in the heap, out of both. */
static uint16_t
line_take(struct polite *p, uint32_t slot)
{
	struct slot *s = &p->slots[slot];
	uint16_t id = s->head;

	s->head = p->waiting[id].next;
	if (s->head == 0)
		heap_pop(p);
	else
		heap_rekey(p, due_ns(p, slot));
	return id;
}

static enum polite_verdict
let_wait(struct polite *p, uint32_t slot, const struct polite_target *t)
{
	uint16_t id = p->free;

	p->free = p->waiting[id].next;
	p->waiting[id].target = *t;
	line_append(p, slot, id);
	p->count++;
	return POLITE_WAIT;
}

static void
let_go(struct polite *p, uint16_t id)
{
	p->waiting[id].next = p->free;
	p->free = id;
	p->count--;
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* The networks of an address, and how far each is. */
struct networks {
	uint32_t slot_24;
	uint32_t slot_16;
	enum refusals_level level_24;
	enum refusals_level level_16;
};

static void
find_networks(const struct polite *p, uint32_t address, struct networks *n)
{
	n->slot_24 = (uint32_t)(hash_mix64(p->config.key ^ address >> 8) % SLOTS_24);
	n->slot_16 = SLOTS_24 +
		     (uint32_t)(hash_mix64(~p->config.key ^ address >> 16) % SLOTS_16);
	n->level_24 = n->level_16 = REFUSALS_NONE;
	if (p->config.refusals != NULL)
		refusals_levels(p->config.refusals, address, &n->level_24, &n->level_16);
}

static void
charge_slot(struct polite *p, uint32_t slot, uint64_t now_ns, enum refusals_level level)
{
	struct slot *s = &p->slots[slot];
	uint64_t from = s->tat_ns > now_ns ? s->tat_ns : now_ns;

	if (cap_of(p, slot)->interval_ns == 0)
		return;
	s->tat_ns = from + (cap_of(p, slot)->interval_ns << level);
	p->granted[p->grants++] = slot;
}

static enum polite_verdict
charge(struct polite *p, uint64_t now_ns, const struct networks *n)
{
	if (p->grants == 0)
		p->asked_ns = now_ns;
	charge_slot(p, n->slot_24, now_ns, n->level_24);
	charge_slot(p, n->slot_16, now_ns, n->level_16);
	return POLITE_GO;
}

static bool
is_out(const struct networks *n)
{
	return n->level_24 == REFUSALS_OUT || n->level_16 == REFUSALS_OUT;
}

static bool
is_exempt(const struct polite *p, uint32_t address)
{
	for (size_t i = 0; i < p->config.exempt_count; i++)
		if (address >= p->config.exempt[i].first && address <= p->config.exempt[i].last)
			return true;
	return false;
}

static enum polite_verdict
skip(struct polite *p, uint32_t address)
{
	refusals_skip(p->config.refusals, address);
	return POLITE_SKIP;
}

/* Behind those who wait for its networks, if some do. */
enum polite_verdict
polite_ask(struct polite *p, uint64_t now_ns, const struct polite_target *t)
{
	struct networks n;

	if (is_exempt(p, t->address))
		return POLITE_GO;
	find_networks(p, t->address, &n);
	if (is_out(&n))
		return skip(p, t->address);
	if (p->slots[n.slot_24].head != 0 || !is_due(p, n.slot_24, now_ns))
		return let_wait(p, n.slot_24, t);
	if (p->slots[n.slot_16].head != 0 || !is_due(p, n.slot_16, now_ns))
		return let_wait(p, n.slot_16, t);
	return charge(p, now_ns, &n);
}

/* The first of a line that is due: what is to be done, or WAIT, and it stands elsewhere now. */
static enum polite_verdict
ask_again(struct polite *p, uint64_t now_ns, uint32_t slot, struct polite_target *t)
{
	uint16_t id = p->slots[slot].head;
	enum polite_verdict verdict;
	struct networks n;

	*t = p->waiting[id].target;
	find_networks(p, t->address, &n);
	if (is_out(&n)) {
		verdict = skip(p, t->address);
	} else if (!is_due(p, n.slot_24, now_ns)) {
		line_append(p, n.slot_24, line_take(p, slot));
		return POLITE_WAIT;
	} else if (!is_due(p, n.slot_16, now_ns)) {
		line_append(p, n.slot_16, line_take(p, slot));
		return POLITE_WAIT;
	} else {
		verdict = charge(p, now_ns, &n);
	}
	let_go(p, line_take(p, slot));
	return verdict;
}

enum polite_verdict
polite_next(struct polite *p, uint64_t now_ns, struct polite_target *t)
{
	while (p->heap_count > 0 && p->heap[0].at_ns <= now_ns) {
		uint32_t slot = p->heap[0].slot;
		enum polite_verdict verdict;

		/* Others of its networks may have been let go meanwhile, out of another line. */
		if (!is_due(p, slot, now_ns)) {
			heap_rekey(p, due_ns(p, slot));
			continue;
		}
		verdict = ask_again(p, now_ns, slot, t);
		if (verdict != POLITE_WAIT)
			return verdict;
	}
	return POLITE_WAIT;
}

unsigned int
polite_waiting(const struct polite *p)
{
	return p->count;
}

uint64_t
polite_next_ns(const struct polite *p)
{
	return p->heap_count > 0 ? p->heap[0].at_ns : TIME_NEVER;
}

/*
 * Why this keeps the promise: tat >= s + N(s) * T holds for every time s, N(s) being how many were sent
 * at s or later. What was allowed at asked_ns is sent by now_ns, so that N(s) may stay as high until
 * now_ns as it was at asked_ns: tat moves on by as much, once for each network.
 */
void
polite_sent(struct polite *p, uint64_t now_ns)
{
	uint64_t late_ns = now_ns - p->asked_ns;

	for (unsigned int i = 0; i < p->grants && late_ns > 0; i++) {
		struct slot *s = &p->slots[p->granted[i]];

		if (s->batch != p->batch)
			s->tat_ns += late_ns;
		s->batch = p->batch;
	}
	p->grants = 0;
	p->batch++;
}

unsigned int
polite_forget(struct polite *p)
{
	unsigned int count = p->count;

	for (unsigned int i = 0; i < p->heap_count; i++)
		p->slots[p->heap[i].slot].head = 0;
	for (unsigned int i = 1; i <= POLITE_WAITING_MAX; i++)
		p->waiting[i].next = (uint16_t)(i < POLITE_WAITING_MAX ? i + 1 : 0);
	p->free = 1;
	p->heap_count = p->count = 0;
	return count;
}
