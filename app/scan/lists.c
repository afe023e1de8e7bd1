/* SPDX-License-Identifier: BSD-3-Clause */
#include "lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reserved.h"
#include "targets/list.h"
#include "text.h"

/* What list_read() fills: the builder, by one of two ways. */
struct list_sink {
	struct targets_builder *builder;
	const char *file;
	struct diag *diag;
	bool has_ports; /* whether the targets have */
};

static int
include_entry(void *context, const struct list_entry *e)
{
	struct list_sink *sink = context;
	int rc = 0;

	if (e->port == 0)
		return targets_include(sink->builder, e->range);
	if (!sink->has_ports) {
		diag_add(sink->diag, (struct diag_place){sink->file, 0, 0},
			 "'%.*s' names a port, but icmp_echoscan pings addresses; leave the port out",
			 (int)e->len, e->text);
		return 0;
	}
	for (uint64_t a = e->range.first; a <= e->range.last && rc == 0; a++)
		rc = targets_pair(sink->builder, (uint32_t)a, e->port);
	return rc;
}

static int
exclude_entry(void *context, const struct list_entry *e)
{
	struct list_sink *sink = context;
	struct diag_place place = {sink->file, 0, 0};

	if (e->port == 0)
		return targets_exclude(sink->builder, e->range);
	diag_add(sink->diag, place,
		 "'%.*s' excludes a port; exclusions are of whole addresses: leave the port out",
		 (int)e->len, e->text);
	return 0;
}

/* Apply a list of scalars of the job; they have been validated, so a fault here is of memory. */
static int
add_texts(const struct job_texts *texts, list_entry_fn *add, struct list_sink *sink)
{
	for (size_t i = 0; i < texts->count; i++) {
		const struct job_text *t = &texts->items[i];
		struct list_entry entry;
		int rc = list_read_entry(t->text, strlen(t->text), t->place, &entry, sink->diag);

		sink->file = t->place.file;
		if (rc == 0)
			rc = add(sink, &entry);
		if (rc == -ENOMEM)
			return rc;
	}
	return 0;
}

/* Apply one list file; a gate that is not NULL reads it too, by itself. */
static int
add_file(const struct job_text *file, list_entry_fn *add, struct list_sink *sink, struct gate *gate)
{
	char *text;
	size_t len;
	int rc = text_read_file(file->text, &text, &len);

	if (rc != 0) {
		diag_add(sink->diag, file->place, "cannot read '%s': %s", file->text, strerror(-rc));
		return 0;
	}
	sink->file = file->text;
	rc = list_read(file->text, text, len, add, sink, sink->diag);
	if (rc == 0 && gate != NULL && gate_deny_list(gate, text, len) == -ENOMEM)
		rc = -ENOMEM;
	free(text);
	return rc;
}

static int
add_files(const struct job_texts *files, list_entry_fn *add, struct list_sink *sink,
	  struct gate *gate)
{
	int rc = 0;

	for (size_t i = 0; i < files->count && rc == 0; i++)
		rc = add_file(&files->items[i], add, sink, gate);
	return rc;
}

static int
allow_entry(void *context, const struct list_entry *e)
{
	struct list_sink *sink = context;

	return targets_allow(sink->builder, e->range);
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

/* All of the job's lists into the table's builder. */
static int
collect_targets(struct inputs *in, const struct job *job, struct list_sink *sink)
{
	const struct job_targets *t = &job->targets;
	int rc = add_reserved(sink->builder);

	if (rc == 0)
		rc = add_texts(&t->allow_reserved, allow_entry, sink);
	if (rc == 0)
		rc = add_texts(&t->include, include_entry, sink);
	if (rc == 0)
		rc = add_files(&t->include_files, include_entry, sink, NULL);
	if (rc == 0)
		rc = add_texts(&t->exclude, exclude_entry, sink);
	if (rc == 0)
		rc = add_files(&t->exclude_files, exclude_entry, sink, in->gate);
	for (size_t i = 0; i < in->onlink_count && rc == 0; i++)
		rc = targets_exclude(sink->builder, in->onlink[i]);
	for (size_t i = 0; i < t->port_range_count && rc == 0; i++)
		rc = targets_port(sink->builder, t->ports[i].first, t->ports[i].last);
	if (rc == 0 && !sink->has_ports)
		rc = targets_port(sink->builder, 0, 0);
	return rc;
}

/* The gate's own way through the same texts: raw, and parsed by the gate. Files came with the table's. */
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

int
lists_build(struct inputs *in, const struct job *job, struct diag *diag)
{
	struct list_sink sink = {targets_builder_new(), NULL, diag, job_has_ports(job)};
	struct diag_place none = {0};
	int rc = -ENOMEM;

	in->gate = gate_new();
	if (sink.builder != NULL && in->gate != NULL)
		rc = fill_gate(in->gate, &job->targets);
	if (rc == 0)
		rc = collect_targets(in, job, &sink);
	if (rc == 0)
		rc = targets_build(sink.builder, &in->targets);
	targets_builder_free(sink.builder);
	if (rc == 0 && diag_is_empty(diag) && targets_count(in->targets) == 0)
		diag_add(diag, none,
			 "no targets are left after exclusions; reserved ranges are excluded unless "
			 "targets.allow_reserved names them");
	return rc;
}

int
lists_have_public(const struct inputs *in, bool *is_public)
{
	const struct targets *t = in->targets;
	struct targets_builder *b = targets_builder_new();
	struct ipv4_range reserved[RESERVED_RANGES_MAX];
	size_t n = reserved_ranges(reserved);
	uint64_t product = targets_address_count(t) * targets_port_count(t);
	struct targets *rest = NULL;
	int rc = b == NULL ? -ENOMEM : targets_port(b, 1, 1);

	for (size_t i = 0; i < targets_range_count(t) && rc == 0; i++)
		rc = targets_include(b, targets_range(t, i));
	for (uint64_t i = product; i < targets_count(t) && rc == 0; i++) {
		uint32_t address;
		uint16_t port;

		targets_select(t, &i, 1, &address, &port);
		rc = targets_include(b, (struct ipv4_range){address, address});
	}
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = targets_exclude(b, reserved[i]);
	if (rc == 0)
		rc = targets_build(b, &rest);
	targets_builder_free(b);
	*is_public = rc == 0 && targets_count(rest) > 0;
	targets_free(rest);
	return rc;
}
