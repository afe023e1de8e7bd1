/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "host/file.h"

#define PCI_DIR "/sys/bus/pci/devices"
#define CLASS_ETHERNET 0x0200
#define CLASS_BRIDGE 0x06

static bool
has_driver(const struct host *h, const char *name)
{
	return host_exists(h, "/sys/bus/pci/drivers/%s", name);
}

/* Without an IOMMU there is nothing that VFIO could do; with one nobody should do without. */
static void
check_bindable(const struct host *h, bool has_iommu, struct host_report *r)
{
	enum host_level lacking = h->has_job && h->needs_hugepages ? HOST_PROBLEM : HOST_WARNING;

	if (!has_iommu && (has_driver(h, "uio_pci_generic") || has_driver(h, "igb_uio")))
		host_add(r, HOST_OK, "UIO", NULL, "NICs can be bound to it");
	else if (!has_iommu)
		host_add(r, lacking, "UIO", "modprobe uio_pci_generic",
			 "uio_pci_generic is not loaded: PCI devices cannot be bound to it");
	else if (!has_driver(h, "vfio-pci"))
		host_add(r, lacking, "VFIO", "modprobe -a vfio-pci vfio_iommu_type1",
			 "vfio-pci is not loaded: PCI devices cannot be bound to it");
	else if (!host_exists(h, "/sys/module/vfio_iommu_type1"))
		host_add(r, lacking, "VFIO", "modprobe vfio_iommu_type1",
			 "vfio-pci is loaded, but not vfio_iommu_type1, by which it uses an IOMMU");
	else
		host_add(r, HOST_OK, "VFIO", NULL, "vfio-pci is loaded");
}

void
host_check_iommu(const struct host *h, struct host_report *r)
{
	struct host_names groups;

	host_list(h, &groups, "/sys/kernel/iommu_groups");
	if (groups.count > 0)
		host_add(r, HOST_OK, "IOMMU", NULL, "%zu groups%s", groups.count,
			 groups.count == HOST_NAMES_MAX ? " or more" : "");
	else
		host_add(r, HOST_WARNING, "IOMMU",
			 "turn VT-d or AMD-Vi on in the firmware and boot with intel_iommu=on iommu=pt",
			 "none: NICs can be bound to uio_pci_generic alone, and reach all memory");
	check_bindable(h, groups.count > 0, r);
	host_list_free(&groups);
}

/* Vendors of NICs for which DPDK has drivers. */
static const char *
vendor_name(unsigned int vendor)
{
	static const struct {
		unsigned int id;
		const char *name;
	} vendors[] = {
		{0x8086, "Intel"}, {0x15b3, "NVIDIA/Mellanox"}, {0x14e4, "Broadcom"}, {0x1af4, "virtio"},
		{0x15ad, "VMware"}, {0x1d0f, "Amazon"}, {0x1077, "Marvell/QLogic"}, {0x177d, "Marvell/Cavium"},
		{0x1425, "Chelsio"}, {0x1137, "Cisco"}, {0x19e5, "Huawei"}, {0x1924, "Solarflare"},
		{0x19ee, "Netronome"}, {0x1dd8, "AMD/Pensando"}, {0x1ae0, "Google"}, {0x1414, "Microsoft"},
		{0x8088, "Wangxun"},
	};

	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (vendors[i].id == vendor)
			return vendors[i].name;
	return NULL;
}

