/* SPDX-License-Identifier: BSD-3-Clause */
#include "job/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "base/near.h"
#include "job/readers.h"

#define FIELD(member)                                                                              \
	.offset = offsetof(struct job, member), .size = sizeof(((struct job *)NULL)->member)
#define NO_FIELD .size = sizeof(uint64_t)
#define DAY_NS (86400 * NS_PER_SEC)
#define TEXT_MAX 1024
#define GIGA UINT64_C(1000000000)

static const struct key keys[] = {
	{"name", reader_name, KEY_BUILT, FIELD(name), .initial = "scan", .max = 64,
	 .mend = "up to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"},
	{"tags", reader_tags, KEY_BUILT, FIELD(tags), .max = 256,
	 .mend = "a mapping of words to texts, like {campaign: weekly}"},

	{"contact", reader_mapping, KEY_BUILT, NO_FIELD,
	 .mend = "a mapping, like {operator: Example Lab, email: abuse@example.org}"},
	{"contact.operator", reader_string, KEY_BUILT, FIELD(contact.operator_name), .max = 256,
	 .mend = "who runs the scan, in one line"},
	{"contact.email", reader_email, KEY_BUILT, FIELD(contact.email), .max = 254,
	 .mend = "an address that is read, like abuse@example.org"},
	{"contact.url", reader_string, KEY_BUILT, FIELD(contact.url), .max = TEXT_MAX,
	 .mend = "a page that explains the scan, like https://scan.example.org"},
	{"contact.upstream", reader_string, KEY_BUILT, FIELD(contact.upstream), .max = TEXT_MAX,
	 .mend = "who at the network's operator knows of the scan, in one line"},

	{"interfaces", reader_interfaces, KEY_BUILT, FIELD(interfaces), .max = JOB_INTERFACES_MAX,
	 .mend = "a list of interfaces, like [{device: \"net_af_packet0,iface=eth1\"}]"},
	{"interfaces.device", reader_device, KEY_BUILT, FIELD(interfaces[0]), .max = 512,
	 .mend = "a PCI address like 0000:3b:00.0, or a driver like net_af_packet0,iface=eth1"},
	{"interfaces.addresses", reader_pool, KEY_BUILT, FIELD(interfaces[0]), .max = 256,
	 .mend = "source addresses, like 198.51.100.8/29 or 198.51.100.20-198.51.100.23"},
	{"interfaces.source_ports", reader_source_ports, KEY_BUILT, FIELD(interfaces[0]), .min = 1024,
	 .initial = "32768-61000", .mend = "a range of at least 1024 ports, like 32768-61000"},
	{"interfaces.gateway", reader_gateway, KEY_BUILT, FIELD(interfaces[0]),
	 .mend = "the router's address, like 198.51.100.1"},
	{"interfaces.gateway_mac", reader_gateway_mac, KEY_BUILT, FIELD(interfaces[0]),
	 .mend = "the router's unicast MAC address, like \"02:00:00:00:00:01\""},
	{"interfaces.vlan", reader_unsigned, KEY_BUILT, FIELD(interfaces[0].vlan), .min = 1, .max = 4094,
	 .mend = "a VLAN id from 1 to 4094"},
	{"interfaces.rate", reader_count, KEY_BUILT, FIELD(interfaces[0].rate_pps), .min = 1,
	 .max = GIGA,
	 .mend = "packets/s, like 10000 or 250k"},

	{"targets", reader_mapping, KEY_BUILT, NO_FIELD,
	 .mend = "a mapping, like {include: [203.0.113.0/24], ports: [443]}"},
	{"targets.include", reader_include, KEY_BUILT, FIELD(targets.include), .max = TEXT_MAX,
	 .mend = "addresses, CIDRs, first-last ranges or address:port, like [203.0.113.0/24]"},
	{"targets.include_files", reader_texts, KEY_BUILT, FIELD(targets.include_files),
	 .max = TEXT_MAX, .mend = "names of files, or \"-\" for standard input"},
	{"targets.exclude", reader_exclude, KEY_BUILT, FIELD(targets.exclude), .max = TEXT_MAX,
	 .mend = "addresses, CIDRs or first-last ranges, like [192.0.2.0/24]"},
	{"targets.exclude_files", reader_texts, KEY_BUILT, FIELD(targets.exclude_files),
	 .max = TEXT_MAX, .mend = "names of files, or \"-\" for standard input"},
	{"targets.ports", reader_ports, KEY_BUILT, FIELD(targets),
	 .mend = "ports from 1 to 65535, like 443 or 9000-9010"},
	{"targets.allow_reserved", reader_reserved, KEY_BUILT, FIELD(targets.allow_reserved),
	 .max = TEXT_MAX, .mend = "reserved ranges as CIDR, like [10.0.0.0/8]"},

	{"probe", reader_mapping, KEY_BUILT, NO_FIELD,
	 .mend = "a mapping, like {module: tcp_synscan, profile: windows}"},
	{"probe.module", reader_module, KEY_BUILT, FIELD(probe.module), .initial = "tcp_synscan",
	 .choices = "tcp_synscan icmp_echoscan",
	 .mend = "tcp_synscan or icmp_echoscan"},
	{"probe.profile", reader_choice, KEY_BUILT, FIELD(probe.profile), .initial = "windows",
	 .choices = "windows linux mss", .mend = "windows, linux or mss"},
	{"probe.ttl", reader_unsigned, KEY_BUILT, FIELD(probe.ttl), .initial = "64", .min = 64,
	 .max = 255, .mend = "a number from 64 to 255"},
	{"probe.probes", reader_unsigned, KEY_BUILT, FIELD(probe.probes), .initial = "1", .min = 1,
	 .max = 16, .mend = "how many probes a target gets that does not answer, 1 to 16"},
	{"probe.probe_delay", reader_duration, KEY_BUILT, FIELD(probe.probe_delay_ns), .initial = "5s",
	 .max = 3600 * NS_PER_SEC, .mend = "a time up to 1h, like 5s"},
	{"probe.coverage", reader_percent, KEY_BUILT, FIELD(probe.coverage), .initial = "0%",
	 .mend = "a share from 0% to 100%"},

	{"rate", reader_rate, KEY_BUILT, FIELD(rate_pps), .initial = "10k", .min = 1, .max = GIGA,
	 .mend = "packets/s from 1 to 1G, like 10000 or 250k"},
	{"bandwidth", reader_count, KEY_BUILT, FIELD(bandwidth_bps), .min = 10000,
	 .max = 1000 * GIGA, .mend = "bits/s from 10k to 1000G, like 400M"},
	{"canaries", reader_pairs, KEY_BUILT, FIELD(canaries), .max = TEXT_MAX,
	 .mend = "a list of address:port, like [\"192.0.2.200:443\"]"},

	{"order", reader_mapping, KEY_BUILT, NO_FIELD,
	 .mend = "a mapping, like {seed: 42, shard: 1/4}"},
	{"order.seed", reader_seed, KEY_BUILT, FIELD(order), .max = UINT64_MAX,
	 .mend = "a number from 0 to 18446744073709551615"},
	{"order.shard", reader_shard, KEY_BUILT, FIELD(order), .initial = "1/1", .max = 65535,
	 .mend = "i/n, i from 1 to n, n up to 65535, like 1/4"},
	{"order.key_file", reader_text, KEY_BUILT, FIELD(order.key_file), .max = TEXT_MAX,
	 .mend = "the name of a file"},

	{"grabs", reader_grabs, KEY_BUILT, FIELD(grabs), .max = JOB_GRABS_MAX,
	 .mend = "a list of mappings, like [{name: tls, module: tls, ports: [443]}]"},
	{"grabs.name", reader_name, KEY_BUILT, FIELD(grabs[0].name), .max = 64,
	 .mend = "up to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"},
	{"grabs.module", reader_choice, KEY_BUILT, FIELD(grabs[0].module), .choices = "tls banner",
	 .mend = "tls or banner"},
	{"grabs.ports", reader_grab_ports, KEY_BUILT, FIELD(grabs[0]),
	 .mend = "ports from 1 to 65535, like 443 or 9000-9010"},
	{"grabs.depth", reader_choice, KEY_BUILT, FIELD(grabs[0].depth), .initial = "handshake",
	 .choices = "hello certificate handshake", .mend = "hello, certificate or handshake"},
	{"grabs.versions", reader_versions, KEY_BUILT, FIELD(grabs[0].versions),
	 .choices = "ssl2 ssl3 tls1.0 tls1.1 tls1.2 tls1.3",
	 .mend = "a list of ssl2, ssl3, tls1.0, tls1.1, tls1.2, tls1.3"},
	{"grabs.sni", reader_sni, KEY_BUILT, FIELD(grabs[0].sni), .initial = "target", .max = 253,
	 .mend = "a host name, or target for the target's own name, or none"},
	{"grabs.alpn", reader_texts, KEY_BUILT, FIELD(grabs[0].alpn), .max = 255,
	 .mend = "a list of protocol names, like [h2, http/1.1]"},
	{"grabs.timeout", reader_duration, KEY_BUILT, FIELD(grabs[0].timeout_ns), .initial = "10s",
	 .min = NS_PER_MS, .max = 3600 * NS_PER_SEC, .mend = "a time up to 1h, like 10s"},
	{"grabs.retry_declined", reader_bool, KEY_BUILT, FIELD(grabs[0].retry_declined), .initial = "true",
	 .mend = "true or false"},
	{"grabs.certificates", reader_choice, KEY_BUILT, FIELD(grabs[0].certificates),
	 .initial = "leaf", .choices = "inline leaf reference", .mend = "inline, leaf or reference"},
	{"grabs.send", reader_payload, KEY_BUILT, FIELD(grabs[0].send), .max = TEXT_MAX,
	 .mend = "a text, \"\" for none"},
	{"grabs.max_bytes", reader_bytes, KEY_BUILT, FIELD(grabs[0].max_bytes), .initial = "4k",
	 .min = 1, .max = 64 << 10, .mend = "a size up to 64k, like 4k"},

	{"dns", reader_mapping, KEY_BUILT, NO_FIELD,
	 .mend = "a mapping, like {resolvers: [198.51.100.53], lookups: [...]}"},
	{"dns.mode", reader_choice, KEY_BUILT, FIELD(dns.mode), .initial = "resolvers",
	 .choices = "resolvers direct", .mend = "resolvers or direct"},
	{"dns.resolvers", reader_resolvers, KEY_BUILT, FIELD(dns.resolvers), .max = TEXT_MAX,
	 .mend = "addresses, address:port or a file like /etc/resolv.conf"},
	{"dns.rate", reader_count, KEY_BUILT, FIELD(dns.rate_qps), .min = 1, .max = GIGA,
	 .mend = "queries/s, like 20k"},
	{"dns.per_server", reader_count, KEY_BUILT, FIELD(dns.per_server), .max = 100000000,
	 .mend = "queries/s for each server, like 500, or 0 for no cap"},
	{"dns.per_server_in_flight", reader_count, KEY_BUILT, FIELD(dns.per_server_in_flight), .max = 100000000,
	 .mend = "queries at a time for each server, like 100, or 0 for no cap"},
	{"dns.tries", reader_unsigned, KEY_BUILT, FIELD(dns.tries), .initial = "3", .min = 1, .max = 10,
	 .mend = "a number from 1 to 10"},
	{"dns.timeout", reader_duration, KEY_BUILT, FIELD(dns.timeout_ns), .initial = "2s",
	 .min = NS_PER_MS, .max = 60 * NS_PER_SEC, .mend = "a time up to 1m, like 2s"},
	{"dns.canaries", reader_mapping, KEY_BUILT, NO_FIELD,
	 .mend = "a mapping, like {exist: {www.example.org: 192.0.2.7}, absent: [nx.example.org]}, or {} for none"},
	{"dns.canaries.exist", reader_known, KEY_BUILT, FIELD(dns.canaries), .max = JOB_CANARY_TEXT_MAX,
	 .mend = "a mapping of names to all their addresses, like {www.example.org: [192.0.2.7, 192.0.2.8]}"},
	{"dns.canaries.absent", reader_absent, KEY_BUILT, FIELD(dns.canaries), .max = JOB_CANARY_TEXT_MAX,
	 .mend = "names that there are not, like [nx.example.org], or [\"*.org\"] for a label drawn by chance"},
	{"dns.canaries.every", reader_duration, KEY_BUILT, FIELD(dns.canaries.every_ns), .initial = "1m",
	 .min = NS_PER_SEC, .max = DAY_NS, .mend = "a time from 1s to 1d, like 1m"},
	{"dns.lookups", reader_lookups, KEY_BUILT, FIELD(dns.lookups), .max = JOB_LOOKUPS_MAX,
	 .mend = "a list of mappings, like [{names: responders, types: [PTR]}]"},
	{"dns.lookups.names", reader_choice, KEY_BUILT, FIELD(dns.lookups[0].names),
	 .choices = "certificates responders", .mend = "certificates or responders"},
	{"dns.lookups.names_file", reader_text, KEY_BUILT, FIELD(dns.lookups[0].file), .max = TEXT_MAX,
	 .mend = "the name of a file, or \"-\" for standard input"},
	{"dns.lookups.types", reader_types, KEY_BUILT, FIELD(dns.lookups[0].types), .max = JOB_TYPES_MAX,
	 .mend = "a list of record types, like [A, AAAA]"},

	{"output", reader_outputs, KEY_BUILT, FIELD(outputs), .max = JOB_OUTPUTS_MAX,
	 .mend = "a mapping, like {file: results.csv, fields: [saddr, sport]}"},
	{"output.records", reader_records, KEY_BUILT, FIELD(outputs[0].records),
	 .choices = "scan tls banner dns certificate",
	 .mend = "a list of scan, tls, banner, dns, certificate"},
	{"output.file", reader_file, KEY_BUILT, FIELD(outputs[0].file), .initial = "-", .max = TEXT_MAX,
	 .mend = "the name of a file, or \"-\" for standard output"},
	{"output.format", reader_choice, KEY_BUILT, FIELD(outputs[0].format), .choices = "csv ndjson",
	 .mend = "csv or ndjson"},
	{"output.fields", reader_texts, KEY_BUILT, FIELD(outputs[0].fields), .max = 64,
	 .mend = "a list of field names, like [saddr, sport]"},
	{"output.header", reader_bool, KEY_BUILT, FIELD(outputs[0].header), .initial = "true",
	 .mend = "true or false"},
	{"output.filter", reader_text, KEY_BUILT, FIELD(outputs[0].filter),
	 .initial = "success = 1 && repeat = 0", .max = 4096,
	 .mend = "an expression like \"success = 1 && repeat = 0\", or \"\" for all"},
	{"output.rotate", reader_duration, KEY_BUILT, FIELD(outputs[0].rotate_ns), .min = NS_PER_SEC,
	 .max = 366 * DAY_NS, .mend = "a time from 1s, like 1h"},

	{"limits", reader_mapping, KEY_BUILT, NO_FIELD,
	 .mend = "a mapping, like {runtime: 2h, cooldown: 8s}"},
	{"limits.runtime", reader_duration, KEY_BUILT, FIELD(limits.runtime_ns), .initial = "0",
	 .max = 366 * DAY_NS, .mend = "a time up to 366d, like 2h, or 0 for no limit"},
	{"limits.results", reader_count, KEY_BUILT, FIELD(limits.results), .initial = "0",
	 .max = UINT64_C(1) << 48, .mend = "a number, like 1000, or 0 for no limit"},
	{"limits.targets", reader_quota, KEY_BUILT, FIELD(limits), .initial = "100%", .min = 1,
	 .max = UINT64_C(1) << 48,
	 .mend = "a number from 1, like 1M, or a share above 0%, like 10%"},
	{"limits.connections", reader_count, KEY_BUILT, FIELD(limits.connections), .initial = "0",
	 .max = 1 << 24, .mend = "a number, like 10000, or 0 for what memory gives"},
	{"limits.cooldown", reader_duration, KEY_BUILT, FIELD(limits.cooldown_ns), .initial = "8s",
	 .max = 3600 * NS_PER_SEC, .mend = "a time up to 1h, like 8s"},
	{"limits.per_24", reader_count, KEY_BUILT, FIELD(limits.per_24), .max = 100000000,
	 .mend = "packets/s for each /24, like 1000, or 0 for no cap"},
	{"limits.per_16", reader_count, KEY_BUILT, FIELD(limits.per_16), .max = 100000000,
	 .mend = "packets/s for each /16, like 20k, or 0 for no cap"},

	{"schedule", reader_mapping, KEY_OF_QUEUE, NO_FIELD,
	 .mend = "a mapping, like {every: 7d, at: \"02:00\"}"},
	{"schedule.every", reader_duration, KEY_OF_QUEUE, NO_FIELD, .min = NS_PER_SEC,
	 .max = 366 * DAY_NS, .mend = "a time from 1s to 366d, like 7d"},
	{"schedule.at", reader_clock, KEY_OF_QUEUE, NO_FIELD,
	 .mend = "a time of day, like \"02:00\""},
	{"schedule.window", reader_window, KEY_OF_QUEUE, NO_FIELD,
	 .mend = "two times of day, like \"02:00-08:00\""},

	{"lcores", reader_lcores, KEY_BUILT, FIELD(lcores.count), .initial = "auto", .min = 1,
	 .max = 128, .mend = "auto or a number from 1 to 128"},
	{"lcores.probers", reader_cores, KEY_BUILT, FIELD(lcores.probers), .max = 1023,
	 .mend = "numbers of CPUs, like [1, 5-15]"},
	{"lcores.receivers", reader_cores, KEY_BUILT, FIELD(lcores.receivers), .max = 1023,
	 .mend = "numbers of CPUs, like [1, 5-15]"},
	{"lcores.workers", reader_cores, KEY_BUILT, FIELD(lcores.workers), .max = 1023,
	 .mend = "numbers of CPUs, like [1, 5-15]"},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEY_COUNT <= KEYS_MAX, "given[] has a place for every row");

