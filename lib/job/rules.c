/* SPDX-License-Identifier: BSD-3-Clause */
#include "job/rules.h"

#include <string.h>

#include "job/dns_rules.h"
#include "job/grab_rules.h"
#include "job/readers.h"
#include "job/template.h"

/* Where a device only simulates, its addresses need not be anybody's: the benchmarking range. */
#define HARMLESS_ADDRESS UINT32_C(0xc6120001) /* 198.18.0.1 */

/* The place of a key's value or, where it is absent, of what it should stand in. */
static struct diag_place
place_of(const struct reader *r, const char *path)
{
	const struct yaml_node *node = schema_given(r, path);

	return node != NULL ? node->place : r->root->place;
}

/* No value to go by: absent, or a list of nothing. */
static bool
is_empty(const struct yaml_node *node)
{
	return node == NULL || (node->kind == YAML_SEQUENCE && node->count == 0);
}

static bool
is_absent(const struct reader *r, const char *path)
{
	return is_empty(schema_given(r, path));
}

/* Each of several interfaces has the next address. */
static void
default_pool(struct reader *r, size_t i)
{
	struct job_interface *interface = &r->job->interfaces[i];
	uint32_t address = HARMLESS_ADDRESS + (uint32_t)i;

	interface->addresses = reader_alloc(r, 1, sizeof(*interface->addresses));
	if (interface->addresses == NULL)
		return;
	interface->addresses[0] = (struct ipv4_range){address, address};
	interface->address_count = 1;
}

static bool
has_address(const struct job_interface *interface, struct ipv4_range range)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (range.first <= interface->addresses[i].last &&
		    interface->addresses[i].first <= range.last)
			return true;
	return false;
}

static void
check_gateway(struct reader *r, size_t i)
{
	const struct job_interface *interface = &r->job->interfaces[i];
	const struct given_interface *given = &r->interfaces[i];
	const struct ipv4_range gateway = {interface->gateway, interface->gateway};

	if (is_empty(given->gateway) && is_empty(given->gateway_mac)) {
		diag_add(r->diag, given->item->place,
			 "'gateway' is missing; write the router's address (-g), or gateway_mac "
			 "(-G)");
		return;
	}
	for (size_t k = 0; interface->has_gateway && k < r->job->interface_count; k++) {
		if (!has_address(&r->job->interfaces[k], gateway))
			continue;
		diag_add(r->diag, given->gateway->place,
			 "the gateway is among 'addresses'; take it out of the pool");
		return;
	}
}

/* The name that DPDK knows a device by. */
static size_t
name_length(const struct job_interface *interface)
{
	return strcspn(interface->device.text, ",");
}

/* No two interfaces share a device or an address: a reply must say which of them it is for. */
static void
check_distinct(struct reader *r, size_t i)
{
	const struct job_interface *interface = &r->job->interfaces[i], *other;

	for (size_t k = 0; k < i; k++) {
		other = &r->job->interfaces[k];
		if (other->device.text == NULL)
			continue;
		if (name_length(other) == name_length(interface) &&
		    memcmp(other->device.text, interface->device.text, name_length(other)) == 0)
			diag_add(r->diag, interface->device.place,
				 "'%.*s' is another interface's device already; write another",
				 (int)name_length(interface), interface->device.text);
		for (size_t a = 0; a < interface->address_count; a++) {
			const struct yaml_node *node = r->interfaces[i].addresses;

			if (!has_address(other, interface->addresses[a]))
				continue;
			diag_add(r->diag, (node != NULL ? node : r->interfaces[i].item)->place,
				 "interface %zu has some of these addresses already; write others",
				 k + 1);
			break;
		}
	}
}

/* An interface is a mapping, or the fault has been told. */
static void
check_interface(struct reader *r, size_t i)
{
	const struct job_interface *interface = &r->job->interfaces[i];
	const struct given_interface *given = &r->interfaces[i];
	bool harmless;

	if (given->item->kind == YAML_MAPPING && given->device == NULL)
		diag_add(r->diag, given->item->place,
			 "'device' is missing; write a PCI address like 0000:3b:00.0, or a driver "
			 "like net_af_packet0,iface=eth1 (-i)");
	if (interface->device.text == NULL)
		return;
	harmless = job_device_is_harmless(interface->kind);
	if (is_empty(given->addresses) && harmless)
		default_pool(r, i);
	else if (is_empty(given->addresses))
		diag_add(r->diag, given->item->place,
			 "'addresses' is missing; write source addresses that reach this interface "
			 "and that no host uses, like 198.51.100.8/29 (-S)");
	if (!harmless)
		check_gateway(r, i);
	check_distinct(r, i);
}

