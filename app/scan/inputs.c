/* SPDX-License-Identifier: BSD-3-Clause */
#include "inputs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "canaries.h"
#include "lists.h"

/* Lists in files may hold public addresses that the job's own text did not show. */
static int
check_files_policy(const struct inputs *in, const struct job *job, struct diag *diag)
{
	if (job->targets.include_files.count == 0 || !lists_have_public(in))
		return 0;
	return job_check_contact(job, diag);
}

/* Caps that nobody asked for are for public addresses. */
static int
build_caps(struct inputs *in, const struct job *job)
{
	const struct job_texts *allowed = &job->targets.allow_reserved;

	in->per_24 = job->limits.per_24;
	in->per_16 = job->limits.per_16;
	if (job->limits.has_per || (in->per_24 == 0 && in->per_16 == 0))
		return 0;
	if (!lists_have_public(in)) {
		in->per_24 = in->per_16 = 0;
		return 0;
	}
	in->spared = calloc(allowed->count + 1, sizeof(*in->spared));
	if (in->spared == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < allowed->count; i++) {
		const char *text = allowed->items[i].text;

		if (ipv4_parse_range(text, strlen(text), &in->spared[in->spared_count]) == 0)
			in->spared_count++;
	}
	return 0;
}

static int
build_order(struct inputs *in, const struct job *job, bool test_key, const struct inputs_past *past)
{
	uint64_t n = targets_count(in->targets), limit = n;
	uint64_t random[3];
	int rc = getentropy(random, sizeof(random));

	in->key = test_key ? (struct cookie_key)COOKIE_TEST_KEY
			   : (struct cookie_key){random[0], random[1]};
	if (past != NULL) {
		in->key = past->key;
		random[2] = past->seed;
	}
	in->seed = job->order.has_seed ? job->order.seed : random[2];
	if (rc == 0)
		rc = perm_init(&in->perm, n > 0 ? n : 1, in->seed); /* of no targets nobody asks */
	/* The limit is of the whole scan: its shards divide what it leaves. */
	if (job->limits.targets != 0 && job->limits.targets < limit)
		limit = job->limits.targets;
	if (job->limits.targets_share < 1.0)
		limit = (uint64_t)ceil((double)limit * job->limits.targets_share);
	return rc != 0 ? rc : perm_shard(limit, job->order.shard, job->order.shards, &in->span);
}

/*
 * An interface's part of the targets: its own rate where it has one. Those that have none share what is left
 * of the whole, or where none is left are as the mean of the others; without any they are equal.
 */
static uint64_t
weight_of(const struct job *job, size_t i)
{
	uint64_t given = 0, with = 0, without, left;

	for (size_t k = 0; k < job->interface_count; k++) {
		given += job->interfaces[k].rate_pps;
		with += job->interfaces[k].rate_pps != 0;
	}
	if (job->interfaces[i].rate_pps != 0)
		return job->interfaces[i].rate_pps;
	if (with == 0)
		return 1;
	without = job->interface_count - with;
	left = job->rate_pps > given ? (job->rate_pps - given) / without : 0;
	return left > 0 ? left : given / with;
}

static int
build_sources(struct inputs *in, const struct job *job, struct diag *diag)
{
	struct probe_pool_config pools[JOB_INTERFACES_MAX];
	uint64_t total = 0;
	int rc;

	for (size_t i = 0; i < job->interface_count; i++) {
		const struct job_interface *iface = &job->interfaces[i];

		pools[i] = (struct probe_pool_config){
			.ranges = iface->addresses,
			.range_count = iface->address_count,
			.port_first = iface->source_port_first,
			.port_last = iface->source_port_last,
			.weight = weight_of(job, i),
		};
		for (size_t k = 0; k < iface->address_count; k++)
			total += ipv4_range_count(iface->addresses[k]);
	}
	rc = probe_sources_init(&in->sources, pools, (unsigned int)job->interface_count);
	if (rc == -E2BIG)
		diag_add(diag, job->interfaces[0].device.place,
			 "%llu source addresses; at most %u can be used: write a smaller pool in interfaces.addresses",
			 (unsigned long long)total, PROBE_SOURCES_MAX);
	return rc;
}

