/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a scan owes to those it reaches: nothing reserved by accident, and somebody to write to.
 */
#include <errno.h>
#include <string.h>

#include "job/job.h"
#include "targets/list.h"

/*
 * The first address of the range that the ranges do not cover, or one beyond its last. Each round
 * but the last moves on, past at least one of the ranges, so count rounds suffice.
 */
static uint64_t
covered_until(const struct ipv4_range *ranges, size_t count, struct ipv4_range range)
{
	uint64_t next = range.first;

	for (size_t round = 0; round < count && next <= range.last; round++) {
		uint64_t before = next;

		for (size_t i = 0; i < count; i++)
			if (ranges[i].first <= next && ranges[i].last >= next)
				next = (uint64_t)ranges[i].last + 1;
		if (next == before)
			break;
	}
	return next;
}

static bool
is_covered(const struct ipv4_range *ranges, size_t count, struct ipv4_range range)
{
	return covered_until(ranges, count, range) > range.last;
}

/* The range of a text that job_load() has read before. */
static struct ipv4_range
range_of(const struct job_text *text, struct diag *diag)
{
	struct list_entry entry = {0};

	list_read_entry(text->text, strlen(text->text), text->place, &entry, diag);
	return entry.range;
}

static bool
is_public(const struct job *job, const struct ipv4_range *reserved, size_t count,
	  struct diag *diag)
{
	const struct job_texts *include = &job->targets.include;

	for (size_t i = 0; i < include->count; i++)
		if (!is_covered(reserved, count, range_of(&include->items[i], diag)))
			return true;
	return false;
}

int
job_check_policy(const struct job *job, const struct ipv4_range *reserved, size_t count,
		 struct diag *diag)
{
	const struct job_texts *allowed = &job->targets.allow_reserved;
	int rc = 0;

	for (size_t i = 0; i < allowed->count; i++) {
		if (is_covered(reserved, count, range_of(&allowed->items[i], diag)))
			continue;
		diag_add(diag, allowed->items[i].place,
			 "'%s' is not reserved, at least not all of it; remove it, or write the "
			 "reserved part",
			 allowed->items[i].text);
		rc = -EINVAL;
	}
	if (is_public(job, reserved, count, diag) && job_check_contact(job, diag) != 0)
		rc = -EINVAL;
	return rc;
}

int
job_check_contact(const struct job *job, struct diag *diag)
{
	int rc = 0;

	if (job_is_harmless(job))
		return 0;
	if (job->contact.email == NULL) {
		diag_add(diag, job->contact.place,
			 "a scan of public addresses needs somebody to write to; write "
			 "'contact: {operator: Example Lab, email: abuse@example.org}' "
			 "(--set contact.email=abuse@example.org)");
		rc = -EINVAL;
	}
	if (job->rate_pps > JOB_UPSTREAM_PPS && job->contact.upstream == NULL) {
		diag_add(diag, job->contact.place,
			 "above %u packets/s the network's operator must know; write "
			 "contact.upstream, like \"AS64500 NOC, ticket 4711\", or lower the rate",
			 JOB_UPSTREAM_PPS);
		rc = -EINVAL;
	}
	return rc;
}
