/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/layout.h"

#include <string.h>

static unsigned int
share(unsigned int lcores, unsigned int queues)
{
	unsigned int n = lcores / 4 > 0 ? lcores / 4 : 1;

	return n < queues ? n : queues;
}

void
layout_make(struct layout *l, unsigned int lcores, unsigned int queues)
{
	unsigned int next = 0;

	memset(l, 0, sizeof(*l));
	l->lcores = lcores;
	if (lcores <= 2) {
		l->probers = l->receivers = l->workers = 1;
		l->receiver[0] = l->worker[0] = lcores - 1;
		return;
	}
	for (unsigned int n = share(lcores, queues); l->probers < n;)
		l->prober[l->probers++] = next++;
	for (unsigned int n = share(lcores, queues); l->receivers < n;)
		l->receiver[l->receivers++] = next++;
	while (next < lcores)
		l->worker[l->workers++] = next++;
}