/* Drivers by which DPDK has a device to itself, and those beside which it works. */
static bool
is_for_dpdk(const char *driver)
{
	static const char *const drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio", "mlx4_core", "mlx5_core"};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

/* The kernel's interface of a PCI device, and whether it is up. */
static void
describe_interface(const struct host *h, const char *address, char text[HOST_TEXT_SIZE])
{
	struct host_names names;
	char state[HOST_TEXT_SIZE] = "";

	text[0] = '\0';
	host_list(h, &names, PCI_DIR "/%s/net", address);
	if (names.count > 0) {
		host_read(h, state, "/sys/class/net/%s/operstate", names.name[0]);
		snprintf(text, HOST_TEXT_SIZE,
			 ", interface %s is %.32s; binding it takes the interface from the kernel, "
			 "net_af_xdp0,iface=%s leaves it", names.name[0], state[0] != '\0' ? state : "unknown",
			 names.name[0]);
	}
	host_list_free(&names);
}

#define MEND_SIZE 320

/* Commands for a shell: by driver_override no other device of the kind is bound, and no driver of the kernel's races. */
static void
mend_binding(const char *address, const char *driver, bool has_group, char mend[MEND_SIZE])
{
	char unbind[128] = "";

	if (driver[0] != '\0')
		snprintf(unbind, sizeof(unbind), "echo %.31s > devices/%.31s/driver/unbind && ", address, address);
	snprintf(mend, MEND_SIZE,
		 "cd /sys/bus/pci && echo %s > devices/%s/driver_override && %secho %s > drivers_probe",
		 has_group ? "vfio-pci" : "uio_pci_generic", address, unbind, address);
}

/* VFIO opens a group of devices only if no driver of the kernel's has one of them; bridges do not count. */
static void
check_group(const struct host *h, const char *address, const char *group, struct host_report *r)
{
	struct host_names others;

	host_list(h, &others, "/sys/kernel/iommu_groups/%s/devices", group);
	for (size_t i = 0; i < others.count; i++) {
		const char *other = others.name[i];
		char driver[HOST_TEXT_SIZE], mend[MEND_SIZE];

		host_link_end(h, driver, PCI_DIR "/%s/driver", other);
		if (strcmp(other, address) == 0 || driver[0] == '\0' || strcmp(driver, "vfio-pci") == 0 ||
		    host_number(h, 0, PCI_DIR "/%s/class", other) >> 16 == CLASS_BRIDGE)
			continue;
		mend_binding(other, driver, true, mend);
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_WARNING, "IOMMU group", mend,
			 "%s shares group %s with %s, which is the kernel's, by %s: VFIO takes all of a group or none",
			 address, group, other, driver);
	}
	host_list_free(&others);
}

static void
check_driver(const struct host *h, const char *address, const char *what, struct host_report *r)
{
	char driver[HOST_TEXT_SIZE], interface[HOST_TEXT_SIZE], group[HOST_TEXT_SIZE], mend[MEND_SIZE];
	bool has_group = host_link_end(h, group, PCI_DIR "/%s/iommu_group", address);

	host_link_end(h, driver, PCI_DIR "/%s/driver", address);
	describe_interface(h, address, interface);
	if (is_for_dpdk(driver) && (has_group || strcmp(driver, "vfio-pci") != 0)) {
		host_add(r, HOST_OK, "NIC", NULL, "%s (%s) is bound to %s%s%s", address, what, driver,
			 has_group ? ", IOMMU group " : "", group);
		if (strcmp(driver, "vfio-pci") == 0)
			check_group(h, address, group, r);
		return;
	}
	mend_binding(address, driver, has_group, mend);
	if (driver[0] == '\0')
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_WARNING, "NIC", mend, "%s (%s) has no driver", address, what);
	else if (is_for_dpdk(driver))
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_WARNING, "NIC", mend,
			 "%s (%s) is bound to vfio-pci, but is in no IOMMU group", address, what);
	else
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_OK, "NIC", h->has_job ? mend : NULL,
			 "%s (%s) is the kernel's, by %s%s", address, what, driver, interface);
}

static long long
node_pages(const struct host *h, long long node)
{
	struct host_names sizes;
	long long pages = 0;

	host_list(h, &sizes, "/sys/devices/system/node/node%lld/hugepages", node);
	for (size_t i = 0; i < sizes.count; i++)
		pages += host_number(h, 0, "/sys/devices/system/node/node%lld/hugepages/%s/free_hugepages", node,
				     sizes.name[i]);
	host_list_free(&sizes);
	return pages;
}