static void
check_interfaces(struct reader *r)
{
	if (is_absent(r, "interfaces")) {
		diag_add(r->diag, place_of(r, "interfaces"),
			 "'interfaces' is missing; write what to send from, like 'interfaces: "
			 "[{device: \"net_af_packet0,iface=eth1\"}]' (-i)");
		return;
	}
	for (size_t i = 0; i < r->job->interface_count; i++)
		check_interface(r, i);
	if (r->job->rate_pps == 0 && !job_is_harmless(r->job))
		diag_add(r->diag, place_of(r, "rate"),
			 "'rate' is 'unlimited', which only net_null and net_simnet may be; write "
			 "packets/s, like 10000 or 250k");
}

/* What networks are spared, unless the job says: nothing where nobody is reached. */
static void
complete_caps(struct reader *r)
{
	struct job_limits *limits = &r->job->limits;
	bool has_24 = schema_given(r, "limits.per_24") != NULL;
	bool has_16 = schema_given(r, "limits.per_16") != NULL;
	bool is_harmless = job_is_harmless(r->job);

	limits->has_per = has_24 || has_16;
	if (!has_24)
		limits->per_24 = is_harmless ? 0 : JOB_PER_24;
	if (!has_16)
		limits->per_16 = is_harmless ? 0 : JOB_PER_16;
}

/* CPUs are given for all roles, or for none. */
static void
check_lcores(struct reader *r)
{
	const struct {
		const char *path;
		const char *name;
	} roles[] = {{"lcores.probers", "probers"},
		     {"lcores.receivers", "receivers"},
		     {"lcores.workers", "workers"}};
	const struct yaml_node *node = schema_given(r, "lcores");

	if (node == NULL || node->kind != YAML_MAPPING)
		return;
	for (size_t i = 0; i < 3; i++)
		if (is_absent(r, roles[i].path))
			diag_add(r->diag, place_of(r, "lcores"),
				 "'%s' is missing; write its CPUs, like [1, 5-15], or 'lcores: auto'",
				 roles[i].name);
}

static void
include_everything(struct reader *r)
{
	struct job_texts *include = &r->job->targets.include;

	include->items = reader_alloc(r, 1, sizeof(*include->items));
	if (include->items == NULL)
		return;
	include->items[0].text = reader_copy(r, "0.0.0.0/0");
	include->count = 1;
	r->include_has_plain = true;
}

bool
job_has_ports(const struct job *job)
{
	/* NULL without memory, which is told later. */
	return job->probe.module == NULL || strcmp(job->probe.module, "icmp_echoscan") != 0;
}

/* Nothing was said of what to scan. */
static void
refuse_no_targets(struct reader *r)
{
	/* Looking up names is something to do as well. */
	if (schema_given(r, "dns") != NULL && is_empty(schema_given(r, "probe")) && is_absent(r, "grabs"))
		return;
	if (job_has_ports(r->job))
		diag_add(r->diag, r->root->place,
			 "'targets' is missing; write what to scan, like "
			 "'targets: {ports: [443]}' (-p)");
	else
		diag_add(r->diag, r->root->place,
			 "'targets' is missing; write what to scan, like "
			 "'targets: {include: [203.0.113.0/24]}'");
}

/* What says how to send a SYN, or where to, is a mistake in a scan that sends none. */
static void
check_portless(struct reader *r)
{
	if (!is_absent(r, "targets.ports"))
		diag_add(r->diag, place_of(r, "targets.ports"),
			 "'ports' is given, but icmp_echoscan pings addresses; remove it");
	if (r->include_has_pair)
		diag_add(r->diag, place_of(r, "targets.include"),
			 "'include' names ports, but icmp_echoscan pings addresses; leave the "
			 "ports out");
	if (schema_given(r, "probe.profile") != NULL)
		diag_add(r->diag, place_of(r, "probe.profile"),
			 "'profile' is of a SYN, and icmp_echoscan sends none; remove it");
}

/* Names alone are looked up, and targets say whom not to ask. */
static bool
only_excludes(const struct reader *r)
{
	return schema_given(r, "dns") != NULL && schema_given(r, "targets.include") == NULL &&
	       schema_given(r, "targets.include_files") == NULL && schema_given(r, "targets.ports") == NULL;
}

static void
check_targets(struct reader *r)
{
	if (!job_has_ports(r->job))
		check_portless(r);
	if (schema_given(r, "targets") == NULL) {
		refuse_no_targets(r);
		return;
	}
	if (schema_given(r, "targets")->kind != YAML_MAPPING || only_excludes(r))
		return;
	if (is_absent(r, "targets.include_files") && schema_given(r, "targets.include") == NULL)
		include_everything(r);
	else if (is_absent(r, "targets.include_files") && is_absent(r, "targets.include"))
		diag_add(r->diag, place_of(r, "targets.include"),
			 "'include' is an empty list; write a range, or remove it to scan all");
	if (job_has_ports(r->job) && r->include_has_plain && is_absent(r, "targets.ports"))
		diag_add(r->diag, place_of(r, "targets"),
			 "'ports' is missing; write ports from 1 to 65535, like 443 or 9000-9010 "
			 "(-p)");
}