const struct key *
schema_key(size_t i)
{
	return i < KEY_COUNT ? &keys[i] : NULL;
}

const char *
schema_name(const struct key *key)
{
	const char *dot = strrchr(key->path, '.');

	return dot != NULL ? dot + 1 : key->path;
}

const struct yaml_node *
schema_given(const struct reader *r, const char *path)
{
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strcmp(keys[i].path, path) == 0)
			return r->given[i];
	return NULL;
}

void
schema_forget(struct reader *r, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strncmp(keys[i].path, path, len) == 0 && keys[i].path[len] == '.')
			r->given[i] = NULL;
}

/* Whether a row stands directly below a path ("" is the job itself). */
static bool
is_below(const struct key *key, const char *path)
{
	size_t len = strlen(path);
	const char *name = schema_name(key);
	size_t parent = name == key->path ? 0 : (size_t)(name - key->path) - 1;

	return parent == len && memcmp(key->path, path, len) == 0;
}

static const struct key *
find_key(const char *path, const char *name)
{
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (is_below(&keys[i], path) && strcmp(schema_name(&keys[i]), name) == 0)
			return &keys[i];
	return NULL;
}

/* The key that was meant by a misspelt one: the nearest of its neighbours, NULL if none is near. */
static const struct key *
find_near(const char *path, const char *name)
{
	unsigned int best = NEAR_WORD_MAX;
	const struct key *near = NULL;

	for (size_t i = 0; i < KEY_COUNT; i++) {
		unsigned int distance;

		if (!is_below(&keys[i], path))
			continue;
		distance = near_distance(name, schema_name(&keys[i]));
		if (distance < best && near_is_likely(name, distance)) {
			best = distance;
			near = &keys[i];
		}
	}
	return near;
}