/* Where none are free anywhere, that is told elsewhere. */
static void
check_node_pages(const struct host *h, const char *address, long long node, struct host_report *r)
{
	struct host_names nodes;
	long long others = 0;
	char mend[128];

	host_list(h, &nodes, "/sys/devices/system/node");
	for (size_t i = 0; i < nodes.count; i++) {
		unsigned int other;

		if (sscanf(nodes.name[i], "node%u", &other) == 1 && other != node)
			others += node_pages(h, other);
	}
	host_list_free(&nodes);
	if (others == 0 || node_pages(h, node) > 0)
		return;
	snprintf(mend, sizeof(mend), "echo %u > /sys/devices/system/node/node%lld/hugepages/hugepages-2048kB/nr_hugepages",
		 (h->memory_mb + 1) / 2, node);
	host_add(r, HOST_WARNING, "NUMA", mend,
		 "%s is on node %lld, which has no free hugepages: its packets lie on another", address, node);
}

/* Packets that cross between sockets cost a third more or so. */
static void
check_node(const struct host *h, const char *address, struct host_report *r)
{
	char cpus[HOST_TEXT_SIZE], allowed[HOST_TEXT_SIZE];
	cpu_set_t near, ours, both;
	long long node = host_number(h, -1, PCI_DIR "/%s/numa_node", address);

	if (node < 0 || !host_read(h, cpus, "/sys/devices/system/node/node%lld/cpulist", node))
		return;
	host_value(h, allowed, "Cpus_allowed_list", "/proc/self/status");
	host_cpus(cpus, &near);
	host_cpus(allowed, &ours);
	check_node_pages(h, address, node, r);
	CPU_AND(&both, &near, &ours);
	if (CPU_EQUAL(&both, &ours))
		host_add(r, HOST_OK, "NUMA", NULL, "%s is on node %lld, cores %s", address, node, cpus);
	else
		host_add(r, HOST_WARNING, "NUMA", "start asdic by taskset -c, with cores of that node",
			 "%s is on node %lld, cores %s, and the process may run on %s: packets then cross between sockets",
			 address, node, cpus, allowed);
}

static bool
check_one(const struct host *h, const char *address, struct host_report *r)
{
	unsigned int vendor = (unsigned int)host_number(h, 0, PCI_DIR "/%s/vendor", address);
	unsigned int device = (unsigned int)host_number(h, 0, PCI_DIR "/%s/device", address);
	const char *name = vendor_name(vendor);
	char what[64];

	if (host_number(h, 0, PCI_DIR "/%s/class", address) >> 8 != CLASS_ETHERNET)
		return false;
	snprintf(what, sizeof(what), "%s %04x:%04x", name != NULL ? name : "unknown vendor", vendor, device);
	if (name == NULL)
		host_add(r, HOST_WARNING, "NIC", "look for it in DPDK's list of supported NICs",
			 "%s (%s) may have no driver in DPDK", address, what);
	check_driver(h, address, what, r);
	check_node(h, address, r);
	return true;
}

void
host_check_nic(const struct host *h, const char *address, struct host_report *r)
{
	char full[32];

	snprintf(full, sizeof(full), "%s%s", strlen(address) == 7 ? "0000:" : "", address);
	if (!host_exists(h, PCI_DIR "/%s", full))
		host_add(r, HOST_PROBLEM, "NIC", "'asdic devices' lists what is here", "there is no PCI device %s", full);
	else if (!check_one(h, full, r))
		host_add(r, HOST_PROBLEM, "NIC", "'asdic devices' lists what is here",
			 "PCI device %s is no Ethernet controller", full);
}

size_t
host_check_nics(const struct host *h, struct host_report *r)
{
	struct host_names devices;
	size_t found = 0;

	host_list(h, &devices, PCI_DIR);
	for (size_t i = 0; i < devices.count; i++)
		found += check_one(h, devices.name[i], r);
	host_list_free(&devices);
	if (found == 0)
		host_add(r, HOST_OK, "NIC", NULL, "no PCI Ethernet controllers");
	return found;
}