static void
check_reader(struct reader *r, const struct job_text *file, unsigned int *seen)
{
	if (file->text != NULL && strcmp(file->text, "-") == 0 && (*seen)++ > 0)
		diag_add(r->diag, file->place, "'-' is standard input, read already; write a file");
}

/* Standard input can be read once. */
static void
check_standard_input(struct reader *r)
{
	const struct job_texts *lists[] = {
		&r->job->targets.include_files, &r->job->targets.exclude_files};
	unsigned int seen = 0;

	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < lists[l]->count; i++)
			check_reader(r, &lists[l]->items[i], &seen);
	for (size_t i = 0; i < r->job->dns.lookup_count; i++)
		check_reader(r, &r->job->dns.lookups[i].file, &seen);
}

#define ZSTD_ENDING ".zst"

static bool
is_compressed(const char *file)
{
	size_t len = strlen(file), tail = strlen(ZSTD_ENDING);

	return len > tail && strcmp(file + len - tail, ZSTD_ENDING) == 0;
}

static enum job_format
format_of(const char *file)
{
	static const char *const endings[] = {".ndjson", ".json", ".jsonl"};
	size_t len = strlen(file) - (is_compressed(file) ? strlen(ZSTD_ENDING) : 0);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t tail = strlen(endings[i]);

		if (len > tail && memcmp(file + len - tail, endings[i], tail) == 0)
			return JOB_FORMAT_NDJSON;
	}
	return JOB_FORMAT_CSV;
}

/* Whether every target has the same port, or none, so that a port in each row says nothing. */
static bool
has_one_port(const struct reader *r)
{
	const struct job_targets *targets = &r->job->targets;

	if (!job_has_ports(r->job))
		return true;
	for (size_t i = 0; i < targets->port_range_count; i++)
		if (targets->ports[i].first != targets->ports[0].first ||
		    targets->ports[i].last != targets->ports[0].first)
			return false;
	return targets->port_range_count > 0 && !r->include_has_pair;
}

/* What an output leaves open; node is its mapping, NULL where there is none. */
static void
complete_output(struct reader *r, struct job_output *output, const struct yaml_node *node)
{
	static const char *const names[] = {"saddr", "sport"};
	size_t count = has_one_port(r) ? 1 : 2;

	output->compress = is_compressed(output->file.text);
	if (node == NULL || yaml_find(node, "format") == NULL)
		output->format = job_has_targets(r->job) ? format_of(output->file.text) : JOB_FORMAT_NDJSON;
	if (output->format != JOB_FORMAT_CSV || output->fields.count > 0)
		return;
	output->fields.items = reader_alloc(r, count, sizeof(*output->fields.items));
	for (size_t i = 0; output->fields.items != NULL && i < count; i++)
		output->fields.items[output->fields.count++].text = reader_copy(r, names[i]);
}

/* Two outputs to one file would write over one another; a stream has no end to rotate at. */
static void
check_file(struct reader *r, size_t number, struct diag_place place)
{
	const struct job_output *outputs = r->job->outputs, *output = &outputs[number];

	for (size_t i = 0; i < number; i++) {
		if (strcmp(outputs[i].file.text, output->file.text) != 0)
			continue;
		diag_add(r->diag, place, "'%s' is the file of another output already; write another",
			 output->file.text);
		break;
	}
	if (output->rotate_ns != 0 && strcmp(output->file.text, "-") == 0)
		diag_add(r->diag, place,
			 "'rotate' is of files, and this is standard output; write a file, or remove "
			 "'rotate'");
	template_check(r, output->file.text, place);
}

static void
check_outputs(struct reader *r)
{
	const struct yaml_node *list = schema_given(r, "output");
	size_t count = list != NULL && list->kind == YAML_SEQUENCE ? list->count : 1;
	struct job *job = r->job;

	if (count > JOB_OUTPUTS_MAX)
		return;
	job->output_count = count > 0 ? count : 1;
	for (size_t i = 0; i < job->output_count; i++) {
		struct job_output *output = &job->outputs[i];
		const struct yaml_node *node = count > 0 && list != NULL ? reader_item_at(list, i) : NULL;
		bool has_place = output->file.place.file != NULL || output->file.place.line > 0;

		if (output->file.text == NULL)
			return; /* without memory */
		complete_output(r, output, node);
		grab_rules_records(r, output, node);
		if (node != NULL && node->kind != YAML_MAPPING)
			continue; /* told already */
		check_file(r, i, has_place || node == NULL ? output->file.place : node->place);
	}
}

void
rules_apply(struct reader *r)
{
	if (r->root->kind != YAML_MAPPING && r->root->kind != YAML_NULL)
		return;
	r->job->contact.place = place_of(r, "contact");
	check_interfaces(r);
	check_lcores(r);
	complete_caps(r);
	check_targets(r);
	grab_rules_apply(r);
	dns_rules_apply(r);
	r->job->has_schedule = schema_given(r, "schedule") != NULL;
	check_standard_input(r);
	check_outputs(r);
	grab_rules_outputs(r);
}