/* The key of that name in another place, NULL if there is none. */
static const struct key *
find_elsewhere(const char *name)
{
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strcmp(schema_name(&keys[i]), name) == 0)
			return &keys[i];
	return NULL;
}

/* "a, b, c": the keys below a path. */
static void
list_keys(const char *path, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < KEY_COUNT && at < size; i++)
		if (is_below(&keys[i], path))
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at > 0 ? ", " : "",
					       schema_name(&keys[i]));
}

static void
read_entry(struct reader *r, const struct key *key, const struct yaml_node *name,
	   const struct yaml_node *node)
{
	bool unkept = key->state == KEY_OF_QUEUE;

	if (r->unkept == 0)
		r->given[key - keys] = node;
	if (node->kind == YAML_NULL) {
		diag_add(r->diag, name->place, "'%s' has no value; write %s, or remove the key",
			 schema_name(key), key->mend);
		return;
	}
	r->unkept += unkept;
	key->read(r, key, node,
		  (char *)(r->unkept > 0 ? &r->scratch : r->job) + key->offset + r->shift);
	r->unkept -= unkept;
}

static void
tell_unknown(struct reader *r, const char *path, const struct yaml_node *name,
	     const struct key *near, const struct key *elsewhere)
{
	char known[512], shown[YAML_DESCRIBE_SIZE];

	yaml_describe(name, shown);
	list_keys(path, known, sizeof(known));
	if (near != NULL || elsewhere != NULL)
		diag_add(r->diag, name->place, "unknown key %s; did you mean '%s'?", shown,
			 near != NULL ? schema_name(near) : elsewhere->path);
	else
		diag_add(r->diag, name->place, "unknown key %s; the keys here are %s", shown,
			 known);
}

