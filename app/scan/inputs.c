/* SPDX-License-Identifier: BSD-3-Clause */
#include "inputs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int
build_targets(struct inputs *in, const struct job *job, struct diag *diag)
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

/* Whether any target lies outside the reserved ranges. */
static int
has_public_targets(const struct targets *t, bool *is_public)
{
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

/* Lists in files may hold public addresses that the job's own text did not show. */
static int
check_files_policy(const struct inputs *in, const struct job *job, struct diag *diag)
{
	bool is_public;
	int rc;

	if (job->targets.include_files.count == 0)
		return 0;
	rc = has_public_targets(in->targets, &is_public);
	if (rc == 0 && is_public)
		rc = job_check_contact(job, diag);
	return rc;
}

static int
build_order(struct inputs *in, const struct job *job, bool test_key)
{
	uint64_t n = targets_count(in->targets), limit = n;
	uint64_t random[3];
	int rc = getentropy(random, sizeof(random));

	in->key = test_key ? (struct cookie_key)COOKIE_TEST_KEY
			   : (struct cookie_key){random[0], random[1]};
	in->seed = job->order.has_seed ? job->order.seed : random[2];
	if (rc == 0)
		rc = perm_init(&in->perm, n, in->seed);
	/* The limit is of the whole scan: its shards divide what it leaves. */
	if (job->limits.targets != 0 && job->limits.targets < limit)
		limit = job->limits.targets;
	if (job->limits.targets_share < 1.0)
		limit = (uint64_t)ceil((double)limit * job->limits.targets_share);
	return rc != 0 ? rc : perm_shard(limit, job->order.shard, job->order.shards, &in->span);
}

static int
compare_addresses(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
build_sources(struct inputs *in, const struct job_interface *iface, struct diag *diag)
{
	uint64_t total = 0;
	uint32_t n = 0, unique = 0;

	for (size_t i = 0; i < iface->address_count; i++)
		total += ipv4_range_count(iface->addresses[i]);
	if (total > PROBE_SOURCES_MAX) {
		diag_add(diag, iface->device.place, "%llu source addresses; at most %u can be used",
			 (unsigned long long)total, PROBE_SOURCES_MAX);
		return -EINVAL;
	}
	in->sources = calloc(total, sizeof(*in->sources));
	if (in->sources == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < iface->address_count; i++)
		for (uint64_t a = iface->addresses[i].first; a <= iface->addresses[i].last; a++)
			in->sources[n++] = (uint32_t)a;
	qsort(in->sources, n, sizeof(*in->sources), compare_addresses);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || in->sources[i] != in->sources[unique - 1])
			in->sources[unique++] = in->sources[i];
	in->source_count = unique;
	return probe_port_plan(iface->source_port_first, iface->source_port_last, &in->ports);
}

static void
build_fields(struct record_fields *fields, const struct job_output *output, struct diag *diag)
{
	if (output->fields.count == 0)
		record_fields_all(fields);
	for (size_t i = 0; i < output->fields.count; i++) {
		const struct job_text *t = &output->fields.items[i];
		const struct record_field *f = record_field_find(t->text, strlen(t->text));

		if (f == NULL)
			diag_add(diag, t->place, "unknown field '%s'; did you mean '%s'?", t->text,
				 record_field_near(t->text, strlen(t->text)));
		else if (fields->count == RECORD_FIELDS_MAX)
			diag_add(diag, t->place, "more than %d fields", RECORD_FIELDS_MAX);
		else
			fields->field[fields->count++] = f;
	}
}

static int
build_sinks(struct inputs *in, const struct job *job, struct diag *diag)
{
	int rc = 0;

	for (size_t i = 0; i < job->output_count && rc != -ENOMEM; i++) {
		const struct job_text *filter = &job->outputs[i].filter;

		build_fields(&in->sinks[i].fields, &job->outputs[i], diag);
		rc = filter_compile(filter->text, strlen(filter->text), filter->place, diag,
				    &in->sinks[i].filter);
	}
	return rc;
}

int
inputs_build(struct inputs *in, const struct job *job, bool test_key, struct diag *diag)
{
	int rc;

	memset(in, 0, sizeof(*in));
	if (!job_device_is_harmless(job->interface.kind))
		in->onlink_count = onlink_prefixes(job->interface.device.text, in->onlink);
	rc = build_sinks(in, job, diag);
	if (rc == -ENOMEM)
		return rc;
	rc = build_sources(in, &job->interface, diag);
	if (rc == -ENOMEM)
		return rc;
	rc = build_targets(in, job, diag);
	if (rc != 0 || !diag_is_empty(diag))
		return rc != 0 ? rc : -EINVAL;
	rc = check_files_policy(in, job, diag);
	return rc != 0 ? rc : build_order(in, job, test_key);
}

void
inputs_free(struct inputs *in)
{
	targets_free(in->targets);
	gate_free(in->gate);
	for (size_t i = 0; i < JOB_OUTPUTS_MAX; i++)
		filter_free(in->sinks[i].filter);
	free(in->sources);
}

int
inputs_make_probe(const struct inputs *in, const struct job *job, const uint8_t own[WIRE_MAC_SIZE],
		  const uint8_t gateway[WIRE_MAC_SIZE], struct probe *probe)
{
	static const enum probe_profile profiles[] = {
		[JOB_PROFILE_WINDOWS] = PROBE_WINDOWS,
		[JOB_PROFILE_LINUX] = PROBE_LINUX,
		[JOB_PROFILE_MSS] = PROBE_MSS,
	};
	struct probe_config config = {
		.profile = profiles[job->probe.profile],
		.ttl = job->probe.ttl,
		.vlan = job->interface.vlan,
		.sources = in->sources,
		.source_count = in->source_count,
		.plan = in->ports,
		.key = in->key,
	};

	memcpy(config.source_mac, own, WIRE_MAC_SIZE);
	memcpy(config.gateway_mac, gateway, WIRE_MAC_SIZE);
	return probe_init(probe, probe_module_find(job->probe.module), &config);
}
