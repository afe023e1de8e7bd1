/* SPDX-License-Identifier: BSD-3-Clause */
#include "schedule/progress.h"

#include <errno.h>
#include <stdlib.h>

#define WORD 64

void
progress_init(struct progress *p, uint64_t first)
{
	*p = (struct progress){.first = first, .end = first};
}

void
progress_fini(struct progress *p)
{
	free(p->bits);
	p->bits = NULL;
	p->capacity = 0;
}

static uint64_t *
word_of(const struct progress *p, uint64_t number)
{
	return &p->bits[(number & (p->capacity - 1)) / WORD];
}

static uint64_t
bit_of(uint64_t number)
{
	return UINT64_C(1) << (number % WORD);
}

bool
progress_has(const struct progress *p, uint64_t number)
{
	return number < p->first || (number < p->end && (*word_of(p, number) & bit_of(number)) != 0);
}

/* Room for a number, and a bit that is clear for all that none was set for. */
static int
make_room(struct progress *p, uint64_t number)
{
	struct progress grown = *p;

	if (number - p->first < p->capacity)
		return 0;
	if (grown.capacity == 0)
		grown.capacity = WORD;
	while (number - p->first >= grown.capacity)
		grown.capacity *= 2;
	grown.bits = calloc(grown.capacity / WORD, sizeof(*grown.bits));
	if (grown.bits == NULL)
		return -ENOMEM;
	for (uint64_t n = p->first; n < p->end; n++)
		if (progress_has(p, n))
			*word_of(&grown, n) |= bit_of(n);
	free(p->bits);
	*p = grown;
	return 0;
}

int
progress_done(struct progress *p, uint64_t number)
{
	int rc;

	if (number < p->first)
		return 0;
	rc = make_room(p, number);
	if (rc != 0)
		return rc;
	*word_of(p, number) |= bit_of(number);
	if (number >= p->end)
		p->end = number + 1;
	/* What falls below first leaves its bit clear for whoever comes to have it. */
	while (p->first < p->end && (*word_of(p, p->first) & bit_of(p->first)) != 0) {
		*word_of(p, p->first) &= ~bit_of(p->first);
		p->first++;
	}
	return 0;
}

bool
progress_gap(const struct progress *p, uint64_t from, uint64_t *first, uint64_t *end)
{
	uint64_t n = from > p->first ? from : p->first;

	while (n < p->end && progress_has(p, n))
		n++;
	if (n >= p->end)
		return false;
	*first = n;
	while (n < p->end && !progress_has(p, n))
		n++;
	*end = n;
	return true;
}
