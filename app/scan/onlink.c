/* SPDX-License-Identifier: BSD-3-Clause */
#include "onlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int
onlink_interface(const char *device, char *name, size_t size)
{
	const char *at = strstr(device, ",iface=");
	size_t len;

	if (at == NULL)
		return -ENOENT;
	at += strlen(",iface=");
	len = strcspn(at, ",");
	if (len == 0 || len >= size)
		return -ENOENT;
	memcpy(name, at, len);
	name[len] = '\0';
	return 0;
}

enum onlink_state
onlink_state(const char *device)
{
	struct ifreq r = {0};
	int fd, rc, error;

	if (onlink_interface(device, r.ifr_name, sizeof(r.ifr_name)) != 0)
		return ONLINK_FINE;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ONLINK_FINE;
	rc = ioctl(fd, SIOCGIFFLAGS, &r);
	error = errno;
	close(fd);
	if (rc != 0)
		return error == ENODEV ? ONLINK_GONE : ONLINK_FINE;
	return (r.ifr_flags & IFF_UP) != 0 && (r.ifr_flags & IFF_RUNNING) != 0 ? ONLINK_FINE : ONLINK_DOWN;
}

static uint32_t
ipv4_of(const struct sockaddr *a)
{
	return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr);
}

size_t
onlink_prefixes(const char *device, struct ipv4_range *prefixes, size_t max)
{
	char name[IFNAMSIZ];
	struct ifaddrs *all;
	size_t count = 0;

	if (onlink_interface(device, name, sizeof(name)) != 0 || getifaddrs(&all) != 0)
		return 0;
	for (const struct ifaddrs *i = all; i != NULL && count < max; i = i->ifa_next) {
		uint32_t mask;

		if (i->ifa_addr == NULL || i->ifa_netmask == NULL ||
		    i->ifa_addr->sa_family != AF_INET || strcmp(i->ifa_name, name) != 0)
			continue;
		mask = ipv4_of(i->ifa_netmask);
		prefixes[count].first = ipv4_of(i->ifa_addr) & mask;
		prefixes[count].last = prefixes[count].first | ~mask;
		count++;
	}
	freeifaddrs(all);
	return count;
}

void
onlink_print(FILE *f, const char *before, const struct ipv4_range *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE];

		ipv4_format(prefixes[i].first, first);
		ipv4_format(prefixes[i].last, last);
		fprintf(f, "%s%s-%s is on an interface's own link: not scanned\n", before, first, last);
	}
}
