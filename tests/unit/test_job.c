/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>

#include "jobs.h"

#include "base/hash.h"
#include "base/time.h"
#include "job/schema.h"

#define FILE_MAX ((size_t)1 << 20)
#define PATH_SIZE 1024

/* The top of the source tree, two folders above this file. */
static void
source_path(const char *path, char buf[PATH_SIZE])
{
	char file[] = __FILE__;

	assert_true(snprintf(buf, PATH_SIZE, "%s/../../%s", dirname(file), path) < PATH_SIZE);
}

/* Read a file of the source tree into exactly as many bytes; NULL if there is none. */
static char *
read_source(const char *path, size_t *len)
{
	char full[PATH_SIZE], *big, *text;
	FILE *file;

	source_path(path, full);
	file = fopen(full, "rb");
	if (file == NULL)
		return NULL;
	big = malloc(FILE_MAX);
	assert_non_null(big);
	*len = fread(big, 1, FILE_MAX, file);
	assert_true(*len < FILE_MAX);
	fclose(file);
	text = malloc(*len + 1);
	assert_non_null(text);
	memcpy(text, big, *len);
	text[*len] = '\0';
	free(big);
	return text;
}

static void
check_faults(const char *text, const struct job_override *overrides, size_t count,
	     const char *expected)
{
	struct diag diag = DIAG_EMPTY;
	char all[8192];
	struct job *job = load_bytes(text, strlen(text), overrides, count, &diag);

	format_faults(&diag, all, sizeof(all));
	assert_string_equal(all, expected);
	job_free(job);
	diag_reset(&diag);
}

/*
 * The corpus. tests/jobs/broken/<name>.yaml holds, as comments, every fault that it must give and
 * no other, in order: "# expect: line:column: text". An expectation that ends in "..." holds for
 * what comes before. Files that can hold no comments have them in <name>.expect.
 */

typedef void corpus_fn(const char *folder, const char *name);

static unsigned int
for_each_job(const char *folder, corpus_fn *check)
{
	struct dirent **entries;
	unsigned int jobs = 0;
	char path[PATH_SIZE];
	int count;

	source_path(folder, path);
	count = scandir(path, &entries, NULL, alphasort);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name, *dot = strrchr(name, '.');

		if (dot != NULL && strcmp(dot, ".yaml") == 0) {
			check(folder, name);
			jobs++;
		}
		free(entries[i]);
	}
	free(entries);
	return jobs;
}

static char *
read_in_folder(const char *folder, const char *name, const char *ending, size_t *len)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%.*s%s", folder, (int)(strlen(name) - strlen(".yaml")),
		 name, ending);
	return read_source(path, len);
}

static bool
matches(const char *expected, size_t len, const char *fault)
{
	if (len > 3 && memcmp(expected + len - 3, "...", 3) == 0)
		return strncmp(expected, fault, len - 3) == 0;
	return strlen(fault) == len && memcmp(expected, fault, len) == 0;
}

static void
check_expectations(const char *name, const char *expectations, const struct diag *diag)
{
	static const char mark[] = "# expect: ";
	const char *at = expectations;
	char fault[1024] = "";
	size_t i = 0;

	while ((at = strstr(at, mark)) != NULL) {
		const char *expected = at + strlen(mark);
		size_t len = strcspn(expected, "\n");

		if (i < diag->count)
			diag_format(diag, i, fault, sizeof(fault));
		if (i >= diag->count || !matches(expected, len, fault + strlen("job:")))
			fail_msg("%s: expected '%.*s', got '%s'", name, (int)len, expected,
				 i < diag->count ? fault : "no more");
		at = expected + len;
		i++;
	}
	if (i == 0)
		fail_msg("%s: expects nothing", name);
	if (i < diag->count) {
		diag_format(diag, i, fault, sizeof(fault));
		fail_msg("%s: not expected: '%s'", name, fault);
	}
}

static void
check_broken(const char *folder, const char *name)
{
	struct diag diag = DIAG_EMPTY;
	size_t len, expected_len;
	char *text = read_in_folder(folder, name, ".yaml", &len);
	char *expectations = read_in_folder(folder, name, ".expect", &expected_len);

	assert_non_null(text);
	assert_null(load_bytes(text, len, NULL, 0, &diag));
	check_expectations(name, expectations != NULL ? expectations : text, &diag);
	diag_reset(&diag);
	free(expectations);
	free(text);
}

