/* SPDX-License-Identifier: BSD-3-Clause */
#include "sets.h"

#include <errno.h>
#include <stdio.h>

static void
digest_range(struct digest *d, uint32_t first, uint32_t last)
{
	char a[IPV4_TEXT_SIZE], b[IPV4_TEXT_SIZE], line[2 * IPV4_TEXT_SIZE + 2];

	ipv4_format(first, a);
	ipv4_format(last, b);
	digest_add(d, line, (size_t)snprintf(line, sizeof(line), "%s-%s\n", a, b));
}

static void
digest_ports(struct digest *d, const struct job_targets *t)
{
	for (unsigned int port = 1; port <= UINT16_MAX; port++) {
		char line[8];
		size_t i = 0;

		while (i < t->port_range_count &&
		       (port < t->ports[i].first || port > t->ports[i].last))
			i++;
		if (i < t->port_range_count)
			digest_add(d, line, (size_t)snprintf(line, sizeof(line), "%u\n", port));
	}
}

static void
digest_pairs(struct digest *d, const struct targets *t)
{
	uint64_t product = targets_address_count(t) * targets_port_count(t);

	for (uint64_t i = product; i < targets_count(t); i++) {
		char text[IPV4_TEXT_SIZE], line[IPV4_TEXT_SIZE + 8];
		uint32_t address;
		uint16_t port;

		targets_select(t, &i, 1, &address, &port);
		ipv4_format(address, text);
		digest_add(d, line, (size_t)snprintf(line, sizeof(line), "%s:%u\n", text, port));
	}
}

/* The ranges of addresses, a line each, ascending; then the ports; then the pairs beyond the product. */
static void
digest_targets(struct digest *d, const struct job *job, const struct targets *t)
{
	for (size_t i = 0; i < targets_range_count(t); i++)
		digest_range(d, targets_range(t, i).first, targets_range(t, i).last);
	digest_ports(d, &job->targets);
	digest_pairs(d, t);
}

/* What the gate denies: ranges, a line each, ascending, as long as they go. */
static void
digest_exclusions(struct digest *d, const struct gate *g)
{
	uint64_t first, end = 0;

	while (gate_next_span(g, end, &first, &end) == 0)
		digest_range(d, (uint32_t)first, (uint32_t)(end - 1));
}

int
sets_targets_digest(const struct job *job, const struct inputs *in, char text[DIGEST_TEXT_SIZE])
{
	struct digest *d = digest_new();

	if (d == NULL)
		return -ENOMEM;
	digest_targets(d, job, in->targets);
	digest_text(d, text);
	digest_free(d);
	return 0;
}

int
sets_exclusions_digest(const struct inputs *in, char text[DIGEST_TEXT_SIZE])
{
	struct digest *d = digest_new();

	if (d == NULL)
		return -ENOMEM;
	digest_exclusions(d, in->gate);
	digest_text(d, text);
	digest_free(d);
	return 0;
}

/* Of each interface its shares of the targets, its ports, and its addresses. */
int
sets_sources_digest(const struct inputs *in, char text[DIGEST_TEXT_SIZE])
{
	const struct probe_sources *s = &in->sources;
	struct digest *d = digest_new();

	if (d == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < s->count; i++) {
		const struct probe_pool *p = &s->pool[i];
		char line[64];

		digest_add(d, line, (size_t)snprintf(line, sizeof(line), "%u %u %u\n", p->first_share, p->shares,
						     p->plan.ports[COOKIE_PROBE].base));
		for (uint32_t k = 0; k < p->address_count; k++)
			digest_range(d, p->addresses[k], p->addresses[k]);
	}
	digest_text(d, text);
	digest_free(d);
	return 0;
}
