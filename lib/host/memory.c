/* SPDX-License-Identifier: BSD-3-Clause */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/file.h"

#define HUGE_DIR "/sys/kernel/mm/hugepages"
#define NODE_DIR "/sys/devices/system/node"

struct huge {
	unsigned long free_mb;
	unsigned long total_mb;
	bool has_2m;
};

static void
add_up_huge(const struct host *h, struct huge *out)
{
	struct host_names sizes;

	host_list(h, &sizes, HUGE_DIR);
	for (size_t i = 0; i < sizes.count; i++) {
		unsigned long kb;

		if (sscanf(sizes.name[i], "hugepages-%lukB", &kb) != 1)
			continue;
		out->has_2m |= kb == 2048;
		out->free_mb += (unsigned long)host_number(h, 0, HUGE_DIR "/%s/free_hugepages", sizes.name[i]) * kb / 1024;
		out->total_mb += (unsigned long)host_number(h, 0, HUGE_DIR "/%s/nr_hugepages", sizes.name[i]) * kb / 1024;
	}
	host_list_free(&sizes);
}

/* Where hugepages are, node by node and size by size, as " node0: 512 x 2 MB". */
static void
describe_nodes(const struct host *h, char text[HOST_TEXT_SIZE])
{
	struct host_names nodes, sizes;
	size_t at = 0;

	text[0] = '\0';
	host_list(h, &nodes, NODE_DIR);
	for (size_t i = 0; i < nodes.count; i++) {
		unsigned int node;

		if (sscanf(nodes.name[i], "node%u", &node) != 1)
			continue;
		host_list(h, &sizes, NODE_DIR "/node%u/hugepages", node);
		for (size_t k = 0; k < sizes.count && at < HOST_TEXT_SIZE - 64; k++) {
			long long pages = host_number(h, 0, NODE_DIR "/node%u/hugepages/%s/free_hugepages", node, sizes.name[k]);
			unsigned long kb;

			if (pages > 0 && sscanf(sizes.name[k], "hugepages-%lukB", &kb) == 1)
				at += (size_t)snprintf(text + at, HOST_TEXT_SIZE - at, "%s node %u has %lld of %lu MB",
						       at > 0 ? "," : ";", node, pages, kb / 1024);
		}
		host_list_free(&sizes);
	}
	host_list_free(&nodes);
}

static void
check_hugepages(const struct host *h, struct host_report *r)
{
	enum host_level lacking = h->has_job && h->needs_hugepages ? HOST_PROBLEM : HOST_WARNING;
	struct huge huge = {0};
	char mend[128], nodes[HOST_TEXT_SIZE];

	add_up_huge(h, &huge);
	describe_nodes(h, nodes);
	snprintf(mend, sizeof(mend), "echo %u > " HUGE_DIR "/hugepages-2048kB/nr_hugepages",
		 (h->memory_mb + 1) / 2);
	if (huge.free_mb >= h->memory_mb)
		host_add(r, HOST_OK, "hugepages", NULL, "%lu MB free of %lu%s", huge.free_mb, huge.total_mb, nodes);
	else
		host_add(r, lacking, "hugepages", huge.has_2m ? mend : "boot with hugepages=, or a kernel that has them",
			 "%lu MB free of %lu, and %u are needed%s; %s", huge.free_mb, huge.total_mb, h->memory_mb, nodes,
			 lacking == HOST_PROBLEM ? "a PCI device needs them"
						 : "ordinary memory serves all but PCI devices, more slowly");
}

/* asdic's own pages have no names there, but other programs of DPDK need the mount. */
static void
check_mount(const struct host *h, struct host_report *r)
{
	char mounts[HOST_TEXT_SIZE];
	bool has = host_read(h, mounts, "/proc/mounts") && strstr(mounts, " hugetlbfs ") != NULL;

	host_add(r, HOST_OK, "hugetlbfs", NULL, "%s", has ? "mounted" : "not mounted, which asdic does not need");
}

/* Hugepages are set aside: packets that are in them take nothing of what else is to be had. */
static void
check_ram(const struct host *h, struct host_report *r)
{
	char value[HOST_TEXT_SIZE];
	struct huge huge = {0};
	unsigned long mb;

	if (!host_value(h, value, "MemAvailable", "/proc/meminfo"))
		return;
	add_up_huge(h, &huge);
	mb = strtoul(value, NULL, 10) / 1024;
	if (huge.free_mb >= h->memory_mb)
		host_add(r, HOST_OK, "memory", NULL, "%lu MB are to be had, beside hugepages for packets", mb);
	else if (mb < h->memory_mb)
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_WARNING, "memory", "free memory, or run on fewer lcores",
			 "%lu MB are to be had, and packets alone take %u", mb, h->memory_mb);
	else
		host_add(r, HOST_OK, "memory", NULL, "%lu MB are to be had; packets take up to %u", mb, h->memory_mb);
}

static void
check_limits(const struct host *h, struct host_report *r)
{
	char limits[HOST_TEXT_SIZE], rights[HOST_TEXT_SIZE], *line;
	char soft[32] = "";

	if (!host_read(h, limits, "/proc/self/limits"))
		return;
	line = strstr(limits, "Max locked memory");
	if (line == NULL || sscanf(line, "Max locked memory %31s", soft) != 1)
		return;
	host_value(h, rights, "CapEff", "/proc/self/status");
	if (strtoull(rights, NULL, 16) >> CAP_IPC_LOCK & 1)
		host_add(r, HOST_OK, "memlock", NULL, "no limit, by CAP_IPC_LOCK");
	else if (strcmp(soft, "unlimited") == 0 || strtoull(soft, NULL, 10) >= (unsigned long long)h->memory_mb << 20)
		host_add(r, HOST_OK, "memlock", NULL, "%s%s", soft, soft[0] == 'u' ? "" : " bytes");
	else
		host_add(r, HOST_WARNING, "memlock", "ulimit -l unlimited (LimitMEMLOCK=infinity in a unit), or run as root",
			 "%s bytes may be locked, and VFIO and AF_XDP lock what they use", soft);
}

void
host_check_memory(const struct host *h, struct host_report *r)
{
	check_hugepages(h, r);
	check_mount(h, r);
	check_ram(h, r);
	check_limits(h, r);
}

uint64_t
host_peak_bytes(void)
{
	const struct host here = {.root = ""};
	char value[HOST_TEXT_SIZE];

	return host_value(&here, value, "VmHWM", "/proc/self/status") ? strtoull(value, NULL, 10) * 1024 : 0;
}
