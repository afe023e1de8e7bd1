/* SPDX-License-Identifier: BSD-3-Clause */
#include "course.h"

static void
coarsen(struct course *c)
{
	c->count /= 2;
	for (unsigned int i = 0; i < c->count; i++)
		c->steps[i] = c->steps[2 * i + 1];
	c->step_ns *= 2;
}

void
course_note(struct course *c, uint64_t now_ns, uint64_t sent, uint64_t received)
{
	uint64_t begin_ns = c->count > 0 ? c->steps[c->count - 1].end_ns : 0;

	if (c->step_ns == 0)
		c->step_ns = COURSE_FIRST_NS;
	if (now_ns - begin_ns < c->step_ns)
		return;
	course_end(c, now_ns, sent, received);
}

void
course_end(struct course *c, uint64_t now_ns, uint64_t sent, uint64_t received)
{
	if (c->count == COURSE_STEPS)
		coarsen(c);
	c->steps[c->count++] = (struct course_step){now_ns, sent, received};
}
