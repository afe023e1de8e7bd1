/* SPDX-License-Identifier: BSD-3-Clause */
/* Where an engine stands: DPDK, the devices, and which lcore does what. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>

#include "engine_state.h"
#include "host/host.h"
#include "onlink.h"
#include "port/eal.h"

/* Megabytes: pools and rings, what each lcore adds, and what each further port adds to both. */
#define BASE_MB 256
#define LCORE_MB 34
#define PORT_MB 64
#define PORT_LCORE_MB 26

static struct layout_cpus
cpus_of(const struct job_cpus *cpus)
{
	return (struct layout_cpus){cpus->cpu, cpus->count};
}

/* Lay the job's CPUs out. 0, or -E2BIG. */
static int
pin(const struct job_lcores *l, struct layout *layout, uint16_t cpus[LCORES_MAX])
{
	return layout_pin(layout, cpus_of(&l->probers), cpus_of(&l->receivers), cpus_of(&l->workers),
			  cpus);
}

unsigned int
engine_lcores(const struct job *job)
{
	unsigned int n = job->lcores.count != 0 ? job->lcores.count : eal_cpu_count();
	uint16_t cpus[LCORES_MAX];
	struct layout layout;

	if (job->lcores.probers.count > 0 && pin(&job->lcores, &layout, cpus) == 0)
		return layout.lcores;
	return n < LCORES_MAX ? n : LCORES_MAX;
}

unsigned int
engine_memory_mb(size_t interfaces, unsigned int lcores)
{
	unsigned int others = (unsigned int)interfaces - 1;

	return BASE_MB + LCORE_MB * lcores + others * (PORT_MB + PORT_LCORE_MB * lcores);
}

static bool
is_pinned(const struct engine *e)
{
	return e->config.job->lcores.probers.count > 0 && !e->config.virtual_clock;
}

/* Where the job names CPUs: that there are so many, and that we may run on them. */
static int
pin_lcores(struct engine *e)
{
	if (pin(&e->config.job->lcores, &e->layout, e->cpus) != 0) {
		fprintf(stderr, "asdic: 'lcores' names more than %u CPUs; remove some\n", LCORES_MAX);
		return -E2BIG;
	}
	for (unsigned int i = 0; i < e->layout.lcores; i++) {
		if (eal_may_use_cpu(e->cpus[i]))
			continue;
		fprintf(stderr, "asdic: 'lcores' names CPU %u, on which asdic may not run or which is "
				"not there; see /proc/self/status, Cpus_allowed_list\n", e->cpus[i]);
		return -ENODEV;
	}
	return 0;
}

/*
 * What stands in the way of a PCI device, as 'asdic doctor' sees it; how much. The EAL passes over what it cannot
 * open and does not say why.
 */
static size_t
explain_nic(const char *device)
{
	const struct host here = {.root = "", .has_job = true, .needs_hugepages = true};
	struct host_report r = HOST_REPORT_EMPTY;
	char address[64];
	size_t found;

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(device, ","), device);
	host_check_iommu(&here, &r);
	host_check_nic(&here, address, &r);
	for (size_t i = 0; i < r.count; i++)
		if (r.items[i].level == HOST_PROBLEM)
			fprintf(stderr, "asdic: %s%s%s\n", r.items[i].text, r.items[i].mend != NULL ? "; mend: " : "",
				r.items[i].mend != NULL ? r.items[i].mend : "");
	found = host_count(&r, HOST_PROBLEM);
	host_report_free(&r);
	return found;
}

/* What to do about a device that cannot be had. */
static const char *
mend_device(const char *device, int rc)
{
	bool is_pci = job_device_kind(device) == JOB_DEVICE_PCI;
	char name[IFNAMSIZ];

	if (is_pci && explain_nic(device) > 0)
		return "see above";
	if (is_pci && geteuid() == 0 && rc == -ENODEV)
		return "DPDK has no driver for it here, or another program has it open";
	if (onlink_interface(device, name, sizeof(name)) == 0 && if_nametoindex(name) == 0)
		return "there is no such interface; 'asdic devices' lists what is here";
	if (geteuid() != 0)
		return "it needs root";
	return "'asdic devices' lists what is here";
}

static void
tell_no_eal(const struct engine *e, const struct eal_config *config, int rc)
{
	const struct job *job = e->config.job;
	const char *mend;

	if (rc == -ENOMEM && config->any_pci) {
		fprintf(stderr, "asdic: a PCI device needs %u MB of free hugepages; mend: echo %u > "
			"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\n", config->memory_mb,
			(config->memory_mb + 1) / 2);
		return;
	}
	mend = mend_device(job->interfaces[0].device.text, rc);
	fprintf(stderr, "asdic: DPDK cannot start with ");
	for (size_t i = 0; i < job->interface_count; i++)
		fprintf(stderr, "%s'%s'", i > 0 ? ", " : "device ", job->interfaces[i].device.text);
	fprintf(stderr, ": %s; %s\n", rte_strerror(-rc), mend);
}