static void
test_broken_jobs(void **state)
{
	(void)state;
	assert_true(for_each_job("tests/jobs/broken", check_broken) >= 130);
}

static void
check_good(const char *folder, const char *name)
{
	struct diag diag = DIAG_EMPTY;
	char faults[8192];
	size_t len;
	char *text = read_in_folder(folder, name, ".yaml", &len);
	struct job *job;

	assert_non_null(text);
	job = load_bytes(text, len, NULL, 0, &diag);
	format_faults(&diag, faults, sizeof(faults));
	if (job == NULL)
		fail_msg("%s: %s", name, faults);
	assert_true(job->interfaces[0].address_count > 0);
	assert_true(job->outputs[0].format == JOB_FORMAT_NDJSON || job->outputs[0].fields.count > 0);
	job_free(job);
	free(text);
}

static void
test_good_jobs(void **state)
{
	(void)state;
	assert_true(for_each_job("tests/jobs/good", check_good) >= 20);
}

/* The example with every key: each is known and sound. */
static void
test_example(void **state)
{
	size_t len;
	char *text = read_source("tests/jobs/example.yaml", &len);

	(void)state;
	assert_non_null(text);
	check_faults(text, NULL, 0, "");
	free(text);
}

static void
test_defaults(void **state)
{
	struct job *job = load_sound("interfaces: [{device: net_null0}]\n"
				     "targets: {ports: [443]}\n");

	(void)state;
	assert_string_equal(job->name, "scan");
	assert_null(job->contact.operator_name);
	assert_null(job->contact.email);
	assert_null(job->contact.url);
	assert_null(job->contact.upstream);
	assert_int_equal(job->contact.place.line, 1);
	assert_string_equal(job->interfaces[0].device.text, "net_null0");
	assert_int_equal(job->interfaces[0].kind, JOB_DEVICE_NULL);
	assert_int_equal(job->interfaces[0].address_count, 1);
	assert_int_equal(job->interfaces[0].addresses[0].first, 0xc6120001);
	assert_int_equal(job->interfaces[0].addresses[0].last, 0xc6120001);
	assert_int_equal(job->interfaces[0].source_port_first, 32768);
	assert_int_equal(job->interfaces[0].source_port_last, 61000);
	assert_false(job->interfaces[0].has_gateway);
	assert_false(job->interfaces[0].has_gateway_mac);
	assert_int_equal(job->targets.include.count, 1);
	assert_string_equal(job->targets.include.items[0].text, "0.0.0.0/0");
	assert_int_equal(job->targets.include_files.count, 0);
	assert_int_equal(job->targets.exclude.count, 0);
	assert_int_equal(job->targets.exclude_files.count, 0);
	assert_int_equal(job->targets.port_range_count, 1);
	assert_int_equal(job->targets.ports[0].first, 443);
	assert_int_equal(job->targets.ports[0].last, 443);
	assert_int_equal(job->targets.allow_reserved.count, 0);
	assert_string_equal(job->probe.module, "tcp_synscan");
	assert_int_equal(job->probe.profile, JOB_PROFILE_WINDOWS);
	assert_int_equal(job->probe.ttl, 64);
	assert_int_equal(job->probe.probes, 1);
	assert_int_equal(job->probe.probe_delay_ns, 5000000000);
	assert_true(job->probe.coverage == 0);
	assert_null(job->order.key_file.text);
	assert_int_equal(job->rate_pps, 10000);
	assert_int_equal(job->bandwidth_bps, 0);
	assert_false(job->order.has_seed);
	assert_int_equal(job->order.shard, 1);
	assert_int_equal(job->order.shards, 1);
	assert_string_equal(job->outputs[0].file.text, "-");
	assert_int_equal(job->outputs[0].format, JOB_FORMAT_CSV);
	assert_int_equal(job->outputs[0].fields.count, 1);
	assert_string_equal(job->outputs[0].fields.items[0].text, "saddr");
	assert_true(job->outputs[0].header);
	assert_string_equal(job->outputs[0].filter.text, "success = 1 && repeat = 0");
	assert_int_equal(job->limits.runtime_ns, 0);
	assert_int_equal(job->limits.results, 0);
	assert_int_equal(job->limits.targets, 0);
	assert_true(job->limits.targets_share == 1.0);
	assert_int_equal(job->limits.cooldown_ns, 8 * NS_PER_SEC);
	assert_int_equal(job->lcores.count, 0);
	job_free(job);
	job_free(NULL);
}

