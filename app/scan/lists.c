/* SPDX-License-Identifier: BSD-3-Clause */
#include "lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines/lines.h"
#include "optouts.h"
#include "reserved.h"
#include "targets/list.h"
#include "targets/rows.h"

/* What lists fill. */
struct sink {
	struct targets_builder *builder;
	struct names *names; /* made with the first of them */
	struct diag *diag;
	bool keeps_table; /* a scan goes on: what is excluded is the gate's matter alone */
	uint64_t entries; /* of targets, as listed */
	bool has_ports;   /* whether the targets have */
	bool may_ask;     /* the job says whom to ask for names */
	struct inputs *in;
};

static int
include_entry(struct sink *sink, const struct list_entry *e)
{
	int rc = 0;

	sink->entries++;
	if (e->port == 0)
		return targets_include(sink->builder, e->range);
	for (uint64_t a = e->range.first; a <= e->range.last && rc == 0; a++)
		rc = targets_pair(sink->builder, (uint32_t)a, e->port);
	return rc;
}

static int
exclude_entry(struct sink *sink, const struct list_entry *e)
{
	return sink->keeps_table ? 0 : targets_exclude(sink->builder, e->range);
}

static int
allow_entry(struct sink *sink, const struct list_entry *e)
{
	return targets_allow(sink->builder, e->range);
}

/* Apply a list of scalars of the job; they have been validated, so a fault here is of memory. */
static int
add_texts(const struct job_texts *texts, int (*add)(struct sink *sink, const struct list_entry *e),
	  struct sink *sink)
{
	int rc = 0;

	for (size_t i = 0; i < texts->count && rc != -ENOMEM; i++) {
		const struct job_text *t = &texts->items[i];
		struct list_entry entry;

		rc = list_read_entry(t->text, strlen(t->text), t->place, &entry, sink->diag);
		if (rc == 0)
			rc = add(sink, &entry);
	}
	return rc == -ENOMEM ? rc : 0;
}

static const char *
shown_name(const struct job_text *file)
{
	return strcmp(file->text, "-") == 0 ? "standard input" : file->text;
}

/* A file that cannot be read, or not to its end, is a fault of the job like any other. */
static int
add_unreadable(const struct job_text *file, int rc, struct diag *diag)
{
	if (rc == -ENOMEM)
		return rc;
	diag_add(diag, file->place, "cannot read '%s': %s", shown_name(file), lines_error(rc));
	return 0;
}

static int
add_name(struct sink *sink, const struct row *row)
{
	if (sink->names == NULL)
		sink->names = names_new();
	if (sink->names == NULL)
		return -ENOMEM;
	return names_add(sink->names, row->entry.range.first, row->entry.port, row->name, row->name_len);
}

/* A target by name: its addresses come when all lists have been read. */
static int
include_host(struct sink *sink, const struct row *row)
{
	if (!sink->may_ask) {
		diag_add(sink->diag, row->entry.place,
			 "'%.*s' is a name, and nobody is named to be asked for its address; write "
			 "dns.resolvers (--resolvers)", (int)row->name_len, row->name);
		return 0;
	}
	if (sink->in->hosts == NULL)
		sink->in->hosts = hosts_new();
	if (sink->in->hosts == NULL)
		return -ENOMEM;
	sink->entries++;
	return hosts_add(sink->in->hosts, row->name, row->name_len, row->entry.port);
}

/* Records have the port that they had; that a list names one for a ping is a mistake. */
static int
include_row(struct sink *sink, struct row *row)
{
	int rc;

	if (!sink->has_ports && row->entry.port != 0 && !row->is_record) {
		diag_add(sink->diag, row->entry.place,
			 "'%.*s' has a port, but icmp_echoscan pings addresses; leave the port out",
			 (int)row->entry.len, row->entry.text);
		return 0;
	}
	if (!sink->has_ports)
		row->entry.port = 0;
	if (row->is_host)
		return include_host(sink, row);
	rc = include_entry(sink, &row->entry);
	return rc == 0 && row->name != NULL ? add_name(sink, row) : rc;
}

/* One file of targets, a line at a time: it may be longer than memory. */
static int
include_file(const struct job_text *file, struct sink *sink)
{
	struct lines *lines;
	struct rows rows;
	struct row row;
	const char *line;
	size_t len;
	int rc = lines_open(file->text, &lines), added = 0;

	if (rc != 0)
		return add_unreadable(file, rc, sink->diag);
	rows_init(&rows, shown_name(file), sink->diag);
	while (added == 0 && (rc = lines_next(lines, &line, &len)) > 0)
		if (rows_read(&rows, line, len, &row) > 0)
			added = include_row(sink, &row);
	lines_close(lines);
	if (added != 0)
		return added;
	return rc < 0 ? add_unreadable(file, rc, sink->diag) : 0;
}

struct exclusion {
	struct sink *sink;
	const char *file;
};

