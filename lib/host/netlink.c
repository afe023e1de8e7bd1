/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/netlink.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_SIZE 32768 /* of one link: several kilobytes with all its statistics */

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct rtgenmsg generic;
	};
	struct rtattr attribute;
	uint32_t value;
};

/* Send a request and take its one answer. Its length, or a negative errno. */
static ssize_t
ask(const struct request *request, char reply[REPLY_SIZE])
{
	const struct nlmsghdr *header = (const void *)reply;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = send(fd, request, request->header.nlmsg_len, 0);
	if (n >= 0)
		n = recv(fd, reply, REPLY_SIZE, 0);
	n = n < 0 ? -errno : n;
	close(fd);
	if (n >= 0 && !NLMSG_OK(header, (size_t)n))
		return -EBADMSG;
	if (n >= 0 && header->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	return n >= 0 ? (ssize_t)header->nlmsg_len : n;
}

static uint32_t
number_of(const struct rtattr *a)
{
	uint32_t number = 0;

	memcpy(&number, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof(number) ? RTA_PAYLOAD(a) : sizeof(number));
	return number;
}

/* IFLA_XDP nests how a program is attached, if one is. */
static bool
is_attached(const struct rtattr *xdp)
{
	size_t left = RTA_PAYLOAD(xdp);

	for (const struct rtattr *a = RTA_DATA(xdp); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_XDP_ATTACHED)
			return *(const uint8_t *)RTA_DATA(a) != XDP_ATTACHED_NONE;
	return false;
}

int
netlink_link(unsigned int index, struct netlink_link *out)
{
	struct request request = {
		.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_GETLINK,
			   .nlmsg_flags = NLM_F_REQUEST},
		.link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index},
	};
	char reply[REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t n = ask(&request, reply);
	const struct rtattr *a;
	size_t left;

	*out = (struct netlink_link){.peer_nsid = -1};
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return n < 0 ? (int)n : -EBADMSG;
	left = (size_t)n - NLMSG_LENGTH(sizeof(struct ifinfomsg));
	for (a = IFLA_RTA(NLMSG_DATA((void *)reply)); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_LINK) {
			out->peer = number_of(a);
			out->has_peer = out->peer != 0;
		} else if (a->rta_type == IFLA_LINK_NETNSID) {
			out->peer_nsid = (int)number_of(a);
		} else if (a->rta_type == IFLA_XDP) {
			out->is_xdp_attached = is_attached(a);
		}
	}
	return 0;
}

int
netlink_nsid(int fd, int *nsid)
{
	struct request request = {
		.header = {.nlmsg_type = RTM_GETNSID, .nlmsg_flags = NLM_F_REQUEST},
		.generic = {.rtgen_family = AF_UNSPEC},
	};
	/* The attribute stands right behind the short header, wherever the union ends. */
	size_t at = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct rtgenmsg)));
	struct rtattr attribute = {.rta_len = RTA_LENGTH(sizeof(fd)), .rta_type = NETNSA_FD};
	char reply[REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct rtattr *a;
	size_t left;
	ssize_t n;

	memcpy((char *)&request + at, &attribute, sizeof(attribute));
	memcpy((char *)&request + at + RTA_LENGTH(0), &fd, sizeof(fd));
	request.header.nlmsg_len = (uint32_t)(at + RTA_LENGTH(sizeof(fd)));
	n = ask(&request, reply);
	if (n < (ssize_t)at)
		return n < 0 ? (int)n : -EBADMSG;
	left = (size_t)n - at;
	for (a = (const void *)(reply + at); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == NETNSA_NSID)
			*nsid = (int)number_of(a);
	return 0;
}

static int
ethtool(const char *name, void *command)
{
	struct ifreq request = {.ifr_data = command};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	rc = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

int
ethtool_driver(const char *name, char driver[ETHTOOL_DRIVER_SIZE])
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int rc = ethtool(name, &info);

	_Static_assert(sizeof(info.driver) == ETHTOOL_DRIVER_SIZE, "as the kernel has it");
	memcpy(driver, info.driver, sizeof(info.driver));
	driver[ETHTOOL_DRIVER_SIZE - 1] = '\0';
	return rc;
}

static int
ethtool_is_on(const char *name, uint32_t command, bool *is_on)
{
	struct ethtool_value value = {.cmd = command};
	int rc = ethtool(name, &value);

	*is_on = value.data != 0;
	return rc;
}

int
ethtool_tx_checksum(const char *name, bool *is_on)
{
	return ethtool_is_on(name, ETHTOOL_GTXCSUM, is_on);
}

int
ethtool_gro(const char *name, bool *is_on)
{
	return ethtool_is_on(name, ETHTOOL_GGRO, is_on);
}