static void
assert_texts(const struct job_texts *texts, size_t count, const char *const *expected)
{
	assert_int_equal(texts->count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(texts->items[i].text, expected[i]);
}

#define ASSERT_TEXTS(texts, ...)                                                                   \
	assert_texts(texts, COUNT_OF(((const char *const[]){__VA_ARGS__})),                       \
		     (const char *const[]){__VA_ARGS__})

static void
check_every_address(const struct job *job)
{
	static const uint8_t mac[] = {0x02, 0, 0, 0, 0, 0x01};
	const struct job_interface *i = &job->interfaces[0];

	assert_string_equal(i->device.text, "0000:3b:00.0");
	assert_int_equal(i->device.place.line, 10);
	assert_int_equal(i->device.place.column, 13);
	assert_int_equal(i->kind, JOB_DEVICE_PCI);
	assert_int_equal(i->address_count, 2);
	assert_int_equal(i->addresses[0].first, 0xc6336408);
	assert_int_equal(i->addresses[0].last, 0xc633640f);
	assert_int_equal(i->addresses[1].first, 0xc6336414);
	assert_int_equal(i->addresses[1].last, 0xc6336417);
	assert_true(i->has_gateway);
	assert_int_equal(i->gateway, 0xc6336401);
	assert_true(i->has_gateway_mac);
	assert_memory_equal(i->gateway_mac, mac, sizeof(mac));
	assert_int_equal(i->vlan, 4094);
	assert_int_equal(i->rate_pps, 250000);
	ASSERT_TEXTS(&job->targets.include, "0.0.0.0/0", "203.0.113.7",
		     "203.0.113.9-203.0.113.20", "203.0.113.30:8443");
	assert_int_equal(job->targets.include.items[3].place.column, 63);
	ASSERT_TEXTS(&job->targets.include_files, "-", "hosts.csv");
	ASSERT_TEXTS(&job->targets.exclude, "192.0.2.0/24", "192.0.3.1", "192.0.3.9-192.0.3.12");
	ASSERT_TEXTS(&job->targets.exclude_files, "optout.conf");
	ASSERT_TEXTS(&job->targets.allow_reserved, "10.0.0.0/8");
	assert_int_equal(job->targets.port_range_count, 3);
	assert_int_equal(job->targets.ports[2].first, 9000);
	assert_int_equal(job->targets.ports[2].last, 9010);
}

static void
check_canaries(const struct job_dns_canaries *c)
{
	assert_true(c->are_given);
	assert_int_equal(c->every_ns, 30 * NS_PER_SEC);
	assert_int_equal(c->known_count, 2);
	assert_string_equal(c->known[0].name, "www.example.org");
	assert_int_equal(c->known[0].address_count, 2);
	assert_int_equal(c->known[0].addresses[1], 0xc0000208);
	assert_int_equal(c->known[1].address_count, 1);
	assert_int_equal(c->absent_count, 2);
	assert_string_equal(c->absent[0].name, "nx.example.org");
	assert_false(c->absent[0].is_drawn);
	assert_string_equal(c->absent[1].name, "org");
	assert_true(c->absent[1].is_drawn);
}

static void
check_every_lookup(const struct job_dns *dns)
{
	const struct job_lookup *l = dns->lookups;

	assert_true(dns->is_given);
	ASSERT_TEXTS(&dns->resolvers, "198.51.100.53", "198.51.100.54:5353");
	assert_int_equal(dns->rate_qps, 20000);
	assert_int_equal(dns->per_server, JOB_PER_SERVER);
	assert_int_equal(dns->per_server_in_flight, JOB_PER_SERVER_IN_FLIGHT);
	assert_int_equal(dns->tries, 3);
	assert_int_equal(dns->timeout_ns, 2 * NS_PER_SEC);
	assert_int_equal(dns->lookup_count, 3);
	check_canaries(&dns->canaries);
	assert_int_equal(l[0].names, JOB_NAMES_CERTIFICATES);
	assert_int_equal(l[0].types.count, 2);
	assert_int_equal(l[0].types.type[1], 28);
	assert_int_equal(l[1].names, JOB_NAMES_RESPONDERS);
	assert_int_equal(l[1].types.type[0], 12);
	assert_int_equal(l[2].names, JOB_NAMES_FILE);
	assert_string_equal(l[2].file.text, "names.txt");
	assert_int_equal(l[2].types.type[2], 257);
}

static void
test_every_key(void **state)
{
	struct diag diag = DIAG_EMPTY;
	size_t len;
	char *text = read_source("tests/jobs/good/every-key.yaml", &len);
	struct job *job = load_bytes(text, len, NULL, 0, &diag);

	(void)state;
	assert_non_null(job);
	assert_string_equal(job->name, "https-census.2026_w47-a");
	assert_string_equal(job->contact.operator_name, "Example Lab");
	assert_string_equal(job->contact.email, "scan-abuse@example.org");
	assert_string_equal(job->contact.url, "https://scan.example.org");
	assert_string_equal(job->contact.upstream, "AS64500 NOC, ticket 4711");
	assert_int_equal(job->contact.place.line, 5);
	check_every_address(job);
	assert_int_equal(job->probe.profile, JOB_PROFILE_LINUX);
	assert_int_equal(job->probe.ttl, 255);
	assert_int_equal(job->probe.probes, 3);
	assert_int_equal(job->probe.probe_delay_ns, 10000000000);
	assert_true(job->probe.coverage == 0.01);
	assert_string_equal(job->order.key_file.text, "scan.key");
	assert_int_equal(job->rate_pps, 500000);
	assert_int_equal(job->bandwidth_bps, 400000000);
	assert_true(job->order.has_seed);
	assert_true(job->order.seed == UINT64_MAX);
	assert_int_equal(job->order.shard, 4);
	assert_int_equal(job->order.shards, 4);
	assert_string_equal(job->outputs[0].file.text, "results.ndjson");
	assert_int_equal(job->outputs[0].format, JOB_FORMAT_NDJSON);
	ASSERT_TEXTS(&job->outputs[0].fields, "saddr", "sport");
	assert_false(job->outputs[0].header);
	assert_string_equal(job->outputs[0].filter.text, "");
	assert_int_equal(job->limits.runtime_ns, 7200 * NS_PER_SEC);
	assert_int_equal(job->limits.results, 1000000);
	assert_true(job->limits.targets_share == 0.125);
	assert_int_equal(job->limits.cooldown_ns, 8 * NS_PER_SEC);
	assert_int_equal(job->lcores.count, 4);
	check_every_lookup(&job->dns);
	job_free(job);
	free(text);
}

static void
test_devices(void **state)
{
	static const struct {
		const char *text;
		enum job_device_kind kind;
		bool harmless;
	} cases[] = {
		{"0000:3b:00.0", JOB_DEVICE_PCI, false},
		{"3b:00.7,queues=4", JOB_DEVICE_PCI, false},
		{"net_af_packet0,iface=eth1", JOB_DEVICE_AF_PACKET, false},
		{"net_af_packet,iface=eth1", JOB_DEVICE_AF_PACKET, false},
		{"net_af_packet12,qpairs=2,iface=eth1", JOB_DEVICE_AF_PACKET, false},
		{"net_af_xdp0,iface=eth1", JOB_DEVICE_AF_XDP, false},
		{"net_null0", JOB_DEVICE_NULL, true},
		{"net_null17,size=64", JOB_DEVICE_NULL, true},
		{"net_simnet0,world=w.yaml", JOB_DEVICE_SIMNET, true},
		{"net_nullity0", JOB_DEVICE_OTHER_VDEV, false},
		{"net_simnets", JOB_DEVICE_OTHER_VDEV, false},
		{"net_tap0,iface=t0", JOB_DEVICE_OTHER_VDEV, false},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct job *job;

		snprintf(text, sizeof(text),
			 "interfaces: [{device: \"%s\", addresses: 198.51.100.8, "
			 "gateway: 198.51.100.1}]\ntargets: {ports: 443}\n",
			 cases[i].text);
		job = load_sound(text);
		assert_int_equal(job->interfaces[0].kind, cases[i].kind);
		assert_int_equal(job_device_is_harmless(job->interfaces[0].kind), cases[i].harmless);
		job_free(job);
	}
}

static void
test_overrides(void **state)
{
	static const char text[] = "interfaces: [{device: net_null0}]\n"
				   "targets: {ports: [443], exclude_files: [a.conf]}\n"
				   "rate: fast\n";
	static const struct job_override overrides[] = {
		{"rate", "1k", "-r", false},
		{"rate", "'250k'", "--rate", false},
		{"targets.ports", "[80, 8080-8081]", "-p", false},
		{"targets.exclude_files", "b.conf", "-b", true},
		{"limits.cooldown", "5s", "-c", false},
		{"interfaces.addresses", "198.51.100.8", "-S", false},
		{"output.file", "x.ndjson", "-o", false},
	};
	struct diag diag = DIAG_EMPTY;
	struct job *job = load_bytes(text, strlen(text), overrides, COUNT_OF(overrides), &diag);

	(void)state;
	assert_non_null(job); /* the fault of `rate: fast` went with the value */
	assert_int_equal(job->rate_pps, 250000);
	assert_int_equal(job->targets.port_range_count, 2);
	assert_int_equal(job->targets.ports[1].last, 8081);
	ASSERT_TEXTS(&job->targets.exclude_files, "a.conf", "b.conf");
	assert_string_equal(job->targets.exclude_files.items[0].place.file, "job");
	assert_string_equal(job->targets.exclude_files.items[1].place.file, "-b");
	assert_int_equal(job->limits.cooldown_ns, 5 * NS_PER_SEC);
	assert_int_equal(job->interfaces[0].addresses[0].first, 0xc6336408);
	assert_string_equal(job->outputs[0].file.text, "x.ndjson");
	assert_int_equal(job->outputs[0].format, JOB_FORMAT_NDJSON);
	job_free(job);
}

static void
test_overrides_alone(void **state)
{
	static const struct job_override overrides[] = {
		{"interfaces.device", "net_simnet0", "-i", false},
		{"targets.ports", "443", "-p", false},
		{"targets.include", "198.51.100.0/24", "argument", true},
		{"targets.include", "203.0.113.7", "argument", true},
	};
	struct diag diag = DIAG_EMPTY;
	struct job *job;

	(void)state;
	assert_int_equal(job_load(NULL, NULL, 0, overrides, COUNT_OF(overrides), &diag, &job), 0);
	ASSERT_TEXTS(&job->targets.include, "198.51.100.0/24", "203.0.113.7");
	assert_null(job->contact.place.file);
	job_free(job);
}

/* Flags are judged as the file is, and named where they are at fault. */
static void
test_overrides_at_fault(void **state)
{
	static const char text[] = "interfaces: [{device: net_null0}]\ntargets: {port: [443]}\n";
	static const struct job_override overrides[] = {
		{"rate", "fast", "--rate", false},
		{"bandwith", "1M", "--set bandwith", false},
		{"limits.runtime", "[1", "-t", false},
		{"rate.a", "1", "--set rate.a", false},
		{"probe.probes", "0", "-P", false},
		{"dns", "{mode: stub}", "--set dns", false},
	};

	(void)state;
	check_faults(text, overrides, COUNT_OF(overrides),
		     "--rate: 'rate' is 'fast'; write packets/s from 1 to 1G, like 10000 or 250k\n"
		     "--set bandwith: unknown key 'bandwith'; did you mean 'bandwidth'?\n"
		     "--set dns: 'mode' is 'stub'; write resolvers or direct\n"
		     "--set dns: 'resolvers' is missing; write whom to ask, like [198.51.100.53] or [/etc/resolv.conf] (--resolvers), or 'mode: direct'\n"
		     "--set rate.a: 'rate.a' leads through a value, which holds no 'a'; "
		     "set that whole\n"
		     "-P: 'probes' is '0'; write how many probes a target gets that does not answer, 1 to 16\n"
		     "-t: a list that never closes; add ',' or ']'\n"
		     "job:2:11: unknown key 'port'; did you mean 'ports'?\n");
}

/* Faults that were there before belong to somebody else. */
static void
test_earlier_faults(void **state)
{
	static const char text[] = "interfaces: [{device: net_null0}]\ntargets: {ports: [443]}\n";
	struct diag diag = DIAG_EMPTY;
	struct job *job;

	(void)state;
	diag_add(&diag, (struct diag_place){"x", 1, 1}, "before");
	assert_int_equal(job_load("job", text, strlen(text), NULL, 0, &diag, &job), 0);
	assert_int_equal(diag.count, 1);
	job_free(job);
	diag_reset(&diag);
}

#define NEEDS_CONTACT                                                                              \
	"a scan of public addresses needs somebody to write to; write 'contact: {operator: "       \
	"Example Lab, email: abuse@example.org}' (--set contact.email=abuse@example.org)\n"
#define NEEDS_UPSTREAM                                                                             \
	"above 500000 packets/s the network's operator must know; write contact.upstream, like "   \
	"\"AS64500 NOC, ticket 4711\", or lower the rate\n"

static void
test_policy(void **state)
{
	/* Neighbours, out of order: 10.0.0.0/8 in two, and 192.0.2.0/24. */
	static const struct ipv4_range reserved[] = {
		{0x0a800000, 0x0affffff}, {0xc0000200, 0xc00002ff}, {0x0a000000, 0x0a7fffff}};
	static const struct {
		const char *keys, *expected;
	} cases[] = {
		{"targets: {ports: 443}", "job:1:1: " NEEDS_CONTACT},
		{"targets: {ports: 443}\ncontact: {operator: x}", "job:4:10: " NEEDS_CONTACT},
		{"targets: {ports: 443}\ncontact: {email: x@y}", ""},
		{"targets: {ports: 443, include: 10.0.0.0/8}", ""},
		{"targets: {ports: 443, include: [10.127.0.0-10.128.0.0, 192.0.2.9]}", ""},
		{"targets: {ports: 443, include: [10.0.0.0, 10.127.255.255, 192.0.2.255]}", ""},
		{"targets: {ports: 443, include: [10.0.0.1, 11.0.0.0]}", "job:1:1: " NEEDS_CONTACT},
		{"targets: {ports: 443, include: 9.255.255.255-10.0.0.0}",
		 "job:1:1: " NEEDS_CONTACT},
		{"targets: {ports: 443, include: 192.0.2.0-192.0.3.0}", "job:1:1: " NEEDS_CONTACT},
		{"targets: {include: \"11.0.0.1:80\"}", "job:1:1: " NEEDS_CONTACT},
		{"targets: {include_files: a}", ""}, /* judged by who reads them */
		{"targets: {ports: 443}\nrate: 500k\ncontact: {email: x@y}", ""},
		{"targets: {ports: 443}\nrate: 500001\ncontact: {email: x@y}",
		 "job:5:10: " NEEDS_UPSTREAM},
		{"targets: {ports: 443}\nrate: 1M\ncontact: {email: x@y, upstream: z}", ""},
		{"targets: {ports: 443}\nrate: 1M",
		 "job:1:1: " NEEDS_CONTACT "job:1:1: " NEEDS_UPSTREAM},
		{"targets: {ports: 443, include: 10.0.0.0/8}\nrate: 1M", ""},
		{"targets: {ports: 443, include: 10.1.0.0/16, allow_reserved: [10.1.0.0/16]}", ""},
		{"targets: {ports: 443, include: 10.0.0.0/8, allow_reserved: [10.0.0.0/8, "
		 "11.0.0.0/8, 192.0.2.0/23]}",
		 "job:3:73: '11.0.0.0/8' is not reserved, at least not all of it; remove it, or "
		 "write the reserved part\n"
		 "job:3:85: '192.0.2.0/23' is not reserved, at least not all of it; remove it, or "
		 "write the reserved part\n"},
	};
	char text[512], all[2048];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (int harmless = 0; harmless <= 1; harmless++) {
			struct diag diag = DIAG_EMPTY;
			bool contact = strstr(cases[i].expected, "contact") != NULL;
			const char *expected = harmless && contact ? "" : cases[i].expected;
			struct job *job;
			int rc;

			snprintf(text, sizeof(text),
				 "interfaces: [{device: \"%s\",\n  addresses: 198.51.100.8, "
				 "gateway: 198.51.100.1}]\n%s\n",
				 harmless ? "net_null0" : "net_af_packet0,iface=eth1",
				 cases[i].keys);
			job = load_sound(text);
			rc = job_check_policy(job, reserved, COUNT_OF(reserved), &diag);
			format_faults(&diag, all, sizeof(all));
			assert_string_equal(all, expected);
			assert_int_equal(rc, *expected != '\0' ? -EINVAL : 0);
			job_free(job);
			diag_reset(&diag);
		}
	}
}

