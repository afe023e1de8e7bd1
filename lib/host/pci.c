/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "host/file.h"

#define PCI_DIR "/sys/bus/pci/devices"
#define CLASS_ETHERNET 0x0200

void
host_check_iommu(const struct host *h, struct host_report *r)
{
	struct host_names groups;
	enum host_level lacking = h->has_job && h->needs_hugepages ? HOST_PROBLEM : HOST_WARNING;

	host_list(h, &groups, "/sys/kernel/iommu_groups");
	if (groups.count > 0)
		host_add(r, HOST_OK, "IOMMU", NULL, "%zu groups%s", groups.count,
			 groups.count == HOST_NAMES_MAX ? " or more" : "");
	else
		host_add(r, lacking, "IOMMU",
			 "turn VT-d or AMD-Vi on in the firmware and boot with intel_iommu=on iommu=pt; without one "
			 "bind NICs to uio_pci_generic",
			 "none: vfio-pci cannot be used for PCI devices");
	host_list_free(&groups);
	if (host_exists(h, "/sys/bus/pci/drivers/vfio-pci"))
		host_add(r, HOST_OK, "VFIO", NULL, "vfio-pci is loaded");
	else
		host_add(r, lacking, "VFIO", "modprobe vfio-pci", "vfio-pci is not loaded: PCI devices cannot be bound to it");
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
		snprintf(text, HOST_TEXT_SIZE, ", interface %s is %.32s", names.name[0], state[0] != '\0' ? state : "unknown");
	}
	host_list_free(&names);
}

static void
check_driver(const struct host *h, const char *address, const char *what, struct host_report *r)
{
	char driver[HOST_TEXT_SIZE], interface[HOST_TEXT_SIZE], group[HOST_TEXT_SIZE], mend[256];
	bool has_group = host_link_end(h, group, PCI_DIR "/%s/iommu_group", address);

	host_link_end(h, driver, PCI_DIR "/%s/driver", address);
	describe_interface(h, address, interface);
	if (is_for_dpdk(driver) && (has_group || strcmp(driver, "vfio-pci") != 0)) {
		host_add(r, HOST_OK, "NIC", NULL, "%s (%s) is bound to %s%s%s", address, what, driver,
			 has_group ? ", IOMMU group " : "", group);
		return;
	}
	snprintf(mend, sizeof(mend), "driverctl set-override %s %s%s", address, has_group ? "vfio-pci" : "uio_pci_generic",
		 interface[0] != '\0' ? " (the kernel loses the interface), or use net_af_xdp0,iface=..." : "");
	if (driver[0] == '\0')
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_WARNING, "NIC", mend, "%s (%s) has no driver", address, what);
	else if (is_for_dpdk(driver))
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_WARNING, "NIC", mend,
			 "%s (%s) is bound to vfio-pci, but is in no IOMMU group", address, what);
	else
		host_add(r, h->has_job ? HOST_PROBLEM : HOST_OK, "NIC", h->has_job ? mend : NULL,
			 "%s (%s) is the kernel's, by %s%s", address, what, driver, interface);
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
