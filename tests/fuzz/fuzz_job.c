/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs of arbitrary bytes: faults or a job, never both; a job keeps what job.h promises.
 *
 * What stands before the first NUL byte is the document; what follows, if anything, a flag's path,
 * NUL, and its value.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "job/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void
require_texts(const struct job_texts *texts)
{
	REQUIRE(texts->count == 0 || texts->items != NULL);
	for (size_t i = 0; i < texts->count; i++)
		REQUIRE(texts->items[i].text != NULL && texts->items[i].text[0] != '\0');
}

static void
require_interface(const struct job_interface *interface)
{
	REQUIRE(interface->device.text != NULL);
	REQUIRE(interface->address_count > 0);
	for (size_t i = 0; i < interface->address_count; i++) {
		REQUIRE(interface->addresses[i].first <= interface->addresses[i].last);
		for (size_t j = 0; j < i; j++)
			REQUIRE(interface->addresses[i].first > interface->addresses[j].last ||
				interface->addresses[i].last < interface->addresses[j].first);
	}
	REQUIRE(interface->source_port_first > 0);
	REQUIRE(interface->source_port_last >= interface->source_port_first + 1023);
	REQUIRE(job_device_is_harmless(interface->kind) || interface->has_gateway ||
		interface->has_gateway_mac);
}

static void
require_targets(const struct job_targets *targets)
{
	const struct job_texts *lists[] = {&targets->include, &targets->include_files,
					   &targets->exclude, &targets->exclude_files,
					   &targets->allow_reserved};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		require_texts(lists[i]);
	for (size_t i = 0; i < targets->port_range_count; i++)
		REQUIRE(targets->ports[i].first > 0 &&
			targets->ports[i].first <= targets->ports[i].last);
	REQUIRE(targets->include.count > 0 || targets->include_files.count > 0);
}

static void
require_promises(const struct job *job)
{
	REQUIRE(job->name != NULL && job->probe.module != NULL);
	REQUIRE(job->probe.ttl >= 64 && job->probe.profile <= JOB_PROFILE_MSS);
	REQUIRE(job->interface_count >= 1 && job->interface_count <= JOB_INTERFACES_MAX);
	for (size_t i = 0; i < job->interface_count; i++)
		require_interface(&job->interfaces[i]);
	require_targets(&job->targets);
	REQUIRE(job->rate_pps > 0 || job_is_harmless(job));
	REQUIRE(job->order.shard >= 1 && job->order.shard <= job->order.shards);
	REQUIRE(job->output_count >= 1 && job->output_count <= JOB_OUTPUTS_MAX);
	for (size_t i = 0; i < job->output_count; i++) {
		const struct job_output *o = &job->outputs[i];

		REQUIRE(o->file.text != NULL && o->filter.text != NULL);
		REQUIRE(o->format == JOB_FORMAT_NDJSON || o->fields.count > 0);
		require_texts(&o->fields);
	}
	REQUIRE(job->limits.targets_share > 0.0 && job->limits.targets_share <= 1.0);
}

static void
check_policy(const struct job *job)
{
	static const struct ipv4_range reserved[] = {{0x0a000000, 0x0affffff}};
	struct diag diag = DIAG_EMPTY;
	int rc = job_check_policy(job, reserved, 1, &diag);

	REQUIRE(rc == 0 || rc == -EINVAL);
	REQUIRE((rc == 0) == diag_is_empty(&diag));
	diag_reset(&diag);
}

/* Every fault can be shown, and they stand in order. */
static void
check_faults(const struct diag *diag)
{
	char line[512];

	for (size_t i = 0; i < diag->count; i++) {
		const struct diag_place *p = &diag->entries[i].place;

		REQUIRE(diag_format(diag, i, line, sizeof(line)) > 0);
		REQUIRE(diag->entries[i].text != NULL);
		if (i == 0 || strcmp(p[0].file, diag->entries[i - 1].place.file) != 0)
			continue;
		REQUIRE(p->line >= diag->entries[i - 1].place.line);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct job_override override = {.flag = "--flag"};
	struct diag diag = DIAG_EMPTY;
	struct job *job = NULL;
	char *copy = malloc(size + 1);
	size_t document, path;
	int rc;

	REQUIRE(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	document = strlen(copy);
	path = document < size ? strlen(copy + document + 1) : 0;
	override.path = document < size ? copy + document + 1 : "";
	override.value = document + 1 + path < size ? override.path + path + 1 : "";
	override.append = path % 2;

	rc = job_load("job", copy, document, &override, document < size, &diag, &job);
	REQUIRE(rc == 0 || rc == -EINVAL);
	REQUIRE((rc == 0) == (job != NULL));
	REQUIRE((rc == 0) == diag_is_empty(&diag));
	check_faults(&diag);
	if (job != NULL) {
		require_promises(job);
		check_policy(job);
	}
	job_free(job);
	diag_reset(&diag);
	free(copy);
	return 0;
}