/* An unknown key. Where it is plain which was meant, that one counts as given, so that one slip is
 * one fault; a misspelt one is read too, so that its value's faults are told in the same run. */
static void
read_unknown(struct reader *r, const char *path, const struct yaml_node *mapping, size_t i)
{
	const struct yaml_node *name = mapping->keys[i], *node = mapping->items[i];
	const struct key *near = NULL, *elsewhere = NULL, *meant;

	/* A full list of faults only counts on: spare the search, a document may be hostile. */
	if (r->diag->count < DIAG_MAX) {
		near = find_near(path, name->text);
		elsewhere = find_elsewhere(name->text);
	}
	tell_unknown(r, path, name, near, elsewhere);
	meant = near != NULL ? near : elsewhere;
	if (near != NULL && yaml_find(mapping, schema_name(near)) == NULL)
		read_entry(r, near, name, node);
	else if (meant != NULL && r->unkept == 0 && r->given[meant - keys] == NULL)
		r->given[meant - keys] = node;
}

void
schema_read_keys(struct reader *r, const char *path, const struct yaml_node *mapping)
{
	for (size_t i = 0; i < mapping->count; i++) {
		const struct key *key = find_key(path, mapping->keys[i]->text);

		if (key == NULL)
			read_unknown(r, path, mapping, i);
		else
			read_entry(r, key, mapping->keys[i], mapping->items[i]);
	}
}

static void
set_defaults(struct reader *r)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key *key = &keys[i];
		struct yaml_node node = {.kind = YAML_SCALAR, .text = key->initial};

		if (key->initial == NULL || key->state != KEY_BUILT)
			continue;
		node.len = strlen(key->initial);
		key->read(r, key, &node, (char *)r->job + key->offset);
	}
}

void
schema_read(struct reader *r)
{
	set_defaults(r);
	if (r->root->kind == YAML_MAPPING)
		schema_read_keys(r, "", r->root);
	else if (r->root->kind != YAML_NULL)
		diag_add(r->diag, r->root->place,
			 "the job is %s; write a mapping of keys, like 'targets: {ports: [443]}'",
			 yaml_kind_name(r->root->kind));
}