static void
test_policy_without_reserved(void **state)
{
	struct diag diag = DIAG_EMPTY;
	struct job *job = load_sound("interfaces: [{device: 3b:00.0, addresses: 198.51.100.8, "
				     "gateway: 198.51.100.1}]\n"
				     "targets: {ports: 443, include: 10.0.0.1}\n");

	(void)state;
	assert_int_equal(job_check_policy(job, NULL, 0, &diag), -EINVAL);
	assert_int_equal(diag.count, 1);
	diag_reset(&diag);
	assert_int_equal(job_check_contact(job, &diag), -EINVAL);
	assert_int_equal(diag.count, 1);
	diag_reset(&diag);
	job_free(job);
}

/* The table: every row's parent stands before it, no path stands twice, the manual has each. */
static void
test_schema(void **state)
{
	const struct key *key, *other;
	size_t len;
	char *doc = read_source("docs/job.md", &len), quoted[128];

	(void)state;
	assert_non_null(doc);
	for (size_t i = 0; (key = schema_key(i)) != NULL; i++) {
		const char *name = schema_name(key);
		bool has_parent = name == key->path;

		for (size_t j = 0; j < i; j++) {
			other = schema_key(j);
			assert_string_not_equal(other->path, key->path);
			has_parent |= strlen(other->path) + 1 == (size_t)(name - key->path) &&
				      strncmp(other->path, key->path, strlen(other->path)) == 0;
		}
		assert_true(has_parent);
		assert_non_null(key->mend);
		snprintf(quoted, sizeof(quoted), "`%s`", key->path);
		if (strstr(doc, quoted) == NULL)
			fail_msg("docs/job.md does not speak of %s", quoted);
	}
	free(doc);
}