static int
exclude_line(void *context, const struct list_entry *e)
{
	const struct exclusion *x = context;

	if (e->port == 0)
		return exclude_entry(x->sink, e);
	diag_add(x->sink->diag, e->place,
		 "'%.*s' excludes a port; exclusions are of whole addresses: leave the port out",
		 (int)e->len, e->text);
	return 0;
}

/* One file of exclusions: whole in memory, for the table's reader and, by itself, the gate's. */
static int
exclude_file(const struct job_text *file, struct sink *sink, struct gate *gate)
{
	struct exclusion x = {sink, shown_name(file)};
	char *text;
	size_t len;
	int rc = lines_read_all(file->text, LINES_WHOLE_MAX, &text, &len);

	if (rc != 0)
		return add_unreadable(file, rc, sink->diag);
	rc = list_read(x.file, text, len, exclude_line, &x, sink->diag);
	if (rc == 0)
		rc = gate_deny_list(gate, text, len);
	free(text);
	return rc;
}

static int
add_reserved(struct targets_builder *b)
{
	struct ipv4_range ranges[RESERVED_RANGES_MAX];
	size_t n = reserved_ranges(ranges);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = targets_exclude_default(b, ranges[i]);
	return rc;
}

static int
add_included(const struct job_targets *t, struct sink *sink)
{
	int rc = add_texts(&t->include, include_entry, sink);

	for (size_t i = 0; i < t->include_files.count && rc == 0; i++)
		rc = include_file(&t->include_files.items[i], sink);
	for (size_t i = 0; i < t->port_range_count && rc == 0; i++)
		rc = targets_port(sink->builder, t->ports[i].first, t->ports[i].last);
	if (rc == 0 && !sink->has_ports)
		rc = targets_port(sink->builder, 0, 0);
	return rc;
}

static int
add_excluded(const struct inputs *in, const struct job_targets *t, struct sink *sink)
{
	int rc = sink->keeps_table ? 0 : add_reserved(sink->builder);

	if (rc == 0)
		rc = add_texts(&t->allow_reserved, allow_entry, sink);
	if (rc == 0)
		rc = add_texts(&t->exclude, exclude_entry, sink);
	for (size_t i = 0; i < t->exclude_files.count && rc == 0; i++)
		rc = exclude_file(&t->exclude_files.items[i], sink, in->gate);
	if (rc == 0)
		rc = optouts_exclude(&in->optouts, sink->keeps_table ? NULL : sink->builder, in->gate,
				     sink->diag);
	for (size_t i = 0; i < in->onlink_count && rc == 0 && !sink->keeps_table; i++)
		rc = targets_exclude(sink->builder, in->onlink[i]);
	return rc;
}

/* The gate's own way through the same texts: raw, and parsed by the gate. Files come with the table's. */
static int
fill_gate(struct gate *gate, const struct job_targets *t)
{
	size_t len;
	const char *reserved = reserved_text(&len);
	int rc = gate_deny_list(gate, reserved, len);

	for (size_t i = 0; i < t->allow_reserved.count && rc == 0; i++) {
		const char *text = t->allow_reserved.items[i].text;

		rc = gate_allow(gate, text, strlen(text));
	}
	for (size_t i = 0; i < t->exclude.count && rc == 0; i++) {
		const char *text = t->exclude.items[i].text;

		rc = gate_deny(gate, text, strlen(text));
	}
	return rc;
}

/* Where the job says what is scanned; nowhere where it leaves that to the default. */
static struct diag_place
place_of_targets(const struct job_targets *t)
{
	if (t->include.count > 0)
		return t->include.items[0].place;
	return t->include_files.count > 0 ? t->include_files.items[0].place : (struct diag_place){0};
}

/* Nothing is left to scan: say of all that may have taken it what this job has. */
static void
refuse_no_targets(const struct inputs *in, const struct job_targets *t, const struct sink *sink)
{
	struct diag_place place = place_of_targets(t);
	char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

	if (sink->entries == 0) {
		diag_add(sink->diag, place,
			 "no targets: the lists that 'targets' names have none in them; write an address in one");
		return;
	}
	if (in->onlink_count == 0) {
		diag_add(sink->diag, place,
			 "no targets are left after exclusions; reserved ranges are excluded unless "
			 "targets.allow_reserved names them");
		return;
	}
	ipv4_format(in->onlink[0].first, first);
	ipv4_format(in->onlink[0].last, last);
	diag_add(sink->diag, place,
		 "no targets are left: all are excluded, reserved and not named by targets.allow_reserved, or on "
		 "the interface's own link (%s-%s%s), which asdic does not scan; scan those from a host "
		 "behind a router",
		 first, last, in->onlink_count > 1 ? " and others" : "");
}

/* The most that are told one by one. */
#define LEFT_OUT_TOLD 10

