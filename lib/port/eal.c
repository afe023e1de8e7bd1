/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/eal.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#define ARGS_MAX 64

/* Arguments for rte_eal_init(). */
struct args {
	char *item[ARGS_MAX];
	int count;
	bool failed;
};

static void __attribute__((format(printf, 2, 3)))
args_add(struct args *a, const char *format, ...)
{
	va_list list;
	int n;

	if (a->count >= ARGS_MAX - 1) {
		a->failed = true;
		return;
	}
	va_start(list, format);
	n = vasprintf(&a->item[a->count], format, list);
	va_end(list);
	if (n < 0)
		a->failed = true;
	else
		a->count++;
}

static void
args_free(struct args *a)
{
	for (int i = 0; i < a->count; i++)
		free(a->item[i]);
}

/* A number that a sysfs file holds; 0 when it cannot be read. */
static unsigned long
read_number(const char *path)
{
	unsigned long value = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

/* Megabytes of free hugepages, of all sizes. */
static unsigned long
free_huge_mb(void)
{
	static const char dir_path[] = "/sys/kernel/mm/hugepages";
	unsigned long total = 0, kb;
	struct dirent *entry;
	DIR *dir = opendir(dir_path);

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		char path[512];

		if (sscanf(entry->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir_path, entry->d_name);
		total += read_number(path) * kb / 1024;
	}
	closedir(dir);
	return total;
}

/* "0@(0-3),1@0,2@1,...": the main lcore floats, data lcores are pinned in turn. */
static void
args_add_lcores(struct args *a, const struct eal_config *config)
{
	char text[EAL_LCORES_MAX * 12 + 4096] = "";
	unsigned int cpus[CPU_SETSIZE], cpu_count = 0;
	size_t at;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0) {
		a->failed = true;
		return;
	}
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[cpu_count++] = cpu;
	at = (size_t)snprintf(text, sizeof(text), "0@(");
	for (unsigned int i = 0; i < cpu_count && at < 4096; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u", i > 0 ? "," : "", cpus[i]);
	at += (size_t)snprintf(text + at, sizeof(text) - at, ")");
	for (unsigned int i = 0; i < config->lcores && at < sizeof(text) - 32; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ",%u@%u", i + 1,
				       config->cpus != NULL ? (unsigned int)config->cpus[i]
							    : cpus[i % cpu_count]);
	args_add(a, "--lcores=%s", text);
}

/*
 * net_af_packet's rings, one to receive and one to send, both of so many frames. The driver's own 512 are
 * full after 5 ms of replies at 100,000 a second, while a lcore is off its CPU. But a ring goes round
 * through all its pages: with thousands of them each frame sent misses the TLB in the process and in the
 * kernel, and the highest rate is a fifth lower. So runs that may come near it have the driver's own.
 */
#define DEEP_RING ",framecnt=8192"
#define DEEP_RING_MAX_PPS 300000

static const char *
ring_of(const char *device, uint64_t rate_pps)
{
	bool is_given = strncmp(device, "net_af_packet", strlen("net_af_packet")) != 0 ||
			strstr(device, ",framecnt=") != NULL;
	bool is_fast = rate_pps == 0 || rate_pps > DEEP_RING_MAX_PPS;

	return is_given || is_fast ? "" : DEEP_RING;
}

static void
args_add_devices(struct args *a, const struct eal_config *config)
{
	if (!config->any_pci)
		args_add(a, "--no-pci");
	for (size_t i = 0; i < config->device_count; i++) {
		const char *device = config->devices[i];
		bool is_vdev = strncmp(device, "net_", 4) == 0;

		args_add(a, is_vdev ? "--vdev=%s%s" : "--allow=%s%s", device,
			 ring_of(device, config->rate_pps));
	}
}

/*
 * net_af_xdp's libraries write what they think to standard error; what keeps a device from working the driver
 * says itself. They are the driver's own, loaded before it, and not linked here.
 */
typedef int bpf_print_fn(int level, const char *format, va_list list);

static int
print_nothing(int level, const char *format, va_list list)
{
	(void)level;
	(void)format;
	(void)list;
	return 0;
}

static void
silence_bpf(const struct eal_config *config)
{
	static const char *const libraries[][2] = {
		{"libbpf.so.1", "libbpf_set_print"}, {"libxdp.so.1", "libxdp_set_print"}};
	bool wanted = false;

	for (size_t i = 0; i < config->device_count; i++)
		wanted |= strncmp(config->devices[i], "net_af_xdp", strlen("net_af_xdp")) == 0;
	for (size_t i = 0; i < 2 && wanted; i++) {
		void *library = dlopen(libraries[i][0], RTLD_LAZY | RTLD_LOCAL);
		bpf_print_fn *(*set_print)(bpf_print_fn *) = NULL;

		if (library != NULL)
			*(void **)&set_print = dlsym(library, libraries[i][1]);
		if (set_print != NULL)
			set_print(print_nothing);
	}
}

int
eal_start(const struct eal_config *config)
{
	struct args a = {0};
	char *argv[ARGS_MAX];
	bool huge = free_huge_mb() >= config->memory_mb;
	int rc;

	if (!huge && config->any_pci)
		return -ENOMEM;
	args_add(&a, "asdic");
	args_add(&a, "--no-telemetry");
	if (!config->any_pci) /* with PCI the EAL chooses by the IOMMU that it finds */
		args_add(&a, "--iova-mode=va");
	if (huge) {
		args_add(&a, "--in-memory");
	} else {
		/* The EAL refuses --in-memory with --no-huge; this is what is left of it. */
		args_add(&a, "--no-huge");
		args_add(&a, "--no-shconf");
		args_add(&a, "-m");
		args_add(&a, "%u", config->memory_mb);
	}
	if (!config->verbose) {
		silence_bpf(config);
		args_add(&a, "--log-level=*:3"); /* critical, and worse */
		args_add(&a, "--log-level=pmd.net.*:4"); /* errors: why a device cannot be had */
	}
	args_add_lcores(&a, config);
	args_add_devices(&a, config);
	/* The EAL copies what it keeps, but changes the array. */
	memcpy(argv, a.item, sizeof(argv));
	rc = a.failed ? -ENOMEM : rte_eal_init(a.count, argv);
	args_free(&a);
	if (rc < 0 && !a.failed)
		rc = rte_errno != 0 ? -rte_errno : -ENODEV;
	return rc < 0 ? rc : 0;
}

bool
eal_has_hugepages(void)
{
	return rte_eal_has_hugepages() != 0;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}

unsigned int
eal_cpu_count(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (unsigned int)CPU_COUNT(&set);
}

bool
eal_may_use_cpu(unsigned int cpu)
{
	cpu_set_t set;

	return cpu < CPU_SETSIZE && sched_getaffinity(0, sizeof(set), &set) == 0 &&
	       CPU_ISSET(cpu, &set);
}