/* Any document ends in a job or in faults: prefixes, and random bytes in sound ones. */
static void
check_mangled(const char *folder, const char *name)
{
	size_t len;
	char *text = read_in_folder(folder, name, ".yaml", &len), *copy;

	assert_non_null(text);
	copy = malloc(len + 1);
	assert_non_null(copy);
	for (uint64_t i = 0; i < 200; i++) {
		struct diag diag = DIAG_EMPTY;
		uint64_t r = hash_mix64(i ^ len << 32);
		size_t n = i % 2 ? (size_t)(r % (len + 1)) : len;

		memcpy(copy, text, len + 1);
		for (int j = 0; j < 3 && n > 0; j++)
			copy[hash_mix64(r + (uint64_t)j) % n] = "[]{}:-&*!\"'\n \t#,9a\xff"[r % 19];
		job_free(load_bytes(copy, n, NULL, 0, &diag));
		diag_reset(&diag);
	}
	free(copy);
	free(text);
}

static void
test_mangled_jobs(void **state)
{
	(void)state;
	for_each_job("tests/jobs/good", check_mangled);
}

/* Thousands of unknown keys end soon, in a full list of faults. */
static void
test_many_unknown_keys(void **state)
{
	struct diag diag = DIAG_EMPTY;
	size_t at = 0, size = 64 * 20000;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	for (unsigned int i = 0; i < 20000; i++)
		at += (size_t)snprintf(text + at, size - at, "bandwidth_%05u_and_more: 1\n", i);
	assert_null(load_bytes(text, at, NULL, 0, &diag));
	assert_int_equal(diag.count, DIAG_MAX);
	assert_int_equal(diag.count + diag.dropped, 20002);
	diag_reset(&diag);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_jobs),
		cmocka_unit_test(test_good_jobs),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_overrides_alone),
		cmocka_unit_test(test_overrides_at_fault),
		cmocka_unit_test(test_earlier_faults),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_without_reserved),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_mangled_jobs),
		cmocka_unit_test(test_many_unknown_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