static bool
is_onlink(const struct inputs *in, uint32_t address)
{
	for (size_t i = 0; i < in->onlink_count; i++)
		if (in->onlink[i].first <= address && address <= in->onlink[i].last)
			return true;
	return false;
}

/* An address of a name. One that is excluded is told: whoever lists the name need not know. */
static int
include_address(void *context, uint32_t address, uint16_t port, const char *name)
{
	struct sink *sink = context;
	struct list_entry entry = {.range = {address, address}, .port = port};
	struct row row = {.entry = entry, .name = name, .name_len = strlen(name)};
	bool is_beside = is_onlink(sink->in, address);
	char text[IPV4_TEXT_SIZE];
	int rc;

	if (!sink->keeps_table && (is_beside || gate_denies(sink->in->gate, address))) {
		ipv4_format(address, text);
		if (hosts_left_out(sink->in->hosts) < LEFT_OUT_TOLD)
			fprintf(stderr, "asdic: %s points to %s, which is %s: left out\n", name, text,
				is_beside ? "on the interface's own link" : "excluded or reserved");
		return HOSTS_LEFT_OUT;
	}
	rc = include_entry(sink, &entry);
	return rc == 0 ? add_name(sink, &row) : rc;
}

static int
resolve_hosts(struct inputs *in, const struct job *job, const struct hosts_how *how, struct sink *sink)
{
	size_t without;
	int rc;

	if (hosts_count(in->hosts) == 0 || how == NULL || !diag_is_empty(sink->diag))
		return 0;
	rc = hosts_resolve(in->hosts, job, in->gate, how, include_address, sink);
	without = hosts_without_address(in->hosts);
	if (rc == 0 && hosts_left_out(in->hosts) > LEFT_OUT_TOLD)
		fprintf(stderr, "asdic: and %zu more addresses that targets' names point to are left out\n",
			hosts_left_out(in->hosts) - LEFT_OUT_TOLD);
	if (rc == 0 && without > 0)
		fprintf(stderr, "asdic: %zu of %zu targets' names have no address\n", without,
			hosts_count(in->hosts));
	return rc;
}

static int
collect(struct inputs *in, const struct job *job, const struct inputs_past *past, const struct hosts_how *how,
	struct sink *sink)
{
	int rc = fill_gate(in->gate, &job->targets);

	if (rc == 0)
		rc = add_included(&job->targets, sink);
	if (rc == 0)
		rc = add_excluded(in, &job->targets, sink);
	for (size_t i = 0; past != NULL && i < past->excluded_count && rc == 0; i++)
		rc = targets_exclude(sink->builder, past->excluded[i]);
	if (rc == 0)
		rc = resolve_hosts(in, job, how, sink);
	if (rc == 0)
		rc = targets_build(sink->builder, &in->targets);
	in->names = sink->names;
	if (in->names != NULL)
		names_settle(in->names);
	return rc;
}

int
lists_build(struct inputs *in, const struct job *job, const struct inputs_past *past, const struct hosts_how *how,
	    struct diag *diag)
{
	struct sink sink = {
		.builder = targets_builder_new(),
		.diag = diag,
		.has_ports = job_has_ports(job),
		.keeps_table = past != NULL,
		.may_ask = job->dns.is_given,
		.in = in,
	};
	int rc = -ENOMEM;

	in->gate = gate_new();
	if (sink.builder != NULL && in->gate != NULL)
		rc = collect(in, job, past, how, &sink);
	targets_builder_free(sink.builder);
	if (rc == 0 && diag_is_empty(diag) && job_has_targets(job) && targets_count(in->targets) == 0 &&
	    (how != NULL || hosts_count(in->hosts) == 0))
		refuse_no_targets(in, &job->targets, &sink);
	return rc;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct ipv4_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Whether sorted ranges hold the whole of one; they may touch and overlap. */
static bool
are_within(const struct ipv4_range *sorted, size_t count, struct ipv4_range range)
{
	for (size_t i = 0; i < count && sorted[i].first <= range.first; i++) {
		if (sorted[i].last >= range.last)
			return true;
		if (sorted[i].last >= range.first)
			range.first = sorted[i].last + 1;
	}
	return false;
}

bool
lists_have_public(const struct inputs *in)
{
	const struct targets *t = in->targets;
	struct ipv4_range reserved[RESERVED_RANGES_MAX];
	size_t n = reserved_ranges(reserved);

	qsort(reserved, n, sizeof(*reserved), compare_ranges);
	for (size_t i = 0; i < targets_range_count(t); i++)
		if (!are_within(reserved, n, targets_range(t, i)))
			return true;
	for (uint64_t i = targets_count(t) - targets_pair_count(t); i < targets_count(t); i++) {
		uint32_t address;
		uint16_t port;

		targets_select(t, &i, 1, &address, &port);
		if (!are_within(reserved, n, (struct ipv4_range){address, address}))
			return true;
	}
	return false;
}
