/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What only rtnetlink (rtnetlink(7)) tells of an interface of this network namespace, and the ethtool calls
 * on one. Inside of lib/host.
 */
#ifndef HOST_NETLINK_H
#define HOST_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

struct netlink_link {
	bool has_peer;      /* a veth has: the interface `peer` of the namespace with id peer_nsid, */
	unsigned int peer;
	int peer_nsid;      /* or of this one where it is -1 */
	bool is_xdp_attached;
};

/* 0 or a negative errno. */
int netlink_link(unsigned int index, struct netlink_link *out);

/* The id that this namespace has for the one open as fd; -1 for none. 0 or a negative errno. */
int netlink_nsid(int fd, int *nsid);

#define ETHTOOL_DRIVER_SIZE 32

/* The driver's name of an interface. 0 or a negative errno. */
int ethtool_driver(const char *name, char driver[ETHTOOL_DRIVER_SIZE]);

/* Whether the kernel leaves checksums of what it sends to the device. 0 or a negative errno. */
int ethtool_tx_checksum(const char *name, bool *is_on);

/* Whether the kernel makes one packet of several that come in (generic receive offload). 0 or a negative errno. */
int ethtool_gro(const char *name, bool *is_on);

#endif /* HOST_NETLINK_H */
