/* SPDX-License-Identifier: BSD-3-Clause */
#include "inputs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lists.h"

/* Lists in files may hold public addresses that the job's own text did not show. */
static int
check_files_policy(const struct inputs *in, const struct job *job, struct diag *diag)
{
	if (job->targets.include_files.count == 0 || !lists_have_public(in))
		return 0;
	return job_check_contact(job, diag);
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
	optout_find(&in->optouts);
	if (!job_device_is_harmless(job->interface.kind))
		in->onlink_count = onlink_prefixes(job->interface.device.text, in->onlink);
	rc = build_sinks(in, job, diag);
	if (rc == -ENOMEM)
		return rc;
	rc = build_sources(in, &job->interface, diag);
	if (rc == -ENOMEM)
		return rc;
	rc = lists_build(in, job, diag);
	if (rc != 0 || !diag_is_empty(diag))
		return rc != 0 ? rc : -EINVAL;
	rc = check_files_policy(in, job, diag);
	return rc != 0 ? rc : build_order(in, job, test_key);
}

void
inputs_free(struct inputs *in)
{
	targets_free(in->targets);
	names_free(in->names);
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
