/* SPDX-License-Identifier: BSD-3-Clause */
#include "schedule/epochs.h"

#include <string.h>

#include "base/time.h"

#define PERIOD_MIN_NS (250 * NS_PER_MS)

void
epochs_init(struct epochs *e, uint64_t first, uint64_t end, uint64_t cooldown_ns)
{
	memset(e, 0, sizeof(*e));
	e->floor = first;
	e->end = end;
	e->cooldown_ns = cooldown_ns;
	/* Half the room is for what a slow writer has not got to. */
	e->period_ns = cooldown_ns / (EPOCHS_MAX / 2);
	if (e->period_ns < PERIOD_MIN_NS)
		e->period_ns = PERIOD_MIN_NS;
}

static struct epoch *
epoch_at(struct epochs *e, uint64_t number)
{
	return &e->open[number % EPOCHS_MAX];
}

void
epochs_note(struct epochs *e, uint64_t now_ns, uint64_t floor)
{
	struct epoch *last = e->tail > e->head ? epoch_at(e, e->tail - 1) : NULL;

	if (floor <= (last != NULL ? last->end : e->floor))
		return;
	if (last != NULL && now_ns - last->sent_ns < e->period_ns && floor < e->end)
		return;
	if (e->tail - e->head == EPOCHS_MAX)
		*last = (struct epoch){now_ns, floor}; /* the last one grows */
	else
		*epoch_at(e, e->tail++) = (struct epoch){now_ns, floor};
}

void
epochs_seen(struct epochs *e, uint64_t seen_ns)
{
	for (; e->head < e->tail; e->head++) {
		const struct epoch *oldest = epoch_at(e, e->head);

		if (seen_ns < e->cooldown_ns || oldest->sent_ns > seen_ns - e->cooldown_ns)
			break;
		e->floor = oldest->end;
	}
}
