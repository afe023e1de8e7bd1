/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one server gets: a GCRA (pace/pace.h has its bound), and so many questions in flight. Servers have their
 * place in a table of fixed size by a keyed hash; those that meet in one share what one may have, which keeps the
 * promise. Who has to wait stands in the line of the place.
 *
 * A server that fails, refuses or says nothing is asked less: of each WINDOW questions, half without use halve the
 * rate, a quarter at most double it again, down to a share of 2^-LEVEL_MAX and no lower, since dead servers have
 * names, too, that are to come to an end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "internal.h"
#include "wheel/wheel.h"

#define WINDOW 16
#define LEVEL_MAX 3

/* What was sent beyond the grants is owed for so long at most. */
#define DEBT_MAX_NS (10 * NS_PER_SEC)

struct place {
	uint64_t tat_ns; /* when what was granted is paid off */
	uint32_t first;  /* in line; 0: nobody */
	uint32_t last;
	uint32_t waiting;
	struct wheel_timer timer; /* of those in line, when they wait for time */
	uint32_t in_flight;
	uint8_t level; /* the rate is halved so often */
	uint8_t seen;  /* ends in this window */
	uint8_t bad;   /* of them */
};

struct manners {
	uint64_t interval_ns; /* between two questions, at the full rate; 0: no bound */
	uint64_t ahead_ns;    /* how far ahead of now tat may be for one more */
	uint32_t in_flight;   /* at most; 0: no bound */
	uint32_t mask;
	uint64_t key;
	uint32_t dismissed; /* places whose lines are no more */
	struct wheel wheel;
	struct place *places;
	uint32_t *next; /* in line, by who waits */
};

size_t
manners_bytes(uint32_t places, uint32_t waiters)
{
	return sizeof(struct manners) + (size_t)places * sizeof(struct place) +
	       ((size_t)waiters + 1) * sizeof(uint32_t);
}

/*
 * With an interval above 1 s / (rate - burst + 1) no second, whose ends count, has more than the rate: it has room
 * for as many intervals as are whole in it, and the burst. A sixteenth of the rate may come at once.
 */
static void
set_rate(struct manners *m, double rate)
{
	double burst = rate < 32 ? 1 : (double)(uint64_t)(rate / 16);

	if (rate <= 0)
		return;
	m->interval_ns = (uint64_t)((double)NS_PER_SEC / (rate - (burst - 1))) + 1;
	m->ahead_ns = ((uint64_t)burst - 1) * m->interval_ns;
}

struct manners *
manners_new(const struct manners_config *c)
{
	struct manners *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->places = calloc(c->places, sizeof(*m->places));
	m->next = calloc((size_t)c->waiters + 1, sizeof(*m->next));
	if (m->places == NULL || m->next == NULL) {
		manners_free(m);
		return NULL;
	}
	m->mask = c->places - 1;
	m->in_flight = c->in_flight;
	m->key = c->key;
	set_rate(m, c->rate);
	wheel_init(&m->wheel, &m->places[0].timer, sizeof(m->places[0]), 0);
	return m;
}

void
manners_free(struct manners *m)
{
	if (m == NULL)
		return;
	free(m->places);
	free(m->next);
	free(m);
}

uint32_t
manners_place(const struct manners *m, uint32_t server)
{
	return (uint32_t)hash_mix64(m->key ^ server) & m->mask;
}

static uint64_t
interval_of(const struct manners *m, const struct place *p)
{
	return m->interval_ns << p->level;
}

static bool
has_room(const struct manners *m, const struct place *p)
{
	return m->in_flight == 0 || p->in_flight < m->in_flight;
}

static bool
take(const struct manners *m, struct place *p, uint64_t now_ns)
{
	if (!has_room(m, p) || p->tat_ns > now_ns + m->ahead_ns)
		return false;
	p->tat_ns = (p->tat_ns > now_ns ? p->tat_ns : now_ns) + interval_of(m, p);
	p->in_flight++;
	return true;
}

bool
manners_take(struct manners *m, uint32_t place, uint64_t now_ns)
{
	struct place *p = &m->places[place];

	return p->first == 0 && take(m, p, now_ns);
}

/* A place whose first waits for time is looked at then; one whose first waits for an end, when that comes. */
static void
set_timer(struct manners *m, uint32_t place)
{
	const struct place *p = &m->places[place];
	uint64_t at_ns = p->tat_ns > m->ahead_ns ? p->tat_ns - m->ahead_ns : 0;

	if (p->first == 0 || !has_room(m, p))
		wheel_clear(&m->wheel, place);
	else
		wheel_set(&m->wheel, place, wheel_tick_up(at_ns));
}

void
manners_wait(struct manners *m, uint32_t place, uint32_t who)
{
	struct place *p = &m->places[place];

	m->next[who] = 0;
	if (p->first == 0)
		p->first = who;
	else
		m->next[p->last] = who;
	p->last = who;
	p->waiting++;
	set_timer(m, place);
}

uint32_t
manners_waiting(const struct manners *m, uint32_t place)
{
	return m->places[place].waiting;
}

static uint32_t
leave(struct manners *m, struct place *p)
{
	uint32_t who = p->first;

	p->first = m->next[who];
	p->waiting--;
	return who;
}

uint32_t
manners_admit(struct manners *m, uint32_t place, uint64_t now_ns)
{
	struct place *p = &m->places[place];

	if (p->first != 0 && take(m, p, now_ns))
		return leave(m, p);
	set_timer(m, place);
	return 0;
}

uint32_t
manners_due(struct manners *m, uint64_t now_ns)
{
	uint32_t place = wheel_pop(&m->wheel, now_ns);

	return place == WHEEL_NONE ? MANNERS_NONE : place;
}

uint64_t
manners_next_ns(const struct manners *m)
{
	return wheel_next_ns(&m->wheel);
}

static void
judge(struct place *p, bool is_bad)
{
	p->seen++;
	p->bad = (uint8_t)(p->bad + is_bad);
	if (p->seen < WINDOW)
		return;
	if (p->bad >= WINDOW / 2)
		p->level = (uint8_t)(p->level < LEVEL_MAX ? p->level + 1 : LEVEL_MAX);
	else if (p->bad <= WINDOW / 4 && p->level > 0)
		p->level--;
	p->seen = p->bad = 0;
}

void
manners_give(struct manners *m, uint32_t place, enum manners_end end, unsigned int extra, uint64_t now_ns)
{
	struct place *p = &m->places[place];
	uint64_t most = now_ns + DEBT_MAX_NS;

	p->in_flight--;
	if (end != MANNERS_UNSAID)
		judge(p, end == MANNERS_BAD);
	if (extra == 0)
		return;
	p->tat_ns = (p->tat_ns > now_ns ? p->tat_ns : now_ns) + extra * interval_of(m, p);
	p->tat_ns = p->tat_ns < most ? p->tat_ns : most;
}

uint32_t
manners_dismiss(struct manners *m)
{
	for (; m->dismissed <= m->mask; m->dismissed++) {
		struct place *p = &m->places[m->dismissed];

		if (p->first == 0)
			continue;
		wheel_clear(&m->wheel, m->dismissed);
		return leave(m, p);
	}
	return 0;
}