static int
start_eal(struct engine *e, unsigned int lcores)
{
	const struct job *job = e->config.job;
	char *devices[PORTS_MAX] = {NULL};
	struct eal_config config = {
		.devices = (const char *const *)devices,
		.device_count = job->interface_count,
		.any_pci = job_has_pci(job),
		.lcores = lcores,
		.cpus = is_pinned(e) ? e->cpus : NULL,
		.memory_mb = engine_memory_mb(job->interface_count, lcores),
		.rate_pps = job->rate_pps,
	};
	int rc = 0;

	for (size_t i = 0; i < job->interface_count; i++) {
		if (asprintf(&devices[i], "%s%s", job->interfaces[i].device.text,
			     e->config.virtual_clock ? ",clock=virtual" : "") < 0)
			rc = -ENOMEM;
	}
	if (rc == 0)
		rc = eal_start(&config);
	for (size_t i = 0; i < job->interface_count; i++)
		free(devices[i]);
	if (rc != 0)
		tell_no_eal(e, &config, rc);
	return rc;
}

/* Whether anything but replies to probes is to come in. */
bool
engine_has_flows(const struct engine *e)
{
	return e->config.grabs != NULL || e->config.job->dns.lookup_count > 0;
}

static int
open_port(struct engine *e, unsigned int i, unsigned int lcores)
{
	const struct job_interface *interface = &e->config.job->interfaces[i];
	const struct port_config config = {
		.name = interface->device.text,
		.queues = (uint16_t)lcores,
		.vlan = (uint16_t)interface->vlan,
		.waiting = engine_has_flows(e) ? segments_frames(lcores) : 0,
	};
	const char *what = "finding it", *mend;
	struct engine_port *p = &e->ports[i];
	uint16_t id;
	int rc = port_find(config.name, &id);

	if (rc == 0)
		rc = port_open(&p->port, id, &config, &what);
	if (rc != 0) {
		mend = mend_device(config.name, rc);
		fprintf(stderr, "asdic: device '%s': %s: %s; %s\n", config.name, what, rte_strerror(-rc), mend);
	}
	p->is_open = rc == 0;
	return rc;
}

/* How many probers may share the caps: each has one probe/s of each at least. */
static unsigned int
most_probers(const struct engine *e)
{
	const struct inputs *in = e->config.inputs;
	uint64_t most = LCORES_MAX;

	if (in->per_24 != 0 && in->per_24 < most)
		most = in->per_24;
	if (in->per_16 != 0 && in->per_16 < most)
		most = in->per_16;
	return (unsigned int)most;
}

/* Every prober has a TX queue of its own on every port, and every receiver some RX queue. */
static int
lay_out(struct engine *e, unsigned int lcores)
{
	const struct engine_port *fewest = &e->ports[0];
	unsigned int rx_queues = 0, probers = most_probers(e);

	for (unsigned int i = 0; i < e->port_count; i++) {
		rx_queues += e->ports[i].port.rx_queues;
		if (e->ports[i].port.tx_queues < fewest->port.tx_queues)
			fewest = &e->ports[i];
	}
	if (!is_pinned(e)) {
		if (fewest->port.tx_queues < probers)
			probers = fewest->port.tx_queues;
		layout_make(&e->layout, lcores, probers, rx_queues);
		return 0;
	}
	if (e->layout.probers > fewest->port.tx_queues) {
		fprintf(stderr, "asdic: 'lcores' has %u probers, but '%s' has TX queues for %u; give "
				"fewer\n", e->layout.probers, fewest->port.name, fewest->port.tx_queues);
		return -ENODEV;
	}
	if (e->layout.probers > probers) {
		fprintf(stderr, "asdic: 'lcores' has %u probers, more than limits.per_24 or per_16 can be "
				"divided among; give fewer\n", e->layout.probers);
		return -EINVAL;
	}
	if (e->layout.receivers > rx_queues) {
		fprintf(stderr, "asdic: 'lcores' has %u receivers, but the ports have RX queues for %u; "
				"give fewer\n", e->layout.receivers, rx_queues);
		return -ENODEV;
	}
	return 0;
}

int
engine_open_ports(struct engine *e)
{
	unsigned int lcores = e->config.virtual_clock ? 1 : engine_lcores(e->config.job);
	int rc = is_pinned(e) ? pin_lcores(e) : 0;

	if (rc == 0)
		rc = start_eal(e, lcores);
	if (rc != 0)
		return rc;
	e->has_eal = true;
	while (e->port_count < e->config.job->interface_count && rc == 0)
		rc = open_port(e, e->port_count++, lcores);
	return rc == 0 ? lay_out(e, lcores) : rc;
}
