/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

int
session_pool_init(struct session_pool *p, uint32_t capacity)
{
	memset(p, 0, sizeof(*p));
	p->all = calloc((size_t)capacity + 1, sizeof(*p->all));
	p->capacity = capacity;
	return p->all == NULL ? -ENOMEM : 0;
}

void
session_pool_fini(struct session_pool *p)
{
	free(p->all);
	p->all = NULL;
}

/* Behind all that are as old or older: nearly always at the end. */
static void
insert(struct session_pool *p, uint32_t number)
{
	struct session *s = &p->all[number];
	uint32_t older = p->youngest;

	while (older != 0 && p->all[older].since_ns > s->since_ns)
		older = p->all[older].older;
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

uint32_t
session_begin(struct session_pool *p, uint64_t since_ns)
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
	p->live++;
	return number;
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
	p->live--;
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
	s->behind = 0;
	if (p->tail != 0)
		p->all[p->tail].behind = number;
	else
		p->head = number;
	p->tail = number;
}

uint64_t
session_due_ns(const struct session_pool *p)
{
	return p->head != 0 ? p->all[p->head].due_ns : TIME_NEVER;
}

uint32_t
session_unqueue(struct session_pool *p)
{
	uint32_t number = p->head;
	struct session *s = &p->all[number];

	p->head = s->behind;
	if (p->head == 0)
		p->tail = 0;
	s->is_queued = false;
	/* Ended meanwhile: its number was kept for the queue alone. */
	if (s->grab == NULL) {
		p->lingering--;
		release(p, number);
		return 0;
	}
	return number;
}
