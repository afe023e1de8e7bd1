/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan_names.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine.h"
#include "lines/lines.h"
#include "text.h"

/* A list up to this size is read to be counted: a second or so. */
#define COUNTED_BYTES (256 << 20)

/* The lines of a list: 0 when it is too long to be counted, a stream, or cannot be read to its end. */
static uint64_t
count_lines(const char *file)
{
	struct lines *lines;
	uint64_t count = 0;
	const char *line;
	struct stat st;
	size_t len;
	int rc;

	if (strcmp(file, "-") == 0 || stat(file, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > COUNTED_BYTES ||
	    lines_open(file, &lines) != 0)
		return 0;
	while ((rc = lines_next(lines, &line, &len)) > 0)
		count += len > 0 && line[0] != '#';
	lines_close(lines);
	return rc == 0 ? count : 0;
}

static void
print_lookup(const struct job_lookup *l, const char *title)
{
	uint64_t count = l->names == JOB_NAMES_FILE ? count_lines(l->file.text) : 0;
	char type[DNS_TYPE_TEXT];

	printf("%-11s ", title);
	if (l->names == JOB_NAMES_CERTIFICATES)
		printf("those in certificates");
	else if (l->names == JOB_NAMES_RESPONDERS)
		printf("those of responders' addresses");
	else if (count > 0)
		printf("%llu of '%s'", (unsigned long long)count, l->file.text);
	else
		printf("those of %s%s%s", strcmp(l->file.text, "-") == 0 ? "standard input" : "'",
		       strcmp(l->file.text, "-") == 0 ? "" : l->file.text,
		       strcmp(l->file.text, "-") == 0 ? "" : "'");
	printf(":");
	for (unsigned int i = 0; i < l->types.count; i++)
		printf(" %s", dns_type_name(l->types.type[i], type));
	printf("\n");
}

void
plan_names_print(const struct job *job, const struct inputs *in)
{
	const struct lookups_plan *plan = &in->asking.plan;
	char rate[TEXT_SIZE];

	if (job->dns.lookup_count == 0)
		return;
	for (size_t i = 0; i < job->dns.lookup_count; i++)
		print_lookup(&job->dns.lookups[i], i == 0 ? "names" : "");
	printf("%-12s%zu, %s queries/s of all together, up to %u tries of %.3g s each\n",
	       plan->direct ? "root servers" : "resolvers", plan->resolver_count, text_count(rate, (double)plan->rate_pps), plan->tries,
	       (double)plan->timeout_ns / 1e9);
	if (plan->direct && plan->server_rate != 0)
		printf("            at most %s queries/s to one server\n", text_count(rate, (double)plan->server_rate));
	printf("            up to %u names at once for each lcore that asks, about 7 KB each\n",
	       lookups_names(plan, engine_lcores(job)));
}