static void
find_onlink(struct inputs *in, const struct job *job)
{
	for (size_t i = 0; i < job->interface_count; i++)
		if (!job_device_is_harmless(job->interfaces[i].kind))
			in->onlink_count += onlink_prefixes(job->interfaces[i].device.text,
							    in->onlink + in->onlink_count,
							    ONLINK_MAX - in->onlink_count);
}

static void
refuse_field(const struct job_text *t, struct diag *diag)
{
	char advice[RECORD_ADVICE_SIZE];

	record_field_advice(t->text, strlen(t->text), advice);
	diag_add(diag, t->place, "unknown field '%s'; %s", t->text, advice);
}

static void
build_fields(struct record_fields *fields, const struct job_output *output, struct diag *diag)
{
	if (output->fields.count == 0 ||
	    (output->fields.count == 1 && strcmp(output->fields.items[0].text, "*") == 0)) {
		record_fields_all(fields);
		return;
	}
	for (size_t i = 0; i < output->fields.count; i++) {
		const struct job_text *t = &output->fields.items[i];
		const struct record_field *f = record_field_find(t->text, strlen(t->text));

		if (f == NULL && strcmp(t->text, "*") == 0)
			diag_add(diag, t->place, "'*' is all fields; write it alone");
		else if (f == NULL)
			refuse_field(t, diag);
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
inputs_build(struct inputs *in, const struct job *job, bool test_key, const struct inputs_past *past,
	     const struct hosts_how *how, struct diag *diag)
{
	int rc;

	memset(in, 0, sizeof(*in));
	optout_find(&in->optouts);
	find_onlink(in, job);
	rc = build_sinks(in, job, diag);
	if (rc == -ENOMEM)
		return rc;
	rc = build_sources(in, job, diag);
	if (rc != 0 && rc != -E2BIG)
		return rc;
	rc = lists_build(in, job, past, how, diag);
	if (rc != 0 || !diag_is_empty(diag))
		return rc != 0 ? rc : -EINVAL;
	rc = check_files_policy(in, job, diag);
	if (rc == 0)
		rc = build_caps(in, job);
	if (rc == 0 && job->dns.is_given)
		rc = asking_build(&in->asking, in, job, diag);
	if (rc == 0)
		canaries_build(in, job, diag);
	if (!diag_is_empty(diag))
		return -EINVAL;
	return rc != 0 ? rc : build_order(in, job, test_key, past);
}

void
inputs_free(struct inputs *in)
{
	targets_free(in->targets);
	names_free(in->names);
	hosts_free(in->hosts);
	gate_free(in->gate);
	free(in->spared);
	asking_free(&in->asking);
	for (size_t i = 0; i < JOB_OUTPUTS_MAX; i++)
		filter_free(in->sinks[i].filter);
}

int
inputs_make_probe(const struct inputs *in, const struct job *job, unsigned int iface,
		  const uint8_t own[WIRE_MAC_SIZE], const uint8_t gateway[WIRE_MAC_SIZE],
		  struct probe *probe)
{
	static const enum probe_profile profiles[] = {
		[JOB_PROFILE_WINDOWS] = PROBE_WINDOWS,
		[JOB_PROFILE_LINUX] = PROBE_LINUX,
		[JOB_PROFILE_MSS] = PROBE_MSS,
	};
	struct probe_config config = {
		.profile = profiles[job->probe.profile],
		.ttl = job->probe.ttl,
		.vlan = job->interfaces[iface].vlan,
		.sources = &in->sources,
		.iface = iface,
		.key = in->key,
	};

	memcpy(config.source_mac, own, WIRE_MAC_SIZE);
	memcpy(config.gateway_mac, gateway, WIRE_MAC_SIZE);
	return probe_init(probe, probe_module_find(job->probe.module), &config);
}
