/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

int
session_pool_init(struct session_pool *p, uint32_t most, uint32_t most_waiting)
{
	memset(p, 0, sizeof(*p));
	p->all = calloc((size_t)most + most_waiting + 1, sizeof(*p->all));
	p->most = most;
	return p->all == NULL ? -ENOMEM : 0;
}

void
session_pool_fini(struct session_pool *p)
{
	free(p->all);
	p->all = NULL;
}

/* The youngest that is as old or older: near one of the two ends, for who was declined is among the oldest. */
static uint32_t
find_older(const struct session_pool *p, uint64_t since_ns)
{
	uint32_t from_end = p->youngest, from_start = p->oldest;

	for (;;) {
		if (from_end == 0 || p->all[from_end].since_ns <= since_ns)
			return from_end;
		if (p->all[from_start].since_ns > since_ns)
			return p->all[from_start].older;
		from_end = p->all[from_end].older;
		from_start = p->all[from_start].younger;
	}
}

static void
insert(struct session_pool *p, uint32_t number)
{
	struct session *s = &p->all[number];
	uint32_t older = find_older(p, s->since_ns);

	s->older = older;
	s->younger = older != 0 ? p->all[older].younger : p->oldest;
	if (older != 0)
		p->all[older].younger = number;
	else
		p->oldest = number;
	if (s->younger != 0)
		p->all[s->younger].older = number;
	else
		p->youngest = number;
}

static uint32_t
take(struct session_pool *p, uint64_t since_ns)
{
	uint32_t number = p->free;
	struct session *s;

	if (number != 0)
		p->free = p->all[number].older;
	else
		number = ++p->touched;
	s = &p->all[number];
	memset(s, 0, sizeof(*s));
	s->since_ns = since_ns;
	insert(p, number);
	return number;
}

uint32_t
session_begin(struct session_pool *p, uint64_t since_ns)
{
	p->live++;
	return take(p, since_ns);
}

static void
append(struct session_pool *p, struct session_fifo *f, uint32_t number)
{
	p->all[number].behind = 0;
	if (f->tail != 0)
		p->all[f->tail].behind = number;
	else
		f->head = number;
	f->tail = number;
}

static uint32_t
leave(struct session_pool *p, struct session_fifo *f)
{
	uint32_t number = f->head;

	f->head = p->all[number].behind;
	if (f->head == 0)
		f->tail = 0;
	return number;
}

static void
join(struct session_pool *p, uint32_t number, enum session_line line)
{
	struct session *s = &p->all[number];

	s->waits = true;
	s->line = (uint8_t)line;
	p->waiting[line]++;
	append(p, &p->lines[line], number);
}

uint32_t
session_begin_waiting(struct session_pool *p, uint64_t since_ns, enum session_line line)
{
	uint32_t number = take(p, since_ns);

	join(p, number, line);
	return number;
}

void
session_wait(struct session_pool *p, uint32_t number, enum session_line line)
{
	p->live--;
	p->all[number].grab = NULL;
	join(p, number, line);
}

uint32_t
session_leave_line(struct session_pool *p, enum session_line line)
{
	return p->lines[line].head != 0 ? leave(p, &p->lines[line]) : 0;
}

void
session_talk(struct session_pool *p, uint32_t number)
{
	struct session *s = &p->all[number];

	s->waits = false;
	p->waiting[s->line]--;
	p->live++;
}

static void
release(struct session_pool *p, uint32_t number)
{
	p->all[number].older = p->free;
	p->free = number;
}

void
session_end(struct session_pool *p, uint32_t number)
{
	struct session *s = &p->all[number];

	if (s->older != 0)
		p->all[s->older].younger = s->younger;
	else
		p->oldest = s->younger;
	if (s->younger != 0)
		p->all[s->younger].older = s->older;
	else
		p->youngest = s->older;
	if (s->waits)
		p->waiting[s->line]--;
	else
		p->live--;
	s->waits = false;
	s->grab = NULL;
	if (s->is_queued)
		p->lingering++;
	else
		release(p, number);
}

void
session_queue(struct session_pool *p, uint32_t number, uint64_t due_ns)
{
	struct session *s = &p->all[number];

	if (s->is_queued)
		return;
	s->is_queued = true;
	s->due_ns = due_ns;
	append(p, &p->queue, number);
}

uint64_t
session_due_ns(const struct session_pool *p)
{
	return p->queue.head != 0 ? p->all[p->queue.head].due_ns : TIME_NEVER;
}

uint32_t
session_unqueue(struct session_pool *p)
{
	uint32_t number = leave(p, &p->queue);
	struct session *s = &p->all[number];

	s->is_queued = false;
	/* Ended meanwhile: its number was kept for the queue alone. */
	if (s->grab == NULL) {
		p->lingering--;
		release(p, number);
		return 0;
	}
	return number;
}
