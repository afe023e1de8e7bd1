/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/layout.h"

#include <errno.h>
#include <string.h>

static unsigned int
share(unsigned int lcores, unsigned int queues)
{
	unsigned int n = lcores / 4 > 0 ? lcores / 4 : 1;

	return n < queues ? n : queues;
}

void
layout_make(struct layout *l, unsigned int lcores, unsigned int probers_max, unsigned int rx_queues)
{
	unsigned int next = 0;

	memset(l, 0, sizeof(*l));
	l->lcores = lcores;
	if (lcores == 2 && probers_max > 1 && rx_queues > 1) {
		for (; next < lcores; next++)
			l->prober[next] = l->receiver[next] = l->worker[next] = next;
		l->probers = l->receivers = l->workers = lcores;
		return;
	}
	if (lcores <= 2) {
		l->probers = l->receivers = l->workers = 1;
		l->receiver[0] = l->worker[0] = lcores - 1;
		return;
	}
	for (unsigned int n = share(lcores, probers_max); l->probers < n;)
		l->prober[l->probers++] = next++;
	for (unsigned int n = share(lcores, rx_queues); l->receivers < n;)
		l->receiver[l->receivers++] = next++;
	while (next < lcores)
		l->worker[l->workers++] = next++;
}

/* Give a role its CPUs, and a lcore to each that has none yet. 0 or -E2BIG. */
static int
pin_role(struct layout *l, struct layout_cpus role, uint16_t *cpus, unsigned int *lcore,
	 unsigned int *count)
{
	for (size_t i = 0; i < role.count; i++) {
		unsigned int at = 0;

		while (at < l->lcores && cpus[at] != role.cpu[i])
			at++;
		if (at == LAYOUT_LCORES_MAX)
			return -E2BIG;
		if (at == l->lcores)
			cpus[l->lcores++] = role.cpu[i];
		lcore[(*count)++] = at;
	}
	return 0;
}

int
layout_pin(struct layout *l, struct layout_cpus probers, struct layout_cpus receivers,
	   struct layout_cpus workers, uint16_t cpus[LAYOUT_LCORES_MAX])
{
	int rc;

	memset(l, 0, sizeof(*l));
	rc = pin_role(l, probers, cpus, l->prober, &l->probers);
	if (rc == 0)
		rc = pin_role(l, receivers, cpus, l->receiver, &l->receivers);
	return rc == 0 ? pin_role(l, workers, cpus, l->worker, &l->workers) : rc;
}
