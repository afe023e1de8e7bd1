/* SPDX-License-Identifier: BSD-3-Clause */
#include "canaries.h"

#include <stdbool.h>
#include <string.h>

#include "reserved.h"
#include "targets/list.h"

_Static_assert(JOB_CANARIES_MAX <= CANARIES_MAX, "room for all");

static bool
is_in(const struct ipv4_range *ranges, size_t count, uint32_t address)
{
	for (size_t i = 0; i < count; i++)
		if (ranges[i].first <= address && ranges[i].last >= address)
			return true;
	return false;
}

/* Whether it may be asked: no more than a target may be excluded, reserved or on a link of ours. */
static bool
may_be_asked(const struct inputs *in, uint32_t address)
{
	return !gate_denies(in->gate, address) && !is_in(in->onlink, in->onlink_count, address);
}

void
canaries_build(struct inputs *in, const struct job *job, struct diag *diag)
{
	struct canary_config *c = &in->canaries;
	struct ipv4_range reserved[RESERVED_RANGES_MAX];
	size_t n = reserved_ranges(reserved);
	bool is_public = false;

	for (size_t i = 0; i < job->canaries.count && c->count < CANARIES_MAX; i++) {
		const struct job_text *t = &job->canaries.items[i];
		struct list_entry e;

		if (list_read_entry(t->text, strlen(t->text), t->place, &e, diag) != 0)
			continue;
		if (!may_be_asked(in, e.range.first)) {
			in->canaries_left_out++;
			continue;
		}
		c->address[c->count] = e.range.first;
		c->port[c->count++] = job_has_ports(job) ? e.port : 0;
		is_public |= !is_in(reserved, n, e.range.first);
	}
	if (is_public)
		job_check_contact(job, diag);
}
