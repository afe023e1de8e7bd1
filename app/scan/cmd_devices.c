/* SPDX-License-Identifier: BSD-3-Clause */
/* The devices that a job can name: PCI Ethernet controllers, and the kernel's interfaces. */
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

#define PCI_PATH "/sys/bus/pci/devices"
#define PCI_CLASS_ETHERNET 0x0200

static int
is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The last part of what a link under a PCI device points to, such as its driver; "-" for none. */
static const char *
link_target(const char *device, const char *name, char *buf, size_t size)
{
	char path[512];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), PCI_PATH "/%s/%s", device, name);
	n = readlink(path, buf, size - 1);
	if (n <= 0)
		return "-";
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	return slash != NULL ? slash + 1 : buf;
}

/* The kernel's interface of a device, as " (eth1)"; "" where it has none. */
static const char *
interface_of(const char *device, char text[64])
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	text[0] = '\0';
	snprintf(path, sizeof(path), PCI_PATH "/%s/net", device);
	dir = opendir(path);
	if (dir == NULL)
		return text;
	while ((entry = readdir(dir)) != NULL)
		if (is_shown(entry) && text[0] == '\0')
			snprintf(text, 64, " (%.32s)", entry->d_name);
	closedir(dir);
	return text;
}

static unsigned long
read_hex(const char *device, const char *name)
{
	char path[512];
	unsigned long value = 0;
	FILE *f;

	snprintf(path, sizeof(path), PCI_PATH "/%s/%s", device, name);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lx", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

static int
print_pci(void)
{
	struct dirent **entries;
	int n = scandir(PCI_PATH, &entries, is_shown, alphasort), found = 0;

	for (int i = 0; i < n; i++) {
		const char *device = entries[i]->d_name;
		char driver[512], group[512], name[64];

		if (read_hex(device, "class") >> 8 == PCI_CLASS_ETHERNET) {
			printf("\"%s\"  %04lx:%04lx  kernel driver %s%s, IOMMU group %s\n", device,
			       read_hex(device, "vendor"), read_hex(device, "device"),
			       link_target(device, "driver", driver, sizeof(driver)), interface_of(device, name),
			       link_target(device, "iommu_group", group, sizeof(group)));
			found++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return found;
}

static int
print_interfaces(void)
{
	struct if_nameindex *all = if_nameindex();
	int found = 0;

	for (const struct if_nameindex *i = all; i != NULL && i->if_index != 0; i++) {
		if (strcmp(i->if_name, "lo") == 0)
			continue;
		printf("net_af_packet%d,iface=%s\nnet_af_xdp%d,iface=%s\n", found, i->if_name, found,
		       i->if_name);
		found++;
	}
	if (all != NULL)
		if_freenameindex(all);
	return found;
}

int
cmd_devices(int argc, char **argv)
{
	int pci, interfaces;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("usage: asdic devices\n\nLists what a job's interfaces[].device, or -i, can name:\n"
		       "PCI Ethernet controllers (bind one to vfio-pci for DPDK), the kernel's interfaces\n"
		       "through AF_PACKET and AF_XDP, devices that DPDK makes (a tap, shared memory with another\n"
		       "process), and the simulated ones.\n");
		return EXIT_DONE;
	}
	if (argc > 1) {
		fprintf(stderr, "asdic: 'devices' takes no argument '%s'\n", argv[1]);
		return EXIT_BAD_JOB;
	}
	pci = print_pci();
	interfaces = print_interfaces();
#ifdef HAVE_SIMNET
	printf("net_simnet0,world=WORLD.yaml\n");
#endif
	printf("net_tap0,iface=NAME\nnet_memif0,role=client,socket=PATH,socket-abstract=no\nnet_null0\n");
	fprintf(stderr, "asdic: %d PCI Ethernet controllers, %d kernel interfaces\n", pci, interfaces);
	return EXIT_DONE;
}
