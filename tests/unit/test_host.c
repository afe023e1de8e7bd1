/* SPDX-License-Identifier: BSD-3-Clause */
/* Machines made of files: what is said of them. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/host.h"

static char root[] = "/tmp/asdic-host-XXXXXX";

struct file {
	const char *path;
	const char *text; /* of a link: "-> " and where it leads */
};

static void
make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
}

static void
put(const struct file *file)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, file->path);
	make_folders(path);
	unlink(path);
	if (strncmp(file->text, "-> ", 3) == 0) {
		assert_int_equal(symlink(file->text + 3, path), 0);
		return;
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(file->text, f);
	assert_int_equal(fclose(f), 0);
}

/* A server with 2 sockets, tuned: nothing is to be said against it. */
static const struct file good[] = {
	{"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1024\n"},
	{"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1000\n"},
	{"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n"},
	{"/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0\n"},
	{"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "600\n"},
	{"/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "400\n"},
	{"/sys/devices/system/node/node0/cpulist", "0-7\n"},
	{"/sys/devices/system/node/node1/cpulist", "8-15\n"},
	{"/proc/mounts", "none /dev/hugepages hugetlbfs rw 0 0\n"},
	{"/proc/meminfo", "MemTotal:       32000000 kB\nMemAvailable:   30000000 kB\n"},
	{"/proc/self/limits", "Limit        Soft Limit\nMax locked memory         unlimited            unlimited            bytes\n"},
	{"/proc/self/status", "Name:\tasdic\nCapEff:\t000001ffffffffff\nCpus_allowed_list:\t0-7\n"},
	{"/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu tsc constant_tsc nonstop_tsc\nbugs\t\t:\n"},
	{"/sys/devices/system/cpu/online", "0-15\n"},
	{"/sys/devices/system/cpu/isolated", "2-7\n"},
	{"/sys/devices/system/cpu/nohz_full", "2-7\n"},
	{"/sys/devices/system/cpu/smt/active", "0\n"},
	{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"},
	{"/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"},
	{"/sys/class/dmi/id/sys_vendor", "Example Inc.\n"},
	{"/sys/class/dmi/id/product_name", "Rack 1\n"},
	{"/proc/sys/net/ipv4/ip_forward", "0\n"},
	{"/proc/sys/net/ipv4/conf/all/rp_filter", "2\n"},
	{"/sys/kernel/iommu_groups/12/type", "DMA\n"},
	{"/sys/kernel/iommu_groups/12/devices/0000:3b:00.0", "-> ../../../../bus/pci/devices/0000:3b:00.0"},
	{"/sys/kernel/iommu_groups/12/devices/0000:3b:00.1", "-> ../../../../bus/pci/devices/0000:3b:00.1"},
	{"/sys/kernel/iommu_groups/12/devices/0000:3a:00.0", "-> ../../../../bus/pci/devices/0000:3a:00.0"},
	{"/sys/module/vfio_iommu_type1/refcnt", "0\n"},
	{"/sys/bus/pci/drivers/vfio-pci/new_id", ""},
	{"/sys/bus/pci/devices/0000:3b:00.0/class", "0x020000\n"},
	{"/sys/bus/pci/devices/0000:3b:00.0/vendor", "0x8086\n"},
	{"/sys/bus/pci/devices/0000:3b:00.0/device", "0x1572\n"},
	{"/sys/bus/pci/devices/0000:3b:00.0/numa_node", "0\n"},
	{"/sys/bus/pci/devices/0000:3b:00.0/driver", "-> ../../../bus/pci/drivers/vfio-pci"},
	{"/sys/bus/pci/devices/0000:3b:00.0/iommu_group", "-> ../../../kernel/iommu_groups/12"},
	{"/sys/bus/pci/devices/0000:3b:00.1/class", "0x010000\n"},
	{"/sys/bus/pci/devices/0000:3b:00.1/driver", "-> ../../../bus/pci/drivers/vfio-pci"},
	{"/sys/bus/pci/devices/0000:3a:00.0/class", "0x060400\n"},
	{"/sys/bus/pci/devices/0000:3a:00.0/driver", "-> ../../../bus/pci/drivers/pcieport"},
	{"/sys/bus/pci/devices/0000:00:1f.0/class", "0x060100\n"},
	{"/sys/class/net/eth1/operstate", "up\n"},
	{"/sys/class/net/eth1/mtu", "1500\n"},
	{"/sys/class/net/eth1/flags", "0x1003\n"},
};

static void
make_good(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		put(&good[i]);
}

static struct host
machine(void)
{
	return (struct host){
		.root = root,
		.has_job = true,
		.needs_hugepages = true,
		.memory_mb = 400,
		.lcores = 6,
		.rate_pps = 1000000,
	};
}

static void
check_all(const struct host *h, struct host_report *r)
{
	host_check_memory(h, r);
	host_check_cpu(h, r);
	host_check_clock(h, r);
	host_check_machine(h, r);
	host_check_forwarding(h, r);
	host_check_iommu(h, r);
	host_check_rights(h, true, r);
	host_check_nic(h, "3b:00.0", r);
	host_check_link(h, "eth1", true, r);
	assert_false(r->lacks_memory);
}

static const struct host_finding *
first_bad(const struct host_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->items[i].level != HOST_OK)
			return &r->items[i];
	return NULL;
}

static void
test_good(void **state)
{
	struct host_report r = HOST_REPORT_EMPTY;
	struct host h = machine();
	bool found = false;

	(void)state;
	make_good();
	check_all(&h, &r);
	if (first_bad(&r) != NULL)
		fail_msg("%s: %s", first_bad(&r)->subject, first_bad(&r)->text);
	for (size_t i = 0; i < r.count; i++)
		found |= strcmp(r.items[i].text, "2000 MB free of 2048; node 0 has 600 of 2 MB, node 1 has 400 of 2 MB") == 0;
	assert_true(found);
	host_report_free(&r);
}

/* The good machine with one file changed: what is then said, and nothing else is wrong. */
static void
test_each_fault(void **state)
{
	static const struct {
		struct file file;
		enum host_level level;
		const char *subject;
		const char *text; /* begins so */
		const char *mend; /* contains this */
	} rows[] = {
		{{"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "199\n"}, HOST_PROBLEM, "hugepages",
		 "398 MB free of 2048, and 400 are needed", "echo 200 > /sys/kernel/mm/hugepages"},
		{{"/proc/self/status", "CapEff:\t0000000000003000\nCpus_allowed_list:\t0-7\n"}, HOST_PROBLEM, "rights",
		 "the process may not open", "cap_bpf"},
		{{"/proc/self/status", "CapEff:\t000001ffffffffff\nCpus_allowed_list:\t0-3,5\n"}, HOST_WARNING, "cores",
		 "6 lcores share 5 cores", "lcores"},
		{{"/proc/self/status", "CapEff:\t000001ffffffffff\nCpus_allowed_list:\t0-15\n"}, HOST_WARNING, "NUMA",
		 "0000:3b:00.0 is on node 0, cores 0-7, and the process may run on 0-15", "taskset"},
		{{"/sys/devices/system/cpu/isolated", "\n"}, HOST_WARNING, "isolation", "no core is isolated", "isolcpus"},
		{{"/sys/devices/system/cpu/nohz_full", "(null)\n"}, HOST_WARNING, "isolation", "cores are isolated, but", "nohz_full"},
		{{"/sys/devices/system/cpu/smt/active", "1\n"}, HOST_WARNING, "SMT", "two threads share a core", "smt/control"},
		{{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"}, HOST_WARNING, "governor",
		 "powersave", "performance"},
		{{"/proc/cpuinfo", "flags\t\t: fpu tsc constant_tsc nonstop_tsc hypervisor\n"}, HOST_WARNING, "machine",
		 "a virtual machine of Example Inc.", "100,000 packets/s"},
		{{"/proc/cpuinfo", "flags\t\t: fpu tsc constant_tsc_not nonstop_tsc\n"}, HOST_WARNING, "TSC",
		 "not constant", "invtsc"},
		{{"/proc/sys/net/ipv4/ip_forward", "1\n"}, HOST_WARNING, "forwarding", "the kernel forwards",
		 "sysctl net.ipv4.ip_forward=0"},
		{{"/sys/bus/pci/devices/0000:3b:00.0/driver", "-> ../../../bus/pci/drivers/i40e"}, HOST_PROBLEM, "NIC",
		 "0000:3b:00.0 (Intel 8086:1572) is the kernel's, by i40e",
		 "cd /sys/bus/pci && echo vfio-pci > devices/0000:3b:00.0/driver_override && "
		 "echo 0000:3b:00.0 > devices/0000:3b:00.0/driver/unbind && echo 0000:3b:00.0 > drivers_probe"},
		{{"/sys/bus/pci/devices/0000:3b:00.1/driver", "-> ../../../bus/pci/drivers/ahci"}, HOST_PROBLEM, "IOMMU group",
		 "0000:3b:00.0 shares group 12 with 0000:3b:00.1, which is the kernel's, by ahci",
		 "echo vfio-pci > devices/0000:3b:00.1/driver_override"},
		{{"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "0\n"}, HOST_WARNING, "NUMA",
		 "0000:3b:00.0 is on node 0, which has no free hugepages", "node0/hugepages/hugepages-2048kB/nr_hugepages"},
		{{"/sys/bus/pci/devices/0000:3b:00.0/vendor", "0xabcd\n"}, HOST_WARNING, "NIC",
		 "0000:3b:00.0 (unknown vendor abcd:1572) may have no driver", "DPDK"},
		{{"/sys/bus/pci/devices/0000:3b:00.0/class", "0x020700\n"}, HOST_PROBLEM, "NIC",
		 "PCI device 0000:3b:00.0 is no Ethernet controller", "asdic devices"},
		{{"/sys/class/net/eth1/operstate", "down\n"}, HOST_PROBLEM, "link", "eth1 is down", "ip link set eth1 up"},
		{{"/sys/class/net/eth1/mtu", "1400\n"}, HOST_WARNING, "MTU", "eth1 has 1400", "mtu 1500"},
		{{"/sys/class/net/eth1/mtu", "9000\n"}, HOST_PROBLEM, "MTU", "eth1 has 9000, and XDP", "mtu 1500"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host_report r = HOST_REPORT_EMPTY;
		struct host h = machine();
		const struct host_finding *f;

		make_good();
		put(&rows[i].file);
		check_all(&h, &r);
		f = first_bad(&r);
		if (f == NULL || host_count(&r, HOST_OK) != r.count - 1)
			fail_msg("%s: %zu findings, not 1", rows[i].text, r.count - host_count(&r, HOST_OK));
		assert_int_equal(f->level, rows[i].level);
		assert_string_equal(f->subject, rows[i].subject);
		if (strncmp(f->text, rows[i].text, strlen(rows[i].text)) != 0)
			assert_string_equal(f->text, rows[i].text);
		assert_non_null(strstr(f->mend, rows[i].mend));
		host_report_free(&r);
	}
}

/* What stops a scan of a PCI device stops none of another, nor does it without a job. */
static void
test_what_is_wanted(void **state)
{
	static const struct file faults[] = {
		{"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n"},
		{"/proc/cpuinfo", "flags\t\t: fpu tsc constant_tsc nonstop_tsc hypervisor\n"},
	};
	struct host_report r = HOST_REPORT_EMPTY;
	struct host h = machine();

	(void)state;
	make_good();
	put(&faults[0]);
	put(&faults[1]);
	h.needs_hugepages = false;
	h.rate_pps = 100000;
	host_check_memory(&h, &r);
	host_check_machine(&h, &r);
	assert_int_equal(host_count(&r, HOST_WARNING), 1); /* hugepages; the rate is one that a guest carries */
	assert_int_equal(host_count(&r, HOST_PROBLEM), 0);
	h.has_job = false;
	host_check_nics(&h, &r);
	assert_int_equal(host_count(&r, HOST_PROBLEM), 0);
	host_report_free(&r);
}

/* What packets are in: hugepages, which are set aside, or what else there is. */
static void
test_memory(void **state)
{
	static const struct file low = {"/proc/meminfo", "MemAvailable:   300000 kB\n"};
	static const struct file none = {"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n"};
	struct host_report r = HOST_REPORT_EMPTY;
	struct host h = machine();

	(void)state;
	make_good();
	put(&low);
	host_check_memory(&h, &r);
	assert_int_equal(host_count(&r, HOST_OK), r.count);
	host_report_free(&r);
	put(&none);
	h.needs_hugepages = false;
	host_check_memory(&h, &r);
	assert_int_equal(host_count(&r, HOST_PROBLEM), 1);
	assert_string_equal(r.items[2].subject, "memory");
	assert_non_null(strstr(r.items[2].text, "292 MB are to be had, and packets alone take 400"));
	host_report_free(&r);
}

/* Nothing can be read: nothing is said that needs it, and nothing fails. */
static void
test_empty(void **state)
{
	struct host_report r = HOST_REPORT_EMPTY;
	struct host h = machine();

	(void)state;
	h.root = "/nonexistent";
	check_all(&h, &r);
	host_check_nics(&h, &r);
	host_check_disk(&h, "/nonexistent/a.csv", &r);
	host_check_sources(&h, (struct ipv4_range[]){{0, UINT32_MAX}}, 1, &r);
	assert_true(host_count(&r, HOST_PROBLEM) >= 3); /* hugepages, the NIC, the interface */
	host_report_free(&r);
}

/* What the kernel of this machine says of itself: it has 127.0.0.1, and an interface to it. */
static void
test_here(void **state)
{
	struct host_report r = HOST_REPORT_EMPTY;
	struct host h = {.root = "", .memory_mb = 1, .lcores = 1};
	struct ipv4_range sources[] = {{0x7f000001, 0x7f000001}};

	(void)state;
	host_check_sources(&h, sources, 1, &r);
	host_check_disk(&h, "/nonexistent/a.csv", &r);
	host_check_disk(&h, "-", &r);
	assert_int_equal(host_count(&r, HOST_PROBLEM), 2);
	assert_string_equal(r.items[0].subject, "addresses");
	assert_string_equal(r.items[1].subject, "disk");
	host_report_free(&r);
	host_check_disk(&h, "/tmp/a.csv", &r);
	host_check_clock(&h, &r);
	assert_int_equal(host_count(&r, HOST_PROBLEM), 0);
	host_report_free(&r);
}

static int
make_root(void **state)
{
	(void)state;
	return mkdtemp(root) == NULL ? -1 : 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
remove_root(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_each_fault),
		cmocka_unit_test(test_what_is_wanted),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_here),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
