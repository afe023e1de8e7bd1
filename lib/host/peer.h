/* SPDX-License-Identifier: BSD-3-Clause */
/* The other end of a veth, which may be in another network namespace. Inside of lib/host. */
#ifndef HOST_PEER_H
#define HOST_PEER_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>

#include "host/netlink.h"

struct peer {
	char name[IFNAMSIZ];
	char namespace[NAME_MAX + 1]; /* "" for this one; else as `ip netns` calls it, or "of process N" */
	bool tx_checksum;
};

/*
 * Look at the peer that link names: in this namespace, or by going into its own, which takes root. 0;
 * -ENOENT where it cannot be found; another negative errno.
 */
int peer_find(const struct netlink_link *link, struct peer *out);

#endif /* HOST_PEER_H */
